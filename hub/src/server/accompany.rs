//! What accompanies every request: its id, a span, a measure, a bound in time, a net under panics, headers.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use metrics::Histogram;
use tracing::Instrument;

use crate::api::code::Code;
use crate::api::problem::Problem;
use crate::fault::fault;
use crate::metrics::HTTP_REQUEST_DURATION;
use crate::state::Hub;
use crate::vault::encode_hex;

/// The header that carries a request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// How long a request may take, its calls to a provider included: less than an idempotency claim is believed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(80);

/// Goes around every request.
pub(super) async fn accompany(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = format!("req_{}", encode_hex(&hub.entropy().bytes()[..16]));
    let method = request.method().clone();
    // The template and not the path: paths of pages hold their tokens.
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let instance = route.starts_with("/v1/").then(|| request.uri().path().to_owned());
    let span = tracing::info_span!("request", id, %method, route, merchant = tracing::field::Empty);
    let response = guarded(next.run(request)).instrument(span.clone()).await;
    let problem = response.extensions().get::<Problem>();
    if problem.is_some_and(|problem| problem.code == Code::DatabaseFull) && !fault!("hide_a_full_disk") {
        hub.room.note_full();
    }
    let mut response = signed_off(response, &method, &id, instance);
    add_headers(&hub, &id, response.headers_mut());
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    span.in_scope(|| tracing::info!(status, elapsed_ms = elapsed.as_millis(), "answered"));
    duration_of(route, known_method(&method), status).record(elapsed.as_secs_f64());
    response
}

/// The histogram of a route, a method and a status: found by them once, since finding one among all costs as much as
/// reading a short request. There are few of each.
fn duration_of(route: &str, method: &'static str, status: u16) -> Histogram {
    type OfRoute = HashMap<(&'static str, u16), Histogram>;
    static KNOWN: LazyLock<RwLock<HashMap<String, OfRoute>>> = LazyLock::new(RwLock::default);
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(histogram) = known.get(route).and_then(|of_route| of_route.get(&(method, status))) {
        return histogram.clone();
    }
    drop(known);
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    let histogram = ::metrics::histogram!(HTTP_REQUEST_DURATION, &labels);
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.entry(route.to_owned()).or_default().insert((method, status), histogram.clone());
    histogram
}

/// Bounds a handler in time and catches its panic.
async fn guarded(handler: impl Future<Output = Response>) -> Response {
    let caught = AssertUnwindSafe(handler).catch_unwind();
    match tokio::time::timeout(REQUEST_TIMEOUT, caught).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a handler panicked");
            Problem::new(Code::InternalError, "The hub failed at this request.").into_response()
        }
        Err(_) => {
            let problem = Problem::new(Code::TimedOut, "The request was not finished in time.");
            problem.with_retry_after(1).into_response()
        }
    }
}

/// Adds to a problem what the handler did not know.
fn signed_off(mut response: Response, method: &Method, id: &str, instance: Option<String>) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if *method != Method::HEAD {
        let problem = problem.with_request(id, instance);
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = Body::from(serde_json::to_vec(&problem).unwrap_or_default());
    }
    response
}

/// The request's id, and the strictest headers where a handler set none of its own.
fn add_headers(hub: &Hub, id: &str, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    let defaults = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "same-origin"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if hub.heartbeat.is_draining() {
        // A connection that is kept would break when the process ends.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if hub.settings.public_url.scheme() == "https" {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// A label with few values, whatever is sent.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
