//! Standard Webhooks, verified by the merchant itself: three headers, HMAC-SHA256 over the bytes as received.

use aws_lc_rs::hmac;
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Timestamp;

/// How far an event's timestamp may lie from the shop's clock, in seconds, either way.
pub const TOLERANCE_S: i64 = 300;
/// Most signatures looked at in one message; while a secret is being rotated there are two.
const MAX_SIGNATURES: usize = 8;

/// The secret that the hub answered once, when the shop registered its endpoint. Never printed.
pub struct EventSecret(hmac::Key);

/// The secret is not `whsec_` and Base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event secret is whsec_ followed by Base64")]
pub struct MalformedSecret;

/// A message whose signature holds; its timestamp is still to be compared with the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The same for every delivery of one event.
    pub id: String,
    /// When the message was signed.
    pub at: Timestamp,
}

/// The message is not the hub's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no signature of this message holds")]
pub struct Forged;

impl EventSecret {
    /// Reads a secret as the hub writes it.
    pub fn parse(text: &str) -> Result<Self, MalformedSecret> {
        let encoded = text.strip_prefix("whsec_").ok_or(MalformedSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| MalformedSecret)?;
        if bytes.is_empty() {
            return Err(MalformedSecret);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// Verifies headers and body; every comparison takes constant time. Only signatures marked `v1` are
    /// looked at: a sender cannot choose another algorithm.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Signed, Forged> {
        let id = header(headers, "webhook-id")?;
        let timestamp = header(headers, "webhook-timestamp")?;
        let signatures = header(headers, "webhook-signature")?;
        let seconds = plain_seconds(timestamp)?;
        let at = Timestamp::from_second(seconds).map_err(|_| Forged)?;
        let content = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        let holds = signatures.split(' ').take(MAX_SIGNATURES).any(|signature| {
            let tag = signature.strip_prefix("v1,").and_then(|encoded| STANDARD.decode(encoded).ok());
            tag.is_some_and(|tag| hmac::verify(&self.0, &content, &tag).is_ok())
        });
        if holds { Ok(Signed { id: id.to_owned(), at }) } else { Err(Forged) }
    }
}

impl Signed {
    /// Whether the message was signed close enough to `now` not to be an old one sent again.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.as_second().abs_diff(self.at.as_second()) <= TOLERANCE_S.unsigned_abs()
    }
}

/// A header that is there exactly once, is text and is not empty.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Forged> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().filter(|text| !text.is_empty()).ok_or(Forged),
        (Some(_), Some(_)) | (None, _) => Err(Forged),
    }
}

fn plain_seconds(text: &str) -> Result<i64, Forged> {
    if text.len() > 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Forged);
    }
    text.parse().map_err(|_| Forged)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"type":"payment.approved","timestamp":"2026-03-14T15:00:00Z","data":{}}"#;
    const AT: i64 = 1_773_500_400;

    fn secret() -> EventSecret {
        EventSecret::parse(SECRET).expect("a secret")
    }

    /// Signed by the reference implementation of the specification, not by our own code.
    fn headers_of(body: &[u8]) -> HeaderMap {
        let oracle = standardwebhooks::Webhook::new(SECRET).expect("the oracle takes the secret");
        let signature = oracle.sign("msg_1", AT, body).expect("the oracle signs");
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", HeaderValue::from_static("msg_1"));
        headers.insert("webhook-timestamp", HeaderValue::from_str(&AT.to_string()).expect("a header"));
        headers.insert("webhook-signature", HeaderValue::from_str(&signature).expect("a header"));
        headers
    }

    #[test]
    fn what_the_reference_implementation_signs_holds() {
        let signed = secret().verify(&headers_of(BODY), BODY).expect("it holds");
        assert_eq!(signed.id, "msg_1");
        assert_eq!(signed.at.as_second(), AT);
    }

    #[test]
    fn one_of_two_signatures_is_enough_while_a_secret_is_rotated() {
        let mut headers = headers_of(BODY);
        let right = headers["webhook-signature"].to_str().expect("text").to_owned();
        let both = format!("v1,{} {right}", STANDARD.encode([7; 32]));
        headers.insert("webhook-signature", HeaderValue::from_str(&both).expect("a header"));
        assert!(secret().verify(&headers, BODY).is_ok());
    }

    #[test]
    fn a_changed_message_or_header_is_forged() {
        let right = headers_of(BODY);
        let signature = right["webhook-signature"].to_str().expect("text").to_owned();
        let unmarked = signature.trim_start_matches("v1,").to_owned();
        let changes: [(&'static str, &str); 9] = [
            ("webhook-id", "msg_2"),
            ("webhook-timestamp", "1773500401"),
            ("webhook-timestamp", "+1773500400"),
            ("webhook-timestamp", "99999999999999999999"),
            ("webhook-signature", "v1,"),
            ("webhook-signature", "v1,not base64"),
            ("webhook-signature", &signature.replace("v1,", "v2,")),
            ("webhook-signature", &signature.replace("v1,", "v1a,")),
            ("webhook-signature", &unmarked),
        ];
        for (name, value) in changes {
            let mut headers = right.clone();
            headers.insert(name, HeaderValue::from_str(value).expect("a header"));
            assert_eq!(secret().verify(&headers, BODY), Err(Forged), "{name}: {value}");
        }
        assert_eq!(secret().verify(&right, &BODY[1..]), Err(Forged));
        assert_eq!(secret().verify(&HeaderMap::new(), BODY), Err(Forged));
    }

    #[test]
    fn a_message_is_fresh_for_five_minutes_either_way() {
        let signed = secret().verify(&headers_of(BODY), BODY).expect("it holds");
        let at = |second| Timestamp::from_second(second).expect("a time");
        assert!(signed.is_fresh(at(AT + 300)) && signed.is_fresh(at(AT - 300)));
        assert!(!signed.is_fresh(at(AT + 301)) && !signed.is_fresh(at(AT - 301)));
    }

    #[test]
    fn a_secret_without_its_mark_or_content_is_refused() {
        for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%"] {
            assert!(EventSecret::parse(text).is_err(), "{text}");
        }
    }
}
