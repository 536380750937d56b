//! `/v1/pending_payments`: what a customer is about to pay already, for the page before another payment.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use payment::order::Language;

use crate::api::caller::Caller;
use crate::api::code::Code;
use crate::api::openapi::Problems;
use crate::api::problem::Problem;
use crate::api::query::{ListDocument, Query};
use crate::flow::document::{PendingPaymentDocument, pending_document};
use crate::flow::pending_payments;
use crate::settings::Merchant;
use crate::state::Hub;
use crate::store::Payment;
use crate::text::language_of;

/// List a customer's pending payments
///
/// Newest first, ten at most. Each provider is asked before the answer, so that what was decided meanwhile is not among
/// them. Show the shopper `message`, and offer to go on with `payment.pay_url`; whoever wants to pay again may.
#[utoipa::path(
    get, path = "/v1/pending_payments", tag = "payments", operation_id = "list_pending_payments",
    params(
        ("customer" = String, Query, description = "Your own id of the customer, as in the orders"),
        ("language" = Option<String>, Query, description = "Language of `message`: es, pt or en; yours when absent"),
    ),
    responses((status = 200, description = "The payments", body = ListDocument<PendingPaymentDocument>), Problems),
)]
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<ListDocument<PendingPaymentDocument>>, Problem> {
    let wrong = |name: &str, rule: &str| Problem::new(Code::InvalidParameter, rule).with_param(name);
    let customer = query.text("customer").ok_or_else(|| wrong("customer", "Name the customer."))?;
    let language = match query.text("language") {
        None => caller.merchant.language,
        Some(tag) => language_of(&tag).ok_or_else(|| wrong("language", "One of es, pt and en."))?,
    };
    query.end()?;
    let found = pending_payments(&hub, caller.id(), &customer).await?;
    Ok(Json(ListDocument::whole(documents(&hub, &caller.merchant, &found, language))))
}

/// The documents of pending payments.
pub(super) fn documents(
    hub: &Hub,
    merchant: &Merchant,
    found: &[Payment],
    language: Language,
) -> Vec<PendingPaymentDocument> {
    found.iter().map(|payment| pending_document(hub, merchant, payment, language)).collect()
}
