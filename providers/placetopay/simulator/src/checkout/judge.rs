//! What a certification analyst would note about a create request, though the API takes it.

use std::net::IpAddr;

use simulation::strict_json::Value;
use simulation::{Timestamp, World};

use super::amount::TAX_KINDS;
use super::create::Order;

/// The certified life of a session, in seconds: 10 to 30 minutes (AV-2-01).
const SHORTEST_CERTIFIED_S: i64 = 600;
const LONGEST_CERTIFIED_S: i64 = 1_800;
/// A request travels: this much may be missing from ten minutes.
const TRAVEL_S: i64 = 15;
/// The certified reference (AV-4.4-02, AV-4.4-03).
const LONGEST_REFERENCE: usize = 32;

/// Notes every verdict about a creation that was accepted.
pub fn creation(body: &Value, order: &Order, is_reference_paid: bool, now: Timestamp, world: &mut dyn World) {
    judge_taxes(body, order, world);
    judge_expiration(body, order, now, world);
    let reference = &order.reference;
    let is_certified = (1..=LONGEST_REFERENCE).contains(&reference.len())
        && reference.bytes().all(|byte| byte.is_ascii_alphanumeric());
    world.verdict("reference_alphanumeric", is_certified, &format!("reference {reference}"));
    // AV-U20: accepted all the same.
    world.verdict(
        "reference_not_approved_before",
        !is_reference_paid,
        if is_reference_paid { "an approved session has this reference" } else { "not seen approved" },
    );
    judge_shopper(order, world);
    if let Some(buyer) = &order.buyer {
        world.verdict(
            "buyer_complete",
            buyer.is_complete(),
            "type and number of document, name, surname, e-mail and mobile",
        );
    }
}

/// What the guide wants of a collect and the API does not ask for (AV-8.5).
pub fn collect(body: &Value, world: &mut dyn World) {
    let is_filled =
        |path: &[&str]| body.at(path).is_some_and(|value| !value.is_null() && value.as_str() != Some(""));
    let payer = ["documentType", "document", "name", "surname", "email", "mobile"];
    let lacking: Vec<&str> = payer.into_iter().filter(|member| !is_filled(&["payer", member])).collect();
    world.verdict("collect_payer_complete", lacking.is_empty(), &format!("missing: {}", lacking.join(", ")));
    let is_told = is_filled(&["ipAddress"]) && is_filled(&["userAgent"]);
    world.verdict("collect_shopper_told", is_told, "ipAddress and userAgent");
    let is_described = is_filled(&["payment", "description"]);
    world.verdict("collect_described", is_described, "payment.description");
}

fn judge_taxes(body: &Value, order: &Order, world: &mut dyn World) {
    let Some(amount) = &order.amount else { return };
    let sent = body.at(&["payment", "amount", "taxes"]).and_then(Value::items).unwrap_or_default();
    let dropped: Vec<String> = sent
        .iter()
        .map(|tax| tax.get("kind").and_then(Value::as_str).unwrap_or("(none)").to_owned())
        .filter(|kind| !TAX_KINDS.contains(&kind.as_str()))
        .collect();
    let kept = amount.taxes.len();
    let detail = if dropped.is_empty() {
        format!("{kept} of {} kept", sent.len())
    } else {
        format!("{kept} of {} kept, dropped: {}", sent.len(), dropped.join(", "))
    };
    world.verdict("taxes_kept", kept == sent.len(), &detail);
}

fn judge_expiration(body: &Value, order: &Order, now: Timestamp, world: &mut dyn World) {
    let life_s = order.expires_at.as_second() - now.as_second();
    let is_sent = body.get("expiration").is_some_and(|value| !value.is_null());
    let is_certified = (SHORTEST_CERTIFIED_S - TRAVEL_S..=LONGEST_CERTIFIED_S).contains(&life_s);
    let detail = if is_sent { format!("{life_s} s ahead") } else { "not sent".to_owned() };
    world.verdict("expiration_within_certified_range", is_sent && is_certified, &detail);
}

fn judge_shopper(order: &Order, world: &mut dyn World) {
    let is_shopper = order
        .ip_address
        .parse::<IpAddr>()
        .is_ok_and(|address| !address.is_loopback() && !address.is_unspecified() && !address.is_multicast());
    world.verdict("ip_address_plausible", is_shopper, &format!("ipAddress {}", order.ip_address));
    let is_browser = order.user_agent.starts_with("Mozilla/");
    world.verdict("user_agent_plausible", is_browser, &format!("userAgent {}", order.user_agent));
}
