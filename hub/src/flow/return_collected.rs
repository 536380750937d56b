//! What was collected of a payment that ended partly paid: its provider gives it back by itself, or the merchant wants us to.

use payment::division::PartialPolicy;
use payment::operation::{OperationKind, OperationState};
use payment::{Status, Timestamp};

use crate::fault::fault;
use crate::flow::operate::{NewOperation, OperateError, operate_here};
use crate::flow::query_policy::seconds;
use crate::state::Hub;
use crate::store::{Payment, StoreError};

/// How long after the last charge the provider's own reversals are waited for, in seconds: longer than a session lives.
const PROVIDER_S: i64 = 3600;
/// How often we send our own; then a person has to arrange it.
const TRIES: usize = 3;
/// Under which key the first of our own is sent.
const KEY: &str = "partial_payments";

/// How it goes on.
pub(super) enum Returning {
    /// It is looked at again.
    GoesOn(Box<Payment>),
    /// Nothing more is done without a person.
    IsOver,
}

/// Whether something of a payment is still to be given back, although nobody asks for it.
pub(super) fn awaits_return(hub: &Hub, payment: &Payment) -> bool {
    payment.status == Status::PartiallyExpired
        && payment.kept().minor > 0
        && hub.account(&payment.account_id).is_some_and(|(account, provider)| {
            provider.gives_parts_back(&payment.order)
                || provider.partial_policy(account) == PartialPolicy::Return
        })
}

/// Waits for the provider; gives back what it has not.
pub(super) async fn return_collected(
    hub: &Hub,
    payment: &Payment,
    now: Timestamp,
) -> Result<Returning, StoreError> {
    let Some((account, provider)) = hub.account(&payment.account_id) else { return Ok(Returning::IsOver) };
    let waits_until = payment.detail.decided_at.unwrap_or(payment.created_at) + seconds(PROVIDER_S);
    let is_under_way = payment.detail.operations.iter().any(|line| line.state.is_open());
    if is_under_way || (provider.gives_parts_back(&payment.order) && now < waits_until) {
        return Ok(Returning::GoesOn(Box::new(payment.clone())));
    }
    let refused = payment
        .detail
        .operations
        .iter()
        .filter(|line| line.kind == OperationKind::Refund && line.state == OperationState::Refused);
    let tries = refused.count();
    let is_ours = provider.partial_policy(account) == PartialPolicy::Return;
    if !is_ours || tries >= TRIES || fault!("keep_what_was_collected") {
        return Ok(Returning::IsOver);
    }
    let wanted = NewOperation {
        kind: OperationKind::Refund,
        amount: None,
        idempotency_key: format!("{KEY}:{}", tries + 1),
    };
    match Box::pin(operate_here(hub, &payment.merchant_id, &payment.id, wanted)).await {
        Ok(payment) => Ok(Returning::GoesOn(Box::new(payment))),
        Err(OperateError::Refused { payment, .. }) => Ok(Returning::GoesOn(payment)),
        Err(OperateError::Held(_)) => Ok(Returning::GoesOn(Box::new(payment.clone()))),
        Err(OperateError::NotFound | OperateError::NotAllowed(_)) => Ok(Returning::IsOver),
        Err(OperateError::Store(error)) => Err(error),
    }
}
