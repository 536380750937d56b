//! The workers: they take no input but the database, and look for due work until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use payment::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::flow::idempotency::KEPT_S;
use crate::flow::{begin_deliveries, begin_probes};
use crate::heartbeat::Worker;
use crate::state::Hub;
use crate::store::StoreError;

/// Most attempts looked up side by side.
const PROBES_AT_ONCE: usize = 32;
/// Most events delivered side by side.
const DELIVERIES_AT_ONCE: usize = 128;
/// How long the tries of deliveries are kept, in seconds of business time: 30 days.
pub const TRIES_KEPT_S: i64 = 30 * 86_400;
/// Most tries forgotten in one transaction.
const FORGOTTEN_AT_ONCE: u32 = 5000;
/// Between two sweeps of what is too old to be kept, in real time.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// Between two sweeps of the keys of requests, in real time: all of them are read.
const KEYS_SWEPT_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How long a sweep may take, in real time.
const LONGEST_SWEEP: Duration = Duration::from_secs(3600);
/// How long a worker rests after a failure of the database.
const REST: Duration = Duration::from_secs(1);

/// Runs all workers until `shutdown`; work that has begun is finished first.
pub async fn run(hub: Arc<Hub>, shutdown: CancellationToken) {
    let (probes, deliveries) =
        (work(&hub, &shutdown, Claimer::Probes), work(&hub, &shutdown, Claimer::Deliveries));
    tokio::join!(probes, deliveries, sweeps(&hub, &shutdown));
}

/// The kinds of workers that claim.
#[derive(Clone, Copy, Debug)]
enum Claimer {
    Probes,
    Deliveries,
}

impl Claimer {
    const fn worker(self) -> Worker {
        match self {
            Self::Probes => Worker::Probe,
            Self::Deliveries => Worker::Delivery,
        }
    }

    const fn room(self) -> usize {
        match self {
            Self::Probes => PROBES_AT_ONCE,
            Self::Deliveries => DELIVERIES_AT_ONCE,
        }
    }

    async fn begin(self, hub: &Arc<Hub>, running: &mut JoinSet<()>, free: u32) -> Result<usize, StoreError> {
        match self {
            Self::Probes => begin_probes(hub, running, free).await,
            Self::Deliveries => begin_deliveries(hub, running, free).await,
        }
    }
}

/// Claims as much as there is room for, and again as soon as a piece is done: a slow one keeps its own place only.
async fn work(hub: &Arc<Hub>, shutdown: &CancellationToken, claimer: Claimer) {
    let mut running = JoinSet::new();
    let longest_rest = Duration::from_millis(hub.settings.poll_ms).max(REST);
    while !shutdown.is_cancelled() {
        hub.heartbeat.beat(claimer.worker(), Instant::now(), longest_rest);
        while running.try_join_next().is_some() {}
        let free = u32::try_from(claimer.room() - running.len()).unwrap_or(0);
        let begun = if free == 0 { Ok(0) } else { claimer.begin(hub, &mut running, free).await };
        let pause = match begun {
            Ok(0) => Duration::from_millis(hub.settings.poll_ms),
            Ok(_) => continue,
            Err(error) => {
                tracing::error!(worker = claimer.worker().word(), %error, "the database failed a worker");
                if error.is_full() {
                    hub.room.note_full();
                }
                REST
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = hub.wake.notified() => {}
            _ = running.join_next(), if !running.is_empty() => {}
            () = shutdown.cancelled() => {}
        }
    }
    while running.join_next().await.is_some() {}
}

async fn sweeps(hub: &Hub, shutdown: &CancellationToken) {
    let mut keys_swept: Option<Instant> = None;
    while !shutdown.is_cancelled() {
        hub.heartbeat.beat(Worker::Sweep, Instant::now(), SWEEP_EVERY + LONGEST_SWEEP);
        let mut swept = sweep(hub).await;
        if swept.is_ok() && keys_swept.is_none_or(|at| at.elapsed() >= KEYS_SWEPT_EVERY) {
            swept = sweep_keys(hub).await;
            // What failed is tried again with the next sweep.
            keys_swept = swept.is_ok().then(Instant::now);
        }
        if let Err(error) = swept {
            tracing::error!(%error, "what is too old to be kept could not be forgotten");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// Forgets the idempotency keys that are too old to be kept.
async fn sweep_keys(hub: &Hub) -> Result<(), StoreError> {
    let before = hub.clock.real_now() - jiff::SignedDuration::from_secs(KEPT_S);
    hub.store.forget_idempotency_keys(before).await?;
    Ok(())
}

/// Forgets what else is too old to be kept: replaced secrets, the tries of deliveries.
pub async fn sweep(hub: &Hub) -> Result<(), StoreError> {
    hub.store.drop_former_secrets(hub.clock.now()).await?;
    let before = hub.clock.now() - jiff::SignedDuration::from_secs(TRIES_KEPT_S);
    while hub.store.forget_delivery_tries(before, FORGOTTEN_AT_ONCE).await? == u64::from(FORGOTTEN_AT_ONCE) {}
    Ok(())
}

/// When the next work or delivery is due, in business time.
pub async fn next_due(hub: &Hub) -> Result<Option<Timestamp>, StoreError> {
    let work = hub.store.next_work_at(&hub.settings.work_accounts()).await?;
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
