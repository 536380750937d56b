//! Paying in a frame over the shop's own page in Chromium, and every case in which the browser is sent away instead: hub, shop
//! and sandbox, each on a site of its own.

mod support;

use std::time::Duration;

use browser::{BrowserOptions, Page};
use serde_json::{Value, json};
use support::demo::{
    APPROVED_CARD, Demo, REJECTED_CARD, fill_checkout, host, open_card_form, pay, return_to,
};

const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 \
                      Safari/605.1.15";
const AN_IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                         CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1";
const FRAME: &str = "#placetopay_lightbox";
const CARD: &str = "#means";
const PSE: &str = "#means-avalpay-pse";

/// From the shop's first page to the press of the pay button, by one of the choices.
async fn press(page: &Page, demo: &Demo, choice: &str) {
    fill_checkout(page, &demo.url("shop")).await;
    page.click(choice).await.expect("a choice");
    page.submit("button.pay").await.expect("what follows the button");
}

async fn newest(demo: &Demo) -> Value {
    demo.json("hub", "/v1/payments?limit=1").await["data"][0].clone()
}

async fn framed(page: &Page) -> Page {
    page.element(FRAME).await.expect("the frame");
    page.frame(|url| url.contains("://avalpay.localhost")).await.expect("the provider's page in it")
}

/// What the shop's page shows in the end, after a frame and after a redirect alike.
async fn shows_summary(page: &Page, payment: &Value, word: &str) {
    assert_eq!(host(page), "tienda.localhost");
    let order = page.text("main").await.expect("the order");
    for shown in [word, payment["reference"].as_str().expect("a reference"), "COP 119.000,00"] {
        assert!(order.contains(shown), "no {shown} in {order}");
    }
}

/// Complaints of a page that are its own: a browser asks for an icon by itself.
fn complaints(page: &Page) -> Vec<String> {
    page.console_errors().into_iter().filter(|complaint| !complaint.ends_with("/favicon.ico")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_paid_in_a_frame_over_the_shop_s_page() {
    let _story = testing::story("an_order_is_paid_in_a_frame_over_the_shop_s_page");
    let Some(browser) = testing::chromium(BrowserOptions::default()).await else { return };
    let demo = Demo::with(&["--lightbox"]);
    let page = browser.new_page().await.expect("a page");
    press(&page, &demo, CARD).await;
    assert_eq!(host(&page), "tienda.localhost", "the shop's page stays");
    let payment = newest(&demo).await;
    let frame = framed(&page).await;
    open_card_form(&frame).await;
    page.screenshot(&testing::evidence::screenshot("lightbox-form")).await.expect("a picture");
    pay(&frame, REJECTED_CARD).await;
    frame.submit("#try-again").await.expect("the methods again");
    frame.submit("#method-card").await.expect("the card form again");
    // The notice is lost: nothing but the return tells the hub.
    demo.spoil(json!({ "notice": { "fault": "lost" } }), 1).await;
    pay(&frame, APPROVED_CARD).await;
    let result = frame.text("main h1").await.expect("the result");
    assert!(result.contains("aprobado"), "{result}");
    // The page in the frame has told how it ended; that is no proof, and nothing happened on it.
    testing::until(Duration::from_secs(10), async || {
        let asking = page.element("#lightbox-asking").await.expect("the shop's line");
        asking.attribute("hidden").await.expect("a look").is_none().then_some(())
    })
    .await;
    page.screenshot(&testing::evidence::screenshot("lightbox-result")).await.expect("a picture");
    assert_eq!(newest(&demo).await["status"], "requires_action", "a message of a browser is believed");
    let asked = demo.asked("query_session", &payment).await;
    frame.click("#return").await.expect("the way back");
    let shop = demo.url("shop");
    page.wait_for_url(|url| url.starts_with(shop.as_str()) && !url.ends_with("/pay"))
        .await
        .expect("the order");
    shows_summary(&page, &payment, "Aprobado").await;
    assert_eq!(demo.asked("query_session", &payment).await, asked + 1, "the hub asked once");
    testing::covers!("AV-3-01", "AV-3-04");
    let sent = demo.creations(payment["provider_reference"].as_str().expect("a reference")).await;
    assert!(sent[0]["returnUrl"].as_str().is_some_and(|url| url.contains("/r/")), "{}", sent[0]);
    assert_eq!(complaints(&page), [""; 0]);
    drop(browser);
    demo.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_closes_the_frame_reads_how_the_payment_stands_and_can_go_on() {
    let _story = testing::story("who_closes_the_frame_reads_how_the_payment_stands_and_can_go_on");
    let Some(browser) = testing::chromium(BrowserOptions::default()).await else { return };
    let demo = Demo::with(&["--lightbox"]);
    let page = browser.new_page().await.expect("a page");
    press(&page, &demo, CARD).await;
    let payment = newest(&demo).await;
    framed(&page).await;
    page.click("#placetopay_lightbox_close").await.expect("closed");
    let shop = demo.url("shop");
    page.wait_for_url(|url| url.starts_with(shop.as_str()) && !url.ends_with("/pay"))
        .await
        .expect("the order");
    shows_summary(&page, &payment, "Pendiente").await;
    assert_eq!(demo.asked("query_session", &payment).await, 1, "the hub asked");
    page.submit(".state a.button").await.expect("the frame again");
    let frame = framed(&page).await;
    open_card_form(&frame).await;
    pay(&frame, APPROVED_CARD).await;
    frame.element("#return").await.expect("the result");
    page.click("#placetopay_lightbox_close").await.expect("closed");
    page.wait_for_url(|url| url.starts_with(shop.as_str()) && !url.ends_with("/pay"))
        .await
        .expect("the order");
    shows_summary(&page, &payment, "Aprobado").await;
    drop(browser);
    demo.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_leaves_the_shop_s_page_although_cards_open_in_a_frame() {
    let _story = testing::story("a_transfer_leaves_the_shop_s_page_although_cards_open_in_a_frame");
    let Some(browser) = testing::chromium(BrowserOptions::default()).await else { return };
    let demo = Demo::with(&["--lightbox"]);
    let page = browser.new_page().await.expect("a page");
    press(&page, &demo, PSE).await;
    assert_eq!(host(&page), "avalpay.localhost", "an ordinary redirect");
    let payment = newest(&demo).await;
    assert_eq!(payment["lightbox"], Value::Null);
    assert!(
        page.exchanges().iter().all(|exchange| !exchange.url.ends_with("lightbox.min.js")),
        "no script is asked for"
    );
    testing::covers!("AV-3-06");
    drop(browser);
    demo.stop();
}

/// Pays where the browser was sent, and comes back to the same summary as after a frame.
async fn pays_after_a_redirect(page: &Page, demo: &Demo) {
    page.wait_for_url(|url| url.contains("://avalpay.localhost")).await.expect("a redirect");
    page.element("#email-form").await.expect("the hosted page");
    let payment = newest(demo).await;
    open_card_form(page).await;
    // The notice is lost: it would make the hub ask as well.
    demo.spoil(json!({ "notice": { "fault": "lost" } }), 1).await;
    pay(page, APPROVED_CARD).await;
    let asked = demo.asked("query_session", &payment).await;
    return_to(page, &demo.url("shop")).await;
    shows_summary(page, &payment, "Aprobado").await;
    assert_eq!(demo.asked("query_session", &payment).await, asked + 1, "the hub asked on the way back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn safari_and_ios_are_redirected_and_shown_the_same_summary() {
    let _story = testing::story("safari_and_ios_are_redirected_and_shown_the_same_summary");
    let demo = Demo::with(&["--lightbox"]);
    for name in [SAFARI, AN_IPHONE] {
        let options = BrowserOptions { user_agent: Some(name.to_owned()), ..BrowserOptions::default() };
        let Some(browser) = testing::chromium(options).await else { return };
        let page = browser.new_page().await.expect("a page");
        press(&page, &demo, CARD).await;
        pays_after_a_redirect(&page, &demo).await;
    }
    testing::covers!("AV-3-03", "AV-3-04", "AV-3-05");
    demo.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_provider_s_script_or_any_the_browser_is_sent_to_the_page() {
    let _story = testing::story("without_the_provider_s_script_or_any_the_browser_is_sent_to_the_page");
    let demo = Demo::with(&["--lightbox"]);
    let fault = json!({ "http_status": { "status": 503 } });
    demo.spoil(json!({ "request": { "operation": "lightbox", "fault": fault } }), 1).await;
    let Some(browser) = testing::chromium(BrowserOptions::default()).await else { return };
    let page = browser.new_page().await.expect("a page");
    press(&page, &demo, CARD).await;
    pays_after_a_redirect(&page, &demo).await;
    testing::covers!("AV-3-05");

    let options = BrowserOptions { javascript: false, ..BrowserOptions::default() };
    let Some(browser) = testing::chromium(options).await else { return };
    let page = browser.new_page().await.expect("a page");
    press(&page, &demo, CARD).await;
    assert_eq!(host(&page), "tienda.localhost");
    page.screenshot(&testing::evidence::screenshot("lightbox-without-scripts")).await.expect("a picture");
    page.submit("#lightbox a.button").await.expect("the hosted page");
    pays_after_a_redirect(&page, &demo).await;
    drop(browser);
    demo.stop();
}
