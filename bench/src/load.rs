//! The load generator: one thread, connections that are kept, a closed loop or arrivals at a rate.

mod connection;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

pub use self::connection::Connection;
use crate::histogram::Histogram;
use crate::processor::{Sample, Usage, Watched};

/// How long what is under way at the end may still take before it counts as failed.
const DRAIN: Duration = Duration::from_secs(5);
/// How long a connection rests after it was refused or cut.
const REST: Duration = Duration::from_millis(20);

/// The number of the next piece of work. No two of a process are the same, so that nothing repeats by chance.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What is done over and over again.
pub trait Work {
    /// Does piece `number` on a connection. `Ok` holds the status of the answer that decides.
    async fn piece(&self, connection: &mut Connection, number: u64) -> io::Result<u16>;

    /// Whether that status means that it was done.
    fn is_done(&self, status: u16) -> bool {
        (200..300).contains(&status)
    }
}

/// When pieces begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Each connection begins the next piece when the last one is done.
    Closed,
    /// Pieces become due at a rate, whether earlier ones are done or not; what waits for a connection waits
    /// within its latency.
    PerSecond(f64),
}

/// The shape of a run.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Connections side by side.
    pub connections: usize,
    /// When pieces begin.
    pub pace: Pace,
    /// How long the run goes on before anything is counted.
    pub warm_up: Duration,
    /// How long it is counted.
    pub measured: Duration,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Load {
    /// Pieces done in the measured span.
    pub done: u64,
    /// Pieces that were not done, by status; 0 is a connection that failed.
    pub failed: BTreeMap<u16, u64>,
    /// How long pieces took.
    pub latency: Histogram,
    /// What the measured span cost.
    pub usage: Usage,
}

impl Load {
    /// Pieces done a second.
    pub fn per_second(&self) -> f64 {
        self.done as f64 / self.usage.span.as_secs_f64().max(1e-3)
    }

    /// What went wrong, in words. None: nothing.
    pub fn trouble(&self) -> Option<String> {
        let words = self.failed.iter().map(|(status, times)| match status {
            0 => format!("{times} without an answer"),
            _ => format!("{times} answered {status}"),
        });
        (!self.failed.is_empty()).then(|| words.collect::<Vec<_>>().join(", "))
    }
}

/// Runs `work` against a server.
///
/// # Errors
/// When the machine lacks threads or `/proc`. What the server does wrong is counted instead.
pub fn run(
    server: SocketAddr,
    work: impl Work + 'static,
    shape: Shape,
    watched: &Watched,
) -> anyhow::Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("no runtime for the load generator")?;
    LocalSet::new().block_on(&runtime, drive(server, work, shape, watched))
}

/// What the connections of a run share.
struct Run<W> {
    server: SocketAddr,
    work: W,
    pace: Pace,
    begins: Instant,
    counts_from: Instant,
    ends: Instant,
    arrivals: Cell<u64>,
    tally: RefCell<Tally>,
}

#[derive(Default)]
struct Tally {
    done: u64,
    failed: BTreeMap<u16, u64>,
    latency: Histogram,
}

async fn drive(
    server: SocketAddr,
    work: impl Work + 'static,
    shape: Shape,
    watched: &Watched,
) -> anyhow::Result<Load> {
    let begins = Instant::now();
    let counts_from = begins + shape.warm_up;
    let ends = counts_from + shape.measured;
    let (arrivals, tally) = (Cell::new(0), RefCell::default());
    let run = Rc::new(Run { server, work, pace: shape.pace, begins, counts_from, ends, arrivals, tally });
    let due = Arc::new(Semaphore::new(0));
    let mut connections = JoinSet::new();
    for _ in 0..shape.connections {
        connections.spawn_local(Rc::clone(&run).keep_busy(Arc::clone(&due)));
    }
    let clock = match shape.pace {
        Pace::Closed => None,
        Pace::PerSecond(rate) => Some(Clock::start(rate, begins, ends, Arc::clone(&due))),
    };
    tokio::time::sleep_until(counts_from.into()).await;
    let before = Sample::take(watched)?;
    tokio::time::sleep_until(ends.into()).await;
    let usage = before.until(&Sample::take(watched)?);
    let drain = async { while connections.join_next().await.is_some() {} };
    let is_drained = tokio::time::timeout(DRAIN, drain).await.is_ok();
    let mut tally = run.tally.take();
    if !is_drained {
        *tally.failed.entry(0).or_default() += (connections.len() + due.available_permits()) as u64;
    }
    drop(clock);
    Ok(Load { done: tally.done, failed: tally.failed, latency: tally.latency, usage })
}

impl<W: Work> Run<W> {
    async fn keep_busy(self: Rc<Self>, due: Arc<Semaphore>) {
        let mut connection = Connection::new(self.server);
        while let Some(began) = self.next(&due).await {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let outcome = self.work.piece(&mut connection, number).await;
            self.count(began, Instant::now(), outcome.as_ref().ok().copied());
            if outcome.is_err() {
                connection.close();
                tokio::time::sleep(REST).await;
            }
        }
    }

    /// When the next piece began, or should have. None: the run is over.
    async fn next(&self, due: &Semaphore) -> Option<Instant> {
        match self.pace {
            Pace::Closed => Some(Instant::now()).filter(|now| *now < self.ends),
            Pace::PerSecond(rate) => {
                // The clock closes the semaphore when the run is over.
                due.acquire().await.ok()?.forget();
                let arrival = self.arrivals.replace(self.arrivals.get() + 1);
                Some(self.begins + arrival_at(arrival, rate))
            }
        }
    }

    fn count(&self, began: Instant, ended: Instant, status: Option<u16>) {
        // In a closed loop what ends in the span makes its rate; at a rate what begins in it must be done.
        let decides = match self.pace {
            Pace::Closed => ended,
            Pace::PerSecond(_) => began,
        };
        if decides < self.counts_from || decides >= self.ends {
            return;
        }
        let mut tally = self.tally.borrow_mut();
        match status {
            Some(status) if self.work.is_done(status) => {
                tally.done += 1;
                tally.latency.record(ended - began);
            }
            Some(_) | None => *tally.failed.entry(status.unwrap_or(0)).or_default() += 1,
        }
    }
}

/// A thread that lets pieces become due: the runtime's own timers are a millisecond coarse.
struct Clock {
    thread: Option<std::thread::JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

impl Clock {
    fn start(rate: f64, begins: Instant, ends: Instant, due: Arc<Semaphore>) -> Clock {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            for arrival in 0.. {
                let at = begins + arrival_at(arrival, rate);
                if at >= ends || over.load(Ordering::Relaxed) {
                    break;
                }
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                due.add_permits(1);
            }
            // What is due already is still taken: closing wakes only those who wait for more.
            while due.available_permits() > 0 && !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            due.close();
        });
        Clock { thread: Some(thread), is_over }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // A thread that panicked has nothing to tell that the missing pieces do not.
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

fn arrival_at(arrival: u64, rate: f64) -> Duration {
    Duration::from_secs_f64(arrival as f64 / rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_even() {
        assert_eq!(arrival_at(0, 2000.0), Duration::ZERO);
        assert_eq!(arrival_at(3, 2000.0), Duration::from_micros(1500));
    }

    #[test]
    fn what_went_wrong_is_told_by_status() {
        let usage = Usage { span: Duration::from_secs(2), ..Usage::default() };
        let failed = BTreeMap::from([(0, 2), (503, 7)]);
        let load = Load { done: 100, failed, latency: Histogram::default(), usage };
        assert_eq!(load.trouble().as_deref(), Some("2 without an answer, 7 answered 503"));
        assert_eq!(load.per_second(), 50.0);
        assert_eq!(Load { failed: BTreeMap::new(), ..load }.trouble(), None);
    }
}
