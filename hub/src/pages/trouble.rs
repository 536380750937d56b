//! Pages that say what went wrong, and nothing about the inside.

use askama::Template;
use axum::response::Response;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use payment::order::Language;

use super::frame::Frame;
use super::page;
use crate::store::StoreError;

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    frame: Frame,
    title: &'static str,
    sentence: &'static str,
}

/// There is nothing at this address, or its token is wrong: which of the two is not told.
pub(super) fn not_found(language: Language) -> Response {
    let frame = Frame::plain(language);
    let (title, sentence) = (frame.text.not_found_title, frame.text.not_found_text);
    page(StatusCode::NOT_FOUND, &TroublePage { frame, title, sentence })
}

/// The database does not answer; the payment itself is not touched by that.
pub(super) fn unavailable(language: Language, error: &StoreError) -> Response {
    tracing::error!(%error, "a page cannot be shown");
    let frame = Frame::plain(language);
    let (title, sentence) = (frame.text.unavailable_title, frame.text.unavailable_text);
    let mut answer = page(StatusCode::SERVICE_UNAVAILABLE, &TroublePage { frame, title, sentence });
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("3"));
    answer
}

/// The browser has to ask for name and password.
pub(super) fn unauthorized(language: Language) -> Response {
    let frame = Frame::plain(language);
    let (title, sentence) = (frame.text.unauthorized_title, frame.text.unauthorized_text);
    let mut answer = page(StatusCode::UNAUTHORIZED, &TroublePage { frame, title, sentence });
    let challenge = HeaderValue::from_static("Basic realm=\"Caudal\", charset=\"UTF-8\"");
    answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    answer
}

#[cfg(test)]
pub(super) fn samples(language: Language) -> Vec<String> {
    let text = crate::text::Text::of(language);
    let texts = [
        (text.not_found_title, text.not_found_text),
        (text.unavailable_title, text.unavailable_text),
        (text.unauthorized_title, text.unauthorized_text),
    ];
    let pages =
        texts.map(|(title, sentence)| TroublePage { frame: Frame::sample(language), title, sentence });
    pages.iter().map(|page| page.render().expect("it renders")).collect()
}
