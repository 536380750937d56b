//! Events in: verified, counted once, then believed as far as they agree with our own order.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::hub_client::PaymentDocument;
use crate::memory::ReceivedEvent;
use crate::order::Source;
use crate::running::Shop;
use crate::signature::Signed;

/// Largest message taken, in bytes.
pub const MAX_EVENT: usize = 256 * 1024;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// `POST /events`: 200 when it is noted (also again), 401 when it is not the hub's or too old, 400 when
/// it is the hub's and cannot be read.
pub async fn receive(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let Ok(signed) = shop.secret.verify(&headers, &body) else {
        shop.memory().refused.forged += 1;
        return (StatusCode::UNAUTHORIZED, "no signature of this message holds\n");
    };
    if !is_fresh(&shop, &signed).await {
        shop.memory().refused.stale += 1;
        return (StatusCode::UNAUTHORIZED, "the message is too old or too new\n");
    }
    match note(&shop, signed, &body) {
        Ok(()) => (StatusCode::OK, "noted\n"),
        Err(error) => {
            tracing::warn!(%error, "a signed event cannot be read");
            shop.memory().refused.unreadable += 1;
            (StatusCode::BAD_REQUEST, "the message cannot be read\n")
        }
    }
}

/// In followed time, the hub may have been moved forward a moment before us: look once before refusing.
async fn is_fresh(shop: &Shop, signed: &Signed) -> bool {
    if signed.is_fresh(shop.clock.now()) {
        return true;
    }
    shop.catch_up().await;
    signed.is_fresh(shop.clock.now())
}

fn note(shop: &Shop, signed: Signed, body: &[u8]) -> Result<(), serde_json::Error> {
    let envelope: Envelope<'_> = serde_json::from_slice(body)?;
    let payment: Option<PaymentDocument> = match envelope.kind.starts_with("payment.") {
        true => Some(serde_json::from_str(envelope.data.get())?),
        false => None,
    };
    let now = shop.clock.now();
    let mut memory = shop.memory();
    let is_new = memory.note_event(ReceivedEvent {
        id: signed.id.clone(),
        kind: envelope.kind,
        received_at: now,
        payment: payment.as_ref().map(|payment| payment.id.clone()),
        reference: payment.as_ref().map(|payment| payment.reference.clone()),
        status: payment.as_ref().map(|payment| payment.status.clone()),
        version: payment.as_ref().map(|payment| payment.version),
        is_own_order: false,
        repeats: 0,
    });
    if let Some(payment) = payment
        && is_new
    {
        let is_own_order = memory.learn(payment, Source::Event(signed.id.clone()), now);
        memory.note_owner(&signed.id, is_own_order);
    }
    Ok(())
}
