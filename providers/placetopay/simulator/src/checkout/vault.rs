//! Stored cards: a token, a subtoken, and what is kept of the card behind them (§7.5, §9, §10).

use std::collections::HashMap;

use jiff::civil::Date;
use simulation::card::luhn;
use simulation::strict_json::Value;
use simulation::{Timestamp, World};

use super::cards::Typed;
use super::fields::Field;
use super::instrument::{CardFace, ISSUER};
use super::objection::Objection;
use super::random;
use super::refusal::Refusal;

/// Lengths on the wire.
const TOKEN_LENGTH: usize = 64;
const SUBTOKEN_LENGTH: usize = 16;
/// Cards kept; beyond that no more are stored.
const CARDS_LIMIT: usize = 200_000;

/// One stored card.
#[derive(Clone, Debug)]
pub struct StoredCard {
    /// The account that it was stored for.
    pub merchant: String,
    /// 64 hexadecimal characters.
    pub token: String,
    /// 16 digits, the last four are the card's.
    pub subtoken: String,
    /// All that is kept of the card.
    pub face: CardFace,
    /// What it does when it is charged.
    pub typed: Typed,
    /// The last day of its month.
    pub valid_until: Date,
    /// Who owns it.
    pub owner: String,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// When the merchant invalidated it.
    pub invalidated_at: Option<Timestamp>,
}

/// All stored cards.
#[derive(Debug, Default)]
pub struct Vault {
    by_token: HashMap<String, StoredCard>,
    tokens_by_subtoken: HashMap<String, String>,
    /// In the order of storing.
    order: Vec<String>,
}

impl Vault {
    /// Stores a card; `None` when the vault is full.
    pub fn store(
        &mut self,
        merchant: &str,
        owner: String,
        face: &CardFace,
        typed: Typed,
        world: &mut dyn World,
    ) -> Option<&StoredCard> {
        if self.by_token.len() >= CARDS_LIMIT {
            return None;
        }
        let valid_until = last_day(&face.expiry)?;
        let token = random::hex(world, TOKEN_LENGTH / 2);
        // C-57: it looks like a card number and is none, so its check digit is wrong.
        let mut subtoken = subtoken(face, world);
        while luhn(&subtoken) || self.tokens_by_subtoken.contains_key(&subtoken) {
            subtoken = self::subtoken(face, world);
        }
        let card = StoredCard {
            merchant: merchant.to_owned(),
            token: token.clone(),
            subtoken: subtoken.clone(),
            face: face.clone(),
            typed,
            valid_until,
            owner,
            stored_at: world.now(),
            invalidated_at: None,
        };
        self.tokens_by_subtoken.insert(subtoken, token.clone());
        self.order.push(token.clone());
        self.by_token.insert(token.clone(), card);
        self.by_token.get(&token)
    }

    /// The card that `instrument.token` names, `{token}` or `{subtoken}`, of this account and not invalidated.
    pub fn find(&self, merchant: &str, named: Option<&Value>) -> Result<&StoredCard, Refusal> {
        let token = self.token_of(named)?;
        let card = token.and_then(|token| self.by_token.get(&token));
        card.filter(|card| card.merchant == merchant && card.invalidated_at.is_none())
            .ok_or_else(|| Refusal::with_reason("XN", Objection::InvalidToken))
    }

    /// Takes a card out of use.
    pub fn invalidate(&mut self, token: &str, at: Timestamp) {
        if let Some(card) = self.by_token.get_mut(token) {
            card.invalidated_at = Some(at);
        }
    }

    /// The cards of an account, newest first.
    pub fn of<'a>(&'a self, merchant: &'a str) -> impl Iterator<Item = &'a StoredCard> {
        let cards = self.order.iter().rev().filter_map(|token| self.by_token.get(token));
        cards.filter(move |card| card.merchant == merchant)
    }

    fn token_of(&self, named: Option<&Value>) -> Result<Option<String>, Refusal> {
        let length = || Refusal::request(Objection::TokenLength);
        let member = |name: &str| named.and_then(|named| named.get(name)).filter(|value| !value.is_null());
        if let Some(token) = member("token") {
            let token = token.as_str().filter(|token| token.len() == TOKEN_LENGTH).ok_or_else(length)?;
            return Ok(Some(token.to_owned()));
        }
        let subtoken = member("subtoken").ok_or_else(length)?;
        let subtoken = subtoken.as_str().or_else(|| subtoken.number_text()).unwrap_or_default();
        if subtoken.len() != SUBTOKEN_LENGTH {
            return Err(length());
        }
        Ok(self.tokens_by_subtoken.get(subtoken).cloned())
    }
}

impl StoredCard {
    /// The instrument of a subscription, as the query lists it.
    pub fn instrument(&self) -> Value {
        let text = |text: &str| Value::text(text);
        let pairs = [
            ("token", text(&self.token)),
            ("subtoken", text(&self.subtoken)),
            ("franchise", text(self.face.brand.method())),
            ("franchiseName", text(self.face.brand.name())),
            ("issuerName", text(ISSUER)),
            ("lastDigits", text(&self.face.last_four)),
            ("validUntil", text(&self.valid_until.to_string())),
            ("installments", Value::Null),
        ];
        Value::array(pairs.map(|(keyword, value)| Field::hidden(keyword, value).to_value()))
    }
}

fn subtoken(face: &CardFace, world: &mut dyn World) -> String {
    format!("{}{}", random::digits(world, SUBTOKEN_LENGTH - 4), face.last_four)
}

/// The last day of an `MMYY` month.
fn last_day(expiry: &str) -> Option<Date> {
    let (month, year) = (expiry.get(..2)?.parse().ok()?, expiry.get(2..)?.parse::<i16>().ok()?);
    Some(Date::new(2000 + year, month, 1).ok()?.last_of_month())
}
