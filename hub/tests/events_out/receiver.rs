//! A merchant's endpoint that answers as the story wants, and the stage around it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hub::Hub;
use hub::flow::deliver_due_events;
use serde_json::{Value, json};
use testing::TestDatabase;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::support::paper::Paper;
use crate::support::{Api, KEY, hub_on, serve};

/// A hub with a merchant's client.
pub struct Stage {
    /// The hub.
    pub hub: Arc<Hub>,
    /// The merchant's client.
    pub api: Api,
}

/// What the endpoint received in one request.
#[derive(Clone, Debug)]
pub struct Received {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub signature: String,
    /// The body as it came.
    pub body: String,
}

impl Received {
    /// The `type` of the event.
    pub fn kind(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).expect("JSON");
        body["type"].as_str().expect("a type").to_owned()
    }

    /// Whether one of the signatures is the one that the standard's own library makes with a secret.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let oracle = standardwebhooks::Webhook::new(secret).expect("a secret");
        let expected = oracle.sign(&self.id, self.timestamp, self.body.as_bytes()).expect("a signature");
        self.signature.split(' ').any(|signature| signature == expected)
    }
}

/// An answer of the endpoint.
#[derive(Clone, Debug)]
pub struct Mood {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// Body.
    pub body: String,
}

impl From<u16> for Mood {
    fn from(status: u16) -> Self {
        Self { status, retry_after: None, body: String::new() }
    }
}

/// The endpoint. Each clone is the same one.
#[derive(Clone)]
pub struct Receiver {
    /// Its address.
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    received: Mutex<Vec<Received>>,
    next: Mutex<VecDeque<Mood>>,
    usual: Mutex<Mood>,
    gate: Semaphore,
}

/// More permits than a story has requests.
const OPEN: usize = 1_000_000;

impl Receiver {
    /// An endpoint that takes everything.
    pub async fn start() -> Self {
        let inner = Arc::new(Inner {
            received: Mutex::default(),
            next: Mutex::default(),
            usual: Mutex::new(Mood::from(200)),
            gate: Semaphore::new(OPEN),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/events", listener.local_addr().expect("an address"));
        let router = Router::new().route("/events", post(receive)).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    /// From now on it answers so.
    pub fn usually(&self, mood: impl Into<Mood>) {
        *self.inner.usual.lock().expect("a mood") = mood.into();
    }

    /// The next request is answered so.
    pub fn next(&self, mood: impl Into<Mood>) {
        self.inner.next.lock().expect("a mood").push_back(mood.into());
    }

    /// From now on requests are taken and not answered.
    pub fn hang(&self) {
        self.inner.gate.forget_permits(OPEN);
    }

    /// What came so far.
    pub fn received(&self) -> Vec<Received> {
        self.inner.received.lock().expect("the inbox").clone()
    }

    /// The types of what came so far.
    pub fn kinds(&self) -> Vec<String> {
        self.received().iter().map(Received::kind).collect()
    }
}

async fn receive(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: String) -> Response {
    let header = |name: &str| headers[name].to_str().expect("text").to_owned();
    let received = Received {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp").parse().expect("seconds"),
        signature: header("webhook-signature"),
        body,
    };
    inner.received.lock().expect("the inbox").push(received);
    let _permit = inner.gate.acquire().await.expect("the gate");
    let next = inner.next.lock().expect("a mood").pop_front();
    let mood = next.unwrap_or_else(|| inner.usual.lock().expect("a mood").clone());
    let status = StatusCode::from_u16(mood.status).expect("a status");
    let mut response = (status, mood.body).into_response();
    if let Some(retry_after) = mood.retry_after {
        response.headers_mut().insert("retry-after", retry_after.parse().expect("a header"));
    }
    response
}

impl Stage {
    /// A hub on a fresh database, without workers: the story delivers step by step.
    pub async fn on(database: &TestDatabase) -> Self {
        let hub = hub_on(database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        Self { hub, api }
    }

    /// Registers an endpoint and gives its id and secret.
    pub async fn register(&self, receiver: &Receiver, key: &str) -> (String, String) {
        let created = self.api.post("/v1/event_endpoints", key, &json!({ "url": receiver.url })).await;
        assert_eq!(created.status, 201, "{}", created.text);
        (created.member("id").to_owned(), created.member("secret").to_owned())
    }

    /// Sends a test event to an endpoint and gives the event's id.
    pub async fn tell(&self, endpoint: &str, key: &str) -> String {
        let tried = self.api.act(&format!("/v1/event_endpoints/{endpoint}/test"), key).await;
        assert_eq!(tried.status, 202, "{}", tried.text);
        tried.member("id").to_owned()
    }

    /// Makes every delivery that is due, and those that become due by it.
    pub async fn deliver(&self) {
        while deliver_due_events(&self.hub, 64).await.expect("deliveries") > 0 {}
    }

    /// Moves the clock, then delivers.
    pub async fn advance(&self, seconds: i64) {
        self.hub.clock.advance(jiff::SignedDuration::from_secs(seconds));
        self.deliver().await;
    }

    /// The deliveries of an event with their log.
    pub async fn deliveries(&self, event: &str) -> Vec<Value> {
        let answer = self.api.get(&format!("/v1/events/{event}/deliveries")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json["data"].as_array().expect("a list").clone()
    }
}
