//! The shopper's page of one payment: where it stands, its receipt, and the ways on.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use payment::account::Environment;
use payment::fact::{Outcome, Reason};
use payment::id::PaymentId;
use payment::movement::{MovementState, Receipt};
use payment::order::Language;
use payment::{Money, Status, Timestamp};
use url::Url;

use super::frame::{Frame, WantedLanguage};
use super::others::Other;
use super::{page, trouble};
use crate::settings::{Contact, Merchant};
use crate::state::Hub;
use crate::store::Payment;

/// How often a page renews itself while the truth is open, in seconds.
const RENEW_S: u32 = 5;

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    frame: Frame,
    merchant_name: String,
    contact: Contact,
    brand: String,
    is_test: bool,
    /// How to pay, one sentence a step, as long as that is possible.
    steps: Vec<&'static str>,
    /// What happens after paying.
    after_paying: Option<&'static str>,
    /// What else the shopper is about to pay, while this one can be paid.
    others: Vec<Other>,
    view: View,
}

/// What a shopper is told of a payment.
struct View {
    /// The headline: what the shopper was told while the truth was open, or else the truth.
    headline: Status,
    /// Why, in the provider's words; of an approval there is nothing to explain.
    reason: Option<String>,
    /// How the last try came out while another one is possible (C-86).
    last_try: Option<LastTry>,
    reference: String,
    at: Timestamp,
    total: Money,
    /// What was received and what is missing, as long as it is paid in part.
    divided: Option<(Money, Money)>,
    receipt: Receipt,
    /// Where to pay and until when, while that is possible.
    pay: Option<(Url, Timestamp)>,
    /// What the shopper gives elsewhere to pay.
    pay_code: Option<String>,
    return_url: Option<Url>,
    renew_s: Option<u32>,
}

struct LastTry {
    outcome: Status,
    reason: Option<String>,
}

pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    Path((merchant_id, payment_id, token)): Path<(String, String, String)>,
    WantedLanguage(wanted): WantedLanguage,
) -> Response {
    let fallback = wanted.unwrap_or_default();
    // The token comes first: an address that was guessed costs no look into the database.
    let id = payment_id.parse::<PaymentId>().ok();
    let Some(id) = id.filter(|id| hub.vault.is_page_token("status", id.as_str(), &token)) else {
        return trouble::not_found(fallback);
    };
    let Some(merchant) = hub.settings.merchant(&merchant_id) else { return trouble::not_found(fallback) };
    match hub.store.payment(&merchant.id, &id).await {
        Ok(Some(payment)) => {
            let language = wanted.unwrap_or(payment.order.language);
            match Other::all(&hub, &payment).await {
                Ok(others) => {
                    page(StatusCode::OK, &StatusPage::of(&hub, merchant, &payment, language, others))
                }
                Err(error) => trouble::unavailable(fallback, &error),
            }
        }
        Ok(None) => trouble::not_found(fallback),
        Err(error) => trouble::unavailable(fallback, &error),
    }
}

/// The order's return address with the payment's id, which names it and proves nothing.
pub(super) fn return_address(payment: &Payment) -> Option<Url> {
    let mut url = payment.order.return_url.clone()?;
    url.query_pairs_mut().append_pair("payment", payment.id.as_str());
    Some(url)
}

impl StatusPage {
    fn of(hub: &Hub, merchant: &Merchant, payment: &Payment, language: Language, others: Vec<Other>) -> Self {
        let provider = hub.providers.get(&payment.provider);
        let account = hub.settings.account(&payment.account_id);
        let view = View::of(payment, hub.clock.now());
        let storefront = provider.and_then(|provider| provider.storefront()).filter(|_| view.pay.is_some());
        Self {
            frame: Frame::new(language, &merchant.zone),
            merchant_name: merchant.name.clone(),
            contact: merchant.contact.clone(),
            brand: provider.map_or_else(String::new, |provider| provider.profile().brand.to_owned()),
            is_test: account.is_none_or(|account| account.environment != Environment::Production),
            steps: storefront.into_iter().flat_map(|shown| shown.how_to_pay(language)).collect(),
            after_paying: storefront.and_then(|shown| shown.label("after_paying", language)),
            others,
            view,
        }
    }
}

impl View {
    fn of(payment: &Payment, now: Timestamp) -> Self {
        let is_open = payment.status.is_open();
        let headline = match payment.told {
            Some(outcome) if is_open => told_as(outcome),
            Some(_) | None => payment.status,
        };
        let detail = &payment.detail;
        let is_payable = is_open && payment.told.is_none() && now < payment.expires_at;
        let needs_reason = headline != Status::Approved;
        Self {
            headline,
            reason: message(&detail.reason).filter(|_| needs_reason),
            // Of one that ended rejected too: the bank's own answer says more than that the session is over.
            last_try: last_try(payment)
                .filter(|_| (is_open || payment.status == Status::Rejected) && payment.told.is_none()),
            reference: payment.order.reference.clone(),
            at: detail.decided_at.unwrap_or(payment.created_at),
            total: payment.order.total,
            divided: payment.collected_and_missing().filter(|_| is_in_part(payment.status)),
            receipt: detail.receipt.clone(),
            pay: detail.pay_url.clone().filter(|_| is_payable).map(|url| (url, payment.expires_at)),
            pay_code: detail.pay_code.clone().filter(|_| is_payable),
            return_url: return_address(payment),
            renew_s: is_open.then_some(RENEW_S),
        }
    }

    /// The method's name, or its code where the provider told no name.
    fn method(&self) -> Option<&String> {
        self.receipt.method_name.as_ref().or(self.receipt.method.as_ref())
    }
}

/// Whether a part was taken and not all.
const fn is_in_part(status: Status) -> bool {
    matches!(status, Status::PartiallyApproved | Status::PartiallyExpired)
}

/// The last movement that came to nothing while the attempt is still open: shown beneath the headline.
fn last_try(payment: &Payment) -> Option<LastTry> {
    let movement = payment.detail.last_movement.as_ref()?;
    let outcome = match movement.state {
        MovementState::Rejected => Status::Rejected,
        MovementState::Pending => Status::Pending,
        MovementState::Approved => return None,
    };
    Some(LastTry { outcome, reason: message(&movement.reason) })
}

/// The provider's own sentence. Reasons without a status word are ours, written for the merchant.
fn message(reason: &Reason) -> Option<String> {
    let is_the_provider_s = !reason.status.is_empty() && !reason.message.trim().is_empty();
    is_the_provider_s.then(|| reason.message.clone())
}

const fn told_as(outcome: Outcome) -> Status {
    match outcome {
        Outcome::Failed => Status::Failed,
        Outcome::Expired => Status::Expired,
        Outcome::Cancelled => Status::Cancelled,
        Outcome::Rejected => Status::Rejected,
        Outcome::PartiallyExpired => Status::PartiallyExpired,
        Outcome::Approved => Status::Approved,
    }
}

#[cfg(test)]
pub(super) fn samples(language: Language) -> Vec<String> {
    let now: Timestamp = "2026-03-14T15:05:00Z".parse().expect("a time");
    let pages = Status::ALL.into_iter().map(|status| StatusPage {
        frame: Frame::sample(language),
        merchant_name: "<xss>Comercio".into(),
        contact: Contact { email: Some("\"><xss>@x.example".into()), phone: Some("<xss>".into()) },
        brand: "<xss>".into(),
        is_test: true,
        steps: vec!["<xss>", "<xss>"],
        after_paying: Some("<xss>"),
        others: vec![Other::sample()],
        view: View::of(&super::console::sample::payment(status), now),
    });
    pages.map(|page| page.render().expect("it renders")).collect()
}

#[cfg(test)]
mod tests {
    use payment::movement::Movement;

    use super::super::console::sample;
    use super::*;

    fn now() -> Timestamp {
        "2026-03-14T15:05:00Z".parse().expect("a time")
    }

    fn rejected_movement(payment: &Payment) -> Movement {
        let mut movement = payment.detail.last_movement.clone().expect("the sample has one");
        movement.state = MovementState::Rejected;
        movement.reason.message = "Fondos de prueba insuficientes".into();
        movement
    }

    #[test]
    fn while_the_session_is_open_the_headline_is_pending_and_the_last_try_stands_beneath() {
        let _story = testing::story(
            "while_the_session_is_open_the_headline_is_pending_and_the_last_try_stands_beneath",
        );
        let mut payment = sample::payment(Status::RequiresAction);
        payment.detail.last_movement = Some(rejected_movement(&payment));
        let view = View::of(&payment, now());
        assert_eq!(crate::text::Text::of(Language::Es).status(view.headline), "Pendiente");
        let last_try = view.last_try.expect("the last try is told");
        assert_eq!(last_try.outcome, Status::Rejected);
        assert_eq!(last_try.reason.as_deref(), Some("Fondos de prueba insuficientes"));
        assert!(view.pay.is_some(), "it can be tried again");
        payment.status = Status::Approved;
        let view = View::of(&payment, now());
        assert_eq!(view.headline, Status::Approved);
        assert!(view.last_try.is_none() && view.pay.is_none() && view.renew_s.is_none());
        testing::covers!("AV-4.2-02", "AV-4.2-03");
    }

    #[test]
    fn what_the_hub_says_to_the_merchant_is_not_shown_to_the_shopper() {
        let mut payment = sample::payment(Status::Failed);
        assert!(View::of(&payment, now()).reason.is_some());
        payment.detail.reason.status.clear();
        assert_eq!(View::of(&payment, now()).reason, None);
    }

    #[test]
    fn nothing_can_be_paid_after_the_end() {
        let payment = sample::payment(Status::RequiresAction);
        assert!(View::of(&payment, now()).pay.is_some());
        assert!(View::of(&payment, payment.expires_at).pay.is_none());
        for status in Status::ALL.into_iter().filter(|status| !status.is_open()) {
            assert!(View::of(&sample::payment(status), now()).pay.is_none(), "{status}");
        }
    }

    #[test]
    fn what_the_shopper_was_told_stands_until_the_truth_is_known() {
        let mut payment = sample::payment(Status::Pending);
        payment.told = Some(Outcome::Rejected);
        let view = View::of(&payment, now());
        assert_eq!(view.headline, Status::Rejected);
        assert!(view.pay.is_none(), "a shopper who was told no is not asked to pay again");
        payment.status = Status::Approved;
        assert_eq!(View::of(&payment, now()).headline, Status::Approved);
    }

    #[test]
    fn the_way_back_names_the_payment_and_keeps_the_merchant_s_own_query() {
        let mut payment = sample::payment(Status::Approved);
        Arc::make_mut(&mut payment.order).return_url =
            Url::parse("https://tienda.example/fin?pedido=1&x=%20").ok();
        let back = return_address(&payment).expect("an address");
        let expected = format!("https://tienda.example/fin?pedido=1&x=%20&payment={}", payment.id);
        assert_eq!(back.as_str(), expected);
        Arc::make_mut(&mut payment.order).return_url = None;
        assert_eq!(return_address(&payment), None);
    }
}
