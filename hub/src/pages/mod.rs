//! Pages for shoppers and operators: one struct, one template and samples each; no script, no inline style.
//!
//! The page to which a provider sends the shopper back asks the provider once more through [`crate::flow::ask_now`], and
//! then shows what is known; the page of cards pays through [`crate::flow::supply_card`]. Nothing else here changes a
//! payment.

mod card_page;
mod console;
mod frame;
mod others;
mod return_page;
mod status_page;
mod trouble;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::state::Hub;

/// What browsers are allowed on our pages: our own style sheet and pictures, and forms to ourselves.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// The style sheets, by name.
const ASSETS: [(&str, &str); 2] = [
    ("payment.css", include_str!("../../assets/payment.css")),
    ("console.css", include_str!("../../assets/console.css")),
];

/// All pages. There is no guard against foreign forms in front of them: the one that takes a form has an address that
/// nobody else can know, and the return page is posted to by providers.
pub fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/p/{merchant}/{payment}/{token}", get(status_page::show))
        .route("/p/{merchant}/{payment}/{token}/back", get(return_page::receive_from_frame))
        .route("/r/{merchant}/{attempt}/{token}", get(return_page::receive).post(return_page::receive))
        .route("/c/{merchant}/{attempt}/{token}", get(card_page::show).post(card_page::receive))
        .merge(console::router())
        .layer(map_response(guard))
        .route("/assets/{file}", get(asset))
}

/// What every page says to the browser.
async fn guard(mut response: Response) -> Response {
    let headers: [(HeaderName, &'static str); 3] =
        [(CONTENT_SECURITY_POLICY, POLICY), (REFERRER_POLICY, "same-origin"), (CACHE_CONTROL, "no-store")];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
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

async fn asset(Path(file): Path<String>) -> Response {
    match ASSETS.iter().find(|(name, _)| *name == file) {
        Some((_, content)) => {
            let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "max-age=300")];
            (headers, *content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{LANGUAGES, tag};

    /// Every page in every language, with texts that would be markup if they were not escaped.
    fn every_page() -> Vec<(String, &'static str, String)> {
        let mut pages = Vec::new();
        for language in LANGUAGES {
            let samples: [(&str, Vec<String>); 8] = [
                ("card", card_page::samples(language)),
                ("status", status_page::samples(language)),
                ("trouble", trouble::samples(language)),
                ("merchants", console::merchants::samples(language)),
                ("payments", console::payments::samples(language)),
                ("story", console::story::samples(language)),
                ("accounts", console::accounts::samples(language)),
                ("notices", console::notices::samples(language)),
            ];
            for (name, rendered) in samples {
                assert!(!rendered.is_empty(), "{name} has samples");
                let named = rendered.into_iter().enumerate();
                pages.extend(named.map(|(index, html)| (format!("{name} {index}"), tag(language), html)));
            }
        }
        pages
    }

    #[test]
    fn every_page_is_sound_markup_in_every_language() {
        for (name, tag, html) in every_page() {
            assert!(html.contains(&format!("<html lang=\"{tag}\">")), "{name} {tag} says its language");
            assert_eq!(html.matches("<h1").count(), 1, "{name} {tag} has one heading");
            assert_eq!(html.matches("<title>").count(), 1, "{name} {tag} has a title");
            for forbidden in ["<script", " style=", "<style", "javascript:", " onclick", " onload", "<xss"] {
                assert!(!html.contains(forbidden), "{name} {tag} holds {forbidden}");
            }
            assert_eq!(html.matches("<table").count(), html.matches("<caption").count(), "{name} captions");
            assert_eq!(html.matches("<th ").count(), html.matches("<th scope=").count(), "{name} scopes");
        }
    }

    #[test]
    fn every_text_of_a_sample_arrives_escaped() {
        for (name, _, html) in every_page().iter().filter(|(name, ..)| name.starts_with("story 1")) {
            assert!(html.matches("&#60;xss").count() > 20, "{name} shows the hostile texts");
        }
    }

    #[test]
    fn every_field_has_a_label() {
        for (name, _, html) in every_page() {
            let fields = html.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("select"));
            for field in fields.filter(|field| !field.contains("type=\"hidden\"")) {
                let id = field.split("id=\"").nth(1).and_then(|rest| rest.split('"').next());
                let id = id.unwrap_or_else(|| panic!("{name}: a field without id: {field}"));
                assert!(html.contains(&format!("for=\"{id}\"")), "{name}: no label for {id}");
            }
        }
    }

    #[test]
    fn every_heading_follows_from_the_one_before() {
        for (name, _, html) in every_page() {
            let levels: Vec<u8> = html
                .match_indices("<h")
                .filter_map(|(at, _)| html.as_bytes().get(at + 2).copied())
                .filter(u8::is_ascii_digit)
                .collect();
            assert_eq!(levels.first(), Some(&b'1'), "{name}");
            assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{name}: {levels:?}");
        }
    }
}
