//! What a certification analyst would note about the merchant's calls, though the API takes them (§12).
//!
//! The verdicts stand in the sandbox's journal, never in an answer.

use simulation::strict_json::Value;
use simulation::{Request, World};

use crate::account::Merchant;
use crate::fields::Members;
use crate::lima;
use crate::messages;
use crate::order::{self, Order};

/// A `dateRequest` farther from the clock than this is a finding (PE-U08).
const CERTIFIED_SKEW_S: i64 = 300;

/// About any call with a token: its headers, and whether the secret is in it.
pub fn call(request: &Request, merchant: &Merchant, world: &mut dyn World) {
    secret_on_wire(request, merchant, world);
    let origin = request.header("origin");
    world.verdict(
        "origin_header_present",
        origin.is_some(),
        origin.unwrap_or("not sent, though documented as mandatory"),
    );
    if matches!(request.method.as_str(), "POST" | "PATCH") {
        // PE-U54: another content type is read all the same.
        let kind = request.header("content-type").unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        world.verdict("content_type_json", essence.eq_ignore_ascii_case("application/json"), kind);
    }
}

/// The secret key never travels (PE-T3).
pub fn secret_on_wire(request: &Request, merchant: &Merchant, world: &mut dyn World) {
    let secret = merchant.secret_key.as_bytes();
    let holds = |bytes: &[u8]| bytes.windows(secret.len().max(1)).any(|window| window == secret);
    let is_there = holds(&request.body)
        || holds(request.path.as_bytes())
        || holds(request.query.as_bytes())
        || request.headers.iter().any(|(_, value)| holds(value.as_bytes()));
    world.verdict(
        "secret_not_on_wire",
        !is_there,
        if is_there { "the secret key stands in the request" } else { "not there" },
    );
}

/// About the date of an authorization (PE-T1): Lima's offset, and close to now.
pub fn date_request(text: &str, apart_s: i64, world: &mut dyn World) {
    let is_lima = text.ends_with("-05:00") && text.len() == lima::UNSET.len();
    world.verdict("date_request_in_lima", is_lima, text);
    world.verdict("date_request_close", apart_s <= CERTIFIED_SKEW_S, &format!("{apart_s} s apart"));
}

/// About a creation that is carried out (PE-G1 to PE-G4).
pub fn creation(body: &Value, order: &Order, is_known: bool, merchant: &Merchant, world: &mut dyn World) {
    let members = Members::of(body);
    let sent = order.is_expiry_sent;
    world.verdict(
        "expiry_sent",
        sent,
        if sent { "the merchant decides the life" } else { "the agreed default applies" },
    );
    let date = members.get("dateExpiry").and_then(Value::as_str).unwrap_or_default();
    let is_canonical = !sent || date == lima::write(order.expires_at);
    world.verdict("expiry_in_lima", is_canonical, date);
    let email = order.user_email.as_deref();
    world.verdict("email_given", email.is_some(), email.unwrap_or("no mail can be sent"));
    if !merchant.settings.reminder_countries.is_empty() {
        let phone =
            messages::phone(order.country_code.as_deref(), order.phone.as_deref(), &merchant.settings);
        world.verdict("phone_given", phone.is_ok(), phone.as_deref().unwrap_or_else(|why| why));
    }
    judge_spelling(members, world);
    let name = if is_known { "used before" } else { "new" };
    // PE-U15: the API takes it twice.
    world.verdict("transaction_code_new", !is_known, &format!("{} {name}", order.transaction_code));
}

fn judge_spelling(members: Members<'_>, world: &mut dyn World) {
    let names =
        ["currency", "amount", "transactionCode", "dateExpiry", "userEmail", "userPhone", "userCodeCountry"];
    let others: Vec<&str> = names
        .into_iter()
        .filter_map(|name| members.spelling(name).filter(|spelling| *spelling != name))
        .chain(order::has_misspelt(members).then_some("userCodeContry"))
        .collect();
    let detail = if others.is_empty() { "as documented".to_owned() } else { others.join(", ") };
    world.verdict("field_names_as_documented", others.is_empty(), &detail);
}
