//! The notice that a session ended (PROTOCOL.md 14): read strictly, believed only as a reason to ask.
//!
//! The signature covers id, status and date, and neither reference nor reason nor any amount. So even a
//! genuine notice yields no fact about money: it names the session to ask for, at once.
//!
//! Except that of a charge which the provider repeats by itself (14.4): nobody can be asked about it (AV-U43), so that its
//! notice alone tells. AV-U42: it is assumed to be signed like a session's, and is believed only when it is.

use aws_lc_rs::digest;
use payment::fact::{Fact, FactKind, Observation};
use payment::movement::MovementState;
use payment::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::recurrence::Recurred;
use payment::subject::SubjectKind;
use payment::{Account, Subject, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use subtle::{Choice, ConstantTimeEq};

use super::answer::Status;
use super::session::subject;
use super::wire::{Part, Scalar, Unambiguous};
use crate::authentication::SECRET_KEY;

/// What marks the newer form of a signature; the older one has no mark. The sender chooses the form and
/// nothing else: no other algorithm is ever computed.
const SHA256_MARK: &str = "sha256:";

/// The reason of the notice by which the provider's analyst tries the address.
const TEST_REASON: &str = "TT";

/// Reads a notice. Never panics on any bytes.
pub fn read(notice: &RawNotice, keys: Keys<'_>, now: Timestamp) -> Reading {
    let account = keys.account;
    if notice.method != "POST" {
        return not_believed(Verdict::Unreadable, "a notice is a POST");
    }
    let message = match message(&notice.body) {
        Ok(message) => message,
        Err(reason) => return not_believed(Verdict::Unreadable, reason),
    };
    if message.signature.is_empty() {
        return not_believed(Verdict::Unsigned, "there is no signature");
    }
    let secrets = account.secrets(SECRET_KEY);
    if secrets.is_empty() {
        return not_believed(Verdict::Forged, "the account has no secret to verify with");
    }
    let signed = format!("{}{}{}", message.id, message.status.status_text(), message.date);
    if !is_signed(&signed, &message.signature, secrets) {
        return not_believed(Verdict::Forged, "the signature does not hold");
    }
    let repeat_key = Some(format!(
        "{}|{}|{}|{}",
        message.id,
        message.status.status_text(),
        message.date,
        message.signature
    ));
    if let Some(recurring) = &message.recurring {
        if keys.attempt.is_some() {
            return not_believed(Verdict::Forged, "the signature is that of a session");
        }
        let observation = recurred(&message, recurring, account, now);
        return Reading {
            verdict: Verdict::Valid,
            reason: "signed by the provider, of a charge that it repeats by itself",
            subject: Some(observation.subject.clone()),
            reference: message.reference,
            observations: vec![observation],
            ask: false,
            repeat_key,
            tokens: Vec::new(),
            handover: None,
        };
    }
    let (verdict, reason) = if message.status.reason.text() == Some(TEST_REASON) {
        // The reason is not signed: a final notice may have been changed into a test, so ask all the same.
        (Verdict::Test, "the provider tries the address")
    } else {
        (Verdict::Valid, "signed by the provider")
    };
    Reading {
        verdict,
        reason,
        subject: Some(subject(account, &message.id)),
        reference: message.reference,
        observations: Vec::new(),
        ask: true,
        repeat_key,
        tokens: Vec::new(),
        handover: None,
    }
}

/// The session whose signature would hold for a recurring charge as well: the two are signed alike, and the shopper's browser
/// is given a session's in a lightbox (PROTOCOL.md 15). A charge with the id of a session is therefore not believed.
pub fn claimed_subject(notice: &RawNotice, account: &Account) -> Option<Subject> {
    let message = message(&notice.body).ok()?;
    message.recurring.is_some().then(|| subject(account, &message.id))
}

/// What the provider is answered. It calls once and never again, whatever the answer (PROTOCOL.md 14.1);
/// the answers are for its records, and tell a forger nothing. AV-U36: it is assumed to wait ten seconds, so
/// that the answer must not wait for the query that a notice causes.
pub const fn reply_to(verdict: Verdict) -> NoticeReply {
    let (status, body) = match verdict {
        Verdict::Valid | Verdict::Test | Verdict::Repeated => (200, r#"{"received":true}"#),
        Verdict::Forged | Verdict::Unsigned | Verdict::Unverifiable | Verdict::Outside => {
            (401, r#"{"error":"not authentic"}"#)
        }
        Verdict::Unreadable => (400, r#"{"error":"not readable"}"#),
        Verdict::UnknownReference => (404, r#"{"error":"not known"}"#),
    };
    NoticeReply { status, content_type: "application/json", body }
}

/// What became of a charge that the provider has repeated by itself: a thing of its own, whose amount is the order's.
fn recurred(message: &Message, recurring: &Recurring, account: &Account, now: Timestamp) -> Observation {
    let state = match message.status.status_text() {
        "APPROVED" => MovementState::Approved,
        "REJECTED" | "FAILED" => MovementState::Rejected,
        _ => MovementState::Pending,
    };
    let recurred = Recurred {
        provider_reference: message.id.clone(),
        state,
        reason: message.status.told(),
        tries: recurring.tries.text().and_then(|text| text.parse().ok()),
        has_more: match recurring.enabled.text() {
            Some("1" | "true") => Some(true),
            Some("0" | "false") => Some(false),
            Some(_) | None => None,
        },
    };
    let (account, kind) = (account.id.clone(), SubjectKind::RecurringCharge);
    let subject = Subject { account, kind, provider_reference: message.id.clone() };
    let at = message.status.date().unwrap_or(now);
    Observation { subject, facts: vec![Fact::new(at, FactKind::Recurred(recurred))] }
}

/// A notice of the documented shape.
struct Message {
    /// Of the session, or of a recurring charge.
    id: String,
    status: Status,
    /// Byte for byte: the signature covers the text, not the instant.
    date: String,
    /// Only where a charge was repeated.
    recurring: Option<Recurring>,
    reference: Option<String>,
    /// Empty when there is none.
    signature: String,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    status: Part<Status>,
    #[serde(default, rename = "requestId")]
    request_id: Scalar,
    #[serde(default)]
    reference: Scalar,
    #[serde(default)]
    signature: Scalar,
    #[serde(default, rename = "internalReference")]
    internal_reference: Scalar,
    #[serde(default)]
    recurring: Part<Recurring>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Recurring {
    #[serde(default)]
    tries: Scalar,
    #[serde(default)]
    enabled: Scalar,
}

fn message(body: &[u8]) -> Result<Message, &'static str> {
    let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8")?;
    if !text.trim_start().starts_with('{') {
        return Err("the body is not a JSON object");
    }
    serde_json::from_str::<Unambiguous>(text).map_err(|_| "the body is not JSON, or names a member twice")?;
    let body: Body = serde_json::from_str(text).map_err(|_| "the body is not JSON as documented")?;
    // A session's notice may carry more; a recurring charge has no session, and says so.
    let (id, recurring) = match (body.request_id.text(), &body.recurring) {
        (None, Part::Read(recurring)) => {
            let id = body.internal_reference.id().ok_or("there is no id of the charge")?;
            (id, Some(recurring.clone()))
        }
        _ => (body.request_id.id().ok_or("there is no session id")?, None),
    };
    let status = body.status.read().ok_or("there is no status")?;
    status.status.text().ok_or("there is no status")?;
    let date = status.date.text().ok_or("there is no date")?;
    Ok(Message {
        id: id.to_owned(),
        status: status.clone(),
        date: date.to_owned(),
        recurring,
        reference: body.reference.told(),
        signature: body.signature.text().unwrap_or_default().to_owned(),
    })
}

/// Whether one of the secrets made the signature. Every secret is tried, and each comparison takes the same
/// time wherever the difference is.
fn is_signed(signed: &str, signature: &str, secrets: &[SecretString]) -> bool {
    let (algorithm, sent) = match signature.strip_prefix(SHA256_MARK) {
        Some(sent) => (&digest::SHA256, sent),
        None => (&digest::SHA1_FOR_LEGACY_USE_ONLY, signature),
    };
    let mut is_genuine = Choice::from(0);
    for secret in secrets {
        let mut context = digest::Context::new(algorithm);
        context.update(signed.as_bytes());
        context.update(secret.expose_secret().as_bytes());
        is_genuine |= lower_hex(context.finish().as_ref()).as_bytes().ct_eq(sent.as_bytes());
    }
    is_genuine.into()
}

fn lower_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A notice that claims nothing we act upon: no subject, nothing to ask, nothing to remember it by.
fn not_believed(verdict: Verdict, reason: &'static str) -> Reading {
    Reading {
        verdict,
        reason,
        subject: None,
        reference: None,
        observations: Vec::new(),
        ask: false,
        repeat_key: None,
        tokens: Vec::new(),
        handover: None,
    }
}

#[cfg(test)]
mod tests {
    use payment::account::Environment;

    use super::*;

    const SIGNED: &str = r#"{"status":{"status":"APPROVED","reason":"00","message":"Aprobada","date":"2026-03-14T10:22:07-05:00"},"requestId":508817,"reference":"CAR2026000871","signature":"b646f54c2e83b1f07b662b87de4db0542ac8aa19"}"#;

    fn account(secrets: &[&str]) -> Account {
        let secrets = secrets.iter().map(|secret| (*secret).to_owned().into()).collect();
        Account {
            id: "tienda".into(),
            merchant: "tienda".into(),
            provider: "avalpay".into(),
            environment: Environment::Test,
            base_url: "https://checkout.example".parse().expect("an address"),
            credentials: [].into(),
            secrets: [(SECRET_KEY.to_owned(), secrets)].into(),
            settings: [].into(),
        }
    }

    fn read_body(body: &str) -> Reading {
        read_with(&["Clave-Sandbox-00x"], body)
    }

    fn read_with(secrets: &[&str], body: &str) -> Reading {
        let notice = RawNotice {
            method: "POST".into(),
            route: String::new(),
            query: String::new(),
            headers: vec![],
            body: body.as_bytes().to_vec(),
        };
        read(&notice, Keys::of(&account(secrets)), "2026-03-14T15:22:08Z".parse().expect("a time"))
    }

    #[test]
    fn a_genuine_notice_is_a_reason_to_ask_and_no_fact() {
        let _story = testing::story("a_genuine_notice_is_a_reason_to_ask_and_no_fact");
        let reading = read_body(SIGNED);
        assert_eq!((reading.verdict, reading.ask), (Verdict::Valid, true));
        assert_eq!(reading.observations, []);
        assert_eq!(reading.subject.expect("a subject").provider_reference, "508817");
        assert_eq!(reading.reference.as_deref(), Some("CAR2026000871"));
        testing::covers!("AV-4.5-03");
    }

    #[test]
    fn while_a_secret_is_being_changed_both_verify() {
        for secrets in [["Clave-Nueva-01", "Clave-Sandbox-00x"], ["Clave-Sandbox-00x", "Clave-Nueva-01"]] {
            assert_eq!(read_with(&secrets, SIGNED).verdict, Verdict::Valid);
        }
        assert_eq!(read_with(&["Clave-Nueva-01"], SIGNED).verdict, Verdict::Forged);
        assert_eq!(read_with(&[], SIGNED).verdict, Verdict::Forged);
    }

    #[test]
    fn the_way_json_is_written_does_not_matter_and_the_signed_texts_do() {
        let genuine = [
            SIGNED.replace("\":", "\" :\n\t"),
            SIGNED.replace("508817", "\"508817\""),
            SIGNED.replace("APPROVED", r"\u0041PPROVED").replace("Aprobada", r"La petici\u00f3n"),
            SIGNED.replace("\"reason\":\"00\"", "\"reason\":null"),
        ];
        for body in genuine {
            assert_eq!(read_body(&body).verdict, Verdict::Valid, "{body}");
        }
        for (signed, changed) in [
            ("APPROVED", "REJECTED"),
            ("10:22:07-05:00", "15:22:07Z"),
            ("508817", "508818"),
            ("508817", "\"0508817\""),
        ] {
            assert_eq!(read_body(&SIGNED.replace(signed, changed)).verdict, Verdict::Forged, "{changed}");
        }
    }

    #[test]
    fn a_changed_reference_is_handed_on_since_it_is_not_signed() {
        let reading = read_body(&SIGNED.replace("CAR2026000871", "OTRA"));
        assert_eq!((reading.verdict, reading.reference.as_deref()), (Verdict::Valid, Some("OTRA")));
    }

    #[test]
    fn the_analyst_s_test_is_known_by_its_reason_and_must_be_signed() {
        let test = SIGNED.replace("\"00\"", "\"TT\"");
        let reading = read_body(&test);
        assert_eq!((reading.verdict, reading.ask), (Verdict::Test, true));
        assert_eq!(read_with(&["otra"], &test).verdict, Verdict::Forged);
    }

    #[test]
    fn a_notice_without_signature_is_told_apart_from_a_wrong_one() {
        let unsigned = SIGNED.replace("\"signature\"", "\"firma\"");
        assert_eq!(read_body(&unsigned).verdict, Verdict::Unsigned);
        let empty = SIGNED.replace("b646f54c2e83b1f07b662b87de4db0542ac8aa19", "");
        assert_eq!(read_body(&empty).verdict, Verdict::Unsigned);
    }

    #[test]
    fn what_is_not_of_the_documented_shape_is_unreadable() {
        let table = [
            String::new(),
            "null".into(),
            "[]".into(),
            SIGNED[..SIGNED.len() - 1].into(),
            format!("{SIGNED}{SIGNED}"),
            SIGNED.replace("\"requestId\":508817", "\"requestId\":508817,\"requestId\":1"),
            SIGNED.replace("\"reason\":\"00\"", "\"date\":\"2026-01-01T00:00:00Z\""),
            SIGNED.replace("\"requestId\":508817,", ""),
            SIGNED.replace("508817", "508817.5"),
            SIGNED.replace("508817", "[508817]"),
            r#"{"status":"APPROVED","requestId":508817,"reference":"A","signature":"00"}"#.into(),
            SIGNED.replace("\"2026-03-14T10:22:07-05:00\"", "null"),
            format!("{}{}", "[".repeat(5000), "]".repeat(5000)),
            format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000)),
        ];
        for body in table {
            assert_eq!(read_body(&body).verdict, Verdict::Unreadable, "{body:.90}");
        }
        let recurring = SIGNED.replace("\"requestId\"", "\"internalReference\"");
        let reading = read_body(&recurring);
        assert_eq!(reading.verdict, Verdict::Unreadable, "no session, and no recurrence either");
        let neither = SIGNED.replace("\"requestId\":508817,", "");
        assert_eq!(read_body(&neither).reason, "there is no session id");
        let both = SIGNED.replace("\"requestId\"", "\"internalReference\":7,\"requestId\"");
        assert_eq!(read_body(&both).verdict, Verdict::Valid, "a session's notice may carry more");
    }

    #[test]
    fn nothing_of_a_notice_that_is_not_believed_is_acted_upon() {
        for body in ["{}", &SIGNED.replace("b646", "b647"), &SIGNED.replace("signature", "s")] {
            let reading = read_body(body);
            assert!(!reading.verdict.is_genuine() && !reading.ask);
            assert!(reading.subject.is_none() && reading.observations.is_empty());
        }
    }

    #[test]
    fn only_what_is_genuine_is_answered_200() {
        for verdict in Verdict::ALL {
            let reply = reply_to(verdict);
            let is_taken = verdict.is_genuine() && verdict != Verdict::UnknownReference;
            assert_eq!(reply.status == 200, is_taken, "{verdict:?}");
            assert!(reply.body.len() < 40);
        }
    }
}
