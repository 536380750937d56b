//! The shop's time: real time plus an offset that only grows, when it follows a sandbox's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::Timestamp;

/// The shop's clock. Cloning gives another handle to the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_us: Arc<AtomicI64>,
}

impl Clock {
    /// The time orders are dated with and event timestamps are compared to.
    #[expect(clippy::disallowed_methods, reason = "the one place of the shop that reads the machine's clock")]
    pub fn now(&self) -> Timestamp {
        let micros = Timestamp::now().as_microsecond().saturating_add(self.offset_us.load(Ordering::SeqCst));
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }

    /// Sets how far the shop's time runs ahead, in microseconds. A smaller offset than today's changes nothing.
    pub fn follow(&self, offset_us: i64) {
        self.offset_us.fetch_max(offset_us, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_only_grows() {
        let clock = Clock::default();
        let before = clock.now();
        clock.follow(3_600_000_000);
        let ahead = clock.now();
        clock.follow(1);
        assert!(ahead.duration_since(before).as_secs() >= 3600);
        assert!(clock.now() >= ahead);
    }
}
