//! What every answer has in common: a status, and the refusals that look like one of a payment.

use payment::Timestamp;
use payment::fact::Reason;
use payment::step::{Advice, Answer, Refusal, Step};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::wire::{Part, Scalar, only_text};
use crate::authentication;

/// The status object, the same for the outcome of a request, a session and a transaction.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Status {
    #[serde(default, deserialize_with = "only_text")]
    pub status: Scalar,
    #[serde(default)]
    pub reason: Scalar,
    #[serde(default)]
    pub message: Scalar,
    #[serde(default)]
    pub date: Scalar,
}

impl Status {
    /// The provider's words, kept as written.
    pub fn told(&self) -> Reason {
        Reason {
            status: self.status.for_people(),
            code: self.reason.for_people(),
            message: self.message.for_people(),
        }
    }

    /// Its word; empty when there is none.
    pub fn status_text(&self) -> &str {
        self.status.text().unwrap_or_default()
    }

    /// The instant it names.
    pub fn date(&self) -> Option<Timestamp> {
        self.date.text()?.parse().ok()
    }
}

/// An answer that tells nothing about a session.
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

/// Reads an answer as `T`, unless it is a refusal or no answer of the provider at all.
///
/// A refused request answers in the shape of a payment's status, `FAILED` (PROTOCOL.md 3.4). To store that as
/// the payment's result would let the shopper pay twice: it is told apart here, for every operation.
///
/// # Errors
/// [`Unusable`].
pub fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Unusable> {
    let text = text_of(answer)?;
    let outcome: Outcome = parse(text)?;
    let Some(status) = outcome.status.read() else {
        return Err(Unusable::Unclear("the answer has no status"));
    };
    if status.status.text() == Some("FAILED") {
        return Err(Unusable::Refused(Box::new(refusal(answer.status, status))));
    }
    if answer.status >= 400 {
        return Err(Unusable::Unclear("an error of HTTP that the body does not explain"));
    }
    parse(text)
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    status: Part<Status>,
}

fn text_of(answer: &Answer) -> Result<&str, Unusable> {
    match answer.status {
        200..=299 | 400..=499 => {}
        500.. => return Err(Unusable::Unclear("the provider has a fault of its own")),
        _ => return Err(Unusable::Unclear("an answer that is neither success nor refusal")),
    }
    let text = std::str::from_utf8(&answer.body).map_err(|_| Unusable::Unclear("the answer is not UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(Unusable::Unclear("the answer is empty"));
    }
    if !text.starts_with('{') {
        return Err(Unusable::Unclear("the answer is not a JSON object"));
    }
    Ok(text)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Unusable> {
    serde_json::from_str(text).map_err(|_| Unusable::Unclear("the answer is not JSON as documented"))
}

/// Sorts a refusal by its reason. Messages come in four languages and are never matched upon.
fn refusal(http_status: u16, status: &Status) -> Refusal {
    let reason = status.reason.for_people();
    let message = status.message.for_people();
    let (code, advice) = match (http_status, reason.as_str()) {
        (_, "401") => return authentication::refused(&message),
        // Of another site, or of another environment: the credentials are not the session's.
        (_, "unauthorized") => ("config_error", Advice::Contact),
        // There is no such path: the account's base URL is wrong.
        (_, "NA") => ("config_error", Advice::Contact),
        (401 | 403, _) => ("config_error", Advice::Contact),
        // Not while somebody pays, nor after somebody paid; ask what became of it.
        (_, "action_not_allowed") => ("processing_error", Advice::Retry),
        // A token that nothing can be charged with.
        (_, "XN") => ("provider_refused", Advice::ChangeInstrument),
        (429, _) | (_, "RM") => ("processing_error", Advice::Retry),
        (_, "request_not_valid" | "payer_data_not_valid" | "max_dispersion_error" | "0") => {
            ("invalid_value", Advice::ChangeRequest)
        }
        (_, _) => ("processing_error", Advice::Contact),
    };
    let detail = format!("The provider refused: {message}");
    Refusal { code, provider_code: Some(reason), detail, complaints: Vec::new(), advice }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Result<Outcome, Unusable> {
        let received_at = "2026-03-14T15:15:31Z".parse().expect("a time");
        let body = body.as_bytes().to_vec();
        read(&Answer {
            status,
            content_type: "application/json".into(),
            body,
            received_at,
            provider_date: None,
            handed_over: None,
        })
    }

    #[test]
    fn each_refusal_says_whose_turn_it_is() {
        let table = [
            (401, "401", "Autenticación fallida 102", "config_error", Advice::Contact),
            (401, "unauthorized", "La sesión no pertenece a su sitio", "config_error", Advice::Contact),
            (404, "NA", "Pagina no encontrada", "config_error", Advice::Contact),
            (
                400,
                "request_not_valid",
                "La moneda proporcionada es invalida",
                "invalid_value",
                Advice::ChangeRequest,
            ),
            (
                404,
                "request_not_valid",
                "No existe la sesión que busca",
                "invalid_value",
                Advice::ChangeRequest,
            ),
            (400, "action_not_allowed", "No se puede", "processing_error", Advice::Retry),
            (200, "XH", "Ha ocurrido un error", "processing_error", Advice::Contact),
            (429, "RM", "Demasiadas peticiones", "processing_error", Advice::Retry),
        ];
        for (http_status, reason, message, code, advice) in table {
            for reason in [format!("\"{reason}\""), reason.to_owned()] {
                let body =
                    format!(r#"{{"status":{{"status":"FAILED","reason":{reason},"message":"{message}"}}}}"#);
                match answered(http_status, &body) {
                    Err(Unusable::Refused(refusal)) => {
                        assert_eq!((refusal.code, refusal.advice), (code, advice), "{body}");
                    }
                    // Words without quotes are no JSON; numbers are.
                    Err(Unusable::Unclear(_)) => assert!(reason.parse::<u32>().is_err(), "{body}"),
                    Ok(_) => panic!("taken for a session: {body}"),
                }
            }
        }
    }

    #[test]
    fn what_is_no_answer_of_the_provider_is_unclear() {
        let failed = r#"{"status":{"status":"FAILED","reason":"401","message":"x"}}"#;
        let table = [
            (200, ""),
            (200, "null"),
            (200, "[]"),
            (200, "<!doctype html><title>Mantenimiento</title>"),
            (200, "{\"status\":{\"status\":\"OK\""),
            (200, "{}"),
            (200, r#"{"status":"OK"}"#),
            (200, r#"{"status":{"status":"OK"},"status":{"status":"OK"}}"#),
            (302, r#"{"status":{"status":"OK"}}"#),
            (404, r#"{"status":{"status":"OK"}}"#),
            (500, failed),
            (503, failed),
        ];
        for (status, body) in table {
            assert!(matches!(answered(status, body), Err(Unusable::Unclear(_))), "{status} {body}");
        }
    }
}
