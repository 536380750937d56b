//! Time passes: simulators are woken and notices leave when they are due by the business clock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use simulation::Timestamp;

use crate::notices::deliver;
use crate::state::State;

/// The clock may be moved by whoever holds it, so it is looked at this often at least.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// A simulator that is due again at once, so often in a row, is broken; others must not starve.
const MOST_WAKES: u32 = 1_000;

/// Runs what is due until the sandbox stops.
pub async fn keep_time(state: Arc<State>) {
    loop {
        // A simulator that panics must not take the clock of all others with it.
        if catch_unwind(AssertUnwindSafe(|| run_due(&state))).is_err() {
            tracing::error!("a simulator panicked while it was woken");
        }
        let until_next = next_due(&state).map_or(LONGEST_SLEEP, |due| {
            Duration::try_from(due.duration_since(state.clock.now())).unwrap_or_default()
        });
        // Due already, after all that was due ran: a broken simulator, to be tried again at leisure.
        let sleep = if until_next.is_zero() { LONGEST_SLEEP } else { until_next.min(LONGEST_SLEEP) };
        tokio::select! {
            () = state.stop.cancelled() => return,
            () = state.due_changed.notified() => {}
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

/// Wakes every simulator that is due and starts the delivery of every notice that is due.
pub fn run_due(state: &Arc<State>) {
    for provider in &state.providers {
        let mut machine = provider.machine();
        let mut wakes = 0;
        while machine.simulator.next_due().is_some_and(|due| due <= state.clock.now()) {
            if wakes == MOST_WAKES {
                tracing::error!(provider = provider.id, "the simulator stays due however often it is woken");
                break;
            }
            wakes += 1;
            state.act(provider, &mut machine, |simulator, world| simulator.wake(world));
        }
    }
    let parcels = state.records().notices.take_due(state.clock.now());
    for parcel in parcels {
        state.tasks.spawn(deliver(Arc::clone(state), parcel));
    }
}

/// The earliest instant at which something happens here by itself.
pub fn next_due(state: &State) -> Option<Timestamp> {
    let machines =
        state.providers.iter().filter_map(|provider| provider.machine().simulator.next_due()).min();
    let notices = state.records().notices.next_due();
    machines.into_iter().chain(notices).min()
}

/// Whether nothing is due and nothing is on its way.
pub fn is_idle(state: &State) -> bool {
    let now = state.clock.now();
    next_due(state).is_none_or(|due| due > now) && state.records().notices.is_quiet()
}
