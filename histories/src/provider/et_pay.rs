//! What is so of ETpay alone: sessions whose notices are signed with a key of each.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payment::Status;
use payment::step::Request as Sent;
use serde_json::json;
use simulation::strict_json::{self, Value};
use simulation::{Command, OutgoingNotice};

use super::{Session, text};
use crate::plan::Forgery;

/// What an account is opened with.
pub fn account_settings() -> BTreeMap<String, String> {
    let page = |name: &str| (name.to_owned(), format!("http://tienda.localhost:4042/{name}"));
    [page("success_url"), page("failure_url")].into()
}

/// The session that an answer opened.
pub fn opened(sent: &Sent, answer: &Value) -> Option<String> {
    (sent.operation == "initialize_session").then_some(())?;
    answer.get("token").or_else(|| answer.get("session_token")).and_then(Value::as_str).map(ToOwned::to_owned)
}

/// The session that a call is about, when it is about one.
pub fn session_of(sent: &Sent) -> Option<String> {
    let tree = strict_json::parse(&sent.body).ok()?;
    tree.get("session_token").and_then(Value::as_str).map(ToOwned::to_owned)
}

/// A session as steering lists it.
pub fn session(listed: &serde_json::Value) -> Session {
    Session {
        id: text(&listed["session_token"]),
        reference: text(&listed["merchant_order_id"]),
        status: (text(&listed["state"]), text(&listed["reason"])),
    }
}

/// The bank decides; a success after a failure is a late confirmation.
pub fn decision(session: &str, is_approved: bool) -> Command {
    let outcome = if is_approved { "success" } else { "error" };
    Command { name: "decide".into(), arguments: json!({ "session_token": session, "outcome": outcome }) }
}

/// What the hub may say in the end of what stands so.
pub fn may_end(session: &Session) -> &'static [Status] {
    match session.status.0.as_str() {
        "success" => &[Status::Approved],
        "error" => &[Status::Rejected, Status::Expired, Status::Cancelled],
        // The provider may not tell that a session's time is over (ET-U50).
        _ => &[Status::Expired],
    }
}

/// What a forger is told (PROTOCOL.md 6).
pub const fn reply_to(forgery: Forgery) -> u16 {
    match forgery {
        Forgery::Outcome | Forgery::Signature | Forgery::Unsigned | Forgery::Account | Forgery::Reference => {
            401
        }
        Forgery::Half => 400,
    }
}

/// What a forger makes of a genuine notice: of the claims of its token, or of the signature behind them.
pub fn forge(notice: &mut OutgoingNotice, forgery: Forgery, other_reference: &str) {
    if forgery == Forgery::Half {
        return notice.body.truncate(notice.body.len() / 2);
    }
    let Ok(mut tree) = strict_json::parse(&notice.body) else { return };
    let Some(token) = tree.get("payment").and_then(Value::as_str).map(ToOwned::to_owned) else { return };
    let [head, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { return };
    let changed = |member: &str, value: Value| {
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let mut claims = strict_json::parse(&claims).ok()?;
        *claims.at_mut(&[member])? = value;
        Some(URL_SAFE_NO_PAD.encode(claims.to_text()))
    };
    let other_signature = URL_SAFE_NO_PAD.encode([7; 32]);
    let forged = match forgery {
        Forgery::Outcome => {
            let was_paid = URL_SAFE_NO_PAD.decode(claims).ok().and_then(|claims| {
                let tree = strict_json::parse(&claims).ok()?;
                tree.get("payment_status").and_then(Value::as_str).map(|status| status == "success")
            });
            let outcome = if was_paid == Some(true) { "error" } else { "success" };
            changed("payment_status", Value::text(outcome))
                .map(|claims| format!("{head}.{claims}.{signature}"))
        }
        Forgery::Reference => changed("merchant_order_id", Value::text(other_reference))
            .map(|claims| format!("{head}.{claims}.{signature}")),
        Forgery::Signature => Some(format!("{head}.{claims}.{other_signature}")),
        Forgery::Unsigned => {
            Some(format!("{}.{claims}.{other_signature}", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#)))
        }
        Forgery::Account | Forgery::Half => None,
    };
    if let (Some(forged), Some(place)) = (forged, tree.at_mut(&["payment"])) {
        *place = Value::text(forged);
        notice.body = tree.to_text().into_bytes();
    }
}
