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

    /// What the shop knows of an order.
    pub async fn order(&self, reference: &str) -> anyhow::Result<Option<OrderSeen>> {
        let request = self.http.get(below(&self.base, &["inbox.json"]));
        let inbox: Inbox = ask("reading the shop's inbox", request).await?;
        let order = inbox.orders.into_iter().find(|order| order.reference == reference);
        let is_approval = |event: &&Event| {
            event.kind == "payment.approved" && event.reference.as_deref() == Some(reference)
        };
        let approvals = inbox.events.iter().filter(is_approval).count();
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
