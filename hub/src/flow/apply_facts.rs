//! The only writer of payment state: appends facts, sums up anew, writes events and next work.

use std::collections::BTreeMap;

use payment::attempt::{Attempt as PureAttempt, AttemptState, Standing};
use payment::case::CaseKind;
use payment::fact::{Fact, FactKind, Reason};
use payment::id::{AttemptId, CaseId, EventId, OperationId, PaymentId};
use payment::instrument::{InstrumentToken, KeepingState};
use payment::movement::{Movement, MovementState};
use payment::operation::OperationState;
use payment::subject::SubjectKind;
use payment::{Status, Subject, Summary, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::crash::crash_point;
use crate::fault::fault;
use crate::flow::count_charges::count_charges;
use crate::flow::document;
use crate::flow::keep_instruments::keep_instruments;
use crate::flow::panel_check::next_check;
use crate::flow::query_policy::{OPENING_LEASE_S, late_look_up, seconds};
use crate::flow::return_collected::awaits_return;
use crate::flow::settle_operations::{settle_operations, settle_when_nothing_is_left};
use crate::state::Hub;
use crate::store::{
    Aggregate, Attempt, CallLine, Case, Changes, Event, Failure, FoundSubject, Instrument, NewCall, NewFact,
    NewWork, Payment, PaymentDetail, PaymentKey, RecordedFact, StatusChange, StoreError, TokenKey,
};

/// How soon what was not answered is asked again under its own key, in seconds.
const ASK_AGAIN_AFTER_S: i64 = 15;

/// The instruments that are known by their tokens, or that are charged: locked.
pub type KeptInstruments = BTreeMap<TokenKey, Instrument>;

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
    /// The answer by which a provider took a kept instrument away.
    Removal,
    /// The shopper, on our own page.
    Shopper,
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
            Self::Removal => "removal",
            Self::Shopper => "shopper",
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
    /// The key by which notices about the attempt are verified, when the provider has given one.
    pub attempt_key: Option<SecretString>,
    /// Why it could not be tried, when that is what was learned.
    pub failure: Option<Failure>,
    /// The calls made meanwhile.
    pub calls: Vec<LoggedCall>,
    /// The tokens of kept instruments that the facts tell of.
    pub tokens: Vec<InstrumentToken>,
    /// How an operation went, when it was one that taught this.
    pub operation: Option<OperationEnd>,
}

/// How an operation went.
#[derive(Clone, Debug)]
pub struct OperationEnd {
    /// The operation.
    pub id: OperationId,
    /// Where it stands now.
    pub state: OperationState,
    /// The provider's own reference of it, where it is known.
    pub provider_reference: Option<String>,
    /// The provider's reason, where it gave one.
    pub reason: Reason,
}

/// A call that ended, for the wire log.
#[derive(Clone, Debug)]
pub struct LoggedCall {
    /// The line.
    pub line: CallLine,
    /// Whether it was written before the call was made.
    pub was_written: bool,
}

impl Known {
    /// Nothing yet about an attempt.
    pub const fn about(
        merchant_id: String,
        payment_id: PaymentId,
        attempt_id: AttemptId,
        source: Source,
    ) -> Self {
        Self {
            merchant_id,
            payment_id,
            attempt_id,
            source,
            facts: Vec::new(),
            attempt_key: None,
            failure: None,
            calls: Vec::new(),
            tokens: Vec::new(),
            operation: None,
        }
    }

    /// The payment it is about.
    pub fn key(&self) -> PaymentKey {
        (self.merchant_id.clone(), self.payment_id.clone())
    }
}

/// Writes what was learned. Answers with the payment as it stands then.
pub async fn apply_facts(hub: &Hub, known: Known) -> Result<Payment, StoreError> {
    hub.writer.submit(known).await
}

/// Where a process may die before what a source told is durable.
pub(super) fn may_die_before_commit(source: Source) {
    match source {
        Source::Answer => crash_point!("create.before_answer"),
        Source::Merchant => crash_point!("cancel.before_answer"),
        Source::Timer => crash_point!("timer.before_commit"),
        Source::Removal => crash_point!("removal.before_commit"),
        Source::Return | Source::AskedByNotice | Source::Probe | Source::Person => {
            crash_point!("look_up.before_commit");
        }
        // These have crash points of their own.
        Source::Notice | Source::Shopper => {}
    }
}

/// Where a process may die after what a source told is durable.
pub(super) fn may_die_after_commit(source: Source) {
    match source {
        Source::Answer => crash_point!("create.after_answer"),
        Source::Merchant => crash_point!("cancel.after_answer"),
        Source::Timer => crash_point!("timer.after_commit"),
        Source::Removal => crash_point!("removal.after_commit"),
        Source::Return | Source::AskedByNotice | Source::Probe | Source::Person => {
            crash_point!("look_up.after_commit");
        }
        Source::Notice | Source::Shopper => {}
    }
}

/// Where an attempt's key is sealed to.
pub(super) fn attempt_key_place(attempt: &AttemptId) -> String {
    format!("attempt/key/{attempt}")
}

/// Applies what is known of a payment among those that are locked.
pub(super) fn apply_known(
    hub: &Hub,
    known: &Known,
    aggregates: &mut BTreeMap<PaymentKey, Aggregate>,
    kept: &KeptInstruments,
    changes: &mut Changes,
    now: Timestamp,
) -> Result<Payment, StoreError> {
    let aggregate = aggregates.get_mut(&known.key()).ok_or(StoreError::Corrupt("payment"))?;
    apply(hub, aggregate, known, kept, changes, now)?;
    Ok(aggregate.payment.clone())
}

/// Applies what is known to a payment that is locked. Pure: what is to be written is added to the changes.
fn apply(
    hub: &Hub,
    aggregate: &mut Aggregate,
    known: &Known,
    kept: &KeptInstruments,
    changes: &mut Changes,
    now: Timestamp,
) -> Result<(), StoreError> {
    for call in &known.calls {
        if call.was_written {
            changes.finished_calls.push((known.key(), call.line.clone()));
        } else {
            changes.calls.push(NewCall { payment: known.key(), line: call.line.clone(), after_lost: "" });
        }
    }
    let was_opened = was_opened(aggregate, &known.attempt_id);
    // Somebody who was away says that nothing could be opened, and another has opened it since.
    if was_opened && known.failure.is_some() && !fault!("believe_late_failures") {
        return Ok(());
    }
    // Of two openings, the first has the address that people pay at.
    if !was_opened && let Some(key) = &known.attempt_key {
        let sealed = hub.vault.seal(&attempt_key_place(&known.attempt_id), key.expose_secret().as_bytes());
        let sealed = sealed.map_err(|_| StoreError::Corrupt("attempt key"))?;
        let key = (known.merchant_id.clone(), known.attempt_id.clone());
        changes.changed_attempts.entry(key).or_default().sealed_key = Some(sealed);
    }
    let appended = append(hub, aggregate, known, changes, now)?;
    settle_operations(aggregate, known, &appended, changes, now);
    if appended.is_empty()
        && known.failure.is_none()
        && known.operation.is_none()
        && !fault!("tell_without_news")
    {
        return Ok(());
    }
    let keeps = keep_instruments(hub, aggregate, known, &appended, kept, changes, now)?;
    let standings = sum_up_attempts(aggregate, changes);
    let pure: Vec<PureAttempt> = standings.iter().map(|(_, attempt, _)| attempt.clone()).collect();
    let summary = payment::summary(aggregate.payment.order.total, &pure);
    settle_when_nothing_is_left(aggregate, &summary, changes, now);
    let before = aggregate.payment.clone();
    let payment = &mut aggregate.payment;
    let before_detail = std::mem::take(&mut payment.detail);
    payment.detail = PaymentDetail {
        operations: aggregate.operations.iter().map(|operation| operation.line.clone()).collect(),
        instrument: keeps.or_else(|| before_detail.instrument.clone()),
        recurrence_of: before_detail.recurrence_of.clone(),
        parts: payment::division::parts(&payment.order, &summary.movements),
        ..detail(&aggregate.attempts, &standings, &summary, known.failure.as_ref(), &before_detail)
    };
    take_over(payment, &summary);
    payment.detail.awaits_return = awaits_return(hub, payment);
    for kind in &summary.cases {
        changes.cases.push((payment.merchant_id.clone(), new_case(hub, &payment.id, *kind, now)));
    }
    write_change(hub, known, &before, payment, !appended.is_empty(), changes, now);
    schedule(hub, aggregate, &standings, &appended, changes);
    let of_attempts: Vec<&Standing> = standings.iter().map(|(_, _, standing)| standing).collect();
    count_charges(hub, aggregate, &of_attempts, &summary, kept, changes, now);
    Ok(())
}

/// Whether the record knows an attempt at its provider.
fn was_opened(aggregate: &Aggregate, attempt: &AttemptId) -> bool {
    aggregate.attempts.iter().any(|known| known.id == *attempt && known.provider_reference.is_some())
}

/// Appends the facts that say something new. A word that is not final and leaves the attempt where it
/// stands says nothing new: a probe every few minutes must not grow the record.
fn append(
    hub: &Hub,
    aggregate: &mut Aggregate,
    known: &Known,
    changes: &mut Changes,
    now: Timestamp,
) -> Result<Vec<Fact>, StoreError> {
    let attempt = aggregate.attempts.iter().find(|attempt| attempt.id == known.attempt_id);
    let account = attempt.ok_or(StoreError::Corrupt("attempt"))?.account_id.clone();
    let recorded = &mut aggregate.facts;
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
        changes.facts.push(NewFact {
            payment: known.key(),
            line: line.clone(),
            key: hub.vault.fingerprint(&[fact.key().as_bytes()]),
            ordinal: i64::try_from(recorded.len()).unwrap_or(i64::MAX),
        });
        if let Some((kind, provider_reference)) = names_subject(&fact.kind) {
            changes.subjects.push(FoundSubject {
                merchant_id: known.merchant_id.clone(),
                subject: Subject { account: account.clone(), kind, provider_reference },
                payment_id: known.payment_id.clone(),
                attempt_id: known.attempt_id.clone(),
            });
        }
        recorded.push(line);
        appended.push(fact.clone());
    }
    Ok(appended)
}

/// What a fact makes findable by the provider's own reference.
fn names_subject(kind: &FactKind) -> Option<(SubjectKind, String)> {
    match kind {
        FactKind::Opened(opening) => Some((SubjectKind::Attempt, opening.provider_reference.clone())),
        FactKind::Instrument(telling) => Some((SubjectKind::Instrument, telling.provider_reference.clone())),
        FactKind::Recurred(recurred) => {
            Some((SubjectKind::RecurringCharge, recurred.provider_reference.clone()))
        }
        FactKind::Waiting(_)
        | FactKind::InProgress(_)
        | FactKind::PartlyPaid(_)
        | FactKind::Ended(_)
        | FactKind::Moved(_)
        | FactKind::Unrecognized(_)
        | FactKind::Contradicted { .. }
        | FactKind::NotOpened(_)
        | FactKind::Unanswered
        | FactKind::AskedAgain
        | FactKind::TimedOut
        | FactKind::Told { .. } => None,
    }
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

/// Computes every attempt anew and notes the states that changed.
fn sum_up_attempts(aggregate: &mut Aggregate, changes: &mut Changes) -> Standings {
    let mut standings = Vec::with_capacity(aggregate.attempts.len());
    for attempt in &mut aggregate.attempts {
        let of_attempt = aggregate.facts.iter().filter(|fact| fact.attempt_id == attempt.id);
        let facts: Vec<Fact> = of_attempt.map(|fact| fact.fact.clone()).collect();
        let opened = facts.iter().find_map(|fact| match &fact.kind {
            FactKind::Opened(opening) => Some(opening.provider_reference.clone()),
            _ => None,
        });
        let pure = PureAttempt { ordinal: attempt.ordinal, facts };
        let standing = pure.standing();
        let state = standing.state.word();
        if attempt.state != state || (attempt.provider_reference.is_none() && opened.is_some()) {
            state.clone_into(&mut attempt.state);
            attempt.provider_reference = attempt.provider_reference.take().or(opened);
            let key = (attempt.merchant_id.clone(), attempt.id.clone());
            let changed = changes.changed_attempts.entry(key).or_default();
            changed.state = Some(attempt.state.clone());
            changed.provider_reference.clone_from(&attempt.provider_reference);
        }
        standings.push((attempt.id.clone(), pure, standing));
    }
    standings
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
    let opening = pure.facts.iter().find_map(|fact| match &fact.kind {
        FactKind::Opened(opening) => Some(opening),
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
    let is_enrolled = summary.status == Status::Approved && !fault!("await_paid_cards_alone");
    PaymentDetail {
        provider_reference: Some(newest.reference.clone()),
        provider_id: newest.provider_reference.clone().or_else(|| recurred(pure)),
        pay_url: opening.filter(|_| is_payable).and_then(|opening| opening.pay_url.clone()),
        pay_code: opening.and_then(|opening| opening.pay_code.clone()),
        reason: standing.reason.clone(),
        last_movement: last.cloned(),
        receipt: approved.or(last).map(|movement| movement.receipt.clone()).unwrap_or_default(),
        decided_at,
        failure: failure.cloned().or_else(|| before.failure.clone()),
        awaits_instrument: (summary.paid.minor > 0 || is_enrolled)
            && pure.keeping().is_some_and(|keeping| keeping.state == KeepingState::Begun),
        operations: Vec::new(),
        instrument: None,
        parts: Vec::new(),
        awaits_return: false,
        recurrence_of: None,
    }
}

/// The provider's own reference of a charge that it has repeated by itself.
fn recurred(attempt: &PureAttempt) -> Option<String> {
    attempt.facts.iter().find_map(|fact| match &fact.kind {
        FactKind::Recurred(recurred) => Some(recurred.provider_reference.clone()),
        _ => None,
    })
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

/// A case for a person; a payment has one of each kind.
pub(super) fn new_case(hub: &Hub, payment: &PaymentId, kind: CaseKind, now: Timestamp) -> Case {
    Case {
        id: CaseId::new(now, hub.entropy()),
        payment_id: payment.clone(),
        kind: kind.word().to_owned(),
        opened_at: now,
    }
}

/// Writes the payment, and when its word or sums changed also an event, of which its history is made. Whatever was learned
/// changes its version: by that alone others know that it was touched.
fn write_change(
    hub: &Hub,
    known: &Known,
    before: &Payment,
    payment: &mut Payment,
    has_learned: bool,
    changes: &mut Changes,
    now: Timestamp,
) {
    let told = |payment: &Payment| {
        (
            payment.status,
            payment.certainty,
            payment.paid,
            payment.refunded,
            payment.overpaid,
            payment.authorized,
            ended_operations(payment),
        )
    };
    let is_news = told(before) != told(payment) || fault!("tell_without_news");
    if !is_news && !has_learned && before.detail == payment.detail && before.told == payment.told {
        return;
    }
    touch(payment, changes, now);
    if before.status.is_open() != payment.status.is_open() {
        changes.turned.insert(known.key());
    }
    if !is_news {
        return;
    }
    let change = StatusChange {
        version: payment.version,
        from: before.status,
        to: payment.status,
        certainty: payment.certainty,
        source: known.source.word().to_owned(),
    };
    let kind = format!("payment.{}", payment.status);
    let event = Event {
        id: EventId::new(now, hub.entropy()),
        merchant_id: payment.merchant_id.clone(),
        payment_id: Some(payment.id.clone()),
        body: document::event_body(hub, &kind, now, payment),
        kind,
        change: Some(change),
        created_at: now,
    };
    changes.events.push(event);
}

/// Writes the payment under its next version.
pub(super) fn touch(payment: &mut Payment, changes: &mut Changes, now: Timestamp) {
    payment.version += 1;
    payment.updated_at = now;
    changes.payments.insert((payment.merchant_id.clone(), payment.id.clone()), payment.clone());
}

/// Counts the changes of status, now that they are durable.
pub(super) fn count(changes: &Changes) {
    for event in &changes.events {
        let Some(StatusChange { from, to, source, .. }) = &event.change else { continue };
        let key = event.payment_id.clone().map(|payment| (event.merchant_id.clone(), payment));
        if from != to
            && let Some(payment) = key.and_then(|key| changes.payments.get(&key))
        {
            metrics::counter!(
                "caudal_payment_status_total",
                "provider" => payment.provider.clone(),
                "from" => from.word(),
                "to" => to.word(),
                "source" => source.clone()
            )
            .increment(1);
        }
    }
}

/// The operations that have come to an end, and how.
fn ended_operations(payment: &Payment) -> Vec<(OperationId, OperationState)> {
    let lines = payment.detail.operations.iter().filter(|line| !line.state.is_open());
    lines.map(|line| (line.id.clone(), line.state)).collect()
}

/// Ends the work of settled attempts. When an attempt is looked after was written with it: only what is to be found out sooner or
/// later is written anew.
fn schedule(
    hub: &Hub,
    aggregate: &Aggregate,
    standings: &Standings,
    appended: &[Fact],
    changes: &mut Changes,
) {
    let Aggregate { payment, attempts, noticed, .. } = aggregate;
    for (attempt, (_, _, standing)) in attempts.iter().zip(standings) {
        // An end that the sums do not bear out (approved without money) leaves the payment open: of the newest
        // attempt we go on asking.
        let is_replaced = attempts.last().is_some_and(|newest| newest.id != attempt.id);
        // What only our own timer ended is asked for until the provider was heard.
        let is_said = standing.state.is_final() && !standing.is_by_own_timer;
        if is_said && (is_replaced || !payment.status.is_open()) && !payment.awaits_more() {
            let key = (payment.merchant_id.clone(), attempt.id.clone());
            match next_check(hub, payment, hub.clock.now()).filter(|_| !is_replaced) {
                Some(due_at) => {
                    let (payment_id, account_id) = (payment.id.clone(), attempt.account_id.clone());
                    changes.scheduled.insert(key, NewWork { payment_id, account_id, due_at });
                }
                None => {
                    changes.settled.insert(key);
                }
            }
        }
    }
    let Some(newest) = attempts.last() else { return };
    let anew = appended.iter().filter_map(|fact| match &fact.kind {
        FactKind::AskedAgain => Some(hub.clock.now() + seconds(ASK_AGAIN_AFTER_S)),
        FactKind::Unanswered => Some(newest.created_at + seconds(OPENING_LEASE_S)),
        FactKind::Opened(_) if !payment.status.is_open() => None,
        // A notice that came before our own answer is followed at once.
        FactKind::Opened(_) if noticed.contains(&newest.id) && !fault!("forget_early_notice") => {
            Some(hub.clock.now())
        }
        FactKind::Opened(_) => late_look_up(hub, newest),
        _ => None,
    });
    if let Some(due_at) = anew.min() {
        let work = NewWork { payment_id: payment.id.clone(), account_id: newest.account_id.clone(), due_at };
        changes.scheduled.insert((payment.merchant_id.clone(), newest.id.clone()), work);
    }
}
