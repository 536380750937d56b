//! The body of `POST /api/session` read by the rule book (§6): refusals, silent changes, defaults.

use std::net::IpAddr;

use simulation::Timestamp;
use simulation::decimal::Decimal;
use simulation::strict_json::Value;

use super::account::Settings;
use super::amount::{self, Amount};
use super::cards::Brand;
use super::fields::{self, Field};
use super::objection::Objection;
use super::person::{self, Person, Role, shortened};
use super::refusal::Refusal;
use super::texts::is_locale;
use crate::instant;

/// Seconds ahead that an expiration must lie at least (§6.6).
const SHORTEST_LIFE_S: i64 = 300;
/// Seconds that a session lives when the request does not say (§6.6).
const DEFAULT_LIFE_S: i64 = 1_800;

/// Longest texts, in characters (§6.1, §6.3).
const REFERENCE_LIMIT: usize = 32;
const DESCRIPTION_LIMIT: usize = 255;
const URL_LIMIT: usize = 255;
const IP_ADDRESS_LIMIT: usize = 46;
const USER_AGENT_LIMIT: usize = 255;
const EXPIRATION_LIMIT: usize = 35;
const ITEMS_LIMIT: usize = 50;
const SKU_LIMIT: usize = 30;
const ITEM_NAME_LIMIT: usize = 120;
const QUANTITY_LIMIT: usize = 30;
/// Entries of a dispersion (§6.4).
const DISPERSION_LIMIT: usize = 3;

const INITIATORS: [&str; 9] = [
    "AGENT",
    "CARDHOLDER_COF",
    "CARDHOLDER_RECURRING_VARIABLE_AMOUNT",
    "CARDHOLDER_RECURRING_FIXED_AMOUNT",
    "CARDHOLDER_WITH_INSTALLMENTS",
    "MERCHANT_COF",
    "MERCHANT_RECURRING_VARIABLE_AMOUNT",
    "MERCHANT_RECURRING_FIXED_AMOUNT",
    "MERCHANT_WITH_INSTALLMENTS",
];
const DELIVERIES: [&str; 5] =
    ["DIRECT_DELIVERY", "CUSTOMER_PICKUP", "COMMERCIAL_SHIPPING", "OTHER", "NOT_AVAILABLE"];

/// What a session is created to do, after every silent change.
#[derive(Clone, Debug)]
pub struct Order {
    /// The request's locale, or the site's.
    pub locale: String,
    /// Who buys.
    pub buyer: Option<Person>,
    /// Who pays, when the merchant forces it.
    pub payer: Option<Person>,
    /// The merchant's reference.
    pub reference: String,
    /// What is paid for.
    pub description: Option<String>,
    /// How much.
    pub amount: Amount,
    /// Who receives.
    pub shipping: Option<Person>,
    /// What is bought, as the query echoes it.
    pub items: Vec<Value>,
    /// Top-level additional fields.
    pub fields: Vec<Field>,
    /// Additional fields of the payment.
    pub payment_fields: Vec<Field>,
    /// `paymentMethod` as sent.
    pub payment_method: Option<String>,
    /// When the session ends by itself.
    pub expires_at: Timestamp,
    /// Where the payer goes afterwards.
    pub return_url: String,
    /// Where a payer who gives up goes.
    pub cancel_url: Option<String>,
    /// The shopper's address.
    pub ip_address: String,
    /// The shopper's browser.
    pub user_agent: String,
    /// Whether the result page is skipped.
    pub skip_result: Option<bool>,
    /// Whether the page stays empty in spite of a buyer.
    pub no_buyer_fill: Option<bool>,
    /// AV-U08: echoed, without effect.
    pub capture_address: Option<bool>,
    /// As sent.
    pub metadata: Option<Value>,
}

impl Order {
    /// The brands that the request leaves of those that the site has.
    pub fn brands(&self, enabled: &[Brand]) -> Vec<Brand> {
        let wanted = self.payment_method.as_deref().unwrap_or_default();
        if wanted.is_empty() {
            return enabled.to_vec();
        }
        let wanted: Vec<Brand> = wanted.split(',').filter_map(|code| Brand::of_method(code.trim())).collect();
        enabled.iter().copied().filter(|brand| wanted.contains(brand)).collect()
    }

    /// AV-U07: a payer who gives up goes to `returnUrl` when there is no `cancelUrl`.
    pub fn give_up_url(&self) -> &str {
        self.cancel_url.as_deref().unwrap_or(&self.return_url)
    }
}

/// Reads the body of a create request. AV-U09: members that nobody knows are ignored.
pub fn read(body: &Value, settings: &Settings, now: Timestamp) -> Result<Order, Refusal> {
    let payment = present(body, "payment").filter(|payment| payment.members().is_some());
    refuse_broken_combinations(payment)?;
    refuse_what_is_not_served(body, payment)?;
    let payment = payment.ok_or_else(|| missing("payment"))?;
    let amount = present(payment, "amount").ok_or_else(|| missing("payment.amount"))?;
    let amount = amount::read(amount, &settings.currencies)?;
    let top_fields = fields::read(body.get("fields"), "fields", &[])?;
    Ok(Order {
        locale: locale(body, settings),
        reference: reference(payment)?,
        description: description(payment)?,
        shipping: person::read(payment.get("shipping"), Role::Recipient, "payment.shipping")?,
        items: items(payment, &amount.currency)?,
        payment_fields: fields::read(payment.get("fields"), "payment.fields", &top_fields)?,
        fields: top_fields,
        amount,
        payment_method: optional_text(body, "paymentMethod", URL_LIMIT)?,
        expires_at: expiration(body, now)?,
        return_url: url(body, "returnUrl")?.ok_or_else(|| missing("returnUrl"))?,
        cancel_url: url(body, "cancelUrl")?,
        ip_address: ip_address(body)?,
        user_agent: optional_text(body, "userAgent", USER_AGENT_LIMIT)?
            .ok_or_else(|| missing("userAgent"))?,
        skip_result: boolean(body, "skipResult")?,
        no_buyer_fill: boolean(body, "noBuyerFill")?,
        capture_address: boolean(body, "captureAddress")?,
        metadata: metadata(body)?,
        buyer: person::read(body.get("buyer"), Role::Buyer, "buyer")?,
        payer: person::read(body.get("payer"), Role::Payer, "payer")?,
    })
}

/// The locale of a request: its own when it is one, else the site's; never an error (§5).
pub fn locale(body: &Value, settings: &Settings) -> String {
    let sent = body.get("locale").and_then(Value::as_str).filter(|text| is_locale(text));
    sent.unwrap_or(&settings.locale).to_owned()
}

/// AV-U17: partial with recurring. §6.4: more than three dispersions.
fn refuse_broken_combinations(payment: Option<&Value>) -> Result<(), Refusal> {
    let Some(payment) = payment else { return Ok(()) };
    let is_partial = boolean(payment, "allowPartial")?.unwrap_or(false);
    if is_partial && present(payment, "recurring").is_some() {
        return Err(Refusal::request(Objection::PartialRecurring));
    }
    let dispersion = payment.get("dispersion").and_then(Value::items).unwrap_or_default();
    if dispersion.len() > DISPERSION_LIMIT { Err(Refusal::too_many_dispersions()) } else { Ok(()) }
}

/// Services of Checkout that this simulator does not have are refused by name rather than half done.
fn refuse_what_is_not_served(body: &Value, payment: Option<&Value>) -> Result<(), Refusal> {
    let is_filled =
        |value: &&Value| !value.is_null() && value.items() != Some(&[]) && value.as_str() != Some("");
    let is_true = |value: &&Value| value.as_bool() == Some(true) || value.as_str() == Some("true");
    let member = |parent: Option<&Value>, name: &str| parent.and_then(|parent| parent.get(name)).cloned();
    let found = [
        ("subscription", member(Some(body), "subscription").as_ref().filter(is_filled).is_some()),
        ("autopay", member(Some(body), "autopay").as_ref().filter(is_filled).is_some()),
        ("type", member(Some(body), "type").as_ref().filter(is_filled).is_some()),
        ("payment.allowPartial", member(payment, "allowPartial").as_ref().filter(is_true).is_some()),
        ("payment.subscribe", member(payment, "subscribe").as_ref().filter(is_true).is_some()),
        ("payment.recurring", member(payment, "recurring").as_ref().filter(is_filled).is_some()),
        ("payment.dispersion", member(payment, "dispersion").as_ref().filter(is_filled).is_some()),
        (
            "metadata.requiresConfirmation",
            body.at(&["metadata", "requiresConfirmation"]).filter(is_true).is_some(),
        ),
    ];
    match found.into_iter().find(|(_, is_used)| *is_used) {
        Some((name, _)) => Err(Refusal::request(Objection::NotServed(name.to_owned()))),
        None => Ok(()),
    }
}

/// AV-U18: missing, empty, of another type and too long are all answered alike.
fn reference(payment: &Value) -> Result<String, Refusal> {
    payment
        .get("reference")
        .and_then(Value::as_str)
        .filter(|text| (1..=REFERENCE_LIMIT).contains(&text.chars().count()))
        .map(str::to_owned)
        .ok_or_else(|| Refusal::request(Objection::InvalidReference))
}

/// Clients write `[]` or an empty text for none (§6.3). AV-U60: a long one is cut.
fn description(payment: &Value) -> Result<Option<String>, Refusal> {
    match present(payment, "description") {
        None | Some(Value::Array(_)) => Ok(None),
        Some(Value::Text(text)) if text.is_empty() => Ok(None),
        Some(Value::Text(text)) => Ok(Some(shortened(text, DESCRIPTION_LIMIT))),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            Err(invalid("payment.description"))
        }
    }
}

/// Items beyond fifty are dropped, long texts are cut (§6.2).
fn items(payment: &Value, currency: &str) -> Result<Vec<Value>, Refusal> {
    const PATH: &str = "payment.items";
    let Some(list) = present(payment, "items") else { return Ok(Vec::new()) };
    let items = list.items().ok_or_else(|| invalid(PATH))?;
    items
        .iter()
        .take(ITEMS_LIMIT)
        .map(|item| read_item(item, currency).ok_or_else(|| invalid(PATH)))
        .collect()
}

fn read_item(item: &Value, currency: &str) -> Option<Value> {
    item.members()?;
    let mut kept: Vec<(&str, Value)> = Vec::new();
    for (name, limit) in [("sku", SKU_LIMIT), ("name", ITEM_NAME_LIMIT), ("category", ITEM_NAME_LIMIT)] {
        if let Some(value) = present(item, name) {
            kept.push((name, Value::text(shortened(value.as_str()?, limit))));
        }
    }
    if let Some(quantity) = present(item, "qty") {
        kept.push((
            "qty",
            match quantity {
                Value::Text(text) => Value::text(shortened(text, QUANTITY_LIMIT)),
                Value::Number(text) => amount::number(Decimal::parse(text).ok()?),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
            },
        ));
    }
    for name in ["price", "tax"] {
        if let Some(value) = present(item, name) {
            kept.push((name, amount::number(amount::read_number(Some(value), currency)?)));
        }
    }
    Some(Value::object(kept))
}

/// AV-U15: too near is HTTP 400 `request_not_valid` with the recorded sentence.
fn expiration(body: &Value, now: Timestamp) -> Result<Timestamp, Refusal> {
    let Some(text) = optional_text(body, "expiration", EXPIRATION_LIMIT)? else {
        return Ok(seconds_after(now, DEFAULT_LIFE_S));
    };
    let expires_at = instant::read(&text).ok_or_else(|| invalid("expiration"))?;
    if expires_at < seconds_after(now, SHORTEST_LIFE_S) {
        return Err(Refusal::request(Objection::ExpirationTooNear));
    }
    Ok(expires_at)
}

/// `seconds` after an instant.
pub fn seconds_after(instant: Timestamp, seconds: i64) -> Timestamp {
    instant.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// An absolute address by `http` or `https`, of the characters that a URI may have.
fn url(body: &Value, name: &str) -> Result<Option<String>, Refusal> {
    let Some(text) = optional_text(body, name, URL_LIMIT)? else { return Ok(None) };
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let is_plain =
        text.chars().all(|character| character.is_ascii_graphic() && !"\"<>\\`".contains(character));
    if host.is_empty() || !is_plain { Err(invalid(name)) } else { Ok(Some(text)) }
}

fn ip_address(body: &Value) -> Result<String, Refusal> {
    let text = optional_text(body, "ipAddress", IP_ADDRESS_LIMIT)?.ok_or_else(|| missing("ipAddress"))?;
    text.parse::<IpAddr>().map_err(|_| invalid("ipAddress"))?;
    Ok(text)
}

/// Only the enumerations of §6.9 are judged; the rest travels as sent.
fn metadata(body: &Value) -> Result<Option<Value>, Refusal> {
    let Some(metadata) = present(body, "metadata").filter(|metadata| metadata.items() != Some(&[])) else {
        return Ok(None);
    };
    if metadata.members().is_none() {
        return Err(invalid("metadata"));
    }
    let enumerations: [(&str, &[&str]); 2] =
        [("initiatorIndicator", &INITIATORS), ("EBTDeliveryIndicator", &DELIVERIES)];
    for (name, words) in enumerations {
        let is_known = |value: &Value| value.as_str().is_some_and(|word| words.contains(&word));
        if present(metadata, name).is_some_and(|value| !is_known(value)) {
            return Err(invalid(&format!("metadata.{name}")));
        }
    }
    Ok(Some(metadata.clone()))
}

/// A truth value, or the text of one, which the Python client sends (§6.1).
fn boolean(parent: &Value, name: &str) -> Result<Option<bool>, Refusal> {
    match present(parent, name) {
        None => Ok(None),
        Some(Value::Bool(truth)) => Ok(Some(*truth)),
        Some(Value::Text(text)) if text == "true" => Ok(Some(true)),
        Some(Value::Text(text)) if text == "false" => Ok(Some(false)),
        Some(Value::Null | Value::Number(_) | Value::Text(_) | Value::Array(_) | Value::Object(_)) => {
            Err(invalid(name))
        }
    }
}

fn optional_text(parent: &Value, name: &str, limit: usize) -> Result<Option<String>, Refusal> {
    let Some(value) = present(parent, name) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| invalid(name))?;
    match text.chars().count() {
        0 => Ok(None),
        length if length > limit => Err(invalid(name)),
        _ => Ok(Some(text.to_owned())),
    }
}

/// A member that is there and not `null`.
fn present<'a>(parent: &'a Value, name: &str) -> Option<&'a Value> {
    parent.get(name).filter(|value| !value.is_null())
}

/// AV-U19: what is required and absent.
fn missing(member: &str) -> Refusal {
    Refusal::request(Objection::Missing(member.to_owned()))
}

fn invalid(member: &str) -> Refusal {
    Refusal::request(Objection::Invalid(member.to_owned()))
}
