//! Answers about sessions as the provider writes them: creation, query, cancellation (§6.10, §7.1, §8).

use simulation::Timestamp;
use simulation::strict_json::Value;

use super::account::Profile;
use super::amount::Amount;
use super::fields::Field;
use super::refusal::status;
use super::session::Session;
use super::texts::{Language, Message};
use crate::instant;

/// The answer to a creation.
pub fn created(session: &Session, now: Timestamp) -> Value {
    let message = Message::Processed.text(api_language(session));
    Value::object([
        ("status", status("OK", Value::text("PC"), message, now)),
        ("requestId", Value::from(session.request_id)),
        ("processUrl", Value::text(session.process_url.clone())),
    ])
}

/// The answer to a query. The session's status carries the moment of the query (§7.1).
pub fn queried(session: &Session, profile: Profile, now: Timestamp) -> Value {
    let language = api_language(session);
    let current = session.status(profile);
    let attempts = session
        .attempts
        .iter()
        .rev()
        .map(|attempt| attempt.to_value(&session.order.reference, &session.order.amount, language));
    Value::object([
        ("requestId", Value::from(session.request_id)),
        ("status", status(current.word, Value::text(current.reason), current.message.text(language), now)),
        ("request", request(session)),
        ("payment", if session.attempts.is_empty() { Value::Null } else { Value::array(attempts) }),
        ("subscription", Value::Null),
    ])
}

/// The answer to a cancellation.
pub fn cancelled(session: &Session, profile: Profile, now: Timestamp) -> Value {
    let message = Message::Processed.text(api_language(session));
    Value::object([
        ("status", status("OK", Value::text("00"), message, now)),
        ("session", queried(session, profile, now)),
    ])
}

/// The API keeps the language of the request; the page's selector does not change it.
pub fn api_language(session: &Session) -> Language {
    Language::of_locale(&session.order.locale)
}

/// The creation request as it was kept, without `auth`.
fn request(session: &Session) -> Value {
    let order = &session.order;
    let mut request = Value::object([("locale", Value::text(order.locale.clone()))]);
    if let Some(payer) = session.payer.as_ref().or(order.payer.as_ref()) {
        request.set("payer", payer.to_value());
    }
    if let Some(buyer) = &order.buyer {
        request.set("buyer", buyer.to_value());
    }
    request.set("payment", payment(session));
    let own = [
        Field::hidden("_processUrl_", Value::text(session.process_url.clone())),
        Field::hidden("_session_", Value::from(session.request_id)),
    ];
    request.set("fields", Value::array(order.fields.iter().chain(&own).map(Field::to_value)));
    request.set("returnUrl", Value::text(order.return_url.clone()));
    if let Some(cancel_url) = &order.cancel_url {
        request.set("cancelUrl", Value::text(cancel_url.clone()));
    }
    request.set("ipAddress", Value::text(order.ip_address.clone()));
    request.set("userAgent", Value::text(order.user_agent.clone()));
    request.set("expiration", Value::text(instant::write(order.expires_at)));
    if let Some(payment_method) = &order.payment_method {
        request.set("paymentMethod", Value::text(payment_method.clone()));
    }
    let switches = [
        ("skipResult", order.skip_result),
        ("noBuyerFill", order.no_buyer_fill),
        ("captureAddress", order.capture_address),
    ];
    for (name, truth) in switches {
        if let Some(truth) = truth {
            request.set(name, Value::from(truth));
        }
    }
    if let Some(metadata) = &order.metadata {
        request.set("metadata", metadata.clone());
    }
    request
}

fn payment(session: &Session) -> Value {
    let order = &session.order;
    let mut payment = Value::object([("reference", Value::text(order.reference.clone()))]);
    if let Some(description) = &order.description {
        payment.set("description", Value::text(description.clone()));
    }
    payment.set("amount", Amount::to_value(&order.amount));
    payment.set("allowPartial", Value::from(false));
    if let Some(shipping) = &order.shipping {
        payment.set("shipping", shipping.to_value());
    }
    if !order.items.is_empty() {
        payment.set("items", Value::array(order.items.iter().cloned()));
    }
    if !order.payment_fields.is_empty() {
        payment.set("fields", Value::array(order.payment_fields.iter().map(Field::to_value)));
    }
    payment.set("subscribe", Value::from(false));
    payment
}
