//! What shoppers of Aval Pay do besides paying by card in Chromium: transfers by PSE with each answer of the bank, a card that
//! is kept, and a total that is paid in parts. Scripts are off.

mod support;

use std::time::Duration;

use browser::{BrowserOptions, Page};
use serde_json::{Value, json};
use support::demo::{
    APPROVED_CARD, Demo, buyer, fill_checkout, host, open_card_form, pay, return_to, type_holder,
};
use url::Url;

/// The bank that tests always choose (AV-7.2-02).
const BANK: &str = "BANCO UNION COLOMBIANO";
/// A state that the bank's page offers, a reason that fits it, and the word that the shop shows then.
const ANSWERS: [(&str, &str, &str); 4] = [
    ("approved", "00", "Aprobado"),
    ("declined", "?C", "Rechazado"),
    ("failed", "XG", "Rechazado"),
    ("pending", "?-", "Pendiente"),
];

fn without_scripts() -> BrowserOptions {
    BrowserOptions { javascript: false, ..BrowserOptions::default() }
}

fn picture(name: &str) -> std::path::PathBuf {
    testing::evidence::screenshot(name)
}

async fn newest(demo: &Demo) -> Value {
    demo.json("hub", "/v1/payments?limit=1").await["data"][0].clone()
}

/// From the filled checkout to the page of the bank, which is picked by its name.
async fn to_the_bank(page: &Page) {
    page.submit("button.pay").await.expect("the provider's page");
    page.submit("#email-form button").await.expect("the methods");
    page.submit("#method-pse").await.expect("the transfer's form");
    let mut code = None;
    for option in page.find_all("#bank option").await.expect("the banks") {
        if option.text().await.expect("a name") == BANK {
            code = option.attribute("value").await.expect("a look");
        }
    }
    page.select("#person_kind", "natural").await.expect("a kind of person");
    page.select("#bank", &code.expect("the bank is listed")).await.expect("the bank");
    page.type_text("#mobile", "+573005550147").await.expect("a mobile");
    page.submit("#transfer-form button").await.expect("the bank's page");
    assert!(page.text("main").await.expect("the bank's page").contains(BANK));
}

/// The bank answers, and the shopper comes back to the shop.
async fn answers(page: &Page, demo: &Demo, state: &str, reason: &str) -> String {
    page.select("#state", state).await.expect("a state");
    page.select("#reason", reason).await.expect("a reason that fits");
    page.submit("#bank-form button").await.expect("the provider's result");
    return_to(page, &demo.url("shop")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_answer_of_the_bank_is_shown_by_the_shop_with_its_reason() {
    let _story = testing::story("each_answer_of_the_bank_is_shown_by_the_shop_with_its_reason");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    let account = demo.json("steering", "/_sandbox/accounts").await["accounts"]["avalpay"][0]["name"].clone();
    let limit = json!({ "account": account, "setting": "attempts_limit", "value": "1" });
    demo.command("set_account", limit).await;
    for (state, reason, word) in ANSWERS {
        fill_checkout(&page, &demo.url("shop")).await;
        to_the_bank(&page).await;
        let reference = answers(&page, &demo, state, reason).await;
        let payment = demo.payment(&reference).await;
        let told = &payment["last_try"]["reason"];
        assert_eq!(told["code"], reason, "{state}: the bank's own answer: {payment}");
        let sentence = match state {
            // Of an approval there is nothing to explain: its number is shown.
            "approved" => payment["receipt"]["authorization"].as_str().expect("a CUS"),
            _ => told["message"].as_str().filter(|text| !text.is_empty()).expect("a reason"),
        };
        let order = page.text("main").await.expect("the order");
        for shown in [word, sentence, reference.as_str(), "COP 119.000,00"] {
            assert!(order.contains(shown), "{state}: no {shown} in {order}");
        }
        page.screenshot(&picture(&format!("pse-{state}"))).await.expect("a picture");
        page.goto(payment["status_url"].as_str().expect("an address")).await.expect("the hub's page");
        let told = page.text("main").await.expect("the hub's page");
        for shown in [word, sentence, reference.as_str()] {
            assert!(told.contains(shown), "{state}: no {shown} in {told}");
        }
    }
    testing::covers!("AV-7.2-02", "AV-7.2-10");

    // The last one is pending: who buys again is told so, with all that a person needs to ask about it.
    fill_checkout(&page, &demo.url("shop")).await;
    let warning = page.text(".pending").await.expect("the warning");
    let pending = newest(&demo).await;
    for shown in [
        pending["reference"].as_str().expect("a reference"),
        "COP 119.000,00",
        "aún no confirma",
        "Espera unos minutos y consulta de nuevo",
        "6015550100",
        "ayuda@tienda.example",
        "CUS",
    ] {
        assert!(warning.contains(shown), "no {shown} in {warning}");
    }
    page.screenshot(&picture("pending-hint")).await.expect("a picture");
    testing::covers!("AV-4.3-06");
    drop(browser);
    demo.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_stays_pending_for_long_is_found_by_the_probe() {
    let _story = testing::story("a_transfer_that_stays_pending_for_long_is_found_by_the_probe");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    fill_checkout(&page, &demo.url("shop")).await;
    to_the_bank(&page).await;
    let reference = answers(&page, &demo, "pending", "?-").await;
    // The bank decides some time later, and no notice of it arrives.
    demo.spoil(json!({ "notice": { "fault": "lost" } }), 10).await;
    let payment = demo.payment(&reference).await;
    assert_eq!(payment["status"], "pending");
    let asked = demo.asked("query_session", &payment).await;
    demo.advance(25 * 3600).await;
    testing::until(Duration::from_secs(20), async || {
        (demo.payment(&reference).await["status"] == "approved").then_some(())
    })
    .await;
    assert!(demo.asked("query_session", &payment).await > asked, "the probe asked");
    let shop = demo.url("shop").join("/history").expect("a path");
    page.goto(shop.as_str()).await.expect("the history");
    page.submit("th a").await.expect("the order");
    assert!(page.text("main").await.expect("the order").contains("Aprobado"));
    testing::covers!("AV-4.3-07");
    drop(browser);
    demo.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_is_kept_with_a_purchase_and_pays_the_next_one() {
    let _story = testing::story("a_card_is_kept_with_a_purchase_and_pays_the_next_one");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    fill_checkout(&page, &demo.url("shop")).await;
    page.click("#keep_card").await.expect("the card is to be kept");
    let form = page.text("form.buyer").await.expect("the form");
    assert!(
        form.contains("Guardar la tarjeta en «Mis tarjetas»") && form.contains("se cobra ahora"),
        "{form}"
    );
    testing::covers!("AV-8.4-04");
    // The immediate charge, with its value and its tax, before the browser leaves.
    assert_eq!(host(&page), "tienda.localhost");
    let total = page.text(".total-line strong").await.expect("the total");
    assert_eq!(total, "COP 119.000,00");
    let summary = page.text(".summary").await.expect("the summary");
    for shown in ["Subtotal sin impuestos", "COP 100.000,00", "IVA 19 %", "COP 19.000,00", "COP 119.000,00"] {
        assert!(summary.contains(shown), "no {shown} in {summary}");
    }
    testing::covers!("AV-8.4-01", "AV-8.4-03");
    page.screenshot(&picture("keep-card-checkout")).await.expect("a picture");
    page.submit("button.pay").await.expect("the provider's page");
    let payment = newest(&demo).await;
    let sent = demo.creations(payment["provider_reference"].as_str().expect("a reference")).await;
    assert_eq!(
        sent[0]["payment"]["amount"]["total"].to_string().parse::<f64>().ok(),
        Some(119_000.0),
        "{}",
        sent[0]
    );
    assert_eq!(payment["amount"], 11_900_000);
    testing::covers!("AV-8.4-02");
    open_card_form(&page).await;
    page.click("#save_card").await.expect("the provider asks too");
    pay(&page, APPROVED_CARD).await;
    return_to(&page, &demo.url("shop")).await;
    let order = page.text("main").await.expect("the order");
    assert!(order.contains("Aprobado") && order.contains("Tu tarjeta quedó guardada"), "{order}");
    page.screenshot(&picture("keep-card-order")).await.expect("a picture");

    page.submit("a[href='/cards']").await.expect("the kept cards");
    let cards = page.text("main").await.expect("the kept cards");
    assert!(cards.contains("Mis tarjetas") && cards.contains("**** 0081"), "{cards}");
    page.screenshot(&picture("my-cards")).await.expect("a picture");

    fill_checkout(&page, &demo.url("shop")).await;
    let kept = page.text("form.buyer").await.expect("the form");
    assert!(kept.contains("Pagar con mi tarjeta guardada"), "{kept}");
    page.click("input[id^='ins_']").await.expect("the kept card");
    page.submit("button.pay").await.expect("the order at once");
    assert_eq!(host(&page), "tienda.localhost", "nothing has to be typed");
    let order = page.text("main").await.expect("the order");
    assert!(order.contains("Aprobado") && order.contains("**** 0081"), "{order}");
    let charged = newest(&demo).await;
    assert_eq!((&charged["status"], &charged["paid"]), (&json!("approved"), &json!(11_900_000)));
    assert_eq!(charged["instrument"], payment_of(&demo, &payment).await["kept_instrument"]);

    // The card is the shopper's to take away: the provider's token is void then.
    page.submit("a[href='/cards']").await.expect("the kept cards");
    page.submit(".remove-card button").await.expect("the cards without it");
    let cards = page.text("main").await.expect("the kept cards");
    assert!(cards.contains("Aún no tienes tarjetas guardadas"), "{cards}");
    let account = demo.json("steering", "/_sandbox/accounts").await["accounts"]["avalpay"][0]["name"].clone();
    let tokens = demo.command("tokens", json!({ "account": account })).await;
    assert!(tokens["tokens"][0]["invalidated_at"].is_string(), "{tokens}");
    drop(browser);
    demo.stop();
}

async fn payment_of(demo: &Demo, payment: &Value) -> Value {
    demo.json("hub", &format!("/v1/payments/{}", payment["id"].as_str().expect("an id"))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_is_added_with_nothing_to_be_paid() {
    let _story = testing::story("a_card_is_added_with_nothing_to_be_paid");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    let cards = demo.url("shop").join("/cards").expect("a path");
    page.goto(cards.as_str()).await.expect("the kept cards");
    let text = page.text("main").await.expect("the kept cards");
    for shown in
        ["Mis tarjetas", "Aún no tienes tarjetas guardadas", "Agregar una tarjeta", "No se cobra nada ahora"]
    {
        assert!(text.contains(shown), "no {shown} in {text}");
    }
    testing::covers!("AV-8.4-04");
    page.submit("form.add-card button").await.expect("the provider's page");
    assert_eq!(host(&page), "avalpay.localhost");
    page.type_text("#email", "persona@correo.example").await.expect("an address");
    open_card_form(&page).await;
    type_holder(&page).await;
    pay(&page, APPROVED_CARD).await;
    page.submit("#return").await.expect("the way back");
    page.wait_for_url(|url| url.starts_with(cards.as_str())).await.expect("the kept cards");
    let text = page.text("main").await.expect("the kept cards");
    assert!(text.contains("**** 0081"), "{text}");
    let payment = newest(&demo).await;
    assert_eq!((&payment["amount"], &payment["paid"]), (&json!(0), &json!(0)), "nothing was charged");
    drop(browser);
    demo.stop();
}

/// A new order, of which 30000 are paid first; answers with its reference.
async fn pays_a_part(page: &Page, shop: &Url) -> String {
    fill_checkout(page, shop).await;
    page.click("#in_parts").await.expect("in parts");
    page.submit("button.pay").await.expect("the provider's page");
    open_card_form(page).await;
    page.type_text("#amount", "30.000").await.expect("a part");
    pay(page, APPROVED_CARD).await;
    return_to(page, shop).await
}

/// The operator's list and the payment's story tell what is collected and missing, and each part.
async fn operator_looks(browser: &testing::StoryBrowser, demo: &Demo, payment: &Value) {
    let console = browser.new_page().await.expect("a page");
    let id = payment["id"].as_str().expect("an id");
    let list = demo.console_url("?status=partially_approved");
    console.goto(&list).await.expect("the list");
    let row = console.text("main tbody tr:has(.divided)").await.expect("the payment");
    for shown in [
        payment["reference"].as_str().expect("a reference"),
        "Recibido COP 30.000,00",
        "Falta por pagar COP 89.000,00",
    ] {
        assert!(row.contains(shown), "no {shown} in {row}");
    }
    console.screenshot(&picture("parts-console-list")).await.expect("a picture");
    console.goto(&demo.console_url(&format!("/payments/{id}"))).await.expect("the story");
    let parts = console.text("#parts").await.expect("the parts");
    assert!(parts.contains("COP 30.000,00") && parts.contains("Aprobada"), "{parts}");
    console.screenshot(&picture("parts-console-story")).await.expect("a picture");
    testing::covers!("AV-9.2-01");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_total_is_paid_in_parts_and_each_page_tells_what_is_collected_and_missing() {
    let _story = testing::story("a_total_is_paid_in_parts_and_each_page_tells_what_is_collected_and_missing");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    let shop = demo.url("shop");
    let reference = pays_a_part(&page, &shop).await;
    let order = page.text("main").await.expect("the order");
    for shown in [
        "Pagado en parte",
        "Ya se recibió COP 30.000,00",
        "Falta por pagar COP 89.000,00",
        "Pagar lo que falta",
    ] {
        assert!(order.contains(shown), "no {shown} in {order}");
    }
    page.screenshot(&picture("parts-order")).await.expect("a picture");
    let payment = demo.payment(&reference).await;
    let status = payment["status_url"].as_str().expect("an address").to_owned();
    for (language, word) in
        [("es", "Aprobado en parte"), ("pt", "Aprovado em parte"), ("en", "Partly approved")]
    {
        page.goto(&format!("{status}?lang={language}")).await.expect("the hub's page");
        let text = page.text("main").await.expect("the hub's page");
        assert!(text.contains(word) && text.contains("30") && text.contains("89"), "{language}: {text}");
    }
    page.goto(&status).await.expect("the hub's page");
    page.screenshot(&picture("parts-status")).await.expect("a picture");

    operator_looks(&browser, &demo, &payment).await;

    // The rest is paid, or its time runs out.
    let history = shop.join("/history").expect("a path");
    page.goto(history.as_str()).await.expect("the history");
    page.submit("th a").await.expect("the order");
    page.submit(".state a.button").await.expect("the provider's page again");
    page.submit("#try-again").await.expect("the methods");
    page.submit("#method-card").await.expect("the card form");
    pay(&page, APPROVED_CARD).await;
    return_to(&page, &shop).await;
    let order = page.text("main").await.expect("the order");
    assert!(order.contains("Aprobado") && !order.contains("Falta por pagar"), "{order}");

    let reference = pays_a_part(&page, &shop).await;
    demo.advance(40 * 60).await;
    testing::until(Duration::from_secs(20), async || {
        (demo.payment(&reference).await["status"] == "partially_expired").then_some(())
    })
    .await;
    let status = demo.payment(&reference).await["status_url"].as_str().expect("an address").to_owned();
    for (language, word) in
        [("es", "Vencido en parte"), ("pt", "Expirado em parte"), ("en", "Partly expired")]
    {
        page.goto(&format!("{status}?lang={language}")).await.expect("the hub's page");
        let text = page.text("main").await.expect("the hub's page");
        assert!(text.contains(word), "{language}: {text}");
    }
    testing::covers!("AV-9.1-02");
    drop(browser);
    demo.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispersion_whose_part_is_denied_is_listed_with_the_state_of_each_part() {
    let _story = testing::story("a_dispersion_whose_part_is_denied_is_listed_with_the_state_of_each_part");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    // What the provider would give back by itself when the time is over is refused.
    let account = demo.json("steering", "/_sandbox/accounts").await["accounts"]["avalpay"][0]["name"].clone();
    let refused = json!({ "account": account, "setting": "automatic_reversal", "value": "rejected" });
    demo.command("set_account", refused).await;
    let (status, payment) = demo.create("dispersa", &dispersed("DISPERSA-1")).await;
    assert_eq!(status, 201, "{payment}");
    let script =
        json!({ "reference": payment["provider_reference"], "outcomes": ["approved", "rejected:51"] });
    demo.command("script", script).await;
    page.goto(payment["pay_url"].as_str().expect("an address")).await.expect("the provider's page");
    open_card_form(&page).await;
    pay(&page, APPROVED_CARD).await;
    page.submit("#return").await.expect("the way back");
    let console = browser.new_page().await.expect("a page");
    console.goto(&demo.console_url("?status=partially_approved")).await.expect("the list");
    let row = console.text("main tbody tr:has(.divided)").await.expect("the payment");
    for shown in ["DISPERSA-1", "Recibido COP 50.000,00", "Falta por pagar COP 69.000,00"] {
        assert!(row.contains(shown), "no {shown} in {row}");
    }
    let id = payment["id"].as_str().expect("an id");
    console.goto(&demo.console_url(&format!("/payments/{id}"))).await.expect("the story");
    let mut rows = Vec::new();
    for row in console.find_all("#parts tbody tr").await.expect("the parts") {
        rows.push(row.text().await.expect("a part"));
    }
    let told = [("Sitio propio", "Aprobada"), ("4021", "Rechazada"), ("4022", "Sin intentar")];
    assert_eq!(rows.len(), told.len(), "{rows:?}");
    for (row, (party, state)) in rows.iter().zip(told) {
        assert!(row.contains(party) && row.contains(state), "no {party} {state} in {row}");
    }
    console.screenshot(&picture("dispersion-console-story")).await.expect("a picture");
    testing::covers!("AV-10.2-01");
    is_a_case_and_begins_anew(&demo, &page, &console, &payment).await;
    drop(browser);
    demo.stop();
}

/// The time is over and nothing was given back: a case, from which it is sent again; then the order begins anew.
async fn is_a_case_and_begins_anew(demo: &Demo, page: &Page, console: &Page, payment: &Value) {
    demo.advance(40 * 60).await;
    testing::until(Duration::from_secs(20), async || {
        (demo.payment("DISPERSA-1").await["status"] == "partially_expired").then_some(())
    })
    .await;
    let id = payment["id"].as_str().expect("an id");
    console.goto(&demo.console_url("")).await.expect("the list");
    let cases = console.text(".cases").await.expect("the cases");
    assert!(cases.contains("Devolución rechazada") && cases.contains(id), "{cases}");
    console.screenshot(&picture("dispersion-console-case")).await.expect("a picture");
    console.submit(&format!(".cases a[href*='{id}']")).await.expect("the case's payment");
    let parts = console.text("#parts").await.expect("the parts");
    assert!(parts.contains("Reverso rechazado"), "{parts}");
    let (status, given_back) = demo.post(&format!("/v1/payments/{id}/refund"), "again", &json!({})).await;
    assert_eq!((status, &given_back["status"]), (200, &json!("reversed")), "{given_back}");
    assert_eq!(given_back["division"]["parts"][0]["state"], "given_back");
    testing::covers!("AV-10.4-04");

    let (status, anew) = demo.create("dispersa-2", &dispersed("DISPERSA-2")).await;
    assert_eq!(status, 201, "{anew}");
    assert_ne!(anew["provider_reference"], payment["provider_reference"], "a new reference");
    page.goto(anew["pay_url"].as_str().expect("an address")).await.expect("the provider's page");
    open_card_form(page).await;
    pay(page, APPROVED_CARD).await;
    page.submit("#return").await.expect("the way back");
    testing::until(Duration::from_secs(20), async || {
        (demo.payment("DISPERSA-2").await["status"] == "approved").then_some(())
    })
    .await;
    testing::covers!("AV-10.4-02");
}

/// An order that goes to three sites.
fn dispersed(reference: &str) -> Value {
    json!({
        "reference": reference,
        "amount": 11_900_000,
        "currency": "COP",
        "dispersion": [
            { "amount": 5_000_000 },
            { "agreement": 4021, "amount": 4_000_000 },
            { "agreement": 4022, "amount": 2_900_000 },
        ],
        "buyer": buyer(),
        "shopper": { "ip": "203.0.113.24", "user_agent": "Prueba/1.0" },
    })
}
