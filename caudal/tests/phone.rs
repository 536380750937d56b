//! The pages of shop, hub and console on a phone: nobody has to scroll sideways.

mod support;

use browser::{BrowserOptions, Page};
use support::demo::{APPROVED_CARD, Demo, fill_checkout, open_card_form, pay, return_to};

/// A phone's screen, in CSS pixels.
const SCREEN: (u32, u32) = (390, 844);

/// Takes a picture of the page shown, and asserts that it is no wider than the screen.
async fn fits(page: &Page, name: &str) {
    page.screenshot(&testing::evidence::screenshot(&format!("phone-{name}"))).await.expect("a picture");
    let width = page.content_width().await.expect("a width");
    assert!(width <= f64::from(SCREEN.0), "{name} is {width} wide");
}

async fn opens_and_fits(page: &Page, url: &str, name: &str) {
    page.goto(url).await.expect(name);
    fits(page, name).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_of_shop_hub_and_console_is_wider_than_a_phone() {
    let _story = testing::story("no_page_of_shop_hub_and_console_is_wider_than_a_phone");
    let options = BrowserOptions { javascript: false, ..BrowserOptions::default() };
    let Some(browser) = testing::chromium(options).await else { return };
    let demo = Demo::start();
    let page = browser.new_page().await.expect("a page");
    page.show_on_phone(SCREEN.0, SCREEN.1).await.expect("a phone");

    let shop = demo.url("shop");
    let shop_page = |path: &str| shop.join(path).expect("a path").to_string();
    opens_and_fits(&page, shop.as_str(), "shop").await;
    page.submit(".product button").await.expect("the cart");
    fits(&page, "cart").await;
    opens_and_fits(&page, &shop_page("/checkout"), "checkout").await;
    page.submit("button.pay").await.expect("what is missing");
    fits(&page, "mistakes").await;
    fill_checkout(&page, &shop).await;
    page.click("#keep_card").await.expect("the card is to be kept");
    page.submit("button.pay").await.expect("the provider's page");
    open_card_form(&page).await;
    page.click("#save_card").await.expect("the provider asks too");
    pay(&page, APPROVED_CARD).await;
    let reference = return_to(&page, &shop).await;
    fits(&page, "order").await;
    for path in ["/history", "/cards", "/inbox", "/questions", "/terms"] {
        opens_and_fits(&page, &shop_page(path), &path[1..]).await;
    }

    let paid = demo.payment(&reference).await;
    let mut payments = vec![(paid["status"].as_str().expect("a status").to_owned(), paid)];
    for status in ["rejected", "requires_action", "failed", "pending", "expired"] {
        let found =
            demo.json("hub", &format!("/v1/payments?limit=1&status={status}")).await["data"][0].clone();
        payments.push((status.to_owned(), found));
    }
    for rest in ["", "/notices", "/accounts"] {
        opens_and_fits(&page, &demo.console_url(rest), &format!("console{}", rest.replace('/', "-"))).await;
    }
    for (status, payment) in payments {
        let (id, url) = (&payment["id"], &payment["status_url"]);
        let url = url.as_str().unwrap_or_else(|| panic!("no payment is {status}"));
        opens_and_fits(&page, url, &format!("status-{status}")).await;
        let story = demo.console_url(&format!("/payments/{}", id.as_str().expect("an id")));
        opens_and_fits(&page, &story, &format!("story-{status}")).await;
    }
    drop(browser);
    demo.stop();
}
