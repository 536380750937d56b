//! Idempotency keys: the claim is written before the work, the answer after, sealed.

use payment::Timestamp;

use crate::crash;
use crate::fault::fault;
use crate::flow::document;
use crate::state::Hub;
use crate::store::{
    IdempotencyRecord, KeptBody, Key, KeyAnswer, KeyClaim, Payment, RecordedBody, StoreError,
};

/// How long a claim without an answer is believed to be at work, in seconds of real time. Longer than any
/// request may take; after it, its process is taken to be dead and the work is done again, which every
/// route allows.
const CLAIM_LEASE_S: i64 = 90;
/// How long keys are kept at the least, in seconds of real time: seven days. They are swept once a day.
pub const KEPT_S: i64 = 7 * 24 * 3600;

/// What became of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours, since then: do the work.
    Fresh(Timestamp),
    /// The work was done: this is its answer.
    Replay {
        /// HTTP status.
        status: u16,
        /// Body.
        body: String,
    },
    /// The first request is still running.
    Running,
    /// The key was used with another body.
    Mismatch,
}

/// A key that is claimed in the transaction in which its work begins, and whose answer is kept in the one in which the
/// work ends.
pub struct Keyed {
    /// The claim.
    pub claim: KeyClaim,
    /// The answer that tells how the payment stands then: HTTP status and body.
    pub answer: fn(&Payment) -> (u16, Wording),
}

/// What the body of an answer is.
pub enum Wording {
    /// The payment's document.
    Document,
    /// Another text.
    Text(String),
}

/// The claim of a key for one route of one merchant. The fingerprints are the request's under each master key, the one
/// to keep first.
pub fn claim(hub: &Hub, merchant: &str, route: &str, key: &str, fingerprints: &[String]) -> KeyClaim {
    KeyClaim {
        key: Key { merchant_id: merchant.to_owned(), route: route.to_owned(), key: key.to_owned() },
        fingerprint: fingerprints.first().cloned().unwrap_or_default(),
        claimed_at: hub.clock.real_now(),
        payment_id: None,
    }
}

/// Claims a key before its work begins.
pub async fn begin(hub: &Hub, claim: KeyClaim, fingerprints: &[String]) -> Result<Claim, StoreError> {
    match hub.writer.submit(claim.clone()).await? {
        None => Ok(Claim::Fresh(claim.claimed_at)),
        Some(known) => weigh(hub, &claim, fingerprints, known).await,
    }
}

/// What a key means to a request which did not get it: somebody was there before.
pub async fn weigh(
    hub: &Hub,
    claim: &KeyClaim,
    fingerprints: &[String],
    known: IdempotencyRecord,
) -> Result<Claim, StoreError> {
    let KeyClaim { key: Key { merchant_id: merchant, route, key }, claimed_at: now, .. } = claim;
    if fault!("forget_idempotency_keys") {
        return Ok(Claim::Fresh(*now));
    }
    if !fingerprints.contains(&known.fingerprint) {
        return Ok(Claim::Mismatch);
    }
    if let Some((status, body)) = known.answer {
        let body = match body {
            RecordedBody::Sealed(sealed) => hub.vault.open_text(&place(merchant, route, key), &sealed).ok(),
            RecordedBody::OfEvent(event) => document::told_by(&event).map(str::to_owned),
        };
        let body = body.ok_or(StoreError::Corrupt("idempotency"))?;
        return Ok(Claim::Replay { status, body });
    }
    let age_us = now.as_microsecond().saturating_sub(known.claimed_at);
    if age_us < crash::lease_s(CLAIM_LEASE_S) * 1_000_000 {
        return Ok(Claim::Running);
    }
    let taken = hub.store.take_over_idempotency_key(merchant, route, key, known.claimed_at, *now).await?;
    Ok(if taken { Claim::Fresh(*now) } else { Claim::Running })
}

/// Stores the answer of the work that was claimed at an instant. Where another took it over since, that one's counts.
pub async fn finish(
    hub: &Hub,
    merchant: &str,
    route: &str,
    key: &str,
    claimed_at: Timestamp,
    status: u16,
    body: &str,
) -> Result<(), StoreError> {
    let key = Key { merchant_id: merchant.to_owned(), route: route.to_owned(), key: key.to_owned() };
    let (body, _) = sealed(hub, &key, body)?;
    hub.writer.submit(KeyAnswer { key, claimed_at, status, body }).await
}

/// The text of an answer as it is kept under its key, and itself.
pub(super) fn sealed<T: AsRef<str>>(hub: &Hub, key: &Key, text: T) -> Result<(KeptBody, T), StoreError> {
    let place = place(&key.merchant_id, &key.route, &key.key);
    let sealed = hub.vault.seal(&place, text.as_ref().as_bytes());
    Ok((KeptBody::Sealed(sealed.map_err(|_| StoreError::Corrupt("idempotency"))?), text))
}

/// Forgets a claim whose work never began.
pub async fn release(
    hub: &Hub,
    merchant: &str,
    route: &str,
    key: &str,
    claimed_at: Timestamp,
) -> Result<(), StoreError> {
    hub.store.release_idempotency_key(merchant, route, key, claimed_at).await
}

fn place(merchant: &str, route: &str, key: &str) -> String {
    format!("idempotency/body/{merchant}/{route}/{key}")
}
