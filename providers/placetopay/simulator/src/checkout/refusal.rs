//! Refusals of the API: HTTP code, reason and message (§2, §3.4, §6.10, §7.4, §8).

use simulation::strict_json::Value;
use simulation::{Reply, Timestamp};

use super::objection::Objection;
use super::texts::Language;
use crate::authentication::Failure;
use crate::instant;

/// A reason is a word in most refusals and the number 401 when authentication fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A word or a two-character code.
    Word(&'static str),
    /// A number.
    Number(u32),
}

/// A request that is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status code.
    pub http: u16,
    /// `status.reason`
    pub reason: Reason,
    /// `status.message`
    pub objection: Objection,
}

impl Refusal {
    /// HTTP 400 `request_not_valid`: what most refused requests get.
    pub fn request(objection: Objection) -> Self {
        Self { http: 400, reason: Reason::Word("request_not_valid"), objection }
    }

    /// HTTP 400 `payer_data_not_valid` (§6.2).
    pub fn payer(member: &str) -> Self {
        let objection = Objection::InvalidPayer(member.to_owned());
        Self { http: 400, reason: Reason::Word("payer_data_not_valid"), objection }
    }

    /// HTTP 400 `max_dispersion_error` (§6.4).
    pub fn too_many_dispersions() -> Self {
        Self {
            http: 400,
            reason: Reason::Word("max_dispersion_error"),
            objection: Objection::TooManyDispersions,
        }
    }

    /// HTTP 400 `action_not_allowed` (§8).
    pub fn not_pending() -> Self {
        Self { http: 400, reason: Reason::Word("action_not_allowed"), objection: Objection::NotPending }
    }

    /// AV-U25: HTTP 404 `request_not_valid`.
    pub fn unknown_session() -> Self {
        Self { http: 404, reason: Reason::Word("request_not_valid"), objection: Objection::UnknownSession }
    }

    /// HTTP 401 `unauthorized` (§7.4).
    pub fn foreign_session() -> Self {
        Self { http: 401, reason: Reason::Word("unauthorized"), objection: Objection::ForeignSession }
    }

    /// HTTP 400 with a reason of its own: `XN` of a token, `BR` of a reversal, `transaction_request_error` (§10, §11).
    pub fn with_reason(reason: &'static str, objection: Objection) -> Self {
        Self { http: 400, reason: Reason::Word(reason), objection }
    }

    /// HTTP 400 with the number 0 of the older reversal (§12).
    pub fn without_reference() -> Self {
        Self { http: 400, reason: Reason::Number(0), objection: Objection::InvalidReference }
    }

    /// HTTP 404 `NA` (§6.10).
    pub fn page_not_found() -> Self {
        Self { http: 404, reason: Reason::Word("NA"), objection: Objection::PageNotFound }
    }

    /// The answer on the wire.
    pub fn reply(&self, language: Language, now: Timestamp) -> Reply {
        let reason = match self.reason {
            Reason::Word(word) => Value::text(word),
            Reason::Number(number) => Value::from(number),
        };
        let status = status("FAILED", reason, &self.objection.text(language), now);
        Reply::json(self.http, Value::object([("status", status)]).to_text())
    }
}

/// AV-U04: a malformed object answers like any failed authentication, with a text of its own.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let objection =
            failure.code().map_or(Objection::MalformedAuthentication, Objection::AuthenticationFailed);
        Self { http: 401, reason: Reason::Number(401), objection }
    }
}

/// A status object, members in the provider's order (§2).
pub fn status(word: &str, reason: Value, message: &str, at: Timestamp) -> Value {
    Value::object([
        ("status", Value::text(word)),
        ("reason", reason),
        ("message", Value::text(message)),
        ("date", Value::text(instant::write(at))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_authentication_is_written_as_the_provider_writes_it() {
        let now = "2026-03-14T15:15:31Z".parse().expect("a timestamp");
        let reply = Refusal::from(Failure::WrongDigest).reply(Language::Spanish, now);
        assert_eq!(reply.status, 401);
        assert_eq!(
            String::from_utf8(reply.body).expect("UTF-8"),
            r#"{"status":{"status":"FAILED","reason":401,"message":"Autenticación fallida 102","date":"2026-03-14T10:15:31-05:00"}}"#
        );
    }

    #[test]
    fn a_malformed_authentication_carries_no_code() {
        let now = "2026-03-14T15:15:31Z".parse().expect("a timestamp");
        let reply = Refusal::from(Failure::Malformed).reply(Language::Spanish, now);
        assert_eq!(reply.status, 401);
        assert!(
            String::from_utf8(reply.body)
                .expect("UTF-8")
                .contains(r#""reason":401,"message":"Autenticación mal formada""#)
        );
    }
}
