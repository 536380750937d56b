//! Money that goes to several parties out of one payment: who gets which part.

use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::order::{Complaint, Detail, Order, Tax};

/// One part of an order's total, and who gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispersionPart {
    /// The party's number at the provider; absent, the account's own site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<u64>,
    /// What the party is.
    #[serde(default)]
    pub party: Party,
    /// How much it gets, taxes included.
    pub amount: Money,
    /// Taxes contained in this part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<Tax>,
    /// How this part is made up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// What a party is to the network, which charges some before others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A merchant.
    #[default]
    Merchant,
    /// An airline.
    Airline,
}

/// The rules that hold whatever the provider: the parts are the total, and nothing else divides it (C-70).
pub(crate) fn check(order: &Order, complaints: &mut Vec<Complaint>) {
    if order.dispersion.is_empty() {
        return;
    }
    let mut complain = |param: String, code: &str, detail: &str| {
        complaints.push(Complaint::new(param, code, detail));
    };
    if order.allow_partial {
        let detail = "A payment is mixed or dispersed, never both.";
        complain("allow_partial".to_owned(), "invalid_value", detail);
    }
    if !order.taxes.is_empty() || !order.details.is_empty() {
        let detail = "Taxes and details of a dispersed payment stand in its parts.";
        complain("dispersion".to_owned(), "invalid_value", detail);
    }
    let mut sum = Some(Money::zero(order.total.currency));
    for (index, part) in order.dispersion.iter().enumerate() {
        let param = format!("dispersion[{index}].amount");
        if part.amount.currency != order.total.currency {
            complain(param, "invalid_amount", "Every amount is in the currency of the total.");
        } else if part.amount.minor <= 0 {
            complain(param, "invalid_amount", "A part is more than nothing.");
        }
        sum = sum.and_then(|sum| sum.plus(part.amount).ok());
        let taxes = part.taxes.iter().flat_map(|tax| std::iter::once(tax.amount).chain(tax.base));
        let inner = taxes.chain(part.details.iter().map(|detail| detail.amount));
        if inner.into_iter().any(|amount| amount.currency != order.total.currency || amount.minor < 0) {
            let detail = "Taxes and details are not negative, and in the currency of the total.";
            complain(format!("dispersion[{index}]"), "invalid_amount", detail);
        }
    }
    if sum != Some(order.total) {
        complain("dispersion".to_owned(), "invalid_amount", "The parts add up to the total.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::currency::Currency;
    use crate::order::tests::{now, order};
    use crate::order::{DetailKind, TaxKind};

    fn part(minor: i64) -> DispersionPart {
        DispersionPart {
            agreement: None,
            party: Party::Merchant,
            amount: Money::new(minor, Currency::Cop),
            taxes: vec![],
            details: vec![],
        }
    }

    fn params(change: impl FnOnce(&mut Order)) -> Vec<String> {
        let mut changed = order();
        changed.dispersion = vec![part(11_000_000), part(900_000)];
        change(&mut changed);
        changed.check(now()).into_iter().map(|complaint| complaint.param).collect()
    }

    #[test]
    fn parts_are_the_total_and_nothing_else_divides_it() {
        assert_eq!(params(|_| {}), Vec::<String>::new());
        assert_eq!(params(|order| order.allow_partial = true), ["allow_partial"]);
        assert_eq!(params(|order| order.dispersion[1].amount.minor = 900_001), ["dispersion"]);
        let none = params(|order| order.dispersion[1].amount.minor = 0);
        assert_eq!(none, ["dispersion[1].amount", "dispersion"]);
        let other = params(|order| order.dispersion[0].amount.currency = Currency::Usd);
        assert_eq!(other, ["dispersion[0].amount", "dispersion"]);
        let beyond = params(|order| order.dispersion = vec![part(i64::MAX), part(i64::MAX)]);
        assert_eq!(beyond, ["dispersion"]);
    }

    #[test]
    fn taxes_and_details_of_a_dispersed_payment_stand_in_its_parts() {
        let detail = |minor| Detail { kind: DetailKind::Subtotal, amount: Money::new(minor, Currency::Cop) };
        let tax = |base| Tax {
            kind: TaxKind::ValueAddedTax,
            amount: Money::new(1, Currency::Cop),
            base: Some(Money::new(1, base)),
        };
        assert_eq!(params(|order| order.dispersion[0].details = vec![detail(5)]), Vec::<String>::new());
        assert_eq!(params(|order| order.details = vec![detail(5)]), ["dispersion"]);
        assert_eq!(params(|order| order.dispersion[1].details = vec![detail(-5)]), ["dispersion[1]"]);
        assert_eq!(params(|order| order.dispersion[1].taxes = vec![tax(Currency::Usd)]), ["dispersion[1]"]);
    }
}
