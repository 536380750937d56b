//! What the hub's provider says and is told, as far as a measurement needs it: the one file here that knows one.
//!
//! Texts of requests are made by the load generator, answers by the companion (`companion.rs`). Nothing is taken
//! from the simulator, which keeps a ledger and reads strictly: here only speed counts.

use std::fmt::Write;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The provider's id in the hub.
pub const PROVIDER: &str = "avalpay";
/// The account's id in the hub.
pub const ACCOUNT: &str = "main";
/// Where the hub takes its notices.
pub const NOTICES: &str = "/notices/avalpay/main";
/// The account's credentials, plainly invented.
pub const LOGIN: &str = "7c1f0a93b5e24d6f8a0b1c2d3e4f5061";
/// What signs its notices.
pub const SECRET_KEY: &str = "Clave-De-Medida-01";

/// An instant of the provider's notices; the digits after it tell them apart.
const DATE: &str = "2026-03-14T10:22:07";
const OFFSET: &str = "-05:00";

/// A session as the hub asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number at the provider.
    pub id: u64,
    /// The attempt's reference.
    pub reference: String,
}

/// A genuine notice about a session. Each `number` makes another notice.
pub fn notice(session: &Session, number: u64) -> String {
    let date = format!("{DATE}.{number:012}{OFFSET}");
    let signature = signature(session.id, "APPROVED", &date);
    written_notice(session, &date, &signature)
}

/// A notice whose signature does not hold.
pub fn forged_notice(session: &Session, number: u64) -> String {
    let date = format!("{DATE}.{number:012}{OFFSET}");
    let other = signature(session.id, "REJECTED", &date);
    written_notice(session, &date, &other)
}

fn written_notice(session: &Session, date: &str, signature: &str) -> String {
    let Session { id, reference } = session;
    format!(
        r#"{{"status":{{"status":"APPROVED","reason":"00","message":"La petición ha sido aprobada exitosamente","date":"{date}"}},"requestId":{id},"reference":"{reference}","signature":"{signature}"}}"#
    )
}

/// `sha256:` and the digest of session, status, date and secret.
fn signature(session: u64, status: &str, date: &str) -> String {
    signature_with(SECRET_KEY, session, status, date)
}

fn signature_with(secret_key: &str, session: u64, status: &str, date: &str) -> String {
    let signed = format!("{session}{status}{date}{secret_key}");
    let mut text = String::from("sha256:");
    for byte in digest::digest(&digest::SHA256, signed.as_bytes()).as_ref() {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A notice as bare HTTP reads it: as much as the hub has to, without a database.
#[derive(Deserialize)]
pub struct Notice {
    status: NoticeStatus,
    /// The session.
    #[serde(rename = "requestId")]
    pub session: u64,
    signature: String,
}

#[derive(Deserialize)]
struct NoticeStatus {
    status: String,
    date: String,
}

impl Notice {
    /// Reads a notice. None: it is not one, or its signature does not hold.
    pub fn verified(body: &[u8]) -> Option<Notice> {
        let notice: Notice = serde_json::from_slice(body).ok()?;
        let expected = signature(notice.session, &notice.status.status, &notice.status.date);
        (expected == notice.signature).then_some(notice)
    }

    /// What no other notice has: the digits of its instant.
    pub fn event(&self) -> u128 {
        let digits = self.status.date.bytes().filter(u8::is_ascii_digit);
        digits.fold(u128::from(self.session), |event, digit| {
            event.wrapping_mul(10).wrapping_add(u128::from(digit - b'0'))
        })
    }
}

/// What the hub sends to open a session, as far as it is echoed.
#[derive(Deserialize)]
pub struct Creation {
    /// The order.
    pub payment: EchoedPayment,
}

/// An order's parts that come back in every answer about its session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct EchoedPayment {
    /// The attempt's reference.
    pub reference: String,
    amount: Value,
}

/// The answer to a creation. The page's address ends with what a notice about the session has to name.
pub fn created(id: u64, order: &EchoedPayment, address: &str, now: &str) -> String {
    let page = format!("http://{address}/page/{id}/{}", order.reference);
    json!({ "status": status("OK", "PC", now), "requestId": id, "processUrl": page }).to_string()
}

/// The session that a pay address leads to.
pub fn session_of(pay_url: &str) -> Option<Session> {
    let mut parts = pay_url.rsplit('/');
    let reference = parts.next().filter(|reference| !reference.is_empty())?.to_owned();
    Some(Session { id: parts.next()?.parse().ok()?, reference })
}

/// A session in which nobody has tried to pay.
pub fn pending(id: u64, order: &EchoedPayment, now: &str) -> String {
    let request = json!({ "payment": order });
    json!({ "requestId": id, "status": status("PENDING", "PC", now), "request": request, "payment": null })
        .to_string()
}

/// A session that was paid by card.
pub fn approved(id: u64, order: &EchoedPayment, now: &str) -> String {
    let transaction = json!({
        "status": status("APPROVED", "00", now),
        "internalReference": id + 1_000_000,
        "reference": order.reference,
        "paymentMethod": "visa",
        "paymentMethodName": "Visa",
        "issuerName": "BANCO DE PRUEBAS S.A.",
        "amount": { "from": order.amount, "to": order.amount, "factor": 1 },
        "authorization": "718233",
        "receipt": "900412771003",
        "franchise": "CR_VS",
        "refunded": false,
        "processorFields": [{ "keyword": "lastDigits", "value": "0081", "displayOn": "none" }],
    });
    json!({
        "requestId": id,
        "status": status("APPROVED", "00", now),
        "request": { "payment": order },
        "payment": [transaction],
    })
    .to_string()
}

fn status(word: &str, reason: &str, now: &str) -> Value {
    json!({ "status": word, "reason": reason, "message": "La petición se ha procesado correctamente", "date": now })
}

/// What a bare call that opens a session sends, as the hub would.
pub fn bare_creation(number: u64) -> String {
    json!({
        "auth": {
            "login": LOGIN,
            "tranKey": "2K28SPXK+W3+xDa4BmTbHpWMRRRodL8bVEPSiJ3695s=",
            "nonce": "AAECAwQFBgcICQoLDA0ODw==",
            "seed": "2026-03-14T10:15:30-05:00",
        },
        "locale": "es_CO",
        "payment": {
            "reference": format!("BARE{number}"),
            "amount": { "currency": "COP", "total": 119_000 },
        },
        "expiration": "2026-03-14T10:35:30-05:00",
        "returnUrl": "http://127.0.0.1/r/bench/att_1",
        "ipAddress": "203.0.113.24",
        "userAgent": "Medida/1.0",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session { id: 508_817, reference: "CAR2026000871".into() }
    }

    #[test]
    fn a_notice_is_signed_as_the_provider_signs() {
        // The vector AV-V15.
        let signed = signature_with("Clave-Sandbox-00x", 508_817, "APPROVED", "2026-03-14T10:22:07-05:00");
        assert_eq!(signed, "sha256:ee6bd3aa3d6b2d735d4ce374f7924e5a70bb92ca1d5123a6a62d6be9ef0d20a5");
    }

    #[test]
    fn every_notice_is_another_and_only_a_genuine_one_holds() {
        let (one, other) = (notice(&session(), 1), notice(&session(), 2));
        assert_ne!(one, other);
        let read = [&one, &other].map(|text| Notice::verified(text.as_bytes()).expect("genuine"));
        assert_eq!(read[0].session, 508_817);
        assert_ne!(read[0].event(), read[1].event());
        assert!(Notice::verified(forged_notice(&session(), 1).as_bytes()).is_none());
        assert!(Notice::verified(b"{}").is_none());
    }

    #[test]
    fn a_pay_address_leads_back_to_its_session() {
        let creation: Creation = serde_json::from_str(&bare_creation(7)).expect("a creation");
        let answer = created(508_817, &creation.payment, "127.0.0.1:9", "2026-03-14T10:15:31-05:00");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let found = session_of(answer["processUrl"].as_str().expect("an address"));
        assert_eq!(found, Some(Session { id: 508_817, reference: "BARE7".into() }));
        assert_eq!(session_of("http://127.0.0.1/page/x/"), None);
    }

    #[test]
    fn an_order_s_amount_comes_back() {
        let body = r#"{"payment":{"reference":"R","amount":{"currency":"USD","total":22.5}}}"#;
        let creation: Creation = serde_json::from_str(body).expect("a creation");
        for answer in [pending(1, &creation.payment, "now"), approved(1, &creation.payment, "now")] {
            assert!(answer.contains(r#"{"currency":"USD","total":22.5}"#), "{answer}");
        }
    }
}
