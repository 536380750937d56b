//! The server: all routes under one roof, what accompanies every request, and the end of it all.

mod accompany;
mod clock;
mod health;
mod listen;
mod peer;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use peer::ClientAddress;

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

/// Serves until `shutdown`; requests under way, and work that goes on for callers who hung up, are finished
/// first, within bounds.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(hub: Arc<Hub>, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
    let router = router(Arc::clone(&hub));
    tokio::select! {
        served = listen::serve(&hub, listener, router, shutdown) => served,
        () = metrics::keep_tidy() => Ok(()),
    }
}
