//! The last page before the gateway: summary, buyer, acceptance, and the button that makes one payment.

use std::net::SocketAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;
use url::Url;

use super::frame::Frame;
use super::page;
use crate::buyer::{BuyerForm, Fault, Field};
use crate::catalogue::Cart;
use crate::hub_client::KeptCard;
use crate::market::Market;
use crate::means::Means;
use crate::order::Source;
use crate::placing::{Draft, Equipment, Outcome, Purchase, place};
use crate::running::Shop;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage {
    frame: Frame,
    form_token: String,
    cart: Cart,
    /// Where the form sells, whatever the shopper has chosen since.
    market: Market,
    means: Vec<Means>,
    /// The shopper's kept cards that can be charged here.
    cards: Vec<KeptCard>,
    form: BuyerForm,
    faults: Vec<(Field, Fault)>,
    /// Why the last press of the button did not lead on, in a sentence.
    trouble: Option<&'static str>,
    pending: Option<PendingOrder>,
}

/// An order of the same shopper whose payment is open (AV-4.3-04 to -06).
struct PendingOrder {
    reference: String,
    page: String,
    gross: i64,
    market: Market,
    authorization: Option<String>,
    pay_url: Option<Url>,
}

/// The form as it comes in.
#[derive(Deserialize)]
pub(super) struct Submission {
    #[serde(default)]
    form_token: String,
    #[serde(flatten)]
    buyer: BuyerForm,
}

pub(super) async fn show(State(shop): State<Arc<Shop>>, Extension(visitor): Extension<Visitor>) -> Response {
    let cart = shop.memory().cart(&visitor.id);
    if cart.is_empty() {
        return Redirect::to("/cart").into_response();
    }
    let (pending, cards) = tokio::join!(pending_order(&shop, &visitor), kept_cards(&shop, &visitor));
    let (form_token, draft) = shop.memory().prepare(&visitor.id, cart, visitor.market);
    let checkout = CheckoutPage::new(&shop, &visitor, form_token, &draft, BuyerForm::default(), cards);
    page(StatusCode::OK, &CheckoutPage { pending, ..checkout })
}

pub(super) async fn submit(
    State(shop): State<Arc<Shop>>,
    Extension(visitor): Extension<Visitor>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(submission): Form<Submission>,
) -> Response {
    let Submission { form_token, buyer: form } = submission;
    let Some(draft) = shop.memory().draft(&visitor.id, &form_token) else {
        return Redirect::to("/checkout").into_response();
    };
    let cards = kept_cards(&shop, &visitor).await;
    let kept_card = cards.iter().find(|card| card.id == form.means).cloned();
    let means = chosen(&shop, &form, draft.market, kept_card.as_ref());
    let (means, buyer) = match (means, form.check(draft.market)) {
        (Some(means), Ok(buyer)) => (means, buyer),
        (means, checked) => {
            let missing = means.is_none().then_some((Field::Means, Fault::Missing));
            let faults = missing.into_iter().chain(checked.err().into_iter().flatten()).collect();
            let checkout = CheckoutPage::new(&shop, &visitor, form_token, &draft, form, cards);
            return page(StatusCode::UNPROCESSABLE_ENTITY, &CheckoutPage { faults, ..checkout });
        }
    };
    // A kept card is charged at once and whole.
    let is_new_card = kept_card.is_none();
    let purchase = Purchase {
        keeps_card: is_new_card && means.keeps_cards && !form.keep_card.is_empty(),
        is_in_parts: is_new_card && means.takes_parts && !form.in_parts.is_empty(),
        kept_card: kept_card.map(|card| card.id),
        means,
        buyer,
        is_own_card: form.is_own_card(),
        language: visitor.language,
        equipment: Equipment { ip: peer.ip().to_canonical(), user_agent: user_agent(&headers) },
    };
    let outcome = place(&shop, Arc::clone(&draft), purchase).await;
    let frame = Frame::new(&shop, &visitor);
    match outcome {
        Ok(Outcome::PayAt(url)) => {
            shop.memory().set_cart(&visitor.id, Cart::default());
            Redirect::to(url.as_str()).into_response()
        }
        Ok(Outcome::PayHere) => {
            shop.memory().set_cart(&visitor.id, Cart::default());
            Redirect::to(&format!("{}/pay", draft.page())).into_response()
        }
        Ok(Outcome::NothingToPay) => {
            // The order is placed: what becomes of it is told on its page, and the cart is for another one.
            shop.memory().set_cart(&visitor.id, Cart::default());
            Redirect::to(&draft.page()).into_response()
        }
        Ok(Outcome::Refused) => {
            let (fresh, draft) = shop.memory().prepare(&visitor.id, draft.cart.clone(), draft.market);
            let trouble = Some(frame.text.hub_refused);
            let checkout = CheckoutPage::new(&shop, &visitor, fresh, &draft, form, cards);
            page(StatusCode::BAD_GATEWAY, &CheckoutPage { trouble, ..checkout })
        }
        Err(error) => {
            tracing::warn!(%error, reference = draft.reference, "a payment could not be started");
            let trouble = Some(frame.text.hub_unreachable);
            let checkout = CheckoutPage::new(&shop, &visitor, form_token, &draft, form, cards);
            let mut answer = page(StatusCode::SERVICE_UNAVAILABLE, &CheckoutPage { trouble, ..checkout });
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            answer
        }
    }
}

/// The means that the form names, or the only one there is; of a kept card, the one of the account that keeps it.
fn chosen(shop: &Shop, form: &BuyerForm, market: Market, card: Option<&KeptCard>) -> Option<Means> {
    let offered: Vec<&Means> = shop.means_in(market).collect();
    if let Some(card) = card {
        return offered.into_iter().find(|means| keeps(means, card)).cloned();
    }
    match offered.as_slice() {
        [only] if form.means.is_empty() => Some((*only).clone()),
        several => several.iter().find(|means| means.id == form.means).map(|means| (*means).clone()),
    }
}

/// The shopper's cards that one of the means here can charge; none when the hub does not tell.
async fn kept_cards(shop: &Shop, visitor: &Visitor) -> Vec<KeptCard> {
    let keeping: Vec<&Means> = shop.means_in(visitor.market).filter(|means| means.keeps_cards).collect();
    if keeping.is_empty() {
        return Vec::new();
    }
    let mut cards = shop.hub.cards(&visitor.customer()).await.unwrap_or_default();
    cards.retain(|card| keeping.iter().any(|means| keeps(means, card)));
    cards
}

fn keeps(means: &Means, card: &KeptCard) -> bool {
    means.keeps_cards && means.account.as_ref().is_none_or(|account| *account == card.account)
}

/// The shopper's newest order that is still open, after the hub has asked the providers: a shopper who left the gateway a
/// moment ago is told the truth of now (C-87). Where the hub does not tell, it is asked for the newest order alone.
async fn pending_order(shop: &Shop, visitor: &Visitor) -> Option<PendingOrder> {
    // Who has bought nothing here is about to pay nothing.
    shop.memory().orders_of(&visitor.id).next()?;
    let newest = match shop.hub.pending(&visitor.customer()).await {
        Ok(told) => {
            let references: Vec<String> = told.iter().map(|payment| payment.reference.clone()).collect();
            for word in told {
                shop.memory().learn(word, Source::Answer, shop.clock.now());
            }
            let memory = shop.memory();
            memory.orders_of(&visitor.id).find(|order| references.contains(&order.reference)).cloned()?
        }
        Err(_) => {
            let newest = shop.memory().orders_of(&visitor.id).next().cloned()?;
            let payment = newest.payment.as_ref().filter(|_| newest.state().is_open())?;
            if let Ok(word) = shop.hub.payment(&payment.id).await {
                shop.memory().learn(word, Source::Answer, shop.clock.now());
            }
            newest
        }
    };
    let memory = shop.memory();
    let order = memory.order(&newest.reference, &newest.token).filter(|order| order.state().is_open())?;
    let receipt = order.payment.as_ref().and_then(|payment| payment.receipt.clone());
    Some(PendingOrder {
        reference: order.reference.clone(),
        page: order.page(),
        gross: order.gross(),
        market: order.market,
        authorization: receipt.and_then(|receipt| receipt.authorization),
        pay_url: order.pay_url().cloned(),
    })
}

pub(super) fn user_agent(headers: &HeaderMap) -> String {
    let value = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    value.unwrap_or_default()
}

impl CheckoutPage {
    fn new(
        shop: &Shop,
        visitor: &Visitor,
        form_token: String,
        draft: &Draft,
        form: BuyerForm,
        cards: Vec<KeptCard>,
    ) -> Self {
        Self {
            frame: Frame::new(shop, visitor),
            form_token,
            cart: draft.cart.clone(),
            market: draft.market,
            means: shop.means_in(draft.market).cloned().collect(),
            cards,
            form,
            faults: Vec::new(),
            trouble: None,
            pending: None,
        }
    }

    fn totals(&self) -> crate::catalogue::Totals {
        self.cart.totals(self.market)
    }

    /// Whether a card may be asked for.
    fn asks_for_card(&self) -> bool {
        self.means.iter().any(|means| means.is_card)
    }

    fn keeps_cards(&self) -> bool {
        self.means.iter().any(|means| means.keeps_cards)
    }

    fn takes_parts(&self) -> bool {
        self.means.iter().any(|means| means.takes_parts)
    }

    fn has_options(&self) -> bool {
        self.keeps_cards() || self.takes_parts()
    }

    /// Whether a means is marked: the one that was chosen, or the only one.
    fn is_chosen(&self, means: &Means) -> bool {
        let is_only = self.means.len() == 1 && !self.cards.iter().any(|card| card.id == self.form.means);
        self.form.means == means.id || is_only
    }

    /// What is wrong with a field, by its name in the form.
    fn fault(&self, name: &str) -> Option<&'static str> {
        let found = self.faults.iter().find(|(field, _)| field_name(*field) == name);
        found.map(|(field, fault)| self.frame.text.fault(*field, *fault))
    }

    /// Every fault with the name of its field, in the order of the form.
    fn all_faults(&self) -> Vec<(&'static str, &'static str)> {
        let text = self.frame.text;
        self.faults.iter().map(|(field, fault)| (field_name(*field), text.fault(*field, *fault))).collect()
    }
}

const fn field_name(field: Field) -> &'static str {
    match field {
        Field::Means => "means",
        Field::DocumentType => "document_type",
        Field::DocumentNumber => "document_number",
        Field::Name => "name",
        Field::Surname => "surname",
        Field::Email => "email",
        Field::Mobile => "mobile",
        Field::Terms => "accept_terms",
        Field::Data => "accept_data",
    }
}

#[cfg(test)]
pub(super) fn samples(language: crate::language::Language) -> Vec<String> {
    let mut cart = Cart::default();
    cart.add(&crate::catalogue::PRODUCTS[0], 1);
    let xss = || "\"><xss>".to_owned();
    let sample = |form: BuyerForm, faults, trouble, pending| CheckoutPage {
        frame: Frame::sample(language),
        form_token: "0".repeat(32),
        cart: cart.clone(),
        market: Market::Colombia,
        means: vec![crate::means::sample(), Means { id: "b".into(), ..crate::means::sample() }],
        cards: vec![KeptCard {
            id: "ins_1".into(),
            account: xss(),
            state: "active".into(),
            brand: Some(xss()),
            last_four: Some(xss()),
        }],
        form,
        faults,
        trouble,
        pending,
    };
    let hostile = BuyerForm {
        means: xss(),
        kind: "company".into(),
        document_type: xss(),
        document_number: xss(),
        name: xss(),
        surname: xss(),
        email: xss(),
        mobile: xss(),
        own_card: xss(),
        keep_card: xss(),
        in_parts: xss(),
        accept_terms: xss(),
        accept_data: String::new(),
    };
    let faults = hostile.check(Market::Colombia).expect_err("it has faults");
    let every_fault = BuyerForm::default().check(Market::Colombia).expect_err("it has faults");
    let pending = PendingOrder {
        reference: xss(),
        page: "/orders/T/x".into(),
        gross: 1,
        market: Market::Colombia,
        authorization: Some(xss()),
        pay_url: Url::parse("http://pago.localhost/?a=%22%3E").ok(),
    };
    let text = crate::text::Text::of(language);
    let pages = [
        sample(BuyerForm::default(), vec![], None, None),
        sample(BuyerForm::default(), every_fault, None, None),
        sample(hostile, faults, Some(text.hub_unreachable), Some(pending)),
    ];
    pages.iter().map(|page| page.render().expect("it renders")).collect()
}
