//! The simulator as the sandbox serves it, in Chromium without scripts: the simulator of payments with a merchant
//! that answers, the payer's page, and the guide.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::routing::post;
use browser::BrowserOptions;
use pagoefectivo_simulator::PagoEfectivo;
use sandbox::{Mount, RunningSandbox, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use simulation::{Clock, NewAccount};

const PATIENCE: Duration = Duration::from_secs(10);

fn without_scripts() -> BrowserOptions {
    BrowserOptions { javascript: false, ..BrowserOptions::default() }
}

/// A merchant whose first answer is 503 and every later one 200; it keeps who called and what was said.
#[derive(Clone, Default)]
struct Merchant(Arc<Mutex<Vec<(SocketAddr, String)>>>);

impl Merchant {
    async fn start() -> (Self, String) {
        let merchant = Self::default();
        let router = Router::new().route("/avisos", post(Self::receive)).with_state(merchant.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/avisos", listener.local_addr().expect("bound"));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        (merchant, url)
    }

    async fn receive(
        State(merchant): State<Self>,
        ConnectInfo(caller): ConnectInfo<SocketAddr>,
        body: String,
    ) -> StatusCode {
        let mut received = merchant.received();
        received.push((caller, body));
        if received.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
    }

    fn received(&self) -> std::sync::MutexGuard<'_, Vec<(SocketAddr, String)>> {
        self.0.lock().expect("unpoisoned")
    }
}

/// A sandbox on the provider's clock, with one account.
async fn served(notification_url: &str) -> RunningSandbox {
    let start = "2026-03-02T14:30:00Z".parse().expect("an instant");
    let mount = Mount::on_loopback(Box::new(PagoEfectivo::new()), 0);
    let config = SandboxConfig { clock: Clock::frozen(start), seed: 7, ..SandboxConfig::new(vec![mount]) };
    let sandbox = Sandbox::start(config).await.expect("a sandbox");
    let settings = [
        ("notice_sources", "127.0.0.52,127.0.0.54"),
        ("reminder_countries", "+51"),
        ("merchant_name", "Librería Andes de prueba"),
    ];
    let wanted = NewAccount {
        name: "andes".into(),
        notification_url: Some(notification_url.to_owned()),
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    };
    sandbox.steering.open_account("pagoefectivo", wanted).expect("an account");
    sandbox
}

/// Makes a CIP with the requests of the guide, as a developer would: its number and its page.
async fn make_cip(sandbox: &RunningSandbox) -> (String, String) {
    let (guide, origin) = sandbox.steering.guide("pagoefectivo").expect("a guide");
    // Browsers know that names under `localhost` are this machine; the system's resolver need not.
    let address = sandbox.address("pagoefectivo").expect("mounted");
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let client = client.resolve("pagoefectivo.localhost", address).build().expect("a client");
    let mut token = String::new();
    for name in ["token", "crear"] {
        let example = guide.requests.iter().find(|example| example.name == name).expect(name);
        let mut request = client.post(format!("{origin}{}", example.path)).body(example.body.clone());
        for (header, value) in &example.headers {
            request = request.header(header, value.replace("{{token.response.body.$.data.token}}", &token));
        }
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 201, "{name}");
        let answer: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
        if name == "crear" {
            let url = answer["data"]["cipUrl"].as_str().expect("an address").to_owned();
            return (answer["data"]["cip"].to_string(), url);
        }
        answer["data"]["token"].as_str().expect("a token").clone_into(&mut token);
    }
    panic!("the guide makes no CIP");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_developer_pays_a_cip_and_watches_the_notice_and_its_answer() {
    let _story = testing::story("a_developer_pays_a_cip_and_watches_the_notice_and_its_answer");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let (merchant, url) = Merchant::start().await;
    let sandbox = served(&url).await;
    let (cip, cip_page) = make_cip(&sandbox).await;
    let page = browser.new_page().await.expect("a page");

    page.goto(&cip_page).await.expect("the payer's page");
    assert_eq!(page.text("#cip").await.expect("the code"), cip);
    assert_eq!(page.text("#amount").await.expect("the amount"), "S/. 149.90");
    page.type_text("input[name=phone]", "951204477").await.expect("a number");
    page.submit("#sms-form button").await.expect("sent");
    assert!(page.text("main").await.expect("a text").contains("Enviamos el código"));
    page.screenshot(&testing::evidence::screenshot("pagoefectivo-cip")).await.expect("a picture");

    let origin = cip_page.rsplit_once('/').expect("a path").0.to_owned();
    page.goto(&format!("{origin}/simulador-de-pagos")).await.expect("the simulator of payments");
    page.type_text("input[name=cip]", &cip).await.expect("a code");
    page.submit("#look-form button").await.expect("found");
    page.select("select[name=channel]", "Interbank").await.expect("a channel");
    page.submit("#pay-form button").await.expect("paid");
    let page_text = async || {
        page.goto(&format!("{origin}/simulador-de-pagos?cip={cip}")).await.expect("the page");
        page.text("main").await.expect("a text")
    };
    testing::until(PATIENCE, async || page_text().await.contains("HTTP 503").then_some(())).await;
    sandbox.steering.advance(300).await.expect("five minutes pass");
    let shown = page_text().await;
    for text in ["Cancelado (pagado)", "Interbank", "HTTP 503", "HTTP 200", "PE-Signature: ", "cip.paid"] {
        assert!(shown.contains(text), "{text} is missing in {shown}");
    }
    page.screenshot(&testing::evidence::screenshot("pagoefectivo-simulador")).await.expect("a picture");
    {
        let received = merchant.received();
        assert_eq!(received.len(), 2, "two attempts in all");
        assert_eq!(received[0].1, received[1].1, "the same bytes");
        assert!(received.iter().all(|(caller, _)| caller.ip().to_string() == "127.0.0.52"), "from the pool");
    }
    let ledger = sandbox.steering.ledger(Some("pagoefectivo"), None);
    assert_eq!((ledger.len(), ledger[0].amount.as_str()), (1, "149.90"));
    testing::covers!("PE-40");

    let concurrent = json!({ "cip": cip.parse::<u64>().expect("a number"), "variant": "concurrent" });
    let command = simulation::Command { name: "notify".into(), arguments: concurrent };
    sandbox.steering.command("pagoefectivo", &command).expect("sent");
    testing::until(PATIENCE, async || (merchant.received().len() == 4).then_some(())).await;
    sandbox.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_is_read_in_a_browser() {
    let _story = testing::story("the_guide_is_read_in_a_browser");
    let Some(browser) = testing::chromium(without_scripts()).await else { return };
    let sandbox = served("http://127.0.0.1:9/avisos").await;
    let page = browser.new_page().await.expect("a page");
    page.goto(&format!("http://{}/", sandbox.steering_address())).await.expect("the steering page");
    page.click("a[href='/guides/pagoefectivo']").await.expect("a link");
    page.wait_for_url(|url| url.ends_with("/guides/pagoefectivo")).await.expect("the guide");
    let text = page.text("body").await.expect("a text");
    for shown in [
        "PagoEfectivo",
        "POST /v1/authorizations",
        "PE-Signature",
        "52.41.2.36, 54.203.44.193",
        "127.0.0.52, 127.0.0.54",
        "ahora + 9 min 59 s",
        "Generar un CIP que vence en dos días",
        "requests.http",
    ] {
        assert!(text.contains(shown), "{shown} is missing in {text}");
    }
    page.screenshot(&testing::evidence::screenshot("pagoefectivo-guia")).await.expect("a picture");
    testing::covers!("PE-41");
    sandbox.shut_down().await;
}
