//! `/healthz`, `/readyz`, `/metrics`: for those who run the hub.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use crate::api::not_found;
use crate::metrics;
use crate::outbound::is_private;
use crate::server::ClientAddress;
use crate::state::Hub;
use crate::store::Store;

/// The text format that Prometheus reads.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A difference between our clock and a provider's that somebody should look at, in milliseconds.
const LARGE_SKEW_MS: u64 = 60_000;

/// The routes.
pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(render_metrics))
}

/// Whether the hub can do its work, and what keeps it.
#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    /// `ok`, `full` when it lately had no room for a write, `unreachable`.
    database: &'static str,
    schema: &'static str,
    /// `ok`, `off` by more than a minute from a provider's, `unknown` before any answer. It keeps no traffic away.
    clock: &'static str,
}

/// The process lives.
async fn alive() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "alive" }))
}

/// The database answers and has the schema that this program knows.
async fn ready(State(hub): State<Arc<Hub>>) -> Response {
    let database = match hub.store.ping().await {
        Ok(()) if hub.room.is_full() => "full",
        Ok(()) => "ok",
        Err(error) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            "unreachable"
        }
    };
    let schema = match hub.store.schema_version().await {
        Ok(version) if version == Store::newest_schema() => "ok",
        Ok(_) => "migrate",
        Err(_) => "unknown",
    };
    let clock = match hub.limits.widest_skew_ms() {
        None => "unknown",
        Some(skew) if skew.unsigned_abs() > LARGE_SKEW_MS => "off",
        Some(_) => "ok",
    };
    let is_ready = database == "ok" && schema == "ok";
    let (code, status) = match is_ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    (code, Json(Readiness { status, database, schema, clock })).into_response()
}

/// Metrics tell of money, so they are shown inside the operator's network only.
async fn render_metrics(State(hub): State<Arc<Hub>>, ClientAddress(peer): ClientAddress) -> Response {
    if !is_private(peer) {
        return not_found().await.into_response();
    }
    match hub.store.pending_by_age(hub.clock.now()).await {
        Ok(pending) => ([(CONTENT_TYPE, PROMETHEUS_TEXT)], metrics::render(&pending)).into_response(),
        Err(error) => crate::api::problem::Problem::from(error).into_response(),
    }
}
