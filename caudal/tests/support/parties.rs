//! The parties around a hub under test: the provider's sandbox, a merchant with its inbox, a shopper. They live in
//! the test's own process, and outlive any hub.
#![allow(dead_code, reason = "each test program uses a part of this")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use placetopay_simulator::AvalPay;
use sandbox::{Mount, RunningSandbox, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use simulation::NewAccount;
use simulation::hardship::{RequestFault, Rule, Target, Times};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::{MASTER_KEY, Place};

pub const PROVIDER: &str = "avalpay";
const APPROVED_CARD: &str = "4110760000000081";
/// The merchant's API key, and its SHA-256.
pub const KEY: &str = "sk_only_for_tests";
const KEY_SHA256: &str = "8b3e6e3a2e0041c6ab31bc2be300804298754bfc04b690e700b33a515487e658";

/// A provider's sandbox with one account.
pub struct Provider {
    pub sandbox: RunningSandbox,
    login: String,
    secret_key: String,
}

impl Provider {
    /// Opens an account whose notices go to an address.
    pub async fn start(notices: &str) -> Provider {
        let mounts = vec![Mount::on_loopback(Box::new(AvalPay::new()), 0)];
        let sandbox = Sandbox::start(SandboxConfig::new(mounts)).await.expect("a sandbox");
        let wanted = NewAccount {
            name: "main".into(),
            notification_url: Some(notices.to_owned()),
            settings: BTreeMap::new(),
        };
        let opened = sandbox.steering.open_account(PROVIDER, wanted).expect("an account");
        let credential = |name: &str| opened.credentials[name].clone();
        Provider { login: credential("login"), secret_key: credential("secret_key"), sandbox }
    }

    /// A directory with the configuration and the keys of a hub that knows this account. `more` ends the account's
    /// section, so that it may begin others.
    pub fn place_of_a_hub(&self, address: &str, database: &str, more: &str) -> Place {
        let steering = self.sandbox.steering_address();
        let provider = self.sandbox.address(PROVIDER).expect("a port");
        let place = Place::with(&format!(
            "[hub]\nlisten = \"{address}\"\npublic_url = \"http://{address}\"\npoll_ms = 20\n\
             [database]\nurl = \"{database}\"\n[keys]\nmaster_key_file = \"master.key\"\n\
             [events]\nallow_private_targets = true\ntimeout_ms = 5000\n[clock]\nfollow = \"http://{steering}\"\n\
             [merchants.shop]\nname = \"Tienda de prueba\"\n\
             [[merchants.shop.api_keys]]\nname = \"test\"\nsha256 = \"{KEY_SHA256}\"\n\
             [accounts.main]\nmerchant = \"shop\"\nprovider = \"{PROVIDER}\"\nenvironment = \"test\"\n\
             base_url = \"http://{provider}/\"\n\
             [accounts.main.settings]\nlogin = \"{}\"\nsecret_key_file = \"secret.key\"\n{more}",
            self.login
        ));
        place.write("master.key", MASTER_KEY, 0o600);
        place.write("secret.key", &self.secret_key, 0o600);
        place
    }

    /// Puts a fault in force for requests of an operation.
    pub fn spoil(&self, operation: &str, fault: RequestFault, times: Times) {
        let on = Target::Request { operation: Some(operation.into()), fault };
        let rule = Rule { provider: PROVIDER.into(), on, account: None, about: None, times };
        self.sandbox.steering.add_hardship(rule).expect("a hardship");
    }

    /// Approved charges in the ledger.
    pub fn charges(&self) -> usize {
        let ledger = self.sandbox.steering.ledger(None, None);
        ledger.iter().filter(|line| line.state == "approved" && line.kind == "charge").count()
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

/// Pays in the provider's page, without scripts; answers the page that tells the result.
pub async fn pay(http: &reqwest::Client, payment: &Value) -> String {
    let page = payment["pay_url"].as_str().unwrap_or_else(|| panic!("nowhere to pay: {payment}"));
    let read = async |request: reqwest::RequestBuilder| {
        request.send().await.expect("the provider answers").text().await.expect("a page")
    };
    let buyer = [("email", "compradora@correo.example")];
    read(http.post(format!("{page}/email")).form(&buyer)).await;
    let form = read(http.get(format!("{page}/card"))).await;
    let token = between(&form, "name=\"form_token\" value=\"", "\"");
    let fields = [
        ("form_token", token),
        ("card_number", APPROVED_CARD),
        ("expiry", "11/49"),
        ("cvv", "123"),
        ("installments", "1"),
        ("holder_name", "Mariana"),
        ("holder_surname", "Prueba"),
        ("document_type", "CC"),
        ("document", "1093847561"),
        ("mobile", "3005550147"),
    ];
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

/// An address that was free a moment ago.
pub async fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// The text between two others.
pub fn between<'text>(text: &'text str, before: &str, after: &str) -> &'text str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).expect("an end").0
}
