//! What a shopper meets in Chromium besides a plain purchase: refused data, a pending payment, the history. Scripts are
//! off, so that what is refused is refused by the server.

mod support;

use browser::{BrowserOptions, Page};
use serde_json::{Value, json};
use support::demo::{
    APPROVED_CARD, Demo, REJECTED_CARD, REVIEWED_CARD, buyer, fill_checkout, host, open_card_form, pay,
    return_to, type_holder,
};

fn without_scripts() -> BrowserOptions {
    BrowserOptions { javascript: false, ..BrowserOptions::default() }
}

/// A field, what is typed into it, and what the sentence beside it says.
const REFUSED: [(&str, &str, &str); 20] = [
    ("name", "", "Escribe el nombre"),
    ("name", "Juan3", "solo lleva letras"),
    ("name", "Ana@", "solo lleva letras"),
    ("surname", "", "Escribe el apellido"),
    ("surname", "P3rez", "solo lleva letras"),
    ("document_number", "", "Escribe el número de documento"),
    ("document_number", "0123456", "no tiene la forma"),
    ("document_number", "12345678901", "no tiene la forma"),
    ("document_number", "ABC12345", "no tiene la forma"),
    ("email", "", "Escribe el correo"),
    ("email", "persona", "no es válido"),
    ("email", "persona@correo", "no es válido"),
    ("email", "persona@@correo.example", "no es válido"),
    ("email", "per sona@correo.example", "no es válido"),
    ("mobile", "", "Escribe el número de celular"),
    ("mobile", "300555O147", "solo lleva dígitos"),
    ("mobile", "300 5550147", "solo lleva dígitos"),
    ("mobile", "300-5550147", "solo lleva dígitos"),
    ("mobile", "+573005550147", "solo lleva dígitos"),
    ("mobile", "12", "solo lleva dígitos"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_refuses_wrong_data_beside_its_field() {
    let _story = testing::story("the_server_refuses_wrong_data_beside_its_field");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    fill_checkout(&page, &demo.url("shop")).await;
    for (field, typed, sentence) in REFUSED {
        let selector = format!("#{field}");
        let sound = page.element(&selector).await.expect(field).value().await.expect(field);
        page.type_text(&selector, typed).await.expect(field);
        refuses(&page, field, sentence).await;
        page.type_text(&selector, &sound).await.expect(field);
    }
    for (kind, number) in [("CE", "0"), ("TI", "12"), ("PPN", "A B")] {
        page.select("#document_type", kind).await.expect(kind);
        page.type_text("#document_number", number).await.expect(number);
        refuses(&page, "document_number", "no tiene la forma").await;
    }
    page.select("#document_type", "CC").await.expect("a kind");
    page.type_text("#document_number", "1010101010").await.expect("a number");
    for (consent, sentence) in
        [("accept_terms", "aceptar los términos"), ("accept_data", "autorizar el tratamiento")]
    {
        page.click(&format!("#{consent}")).await.expect(consent);
        refuses(&page, consent, sentence).await;
        page.click(&format!("#{consent}")).await.expect(consent);
    }
    // Names of this language pass, and the page leads on.
    page.type_text("#name", "María José").await.expect("a name");
    page.type_text("#surname", "Ñandú").await.expect("a surname");
    page.submit("button.pay").await.expect("the provider's page");
    assert_eq!(host(&page), "avalpay.localhost");
    testing::covers!(
        "AV-4.4-04",
        "AV-4.4-05",
        "AV-4.4-06",
        "AV-4.4-07",
        "AV-4.7-07",
        "AV-4.7-08",
        "AV-4.7-09"
    );
    testing::covers!("AV-4.7-10", "AV-4.7-12", "AV-4.7-13", "AV-12.1-04", "AV-12.3-03", "AV-12.5-06");
    drop(browser);
    demo.stop();
}

/// Presses the pay button: the page comes back with a sentence beside the field, and nothing was begun.
async fn refuses(page: &Page, field: &str, sentence: &str) {
    page.submit("button.pay").await.expect("the checkout again");
    assert_eq!(host(page), "tienda.localhost", "{field} was taken");
    let fault = page.text(&format!("#{field}-fault")).await.expect(field);
    assert!(fault.contains(sentence), "{field}: {fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_buys_without_a_surname() {
    let _story = testing::story("a_company_buys_without_a_surname");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    fill_checkout(&page, &demo.url("shop")).await;
    page.click("#kind-company").await.expect("the company");
    page.select("#document_type", "NIT").await.expect("a kind");
    page.type_text("#document_number", "9001234567").await.expect("a number");
    page.type_text("#name", "Ejemplo 24 Horas").await.expect("a name");
    page.click("#own-card-no").await.expect("not the own card");
    page.submit("button.pay").await.expect("the provider's page");
    assert_eq!(host(&page), "avalpay.localhost");
    let sent = newest_creation(&demo).await;
    assert_eq!(sent["buyer"]["name"], "Ejemplo 24 Horas");
    assert_eq!(sent["buyer"]["documentType"], "NIT");
    assert!(sent["buyer"].get("surname").is_none() && sent.get("payer").is_none(), "{sent}");
    testing::covers!("AV-4.7-11", "AV-4.7-20");
    drop(browser);
    demo.stop();
}

async fn newest_creation(demo: &Demo) -> Value {
    let newest = demo.json("hub", "/v1/payments?limit=1").await;
    let reference = newest["data"][0]["provider_reference"].as_str().expect("a reference").to_owned();
    demo.creations(&reference).await.pop().expect("a creation")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_outcome_is_shown_after_the_return_and_in_the_history() {
    let _story = testing::story("each_outcome_is_shown_after_the_return_and_in_the_history");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    let shop = demo.url("shop");
    let account = demo.json("steering", "/_sandbox/accounts").await["accounts"]["avalpay"][0]["name"].clone();
    let limit = json!({ "account": account, "setting": "attempts_limit", "value": "1" });
    demo.command("set_account", limit).await;

    let mut references = Vec::new();
    let outcomes = [(APPROVED_CARD, "Aprobado"), (REJECTED_CARD, "Rechazado"), (REVIEWED_CARD, "Pendiente")];
    for (card, word) in outcomes {
        fill_checkout(&page, &shop).await;
        page.submit("button.pay").await.expect("the provider's page");
        open_card_form(&page).await;
        pay(&page, card).await;
        let reference = return_to(&page, &shop).await;
        let order = page.text("main").await.expect("the order");
        assert!(
            order.contains(word) && order.contains(&reference) && order.contains("COP 119.000,00"),
            "{order}"
        );
        references.push(reference);
    }
    testing::covers!("AV-12.4-01");

    for _ in 0..3 {
        fill_checkout(&page, &shop).await;
        warns_of_an_open_one(&page).await;
        page.submit("button.pay").await.expect("the provider's page");
        assert_eq!(host(&page), "avalpay.localhost", "an open order blocks no other one");
    }
    looks_at_history(&page, &demo, &references).await;
    drop(browser);
    demo.stop();
}

/// Who wants to buy again is told of the open payment, and whom to ask.
async fn warns_of_an_open_one(page: &Page) {
    let warning = page.text(".pending").await.expect("the warning");
    for shown in
        ["pago pendiente", "referencia T", "COP 119.000,00", "aún no confirma", "Espera unos minutos"]
    {
        assert!(warning.contains(shown), "no {shown} in {warning}");
    }
    for shown in ["6015550100", "ayuda@tienda.example"] {
        assert!(warning.contains(shown), "no {shown} in {warning}");
    }
    testing::covers!("AV-4.3-04", "AV-4.3-05");
}

/// The latest orders, newest first, with date, reference, state and value.
async fn looks_at_history(page: &Page, demo: &Demo, references: &[String]) {
    let history = demo.url("shop").join("/history").expect("a path");
    page.goto(history.as_str()).await.expect("the history");
    let rows = page.find_all("main tbody tr").await.expect("the rows");
    assert!(rows.len() >= 6, "{} rows", rows.len());
    let mut text = String::new();
    for row in &rows {
        let row = row.text().await.expect("a row");
        assert!(row.contains("(UTC-5)") && row.contains("COP 119.000,00"), "{row}");
        text.push_str(&row);
    }
    for (reference, state) in references.iter().zip(["Aprobado", "Rechazado", "Pendiente"]) {
        let at = text.find(reference.as_str()).expect("the order");
        assert!(text[at..].trim_start_matches(reference.as_str()).trim_start().starts_with(state), "{text}");
    }
    let mut instants = Vec::new();
    for time in page.find_all("main tbody time").await.expect("the instants") {
        let instant = time.attribute("datetime").await.expect("a look").expect("an instant");
        instants.push(instant.parse::<jiff::Timestamp>().expect("an instant"));
    }
    assert!(instants.windows(2).all(|pair| pair[0] >= pair[1]), "{instants:?}");
    testing::covers!("AV-12.2-01", "AV-12.2-02", "AV-12.2-04");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_extra_field_is_shown_while_paying_and_on_the_receipt() {
    let _story = testing::story("an_extra_field_is_shown_while_paying_and_on_the_receipt");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    let order = json!({
        "reference": "PEDIDO-EXTRA",
        "amount": 5_000_000,
        "currency": "COP",
        "extra": [{ "keyword": "Póliza N", "value": "PRUEBA-77", "shown": "both" }],
        "shopper": { "ip": "203.0.113.24", "user_agent": "Prueba/1.0" },
    });
    let (status, payment) = demo.create("extra", &order).await;
    assert_eq!(status, 201, "{payment}");
    page.goto(payment["pay_url"].as_str().expect("an address")).await.expect("the provider's page");
    page.type_text("#email", "persona@correo.example").await.expect("an address");
    open_card_form(&page).await;
    let while_paying = page.text("aside").await.expect("the session");
    type_holder(&page).await;
    pay(&page, APPROVED_CARD).await;
    let receipt = page.text("aside").await.expect("the session");
    for shown in [while_paying, receipt] {
        assert!(shown.contains("Póliza N") && shown.contains("PRUEBA-77"), "{shown}");
    }
    let sent = demo.creations(payment["provider_reference"].as_str().expect("a reference")).await;
    let field = json!({ "keyword": "Póliza N", "value": "PRUEBA-77", "displayOn": "both" });
    assert_eq!(sent[0]["fields"], json!([field]));
    testing::covers!("AV-5-02");
    drop(browser);
    demo.stop();
}

/// A public test card of each brand that is approved at once.
const BRANDS: [&str; 5] =
    [APPROVED_CARD, "5367680000000005", "36545400000008", "377222581193005", "6550590000000001"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_test_code_pays_with_every_brand_and_a_paid_reference_is_not_taken_again() {
    let _story =
        testing::story("the_test_code_pays_with_every_brand_and_a_paid_reference_is_not_taken_again");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    for (number, card) in BRANDS.iter().enumerate() {
        let order = order_with_buyer(&format!("MARCA-{number}"));
        let (status, payment) = demo.create(&format!("brand-{number}"), &order).await;
        assert_eq!(status, 201, "{payment}");
        page.goto(payment["pay_url"].as_str().expect("an address")).await.expect("the provider's page");
        open_card_form(&page).await;
        pay(&page, card).await;
        let result = page.text("main h1").await.expect("the result");
        assert!(result.contains("aprobado"), "{card}: {result}");
    }
    testing::covers!("AV-7.1-03");

    let paid = demo.payment("MARCA-0").await;
    let (status, refusal) = demo.create("again", &order_with_buyer("MARCA-0")).await;
    assert_eq!((status, &refusal["code"]), (409, &Value::from("reference_used")), "{refusal}");
    let reference = paid["provider_reference"].as_str().expect("a reference");
    assert_eq!(demo.creations(reference).await.len(), 1, "one session with that reference");
    testing::covers!("AV-4.4-01");
    drop(browser);
    demo.stop();
}

fn order_with_buyer(reference: &str) -> Value {
    json!({
        "reference": reference,
        "amount": 5_000_000,
        "currency": "COP",
        "buyer": buyer(),
        "shopper": { "ip": "203.0.113.24", "user_agent": "Prueba/1.0" },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_lives_between_ten_and_thirty_minutes() {
    let _story = testing::story("an_order_lives_between_ten_and_thirty_minutes");
    let demo = Demo::start();
    // Two seconds more than ten minutes: the clock runs on while the order is on its way.
    let lives = [(540, 422), (602, 201), (1800, 201), (1860, 422)];
    for (seconds, expected) in lives {
        let now = demo.json("steering", "/_sandbox/clock").await["now"].clone();
        let now: jiff::Timestamp = serde_json::from_value(now).expect("an instant");
        let mut order = order_with_buyer(&format!("VIDA-{seconds}"));
        order["expires_at"] = json!(now + jiff::SignedDuration::from_secs(seconds));
        let (status, answer) = demo.create(&format!("life-{seconds}"), &order).await;
        assert_eq!(status, expected, "{seconds} s: {answer}");
        if expected == 201 {
            let sent = demo.creations(answer["provider_reference"].as_str().expect("a reference")).await;
            let expiration = sent[0]["expiration"].as_str().expect("an expiry");
            let life =
                expiration.parse::<jiff::Timestamp>().expect("an instant").duration_since(now).as_secs();
            assert!((600..=1800).contains(&life), "{life} s are sent to the provider");
        } else {
            let named =
                answer["param"].as_str() == Some("expires_at") || answer.to_string().contains("expires_at");
            assert!(named, "{answer}");
        }
    }
    testing::covers!("AV-2-01");
    demo.stop();
}
