//! The simulator as the sandbox serves it: a payer in Chromium without scripts, and a developer who sends the requests of
//! the guide, with a shop that answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use browser::{BrowserOptions, Page};
use carat_esitef_simulator::CaratEsitef;
use sandbox::{Mount, RunningSandbox, Sandbox, SandboxConfig};
use serde_json::Value;
use simulation::form::Form;
use simulation::{Clock, NewAccount};

const PATIENCE: Duration = Duration::from_secs(10);
const PROVIDER: &str = "carat_esitef";
/// Passes for no card anywhere else, and its check digit is wrong.
const CANARY: &str = "4999990000000017";
const SECURITY_CODE: &str = "97531";

/// A shop whose first answer is 503 and every later one 200; it keeps which address was called and what was said.
#[derive(Clone, Default)]
struct Shop(Arc<Mutex<Vec<(String, String)>>>);

impl Shop {
    async fn start() -> (Self, String) {
        let shop = Self::default();
        let router = Router::new()
            .route("/{address}", post(Self::receive).get(async || "obrigado"))
            .with_state(shop.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (shop, url)
    }

    async fn receive(State(shop): State<Self>, Path(address): Path<String>, body: String) -> StatusCode {
        let mut received = shop.0.lock().expect("unpoisoned");
        received.push((address, body));
        if received.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
    }

    fn said(&self, address: &str) -> Vec<String> {
        let received = self.0.lock().expect("unpoisoned");
        received.iter().filter(|(to, _)| to == address).map(|(_, body)| body.clone()).collect()
    }
}

/// A sandbox on the provider's clock, with one account whose addresses are the shop's.
async fn served(shop: &str) -> RunningSandbox {
    let start = "2026-03-02T14:30:00Z".parse().expect("an instant");
    let mount = Mount::on_loopback(Box::new(CaratEsitef::new()), 0);
    let config = SandboxConfig { clock: Clock::frozen(start), seed: 7, ..SandboxConfig::new(vec![mount]) };
    let sandbox = Sandbox::start(config).await.expect("a sandbox");
    let settings =
        [("storage_url", "guarda"), ("authenticity_url", "autenticidade"), ("url_success", "obrigado")];
    let wanted = NewAccount {
        name: "livraria".into(),
        notification_url: Some(format!("{shop}/status")),
        settings: settings.map(|(name, path)| (name.to_owned(), format!("{shop}/{path}"))).into(),
    };
    sandbox.steering.open_account(PROVIDER, wanted).expect("an account");
    sandbox
}

/// Sends an example of the guide; the texts in `known` stand for what it takes from earlier answers.
async fn send(sandbox: &RunningSandbox, name: &str, known: &[(&str, &str)]) -> (u16, Value) {
    let (guide, origin) = sandbox.steering.guide(PROVIDER).expect("a guide");
    let example = guide.requests.iter().find(|example| example.name == name).expect(name);
    let fill = |text: &str| known.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    // Browsers know that names under `localhost` are this machine; the system's resolver need not.
    let address = sandbox.address(PROVIDER).expect("mounted");
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let client = client.resolve("carat-esitef.localhost", address).build().expect("a client");
    let method = example.method.parse().expect("a method");
    let mut request =
        client.request(method, format!("{origin}{}", fill(&example.path))).body(fill(&example.body));
    for (header, value) in &example.headers {
        request = request.header(header, value);
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON"))
}

async fn pay(page: &Page, number: &str) {
    for (name, text) in [
        ("esitef-cardnumber", number),
        ("esitef-cardexpirydate", "12/30"),
        ("esitef-cardsecuritycode", SECURITY_CODE),
        ("esitef-cardholder", "Ana Prueba"),
    ] {
        page.type_text(&format!("input[name={name}]"), text).await.expect(name);
    }
    page.submit("#card-form button").await.expect("sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payer_keeps_a_card_on_the_page_and_the_shop_hears_of_it_at_the_second_try() {
    let _story =
        testing::story("a_payer_keeps_a_card_on_the_page_and_the_shop_hears_of_it_at_the_second_try");
    let without_scripts = BrowserOptions { javascript: false, ..BrowserOptions::default() };
    let Some(browser) = testing::chromium(without_scripts).await else { return };
    let (shop, url) = Shop::start().await;
    let sandbox = served(&url).await;
    sandbox.steering.declare_canary("canary-carat", CANARY, "4000000000000044").expect("a canary");
    let (status, created) = send(&sandbox, "init", &[]).await;
    assert_eq!((status, created["responseCode"].as_u64()), (200, Some(0)), "{created}");
    let page = browser.new_page().await.expect("a page");
    // As it was given out: with raw brackets and quotes.
    page.goto(created["url"].as_str().expect("an address")).await.expect("the payer's page");
    assert_eq!(page.text("#total").await.expect("the amount"), "R$ 1,00");
    assert!(page.text("#keeps-card").await.expect("a text").contains("nunca é guardado"));
    page.screenshot(&testing::evidence::screenshot("carat-cartao")).await.expect("a picture");
    pay(&page, "4000000000000045").await;
    assert!(
        page.text("#esitef-cardnumber-error").await.expect("a text").contains("cartões públicos de teste")
    );
    page.screenshot(&testing::evidence::screenshot("carat-recusado")).await.expect("a picture");
    page.goto(created["url"].as_str().expect("an address")).await.expect("the payer's page");
    pay(&page, CANARY).await;
    page.wait_for_url(|url| url.ends_with("/obrigado")).await.expect("back at the shop");

    testing::until(PATIENCE, async || {
        (shop.said("guarda").len() + shop.said("status").len() == 2).then_some(())
    })
    .await;
    sandbox.steering.advance(60).await.expect("a minute passes");
    let all: Vec<_> = [shop.said("status"), shop.said("guarda")].concat();
    assert_eq!(all.len(), 3, "the one that was answered with 503 came again");
    let storage = shop.said("guarda");
    let storage = Form::read(storage.last().expect("a notice").as_bytes());
    assert_eq!((storage.get("status"), storage.get("bin"), storage.get("final")), ("CON", "499999", "0017"));

    let journal = serde_json::to_string(&sandbox.steering.journal(0, None, 1_000)).expect("JSON");
    assert!(journal.contains("canary-carat"), "the number was seen");
    for secret in [CANARY, SECURITY_CODE] {
        assert!(!journal.contains(secret) && !all.iter().any(|body| body.contains(secret)), "{secret}");
    }
    testing::covers!("CA-06", "CA-60");
    sandbox.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_developer_goes_through_the_guide_and_the_shop_is_asked_before_a_cancellation_is_answered() {
    let (shop, url) = Shop::start().await;
    let sandbox = served(&url).await;
    let (status, created) = send(&sandbox, "create", &[]).await;
    assert_eq!(status, 201, "{created}");
    let nit = created["payment"]["nit"].as_str().expect("a nit");
    let known = [("{{create.response.body.$.payment.nit}}", nit)];
    let (status, paid) = send(&sandbox, "pay", &known).await;
    assert_eq!((status, paid["payment"]["status"].as_str()), (200, Some("CON")), "{paid}");
    let (status, found) = send(&sandbox, "query", &known).await;
    assert_eq!((status, &found["payment"]), (200, &paid["payment"]));
    let (status, stored) = send(&sandbox, "store", &[]).await;
    assert_eq!(status, 201, "{stored}");
    let token = stored["card"]["token"].as_str().expect("a token");
    let known = [("{{store.response.body.$.card.token}}", token)];
    let charged = send(&sandbox, "charge", &known).await;
    assert_eq!((charged.0, charged.1["payment"]["status"].as_str()), (200, Some("CON")), "{}", charged.1);
    assert_eq!(send(&sandbox, "charge", &known).await, charged, "one key, one charge");
    let usn = paid["payment"]["esitef_usn"].as_str().expect("a number");
    let known = [("{{pay.response.body.$.payment.esitef_usn}}", usn)];
    // The very first call to the shop is answered with 503; notices have taken it by now.
    testing::until(PATIENCE, async || (shop.said("status").len() == 2).then_some(())).await;
    let (status, answer) = send(&sandbox, "cancel", &known).await;
    assert_eq!((status, answer["code"].as_str()), (201, Some("0")));
    let asked = shop.said("autenticidade");
    assert_eq!(asked.len(), 1, "the shop was asked before the answer came");
    assert_eq!(Form::read(asked[0].as_bytes()).get("nit").len(), 64);
    assert_eq!(sandbox.steering.ledger(Some(PROVIDER), None).len(), 2);
    sandbox.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_is_read_in_a_browser() {
    let without_scripts = BrowserOptions { javascript: false, ..BrowserOptions::default() };
    let _story = testing::story("the_guide_is_read_in_a_browser");
    let Some(browser) = testing::chromium(without_scripts).await else { return };
    let sandbox = served("http://127.0.0.1:9").await;
    let page = browser.new_page().await.expect("a page");
    page.goto(&format!("http://{}/guides/{PROVIDER}", sandbox.steering_address())).await.expect("the guide");
    let text = page.text("body").await.expect("a text");
    for shown in ["Carat e-SiTef", "4000000000000044", "Sodexo Refeição", "2200000", "/e-sitef/init/json.se"]
    {
        assert!(text.contains(shown), "{shown} is missing in {text}");
    }
    page.screenshot(&testing::evidence::screenshot("carat-guia")).await.expect("a picture");
    sandbox.shut_down().await;
}
