//! The parts of a payment that goes to several sites (§6.4).

use simulation::strict_json::Value;

use super::account::Settings;
use super::amount::{self, Amount};
use super::charge::sum;
use super::objection::Objection;
use super::refusal::Refusal;

/// Parts at most, the session's own site included.
pub const SHARES_LIMIT: usize = 3;
/// An airline shares with one other at most.
const AIRLINE_LIMIT: usize = 2;

/// Who gets a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgreementKind {
    /// Charged first whatever its place.
    Airline,
    /// Charged in the order sent.
    Merchant,
}

impl AgreementKind {
    /// The provider's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Airline => "AIRLINE",
            Self::Merchant => "MERCHANT",
        }
    }
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The agreement's number; none is the session's own site.
    pub agreement: Option<String>,
    /// Who gets it.
    pub kind: AgreementKind,
    /// How much, with its own breakdown.
    pub amount: Amount,
}

impl Share {
    /// The agreement as answers write it: a number or `null`.
    pub fn agreement_value(&self) -> Value {
        self.agreement.as_ref().map_or(Value::Null, |number| Value::number(number.clone()))
    }
}

/// Reads `payment.dispersion`, airlines first; empty when there is none.
pub fn read(payment: &Value, total: &Amount, settings: &Settings) -> Result<Vec<Share>, Refusal> {
    const PATH: &str = "payment.dispersion";
    let invalid = || Refusal::request(Objection::Invalid(PATH.to_owned()));
    let Some(list) = payment.get("dispersion").filter(|list| !list.is_null()) else { return Ok(Vec::new()) };
    let list = list.items().ok_or_else(invalid)?;
    if list.len() > SHARES_LIMIT {
        return Err(Refusal::too_many_dispersions());
    }
    let mut shares = list.iter().map(|item| read_share(item, settings)).collect::<Result<Vec<_>, _>>()?;
    let is_airline = |share: &Share| share.kind == AgreementKind::Airline;
    if shares.iter().any(is_airline) && shares.len() > AIRLINE_LIMIT {
        return Err(invalid());
    }
    // AV-U14: the rounded parts add up, in the session's currency.
    let fits = shares.iter().all(|share| share.amount.currency == total.currency)
        && sum(shares.iter().map(|share| share.amount.total)) == total.total;
    if !shares.is_empty() && !fits {
        return Err(Refusal::request(Objection::DispersionSum));
    }
    // Stable: among merchants the order sent stays.
    shares.sort_by_key(|share| !is_airline(share));
    Ok(shares)
}

fn read_share(item: &Value, settings: &Settings) -> Result<Share, Refusal> {
    const PATH: &str = "payment.dispersion.amount";
    let invalid = |member: &str| Refusal::request(Objection::Invalid(format!("payment.dispersion.{member}")));
    let agreement = match item.get("agreement") {
        None | Some(Value::Null) => None,
        Some(Value::Text(text)) if text.is_empty() => None,
        Some(Value::Text(text) | Value::Number(text))
            if text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            Some(text.clone())
        }
        Some(Value::Text(_) | Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            return Err(invalid("agreement"));
        }
    };
    let kind = match item.get("agreementType").and_then(Value::as_str) {
        Some("AIRLINE") => AgreementKind::Airline,
        Some("MERCHANT") => AgreementKind::Merchant,
        Some(_) | None => return Err(invalid("agreementType")),
    };
    let amount = item.get("amount").ok_or_else(|| Refusal::request(Objection::Missing(PATH.to_owned())))?;
    Ok(Share { agreement, kind, amount: amount::read_at(amount, &settings.currencies, PATH)? })
}
