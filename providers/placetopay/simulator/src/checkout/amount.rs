//! Amounts: rounding by the currency, taxes and details of known kinds only (§6.3).

use simulation::decimal::{self, Decimal};
use simulation::strict_json::Value;

use super::objection::Objection;
use super::refusal::Refusal;

/// Kinds of tax that are kept; any other is dropped in silence.
pub const TAX_KINDS: [&str; 7] =
    ["valueAddedTax", "exciseDuty", "ice", "airportTax", "stateTax", "municipalTax", "reducedStateTax"];

/// Kinds of detail that are kept; any other is dropped in silence.
const DETAIL_KINDS: [&str; 13] = [
    "discount",
    "additional",
    "vatDevolutionBase",
    "shipping",
    "handlingFee",
    "insurance",
    "giftWrap",
    "subtotal",
    "fee",
    "tip",
    "airline",
    "interests",
    "interest",
];

/// An amount with its breakdown, every number rounded half up to the currency's decimals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    /// ISO 4217.
    pub currency: String,
    /// What is charged. AV-U12: nobody compares it with the breakdown.
    pub total: Decimal,
    /// Taxes kept.
    pub taxes: Vec<Tax>,
    /// Details kept.
    pub details: Vec<Detail>,
}

/// One tax.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members have the provider's names")]
pub struct Tax {
    pub kind: String,
    pub amount: Decimal,
    pub base: Option<Decimal>,
}

/// One line of the breakdown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members have the provider's names")]
pub struct Detail {
    pub kind: String,
    pub amount: Decimal,
}

/// Reads `payment.amount` for a site with these currencies.
pub fn read(value: &Value, currencies: &[String]) -> Result<Amount, Refusal> {
    read_at(value, currencies, "payment.amount")
}

/// Reads an amount that stands at `path`.
pub fn read_at(value: &Value, currencies: &[String], path: &str) -> Result<Amount, Refusal> {
    let member = |name: &str| invalid(&format!("{path}.{name}"));
    if value.members().is_none() {
        return Err(invalid(path));
    }
    let currency = value
        .get("currency")
        .and_then(Value::as_str)
        .filter(|code| currencies.iter().any(|enabled| enabled == code))
        .ok_or_else(|| Refusal::request(Objection::InvalidCurrency))?
        .to_owned();
    let total = read_number(value.get("total"), &currency).ok_or_else(|| member("total"))?;
    // AV-U13: nothing is sold for nothing.
    if total <= Decimal::ZERO {
        return Err(member("total"));
    }
    let taxes = read_kinds(value.get("taxes"), &format!("{path}.taxes"), &TAX_KINDS, |item| {
        let base = item.get("base").filter(|base| !base.is_null());
        Some(Tax {
            kind: item.get("kind")?.as_str()?.to_owned(),
            amount: read_number(item.get("amount"), &currency)?,
            base: match base {
                Some(base) => Some(read_number(Some(base), &currency)?),
                None => None,
            },
        })
    })?;
    let details = read_kinds(value.get("details"), &format!("{path}.details"), &DETAIL_KINDS, |item| {
        Some(Detail {
            kind: item.get("kind")?.as_str()?.to_owned(),
            amount: read_number(item.get("amount"), &currency)?,
        })
    })?;
    Ok(Amount { currency, total, taxes, details })
}

/// A number or a numeric string, rounded to the currency's decimals.
pub fn read_number(value: Option<&Value>, currency: &str) -> Option<Decimal> {
    let value = value?;
    let text = value.number_text().or_else(|| value.as_str())?;
    Some(Decimal::parse(text).ok()?.round_half_up(decimal::exponent(currency)?))
}

/// A number as the provider writes it: no trailing zeros.
pub fn number(decimal: Decimal) -> Value {
    Value::number(decimal.to_minimal())
}

impl Amount {
    /// As the query writes it.
    pub fn to_value(&self) -> Value {
        let mut amount =
            Value::object([("currency", Value::text(self.currency.clone())), ("total", number(self.total))]);
        if !self.taxes.is_empty() {
            amount.set("taxes", Value::array(self.taxes.iter().map(Tax::to_value)));
        }
        if !self.details.is_empty() {
            amount.set("details", Value::array(self.details.iter().map(Detail::to_value)));
        }
        amount
    }

    /// The total with all decimals of its currency, for the ledger.
    pub fn fixed_total(&self) -> String {
        self.total.to_fixed(decimal::exponent(&self.currency).unwrap_or(2))
    }
}

impl Tax {
    fn to_value(&self) -> Value {
        let mut tax =
            Value::object([("kind", Value::text(self.kind.clone())), ("amount", number(self.amount))]);
        if let Some(base) = self.base {
            tax.set("base", number(base));
        }
        tax
    }
}

impl Detail {
    fn to_value(&self) -> Value {
        Value::object([("kind", Value::text(self.kind.clone())), ("amount", number(self.amount))])
    }
}

/// Items of a list whose `kind` is known; a known kind with a broken number is refused.
fn read_kinds<T>(
    list: Option<&Value>,
    path: &str,
    kinds: &[&str],
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, Refusal> {
    let Some(list) = list.filter(|list| !list.is_null()) else { return Ok(Vec::new()) };
    let items = list.items().ok_or_else(|| invalid(path))?;
    let is_known =
        |item: &&Value| item.get("kind").and_then(Value::as_str).is_some_and(|kind| kinds.contains(&kind));
    items.iter().filter(is_known).map(|item| read(item).ok_or_else(|| invalid(path))).collect()
}

fn invalid(path: &str) -> Refusal {
    Refusal::request(Objection::Invalid(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use simulation::strict_json::parse;

    use super::*;

    fn read_text(text: &str) -> Result<Amount, Refusal> {
        let currencies = ["COP", "USD", "CLP"].map(str::to_owned);
        read(&parse(text.as_bytes()).expect("JSON"), &currencies)
    }

    #[test]
    fn totals_are_rounded_half_up_to_the_currency() {
        for (currency, sent, kept) in [
            ("USD", "576.9875", "576.99"),
            ("COP", "576.12345", "576.12"),
            ("CLP", "576.9875", "577"),
            ("COP", "51000.0", "51000"),
            ("COP", "\"119000.50\"", "119000.5"),
            ("USD", "0.005", "0.01"),
        ] {
            let amount = read_text(&format!(r#"{{"currency":"{currency}","total":{sent}}}"#)).expect(sent);
            assert_eq!(amount.to_value().to_text(), format!(r#"{{"currency":"{currency}","total":{kept}}}"#));
        }
    }

    #[test]
    fn unknown_kinds_are_dropped_in_silence() {
        let amount = read_text(
            r#"{"currency":"COP","total":119000,
                "taxes":[{"kind":"IVA","amount":1},{"kind":"valueAddedTax","amount":19000,"base":100000},{"amount":3}],
                "details":[{"kind":"subtotal","amount":100000.004},{"kind":"handling","amount":"x"}]}"#,
        )
        .expect("taken");
        assert_eq!(
            amount.to_value().to_text(),
            r#"{"currency":"COP","total":119000,"taxes":[{"kind":"valueAddedTax","amount":19000,"base":100000}],"details":[{"kind":"subtotal","amount":100000}]}"#
        );
    }

    #[test]
    fn amounts_that_cannot_be_are_refused() {
        for text in [
            r#"{"currency":"COP","total":0}"#,
            r#"{"currency":"COP","total":-1}"#,
            r#"{"currency":"COP","total":0.004}"#,
            r#"{"currency":"COP","total":"cien"}"#,
            r#"{"currency":"COP","total":1e400}"#,
            r#"{"currency":"COP","total":null}"#,
            r#"{"currency":"COP"}"#,
            r#"{"currency":"COP","total":10,"taxes":[{"kind":"ice","amount":"x"}]}"#,
            r#"{"currency":"COP","total":10,"taxes":{}}"#,
        ] {
            assert!(
                matches!(read_text(text), Err(Refusal { objection: Objection::Invalid(_), .. })),
                "{text}"
            );
        }
        for text in [r#"{"currency":"EUR","total":1}"#, r#"{"currency":"cop","total":1}"#, r#"{"total":1}"#] {
            assert_eq!(read_text(text), Err(Refusal::request(Objection::InvalidCurrency)), "{text}");
        }
    }
}
