//! The simulator as the sandbox serves it: its funnel in Chromium without scripts, back to a merchant that takes
//! notices, and the guide.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use browser::{BrowserOptions, Page};
use etpay_simulator::EtPay;
use sandbox::{Mount, RunningSandbox, Sandbox, SandboxConfig};
use serde_json::Value;
use simulation::{Account, Clock, NewAccount};

const PATIENCE: Duration = Duration::from_secs(10);

fn without_scripts() -> BrowserOptions {
    BrowserOptions { javascript: false, ..BrowserOptions::default() }
}

/// A merchant with a page for each end, and a receiver of notices whose first answer is 503 and every later one 200.
#[derive(Clone, Default)]
struct Merchant(Arc<Mutex<Vec<String>>>);

impl Merchant {
    async fn start() -> (Self, String) {
        let merchant = Self::default();
        let router = Router::new()
            .route("/avisos", post(Self::receive))
            .route("/gracias", get(async || Html("<h1>Gracias por su compra</h1>")))
            .route("/lo-sentimos", get(async || Html("<h1>Su pago no se hizo</h1>")))
            .route("/favicon.ico", get(async || StatusCode::NO_CONTENT))
            .with_state(merchant.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://tienda.localhost:{}", listener.local_addr().expect("bound").port());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (merchant, origin)
    }

    async fn receive(State(merchant): State<Self>, body: String) -> StatusCode {
        let mut received = merchant.received();
        received.push(body);
        if received.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
    }

    fn received(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().expect("unpoisoned")
    }
}

/// A sandbox with one account, whose payers come back to `origin`.
async fn served(origin: &str) -> (RunningSandbox, Account) {
    let start = "2026-03-02T14:00:00Z".parse().expect("an instant");
    let mount = Mount::on_loopback(Box::new(EtPay::new()), 0);
    let config = SandboxConfig { clock: Clock::frozen(start), seed: 7, ..SandboxConfig::new(vec![mount]) };
    let sandbox = Sandbox::start(config).await.expect("a sandbox");
    let settings = [
        ("merchant_name", "Librería Andes de prueba".to_owned()),
        ("success_url", format!("{origin}/gracias")),
        ("failure_url", format!("{origin}/lo-sentimos")),
    ];
    let wanted = NewAccount {
        name: "andes".into(),
        notification_url: Some(format!("{origin}/avisos")),
        settings: settings.map(|(name, value)| (name.to_owned(), value)).into(),
    };
    let account = sandbox.steering.open_account("etpay", wanted).expect("an account");
    (sandbox, account)
}

/// Sends a request of the guide, as a developer would.
async fn send_example(sandbox: &RunningSandbox, name: &str) -> Value {
    let (guide, origin) = sandbox.steering.guide("etpay").expect("a guide");
    // Browsers know that names under `localhost` are this machine; the system's resolver need not.
    let address = sandbox.address("etpay").expect("mounted");
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let client = client.resolve("etpay.localhost", address).build().expect("a client");
    let example = guide.requests.into_iter().find(|example| example.name == name).expect("an example");
    let mut request = client.post(format!("{origin}{}", example.path)).body(example.body);
    for (header, value) in example.headers {
        request = request.header(header, value);
    }
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{name}");
    serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
}

/// Bank, credentials, account and the first key: up to the last form.
async fn walk(page: &Page, funnel: &str, rut: &str) {
    page.goto(funnel).await.expect("the funnel");
    page.submit("#bank-form button").await.expect("the first bank");
    page.type_text("input[name=rut]", rut).await.expect("a RUT");
    page.type_text("input[name=password]", "1111").await.expect("a password");
    page.submit("#credentials-form button").await.expect("known");
    page.submit("#account-form button").await.expect("an account");
    page.type_text("input[name=dynamic_key]", "11111111").await.expect("a key");
    page.submit("#dynamic-key-form button").await.expect("taken");
    page.type_text("input[name=second_factor]", "12").await.expect("a coordinate");
    page.submit("#second-factor-form button").await.expect("sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payer_walks_through_the_funnel_and_comes_back_by_the_right_address() {
    let _story = testing::story("a_payer_walks_through_the_funnel_and_comes_back_by_the_right_address");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let (merchant, origin) = Merchant::start().await;
    let (sandbox, account) = served(&origin).await;
    let page = browser.new_page().await.expect("a page");
    let pmt_url = &account.credentials["pmt_url"];

    let paid = send_example(&sandbox, "session").await;
    let funnel = format!("{pmt_url}/session/{}", paid["token"].as_str().expect("a token"));
    page.goto(&funnel).await.expect("the funnel");
    let shown = page.text("body").await.expect("a text");
    for text in ["Librería Andes de prueba", "$24.990 CLP", "ORDEN0001", "Elija su banco"] {
        assert!(shown.contains(text), "{text} is missing in {shown}");
    }
    page.screenshot(&testing::evidence::screenshot("etpay-bancos")).await.expect("a picture");
    walk(&page, &funnel, "111111111").await;
    assert_eq!(page.text("h1").await.expect("a heading"), "Pago realizado");
    page.screenshot(&testing::evidence::screenshot("etpay-resultado")).await.expect("a picture");
    page.click("#return").await.expect("the way back");
    let back = page.wait_for_url(|url| url.contains("/gracias")).await.expect("the success address");
    assert!(back.starts_with(&format!("{origin}/gracias?jwt=ey")), "{back}");

    let failed = send_example(&sandbox, "session").await;
    let funnel = format!("{pmt_url}/session/{}", failed["token"].as_str().expect("a token"));
    walk(&page, &funnel, "333333333").await;
    assert_eq!(page.text("h1").await.expect("a heading"), "El pago no se realizó");
    testing::covers!("ET-15");
    page.click("#return").await.expect("the way back");
    let back = page.wait_for_url(|url| url.contains("/lo-sentimos")).await.expect("the failure address");
    assert!(back.starts_with(&format!("{origin}/lo-sentimos?jwt=ey")), "{back}");
    assert_eq!(page.text("h1").await.expect("a heading"), "Su pago no se hizo");
    assert_eq!(page.console_errors(), Vec::<String>::new());
    testing::covers!("ET-16");

    testing::until(PATIENCE, async || (merchant.received().len() == 2).then_some(())).await;
    sandbox.steering.advance(60).await.expect("a minute passes");
    {
        let received = merchant.received();
        assert_eq!(
            (received.len(), &received[0]),
            (3, &received[2]),
            "the one that was not taken comes again"
        );
    }
    let books: Vec<String> =
        sandbox.steering.ledger(Some("etpay"), None).into_iter().map(|line| line.state).collect();
    assert_eq!(books, ["approved", "rejected"]);
    let journal = format!("{:?}", sandbox.steering.latest_journal(1_000));
    for secret in
        [&account.credentials["merchant_api_token"], paid["signature_token"].as_str().expect("a key")]
    {
        assert!(!journal.contains(secret), "a secret stands in the journal");
    }
    assert!(!journal.contains("password=1111"), "a password stands in the journal");
    sandbox.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_offers_a_collection_of_requests() {
    let _story = testing::story("the_guide_offers_a_collection_of_requests");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let (sandbox, account) = served("http://tienda.localhost:9").await;
    let page = browser.new_page().await.expect("a page");
    page.goto(&format!("http://{}/", sandbox.steering_address())).await.expect("the steering page");
    page.click("a[href='/guides/etpay']").await.expect("a link");
    page.wait_for_url(|url| url.ends_with("/guides/etpay")).await.expect("the guide");
    let text = page.text("body").await.expect("a text");
    for shown in [
        "ETpay",
        "POST {api_url}/session/initialize",
        "444444444",
        "system_error",
        "ET_USER_CANCELLED",
        "cl_estado",
        "late_confirmation_seconds",
        "requests.http",
        account.credentials["merchant_code"].as_str(),
    ] {
        assert!(text.contains(shown), "{shown} is missing in {text}");
    }
    page.screenshot(&testing::evidence::screenshot("etpay-guia")).await.expect("a picture");
    testing::covers!("ET-31");
    sandbox.shut_down().await;
}
