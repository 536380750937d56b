//! The first page: what is on sale.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::Frame;
use super::page;
use crate::catalogue::{MAX_QUANTITY, PRODUCTS, Product};
use crate::running::Shop;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "catalogue.html")]
struct CataloguePage {
    frame: Frame,
    products: &'static [Product],
    max_quantity: u32,
}

pub(super) async fn show(State(shop): State<Arc<Shop>>, Extension(visitor): Extension<Visitor>) -> Response {
    let frame = Frame::new(&shop, &visitor);
    page(StatusCode::OK, &CataloguePage { frame, products: &PRODUCTS, max_quantity: MAX_QUANTITY })
}

#[cfg(test)]
pub(super) fn samples(language: crate::language::Language) -> Vec<String> {
    let frame = Frame::sample(language);
    let page = CataloguePage { frame, products: &PRODUCTS, max_quantity: MAX_QUANTITY };
    vec![page.render().expect("it renders")]
}
