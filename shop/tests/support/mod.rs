//! A tiny hub for the shop's tests: its public API as far as the shop uses it, and a signer of events that
//! is the specification's reference implementation.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use shop::market::Market;
use shop::means::{Means, MeansTexts};
use shop::{RunningShop, Shop, ShopSettings};
use url::Url;

/// The key that the tiny hub takes.
pub const API_KEY: &str = "sk_prueba";
/// What a browser calls itself in these tests.
pub const BROWSER: &str = "NavegadorDePrueba/1.0 (tienda)";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A create call as it came.
#[derive(Clone, Debug)]
pub struct Create {
    pub key: String,
    pub bytes: Vec<u8>,
    pub body: Value,
}

#[derive(Default)]
pub struct HubState {
    pub creates: Vec<Create>,
    pub payments: Vec<Value>,
    pub endpoints: Vec<(String, String)>,
    pub registered: u32,
    /// So many create calls are answered 503 although the payment is made.
    pub withheld: u32,
    /// Create calls are refused with this status.
    pub refusal: Option<u16>,
    /// How many times a payment was read, or those that are pending.
    pub reads: u32,
    /// Whose each payment is.
    pub customers: HashMap<String, String>,
    /// The cards that are kept.
    pub instruments: Vec<Value>,
    /// How the next payments open in a frame.
    pub lightbox: Value,
}

/// A hub that remembers.
#[derive(Clone)]
pub struct TinyHub {
    pub state: Arc<Mutex<HubState>>,
    pub url: Url,
}

impl TinyHub {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let hub = Self {
            state: Arc::default(),
            url: Url::parse(&format!("http://caudal.localhost:{}/", address.port())).expect("a URL"),
        };
        let router = Router::new()
            .route("/v1/payments", post(create))
            .route("/v1/payments/{id}", get(read))
            .route("/v1/pending_payments", get(pending))
            .route("/v1/instruments", get(instruments))
            .route("/v1/event_endpoints", post(register).get(list))
            .route("/v1/event_endpoints/{id}", delete(remove))
            .with_state(hub.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        hub
    }

    pub fn state(&self) -> std::sync::MutexGuard<'_, HubState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the only payment, as if its provider had decided.
    pub fn decide(&self, changes: &Value) -> Value {
        let mut state = self.state();
        let payment = state.payments.last_mut().expect("a payment");
        payment["version"] = json!(payment["version"].as_i64().expect("a version") + 1);
        for (name, value) in changes.as_object().expect("an object") {
            payment[name] = value.clone();
        }
        payment.clone()
    }
}

/// A means of payment in Colombia, by card.
pub fn means(brand: &str) -> Means {
    Means {
        id: "tarjeta".into(),
        market: Market::Colombia,
        account: None,
        brand: brand.into(),
        is_card: true,
        methods: vec![],
        keeps_cards: false,
        keeps_without_charge: false,
        takes_parts: false,
        texts: <[MeansTexts; 3]>::default(),
    }
}

/// A shop of that hub; what it follows, if anything.
pub async fn open_shop(hub: &TinyHub, clock_follow: Option<Url>) -> RunningShop {
    open_shop_with(hub, clock_follow, vec![means("Pasarela de Prueba")]).await
}

/// The same with other means of payment.
pub async fn open_shop_with(hub: &TinyHub, clock_follow: Option<Url>, means: Vec<Means>) -> RunningShop {
    let settings = ShopSettings {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        public_url: None,
        hub_url: hub.url.clone(),
        api_key: API_KEY.to_owned().into(),
        name: "Tienda de Prueba".into(),
        means,
        lightbox: true,
        contact_email: "ayuda@tienda.example".into(),
        contact_phone: "601 555 0100".into(),
        clock_follow,
    };
    Shop::start(settings).await.expect("the shop opens")
}

/// A browser: it keeps cookies and shows redirects instead of following them.
pub fn browser() -> reqwest::Client {
    reqwest::Client::builder()
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(BROWSER)
        .timeout(std::time::Duration::from_secs(30))
        .build()
        .expect("a client")
}

/// The fields of a form that keeps every rule.
pub fn good_form(token: &str) -> Vec<(&'static str, String)> {
    [
        ("form_token", token),
        ("kind", "person"),
        ("document_type", "CC"),
        ("document_number", "1093847561"),
        ("name", "Prueba"),
        ("surname", "Ficticia Ñáñez"),
        ("email", "prueba@correo.example"),
        ("mobile", "3005550147"),
        ("accept_terms", "yes"),
        ("accept_data", "yes"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// Replaces one field of a form.
pub fn with(
    mut form: Vec<(&'static str, String)>,
    name: &'static str,
    value: &str,
) -> Vec<(&'static str, String)> {
    form.retain(|(known, _)| *known != name);
    form.push((name, value.to_owned()));
    form
}

/// Puts things into the cart and opens the checkout: its HTML.
pub async fn checkout(shop: &RunningShop, browser: &reqwest::Client) -> String {
    let change = [("sku", "MOR-100"), ("quantity", "1"), ("act", "set")];
    let answer = browser.post(at(shop, "/cart")).form(&change).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    page(browser, at(shop, "/checkout")).await
}

/// A page's HTML; it must be there.
pub async fn page(browser: &reqwest::Client, address: String) -> String {
    let answer = browser.get(address).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.text().await.expect("text")
}

/// The token of the form on a page.
pub fn form_token(html: &str) -> String {
    let (_, rest) = html.split_once("name=\"form_token\" value=\"").expect("a form");
    rest.split('"').next().expect("a token").to_owned()
}

/// Buys: the address of the order's page.
pub async fn buy(shop: &RunningShop, hub: &TinyHub, browser: &reqwest::Client) -> String {
    let html = checkout(shop, browser).await;
    let form = good_form(&form_token(&html));
    let answer = browser.post(at(shop, "/checkout")).form(&form).send().await.expect("an answer");
    assert_eq!(answer.status(), 303, "{:?}", answer.text().await);
    let state = hub.state();
    let order = state.creates.last().expect("a create call");
    order.body["return_url"].as_str().expect("a return address").to_owned()
}

/// An address of the shop.
pub fn at(shop: &RunningShop, path: &str) -> String {
    format!("{}{path}", shop.public_url.as_str().trim_end_matches('/'))
}

/// What the shop has received.
pub async fn inbox(shop: &RunningShop) -> Value {
    let text = page(&browser(), at(shop, "/inbox.json")).await;
    serde_json::from_str(&text).expect("JSON")
}

/// An event about a payment, with headers signed at an instant.
pub fn event(id: &str, payment: &Value, signed_at: shop::Timestamp) -> (HeaderMap, Vec<u8>) {
    let status = payment["status"].as_str().expect("a status");
    let envelope =
        json!({"type": format!("payment.{status}"), "timestamp": signed_at.to_string(), "data": payment});
    let body = envelope.to_string().into_bytes();
    let oracle = standardwebhooks::Webhook::new(SECRET).expect("the oracle takes the secret");
    let signature = oracle.sign(id, signed_at.as_second(), &body).expect("the oracle signs");
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &str| headers.insert(name, value.parse().expect("a header"));
    put("webhook-id", id);
    put("webhook-timestamp", &signed_at.as_second().to_string());
    put("webhook-signature", &signature);
    put("content-type", "application/json");
    (headers, body)
}

/// Sends an event to the shop's address for events.
pub async fn send(shop: &RunningShop, (headers, body): (HeaderMap, Vec<u8>)) -> u16 {
    let request = browser().post(at(shop, "/events")).headers(headers).body(body);
    request.send().await.expect("an answer").status().as_u16()
}

fn is_known(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|value| value == format!("Bearer {API_KEY}").as_str())
}

async fn create(State(hub): State<TinyHub>, headers: HeaderMap, bytes: Bytes) -> Response {
    assert!(is_known(&headers), "the shop names itself");
    // Long enough for every press of a button to be on its way.
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    let key = headers.get("idempotency-key").expect("a key").to_str().expect("text").to_owned();
    let body: Value = serde_json::from_slice(&bytes).expect("JSON");
    let mut state = hub.state();
    let again = state.creates.iter().any(|create| create.key == key);
    state.creates.push(Create { key, bytes: bytes.to_vec(), body: body.clone() });
    if let Some(status) = state.refusal {
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, Json(json!({"code": "invalid_value", "detail": "no"}))).into_response();
    }
    if !again {
        let number = state.payments.len() + 1;
        let customer = body["customer"].as_str().expect("a customer").to_owned();
        state.customers.insert(format!("pay_{number}"), customer);
        let lightbox = state.lightbox.clone();
        state.payments.push(json!({
            "id": format!("pay_{number}"), "object": "payment", "reference": body["reference"],
            "amount": body["amount"], "currency": body["currency"], "status": "requires_action",
            "certainty": "confirmed", "version": 1,
            "pay_url": format!("http://pago.localhost/session/{number}"), "lightbox": lightbox,
        }));
    }
    if state.withheld > 0 {
        state.withheld -= 1;
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"code": "busy"}))).into_response();
    }
    let payment = state.payments.iter().find(|payment| payment["reference"] == body["reference"]);
    (StatusCode::CREATED, Json(payment.expect("made").clone())).into_response()
}

async fn read(State(hub): State<TinyHub>, Path(id): Path<String>) -> Response {
    let mut state = hub.state();
    state.reads += 1;
    match state.payments.iter().find(|payment| payment["id"] == id.as_str()) {
        Some(payment) => Json(payment.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What is open of a customer; a real hub has asked the providers by then.
async fn pending(State(hub): State<TinyHub>, Query(asked): Query<HashMap<String, String>>) -> Json<Value> {
    let mut state = hub.state();
    state.reads += 1;
    let of_customer = |payment: &&Value| {
        state.customers.get(payment["id"].as_str().unwrap_or_default()) == asked.get("customer")
    };
    let is_open =
        |payment: &&Value| matches!(payment["status"].as_str(), Some("requires_action" | "pending"));
    let found = state.payments.iter().rev().filter(of_customer).filter(is_open);
    let data: Vec<Value> = found.map(|payment| json!({ "payment": payment })).collect();
    Json(json!({ "data": data, "has_more": false }))
}

async fn instruments(State(hub): State<TinyHub>) -> Json<Value> {
    Json(json!({ "data": hub.state().instruments, "has_more": false }))
}

async fn register(State(hub): State<TinyHub>, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    assert!(is_known(&headers) && headers.contains_key("idempotency-key"));
    let mut state = hub.state();
    state.registered += 1;
    let id = format!("whe_{}", state.registered);
    let url = body["url"].as_str().expect("an address").to_owned();
    state.endpoints.push((id.clone(), url.clone()));
    Json(json!({"id": id, "object": "event_endpoint", "url": url, "secret": SECRET}))
}

async fn list(State(hub): State<TinyHub>) -> Json<Value> {
    let state = hub.state();
    let data: Vec<Value> = state.endpoints.iter().map(|(id, url)| json!({"id": id, "url": url})).collect();
    Json(json!({"data": data, "has_more": false}))
}

async fn remove(State(hub): State<TinyHub>, Path(id): Path<String>) -> StatusCode {
    hub.state().endpoints.retain(|(known, _)| *known != id);
    StatusCode::NO_CONTENT
}
