//! The shop's side of a followed clock: it tells its time and whether it is idle, and takes a later time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::running::Shop;

/// Where the shop stands.
#[derive(Serialize)]
pub(super) struct Standing {
    now: Timestamp,
    /// The shop has no timers of its own.
    next_due_at: Option<Timestamp>,
    /// No call to the hub is under way.
    idle: bool,
}

/// A step of the leader's clock.
#[derive(Deserialize)]
pub(super) struct Step {
    offset_us: i64,
}

pub(super) async fn read(State(shop): State<Arc<Shop>>) -> Json<Standing> {
    Json(standing(&shop))
}

pub(super) async fn set(State(shop): State<Arc<Shop>>, Json(step): Json<Step>) -> Json<Standing> {
    shop.clock.follow(step.offset_us);
    Json(standing(&shop))
}

fn standing(shop: &Shop) -> Standing {
    Standing { now: shop.clock.now(), next_due_at: None, idle: shop.hub.in_flight() == 0 }
}
