//! The card form: what it holds before it is sent, and whether it is accepted (§16, §17).

use simulation::decimal::{self, Decimal};
use simulation::{Timestamp, World};

use super::labels::Labels;
use super::money;
use crate::checkout::account::Settings;
use crate::checkout::cards::{self, TestCard, ThreeDs, Typed};
use crate::checkout::documents::{self, Holder};
use crate::checkout::instrument::{CardFace, Instrument};
use crate::checkout::methods::Method;
use crate::checkout::person::Person;
use crate::checkout::session::{Code, Prepared, Session};
use crate::instant;
use simulation::form::Form;

/// Instalments that the form offers.
pub const MOST_INSTALLMENTS: u32 = 36;
/// Longest name or surname, and longest mobile number.
const NAME_LIMIT: usize = 60;
const MOBILE_LIMIT: usize = 30;
/// Digits that a mobile number has at least.
const MOBILE_DIGITS: usize = 7;
/// Prefix of a Colombian mobile number that was typed without one.
const COLOMBIA_PREFIX: &str = "+57";

/// What may be shown again when the form comes back: everything but number and code.
#[derive(Clone, Debug, Default)]
pub struct Values {
    pub expiry: String,
    pub installments: String,
    pub holder_name: String,
    pub holder_surname: String,
    pub document_type: String,
    pub document: String,
    pub mobile: String,
    /// What is paid now, of a mixed payment.
    pub amount: String,
    /// Whether the card is to be stored.
    pub save_card: bool,
    /// Of a transfer: the bank's code, and the kind of person.
    pub bank: String,
    pub person_kind: String,
}

/// Names of members with the sentence to show beside each.
pub type Errors = Vec<(&'static str, &'static str)>;

/// A form that makes an attempt.
pub struct Accepted {
    /// The attempt.
    pub prepared: Prepared,
    /// The payer as typed.
    pub payer: Person,
    /// The code that the payer is asked for first.
    pub challenge: Option<Code>,
}

impl Values {
    /// Before anything is typed: the payer of an earlier attempt, the merchant's payer, the buyer.
    pub fn prefilled(session: &Session) -> Self {
        let order = &session.order;
        let buyer = order.buyer.as_ref().filter(|_| order.no_buyer_fill != Some(true));
        let known = session.payer.as_ref().or(order.payer.as_ref()).or(buyer);
        let datum = |pick: fn(&Person) -> &Option<String>| {
            known.and_then(|person| pick(person).clone()).unwrap_or_default()
        };
        Self {
            expiry: String::new(),
            installments: "1".into(),
            holder_name: datum(|person| &person.name),
            holder_surname: datum(|person| &person.surname),
            document_type: datum(|person| &person.document_type),
            document: datum(|person| &person.document),
            mobile: datum(|person| &person.mobile),
            amount: money::plain(session.remaining(), order.currency()),
            save_card: false,
            bank: String::new(),
            person_kind: String::new(),
        }
    }

    /// As typed; what the merchant's payer locks is not taken from the browser.
    pub fn typed(form: &Form, session: &Session) -> Self {
        let locked = session.order.payer.as_ref();
        let datum = |name: &str, pick: fn(&Person) -> &Option<String>| {
            locked.and_then(|payer| pick(payer).clone()).unwrap_or_else(|| form.get(name).to_owned())
        };
        Self {
            expiry: form.get("expiry").to_owned(),
            installments: if session.order.is_subscription() {
                "1".into()
            } else {
                form.get("installments").to_owned()
            },
            holder_name: datum("holder_name", |person| &person.name),
            holder_surname: datum("holder_surname", |person| &person.surname),
            document_type: datum("document_type", |person| &person.document_type),
            document: datum("document", |person| &person.document),
            mobile: datum("mobile", |person| &person.mobile),
            amount: form.get("amount").to_owned(),
            save_card: !form.get("save_card").is_empty(),
            bank: form.get("bank").to_owned(),
            person_kind: form.get("person_kind").to_owned(),
        }
    }
}

/// Whether the merchant's payer locks the member `name` of the form.
pub fn is_locked(session: &Session, name: &str) -> bool {
    session.order.payer.as_ref().is_some_and(|payer| match name {
        "holder_name" => payer.name.is_some(),
        "holder_surname" => payer.surname.is_some(),
        "document_type" => payer.document_type.is_some(),
        "document" => payer.document.is_some(),
        "mobile" => payer.mobile.is_some(),
        "email" => payer.email.is_some(),
        _ => false,
    })
}

/// Judges a form that was sent.
pub fn judge(
    form: &Form,
    values: &Values,
    session: &Session,
    settings: &Settings,
    labels: &Labels,
    world: &dyn World,
) -> Result<Accepted, Errors> {
    let mut errors = Errors::new();
    let code = form.get("cvv");
    let card = judge_card(form.get("card_number"), session, settings, labels, world, &mut errors);
    let expiry = judge_expiry(&values.expiry, world.now(), labels, &mut errors);
    if !(3..=4).contains(&code.len()) || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        errors.push(("cvv", labels.error_code));
    }
    let installments =
        values.installments.parse().ok().filter(|number| (1..=MOST_INSTALLMENTS).contains(number));
    if installments.is_none() {
        errors.push(("installments", labels.error_installments));
    }
    judge_holder(values, labels, &mut errors);
    let amount = judge_amount(values, session, settings, labels, &mut errors);
    let (Some((card, number)), Some(expiry), Some(installments), Some(amount), true) =
        (card, expiry, installments, amount, errors.is_empty())
    else {
        return Err(errors);
    };
    let typed = Typed::new(card, &expiry, code);
    Ok(Accepted {
        prepared: Prepared {
            instrument: Instrument::Card(face(card, &number, &expiry)),
            installments,
            amount,
            typed: Some(typed),
            course: typed.course(amount, session.order.currency()),
            saves_card: session.order.subscribe && values.save_card,
        },
        challenge: match card.three_ds {
            ThreeDs::Challenge => Some(Code::ThreeDs),
            ThreeDs::None | ThreeDs::Silent(_) => settings.asks_password.then_some(Code::OneTimePassword),
        },
        payer: payer(values, session),
    })
}

/// What is paid now: all that is left, or of a mixed payment what the payer chose between the least that the site takes
/// and that (§16).
pub fn judge_amount(
    values: &Values,
    session: &Session,
    settings: &Settings,
    labels: &Labels,
    errors: &mut Errors,
) -> Option<Decimal> {
    let remaining = session.remaining();
    if !session.order.allow_partial {
        return Some(remaining);
    }
    let places = decimal::exponent(session.order.currency()).unwrap_or(2);
    let typed = money::read(&values.amount).filter(|amount| amount.significant_places() <= places);
    let least = Decimal::from(i64::from(settings.minimum_partial)).min(remaining);
    let amount = typed.filter(|amount| *amount >= least && *amount <= remaining);
    if amount.is_none() {
        errors.push(("amount", labels.error_amount));
    }
    amount
}

/// The published card that a number is or acts as, with the number's own digits.
fn judge_card(
    typed: &str,
    session: &Session,
    settings: &Settings,
    labels: &Labels,
    world: &dyn World,
    errors: &mut Errors,
) -> Option<(&'static TestCard, String)> {
    let number: String = typed.chars().filter(|character| !matches!(character, ' ' | '-')).collect();
    if number.is_empty() {
        errors.push(("card_number", labels.error_required));
        return None;
    }
    let card = cards::find(&number)
        .or_else(|| world.canary(&number).and_then(|canary| cards::find(&canary.acts_as)));
    match card {
        None => errors.push(("card_number", labels.error_card_number)),
        Some(card) if !session.order.methods(&settings.methods).contains(&Method::Card(card.brand)) => {
            errors.push(("card_number", labels.error_brand));
        }
        Some(card) => return Some((card, number)),
    }
    None
}

/// `MM/YY` of a month that is not past.
fn judge_expiry(typed: &str, now: Timestamp, labels: &Labels, errors: &mut Errors) -> Option<String> {
    let Some((month, year)) = read_expiry(typed) else {
        errors.push(("expiry", labels.error_expiry));
        return None;
    };
    if (2000 + i16::from(year), month) < instant::year_and_month(now) {
        errors.push(("expiry", labels.error_expired));
        return None;
    }
    Some(format!("{month:02}/{year:02}"))
}

fn read_expiry(typed: &str) -> Option<(i8, i8)> {
    let digits: String = typed.chars().filter(|character| !matches!(character, '/' | ' ')).collect();
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let month = digits[..2].parse().ok().filter(|month| (1..=12).contains(month))?;
    Some((month, digits[2..].parse().ok()?))
}

/// Judges who owns the instrument.
pub fn judge_holder(values: &Values, labels: &Labels, errors: &mut Errors) {
    let kind = documents::find(&values.document_type);
    let is_company = kind.is_some_and(|kind| kind.holder == Holder::Company);
    if values.holder_name.is_empty() {
        errors.push(("holder_name", labels.error_required));
    } else if !is_name(&values.holder_name, is_company) {
        errors.push(("holder_name", labels.error_name));
    }
    if values.holder_surname.is_empty() && !is_company {
        errors.push(("holder_surname", labels.error_required));
    } else if !values.holder_surname.is_empty() && !is_name(&values.holder_surname, is_company) {
        errors.push(("holder_surname", labels.error_name));
    }
    match kind {
        None => errors.push(("document_type", labels.error_document_type)),
        Some(_) if values.document.is_empty() => errors.push(("document", labels.error_required)),
        Some(kind) if !kind.fits(&values.document) => errors.push(("document", labels.error_document)),
        Some(_) => {}
    }
    if values.mobile.is_empty() {
        errors.push(("mobile", labels.error_required));
    } else if !is_mobile(&values.mobile) {
        errors.push(("mobile", labels.error_mobile));
    }
}

/// Letters of any language, blanks and `. ' & -`, a letter first; a company may have digits (§6.2).
fn is_name(text: &str, is_company: bool) -> bool {
    let is_allowed = |character: char| {
        character.is_alphabetic() || " .'&-".contains(character) || (is_company && character.is_ascii_digit())
    };
    text.chars().count() <= NAME_LIMIT
        && text.chars().next().is_some_and(|first| first.is_alphabetic() || is_company)
        && text.chars().all(is_allowed)
}

fn is_mobile(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('+').unwrap_or(text);
    text.len() <= MOBILE_LIMIT
        && digits >= MOBILE_DIGITS
        && rest.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'(' | b')'))
}

fn face(card: &TestCard, number: &str, expiry: &str) -> CardFace {
    let end = number.len().saturating_sub(4);
    CardFace {
        brand: card.brand,
        bin: number.chars().take(6).collect(),
        last_four: number.chars().skip(end).collect(),
        expiry: expiry.replace('/', ""),
    }
}

/// The payer as the query will echo it. A Colombian mobile gets its country's prefix, as recorded (§7.7).
pub fn payer(values: &Values, session: &Session) -> Person {
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mobile =
        if values.mobile.len() == 10 && values.mobile.starts_with('3') && !is_locked(session, "mobile") {
            format!("{COLOMBIA_PREFIX}{}", values.mobile)
        } else {
            values.mobile.clone()
        };
    let locked = session.order.payer.as_ref();
    Person {
        document_type: filled(&values.document_type),
        document: filled(&values.document),
        name: filled(&values.holder_name),
        surname: filled(&values.holder_surname),
        company: locked.and_then(|payer| payer.company.clone()),
        email: session.email.clone(),
        mobile: filled(&mobile),
        address: locked.and_then(|payer| payer.address.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_letters_and_companies_may_have_digits() {
        for (text, is_company, yes) in [
            ("José Ñandú", false, true),
            ("O'Neill-Pérez", false, true),
            ("Juan3", false, false),
            ("Ana@", false, false),
            ("", false, false),
            ("7 Mares S.A.S.", true, true),
        ] {
            assert_eq!(is_name(text, is_company), yes, "{text}");
        }
    }

    #[test]
    fn expiries_are_read_with_and_without_a_stroke() {
        assert_eq!(read_expiry("11/30"), Some((11, 30)));
        assert_eq!(read_expiry("1130"), Some((11, 30)));
        for text in ["13/30", "00/30", "11/2030", "1/30", "ab/cd", "", "１１/30"] {
            assert_eq!(read_expiry(text), None, "{text}");
        }
    }

    #[test]
    fn mobiles_have_seven_digits_and_no_letters() {
        for (text, yes) in [
            ("3005550147", true),
            ("+57 300 5550147", true),
            ("(601) 5550147", true),
            ("300555", false),
            ("300-5550147", false),
            ("300x5550147", false),
        ] {
            assert_eq!(is_mobile(text), yes, "{text}");
        }
    }
}
