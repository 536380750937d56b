//! What became of captures, releases and refunds, by their own answers and by whatever else tells of their money. Pure.

use payment::fact::{Fact, FactKind};
use payment::movement::{Movement, MovementKind, MovementState};
use payment::operation::{OperationKind, OperationState};
use payment::{Summary, Timestamp};

use crate::flow::apply_facts::Known;
use crate::store::{Aggregate, Changes, Operation};

/// Notes how operations of a locked payment went.
pub(super) fn settle_operations(
    aggregate: &mut Aggregate,
    known: &Known,
    appended: &[Fact],
    changes: &mut Changes,
    now: Timestamp,
) {
    if let Some(end) = &known.operation
        && let Some(operation) = aggregate.operations.iter_mut().find(|operation| operation.line.id == end.id)
        // What another telling has settled meanwhile is not taken back by an answer that was lost.
        && operation.line.state.is_open()
    {
        operation.line.state = end.state;
        operation.line.reason = end.reason.clone();
        operation.provider_reference = end.provider_reference.clone().or(operation.provider_reference.take());
        note(operation, changes, now);
    }
    for fact in appended {
        let FactKind::Moved(movement) = &fact.kind else { continue };
        let Some(state) = state_by(movement.state) else { continue };
        let told = aggregate.operations.iter_mut().find(|operation| is_told_by(operation, movement));
        if let Some(operation) = told {
            operation.line.state = state;
            operation.line.reason = movement.reason.clone();
            operation.provider_reference = Some(movement.provider_reference.clone());
            note(operation, changes, now);
        }
    }
    settle_by_sum(aggregate, appended, changes, now);
}

/// Several charges are given back by as many movements: told together, they are the operation.
fn settle_by_sum(aggregate: &mut Aggregate, appended: &[Fact], changes: &mut Changes, now: Timestamp) {
    let of_kind = |kind: OperationKind| {
        appended.iter().filter_map(move |fact| match &fact.kind {
            FactKind::Moved(movement)
                if is_of_kind(kind, movement) && movement.state == MovementState::Approved =>
            {
                Some(movement)
            }
            _ => None,
        })
    };
    for operation in aggregate.operations.iter_mut().filter(|operation| operation.line.state.is_open()) {
        let told: Vec<&Movement> = of_kind(operation.line.kind).collect();
        let sum: i64 = told.iter().map(|movement| movement.amount.minor).sum();
        if told.len() > 1 && sum == operation.line.amount && operation.provider_reference.is_none() {
            operation.line.state = OperationState::Done;
            operation.line.reason = told[0].reason.clone();
            note(operation, changes, now);
        }
    }
}

/// Some of several charges may have been given back before a process died, and the others after it: when nothing is left to
/// be given back, by what the payment was just summed up to, a refund is done.
pub(super) fn settle_when_nothing_is_left(
    aggregate: &mut Aggregate,
    summary: &Summary,
    changes: &mut Changes,
    now: Timestamp,
) {
    if summary.paid.minor == 0 || summary.refunded.minor < summary.paid.minor {
        return;
    }
    let is_open = |operation: &&mut Operation| {
        operation.line.kind == OperationKind::Refund && operation.line.state.is_open()
    };
    for operation in aggregate.operations.iter_mut().filter(is_open) {
        operation.line.state = OperationState::Done;
        note(operation, changes, now);
    }
}

fn note(operation: &mut Operation, changes: &mut Changes, now: Timestamp) {
    operation.updated_at = now;
    let key = (operation.merchant_id.clone(), operation.line.id.clone());
    changes.operations.insert(key, operation.clone());
}

const fn state_by(state: MovementState) -> Option<OperationState> {
    match state {
        MovementState::Pending => None,
        MovementState::Approved => Some(OperationState::Done),
        MovementState::Rejected => Some(OperationState::Refused),
    }
}

/// Whether a movement is what an operation, whose end is not known, has done.
fn is_told_by(operation: &Operation, movement: &Movement) -> bool {
    let is_same = match &operation.provider_reference {
        Some(reference) => *reference == movement.provider_reference,
        None => operation.line.amount == movement.amount.minor,
    };
    operation.line.state.is_open() && is_of_kind(operation.line.kind, movement) && is_same
}

/// Whether a movement is of the kind that an operation makes.
pub(super) const fn is_of_kind(kind: OperationKind, movement: &Movement) -> bool {
    match kind {
        OperationKind::Capture => matches!(movement.kind, MovementKind::Capture),
        OperationKind::Release => matches!(movement.kind, MovementKind::Release),
        OperationKind::Refund => matches!(movement.kind, MovementKind::Refund | MovementKind::Reversal),
    }
}
