//! The shop's pages: one struct, one template and samples each; no inline script, no inline style. Only the page over which
//! a provider's page opens in a frame has scripts.

mod cards;
mod cart;
mod catalogue;
mod checkout;
mod clock;
mod frame;
mod history;
mod inbox;
mod order;
mod pay;
mod plain;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::csrf::CsrfLayer;

use crate::events::{self, MAX_EVENT};
use crate::running::Shop;
use crate::visitor;

/// Largest form taken, in bytes.
const MAX_FORM: usize = 16 * 1024;

/// Everything the shop serves. Events and the clock stand outside the guard against foreign forms: they
/// are posted by servers, and authenticate otherwise.
pub(crate) fn router(shop: Arc<Shop>) -> Router {
    let pages = Router::new()
        .route("/", get(catalogue::show))
        .route("/cart", get(cart::show).post(cart::change))
        .route("/checkout", get(checkout::show).post(checkout::submit))
        .route("/orders/{reference}/{token}", get(order::show))
        .route("/orders/{reference}/{token}/pay", get(pay::show))
        .route("/cards", get(cards::show).post(cards::add))
        .route("/cards/remove", post(cards::remove))
        .route("/history", get(history::show))
        .route("/questions", get(plain::questions))
        .route("/terms", get(plain::terms))
        .route("/inbox", get(inbox::show))
        .fallback(plain::not_found)
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(CsrfLayer::new())
        .layer(from_fn_with_state(Arc::clone(&shop), visitor::recognize));
    let machines = Router::new()
        .route("/inbox.json", get(inbox::json))
        .route("/events", post(events::receive))
        .layer(DefaultBodyLimit::max(MAX_EVENT));
    let mut router = pages.merge(machines).route("/assets/{file}", get(asset));
    if shop.is_following() {
        router = router.route("/_clock", get(clock::read).post(clock::set));
    }
    router.layer(map_response(guard)).with_state(shop)
}

/// What every answer says to the browser. There is no `form-action`: after the pay button the browser is
/// sent on to the gateway, whose address is not known beforehand, and browsers hold such a redirect
/// against the form.
async fn guard(mut response: Response) -> Response {
    let policy =
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers: [(HeaderName, &'static str); 4] = [
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in headers {
        // The page with a frame says more exactly what it lets in.
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    if !response.headers().contains_key(CACHE_CONTROL) {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// A page as an answer.
fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

const SVG: &str = "image/svg+xml";

/// The files that pages use, by name.
const ASSETS: [(&str, &str, &str); 8] = [
    ("lightbox.js", "text/javascript; charset=utf-8", include_str!("../../assets/lightbox.js")),
    ("shop.css", "text/css; charset=utf-8", include_str!("../../assets/shop.css")),
    ("morral.svg", SVG, include_str!("../../assets/morral.svg")),
    ("cafe.svg", SVG, include_str!("../../assets/cafe.svg")),
    ("taza.svg", SVG, include_str!("../../assets/taza.svg")),
    ("libreta.svg", SVG, include_str!("../../assets/libreta.svg")),
    ("lampara.svg", SVG, include_str!("../../assets/lampara.svg")),
    ("planta.svg", SVG, include_str!("../../assets/planta.svg")),
];

async fn asset(axum::extract::Path(file): axum::extract::Path<String>) -> Response {
    let Some((_, kind, content)) = ASSETS.iter().find(|(name, _, _)| *name == file) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    (headers, *content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    /// Every page in every language, with text that would be markup if it were not escaped.
    fn every_page() -> Vec<(String, String)> {
        let mut pages = Vec::new();
        for language in Language::ALL {
            let samples: [(&str, Vec<String>); 11] = [
                ("catalogue", catalogue::samples(language)),
                ("cart", cart::samples(language)),
                ("checkout", checkout::samples(language)),
                ("order", order::samples(language)),
                ("pay", pay::samples(language)),
                ("cards", cards::samples(language)),
                ("history", history::samples(language)),
                ("inbox", inbox::samples(language)),
                ("questions", plain::question_samples(language)),
                ("terms", plain::terms_samples(language)),
                ("not found", plain::not_found_samples(language)),
            ];
            for (name, rendered) in samples {
                assert!(!rendered.is_empty(), "{name} has samples");
                pages.extend(rendered.into_iter().map(|html| (format!("{name} {}", language.tag()), html)));
            }
        }
        pages
    }

    #[test]
    fn every_page_is_sound_markup_in_every_language() {
        for (name, html) in every_page() {
            let tag = name.rsplit(' ').next().expect("a language");
            assert!(html.contains(&format!("<html lang=\"{tag}\">")), "{name} says its language");
            assert_eq!(html.matches("<h1").count(), 1, "{name} has one heading");
            let scripts = html.matches("<script").count();
            let own = html.matches("<script src=\"/assets/lightbox.js\" defer></script>").count();
            assert_eq!(
                (scripts, own),
                if name.starts_with("pay ") { (1, 1) } else { (0, 0) },
                "{name} has scripts"
            );
            for forbidden in [" style=", "<style", "javascript:", " onclick", " onload", "<xss"] {
                assert!(!html.contains(forbidden), "{name} holds {forbidden}");
            }
            assert_eq!(html.matches("<table").count(), html.matches("<caption").count(), "{name} captions");
            assert!(html.contains("/terms") && html.contains("/questions"), "{name} links the conditions");
        }
    }

    #[test]
    fn every_field_has_a_label_and_every_picture_a_text() {
        for (name, html) in every_page() {
            for tag in html.split('<').filter(|tag| {
                let is_field = tag.starts_with("input") || tag.starts_with("select");
                is_field && !tag.contains("type=\"hidden\"")
            }) {
                let id = tag.split("id=\"").nth(1).and_then(|rest| rest.split('"').next());
                let id = id.unwrap_or_else(|| panic!("{name}: a field without id: {tag}"));
                assert!(html.contains(&format!("for=\"{id}\"")), "{name}: no label for {id}");
            }
            for tag in html.split('<').filter(|tag| tag.starts_with("img")) {
                assert!(tag.contains(" alt="), "{name}: {tag}");
            }
        }
    }

    #[test]
    fn every_picture_of_a_product_is_an_asset() {
        for product in &crate::catalogue::PRODUCTS {
            let file = product.picture.strip_prefix("/assets/").expect("an asset");
            assert!(ASSETS.iter().any(|(name, _, _)| *name == file), "{file}");
        }
    }
}
