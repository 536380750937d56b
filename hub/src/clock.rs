//! Business time: real time plus an offset that only grows, and only in test set-ups.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use payment::Timestamp;

/// The hub's clock. Cloning gives another handle to the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_us: Arc<AtomicI64>,
    frozen_at_us: Option<i64>,
    /// Real time where it, too, is moved by hand.
    by_hand_us: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// A clock that runs with real time.
    pub fn real() -> Self {
        Self::default()
    }

    /// A clock that stands still at `start` until it is moved: for tests.
    pub fn frozen(start: Timestamp) -> Self {
        Self { frozen_at_us: Some(start.as_microsecond()), ..Self::default() }
    }

    /// A clock whose real time stands still as well, until [`Clock::pass`] moves it: for runs that are replayed.
    pub fn by_hand(start: Timestamp) -> Self {
        Self { by_hand_us: Some(Arc::new(AtomicI64::new(start.as_microsecond()))), ..Self::default() }
    }

    /// Business time: due dates, expiries, what is written into records.
    pub fn now(&self) -> Timestamp {
        let base = self.frozen_at_us.unwrap_or_else(|| self.real_now().as_microsecond());
        let micros = base.saturating_add(self.offset_us.load(Ordering::SeqCst));
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }

    /// Real time: leases, time-outs of calls, cookies.
    #[expect(clippy::disallowed_methods, reason = "the one place of the hub that reads the machine's clock")]
    pub fn real_now(&self) -> Timestamp {
        match &self.by_hand_us {
            Some(micros) => {
                Timestamp::from_microsecond(micros.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
            }
            None => Timestamp::now(),
        }
    }

    /// Sets how far business time runs ahead, in microseconds. A smaller offset than today's changes nothing.
    pub fn follow(&self, offset_us: i64) {
        self.offset_us.fetch_max(offset_us, Ordering::SeqCst);
    }

    /// Lets real time pass, and business time with it, where it is moved by hand.
    pub fn pass(&self, time: jiff::SignedDuration) {
        if let Some(micros) = &self.by_hand_us {
            micros.fetch_add(i64::try_from(time.as_micros()).unwrap_or(0).max(0), Ordering::SeqCst);
        }
    }

    /// Moves business time forward by `ahead`: for tests.
    pub fn advance(&self, ahead: jiff::SignedDuration) {
        let micros = i64::try_from(ahead.as_micros()).unwrap_or(0).max(0);
        self.offset_us.fetch_add(micros, Ordering::SeqCst);
    }
}
