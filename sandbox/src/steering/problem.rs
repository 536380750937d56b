//! Errors of the steering port as RFC 9457 problem details.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::SteeringError;
use crate::travel::TravelError;

/// A problem: an HTTP status, a code from a closed list and a sentence.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub code: &'static str,
    pub title: &'static str,
    pub detail: String,
}

impl Problem {
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "invalid_request",
            title: "The request is not valid",
            detail: detail.into(),
        }
    }

    pub fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "not_found",
            title: "There is nothing at this address",
            detail: "Steering lives under /_sandbox/, its page at /.".into(),
        }
    }

    pub fn from_elsewhere() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "cross_site_request",
            title: "Another site asked for this",
            detail: "Only the steering page itself, and programs that are no browsers, may change anything."
                .into(),
        }
    }

    pub fn misdirected() -> Self {
        Self {
            status: StatusCode::MISDIRECTED_REQUEST,
            code: "unknown_host",
            title: "This host name is not served",
            detail: "The steering port answers to addresses, localhost and the configured names only.".into(),
        }
    }
}

impl From<SteeringError> for Problem {
    fn from(error: SteeringError) -> Self {
        let detail = error.to_string();
        let (status, code, title) = match error {
            SteeringError::UnknownProvider(_) => {
                (StatusCode::NOT_FOUND, "unknown_provider", "The provider is not mounted")
            }
            SteeringError::UnknownNotice(_) => {
                (StatusCode::NOT_FOUND, "unknown_notice", "The notice is not known")
            }
            SteeringError::UnknownHardship(_) => {
                (StatusCode::NOT_FOUND, "unknown_hardship", "The hardship is not in force")
            }
            SteeringError::NoGuide(_) => (StatusCode::NOT_FOUND, "no_guide", "The provider has no guide"),
            SteeringError::Invalid(_) => {
                (StatusCode::BAD_REQUEST, "invalid_request", "The request is not valid")
            }
            SteeringError::Refused(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "refused_by_simulator", "The simulator refused")
            }
            SteeringError::Target(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "target_not_allowed", "Nothing is sent to this target")
            }
            SteeringError::Travel(TravelError::InThePast { .. } | TravelError::OutOfRange) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "clock_target", "The clock cannot go there")
            }
            SteeringError::Travel(TravelError::Restless { .. }) => {
                (StatusCode::GATEWAY_TIMEOUT, "not_at_rest", "Somebody did not come to rest")
            }
            SteeringError::Travel(TravelError::TooManyHops { .. }) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "too_many_stops", "The journey has too many stops")
            }
            SteeringError::Travel(TravelError::TooManyFollowers) => {
                (StatusCode::CONFLICT, "too_many_followers", "No more followers are taken")
            }
            SteeringError::Travel(TravelError::Unreachable(_)) => {
                (StatusCode::BAD_GATEWAY, "follower_unreachable", "The follower did not take the time")
            }
        };
        Self { status, code, title, detail }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": format!("urn:caudal:sandbox:problem:{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
        });
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}
