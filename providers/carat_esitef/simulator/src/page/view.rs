//! What the templates show, and how it is gathered.

use askama::Template;
use simulation::Timestamp;

use super::card_form::{self, Errors, Values, brands, installments, installments_value};
use super::labels::{self, Labels, Language};
use crate::account::Merchant;
use crate::authorizers::Authorizer;
use crate::cards;
use crate::course::money;
use crate::order::Financing;
use crate::route::{PAGE_FORMS, STYLESHEET};
use crate::transaction::Transaction;

/// What every page of a payment has around its content.
pub struct Frame {
    pub labels: &'static Labels,
    pub stylesheet: &'static str,
    pub language: &'static str,
    /// Code, name and whether it is the present one.
    pub languages: Vec<(&'static str, &'static str, bool)>,
    /// Where the page's forms go.
    pub base: String,
    /// `R$ 1.190,00`
    pub total: String,
    /// Label and value of order, shop and transaction.
    pub facts: Vec<(&'static str, String)>,
}

/// The card form.
#[derive(Template)]
#[template(path = "card.html")]
pub struct CardPage {
    pub frame: Frame,
    pub inputs: Vec<Input>,
    /// The sentence about keeping the card, when it is to be kept.
    pub keeps_card: Option<&'static str>,
    pub minutes_left: i64,
    /// Whether something was refused.
    pub is_refused: bool,
    /// Number and name of each test card.
    pub test_cards: Vec<(&'static str, &'static str)>,
    /// `Pagar R$ 1.190,00`
    pub button: String,
}

/// How the payment stands, with the way back.
#[derive(Template)]
#[template(path = "status.html")]
pub struct StatusPage {
    pub frame: Frame,
    /// The status's sentence.
    pub heading: &'static str,
    /// Its three letters.
    pub status: &'static str,
    pub receipt: Option<String>,
    pub back: Option<String>,
}

/// No such payment.
#[derive(Template)]
#[template(path = "not_found.html")]
pub struct NotFoundPage {
    pub labels: &'static Labels,
    pub language: &'static str,
    pub stylesheet: &'static str,
}

/// One input with its label and, when it was refused, a sentence.
pub struct Input {
    pub name: &'static str,
    pub label: &'static str,
    pub value: String,
    pub hint: Option<&'static str>,
    pub autocomplete: &'static str,
    pub inputmode: &'static str,
    pub length: usize,
    /// Value, label and whether it is chosen; an input to type into when there are none.
    pub choices: Vec<(String, String, bool)>,
    pub error: Option<&'static str>,
}

/// The page's address inside its origin.
pub fn address(nit: &str) -> String {
    format!("/e-sitef/do.se?input%5B%27nit%27%5D={nit}")
}

impl Frame {
    fn new(transaction: &Transaction, merchant: &Merchant) -> Self {
        let labels = labels::of(transaction.language);
        let order = &transaction.order;
        let mut facts = Vec::new();
        facts.extend(order.order_id.clone().map(|order_id| (labels.order, order_id)));
        facts.push((labels.shop, merchant.name.clone()));
        facts.push((labels.transaction, transaction.esitef_usn.clone()));
        let languages = Language::ALL
            .map(|language| (language.code(), language.name(), language == transaction.language));
        Self {
            labels,
            stylesheet: STYLESHEET,
            language: transaction.language.code(),
            languages: languages.into(),
            base: format!("{PAGE_FORMS}/{}", transaction.nit),
            total: total(transaction),
            facts,
        }
    }
}

impl CardPage {
    pub fn new(
        transaction: &Transaction,
        merchant: &Merchant,
        values: &Values,
        errors: &Errors,
        now: Timestamp,
    ) -> Self {
        let frame = Frame::new(transaction, merchant);
        let labels = frame.labels;
        let left_s = transaction.expires_at.as_second() - now.as_second();
        Self {
            inputs: inputs(transaction, merchant, values, errors, labels),
            keeps_card: transaction.nita.as_ref().map(|_| labels.keeps_card),
            minutes_left: left_s.max(0).div_euclid(60),
            is_refused: !errors.is_empty(),
            test_cards: cards::all().iter().map(|card| (card.number, card.name)).collect(),
            button: format!("{} {}", labels.pay, total(transaction)),
            frame,
        }
    }
}

impl StatusPage {
    pub fn new(transaction: &Transaction, merchant: &Merchant, back: Option<String>) -> Self {
        let frame = Frame::new(transaction, merchant);
        let brand = transaction.authorizer.map_or("", |authorizer| authorizer.name);
        let receipt = transaction
            .answer
            .as_ref()
            .map(|answer| answer.receipt(brand, transaction.order.amount, &transaction.nit, false));
        Self {
            heading: frame.labels.status_text(transaction.status),
            status: transaction.status.word(),
            receipt,
            back,
            frame,
        }
    }
}

impl NotFoundPage {
    pub fn new(language: Language) -> Self {
        Self { labels: labels::of(language), language: language.code(), stylesheet: STYLESHEET }
    }
}

fn total(transaction: &Transaction) -> String {
    let order = &transaction.order;
    let amount = money(order.amount);
    if order.currency == "BRL" { format!("R$ {amount}") } else { format!("{} {amount}", order.currency) }
}

fn inputs(
    transaction: &Transaction,
    merchant: &Merchant,
    values: &Values,
    errors: &Errors,
    labels: &'static Labels,
) -> Vec<Input> {
    let order = &transaction.order;
    let text = |name, label, value: &str, autocomplete, inputmode, length| Input {
        name,
        label,
        value: value.to_owned(),
        hint: None,
        autocomplete,
        inputmode,
        length,
        choices: Vec::new(),
        error: errors.iter().find(|(known, _)| *known == name).map(|(_, sentence)| *sentence),
    };
    let brand = Input {
        choices: brand_choices(order.authorizer, &brands(order, &merchant.settings), values, labels),
        ..text(card_form::AUTHORIZER, labels.brand, &values.authorizer, "off", "text", 3)
    };
    let offered = installments(order, &merchant.settings).into_iter().map(|offer| {
        let value = installments_value(offer);
        let is_chosen = value == values.installments;
        (value, installments_label(offer, order.amount, labels), is_chosen)
    });
    let installments = Input {
        choices: offered.collect(),
        ..text(card_form::INSTALLMENTS, labels.installments, &values.installments, "off", "text", 4)
    };
    let document = Input {
        hint: Some(labels.document_hint),
        ..text(card_form::DOCUMENT, labels.document, &values.document, "off", "numeric", 18)
    };
    vec![
        brand,
        text(card_form::NUMBER, labels.card_number, "", "cc-number", "numeric", 23),
        text(card_form::EXPIRY, labels.expiry, &values.expiry, "cc-exp", "numeric", 5),
        text(card_form::CODE, labels.security_code, "", "cc-csc", "numeric", 5),
        text(card_form::HOLDER, labels.holder, &values.holder, "cc-name", "text", 30),
        installments,
        document,
    ]
}

fn brand_choices(
    fixed: Option<&'static Authorizer>,
    offered: &[&'static Authorizer],
    values: &Values,
    labels: &Labels,
) -> Vec<(String, String, bool)> {
    let choice = |authorizer: &Authorizer, is_chosen| {
        (authorizer.id.to_string(), authorizer.name.to_owned(), is_chosen)
    };
    if let Some(fixed) = fixed {
        return vec![choice(fixed, true)];
    }
    let own = (String::new(), labels.brand_of_card.to_owned(), values.authorizer.is_empty());
    let named = offered.iter().map(|offer| choice(offer, offer.id.to_string() == values.authorizer));
    [own].into_iter().chain(named).collect()
}

fn installments_label((number, financing): (u8, Financing), amount: u64, labels: &Labels) -> String {
    if number == 1 {
        return labels.one_payment.to_owned();
    }
    match financing {
        // With interest nobody knows the part before the issuer has said.
        Financing::Interest | Financing::AirlineInterest => format!("{number} {}", labels.with_interest),
        Financing::Plain | Financing::AirlinePlain => {
            let part = amount.div_ceil(u64::from(number));
            format!("{number} × {} {}", money(part), labels.without_interest)
        }
    }
}
