//! What a customer is about to pay already, for whoever is to begin another payment (AV-4.3-04 to -06). The provider is
//! asked first: what was decided meanwhile is pending no more (C-87).

use std::sync::Arc;
use std::time::Duration;

use payment::id::PaymentId;
use tokio::task::JoinSet;

use crate::fault::fault;
use crate::flow::{AskCause, AskError, ask_now};
use crate::settings::{Contact, Merchant};
use crate::state::Hub;
use crate::store::{Payment, StoreError};
use crate::text::{Text, format_amount};

/// Most open payments of a customer that are asked about and told.
pub const MOST_PENDING: u32 = 10;
/// What was asked about so lately is believed, in seconds: a page that renews itself asks no provider each time.
const ASKED_LATELY_S: i64 = 15;
/// How long somebody waits for providers here, in real time; asking goes on beyond it.
const PATIENCE: Duration = Duration::from_secs(8);

/// A customer's payments that are still open after their providers were asked, newest first. What a provider does not
/// answer now is told as it was known.
///
/// # Errors
/// The database's.
pub async fn pending_payments(
    hub: &Arc<Hub>,
    merchant: &str,
    customer: &str,
) -> Result<Vec<Payment>, StoreError> {
    let known = hub.store.open_payments_of(merchant, customer, MOST_PENDING).await?;
    let mut asking = JoinSet::new();
    for payment in &known {
        let (hub, payment) = (Arc::clone(hub), payment.clone());
        asking.spawn(async move { ask(&hub, &payment).await });
    }
    // Those that take too long go on by themselves: a look-up is work of its own.
    let _ = tokio::time::timeout(PATIENCE, async { while asking.join_next().await.is_some() {} }).await;
    let still = hub.store.open_payments_of(merchant, customer, MOST_PENDING).await?;
    Ok(if fault!("believe_pending_unasked") { known } else { still })
}

/// The others of a payment's customer that are still open, in its own place.
///
/// # Errors
/// The database's.
pub async fn others_pending(hub: &Arc<Hub>, payment: &Payment) -> Result<Vec<Payment>, StoreError> {
    let Some(customer) = &payment.order.customer else { return Ok(Vec::new()) };
    let mut found = pending_payments(hub, &payment.merchant_id, customer).await?;
    // To whom it was told that one came to nothing is not told now that it is pending.
    found.retain(|other| other.id != payment.id && other.told.is_none());
    Ok(found)
}

async fn ask(hub: &Arc<Hub>, payment: &Payment) {
    match is_asked_lately(hub, &payment.merchant_id, &payment.id).await {
        Ok(false) => {}
        Ok(true) => return,
        Err(error) => tracing::warn!(payment = %payment.id, %error, "when it was asked about is not known"),
    }
    let attempts = match hub.store.attempts(&payment.merchant_id, &payment.id).await {
        Ok(attempts) => attempts,
        Err(error) => {
            return tracing::warn!(payment = %payment.id, %error, "a pending payment cannot be read");
        }
    };
    let Some(attempt) = attempts.last() else { return };
    match ask_now(hub, &payment.merchant_id, &attempt.id, AskCause::Return).await {
        Ok(_) => {}
        Err(AskError::Store(error)) => {
            tracing::warn!(payment = %payment.id, %error, "a pending payment cannot be asked about");
        }
        Err(_) => tracing::info!(payment = %payment.id, "a pending payment is told as it was known"),
    }
}

async fn is_asked_lately(hub: &Hub, merchant: &str, payment: &PaymentId) -> Result<bool, StoreError> {
    let last = hub.store.last_look_up(merchant, payment).await?;
    Ok(last.is_some_and(|at| hub.clock.now().duration_since(at).as_secs() < ASKED_LATELY_S))
}

/// What a shopper is told of a pending payment, in one text: its reference and amount, why, what to do, whom to ask and
/// what to quote (AV-4.3-06).
pub fn pending_message(merchant: &Merchant, payment: &Payment, language: payment::order::Language) -> String {
    let text = Text::of(language);
    let Contact { email, phone } = &merchant.contact;
    let contact: Vec<&str> = phone.iter().chain(email).map(String::as_str).collect();
    let amount = format_amount(payment.order.total, language);
    let mut message = format!(
        "{} {}: {} {amount}. {} {}",
        text.pending_other_title,
        payment.order.reference,
        text.total,
        text.pending_other_reason,
        text.pending_other_advice,
    );
    if !contact.is_empty() {
        message.push_str(&format!(" {} {}.", text.pending_other_contact, contact.join(" · ")));
    }
    if let Some(authorization) = &payment.detail.receipt.authorization {
        message.push_str(&format!(" {}: {authorization}.", text.pending_other_quote));
    }
    message
}
