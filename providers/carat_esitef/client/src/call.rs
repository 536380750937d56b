//! The calls of both interfaces: addresses, headers, and bodies that leave no copy of a card behind (PROTOCOL.md 2.1, 9.0).

use payment::Account;
use payment::step::{AfterLost, Call, Refusal, Request, Step};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use crate::account::{self, unconfigured};
use crate::stage::Stage;

/// Time-out of calls that move no money, in milliseconds.
pub const USUAL_MS: u64 = 15_000;
/// Time-out of a payment or a cancellation, in milliseconds: after it the shop asks what happened (PROTOCOL.md 12.3).
pub const PAYING_MS: u64 = 60_000;
/// Time-out of a look-up, in milliseconds: three of them fit in behind a payment that was lost.
pub const ASKING_MS: u64 = 5_000;

/// One operation of the portal.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its name in metrics and the wire log.
    pub name: &'static str,
    /// `GET`, `POST`, `PUT`.
    pub method: &'static str,
    /// How long its whole answer may take, in milliseconds.
    pub timeout_ms: u64,
    /// What may be done when its answer is lost.
    pub on_lost: AfterLost,
}

/// A body, and the headers that go with it.
#[derive(Default)]
pub struct Body {
    /// The bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Headers beside those of every call.
    pub headers: Vec<(&'static str, String)>,
}

impl Body {
    /// A form.
    pub fn form(written: String) -> Self {
        let headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        Self { bytes: written.into_bytes().into(), headers }
    }

    /// JSON that holds no card.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn json(value: &impl Serialize) -> Result<Self, Box<Refusal>> {
        let written = serde_json::to_vec(value).map_err(|_| unwritable())?;
        Ok(Self::of_json(written.into()))
    }

    /// JSON with a card: `members` of an object, and behind them `card` with these texts. Written once into room that is
    /// there from the start: a body that grew would leave copies of the card behind.
    ///
    /// # Errors
    /// `members` cannot be written as an object.
    pub fn with_card(members: &impl Serialize, card: &[(&str, &str)]) -> Result<Self, Box<Refusal>> {
        let members = serde_json::to_vec(members).map_err(|_| unwritable())?;
        let before = members.strip_suffix(b"}").ok_or_else(unwritable)?;
        let most: usize = card.iter().map(|(name, value)| name.len() + 2 * value.len() + 6).sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(before.len() + most + 12));
        bytes.extend_from_slice(before);
        bytes.extend_from_slice(if before.len() > 1 { b",\"card\":{" } else { b"\"card\":{" });
        for (index, (name, value)) in card.iter().enumerate() {
            bytes.extend_from_slice(if index > 0 { b",\"" } else { b"\"" });
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b"\":\"");
            for byte in value.bytes() {
                if matches!(byte, b'"' | b'\\') {
                    bytes.push(b'\\');
                }
                bytes.push(byte);
            }
            bytes.push(b'"');
        }
        bytes.extend_from_slice(b"}}");
        Ok(Self::of_json(bytes))
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn of_json(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self { bytes, headers: vec![("content-type", "application/json".to_owned())] }
    }
}

/// A call of the REST interface: the shop names itself in two headers.
///
/// # Errors
/// The account is not configured.
pub fn rest(
    operation: Operation,
    account: &Account,
    path: &[&str],
    query: &[(&str, &str)],
    body: Body,
    stage: &Stage,
) -> Result<Step, Box<Refusal>> {
    let url = account::rest_url(account, path)?;
    let mut headers = body.headers;
    headers.push(("merchant_id", account::merchant_id(account)?.to_owned()));
    headers.push(("merchant_key", account::merchant_key(account)?.to_owned()));
    Ok(step(operation, with_query(url, query), headers, body.bytes, stage))
}

/// A call of the HTML interface. CA-U19: its queries carry nothing that names the shop.
///
/// # Errors
/// The account is not configured.
pub fn html(
    operation: Operation,
    account: &Account,
    path: &[&str],
    query: &[(&str, &str)],
    body: Body,
    stage: &Stage,
) -> Result<Step, Box<Refusal>> {
    let url = account::html_url(account, path)?;
    Ok(step(operation, with_query(url, query), body.headers, body.bytes, stage))
}

fn with_query(mut url: Url, query: &[(&str, &str)]) -> Url {
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

fn step(
    operation: Operation,
    url: Url,
    headers: Vec<(&'static str, String)>,
    body: Zeroizing<Vec<u8>>,
    stage: &Stage,
) -> Step {
    let request = Request {
        operation: operation.name,
        method: operation.method,
        url,
        headers,
        body,
        timeout_ms: operation.timeout_ms,
        needs_token: false,
    };
    Step::Call(Box::new(Call { request, memo: stage.memo(), on_lost: operation.on_lost }))
}

fn unwritable() -> Box<Refusal> {
    unconfigured("The request cannot be written as JSON.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Members {
        amount: &'static str,
    }

    #[derive(Serialize)]
    struct None {}

    #[test]
    fn a_card_is_written_behind_the_members_and_the_body_never_grows() {
        let card = [("number", "4000000000000044"), ("token", "a\"b\\c+/==")];
        let body = Body::with_card(&Members { amount: "1" }, &card).expect("a body");
        let expected = r#"{"amount":"1","card":{"number":"4000000000000044","token":"a\"b\\c+/=="}}"#;
        assert_eq!(std::str::from_utf8(&body.bytes), Ok(expected));
        let alone = Body::with_card(&None {}, &card[..1]).expect("a body");
        assert_eq!(std::str::from_utf8(&alone.bytes), Ok(r#"{"card":{"number":"4000000000000044"}}"#));
        for value in ["", "\"", &"\"".repeat(500), &"a".repeat(88)] {
            let long = [("number", value), ("expiry_date", value), ("security_code", value)];
            let body = Body::with_card(&Members { amount: "1" }, &long).expect("a body");
            let most = 12 + long.iter().map(|(name, value)| name.len() + 2 * value.len() + 6).sum::<usize>();
            assert_eq!(body.bytes.capacity(), br#"{"amount":"1""#.len() + most, "it grew");
            let read: serde_json::Value = serde_json::from_slice(&body.bytes).expect("JSON");
            assert_eq!(read["card"]["number"], value);
        }
        assert!(Body::with_card(&"text", &card).is_err());
    }
}
