//! `/v1/payments/{id}/ask`: asks the provider now.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use payment::id::PaymentId;

use crate::api::body::NoBody;
use crate::api::caller::Caller;
use crate::api::code::Code;
use crate::api::openapi::Problems;
use crate::api::path_id::PathId;
use crate::api::payments::unavailable;
use crate::api::problem::Problem;
use crate::flow::document::{PaymentDocument, payment_document};
use crate::flow::{AskCause, AskError, ask_now};
use crate::state::Hub;

/// Ask the provider about a payment
///
/// The hub asks by itself as long as a payment is open. Ask when something was done that nobody tells of, such as a reversal in
/// the provider's own panel. It changes nothing at the provider, so that no key is needed.
#[utoipa::path(
    post, path = "/v1/payments/{id}/ask", tag = "payments", operation_id = "ask_payment",
    params(("id" = String, Path, description = "`pay_…`")),
    responses((status = 200, description = "The payment, as the provider knows it now", body = PaymentDocument), Problems),
)]
pub(super) async fn ask(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
    NoBody { .. }: NoBody,
) -> Result<Json<PaymentDocument>, Problem> {
    let payment = hub.store.payment(caller.id(), &id).await?;
    let payment = payment.ok_or_else(|| Problem::not_found("payment"))?;
    let attempts = hub.store.attempts(caller.id(), &id).await?;
    let newest = attempts.last().ok_or_else(|| Problem::not_found("payment"))?;
    match ask_now(&hub, caller.id(), &newest.id, AskCause::Person).await {
        Ok(payment) => Ok(Json(payment_document(&hub, &payment))),
        // There is nothing at the provider to ask for: what is known is all there is.
        Err(AskError::NotOpened) => Ok(Json(payment_document(&hub, &payment))),
        Err(AskError::NotFound) => Err(Problem::not_found("payment")),
        Err(AskError::Unreachable) => {
            let problem = Problem::new(Code::ProviderUnreachable, "No usable answer came from the provider.");
            Err(problem.with_provider(&payment.provider).with_payment(&id))
        }
        Err(AskError::Held(held)) => Err(unavailable(held).with_payment(&id)),
        Err(AskError::Refused(refusal)) => {
            Err(Problem::from_refusal(&refusal, &payment.provider).with_payment(&id))
        }
        Err(AskError::Store(error)) => Err(error.into()),
    }
}
