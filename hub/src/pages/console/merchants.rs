//! The console's first page: whose payments to look at.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use super::super::frame::Frame;
use super::super::page;
use super::operator::Operator;
use crate::state::Hub;

#[derive(Template)]
#[template(path = "console/merchants.html")]
struct MerchantsPage {
    frame: Frame,
    /// Id and name.
    merchants: Vec<(String, String)>,
}

pub(super) async fn show(State(hub): State<Arc<Hub>>, operator: Operator) -> Response {
    let frame = Frame::plain(operator.language);
    match hub.settings.merchants.as_slice() {
        [only] => Redirect::to(&format!("/console/{}?lang={}", only.id, frame.tag())).into_response(),
        merchants => {
            let merchants =
                merchants.iter().map(|merchant| (merchant.id.clone(), merchant.name.clone())).collect();
            page(StatusCode::OK, &MerchantsPage { frame, merchants })
        }
    }
}

#[cfg(test)]
pub(in super::super) fn samples(language: payment::order::Language) -> Vec<String> {
    let merchants = vec![("uno".into(), "<xss>".into()), ("otro".into(), "Otro".into())];
    vec![MerchantsPage { frame: Frame::sample(language), merchants }.render().expect("it renders")]
}
