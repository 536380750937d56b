//! What the API answers to what it does not take (§3.6, §7.3).

use simulation::Reply;
use simulation::strict_json::Value;

/// The content type of all answers of the API.
const JSON: &str = "application/json; charset=utf-8";

/// Why a call is refused. ET-U13: no table of errors is published; only the member `message` was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// ET-U04: the body is no JSON object; a form is none either.
    InvalidJson,
    /// A field is not there.
    Required(&'static str),
    /// A field is not what it should be.
    Invalid(&'static str),
    /// Code or token are wrong, or of another environment. ET-U39: in the status query too.
    Unauthorized,
    /// The merchant may not trade.
    Disabled,
    /// ET-U40: a status query that names nothing.
    NoIdentifier,
    /// ET-U52: no such path, or not by this method.
    NotFound,
}

impl Refusal {
    /// HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidJson | Self::Required(_) | Self::Invalid(_) | Self::NoIdentifier => 400,
            Self::Unauthorized => 401,
            Self::Disabled => 403,
            Self::NotFound => 404,
        }
    }

    /// What `message` says.
    pub fn message(self) -> String {
        match self {
            Self::InvalidJson => "Invalid JSON".into(),
            Self::Required(field) => format!("{field} is required"),
            Self::Invalid(field) => format!("{field} is invalid"),
            Self::Unauthorized => "Unauthorized".into(),
            Self::Disabled => "Merchant disabled".into(),
            Self::NoIdentifier => "At least one identifier is required".into(),
            Self::NotFound => "Not Found".into(),
        }
    }

    /// The whole answer.
    pub fn reply(self) -> Reply {
        answer(self.status(), &Value::object([("message", Value::text(self.message()))]))
    }
}

/// An answer of the API.
pub fn answer(status: u16, body: &Value) -> Reply {
    Reply::with_type(status, JSON, body.to_text().into_bytes())
}
