//! Where the stories play: two instances of the hub as processes of an account that owns nothing, a proxy in front of
//! them, the sandbox, and a merchant's inbox.

use std::process::Stdio;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulation::journal::Entry;
use tokio::process::Child;
use tokio::task::JoinHandle;

use crate::front::Front;
use crate::parties::{Inbox, KEY, PROVIDER, Provider, free_address};
use crate::support::Place;
use crate::support::business::{command_of_nobody, give_to_nobody};

/// How long anything of a story may take, on a machine under load.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The provider's word for a look-up.
pub const LOOK_UP: &str = "query_session";

/// What differs from one story to the next.
#[derive(Clone, Copy, Default)]
pub struct Setting {
    /// Shortens leases, in seconds.
    pub lease_s: Option<&'static str>,
    /// How long an instance that was told to end still takes requests, in milliseconds.
    pub drain_ms: Option<&'static str>,
}

/// A world with two instances, of which none runs yet.
pub struct World {
    pub provider: Provider,
    pub inbox: Inbox,
    pub front: Front,
    pub http: reqwest::Client,
    pub instances: Vec<Instance>,
    inbox_url: String,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// An answer of the hub.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: Value,
}

impl World {
    pub async fn with(database: &str, setting: Setting) -> World {
        // A connection of its own for each request: one that is kept would hide an instance that is gone.
        let http = reqwest::Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0).cookie_store(true);
        let http = http.build().expect("a client");
        let addresses = [free_address().await, free_address().await];
        let (front, mut tasks) = Front::open(&addresses, http.clone()).await;
        let provider = Provider::start(&format!("http://{}/notices/{PROVIDER}/main", front.address)).await;
        let instance = |address: String| {
            let place = provider.place_of_a_hub(&address, database, "");
            give_to_nobody(&place.path(""), 0o700);
            for name in ["caudal.toml", "master.key", "secret_key.key"] {
                give_to_nobody(&place.path(name), 0o600);
            }
            Instance { address, place, setting, variables: Vec::new(), child: None }
        };
        let instances = addresses.into_iter().map(instance).collect();
        let (inbox, inbox_url, listening) = Inbox::open().await;
        tasks.push(listening);
        World { provider, inbox, front, http, instances, inbox_url, tasks }
    }

    /// Starts both instances, and gives the merchant's inbox to the first.
    pub async fn with_both(database: &str, setting: Setting) -> World {
        let mut world = World::with(database, setting).await;
        for place in 0..world.instances.len() {
            world.instances[place].start();
        }
        for place in 0..world.instances.len() {
            world.until_ready(place).await;
        }
        world.register().await;
        world
    }

    /// Starts an instance and waits until it is ready.
    pub async fn start(&mut self, place: usize) {
        self.instances[place].start();
        self.until_ready(place).await;
    }

    /// Waits until an instance says that it is ready.
    pub async fn until_ready(&self, place: usize) {
        let url = format!("http://{}/readyz", self.instances[place].address);
        self.until("ready", async || {
            let answer = self.http.get(&url).timeout(Duration::from_secs(3)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Has the merchant told of events.
    pub async fn register(&self) {
        let endpoint = json!({ "url": self.inbox_url });
        let answer = self.ask(Method::POST, 0, "/v1/event_endpoints", Some("endpoint"), &endpoint).await;
        assert_eq!(answer.expect("an answer").status, 201);
    }

    /// Asks an instance for a payment; its reference is the key too.
    pub async fn create(&self, place: usize, reference: &str) -> Value {
        let order = crate::parties::order(reference);
        let answer = self.ask(Method::POST, place, "/v1/payments", Some(reference), &order).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body
    }

    /// Asks an instance; none where it gives no answer.
    pub async fn ask(
        &self,
        method: Method,
        place: usize,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Result<Answer, reqwest::Error> {
        ask(&self.http, &self.instances[place].address, method, path, key, body).await
    }

    /// The payments that an instance knows under a reference.
    pub async fn payments(&self, place: usize, reference: &str) -> Vec<Value> {
        let path = format!("/v1/payments?reference={reference}");
        let answer = self.ask(Method::GET, place, &path, None, &Value::Null).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["data"].as_array().expect("a list").clone()
    }

    /// Moves the time of the sandbox and of these instances. Nobody is waited for: in these stories somebody hangs.
    pub async fn let_pass(&self, seconds: i64, places: &[usize]) {
        let clock = self.provider.sandbox.clock();
        clock.advance_to(clock.now() + jiff::SignedDuration::from_secs(seconds));
        for place in places {
            self.tell_time(*place).await;
        }
    }

    /// Tells an instance the time.
    pub async fn tell_time(&self, place: usize) {
        assert!(self.telling_time(place).await.expect("an answer").status().is_success());
    }

    /// The same, to be awaited by those who want to know whether it was heard.
    pub fn telling_time(
        &self,
        place: usize,
    ) -> impl Future<Output = Result<reqwest::Response, reqwest::Error>> + use<> {
        let told = json!({ "offset_us": self.provider.sandbox.clock().offset_us() });
        let url = format!("http://{}/_clock", self.instances[place].address);
        self.http.post(url).json(&told).send()
    }

    /// Waits until an instance does nothing, and has nothing to do at its time.
    pub async fn until_at_rest(&self, place: usize) {
        let url = format!("http://{}/_clock", self.instances[place].address);
        self.until("at rest", async || {
            let clock: Value = self.http.get(&url).send().await.ok()?.json().await.ok()?;
            (clock["idle"] == true).then_some(())
        })
        .await;
    }

    /// Waits until the merchant was told of a status of each of these orders.
    pub async fn until_told(&self, references: &[String], status: &str) {
        self.until("told", async || {
            references.iter().all(|reference| self.inbox.told(reference, status).times > 0).then_some(())
        })
        .await;
    }

    /// The requests of an operation that reached the provider.
    pub fn journal(&self, operation: &str) -> Vec<Entry> {
        let entries = self.provider.sandbox.steering.journal(0, Some(PROVIDER), usize::MAX);
        entries.into_iter().filter(|entry| entry.operation == operation).collect()
    }

    /// Waits for something, and tells the instances' logs when it does not come.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(tokio::time::Instant::now() < deadline, "{what}: waited in vain\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the instances wrote.
    pub fn logs(&self) -> String {
        let log = |instance: &Instance| std::fs::read_to_string(instance.place.path("hub.log"));
        let logs = self.instances.iter().map(|instance| log(instance).unwrap_or_default());
        logs.collect::<Vec<_>>().join("\n--- the next instance\n")
    }
}

/// Asks whoever is at an address.
pub async fn ask(
    http: &reqwest::Client,
    address: &str,
    method: Method,
    path: &str,
    key: Option<&str>,
    body: &Value,
) -> Result<Answer, reqwest::Error> {
    let mut request = http.request(method, format!("http://{address}{path}")).bearer_auth(KEY);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key).json(body);
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let retry_after = retry_after.map(str::to_owned);
    let text = answer.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Answer { status, retry_after, body })
}

/// One instance of the hub. It is killed when this value is dropped.
pub struct Instance {
    pub address: String,
    place: Place,
    setting: Setting,
    /// Variables for its next life.
    pub variables: Vec<(&'static str, &'static str)>,
    child: Option<Child>,
}

impl Instance {
    /// Starts it, which takes a moment.
    pub fn start(&mut self) {
        let mut command = command_of_nobody(&self.place, &["serve"]);
        if let Some(lease_s) = self.setting.lease_s {
            command.env(hub::crash::LEASE_VARIABLE, lease_s);
        }
        command.env("CAUDAL_HUB__DRAIN_MS", self.setting.drain_ms.unwrap_or("0"));
        // A planted fault is meant for the hub, wherever it runs.
        if let Some(fault) = std::env::var_os("CAUDAL_FAULT") {
            command.env("CAUDAL_FAULT", fault);
        }
        command.envs(self.variables.iter().copied());
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.place.path("hub.log"));
        command.stdout(Stdio::null()).stderr(log.expect("a log"));
        let mut command = tokio::process::Command::from(command);
        self.child = Some(command.kill_on_drop(true).spawn().expect("it starts"));
    }

    /// Sends its process a signal: `STOP`, `CONT`, `TERM`, `KILL`.
    pub fn signal(&self, name: &str) {
        let id = self.process_id().expect("a process").to_string();
        let sent = std::process::Command::new("kill").args([format!("-{name}"), id]).status();
        assert!(sent.expect("kill runs").success(), "{name}");
    }

    /// Its process, as long as that has not ended.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref()?.id()
    }

    /// Whether its process is frozen.
    pub fn is_stopped(&self) -> bool {
        let id = self.process_id().expect("a process");
        let told = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The state comes after the program's name, which stands in parentheses.
        told.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    /// Waits for its end, and answers the exit code; none for one that was killed.
    pub async fn end(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("a process");
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends in time");
        ended.expect("an end").code()
    }
}
