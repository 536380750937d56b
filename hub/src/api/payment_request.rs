//! What a merchant sends to have an order paid, and how it becomes an order.

use std::net::IpAddr;

use payment::dispersion::{DispersionPart, Party};
use payment::order::{Complaint, DetailKind, ExtraField, Language, Shown, TaxKind};
use payment::order::{Detail, Item, Order, Shopper, Tax};
use payment::person::{Address, Document, Person};
use payment::recurrence::{Period, Recurrence};
use payment::{Currency, Money, Timestamp};
use serde::Deserialize;
use url::Url;
use utoipa::ToSchema;

use crate::api::strict_json::Body;
use crate::flow::words;
use crate::settings::Merchant;

/// Longest method code, in characters.
const MAX_METHOD: usize = 50;

/// An order to be paid. Amounts are whole minor units of `currency`: 11900000 is COP 119000.00, and 15000 is
/// CLP 15000. Unknown members are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentRequest {
    /// Your own reference: free text, unique among your payments, at most 64 characters.
    #[schema(max_length = 64, example = "PEDIDO-1042")]
    pub reference: String,
    /// What is to be paid, taxes included. Nothing, where a card is to be kept with nothing to be paid.
    #[schema(minimum = 0, maximum = 9007199254740991i64, example = 11900000)]
    pub amount: i64,
    /// ISO 4217.
    #[schema(schema_with = words::currency)]
    pub currency: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 250)]
    pub description: Option<String>,
    /// Taxes contained in the amount.
    #[serde(default)]
    pub taxes: Vec<TaxRequest>,
    /// How the amount is made up.
    #[serde(default)]
    pub details: Vec<DetailRequest>,
    /// What is bought.
    #[serde(default)]
    pub items: Vec<ItemRequest>,
    /// Who buys.
    #[serde(default)]
    pub buyer: Option<PersonRequest>,
    /// Whose instrument it is, when the shopper said so.
    #[serde(default)]
    pub payer: Option<PersonRequest>,
    /// Who receives the goods.
    #[serde(default)]
    pub shipping: Option<PersonRequest>,
    /// When the order can no longer be paid; absent, the provider's default life.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<String>,
    /// Where the shopper goes when all is said; absent, the hub's status page is the end.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Uri)]
    pub return_url: Option<String>,
    /// Language of the shopper; absent, yours.
    #[serde(default)]
    #[schema(schema_with = words::language)]
    pub language: Option<Language>,
    /// The provider's method codes to which the shopper is limited; empty, no limit.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Further data that travels with the order.
    #[serde(default)]
    pub extra: Vec<ExtraFieldRequest>,
    /// Your own id of the customer, always the same for the same one. Kept instruments belong to it.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub customer: Option<String>,
    /// What to do when the customer has a payment that is still pending: `create` this one all the same, or `refuse` it
    /// with 409 and what is pending. Absent, it is created.
    #[serde(default)]
    #[schema(schema_with = words::if_pending)]
    pub if_pending: IfPending,
    /// Whether the provider is asked to keep the card for the customer. What came of it is told by `instrument.kept`.
    #[serde(default)]
    pub keep_instrument: bool,
    /// A kept instrument of this customer to charge, `ins_…`.
    #[serde(default)]
    pub instrument: Option<String>,
    /// Whether the shopper is away: the kept instrument is charged at once and by itself. Else the shopper is sent to
    /// `pay_url` as ever.
    #[serde(default)]
    pub is_shopper_away: bool,
    /// Into how many instalments the charge is divided.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 99)]
    pub instalments: Option<u32>,
    /// Whether the shopper may pay in parts, by several means.
    #[serde(default)]
    pub allow_partial: bool,
    /// Who gets which part of the amount, in the order in which they are charged; the parts add up to it.
    #[serde(default)]
    pub dispersion: Vec<DispersionPartRequest>,
    /// How the provider repeats the charge by itself. It can be ended at the provider's panel only, and never changed.
    #[serde(default)]
    pub recurrence: Option<RecurrenceRequest>,
    /// The shopper's equipment as your server sees it.
    pub shopper: ShopperRequest,
    /// One of your provider accounts; absent, the first that takes the currency.
    #[serde(default)]
    pub account: Option<String>,
}

/// What to do when the customer has a payment that is still pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IfPending {
    /// Create this one all the same.
    #[default]
    Create,
    /// Refuse this one, and tell what is pending.
    Refuse,
}

/// One tax contained in the amount.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxRequest {
    /// Which tax.
    #[schema(schema_with = words::tax_kind)]
    pub kind: TaxKind,
    /// The tax itself.
    #[schema(minimum = 0)]
    pub amount: i64,
    /// What it is computed on.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub base: Option<i64>,
}

/// One line of how the amount is made up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DetailRequest {
    /// Which part.
    #[schema(schema_with = words::detail_kind)]
    pub kind: DetailKind,
    /// How much.
    #[schema(minimum = 0)]
    pub amount: i64,
}

/// One thing bought.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemRequest {
    /// Your stock number.
    #[serde(default)]
    pub sku: Option<String>,
    /// What it is called.
    #[schema(max_length = 255)]
    pub name: String,
    /// Whether it is delivered as data.
    #[serde(default)]
    pub is_digital: bool,
    /// How many.
    #[schema(minimum = 1)]
    pub quantity: u32,
    /// Price of one.
    #[schema(minimum = 0)]
    pub price: i64,
    /// Tax of one, when told apart.
    #[serde(default)]
    #[schema(minimum = 0)]
    pub tax: Option<i64>,
}

/// A datum that travels with the order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtraFieldRequest {
    /// Its name; accents and blanks are fine.
    #[schema(max_length = 50)]
    pub keyword: String,
    /// Its value.
    #[schema(max_length = 255)]
    pub value: String,
    /// Where the provider's pages show it; absent, nowhere.
    #[serde(default)]
    #[schema(schema_with = words::shown)]
    pub shown: Shown,
}

/// One part of the amount, and who gets it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispersionPartRequest {
    /// The party's number at the provider; absent, the account's own site.
    #[serde(default)]
    pub agreement: Option<u64>,
    /// What the party is.
    #[serde(default)]
    #[schema(schema_with = words::party)]
    pub party: Party,
    /// How much it gets, taxes included.
    #[schema(minimum = 1)]
    pub amount: i64,
    /// Taxes contained in this part.
    #[serde(default)]
    pub taxes: Vec<TaxRequest>,
    /// How this part is made up.
    #[serde(default)]
    pub details: Vec<DetailRequest>,
}

/// How the provider repeats a charge by itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecurrenceRequest {
    /// The period.
    #[schema(schema_with = words::period)]
    pub period: Period,
    /// Every how many periods.
    #[schema(minimum = 1)]
    pub interval: u32,
    /// The day of the second charge, after today; absent, one interval after the first.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub next: Option<String>,
    /// How many charges there are at most; absent, without end.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub most: Option<u32>,
    /// The last day on which it charges; absent, without end.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub until: Option<String>,
}

/// The shopper's equipment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShopperRequest {
    /// Address of the shopper's device, IPv4 or IPv6; not your server's.
    #[schema(example = "203.0.113.24")]
    pub ip: String,
    /// What the shopper's browser calls itself.
    #[schema(max_length = 255)]
    pub user_agent: String,
}

/// A person or a company.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonRequest {
    /// Whether this is a company, which has a name and no surname.
    #[serde(default)]
    pub is_company: bool,
    /// Given name, or the company's name.
    #[serde(default)]
    pub name: Option<String>,
    /// Family name.
    #[serde(default)]
    pub surname: Option<String>,
    /// Identity document.
    #[serde(default)]
    pub document: Option<DocumentRequest>,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// National number, digits only.
    #[serde(default)]
    pub mobile: Option<String>,
    /// Postal address.
    #[serde(default)]
    pub address: Option<AddressRequest>,
}

/// An identity document.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentRequest {
    /// ISO 3166-1 alpha-2 country that issued it.
    #[schema(example = "CO")]
    pub country: String,
    /// The type by its usual abbreviation.
    #[serde(rename = "type")]
    #[schema(example = "CC")]
    pub kind: String,
    /// The number as printed, without blanks.
    pub number: String,
}

/// A postal address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressRequest {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The part after the hyphen of ISO 3166-2.
    #[serde(default)]
    pub state: Option<String>,
    /// City.
    #[serde(default)]
    pub city: Option<String>,
    /// Postal code.
    #[serde(default)]
    pub postal_code: Option<String>,
    /// Street and number.
    #[serde(default)]
    pub street: Option<String>,
    /// Telephone, digits only.
    #[serde(default)]
    pub phone: Option<String>,
}

impl Body for PaymentRequest {
    const LISTS: &'static [&'static str] = &["taxes", "details", "items", "methods", "extra", "dispersion"];
}

impl PaymentRequest {
    /// The order and the account that was named; or everything in it that cannot be read as its type.
    pub fn into_order(self, merchant: &Merchant) -> Result<(Order, Option<String>), Vec<Complaint>> {
        let mut unread = Vec::new();
        let currency = self.currency.parse::<Currency>().map_err(|unknown| {
            unread.push(Complaint::new("currency", "unknown_currency", sentence(&unknown)));
        });
        let expires_at = read(self.expires_at, "expires_at", "An instant of RFC 3339.", &mut unread, instant);
        let return_url = read(self.return_url, "return_url", "An absolute address.", &mut unread, |text| {
            Url::parse(text).ok()
        });
        let rule = "An id that begins with ins_.";
        let instrument = read(self.instrument, "instrument", rule, &mut unread, |text| text.parse().ok());
        let recurrence = self.recurrence.map(|recurrence| recurrence.into_recurrence(&mut unread));
        let rule = "An IPv4 or IPv6 address.";
        let ip =
            read(Some(self.shopper.ip), "shopper.ip", rule, &mut unread, |text| text.parse::<IpAddr>().ok());
        self.methods.iter().enumerate().filter(|(_, method)| !is_method(method)).for_each(|(index, _)| {
            let detail = format!("A method code has 1 to {MAX_METHOD} visible ASCII characters.");
            unread.push(Complaint::new(format!("methods[{index}]"), "invalid_value", detail));
        });
        let (Ok(currency), Some(ip), true) = (currency, ip, unread.is_empty()) else { return Err(unread) };
        let money = |minor| Money::new(minor, currency);
        let order = Order {
            reference: self.reference,
            total: money(self.amount),
            description: self.description,
            taxes: self.taxes.into_iter().map(|tax| tax.into_tax(currency)).collect(),
            details: self.details.into_iter().map(|detail| detail.into_detail(currency)).collect(),
            items: self.items.into_iter().map(|item| item.into_item(currency)).collect(),
            buyer: self.buyer.map(Into::into),
            payer: self.payer.map(Into::into),
            shipping: self.shipping.map(Into::into),
            expires_at,
            return_url,
            language: self.language.unwrap_or(merchant.language),
            methods: self.methods,
            extra: self.extra.into_iter().map(Into::into).collect(),
            customer: self.customer,
            keep_instrument: self.keep_instrument,
            instrument,
            is_shopper_away: self.is_shopper_away,
            instalments: self.instalments,
            allow_partial: self.allow_partial,
            dispersion: self.dispersion.into_iter().map(|part| part.into_part(currency)).collect(),
            recurrence,
            rest_of: None,
            shopper: Shopper { ip, user_agent: self.shopper.user_agent },
        };
        Ok((order, self.account))
    }
}

/// Reads a text, when it is there.
fn read<T>(
    text: Option<String>,
    param: &str,
    rule: &str,
    unread: &mut Vec<Complaint>,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let text = text?;
    let value = parse(&text);
    if value.is_none() {
        unread.push(Complaint::new(param, "invalid_value", rule));
    }
    value
}

/// An instant, kept to the microsecond as the store keeps it.
fn instant(text: &str) -> Option<Timestamp> {
    let instant: Timestamp = text.parse().ok()?;
    Timestamp::from_microsecond(instant.as_microsecond()).ok()
}

fn is_method(text: &str) -> bool {
    (1..=MAX_METHOD).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An error as a sentence: `Unknown currency; known are….`
fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

impl TaxRequest {
    fn into_tax(self, currency: Currency) -> Tax {
        let money = |minor| Money::new(minor, currency);
        Tax { kind: self.kind, amount: money(self.amount), base: self.base.map(money) }
    }
}

impl DetailRequest {
    fn into_detail(self, currency: Currency) -> Detail {
        Detail { kind: self.kind, amount: Money::new(self.amount, currency) }
    }
}

impl ItemRequest {
    fn into_item(self, currency: Currency) -> Item {
        let money = |minor| Money::new(minor, currency);
        Item {
            sku: self.sku,
            name: self.name,
            is_digital: self.is_digital,
            quantity: self.quantity,
            price: money(self.price),
            tax: self.tax.map(money),
        }
    }
}

impl DispersionPartRequest {
    fn into_part(self, currency: Currency) -> DispersionPart {
        DispersionPart {
            agreement: self.agreement,
            party: self.party,
            amount: Money::new(self.amount, currency),
            taxes: self.taxes.into_iter().map(|tax| tax.into_tax(currency)).collect(),
            details: self.details.into_iter().map(|detail| detail.into_detail(currency)).collect(),
        }
    }
}

impl RecurrenceRequest {
    fn into_recurrence(self, unread: &mut Vec<Complaint>) -> Recurrence {
        let mut day =
            |text, param| read(text, param, "A day as 2026-03-14.", unread, |text| text.parse().ok());
        let (next, until) = (day(self.next, "recurrence.next"), day(self.until, "recurrence.until"));
        Recurrence { period: self.period, interval: self.interval, next, most: self.most, until }
    }
}

impl From<ExtraFieldRequest> for ExtraField {
    fn from(field: ExtraFieldRequest) -> Self {
        let ExtraFieldRequest { keyword, value, shown } = field;
        Self { keyword, value, shown }
    }
}

impl From<PersonRequest> for Person {
    fn from(person: PersonRequest) -> Self {
        let PersonRequest { is_company, name, surname, document, email, mobile, address } = person;
        let (document, address) = (document.map(Into::into), address.map(Into::into));
        Self { is_company, name, surname, document, email, mobile, address }
    }
}

impl From<DocumentRequest> for Document {
    fn from(document: DocumentRequest) -> Self {
        let DocumentRequest { country, kind, number } = document;
        Self { country, kind, number }
    }
}

impl From<AddressRequest> for Address {
    fn from(address: AddressRequest) -> Self {
        let AddressRequest { country, state, city, postal_code, street, phone } = address;
        Self { country, state, city, postal_code, street, phone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_limit_of_an_amount_is_the_one_that_holds() {
        assert_eq!(payment::order::MAX_MINOR, 9_007_199_254_740_991);
    }

    #[test]
    fn an_instant_is_kept_to_the_microsecond() {
        let read = instant("2026-03-14T10:00:00.123456789-05:00").expect("an instant");
        assert_eq!(read.to_string(), "2026-03-14T15:00:00.123456Z");
        for text in ["2026-03-14", "2026-03-14T10:00:00", "tomorrow", ""] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn method_codes_are_plain_words() {
        assert!(is_method("CR_VS"));
        for text in ["", "a b", "ñ", &"x".repeat(51)] {
            assert!(!is_method(text), "{text}");
        }
    }
}
