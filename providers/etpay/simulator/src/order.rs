//! The body of `POST /session/initialize`, read by the rules of §3.1 to §3.3.

use simulation::decimal::Decimal;
use simulation::strict_json::Value;

use crate::account::{Country, Settings, is_url};
use crate::banks::{self, Bank};
use crate::refusal::Refusal;
use crate::rut;

/// Characters of an order id (§3.2).
const LONGEST_ORDER_ID: usize = 64;
/// Digits of an amount: what a JSON number carries exactly everywhere.
const MOST_AMOUNT_DIGITS: usize = 15;
/// Characters of other texts; far above anything in use.
const LONGEST_TEXT: usize = 1_024;
/// Items of `metadata`; the provider names no limit and advises three or four.
const MOST_METADATA: usize = 100;
/// Characters of `concat`.
const LONGEST_JOINT: usize = 8;

/// One line of `metadata`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its label.
    pub name: String,
    /// Its text.
    pub value: String,
    /// Whether payers see it.
    pub is_shown: bool,
}

/// The two Mexican methods (§4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A transfer to an account number.
    Spei,
    /// A message or a QR code for the bank's app.
    Codi,
}

impl Method {
    /// The word in `target_flow`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Spei => "spei",
            Self::Codi => "codi",
        }
    }

    /// The method of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Spei, Self::Codi].into_iter().find(|method| method.word() == word)
    }
}

/// What a session is for.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// `merchant_order_id`
    pub id: String,
    /// `order_amount` in digits, as claims carry it.
    pub amount: String,
    /// `customer_email`
    pub email: Option<String>,
    /// `customer_phone`
    pub phone: Option<String>,
    /// `metadata`
    pub metadata: Vec<Metadata>,
    /// The bank of `user_bank_code`. ET-U12: a code that is not offered is as none.
    pub bank: Option<&'static Bank>,
    /// `user_rut`
    pub rut: Option<String>,
    /// `is_rut_block`
    pub is_rut_locked: bool,
    /// `payment_completed_url`
    pub completed_url: Option<String>,
    /// `payment_cancellation_url`
    pub cancellation_url: Option<String>,
    /// `payment_webhook_url`
    pub webhook_url: Option<String>,
    /// `concat`
    pub joint: Option<String>,
    /// `target_flow`
    pub method: Option<Method>,
    /// Members that nobody knows. ET-U11: ignored.
    pub unknown: Vec<String>,
}

/// Members that are known.
const KNOWN: &[&str] = &[
    "merchant_code",
    "merchant_api_token",
    "merchant_order_id",
    "order_amount",
    "customer_email",
    "customer_phone",
    "metadata",
    "user_bank_code",
    "user_rut",
    "is_rut_block",
    "payment_completed_url",
    "payment_cancellation_url",
    "payment_webhook_url",
    "concat",
    "target_flow",
];

impl Order {
    /// Reads a request's members. ET-U48: an optional member of a wrong form is refused by its name.
    pub fn read(body: &Value, settings: &Settings) -> Result<Self, Refusal> {
        let country = settings.country;
        let bank = optional_text(body, "user_bank_code")?;
        let method = optional_text(body, "target_flow")?.filter(|_| country == Country::Mexico);
        let order = Self {
            id: order_id(body, settings)?,
            amount: amount(body, settings)?,
            email: optional_text(body, "customer_email")?.map(str::to_owned),
            phone: optional_text(body, "customer_phone")?.map(str::to_owned),
            metadata: metadata(body)?,
            bank: bank.and_then(|code| banks::find(code, country, settings.environment)),
            rut: optional_text(body, "user_rut")?
                .map(
                    |text| if rut::is_formed(text) { Ok(text.to_ascii_uppercase()) } else { Err("user_rut") },
                )
                .transpose()
                .map_err(Refusal::Invalid)?,
            is_rut_locked: rut_lock(body)?,
            completed_url: url(body, "payment_completed_url")?,
            cancellation_url: url(body, "payment_cancellation_url")?,
            webhook_url: url(body, "payment_webhook_url")?,
            joint: optional_text(body, "concat")?
                .map(|text| if text.len() <= LONGEST_JOINT { Ok(text.to_owned()) } else { Err("concat") })
                .transpose()
                .map_err(Refusal::Invalid)?,
            method: method
                .map(|word| Method::of_word(word).ok_or(Refusal::Invalid("target_flow")))
                .transpose()?,
            unknown: unknown(body),
        };
        Ok(order)
    }

    /// Whether nothing but the four fields of the integration page was sent.
    pub fn is_basic(body: &Value) -> bool {
        body.members()
            .is_some_and(|members| members.iter().all(|(name, _)| KNOWN[..4].contains(&name.as_str())))
    }
}

/// The text of a mandatory member, whatever else may be wrong with it.
pub fn required<'a>(body: &'a Value, field: &'static str) -> Result<&'a Value, Refusal> {
    body.get(field)
        .filter(|value| !value.is_null() && value.as_str() != Some(""))
        .ok_or(Refusal::Required(field))
}

/// `merchant_order_id` (§3.2, C-14).
fn order_id(body: &Value, settings: &Settings) -> Result<String, Refusal> {
    const FIELD: &str = "merchant_order_id";
    let text = required(body, FIELD)?.as_str().ok_or(Refusal::Invalid(FIELD))?;
    let is_allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || (!settings.has_strict_order_ids() && matches!(byte, b'-' | b'_'))
    };
    let is_order_id = text.len() <= LONGEST_ORDER_ID && text.bytes().all(is_allowed);
    if is_order_id { Ok(text.to_owned()) } else { Err(Refusal::Invalid(FIELD)) }
}

/// `order_amount`: a number or a text of digits (§3.3). ET-U05: no decimals. ET-U09: above zero.
fn amount(body: &Value, settings: &Settings) -> Result<String, Refusal> {
    const FIELD: &str = "order_amount";
    let invalid = Refusal::Invalid(FIELD);
    let value = required(body, FIELD)?;
    let text = value.number_text().or_else(|| value.as_str()).ok_or(invalid)?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.len() <= MOST_AMOUNT_DIGITS
        && (text == "0" || !text.starts_with('0') || text.starts_with("0."));
    let number = Decimal::parse(text).map_err(|_| invalid)?;
    let is_amount =
        is_plain && number.scale() <= settings.decimals() && !number.is_zero() && !number.is_negative();
    if is_amount { Ok(text.to_owned()) } else { Err(invalid) }
}

fn metadata(body: &Value) -> Result<Vec<Metadata>, Refusal> {
    let invalid = Refusal::Invalid("metadata");
    let Some(value) = body.get("metadata").filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
    let items = value.items().filter(|items| items.len() <= MOST_METADATA).ok_or(invalid)?;
    let read = |item: &Value| {
        let text =
            |name: &str| item.get(name).and_then(Value::as_str).filter(|text| text.len() <= LONGEST_TEXT);
        let (name, value) = (text("name")?, text("value")?);
        let is_shown = item.get("show")?.as_bool()?;
        Some(Metadata { name: name.to_owned(), value: value.to_owned(), is_shown })
    };
    items.iter().map(|item| read(item).ok_or(invalid)).collect()
}

/// ET-U10: the text `true`, or a boolean.
fn rut_lock(body: &Value) -> Result<bool, Refusal> {
    const FIELD: &str = "is_rut_block";
    match body.get(FIELD) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(truth)) => Ok(*truth),
        Some(Value::Text(text)) => match text.as_str() {
            "true" => Ok(true),
            "false" | "" => Ok(false),
            _ => Err(Refusal::Invalid(FIELD)),
        },
        Some(Value::Number(_) | Value::Array(_) | Value::Object(_)) => Err(Refusal::Invalid(FIELD)),
    }
}

fn url(body: &Value, field: &'static str) -> Result<Option<String>, Refusal> {
    match optional_text(body, field)? {
        None => Ok(None),
        Some(text) if is_url(text) => Ok(Some(text.to_owned())),
        Some(_) => Err(Refusal::Invalid(field)),
    }
}

/// An optional text; an empty one counts as absent, as everywhere (ET-U34).
fn optional_text<'a>(body: &'a Value, field: &'static str) -> Result<Option<&'a str>, Refusal> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_str() {
            Some("") => Ok(None),
            Some(text) if text.len() <= LONGEST_TEXT * 2 => Ok(Some(text)),
            Some(_) | None => Err(Refusal::Invalid(field)),
        },
    }
}

fn unknown(body: &Value) -> Vec<String> {
    let members = body.members().unwrap_or_default();
    members.iter().map(|(name, _)| name.clone()).filter(|name| !KNOWN.contains(&name.as_str())).collect()
}
