//! Pages that only say something: questions, conditions, not found.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::Frame;
use super::page;
use crate::buyer::TERMS_VERSION;
use crate::means::Means;
use crate::running::Shop;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "questions.html")]
struct QuestionsPage {
    frame: Frame,
    /// The means of payment of the shopper's market.
    means: Vec<Means>,
}

#[derive(Template)]
#[template(path = "terms.html")]
struct TermsPage {
    frame: Frame,
    version: &'static str,
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFoundPage {
    frame: Frame,
}

pub(super) async fn questions(
    State(shop): State<Arc<Shop>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    let means = shop.means_in(visitor.market).cloned().collect();
    page(StatusCode::OK, &QuestionsPage { frame: Frame::new(&shop, &visitor), means })
}

pub(super) async fn terms(State(shop): State<Arc<Shop>>, Extension(visitor): Extension<Visitor>) -> Response {
    page(StatusCode::OK, &TermsPage { frame: Frame::new(&shop, &visitor), version: TERMS_VERSION })
}

pub(super) async fn not_found(
    State(shop): State<Arc<Shop>>,
    Extension(visitor): Extension<Visitor>,
) -> Response {
    page(StatusCode::NOT_FOUND, &NotFoundPage { frame: Frame::new(&shop, &visitor) })
}

#[cfg(test)]
pub(super) fn question_samples(language: crate::language::Language) -> Vec<String> {
    let means = vec![crate::means::sample(), Means { texts: Default::default(), ..crate::means::sample() }];
    vec![QuestionsPage { frame: Frame::sample(language), means }.render().expect("it renders")]
}

#[cfg(test)]
pub(super) fn terms_samples(language: crate::language::Language) -> Vec<String> {
    vec![TermsPage { frame: Frame::sample(language), version: TERMS_VERSION }.render().expect("it renders")]
}

#[cfg(test)]
pub(super) fn not_found_samples(language: crate::language::Language) -> Vec<String> {
    vec![NotFoundPage { frame: Frame::sample(language) }.render().expect("it renders")]
}
