//! A purchase in Chromium from the shop's first page to the paid order, with JavaScript on and with it off, each party on
//! a site of its own.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use browser::{BrowserOptions, Page};
use serde_json::Value;
use support::demo::{
    APPROVED_CARD, Demo, REJECTED_CARD, fill_checkout, host, open_card_form, pay, return_to,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_paid_in_a_browser_with_javascript() {
    let _story = testing::story("an_order_is_paid_in_a_browser_with_javascript");
    purchase(BrowserOptions::default(), "with-javascript").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_paid_in_a_browser_without_javascript() {
    let _story = testing::story("an_order_is_paid_in_a_browser_without_javascript");
    purchase(BrowserOptions { javascript: false, ..BrowserOptions::default() }, "without-javascript").await;
}

/// One order: declined once, then paid in the same session, then back in the shop.
async fn purchase(options: BrowserOptions, prefix: &str) {
    let Some(browser) = testing::chromium(options).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    let shop = demo.url("shop");
    let take = async |name: &str| page.screenshot(&picture(prefix, name)).await.expect("a picture");

    page.goto(shop.as_str()).await.expect("the shop");
    take("1-shop").await;
    fill_checkout(&page, &shop).await;
    look_at_summary(&page).await;
    take("2-checkout").await;
    page.submit("button.pay").await.expect("the provider's page");
    assert_eq!(host(&page), "avalpay.localhost");
    let charged = page.text("#total").await.expect("the provider's total");
    assert_eq!(charged, "$119.000,00 COP");

    open_card_form(&page).await;
    look_at_test_cards(&page).await;
    take("3-card").await;
    pay(&page, REJECTED_CARD).await;
    take("4-declined").await;
    page.submit("#try-again").await.expect("the methods again");
    page.submit("#method-card").await.expect("the card form again");
    pay(&page, APPROVED_CARD).await;
    look_at_result(&page).await;
    take("5-approved").await;

    let reference = return_to(&page, &shop).await;
    let payment = demo.payment(&reference).await;
    look_at_order(&page, &payment).await;
    take("6-paid").await;
    page.goto(payment["status_url"].as_str().expect("a status page")).await.expect("the status page");
    assert_eq!(host(&page), "caudal.localhost");
    let text = page.text("main").await.expect("the status page's text");
    assert!(
        text.contains(&reference) && text.contains("COP 119.000,00") && text.contains("Aprobado"),
        "{text}"
    );
    take("7-status").await;

    // A browser asks for this one by itself; no page of ours names it.
    let complaints =
        page.console_errors().into_iter().filter(|complaint| !complaint.ends_with("/favicon.ico"));
    assert_eq!(complaints.collect::<Vec<_>>(), [""; 0]);
    agree(&demo, &payment).await;
    testing::covers!("AV-4-01", "AV-4-02", "AV-4.2-02", "AV-4.2-04");
    // Before the demo ends, so that no page of it is cut off.
    drop(browser);
    demo.stop();
}

fn picture(prefix: &str, name: &str) -> PathBuf {
    testing::evidence::screenshot(&format!("{prefix}-{name}"))
}

/// What is bought, the tax in it and the total, before the browser leaves for the provider.
async fn look_at_summary(page: &Page) {
    let summary = page.text(".summary").await.expect("the summary");
    for shown in
        ["Morral Imaginario", "Subtotal sin impuestos", "COP 100.000,00", "IVA 19 %", "COP 19.000,00"]
    {
        assert!(summary.contains(shown), "no {shown} in {summary}");
    }
    assert_eq!(page.text(".total-line strong").await.expect("the total"), "COP 119.000,00");
    assert_eq!(host(page), "tienda.localhost");
    testing::covers!("AV-1-04", "AV-12.1-01");
}

/// The provider's page lists its public test cards, and what each does.
async fn look_at_test_cards(page: &Page) {
    page.click(".test-cards summary").await.expect("the list of test cards");
    let list = page.text(".test-cards table").await.expect("the test cards");
    for card in [APPROVED_CARD, REJECTED_CARD] {
        assert!(list.contains(card), "no {card} in {list}");
    }
    testing::covers!("AV-7.1-02");
}

/// Both attempts, newest first, each with its data; and the session beside them.
async fn look_at_result(page: &Page) {
    let attempts = page.find_all(".attempt").await.expect("the attempts");
    assert_eq!(attempts.len(), 2, "two attempts in one session");
    let (newest, oldest) =
        (attempts[0].text().await.expect("the newest"), attempts[1].text().await.expect("the oldest"));
    for shown in ["Intento 2", "Transacción Aprobada", "VISA **** 0081", "$119.000,00 COP", "127.0.0.1"] {
        assert!(newest.contains(shown), "no {shown} in {newest}");
    }
    for shown in ["Intento 1", "Transacción Rechazada", "Negada", "VISA **** 0016", "05", "000000"] {
        assert!(oldest.contains(shown), "no {shown} in {oldest}");
    }
    for label in
        ["Fecha y hora", "Estado", "Mensaje", "Medio de pago", "Valor", "Código de respuesta", "Autorización"]
    {
        assert!(newest.contains(label) && oldest.contains(label), "no {label}");
    }
    let session = page.text("aside").await.expect("the session");
    for label in ["Total a pagar", "Descripción", "Referencia", "Fecha de la solicitud", "Sesión", "Ayuda"]
    {
        assert!(session.contains(label), "no {label} in {session}");
    }
    let main = page.text("main").await.expect("the result");
    assert!(
        main.contains("aprobado") && main.contains("Imprimir") && main.contains("Volver al comercio"),
        "{main}"
    );
    assert!(page.find("#language").await.expect("a look").is_some(), "no choice of language");
    testing::covers!("AV-4.2-05", "AV-4.2-06");
}

/// What the shop shows after the return, compared with what the hub recorded.
async fn look_at_order(page: &Page, payment: &Value) {
    let order = page.text("main").await.expect("the order");
    let reference = payment["reference"].as_str().expect("a reference");
    let authorization = payment["receipt"]["authorization"].as_str().expect("an authorization");
    for shown in ["Aprobado", reference, "COP 119.000,00", "Moneda COP", authorization, "**** 0081"] {
        assert!(order.contains(shown), "no {shown} in {order}");
    }
    let instant = page.element(".facts time").await.expect("the instant");
    let instant = instant.attribute("datetime").await.expect("a look").expect("an instant");
    assert_eq!(Value::from(instant), payment["decided_at"], "the provider's instant");
    testing::covers!("AV-12.4-02", "AV-12.4-03", "AV-12.4-04", "AV-12.4-05", "AV-12.4-06");
}

/// Ledger, hub and inbox say the same: one charge, approved, paid once.
async fn agree(demo: &Demo, payment: &Value) {
    assert_eq!((&payment["status"], &payment["paid"]), (&Value::from("approved"), &Value::from(11_900_000)));
    let ledger = demo.json("steering", "/_sandbox/ledger").await;
    let lines = ledger["lines"].as_array().expect("lines").iter();
    let lines = lines.filter(|line| line["reference"] == payment["provider_reference"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told: Vec<_> = lines.map(|line| (text(&line["state"]), text(&line["amount"]))).collect();
    assert_eq!(told, [("rejected".into(), "119000.00".into()), ("approved".into(), "119000.00".into())]);
    testing::until(Duration::from_secs(10), async || {
        let inbox = demo.json("shop", "/inbox.json").await;
        let about = |list: &str, is_it: &dyn Fn(&Value) -> bool| {
            let items = inbox[list].as_array().expect(list).iter();
            items.filter(|item| item["reference"] == payment["reference"] && is_it(item)).count()
        };
        let (paid, told) =
            (about("paid", &|_| true), about("events", &|event| event["type"] == "payment.approved"));
        (paid == 1 && told == 1).then_some(())
    })
    .await;
}
