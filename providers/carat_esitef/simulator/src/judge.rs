//! What the portal notes about a shop's conduct (PROTOCOL.md 13). Verdicts change no answer.

use std::net::IpAddr;

use simulation::strict_json::Value;
use simulation::{Request, World};

use crate::order::Order;
use crate::transaction::Status;

/// What is known of an order and of the shop's number when both come again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// Where the last transaction of the same order stands.
    pub order: Option<Status>,
    /// Whether the number was used before.
    pub is_number_used: bool,
}

/// The portal is called by its name, since its address may change (CA-54).
pub fn address(request: &Request, world: &mut dyn World) {
    let Some(host) = request.header("host") else { return };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let is_name = name.parse::<IpAddr>().is_err();
    world.verdict("called_by_name", is_name, &format!("host {host}"));
}

/// About a request that creates a transaction.
pub fn creation(body: &Value, order: &Order, known: Known, world: &mut dyn World) {
    let others: Vec<&str> = ["amount", "order_id", "merchant_usn", "installments", "store_card"]
        .into_iter()
        .filter(|name| body.get(name).is_some_and(|value| value.as_str().is_none()))
        .collect();
    world.verdict("values_as_text", others.is_empty(), &others.join(", "));
    if let Some(order_id) = &order.order_id {
        let is_new = known.order != Some(Status::Confirmed);
        world.verdict("order_not_paid_before", is_new, &format!("order_id {order_id}"));
        let is_decided = !matches!(known.order, Some(Status::Pending | Status::Unconfirmed));
        world.verdict("order_without_open_payment", is_decided, &format!("order_id {order_id}"));
    }
    match &order.merchant_usn {
        Some(number) => {
            world.verdict("merchant_usn_unique", !known.is_number_used, &format!("merchant_usn {number}"));
        }
        None => world.verdict("merchant_usn_sent", false, "no number of the shop's own"),
    }
}

/// About a charge of a stored card: what must not travel with its token.
pub fn recurring(card: &Value, world: &mut dyn World) {
    let sent: Vec<&str> =
        ["number", "expiry_date"].into_iter().filter(|name| card.get(name).is_some()).collect();
    world.verdict("stored_card_by_token_only", sent.is_empty(), &sent.join(", "));
    let detail = if card.get("security_code").is_some() { "asked afresh and sent" } else { "not sent" };
    world.verdict("stored_card_security_code", true, detail);
}
