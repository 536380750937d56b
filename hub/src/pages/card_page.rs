//! Our own page where a shopper types a card, or the code of a kept one, for providers that have no page for that. What
//! was typed is read into types that wipe themselves, handed on, and never shown again.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use payment::account::Environment;
use payment::card::{Card, CardComplaint, SecurityCode, TypedCard};
use payment::id::AttemptId;
use payment::order::Language;
use payment::step::Refusal;
use payment::{Money, Timestamp};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::frame::{Frame, WantedLanguage};
use super::others::Other;
use super::return_page::onward;
use super::{page, trouble};
use crate::flow::{SupplyError, Typed, supply_card, waits_for_card};
use crate::settings::{Contact, Merchant};
use crate::state::Hub;
use crate::store::{Attempt, Instrument, Payment, StoreError};
use crate::text::Text;

/// Largest form taken, in bytes.
const MAX_FORM: usize = 4096;
/// How long a shopper waits here for the provider's answer, in real time; paying goes on beyond it.
const PATIENCE: Duration = Duration::from_secs(25);

#[derive(Template)]
#[template(path = "card.html")]
struct CardPage {
    frame: Frame,
    merchant_name: String,
    brand: String,
    is_test: bool,
    contact: Contact,
    /// What else the shopper is about to pay.
    others: Vec<Other>,
    view: View,
}

/// What the shopper is asked.
struct View {
    reference: String,
    description: Option<String>,
    total: Money,
    until: Timestamp,
    instalments: Option<u32>,
    /// The kept card whose code alone is asked for.
    kept: Option<KeptCard>,
    /// Whether the card will be kept.
    is_to_be_kept: bool,
    /// What was wrong with what was typed.
    mistakes: Vec<Mistake>,
}

/// A kept card as it is shown: never more than its brand and last four digits.
struct KeptCard {
    brand: Option<String>,
    last_four: Option<String>,
}

/// What can be wrong with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    Number,
    Expiry,
    Expired,
    Code,
    /// The provider refuses what was typed.
    Refused,
    /// Nothing was sent: the provider is not called right now.
    Held,
}

/// An attempt that waits for a card.
struct Waiting<'a> {
    merchant: &'a Merchant,
    payment: Payment,
    attempt: Attempt,
    kept: Option<Instrument>,
    language: Language,
}

/// What is found behind an address.
enum Behind<'a> {
    Waiting(Box<Waiting<'a>>),
    /// It waits no more: the shopper goes on.
    Over(Box<Payment>),
    Nothing,
}

pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    Path((merchant, attempt, token)): Path<(String, String, String)>,
    WantedLanguage(wanted): WantedLanguage,
) -> Response {
    let fallback = wanted.unwrap_or_default();
    match behind(&hub, &merchant, &attempt, &token, wanted).await {
        Ok(Behind::Waiting(waiting)) => match Other::all(&hub, &waiting.payment).await {
            Ok(others) => page(StatusCode::OK, &CardPage::of(&hub, &waiting, Vec::new(), others)),
            Err(error) => trouble::unavailable(fallback, &error),
        },
        Ok(Behind::Over(payment)) => to_status(&hub, &payment),
        Ok(Behind::Nothing) => trouble::not_found(fallback),
        Err(error) => trouble::unavailable(fallback, &error),
    }
}

pub(super) async fn receive(
    State(hub): State<Arc<Hub>>,
    Path((merchant, attempt, token)): Path<(String, String, String)>,
    WantedLanguage(wanted): WantedLanguage,
    body: Body,
) -> Response {
    let fallback = wanted.unwrap_or_default();
    let waiting = match behind(&hub, &merchant, &attempt, &token, wanted).await {
        Ok(Behind::Waiting(waiting)) => waiting,
        Ok(Behind::Over(payment)) => return to_status(&hub, &payment),
        Ok(Behind::Nothing) => return trouble::not_found(fallback),
        Err(error) => return trouble::unavailable(fallback, &error),
    };
    let typed = match typed(body, waiting.kept.is_some(), hub.clock.now()).await {
        Ok(typed) => typed,
        Err(mistakes) => return again(&hub, &waiting, mistakes),
    };
    let paying = supply_card(&hub, &merchant, &waiting.attempt.id, typed);
    match tokio::time::timeout(PATIENCE, paying).await {
        Ok(Ok(payment)) => onward(&hub, &payment),
        Ok(Err(SupplyError::NotWaiting(payment))) => to_status(&hub, &payment),
        Ok(Err(SupplyError::Refused(refusal))) => again(&hub, &waiting, mistakes_of(&refusal)),
        Ok(Err(SupplyError::Held(_))) => again(&hub, &waiting, vec![Mistake::Held]),
        Ok(Err(SupplyError::NotFound)) => trouble::not_found(fallback),
        Ok(Err(SupplyError::Store(error))) => trouble::unavailable(fallback, &error),
        // The page of the payment renews itself until the answer is here.
        Err(_) => to_status(&hub, &waiting.payment),
    }
}

async fn behind<'a>(
    hub: &'a Hub,
    merchant: &str,
    attempt: &str,
    token: &str,
    wanted: Option<Language>,
) -> Result<Behind<'a>, StoreError> {
    // The token comes first: an address that was guessed costs no look into the database.
    let id = attempt.parse::<AttemptId>().ok();
    let Some(id) = id.filter(|id| hub.vault.is_page_token("card", id.as_str(), token)) else {
        return Ok(Behind::Nothing);
    };
    let Some(merchant) = hub.settings.merchant(merchant) else { return Ok(Behind::Nothing) };
    let Some(attempt) = hub.store.attempt(&merchant.id, &id).await? else { return Ok(Behind::Nothing) };
    let Some(payment) = hub.store.payment(&merchant.id, &attempt.payment_id).await? else {
        return Ok(Behind::Nothing);
    };
    if !waits_for_card(hub, &payment, &attempt) {
        return Ok(Behind::Over(Box::new(payment)));
    }
    let kept = match &payment.order.instrument {
        Some(instrument) => hub.store.instrument(&merchant.id, instrument).await?,
        None => None,
    };
    let language = wanted.unwrap_or(payment.order.language);
    Ok(Behind::Waiting(Box::new(Waiting { merchant, payment, attempt, kept, language })))
}

/// Reads the form. The bytes and every value of it are wiped when they are no longer needed.
async fn typed(body: Body, is_code_alone: bool, now: Timestamp) -> Result<Typed, Vec<Mistake>> {
    let Ok(bytes) = to_bytes(body, MAX_FORM).await else { return Err(vec![Mistake::Number]) };
    let form = Zeroizing::new(bytes.to_vec());
    let field = |name: &str| {
        let found = url::form_urlencoded::parse(&form).find(|(field, _)| field == name);
        SecretString::from(found.map(|(_, value)| value.into_owned()).unwrap_or_default())
    };
    if is_code_alone {
        return SecurityCode::read(&field("code")).map(Typed::Code).ok_or_else(|| vec![Mistake::Code]);
    }
    let card = TypedCard {
        number: field("number"),
        expiry: field("expiry"),
        security_code: field("code"),
        holder: String::new(),
    };
    let card = Card::read(card, now)
        .map_err(|complaints| complaints.into_iter().map(Mistake::from).collect::<Vec<_>>())?;
    Ok(Typed::Card(card))
}

impl From<CardComplaint> for Mistake {
    fn from(complaint: CardComplaint) -> Self {
        match complaint {
            CardComplaint::InvalidNumber | CardComplaint::InvalidHolder => Self::Number,
            CardComplaint::InvalidExpiry => Self::Expiry,
            CardComplaint::Expired => Self::Expired,
            CardComplaint::InvalidSecurityCode => Self::Code,
        }
    }
}

/// Which fields a provider's refusal is about.
fn mistakes_of(refusal: &Refusal) -> Vec<Mistake> {
    let by_code = match refusal.code {
        "invalid_number" | "incorrect_number" => Some(Mistake::Number),
        "invalid_expiry_date" => Some(Mistake::Expiry),
        "expired_card" => Some(Mistake::Expired),
        "invalid_cvc" | "incorrect_cvc" => Some(Mistake::Code),
        _ => None,
    };
    vec![by_code.unwrap_or(Mistake::Refused)]
}

fn again(hub: &Hub, waiting: &Waiting<'_>, mistakes: Vec<Mistake>) -> Response {
    let status = match mistakes.first() {
        Some(Mistake::Held) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    page(status, &CardPage::of(hub, waiting, mistakes, Vec::new()))
}

fn to_status(hub: &Hub, payment: &Payment) -> Response {
    Redirect::to(hub.status_url(&payment.merchant_id, &payment.id).as_str()).into_response()
}

impl CardPage {
    fn of(hub: &Hub, waiting: &Waiting<'_>, mistakes: Vec<Mistake>, others: Vec<Other>) -> Self {
        let Waiting { merchant, payment, attempt, kept, language } = waiting;
        let provider = hub.providers.get(&payment.provider);
        let account = hub.settings.account(&attempt.account_id);
        Self {
            frame: Frame::new(*language, &merchant.zone),
            merchant_name: merchant.name.clone(),
            brand: provider.map_or_else(String::new, |provider| provider.profile().brand.to_owned()),
            is_test: account.is_none_or(|account| account.environment != Environment::Production),
            contact: merchant.contact.clone(),
            others,
            view: View {
                reference: payment.order.reference.clone(),
                description: payment.order.description.clone(),
                total: payment.order.total,
                until: attempt.expires_at,
                instalments: payment.order.instalments,
                kept: kept
                    .as_ref()
                    .map(|kept| KeptCard { brand: kept.brand.clone(), last_four: kept.last_four.clone() }),
                is_to_be_kept: payment.order.keep_instrument,
                mistakes,
            },
        }
    }
}

impl View {
    /// The sentence beside a field, when it is wrong.
    fn beside(&self, field: &str, text: &Text) -> Option<&'static str> {
        self.mistakes.iter().find_map(|mistake| match (mistake, field) {
            (Mistake::Number, "number") => Some(text.card_wrong_number),
            (Mistake::Expiry, "expiry") => Some(text.card_wrong_expiry),
            (Mistake::Expired, "expiry") => Some(text.card_expired),
            (Mistake::Code, "code") => Some(text.card_wrong_code),
            (Mistake::Refused, "form") => Some(text.card_refused),
            (Mistake::Held, "form") => Some(text.card_held),
            _ => None,
        })
    }
}

#[cfg(test)]
pub(super) fn samples(language: Language) -> Vec<String> {
    let payment = super::console::sample::payment(payment::Status::RequiresAction);
    let all = vec![
        Mistake::Number,
        Mistake::Expiry,
        Mistake::Expired,
        Mistake::Code,
        Mistake::Refused,
        Mistake::Held,
    ];
    let kept = || KeptCard { brand: Some("<xss>".into()), last_four: Some("<xss>".into()) };
    let views = [(None, false, vec![]), (None, true, all.clone()), (Some(kept()), false, all)];
    let pages = views.into_iter().map(|(kept, is_to_be_kept, mistakes)| CardPage {
        frame: Frame::sample(language),
        merchant_name: "<xss>Comercio".into(),
        brand: "<xss>".into(),
        is_test: true,
        contact: Contact { email: Some("\"><xss>@x.example".into()), phone: Some("<xss>".into()) },
        others: vec![Other::sample()],
        view: View {
            reference: "<xss>".into(),
            description: Some("<xss>".into()),
            total: payment.order.total,
            until: payment.expires_at,
            instalments: Some(3),
            kept,
            is_to_be_kept,
            mistakes,
        },
    });
    pages.map(|page| page.render().expect("it renders")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-03-14T15:05:00Z".parse().expect("a time")
    }

    #[tokio::test]
    async fn a_form_is_read_as_shoppers_fill_it_in() {
        let body = "number=4000+0000+0000+0044&expiry=12%2F30&code=123&number=5555";
        let read = typed(Body::from(body), false, now()).await;
        let Ok(Typed::Card(card)) = read else { panic!("a card is read: {read:?}") };
        assert_eq!((card.number(), card.security_code()), ("4000000000000044", "123"));
        let read = typed(Body::from("code=0123"), true, now()).await;
        let Ok(Typed::Code(code)) = read else { panic!("a code is read: {read:?}") };
        assert_eq!(code.digits(), "0123");
    }

    #[tokio::test]
    async fn every_field_that_is_wrong_is_named_and_a_form_too_large_is_none() {
        let wrong = typed(Body::from("number=x&expiry=13%2F30&code=1"), false, now()).await;
        assert_eq!(wrong.expect_err("wrong"), [Mistake::Number, Mistake::Expiry, Mistake::Code]);
        let expired = typed(Body::from("number=4000000000000044&expiry=0226&code=123"), false, now()).await;
        assert_eq!(expired.expect_err("wrong"), [Mistake::Expired]);
        assert!(typed(Body::from("code=12a"), true, now()).await.is_err());
        assert!(typed(Body::from("x".repeat(MAX_FORM + 1)), false, now()).await.is_err());
    }
}
