//! Paying by transfer and by code in Chromium, from the shop to the provider's page, without scripts.

mod support;

use browser::{BrowserOptions, Page};
use serde_json::Value;
use support::demo::{Demo, host};

fn without_scripts() -> BrowserOptions {
    BrowserOptions { javascript: false, ..BrowserOptions::default() }
}

/// What reached a provider, by operation.
async fn requests(demo: &Demo, operation: &str) -> Vec<Value> {
    let journal = demo.json("steering", "/_sandbox/journal?limit=1000").await;
    let entries = journal["entries"].as_array().expect("entries").clone();
    entries.into_iter().filter(|entry| entry["operation"] == operation).collect()
}

/// From the shop's first page in a market to the filled checkout.
async fn fill_checkout(page: &Page, demo: &Demo, market: &str, document: (&str, &str), mobile: &str) {
    let mut shop = demo.url("shop");
    shop.query_pairs_mut().append_pair("market", market);
    page.goto(shop.as_str()).await.expect("the shop");
    page.submit(".product button").await.expect("the cart");
    page.submit("a[href='/checkout']").await.expect("the checkout");
    page.select("#document_type", document.0).await.expect("a kind of document");
    for (field, text) in [
        ("#document_number", document.1),
        ("#name", "Persona"),
        ("#surname", "De Prueba"),
        ("#email", "persona@correo.example"),
        ("#mobile", mobile),
    ] {
        page.type_text(field, text).await.expect(field);
    }
    for choice in ["#accept_terms", "#accept_data"] {
        page.click(choice).await.expect(choice);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn choosing_the_transfer_and_confirming_opens_its_session_and_leads_to_its_funnel() {
    let _story =
        testing::story("choosing_the_transfer_and_confirming_opens_its_session_and_leads_to_its_funnel");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    let before = requests(&demo, "initialize_session").await.len();
    fill_checkout(&page, &demo, "chile", ("RUT", "11.111.111-1"), "912345678").await;
    page.click("#means").await.expect("the means");
    assert_eq!(requests(&demo, "initialize_session").await.len(), before, "nothing was begun yet");
    let checkout = page.html().await.expect("the checkout");
    page.submit("button.pay").await.expect("the funnel");
    let sessions = requests(&demo, "initialize_session").await;
    assert_eq!(sessions.len(), before + 1);
    testing::covers!("ET-02");
    assert_eq!(host(&page), "pmt-etpay.localhost");
    let address: url::Url = page.url().parse().expect("an address");
    let token = address.path().strip_prefix("/session/").expect("the session's address").to_owned();
    assert!(page.html().await.expect("the funnel").contains(&token));
    testing::covers!("ET-14");
    // The session was asked for by the hub: the browser's pages hold neither the API's address nor a credential.
    let accounts = demo.json("steering", "/_sandbox/accounts").await;
    let account =
        accounts["accounts"]["etpay"].as_array().and_then(|accounts| accounts.first()).expect("an account");
    let funnel = page.html().await.expect("the funnel");
    for name in ["merchant_api_token", "api_url"] {
        let credential = account["credentials"][name].as_str().expect(name);
        assert!(!checkout.contains(credential) && !funnel.contains(credential), "{name} is in a page");
    }
    let asked_by_pages = page.exchanges();
    assert!(!asked_by_pages.is_empty(), "what the page asks for is seen");
    for exchange in asked_by_pages {
        let address: url::Url = exchange.url.parse().expect("an address");
        assert_ne!(address.host_str(), Some("etpay.localhost"), "a page asked the API: {address}");
    }
    testing::covers!("ET-03");
    drop(browser);
    demo.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_shown_with_how_it_is_paid_in_the_shop_and_on_the_status_page() {
    let _story = testing::story("a_code_is_shown_with_how_it_is_paid_in_the_shop_and_on_the_status_page");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    fill_checkout(&page, &demo, "peru", ("DNI", "01234567"), "951204477").await;
    page.submit("button.pay").await.expect("the code's page");
    assert_eq!(host(&page), "pagoefectivo.localhost");
    let newest = demo.json("hub", "/v1/payments?limit=1").await;
    let payment = &newest["data"][0];
    let code = payment["pay_code"].as_str().expect("a code");
    assert!(page.html().await.expect("the code's page").contains(code));
    let history = demo.url("shop").join("/history").expect("a path");
    page.goto(history.as_str()).await.expect("the history");
    page.submit("th a").await.expect("the order's page");
    let order = page.html().await.expect("the order's page");
    assert!(order.contains(code) && order.contains("Cómo pagar") && order.contains("agente"), "{order}");
    page.goto(payment["status_url"].as_str().expect("an address")).await.expect("the status page");
    let status = page.html().await.expect("the status page");
    assert!(status.contains(code) && status.contains("Cómo pagar") && status.contains("agente"), "{status}");
    drop(browser);
    demo.stop();
}
