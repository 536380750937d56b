//! An order in the provider's words: how persons, amounts, taxes, details, items and extra fields are
//! written (PROTOCOL.md 6.2 to 6.5). Members that we do not know are left out, never sent empty.

use payment::Money;
use payment::dispersion::{DispersionPart, Party};
use payment::order::{Detail, DetailKind, ExtraField as Extra, Item, Order, Shown, Tax, TaxKind};
use payment::person::{Address, Person};
use payment::recurrence::{Period, Recurrence};
use payment::task::Authorization;
use serde::Serialize;

use super::wire::Digits;

/// A person or company: `buyer`, `payer`, `payment.shipping`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Buyer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    document_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    surname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Place<'a>>,
}

impl<'a> Buyer<'a> {
    pub fn new(person: &'a Person) -> Self {
        Self {
            document_type: person.document.as_ref().map(|document| document.kind.as_str()),
            document: person.document.as_ref().map(|document| document.number.as_str()),
            name: person.name.as_deref(),
            surname: person.surname.as_deref(),
            email: person.email.as_deref(),
            mobile: person.mobile.as_deref(),
            address: person.address.as_ref().map(Place::new),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    country: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    street: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn new(address: &'a Address) -> Self {
        Self {
            country: &address.country,
            state: address.state.as_deref(),
            city: address.city.as_deref(),
            postal_code: address.postal_code.as_deref(),
            street: address.street.as_deref(),
            phone: address.phone.as_deref(),
        }
    }
}

/// The member `payment`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment<'a> {
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    amount: Amount,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    allow_partial: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    subscribe: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping: Option<Buyer<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<Line<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<ExtraField<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recurring: Option<Recurring<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dispersion: Vec<Share>,
}

impl<'a> Payment<'a> {
    /// Of a session.
    pub fn new(authorization: &'a Authorization) -> Self {
        let Authorization { reference, order, notice_url, .. } = authorization;
        Self {
            allow_partial: order.allow_partial,
            subscribe: order.keep_instrument,
            recurring: order
                .recurrence
                .as_ref()
                .map(|recurrence| Recurring::new(recurrence, notice_url.as_str())),
            ..Self::plain(reference, order)
        }
    }

    /// Of a charge of a kept card, which has no session to hold the extra fields.
    pub fn of_collect(reference: &'a str, order: &'a Order) -> Self {
        let fields = order.extra.iter().map(ExtraField::new).collect();
        Self { fields, ..Self::plain(reference, order) }
    }

    fn plain(reference: &'a str, order: &'a Order) -> Self {
        Self {
            reference,
            description: description(order),
            amount: Amount::new(order.total, &order.taxes, &order.details),
            allow_partial: false,
            subscribe: false,
            shipping: order.shipping.as_ref().map(Buyer::new),
            items: order.items.iter().map(Line::new).collect(),
            fields: Vec::new(),
            recurring: None,
            dispersion: order.dispersion.iter().map(Share::new).collect(),
        }
    }
}

fn description(order: &Order) -> Option<&str> {
    order.description.as_deref().filter(|text| !text.trim().is_empty())
}

/// The member `subscription`: a card is kept, and nothing is paid.
#[derive(Serialize)]
pub struct Subscription<'a> {
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

impl<'a> Subscription<'a> {
    pub fn new(reference: &'a str, order: &'a Order) -> Self {
        Self { reference, description: description(order) }
    }
}

/// The member `payment.recurring` (PROTOCOL.md 6.7).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recurring<'a> {
    periodicity: &'static str,
    interval: u32,
    max_periods: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_payment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_date: Option<String>,
    notification_url: &'a str,
}

/// What stands for "without end".
const WITHOUT_END: i64 = -1;

impl<'a> Recurring<'a> {
    fn new(recurrence: &Recurrence, notification_url: &'a str) -> Self {
        let periodicity = match recurrence.period {
            Period::Day => "D",
            Period::Month => "M",
            Period::Year => "Y",
        };
        Self {
            periodicity,
            interval: recurrence.interval,
            max_periods: recurrence.most.map_or(WITHOUT_END, i64::from),
            next_payment: recurrence.next.map(|day| day.to_string()),
            due_date: recurrence.until.map(|day| day.to_string()),
            notification_url,
        }
    }
}

/// One entry of `payment.dispersion` (PROTOCOL.md 6.4). No agreement is the account's own site.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Share {
    agreement: Option<u64>,
    agreement_type: &'static str,
    amount: Amount,
}

impl Share {
    fn new(part: &DispersionPart) -> Self {
        let agreement_type = match part.party {
            Party::Merchant => "MERCHANT",
            Party::Airline => "AIRLINE",
        };
        let amount = Amount::new(part.amount, &part.taxes, &part.details);
        Self { agreement: part.agreement, agreement_type, amount }
    }
}

#[derive(Serialize)]
struct Amount {
    currency: &'static str,
    total: Digits,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    taxes: Vec<TaxLine>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<DetailLine>,
}

impl Amount {
    fn new(total: Money, taxes: &[Tax], details: &[Detail]) -> Self {
        Self {
            currency: total.currency.code(),
            total: Digits(total),
            taxes: taxes.iter().map(TaxLine::new).collect(),
            details: details.iter().map(DetailLine::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct TaxLine {
    kind: &'static str,
    amount: Digits,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Digits>,
}

impl TaxLine {
    fn new(tax: &Tax) -> Self {
        Self { kind: tax_kind(tax.kind), amount: Digits(tax.amount), base: tax.base.map(Digits) }
    }
}

#[derive(Serialize)]
struct DetailLine {
    kind: &'static str,
    amount: Digits,
}

impl DetailLine {
    fn new(detail: &Detail) -> Self {
        Self { kind: detail_kind(detail.kind), amount: Digits(detail.amount) }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<&'a str>,
    name: &'a str,
    category: &'static str,
    qty: u32,
    price: Digits,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax: Option<Digits>,
}

impl<'a> Line<'a> {
    fn new(item: &'a Item) -> Self {
        Self {
            sku: item.sku.as_deref(),
            name: &item.name,
            category: if item.is_digital { "digital" } else { "physical" },
            qty: item.quantity,
            price: Digits(item.price),
            tax: item.tax.map(Digits),
        }
    }
}

/// One entry of `fields`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtraField<'a> {
    keyword: &'a str,
    value: &'a str,
    display_on: &'static str,
}

impl<'a> ExtraField<'a> {
    pub fn new(field: &'a Extra) -> Self {
        let display_on = match field.shown {
            Shown::Nowhere => "none",
            Shown::Payment => "payment",
            Shown::Receipt => "receipt",
            Shown::Both => "both",
            Shown::Approved => "approved",
        };
        Self { keyword: &field.keyword, value: &field.value, display_on }
    }
}

/// The provider's word for a tax. A word that it does not know is dropped without an error, so that a
/// mistake here would only show on the page (AV-1-05).
const fn tax_kind(kind: TaxKind) -> &'static str {
    match kind {
        TaxKind::ValueAddedTax => "valueAddedTax",
        TaxKind::ExciseDuty => "exciseDuty",
        TaxKind::Ice => "ice",
        TaxKind::AirportTax => "airportTax",
        TaxKind::StateTax => "stateTax",
        TaxKind::ReducedStateTax => "reducedStateTax",
        TaxKind::MunicipalTax => "municipalTax",
    }
}

/// The provider's word for a part of the total; dropped in silence, too, when it is wrong.
const fn detail_kind(kind: DetailKind) -> &'static str {
    match kind {
        DetailKind::Discount => "discount",
        DetailKind::Additional => "additional",
        DetailKind::VatDevolutionBase => "vatDevolutionBase",
        DetailKind::Shipping => "shipping",
        DetailKind::HandlingFee => "handlingFee",
        DetailKind::Insurance => "insurance",
        DetailKind::GiftWrap => "giftWrap",
        DetailKind::Subtotal => "subtotal",
        DetailKind::Fee => "fee",
        DetailKind::Tip => "tip",
        DetailKind::Airline => "airline",
        // The provider's pages write the plural, its PHP library the singular.
        DetailKind::Interest => "interests",
    }
}

#[cfg(test)]
mod tests {
    use payment::Currency;

    use super::*;

    #[test]
    fn every_tax_is_named_as_the_provider_documents_it() {
        let _story = testing::story("every_tax_is_named_as_the_provider_documents_it");
        // Written down from the documentation of amounts, beside the mapping and not from it.
        let documented = [
            "airportTax",
            "exciseDuty",
            "ice",
            "municipalTax",
            "reducedStateTax",
            "stateTax",
            "valueAddedTax",
        ];
        let kinds = [
            TaxKind::AirportTax,
            TaxKind::ExciseDuty,
            TaxKind::Ice,
            TaxKind::MunicipalTax,
            TaxKind::ReducedStateTax,
            TaxKind::StateTax,
            TaxKind::ValueAddedTax,
        ];
        for (kind, word) in kinds.into_iter().zip(documented) {
            let amount = Money::new(1_900_050, Currency::Cop);
            let base = Some(Money::new(10_000_000, Currency::Cop));
            let line = serde_json::to_string(&TaxLine::new(&Tax { kind, amount, base })).expect("JSON");
            assert_eq!(line, format!(r#"{{"kind":"{word}","amount":19000.5,"base":100000}}"#));
        }
        testing::covers!("AV-1-05");
    }

    #[test]
    fn every_detail_is_named_as_the_provider_documents_it() {
        let documented = [
            (DetailKind::Discount, "discount"),
            (DetailKind::Additional, "additional"),
            (DetailKind::VatDevolutionBase, "vatDevolutionBase"),
            (DetailKind::Shipping, "shipping"),
            (DetailKind::HandlingFee, "handlingFee"),
            (DetailKind::Insurance, "insurance"),
            (DetailKind::GiftWrap, "giftWrap"),
            (DetailKind::Subtotal, "subtotal"),
            (DetailKind::Fee, "fee"),
            (DetailKind::Tip, "tip"),
            (DetailKind::Airline, "airline"),
            (DetailKind::Interest, "interests"),
        ];
        for (kind, word) in documented {
            let amount = Money::new(5, Currency::Usd);
            let line = serde_json::to_string(&DetailLine::new(&Detail { kind, amount })).expect("JSON");
            assert_eq!(line, format!(r#"{{"kind":"{word}","amount":0.05}}"#));
        }
    }

    #[test]
    fn an_extra_field_says_where_it_is_shown() {
        let shown = [
            (Shown::Nowhere, "none"),
            (Shown::Payment, "payment"),
            (Shown::Receipt, "receipt"),
            (Shown::Both, "both"),
            (Shown::Approved, "approved"),
        ];
        for (shown, word) in shown {
            let field = Extra { keyword: "Póliza 1".into(), value: "A-17".into(), shown };
            let line = serde_json::to_string(&ExtraField::new(&field)).expect("JSON");
            assert_eq!(line, format!(r#"{{"keyword":"Póliza 1","value":"A-17","displayOn":"{word}"}}"#));
        }
    }
}
