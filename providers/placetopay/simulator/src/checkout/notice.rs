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
/// payer's eyes, are notified too. AV-U39, AV-U41: a partly paid session that is still open, and what is given back
/// later, are not. AV-U51: a stored card's token is not in it.
pub fn about_ending(session: &Session, merchant: &Merchant, now: Timestamp) -> Option<OutgoingNotice> {
    let (ending, at) = session.ending()?;
    let url = merchant.notification_url.clone()?;
    let is_silent =
        merchant.settings.profile == Profile::Guide && ending == Ending::Expired && session.is_untried();
    if is_silent {
        return None;
    }
    let told = told(session, merchant, at);
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

/// The notice about a later charge of a recurrence, to the address that was given for it: no `requestId`, and how often
/// the charge was tried (§14.4). AV-U42: signed as a session's, with `internalReference` in place of `requestId`.
pub fn about_recurring_charge(
    charge: &RecurringCharge<'_>,
    merchant: &Merchant,
    url: String,
    now: Timestamp,
) -> OutgoingNotice {
    let RecurringCharge {
        internal_reference,
        status: word,
        reason,
        message,
        at,
        reference,
        tries,
        is_enabled,
    } = *charge;
    let date = instant::write(at);
    let kind = merchant.settings.signature;
    let signature = sign(kind, internal_reference, word, &date, &merchant.secret_key);
    let body = Value::object([
        ("status", refusal::status(word, Value::text(reason), message, at)),
        ("internalReference", Value::from(internal_reference)),
        ("reference", Value::text(reference)),
        ("signature", Value::text(signature)),
        (
            "recurring",
            Value::object([("tries", Value::from(tries)), ("enabled", Value::from(u32::from(is_enabled)))]),
        ),
    ]);
    outgoing(merchant, internal_reference.to_string(), url, now, body.to_text().into_bytes())
}

/// A later charge of a recurrence, as its notice tells it.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the members have the provider's names")]
pub struct RecurringCharge<'a> {
    pub internal_reference: u64,
    pub status: &'static str,
    pub reason: &'static str,
    pub message: &'a str,
    pub at: Timestamp,
    pub reference: &'a str,
    /// AV-U72: how often the charge of this period was tried.
    pub tries: u32,
    /// Whether more charges follow.
    pub is_enabled: bool,
}

/// The notification as the page hands it to the lightbox, the same as the notice's body (§15, §16).
pub fn for_lightbox(session: &Session, merchant: &Merchant) -> Option<String> {
    let (_, at) = session.ending()?;
    let told = told(session, merchant, at);
    String::from_utf8(told.body(merchant, merchant.settings.signature)).ok()
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

fn told<'a>(session: &'a Session, merchant: &Merchant, at: Timestamp) -> Told<'a> {
    let status = session.status(merchant.settings.profile);
    Told {
        request_id: session.request_id,
        status: status.word,
        reason: status.reason,
        message: status.message.text(api_language(session)),
        at,
        reference: &session.order.reference,
    }
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
