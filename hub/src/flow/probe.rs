//! Asks providers what became of attempts: by the query policy, on each return, for a notice, for a person.

use std::sync::Arc;

use payment::attempt::{Attempt as PureAttempt, AttemptState};
use payment::case::CaseKind;
use payment::id::AttemptId;
use payment::profile::Profile;
use payment::step::{AfterLost, Refusal};
use payment::{Fact, FactKind, Task, Timestamp};
use tokio::task::JoinSet;

use crate::crash::{crash_point, lapsed_by, lease_s};
use crate::fault::fault;
use crate::flow::apply_facts::{Known, Source, apply_facts, new_case};
use crate::flow::await_more::{ask_later, await_more, awaits_more};
use crate::flow::create_payment::{not_opened, repeat_creation, unanswered, unreachable_failure};
use crate::flow::drive_task::{Driven, End, Job, after_lost_word, deadline, drive_task};
use crate::flow::panel_check;
use crate::flow::query_policy::{Policy, back_off, policy_of, seconds};
use crate::flow::remove_instrument::{Removal, remove_ended};
use crate::flow::target::target_of;
use crate::limits::{Held, HoldCause};
use crate::state::Hub;
use crate::store::{Attempt, Changes, Failure, Payment, StoreError, Work};

/// How long a claimed piece of work is ours, in seconds of real time: longer than any look-up may take.
const LEASE_S: i64 = 60;
/// Most look-ups of one account under way at once, of new work and of the rest each.
pub const AT_ONCE_PER_ACCOUNT: u32 = 4;

/// How long what was given up waits for a notice: for ever.
const UNTIL_TOLD: jiff::SignedDuration = jiff::SignedDuration::from_hours(100 * 365 * 24);

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
    ask_tracked(hub, merchant, attempt, None, cause).await
}

/// The same, about an attempt whose payment was just read.
async fn ask_tracked(
    hub: &Arc<Hub>,
    merchant: &str,
    attempt: &AttemptId,
    read: Option<Payment>,
    cause: AskCause,
) -> Result<Payment, AskError> {
    let (hub, merchant, attempt) = (Arc::clone(hub), merchant.to_owned(), attempt.clone());
    let tracked = tokio::spawn(async move {
        let _busy = hub.busy();
        ask(&hub, &merchant, &attempt, read, cause).await
    });
    tracked.await.unwrap_or(Err(AskError::Unreachable))
}

async fn ask(
    hub: &Hub,
    merchant: &str,
    id: &AttemptId,
    read: Option<Payment>,
    cause: AskCause,
) -> Result<Payment, AskError> {
    let attempt = hub.store.attempt(merchant, id).await?.ok_or(AskError::NotFound)?;
    let payment = match read {
        Some(payment) => payment,
        None => hub.store.payment(merchant, &attempt.payment_id).await?.ok_or(AskError::NotFound)?,
    };
    let target = target_of(hub, &payment, &attempt).await?.ok_or(AskError::NotOpened)?;
    let (account, provider) = hub.account(&attempt.account_id).ok_or(AskError::NotFound)?;
    let asks_when_settled = match cause {
        AskCause::Return => provider.profile().query.on_every_return,
        AskCause::Person => true,
        AskCause::Probe => panel_check::is_due(hub, &payment, hub.clock.now()),
        AskCause::Notice => false,
    };
    if fault!("never_ask_on_return") && cause == AskCause::Return {
        return Ok(payment);
    }
    if !payment.status.is_open()
        && !asks_when_settled
        && !payment.awaits_more()
        && !is_given_up_unheard(hub, provider.profile(), &payment, &attempt).await?
    {
        return Ok(payment);
    }
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
    let mut tokens = Vec::new();
    let (facts, result) = match driven.end {
        End::Learned { facts, tokens: told, .. } => {
            tokens = told;
            (facts, Ok(()))
        }
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
    let source = match cause {
        AskCause::Return => Source::Return,
        AskCause::Notice => Source::AskedByNotice,
        AskCause::Probe => Source::Probe,
        AskCause::Person => Source::Person,
    };
    let about = Known::about(job.merchant_id.clone(), job.payment_id.clone(), job.attempt_id.clone(), source);
    let known = Known { facts, tokens, calls: driven.calls, ..about };
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
            match Box::pin(resolve(&hub, &work)).await {
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
    let attempt = hub.store.attempt(&work.merchant_id, &work.attempt_id).await?;
    let policy = attempt.as_ref().and_then(|attempt| policy_of(hub, &attempt.account_id));
    let (Some(attempt), Some(policy)) = (attempt, policy) else {
        return hub.store.end_work(work).await;
    };
    let now = hub.clock.now();
    if let Err(wait) = hub.limits.gate(&attempt.account_id).take_look_up() {
        let held = Held { cause: HoldCause::Busy, retry_after: wait };
        return put_off(hub, work, &held).await;
    }
    // What the payment's charges have ended comes before everything else; while the payment is open it is asked for all the same.
    let mut read = hub.store.payment(&work.merchant_id, &work.payment_id).await?;
    if let Some(payment) = &read {
        match remove_ended(hub, payment, work).await? {
            Removal::NotDue => {}
            Removal::PutOff(wait) if !payment.status.is_open() => {
                return hub.store.release_work(work, now + wait).await;
            }
            // The provider had its time to answer: the payment may stand elsewhere now.
            Removal::Over | Removal::PutOff(_) => read = None,
        }
    }
    let is_past_grace = now > attempt.expires_at + seconds(policy.grace_s);
    if attempt.provider_reference.is_none() {
        let intent = hub.store.last_intent(&work.merchant_id, &attempt).await?;
        // What was never opened and harms nobody does not run out of time: it has failed.
        if intent.as_deref().is_none_or(|word| word == after_lost_word(AfterLost::FreshStart)) {
            return lost_creation(hub, work).await;
        }
        // A person is told of what may exist, even where nobody looked before its time was over.
        let can_be_repeated = intent.as_deref() == Some(after_lost_word(AfterLost::RepeatSame));
        if attempt.state == AttemptState::Created.word() && !can_be_repeated {
            read = Some(learn(hub, work, unanswered(hub), None).await?);
        }
    }
    if policy.is_over(&attempt, now) {
        read = Some(learn(hub, work, vec![Fact::new(now, FactKind::TimedOut)], None).await?);
    }
    let cause = if work.is_asked_by_notice { AskCause::Notice } else { AskCause::Probe };
    let asked = ask_tracked(hub, &work.merchant_id, &work.attempt_id, read, cause).await;
    crash_point!("probe.before_release");
    match asked {
        Ok(payment) if !payment.status.is_open() && payment.awaits_more() => {
            await_more(hub, work, &payment, &attempt, policy.grace_s).await
        }
        Ok(payment) if !payment.status.is_open() => match panel_check::next_check(hub, &payment, now) {
            Some(at) => hub.store.release_work(work, at).await,
            None => hub.store.end_work(work).await,
        },
        Err(AskError::Unreachable | AskError::Refused(_))
            if is_past_grace && awaits_more(hub, &attempt).await? =>
        {
            ask_later(hub, work, now).await
        }
        Ok(_) | Err(AskError::Unreachable | AskError::Refused(_)) if is_past_grace => {
            give_up(hub, work).await
        }
        Ok(_) => hub.store.release_work(work, policy.next_look_up(now, attempt.expires_at)).await,
        Err(AskError::Held(held)) => put_off(hub, work, &held).await,
        Err(AskError::NotOpened) => unopened(hub, work, &attempt, &policy, now).await,
        Err(AskError::NotFound) => hub.store.end_work(work).await,
        Err(AskError::Unreachable | AskError::Refused(_)) => {
            let wait = back_off(work.tries, hub.entropy().bytes()[0]);
            hub.store.release_work(work, now + wait).await
        }
        Err(AskError::Store(error)) => Err(error),
    }
}

/// Nothing was sent: it is looked at again when the account's calls need not wait.
async fn put_off(hub: &Hub, work: &Work, held: &Held) -> Result<(), StoreError> {
    hub.store.release_work(work, hub.clock.now() + seconds(held.retry_after_s().into())).await
}

/// Whether an attempt ended by our own timer alone, and the provider is still to be heard about it.
async fn is_given_up_unheard(
    hub: &Hub,
    profile: &Profile,
    payment: &Payment,
    attempt: &Attempt,
) -> Result<bool, StoreError> {
    if profile.query.own_expiry_s.is_none() {
        return Ok(false);
    }
    let recorded = hub.store.recorded_facts(&payment.merchant_id, &payment.id).await?;
    let of_attempt = recorded.into_iter().filter(|fact| fact.attempt_id == attempt.id);
    let facts = of_attempt.map(|fact| fact.fact).collect();
    Ok(PureAttempt { ordinal: attempt.ordinal, facts }.standing().is_by_own_timer)
}

/// The creation was never answered, and something that can be paid may exist: it is held, until a notice tells of it or its
/// time is over.
async fn unopened(
    hub: &Hub,
    work: &Work,
    attempt: &Attempt,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), StoreError> {
    if policy.is_over(attempt, now) {
        return hub.store.end_work(work).await;
    }
    let intent = hub.store.last_intent(&work.merchant_id, attempt).await?;
    if intent.as_deref() == Some(after_lost_word(AfterLost::RepeatSame)) {
        return repeat(hub, work, attempt, policy, now).await;
    }
    hub.store.release_work(work, attempt.expires_at + seconds(policy.over_after_s())).await
}

/// The same is asked again under the provider's own key, until an answer tells what became of it.
async fn repeat(
    hub: &Hub,
    work: &Work,
    attempt: &Attempt,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), StoreError> {
    let payment = repeat_creation(hub, attempt).await?;
    match payment {
        Some(payment) if !payment.status.is_open() && !payment.awaits_more() => {
            hub.store.end_work(work).await
        }
        _ if now > attempt.expires_at + seconds(policy.grace_s) => give_up(hub, work).await,
        _ => {
            let wait = back_off(work.tries, hub.entropy().bytes()[0]);
            hub.store.release_work(work, now + wait).await
        }
    }
}

/// The creation died before it learned anything and nobody holds an address to pay at: the attempt is given up.
async fn lost_creation(hub: &Hub, work: &Work) -> Result<(), StoreError> {
    let failure = unreachable_failure();
    let payment = learn(hub, work, not_opened(hub, &failure), Some(failure)).await?;
    if payment.status.is_open() {
        // It was opened this very moment: it is looked up like any other.
        let wait = back_off(work.tries, hub.entropy().bytes()[0]);
        return hub.store.release_work(work, hub.clock.now() + wait).await;
    }
    hub.store.end_work(work).await
}

/// Writes what our own timer says of an attempt.
async fn learn(
    hub: &Hub,
    work: &Work,
    facts: Vec<Fact>,
    failure: Option<Failure>,
) -> Result<Payment, StoreError> {
    let about = Known::about(
        work.merchant_id.clone(),
        work.payment_id.clone(),
        work.attempt_id.clone(),
        Source::Timer,
    );
    let known = Known { facts, failure, ..about };
    apply_facts(hub, known).await
}

/// Asked as long as the policy allows: a person has to look.
pub(super) async fn give_up(hub: &Hub, work: &Work) -> Result<(), StoreError> {
    let case = new_case(hub, &work.payment_id, CaseKind::Unresolved, hub.clock.now());
    let changes = Changes { cases: vec![(work.merchant_id.clone(), case)], ..Changes::default() };
    let mut tx = hub.store.begin().await?;
    tx.write(&changes).await?;
    crash_point!("give_up.before_commit");
    tx.commit().await?;
    crash_point!("give_up.after_commit");
    if fault!("forget_what_is_given_up") {
        return hub.store.end_work(work).await;
    }
    // Not due by itself any more, but a notice that comes after all finds what to bring forward.
    hub.store.release_work(work, hub.clock.now() + UNTIL_TOLD).await
}
