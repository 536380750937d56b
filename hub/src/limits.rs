//! What stands between the hub and a provider account: calls at once, calls a second, the provider's own wish
//! to be left alone, a breaker; and how many notices are taken at once.
//!
//! All of it is counted in real time and in the memory of one process. A restart forgets it, which costs a few
//! calls to a provider that does not answer and nothing else; several processes count each for themselves.

mod breaker;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use payment::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use self::breaker::Breaker;
pub use self::breaker::BreakerState;
use crate::fault::fault;
use crate::metrics::{PROVIDER_BREAKER_OPEN, PROVIDER_CALLS_HELD, PROVIDER_CLOCK_SKEW};
use crate::settings::{AccountLimits, Settings};

/// How long an account's calls wait after a 429 that does not say how long.
const USUAL_PAUSE: Duration = Duration::from_secs(5);
/// The longest wait that a provider is believed.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// How many notices may wait, for each one that may be taken, before more are turned away.
const WAITING_NOTICES: usize = 8;
/// How long a notice waits for its turn.
const NOTICE_PATIENCE: Duration = Duration::from_secs(2);
/// The share of an account's calls a second that the probe's look-ups may take: creations find the rest free, whatever
/// the backlog.
const LOOK_UP_SHARE: f64 = 0.5;
/// The share of an account's calls a second that first look-ups are due for in one second, as long as they can be put off.
const FIRST_LOOK_UP_SHARE: f64 = 0.02;
/// A `Date` has whole seconds: on the average the provider is half a second further.
const HALF_SECOND_MS: i64 = 500;

/// The gates of all accounts.
pub struct Limits(BTreeMap<String, Arc<Gate>>);

/// What a call is for, which decides what may hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The first call of a creation or a look-up: everything holds it.
    Begin,
    /// What is under way is settled, or taken back: a breaker does not hold it, the provider's wish does.
    Settle,
    /// A task that has begun goes on: it waits for its turn and nothing else holds it.
    GoOn,
}

/// Why nothing was sent, and when it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Why.
    pub cause: HoldCause,
    /// How long from now, in real time.
    pub retry_after: Duration,
}

/// What holds an account's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldCause {
    /// Too many calls in a row found nobody.
    BreakerOpen,
    /// The provider asked to be left alone (429).
    Paused,
    /// As many calls are under way, or were made, as the settings allow.
    Busy,
}

impl HoldCause {
    /// The word in metrics and logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BreakerOpen => "breaker_open",
            Self::Paused => "paused",
            Self::Busy => "busy",
        }
    }
}

impl Held {
    /// Whole seconds, at least one: for `Retry-After` and for the next look.
    pub fn retry_after_s(&self) -> u32 {
        u32::try_from(self.retry_after.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
    }
}

/// What came of a call, as far as the account's gate is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// Somebody answered.
    Answered,
    /// Somebody answered that the account is to wait, perhaps for so long.
    Throttled(Option<Duration>),
    /// Nobody answered, or not to the end.
    Failed,
}

/// How an account stands, for people.
#[derive(Clone, Debug)]
pub struct GateView {
    /// The breaker.
    pub breaker: BreakerState,
    /// How long it has not been closed.
    pub open_for: Option<Duration>,
    /// How long until a call may try again.
    pub trial_in: Option<Duration>,
    /// Failed calls in a row.
    pub failures: u32,
    /// Calls under way.
    pub calls_under_way: usize,
    /// How long its calls still wait because the provider asked for it.
    pub pause_left: Option<Duration>,
    /// How long ago the provider last answered a call; none when it never did.
    pub answered_ago: Option<Duration>,
    /// How far the provider's clock is ahead of ours, in milliseconds, and when that was seen.
    pub skew: Option<(i64, Timestamp)>,
    /// What the settings allow.
    pub limits: AccountLimits,
}

impl Limits {
    /// A gate for every account of the settings.
    pub fn new(settings: &Settings) -> Self {
        let gate = |id: &str| Arc::new(Gate::new(id, settings.limits_of(id), Instant::now()));
        Self(settings.accounts.iter().map(|account| (account.id.clone(), gate(&account.id))).collect())
    }

    /// The gate of an account. One that the settings do not name has a fresh gate each time.
    pub fn gate(&self, account: &str) -> Arc<Gate> {
        let fresh = || Arc::new(Gate::new(account, AccountLimits::default(), Instant::now()));
        self.0.get(account).map_or_else(fresh, Arc::clone)
    }

    /// The largest difference between a provider's clock and ours, in milliseconds, when any was seen.
    pub fn widest_skew_ms(&self) -> Option<i64> {
        let skews = self.0.values().filter_map(|gate| gate.state().skew.map(|(skew, _)| skew));
        skews.max_by_key(|skew| skew.unsigned_abs())
    }
}

/// The gate of one account.
pub struct Gate {
    account: String,
    limits: AccountLimits,
    calls: Arc<Semaphore>,
    notices: Arc<Semaphore>,
    notices_waiting: Arc<Semaphore>,
    state: Mutex<State>,
}

/// Leave to make one call. Dropped without [`Permit::report`], nothing is known of the provider.
pub struct Permit {
    gate: Arc<Gate>,
    _slot: OwnedSemaphorePermit,
    is_trial: bool,
    is_reported: bool,
}

impl Gate {
    fn new(account: &str, limits: AccountLimits, now: Instant) -> Self {
        let per_second = f64::from(limits.calls_per_second);
        let state = State {
            calls: Bucket::new(per_second, now),
            look_ups: Bucket::new(per_second * LOOK_UP_SHARE, now),
            paused_until: None,
            answered_at: None,
            first_look_up_at: None,
            breaker: Breaker::new(limits.breaker_failures, Duration::from_millis(limits.breaker_rest_ms)),
            skew: None,
        };
        Self {
            account: account.to_owned(),
            calls: Arc::new(Semaphore::new(limits.calls_at_once)),
            notices: Arc::new(Semaphore::new(limits.notices_at_once)),
            notices_waiting: Arc::new(Semaphore::new(limits.notices_at_once * WAITING_NOTICES)),
            limits,
            state: Mutex::new(state),
        }
    }

    /// What the settings allow.
    pub fn limits(&self) -> &AccountLimits {
        &self.limits
    }

    /// Waits, at most as long as `patience`, for leave to make one call.
    ///
    /// # Errors
    /// [`Held`]: nothing may be sent now.
    pub async fn admit(self: &Arc<Self>, purpose: Purpose, patience: Duration) -> Result<Permit, Held> {
        self.admitted(purpose, patience).await.inspect_err(|held| {
            metrics::counter!(
                PROVIDER_CALLS_HELD, "account" => self.account.clone(), "cause" => held.cause.word()
            )
            .increment(1);
            tracing::warn!(account = self.account, cause = held.cause.word(), "a call is held");
        })
    }

    async fn admitted(self: &Arc<Self>, purpose: Purpose, patience: Duration) -> Result<Permit, Held> {
        let until = Instant::now() + patience;
        self.state().check(purpose, Instant::now())?;
        let busy = |retry_after| Held { cause: HoldCause::Busy, retry_after };
        let waiting = tokio::time::timeout(patience, Arc::clone(&self.calls).acquire_owned());
        let Ok(Ok(slot)) = waiting.await else { return Err(busy(Duration::from_secs(1))) };
        let now = Instant::now();
        let wait = self.state().calls.reserve(now, until).map_err(busy)?;
        // A sleep of no time takes a millisecond.
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let is_trial = self.state().pass(purpose, Instant::now())?;
        Ok(Permit { gate: Arc::clone(self), _slot: slot, is_trial, is_reported: false })
    }

    /// Leave to make a call that begins something, if there is leave without waiting and without trying a breaker.
    pub fn admit_at_once(self: &Arc<Self>) -> Option<Permit> {
        let slot = Arc::clone(&self.calls).try_acquire_owned().ok()?;
        let now = Instant::now();
        let mut state = self.state();
        if state.breaker.state() != BreakerState::Closed || state.check(Purpose::Begin, now).is_err() {
            return None;
        }
        state.calls.reserve(now, now).ok()?;
        Some(Permit { gate: Arc::clone(self), _slot: slot, is_trial: false, is_reported: false })
    }

    /// Whether the probe may begin a look-up now.
    pub fn may_look_up(&self) -> bool {
        self.state().look_ups.refilled(Instant::now()) >= 1.0 || fault!("let_look_ups_take_all")
    }

    /// Takes the probe's turn to begin a look-up.
    ///
    /// # Errors
    /// How long until there is one.
    pub fn take_look_up(&self) -> Result<(), Duration> {
        if fault!("let_look_ups_take_all") {
            return Ok(());
        }
        let now = Instant::now();
        self.state().look_ups.reserve(now, now).map(|_| ())
    }

    /// When the next first look-up is due, in business time: those of a burst of orders come one after the other, from `earliest`
    /// on, and at `latest` in any case.
    pub fn next_first_look_up(&self, earliest: Timestamp, latest: Timestamp) -> Timestamp {
        let per_second = f64::from(self.limits.calls_per_second) * FIRST_LOOK_UP_SHARE;
        let gap = SignedDuration::try_from_secs_f64(1.0 / per_second).unwrap_or(SignedDuration::MAX);
        let mut state = self.state();
        let after_the_last = state.first_look_up_at.and_then(|last| last.checked_add(gap).ok());
        let due = after_the_last.map_or(earliest, |next| next.max(earliest)).min(latest);
        state.first_look_up_at = Some(due);
        due
    }

    /// Waits a little for leave to take a notice. None: too many are being taken, and too many wait.
    pub async fn admit_notice(&self) -> Option<OwnedSemaphorePermit> {
        if fault!("take_notices_without_bound") {
            return Arc::new(Semaphore::new(1)).acquire_owned().await.ok();
        }
        let _waiting = self.notices_waiting.try_acquire().ok()?;
        let turn = Arc::clone(&self.notices).acquire_owned();
        tokio::time::timeout(NOTICE_PATIENCE, turn).await.ok()?.ok()
    }

    /// Notes what time a provider says it is.
    pub fn note_date(&self, provider_date: Timestamp, now: Timestamp) {
        let skew_ms = provider_date.as_millisecond() + HALF_SECOND_MS - now.as_millisecond();
        self.state().skew = Some((skew_ms, now));
        let seconds = Duration::from_millis(skew_ms.unsigned_abs()).as_secs_f64();
        let seconds = if skew_ms < 0 { -seconds } else { seconds };
        metrics::gauge!(PROVIDER_CLOCK_SKEW, "account" => self.account.clone()).set(seconds);
    }

    /// How it stands.
    pub fn view(&self) -> GateView {
        let now = Instant::now();
        let state = self.state();
        GateView {
            breaker: state.breaker.state(),
            open_for: state.breaker.open_for(now),
            trial_in: state.breaker.rest_left(now),
            failures: state.breaker.failures(),
            calls_under_way: self.limits.calls_at_once.saturating_sub(self.calls.available_permits()),
            pause_left: state.pause_left(now),
            answered_ago: state.answered_at.map(|at| now.saturating_duration_since(at)),
            skew: state.skew,
            limits: self.limits.clone(),
        }
    }

    /// A panic elsewhere leaves the counts as they were: they are never halfway.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Tells the gate what came of the call.
    pub fn report(mut self, contact: Contact) {
        (self.is_trial, self.is_reported) = (false, true);
        let gate = Arc::clone(&self.gate);
        let mut state = gate.state();
        let now = Instant::now();
        let before = state.breaker.state();
        match contact {
            Contact::Answered => {
                state.breaker.answered();
                state.answered_at = Some(now);
            }
            Contact::Throttled(wish) => {
                state.breaker.answered();
                state.paused_until = Some(now + wish.unwrap_or(USUAL_PAUSE).min(LONGEST_PAUSE));
            }
            Contact::Failed => state.breaker.failed(now),
        }
        let after = state.breaker.state();
        if before != after {
            tracing::warn!(account = gate.account, from = before.word(), to = after.word(), "breaker");
        }
        let is_open = if after == BreakerState::Closed { 0.0 } else { 1.0 };
        metrics::gauge!(PROVIDER_BREAKER_OPEN, "account" => gate.account.clone()).set(is_open);
    }
}

/// A call that was never made leaves its place to the next one, and a trial too.
impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_reported {
            return;
        }
        let mut state = self.gate.state();
        state.calls.give_back();
        if self.is_trial {
            state.breaker.give_trial_back(Instant::now());
        }
    }
}

struct State {
    calls: Bucket,
    look_ups: Bucket,
    paused_until: Option<Instant>,
    /// When somebody last answered a call.
    answered_at: Option<Instant>,
    /// When the latest of the first look-ups is due, in business time.
    first_look_up_at: Option<Timestamp>,
    breaker: Breaker,
    skew: Option<(i64, Timestamp)>,
}

impl State {
    fn check(&self, purpose: Purpose, now: Instant) -> Result<(), Held> {
        let (asks_breaker, heeds_pause) = match purpose {
            Purpose::Begin => (true, true),
            Purpose::Settle => (false, true),
            Purpose::GoOn => (false, false),
        };
        if heeds_pause
            && let Some(retry_after) = self.pause_left(now)
            && !fault!("ignore_retry_after")
        {
            return Err(Held { cause: HoldCause::Paused, retry_after });
        }
        match self.breaker.rest_left(now) {
            Some(retry_after) if asks_breaker && !fault!("never_open_breaker") => {
                Err(Held { cause: HoldCause::BreakerOpen, retry_after })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Checks again after the wait, and takes the trial of a breaker that has rested.
    fn pass(&mut self, purpose: Purpose, now: Instant) -> Result<bool, Held> {
        self.check(purpose, now)?;
        Ok(purpose == Purpose::Begin && self.breaker.take_trial(now))
    }

    fn pause_left(&self, now: Instant) -> Option<Duration> {
        let left = self.paused_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

/// A bucket of tokens: so many come a second, and a second's worth is kept.
struct Bucket {
    per_second: f64,
    /// What may be done now; below zero, what waits for its turn.
    tokens: f64,
    refilled_at: Instant,
}

impl Bucket {
    /// A full one.
    fn new(per_second: f64, now: Instant) -> Self {
        Self { per_second, tokens: per_second.max(1.0), refilled_at: now }
    }

    /// The tokens there are now. One at least can be saved, however slowly they come.
    fn refilled(&mut self, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(self.refilled_at).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.per_second.max(1.0));
        self.refilled_at = self.refilled_at.max(now);
        self.tokens
    }

    /// Takes a token, or one of those to come. Answers how long to wait for it.
    fn reserve(&mut self, now: Instant, until: Instant) -> Result<Duration, Duration> {
        let missing = (1.0 - self.refilled(now)).max(0.0);
        let wait = Duration::from_secs_f64(missing / self.per_second);
        if !wait.is_zero() && now + wait > until {
            return Err(wait);
        }
        self.tokens -= 1.0;
        Ok(wait)
    }

    /// A token that was not used.
    fn give_back(&mut self) {
        self.tokens = (self.tokens + 1.0).min(self.per_second.max(1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(change: impl FnOnce(&mut AccountLimits)) -> Arc<Gate> {
        let mut limits = AccountLimits::default();
        change(&mut limits);
        Arc::new(Gate::new("account", limits, Instant::now()))
    }

    async fn held(gate: &Arc<Gate>, purpose: Purpose) -> Option<HoldCause> {
        gate.admit(purpose, Duration::from_millis(20)).await.err().map(|held| held.cause)
    }

    #[test]
    fn a_second_s_worth_of_calls_goes_at_once_and_the_rest_waits_its_turn() {
        let now = Instant::now();
        let until = now + Duration::from_millis(600);
        let mut bucket = Bucket::new(4.0, now);
        let waits: Vec<_> = (0..7).map(|_| bucket.reserve(now, until)).collect();
        assert_eq!(waits[..4], [Ok(Duration::ZERO); 4]);
        assert_eq!(waits[4..6], [Ok(Duration::from_millis(250)), Ok(Duration::from_millis(500))]);
        assert_eq!(waits[6], Err(Duration::from_millis(750)), "longer than anybody waits");
        let later = now + Duration::from_secs(60);
        assert_eq!(bucket.reserve(later, later), Ok(Duration::ZERO));
        assert!(bucket.tokens <= 3.0, "an hour of rest saves no more than a second's worth");
    }

    #[test]
    fn what_comes_less_than_once_a_second_comes_nevertheless() {
        let now = Instant::now();
        let mut bucket = Bucket::new(0.5, now);
        assert_eq!(bucket.reserve(now, now), Ok(Duration::ZERO));
        assert_eq!(bucket.reserve(now, now), Err(Duration::from_secs(2)));
        let later = now + Duration::from_secs(2);
        assert_eq!(bucket.reserve(later, later), Ok(Duration::ZERO));
    }

    #[tokio::test]
    async fn look_ups_take_half_of_the_calls_and_leave_the_rest() {
        let gate = gate(|limits| limits.calls_per_second = 4);
        assert!(gate.may_look_up());
        assert_eq!([gate.take_look_up(), gate.take_look_up()], [Ok(()); 2]);
        assert!(gate.take_look_up().is_err() && !gate.may_look_up());
        assert_eq!(held(&gate, Purpose::Begin).await, None, "a creation goes on");
    }

    #[tokio::test]
    async fn first_look_ups_come_one_after_the_other_as_long_as_they_can_be_put_off() {
        let gate = gate(|limits| limits.calls_per_second = 50);
        let at = |second| Timestamp::from_second(second).expect("an instant");
        let due =
            [100, 100, 100, 100, 101, 110].map(|second| gate.next_first_look_up(at(second), at(second + 2)));
        assert_eq!(due, [100, 101, 102, 102, 103, 110].map(at));
    }

    #[tokio::test]
    async fn no_more_calls_are_under_way_than_allowed() {
        let gate = gate(|limits| limits.calls_at_once = 2);
        let one = gate.admit(Purpose::Begin, Duration::ZERO).await.expect("the first");
        let _two = gate.admit(Purpose::GoOn, Duration::from_secs(1)).await.expect("the second");
        assert_eq!(held(&gate, Purpose::Begin).await, Some(HoldCause::Busy));
        assert_eq!(gate.view().calls_under_way, 2);
        one.report(Contact::Answered);
        assert_eq!(held(&gate, Purpose::Begin).await, None);
    }

    #[tokio::test]
    async fn leave_at_once_waits_for_nothing_and_unused_leave_costs_nothing() {
        let gate = gate(|limits| (limits.calls_at_once, limits.calls_per_second) = (2, 2));
        for _ in 0..5 {
            assert!(gate.admit_at_once().is_some(), "it was not used");
        }
        let (one, two) = (gate.admit_at_once().expect("one"), gate.admit_at_once().expect("two"));
        assert!(gate.admit_at_once().is_none(), "two are under way");
        one.report(Contact::Answered);
        two.report(Contact::Throttled(Some(Duration::ZERO)));
        assert!(gate.admit_at_once().is_none(), "two a second");
    }

    #[tokio::test]
    async fn leave_at_once_tries_no_breaker() {
        let gate = gate(|limits| (limits.breaker_failures, limits.breaker_rest_ms) = (1, 1));
        gate.admit_at_once().expect("closed").report(Contact::Failed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(gate.admit_at_once().is_none());
        assert_eq!(held(&gate, Purpose::Begin).await, None, "who waits tries it");
    }

    #[tokio::test]
    async fn a_wish_to_wait_holds_what_begins_and_not_what_goes_on() {
        let gate = gate(|_| {});
        let permit = gate.admit(Purpose::Begin, Duration::ZERO).await.expect("a permit");
        permit.report(Contact::Throttled(Some(Duration::from_secs(30))));
        assert_eq!(held(&gate, Purpose::Begin).await, Some(HoldCause::Paused));
        assert_eq!(held(&gate, Purpose::Settle).await, Some(HoldCause::Paused));
        assert_eq!(held(&gate, Purpose::GoOn).await, None);
        let view = gate.view();
        assert!(view.pause_left.is_some_and(|left| (28..=30).contains(&left.as_secs())));
        assert_eq!(view.answered_ago, None, "to be asked for patience is no answer to a call");
    }

    #[tokio::test]
    async fn an_open_breaker_lets_one_through_after_its_rest() {
        let gate = gate(|limits| (limits.breaker_failures, limits.breaker_rest_ms) = (2, 40));
        for _ in 0..2 {
            gate.admit(Purpose::Begin, Duration::ZERO).await.expect("closed").report(Contact::Failed);
        }
        assert_eq!(gate.view().breaker, BreakerState::Open);
        assert_eq!(held(&gate, Purpose::Begin).await, Some(HoldCause::BreakerOpen));
        assert_eq!(held(&gate, Purpose::Settle).await, None, "what takes back always goes");
        tokio::time::sleep(Duration::from_millis(60)).await;
        let trial = gate.admit(Purpose::Begin, Duration::ZERO).await.expect("the trial");
        assert_eq!(gate.view().breaker, BreakerState::HalfOpen);
        assert_eq!(held(&gate, Purpose::Begin).await, Some(HoldCause::BreakerOpen), "one only");
        drop(trial);
        let trial = gate.admit(Purpose::Begin, Duration::ZERO).await.expect("a trial that was not made");
        trial.report(Contact::Answered);
        assert_eq!(gate.view().breaker, BreakerState::Closed);
    }

    #[test]
    fn the_difference_of_the_clocks_is_told() {
        let gate = gate(|_| {});
        let at = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
        gate.note_date(at("2026-03-14T15:06:00Z"), at("2026-03-14T15:00:00Z"));
        assert_eq!(gate.view().skew, Some((360_500, at("2026-03-14T15:00:00Z"))));
    }
}
