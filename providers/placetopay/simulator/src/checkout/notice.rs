//! Notices to merchants and their signature (§14).

use aws_lc_rs::digest;
use simulation::strict_json::Value;
use simulation::{OutgoingNotice, Timestamp};

use super::account::{Merchant, Profile, Signature};
use super::echo::api_language;
use super::refusal;
use super::session::{Ending, Session};
use super::to_hex;
use crate::instant;

/// The notice about a session that has ended; none when it has not, when the site has no address for
/// notices, or when AV-U40 says so. AV-U30, AV-U38: cancelled sessions, and those that ended before the
/// payer's eyes, are notified too.
pub fn about_ending(session: &Session, merchant: &Merchant, now: Timestamp) -> Option<OutgoingNotice> {
    let (ending, at) = session.ending()?;
    let url = merchant.notification_url.clone()?;
    let is_silent = merchant.settings.profile == Profile::Guide
        && ending == Ending::Expired
        && session.attempts.is_empty();
    if is_silent {
        return None;
    }
    let status = session.status(merchant.settings.profile);
    let told = Told {
        request_id: session.request_id,
        status: status.word,
        reason: status.reason,
        message: status.message.text(api_language(session)),
        at,
        reference: &session.order.reference,
    };
    Some(outgoing(
        merchant,
        told.request_id.to_string(),
        url,
        now,
        told.body(merchant, merchant.settings.signature),
    ))
}

/// The test notice that the provider's analyst sends: reason `TT`, a requestId that the merchant has never
/// seen, and the unprefixed signature whatever the site's setting (§14.3).
pub fn for_testing(merchant: &Merchant, url: String, now: Timestamp) -> OutgoingNotice {
    const UNKNOWN_REQUEST_ID: u64 = 1;
    let told = Told {
        request_id: UNKNOWN_REQUEST_ID,
        status: "APPROVED",
        reason: "TT",
        message: "Testing notification",
        at: now,
        reference: "TEST0001",
    };
    outgoing(merchant, "test".into(), url, now, told.body(merchant, Signature::Sha1))
}

/// The signature over requestId, status, date and secret (§14.3). Nothing else is covered.
pub fn sign(kind: Signature, request_id: u64, status: &str, date: &str, secret_key: &str) -> String {
    let (algorithm, prefix) = match kind {
        Signature::Sha1 => (&digest::SHA1_FOR_LEGACY_USE_ONLY, ""),
        Signature::Sha256 => (&digest::SHA256, "sha256:"),
    };
    let text = format!("{request_id}{status}{date}{secret_key}");
    format!("{prefix}{}", to_hex(digest::digest(algorithm, text.as_bytes()).as_ref()))
}

struct Told<'a> {
    request_id: u64,
    status: &'static str,
    reason: &'static str,
    message: &'static str,
    at: Timestamp,
    reference: &'a str,
}

impl Told<'_> {
    fn body(&self, merchant: &Merchant, kind: Signature) -> Vec<u8> {
        let date = instant::write(self.at);
        let signature = sign(kind, self.request_id, self.status, &date, &merchant.secret_key);
        let status = refusal::status(self.status, Value::text(self.reason), self.message, self.at);
        Value::object([
            ("status", status),
            ("requestId", Value::from(self.request_id)),
            ("reference", Value::text(self.reference)),
            ("signature", Value::text(signature)),
        ])
        .to_text()
        .into_bytes()
    }
}

/// AV-U37: no header beyond the content type.
fn outgoing(
    merchant: &Merchant,
    about: String,
    url: String,
    now: Timestamp,
    body: Vec<u8>,
) -> OutgoingNotice {
    OutgoingNotice {
        account: merchant.name.clone(),
        about,
        url,
        due_at: now,
        headers: vec![("content-type".into(), "application/json".into())],
        body,
        from: None,
    }
}
