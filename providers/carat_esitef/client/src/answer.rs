//! What every answer has in common: an envelope with a code, which may lie inside any status of HTTP below 500
//! (PROTOCOL.md 2.5, 2.6, 9.0).
//!
//! CA-U09, CA-U22: the HTML interface is assumed to refuse with 200, and REST's pairs of status and code are assumed by the
//! other side, so that the code is read and not the status.

use payment::step::{Answer, Refusal};
use serde::Deserialize;

use crate::codes;
use crate::told::{Cancellation, Transaction};
use crate::wire::{self, Scalar};

/// The members that answers of both interfaces have.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Envelope {
    #[serde(rename = "responseCode")]
    response_code: Scalar,
    code: Scalar,
    description: Scalar,
    message: Scalar,
    /// The address of the portal's page.
    pub url: Scalar,
    /// The transaction, by the HTML interface.
    pub nit: Scalar,
    /// The portal's number of it.
    pub nsuesitef: Scalar,
    /// The storage transaction, by the HTML interface.
    pub nita: Scalar,
    /// Its number.
    pub nsua: Scalar,
    /// The transaction, by REST.
    pub payment: Option<Transaction>,
    /// The storage transaction, by REST.
    pub store: Option<Store>,
    /// The cancellation.
    pub cancellation: Option<Cancellation>,
}

/// A storage transaction as REST tells it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Store {
    /// Its name.
    pub nita: Scalar,
    /// Its number.
    pub nsua: Scalar,
}

impl Envelope {
    /// The portal's code.
    pub fn code(&self) -> Option<&str> {
        self.code.text().or_else(|| self.response_code.text())
    }

    /// The refusal that it stands for.
    pub fn refusal(&self) -> Refusal {
        let message = self.message.told().or_else(|| self.description.told()).unwrap_or_default();
        let code: String = self.code().unwrap_or_default().chars().take(8).collect();
        codes::refusal(&code, &message)
    }
}

/// How an answer is to be taken.
#[derive(Debug)]
pub enum Heard {
    /// What was asked for was done.
    Done(Box<Envelope>),
    /// It was not: its code says why. A denied payment is told whole.
    Refused(Box<Envelope>),
    /// It does not tell.
    Unclear(&'static str),
}

/// Reads an answer.
pub fn hear(answer: &Answer) -> Heard {
    if !matches!(answer.status, 200..=299 | 400..=499) {
        return Heard::Unclear("the portal has a fault of its own, or sends us elsewhere");
    }
    let text = std::str::from_utf8(&answer.body).unwrap_or_default();
    let Some(envelope) = wire::object::<Envelope>(text) else {
        return Heard::Unclear("the answer is no JSON object, or is ambiguous");
    };
    match (envelope.code(), answer.status < 400) {
        (Some("0"), true) => Heard::Done(Box::new(envelope)),
        (Some("0"), false) => Heard::Unclear("the answer says success under a status of failure"),
        (Some(_), _) => Heard::Refused(Box::new(envelope)),
        (None, _) => Heard::Unclear("the answer has no code"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(status: u16, body: &str) -> Heard {
        hear(&Answer {
            status,
            content_type: "application/json".into(),
            body: body.as_bytes().to_vec(),
            received_at: "2026-03-14T15:15:31Z".parse().expect("a time"),
            provider_date: None,
            handed_over: None,
        })
    }

    #[test]
    fn only_code_zero_is_success_whatever_the_status_of_http_is() {
        let _story = testing::story("only_code_zero_is_success_whatever_the_status_of_http_is");
        for body in [r#"{"responseCode":0}"#, r#"{"responseCode":"0"}"#, r#"{"code":"0"}"#, r#"{"code":0}"#] {
            assert!(matches!(heard(200, body), Heard::Done(_)), "{body}");
            assert!(matches!(heard(201, body), Heard::Done(_)), "{body}");
            assert!(matches!(heard(400, body), Heard::Unclear(_)), "{body}");
        }
        for body in [r#"{"responseCode":33}"#, r#"{"code":"255"}"#, r#"{"code":"00"}"#, r#"{"code":"zero"}"#]
        {
            for status in [200, 400, 404, 499] {
                assert!(matches!(heard(status, body), Heard::Refused(_)), "{status} {body}");
            }
        }
        testing::covers!("CA-15");
        for body in ["", "{}", "[]", "<html>", r#"{"code":""}"#, r#"{"code":"0","code":"255"}"#] {
            assert!(matches!(heard(200, body), Heard::Unclear(_)), "{body}");
        }
        for status in [100, 302, 500, 503, 599] {
            assert!(matches!(heard(status, r#"{"code":"0"}"#), Heard::Unclear(_)), "{status}");
        }
    }
}
