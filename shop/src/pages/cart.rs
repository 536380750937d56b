//! The cart: what is wanted, and what it comes to.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::frame::Frame;
use super::page;
use crate::catalogue::{Cart, MAX_QUANTITY, product};
use crate::market::Market;
use crate::running::Shop;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "cart.html")]
struct CartPage {
    frame: Frame,
    cart: Cart,
    max_quantity: u32,
}

/// A change of the cart.
#[derive(Deserialize)]
pub(super) struct Change {
    sku: String,
    quantity: u32,
    /// `add` puts pieces to those already wanted; anything else says how many are wanted.
    #[serde(default)]
    act: String,
}

impl CartPage {
    const fn market(&self) -> Market {
        self.frame.market
    }
}

pub(super) async fn show(State(shop): State<Arc<Shop>>, Extension(visitor): Extension<Visitor>) -> Response {
    let cart = shop.memory().cart(&visitor.id);
    page(StatusCode::OK, &CartPage { frame: Frame::new(&shop, &visitor), cart, max_quantity: MAX_QUANTITY })
}

pub(super) async fn change(
    State(shop): State<Arc<Shop>>,
    Extension(visitor): Extension<Visitor>,
    Form(change): Form<Change>,
) -> Response {
    let Some(product) = product(&change.sku) else {
        return super::plain::not_found(State(shop), Extension(visitor)).await;
    };
    let mut memory = shop.memory();
    let mut cart = memory.cart(&visitor.id);
    match change.act.as_str() {
        "add" => cart.add(product, change.quantity),
        _ => cart.set(product, change.quantity),
    }
    memory.set_cart(&visitor.id, cart);
    Redirect::to("/cart").into_response()
}

#[cfg(test)]
pub(super) fn samples(language: crate::language::Language) -> Vec<String> {
    let mut full = Cart::default();
    for product in &crate::catalogue::PRODUCTS {
        full.add(product, 2);
    }
    let carts = [Cart::default(), full].into_iter();
    let pages =
        carts.map(|cart| CartPage { frame: Frame::sample(language), cart, max_quantity: MAX_QUANTITY });
    pages.map(|page| page.render().expect("it renders")).collect()
}
