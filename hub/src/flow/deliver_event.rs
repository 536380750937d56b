//! Delivers events to merchants: claims, signs, posts, schedules the next try, gives up loudly.

use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payment::Timestamp;
use tokio::task::JoinSet;

use crate::crash::{crash_point, lapsed_by, lease_s};
use crate::fault::fault;
use crate::flow::manage_endpoints::{disable_endpoint, former_secret_place, secret_place};
use crate::flow::wire_mask::mask_numbers;
use crate::outbound::{EndpointAnswer, Posted};
use crate::state::Hub;
use crate::store::{ClaimedDelivery, DeliveryOutcome, DeliveryTarget, DeliveryTry, StoreError};

/// Waits before the second, third… try, in seconds of business time. After the last one a delivery is given up.
pub const LADDER_S: [i64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// A wait is stretched or shortened by up to this share, in per cent, so that tries do not come in waves.
const JITTER_PERCENT: i64 = 10;
/// Longest wait that an endpoint's `Retry-After` may ask for, in seconds: the ladder's longest rung.
const LONGEST_WAIT_S: i64 = 86_400;
/// Most deliveries to one endpoint under way at once, whatever the number of processes: a slow one holds up
/// nobody but itself.
pub const AT_ONCE_PER_ENDPOINT: u32 = 8;
/// How long a claimed delivery is ours beyond the time that its endpoint may take, in seconds of real time.
const LEASE_MARGIN_S: i64 = 30;
/// After how long without one success an endpoint is disabled, in seconds of business time: five days.
const FAILING_LIMIT_S: i64 = 5 * 86_400;
/// How much of an endpoint's answer is kept, in characters.
const KEPT_ANSWER: usize = 512;
/// The prefix of a secret as a merchant sees it.
pub const SECRET_PREFIX: &str = "whsec_";

/// Claims due deliveries and makes them, side by side, until all are made. Answers how many were tried.
pub async fn deliver_due_events(hub: &Arc<Hub>, limit: u32) -> Result<usize, StoreError> {
    let mut running = JoinSet::new();
    let begun = begin_deliveries(hub, &mut running, limit).await?;
    while running.join_next().await.is_some() {}
    Ok(begun)
}

/// Claims at most `limit` due deliveries and begins them among those that are `running`. Answers how many.
pub async fn begin_deliveries(
    hub: &Arc<Hub>,
    running: &mut JoinSet<()>,
    limit: u32,
) -> Result<usize, StoreError> {
    let real_now = hub.clock.real_now();
    let timeout_s = i64::try_from(hub.settings.events.timeout_ms / 1000).unwrap_or(i64::MAX);
    let lease = lease_s(timeout_s.saturating_add(LEASE_MARGIN_S));
    let lease_until = real_now + jiff::SignedDuration::from_secs(lease);
    let at_once = if fault!("let_one_endpoint_take_all") { u32::MAX } else { AT_ONCE_PER_ENDPOINT };
    let claimed =
        hub.store.claim_deliveries(hub.clock.now(), lapsed_by(real_now), lease_until, limit, at_once).await?;
    let count = claimed.len();
    for delivery in claimed {
        let hub = Arc::clone(hub);
        running.spawn(async move {
            let _busy = hub.busy();
            if let Err(error) = deliver(&hub, &delivery).await {
                tracing::error!(event = %delivery.event_id, %error, "a delivery could not be finished; its lease will end");
            }
        });
    }
    Ok(count)
}

async fn deliver(hub: &Hub, delivery: &ClaimedDelivery) -> Result<(), StoreError> {
    let merchant = delivery.merchant_id.as_str();
    let event = hub.store.event(merchant, &delivery.event_id).await?;
    let target = hub.store.delivery_target(merchant, &delivery.endpoint_id).await?;
    // Whoever deleted the endpoint gave up what was on its way to it.
    let (Some(event), Some(target)) = (event, target) else { return Ok(()) };
    let now = hub.clock.now();
    let headers = [
        ("webhook-id", event.id.to_string()),
        ("webhook-timestamp", now.as_second().to_string()),
        ("webhook-signature", signatures(hub, &target, event.id.as_str(), now, &event.body)?),
    ];
    let started = Instant::now();
    crash_point!("delivery.before_post");
    let posted = hub.outbound.post_event(&target.endpoint.url, &headers, event.body).await;
    crash_point!("delivery.after_post");
    let made = DeliveryTry {
        endpoint_id: target.endpoint.id.clone(),
        number: delivery.claim,
        at: now,
        result: result(&posted),
        duration_us: i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX),
        answer: beginning(&posted),
    };
    let outcome = judge(hub, delivery, &posted);
    count(delivery, &outcome, &made.result);
    hub.store.finish_delivery(delivery, &outcome, &made).await?;
    match reason_to_disable(&target, &posted, &outcome, now) {
        Some(reason) => disable_endpoint(hub, &target.endpoint, reason).await,
        None => Ok(()),
    }
}

fn count(delivery: &ClaimedDelivery, outcome: &DeliveryOutcome, result: &str) {
    let word = match outcome {
        DeliveryOutcome::Delivered => "delivered",
        DeliveryOutcome::PutOff(_) => "put_off",
        DeliveryOutcome::GivenUp => "given_up",
    };
    metrics::counter!("caudal_event_delivery_attempts_total", "result" => word).increment(1);
    if *outcome == DeliveryOutcome::GivenUp {
        tracing::error!(event = %delivery.event_id, endpoint = %delivery.endpoint_id, result, "an event was given up");
    }
}

/// What a try means: taken, try again then, or never again.
fn judge(hub: &Hub, delivery: &ClaimedDelivery, posted: &Posted) -> DeliveryOutcome {
    let asked_s = match posted {
        Posted::Answered(_) | Posted::Failed(_) if fault!("deliver_once_only") => {
            return DeliveryOutcome::Delivered;
        }
        Posted::Answered(EndpointAnswer { status: 200..300, .. }) => return DeliveryOutcome::Delivered,
        Posted::Answered(_) if fault!("hurry_endpoints") => None,
        Posted::Answered(answer) => {
            answer.retry_after.as_deref().and_then(|text| asked_wait_s(text, hub.clock.real_now()))
        }
        Posted::Failed(_) => None,
    };
    match wait_s(delivery.tries, hub.entropy().bytes()[0], asked_s) {
        Some(wait_s) => DeliveryOutcome::PutOff(hub.clock.now() + jiff::SignedDuration::from_secs(wait_s)),
        None => DeliveryOutcome::GivenUp,
    }
}

/// Why no more is to be sent to an endpoint after this try.
fn reason_to_disable(
    target: &DeliveryTarget,
    posted: &Posted,
    outcome: &DeliveryOutcome,
    now: Timestamp,
) -> Option<&'static str> {
    if *outcome == DeliveryOutcome::Delivered || fault!("never_disable_endpoints") {
        return None;
    }
    if matches!(posted, Posted::Answered(EndpointAnswer { status: 410, .. })) {
        return Some("The endpoint answered 410 Gone.");
    }
    let since = target.failing_since?;
    let is_hopeless = now.duration_since(since).as_secs() >= FAILING_LIMIT_S;
    is_hopeless.then_some("Every try failed for five days.")
}

/// The wait after the `tries`-th try, with jitter drawn from one byte of chance, and not shorter than the endpoint
/// asked for.
fn wait_s(tries: i64, chance: u8, asked_s: Option<i64>) -> Option<i64> {
    let rung = usize::try_from(tries - 1).ok()?;
    let wait = *LADDER_S.get(rung)?;
    let swing = wait * JITTER_PERCENT / 100;
    let drawn = wait - swing + 2 * swing * i64::from(chance) / 255;
    Some(drawn.max(asked_s.unwrap_or(0).min(LONGEST_WAIT_S)))
}

/// The wait that a `Retry-After` asks for: seconds, or an HTTP date, which is of the endpoint's real time.
fn asked_wait_s(text: &str, real_now: Timestamp) -> Option<i64> {
    if let Ok(seconds) = text.trim().parse::<u32>() {
        return Some(i64::from(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp();
    Some(until.duration_since(real_now).as_secs().max(0))
}

fn result(posted: &Posted) -> String {
    match posted {
        Posted::Answered(answer) => answer.status.to_string(),
        Posted::Failed(why) => (*why).to_owned(),
    }
}

/// How an answer begins, fit to be kept and shown: no control characters, nothing that could be a card number.
fn beginning(posted: &Posted) -> String {
    let Posted::Answered(answer) = posted else { return String::new() };
    let text = String::from_utf8_lossy(&answer.beginning);
    let text: String =
        text.chars().map(|letter| if letter.is_control() && letter != '\n' { ' ' } else { letter }).collect();
    mask_numbers(&text).chars().take(KEPT_ANSWER).collect()
}

/// The signatures of one try: by the secret, and for a while after a rotation by the one before it too.
fn signatures(
    hub: &Hub,
    target: &DeliveryTarget,
    id: &str,
    now: Timestamp,
    body: &str,
) -> Result<String, StoreError> {
    let sign = |place: &str, sealed: &[u8]| {
        let secret = hub.vault.open(place, sealed).map_err(|_| StoreError::Corrupt("endpoint secret"))?;
        Ok::<_, StoreError>(signature(&secret, id, now.as_second(), body))
    };
    let current = sign(&secret_place(&target.endpoint.id), &target.sealed_secret)?;
    match &target.former {
        Some((sealed, until)) if now < *until && !fault!("forget_former_secret") => {
            let former = sign(&former_secret_place(&target.endpoint.id), sealed)?;
            Ok(format!("{current} {former}"))
        }
        Some(_) | None => Ok(current),
    }
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
                let drawn = wait_s(tries, chance, None).expect("a rung");
                assert!((drawn - wait).abs() * 10 <= *wait, "{drawn} for {wait}");
            }
        }
        assert_eq!(wait_s(10, 0, None), None);
    }

    #[test]
    fn an_endpoint_may_ask_for_a_longer_wait_up_to_the_longest_rung() {
        let now: Timestamp = "2026-03-14T15:00:00Z".parse().expect("an instant");
        assert_eq!(asked_wait_s("120", now), Some(120));
        assert_eq!(asked_wait_s("Sat, 14 Mar 2026 15:02:30 GMT", now), Some(150));
        assert_eq!(asked_wait_s("Sat, 14 Mar 2026 14:00:00 GMT", now), Some(0), "an instant that is over");
        for nonsense in ["", "-1", "soon", "1.5", "99999999999"] {
            assert_eq!(asked_wait_s(nonsense, now), None, "{nonsense}");
        }
        assert_eq!(wait_s(1, 128, Some(120)), Some(120));
        assert_eq!(wait_s(2, 0, Some(10)), Some(270), "a shorter wish than the rung changes nothing");
        assert_eq!(wait_s(1, 128, Some(i64::from(u32::MAX))), Some(86_400));
        assert_eq!(LADDER_S.iter().max(), Some(&LONGEST_WAIT_S));
        assert_eq!(wait_s(10, 0, Some(5)), None, "no wish adds a try");
    }

    #[test]
    fn what_is_kept_of_an_answer_is_short_and_holds_no_card_number() {
        let answered = |body: &[u8]| {
            beginning(&Posted::Answered(EndpointAnswer {
                status: 500,
                retry_after: None,
                beginning: body.to_vec(),
            }))
        };
        assert_eq!(answered(b"card 4110760000000081\0!"), "card 411076***0081 !");
        assert_eq!(answered("ñ".repeat(600).as_bytes()).chars().count(), KEPT_ANSWER);
        // The number stands across the cut: it is masked before the text is cut.
        let across = format!("{}4110760000000081", "x".repeat(KEPT_ANSWER - 12));
        assert!(!answered(across.as_bytes()).contains("411076000000"));
        assert_eq!(beginning(&Posted::Failed("timed out")), "");
    }
}
