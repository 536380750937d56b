//! What the hub's stories share: a hub on a fresh database, served on loopback, and a merchant's client.

#![allow(dead_code, reason = "each test program uses its own part of this")]

pub mod avalpay;
pub mod paper;
pub mod stage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use hub::settings::{ApiKey, Contact, EventSettings, Merchant};
use hub::store::Store;
use hub::{Clock, Hub, Providers, Settings, server};
use payment::account::{Account, Environment};
use payment::order::Language;
use payment::{Provider, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use testing::TestDatabase;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Key of the merchant `tienda`.
pub const KEY: &str = "sk_prueba_tienda_0000000000000001";
/// A key that was taken from `tienda`.
pub const REVOKED_KEY: &str = "sk_prueba_tienda_0000000000000000";
/// Key of the merchant `otra`.
pub const FOREIGN_KEY: &str = "sk_prueba_otra_00000000000000001";
/// How long a story waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where the frozen clock of the stories begins.
pub const START: &str = "2026-03-14T15:00:00Z";

/// Settings with two merchants and these accounts.
pub fn settings(accounts: Vec<Account>) -> Settings {
    let keys = [(KEY, false), (REVOKED_KEY, true)];
    Settings {
        public_url: "http://caudal.localhost:4040".parse().expect("an address"),
        is_production: false,
        merchants: vec![merchant("tienda", &keys), merchant("otra", &[(FOREIGN_KEY, false)])],
        accounts,
        limits: BTreeMap::new(),
        console: None,
        events: EventSettings { allow_private_targets: true, timeout_ms: 2000 },
        trusted_proxies: vec![],
        clock_follow: None,
        master_key: SecretString::from("5".repeat(64)),
        poll_ms: 20,
        drain_ms: 0,
    }
}

fn merchant(id: &str, keys: &[(&str, bool)]) -> Merchant {
    let api_key = |&(key, is_revoked): &(&str, bool)| ApiKey {
        name: format!("key of {id}"),
        sha256: digest(&SHA256, key.as_bytes()).as_ref().try_into().expect("32 bytes"),
        is_revoked,
    };
    Merchant {
        id: id.to_owned(),
        name: format!("Comercio {id}"),
        api_keys: keys.iter().map(api_key).collect(),
        contact: Contact { email: Some(format!("ayuda@{id}.example")), phone: None },
        language: Language::Es,
        zone: "America/Bogota".to_owned(),
    }
}

/// An account for tests.
pub fn account(id: &str, merchant: &str, provider: &str, base_url: &str) -> Account {
    Account {
        id: id.to_owned(),
        merchant: merchant.to_owned(),
        provider: provider.to_owned(),
        environment: Environment::Test,
        base_url: base_url.parse().expect("an address"),
        credentials: BTreeMap::new(),
        secrets: BTreeMap::new(),
        settings: BTreeMap::new(),
    }
}

/// A hub on a fresh database: both merchants have an account at the paper provider, the clock stands at [`START`].
pub async fn hub_on(database: &TestDatabase, providers: Vec<Arc<dyn Provider>>) -> Arc<Hub> {
    let base_url = "http://127.0.0.1:1/";
    let of = |id: &str, merchant: &str| account(id, merchant, paper::ID, base_url);
    let accounts = vec![of("papel", "tienda"), of("papel-otra", "otra")];
    hub_with(database, settings(accounts), providers).await
}

/// A hub on a fresh database with settings of the story's own.
pub async fn hub_with(
    database: &TestDatabase,
    settings: Settings,
    providers: Vec<Arc<dyn Provider>>,
) -> Arc<Hub> {
    let store = Store::connect(&database.url).await.expect("a store");
    store.migrate().await.expect("the schema");
    let clock = Clock::frozen(start());
    Hub::new(settings, Providers::new(providers), clock, store).expect("a hub")
}

/// The instant [`START`].
pub fn start() -> Timestamp {
    START.parse().expect("a timestamp")
}

/// Serves a hub on loopback as long as the story runs, and gives the address.
pub async fn serve(hub: &Arc<Hub>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(server::serve(Arc::clone(hub), listener, CancellationToken::new()));
    format!("http://{address}").parse().expect("an address")
}

/// A sound order.
pub fn order(reference: &str) -> Value {
    json!({
        "reference": reference,
        "amount": 11_900_000,
        "currency": "COP",
        "description": "Dos lámparas",
        "taxes": [{ "kind": "value_added_tax", "amount": 1_900_000, "base": 10_000_000 }],
        "return_url": "http://tienda.localhost:4042/orders/1",
        "shopper": { "ip": "203.0.113.24", "user_agent": "Prueba/1.0" },
    })
}

/// A merchant's client.
#[derive(Clone)]
pub struct Api {
    base: Url,
    key: String,
    /// For requests of the story's own making.
    pub client: reqwest::Client,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: http::HeaderMap,
    /// The body, null when it is no JSON.
    pub json: Value,
    /// The body as text.
    pub text: String,
}

impl Api {
    /// A client with a key.
    pub fn new(base: &Url, key: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let client = client.expect("a client");
        Self { base: base.clone(), key: key.to_owned(), client }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> Url {
        self.base.join(path).expect("a path")
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(self.url(path)).bearer_auth(&self.key)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.client.delete(self.url(path)).bearer_auth(&self.key)).await
    }

    /// POST of JSON under an idempotency key.
    pub async fn post(&self, path: &str, idempotency_key: &str, body: &Value) -> Answer {
        self.post_bytes(path, idempotency_key, body.to_string().into_bytes()).await
    }

    /// POST of any bytes, declared as JSON.
    pub async fn post_bytes(&self, path: &str, idempotency_key: &str, body: Vec<u8>) -> Answer {
        let request = self.request(path, idempotency_key).header("content-type", "application/json");
        self.send(request.body(body)).await
    }

    /// POST without a body.
    pub async fn act(&self, path: &str, idempotency_key: &str) -> Answer {
        self.send(self.request(path, idempotency_key)).await
    }

    /// A POST to be completed by the story.
    pub fn request(&self, path: &str, idempotency_key: &str) -> reqwest::RequestBuilder {
        self.client.post(self.url(path)).bearer_auth(&self.key).header("idempotency-key", idempotency_key)
    }

    /// Sends any request.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, headers, json, text }
    }

    /// Everything that this merchant has.
    pub async fn everything(&self) -> Value {
        let mut lists = Vec::new();
        for path in ["/v1/payments?limit=100", "/v1/events?limit=100", "/v1/event_endpoints?limit=100"] {
            let answer = self.get(path).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            lists.push(answer.json);
        }
        Value::Array(lists)
    }
}

impl Answer {
    /// A header as text; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Asserts a problem that is complete in all its members, and gives its `param`.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Option<&str> {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["type"], format!("/problems/{code}"));
        assert!(self.json["title"].as_str().is_some_and(|title| !title.is_empty()), "{}", self.text);
        assert!(self.json["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", self.text);
        assert_eq!(self.json["request_id"].as_str(), Some(self.header("request-id")));
        assert!(self.header("request-id").starts_with("req_"));
        self.json["param"].as_str()
    }

    /// A member of the document as text.
    #[track_caller]
    pub fn member(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }
}
