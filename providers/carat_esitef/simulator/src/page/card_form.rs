//! The card form: what it holds before it is sent, and whether it is accepted.

use simulation::World;

use super::labels;
use crate::account::Settings;
use crate::authorizers::{Authorizer, Kind};
use crate::cards::{CardNumber, Expiry, is_security_code};
use crate::instant;
use crate::order::{Financing, Order};
use crate::transaction::Transaction;
use simulation::form::Form;

/// Names of the form's members, as the vendor's script names them.
pub const NUMBER: &str = "esitef-cardnumber";
/// `MMYY`
pub const EXPIRY: &str = "esitef-cardexpirydate";
const EXPIRY_MONTH: &str = "esitef-cardexpirymonth";
const EXPIRY_YEAR: &str = "esitef-cardexpiryyear";
/// The security code.
pub const CODE: &str = "esitef-cardsecuritycode";
/// The name on the card.
pub const HOLDER: &str = "esitef-cardholder";
/// The brand.
pub const AUTHORIZER: &str = "authorizer_id";
/// Number and financing, `3-4`.
pub const INSTALLMENTS: &str = "installments";
/// The tax number.
pub const DOCUMENT: &str = "identification_number";

/// Characters of a name on a card.
const HOLDER_LIMIT: usize = 30;
/// Digits of a CPF and of a CNPJ.
const DOCUMENT_LENGTHS: [usize; 2] = [11, 14];

/// What may be shown again when the form comes back: everything but number and code.
#[derive(Clone, Debug, Default)]
pub struct Values {
    pub expiry: String,
    pub holder: String,
    pub authorizer: String,
    pub installments: String,
    pub document: String,
}

/// Names of members with the sentence to show beside each.
pub type Errors = Vec<(&'static str, &'static str)>;

/// A form that pays.
pub struct Accepted {
    pub number: CardNumber,
    pub expiry: Expiry,
    pub chosen: Option<&'static Authorizer>,
    pub installments: u8,
    pub financing: Financing,
}

impl Values {
    /// Before anything is typed.
    pub fn prefilled(transaction: &Transaction) -> Self {
        Self { document: transaction.order.identification.clone().unwrap_or_default(), ..Self::default() }
    }

    /// As typed. Month and year of their own go before the expiry in one.
    pub fn typed(form: &Form) -> Self {
        let (month, year) = (form.get(EXPIRY_MONTH), form.get(EXPIRY_YEAR));
        let expiry = if month.is_empty() && year.is_empty() {
            form.get(EXPIRY).replace(['/', ' '], "")
        } else {
            format!("{month}{year}")
        };
        Self {
            expiry,
            holder: form.get(HOLDER).to_owned(),
            authorizer: form.get(AUTHORIZER).to_owned(),
            installments: form.get(INSTALLMENTS).to_owned(),
            document: form.get(DOCUMENT).to_owned(),
        }
    }
}

/// The brands that the page offers.
pub fn brands(order: &Order, settings: &Settings) -> Vec<&'static Authorizer> {
    settings.authorizers.iter().copied().filter(|authorizer| order.takes(authorizer)).collect()
}

/// The instalments that the page offers: `number-financing`, number, financing.
pub fn installments(order: &Order, settings: &Settings) -> Vec<(u8, Financing)> {
    if let Some(fixed) = order.installments {
        return vec![(fixed, order.financing.unwrap_or(Financing::Plain))];
    }
    let plain = (1..=settings.max_installments).map(|number| (number, Financing::Plain));
    let most = order.max_installments.unwrap_or(0).min(settings.max_installments);
    plain.chain((2..=most).map(|number| (number, Financing::Interest))).collect()
}

/// How one of them is written in the form.
pub fn installments_value((number, financing): (u8, Financing)) -> String {
    format!("{number}-{}", financing.word())
}

/// Judges a form that was sent, but for whose card it is.
pub fn judge(
    form: &Form,
    values: &Values,
    transaction: &Transaction,
    settings: &Settings,
    world: &dyn World,
) -> Result<Accepted, Errors> {
    let labels = labels::of(transaction.language);
    let order = &transaction.order;
    let mut errors = Errors::new();
    let typed = zeroize::Zeroizing::new(form.get(NUMBER).replace([' ', '-'], ""));
    let number = CardNumber::read(&typed);
    if number.is_none() {
        errors.push((NUMBER, if typed.is_empty() { labels.error_required } else { labels.error_card }));
    }
    let now = instant::year_and_month(world.now());
    let expiry = Expiry::read(&values.expiry).filter(|expiry| !expiry.is_before(now));
    if expiry.is_none() {
        errors.push((EXPIRY, labels.error_expiry));
    }
    if !is_security_code(form.get(CODE)) {
        errors.push((CODE, labels.error_code));
    }
    if !is_holder(&values.holder) {
        let is_empty = values.holder.is_empty();
        errors.push((HOLDER, if is_empty { labels.error_required } else { labels.error_holder }));
    }
    let offered = installments(order, settings);
    let chosen_installments = match values.installments.as_str() {
        "" => offered.first().copied(),
        text => offered.into_iter().find(|offer| installments_value(*offer) == text),
    };
    if chosen_installments.is_none() {
        errors.push((INSTALLMENTS, labels.error_installments));
    }
    let chosen = chosen_brand(values, order, settings);
    if chosen.is_err() {
        errors.push((AUTHORIZER, labels.error_brand));
    }
    let wants_document = matches!(chosen, Ok(Some(authorizer)) if authorizer.kind == Kind::Voucher);
    if (wants_document || !values.document.is_empty()) && !is_document(&values.document) {
        errors.push((DOCUMENT, labels.error_document));
    }
    match (number, expiry, chosen_installments, chosen) {
        (Some(number), Some(expiry), Some((installments, financing)), Ok(chosen)) if errors.is_empty() => {
            Ok(Accepted { number, expiry, chosen, installments, financing })
        }
        _ => Err(errors),
    }
}

fn chosen_brand(
    values: &Values,
    order: &Order,
    settings: &Settings,
) -> Result<Option<&'static Authorizer>, ()> {
    if let Some(fixed) = order.authorizer {
        return Ok(Some(fixed));
    }
    if values.authorizer.is_empty() {
        return Ok(None);
    }
    let offered = brands(order, settings);
    offered.into_iter().find(|offer| offer.id.to_string() == values.authorizer).map(Some).ok_or(())
}

fn is_holder(text: &str) -> bool {
    (1..=HOLDER_LIMIT).contains(&text.chars().count())
        && text.chars().all(|character| character.is_alphabetic() || " .'-".contains(character))
}

fn is_document(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    DOCUMENT_LENGTHS.contains(&digits)
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_documents_are_judged_by_their_form() {
        for (text, yes) in [("José D'Ávila", true), ("Ana 2", false), ("", false), (&"a".repeat(31), false)]
        {
            assert_eq!(is_holder(text), yes, "{text}");
        }
        for (text, yes) in [("123.456.789-09", true), ("12345678000195", true), ("1234567890", false)] {
            assert_eq!(is_document(text), yes, "{text}");
        }
    }

    #[test]
    fn month_and_year_of_their_own_go_before_the_expiry_in_one() {
        let typed = |text: &str| Values::typed(&Form::read(text.as_bytes())).expiry;
        assert_eq!(typed("esitef-cardexpirydate=12%2F30"), "1230");
        assert_eq!(
            typed("esitef-cardexpirydate=1230&esitef-cardexpirymonth=01&esitef-cardexpiryyear=31"),
            "0131"
        );
    }
}
