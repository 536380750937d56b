//! `/v1/payments/{id}/collect_rest`: the rest of a payment that ended partly paid.

use std::sync::Arc;

use axum::extract::State;
use payment::id::PaymentId;

use crate::api::body::NoBody;
use crate::api::caller::Caller;
use crate::api::code::Code;
use crate::api::idempotency::{IdempotencyKey, Turn, Work, once};
use crate::api::openapi::Problems;
use crate::api::path_id::PathId;
use crate::api::payments::{created, not_created};
use crate::api::problem::Problem;
use crate::flow::document::PaymentDocument;
use crate::flow::{self, RestError};
use crate::settings::Merchant;
use crate::state::Hub;

/// Collect the rest of a payment
///
/// For a payment in parts that ended `partially_expired`: makes another payment of what is missing, under your reference with
/// `-2` after it, `rest_of` this one. Send the shopper to its `pay_url`.
#[utoipa::path(
    post, path = "/v1/payments/{id}/collect_rest", tag = "payments", operation_id = "collect_rest",
    params(
        ("id" = String, Path, description = "`pay_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses((status = 201, description = "The payment of the rest, open at the provider", body = PaymentDocument), Problems),
)]
pub(super) async fn collect_rest(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
    key: IdempotencyKey,
    NoBody { bytes }: NoBody,
) -> Result<Turn, Problem> {
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/payments/{id}/collect_rest", &bytes);
    let key = key.as_str().to_owned();
    once(&hub, ticket, Box::pin(collect_once(Arc::clone(&hub), caller.merchant, id, key))).await
}

async fn collect_once(hub: Arc<Hub>, merchant: Merchant, id: PaymentId, key: String) -> Work {
    let _busy = hub.busy();
    match flow::collect_rest(&hub, &merchant, &id, &key).await {
        Ok(payment) => created(&hub, &payment),
        Err(RestError::NotFound) => Work::Undone(Problem::not_found("payment")),
        Err(RestError::NoRest(status)) => {
            let detail = format!("The payment is {}, with no rest to be paid.", status.word());
            Work::Undone(Problem::new(Code::NoRest, detail).with_payment(&id))
        }
        Err(RestError::IsReturned) => {
            let detail = "The account gives back what was collected of such payments.";
            Work::Undone(Problem::new(Code::NoRest, detail).with_payment(&id))
        }
        Err(RestError::Asked(other)) => {
            let detail = "Another payment of this rest exists.";
            Work::Undone(Problem::new(Code::RestAsked, detail).with_payment(&other))
        }
        Err(RestError::Create { error, missing }) => not_created(error, missing),
        Err(RestError::Store(error)) => Work::Undone(error.into()),
    }
}
