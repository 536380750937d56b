//! Placing an order: one form makes one payment at the hub, however often its button is pressed.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use crate::buyer::{Buyer, TERMS_VERSION};
use crate::catalogue::Cart;
use crate::hub_client::HubError;
use crate::language::Language;
use crate::market::Market;
use crate::means::Means;
use crate::order::{Order, Source};
use crate::running::Shop;
use crate::visitor::customer_of;

/// Longest name of a browser that is passed on, in characters: the hub's limit.
const MAX_USER_AGENT: usize = 255;

/// One possible order: what one checkout form stands for.
pub struct Draft {
    /// Who asked for the form.
    pub visitor: String,
    /// The reference that the order will have.
    pub reference: String,
    /// The unguessable part of the order page's address.
    pub order_token: String,
    /// What is bought, as it was shown.
    pub cart: Cart,
    /// Where, which says for how much.
    pub market: Market,
    /// One press of the button at a time; later ones find what the first one left.
    progress: tokio::sync::Mutex<Progress>,
}

/// How far a draft has come.
#[derive(Default)]
struct Progress {
    /// What is sent to the hub: the same bytes at every repeat.
    body: Option<String>,
    /// How it came out, once it did.
    outcome: Option<Outcome>,
}

/// How placing an order came out.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The shopper pays here.
    PayAt(Url),
    /// The shopper pays in a frame over the shop's own page.
    PayHere,
    /// The hub knows the order and nothing can be paid (any more): the order's page says why.
    NothingToPay,
    /// The hub refused it: nothing was charged, and another form can try again.
    Refused,
}

/// The shopper's equipment, as this server sees it (AV-4.7-16).
#[derive(Clone, Debug)]
pub struct Equipment {
    /// The peer's address.
    pub ip: IpAddr,
    /// The header, unchanged but for its length.
    pub user_agent: String,
}

/// What a shopper decided on the form.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// How it is paid.
    pub means: Means,
    /// The kept card that is charged, by the hub's id.
    pub kept_card: Option<String>,
    /// Whether the card is to be kept.
    pub keeps_card: bool,
    /// Whether it is paid in parts.
    pub is_in_parts: bool,
    /// Who buys.
    pub buyer: Buyer,
    /// Whether the card is the buyer's own.
    pub is_own_card: bool,
    /// The language of the page.
    pub language: Language,
    /// What the shopper uses.
    pub equipment: Equipment,
}

impl Draft {
    /// A draft that nothing was sent for.
    pub fn new(visitor: String, reference: String, order_token: String, cart: Cart, market: Market) -> Self {
        Self { visitor, reference, order_token, cart, market, progress: tokio::sync::Mutex::default() }
    }

    /// The address of the order's page.
    pub fn page(&self) -> String {
        format!("/orders/{}/{}", self.reference, self.order_token)
    }
}

/// Places the order of a draft, or finds how that came out before. Runs to its end even when the browser
/// goes away meanwhile. An error means that it is not known whether the hub has the order: the same form
/// may be sent again.
pub async fn place(shop: &Arc<Shop>, draft: Arc<Draft>, purchase: Purchase) -> Result<Outcome, HubError> {
    let shop = Arc::clone(shop);
    let task = tokio::spawn(async move { place_once(&shop, &draft, &purchase).await });
    task.await.unwrap_or_else(|error| Err(HubError::Unreadable(error.to_string())))
}

async fn place_once(shop: &Shop, draft: &Draft, purchase: &Purchase) -> Result<Outcome, HubError> {
    let mut progress = draft.progress.lock().await;
    if let Some(outcome) = &progress.outcome {
        return Ok(outcome.clone());
    }
    let body = progress.body.get_or_insert_with(|| {
        shop.memory().place(order_of(shop, draft, purchase));
        request_body(shop, draft, purchase).to_string()
    });
    // The reference is this draft's alone, so it names the payment for the hub as well.
    let outcome = match shop.hub.create_payment(&draft.reference, body).await {
        Ok(payment) => {
            let is_framed = shop.settings.lightbox && payment.lightbox.is_some();
            let pay_url = payment.pay_url.clone();
            shop.memory().learn(payment, Source::Answer, shop.clock.now());
            match pay_url {
                Some(_) if is_framed => Outcome::PayHere,
                Some(url) => Outcome::PayAt(url),
                None => Outcome::NothingToPay,
            }
        }
        Err(error @ (HubError::Unreachable(_) | HubError::Unreadable(_))) => return Err(error),
        Err(HubError::Refused { status, code, detail }) => {
            tracing::warn!(reference = draft.reference, status, code, detail, "the hub refused an order");
            // 502 says that nothing payable exists; the others say nothing about the order yet.
            if matches!(status, 409 | 429 | 500 | 503 | 504) {
                return Err(HubError::Refused { status, code, detail });
            }
            shop.memory().refuse(&draft.reference);
            Outcome::Refused
        }
    };
    *progress = Progress { body: None, outcome: Some(outcome.clone()) };
    Ok(outcome)
}

fn order_of(shop: &Shop, draft: &Draft, purchase: &Purchase) -> Order {
    Order {
        reference: draft.reference.clone(),
        token: draft.order_token.clone(),
        visitor: draft.visitor.clone(),
        language: purchase.language,
        cart: draft.cart.clone(),
        market: draft.market,
        means: purchase.means.id.clone(),
        created_at: shop.clock.now(),
        accepted_terms: TERMS_VERSION,
        is_refused: false,
        payment: None,
        paid: None,
        mismatch: None,
    }
}

/// The order in the hub's shape. The buyer is always told; the holder only when he is the buyer (C-62).
fn request_body(shop: &Shop, draft: &Draft, purchase: &Purchase) -> Value {
    let market = draft.market;
    let totals = draft.cart.totals(market);
    let items: Vec<Value> = draft
        .cart
        .lines()
        .iter()
        .map(|line| {
            json!({
                "sku": line.product.sku,
                "name": line.product.name(purchase.language),
                "quantity": line.quantity,
                "price": line.product.net(market),
                "tax": line.product.tax(market),
            })
        })
        .collect();
    let user_agent: String = purchase.equipment.user_agent.chars().take(MAX_USER_AGENT).collect();
    let mut body = json!({
        "reference": draft.reference,
        "amount": totals.gross,
        "currency": market.currency(),
        "description": format!("{} {}", purchase.language.order_word(), draft.reference),
        "items": items,
        "buyer": purchase.buyer,
        "customer": customer_of(&draft.visitor),
        "return_url": shop.address(&draft.page()),
        "language": purchase.language.tag(),
        "shopper": { "ip": purchase.equipment.ip, "user_agent": user_agent },
    });
    // A part of an order has no share of its taxes: they are told of an order that is paid as a whole.
    if purchase.is_in_parts {
        body["allow_partial"] = json!(true);
    } else {
        body["taxes"] = json!([{ "kind": "value_added_tax", "amount": totals.tax, "base": totals.net }]);
        body["details"] = json!([{ "kind": "subtotal", "amount": totals.net }]);
    }
    if let Some(card) = &purchase.kept_card {
        body["instrument"] = json!(card);
    }
    if purchase.keeps_card {
        body["keep_instrument"] = json!(true);
    }
    if !purchase.means.methods.is_empty() {
        body["methods"] = json!(purchase.means.methods);
    }
    if let Some(account) = &purchase.means.account {
        body["account"] = json!(account);
    }
    if purchase.means.is_card && purchase.is_own_card {
        body["payer"] = json!(purchase.buyer);
    }
    body
}
