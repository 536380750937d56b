//! Answers of the API: one envelope of code, message and data (§8).

use simulation::strict_json::Value;
use simulation::{Reply, Request};

use crate::settings::{CodeStyle, ErrorPlace, Settings};

/// The language of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `es-PE`
    Spanish,
    /// `en-US`
    English,
}

impl Language {
    /// PE-U04: Spanish, unless the request asks for `en-US`.
    pub fn of(request: &Request) -> Self {
        match request.header("accept-language") {
            Some(wanted) if wanted.trim().eq_ignore_ascii_case("en-US") => Self::English,
            Some(_) | None => Self::Spanish,
        }
    }
}

/// A code and its message. PE-U05: the English wording is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 100
    Success,
    /// 111
    InvalidData,
    /// 112
    Required,
    /// 113
    InvalidValue,
    /// 166
    InternalError,
    /// 508
    InvalidService,
    /// 511
    AboveMaximum,
}

impl Code {
    /// The code's number.
    pub fn number(self) -> u32 {
        match self {
            Self::Success => 100,
            Self::InvalidData => 111,
            Self::Required => 112,
            Self::InvalidValue => 113,
            Self::InternalError => 166,
            Self::InvalidService => 508,
            Self::AboveMaximum => 511,
        }
    }

    /// The message, letter by letter as the provider writes it in Spanish.
    pub fn message(self, language: Language) -> &'static str {
        let (spanish, english) = match self {
            Self::Success => ("Solicitud exitosa.", "Successful request."),
            Self::InvalidData => ("Solicitud con datos inválidos.", "Request with invalid data."),
            Self::Required => ("Requerido.", "Required."),
            Self::InvalidValue => ("Valor invalido.", "Invalid value."),
            Self::InternalError => ("Error interno del servidor.", "Internal server error."),
            Self::InvalidService => {
                ("Servicio asociado al token es inválido.", "Service associated with the token is invalid.")
            }
            Self::AboveMaximum => (
                "Usted ha generado un Código CIP que excede el valor máximo permitido en este comercio. Por favor \
                 intente con un importe de menor cuantía.",
                "You have generated a CIP code that exceeds the maximum value allowed for this merchant. Please try \
                 a lower amount.",
            ),
        };
        match language {
            Language::Spanish => spanish,
            Language::English => english,
        }
    }
}

/// What is wrong with one field; PE-U22: named as the tables of §3 to §6 name it, in camelCase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objection {
    /// Element 112: missing, null or blank.
    Missing(&'static str),
    /// Element 113: of a wrong shape, or outside a list or bound.
    Invalid(&'static str),
}

/// Why a call is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// PE-U01: 403 without a body, to a caller whose address was not declared.
    UnknownCaller,
    /// PE-U21: 401 without a body.
    NoValidToken,
    /// 400, code 111, an element for each field; PE-U10: none where the body could not be read.
    Invalid(Vec<Objection>),
    /// 400 with a code of its own about a field: 508, 511.
    Special(Code, &'static str),
    /// 500, code 166; PE-U34: without `data`.
    Internal,
}

/// How a service is answered.
#[derive(Clone, Debug)]
pub struct Style {
    /// `code` when all went well.
    pub success: CodeStyle,
    /// `code` in errors and their elements.
    pub error: CodeStyle,
    /// The place of 508 and 511.
    pub special: ErrorPlace,
    /// Whether a member stands at the end that no document has.
    pub unknown_members: bool,
    /// Of the messages.
    pub language: Language,
}

impl Style {
    /// The style of a service; the default one where no service is known yet.
    pub fn of(settings: &Settings, request: &Request) -> Self {
        Self {
            success: settings.code_on_success,
            error: settings.code_on_error,
            special: settings.special_errors,
            unknown_members: settings.unknown_members,
            language: Language::of(request),
        }
    }

    /// An answer to a call that was carried out.
    pub fn success(&self, status: u16, data: Value) -> Reply {
        self.envelope(status, Code::Success, self.success, Some(data))
    }

    /// An answer to a call that was not.
    pub fn refusal(&self, refusal: &Refusal) -> Reply {
        match refusal {
            Refusal::UnknownCaller => bare(403),
            Refusal::NoValidToken => {
                let mut reply = bare(401);
                reply.headers.push(("www-authenticate".into(), "Bearer".into()));
                reply
            }
            Refusal::Invalid(objections) => {
                let elements = objections.iter().map(|objection| match objection {
                    Objection::Missing(field) => self.element(Code::Required, field),
                    Objection::Invalid(field) => self.element(Code::InvalidValue, field),
                });
                self.envelope(400, Code::InvalidData, self.error, Some(Value::array(elements)))
            }
            Refusal::Special(code, field) => match self.special {
                ErrorPlace::Top => self.envelope(400, *code, self.error, Some(Value::array([]))),
                ErrorPlace::Element => {
                    let elements = Value::array([self.element(*code, field)]);
                    self.envelope(400, Code::InvalidData, self.error, Some(elements))
                }
            },
            Refusal::Internal => self.envelope(500, Code::InternalError, self.error, None),
        }
    }

    fn envelope(&self, status: u16, code: Code, style: CodeStyle, data: Option<Value>) -> Reply {
        let mut body = Value::object([
            ("code", written(code, style)),
            ("message", Value::text(code.message(self.language))),
        ]);
        if let Some(data) = data {
            body.set("data", data);
        }
        if self.unknown_members {
            body.set("traceId", Value::text("0HN4C7P2V9K1Q:00000001"));
        }
        json(status, &body)
    }

    fn element(&self, code: Code, field: &str) -> Value {
        Value::object([
            ("code", written(code, self.error)),
            ("message", Value::text(code.message(self.language))),
            ("field", Value::text(field)),
        ])
    }
}

/// JSON as the provider labels it.
pub fn json(status: u16, body: &Value) -> Reply {
    Reply::with_type(status, "application/json; charset=utf-8", body.to_text().into_bytes())
}

/// An answer without a body.
pub fn bare(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), body: Vec::new() }
}

fn written(code: Code, style: CodeStyle) -> Value {
    match style {
        CodeStyle::Number => Value::from(code.number()),
        CodeStyle::Text => Value::text(code.number().to_string()),
    }
}
