//! When a provider is asked what became of an attempt: its query policy, applied.

use jiff::SignedDuration;
use payment::Timestamp;
use payment::account::Environment;
use payment::profile::Cadence;

use crate::fault::fault;
use crate::state::Hub;
use crate::store::Attempt;

/// A creation may take so long before the probe looks after its attempt, in seconds.
pub const OPENING_LEASE_S: i64 = 120;
/// So long after it was begun the probe looks after it at the latest, in seconds: in case the process died with it.
const OPENING_WATCH_S: i64 = 330;
/// First wait after a look-up that told nothing, in seconds; it doubles each time.
const FIRST_BACK_OFF_S: i64 = 30;
/// Longest such wait, in seconds.
const LONGEST_BACK_OFF_S: i64 = 900;
/// Such a wait is stretched by up to this share, in per cent, so that what failed together does not come back
/// together.
const JITTER_PERCENT: i64 = 25;
/// The first look-up comes up to this share later than the cadence says where there are many, in per cent.
const FIRST_SPREAD_PERCENT: i64 = 10;

/// The query policy of one account.
pub struct Policy {
    cadence: Cadence,
    is_certifying: bool,
    own_expiry_s: Option<i64>,
    /// How long after its end an attempt is still asked for, in seconds.
    pub grace_s: i64,
}

/// The query policy of an account. None: there is no such account any more.
pub fn policy_of(hub: &Hub, account_id: &str) -> Option<Policy> {
    let (account, provider) = hub.account(account_id)?;
    let query = provider.profile().query;
    let cadence = match account.environment {
        Environment::Certification => query.certification,
        Environment::Test | Environment::Production => query.usual,
    };
    let is_certifying = account.environment == Environment::Certification;
    Some(Policy { cadence, is_certifying, own_expiry_s: query.own_expiry_s, grace_s: query.grace_s })
}

/// When the work of a new attempt is due.
pub fn first_watch(hub: &Hub, attempt: &Attempt) -> Timestamp {
    let Attempt { account_id, created_at, expires_at, .. } = attempt;
    policy_of(hub, account_id).map_or_else(
        || *created_at + seconds(OPENING_LEASE_S),
        |policy| policy.first_watch(*created_at, *expires_at, turn_of(hub, account_id)),
    )
}

/// When an attempt that was opened is first looked up, where its work is due sooner.
pub fn late_look_up(hub: &Hub, attempt: &Attempt) -> Option<Timestamp> {
    let Attempt { account_id, created_at, expires_at, .. } = attempt;
    let policy = policy_of(hub, account_id).filter(Policy::looks_late)?;
    Some(policy.first_look_up(*created_at, *expires_at, turn_of(hub, account_id)))
}

/// The turn of the next first look-up of an account.
fn turn_of(hub: &Hub, account_id: &str) -> impl FnOnce(Timestamp, Timestamp) -> Timestamp {
    let gate = hub.limits.gate(account_id);
    move |earliest, latest| gate.next_first_look_up(earliest, latest)
}

impl Policy {
    /// When the work of a new attempt is due, before it is known whether it was opened: with the first look-up, unless that comes
    /// late.
    fn first_watch(
        &self,
        created_at: Timestamp,
        expires_at: Timestamp,
        turn: impl FnOnce(Timestamp, Timestamp) -> Timestamp,
    ) -> Timestamp {
        let by = |wait| created_at + seconds(wait);
        if self.looks_late() {
            return by(OPENING_WATCH_S);
        }
        self.first_look_up(created_at, expires_at, turn).max(by(OPENING_LEASE_S))
    }

    /// Whether an attempt that was opened waits for its first look-up beyond [`Policy::first_watch`].
    const fn looks_late(&self) -> bool {
        self.cadence.first_after_s > OPENING_WATCH_S
    }

    /// When an attempt that was opened is first looked up. `turn` chooses between two instants, so that a burst of orders is not
    /// asked for in one second; a certification looks at the clock.
    fn first_look_up(
        &self,
        created_at: Timestamp,
        expires_at: Timestamp,
        turn: impl FnOnce(Timestamp, Timestamp) -> Timestamp,
    ) -> Timestamp {
        let earliest = created_at + seconds(self.cadence.first_after_s);
        let put_off = SignedDuration::from_millis(self.cadence.first_after_s * 10 * FIRST_SPREAD_PERCENT);
        let is_spread = !self.is_certifying && !fault!("look_up_all_at_once");
        let by_cadence = if is_spread { turn(earliest, earliest + put_off) } else { earliest };
        self.after_end(expires_at).fold(by_cadence, Timestamp::min)
    }

    /// The cadence's next look-up, or one of those just after the end where that comes first.
    pub fn next_look_up(&self, now: Timestamp, expires_at: Timestamp) -> Timestamp {
        let regular = now + seconds(self.cadence.every_s);
        self.after_end(expires_at).filter(|at| *at > now).fold(regular, Timestamp::min)
    }

    /// Whether the hub itself says that the attempt's time is over.
    pub fn is_over(&self, attempt: &Attempt, now: Timestamp) -> bool {
        self.own_expiry_s.is_some_and(|after| now >= attempt.expires_at + seconds(after))
    }

    /// How long after its end an attempt that nobody told of is given up, in seconds.
    pub fn over_after_s(&self) -> i64 {
        self.own_expiry_s.unwrap_or(self.grace_s)
    }

    fn after_end(&self, expires_at: Timestamp) -> impl Iterator<Item = Timestamp> {
        let extra = [self.cadence.after_expiry_s, self.own_expiry_s];
        extra.into_iter().flatten().map(move |after| expires_at + seconds(after))
    }
}

/// The wait after the `tries`-th look-up that told nothing, with jitter drawn from one byte of chance.
pub fn back_off(tries: i64, chance: u8) -> SignedDuration {
    let doublings = u32::try_from(tries.clamp(1, 16) - 1).unwrap_or(0);
    let wait = FIRST_BACK_OFF_S.saturating_mul(1 << doublings).min(LONGEST_BACK_OFF_S);
    seconds(wait + wait * JITTER_PERCENT * i64::from(chance) / (100 * 255))
}

/// So many seconds.
pub const fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn policy(cadence: Cadence, own_expiry_s: Option<i64>) -> Policy {
        Policy { cadence, is_certifying: false, own_expiry_s, grace_s: 600 }
    }

    #[test]
    fn waits_after_silence_double_up_to_a_quarter_of_an_hour() {
        let waits: Vec<i64> = (1..=7).map(|tries| back_off(tries, 0).as_secs()).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(back_off(i64::MAX, 0), seconds(900));
        assert_eq!([back_off(1, 255), back_off(6, 255), back_off(6, 128)], [37, 1125, 1012].map(seconds));
    }

    #[test]
    fn first_look_ups_may_be_put_off_by_a_tenth_of_their_wait_except_in_a_certification() {
        let cadence = Cadence { first_after_s: 300, every_s: 86_400, after_expiry_s: None };
        let (created, expiry) = (at("2026-03-14T15:00:00Z"), at("2026-03-14T15:30:00Z"));
        let usual = policy(cadence, None);
        let first = |turn: fn(Timestamp, Timestamp) -> Timestamp| usual.first_look_up(created, expiry, turn);
        let first = [first(|earliest, _| earliest), first(|_, latest| latest)];
        assert_eq!(first, [300, 330].map(|after| created + seconds(after)));
        let certification = Policy { is_certifying: true, ..policy(cadence, None) };
        assert_eq!(certification.first_look_up(created, expiry, |_, latest| latest), created + seconds(300));
    }

    #[test]
    fn a_creation_that_may_have_died_is_looked_after_soon_whatever_the_cadence() {
        let (created, expiry) = (at("2026-03-14T15:00:00Z"), at("2026-03-14T16:00:00Z"));
        for (first_after_s, watched_after_s, is_late) in
            [(60, 120, false), (120, 132, false), (300, 330, false), (600, 330, true), (3600, 330, true)]
        {
            let policy = policy(Cadence { first_after_s, every_s: 86_400, after_expiry_s: None }, None);
            let watched = policy.first_watch(created, expiry, |_, latest| latest);
            assert_eq!((watched, policy.looks_late()), (created + seconds(watched_after_s), is_late));
        }
    }

    #[test]
    fn a_slow_cadence_looks_once_more_just_after_the_expiry() {
        let usual = policy(Cadence { first_after_s: 300, every_s: 86_400, after_expiry_s: Some(120) }, None);
        let expiry = at("2026-03-14T15:30:00Z");
        assert_eq!(usual.next_look_up(at("2026-03-14T15:05:00Z"), expiry), at("2026-03-14T15:32:00Z"));
        assert_eq!(usual.next_look_up(at("2026-03-14T15:32:00Z"), expiry), at("2026-03-15T15:32:00Z"));
        let certification = policy(Cadence { first_after_s: 900, every_s: 900, after_expiry_s: None }, None);
        let next = certification.next_look_up(at("2026-03-14T15:15:00Z"), expiry);
        assert_eq!(next, at("2026-03-14T15:30:00Z"));
    }

    #[test]
    fn the_instant_of_the_hub_s_own_expiry_is_looked_at_too() {
        let cadence = Cadence { first_after_s: 3600, every_s: 86_400, after_expiry_s: None };
        let silent = policy(cadence, Some(300));
        let (created, expiry) = (at("2026-03-14T15:00:00Z"), at("2026-03-14T15:30:00Z"));
        assert_eq!(silent.first_look_up(created, expiry, |_, latest| latest), at("2026-03-14T15:35:00Z"));
        assert_eq!(silent.next_look_up(at("2026-03-14T15:05:00Z"), expiry), at("2026-03-14T15:35:00Z"));
        let without = policy(cadence, None).first_look_up(created, expiry, |earliest, _| earliest);
        assert_eq!(without, at("2026-03-14T16:00:00Z"));
    }
}
