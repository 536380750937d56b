//! The write path: operations wait in a bounded queue, a batcher takes all that wait and writes them in one transaction.
//!
//! Nobody lingers for company: a batch is what came while the last one was being committed. Each caller is answered
//! after the commit, and what fails is tried again by itself, so that one bad operation harms no other.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::crash::rehearsal::Rehearsal;
use crate::fault::fault;
use crate::flow::batch::{Batch, KINDS};
use crate::metrics::{WRITE_BATCH, WRITE_TURNED_AWAY};
use crate::state::Hub;
use crate::store::StoreError;

/// Most operations that wait; what comes above is turned away.
pub const MOST_WAITING: usize = 1024;
/// Most operations in one transaction.
const MOST_TOGETHER: usize = 128;
/// How long new work may wait in the queue before it is turned away, so that it fails while its caller still listens.
const PATIENCE: Duration = Duration::from_secs(5);

/// After so many batches of a process the database looks at tables that are young: what is written changes most in the
/// beginning.
const LOOKS: [u32; 4] = [16, 64, 512, 4096];

/// One thing to be written.
pub trait Operation: Sized + Send {
    /// What its caller learns.
    type Answer: Send;
    /// Whether it begins something, and may be turned away. What ends something that has begun waits its turn.
    const BEGINS: bool;

    /// Itself as it waits.
    fn queued(slot: Slot<Self>) -> Queued;
}

/// An operation on its way through the queue.
pub struct Queued(pub(super) Box<dyn FnOnce(&mut Batch) + Send>);

/// An operation, and whom to answer.
pub struct Slot<O: Operation> {
    /// The operation.
    pub operation: O,
    /// What came of it, believed once it is committed.
    pub outcome: Option<O::Answer>,
    since: Instant,
    answer: oneshot::Sender<Result<O::Answer, StoreError>>,
}

impl<O: Operation> Slot<O> {
    /// Whether it waited for so long that its caller is better told to come again.
    pub(super) fn is_stale(&self) -> bool {
        O::BEGINS && self.since.elapsed() > PATIENCE
    }

    /// Tells the caller what came of it.
    pub(super) fn tell(self) {
        let outcome = self.outcome.ok_or(StoreError::Corrupt("operation"));
        // A caller who no longer listens has what it asked for all the same.
        let _ = self.answer.send(outcome);
    }

    /// Tells the caller that nothing came of it.
    pub(super) fn fail(self, error: StoreError) {
        let _ = self.answer.send(Err(error));
    }
}

/// The queue's end for callers.
pub struct Writer {
    queue: mpsc::Sender<Queued>,
}

/// The queue's end for the batchers.
pub struct Waiting {
    queue: mpsc::Receiver<Queued>,
    /// What was taken out of the queue and left for other batches, kind by kind.
    left: [Batch; KINDS],
    /// Which kind is next.
    turn: usize,
}

impl Waiting {
    /// All that waits, as soon as something does. None: nothing will any more. Where some kinds are written in one statement,
    /// `are_apart`, each kind makes a batch of its own, whoever takes it; they take turns.
    async fn batch(&mut self, are_apart: bool) -> Option<Batch> {
        let mut batch = Batch::default();
        let left: usize = self.left.iter().map(Batch::len).sum();
        if left == 0 {
            let Queued(first) = self.queue.recv().await?;
            first(&mut batch);
        }
        while left + batch.len() < MOST_TOGETHER
            && let Ok(Queued(next)) = self.queue.try_recv()
        {
            next(&mut batch);
        }
        if !are_apart {
            return Some(batch);
        }
        for (left, more) in self.left.iter_mut().zip(batch.apart()) {
            left.append(more);
        }
        let kind = (self.turn..self.turn + KINDS)
            .map(|kind| kind % KINDS)
            .find(|kind| self.left[*kind].len() > 0)?;
        self.turn = kind + 1;
        Some(std::mem::take(&mut self.left[kind]))
    }
}

impl Writer {
    /// An empty queue.
    pub fn new() -> (Self, Waiting) {
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        (Self { queue }, Waiting { queue: waiting, left: Default::default(), turn: 0 })
    }

    /// Writes an operation. The answer comes after its commit.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when it was turned away and nothing was written; what the database says else.
    pub async fn submit<O: Operation + 'static>(&self, operation: O) -> Result<O::Answer, StoreError> {
        let (answer, told) = oneshot::channel();
        let queued = O::queued(Slot { operation, outcome: None, since: Instant::now(), answer });
        if O::BEGINS && !fault!("let_everybody_wait") {
            self.queue.try_send(queued).map_err(|_| turned_away())?;
        } else {
            self.queue.send(queued).await.map_err(|_| turned_away())?;
        }
        told.await.unwrap_or(Err(StoreError::Busy))
    }
}

fn turned_away() -> StoreError {
    metrics::counter!(WRITE_TURNED_AWAY).increment(1);
    StoreError::Busy
}

/// Starts the batchers of a hub. They end with it.
///
/// Each has a thread of its own. Among all who wait for a database a batcher is one, and after each statement it would
/// come after those whom the last batch has just answered; whoever is in the next batch would wait for all of them. A
/// database in memory is written on the thread that asks, so that a run can be told again step by step.
///
/// # Errors
/// When the system gives no thread.
pub fn start(hub: &Arc<Hub>, waiting: Waiting) -> std::io::Result<()> {
    let waiting = Arc::new(Mutex::new(waiting));
    for writer in 0..hub.store.writers() {
        let batches =
            write_batches(Arc::downgrade(hub), Arc::clone(&waiting), writer, hub.store.writes_at_once());
        if hub.store.is_in_memory() {
            tokio::spawn(batches);
        } else {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let thread = std::thread::Builder::new().name(format!("writer-{writer}"));
            let rehearsal = Rehearsal::of_this_thread();
            thread.spawn(move || {
                rehearsal.go_along();
                runtime.block_on(batches);
            })?;
        }
    }
    Ok(())
}

async fn write_batches(hub: Weak<Hub>, waiting: Arc<Mutex<Waiting>>, writer: usize, are_apart: bool) {
    let mut batches: u32 = 0;
    loop {
        let Some(mut batch) = waiting.lock().await.batch(are_apart).await else { return };
        let Some(hub) = hub.upgrade() else { return };
        batch.turn_away_stale();
        settle(&hub, batch, writer).await;
        batches = batches.saturating_add(1);
        if writer == 0 && LOOKS.contains(&batches) {
            tokio::spawn(async move {
                if let Err(error) = hub.store.look_at_young_tables().await {
                    tracing::debug!(%error, "young tables were not looked at");
                }
            });
        }
    }
}

/// Writes a batch and answers everybody in it. When it fails by one of its operations, each is written by itself.
async fn settle(hub: &Hub, mut batch: Batch, writer: usize) {
    metrics::histogram!(WRITE_BATCH).record(f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
    match guarded(hub, &mut batch, writer).await {
        Ok(()) => batch.tell(hub),
        Err(error) if batch.len() <= 1 || error.is_outage() || fault!("fail_together") => {
            batch.fail(&Arc::new(error));
        }
        Err(error) => {
            tracing::warn!(%error, operations = batch.len(), "a batch failed; each of it is written by itself");
            for mut single in batch.singles() {
                match guarded(hub, &mut single, writer).await {
                    Ok(()) => single.tell(hub),
                    Err(error) => single.fail(&Arc::new(error)),
                }
            }
        }
    }
}

/// Writes a batch. A panic of one operation fails like an error and takes nobody along.
async fn guarded(hub: &Hub, batch: &mut Batch, writer: usize) -> Result<(), StoreError> {
    AssertUnwindSafe(batch.write(hub, writer)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("writing a batch panicked");
        Err(StoreError::Corrupt("operation"))
    })
}
