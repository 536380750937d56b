//! The parties around a hub under test: the provider's sandbox, a merchant with its inbox, a shopper. They live in
//! the test's own process, and outlive any hub.
#![allow(dead_code, reason = "each test program uses a part of this")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use payment::profile::{Profile, SettingKind};
use sandbox::{Mount, RunningSandbox, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use simulation::hardship::{NoticeFault, RequestFault, Rule, Target, Times};
use simulation::{Command, NewAccount, Simulator};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::{MASTER_KEY, Place};

pub const PROVIDER: &str = "avalpay";
const APPROVED_CARD: &str = "4110760000000081";
/// A card whose every charge is denied as one of a stolen card.
const STOLEN_CARD: &str = "4110769000000405";
/// The merchant's API key, and its SHA-256.
pub const KEY: &str = "sk_only_for_tests";
const KEY_SHA256: &str = "8b3e6e3a2e0041c6ab31bc2be300804298754bfc04b690e700b33a515487e658";

/// Ports below those that the system gives to outgoing connections.
const PORTS: [u16; 2] = [20_000, 32_000];

/// Which provider takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    AvalPay,
    PagoEfectivo,
    EtPay,
    Carat,
}

impl Part {
    pub fn id(self) -> &'static str {
        self.profile().id
    }

    fn profile(self) -> &'static Profile {
        use payment::Provider;
        match self {
            Part::AvalPay => placetopay_client::checkout::AvalPay.profile(),
            Part::PagoEfectivo => pagoefectivo_client::PagoEfectivo.profile(),
            Part::EtPay => etpay_client::EtPay.profile(),
            Part::Carat => carat_esitef_client::CaratEsitef.profile(),
        }
    }

    fn simulator(self) -> Box<dyn Simulator> {
        match self {
            Part::AvalPay => Box::new(placetopay_simulator::AvalPay::new()),
            Part::PagoEfectivo => Box::new(pagoefectivo_simulator::PagoEfectivo::new()),
            Part::EtPay => Box::new(etpay_simulator::EtPay::new()),
            Part::Carat => Box::new(carat_esitef_simulator::CaratEsitef::new()),
        }
    }

    /// What an order costs, in minor units.
    pub fn amount(self) -> i64 {
        match self {
            Part::AvalPay => 11_900_000,
            Part::PagoEfectivo => 14_990,
            Part::EtPay => 24_990,
            Part::Carat => 11_900,
        }
    }

    /// An order of the merchant.
    pub fn order(self, reference: &str) -> Value {
        let mut order = order(reference);
        order["amount"] = self.amount().into();
        match self {
            Part::AvalPay => {}
            Part::PagoEfectivo => {
                order["currency"] = "PEN".into();
                order["buyer"] =
                    json!({ "name": "Rosa", "surname": "Prueba", "email": "rosa.prueba@correo.example" });
            }
            Part::EtPay => order["currency"] = "CLP".into(),
            Part::Carat => order["currency"] = "BRL".into(),
        }
        order
    }
}

/// A provider's sandbox with one account.
pub struct Provider {
    pub part: Part,
    pub sandbox: RunningSandbox,
    credentials: BTreeMap<String, String>,
}

impl Provider {
    /// Opens an account at Aval Pay whose notices go to an address.
    pub async fn start(notices: &str) -> Provider {
        Provider::play(Part::AvalPay, notices).await
    }

    /// Opens an account at a provider, whose notices go to an address.
    pub async fn play(part: Part, notices: &str) -> Provider {
        let mounts = vec![Mount::on_loopback(part.simulator(), 0)];
        let sandbox = Sandbox::start(SandboxConfig::new(mounts)).await.expect("a sandbox");
        let mut wanted = NewAccount {
            name: "main".into(),
            notification_url: Some(notices.to_owned()),
            settings: BTreeMap::new(),
        };
        if part == Part::EtPay {
            for page in ["success_url", "failure_url"] {
                wanted.settings.insert(page.into(), format!("http://tienda.localhost:4042/{page}"));
            }
        }
        if part == Part::Carat {
            wanted.notification_url = Some(format!("{notices}/status"));
            for route in ["storage", "authenticity"] {
                wanted.settings.insert(format!("{route}_url"), format!("{notices}/{route}"));
            }
        }
        let opened = sandbox.steering.open_account(part.id(), wanted).expect("an account");
        Provider { part, credentials: opened.credentials, sandbox }
    }

    /// Where it is reached.
    pub fn address(&self) -> String {
        format!("http://{}", self.sandbox.address(self.part.id()).expect("a port"))
    }

    /// Has it do something.
    pub fn command(&self, name: &str, arguments: Value) -> Value {
        let command = Command { name: name.into(), arguments };
        self.sandbox.steering.command(self.part.id(), &command).expect("the command")
    }

    /// A directory with the configuration and the keys of a hub that knows this account. `more` ends the account's
    /// section, so that it may begin others.
    pub fn place_of_a_hub(&self, address: &str, database: &str, more: &str) -> Place {
        let steering = self.sandbox.steering_address();
        let (provider, base_url) = (self.part.id(), self.address());
        let place = Place::with("");
        let mut settings = String::new();
        for setting in self.part.profile().settings {
            let Some(value) = self.credentials.get(setting.name) else { continue };
            let line = match setting.kind {
                SettingKind::Credential => format!("{} = \"{value}\"\n", setting.name),
                SettingKind::Secret => {
                    place.write(&format!("{}.key", setting.name), value, 0o600);
                    format!("{0}_file = \"{0}.key\"\n", setting.name)
                }
                SettingKind::OneOf(_) | SettingKind::Number { .. } | SettingKind::Text => continue,
            };
            settings.push_str(&line);
        }
        let configuration = format!(
            "[hub]\nlisten = \"{address}\"\npublic_url = \"http://{address}\"\npoll_ms = 20\n\
             [database]\nurl = \"{database}\"\n[keys]\nmaster_key_file = \"master.key\"\n\
             [events]\nallow_private_targets = true\ntimeout_ms = 5000\n[clock]\nfollow = \"http://{steering}\"\n\
             [merchants.shop]\nname = \"Tienda de prueba\"\n\
             [[merchants.shop.api_keys]]\nname = \"test\"\nsha256 = \"{KEY_SHA256}\"\n\
             [accounts.main]\nmerchant = \"shop\"\nprovider = \"{provider}\"\nenvironment = \"test\"\n\
             base_url = \"{base_url}/\"\n[accounts.main.settings]\n{settings}{more}"
        );
        place.write("caudal.toml", &configuration, 0o644);
        place.write("master.key", MASTER_KEY, 0o600);
        place
    }

    /// Puts a fault in force for requests of an operation.
    pub fn spoil(&self, operation: &str, fault: RequestFault, times: Times) {
        self.put_in_force(Target::Request { operation: Some(operation.into()), fault }, times);
    }

    /// From now on its notices reach nobody.
    pub fn lose_notices(&self) {
        self.put_in_force(Target::Notice { status: None, fault: NoticeFault::Lost }, Times::Forever);
    }

    fn put_in_force(&self, on: Target, times: Times) {
        let rule = Rule { provider: self.part.id().into(), on, account: None, about: None, times };
        self.sandbox.steering.add_hardship(rule).expect("a hardship");
    }

    /// Approved charges in the ledger.
    pub fn charges(&self) -> usize {
        self.booked(|kind| kind == "charge")
    }

    /// What was given back, by whatever way, in the ledger.
    pub fn refunds(&self) -> usize {
        self.booked(|kind| matches!(kind, "refund" | "reversal"))
    }

    fn booked(&self, is_meant: impl Fn(&str) -> bool) -> usize {
        let ledger = self.sandbox.steering.ledger(None, None);
        ledger.iter().filter(|line| line.state == "approved" && is_meant(&line.kind)).count()
    }
}

/// An order of the merchant.
pub fn order(reference: &str) -> Value {
    json!({
        "reference": reference,
        "amount": 11_900_000,
        "currency": "COP",
        "shopper": { "ip": "203.0.113.24", "user_agent": "Prueba/1.0" },
    })
}

/// Goes through ETpay's funnel without scripts, as a payer of the test bank whose transfer is done.
pub async fn transfer(provider: &Provider, payment: &Value) {
    let page = payment["pay_url"].as_str().unwrap_or_else(|| panic!("nowhere to pay: {payment}"));
    let path = reqwest::Url::parse(page).expect("an address").path().to_owned();
    let funnel = format!("{}{path}", provider.address());
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).cookie_store(true);
    let browser = browser.build().expect("a browser");
    assert_eq!(browser.get(&funnel).send().await.expect("the funnel").status(), 200);
    let steps: [(&str, &[(&str, &str)]); 5] = [
        ("bank", &[("bank", "cl_test")]),
        ("credentials", &[("rut", "111111111"), ("password", "1111")]),
        ("account", &[]),
        ("dynamic-key", &[("dynamic_key", "11111111")]),
        ("second-factor", &[("second_factor", "12")]),
    ];
    for (step, form) in steps {
        let answer = browser.post(format!("{funnel}/{step}")).form(form).send().await;
        let status = answer.expect("an answer").status().as_u16();
        assert!(matches!(status, 200 | 302 | 303), "{step}: {status}");
    }
}

/// Pays in Aval Pay's page, without scripts; answers the page that tells the result.
pub async fn pay(http: &reqwest::Client, payment: &Value) -> String {
    pay_so_much(http, payment, None).await
}

/// The same where the page asks how much: so much, as it takes it.
pub async fn pay_so_much(http: &reqwest::Client, payment: &Value, amount: Option<&str>) -> String {
    type_card(http, payment, APPROVED_CARD, amount).await
}

/// Enrols a card in Aval Pay's page that is denied when it is charged.
pub async fn enrol(http: &reqwest::Client, enrolment: &Value) {
    type_card(http, enrolment, STOLEN_CARD, None).await;
}

async fn type_card(http: &reqwest::Client, payment: &Value, card: &str, amount: Option<&str>) -> String {
    let page = payment["pay_url"].as_str().unwrap_or_else(|| panic!("nowhere to pay: {payment}"));
    let read = async |request: reqwest::RequestBuilder| {
        request.send().await.expect("the provider answers").text().await.expect("a page")
    };
    let buyer = [("email", "compradora@correo.example")];
    read(http.post(format!("{page}/email")).form(&buyer)).await;
    let form = read(http.get(format!("{page}/card"))).await;
    let token = between(&form, "name=\"form_token\" value=\"", "\"");
    let mut fields = vec![
        ("form_token", token),
        ("card_number", card),
        ("expiry", "11/49"),
        ("cvv", "123"),
        ("installments", "1"),
        ("holder_name", "Mariana"),
        ("holder_surname", "Prueba"),
        ("document_type", "CC"),
        ("document", "1093847561"),
        ("mobile", "3005550147"),
    ];
    fields.extend(amount.map(|amount| ("amount", amount)));
    read(http.post(format!("{page}/card")).form(&fields)).await
}

/// The merchant's inbox.
#[derive(Clone, Default)]
pub struct Inbox {
    posts: Arc<Mutex<Vec<Post>>>,
    is_holding: watch::Sender<bool>,
}

/// An event as it was posted to the inbox.
#[derive(Clone, Debug)]
pub struct Post {
    pub id: String,
    pub kind: String,
    pub reference: String,
    /// Whether it was answered at once by 200.
    pub was_taken: bool,
}

/// How often an event of a kind was told, and by how many events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub times: usize,
    pub ids: usize,
}

impl Inbox {
    /// Opens it; answers its address too.
    pub async fn open() -> (Inbox, String, JoinHandle<()>) {
        let inbox = Inbox::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/events", listener.local_addr().expect("an address"));
        let router = Router::new().route("/events", post(receive)).with_state(inbox.clone());
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the inbox is open");
        });
        (inbox, url, serving)
    }

    /// From now on answers nothing, until it takes again; then what it held is refused.
    pub fn hold(&self) {
        self.is_holding.send_replace(true);
    }

    /// Takes what comes from now on; what came before goes on being held.
    pub fn refuse_held(&self) {
        self.is_holding.send_replace(false);
    }

    /// Everything that was posted, in order.
    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().expect("the inbox").clone()
    }

    /// How often, and by how many events, it was told of something else than a payment.
    pub fn told_of(&self, kind: &str) -> Told {
        let posts = self.posts();
        let ids: Vec<&str> =
            posts.iter().filter(|post| post.kind == kind).map(|post| post.id.as_str()).collect();
        Told { times: ids.len(), ids: ids.iter().collect::<BTreeSet<_>>().len() }
    }

    /// How often, and by how many events, it was told that a payment came to a status.
    pub fn told(&self, reference: &str, status: &str) -> Told {
        let kind = format!("payment.{status}");
        let posts = self.posts();
        let ids = posts.iter().filter(|post| post.kind == kind && post.reference == reference);
        let ids: Vec<&str> = ids.map(|post| post.id.as_str()).collect();
        Told { times: ids.len(), ids: ids.iter().collect::<BTreeSet<_>>().len() }
    }
}

async fn receive(State(inbox): State<Inbox>, headers: HeaderMap, body: String) -> StatusCode {
    let id = headers["webhook-id"].to_str().expect("text").to_owned();
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut holding = inbox.is_holding.subscribe();
    let was_taken = !*holding.borrow_and_update();
    let (kind, reference) = (text(&body["type"]), text(&body["data"]["reference"]));
    inbox.posts.lock().expect("the inbox").push(Post { id, kind, reference, was_taken });
    if was_taken {
        return StatusCode::OK;
    }
    holding.wait_for(|is_holding| !is_holding).await.expect("the inbox is open");
    StatusCode::INTERNAL_SERVER_ERROR
}

/// An address that is free, of those that no outgoing connection is given, so that it is free still when a hub that died
/// comes back to it. Each is given once, so that no neighbour takes it meanwhile.
pub async fn free_address() -> String {
    static GIVEN: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random()));
    loop {
        let port = PORTS[0] + GIVEN.fetch_add(1, Ordering::Relaxed) % (PORTS[1] - PORTS[0]);
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return listener.local_addr().expect("an address").to_string();
        }
    }
}

/// The text between two others.
pub fn between<'text>(text: &'text str, before: &str, after: &str) -> &'text str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).expect("an end").0
}
