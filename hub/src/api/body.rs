//! Bodies of requests: read within a limit and in time, as JSON or as nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt;

use crate::api::code::Code;
use crate::api::problem::Problem;
use crate::api::strict_json::{self, Body};
use crate::settings::MAX_API_BODY;
use crate::state::Hub;

/// How long a body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// How much of a body beyond its limit is read and thrown away.
const MAX_THROWN_AWAY: usize = 1024 * 1024;

/// A JSON body with the bytes it was read from, which the idempotency fingerprint covers.
pub struct JsonBody<T> {
    /// What was read.
    pub value: T,
    /// The bytes as sent.
    pub bytes: Bytes,
}

impl<T: Body> FromRequest<Arc<Hub>> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<Hub>) -> Result<Self, Problem> {
        check_media_type(request.headers())?;
        let bytes = read_body(request, MAX_API_BODY).await?;
        let value = strict_json::read(&bytes)?;
        Ok(Self { value, bytes })
    }
}

/// No body, or `{}`: for actions that need no more than their address.
pub struct NoBody {
    /// The bytes as sent.
    pub bytes: Bytes,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Body for Nothing {
    const LISTS: &'static [&'static str] = &[];
}

impl FromRequest<Arc<Hub>> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<Hub>) -> Result<Self, Problem> {
        let declared = check_media_type(request.headers());
        let bytes = read_body(request, MAX_API_BODY).await?;
        if !bytes.is_empty() {
            declared?;
            strict_json::read::<Nothing>(&bytes)?;
        }
        Ok(Self { bytes })
    }
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// `body_too_large`; `request_timeout`; `malformed_json` when the connection broke.
pub async fn read_body(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let is_too_large = declared.is_some_and(|length: usize| length > limit);
    match tokio::time::timeout(BODY_TIMEOUT, collect(request.into_body(), limit, is_too_large)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(Code::RequestTimeout, "The body was not there in time.")),
    }
}

/// What goes beyond the limit is read and thrown away for a while: a caller who is still writing when the
/// connection closes would see it broken, and not our answer.
async fn collect(mut body: HttpBody, limit: usize, mut is_too_large: bool) -> Result<Bytes, Problem> {
    let mut taken = Vec::new();
    let mut thrown_away = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Code::MalformedJson, "The body was cut off."))?;
        let Ok(data) = frame.into_data() else { continue };
        is_too_large |= taken.len() + data.len() > limit;
        if is_too_large {
            thrown_away += data.len();
        } else {
            taken.extend_from_slice(&data);
        }
        if thrown_away > MAX_THROWN_AWAY {
            break;
        }
    }
    if is_too_large { Err(too_large(limit)) } else { Ok(taken.into()) }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("At most {limit} bytes are taken here."))
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(Code::UnsupportedMediaType, detail));
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return refused("A compressed body is not taken.");
    }
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if is_json(declared) { Ok(()) } else { refused("Send `Content-Type: application/json`.") }
}

/// `application/json`, with no charset but UTF-8.
fn is_json(declared: &str) -> bool {
    let mut parts = declared.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.filter(|part| !part.is_empty()).all(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_utf_8_is_taken_and_nothing_else() {
        for taken in
            ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
        {
            assert!(is_json(taken), "{taken}");
        }
        for refused in ["", "text/plain", "application/json; charset=latin1", "application/jsonx"] {
            assert!(!is_json(refused), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused_with_and_without_a_declared_length() {
        let declared =
            Request::builder().header(CONTENT_LENGTH, "11").body(HttpBody::empty()).expect("request");
        let problem = read_body(declared, 10).await.expect_err("too large");
        assert_eq!(problem.code, Code::BodyTooLarge);
        let undeclared = Request::new(HttpBody::from("12345678901"));
        let problem = read_body(undeclared, 10).await.expect_err("too large");
        assert_eq!(problem.code, Code::BodyTooLarge);
        let fitting = Request::new(HttpBody::from("1234567890"));
        assert_eq!(read_body(fitting, 10).await.expect("fits").len(), 10);
    }
}
