//! Asks providers what became of attempts: by the query policy, on each return, for a notice, for a person.

use std::sync::Arc;

use payment::account::Environment;
use payment::case::CaseKind;
use payment::id::AttemptId;
use payment::profile::Cadence;
use payment::step::Refusal;
use payment::task::Target;
use payment::{Task, Timestamp};
use tokio::task::JoinSet;

use crate::crash::{crash_point, lapsed_by, lease_s};
use crate::fault::fault;
use crate::flow::apply_facts::{Known, Source, apply_facts, new_case};
use crate::flow::create_payment::{not_opened, unreachable_failure};
use crate::flow::drive_task::{Driven, End, Job, deadline, drive_task};
use crate::limits::{Held, HoldCause};
use crate::state::Hub;
use crate::store::{Changes, Payment, StoreError, Work};

/// How long a claimed piece of work is ours, in seconds of real time: longer than any look-up may take.
const LEASE_S: i64 = 60;
/// Most look-ups of one account under way at once, of new work and of the rest each.
pub const AT_ONCE_PER_ACCOUNT: u32 = 4;
/// First wait after a look-up that told nothing, in seconds; it doubles each time.
const FIRST_BACK_OFF_S: i64 = 30;
/// Longest such wait, in seconds.
const LONGEST_BACK_OFF_S: i64 = 900;
/// Such a wait is stretched by up to this share, in per cent, so that what failed together does not come back
/// together.
const JITTER_PERCENT: i64 = 25;

/// The first look-up comes up to this share later than the cadence says, in per cent.
const FIRST_SPREAD_PERCENT: i64 = 10;

/// Why we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskCause {
    /// The shopper came back.
    Return,
    /// A notice said to ask.
    Notice,
    /// The query policy.
    Probe,
    /// A person.
    Person,
}

/// Why asking told nothing.
#[derive(Debug)]
pub enum AskError {
    /// There is no such attempt.
    NotFound,
    /// The provider does not know the attempt yet: its creation is under way or was lost.
    NotOpened,
    /// The provider could not be reached, or its answer told nothing.
    Unreachable,
    /// The account's calls have to wait; nothing was sent.
    Held(Held),
    /// The provider refused to tell.
    Refused(Refusal),
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Asks the provider about one attempt and applies what it says. The work goes on when the caller hangs up.
pub async fn ask_now(
    hub: &Arc<Hub>,
    merchant: &str,
    attempt: &AttemptId,
    cause: AskCause,
) -> Result<Payment, AskError> {
    let (hub, merchant, attempt) = (Arc::clone(hub), merchant.to_owned(), attempt.clone());
    let tracked = tokio::spawn(async move {
        let _busy = hub.busy();
        ask(&hub, &merchant, &attempt, cause).await
    });
    tracked.await.unwrap_or(Err(AskError::Unreachable))
}

async fn ask(hub: &Hub, merchant: &str, id: &AttemptId, cause: AskCause) -> Result<Payment, AskError> {
    let attempt = hub.store.attempt(merchant, id).await?.ok_or(AskError::NotFound)?;
    let payment = hub.store.payment(merchant, &attempt.payment_id).await?.ok_or(AskError::NotFound)?;
    let Some(provider_reference) = attempt.provider_reference.clone() else {
        return Err(AskError::NotOpened);
    };
    let (account, provider) = hub.account(&attempt.account_id).ok_or(AskError::NotFound)?;
    let asks_when_settled = match cause {
        AskCause::Return => provider.profile().query.on_every_return,
        AskCause::Person => true,
        AskCause::Notice | AskCause::Probe => false,
    };
    if fault!("never_ask_on_return") && cause == AskCause::Return {
        return Ok(payment);
    }
    if !payment.status.is_open() && !asks_when_settled {
        return Ok(payment);
    }
    let target =
        Target { reference: attempt.reference.clone(), provider_reference, total: payment.order.total };
    let job = Job {
        merchant_id: merchant.to_owned(),
        payment_id: payment.id.clone(),
        attempt_id: attempt.id.clone(),
        account: account.clone(),
        provider: Arc::clone(provider),
        task: Task::LookUp(target),
        deadline: deadline(hub, account),
    };
    let driven = drive_task(hub, &job, job.begin(hub), None).await?;
    let before = payment.status;
    let (result, payment) = conclude(hub, &job, driven, cause).await?;
    if cause == AskCause::Probe && before != payment.status {
        metrics::counter!(
            "caudal_probe_resolved_total",
            "provider" => payment.provider.clone(),
            "from" => before.word(),
            "to" => payment.status.word()
        )
        .increment(1);
    }
    result.map(|()| payment)
}

/// Writes what was learned, and the calls even when nothing was.
async fn conclude(
    hub: &Hub,
    job: &Job,
    driven: Driven,
    cause: AskCause,
) -> Result<(Result<(), AskError>, Payment), StoreError> {
    let (facts, result) = match driven.end {
        End::Learned { facts, .. } => (facts, Ok(())),
        End::Refused(refusal) => {
            tracing::warn!(
                attempt = %job.attempt_id,
                code = refusal.code,
                provider_code = refusal.provider_code.as_deref().unwrap_or(""),
                "the provider refuses to tell"
            );
            (Vec::new(), Err(AskError::Refused(refusal)))
        }
        End::Held(held) => (Vec::new(), Err(AskError::Held(held))),
        End::Lost(_) => (Vec::new(), Err(AskError::Unreachable)),
    };
    let known = Known {
        merchant_id: job.merchant_id.clone(),
        payment_id: job.payment_id.clone(),
        attempt_id: job.attempt_id.clone(),
        source: match cause {
            AskCause::Return => Source::Return,
            AskCause::Notice => Source::AskedByNotice,
            AskCause::Probe => Source::Probe,
            AskCause::Person => Source::Person,
        },
        facts,
        attempt_key: None,
        failure: None,
        calls: driven.calls,
    };
    let payment = apply_facts(hub, known).await?;
    Ok((result, payment))
}

/// Claims due work and does it, side by side, until all is done. Answers how many pieces were done.
pub async fn probe_due(hub: &Arc<Hub>, limit: u32) -> Result<usize, StoreError> {
    let mut running = JoinSet::new();
    let begun = begin_probes(hub, &mut running, limit).await?;
    while running.join_next().await.is_some() {}
    Ok(begun)
}

/// Claims at most `limit` pieces of due work and begins them among those that are `running`. Answers how many.
pub async fn begin_probes(
    hub: &Arc<Hub>,
    running: &mut JoinSet<()>,
    limit: u32,
) -> Result<usize, StoreError> {
    if fault!("swallow_probe") {
        return Ok(0);
    }
    let real_now = hub.clock.real_now();
    let lease_until = real_now + jiff::SignedDuration::from_secs(lease_s(LEASE_S));
    let mut accounts = hub.settings.work_accounts();
    // What could not be asked now is left where it stands.
    accounts.retain(|(_, account)| hub.limits.gate(account).may_look_up());
    let claimed = hub
        .store
        .claim_work(hub.clock.now(), lapsed_by(real_now), lease_until, limit, AT_ONCE_PER_ACCOUNT, &accounts)
        .await?;
    let count = claimed.len();
    for work in claimed {
        let hub = Arc::clone(hub);
        running.spawn(async move {
            let _busy = hub.busy();
            match resolve(&hub, &work).await {
                Ok(()) => crash_point!("probe.after_release"),
                Err(error) => {
                    tracing::error!(attempt = %work.attempt_id, %error, "work could not be finished; its lease will end");
                }
            }
        });
    }
    Ok(count)
}

/// Finds out what became of one attempt, and says when to look again.
async fn resolve(hub: &Arc<Hub>, work: &Work) -> Result<(), StoreError> {
    let Some(attempt) = hub.store.attempt(&work.merchant_id, &work.attempt_id).await? else {
        return hub.store.end_work(work).await;
    };
    let now = hub.clock.now();
    if let Err(wait) = hub.limits.gate(&attempt.account_id).take_look_up() {
        let held = Held { cause: HoldCause::Busy, retry_after: wait };
        return put_off(hub, work, &held).await;
    }
    let cause = if work.is_asked_by_notice { AskCause::Notice } else { AskCause::Probe };
    let asked = ask_now(hub, &work.merchant_id, &work.attempt_id, cause).await;
    crash_point!("probe.before_release");
    match asked {
        Ok(payment) if !payment.status.is_open() => hub.store.end_work(work).await,
        Ok(payment) => {
            let Some((cadence, grace_s)) = cadence_of(hub, &attempt.account_id) else {
                return hub.store.end_work(work).await;
            };
            if now > attempt.expires_at + jiff::SignedDuration::from_secs(grace_s) {
                return give_up(hub, work, &payment).await;
            }
            hub.store.release_work(work, next_look_up(&cadence, now, attempt.expires_at)).await
        }
        Err(AskError::Held(held)) => put_off(hub, work, &held).await,
        Err(AskError::NotOpened) => lost_creation(hub, work).await,
        Err(AskError::NotFound) => hub.store.end_work(work).await,
        Err(AskError::Unreachable | AskError::Refused(_)) => {
            hub.store
                .release_work(
                    work,
                    now + jiff::SignedDuration::from_secs(back_off_s(work.tries, hub.entropy().bytes()[0])),
                )
                .await
        }
        Err(AskError::Store(error)) => Err(error),
    }
}

/// Nothing was sent: it is looked at again when the account's calls need not wait.
async fn put_off(hub: &Hub, work: &Work, held: &Held) -> Result<(), StoreError> {
    let wait = jiff::SignedDuration::from_secs(held.retry_after_s().into());
    hub.store.release_work(work, hub.clock.now() + wait).await
}

/// The creation died before it learned anything and nobody holds an address to pay at: the attempt is given up.
async fn lost_creation(hub: &Hub, work: &Work) -> Result<(), StoreError> {
    let failure = unreachable_failure();
    let known = Known {
        merchant_id: work.merchant_id.clone(),
        payment_id: work.payment_id.clone(),
        attempt_id: work.attempt_id.clone(),
        source: Source::Timer,
        facts: not_opened(hub, &failure),
        attempt_key: None,
        failure: Some(failure),
        calls: Vec::new(),
    };
    let payment = apply_facts(hub, known).await?;
    if payment.status.is_open() {
        // It was opened this very moment: it is looked up like any other.
        let wait = jiff::SignedDuration::from_secs(FIRST_BACK_OFF_S);
        return hub.store.release_work(work, hub.clock.now() + wait).await;
    }
    hub.store.end_work(work).await
}

/// Asked as long as the policy allows: a person has to look.
async fn give_up(hub: &Hub, work: &Work, payment: &Payment) -> Result<(), StoreError> {
    let case = new_case(hub, payment, CaseKind::Unresolved, hub.clock.now());
    let changes = Changes { cases: vec![(payment.merchant_id.clone(), case)], ..Changes::default() };
    let mut tx = hub.store.begin().await?;
    tx.write(&changes).await?;
    tx.commit().await?;
    hub.store.end_work(work).await
}

/// When a just opened attempt is first looked up.
pub(super) fn first_look_up(
    hub: &Hub,
    account_id: &str,
    created_at: Timestamp,
    expires_at: Timestamp,
) -> Option<Timestamp> {
    let (cadence, _) = cadence_of(hub, account_id)?;
    // A certification looks at the clock.
    let is_spread = hub.account(account_id)?.0.environment != Environment::Certification;
    let chance = if is_spread && !fault!("look_up_all_at_once") { hub.entropy().bytes()[0] } else { 0 };
    let first = created_at + first_wait(&cadence, chance);
    let after_expiry = after_expiry(&cadence, expires_at);
    Some(after_expiry.map_or(first, |after_expiry| first.min(after_expiry)))
}

/// The cadence of an account, and how long after its expiry an attempt is still asked for, in seconds.
fn cadence_of(hub: &Hub, account_id: &str) -> Option<(Cadence, i64)> {
    let (account, provider) = hub.account(account_id)?;
    let query = provider.profile().query;
    let cadence = match account.environment {
        Environment::Certification => query.certification,
        Environment::Test | Environment::Production => query.usual,
    };
    Some((cadence, query.grace_s))
}

/// The wait before the first look-up, stretched by one byte of chance, so that a burst of orders is not asked for in one
/// second.
fn first_wait(cadence: &Cadence, chance: u8) -> jiff::SignedDuration {
    let wait_ms = cadence.first_after_s * 1000;
    jiff::SignedDuration::from_millis(
        wait_ms + wait_ms * FIRST_SPREAD_PERCENT * i64::from(chance) / (100 * 255),
    )
}

/// The cadence's next look-up, or the one just after the expiry where that comes first.
fn next_look_up(cadence: &Cadence, now: Timestamp, expires_at: Timestamp) -> Timestamp {
    let regular = now + jiff::SignedDuration::from_secs(cadence.every_s);
    match after_expiry(cadence, expires_at) {
        Some(after_expiry) if after_expiry > now => regular.min(after_expiry),
        Some(_) | None => regular,
    }
}

fn after_expiry(cadence: &Cadence, expires_at: Timestamp) -> Option<Timestamp> {
    cadence.after_expiry_s.map(|seconds| expires_at + jiff::SignedDuration::from_secs(seconds))
}

/// The wait after the `tries`-th look-up that told nothing, with jitter drawn from one byte of chance.
fn back_off_s(tries: i64, chance: u8) -> i64 {
    let doublings = u32::try_from(tries.clamp(1, 16) - 1).unwrap_or(0);
    let wait = FIRST_BACK_OFF_S.saturating_mul(1 << doublings).min(LONGEST_BACK_OFF_S);
    wait + wait * JITTER_PERCENT * i64::from(chance) / (100 * 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_after_silence_double_up_to_a_quarter_of_an_hour() {
        let waits: Vec<i64> = (1..=7).map(|tries| back_off_s(tries, 0)).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(back_off_s(i64::MAX, 0), 900);
        assert_eq!((back_off_s(1, 255), back_off_s(6, 255), back_off_s(6, 128)), (37, 1125, 1012));
    }

    #[test]
    fn first_look_ups_are_spread_over_a_tenth_of_their_wait() {
        let usual = Cadence { first_after_s: 300, every_s: 86_400, after_expiry_s: Some(120) };
        let waits = [0, 51, 255].map(|chance| first_wait(&usual, chance).as_secs());
        assert_eq!(waits, [300, 306, 330]);
    }

    #[test]
    fn a_slow_cadence_looks_once_more_just_after_the_expiry() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
        let usual = Cadence { first_after_s: 300, every_s: 86_400, after_expiry_s: Some(120) };
        let expiry = at("2026-03-14T15:30:00Z");
        assert_eq!(next_look_up(&usual, at("2026-03-14T15:05:00Z"), expiry), at("2026-03-14T15:32:00Z"));
        assert_eq!(next_look_up(&usual, at("2026-03-14T15:32:00Z"), expiry), at("2026-03-15T15:32:00Z"));
        let certification = Cadence { first_after_s: 900, every_s: 900, after_expiry_s: None };
        let next = next_look_up(&certification, at("2026-03-14T15:15:00Z"), expiry);
        assert_eq!(next, at("2026-03-14T15:30:00Z"));
    }
}
