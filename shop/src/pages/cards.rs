//! The shopper's kept cards: how one is added with nothing to be paid (AV-8.4-04), and how one is taken away.

use std::net::SocketAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;
use serde_json::json;

use super::checkout::user_agent;
use super::frame::Frame;
use super::page;
use crate::hub_client::KeptCard;
use crate::means::Means;
use crate::memory::random_token;
use crate::running::Shop;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "cards.html")]
struct CardsPage {
    frame: Frame,
    form_token: String,
    cards: Vec<KeptCard>,
    can_add: bool,
    trouble: Option<&'static str>,
}

/// The form that adds a card: pressed twice it begins one keeping.
#[derive(Deserialize)]
pub(super) struct Adding {
    form_token: String,
}

pub(super) async fn show(State(shop): State<Arc<Shop>>, Extension(visitor): Extension<Visitor>) -> Response {
    let (cards, trouble) = match shop.hub.cards(&visitor.customer()).await {
        Ok(cards) => (cards, None),
        Err(error) => {
            tracing::warn!(%error, "the hub tells no cards");
            (Vec::new(), Some(Frame::new(&shop, &visitor).text.hub_unreachable))
        }
    };
    CardsPage::of(&shop, &visitor, cards, trouble, StatusCode::OK)
}

/// Begins the keeping of a card, and sends the shopper to where it is typed.
pub(super) async fn add(
    State(shop): State<Arc<Shop>>,
    Extension(visitor): Extension<Visitor>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(Adding { form_token }): Form<Adding>,
) -> Response {
    let is_ours = form_token.len() == 32 && form_token.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (Some(means), true) = (keeping(&shop, &visitor), is_ours) else {
        return Redirect::to("/cards").into_response();
    };
    // The token names the keeping for the hub as well, so that it begins once.
    let reference = format!("C{}", form_token[..11].to_uppercase());
    let mut body = json!({
        "reference": reference,
        "amount": 0,
        "currency": visitor.market.currency(),
        "description": Frame::new(&shop, &visitor).text.cards_add,
        "customer": visitor.customer(),
        "keep_instrument": true,
        "return_url": shop.address("/cards"),
        "language": visitor.language.tag(),
        "shopper": { "ip": peer.ip().to_canonical(), "user_agent": user_agent(&headers) },
    });
    if let Some(account) = &means.account {
        body["account"] = json!(account);
    }
    match shop.hub.create_payment(&reference, &body.to_string()).await {
        Ok(payment) => {
            let url = payment.pay_url.map_or_else(|| "/cards".to_owned(), |url| url.to_string());
            Redirect::to(&url).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, reference, "the keeping of a card could not be started");
            let trouble = Some(Frame::new(&shop, &visitor).text.hub_unreachable);
            CardsPage::of(&shop, &visitor, Vec::new(), trouble, StatusCode::BAD_GATEWAY)
        }
    }
}

/// The form that takes a card away.
#[derive(Deserialize)]
pub(super) struct Removing {
    card: String,
}

/// Takes a card away, if it is the shopper's own.
pub(super) async fn remove(
    State(shop): State<Arc<Shop>>,
    Extension(visitor): Extension<Visitor>,
    Form(Removing { card }): Form<Removing>,
) -> Response {
    let removed = async {
        let own = shop.hub.cards(&visitor.customer()).await?;
        match own.iter().any(|own| own.id == card) {
            true => shop.hub.remove_card(&card).await,
            false => Ok(()),
        }
    };
    match removed.await {
        Ok(()) => Redirect::to("/cards").into_response(),
        Err(error) => {
            tracing::warn!(%error, "a card could not be taken away");
            let cards = shop.hub.cards(&visitor.customer()).await.unwrap_or_default();
            let trouble = Some(Frame::new(&shop, &visitor).text.card_not_removed);
            CardsPage::of(&shop, &visitor, cards, trouble, StatusCode::BAD_GATEWAY)
        }
    }
}

/// The means by which a card is kept without a purchase, where the shopper buys.
fn keeping<'a>(shop: &'a Shop, visitor: &Visitor) -> Option<&'a Means> {
    shop.means_in(visitor.market).find(|means| means.keeps_cards && means.keeps_without_charge)
}

impl CardsPage {
    fn of(
        shop: &Shop,
        visitor: &Visitor,
        cards: Vec<KeptCard>,
        trouble: Option<&'static str>,
        status: StatusCode,
    ) -> Response {
        let can_add = keeping(shop, visitor).is_some();
        let (frame, form_token) = (Frame::new(shop, visitor), random_token());
        page(status, &Self { frame, form_token, cards, can_add, trouble })
    }
}

#[cfg(test)]
pub(super) fn samples(language: crate::language::Language) -> Vec<String> {
    let xss = || "\"><xss>".to_owned();
    let card = KeptCard {
        id: xss(),
        account: xss(),
        state: "active".into(),
        brand: Some(xss()),
        last_four: Some(xss()),
    };
    let text = crate::text::Text::of(language);
    let pages =
        [(vec![], None), (vec![card], Some(text.hub_unreachable))].map(|(cards, trouble)| CardsPage {
            frame: Frame::sample(language),
            form_token: "0".repeat(32),
            cards,
            can_add: true,
            trouble,
        });
    pages.iter().map(|page| page.render().expect("it renders")).collect()
}
