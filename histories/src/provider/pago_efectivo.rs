//! What is so of PagoEfectivo alone: codes (CIPs), and notices signed over their bytes.

use payment::Status;
use payment::step::Request as Sent;
use serde_json::json;
use simulation::strict_json::{self, Value};
use simulation::{Command, OutgoingNotice};

use super::{Part, Provider, Session, text};
use crate::plan::Forgery;

/// The header of a notice's signature.
const SIGNATURE: &str = "PE-Signature";

/// The CIP that an answer opened.
pub fn opened(sent: &Sent, answer: &Value) -> Option<String> {
    (sent.operation == "create_cip").then_some(())?;
    answer.at(&["data", "cip"]).and_then(Value::number_text).map(ToOwned::to_owned)
}

/// The CIP that a call is about, when it is about one.
pub fn session_of(sent: &Sent) -> Option<String> {
    match sent.operation {
        "search_cips" => {
            let tree = strict_json::parse(&sent.body).ok()?;
            tree.at(&["data", "0", "cip"]).and_then(Value::number_text).map(ToOwned::to_owned)
        }
        "delete_cip" => sent.url.path_segments()?.next_back().map(ToOwned::to_owned),
        _ => None,
    }
}

/// A CIP as steering lists it.
pub fn session(listed: &serde_json::Value) -> Session {
    Session {
        id: listed["cip"].to_string(),
        reference: text(&listed["transaction_code"]),
        status: (text(&listed["state"]), String::new()),
    }
}

/// What the hub may say in the end of what stands so.
pub fn may_end(session: &Session) -> &'static [Status] {
    match session.status.0.as_str() {
        "paid" => &[Status::Approved],
        "removed" => &[Status::Cancelled],
        "expired" => &[Status::Expired],
        _ => &[],
    }
}

/// What a forger is told (PROTOCOL.md 9): whatever it is, the signature does not hold any more.
pub const fn reply_to(forgery: Forgery) -> u16 {
    match forgery {
        Forgery::Outcome
        | Forgery::Signature
        | Forgery::Unsigned
        | Forgery::Account
        | Forgery::Reference
        | Forgery::Half => 401,
    }
}

/// What a forger makes of a genuine notice.
pub fn forge(notice: &mut OutgoingNotice, forgery: Forgery, other_reference: &str) {
    let (member, value): (&[&str], Value) = match forgery {
        Forgery::Outcome => (&["data", "amount"], Value::number("1.00")),
        Forgery::Reference => (&["data", "transactionCode"], Value::text(other_reference)),
        Forgery::Signature => {
            let signature = notice.headers.iter_mut().find(|(name, _)| name == SIGNATURE);
            if let Some((_, value)) = signature {
                *value = "0a1b2c3d4e5f60718293a4b5c6d7e8f9".repeat(2);
            }
            return;
        }
        Forgery::Unsigned => return notice.headers.retain(|(name, _)| name != SIGNATURE),
        Forgery::Half => return notice.body.truncate(notice.body.len() / 2),
        Forgery::Account => return,
    };
    let Ok(mut tree) = strict_json::parse(&notice.body) else { return };
    if let Some(place) = tree.at_mut(member) {
        *place = value;
    }
    notice.body = tree.to_text().into_bytes();
}

impl Provider {
    /// Somebody pays a code at a counter; one that is ended is refused there.
    pub(super) fn pay_cip(&mut self, cip: &str) {
        let cip: u64 = cip.parse().unwrap_or(0);
        let command = Command { name: "pay".into(), arguments: json!({ "cip": cip }) };
        let _ = self.act(Part::PagoEfectivo, |simulator, world| simulator.command(&command, world));
    }
}
