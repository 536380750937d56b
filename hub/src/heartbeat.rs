//! Whether this process is fit for traffic: its workers beat, and nobody has told it to end.
//!
//! It is kept in the memory of one process and told of that process only.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a worker may be silent beyond its longest rest: longer than it waits for a database that is away.
const PATIENCE: Duration = Duration::from_secs(30);

/// The workers of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worker {
    /// Looks attempts up.
    Probe,
    /// Delivers events.
    Delivery,
    /// Forgets what is too old to be kept.
    Sweep,
}

impl Worker {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Delivery => "delivery",
            Self::Sweep => "sweep",
        }
    }
}

/// The signs of life of a process.
#[derive(Default)]
pub struct Heartbeat {
    beats: Mutex<BTreeMap<Worker, Beat>>,
    is_draining: AtomicBool,
}

#[derive(Clone, Copy)]
struct Beat {
    at: Instant,
    rest: Duration,
}

impl Heartbeat {
    /// A worker is alive, and will tell so again after `rest` at the latest.
    pub fn beat(&self, worker: Worker, at: Instant, rest: Duration) {
        self.beats().insert(worker, Beat { at, rest });
    }

    /// The workers that ever began in this process, and whether each of them still beats.
    pub fn workers(&self, now: Instant) -> BTreeMap<Worker, bool> {
        let is_alive = |beat: &Beat| now.saturating_duration_since(beat.at) <= beat.rest + PATIENCE;
        self.beats().iter().map(|(worker, beat)| (*worker, is_alive(beat))).collect()
    }

    /// From now on the process wants no more traffic.
    pub fn begin_draining(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    /// Whether the process was told to end.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::SeqCst)
    }

    /// A panic elsewhere leaves the beats as they were: they are never halfway.
    fn beats(&self) -> MutexGuard<'_, BTreeMap<Worker, Beat>> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_given_its_rest_and_some_patience() {
        let heartbeat = Heartbeat::default();
        let began = Instant::now();
        assert!(heartbeat.workers(began).is_empty(), "what never began is not missed");
        heartbeat.beat(Worker::Probe, began, Duration::from_secs(60));
        heartbeat.beat(Worker::Delivery, began, Duration::ZERO);
        let alive_after = |seconds| {
            let workers = heartbeat.workers(began + Duration::from_secs(seconds));
            (workers[&Worker::Probe], workers[&Worker::Delivery])
        };
        assert_eq!(alive_after(30), (true, true));
        assert_eq!(alive_after(31), (true, false));
        assert_eq!(alive_after(90), (true, false));
        assert_eq!(alive_after(91), (false, false));
        heartbeat.beat(Worker::Delivery, began + Duration::from_secs(91), Duration::ZERO);
        assert_eq!(alive_after(91), (false, true), "one that is late and comes again is alive");
    }
}
