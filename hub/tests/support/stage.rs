//! Where stories of a provider play: a hub, the sandbox with the provider, and a merchant that receives events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use hub::flow::idempotency::{self, Keyed, Wording};
use hub::flow::{self, CreateError, NewPayment};
use hub::settings::{Contact, EventSettings, Merchant, Settings};
use hub::store::{Endpoint, Payment, Store};
use hub::{Clock, Hub, Providers};
use payment::account::{Account, Environment};
use payment::id::{AttemptId, EndpointId};
use payment::order::{Language, Order, Shopper};
use payment::profile::SettingKind;
use payment::{Money, Provider, Status, Timestamp};
use sandbox::{Mount, RunningSandbox, Sandbox, SandboxConfig};
use secrecy::SecretString;
use simulation::hardship::{NoticeFault, RequestFault, Rule, Target, Times};
use simulation::{Command, NewAccount, Simulator};
use testing::TestDatabase;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The merchant of the stories.
pub const MERCHANT: &str = "tienda";
const ENDPOINT_SECRET: &[u8] = b"a secret of the stories, 32 bytes";
const PATIENCE: Duration = Duration::from_secs(20);

/// Every setting of an account that is an address of the hub, with what comes after the hub's own.
fn addresses_below(hub_url: &str, wanted: &NewAccount) -> Vec<(String, String)> {
    let usual = wanted.notification_url.iter().map(|url| ("notification_url", url));
    let others = wanted.settings.iter().map(|(name, value)| (name.as_str(), value));
    let below = |(name, url): (&str, &String)| Some((name.to_owned(), url.strip_prefix(hub_url)?.to_owned()));
    usual.chain(others).filter_map(below).collect()
}

/// An event as the merchant received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// The `type` of the body.
    pub kind: String,
    /// The body.
    pub body: serde_json::Value,
    /// Whether the signature holds.
    pub is_genuine: bool,
}

#[derive(Clone, Default)]
struct Inbox {
    received: Arc<Mutex<Vec<Received>>>,
    /// Statuses to answer before the usual 200.
    moods: Arc<Mutex<Vec<u16>>>,
}

/// Who plays the provider.
pub struct Cast {
    /// How the hub speaks to it.
    pub protocol: Arc<dyn Provider>,
    /// Who answers.
    pub simulator: Box<dyn Simulator>,
    /// The provider account.
    pub account: &'static str,
    /// An order by its reference.
    pub order: fn(&str) -> Order,
}

/// A hub, a sandbox and a merchant.
pub struct Stage {
    /// The provider's id.
    pub provider: &'static str,
    /// The provider account.
    pub account: &'static str,
    order: fn(&str) -> Order,
    /// What the account is told of the hub's addresses, by setting, and what each has below the hub's.
    addresses: Vec<(String, String)>,
    /// The hub.
    pub hub: Arc<Hub>,
    /// The sandbox.
    pub sandbox: RunningSandbox,
    /// Where the hub is reached.
    pub hub_url: String,
    /// A browser without scripts.
    pub browser: reqwest::Client,
    inbox: Inbox,
    database_url: String,
    shutdown: CancellationToken,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Stage {
    /// Sets everything up on a fresh database, with an account at the provider and settings of the hub as changed.
    pub async fn build(
        database: &TestDatabase,
        cast: Cast,
        change: impl FnOnce(&mut NewAccount),
        environment: Environment,
        tune: impl FnOnce(&mut Settings),
    ) -> Self {
        let Cast { protocol, simulator, account: account_id, order } = cast;
        let provider = protocol.profile().id;
        let start = start();
        let sandbox_clock = simulation::Clock::frozen(start);
        let mut config = SandboxConfig::new(vec![Mount::on_loopback(simulator, 0)]);
        config.clock = sandbox_clock;
        config.seed = 7;
        // A hub that died in a rehearsal leaves the provider without an answer.
        config.notice_timeout = Duration::from_secs(3);
        let sandbox = Sandbox::start(config).await.expect("the sandbox starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for the hub");
        let hub_url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut wanted = NewAccount {
            name: account_id.into(),
            notification_url: Some(format!("{hub_url}/notices/{provider}/{account_id}")),
            settings: BTreeMap::new(),
        };
        change(&mut wanted);
        let addresses = addresses_below(&hub_url, &wanted);
        let opened = sandbox.steering.open_account(provider, wanted).expect("an account");
        let provider_url = format!("http://{}", sandbox.address(provider).expect("a port"));
        let account = account(account_id, protocol.as_ref(), &opened.credentials, &provider_url, environment);

        let store = Store::connect(&database.url).await.expect("the database");
        store.migrate().await.expect("the schema");
        let mut settings = settings(&hub_url, vec![account]);
        tune(&mut settings);
        let providers = Providers::new(vec![protocol]);
        let hub = Hub::new(settings, providers, Clock::frozen(start), store).expect("a hub");
        let shutdown = CancellationToken::new();
        tokio::spawn(hub::server::serve(Arc::clone(&hub), listener, shutdown.clone()));
        let browser = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .cookie_store(true)
            .build()
            .expect("a browser");
        let inbox = Inbox::default();
        let stage = Self {
            provider,
            account: account_id,
            order,
            addresses,
            hub,
            sandbox,
            hub_url,
            browser,
            inbox,
            database_url: database.url.clone(),
            shutdown,
        };
        stage.open_endpoint().await;
        stage
    }

    /// Another hub in the place of one that died, on the same record and in the same time.
    pub async fn restart(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for the hub");
        self.hub_url = format!("http://{}", listener.local_addr().expect("an address"));
        let store = Store::connect(&self.database_url).await.expect("the database");
        let mut settings = self.hub.settings.clone();
        settings.public_url = self.hub_url.parse().expect("a URL");
        let clock = Clock::frozen(start());
        clock.follow(self.hub.clock.now().as_microsecond() - start().as_microsecond());
        self.hub = Hub::new(settings, self.hub.providers.clone(), clock, store).expect("a hub");
        tokio::spawn(hub::server::serve(Arc::clone(&self.hub), listener, self.shutdown.clone()));
        for (setting, path) in &self.addresses {
            let value = format!("{}{path}", self.hub_url);
            let told = serde_json::json!({ "account": self.account, "setting": setting, "value": value });
            self.command("set_account", told);
        }
    }

    async fn open_endpoint(&self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for the merchant");
        let url = format!("http://{}/events", listener.local_addr().expect("an address"));
        let router = Router::new().route("/events", post(receive)).with_state(self.inbox.clone());
        let stop = self.shutdown.clone();
        tokio::spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
        });
        let now = self.hub.clock.now();
        let endpoint = Endpoint {
            id: EndpointId::new(now, self.hub.entropy()),
            merchant_id: MERCHANT.into(),
            url: url.parse().expect("a URL"),
            disabled_reason: None,
            created_at: now,
        };
        let place = format!("event_endpoint/secret/{}", endpoint.id);
        let sealed = self.hub.vault.seal(&place, ENDPOINT_SECRET).expect("sealed");
        self.hub.store.insert_endpoint(&endpoint, &sealed, "stage").await.expect("an endpoint");
    }

    /// The merchant.
    pub fn merchant(&self) -> Merchant {
        self.hub.settings.merchant(MERCHANT).expect("the merchant").clone()
    }

    /// Creates a payment.
    pub async fn order(&self, reference: &str) -> Payment {
        self.try_order(reference).await.expect("a payment")
    }

    /// The same, when it may fail.
    pub async fn try_order(&self, reference: &str) -> Result<Payment, CreateError> {
        let wanted = NewPayment {
            order: (self.order)(reference),
            account_id: None,
            idempotency_key: format!("key-{reference}"),
        };
        let merchant = self.merchant();
        // The way that the API goes: under a key.
        let claim = idempotency::claim(
            &self.hub,
            MERCHANT,
            "POST /v1/payments",
            &wanted.idempotency_key,
            &["huella".into()],
        );
        let keyed = Keyed { claim, answer: |_| (201, Wording::Document) };
        match flow::create_keyed_payment(&self.hub, &merchant, &wanted, keyed).await {
            Err(CreateError::KeyTaken(_) | CreateError::NotAtOnce) => {
                flow::create_payment(&self.hub, &merchant, wanted).await
            }
            made => Ok(made?.payment),
        }
    }

    /// The shopper comes back to the hub.
    pub async fn come_back(&self, payment: &Payment) -> u16 {
        let attempt = self.attempt(payment).await;
        let url = self.hub.return_url(MERCHANT, &attempt);
        self.browser.get(url).send().await.expect("the return page").status().as_u16()
    }

    /// The payment's newest attempt.
    pub async fn attempt(&self, payment: &Payment) -> AttemptId {
        let attempts = self.hub.store.attempts(MERCHANT, &payment.id).await.expect("attempts");
        attempts.last().expect("an attempt").id.clone()
    }

    /// Waits until every notice has left, then does all work of the hub that is due.
    pub async fn settle(&self) {
        let quiet = testing::until(PATIENCE, async || {
            let notices = serde_json::to_value(self.sandbox.steering.notices()).expect("JSON");
            let waits = notices.as_array().expect("a list").iter().any(|notice| {
                let is_due = notice["due_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
                let is_due = is_due.is_none_or(|at| at <= self.hub.clock.now());
                is_due && matches!(notice["state"].as_str(), Some("queued" | "sending" | "waiting"))
            });
            (!waits).then_some(())
        });
        quiet.await;
        loop {
            let asked = flow::probe_due(&self.hub, 16).await.expect("the probe");
            let delivered = flow::deliver_due_events(&self.hub, 32).await.expect("the deliveries");
            if asked + delivered == 0 {
                break;
            }
        }
    }

    /// Moves both clocks, then settles.
    pub async fn advance(&self, seconds: u64) {
        let arrival = self.sandbox.steering.advance(seconds).await.expect("the clock moves");
        self.hub.clock.follow(arrival.offset_us);
        self.settle().await;
    }

    /// The payment as it stands.
    pub async fn now(&self, payment: &Payment) -> Payment {
        self.hub.store.payment(MERCHANT, &payment.id).await.expect("the store").expect("the payment")
    }

    /// Asserts what the three witnesses say of a payment: the hub, the provider's ledger, the merchant's inbox.
    pub async fn expect(&self, payment: &Payment, status: Status, charges: usize) -> Payment {
        let stands = self.now(payment).await;
        assert_eq!(stands.status, status, "the hub");
        let approved = self.charges(payment).iter().filter(|entry| entry.state == "approved").count();
        assert_eq!(approved, charges, "the provider's ledger");
        let told = self.told(payment);
        let kind = format!("payment.{status}");
        let last = told.iter().filter(|event| event.kind == kind).count();
        assert_eq!(last, 1, "the merchant was told exactly once: {told:?}");
        assert!(told.iter().all(|event| event.is_genuine), "every event is signed");
        stands
    }

    /// The provider's ledger for a payment.
    pub fn charges(&self, payment: &Payment) -> Vec<simulation::ledger::Entry> {
        let reference = payment.detail.provider_reference.clone().expect("a reference");
        let mut entries = self.sandbox.steering.ledger(Some(self.provider), None);
        entries.retain(|entry| entry.reference == reference);
        entries
    }

    /// The events that the merchant received about a payment.
    pub fn told(&self, payment: &Payment) -> Vec<Received> {
        let mut received = self.received();
        received.retain(|event| event.body["data"]["id"] == payment.id.as_str());
        received
    }

    /// Every event that the merchant received.
    pub fn received(&self) -> Vec<Received> {
        self.inbox.received.lock().expect("the inbox").clone()
    }

    /// The merchant answers its next events with these statuses first.
    pub fn mood(&self, statuses: &[u16]) {
        self.inbox.moods.lock().expect("the inbox").extend(statuses);
    }

    /// The verdicts of the notices about anything, oldest first.
    pub async fn verdicts(&self) -> Vec<String> {
        let mut notices = self.hub.store.latest_notices(MERCHANT, 100).await.expect("notices");
        notices.reverse();
        notices.into_iter().map(|notice| notice.verdict).collect()
    }

    /// Spoils the next notice.
    pub fn spoil_notice(&self, fault: NoticeFault) {
        self.spoil(Target::Notice { status: None, fault });
    }

    /// Spoils the next request of an operation.
    pub fn spoil_request(&self, operation: &str, fault: RequestFault) {
        self.spoil(Target::Request { operation: Some(operation.into()), fault });
    }

    fn spoil(&self, on: Target) {
        let times = Times::Count(1);
        let rule = Rule { provider: self.provider.into(), on, account: None, about: None, times };
        self.sandbox.steering.add_hardship(rule).expect("a hardship");
    }

    /// Has the simulator do something.
    pub fn command(&self, name: &str, arguments: serde_json::Value) -> serde_json::Value {
        let command = Command { name: name.into(), arguments };
        self.sandbox.steering.command(self.provider, &command).expect("the command")
    }

    /// How many requests of an operation reached the provider's port.
    pub fn requests(&self, operation: &str) -> usize {
        let journal = self.sandbox.steering.journal(0, Some(self.provider), 1000);
        journal.iter().filter(|entry| entry.operation == operation).count()
    }

    /// Posts a body to the account's notice address and answers the status.
    pub async fn notify(&self, body: impl Into<reqwest::Body>) -> u16 {
        let url = format!("{}/notices/{}/{}", self.hub_url, self.provider, self.account);
        let post = self.browser.post(url).header("content-type", "application/json").body(body);
        post.send().await.expect("an answer").status().as_u16()
    }
}

/// When the stories begin.
fn start() -> Timestamp {
    "2026-03-14T15:00:00Z".parse().expect("a timestamp")
}

async fn receive(State(inbox): State<Inbox>, headers: HeaderMap, body: String) -> axum::http::StatusCode {
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let id = header("webhook-id");
    let timestamp: i64 = header("webhook-timestamp").parse().unwrap_or(0);
    let expected = flow::deliver_event::signature(ENDPOINT_SECRET, &id, timestamp, &body);
    let mood = {
        let mut moods = inbox.moods.lock().expect("the inbox");
        if moods.is_empty() { 200 } else { moods.remove(0) }
    };
    if mood == 200 {
        let is_genuine = header("webhook-signature") == expected;
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let kind = body["type"].as_str().unwrap_or_default().to_owned();
        inbox.received.lock().expect("the inbox").push(Received { kind, body, is_genuine });
    }
    axum::http::StatusCode::from_u16(mood).expect("a status")
}

/// The account as the provider opened it, sorted by what the protocol says is secret.
fn account(
    id: &str,
    protocol: &dyn Provider,
    opened: &BTreeMap<String, String>,
    base_url: &str,
    environment: Environment,
) -> Account {
    let (mut credentials, mut secrets) = (BTreeMap::new(), BTreeMap::new());
    for setting in protocol.profile().settings {
        let Some(value) = opened.get(setting.name) else { continue };
        match setting.kind {
            SettingKind::Credential => {
                credentials.insert(setting.name.to_owned(), value.clone());
            }
            SettingKind::Secret => {
                secrets.insert(setting.name.to_owned(), vec![SecretString::from(value.clone())]);
            }
            SettingKind::OneOf(_) | SettingKind::Number { .. } | SettingKind::Text => {}
        }
    }
    Account {
        id: id.into(),
        merchant: MERCHANT.into(),
        provider: protocol.profile().id.into(),
        environment,
        base_url: base_url.parse().expect("a URL"),
        credentials,
        secrets,
        settings: BTreeMap::new(),
    }
}

fn settings(hub_url: &str, accounts: Vec<Account>) -> Settings {
    Settings {
        public_url: hub_url.parse().expect("a URL"),
        is_production: false,
        merchants: vec![Merchant {
            id: MERCHANT.into(),
            name: "Tienda de prueba".into(),
            api_keys: vec![],
            contact: Contact { email: Some("ayuda@tienda.example".into()), phone: None },
            language: Language::Es,
            zone: "America/Bogota".into(),
        }],
        accounts,
        limits: BTreeMap::new(),
        console: None,
        events: EventSettings { allow_private_targets: true, timeout_ms: 5000 },
        trusted_proxies: vec![],
        clock_follow: None,
        master_key: SecretString::from("5".repeat(64)),
        poll_ms: 50,
        drain_ms: 0,
    }
}

/// An order of nothing but its sum.
pub fn order_of(reference: &str, total: Money) -> Order {
    Order {
        reference: reference.into(),
        total,
        description: Some("Tres cuadernos de prueba".into()),
        taxes: vec![],
        details: vec![],
        items: vec![],
        buyer: None,
        payer: None,
        shipping: None,
        expires_at: None,
        return_url: None,
        language: Language::Es,
        methods: vec![],
        extra: vec![],
        customer: None,
        keep_instrument: false,
        instrument: None,
        is_shopper_away: false,
        instalments: None,
        allow_partial: false,
        dispersion: vec![],
        recurrence: None,
        rest_of: None,
        shopper: Shopper {
            ip: "203.0.113.24".parse().expect("an address"),
            user_agent: "Mozilla/5.0 (prueba)".into(),
        },
    }
}

/// The text between two others.
pub fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).expect("an end").0.to_owned()
}
