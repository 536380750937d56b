//! Captures, releases and refunds: checked, written, sent; and what became of each.

use std::collections::BTreeSet;
use std::sync::Arc;

use payment::account::Account;
use payment::fact::{Fact, FactKind, Reason};
use payment::id::{OperationId, PaymentId};
use payment::movement::{Movement, MovementKind, MovementState};
use payment::operation::{OperationError, OperationKind, OperationState, Operations, Sums};
use payment::provider::Provider;
use payment::step::{AfterLost, Refusal, Step};
use payment::task::Act;
use payment::{Money, Task};

use crate::crash::crash_point;
use crate::fault::fault;
use crate::flow::apply_facts::{Known, OperationEnd, Source, apply_facts, touch};
use crate::flow::drive_task::{Driven, End, Job, Prepared, deadline, drive_task};
use crate::flow::settle_operations::is_of_kind;
use crate::flow::target::{pure_attempt, target};
use crate::limits::Held;
use crate::state::Hub;
use crate::store::{
    Aggregate, Attempt, Changes, NewWork, Operation, OperationLine, Payment, PaymentKey, StoreError,
};

/// How long an operation may take, process deaths included, before the probe finds out what became of it, in seconds.
const OPERATION_LEASE_S: i64 = 180;
/// How soon it is looked at when its answer was lost, in seconds.
const LOOK_AGAIN_AFTER_S: i64 = 20;

/// What a merchant wants done with the money of a payment.
#[derive(Clone, Debug)]
pub struct NewOperation {
    /// What.
    pub kind: OperationKind,
    /// How much, in minor units; absent, all that is left.
    pub amount: Option<i64>,
    /// The key under which the merchant asks.
    pub idempotency_key: String,
}

/// Why an operation was not done.
#[derive(Debug)]
pub enum OperateError {
    /// There is no such payment.
    NotFound,
    /// It may not be begun. Nothing was written.
    NotAllowed(OperationError),
    /// The provider refused, or it could not be sent: nothing was done.
    Refused {
        /// The payment.
        payment: Box<Payment>,
        /// The refusal.
        refusal: Refusal,
    },
    /// The account's calls have to wait; nothing was written.
    Held(Held),
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for OperateError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Does it, or says where it stands when it was asked for before under the same key. Answers the payment: its operation
/// is `unknown` while the provider's answer is lost. The work goes on when the caller hangs up.
pub async fn operate(
    hub: &Arc<Hub>,
    merchant: &str,
    payment: &PaymentId,
    wanted: NewOperation,
) -> Result<Payment, OperateError> {
    let (hub, merchant, payment) = (Arc::clone(hub), merchant.to_owned(), payment.clone());
    let tracked = tokio::spawn(async move {
        let _busy = hub.busy();
        Box::pin(operate_here(&hub, &merchant, &payment, wanted)).await
    });
    tracked.await.unwrap_or_else(|_| Err(OperateError::Store(StoreError::Corrupt("operation"))))
}

/// The same for the hub itself, whose work does not hang up.
pub(super) async fn operate_here(
    hub: &Hub,
    merchant: &str,
    id: &PaymentId,
    wanted: NewOperation,
) -> Result<Payment, OperateError> {
    let key = (merchant.to_owned(), id.clone());
    let read = hub.store.aggregate(&key).await?.ok_or(OperateError::NotFound)?;
    if let Some(payment) = asked_before(&read, &wanted) {
        return Ok(payment);
    }
    let planned = plan(hub, &read, &wanted)?;
    let job = planned.job(hub);
    let first = job.begin(hub);
    let call = match &first {
        Step::Call(call) => call,
        Step::Refused(refusal) => {
            return Err(OperateError::Refused { payment: Box::new(read.payment), refusal: refusal.clone() });
        }
        Step::Learned(_) | Step::Unclear { .. } => {
            return Err(OperateError::Store(StoreError::Corrupt("operation without a call")));
        }
    };
    let permit = job.admit(hub).await.map_err(OperateError::Held)?;
    let prepared = Prepared { line: job.line(hub, &call.request), permit };
    let mut tx = hub.store.begin().await?;
    let locked = tx.lock_aggregates(&BTreeSet::from([key.clone()])).await?.remove(&key);
    let mut locked = locked.ok_or(OperateError::NotFound)?;
    if let Some(payment) = asked_before(&locked, &wanted) {
        return Ok(payment);
    }
    // Under the lock: whatever was begun meanwhile counts.
    if planned.amount(&locked)? != planned.operation.line.amount {
        return Err(OperateError::NotAllowed(OperationError::Busy));
    }
    let mut changes = Changes::default();
    planned.write(hub, &mut locked, &mut changes);
    job.intent(call, &prepared.line).write(&mut changes);
    tx.write(&changes).await?;
    crash_point!("operation.before_commit");
    tx.commit().await?;
    crash_point!("operation.after_commit");
    let driven = drive_task(hub, &job, first, Some(prepared)).await?;
    conclude(hub, &job, &planned.operation, driven).await
}

/// Asks the same again, for an operation of which nobody heard what became of it and that is safe by the provider's own rule.
/// Answers the payment as it is known then.
pub(super) async fn repeat_operation(
    hub: &Hub,
    key: &PaymentKey,
    id: &OperationId,
) -> Result<Option<Payment>, StoreError> {
    let Some(read) = hub.store.aggregate(key).await? else { return Ok(None) };
    let operation = read.operations.iter().find(|operation| operation.line.id == *id);
    let Some(operation) = operation.filter(|operation| operation.line.state.is_open()) else {
        return Ok(Some(read.payment));
    };
    let kind = operation.line.kind;
    let known = with_money(&read, kind).zip(hub.account(&operation.account_id));
    let Some(((attempt, movement), (account, provider))) = known else { return Ok(None) };
    let planned = Planned {
        account: account.clone(),
        provider: Arc::clone(provider),
        attempt: attempt.clone(),
        wanted: NewOperation {
            kind,
            amount: Some(operation.line.amount),
            idempotency_key: operation.idempotency_key.clone(),
        },
        operation: operation.clone(),
        act: act(&read, attempt, movement, operation, true),
    };
    let job = planned.job(hub);
    let driven = drive_task(hub, &job, job.begin(hub), None).await?;
    // That it is refused this time, or was not sent, says nothing of the first time.
    let end = match driven.end {
        end @ End::Learned { .. } => end,
        End::Held(_) | End::Refused(_) | End::Lost(_) => {
            End::Learned { facts: Vec::new(), attempt_key: None, tokens: Vec::new() }
        }
    };
    match conclude(hub, &job, operation, Driven { end, calls: driven.calls }).await {
        Ok(payment) => Ok(Some(payment)),
        Err(OperateError::Store(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// The same request came before: the payment says where it stands.
fn asked_before(aggregate: &Aggregate, wanted: &NewOperation) -> Option<Payment> {
    let same = |operation: &&Operation| {
        operation.idempotency_key == wanted.idempotency_key && operation.line.kind == wanted.kind
    };
    if fault!("operate_again") {
        return None;
    }
    aggregate.operations.iter().find(same).map(|_| aggregate.payment.clone())
}

/// An operation that may begin.
struct Planned {
    account: Account,
    provider: Arc<dyn Provider>,
    attempt: Attempt,
    wanted: NewOperation,
    operation: Operation,
    act: Act,
}

fn plan(hub: &Hub, aggregate: &Aggregate, wanted: &NewOperation) -> Result<Planned, OperateError> {
    let (attempt, movement) =
        with_money(aggregate, wanted.kind).ok_or(OperateError::NotAllowed(OperationError::NothingLeft))?;
    let (account, provider) = hub.account(&attempt.account_id).ok_or(OperateError::NotFound)?;
    let amount = allowed(provider.operations(account), aggregate, wanted)?;
    let now = hub.clock.now();
    let reference = provider.profile().reference.mint(now, hub.entropy());
    let operation = Operation {
        line: OperationLine {
            id: OperationId::new(now, hub.entropy()),
            kind: wanted.kind,
            amount: amount.minor,
            state: OperationState::Started,
            reason: Reason::default(),
            created_at: now,
        },
        merchant_id: aggregate.payment.merchant_id.clone(),
        payment_id: aggregate.payment.id.clone(),
        attempt_id: attempt.id.clone(),
        account_id: attempt.account_id.clone(),
        reference,
        provider_reference: None,
        idempotency_key: wanted.idempotency_key.clone(),
        updated_at: now,
    };
    Ok(Planned {
        account: account.clone(),
        provider: Arc::clone(provider),
        attempt: attempt.clone(),
        wanted: wanted.clone(),
        act: act(aggregate, attempt, movement, &operation, false),
        operation,
    })
}

/// What the provider is asked to do for an operation, the first time or once more.
fn act(
    aggregate: &Aggregate,
    attempt: &Attempt,
    movement: Movement,
    operation: &Operation,
    is_repeated: bool,
) -> Act {
    let OperationLine { kind, amount, .. } = operation.line;
    let provider_reference = attempt.provider_reference.clone().unwrap_or_default();
    Act {
        kind,
        reference: operation.reference.clone(),
        target: target(&aggregate.payment, attempt, provider_reference, &aggregate.facts),
        movement,
        amount: Money::new(amount, aggregate.payment.order.total.currency),
        is_whole: amount == all_there_is(kind, &sums(aggregate)),
        is_repeated,
    }
}

impl Planned {
    fn job(&self, hub: &Hub) -> Job {
        Job {
            merchant_id: self.operation.merchant_id.clone(),
            payment_id: self.operation.payment_id.clone(),
            attempt_id: self.attempt.id.clone(),
            account: self.account.clone(),
            provider: Arc::clone(&self.provider),
            task: Task::Operate(Box::new(self.act.clone())),
            deadline: deadline(hub, &self.account),
        }
    }

    /// The amount that may be operated now, in minor units.
    fn amount(&self, aggregate: &Aggregate) -> Result<i64, OperateError> {
        allowed(self.provider.operations(&self.account), aggregate, &self.wanted).map(|money| money.minor)
    }

    /// Adds the operation, and the work that finds out what became of it, to what is written.
    fn write(&self, hub: &Hub, locked: &mut Aggregate, changes: &mut Changes) {
        let operation = self.operation.clone();
        let payment = &mut locked.payment;
        payment.detail.operations.push(operation.line.clone());
        touch(payment, changes, operation.updated_at);
        let merchant = operation.merchant_id.clone();
        changes.scheduled.insert(
            (merchant.clone(), self.attempt.id.clone()),
            NewWork {
                payment_id: payment.id.clone(),
                account_id: self.attempt.account_id.clone(),
                due_at: hub.clock.now() + jiff::SignedDuration::from_secs(OPERATION_LEASE_S),
            },
        );
        changes.operations.insert((merchant, operation.line.id.clone()), operation);
    }
}

/// The attempt whose money it is, and the movement by which that came: of several the one with the most.
fn with_money(aggregate: &Aggregate, kind: OperationKind) -> Option<(&Attempt, Movement)> {
    let is_of_kind = |movement: &Movement| match kind {
        OperationKind::Capture | OperationKind::Release => movement.kind == MovementKind::Hold,
        OperationKind::Refund => matches!(movement.kind, MovementKind::Charge | MovementKind::Capture),
    };
    let candidates = aggregate.attempts.iter().flat_map(|attempt| {
        let pure = pure_attempt(attempt, &aggregate.facts);
        let summary = payment::summary(aggregate.payment.order.total, &[pure]);
        summary.movements.into_iter().map(move |movement| (attempt, movement))
    });
    candidates
        .filter(|(_, movement)| movement.state == MovementState::Approved && is_of_kind(movement))
        .max_by_key(|(attempt, movement)| (movement.amount.minor, attempt.ordinal))
}

fn sums(aggregate: &Aggregate) -> Sums {
    let payment = &aggregate.payment;
    let under_way = |kinds: &[OperationKind]| {
        let open = aggregate.operations.iter().map(|operation| &operation.line);
        let open = open.filter(|line| line.state.is_open() && kinds.contains(&line.kind));
        Money::new(open.map(|line| line.amount).sum(), payment.order.total.currency)
    };
    Sums {
        authorized: payment.authorized,
        paid: payment.paid,
        refunded: payment.refunded,
        leaving_hold: under_way(&[OperationKind::Capture, OperationKind::Release]),
        being_refunded: under_way(&[OperationKind::Refund]),
    }
}

fn all_there_is(kind: OperationKind, sums: &Sums) -> i64 {
    match kind {
        OperationKind::Capture | OperationKind::Release => sums.authorized.minor,
        OperationKind::Refund => sums.paid.minor,
    }
}

fn allowed(
    operations: Operations,
    aggregate: &Aggregate,
    wanted: &NewOperation,
) -> Result<Money, OperateError> {
    let amount = wanted.amount.map(|minor| Money::new(minor, aggregate.payment.order.total.currency));
    let allowed = operations.amount(wanted.kind, amount, &sums(aggregate));
    allowed.map_err(OperateError::NotAllowed)
}

/// Writes what came of it.
async fn conclude(
    hub: &Hub,
    job: &Job,
    operation: &Operation,
    driven: Driven,
) -> Result<Payment, OperateError> {
    let (facts, state, reason, refusal) = match driven.end {
        End::Learned { facts, .. } => {
            let (state, reason) = told_by(operation, &facts);
            (facts, state, reason, None)
        }
        End::Refused(refusal) => {
            let reason = Reason {
                status: String::new(),
                code: refusal.provider_code.clone().unwrap_or_default(),
                message: refusal.detail.clone(),
            };
            (Vec::new(), OperationState::Refused, reason, Some(refusal))
        }
        // Nothing was sent at all.
        End::Lost(AfterLost::FreshStart) | End::Held(_) => {
            let refusal = Refusal {
                code: "provider_unreachable",
                advice: payment::step::Advice::Retry,
                ..Refusal::unsupported("The provider did not answer; nothing was done there.")
            };
            (Vec::new(), OperationState::Refused, Reason::default(), Some(refusal))
        }
        End::Lost(AfterLost::Search | AfterLost::RepeatSame | AfterLost::Adopt) => {
            (Vec::new(), OperationState::Unknown, Reason::default(), None)
        }
    };
    let end = OperationEnd {
        id: operation.line.id.clone(),
        state,
        provider_reference: reference_in(operation, &facts),
        reason,
    };
    let (merchant, payment) = (job.merchant_id.clone(), job.payment_id.clone());
    let about = Known::about(merchant, payment, job.attempt_id.clone(), Source::Merchant);
    crash_point!("operate.before_answer");
    let known = Known { facts, calls: driven.calls, operation: Some(end), ..about };
    let payment = apply_facts(hub, known).await?;
    crash_point!("operate.after_answer");
    if state == OperationState::Unknown {
        look_soon(hub, job).await?;
    }
    match refusal {
        Some(refusal) => Err(OperateError::Refused { payment: Box::new(payment), refusal }),
        None => Ok(payment),
    }
}

/// The answer was lost: the work that finds out is brought forward.
async fn look_soon(hub: &Hub, job: &Job) -> Result<(), StoreError> {
    let mut changes = Changes::default();
    let due_at = hub.clock.now() + jiff::SignedDuration::from_secs(LOOK_AGAIN_AFTER_S);
    let work = NewWork { payment_id: job.payment_id.clone(), account_id: job.account.id.clone(), due_at };
    changes.scheduled.insert((job.merchant_id.clone(), job.attempt_id.clone()), work);
    let mut tx = hub.store.begin().await?;
    tx.write(&changes).await?;
    tx.commit().await
}

/// What the answer's facts say of the operation itself.
fn told_by(operation: &Operation, facts: &[Fact]) -> (OperationState, Reason) {
    let told: Vec<&Movement> = facts.iter().filter_map(|fact| movement_in(operation, fact)).collect();
    let reason = told.last().map(|movement| movement.reason.clone()).unwrap_or_default();
    // Several charges are given back by as many movements: together they are the operation.
    let moved = |state| -> i64 {
        told.iter().filter(|movement| movement.state == state).map(|movement| movement.amount.minor).sum()
    };
    let approved = moved(MovementState::Approved);
    let state = if approved == operation.line.amount {
        OperationState::Done
    } else if moved(MovementState::Pending) > 0 {
        OperationState::Pending
    } else if approved == 0 && moved(MovementState::Rejected) > 0 {
        OperationState::Refused
    } else {
        OperationState::Unknown
    };
    (state, reason)
}

fn movement_in<'a>(operation: &Operation, fact: &'a Fact) -> Option<&'a Movement> {
    let FactKind::Moved(movement) = &fact.kind else { return None };
    is_of_kind(operation.line.kind, movement).then_some(movement)
}

/// The provider's own reference of the operation, where it is one movement.
fn reference_in(operation: &Operation, facts: &[Fact]) -> Option<String> {
    let mut told = facts.iter().filter_map(|fact| movement_in(operation, fact));
    let first = told.next().filter(|movement| movement.amount.minor == operation.line.amount)?;
    told.next().is_none().then(|| first.provider_reference.clone())
}
