//! The body of `POST /api/session` read by the rule book (§6): refusals, silent changes, defaults.

use std::net::IpAddr;

use simulation::Timestamp;
use simulation::decimal::Decimal;
use simulation::strict_json::Value;

use super::account::Settings;
use super::amount::{self, Amount};
use super::dispersion::{self, Share};
use super::fields::{self, Field};
use super::methods::Method;
use super::objection::Objection;
use super::person::{self, Person, Role, shortened};
use super::recurring::{self, Terms};
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
    /// How much; nothing of a subscription, which stores a card and charges none.
    pub amount: Option<Amount>,
    /// Whether the payer may pay in several amounts.
    pub allow_partial: bool,
    /// Whether the payer may have the card stored.
    pub subscribe: bool,
    /// Whether the amount is held, to be captured later.
    pub check_in: bool,
    /// Whether a paid transaction waits for the merchant's word (§11.2).
    pub needs_confirmation: bool,
    /// The sites that the payment goes to; empty when it is the session's own alone.
    pub shares: Vec<Share>,
    /// What the provider charges again later.
    pub recurring: Option<Terms>,
    /// Who receives.
    pub shipping: Option<Person>,
    /// What is bought, as the query echoes it.
    pub items: Vec<Value>,
    /// Top-level additional fields.
    pub fields: Vec<Field>,
    /// Additional fields of the payment or of the subscription.
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
    /// The methods that the request leaves of those that the site has. Only a card can be stored, held, shared or
    /// charged again (§6.4, §6.7, §6.8).
    pub fn methods(&self, enabled: &[Method]) -> Vec<Method> {
        let wanted = self.payment_method.as_deref().unwrap_or_default();
        let wanted: Option<Vec<Method>> = (!wanted.is_empty())
            .then(|| wanted.split(',').filter_map(|code| Method::of_code(code.trim())).collect());
        let takes_cards_only = self.amount.is_none()
            || self.check_in
            || self.needs_confirmation
            || self.recurring.is_some()
            || !self.shares.is_empty();
        let is_offered = |method: &Method| {
            wanted.as_ref().is_none_or(|wanted| wanted.contains(method))
                && (matches!(method, Method::Card(_)) || (!takes_cards_only && self.currency() == "COP"))
        };
        enabled.iter().copied().filter(is_offered).collect()
    }

    /// Whether a card is stored and nothing charged.
    pub fn is_subscription(&self) -> bool {
        self.amount.is_none()
    }

    /// What is to be paid; zero of a subscription.
    pub fn total(&self) -> Decimal {
        self.amount.as_ref().map_or(Decimal::ZERO, |amount| amount.total)
    }

    /// ISO 4217; empty of a subscription.
    pub fn currency(&self) -> &str {
        self.amount.as_ref().map_or("", |amount| amount.currency.as_str())
    }

    /// AV-U07: a payer who gives up goes to `returnUrl` when there is no `cancelUrl`.
    pub fn give_up_url(&self) -> &str {
        self.cancel_url.as_deref().unwrap_or(&self.return_url)
    }
}

/// Reads the body of a create request. AV-U09: members that nobody knows are ignored.
pub fn read(body: &Value, settings: &Settings, now: Timestamp) -> Result<Order, Refusal> {
    refuse_what_is_not_served(body)?;
    let payment = present(body, "payment").filter(|payment| payment.members().is_some());
    let subscription = present(body, "subscription").filter(|asked| asked.members().is_some());
    let top_fields = fields::read(body.get("fields"), "fields", &[])?;
    let asked = match (payment, subscription) {
        (Some(payment), _) => payment,
        (None, Some(subscription)) => subscription,
        (None, None) => return Err(missing("payment")),
    };
    let asked_fields = if payment.is_some() { "payment.fields" } else { "subscription.fields" };
    let request = Order {
        locale: locale(body, settings),
        reference: reference(asked)?,
        description: description(asked)?,
        payment_fields: fields::read(asked.get("fields"), asked_fields, &top_fields)?,
        fields: top_fields,
        payment_method: optional_text(body, "paymentMethod", URL_LIMIT)?,
        expires_at: expiration(body, now)?,
        return_url: url(body, "returnUrl")?.ok_or_else(|| missing("returnUrl"))?,
        cancel_url: url(body, "cancelUrl")?,
        ip_address: ip_address(body)?.ok_or_else(|| missing("ipAddress"))?,
        user_agent: optional_text(body, "userAgent", USER_AGENT_LIMIT)?
            .ok_or_else(|| missing("userAgent"))?,
        skip_result: boolean(body, "skipResult")?,
        no_buyer_fill: boolean(body, "noBuyerFill")?,
        capture_address: boolean(body, "captureAddress")?,
        metadata: metadata(body)?,
        buyer: person::read(body.get("buyer"), Role::Buyer, "buyer")?,
        payer: person::read(body.get("payer"), Role::Payer, "payer")?,
        ..Order::empty(now)
    };
    match payment {
        Some(payment) => with_payment(request, body, payment, settings, now),
        None => Ok(request),
    }
}

/// The body of a collect: the payer is required, where the shopper came from is not, and there is no page to come
/// back to (§9.1). `home` is what the echo shows as `returnUrl`; `peer` stands in for address and browser.
pub fn read_collect(
    body: &Value,
    settings: &Settings,
    home: String,
    peer: (String, String),
    now: Timestamp,
) -> Result<Order, Refusal> {
    let payment = present(body, "payment")
        .filter(|payment| payment.members().is_some())
        .ok_or_else(|| missing("payment"))?;
    let payer = person::read(body.get("payer"), Role::Payer, "payer")?.ok_or_else(|| missing("payer"))?;
    let top_fields = fields::read(body.get("fields"), "fields", &[])?;
    let request = Order {
        locale: locale(body, settings),
        reference: reference(payment)?,
        description: description(payment)?,
        payment_fields: fields::read(payment.get("fields"), "payment.fields", &top_fields)?,
        fields: top_fields,
        expires_at: expiration(body, now)?,
        return_url: url(body, "returnUrl")?.unwrap_or(home),
        ip_address: ip_address(body)?.unwrap_or(peer.0),
        user_agent: optional_text(body, "userAgent", USER_AGENT_LIMIT)?.unwrap_or(peer.1),
        metadata: metadata(body)?,
        buyer: person::read(body.get("buyer"), Role::Buyer, "buyer")?,
        payer: Some(payer),
        ..Order::empty(now)
    };
    with_payment(request, body, payment, settings, now)
}

impl Order {
    fn empty(now: Timestamp) -> Self {
        Self {
            locale: String::new(),
            buyer: None,
            payer: None,
            reference: String::new(),
            description: None,
            amount: None,
            allow_partial: false,
            subscribe: false,
            check_in: false,
            needs_confirmation: false,
            shares: Vec::new(),
            recurring: None,
            shipping: None,
            items: Vec::new(),
            fields: Vec::new(),
            payment_fields: Vec::new(),
            payment_method: None,
            expires_at: now,
            return_url: String::new(),
            cancel_url: None,
            ip_address: String::new(),
            user_agent: String::new(),
            skip_result: None,
            no_buyer_fill: None,
            capture_address: None,
            metadata: None,
        }
    }
}

/// What a payment adds to a request.
fn with_payment(
    request: Order,
    body: &Value,
    payment: &Value,
    settings: &Settings,
    now: Timestamp,
) -> Result<Order, Refusal> {
    let amount = present(payment, "amount").ok_or_else(|| missing("payment.amount"))?;
    let mut amount = amount::read(amount, &settings.currencies)?;
    let allow_partial = boolean(payment, "allowPartial")?.unwrap_or(false);
    let check_in = is_check_in(body)?;
    let recurring = recurring::read(payment, instant::day(now))?;
    let shares = dispersion::read(payment, &amount, settings)?;
    let needs_confirmation = confirmation(body, settings)?;
    // AV-U17: a recurring payment is one payment.
    if allow_partial && recurring.is_some() {
        return Err(Refusal::request(Objection::PartialRecurring));
    }
    // C-70: never both in one session. A hold and a confirmation belong to one plain charge (§6.4, §11.2).
    let is_plain = !allow_partial && shares.is_empty() && recurring.is_none();
    if (allow_partial && !shares.is_empty()) || ((check_in || needs_confirmation) && !is_plain) {
        return Err(Refusal::request(Objection::Incompatible));
    }
    if allow_partial || !shares.is_empty() {
        // AV-U11: dropped; with a dispersion they stand in its parts.
        amount.taxes.clear();
        amount.details.clear();
    }
    Ok(Order {
        allow_partial,
        subscribe: boolean(payment, "subscribe")?.unwrap_or(false),
        check_in,
        needs_confirmation,
        shares,
        recurring,
        shipping: person::read(payment.get("shipping"), Role::Recipient, "payment.shipping")?,
        items: items(payment, &amount.currency)?,
        amount: Some(amount),
        ..request
    })
}

fn is_check_in(body: &Value) -> Result<bool, Refusal> {
    match present(body, "type").map(Value::as_str) {
        None | Some(Some("")) => Ok(false),
        Some(Some("checkin")) => Ok(true),
        Some(Some(_) | None) => Err(invalid("type")),
    }
}

/// AV-U68: a site that has no confirmation flow refuses to be asked for it.
fn confirmation(body: &Value, settings: &Settings) -> Result<bool, Refusal> {
    let Some(metadata) = present(body, "metadata") else { return Ok(false) };
    let is_asked = boolean(metadata, "requiresConfirmation")?.unwrap_or(false);
    if is_asked && !settings.allows_confirmation {
        return Err(invalid("metadata.requiresConfirmation"));
    }
    Ok(is_asked)
}

/// The locale of a request: its own when it is one, else the site's; never an error (§5).
pub fn locale(body: &Value, settings: &Settings) -> String {
    let sent = body.get("locale").and_then(Value::as_str).filter(|text| is_locale(text));
    sent.unwrap_or(&settings.locale).to_owned()
}

/// Autopay, another service of Checkout, is refused by name rather than half done (§6.1).
fn refuse_what_is_not_served(body: &Value) -> Result<(), Refusal> {
    let is_filled =
        |value: &&Value| !value.is_null() && value.items() != Some(&[]) && value.as_str() != Some("");
    let is_autopay = body.get("type").and_then(Value::as_str) == Some("autopay");
    if is_autopay || body.get("autopay").filter(is_filled).is_some() {
        return Err(Refusal::request(Objection::NotServed("autopay".to_owned())));
    }
    Ok(())
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
    url_at(body, name, name)
}

/// An address in the member `name`, called `path` in a refusal.
pub fn url_at(body: &Value, name: &str, path: &str) -> Result<Option<String>, Refusal> {
    let Some(text) = optional_text(body, name, URL_LIMIT).map_err(|_| invalid(path))? else {
        return Ok(None);
    };
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let is_plain =
        text.chars().all(|character| character.is_ascii_graphic() && !"\"<>\\`".contains(character));
    if host.is_empty() || !is_plain { Err(invalid(path)) } else { Ok(Some(text)) }
}

fn ip_address(body: &Value) -> Result<Option<String>, Refusal> {
    let Some(text) = optional_text(body, "ipAddress", IP_ADDRESS_LIMIT)? else { return Ok(None) };
    text.parse::<IpAddr>().map_err(|_| invalid("ipAddress"))?;
    Ok(Some(text))
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
pub fn boolean(parent: &Value, name: &str) -> Result<Option<bool>, Refusal> {
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

/// A text that is there and not empty.
pub fn optional_text(parent: &Value, name: &str, limit: usize) -> Result<Option<String>, Refusal> {
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
