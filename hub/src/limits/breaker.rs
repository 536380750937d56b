//! A breaker: after some failed calls in a row it rests, then lets one call try. Pure; time comes in.

use std::time::Duration;

use tokio::time::Instant;

/// How long a trial may take before another one is let through.
const TRIAL_PATIENCE: Duration = Duration::from_secs(60);

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// Calls are held.
    Open,
    /// One call tries whether anybody answers.
    HalfOpen,
}

impl BreakerState {
    /// The word in logs and on the console.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// A breaker.
#[derive(Debug)]
pub struct Breaker {
    opens_after: u32,
    rest: Duration,
    failures: u32,
    phase: Phase,
    /// When it last opened out of being closed; none while it is closed.
    opened_at: Option<Instant>,
}

#[derive(Debug)]
enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen { until: Instant },
}

impl Breaker {
    /// A closed one, which opens after so many failures in a row for so long.
    pub const fn new(opens_after: u32, rest: Duration) -> Self {
        Self { opens_after, rest, failures: 0, phase: Phase::Closed, opened_at: None }
    }

    /// How it stands.
    pub const fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Failures in a row.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// How long nobody has answered; none while it is closed.
    pub fn open_for(&self, now: Instant) -> Option<Duration> {
        self.opened_at.map(|at| now.saturating_duration_since(at))
    }

    /// How long calls are still held. None: one may go.
    pub fn rest_left(&self, now: Instant) -> Option<Duration> {
        let until = match self.phase {
            Phase::Closed => return None,
            Phase::Open { until } | Phase::HalfOpen { until } => until,
        };
        let left = until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// A call goes through. True when it is the trial after a rest.
    pub fn take_trial(&mut self, now: Instant) -> bool {
        match self.phase {
            Phase::Closed => false,
            Phase::Open { .. } | Phase::HalfOpen { .. } => {
                self.phase = Phase::HalfOpen { until: now + TRIAL_PATIENCE };
                true
            }
        }
    }

    /// The trial was not made: the next call may try at once.
    pub fn give_trial_back(&mut self, now: Instant) {
        self.phase = Phase::Open { until: now };
    }

    /// Somebody answered.
    pub fn answered(&mut self) {
        self.failures = 0;
        self.phase = Phase::Closed;
        self.opened_at = None;
    }

    /// Nobody answered.
    pub fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= self.opens_after {
            self.phase = Phase::Open { until: now + self.rest };
            self.opened_at.get_or_insert(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_in_a_row_open_it_and_a_failed_trial_opens_it_again() {
        let mut breaker = Breaker::new(3, Duration::from_secs(30));
        let start = Instant::now();
        breaker.failed(start);
        breaker.failed(start);
        breaker.answered();
        breaker.failed(start);
        breaker.failed(start);
        assert_eq!((breaker.state(), breaker.failures()), (BreakerState::Closed, 2));
        breaker.failed(start);
        assert_eq!(breaker.rest_left(start), Some(Duration::from_secs(30)));
        let rested = start + Duration::from_secs(30);
        assert_eq!(breaker.rest_left(rested), None);
        assert!(breaker.take_trial(rested));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(breaker.rest_left(rested).is_some(), "while one tries, no other goes");
        breaker.failed(rested);
        assert_eq!(
            (breaker.state(), breaker.rest_left(rested)),
            (BreakerState::Open, Some(Duration::from_secs(30)))
        );
        assert_eq!(breaker.open_for(rested), Some(Duration::from_secs(30)), "since it first opened");
        breaker.answered();
        assert_eq!(breaker.open_for(rested), None);
    }
}
