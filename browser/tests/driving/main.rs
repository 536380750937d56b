//! Driving Chromium through a few pages of a local server, with JavaScript on and off.

mod server;

use std::time::Duration;

use browser::{BrowserError, BrowserOptions, Page};
use testing::StoryBrowser;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_filled_and_sent_to_another_site_with_javascript() {
    let _story = testing::story("a_form_is_filled_and_sent_to_another_site_with_javascript");
    fill_and_send(true, "con programas").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_filled_and_sent_to_another_site_without_javascript() {
    let _story = testing::story("a_form_is_filled_and_sent_to_another_site_without_javascript");
    fill_and_send(false, "sin programas").await;
}

async fn fill_and_send(javascript: bool, mode: &str) {
    let Some((browser, page, port)) = begin(javascript).await else { return };
    page.goto(&format!("http://shop.localhost:{port}/form")).await.expect("the form opens");
    assert_eq!(page.title().await.expect("a title"), "Formulario");
    assert_eq!(page.text("h1").await.expect("a heading"), "Pago de prueba");
    assert_eq!(page.text("#mode").await.expect("the mode"), mode);

    page.type_text("#name", "Ana Ñandú").await.expect("a name is typed");
    page.select("#bank", "3").await.expect("a bank is chosen");
    page.click("#terms").await.expect("the terms are accepted");
    let name = page.element("#name").await.expect("the field").value().await.expect("its value");
    assert_eq!(name, "Ana Ñandú");
    page.submit("#pay").await.expect("the form is sent");

    let landed = format!("http://elsewhere.localhost:{port}/done?");
    let url = page.wait_for_url(|url| url.starts_with(&landed)).await.expect("the other site");
    assert_eq!(url, landed + "name=Ana+%C3%91and%C3%BA&bank=3&terms=yes");
    let mut fields = Vec::new();
    for item in page.find_all("li").await.expect("the fields") {
        fields.push(item.text().await.expect("a field"));
    }
    assert_eq!(fields, ["name=Ana+%C3%91and%C3%BA", "bank=3", "terms=yes"]);

    let seen: Vec<_> =
        page.exchanges().into_iter().map(|exchange| (exchange.method, exchange.status)).collect();
    let expected = [("GET", 200), ("POST", 303), ("GET", 200)];
    assert!(
        expected.iter().all(|(method, status)| seen.contains(&((*method).to_owned(), Some(*status)))),
        "{seen:?}"
    );
    let cookies = page.cookies().await.expect("the cookies");
    let visit = cookies.iter().find(|cookie| cookie.name == "visit").expect("the cookie of the visit");
    assert_eq!(
        (visit.domain.as_str(), visit.http_only, visit.same_site.as_str()),
        ("shop.localhost", true, "Lax")
    );

    page.go_back().await.expect("the form again");
    assert_eq!(page.text("#mode").await.expect("the mode"), mode);
    assert_eq!(browser.pages_visited(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screenshot_shows_the_page_below_the_windows_edge() {
    let _story = testing::story("a_screenshot_shows_the_page_below_the_windows_edge");
    let Some((browser, page, port)) = begin(true).await else { return };
    page.goto(&format!("http://shop.localhost:{port}/form")).await.expect("the form opens");
    let path = testing::evidence::screenshot("a_long_form");
    page.screenshot(&path).await.expect("a picture is written");
    let picture = std::fs::read(&path).expect("the picture");
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
    let size = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().expect("four bytes"));
    assert_eq!(size(16), browser.options().window.0);
    assert!(size(20) > 3000, "the picture is {} high", size(20));
    assert_eq!(browser.screenshots(), [path]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_page_complains_of_is_heard() {
    let _story = testing::story("what_a_page_complains_of_is_heard");
    let Some((_browser, page, port)) = begin(true).await else { return };
    page.goto(&format!("http://shop.localhost:{port}/broken")).await.expect("the page opens");
    let heard = testing::until(Duration::from_secs(5), async || {
        let heard = page.console_errors();
        (heard.len() >= 2).then_some(heard)
    });
    let heard = heard.await;
    assert!(heard.iter().any(|complaint| complaint.contains("it does not work")), "{heard:?}");
    assert!(heard.iter().any(|complaint| complaint.contains("404")), "{heard:?}");
    let missing = page.exchanges().into_iter().find(|exchange| exchange.url.ends_with("/missing.png"));
    let missing = missing.expect("the request of the picture");
    assert_eq!((missing.resource.as_str(), missing.status), ("Image", Some(404)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assistive_technology_is_told_the_labels_of_fields() {
    let _story = testing::story("assistive_technology_is_told_the_labels_of_fields");
    let Some((_browser, page, port)) = begin(false).await else { return };
    page.goto(&format!("http://shop.localhost:{port}/form")).await.expect("the form opens");
    let tree = page.accessibility_tree().await.expect("the tree");
    let told = |role: &str, name: &str| tree.iter().any(|node| node.role == role && node.name == name);
    assert!(told("heading", "Pago de prueba"), "{tree:?}");
    assert!(told("textbox", "Nombre"), "{tree:?}");
    assert!(told("button", "Pagar"), "{tree:?}");
    assert!(!told("button", "Nada"), "{tree:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_refused_and_not_passed_over() {
    let _story = testing::story("what_cannot_be_done_is_refused_and_not_passed_over");
    let options = BrowserOptions { wait_timeout: Duration::from_millis(700), ..BrowserOptions::default() };
    let Some((_browser, page, port)) = begin_with(options).await else { return };
    let nobody_listens = page.goto("http://shop.localhost:1/").await;
    assert!(matches!(nobody_listens, Err(BrowserError::Navigation { .. })), "{nobody_listens:?}");

    page.goto(&format!("http://shop.localhost:{port}/form")).await.expect("the form opens");
    let hidden = page.click("#hidden").await;
    assert!(matches!(hidden, Err(BrowserError::NotVisible { .. })), "{hidden:?}");
    let disabled = page.select("#bank", "2").await;
    assert!(matches!(disabled, Err(BrowserError::NoSuchOption { .. })), "{disabled:?}");
    let absent = page.click("#absent").await;
    assert!(matches!(absent, Err(BrowserError::Waited { .. })), "{absent:?}");
    let stays = page.submit("#terms").await;
    assert!(matches!(stays, Err(BrowserError::Waited { .. })), "{stays:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_browser_leaves_no_process_and_no_profile() {
    let _story = testing::story("a_closed_browser_leaves_no_process_and_no_profile");
    let Some((browser, page, _)) = begin(true).await else { return };
    let process = browser.process_id().expect("it runs");
    let profile = browser.profile().to_owned();
    assert!(profile.is_dir());
    drop(browser);
    assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
    assert!(!profile.exists());
    let afterwards = page.title().await;
    assert!(matches!(afterwards, Err(BrowserError::Gone { .. })), "{afterwards:?}");
}

async fn begin(javascript: bool) -> Option<(StoryBrowser, Page, u16)> {
    begin_with(BrowserOptions { javascript, ..BrowserOptions::default() }).await
}

async fn begin_with(options: BrowserOptions) -> Option<(StoryBrowser, Page, u16)> {
    let port = server::start().await;
    let browser = testing::chromium(options).await?;
    let page = browser.new_page().await.expect("a page");
    Some((browser, page, port))
}
