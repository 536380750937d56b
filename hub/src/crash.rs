//! Crash points: before and after every commit and every outbound call of a payment's way. A test names one, and
//! the process dies there by SIGKILL, or freezes. Never in the product: the feature `faults` is for tests alone.

use payment::Timestamp;

use crate::fault::fault;

/// The variable that names the point to die at, as `name` or `name:n` for its n-th arrival.
pub const VARIABLE: &str = "CAUDAL_CRASH";
/// The variable that names the point to freeze at, once, as if by SIGSTOP.
pub const FREEZE_VARIABLE: &str = "CAUDAL_FREEZE";
/// The variable that names the file to which each arrival is appended, one name a line.
pub const TRACE_VARIABLE: &str = "CAUDAL_CRASH_TRACE";
/// The variable that shortens leases, in seconds, for tests that wait for those of a dead process.
pub const LEASE_VARIABLE: &str = "CAUDAL_LEASE_S";

/// Every point, in the order of a payment's way. A point of the code that is not listed does not compile.
pub const POINTS: [&str; 74] = [
    "endpoint.before_commit",
    "endpoint.after_commit",
    "rotation.before_commit",
    "rotation.after_commit",
    "key.before_claim",
    "key.after_claim",
    "create.before_commit",
    "create.after_commit",
    "token.before_claim",
    "token.after_claim",
    "token.before_call",
    "token.after_call",
    "token.before_commit",
    "token.after_commit",
    "token.before_release",
    "token.after_release",
    "token.before_end",
    "token.after_end",
    "create.before_call",
    "create.after_call",
    "create.before_answer",
    "create.after_answer",
    "key.before_answer",
    "key.after_answer",
    "create_again.before_commit",
    "create_again.after_commit",
    "resume.before_commit",
    "resume.after_commit",
    "timer.before_commit",
    "timer.after_commit",
    "notice.before_commit",
    "notice.after_commit",
    "probe.before_claim",
    "probe.after_claim",
    "look_up.before_call",
    "look_up.after_call",
    "look_up.before_commit",
    "look_up.after_commit",
    "probe.before_release",
    "probe.after_release",
    "give_up.before_commit",
    "give_up.after_commit",
    "delivery.before_claim",
    "delivery.after_claim",
    "delivery.before_post",
    "delivery.after_post",
    "delivery.before_acknowledgement",
    "delivery.after_acknowledgement",
    "cancel.before_commit",
    "cancel.after_commit",
    "cancel.before_call",
    "cancel.after_call",
    "cancel.before_answer",
    "cancel.after_answer",
    "supply.before_commit",
    "supply.after_commit",
    "pay.before_commit",
    "pay.after_commit",
    "pay.before_call",
    "pay.after_call",
    "operation.before_commit",
    "operation.after_commit",
    "operate.before_commit",
    "operate.after_commit",
    "operate.before_call",
    "operate.after_call",
    "operate.before_answer",
    "operate.after_answer",
    "invalidate.before_commit",
    "invalidate.after_commit",
    "invalidate.before_call",
    "invalidate.after_call",
    "removal.before_commit",
    "removal.after_commit",
];

/// Whether a point is listed, for the compiler.
pub const fn is_listed(name: &str) -> bool {
    let mut index = 0;
    while index < POINTS.len() {
        if is_same(POINTS[index].as_bytes(), name.as_bytes()) {
            return true;
        }
        index += 1;
    }
    false
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// The process may die here. The name is a literal, so that a search finds its place.
macro_rules! crash_point {
    ($name:literal) => {{
        const { assert!($crate::crash::is_listed($name), "crash::POINTS does not list this point") };
        #[cfg(feature = "faults")]
        $crate::crash::reach($name);
    }};
}
pub(crate) use crash_point;

/// A lease, in seconds of real time: what the product says, unless a test wants less.
#[cfg(feature = "faults")]
pub(crate) fn lease_s(usual: i64) -> i64 {
    std::env::var(LEASE_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A lease, in seconds of real time.
#[cfg(not(feature = "faults"))]
pub(crate) const fn lease_s(usual: i64) -> i64 {
    usual
}

/// Rehearses deaths on this thread instead of dying by them, so that many can be tried in one process. Threads that a hub
/// starts for itself go along. Without the feature there is no point to die at.
pub mod rehearsal {
    use std::cell::RefCell;
    use std::sync::{Arc, Mutex, PoisonError};

    /// Where a hub stands, for all of its threads.
    #[derive(Debug, Default)]
    struct State {
        #[cfg_attr(not(feature = "faults"), allow(dead_code, reason = "nobody arrives anywhere then"))]
        arrivals_left: Option<u32>,
        died_at: Option<&'static str>,
    }

    /// A rehearsal, to be handed to another thread.
    #[derive(Clone, Debug, Default)]
    pub struct Rehearsal(Arc<Mutex<State>>);

    thread_local! {
        static OWN: RefCell<Rehearsal> = RefCell::default();
    }

    impl Rehearsal {
        /// The one of this thread.
        pub fn of_this_thread() -> Self {
            OWN.with_borrow(Self::clone)
        }

        /// Makes it the one of this thread.
        pub fn go_along(self) {
            OWN.set(self);
        }

        fn with<T>(change: impl FnOnce(&mut State) -> T) -> T {
            let own = Self::of_this_thread();
            let mut state = own.0.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut state)
        }
    }

    /// The hub on this thread dies at its next arrival at a point but `arrivals`; none, it lives on. Whatever
    /// reaches a point after that ends there too, as everything in a dead process does.
    pub fn begin(arrivals: Option<u32>) {
        Rehearsal::with(|state| *state = State { arrivals_left: arrivals, died_at: None });
    }

    /// The point at which the hub on this thread died, if it did.
    pub fn died_at() -> Option<&'static str> {
        Rehearsal::with(|state| state.died_at)
    }

    /// What is left of a dead hub ends where it would touch the database.
    #[cfg(feature = "faults")]
    pub(crate) fn stop_the_dead() {
        if died_at().is_some() {
            std::panic::resume_unwind(Box::new("died before"));
        }
    }

    /// Ends the running future by unwinding, past the panic hook: nothing that it would have done is done.
    #[cfg(feature = "faults")]
    pub(super) fn reach(name: &'static str) {
        stop_the_dead();
        let dies = Rehearsal::with(|state| match state.arrivals_left {
            None => false,
            Some(0) => {
                state.died_at = Some(name);
                true
            }
            Some(left) => {
                state.arrivals_left = Some(left - 1);
                false
            }
        });
        if dies {
            std::panic::resume_unwind(Box::new(name));
        }
    }
}

/// The instant, in real time, by which a lease has to have ended for its work to be taken over.
pub(crate) fn lapsed_by(real_now: Timestamp) -> Timestamp {
    if fault!("never_take_over") { Timestamp::UNIX_EPOCH } else { real_now }
}

/// Notes the arrival, and kills or freezes this process when it is the one that was named.
#[cfg(feature = "faults")]
pub(crate) fn reach(name: &'static str) {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    static ARRIVALS: AtomicU32 = AtomicU32::new(0);
    static HAS_FROZEN: AtomicBool = AtomicBool::new(false);
    rehearsal::reach(name);
    note(name);
    if std::env::var(FREEZE_VARIABLE).is_ok_and(|point| point == name)
        && !HAS_FROZEN.swap(true, Ordering::SeqCst)
    {
        signal_itself("-STOP");
    }
    let Ok(wanted) = std::env::var(VARIABLE) else { return };
    let (point, arrival) = match wanted.split_once(':') {
        Some((point, arrival)) => (point, arrival.parse().unwrap_or(1)),
        None => (wanted.as_str(), 1),
    };
    if point == name && ARRIVALS.fetch_add(1, Ordering::SeqCst) + 1 == arrival {
        die();
    }
}

#[cfg(feature = "faults")]
fn note(name: &str) {
    use std::io::Write;

    let Some(path) = std::env::var_os(TRACE_VARIABLE) else { return };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    // A trace that cannot be written lacks the point, and the test that reads it fails.
    let _ = file.and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()));
}

/// Dies as if by `kill -9`: nothing is flushed, closed or answered.
#[cfg(feature = "faults")]
fn die() -> ! {
    signal_itself("-9");
    loop {
        std::thread::park();
    }
}

#[cfg(feature = "faults")]
fn signal_itself(signal: &str) {
    let own = std::process::id().to_string();
    // Without the program `kill` the process goes on, and the test that waits for its death or rest fails.
    let _ = std::process::Command::new("kill").args([signal, &own]).status();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_listed_once() {
        let names: std::collections::BTreeSet<&str> = POINTS.into_iter().collect();
        assert_eq!(names.len(), POINTS.len());
        assert!(
            is_listed("notice.after_commit") && !is_listed("notice.after_commi") && !is_listed("nowhere")
        );
    }
}
