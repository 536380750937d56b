//! What every answer has in common: 200 is an answer, 400 to 499 a refusal, and all else tells nothing
//! (PROTOCOL.md 3.6).
//!
//! ET-U13, ET-U39, ET-U40: status and text of refusals are assumed by the provider's side, so that only the status of HTTP
//! is read, and the text is for people.

use payment::step::{Advice, Answer, Refusal, Step};
use serde::Deserialize;

use crate::wire::{self, Scalar};

/// An answer that tells nothing about a payment.
#[derive(Debug)]
pub enum Unusable {
    /// The provider refused the request.
    Refused(Box<Refusal>),
    /// It does not tell what happened.
    Unclear(&'static str),
}

impl From<Unusable> for Step {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Refused(refusal) => Self::Refused(*refusal),
            Unusable::Unclear(cause) => Self::Unclear { cause: cause.to_owned() },
        }
    }
}

/// The text of an answer, unless it is a refusal or no answer of the provider at all.
///
/// # Errors
/// [`Unusable`].
pub fn text(answer: &Answer) -> Result<&str, Unusable> {
    let text = std::str::from_utf8(&answer.body).ok();
    match answer.status {
        200 => text.ok_or(Unusable::Unclear("the answer is not UTF-8")),
        400..=499 => Err(Unusable::Refused(Box::new(refusal(answer.status, text.unwrap_or_default())))),
        500.. => Err(Unusable::Unclear("the provider has a fault of its own")),
        _ => Err(Unusable::Unclear("an answer that is neither success nor refusal")),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Explained {
    message: Scalar,
}

fn refusal(status: u16, body: &str) -> Refusal {
    let (code, advice) = match status {
        // Who we are, or where we call, is wrong.
        401 | 403 | 404 | 405 => ("config_error", Advice::Contact),
        408 | 429 => ("processing_error", Advice::Retry),
        400 | 422 => ("invalid_value", Advice::ChangeRequest),
        _ => ("processing_error", Advice::Contact),
    };
    let message = wire::object::<Explained>(body).and_then(|explained| explained.message.told());
    let detail = match message {
        Some(message) => format!("The provider refused: {message}"),
        None => format!("The provider refused with HTTP {status} and did not say why."),
    };
    let provider_code = Some(status.to_string());
    Refusal { code, provider_code, detail, complaints: Vec::new(), advice }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &[u8]) -> Step {
        let answer = Answer {
            status,
            content_type: "application/json".into(),
            body: body.to_vec(),
            received_at: "2026-03-02T14:00:01Z".parse().expect("a time"),
            provider_date: None,
            handed_over: None,
        };
        match text(&answer) {
            Ok(text) => panic!("taken: {text}"),
            Err(unusable) => unusable.into(),
        }
    }

    #[test]
    fn each_refusal_says_whose_turn_it_is_with_or_without_words() {
        let table = [
            (400, "invalid_value", Advice::ChangeRequest),
            (401, "config_error", Advice::Contact),
            (403, "config_error", Advice::Contact),
            (404, "config_error", Advice::Contact),
            (429, "processing_error", Advice::Retry),
            (418, "processing_error", Advice::Contact),
            (499, "processing_error", Advice::Contact),
        ];
        for (status, code, advice) in table {
            for body in [r#"{"message":"Unauthorized"}"#, "", "<html>", r#"["message"]"#, "\u{0}"] {
                let Step::Refused(refusal) = answered(status, body.as_bytes()) else { panic!("{status}") };
                assert_eq!((refusal.code, refusal.advice), (code, advice), "{status}");
                assert_eq!(refusal.detail.contains("Unauthorized"), body.contains("Unauthorized"));
            }
        }
    }

    #[test]
    fn what_is_neither_an_answer_nor_a_refusal_is_unclear() {
        for status in [100, 201, 204, 302, 500, 503, 599] {
            assert!(matches!(answered(status, b"{\"token\":\"a\"}"), Step::Unclear { .. }), "{status}");
        }
        assert!(matches!(answered(200, &[0xff]), Step::Unclear { .. }));
    }
}
