//! The steering port's router and what guards it: a page in a browser must not steer from afar.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::csrf::CsrfLayer;

use super::problem::Problem;
use super::{Steering, api, guide, page};

/// Bytes of a steering request's body.
const BODY_BYTES: usize = 1024 * 1024;
/// No script, no foreign content, no framing.
const CONTENT_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// API and page, guarded. `hosts` are names served beside addresses and `localhost`.
pub fn router(steering: Steering, hosts: Vec<String>) -> Router {
    let hosts: Arc<[String]> = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
    Router::new()
        .merge(api::routes())
        .merge(page::routes())
        .merge(guide::routes())
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem {
            status: axum::http::StatusCode::METHOD_NOT_ALLOWED,
            code: "method_not_allowed",
            title: "This method is not served here",
            detail: "The address exists, with other methods.".into(),
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(CsrfLayer::new().with_rejection_response(|_| Problem::from_elsewhere().into_response()))
        .layer(middleware::from_fn_with_state(hosts, known_hosts_only))
        .layer(middleware::map_response(with_safe_headers))
        .with_state(steering)
}

/// A foreign name that resolves to this machine would let a foreign page pass as this site
/// (DNS rebinding), so only names that nobody else can own are answered.
async fn known_hosts_only(State(hosts): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_served(host, &hosts) { next.run(request).await } else { Problem::misdirected().into_response() }
}

fn is_served(host: &str, names: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let name = name.to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<std::net::IpAddr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || names.contains(&name)
}

async fn with_safe_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // `no-referrer` would turn the Origin of the page's own forms into `null`.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_nobody_else_can_own_are_served() {
        let names = ["sandbox.internal".to_owned()];
        for host in [
            "127.0.0.1:80",
            "[::1]:80",
            "[::1]",
            "10.0.0.1",
            "localhost:1",
            "a.localhost",
            "Sandbox.Internal:9",
        ] {
            assert!(is_served(host, &names), "{host}");
        }
        for host in
            ["", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "sandbox.internal:x"]
        {
            assert!(!is_served(host, &names), "{host}");
        }
    }
}
