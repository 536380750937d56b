//! Where the stories of the crash matrix play: a hub that is started again whenever it dies, the sandbox, and a
//! merchant's inbox, which live on in the test's own process.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulation::hardship::{RequestFault, Times};
use testing::TestDatabase;
use tokio::task::JoinHandle;

use crate::parties::{
    Inbox, KEY, Part, Provider, Told, between, enrol, free_address, pay, pay_so_much, transfer,
};
use crate::support::Place;

const REFERENCE: &str = "PEDIDO-1";
const CUSTOMER: &str = "cliente-7";
/// What a dead process claimed is free again after this, in seconds.
const LEASE_S: &str = "1";
/// How long anything of a story may take, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long things are left alone before the clock is moved.
const QUIET: Duration = Duration::from_secs(2);
/// How far it is moved then, in seconds: beyond the next look-up, and the next try of a delivery.
const STEP_S: u64 = 400;
/// The same where only the passing of hours tells what became of a refund.
const LONG_STEP_S: u64 = 6 * 3600;
/// A card of the provider's published ones, as a shopper types it.
const TYPED: [(&str, &str); 3] = [("number", "4000 0000 0000 0044"), ("expiry", "12/40"), ("code", "123")];
/// How long an order can be paid where the merchant says so, in seconds.
const LIFE_S: i64 = 1200;

/// How the hub lived.
#[derive(Default)]
struct Lives {
    deaths: usize,
    recoveries: Vec<Duration>,
    /// Which life, counted from 1, was last seen to be ready.
    last_ready: usize,
    endings: Vec<String>,
}

/// A world with one hub, one merchant and one order.
pub struct World {
    place: Arc<Place>,
    hub: String,
    http: reqwest::Client,
    provider: Provider,
    order: Value,
    inbox: Inbox,
    lives: Arc<Mutex<Lives>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl World {
    /// Starts everything; each process of the hub dies of the next entry of `lives`, the last one of nothing.
    pub async fn start(part: Part, database: &TestDatabase, lives: Vec<String>) -> World {
        let hub = free_address().await;
        let provider = Provider::play(part, &format!("http://{hub}/notices/{}/main", part.id())).await;
        let mut order = part.order(REFERENCE);
        if part == Part::PagoEfectivo {
            let end = provider.sandbox.clock().now() + jiff::SignedDuration::from_secs(LIFE_S);
            order["expires_at"] = end.to_string().into();
        }
        let more = match part {
            // The hub's own page takes the card.
            Part::Carat => "flow = \"rest\"\n",
            Part::AvalPay => "partial_payments = \"return\"\n",
            Part::PagoEfectivo | Part::EtPay => "",
        };
        let place = provider.place_of_a_hub(&hub, &database.url, more);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).pool_max_idle_per_host(0);
        let http = http.cookie_store(true).build().expect("a client");
        let (place, lived) = (Arc::new(place), Arc::<Mutex<Lives>>::default());
        let (inbox, inbox_url, listening) = Inbox::open().await;
        let keeper = Keeper {
            place: Arc::clone(&place),
            hub: hub.clone(),
            http: http.clone(),
            lives: Arc::clone(&lived),
        };
        let tasks = vec![listening, tokio::spawn(keeper.keep(lives))];
        let world = World { place, hub, http, provider, order, inbox, lives: lived, tasks };
        let endpoint = serde_json::json!({ "url": inbox_url });
        world.until(async || world.post("/v1/event_endpoints", "endpoint", &endpoint).await).await;
        world
    }

    /// The provider commits the next creation, and its answer is lost.
    pub fn lose_the_next_creation(&self) {
        let operation = match self.provider.part {
            Part::AvalPay => "create_session",
            Part::PagoEfectivo => "create_cip",
            Part::EtPay => "initialize_session",
            Part::Carat => "create_transaction",
        };
        self.provider.spoil(operation, RequestFault::ResetAfterEffect, Times::Count(1));
    }

    /// From now on the provider's notices are lost.
    pub fn lose_notices(&self) {
        self.provider.lose_notices();
    }

    /// From now on whoever asks how a payment stands is told nothing.
    pub fn silence_look_ups(&self) {
        let operation = match self.provider.part {
            Part::AvalPay => "query_session",
            Part::PagoEfectivo => "search_cips",
            Part::EtPay => "check_payment_status",
            Part::Carat => "query_transaction",
        };
        let silence = RequestFault::HttpStatus { status: 502, retry_after: None, after_effect: false };
        self.provider.spoil(operation, silence, Times::Forever);
    }

    /// All is well again at the provider, which tells once more of what was paid.
    pub fn tell_at_last(&self, payment: &Value) {
        self.provider.sandbox.steering.clear_hardships();
        self.provider.command("resend_notice", json!({ "session_token": payment["provider_id"] }));
    }

    /// Access tokens end before the first look-up.
    pub fn shorten_tokens(&self) {
        let wanted = json!({ "account": "main", "setting": "token_life_s", "value": "300" });
        self.provider.command("set_account", wanted);
    }

    /// No access token is good any more.
    pub fn revoke_tokens(&self) {
        self.provider.command("revoke_tokens", json!({ "account": "main" }));
    }

    /// The next access token is not given.
    pub fn refuse_the_next_token(&self) {
        self.provider.command("fail_next", json!({ "account": "main", "operation": "authorize" }));
    }

    /// Asks for the payment, and again with the same key until there is an answer.
    pub async fn order(&self) -> Value {
        let payment = self.until(async || self.post("/v1/payments", "order", &self.order).await).await;
        assert_ne!(payment["status"], "created", "accepted, and nobody knows what became of it: {payment}");
        payment
    }

    /// Has a customer's card kept, with nothing to be paid; answers its id.
    pub async fn enrol(&self) -> String {
        let mut enrolment = self.of_customer();
        enrolment["reference"] = "SUSCRIPCION-1".into();
        enrolment["amount"] = 0.into();
        enrolment["keep_instrument"] = true.into();
        let enrolment = self.until(async || self.post("/v1/payments", "enrolment", &enrolment).await).await;
        enrol(&self.http, &enrolment).await;
        let kept = async || {
            let cards = self.cards().await?;
            cards.first().filter(|card| card["state"] == "active")?["id"].as_str().map(str::to_owned)
        };
        self.until(kept).await
    }

    /// Asks for a charge of a card while its owner is away, and again with the same key until there is an answer.
    pub async fn order_with(&self, card: &str) {
        let mut order = self.of_customer();
        order["instrument"] = card.into();
        order["is_shopper_away"] = true.into();
        let payment = self.until(async || self.post("/v1/payments", "order", &order).await).await;
        assert_eq!(payment["status"], "rejected", "{payment}");
    }

    /// Waits until a card is taken away, at the provider too, and the merchant was told so by one event.
    pub async fn until_removed(&self, card: &str) {
        let mut since = Instant::now();
        self.until(async || {
            if since.elapsed() > QUIET {
                self.let_pass(STEP_S).await;
                since = Instant::now();
            }
            let is_removed =
                self.cards().await?.iter().any(|kept| kept["id"] == card && kept["state"] == "removed");
            (is_removed && self.inbox.told_of("instrument.removed").times > 0).then_some(())
        })
        .await;
        assert_eq!(self.inbox.told_of("instrument.removed").ids, 1, "it was told by several events");
        let tokens = self.provider.command("tokens", json!({ "account": "main" }));
        let tokens = tokens["tokens"].as_array().expect("a list");
        assert!(tokens.len() == 1 && tokens[0]["invalidated_at"].is_string(), "{tokens:?}");
    }

    fn of_customer(&self) -> Value {
        let mut order = self.order.clone();
        order["customer"] = CUSTOMER.into();
        order["description"] = "Club de lectura".into();
        order["buyer"] = json!({
            "name": "Mariana", "surname": "Prueba", "email": "compradora@correo.example", "mobile": "3005550147",
            "document": { "country": "CO", "type": "CC", "number": "1093847561" },
        });
        order
    }

    async fn cards(&self) -> Option<Vec<Value>> {
        let url = format!("http://{}/v1/instruments?customer={CUSTOMER}", self.hub);
        let answer = self.http.get(&url).bearer_auth(KEY).send().await.ok()?;
        let page: Value = answer.json().await.ok()?;
        page["data"].as_array().cloned()
    }

    /// The same for a payment in parts, of which one is paid.
    pub async fn order_in_parts(&self) {
        let mut order = self.order.clone();
        order["allow_partial"] = true.into();
        let payment = self.until(async || self.post("/v1/payments", "order", &order).await).await;
        pay_so_much(&self.http, &payment, Some("50000")).await;
    }

    /// Asks once, and does not mind.
    pub async fn order_once(&self) {
        let answer = self.post("/v1/payments", "order", &self.order).await;
        assert!(answer.is_none(), "the hub answered: {answer:?}");
    }

    /// Takes the payment back, and asks again with the same key until there is an answer.
    pub async fn cancel(&self, payment: &Value) {
        let path = format!("/v1/payments/{}/cancel", payment["id"].as_str().expect("an id"));
        self.until(async || self.post(&path, "cancel", &Value::Null).await).await;
    }

    /// Pays what there is to be paid at the provider, whether the hub knows of it or not; comes back from there where that
    /// is how it goes, once the merchant was told.
    pub async fn pay(&self, payment: &Value, status: &str) {
        match self.provider.part {
            Part::AvalPay => {
                let result = pay(&self.http, payment).await;
                self.until_told(status).await;
                self.come_back(&result).await;
            }
            Part::PagoEfectivo => {
                let listed = self.provider.command("cips", json!({}));
                for made in listed["cips"].as_array().expect("a list") {
                    self.provider.command("pay", json!({ "cip": made["cip"] }));
                }
            }
            Part::EtPay => transfer(&self.provider, payment).await,
            Part::Carat => self.type_card(payment).await,
        }
    }

    /// Types a card on the hub's own page, and again whenever the page asks for one again, until it is paid.
    async fn type_card(&self, payment: &Value) {
        let page = payment["pay_url"].as_str().unwrap_or_else(|| panic!("nowhere to pay: {payment}"));
        self.until(async || {
            let stands = self.payment().await?;
            match stands["status"].as_str() {
                Some("approved") => return Some(()),
                Some("requires_action") => drop(self.http.post(page).form(&TYPED).send().await),
                // What is being decided is left alone until a look-up has told.
                _ => self.let_pass(STEP_S).await,
            }
            None
        })
        .await;
    }

    /// Asks for all of the money back, and again under another key when it is known that nothing was done, until it is.
    pub async fn give_back(&self, payment: &Value) {
        let path = format!("/v1/payments/{}/refund", payment["id"].as_str().expect("an id"));
        self.until(async || {
            let stands = self.payment().await?;
            let operations = stands["operations"].as_array().cloned().unwrap_or_default();
            let is_open = |state: &str| matches!(state, "started" | "pending" | "unknown");
            if stands["refunded"] == stands["paid"] {
                return Some(());
            }
            match operations.last().and_then(|last| last["state"].as_str()) {
                Some(state) if is_open(state) => self.let_pass(LONG_STEP_S).await,
                _ => drop(self.post(&path, &format!("refund-{}", operations.len()), &json!({})).await),
            }
            None
        })
        .await;
    }

    /// What was given back, in the provider's ledger.
    pub fn refunds(&self) -> usize {
        self.provider.refunds()
    }

    /// Goes back to the hub from the provider's result.
    async fn come_back(&self, result: &str) {
        let url = between(between(result, "<a id=\"return\"", ">"), "href=\"", "\"");
        let url = url.replace("&amp;", "&").replace("&#38;", "&");
        self.until(async || {
            let answer = self.http.get(&url).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// The merchant's endpoints as the API lists them.
    pub async fn endpoints(&self) -> Vec<Value> {
        let url = format!("http://{}/v1/event_endpoints", self.hub);
        let read = async || {
            let answer = self.http.get(&url).bearer_auth(KEY).send().await.ok()?;
            let page: Value = answer.json().await.ok()?;
            page["data"].as_array().cloned()
        };
        self.until(read).await
    }

    /// Has the endpoint sign with another secret, and asks again with the same key until there is an answer. Asked once
    /// more, the answer is the same.
    pub async fn rotate_secret(&self) {
        let endpoints = self.endpoints().await;
        let path =
            format!("/v1/event_endpoints/{}/rotate_secret", endpoints[0]["id"].as_str().expect("an id"));
        let rotated = self.until(async || self.post(&path, "rotation", &Value::Null).await).await;
        let again = self.until(async || self.post(&path, "rotation", &Value::Null).await).await;
        assert_eq!(rotated["secret"], again["secret"], "one rotation was asked for");
    }

    /// Waits until the API says so and the merchant was told. Moves the clock when nothing happens by itself.
    pub async fn until_told(&self, status: &str) {
        let mut since = Instant::now();
        self.until(async || {
            if since.elapsed() > QUIET {
                self.let_pass(STEP_S).await;
                since = Instant::now();
            }
            let payment = self.payment().await?;
            (payment["status"] == status && self.told(status).times > 0).then_some(())
        })
        .await;
    }

    /// Moves the clock of sandbox and hub. A hub that dies on the way is waited for.
    pub async fn let_pass(&self, seconds: u64) {
        let target = self.provider.sandbox.clock().now()
            + jiff::SignedDuration::from_secs(i64::try_from(seconds).expect("few"));
        self.until(async || {
            // It may be there already, when the hub died on the way.
            let moved = target <= self.provider.sandbox.clock().now()
                || self.provider.sandbox.steering.advance_to(target).await.is_ok();
            (moved && self.payment().await.is_some()).then_some(())
        })
        .await;
    }

    /// Waits until the hub has died so often and is there again.
    pub async fn until_dead(&self, deaths: usize) {
        let mut since = Instant::now();
        self.until(async || {
            if since.elapsed() > QUIET {
                self.let_pass(STEP_S).await;
                since = Instant::now();
            }
            let is_over = self.lives.lock().expect("lives").last_ready == deaths + 1;
            (self.deaths() == deaths && is_over).then_some(())
        })
        .await;
    }

    /// The payment as the API tells it; none while the hub does not answer or has none.
    pub async fn payment(&self) -> Option<Value> {
        let url = format!("http://{}/v1/payments?reference={REFERENCE}", self.hub);
        let answer = self.http.get(url).bearer_auth(KEY).send().await.ok()?;
        let page: Value = answer.json().await.ok()?;
        page["data"].get(0).cloned()
    }

    /// Approved charges in the provider's ledger.
    pub fn charges(&self) -> usize {
        self.provider.charges()
    }

    pub fn told(&self, status: &str) -> Told {
        self.inbox.told(REFERENCE, status)
    }

    pub fn deaths(&self) -> usize {
        self.lives.lock().expect("lives").deaths
    }

    /// From each death to the next process being ready.
    pub fn recoveries(&self) -> Vec<Duration> {
        let lives = self.lives.lock().expect("lives");
        lives.recoveries.get(1..).unwrap_or_default().to_vec()
    }

    /// The points that were reached, one a line.
    pub fn trace(&self) -> String {
        std::fs::read_to_string(self.place.path("trace")).unwrap_or_default()
    }

    /// What the hub wrote, and how its processes ended.
    pub fn log(&self) -> String {
        let endings = self.lives.lock().expect("lives").endings.join("\n");
        format!("{endings}\n{}", std::fs::read_to_string(self.place.path("hub.log")).unwrap_or_default())
    }

    /// A success's document; none while the hub is away, or asks for patience.
    async fn post(&self, path: &str, key: &str, body: &Value) -> Option<Value> {
        let request = self.http.post(format!("http://{}{path}", self.hub)).bearer_auth(KEY);
        let request = request.header("Idempotency-Key", key);
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send().await.ok()?;
        answer.status().is_success().then_some(())?;
        answer.json().await.ok()
    }

    /// Waits for something, and tells the hub's log when it does not come.
    async fn until<T>(&self, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(Instant::now() < deadline, "waited in vain\n{}\n{}", self.log(), self.trace());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Starts the hub again whenever it dies.
struct Keeper {
    place: Arc<Place>,
    hub: String,
    http: reqwest::Client,
    lives: Arc<Mutex<Lives>>,
}

impl Keeper {
    async fn keep(self, points: Vec<String>) {
        let mut began = Instant::now();
        let points = points.into_iter().map(Some).chain(std::iter::repeat(None));
        for (life, point) in points.enumerate() {
            let mut child = self.spawn(point.as_deref());
            tokio::select! {
                ended = child.wait() => self.note_end(&ended.expect("an end")),
                () = self.until_ready() => {
                    {
                        // A life may end before it is seen to be ready: then it has no recovery to tell.
                        let mut lives = self.lives.lock().expect("lives");
                        lives.recoveries.push(began.elapsed());
                        lives.last_ready = life + 1;
                    }
                    let ended = child.wait().await.expect("an end");
                    self.note_end(&ended);
                }
            }
            began = Instant::now();
        }
    }

    fn spawn(&self, point: Option<&str>) -> tokio::process::Child {
        let mut command = self.place.command(&["serve"]);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.place.path("hub.log"));
        command.env(hub::crash::LEASE_VARIABLE, LEASE_S);
        command.env(hub::crash::TRACE_VARIABLE, self.place.path("trace"));
        if let Some(point) = point {
            command.env(hub::crash::VARIABLE, point);
        }
        // A planted fault is meant for the hub, wherever it runs.
        if let Some(fault) = std::env::var_os("CAUDAL_FAULT") {
            command.env("CAUDAL_FAULT", fault);
        }
        command.stdout(Stdio::null()).stderr(log.expect("a log"));
        tokio::process::Command::from(command).kill_on_drop(true).spawn().expect("it starts")
    }

    fn note_end(&self, ended: &std::process::ExitStatus) {
        let mut lives = self.lives.lock().expect("lives");
        lives.endings.push(ended.to_string());
        if ended.signal() == Some(9) {
            lives.deaths += 1;
        }
    }

    async fn until_ready(&self) {
        let url = format!("http://{}/readyz", self.hub);
        loop {
            if self.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
