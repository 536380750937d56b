//! `/healthz`, `/readyz`, `/metrics`: for those who run the hub.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use crate::api::not_found;
use crate::fault::fault;
use crate::heartbeat::Worker;
use crate::metrics;
use crate::outbound::is_private;
use crate::server::ClientAddress;
use crate::state::Hub;
use crate::store::Store;

/// The text format that Prometheus reads.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A difference between our clock and a provider's that somebody should look at, in milliseconds.
const LARGE_SKEW_MS: u64 = 60_000;
/// How long the database may take to answer before it counts as out of reach.
const DATABASE_PATIENCE: Duration = Duration::from_secs(2);

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
    /// `ready`, `draining` once the process was told to end, `not_ready`.
    status: &'static str,
    /// `ok`, `full` when it lately had no room for a write, `unreachable`.
    database: &'static str,
    schema: &'static str,
    /// `ok` or `silent`, for each worker of this process.
    workers: BTreeMap<&'static str, &'static str>,
    /// `ok`, `off` by more than a minute from a provider's, `unknown` before any answer. It keeps no traffic away.
    clock: &'static str,
}

/// The process lives.
async fn alive() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "alive" }))
}

/// The database answers and has the schema that this program knows, the workers beat, and nobody told us to end.
async fn ready(State(hub): State<Arc<Hub>>) -> Response {
    let (database, schema) = look_at_database(&hub).await;
    let workers = hub.heartbeat.workers(Instant::now());
    let all_beat = workers.values().all(|is_alive| *is_alive) || fault!("overlook_silent_workers");
    let clock = match hub.limits.widest_skew_ms() {
        None => "unknown",
        Some(skew) if skew.unsigned_abs() > LARGE_SKEW_MS => "off",
        Some(_) => "ok",
    };
    let (code, status) = if hub.heartbeat.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if database == "ok" && schema == "ok" && all_beat {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    let word = |(worker, is_alive): (Worker, bool)| (worker.word(), if is_alive { "ok" } else { "silent" });
    let workers = workers.into_iter().map(word).collect();
    (code, Json(Readiness { status, database, schema, workers, clock })).into_response()
}

/// How the database and its schema stand, told in good time even when it hangs.
async fn look_at_database(hub: &Hub) -> (&'static str, &'static str) {
    let looking = tokio::time::timeout(DATABASE_PATIENCE, hub.store.schema_version());
    match looking.await {
        Ok(Ok(_)) if hub.room.is_full() => ("full", "ok"),
        Ok(Ok(version)) if version == Store::newest_schema() => ("ok", "ok"),
        Ok(Ok(_)) => ("ok", "migrate"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            ("unreachable", "unknown")
        }
        Err(_) => {
            tracing::warn!("not ready: the database does not answer in time");
            ("unreachable", "unknown")
        }
    }
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
