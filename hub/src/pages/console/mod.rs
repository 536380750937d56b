//! The operator's console: it shows everything and changes nothing.

pub(super) mod accounts;
pub(super) mod merchants;
pub(super) mod notices;
mod operator;
pub(super) mod payments;
#[cfg(test)]
pub(super) mod sample;
pub(super) mod story;
mod told;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::state::Hub;

/// The console's pages. Without access in the settings none of them exists.
pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/console", get(merchants::show))
        .route("/console/{merchant}", get(payments::show))
        .route("/console/{merchant}/accounts", get(accounts::show))
        .route("/console/{merchant}/notices", get(notices::show))
        .route("/console/{merchant}/payments/{payment}", get(story::show))
}
