//! Who is at the other end: a browser, known again by a cookie, reading one language.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};

use crate::language::Language;
use crate::market::Market;
use crate::memory::random_token;
use crate::running::Shop;

const VISITOR_COOKIE: &str = "visitor";
const LANGUAGE_COOKIE: &str = "lang";
const MARKET_COOKIE: &str = "market";

/// A browser.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// Random, made by us; what a browser made up itself opens nothing.
    pub(crate) id: String,
    /// What it reads.
    pub(crate) language: Language,
    /// Where it buys.
    pub(crate) market: Market,
}

impl Visitor {
    /// The shopper as the hub knows it.
    pub(crate) fn customer(&self) -> String {
        customer_of(&self.id)
    }
}

/// The id under which the hub knows a browser's shopper: always the same, and no help to whoever wants to be that browser.
pub(crate) fn customer_of(visitor: &str) -> String {
    let hash = digest(&SHA256, format!("customer {visitor}").as_bytes());
    hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Knows the browser again or gives it a new name; `?lang=` and `?market=` choose language and market from then on.
pub(crate) async fn recognize(State(shop): State<Arc<Shop>>, mut request: Request, next: Next) -> Response {
    let known = cookie(request.headers(), VISITOR_COOKIE).filter(|id| is_token(id));
    let chosen = asked(&request, "lang").and_then(|tag| Language::from_tag(&tag));
    let offered = |word: String| Market::of_word(&word).filter(|market| shop.sells_in(*market));
    let market_chosen = asked(&request, "market").and_then(offered);
    let bought_before = cookie(request.headers(), MARKET_COOKIE).and_then(offered);
    let read_before = cookie(request.headers(), LANGUAGE_COOKIE).and_then(|tag| Language::from_tag(&tag));
    let id = known.clone().unwrap_or_else(random_token);
    let language = chosen.or(read_before).unwrap_or_default();
    let market = market_chosen.or(bought_before).unwrap_or_else(|| shop.first_market());
    request.extensions_mut().insert(Visitor { id: id.clone(), language, market });
    let mut response = next.run(request).await;
    let is_https = shop.public_url.scheme() == "https";
    if known.is_none() {
        keep(&mut response, VISITOR_COOKIE, id, is_https);
    }
    if let Some(language) = chosen {
        keep(&mut response, LANGUAGE_COOKIE, language.tag().to_owned(), is_https);
    }
    if let Some(market) = market_chosen {
        keep(&mut response, MARKET_COOKIE, market.word().to_owned(), is_https);
    }
    response
}

/// A value of the address's query.
fn asked(request: &Request, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(request.uri().query()?.as_bytes());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn keep(response: &mut Response, name: &'static str, value: String, is_https: bool) {
    let cookie = Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_https)
        .build();
    if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}

fn is_token(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
