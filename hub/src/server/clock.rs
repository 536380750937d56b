//! `/_clock`: business time moved by a sandbox, in test set-ups only.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use payment::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::problem::Problem;
use crate::settings::Settings;
use crate::state::Hub;
use crate::workers;

/// The route, where a clock is followed; never in production.
pub(super) fn router(settings: &Settings) -> Router<Arc<Hub>> {
    match &settings.clock_follow {
        Some(_) if !settings.is_production => Router::new().route("/_clock", get(tell).post(follow)),
        Some(_) | None => Router::new(),
    }
}

/// What the clock's owner sees.
#[derive(Serialize)]
struct ClockDocument {
    now: Timestamp,
    next_due_at: Option<Timestamp>,
    idle: bool,
}

/// What the clock's owner says. It also tells its own instant, which follows from the offset.
#[derive(Deserialize)]
struct Move {
    offset_us: i64,
}

async fn tell(State(hub): State<Arc<Hub>>) -> Result<Json<ClockDocument>, Problem> {
    let next_due_at = workers::next_due(&hub).await?;
    let idle = workers::is_idle(&hub).await?;
    Ok(Json(ClockDocument { now: hub.clock.now(), next_due_at, idle }))
}

async fn follow(State(hub): State<Arc<Hub>>, Json(to): Json<Move>) -> Result<Json<ClockDocument>, Problem> {
    hub.clock.follow(to.offset_us);
    hub.wake.notify_waiters();
    tell(State(hub)).await
}
