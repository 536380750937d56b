//! `/v1/instruments`: what providers keep for a merchant's customers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use payment::id::InstrumentId;

use crate::api::body::NoBody;
use crate::api::caller::Caller;
use crate::api::code::Code;
use crate::api::idempotency::{Answer, IdempotencyKey, Turn, Work, once};
use crate::api::openapi::Problems;
use crate::api::path_id::PathId;
use crate::api::payments::unavailable;
use crate::api::problem::Problem;
use crate::api::query::{ListDocument, Query};
use crate::flow::document::InstrumentDocument;
use crate::flow::{RemoveError, remove_instrument};
use crate::state::Hub;

/// List a customer's instruments
///
/// Newest first, removed ones too.
#[utoipa::path(
    get, path = "/v1/instruments", tag = "instruments", operation_id = "list_instruments",
    params(("customer" = String, Query, description = "Your own id of the customer")),
    responses((status = 200, description = "The instruments", body = ListDocument<InstrumentDocument>), Problems),
)]
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<ListDocument<InstrumentDocument>>, Problem> {
    let customer = query
        .text("customer")
        .ok_or_else(|| Problem::new(Code::InvalidParameter, "Name the customer.").with_param("customer"))?;
    query.end()?;
    let instruments = hub.store.instruments_of(caller.id(), &customer).await?;
    Ok(Json(ListDocument::whole(instruments.iter().map(Into::into).collect())))
}

/// Read an instrument
#[utoipa::path(
    get, path = "/v1/instruments/{id}", tag = "instruments", operation_id = "read_instrument",
    params(("id" = String, Path, description = "`ins_…`")),
    responses((status = 200, description = "The instrument", body = InstrumentDocument), Problems),
)]
pub(super) async fn read(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<InstrumentId>,
) -> Result<Json<InstrumentDocument>, Problem> {
    let instrument = hub.store.instrument(caller.id(), &id).await?;
    instrument.map(|found| Json((&found).into())).ok_or_else(|| Problem::not_found("instrument"))
}

/// Remove an instrument
///
/// Takes it away at the provider where that is possible, and forgets what charges it: it is never charged again.
#[utoipa::path(
    post, path = "/v1/instruments/{id}/remove", tag = "instruments", operation_id = "remove_instrument",
    params(
        ("id" = String, Path, description = "`ins_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses((status = 200, description = "The instrument, removed", body = InstrumentDocument), Problems),
)]
pub(super) async fn remove(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<InstrumentId>,
    key: IdempotencyKey,
    NoBody { bytes }: NoBody,
) -> Result<Turn, Problem> {
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/instruments/{id}/remove", &bytes);
    once(&hub, ticket, Box::pin(remove_once(Arc::clone(&hub), caller.merchant.id, id))).await
}

async fn remove_once(hub: Arc<Hub>, merchant: String, id: InstrumentId) -> Work {
    match remove_instrument(&hub, &merchant, &id).await {
        Ok(instrument) => Work::from(Answer::json(StatusCode::OK, &InstrumentDocument::from(&instrument))),
        Err(RemoveError::NotFound) => Work::Undone(Problem::not_found("instrument")),
        Err(RemoveError::Refused { refusal, provider }) => {
            Work::Undone(Problem::from_refusal(&refusal, &provider))
        }
        Err(RemoveError::Held(held)) => Work::Undone(unavailable(held)),
        Err(RemoveError::Unknown) => {
            let detail = "Whether the provider took it away is not known. Repeat it: that does no harm.";
            Work::Undone(Problem::new(Code::OutcomeUnknown, detail))
        }
        Err(RemoveError::Store(error)) => Work::Undone(error.into()),
    }
}
