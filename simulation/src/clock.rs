//! The clock of the simulated world: real time plus an offset that only grows.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// An instant, UTC, to the microsecond.
pub type Timestamp = jiff::Timestamp;

/// A clock shared by everything in one sandbox. Cloning gives another handle to the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_us: Arc<AtomicI64>,
    /// When set, real time does not flow: only [`Clock::advance_to`] moves the clock (tests, seeds).
    frozen_at_us: Option<i64>,
}

impl Clock {
    /// A clock that runs with real time.
    pub fn real() -> Self {
        Self::default()
    }

    /// A clock that stands still at `start` until it is advanced.
    pub fn frozen(start: Timestamp) -> Self {
        Self { offset_us: Arc::default(), frozen_at_us: Some(start.as_microsecond()) }
    }

    /// The business time of this world.
    pub fn now(&self) -> Timestamp {
        let base = self.frozen_at_us.unwrap_or_else(|| self.real_now().as_microsecond());
        let micros = base.saturating_add(self.offset_us.load(Ordering::SeqCst));
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }

    /// The machine's own time, whatever the offset (leases, time-outs, the journal's second clock).
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is handed")]
    pub fn real_now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// How far business time runs ahead of its base, in microseconds.
    pub fn offset_us(&self) -> i64 {
        self.offset_us.load(Ordering::SeqCst)
    }

    /// Moves the clock forward to `target`. A target in the past changes nothing: the offset only grows.
    pub fn advance_to(&self, target: Timestamp) {
        let ahead = target.as_microsecond().saturating_sub(self.now().as_microsecond());
        if ahead > 0 {
            self.offset_us.fetch_add(ahead, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_only_grows() {
        let start: Timestamp = "2026-03-14T15:00:00Z".parse().expect("a timestamp");
        let clock = Clock::frozen(start);
        let later: Timestamp = "2026-03-14T16:00:00Z".parse().expect("a timestamp");
        clock.advance_to(later);
        assert_eq!(clock.now(), later);
        clock.advance_to(start);
        assert_eq!(clock.now(), later);
    }
}
