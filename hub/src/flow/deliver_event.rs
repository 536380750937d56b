//! Delivers events to merchants: claims, signs, posts, schedules the next try, gives up loudly.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::crash::{crash_point, lease_s};
use crate::fault::fault;
use crate::outbound::Posted;
use crate::state::Hub;
use crate::store::{ClaimedDelivery, DeliveryOutcome, StoreError};

/// Waits before the second, third… try, in seconds of business time. After the last one a delivery is given up.
pub const LADDER_S: [i64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// A wait is stretched or shortened by up to this share, in per cent, so that tries do not come in waves.
const JITTER_PERCENT: i64 = 10;
/// How long a claimed delivery is ours, in seconds of real time: longer than any endpoint may take.
const LEASE_S: i64 = 60;
/// The prefix of a secret as a merchant sees it.
pub const SECRET_PREFIX: &str = "whsec_";

/// Claims due deliveries and makes them, side by side. Answers how many were tried.
pub async fn deliver_due_events(hub: &Arc<Hub>, limit: u32) -> Result<usize, StoreError> {
    let _busy = hub.busy();
    let real_now = hub.clock.real_now();
    let lease_until = real_now + jiff::SignedDuration::from_secs(lease_s(LEASE_S));
    let claimed = hub.store.claim_deliveries(hub.clock.now(), real_now, lease_until, limit).await?;
    let count = claimed.len();
    let tries = claimed.into_iter().map(|delivery| async move {
        if let Err(error) = deliver(hub, &delivery).await {
            tracing::error!(event = %delivery.event_id, %error, "a delivery could not be finished; its lease will end");
        }
    });
    futures_util::future::join_all(tries).await;
    Ok(count)
}

async fn deliver(hub: &Hub, delivery: &ClaimedDelivery) -> Result<(), StoreError> {
    let merchant = delivery.merchant_id.as_str();
    let event = hub.store.event(merchant, &delivery.event_id).await?;
    let endpoint = hub.store.endpoint(merchant, &delivery.endpoint_id).await?;
    let sealed = hub.store.endpoint_secret(merchant, &delivery.endpoint_id).await?;
    let (Some(event), Some(endpoint), Some(sealed)) = (event, endpoint, sealed) else {
        return hub.store.finish_delivery(delivery, &DeliveryOutcome::GivenUp, "endpoint deleted").await;
    };
    let place = format!("event_endpoint/secret/{}", endpoint.id);
    let secret = hub.vault.open(&place, &sealed).map_err(|_| StoreError::Corrupt("endpoint secret"))?;
    let now_s = hub.clock.now().as_second();
    let headers = [
        ("webhook-id", event.id.to_string()),
        ("webhook-timestamp", now_s.to_string()),
        ("webhook-signature", signature(&secret, event.id.as_str(), now_s, &event.body)),
    ];
    crash_point!("delivery.before_post");
    let posted = hub.outbound.post_event(&endpoint.url, &headers, event.body).await;
    crash_point!("delivery.after_post");
    let (outcome, result) = judge(hub, delivery, &posted);
    let word = match outcome {
        DeliveryOutcome::Delivered => "delivered",
        DeliveryOutcome::PutOff(_) => "put_off",
        DeliveryOutcome::GivenUp => "given_up",
    };
    metrics::counter!("caudal_event_delivery_attempts_total", "result" => word).increment(1);
    if outcome == DeliveryOutcome::GivenUp {
        tracing::error!(event = %delivery.event_id, endpoint = %delivery.endpoint_id, result, "an event was given up");
    }
    if posted == Posted::Answered(410) {
        hub.store.disable_endpoint(merchant, &delivery.endpoint_id, "the endpoint answered 410 Gone").await?;
    }
    hub.store.finish_delivery(delivery, &outcome, &result).await
}

/// What a try means: taken, try again then, or never again.
fn judge(hub: &Hub, delivery: &ClaimedDelivery, posted: &Posted) -> (DeliveryOutcome, String) {
    let result = match posted {
        Posted::Answered(status) => status.to_string(),
        Posted::Failed(why) => (*why).to_owned(),
    };
    let outcome = match posted {
        Posted::Answered(_) | Posted::Failed(_) if fault!("deliver_once_only") => DeliveryOutcome::Delivered,
        Posted::Answered(200..300) => DeliveryOutcome::Delivered,
        Posted::Answered(410) => DeliveryOutcome::GivenUp,
        Posted::Answered(_) | Posted::Failed(_) => match wait_s(delivery.tries, hub.entropy().bytes()[0]) {
            Some(wait_s) => {
                DeliveryOutcome::PutOff(hub.clock.now() + jiff::SignedDuration::from_secs(wait_s))
            }
            None => DeliveryOutcome::GivenUp,
        },
    };
    (outcome, result)
}

/// The wait after the `tries`-th try, with jitter drawn from one byte of chance.
fn wait_s(tries: i64, chance: u8) -> Option<i64> {
    let rung = usize::try_from(tries - 1).ok()?;
    let wait = *LADDER_S.get(rung)?;
    let swing = wait * JITTER_PERCENT / 100;
    Some(wait - swing + 2 * swing * i64::from(chance) / 255)
}

/// The `webhook-signature` header of Standard Webhooks: `v1,` and Base64 of HMAC-SHA256 over id, instant and body.
pub fn signature(secret: &[u8], id: &str, timestamp_s: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{id}.{timestamp_s}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the oracle compares with the machine's clock")]
    fn what_we_sign_the_standard_s_own_library_verifies() {
        let secret = [7u8; 32];
        let oracle = standardwebhooks::Webhook::from_bytes(secret.to_vec()).expect("a webhook");
        let now = payment::Timestamp::now().as_second();
        let body = r#"{"type":"payment.approved"}"#;
        let mut headers = http::HeaderMap::new();
        let signed = signature(&secret, "evt_1", now, body);
        headers.insert("webhook-id", "evt_1".parse().expect("header"));
        headers.insert("webhook-timestamp", now.to_string().parse().expect("header"));
        headers.insert("webhook-signature", signed.parse().expect("header"));
        assert!(oracle.verify(body.as_bytes(), &headers).is_ok());
        assert!(oracle.verify(br#"{"type":"payment.rejected"}"#, &headers).is_err());
    }

    #[test]
    fn the_ladder_has_ten_tries_and_keeps_its_jitter_within_a_tenth() {
        for (rung, wait) in LADDER_S.iter().enumerate() {
            let tries = i64::try_from(rung).expect("small") + 1;
            for chance in [0, 128, 255] {
                let drawn = wait_s(tries, chance).expect("a rung");
                assert!((drawn - wait).abs() * 10 <= *wait, "{drawn} for {wait}");
            }
        }
        assert_eq!(wait_s(10, 0), None);
    }
}
