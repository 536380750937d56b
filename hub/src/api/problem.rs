//! Problems: what the API answers when it does not do what was asked (RFC 9457).

use std::ops::Deref;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use payment::id::PaymentId;
use payment::order::Complaint;
use payment::step::{Advice, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::code::Code;
use crate::flow::document::PendingPaymentDocument;
use crate::store::{Failure, StoreError};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// When to ask again while the disk is full, in seconds: making room takes a person or a cleaner.
const FULL_RETRY_S: u32 = 10;

/// An answer that says what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Problem(Box<ProblemDocument>);

/// An answer that says what is wrong. Members that do not apply are left away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Address, at this hub, of the code's explanation.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, the same text for the same code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, for people.
    pub detail: String,
    /// The path that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What happened, for programs.
    pub code: Code,
    /// The member, parameter or header that is wrong, as a path: `taxes[0].amount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// The provider that refused or did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's own code, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_code: Option<String>,
    /// The issuer's reason to decline, where a provider tells it apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<String>,
    /// What may help: `retry`, `change_request`, `change_instrument`, `contact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = crate::flow::words::advice)]
    pub advice: Option<Advice>,
    /// The payment that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    /// Finds the request in the hub's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Every member that is wrong, when there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemError>,
    /// What the customer is about to pay already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<crate::flow::document::PendingPaymentDocument>)]
    pub pending: Vec<serde_json::Value>,
    /// Seconds after which to ask again; told in the header.
    #[serde(skip)]
    pub retry_after_s: Option<u32>,
}

/// One member that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemError {
    /// The member as a path.
    pub param: String,
    /// What is wrong with it.
    pub code: Code,
    /// The rule it breaks.
    pub detail: String,
}

impl Problem {
    /// A problem.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemDocument {
            kind: code.address(),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            instance: None,
            code,
            param: None,
            provider: None,
            provider_code: None,
            decline_code: None,
            advice: None,
            payment_id: None,
            request_id: None,
            errors: Vec::new(),
            pending: Vec::new(),
            retry_after_s: None,
        }))
    }

    /// Nothing of the caller's is there.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There is no {what} of yours with this id."))
    }

    /// As many requests wait as are taken.
    pub fn overloaded() -> Self {
        Self::new(Code::Overloaded, "Too many requests are waiting.").with_retry_after(1)
    }

    /// Members of an order that break rules. One speaks for itself; several are listed.
    pub fn from_complaints(complaints: &[Complaint]) -> Self {
        let errors: Vec<_> = complaints.iter().map(ProblemError::from).collect();
        match errors.as_slice() {
            [only] => Self::new(only.code, only.detail.clone()).with_param(&only.param),
            several => {
                let detail = format!("{} members break a rule; see `errors`.", several.len());
                let mut problem = Self::new(Code::InvalidOrder, detail);
                problem.0.errors = errors;
                problem
            }
        }
    }

    /// A provider's refusal: nothing happened to money.
    pub fn from_refusal(refusal: &Refusal, provider: &str) -> Self {
        let code = Code::from_word(refusal.code).unwrap_or(Code::ProviderRefused);
        let errors: Vec<_> = refusal.complaints.iter().map(ProblemError::from).collect();
        let mut problem = Self::new(code, refusal.detail.clone()).with_provider(provider);
        problem.0.param = errors.first().map(|error| error.param.clone());
        problem.0.provider_code = refusal.provider_code.clone();
        problem.0.advice = Some(refusal.advice);
        problem.0.errors = errors;
        problem
    }

    /// The problem of a payment that could not be tried, as it was written down.
    pub fn from_failure(failure: &Failure, provider: &str) -> Self {
        let code = Code::from_word(&failure.code).unwrap_or(Code::ProviderRefused);
        let mut problem = Self::new(code, failure.detail.clone()).with_provider(provider);
        problem.0.provider_code = failure.provider_code.clone();
        problem
    }

    /// Names the member, parameter or header.
    pub fn with_param(mut self, param: &str) -> Self {
        self.0.param = Some(param.to_owned());
        self
    }

    /// Names the payment.
    pub fn with_payment(mut self, id: &PaymentId) -> Self {
        self.0.payment_id = Some(id.to_string());
        self
    }

    /// Names the provider.
    pub fn with_provider(mut self, provider: &str) -> Self {
        self.0.provider = Some(provider.to_owned());
        self
    }

    /// Names the request: its id, and its path where that may be told.
    pub fn with_request(mut self, id: &str, instance: Option<String>) -> Self {
        self.0.request_id = Some(id.to_owned());
        self.0.instance = instance;
        self
    }

    /// Lists what the customer is about to pay already.
    pub fn with_pending(mut self, pending: &[PendingPaymentDocument]) -> Self {
        // Maps with text keys, texts and integers: there is nothing in it that JSON cannot write.
        self.0.pending = pending.iter().filter_map(|one| serde_json::to_value(one).ok()).collect();
        self
    }

    /// Says when to ask again.
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }
}

impl Deref for Problem {
    type Target = ProblemDocument;

    fn deref(&self) -> &ProblemDocument {
        &self.0
    }
}

/// What an order calls `total` the API calls `amount`.
impl From<&Complaint> for ProblemError {
    fn from(complaint: &Complaint) -> Self {
        let param = match complaint.param.as_str() {
            "total" | "total.minor" => "amount",
            "total.currency" => "currency",
            other => other,
        };
        Self {
            param: param.to_owned(),
            code: Code::from_word(&complaint.code).unwrap_or(Code::InvalidValue),
            detail: complaint.detail.clone(),
        }
    }
}

/// Trouble with the database is never the caller's fault, and asking again may help.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_busy() {
            return Self::overloaded();
        }
        tracing::error!(%error, "the store refused");
        if error.is_full() {
            let detail = "The hub's database has no room left.";
            return Self::new(Code::DatabaseFull, detail).with_retry_after(FULL_RETRY_S);
        }
        Self::new(Code::DatabaseUnavailable, "The hub's database does not answer.").with_retry_after(1)
    }
}

/// The problem also travels as an extension of the response, so that the outermost layer can add what only
/// it knows: the request's id and path.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"caudal\""));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_complaint_speaks_for_itself_and_several_are_listed() {
        let amount = Complaint::new("total.minor", "invalid_amount", "Not zero.");
        let one = Problem::from_complaints(std::slice::from_ref(&amount));
        assert_eq!((one.code, one.param.as_deref()), (Code::InvalidAmount, Some("amount")));
        assert!(one.errors.is_empty());

        let text = Complaint::new("reference", "too_long", "At most 64.");
        let several = Problem::from_complaints(&[amount, text]);
        assert_eq!((several.code, several.param.as_deref()), (Code::InvalidOrder, None));
        assert_eq!(several.errors.len(), 2);
    }

    #[test]
    fn a_refusal_with_an_unknown_word_stays_inside_the_closed_list() {
        let refusal = Refusal {
            code: "something_else",
            provider_code: Some("X7".into()),
            detail: "No.".into(),
            complaints: vec![],
            advice: Advice::Contact,
        };
        let problem = Problem::from_refusal(&refusal, "anyone");
        assert_eq!((problem.code, problem.status), (Code::ProviderRefused, 422));
        assert_eq!(problem.provider_code.as_deref(), Some("X7"));
    }

    #[test]
    fn a_kept_problem_comes_back_as_it_was() {
        let problem = Problem::new(Code::ReferenceUsed, "Used.").with_param("reference");
        let text = serde_json::to_string(&problem).expect("json");
        assert_eq!(serde_json::from_str::<Problem>(&text).expect("json"), problem);
        assert!(!text.contains("null"));
    }
}
