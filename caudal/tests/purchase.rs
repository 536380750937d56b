//! A purchase in Chromium from the shop's first page to the paid order, with JavaScript on and with it off, each party on
//! a site of its own.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use browser::{BrowserOptions, Page};
use serde_json::Value;
use support::{Place, Running};
use url::Url;

const APPROVED_CARD: &str = "4110760000000081";
const REJECTED_CARD: &str = "4110760000000016";

/// A demo that runs, with the addresses that it told.
struct Demo {
    running: Running,
    told: Value,
    place: Place,
}

impl Demo {
    fn start() -> Demo {
        let place = Place::with("");
        let mut running = Running::start(place.command(&["demo", "--json", "--port", "0", "--data", "here"]));
        let line = running.line();
        let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Demo { running, told, place }
    }

    fn url(&self, party: &str) -> Url {
        self.told[party].as_str().and_then(|text| text.parse().ok()).expect("an address")
    }

    /// JSON from a party, asked by address: the name is for browsers.
    async fn json(&self, party: &str, path: &str) -> Value {
        let mut url = self.url(party).join(path).expect("a path");
        url.set_ip_host([127, 0, 0, 1].into()).expect("an address");
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
        client.get(url).send().await.expect("an answer").json().await.expect("JSON")
    }
}

fn picture(prefix: &str, name: &str) -> PathBuf {
    testing::evidence::screenshot(&format!("{prefix}-{name}"))
}

fn host(page: &Page) -> String {
    let url: Url = page.url().parse().expect("an address");
    url.host_str().unwrap_or_default().to_owned()
}

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
    let demo = tokio::task::block_in_place(Demo::start);
    let page = browser.new_page().await.expect("a page");
    let shop = demo.url("shop");
    let take = async |name: &str| page.screenshot(&picture(prefix, name)).await.expect("a picture");

    page.goto(shop.as_str()).await.expect("the shop");
    take("1-shop").await;
    page.submit(".product button").await.expect("the cart");
    page.submit("a[href='/checkout']").await.expect("the checkout");
    fill_in_buyer(&page).await;
    let shown = page.text(".total-line strong").await.expect("the total before the redirect");
    assert_eq!(shown, "COP 119.000,00");
    take("2-checkout").await;
    page.submit("button.pay").await.expect("the provider's page");
    assert_eq!(host(&page), "avalpay.localhost");
    let charged = page.text("#total").await.expect("the provider's total");
    assert_eq!(charged, "$119.000,00 COP");
    testing::covers!("AV-4-01", "AV-4-02");

    page.submit("#email-form button").await.expect("the methods");
    pay(&page, REJECTED_CARD, &take, "3-card").await;
    take("4-declined").await;
    page.submit("#try-again").await.expect("the methods again");
    pay(&page, APPROVED_CARD, &take, "5-card-again").await;
    let attempts = page.find_all(".attempt").await.expect("the attempts");
    assert_eq!(attempts.len(), 2, "two attempts in one session");
    let newest = page.text(".attempt").await.expect("the newest attempt");
    assert!(newest.contains("0081"), "{newest}");
    testing::covers!("AV-4.2-04");
    take("6-approved").await;

    page.submit("#return").await.expect("the shop again");
    let back = page.wait_for_url(|url| url.starts_with(shop.as_str())).await.expect("the order's page");
    let path = back.parse::<Url>().expect("an address").path().to_owned();
    let reference = path.split('/').nth(2).expect("a reference").to_owned();
    let order = page.text("main").await.expect("the order");
    assert!(
        order.contains("Aprobad") && order.contains(&reference) && order.contains("119.000,00"),
        "{order}"
    );
    testing::covers!("AV-4.2-02");
    take("7-paid").await;

    look_at_status_page(&demo, &page, &reference, &take).await;
    assert!(page.console_errors().is_empty(), "{:?}", page.console_errors());
    agree(&demo, &reference).await;
    // Before the demo ends, so that no page of it is cut off.
    drop(browser);
    assert_eq!(tokio::task::block_in_place(|| demo.running.terminate()).code, Some(0));
}

async fn fill_in_buyer(page: &Page) {
    page.select("#document_type", "CC").await.expect("a kind of document");
    for (field, text) in [
        ("#document_number", "1010101010"),
        ("#name", "Persona"),
        ("#surname", "De Prueba"),
        ("#email", "persona@correo.example"),
        ("#mobile", "3005550147"),
    ] {
        page.type_text(field, text).await.expect(field);
    }
    for choice in ["#own-card-yes", "#accept_terms", "#accept_data"] {
        page.click(choice).await.expect(choice);
    }
}

/// Fills the provider's card form and sends it.
async fn pay(page: &Page, card: &str, take: &impl AsyncFn(&str), name: &str) {
    page.submit("#method-card").await.expect("the card form");
    for (field, text) in [("#card_number", card), ("#expiry", "12/49"), ("#cvv", "123")] {
        page.type_text(field, text).await.expect(field);
    }
    // Before the number is typed anew it is in no picture.
    page.type_text("#card_number", "").await.expect("an empty number");
    take(name).await;
    page.type_text("#card_number", card).await.expect("the number");
    page.submit("#card-form button").await.expect("the result");
}

/// The hub's own page about the payment.
async fn look_at_status_page(demo: &Demo, page: &Page, reference: &str, take: &impl AsyncFn(&str)) {
    let payment = payment(demo, reference).await;
    let status_url = payment["status_url"].as_str().expect("a status page");
    page.goto(status_url).await.expect("the status page");
    assert_eq!(host(page), "caudal.localhost");
    let text = page.text("main").await.expect("the status page's text");
    assert!(text.contains(reference) && text.contains("COP 119.000,00"), "{text}");
    take("8-status").await;
}

async fn payment(demo: &Demo, reference: &str) -> Value {
    let inbox = demo.json("shop", "/inbox.json").await;
    let orders = inbox["orders"].as_array().expect("orders");
    let order = orders.iter().find(|order| order["reference"] == reference).expect("the order");
    let id = order["payment"].as_str().expect("a payment").to_owned();
    let key = std::fs::read_to_string(demo.place.path("here/api.key")).expect("the key");
    let mut url = demo.url("hub").join(&format!("/v1/payments/{id}")).expect("a path");
    url.set_ip_host([127, 0, 0, 1].into()).expect("an address");
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
    client.get(url).bearer_auth(key.trim()).send().await.expect("an answer").json().await.expect("JSON")
}

/// Ledger, hub and inbox say the same: one charge, approved, paid once.
async fn agree(demo: &Demo, reference: &str) {
    let payment = payment(demo, reference).await;
    assert_eq!((&payment["status"], &payment["paid"]), (&Value::from("approved"), &Value::from(11_900_000)));
    let ledger = demo.json("steering", "/_sandbox/ledger").await;
    let lines = ledger["lines"].as_array().expect("lines");
    let states: Vec<_> = lines
        .iter()
        .filter(|line| line["reference"] == payment["provider_reference"])
        .map(|line| (line["state"].as_str().unwrap_or_default(), line["amount"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(states, [("rejected", "119000.00"), ("approved", "119000.00")]);
    testing::until(Duration::from_secs(10), async || {
        let inbox = demo.json("shop", "/inbox.json").await;
        let count = |list: &str, is_it: &dyn Fn(&Value) -> bool| {
            inbox[list].as_array().map_or(0, |items| items.iter().filter(|item| is_it(item)).count())
        };
        let paid = count("paid", &|line| line["reference"] == reference);
        let told =
            count("events", &|event| event["reference"] == reference && event["type"] == "payment.approved");
        (paid == 1 && told == 1).then_some(())
    })
    .await;
}
