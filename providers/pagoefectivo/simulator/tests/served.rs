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
    served_with(notification_url, false).await
}

async fn served_with(notification_url: &str, tls: bool) -> RunningSandbox {
    let start = "2026-03-02T14:30:00Z".parse().expect("an instant");
    let mount = Mount::on_loopback(Box::new(PagoEfectivo::new()), 0);
    let config =
        SandboxConfig { clock: Clock::frozen(start), seed: 7, tls, ..SandboxConfig::new(vec![mount]) };
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

/// The begin of a handshake as a client of this version sends it, without the extension by which later ones are
/// offered: `[3, 1]` is TLS 1.0, `[3, 3]` TLS 1.2.
fn hello(version: [u8; 2]) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([7; 32]);
    // No session; two suites of that time and one of 1.2; no compression.
    body.extend([0, 0, 6, 0xc0, 0x09, 0xc0, 0x13, 0xc0, 0x2b, 1, 0]);
    // Curves, formats of points, and signatures.
    let extensions =
        [[0, 10, 0, 4, 0, 2, 0, 23].as_slice(), &[0, 11, 0, 2, 1, 0], &[0, 13, 0, 4, 0, 2, 4, 3]].concat();
    body.extend(u16::try_from(extensions.len()).expect("short").to_be_bytes());
    body.extend(extensions);
    let length = u16::try_from(body.len()).expect("short").to_be_bytes();
    let handshake = [[1, 0, length[0], length[1]].as_slice(), &body].concat();
    let length = u16::try_from(handshake.len()).expect("short").to_be_bytes();
    [[22, 3, 1, length[0], length[1]].as_slice(), &handshake].concat()
}

/// What the provider's port says to these bytes, until it has said enough or closes.
async fn answer_to(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    stream.write_all(bytes).await.expect("written");
    let mut answer = vec![0; 64];
    let length = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await.expect("in time");
    answer.truncate(length.unwrap_or_default());
    answer
}

#[tokio::test]
async fn the_api_is_reached_by_tls_of_two_versions_only() {
    let _story = testing::story("the_api_is_reached_by_tls_of_two_versions_only");
    let sandbox = served_with("http://127.0.0.1:9/avisos", true).await;
    let address = sandbox.address("pagoefectivo").expect("mounted");
    let authority = sandbox.authority_pem().expect("an authority").as_bytes();
    let authority = reqwest::Certificate::from_pem(authority).expect("a certificate");
    let (guide, _) = sandbox.steering.guide("pagoefectivo").expect("a guide");
    let body = &guide.requests.iter().find(|example| example.name == "token").expect("a token").body;

    for (version, name) in [(reqwest::tls::Version::TLS_1_2, "1.2"), (reqwest::tls::Version::TLS_1_3, "1.3")]
    {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority.clone()]);
        let client = client.tls_version_min(version).tls_version_max(version).build().expect("a client");
        let answer =
            client.post(format!("https://{address}/v1/authorizations")).body(body.clone()).send().await;
        assert_eq!(answer.expect(name).status(), 201, "{name}");
        assert_eq!(sandbox.steering.latest_journal(1)[0].tls_version.as_deref(), Some(name));
    }
    const ALERT: u8 = 21;
    const HANDSHAKE: u8 = 22;
    const PROTOCOL_VERSION: u8 = 70;
    for (version, name) in [([3, 1], "1.0"), ([3, 2], "1.1")] {
        let answer = answer_to(address, &hello(version)).await;
        assert_eq!(
            (answer.first(), answer.last()),
            (Some(&ALERT), Some(&PROTOCOL_VERSION)),
            "{name}: {answer:?}"
        );
    }
    let answer = answer_to(address, &hello([3, 3])).await;
    assert_eq!(answer.first(), Some(&HANDSHAKE), "the same bytes of 1.2 are taken: {answer:?}");
    testing::covers!("PE-02");

    let seen = sandbox.steering.latest_journal(100).len();
    let plain = format!(
        "POST /v1/authorizations HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = answer_to(address, plain.as_bytes()).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(sandbox.steering.latest_journal(100).len(), seen, "no call came in");
    testing::covers!("PE-01");
}
