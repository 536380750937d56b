//! An order's page: where the shopper comes back to, and the receipt (AV-12.4).

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::Frame;
use super::page;
use crate::Timestamp;
use crate::hub_client::Receipt;
use crate::market::Market;
use crate::means::{Means, MeansTexts};
use crate::order::{Order, Source, State};
use crate::running::Shop;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    order: Order,
    /// How it is paid, when that is still offered.
    means: Option<Means>,
    /// Whether the provider's page is opened in a frame.
    is_framed: bool,
}

/// Shows an order by its address alone: a shopper may come back in another browser. What the address says
/// beside (`payment=…`) is not looked at: the shop asks the hub about the payment it knows itself.
pub(super) async fn show(
    Shared(shop): Shared<Arc<Shop>>,
    Extension(visitor): Extension<Visitor>,
    Path((reference, token)): Path<(String, String)>,
) -> Response {
    let known = shop.memory().order(&reference, &token).cloned();
    let Some(known) = known else {
        return super::plain::not_found(Shared(shop), Extension(visitor)).await;
    };
    if let Some(payment) = &known.payment {
        match shop.hub.payment(&payment.id).await {
            Ok(word) => {
                shop.memory().learn(word, Source::Answer, shop.clock.now());
            }
            Err(error) => tracing::warn!(%error, reference, "the hub could not be asked"),
        }
    }
    let order = shop.memory().order(&reference, &token).cloned().unwrap_or(known);
    let means = shop.means(&order.means).cloned();
    let is_framed = shop.settings.lightbox;
    page(StatusCode::OK, &OrderPage { frame: Frame::new(&shop, &visitor), order, means, is_framed })
}

impl OrderPage {
    fn state(&self) -> State {
        self.order.state()
    }

    /// The state as a word for the style sheet.
    fn tone(&self) -> &'static str {
        match self.state() {
            State::Waiting | State::Pending => "open",
            State::Approved => "good",
            State::Rejected | State::Failed | State::Expired | State::Cancelled => "bad",
            State::PartlyPaid | State::PartlyExpired | State::GivenBack | State::Disputed => "odd",
        }
    }

    fn market(&self) -> Market {
        self.order.market
    }

    /// Where the order is paid: on a page of our own where a frame is opened over it.
    fn pay_here(&self) -> Option<String> {
        match self.order.lightbox() {
            Some(_) if self.is_framed => Some(format!("{}/pay", self.order.page())),
            _ => self.order.pay_url().map(ToString::to_string),
        }
    }

    fn pays_the_rest(&self) -> bool {
        self.state() == State::PartlyPaid
    }

    fn has_kept_card(&self) -> bool {
        self.order.payment.as_ref().is_some_and(|payment| payment.kept_instrument.is_some())
    }

    fn totals(&self) -> crate::catalogue::Totals {
        self.order.cart.totals(self.order.market)
    }

    /// The instant of the provider's decision; where it is not told, of the last change once nothing more is
    /// to come, and before that of the order.
    fn at(&self) -> Timestamp {
        let payment = self.order.payment.as_ref();
        let decided = payment.and_then(|payment| payment.decided_at);
        let changed = payment.and_then(|payment| payment.updated_at).filter(|_| !self.state().is_open());
        decided.or(changed).unwrap_or(self.order.created_at)
    }

    /// What is told about the means of payment, as long as the order can be paid by it.
    fn texts(&self) -> Option<&MeansTexts> {
        let means = self.means.as_ref().filter(|_| self.order.pay_url().is_some())?;
        Some(means.texts(self.frame.language))
    }

    fn receipt(&self) -> Receipt {
        self.order.payment.as_ref().and_then(|payment| payment.receipt.clone()).unwrap_or_default()
    }

    /// Why, in the provider's words: of an approval there is nothing to explain.
    fn reason(&self) -> Option<String> {
        let payment = self.order.payment.as_ref().filter(|_| self.state() != State::Approved)?;
        // What the bank said of the newest try says more than how the provider's session stands.
        let last_try = payment.last_try.as_ref();
        if last_try.is_some_and(|last| last.state == "approved") {
            return None;
        }
        let of_try = last_try.and_then(|last| last.reason.as_ref());
        let reason = of_try.or(payment.reason.as_ref()).filter(|reason| !reason.status.is_empty())?;
        reason.message.clone().filter(|message| !message.is_empty())
    }
}

#[cfg(test)]
pub(super) fn samples(language: crate::language::Language) -> Vec<String> {
    let statuses = [
        None,
        Some("requires_action"),
        Some("pending"),
        Some("approved"),
        Some("rejected"),
        Some("failed"),
        Some("expired"),
        Some("cancelled"),
        Some("partially_approved"),
        Some("partially_expired"),
        Some("refunded"),
        Some("disputed"),
    ];
    let pages = statuses.into_iter().map(|status| OrderPage {
        frame: Frame::sample(language),
        order: sample_order(language, status),
        means: Some(crate::means::sample()),
        is_framed: true,
    });
    pages.map(|page| page.render().expect("it renders")).collect()
}

/// An order whose free texts would be markup if they were not escaped.
#[cfg(test)]
pub(super) fn sample_order(language: crate::language::Language, status: Option<&str>) -> Order {
    let mut cart = crate::catalogue::Cart::default();
    cart.add(&crate::catalogue::PRODUCTS[1], 3);
    let payment = status.map(|status| {
        serde_json::from_value(serde_json::json!({
            "id": "pay_<xss>", "reference": "T<xss>", "amount": cart.totals(crate::market::Market::Colombia).gross, "currency": "COP",
            "status": status, "certainty": "confirmed", "version": 3,
            "division": {"collected": 5_000_000, "missing": 1}, "kept_instrument": "ins_<xss>",
            "lightbox": {"script_url": "http://pago.localhost/caja.js?y=\"><xss>", "back_url": "http://caudal.localhost/p/x?y=\"><xss>"},
            "pay_code": "<xss>", "pay_url": "http://pago.localhost/x?y=\"><xss>",
            "receipt": {"authorization": "<xss>", "method_name": "<xss>", "last_four": "<xss>"},
            "reason": {"status": "X", "message": "<xss>"}, "decided_at": "2026-03-14T15:00:00Z",
        }))
        .expect("a document")
    });
    Order {
        reference: "T<xss>".into(),
        token: "t".into(),
        visitor: "v".into(),
        language,
        cart,
        market: crate::market::Market::Colombia,
        means: "a".into(),
        created_at: "2026-03-14T15:00:00Z".parse().expect("a time"),
        accepted_terms: "1",
        is_refused: false,
        payment,
        paid: None,
        mismatch: Some(crate::order::Mismatch::Amount),
    }
}
