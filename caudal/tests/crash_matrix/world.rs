//! Where the stories of the crash matrix play: a hub that is started again whenever it dies, the sandbox, and a
//! merchant's inbox, which live on in the test's own process.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use placetopay_simulator::AvalPay;
use sandbox::{Mount, RunningSandbox, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use simulation::NewAccount;
use simulation::hardship::{RequestFault, Rule, Target, Times};
use testing::TestDatabase;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{MASTER_KEY, Place};

const PROVIDER: &str = "avalpay";
const APPROVED_CARD: &str = "4110760000000081";
const REFERENCE: &str = "PEDIDO-1";
/// SHA-256 of `sk_only_for_tests`.
const KEY: &str = "sk_only_for_tests";
const KEY_SHA256: &str = "8b3e6e3a2e0041c6ab31bc2be300804298754bfc04b690e700b33a515487e658";
/// What a dead process claimed is free again after this, in seconds.
const LEASE_S: &str = "1";
/// How long anything of a story may take, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long things are left alone before the clock is moved.
const QUIET: Duration = Duration::from_secs(2);
/// How far it is moved then, in seconds: beyond the next look-up, and the next try of a delivery.
const STEP_S: u64 = 400;

/// How often an event of a kind was told, and by how many events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub times: usize,
    pub ids: usize,
}

/// The merchant's inbox: id and kind of everything received.
type Inbox = Arc<Mutex<Vec<(String, String)>>>;

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
    sandbox: RunningSandbox,
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
    pub async fn start(database: &TestDatabase, lives: Vec<String>) -> World {
        let mounts = vec![Mount::on_loopback(Box::new(AvalPay::new()), 0)];
        let sandbox = Sandbox::start(SandboxConfig::new(mounts)).await.expect("a sandbox");
        let hub = free_address().await;
        let wanted = NewAccount {
            name: "main".into(),
            notification_url: Some(format!("http://{hub}/notices/{PROVIDER}/main")),
            settings: BTreeMap::new(),
        };
        let opened = sandbox.steering.open_account(PROVIDER, wanted).expect("an account");
        let place = Place::with(&configuration(&hub, database, &sandbox, &opened.credentials["login"]));
        place.write("master.key", MASTER_KEY, 0o600);
        place.write("secret.key", &opened.credentials["secret_key"], 0o600);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).pool_max_idle_per_host(0);
        let http = http.cookie_store(true).build().expect("a client");
        let (place, lived, inbox) = (Arc::new(place), Arc::<Mutex<Lives>>::default(), Inbox::default());
        let (inbox_url, listening) = open_inbox(&inbox).await;
        let keeper = Keeper {
            place: Arc::clone(&place),
            hub: hub.clone(),
            http: http.clone(),
            lives: Arc::clone(&lived),
        };
        let tasks = vec![listening, tokio::spawn(keeper.keep(lives))];
        let world = World { place, hub, http, sandbox, inbox, lives: lived, tasks };
        let endpoint = json!({ "url": inbox_url });
        world.until(async || world.post("/v1/event_endpoints", "endpoint", &endpoint).await).await;
        world
    }

    /// The provider commits the next creation, and its answer is lost.
    pub fn lose_the_next_creation(&self) {
        let on = Target::Request {
            operation: Some("create_session".into()),
            fault: RequestFault::ResetAfterEffect,
        };
        let rule = Rule { provider: PROVIDER.into(), on, account: None, about: None, times: Times::Count(1) };
        self.sandbox.steering.add_hardship(rule).expect("a hardship");
    }

    /// Asks for the payment, and again with the same key until there is an answer.
    pub async fn order(&self) -> Value {
        let order = order();
        self.until(async || self.post("/v1/payments", "order", &order).await).await
    }

    /// Asks once, and does not mind.
    pub async fn order_once(&self) {
        let answer = self.post("/v1/payments", "order", &order()).await;
        assert!(answer.is_none(), "the hub answered: {answer:?}");
    }

    /// Takes the payment back, and asks again with the same key until there is an answer.
    pub async fn cancel(&self, payment: &Value) {
        let path = format!("/v1/payments/{}/cancel", payment["id"].as_str().expect("an id"));
        self.until(async || self.post(&path, "cancel", &Value::Null).await).await;
    }

    /// Pays in the provider's page, without scripts; answers the page that tells the result.
    pub async fn pay(&self, payment: &Value) -> String {
        let page = payment["pay_url"].as_str().unwrap_or_else(|| panic!("nowhere to pay: {payment}"));
        let read = async |request: reqwest::RequestBuilder| {
            request.send().await.expect("the provider answers").text().await.expect("a page")
        };
        let buyer = [("email", "compradora@correo.example")];
        read(self.http.post(format!("{page}/email")).form(&buyer)).await;
        let form = read(self.http.get(format!("{page}/card"))).await;
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
        read(self.http.post(format!("{page}/card")).form(&fields)).await
    }

    /// Goes back to the hub from the provider's result.
    pub async fn come_back(&self, result: &str) {
        let url = between(result, "id=\"return\" class=\"button\" rel=\"noreferrer\" href=\"", "\"");
        let url = url.replace("&amp;", "&").replace("&#38;", "&");
        self.until(async || {
            let answer = self.http.get(&url).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
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
        let target = self.sandbox.clock().now()
            + jiff::SignedDuration::from_secs(i64::try_from(seconds).expect("few"));
        self.until(async || {
            // It may be there already, when the hub died on the way.
            let moved = target <= self.sandbox.clock().now()
                || self.sandbox.steering.advance_to(target).await.is_ok();
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
        let ledger = self.sandbox.steering.ledger(None, None);
        ledger.iter().filter(|line| line.state == "approved" && line.kind == "charge").count()
    }

    pub fn told(&self, status: &str) -> Told {
        let inbox = self.inbox.lock().expect("the inbox");
        let kind = format!("payment.{status}");
        let ids: Vec<&str> =
            inbox.iter().filter(|(_, told)| *told == kind).map(|(id, _)| id.as_str()).collect();
        Told { times: ids.len(), ids: ids.iter().collect::<BTreeSet<_>>().len() }
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

fn configuration(hub: &str, database: &TestDatabase, sandbox: &RunningSandbox, login: &str) -> String {
    let steering = sandbox.steering_address();
    let provider = sandbox.address(PROVIDER).expect("a port");
    format!(
        "[hub]\nlisten = \"{hub}\"\npublic_url = \"http://{hub}\"\npoll_ms = 20\n\
         [database]\nurl = \"{}\"\n[keys]\nmaster_key_file = \"master.key\"\n\
         [events]\nallow_private_targets = true\ntimeout_ms = 5000\n[clock]\nfollow = \"http://{steering}\"\n\
         [merchants.shop]\nname = \"Tienda de prueba\"\n\
         [[merchants.shop.api_keys]]\nname = \"test\"\nsha256 = \"{KEY_SHA256}\"\n\
         [accounts.main]\nmerchant = \"shop\"\nprovider = \"{PROVIDER}\"\nenvironment = \"test\"\n\
         base_url = \"http://{provider}/\"\n\
         [accounts.main.settings]\nlogin = \"{login}\"\nsecret_key_file = \"secret.key\"\n",
        database.url
    )
}

fn order() -> Value {
    json!({
        "reference": REFERENCE,
        "amount": 11_900_000,
        "currency": "COP",
        "shopper": { "ip": "203.0.113.24", "user_agent": "Prueba/1.0" },
    })
}

/// Opens the merchant's inbox; answers its address.
async fn open_inbox(inbox: &Inbox) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/events", listener.local_addr().expect("an address"));
    let router = Router::new().route("/events", post(receive)).with_state(Arc::clone(inbox));
    let serving = tokio::spawn(async move {
        axum::serve(listener, router).await.expect("the inbox is open");
    });
    (url, serving)
}

async fn receive(State(inbox): State<Inbox>, headers: HeaderMap, body: String) {
    let id = headers["webhook-id"].to_str().expect("text").to_owned();
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let kind = body["type"].as_str().expect("a type").to_owned();
    inbox.lock().expect("the inbox").push((id, kind));
}

/// An address that was free a moment ago.
async fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// The text between two others.
fn between<'text>(text: &'text str, before: &str, after: &str) -> &'text str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).expect("an end").0
}
