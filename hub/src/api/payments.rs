//! `/v1/payments`: create, read, list, cancel.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use payment::id::PaymentId;
use payment::{Money, Status};

use crate::api::body::{JsonBody, NoBody};
use crate::api::caller::Caller;
use crate::api::code::Code;
use crate::api::idempotency::{
    Answer, IdempotencyKey, Ticket, Turn, Work, once, once_after, settled, to_its_end,
};
use crate::api::openapi::Problems;
use crate::api::path_id::PathId;
use crate::api::payment_request::{IfPending, PaymentRequest};
use crate::api::pending_payments::documents;
use crate::api::problem::Problem;
use crate::api::query::{ListDocument, Query};
use crate::fault::fault;
use crate::flow::document::{PaymentDocument, payment_document};
use crate::flow::idempotency::{Keyed, Wording};
use crate::flow::{self, CancelError, CreateError, Made, NewPayment};
use crate::limits::Held;
use crate::settings::Merchant;
use crate::state::Hub;
use crate::store::{KeyClaim, Payment, PaymentFilter, StoreError};

/// Create a payment
///
/// Asks the provider to take the payment of an order. Send the shopper to `pay_url` of the answer.
#[utoipa::path(
    post, path = "/v1/payments", tag = "payments", operation_id = "create_payment",
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    request_body = PaymentRequest,
    responses((status = 201, description = "The payment, open at the provider", body = PaymentDocument), Problems),
)]
pub(super) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    key: IdempotencyKey,
    JsonBody { value, bytes }: JsonBody<PaymentRequest>,
) -> Result<Turn, Problem> {
    let if_pending = value.if_pending;
    let read = value.into_order(&caller.merchant);
    let (order, account_id) = read.map_err(|complaints| Problem::from_complaints(&complaints))?;
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/payments", &bytes);
    let wanted = NewPayment { order, account_id, idempotency_key: key.as_str().to_owned() };
    if if_pending == IfPending::Refuse && !fault!("create_beside_pending") {
        let work = create_unless_pending(Arc::clone(&hub), caller.merchant, wanted);
        return Box::pin(once(&hub, ticket, work)).await;
    }
    let claim = ticket.claim(&hub);
    let claimed_at = claim.claimed_at;
    let work = Box::pin(create_keyed(Arc::clone(&hub), ticket.clone(), claim, caller.merchant, wanted));
    to_its_end(&hub, &ticket, claimed_at, work).await
}

/// Creates a payment when its customer has no other one that is pending. The key is claimed first: of a request that is
/// repeated, its own payment may be the one that is pending.
async fn create_unless_pending(hub: Arc<Hub>, merchant: Merchant, wanted: NewPayment) -> Work {
    let Some(customer) = &wanted.order.customer else {
        let detail = "Name the customer whose pending payments are looked for.";
        return Work::Undone(Problem::new(Code::Missing, detail).with_param("customer"));
    };
    let mut found = match flow::pending_payments(&hub, &merchant.id, customer).await {
        Ok(found) => found,
        Err(error) => return Work::Undone(error.into()),
    };
    found.retain(|payment| payment.order.reference != wanted.order.reference);
    let Some(newest) = found.first() else { return create_once(hub, merchant, wanted).await };
    let problem = Problem::new(Code::PaymentPending, "The customer has a payment that is still pending.");
    let documents = documents(&hub, &merchant, &found, wanted.order.language);
    Work::Undone(problem.with_payment(&newest.id).with_pending(&documents))
}

/// Creates a payment, whose key is claimed and answered in the transactions of the creation itself: two, where the claim
/// and the answer would be two more.
async fn create_keyed(
    hub: Arc<Hub>,
    ticket: Ticket,
    claim: KeyClaim,
    merchant: Merchant,
    wanted: NewPayment,
) -> Result<Turn, Problem> {
    let _busy = hub.busy();
    let keyed = Keyed { claim: claim.clone(), answer: kept_answer };
    let made = flow::create_keyed_payment(&hub, &merchant, &wanted, keyed).await;
    let total = wanted.order.total;
    match made {
        Ok(Made { kept: Some((status, body)), .. }) => Ok(Turn::First(Answer { status, body })),
        Ok(Made { payment, kept: None }) => {
            settled(&hub, &ticket, claim.claimed_at, created(&hub, &payment)).await.map(Turn::First)
        }
        Err(CreateError::KeyTaken(known)) => {
            let work = create_once(Arc::clone(&hub), merchant, wanted);
            Box::pin(once_after(&hub, ticket, &claim, known, work)).await
        }
        Err(CreateError::NotAtOnce) => {
            Box::pin(once(&hub, ticket, create_once(Arc::clone(&hub), merchant, wanted))).await
        }
        // The key was not claimed: it may have an answer from before.
        Err(error @ (CreateError::Complaints(_) | CreateError::NoAccount | CreateError::Held { .. })) => {
            let work = not_created(error, total);
            Box::pin(once(&hub, ticket, std::future::ready(work))).await
        }
        Err(CreateError::Unwritten(error)) => Err(error.into()),
        Err(error) => {
            settled(&hub, &ticket, claim.claimed_at, not_created(error, total)).await.map(Turn::First)
        }
    }
}

/// What is kept under the key of a payment that was created.
fn kept_answer(payment: &Payment) -> (u16, Wording) {
    match failed(payment) {
        Some(Answer { status, body }) => (status, Wording::Text(body)),
        None => (StatusCode::CREATED.as_u16(), Wording::Document),
    }
}

async fn create_once(hub: Arc<Hub>, merchant: Merchant, wanted: NewPayment) -> Work {
    let total = wanted.order.total;
    match flow::create_payment(&hub, &merchant, wanted).await {
        Ok(payment) => created(&hub, &payment),
        Err(error) => not_created(error, total),
    }
}

pub(super) fn not_created(error: CreateError, total: Money) -> Work {
    match error {
        CreateError::Complaints(complaints) => Work::Undone(Problem::from_complaints(&complaints)),
        CreateError::NoAccount => {
            let detail = format!("The account is not yours, or none of yours takes {}.", total.currency);
            Work::Undone(Problem::new(Code::NoAccount, detail).with_param("account"))
        }
        CreateError::ReferenceUsed(id) => {
            let problem = Problem::new(Code::ReferenceUsed, "Another payment of yours has this reference.");
            Work::Undone(problem.with_param("reference").with_payment(&id))
        }
        CreateError::Refused { payment, refusal } => {
            let problem = Problem::from_refusal(&refusal, &payment.provider);
            Work::Done(problem.with_payment(&payment.id).into())
        }
        CreateError::InstrumentUnderWay => {
            let detail = "As many charges of it are under way as may still be denied. Nothing was sent.";
            Work::Undone(Problem::new(Code::InstrumentUnderWay, detail).with_param("instrument"))
        }
        CreateError::Held { provider, held } => Work::Undone(unavailable(held).with_provider(&provider)),
        CreateError::Unreachable { payment } => {
            let problem = Problem::new(Code::ProviderUnreachable, "No usable answer came from the provider.");
            Work::Done(problem.with_provider(&payment.provider).with_payment(&payment.id).into())
        }
        // Only a creation that claims its key itself meets these, and answers them before.
        CreateError::KeyTaken(_) | CreateError::NotAtOnce => Work::Undone(StoreError::Busy.into()),
        CreateError::Store(error) | CreateError::Unwritten(error) => Work::Undone(error.into()),
    }
}

pub(super) fn created(hub: &Hub, payment: &Payment) -> Work {
    match failed(payment) {
        Some(answer) => Work::Done(answer),
        None => done(hub, StatusCode::CREATED, payment),
    }
}

/// A payment that an earlier request with the same key made, and that failed, is told as that failure.
fn failed(payment: &Payment) -> Option<Answer> {
    let failure = payment.detail.failure.as_ref().filter(|_| payment.status == Status::Failed)?;
    Some(Problem::from_failure(failure, &payment.provider).with_payment(&payment.id).into())
}

/// Read a payment
#[utoipa::path(
    get, path = "/v1/payments/{id}", tag = "payments", operation_id = "read_payment",
    params(("id" = String, Path, description = "`pay_…`")),
    responses((status = 200, description = "The payment", body = PaymentDocument), Problems),
)]
pub(super) async fn read(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
) -> Result<Json<PaymentDocument>, Problem> {
    let payment = hub.store.payment(caller.id(), &id).await?;
    let payment = payment.ok_or_else(|| Problem::not_found("payment"))?;
    Ok(Json(payment_document(&hub, &payment)))
}

/// List payments
///
/// Newest first.
#[utoipa::path(
    get, path = "/v1/payments", tag = "payments", operation_id = "list_payments",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 when absent", minimum = 1, maximum = 100),
        ("starting_after" = Option<String>, Query, description = "Older than the payment with this id"),
        ("ending_before" = Option<String>, Query, description = "Newer than the payment with this id"),
        ("status" = Option<String>, Query, description = "Only this status"),
        ("reference" = Option<String>, Query, description = "Only this reference of yours"),
        ("created[gte]" = Option<String>, Query, description = "Created at or after, RFC 3339"),
        ("created[lt]" = Option<String>, Query, description = "Created before, RFC 3339"),
    ),
    responses((status = 200, description = "A page", body = ListDocument<PaymentDocument>), Problems),
)]
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<ListDocument<PaymentDocument>>, Problem> {
    let cursor = query.cursor::<PaymentId>()?;
    let filter = PaymentFilter {
        status: query.value("status", "A status of the documented list.")?,
        reference: query.text("reference"),
        created_from: query.value("created[gte]", "An instant of RFC 3339.")?,
        created_before: query.value("created[lt]", "An instant of RFC 3339.")?,
    };
    query.end()?;
    let page = hub.store.payments(caller.id(), &filter, &cursor).await?;
    Ok(Json(ListDocument::new(page, |payment| payment_document(&hub, &payment))))
}

/// Cancel a payment
///
/// Takes back what is not yet paid. A shopper who pays in that very moment wins: then the answer is 409 and the
/// payment tells.
#[utoipa::path(
    post, path = "/v1/payments/{id}/cancel", tag = "payments", operation_id = "cancel_payment",
    params(
        ("id" = String, Path, description = "`pay_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses((status = 200, description = "The payment, cancelled", body = PaymentDocument), Problems),
)]
pub(super) async fn cancel(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
    key: IdempotencyKey,
    NoBody { bytes }: NoBody,
) -> Result<Turn, Problem> {
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/payments/{id}/cancel", &bytes);
    let work = Box::pin(cancel_once(Arc::clone(&hub), caller.merchant.id, id));
    once(&hub, ticket, work).await
}

async fn cancel_once(hub: Arc<Hub>, merchant: String, id: PaymentId) -> Work {
    match flow::cancel_payment(&hub, &merchant, &id).await {
        Ok(payment) => done(&hub, StatusCode::OK, &payment),
        Err(CancelError::NotFound) => Work::Undone(Problem::not_found("payment")),
        Err(CancelError::NotOpen(status)) => {
            let detail = match status.is_open() {
                true => "The provider does not know the payment yet; ask again in a moment.".to_owned(),
                false => format!("The payment is {}.", status.word()),
            };
            Work::Undone(Problem::new(Code::PaymentNotOpen, detail).with_payment(&id))
        }
        Err(CancelError::Refused(refusal)) => {
            let account = hub.store.payment(&merchant, &id).await.ok().flatten();
            let provider = account.map(|payment| payment.provider).unwrap_or_default();
            Work::Undone(Problem::from_refusal(&refusal, &provider).with_payment(&id))
        }
        Err(CancelError::Held(held)) => Work::Undone(unavailable(held).with_payment(&id)),
        Err(CancelError::Unknown) => {
            let detail = "Whether the provider took the cancellation is not known; the hub keeps asking.";
            Work::Undone(Problem::new(Code::OutcomeUnknown, detail).with_payment(&id))
        }
        Err(CancelError::Store(error)) => Work::Undone(error.into()),
    }
}

pub(super) fn unavailable(held: Held) -> Problem {
    let problem = Problem::new(Code::ProviderUnavailable, "Nothing was sent to the provider.");
    problem.with_retry_after(held.retry_after_s())
}

fn done(hub: &Hub, status: StatusCode, payment: &Payment) -> Work {
    Work::from(Answer::json(status, &payment_document(hub, payment)))
}
