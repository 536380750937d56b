//! Tells one history: on a thread of its own time, step by step, judged after each.

use std::any::Any;
use std::cell::RefCell;
use std::hash::Hasher;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Once};
use std::time::Duration;

use futures_util::FutureExt;
use hub::crash::rehearsal;
use jiff::SignedDuration;

use crate::plan::Operation;
use crate::provider::Payer;
use crate::world::World;

/// How long a step may take, in real time, before whoever waits is told that it takes too long.
const STEP_PATIENCE: Duration = Duration::from_secs(20);
/// What a step takes, in the history's own time.
const STEP: SignedDuration = SignedDuration::from_secs(1);

/// A history that was told to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Steps made.
    pub steps: usize,
    /// How often the hub died.
    pub deaths: usize,
    /// Payments made.
    pub payments: usize,
    /// Of everything that was seen: a seed replays a run.
    pub digest: u64,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The step after which it was seen, from 0.
    pub step: usize,
    /// What it is.
    pub what: String,
}

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Tells a history.
///
/// # Errors
/// The first [`Violation`].
pub fn tell(seed: u64, operations: &[Operation]) -> Result<Told, Violation> {
    let (told, ()) = tell_and_look(seed, operations, None, async |_| ())?;
    Ok(told)
}

/// Tells a history, in which a payer may have a card of their own, and looks at what is left of it.
///
/// # Errors
/// The first [`Violation`].
pub(crate) fn tell_and_look<R>(
    seed: u64,
    operations: &[Operation],
    payer: Option<Payer>,
    look: impl AsyncFnOnce(&World) -> R,
) -> Result<(Told, R), Violation> {
    note_panics();
    // Time stands still unless a history moves it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let (beat, beats) = mpsc::channel();
    let is_stuck = Arc::new(AtomicBool::new(false));
    let told = runtime.block_on(async {
        hold_time(beats, Arc::clone(&is_stuck));
        let world = World::begin(seed).await;
        world.wire.state().provider.payer = payer;
        let told = tell_all(&world, operations, &beat, &is_stuck).await?;
        Ok((told, look(&world).await))
    });
    drop(beat);
    runtime.shutdown_background();
    told
}

/// While a blocking task runs, paused time does not run on by itself where all wait for the database. Without a beat for
/// long it ends: then every time-out strikes at once, and whatever is stuck comes to an end.
fn hold_time(beats: mpsc::Receiver<()>, is_stuck: Arc<AtomicBool>) {
    tokio::task::spawn_blocking(move || {
        loop {
            match beats.recv_timeout(STEP_PATIENCE) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => return is_stuck.store(true, Ordering::SeqCst),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    });
}

async fn tell_all(
    world: &World,
    operations: &[Operation],
    beat: &mpsc::Sender<()>,
    is_stuck: &AtomicBool,
) -> Result<Told, Violation> {
    let mut deaths = 0;
    for (step, operation) in operations.iter().enumerate() {
        // Nobody listens once the patience is over.
        let _ = beat.send(());
        let performed = AssertUnwindSafe(world.perform(operation)).catch_unwind().await;
        world.quiet().await;
        if let Some(point) = rehearsal::died_at() {
            deaths += 1;
            world.note(point);
            world.restart().await;
        } else if let Err(panic) = performed {
            world.find(format!("a panic: {}", words(panic.as_ref())));
        }
        world.judge_touched().await;
        world.pass(STEP).await;
        if let Some(panic) = PANIC.take() {
            world.find(format!("a panic: {panic}"));
        }
        if is_stuck.load(Ordering::SeqCst) {
            world.find("the step does not come to an end");
        }
        if let Some(what) = world.finding() {
            return Err(Violation { step, what });
        }
    }
    let payments = world.orders.borrow().iter().filter(|order| order.payment.is_some()).count();
    let digest = world.digest.borrow().finish();
    Ok(Told { steps: operations.len(), deaths, payments, digest })
}

/// Keeps what a panic on a thread of histories said; the hub's own nets catch panics and go on.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANIC.set(Some(panic.to_string()));
            before(panic);
        }));
    });
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}
