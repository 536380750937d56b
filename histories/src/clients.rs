//! The hub's partners that speak to it over its routes: what they send and what they get.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use hub::Settings;
use hub::settings::{ApiKey, Contact, EventSettings, Merchant};
use payment::account::Account;
use payment::order::Language;
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt;
use url::Url;

use crate::plan::MERCHANTS;
use crate::provider::Part;

/// Where the hub would be.
const PUBLIC_URL: &str = "http://caudal.localhost:4040";

/// An answer of the hub.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub json: Value,
}

/// The id of a merchant.
pub fn merchant_id(merchant: usize) -> String {
    format!("tienda-{merchant}")
}

fn key(merchant: usize) -> String {
    format!("sk_prueba_tienda_{merchant:016}")
}

/// Settings with all merchants, each with its account.
pub fn settings(accounts: Vec<Account>) -> Settings {
    Settings {
        public_url: Url::parse(PUBLIC_URL).expect("an address of the histories' own"),
        is_production: false,
        merchants: (0..MERCHANTS).map(merchant).collect(),
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

fn merchant(merchant: usize) -> Merchant {
    let hash = digest(&SHA256, key(merchant).as_bytes());
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(hash.as_ref());
    Merchant {
        id: merchant_id(merchant),
        name: format!("Tienda de prueba {merchant}"),
        api_keys: vec![ApiKey { name: "prueba".into(), sha256, is_revoked: false }],
        contact: Contact::default(),
        language: Language::Es,
        zone: "America/Bogota".into(),
    }
}

/// The body of an order.
pub fn order_body(part: Part, reference: &str, minor: i64, expires_at: Option<String>) -> Value {
    // A code is sent to somebody.
    let buyer = json!({ "name": "Rosa", "surname": "Prueba", "email": "rosa.prueba@correo.example" });
    json!({
        "reference": reference,
        "amount": minor,
        "currency": part.currency(),
        "description": "Tres cuadernos de prueba",
        "expires_at": expires_at,
        "return_url": "http://tienda.localhost:4042/orders/1",
        "buyer": (part == Part::PagoEfectivo).then_some(buyer),
        "shopper": { "ip": "203.0.113.24", "user_agent": "Prueba/1.0" },
    })
}

/// A merchant's POST under an idempotency key.
pub async fn post(
    router: Router,
    merchant: usize,
    path: &str,
    idempotency_key: &str,
    body: String,
) -> Answer {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {}", key(merchant)))
        .header("idempotency-key", idempotency_key)
        .header("content-type", "application/json");
    send(router, request, body).await
}

/// A merchant's GET.
pub async fn get(router: Router, merchant: usize, path: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {}", key(merchant)));
    send(router, request, String::new()).await
}

/// A shopper's GET.
pub async fn visit(router: Router, path: &str) -> Answer {
    send(router, Request::get(path), String::new()).await
}

async fn send(router: Router, request: http::request::Builder, body: String) -> Answer {
    let request = request.body(Body::from(body)).expect("a request of the histories' own");
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let json = serde_json::from_str(&text).unwrap_or_default();
    Answer { status, text, json }
}
