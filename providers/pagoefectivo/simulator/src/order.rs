//! The body of a creation, judged field by field in the order of the table (§4.3).

use std::borrow::Cow;

use simulation::Timestamp;
use simulation::decimal::Decimal;
use simulation::strict_json::Value;

use crate::answer::{Code, Refusal};
use crate::fields::{Members, Reader, is_digits, is_email};
use crate::lima;
use crate::settings::{Profile, Settings};

/// A CIP lives ten minutes at least and six calendar months at most. PE-U14: both bounds are inside, judged at
/// the second of reception.
const SHORTEST_LIFE_S: i64 = 600;
const LONGEST_LIFE_MONTHS: i32 = 6;
/// The least amount by currency, as text (§4.5).
const MINIMUM: [(&str, &str); 2] = [("PEN", "1.00"), ("USD", "0.50")];
/// Kinds of documents, and those whose numbers may have letters (PE-U12).
const DOCUMENTS: [&str; 5] = ["DNI", "PAR", "PAS", "LMI", "NAN"];
const DOCUMENTS_WITH_LETTERS: [&str; 2] = ["PAS", "NAN"];
/// The spelling of `userCodeCountry` in the specification for merchants (§4.4).
const MISSPELT_COUNTRY: &str = "userCodeContry";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// `PEN` or `USD`.
    pub currency: String,
    /// With the places that were written.
    pub amount: Decimal,
    /// The merchant's own id of the operation.
    pub transaction_code: String,
    /// When the CIP ends, unless it is changed.
    pub expires_at: Timestamp,
    /// Whether the request said so itself.
    pub is_expiry_sent: bool,
    /// Shown to the payer.
    pub concept: Option<String>,
    /// Gets a copy of the mail.
    pub admin_email: Option<String>,
    /// The payer's.
    pub user_email: Option<String>,
    /// The payer's given name.
    pub user_name: Option<String>,
    /// The payer's mobile number, as sent.
    pub phone: Option<String>,
    /// The country code that goes with it, as sent.
    pub country_code: Option<String>,
}

/// Reads a creation.
pub fn read(body: &Value, settings: &Settings, now: Timestamp) -> Result<Order, Refusal> {
    let members = Members::of(body);
    let mut reader = Reader::new(members);
    let is_doc = settings.profile == Profile::Docs;

    let currency =
        reader.mandatory_text("currency", 3, |code| settings.currencies.iter().any(|known| known == code));
    let amount = reader.mandatory_amount("amount");
    let amount = judge_minimum(&mut reader, amount, currency.as_deref(), settings);
    let transaction_code = reader.mandatory_text("transactionCode", 36, |_| true);
    let (expires_at, is_expiry_sent) = match read_expiry(&mut reader, now) {
        Expiry::Absent => (Some(lima::seconds_after(now, settings.default_expiry_s)), false),
        Expiry::Wrong => (None, true),
        Expiry::At(at) => (Some(at), true),
    };
    let concept = reader.text("paymentConcept", 50);
    reader.text("additionalData", 200);
    let admin_email = reader.text_that("adminEmail", 100, is_email);
    let user_email = if is_doc {
        reader.mandatory_text("userEmail", 100, is_email)
    } else {
        reader.text_that("userEmail", 100, is_email)
    };
    reader.text_or_number("userId", usize::MAX, |_| true);
    let user_name = reader.text("userName", 30);
    reader.text("userLastName", 30);
    reader.text_or_number("userUbigeo", 6, is_digits);
    reader.text("userCountry", 20);
    let document = reader.text_that("userDocumentType", 3, |kind| DOCUMENTS.contains(&kind));
    let may_have_letters = document.is_some_and(|kind| DOCUMENTS_WITH_LETTERS.contains(&kind.as_str()));
    reader.text_that("userDocumentNumber", 14, |number| {
        is_digits(number) || may_have_letters && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    // PE-U51: what cannot be called is no error, only too long a text is.
    let phone = read_contact(&mut reader, "userPhone", 15, is_doc);
    let country_code = match read_contact(&mut reader, "userCodeCountry", 5, is_doc) {
        None if !is_doc => members.get(MISSPELT_COUNTRY).and_then(Value::as_str).map(str::to_owned),
        known => known,
    };

    let objections = reader.into_objections();
    let (Some(currency), Some(amount), Some(transaction_code), Some(expires_at), true) =
        (currency, amount, transaction_code, expires_at, objections.is_empty())
    else {
        return Err(Refusal::Invalid(objections));
    };
    if settings.maximum.get(currency.as_str()).is_some_and(|most| amount > *most) {
        return Err(Refusal::Special(Code::AboveMaximum, "amount"));
    }
    Ok(Order {
        currency,
        amount,
        transaction_code,
        expires_at,
        is_expiry_sent,
        concept,
        admin_email,
        user_email,
        user_name,
        phone,
        country_code,
    })
}

/// A `dateExpiry`, in a creation or a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Null, blank, in year 1, or not there.
    Absent,
    /// PE-U20: unreadable or outside the window; the reader has the objection.
    Wrong,
    /// An instant inside the window.
    At(Timestamp),
}

/// Reads `dateExpiry`. PE-U26: a change knows the same window as a creation.
pub fn read_expiry(reader: &mut Reader<'_>, now: Timestamp) -> Expiry {
    let text: Cow<'_, str> = match reader.value("dateExpiry") {
        None => return Expiry::Absent,
        Some(Value::Text(text)) if text.trim().is_empty() => return Expiry::Absent,
        Some(Value::Text(text)) => text.into(),
        Some(other) => other.to_text().into(),
    };
    match lima::read(&text) {
        Some(lima::Sent::NotGiven) => Expiry::Absent,
        Some(lima::Sent::At(at)) if is_inside_window(at, now) => Expiry::At(at),
        Some(lima::Sent::At(_)) | None => {
            reader.object_to("dateExpiry");
            Expiry::Wrong
        }
    }
}

/// Whether the merchant wrote the country code's field as the specification misspells it.
pub fn has_misspelt(members: Members<'_>) -> bool {
    members.get(MISSPELT_COUNTRY).is_some()
}

/// The least amount of a currency.
pub fn minimum(currency: &str) -> Option<Decimal> {
    let (_, least) = MINIMUM.iter().find(|(known, _)| *known == currency)?;
    Decimal::parse(least).ok()
}

fn is_inside_window(at: Timestamp, now: Timestamp) -> bool {
    let received = lima::whole_second(now);
    at >= lima::seconds_after(received, SHORTEST_LIFE_S)
        && at <= lima::months_after(received, LONGEST_LIFE_MONTHS)
}

/// PE-U18: an amount below the minimum is an objection to `amount`. §4.5: whether the minimum itself is below
/// is a matter of the profile.
fn judge_minimum(
    reader: &mut Reader<'_>,
    amount: Option<Decimal>,
    currency: Option<&str>,
    settings: &Settings,
) -> Option<Decimal> {
    let amount = amount?;
    let least = currency.and_then(minimum).unwrap_or(Decimal::ZERO);
    let is_enough = amount > least || settings.is_minimum_inclusive() && amount == least && !amount.is_zero();
    if !is_enough {
        reader.object_to("amount");
        return None;
    }
    Some(amount)
}

fn read_contact(
    reader: &mut Reader<'_>,
    name: &'static str,
    longest: usize,
    is_mandatory: bool,
) -> Option<String> {
    if is_mandatory { reader.mandatory_text(name, longest, |_| true) } else { reader.text(name, longest) }
}
