//! The shop's inbox: what it received, and which orders it considers paid. The tour's third witness.

use serde::Deserialize;
use url::Url;

use super::{ask, below};

/// A shop's inbox.
#[derive(Clone)]
pub struct ShopInbox {
    http: reqwest::Client,
    base: Url,
}

/// An order as the shop sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderSeen {
    /// What it costs, in minor units.
    pub amount: i64,
    /// The status that the shop last heard of.
    pub status: Option<String>,
    /// How often it stands among the paid orders.
    pub times_paid: usize,
    /// How many different verified events told that it was approved.
    pub approvals: usize,
    /// How the hub's word differs from the order, when it does.
    pub mismatch: Option<String>,
}

#[derive(Deserialize)]
struct Inbox {
    events: Vec<Event>,
    orders: Vec<Order>,
    paid: Vec<Paid>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    reference: Option<String>,
    status: Option<String>,
    version: Option<i64>,
}

/// What the shop's server heard about an order that was not placed in the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The status that the newest verified event told.
    pub status: Option<String>,
    /// How many different verified events told that it was approved.
    pub approvals: usize,
}

#[derive(Deserialize)]
struct Order {
    reference: String,
    status: Option<String>,
    amount: i64,
    mismatch: Option<String>,
}

#[derive(Deserialize)]
struct Paid {
    reference: String,
}

impl ShopInbox {
    /// The inbox of the shop at an address.
    pub fn new(http: reqwest::Client, base: Url) -> Self {
        Self { http, base }
    }

    /// What the shop's server heard about an order of the API.
    pub async fn heard(&self, reference: &str) -> anyhow::Result<Heard> {
        let inbox = self.inbox().await?;
        let own = inbox.events.iter().filter(|event| event.reference.as_deref() == Some(reference));
        // Events may overtake each other on their way.
        let newest = own.max_by_key(|event| event.version);
        let status = newest.and_then(|event| event.status.clone());
        Ok(Heard { status, approvals: approvals(&inbox.events, reference) })
    }

    async fn inbox(&self) -> anyhow::Result<Inbox> {
        let request = self.http.get(below(&self.base, &["inbox.json"]));
        ask("reading the shop's inbox", request).await
    }

    /// What the shop knows of an order.
    pub async fn order(&self, reference: &str) -> anyhow::Result<Option<OrderSeen>> {
        let inbox = self.inbox().await?;
        let order = inbox.orders.into_iter().find(|order| order.reference == reference);
        let approvals = approvals(&inbox.events, reference);
        let times_paid = inbox.paid.iter().filter(|paid| paid.reference == reference).count();
        Ok(order.map(|order| OrderSeen {
            amount: order.amount,
            status: order.status,
            times_paid,
            approvals,
            mismatch: order.mismatch,
        }))
    }
}

/// How many different verified events told that an order was approved.
fn approvals(events: &[Event], reference: &str) -> usize {
    let is_approval =
        |event: &&Event| event.kind == "payment.approved" && event.reference.as_deref() == Some(reference);
    events.iter().filter(is_approval).count()
}
