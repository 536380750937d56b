//! Where a provider sends the shopper back to: it decides nothing. It asks the provider once, waits a
//! little, and sends the shopper on.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use payment::id::{AttemptId, PaymentId};
use payment::order::Language;

use super::status_page::return_address;
use super::trouble;
use crate::fault::fault;
use crate::flow::{AskCause, AskError, ask_now};
use crate::state::Hub;
use crate::store::{Payment, StoreError};

/// How long a shopper waits here for the provider's answer, in real time; asking goes on beyond it.
const PATIENCE: Duration = Duration::from_secs(8);

/// Takes a shopper back, by GET or by POST. What the address or a body say beside the token is not looked
/// at: providers differ, and a shopper can write anything there.
pub(super) async fn receive(
    State(hub): State<Arc<Hub>>,
    Path((merchant_id, attempt_id, token)): Path<(String, String, String)>,
) -> Response {
    let id = attempt_id.parse::<AttemptId>().ok();
    let Some(id) = id.filter(|id| hub.vault.is_page_token("return", id.as_str(), &token)) else {
        return trouble::not_found(Language::default());
    };
    match come_back(&hub, &merchant_id, &id).await {
        Ok(Some(payment)) => onward(&hub, &payment),
        Ok(None) => trouble::not_found(Language::default()),
        Err(error) => trouble::unavailable(Language::default(), &error),
    }
}

/// Takes a shopper back who closed the frame in which a provider's page was shown. That the frame was closed, and what it
/// said before, decides nothing either.
pub(super) async fn receive_from_frame(
    State(hub): State<Arc<Hub>>,
    Path((merchant_id, payment_id, token)): Path<(String, String, String)>,
) -> Response {
    let id = payment_id.parse::<PaymentId>().ok();
    let Some(id) = id.filter(|id| hub.vault.is_page_token("status", id.as_str(), &token)) else {
        return trouble::not_found(Language::default());
    };
    match come_back_from_frame(&hub, &merchant_id, &id).await {
        Ok(Some(payment)) => onward(&hub, &payment),
        Ok(None) => trouble::not_found(Language::default()),
        Err(error) => trouble::unavailable(Language::default(), &error),
    }
}

async fn come_back_from_frame(
    hub: &Arc<Hub>,
    merchant: &str,
    id: &PaymentId,
) -> Result<Option<Payment>, StoreError> {
    let attempts = hub.store.attempts(merchant, id).await?;
    match attempts.last() {
        Some(newest) if !fault!("close_the_frame_unasked") => come_back(hub, merchant, &newest.id).await,
        Some(_) | None => hub.store.payment(merchant, id).await,
    }
}

/// Asks, and brings back the payment as it is known after that.
async fn come_back(hub: &Arc<Hub>, merchant: &str, id: &AttemptId) -> Result<Option<Payment>, StoreError> {
    let Some(attempt) = hub.store.attempt(merchant, id).await? else { return Ok(None) };
    let asked = tokio::time::timeout(PATIENCE, ask_now(hub, merchant, id, AskCause::Return)).await;
    match asked {
        Ok(Ok(payment)) => return Ok(Some(payment)),
        Ok(Err(AskError::Store(error))) => return Err(error),
        Ok(Err(
            AskError::NotFound
            | AskError::NotOpened
            | AskError::Unreachable
            | AskError::Held(_)
            | AskError::Refused(_),
        )) => {
            tracing::info!(attempt = %id, "a return told nothing; the probe goes on");
        }
        Err(_) => {
            tracing::info!(attempt = %id, "the provider is slow; the shopper goes on before its answer")
        }
    }
    hub.store.payment(merchant, &attempt.payment_id).await
}

pub(super) fn onward(hub: &Hub, payment: &Payment) -> Response {
    let address =
        return_address(payment).unwrap_or_else(|| hub.status_url(&payment.merchant_id, &payment.id));
    Redirect::to(address.as_str()).into_response()
}
