//! A running sandbox, a client, a merchant that receives notices, a follower of the clock.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use sandbox::{FollowerState, Mount, RunningSandbox, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use simulation::hardship::Rule;
use simulation::{Clock, NewAccount, Timestamp};

use crate::toy::Toy;

pub const START: &str = "2026-03-14T15:00:00Z";

pub fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

pub fn config() -> SandboxConfig {
    SandboxConfig {
        clock: Clock::frozen(at(START)),
        seed: 7,
        ..SandboxConfig::new(vec![Mount::on_loopback(Box::new(Toy::default()), 0)])
    }
}

pub async fn sandbox() -> RunningSandbox {
    Sandbox::start(config()).await.expect("a sandbox")
}

pub fn add(sandbox: &RunningSandbox, on: Value) {
    let rule: Rule = serde_json::from_value(json!({ "provider": "toypay", "on": on })).expect("a rule");
    sandbox.steering.add_hardship(rule).expect("in force");
}

pub fn open_account(sandbox: &RunningSandbox, name: &str, url: &str) {
    open_account_with(sandbox, name, url, &[]);
}

/// An account with settings that the toy knows: `tries`, `from`.
pub fn open_account_with(sandbox: &RunningSandbox, name: &str, url: &str, settings: &[(&str, &str)]) {
    let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let wanted = NewAccount { name: name.into(), notification_url: Some(url.into()), settings };
    sandbox.steering.open_account("toypay", wanted).expect("an account");
}

pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().expect("a client")
}

pub fn url(sandbox: &RunningSandbox, path: &str) -> String {
    format!("http://{}{path}", sandbox.address("toypay").expect("mounted"))
}

pub async fn pay(sandbox: &RunningSandbox, account: &str) -> Result<reqwest::Response, reqwest::Error> {
    let order = json!({ "reference": "ORDER-1" });
    client().post(url(sandbox, "/pay")).header("x-account", account).json(&order).send().await
}

/// Waits for something that happens in the background.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: did not happen within five seconds");
}

/// A merchant's receiver of notices.
#[derive(Clone, Default)]
pub struct Merchant {
    received: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    callers: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Merchant {
    /// Starts one; answers with its port.
    pub async fn start() -> (Self, u16) {
        let merchant = Self::default();
        let address = serve(
            Router::new()
                .route("/notices", post(Self::receive))
                .route("/elsewhere", post(Self::redirect))
                .with_state(merchant.clone()),
        )
        .await;
        (merchant, address.port())
    }

    pub fn bodies(&self) -> Vec<String> {
        self.received.lock().expect("unpoisoned").iter().map(|(_, body)| body.clone()).collect()
    }

    pub fn headers(&self, place: usize) -> HeaderMap {
        self.received.lock().expect("unpoisoned")[place].0.clone()
    }

    /// Where the notices came from.
    pub fn callers(&self) -> Vec<SocketAddr> {
        self.callers.lock().expect("unpoisoned").clone()
    }

    async fn receive(
        State(merchant): State<Self>,
        ConnectInfo(caller): ConnectInfo<SocketAddr>,
        headers: HeaderMap,
        body: String,
    ) -> (StatusCode, &'static str) {
        merchant.callers.lock().expect("unpoisoned").push(caller);
        merchant.received.lock().expect("unpoisoned").push((headers, body));
        (StatusCode::ACCEPTED, "gracias")
    }

    async fn redirect() -> (StatusCode, [(&'static str, &'static str); 1]) {
        (StatusCode::TEMPORARY_REDIRECT, [("location", "/notices")])
    }
}

/// A process that follows the clock: it has things due, and takes a moment of real time for each.
#[derive(Clone)]
pub struct Follower {
    inside: Arc<Mutex<FollowerInside>>,
}

struct FollowerInside {
    now: Timestamp,
    due: Vec<Timestamp>,
    busy: bool,
    never_rests: bool,
    done_at: Vec<(Timestamp, Timestamp)>,
    answers: bool,
}

impl Follower {
    /// Starts one with things due; answers with its URL.
    pub async fn start(due: &[&str]) -> (Self, String) {
        let inside = FollowerInside {
            now: at(START),
            due: due.iter().map(|text| at(text)).collect(),
            busy: false,
            never_rests: false,
            done_at: Vec::new(),
            answers: true,
        };
        let follower = Self { inside: Arc::new(Mutex::new(inside)) };
        let router =
            Router::new().route("/clock", get(Self::tell).post(Self::follow)).with_state(follower.clone());
        let address = serve(router).await;
        (follower, format!("http://follower.localhost:{}/clock", address.port()))
    }

    /// What was due and the time at which it was done.
    pub fn done(&self) -> Vec<(Timestamp, Timestamp)> {
        self.inside.lock().expect("unpoisoned").done_at.clone()
    }

    pub fn now(&self) -> Timestamp {
        self.inside.lock().expect("unpoisoned").now
    }

    pub fn stop_answering(&self) {
        self.inside.lock().expect("unpoisoned").answers = false;
    }

    pub fn never_rest(&self) {
        self.inside.lock().expect("unpoisoned").never_rests = true;
    }

    async fn tell(State(follower): State<Self>) -> Result<axum::Json<FollowerState>, StatusCode> {
        let inside = follower.inside.lock().expect("unpoisoned");
        if !inside.answers {
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let next_due_at = inside.due.iter().min().copied();
        let idle = !inside.busy && !inside.never_rests && next_due_at.is_none_or(|due| due > inside.now);
        Ok(axum::Json(FollowerState { now: inside.now, next_due_at, idle }))
    }

    async fn follow(State(follower): State<Self>, body: Bytes) -> StatusCode {
        let push: Value = serde_json::from_slice(&body).expect("a push");
        assert!(push["offset_us"].is_i64(), "{push}");
        {
            let mut inside = follower.inside.lock().expect("unpoisoned");
            if !inside.answers {
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
            inside.now = at(push["now"].as_str().expect("a time"));
            inside.busy = true;
        }
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(40)).await;
            let mut inside = follower.inside.lock().expect("unpoisoned");
            let now = inside.now;
            let done: Vec<Timestamp> = inside.due.extract_if(.., |due| *due <= now).collect();
            inside.done_at.extend(done.into_iter().map(|due| (due, now)));
            inside.busy = false;
        });
        StatusCode::NO_CONTENT
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}
