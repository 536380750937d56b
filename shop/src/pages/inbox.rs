//! What the shop's server has received: for people at `/inbox`, for programs at `/inbox.json`.
//!
//! Open to everybody, as nothing in it is secret: references and amounts of orders that are invented,
//! no buyer and no address of an order's page.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use serde::Serialize;

use super::frame::Frame;
use super::page;
use crate::Timestamp;
use crate::market::Market;
use crate::memory::{Memory, ReceivedEvent, Refused};
use crate::order::Order;
use crate::running::Shop;
use crate::visitor::Visitor;

/// How many events and orders the page shows; the JSON has all that is remembered.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    frame: Frame,
    inbox: Inbox,
}

/// What the shop has received and what it believes.
#[derive(Serialize)]
pub(super) struct Inbox {
    /// It is gone when the shop stops.
    is_volatile: bool,
    /// Verified events, newest first, each once.
    events: Vec<ReceivedEvent>,
    /// Messages that were not taken, counted.
    refused: Refused,
    /// Orders, newest first.
    orders: Vec<OrderLine>,
    /// Orders the shop considers paid, each once, newest first.
    paid: Vec<PaidLine>,
}

#[derive(Serialize)]
struct OrderLine {
    reference: String,
    payment: Option<String>,
    /// The hub's last word that agrees with the order.
    status: Option<String>,
    amount: i64,
    currency: &'static str,
    is_paid: bool,
    /// `payment`, `amount` or `currency`: how the hub's word differs from the order.
    mismatch: Option<&'static str>,
}

#[derive(Serialize)]
struct PaidLine {
    reference: String,
    #[serde(skip)]
    market: Market,
    payment: Option<String>,
    amount: i64,
    currency: &'static str,
    paid_at: Timestamp,
    learned_by: String,
}

pub(super) async fn show(State(shop): State<Arc<Shop>>, Extension(visitor): Extension<Visitor>) -> Response {
    let inbox = Inbox::of(&shop.memory(), SHOWN);
    page(StatusCode::OK, &InboxPage { frame: Frame::new(&shop, &visitor), inbox })
}

pub(super) async fn json(State(shop): State<Arc<Shop>>) -> Json<Inbox> {
    Json(Inbox::of(&shop.memory(), usize::MAX))
}

impl Inbox {
    fn of(memory: &Memory, most: usize) -> Self {
        Self {
            is_volatile: true,
            events: memory.events().take(most).cloned().collect(),
            refused: memory.refused,
            orders: memory.orders().take(most).map(OrderLine::of).collect(),
            paid: memory.orders().filter_map(PaidLine::of).take(most).collect(),
        }
    }

    /// Orders about which the hub said something that does not agree with them.
    fn mismatched(&self) -> Vec<&OrderLine> {
        self.orders.iter().filter(|order| order.mismatch.is_some()).collect()
    }
}

impl OrderLine {
    fn of(order: &Order) -> Self {
        Self {
            reference: order.reference.clone(),
            payment: order.payment.as_ref().map(|payment| payment.id.clone()),
            status: order.payment.as_ref().map(|payment| payment.status.clone()),
            amount: order.gross(),
            currency: order.market.currency(),
            is_paid: order.paid.is_some(),
            mismatch: order.mismatch.map(crate::order::Mismatch::word),
        }
    }
}

impl PaidLine {
    fn of(order: &Order) -> Option<Self> {
        let paid = order.paid.as_ref()?;
        Some(Self {
            reference: order.reference.clone(),
            market: order.market,
            payment: order.payment.as_ref().map(|payment| payment.id.clone()),
            amount: order.gross(),
            currency: order.market.currency(),
            paid_at: paid.at,
            learned_by: paid.learned_by.word(),
        })
    }
}

#[cfg(test)]
pub(super) fn samples(language: crate::language::Language) -> Vec<String> {
    let mut memory = Memory::default();
    let empty = Inbox::of(&memory, SHOWN);
    let at: Timestamp = "2026-03-14T15:00:00Z".parse().expect("a time");
    let mut order = super::order::sample_order(language, Some("approved"));
    order.paid = Some(crate::order::Paid { at, learned_by: crate::order::Source::Event("<xss>".into()) });
    memory.place(order);
    let is_new = memory.note_event(ReceivedEvent {
        id: "<xss>".into(),
        kind: "<xss>".into(),
        received_at: at,
        payment: Some("<xss>".into()),
        reference: Some("<xss>".into()),
        status: Some("<xss>".into()),
        version: Some(1),
        is_own_order: true,
        repeats: 1,
    });
    assert!(is_new);
    let full = Inbox::of(&memory, SHOWN);
    let pages = [empty, full].into_iter().map(|inbox| InboxPage { frame: Frame::sample(language), inbox });
    pages.map(|page| page.render().expect("it renders")).collect()
}
