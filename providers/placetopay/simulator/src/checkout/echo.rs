//! Answers about sessions as the provider writes them: creation, query, cancellation (§6.10, §7.1, §8).

use simulation::Timestamp;
use simulation::strict_json::Value;

use super::account::Settings;
use super::amount::Amount;
use super::dispersion::Share;
use super::fields::Field;
use super::refusal::status;
use super::session::{Origin, Session};
use super::texts::{Language, Message};
use super::transaction::Style;
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

/// The answer to a query or a collect. The session's status carries the moment of the query (§7.1).
pub fn queried(session: &Session, settings: &Settings, now: Timestamp) -> Value {
    let language = api_language(session);
    let current = session.status(settings.profile);
    let style = Style { settings, language, reference: &session.order.reference };
    let attempts: Vec<Value> =
        session.attempts.iter().rev().flat_map(|attempt| style.attempt(attempt)).collect();
    // §9.2: while a collect is pending there is no transaction in its answer.
    let is_untold = attempts.is_empty()
        || (session.origin == Origin::Collect
            && session.attempts.iter().all(|attempt| attempt.is_in_flight()));
    let stored = session.stored.as_ref().map(|stored| {
        let sentence = Message::Tokenized.text(language);
        Value::object([
            ("type", Value::text("token")),
            ("status", status("OK", Value::text("00"), sentence, stored.at)),
            ("instrument", stored.instrument.clone()),
        ])
    });
    Value::object([
        ("requestId", Value::from(session.request_id)),
        ("status", status(current.word, Value::text(current.reason), current.message.text(language), now)),
        ("request", request(session)),
        ("payment", if is_untold { Value::Null } else { Value::array(attempts) }),
        ("subscription", stored.unwrap_or(Value::Null)),
    ])
}

/// The answer to a cancellation.
pub fn cancelled(session: &Session, settings: &Settings, now: Timestamp) -> Value {
    let message = Message::Processed.text(api_language(session));
    Value::object([
        ("status", status("OK", Value::text("00"), message, now)),
        ("session", queried(session, settings, now)),
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
    if order.is_subscription() {
        request.set("subscription", subscription(session));
    } else {
        request.set("payment", payment(session));
    }
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
    if order.check_in {
        request.set("type", Value::text("checkin"));
    }
    if let Some(metadata) = &order.metadata {
        request.set("metadata", metadata.clone());
    }
    request
}

fn subscription(session: &Session) -> Value {
    let mut subscription = asked(session);
    set_own_fields(&mut subscription, session);
    subscription
}

/// Reference and description, which a payment and a subscription both have.
fn asked(session: &Session) -> Value {
    let order = &session.order;
    let mut asked = Value::object([("reference", Value::text(order.reference.clone()))]);
    if let Some(description) = &order.description {
        asked.set("description", Value::text(description.clone()));
    }
    asked
}

fn set_own_fields(asked: &mut Value, session: &Session) {
    let fields = &session.order.payment_fields;
    if !fields.is_empty() {
        asked.set("fields", Value::array(fields.iter().map(Field::to_value)));
    }
}

fn payment(session: &Session) -> Value {
    let order = &session.order;
    let mut payment = asked(session);
    payment.set("amount", order.amount.as_ref().map_or(Value::Null, Amount::to_value));
    payment.set("allowPartial", Value::from(order.allow_partial));
    if let Some(shipping) = &order.shipping {
        payment.set("shipping", shipping.to_value());
    }
    if !order.items.is_empty() {
        payment.set("items", Value::array(order.items.iter().cloned()));
    }
    set_own_fields(&mut payment, session);
    if let Some(recurring) = &order.recurring {
        payment.set("recurring", recurring.as_sent.clone());
    }
    if !order.shares.is_empty() {
        payment.set("dispersion", Value::array(order.shares.iter().map(|item| share(item, session))));
    }
    payment.set("subscribe", Value::from(order.subscribe));
    payment
}

/// A part of a dispersion, which the echo fills up like a payment of its own (§7.6).
fn share(share: &Share, session: &Session) -> Value {
    let mut item = asked(session);
    item.set("amount", share.amount.to_value());
    item.set("agreement", share.agreement_value());
    item.set("agreementType", Value::text(share.kind.word()));
    item.set("allowPartial", Value::from(false));
    item.set("subscribe", Value::from(false));
    item
}
