//! What a merchant asks to be paid, and the rules that hold whatever the provider.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::Timestamp;
use crate::card_number::holds_card_number;
use crate::dispersion::{self, DispersionPart};
use crate::id::{InstrumentId, PaymentId};
use crate::money::Money;
use crate::person::Person;
use crate::recurrence::{self, Recurrence};

/// Longest merchant reference, in characters.
pub const MAX_REFERENCE: usize = 64;
/// Longest description, in characters.
pub const MAX_DESCRIPTION: usize = 250;
/// Longest id of a customer, in characters.
pub const MAX_CUSTOMER: usize = 64;
/// Most instalments.
pub const MAX_INSTALMENTS: u32 = 99;
/// Most items, taxes, details or extra fields in one order.
pub const MAX_LINES: usize = 50;
/// Longest free text of one line, in characters.
pub const MAX_TEXT: usize = 255;
/// Largest total in minor units: below 2^53, so that every JSON reader counts it exactly.
pub const MAX_MINOR: i64 = 9_007_199_254_740_991;

/// An order as the merchant gave it. It does not change after its payment is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The merchant's own reference: free text, unique per merchant, at most [`MAX_REFERENCE`] characters.
    pub reference: String,
    /// What is to be paid, taxes included.
    pub total: Money,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Taxes contained in the total.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<Tax>,
    /// How the total is made up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// What is bought.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
    /// Who buys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<Person>,
    /// Whose instrument it is, when the shopper said so (AV-4.7-17 to -19).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<Person>,
    /// Who receives the goods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Person>,
    /// When the order can no longer be paid; absent, the provider's default life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Where the shopper goes when all is said; absent, the hub's own status page is the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<Url>,
    /// Language of the shopper.
    #[serde(default)]
    pub language: Language,
    /// The provider's method codes to which the shopper is limited; empty, no limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Further data, shown or not (AV-5-01).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<ExtraField>,
    /// The merchant's own id of the customer, always the same for the same one: whose kept instruments these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// Whether the provider is asked to keep the instrument for the customer.
    #[serde(default)]
    pub keep_instrument: bool,
    /// A kept instrument to charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// Whether the shopper is away, and the kept instrument is charged without anybody's help.
    #[serde(default)]
    pub is_shopper_away: bool,
    /// Into how many instalments the charge is divided; absent, the shopper chooses or there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instalments: Option<u32>,
    /// Whether the shopper may pay in parts, by several means (AV-9).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_partial: bool,
    /// Who gets which part of the total, in the order in which they are charged; empty, all of it goes one way (AV-10).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dispersion: Vec<DispersionPart>,
    /// How the provider repeats the charge by itself (AV-11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// The payment that ended partly paid, and whose rest this is (AV-9.2-02).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest_of: Option<PaymentId>,
    /// The shopper's equipment as the merchant's server saw it (AV-4.4-08, AV-4.4-09).
    pub shopper: Shopper,
}

/// One tax contained in the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tax {
    /// Which tax.
    pub kind: TaxKind,
    /// The tax itself.
    pub amount: Money,
    /// What it is computed on, when it applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Money>,
}

/// The taxes that gateways of the region report (D-07).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxKind {
    /// IVA, IGV, VAT.
    ValueAddedTax,
    /// Excise duty.
    ExciseDuty,
    /// Ecuador's tax on special consumptions.
    Ice,
    /// Airport tax.
    AirportTax,
    /// Puerto Rico: state tax.
    StateTax,
    /// Puerto Rico: reduced state tax.
    ReducedStateTax,
    /// Puerto Rico: municipal tax.
    MunicipalTax,
}

/// One line of how the total is made up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detail {
    /// Which part.
    pub kind: DetailKind,
    /// How much.
    pub amount: Money,
}

/// The parts of a total that gateways of the region report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetailKind {
    /// Taken off.
    Discount,
    /// Put on.
    Additional,
    /// What the return of IVA is computed on.
    VatDevolutionBase,
    /// Carriage.
    Shipping,
    /// Handling.
    HandlingFee,
    /// Insurance.
    Insurance,
    /// Wrapping.
    GiftWrap,
    /// Before taxes.
    Subtotal,
    /// A fee.
    Fee,
    /// A tip.
    Tip,
    /// The airline's part.
    Airline,
    /// Interest.
    Interest,
}

/// One thing bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The merchant's stock number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// What it is called.
    pub name: String,
    /// Whether it is delivered as data.
    #[serde(default)]
    pub is_digital: bool,
    /// How many.
    pub quantity: u32,
    /// Price of one.
    pub price: Money,
    /// Tax of one, when told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
}

/// A datum that travels with the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraField {
    /// Its name; accents and blanks are fine.
    pub keyword: String,
    /// Its value.
    pub value: String,
    /// Where the provider's pages show it.
    #[serde(default)]
    pub shown: Shown,
}

/// Where an extra field is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Nowhere.
    #[default]
    Nowhere,
    /// While paying.
    Payment,
    /// On the receipt.
    Receipt,
    /// On both.
    Both,
    /// On the receipt of an approved payment only.
    Approved,
}

/// The languages of every page and text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Spanish, the first language everywhere.
    #[default]
    Es,
    /// Portuguese.
    Pt,
    /// English.
    En,
}

/// The shopper's equipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shopper {
    /// Address of the shopper's device, IPv4 or IPv6.
    pub ip: IpAddr,
    /// What the shopper's browser calls itself.
    pub user_agent: String,
}

/// Why one member of an order is refused: nothing has been sent and nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// The member as a path, for example `buyer.document.number`.
    pub param: String,
    /// A word of the API's closed list, for example `invalid_amount`.
    pub code: String,
    /// A sentence for the developer.
    pub detail: String,
}

impl Complaint {
    /// A complaint about one member.
    pub fn new(param: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        Self { param: param.into(), code: code.to_owned(), detail: detail.into() }
    }
}

impl Order {
    /// Whether an instrument is to be kept and nothing to be paid.
    pub const fn is_enrolment(&self) -> bool {
        self.keep_instrument && self.total.minor == 0
    }

    /// Every rule that holds whatever the provider. Empty: the order is sound.
    pub fn check(&self, now: Timestamp) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        self.check_texts(&mut complaints);
        self.check_amounts(&mut complaints);
        self.check_counts(&mut complaints);
        self.check_instrument(&mut complaints);
        dispersion::check(self, &mut complaints);
        recurrence::check(self, &mut complaints);
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            complaints.push(Complaint::new("expires_at", "invalid_value", "The expiry lies in the past."));
        }
        if let Some(url) = &self.return_url
            && !matches!(url.scheme(), "http" | "https")
        {
            complaints.push(Complaint::new("return_url", "invalid_value", "Only http and https are taken."));
        }
        complaints
    }

    fn check_texts(&self, complaints: &mut Vec<Complaint>) {
        check_text(complaints, "reference", &self.reference, MAX_REFERENCE);
        if self.reference.trim() != self.reference || self.reference.is_empty() {
            let detail = "A reference is not empty and has no blanks at its ends.";
            complaints.push(Complaint::new("reference", "invalid_value", detail));
        }
        if let Some(description) = &self.description {
            check_text(complaints, "description", description, MAX_DESCRIPTION);
            refuse_card_number(complaints, "description", description);
        }
        check_text(complaints, "shopper.user_agent", &self.shopper.user_agent, MAX_TEXT);
        if self.shopper.user_agent.trim().is_empty() {
            let detail = "Send what the shopper's browser calls itself.";
            complaints.push(Complaint::new("shopper.user_agent", "invalid_value", detail));
        }
        for (index, field) in self.extra.iter().enumerate() {
            check_text(complaints, &format!("extra[{index}].keyword"), &field.keyword, MAX_LINES);
            check_text(complaints, &format!("extra[{index}].value"), &field.value, MAX_TEXT);
            refuse_card_number(complaints, &format!("extra[{index}].keyword"), &field.keyword);
            refuse_card_number(complaints, &format!("extra[{index}].value"), &field.value);
        }
        for (index, item) in self.items.iter().enumerate() {
            check_text(complaints, &format!("items[{index}].name"), &item.name, MAX_TEXT);
            refuse_card_number(complaints, &format!("items[{index}].name"), &item.name);
        }
    }

    fn check_amounts(&self, complaints: &mut Vec<Complaint>) {
        let least = i64::from(!self.is_enrolment());
        if self.total.minor < least || self.total.minor > MAX_MINOR {
            let detail = format!("The total is between 1 and {MAX_MINOR} minor units.");
            complaints.push(Complaint::new("total.minor", "invalid_amount", detail));
        }
        let taxes = self.taxes.iter().enumerate().flat_map(|(index, tax)| {
            let base = tax.base.map(|base| (format!("taxes[{index}].base"), base));
            std::iter::once((format!("taxes[{index}].amount"), tax.amount)).chain(base)
        });
        let details = self.details.iter().enumerate();
        let details = details.map(|(index, detail)| (format!("details[{index}].amount"), detail.amount));
        let items = self.items.iter().enumerate().flat_map(|(index, item)| {
            let tax = item.tax.map(|tax| (format!("items[{index}].tax"), tax));
            std::iter::once((format!("items[{index}].price"), item.price)).chain(tax)
        });
        for (param, amount) in taxes.chain(details).chain(items) {
            if amount.currency != self.total.currency {
                let detail = "Every amount is in the currency of the total.";
                complaints.push(Complaint::new(param, "invalid_amount", detail));
            } else if amount.minor < 0 || amount.minor > MAX_MINOR {
                complaints.push(Complaint::new(param, "invalid_amount", "An amount is not negative."));
            }
        }
    }

    fn check_instrument(&self, complaints: &mut Vec<Complaint>) {
        let mut complain = |param: &str, detail: &str| {
            complaints.push(Complaint::new(param, "invalid_value", detail));
        };
        let names_instrument = self.keep_instrument || self.instrument.is_some();
        match &self.customer {
            None if names_instrument => complain("customer", "A kept instrument belongs to a customer."),
            Some(customer) if customer.is_empty() || customer.chars().count() > MAX_CUSTOMER => {
                complain("customer", "A customer's id has 1 to 64 characters.");
            }
            Some(customer)
                if customer.chars().any(|letter| letter.is_control() || letter.is_whitespace()) =>
            {
                complain("customer", "A customer's id has no blanks.");
            }
            Some(customer) if holds_card_number(customer) => {
                complain(
                    "customer",
                    "This looks like the number of a card, which no text of an order may hold.",
                );
            }
            Some(_) | None => {}
        }
        if self.keep_instrument && self.instrument.is_some() {
            complain("keep_instrument", "The instrument is kept already.");
        }
        if self.is_shopper_away && self.instrument.is_none() {
            complain("is_shopper_away", "Without the shopper only a kept instrument can be charged.");
        }
        if self.instalments.is_some_and(|count| !(1..=MAX_INSTALMENTS).contains(&count)) {
            complain("instalments", "Between 1 and 99.");
        }
    }

    fn check_counts(&self, complaints: &mut Vec<Complaint>) {
        let counts = [
            ("taxes", self.taxes.len()),
            ("details", self.details.len()),
            ("items", self.items.len()),
            ("methods", self.methods.len()),
            ("extra", self.extra.len()),
            ("dispersion", self.dispersion.len()),
        ];
        for (param, count) in counts {
            if count > MAX_LINES {
                let detail = format!("At most {MAX_LINES} entries are taken.");
                complaints.push(Complaint::new(param, "too_long", detail));
            }
        }
        for (index, item) in self.items.iter().enumerate() {
            if item.quantity == 0 {
                let param = format!("items[{index}].quantity");
                complaints.push(Complaint::new(param, "invalid_value", "At least one."));
            }
        }
    }
}

fn check_text(complaints: &mut Vec<Complaint>, param: &str, text: &str, longest: usize) {
    if text.chars().count() > longest {
        complaints.push(Complaint::new(param, "too_long", format!("At most {longest} characters.")));
    }
    if text.chars().any(char::is_control) {
        complaints.push(Complaint::new(param, "invalid_value", "Control characters are not taken."));
    }
}

/// What stands in such a text is kept, logged by others and shown to people. References are not looked at: many a shop
/// numbers its orders with as many digits.
fn refuse_card_number(complaints: &mut Vec<Complaint>, param: &str, text: &str) {
    if holds_card_number(text) {
        let detail = "This looks like the number of a card, which no text of an order may hold.";
        complaints.push(Complaint::new(param, "invalid_value", detail));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::currency::Currency;

    pub(crate) fn order() -> Order {
        Order {
            reference: "PEDIDO 1/2026".into(),
            total: Money::new(11_900_000, Currency::Cop),
            description: None,
            taxes: vec![],
            details: vec![],
            items: vec![],
            buyer: None,
            payer: None,
            shipping: None,
            expires_at: None,
            return_url: None,
            language: Language::Es,
            methods: vec![],
            extra: vec![],
            customer: None,
            keep_instrument: false,
            instrument: None,
            is_shopper_away: false,
            instalments: None,
            allow_partial: false,
            dispersion: vec![],
            recurrence: None,
            rest_of: None,
            shopper: Shopper { ip: IpAddr::from([203, 0, 113, 24]), user_agent: "Prueba/1.0".into() },
        }
    }

    pub(crate) fn now() -> Timestamp {
        "2026-03-14T15:00:00Z".parse().expect("a timestamp")
    }

    #[test]
    fn a_sound_order_has_no_complaint() {
        assert_eq!(order().check(now()), vec![]);
    }

    #[test]
    fn each_broken_rule_is_told_by_its_member() {
        type Break = fn(&mut Order);
        let table: [(&str, Break); 19] = [
            ("customer", |order| order.keep_instrument = true),
            ("customer", |order| order.customer = Some(String::new())),
            ("customer", |order| order.customer = Some("c 1".into())),
            ("is_shopper_away", |order| order.is_shopper_away = true),
            ("instalments", |order| order.instalments = Some(0)),
            ("keep_instrument", |order| {
                order.customer = Some("c1".into());
                order.keep_instrument = true;
                order.instrument = format!("ins_{}", "0".repeat(32)).parse().ok();
            }),
            ("reference", |order| order.reference = String::new()),
            ("reference", |order| order.reference = "x".repeat(65)),
            ("reference", |order| order.reference = "a\u{0}b".into()),
            ("total.minor", |order| order.total.minor = 0),
            ("total.minor", |order| order.total.minor = -1),
            ("total.minor", |order| order.total.minor = MAX_MINOR + 1),
            ("description", |order| order.description = Some("x".repeat(251))),
            ("description", |order| order.description = Some("paga con 4110 7600 0000 0081".into())),
            ("extra[0].value", |order| {
                let value = "4110760000000081".into();
                order.extra.push(ExtraField { keyword: "Tarjeta".into(), value, shown: Shown::Nowhere });
            }),
            ("extra[0].keyword", |order| {
                let keyword = "4110760000000081".into();
                order.extra.push(ExtraField { keyword, value: "Sí".into(), shown: Shown::Nowhere });
            }),
            ("expires_at", |order| order.expires_at = "2026-03-14T14:59:59Z".parse().ok()),
            ("return_url", |order| order.return_url = Url::parse("javascript:alert(1)").ok()),
            ("shopper.user_agent", |order| order.shopper.user_agent = " ".into()),
        ];
        for (param, break_it) in table {
            let mut broken = order();
            break_it(&mut broken);
            let complaints = broken.check(now());
            assert!(complaints.iter().any(|complaint| complaint.param == param), "{param}: {complaints:?}");
        }
    }

    #[test]
    fn nothing_is_to_be_paid_only_where_an_instrument_is_to_be_kept() {
        let mut enrolment = order();
        enrolment.total.minor = 0;
        assert_eq!(enrolment.check(now())[0].param, "total.minor");
        (enrolment.keep_instrument, enrolment.customer) = (true, Some("c1".into()));
        assert!(enrolment.is_enrolment());
        assert_eq!(enrolment.check(now()), vec![]);
    }

    #[test]
    fn a_tax_in_another_currency_is_refused() {
        let mut mixed = order();
        let amount = Money::new(1, Currency::Usd);
        mixed.taxes.push(Tax { kind: TaxKind::ValueAddedTax, amount, base: None });
        assert_eq!(mixed.check(now())[0].param, "taxes[0].amount");
    }
}
