//! `/v1/payments/{id}/capture`, `/release` and `/refund`: what is done with money that was held or taken.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use payment::id::PaymentId;
use payment::operation::{OperationError, OperationKind};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::body::{JsonBody, NoBody};
use crate::api::caller::Caller;
use crate::api::code::Code;
use crate::api::idempotency::{Answer, IdempotencyKey, Turn, Work, once};
use crate::api::openapi::Problems;
use crate::api::path_id::PathId;
use crate::api::payments::unavailable;
use crate::api::problem::Problem;
use crate::api::strict_json::Body;
use crate::flow::document::{PaymentDocument, payment_document};
use crate::flow::{NewOperation, OperateError, operate};
use crate::state::Hub;

/// How much.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationRequest {
    /// In minor units of the payment's currency; absent, all that is left.
    #[serde(default)]
    #[schema(minimum = 1, example = 5000)]
    pub amount: Option<i64>,
}

impl Body for OperationRequest {
    const LISTS: &'static [&'static str] = &[];
}

/// Capture a held payment
///
/// Takes what is held, all or, where the provider can, a part. While the answer is lost the operation is `unknown` and
/// the hub goes on asking: do not repeat it under another key.
#[utoipa::path(
    post, path = "/v1/payments/{id}/capture", tag = "payments", operation_id = "capture_payment",
    params(
        ("id" = String, Path, description = "`pay_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    request_body = OperationRequest,
    responses((status = 200, description = "The payment, with the operation", body = PaymentDocument), Problems),
)]
pub(super) async fn capture(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
    key: IdempotencyKey,
    JsonBody { value, bytes }: JsonBody<OperationRequest>,
) -> Result<Turn, Problem> {
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/payments/{id}/capture", &bytes);
    let wanted = wanted(OperationKind::Capture, value.amount, &key);
    once(&hub, ticket, Box::pin(operate_once(Arc::clone(&hub), caller.merchant.id, id, wanted))).await
}

/// Release a held payment
///
/// Lets go of all that is held.
#[utoipa::path(
    post, path = "/v1/payments/{id}/release", tag = "payments", operation_id = "release_payment",
    params(
        ("id" = String, Path, description = "`pay_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses((status = 200, description = "The payment, with the operation", body = PaymentDocument), Problems),
)]
pub(super) async fn release(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
    key: IdempotencyKey,
    NoBody { bytes }: NoBody,
) -> Result<Turn, Problem> {
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/payments/{id}/release", &bytes);
    let wanted = wanted(OperationKind::Release, None, &key);
    once(&hub, ticket, Box::pin(operate_once(Arc::clone(&hub), caller.merchant.id, id, wanted))).await
}

/// Refund a payment
///
/// Gives back what was taken, all or, where the provider can, a part: as a reversal before settlement, as a refund after
/// it, whatever the provider has. While the answer is lost the operation is `unknown`: do not repeat it under another key.
#[utoipa::path(
    post, path = "/v1/payments/{id}/refund", tag = "payments", operation_id = "refund_payment",
    params(
        ("id" = String, Path, description = "`pay_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    request_body = OperationRequest,
    responses((status = 200, description = "The payment, with the operation", body = PaymentDocument), Problems),
)]
pub(super) async fn refund(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
    key: IdempotencyKey,
    JsonBody { value, bytes }: JsonBody<OperationRequest>,
) -> Result<Turn, Problem> {
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/payments/{id}/refund", &bytes);
    let wanted = wanted(OperationKind::Refund, value.amount, &key);
    once(&hub, ticket, Box::pin(operate_once(Arc::clone(&hub), caller.merchant.id, id, wanted))).await
}

fn wanted(kind: OperationKind, amount: Option<i64>, key: &IdempotencyKey) -> NewOperation {
    NewOperation { kind, amount, idempotency_key: key.as_str().to_owned() }
}

async fn operate_once(hub: Arc<Hub>, merchant: String, id: PaymentId, wanted: NewOperation) -> Work {
    match operate(&hub, &merchant, &id, wanted).await {
        Ok(payment) => Work::from(Answer::json(StatusCode::OK, &payment_document(&hub, &payment))),
        Err(OperateError::NotFound) => Work::Undone(Problem::not_found("payment")),
        Err(OperateError::NotAllowed(error)) => Work::Undone(not_allowed(error).with_payment(&id)),
        // It was sent and refused: the answer is kept, and a new try needs a new key.
        Err(OperateError::Refused { payment, refusal }) => {
            let problem = Problem::from_refusal(&refusal, &payment.provider).with_payment(&id);
            Work::Done(problem.into())
        }
        Err(OperateError::Held(held)) => Work::Undone(unavailable(held).with_payment(&id)),
        Err(OperateError::Store(error)) => Work::Undone(error.into()),
    }
}

fn not_allowed(error: OperationError) -> Problem {
    match error {
        OperationError::Unsupported => {
            Problem::new(Code::UnsupportedFeature, "The provider of this payment has no such operation.")
        }
        OperationError::NothingLeft => Problem::new(Code::NothingLeft, "There is nothing left."),
        OperationError::InvalidAmount => {
            Problem::new(Code::InvalidAmount, "The amount is above zero.").with_param("amount")
        }
        OperationError::TooMuch { left } => {
            Problem::new(Code::InvalidAmount, format!("At most {} is left.", left.minor)).with_param("amount")
        }
        OperationError::OnlyWhole { whole } => {
            let detail = format!("The provider does it with all of it only: {}.", whole.minor);
            Problem::new(Code::InvalidAmount, detail).with_param("amount")
        }
        OperationError::Busy => {
            Problem::new(Code::OperationRunning, "Another operation on this money is not finished.")
        }
    }
}
