//! The only writer of payment state: appends facts, sums up anew, writes history, events and next work.

use payment::attempt::{Attempt as PureAttempt, AttemptState, Standing};
use payment::case::CaseKind;
use payment::fact::{Fact, FactKind};
use payment::id::{AttemptId, CaseId, EventId, PaymentId};
use payment::movement::{Movement, MovementState};
use payment::subject::SubjectKind;
use payment::{Subject, Summary, Timestamp};

use crate::crash::crash_point;
use crate::fault::fault;
use crate::flow::document;
use crate::flow::probe::first_look_up;
use crate::state::Hub;
use crate::store::{
    Attempt, CallLine, Case, Event, Failure, HistoryLine, Payment, PaymentDetail, RecordedFact, StoreError,
    Tx,
};

/// How something reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The answer to a call that does something.
    Answer,
    /// A notice that the provider's profile lets us believe.
    Notice,
    /// A look-up because the shopper came back.
    Return,
    /// A look-up because a notice said to ask.
    AskedByNotice,
    /// A look-up by the probe.
    Probe,
    /// A look-up by a person.
    Person,
    /// The hub's own timer.
    Timer,
    /// The merchant, through the API.
    Merchant,
}

impl Source {
    /// The word in the record.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Notice => "notice",
            Self::Return => "return",
            Self::AskedByNotice => "asked_by_notice",
            Self::Probe => "probe",
            Self::Person => "person",
            Self::Timer => "timer",
            Self::Merchant => "merchant",
        }
    }
}

/// What was learned about one attempt, with the calls by which it was learned.
#[derive(Clone, Debug)]
pub struct Known {
    /// Whose payment.
    pub merchant_id: String,
    /// The payment.
    pub payment_id: PaymentId,
    /// The attempt.
    pub attempt_id: AttemptId,
    /// How it reached us.
    pub source: Source,
    /// The facts; may be none, when only calls are to be written.
    pub facts: Vec<Fact>,
    /// Why it could not be tried, when that is what was learned.
    pub failure: Option<Failure>,
    /// The calls made meanwhile.
    pub calls: Vec<LoggedCall>,
}

/// A call that ended, for the wire log.
#[derive(Clone, Debug)]
pub struct LoggedCall {
    /// The line.
    pub line: CallLine,
    /// Whether it was written before the call was made.
    pub was_written: bool,
}

/// Applies a batch, in a fixed order, in one transaction. Answers with the payments as they stand then,
/// in the order of the batch.
pub async fn apply_facts(hub: &Hub, batch: Vec<Known>) -> Result<Vec<Payment>, StoreError> {
    let mut order: Vec<usize> = (0..batch.len()).collect();
    order.sort_by(|one, other| {
        let key = |index: &usize| (&batch[*index].merchant_id, &batch[*index].payment_id);
        key(one).cmp(&key(other))
    });
    let mut tx = hub.store.begin().await?;
    let mut payments: Vec<(usize, Payment)> = Vec::with_capacity(batch.len());
    for index in order {
        payments.push((index, apply_in(hub, &mut tx, &batch[index]).await?));
    }
    batch.iter().for_each(|known| may_die_before_commit(known.source));
    tx.commit().await?;
    batch.iter().for_each(|known| may_die_after_commit(known.source));
    hub.wake.notify_waiters();
    payments.sort_by_key(|(index, _)| *index);
    Ok(payments.into_iter().map(|(_, payment)| payment).collect())
}

fn may_die_before_commit(source: Source) {
    match source {
        Source::Answer => crash_point!("create.before_answer"),
        Source::Merchant => crash_point!("cancel.before_answer"),
        Source::Timer => crash_point!("lost_creation.before_commit"),
        Source::Return | Source::AskedByNotice | Source::Probe | Source::Person => {
            crash_point!("look_up.before_commit");
        }
        // A notice is applied in its own transaction.
        Source::Notice => {}
    }
}

fn may_die_after_commit(source: Source) {
    match source {
        Source::Answer => crash_point!("create.after_answer"),
        Source::Merchant => crash_point!("cancel.after_answer"),
        Source::Timer => crash_point!("lost_creation.after_commit"),
        Source::Return | Source::AskedByNotice | Source::Probe | Source::Person => {
            crash_point!("look_up.after_commit");
        }
        Source::Notice => {}
    }
}

/// Applies what is known inside the caller's transaction.
pub async fn apply_in(hub: &Hub, tx: &mut Tx, known: &Known) -> Result<Payment, StoreError> {
    let now = hub.clock.now();
    let merchant = known.merchant_id.as_str();
    let mut payment =
        tx.lock_payment(merchant, &known.payment_id).await?.ok_or(StoreError::Corrupt("payment"))?;
    for call in &known.calls {
        if call.was_written {
            tx.finish_call(merchant, &known.payment_id, &call.line).await?;
        } else {
            tx.insert_call(merchant, &known.payment_id, &call.line, "").await?;
        }
    }
    let mut attempts = tx.attempts(merchant, &known.payment_id).await?;
    let mut recorded = tx.recorded_facts(merchant, &known.payment_id).await?;
    let appended = append(hub, tx, known, &attempts, &mut recorded, now).await?;
    if appended.is_empty() && known.failure.is_none() && !fault!("tell_without_news") {
        return Ok(payment);
    }
    let standings = sum_up_attempts(tx, merchant, &mut attempts, &recorded).await?;
    let pure: Vec<PureAttempt> = standings.iter().map(|(_, attempt, _)| attempt.clone()).collect();
    let summary = payment::summary(payment.order.total, &pure);
    let before = payment.clone();
    payment.detail = detail(&attempts, &standings, &summary, known.failure.as_ref(), &payment.detail);
    take_over(&mut payment, &summary);
    open_cases(hub, tx, &payment, &summary, now).await?;
    write_change(hub, tx, known, &before, &mut payment, now).await?;
    schedule(hub, tx, &payment, &attempts, &standings, &appended).await?;
    Ok(payment)
}

/// Appends the facts that say something new. A word that is not final and leaves the attempt where it
/// stands says nothing new: a probe every few minutes must not grow the record.
async fn append(
    hub: &Hub,
    tx: &mut Tx,
    known: &Known,
    attempts: &[Attempt],
    recorded: &mut Vec<RecordedFact>,
    now: Timestamp,
) -> Result<Vec<Fact>, StoreError> {
    let merchant = known.merchant_id.as_str();
    let account = attempts.iter().find(|attempt| attempt.id == known.attempt_id);
    let account = account.ok_or(StoreError::Corrupt("attempt"))?.account_id.clone();
    let mut appended = Vec::new();
    for fact in &known.facts {
        let is_known = recorded.iter().any(|old| old.attempt_id == known.attempt_id && old.fact == *fact);
        if is_known || says_nothing_new(&known.attempt_id, fact, recorded) {
            continue;
        }
        let line = RecordedFact {
            attempt_id: known.attempt_id.clone(),
            fact: fact.clone(),
            source: known.source.word().to_owned(),
            recorded_at: now,
        };
        let key = hub.vault.fingerprint(&[fact.key().as_bytes()]);
        let ordinal = i64::try_from(recorded.len()).unwrap_or(i64::MAX);
        tx.insert_fact(merchant, &known.payment_id, &line, &key, ordinal).await?;
        if let FactKind::Opened(opening) = &fact.kind {
            let subject = Subject {
                account: account.clone(),
                kind: SubjectKind::Attempt,
                provider_reference: opening.provider_reference.clone(),
            };
            tx.insert_subject(merchant, &subject, &known.payment_id, &known.attempt_id).await?;
        }
        recorded.push(line);
        appended.push(fact.clone());
    }
    Ok(appended)
}

fn says_nothing_new(attempt: &AttemptId, fact: &Fact, recorded: &[RecordedFact]) -> bool {
    let may_repeat = matches!(
        fact.kind,
        FactKind::Waiting(_)
            | FactKind::InProgress(_)
            | FactKind::PartlyPaid(_)
            | FactKind::Unrecognized(_)
            | FactKind::Ended(_)
    );
    if !may_repeat {
        return false;
    }
    let facts = recorded.iter().filter(|old| old.attempt_id == *attempt).map(|old| old.fact.clone());
    let mut pure = PureAttempt { ordinal: 0, facts: facts.collect() };
    let before = pure.standing();
    pure.facts.push(fact.clone());
    let after = pure.standing();
    let is_same = (before.state, &before.reason, before.is_contradictory)
        == (after.state, &after.reason, after.is_contradictory);
    is_same && before.since.is_some()
}

type Standings = Vec<(AttemptId, PureAttempt, Standing)>;

/// Computes every attempt anew and writes the states that changed.
async fn sum_up_attempts(
    tx: &mut Tx,
    merchant: &str,
    attempts: &mut [Attempt],
    recorded: &[RecordedFact],
) -> Result<Standings, StoreError> {
    let mut standings = Vec::with_capacity(attempts.len());
    for attempt in attempts {
        let facts: Vec<Fact> = recorded
            .iter()
            .filter(|fact| fact.attempt_id == attempt.id)
            .map(|fact| fact.fact.clone())
            .collect();
        let opened = facts.iter().find_map(|fact| match &fact.kind {
            FactKind::Opened(opening) => Some(opening.provider_reference.clone()),
            _ => None,
        });
        let pure = PureAttempt { ordinal: attempt.ordinal, facts };
        let standing = pure.standing();
        let state = standing.state.word();
        if attempt.state != state || (attempt.provider_reference.is_none() && opened.is_some()) {
            tx.set_attempt_state(merchant, &attempt.id, state, opened.as_deref()).await?;
            attempt.state = state.to_owned();
            attempt.provider_reference = attempt.provider_reference.take().or(opened);
        }
        standings.push((attempt.id.clone(), pure, standing));
    }
    Ok(standings)
}

/// What people are shown of the newest attempt.
fn detail(
    attempts: &[Attempt],
    standings: &Standings,
    summary: &Summary,
    failure: Option<&Failure>,
    before: &PaymentDetail,
) -> PaymentDetail {
    let Some((newest, (_, pure, standing))) = attempts.iter().zip(standings).next_back() else {
        return before.clone();
    };
    let pay_url = pure.facts.iter().find_map(|fact| match &fact.kind {
        FactKind::Opened(opening) => Some(opening.pay_url.clone()),
        _ => None,
    });
    let is_payable = matches!(
        standing.state,
        AttemptState::Open | AttemptState::InProgress | AttemptState::PartlyPaid | AttemptState::Unrecognized
    ) && summary.status.is_open();
    let latest = |keep: fn(&Movement) -> bool| {
        summary.movements.iter().filter(|movement| keep(movement)).max_by_key(|movement| movement.at)
    };
    let approved = latest(|movement| movement.state == MovementState::Approved);
    let last = latest(|_| true);
    let decided_at =
        if summary.status.is_open() { None } else { approved.map(|movement| movement.at).or(standing.since) };
    PaymentDetail {
        provider_reference: Some(newest.reference.clone()),
        provider_id: newest.provider_reference.clone(),
        pay_url: pay_url.filter(|_| is_payable),
        reason: standing.reason.clone(),
        last_movement: last.cloned(),
        receipt: approved.or(last).map(|movement| movement.receipt.clone()).unwrap_or_default(),
        decided_at,
        failure: failure.cloned().or_else(|| before.failure.clone()),
    }
}

fn take_over(payment: &mut Payment, summary: &Summary) {
    payment.status = summary.status;
    payment.certainty = summary.certainty;
    payment.authorized = summary.authorized;
    payment.paid = summary.paid;
    payment.refunded = summary.refunded;
    payment.overpaid = summary.overpaid;
    payment.told = summary.told;
}

async fn open_cases(
    hub: &Hub,
    tx: &mut Tx,
    payment: &Payment,
    summary: &Summary,
    now: Timestamp,
) -> Result<(), StoreError> {
    for kind in &summary.cases {
        open_case(hub, tx, payment, *kind, now).await?;
    }
    Ok(())
}

/// Opens a case for a person; one of each kind per payment.
pub async fn open_case(
    hub: &Hub,
    tx: &mut Tx,
    payment: &Payment,
    kind: CaseKind,
    now: Timestamp,
) -> Result<(), StoreError> {
    let case = Case {
        id: CaseId::new(now, hub.entropy()),
        payment_id: payment.id.clone(),
        kind: kind.word().to_owned(),
        opened_at: now,
    };
    tx.open_case(&payment.merchant_id, &case, kind).await
}

/// Writes the payment, and when its word or sums changed also a line of history and an event.
async fn write_change(
    hub: &Hub,
    tx: &mut Tx,
    known: &Known,
    before: &Payment,
    payment: &mut Payment,
    now: Timestamp,
) -> Result<(), StoreError> {
    let told = |payment: &Payment| {
        (
            payment.status,
            payment.certainty,
            payment.paid,
            payment.refunded,
            payment.overpaid,
            payment.authorized,
        )
    };
    let is_news = told(before) != told(payment) || fault!("tell_without_news");
    if !is_news && before.detail == payment.detail && before.told == payment.told {
        return Ok(());
    }
    payment.version += 1;
    payment.updated_at = now;
    tx.update_payment(payment).await?;
    if !is_news {
        return Ok(());
    }
    let line = HistoryLine {
        version: payment.version,
        from: Some(before.status),
        to: payment.status,
        certainty: payment.certainty,
        source: known.source.word().to_owned(),
        at: now,
    };
    tx.insert_history(&payment.merchant_id, &payment.id, &line).await?;
    let kind = format!("payment.{}", payment.status);
    let event = Event {
        id: EventId::new(now, hub.entropy()),
        merchant_id: payment.merchant_id.clone(),
        payment_id: Some(payment.id.clone()),
        body: document::event_body(hub, &kind, now, payment),
        kind,
        created_at: now,
    };
    tx.insert_event(&event, None, now).await?;
    if before.status != payment.status {
        metrics::counter!(
            "caudal_payment_status_total",
            "provider" => payment.provider.clone(),
            "from" => before.status.word(),
            "to" => payment.status.word(),
            "source" => known.source.word()
        )
        .increment(1);
    }
    Ok(())
}

/// Ends the work of settled attempts; puts an attempt that was just opened under the probe's cadence.
async fn schedule(
    hub: &Hub,
    tx: &mut Tx,
    payment: &Payment,
    attempts: &[Attempt],
    standings: &Standings,
    appended: &[Fact],
) -> Result<(), StoreError> {
    for (attempt, (_, _, standing)) in attempts.iter().zip(standings) {
        // An end that the sums do not bear out (approved without money) leaves the payment open: of the newest
        // attempt we go on asking.
        let is_replaced = attempts.last().is_some_and(|newest| newest.id != attempt.id);
        if standing.state.is_final() && (is_replaced || !payment.status.is_open()) {
            tx.end_work_of(&payment.merchant_id, &attempt.id).await?;
        }
    }
    let opened = appended.iter().any(|fact| matches!(fact.kind, FactKind::Opened(_)));
    if opened
        && payment.status.is_open()
        && let Some(newest) = attempts.last()
        && let Some(due_at) = first_look_up(hub, &newest.account_id, newest.created_at, newest.expires_at)
    {
        // A notice that came before our own answer is followed at once.
        let is_noticed =
            tx.is_noticed(&payment.merchant_id, &newest.id).await? && !fault!("forget_early_notice");
        let due_at = if is_noticed { hub.clock.now() } else { due_at };
        tx.schedule_work(&payment.merchant_id, &payment.id, &newest.id, &newest.account_id, due_at).await?;
    }
    Ok(())
}
