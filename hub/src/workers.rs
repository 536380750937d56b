//! The workers: they take no input but the database, and look for due work until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use payment::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::flow::idempotency::KEPT_S;
use crate::flow::{deliver_due_events, probe_due};
use crate::state::Hub;
use crate::store::StoreError;

/// Most attempts looked up side by side.
const PROBE_BATCH: u32 = 16;
/// Most events delivered side by side.
const DELIVERY_BATCH: u32 = 32;
/// Between two sweeps of old idempotency keys, in real time.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// How long a worker rests after a failure of the database.
const REST: Duration = Duration::from_secs(1);

/// Runs all workers until `shutdown`; work that has begun is finished first.
pub async fn run(hub: Arc<Hub>, shutdown: CancellationToken) {
    tokio::join!(probes(&hub, &shutdown), deliveries(&hub, &shutdown), sweeps(&hub, &shutdown));
}

async fn probes(hub: &Arc<Hub>, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        let done = probe_due(hub, PROBE_BATCH).await;
        rest(hub, shutdown, done, "probe").await;
    }
}

async fn deliveries(hub: &Arc<Hub>, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        let done = deliver_due_events(hub, DELIVERY_BATCH).await;
        rest(hub, shutdown, done, "delivery").await;
    }
}

/// Waits for the next look: not at all while there is work, longer after a failure.
async fn rest(hub: &Hub, shutdown: &CancellationToken, done: Result<usize, StoreError>, worker: &str) {
    let pause = match done {
        Ok(0) => Duration::from_millis(hub.settings.poll_ms),
        Ok(_) => return,
        Err(error) => {
            tracing::error!(worker, %error, "the database failed a worker");
            REST
        }
    };
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = hub.wake.notified() => {}
        () = shutdown.cancelled() => {}
    }
}

async fn sweeps(hub: &Hub, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        let before = hub.clock.real_now() - jiff::SignedDuration::from_secs(KEPT_S);
        if let Err(error) = hub.store.forget_idempotency_keys(before).await {
            tracing::error!(%error, "old idempotency keys could not be forgotten");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// When the next work or delivery is due, in business time.
pub async fn next_due(hub: &Hub) -> Result<Option<Timestamp>, StoreError> {
    let work = hub.store.next_work_at().await?;
    let delivery = hub.store.next_delivery_at().await?;
    Ok(match (work, delivery) {
        (Some(work), Some(delivery)) => Some(work.min(delivery)),
        (one, other) => one.or(other),
    })
}

/// Whether nothing is being done and nothing is due.
pub async fn is_idle(hub: &Hub) -> Result<bool, StoreError> {
    if hub.busy.load(Ordering::SeqCst) > 0 {
        return Ok(false);
    }
    let due = next_due(hub).await?;
    Ok(due.is_none_or(|due| due > hub.clock.now()))
}
