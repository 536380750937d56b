//! The server: all routes under one roof, what accompanies every request, and the end of it all.

mod accompany;
mod clock;
mod health;
mod listen;
mod peer;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use peer::ClientAddress;

use crate::fault::fault;
use crate::state::Hub;
use crate::{api, metrics, notices, pages};

/// Every route of the hub.
pub fn router(hub: Arc<Hub>) -> Router {
    metrics::install();
    Router::new()
        .merge(api::router())
        .merge(notices::router())
        .merge(pages::router())
        .merge(health::router())
        .merge(clock::router(&hub.settings))
        .method_not_allowed_fallback(api::method_not_allowed)
        .fallback(api::not_found)
        .layer(from_fn_with_state(Arc::clone(&hub), accompany::accompany))
        .with_state(hub)
}

/// Serves until `shutdown` and the drain after it: `/readyz` says at once that no more traffic is wanted, requests
/// are taken for a while all the same, and those under way, and work that goes on for callers who hung up, are
/// finished within bounds.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(hub: Arc<Hub>, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
    let router = router(Arc::clone(&hub));
    let drained = CancellationToken::new();
    let serving = listen::serve(&hub, listener, router, drained.clone());
    let draining = async {
        shutdown.cancelled().await;
        drain(&hub).await;
        drained.cancel();
        std::future::pending().await
    };
    tokio::select! {
        served = serving => served,
        () = draining => Ok(()),
        () = metrics::keep_tidy() => Ok(()),
    }
}

/// Tells everybody who asks that this process ends, and gives them the time to hear it.
async fn drain(hub: &Hub) {
    if fault!("end_without_draining") {
        return;
    }
    hub.heartbeat.begin_draining();
    tracing::info!(drain_ms = hub.settings.drain_ms, "told to end; requests are taken for a while");
    tokio::time::sleep(Duration::from_millis(hub.settings.drain_ms)).await;
}
