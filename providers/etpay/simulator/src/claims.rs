//! What the provider says of an attempt (§6.2, §6.3), in a notice, a redirect and the status query.

use simulation::strict_json::Value;

use crate::account::{ClaimSet, Merchant, Profile};
use crate::funnel::Language;
use crate::instant;
use crate::session::{Ending, Outcome, Session};

/// `payment_status` of a paid attempt.
pub const SUCCESS: &str = "success";
/// ET-U25: the word of an attempt that failed.
pub const ERROR: &str = "error";
/// The merchant's own account in the older claims.
const MERCHANT_ACCOUNT: [&str; 3] = ["cl_estado", "cuenta_vista", "00011122233"];

/// All claims about an ended session, in the order in which they are written. ET-U41: none while it has not ended,
/// though the bank hesitates or the funnel is lost.
pub fn about(session: &Session, merchant: &Merchant) -> Option<Value> {
    let ending = session.ending?;
    let members = match (merchant.settings.profile, merchant.settings.claims) {
        (Profile::Guide, _) => least(session, ending),
        (Profile::Docs, ClaimSet::Current) => current(session, ending),
        (Profile::Docs, ClaimSet::Older) => older(session, merchant, ending),
    };
    Some(Value::object(members))
}

/// The same with the instant of signing. ET-U31: written in notices. ET-U37: not in the status query.
pub fn signed_at(mut claims: Value, epoch_seconds: i64) -> Value {
    claims.set("iat", Value::from(epoch_seconds));
    claims
}

/// What the funnel says when it has lost its backend (§5.2).
pub fn system_error(session: &Session, epoch_seconds: i64) -> Value {
    Value::object([
        ("session_token", Value::text(&session.token)),
        ("system_error", Value::from(true)),
        ("iat", Value::from(epoch_seconds)),
    ])
}

type Members = Vec<(&'static str, Value)>;

fn current(session: &Session, ending: Ending) -> Members {
    let is_paid = ending.outcome == Outcome::Success;
    let is_late = ending.confirmed_late_at.is_some();
    let (reason, code) = match ending.outcome {
        Outcome::Success => ("", ""),
        Outcome::Error(reason) => (reason.text(Language::Spanish), reason.code()),
    };
    let confirmed =
        ending.confirmed_late_at.map_or_else(String::new, |at| instant::write(at, session.country));
    vec![
        ("payment_token", text(session.payment_token.as_deref())),
        ("session_token", Value::text(&session.token)),
        ("merchant_order_id", Value::text(&session.order.id)),
        ("merchant_amount", Value::number(&session.order.amount)),
        ("merchant_currency", Value::text(session.country.currency())),
        ("user_bank", text(session.bank.map(|bank| bank.name))),
        ("user_rut", text(session.rut.as_deref())),
        ("user_account", text(session.account.filter(|_| is_paid))),
        ("payment_status", Value::text(if is_paid { SUCCESS } else { ERROR })),
        ("payment_date", Value::text(instant::write(ending.at, session.country))),
        // ET-U26: seen in the bank's web, hence at once. ET-U27: seen in the bank's mail, hence later.
        ("validationWeb", Value::from(is_paid && !is_late)),
        ("validationMail", Value::from(is_paid && is_late)),
        ("reason", Value::text(reason)),
        ("code", Value::text(code)),
        // ET-U30
        ("confirmated_at", Value::text(confirmed)),
    ]
}

fn older(session: &Session, merchant: &Merchant, ending: Ending) -> Members {
    let [bank, kind, number] = MERCHANT_ACCOUNT;
    let is_paid = ending.outcome == Outcome::Success;
    vec![
        ("session_token", Value::text(&session.token)),
        ("merchant_account_bank", Value::text(bank)),
        ("merchant_account_type", Value::text(kind)),
        ("merchant_account", Value::text(number)),
        ("merchant_name", Value::text(&merchant.settings.merchant_name)),
        ("merchant_currency", Value::text(session.country.currency())),
        ("merchant_order_id", Value::text(&session.order.id)),
        ("merchant_amount", Value::number(&session.order.amount)),
        ("user_bank", text(session.bank.map(|bank| bank.name))),
        ("user_rut", text(session.rut.as_deref())),
        ("user_account", text(session.account.filter(|_| is_paid))),
        ("payment_token", text(session.payment_token.as_deref())),
        ("payment_status", Value::from(is_paid)),
        ("payment_process", Value::text("auto")),
    ]
}

/// D-15: what the catalogue reads out of the integration page.
fn least(session: &Session, ending: Ending) -> Members {
    let is_paid = ending.outcome == Outcome::Success;
    vec![
        ("merchant_order_id", Value::text(&session.order.id)),
        ("merchant_amount", Value::number(&session.order.amount)),
        ("payment_status", Value::text(if is_paid { SUCCESS } else { ERROR })),
        ("payment_token", text(session.payment_token.as_deref())),
        ("session_token", Value::text(&session.token)),
    ]
}

/// ET-U51: what is not known, as the payer's bank in Mexico's CoDi or a RUT that was never typed, is an empty text.
fn text(known: Option<&str>) -> Value {
    Value::text(known.unwrap_or_default())
}
