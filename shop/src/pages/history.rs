//! The shopper's latest orders, newest first (AV-12.2).

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::Frame;
use super::page;
use crate::order::Order;
use crate::running::Shop;
use crate::visitor::Visitor;

/// How many orders are listed.
const LISTED: usize = 20;

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    frame: Frame,
    orders: Vec<Order>,
}

pub(super) async fn show(State(shop): State<Arc<Shop>>, Extension(visitor): Extension<Visitor>) -> Response {
    let orders = shop.memory().orders_of(&visitor.id).take(LISTED).cloned().collect();
    page(StatusCode::OK, &HistoryPage { frame: Frame::new(&shop, &visitor), orders })
}

impl HistoryPage {
    fn authorization(&self, order: &Order) -> String {
        let receipt = order.payment.as_ref().and_then(|payment| payment.receipt.as_ref());
        receipt.and_then(|receipt| receipt.authorization.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
pub(super) fn samples(language: crate::language::Language) -> Vec<String> {
    let order = |status| super::order::sample_order(language, status);
    let lists = [vec![], vec![order(Some("approved")), order(None)]];
    let pages = lists.into_iter().map(|orders| HistoryPage { frame: Frame::sample(language), orders });
    pages.map(|page| page.render().expect("it renders")).collect()
}
