//! Money: integer minor units with their currency, and exact text both ways.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::currency::Currency;

/// An amount in minor units (centavos; whole pesos for CLP). Never negative in an order; a difference may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units of `currency`.
    pub minor: i64,
    /// What is counted.
    pub currency: Currency,
}

/// Why text is not an amount of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a plain decimal number.
    #[error("not a decimal number")]
    Malformed,
    /// More digits after the point than the currency has.
    #[error("more decimals than the currency has")]
    ExcessDigits,
    /// Beyond what 64 bits of minor units can count.
    #[error("amount too large")]
    TooLarge,
    /// Two amounts of different currencies met.
    #[error("amounts of different currencies")]
    CurrencyMismatch,
}

impl Money {
    /// An amount of minor units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Reads plain decimal text (`1234.5`, `-3`, `0.07`). No exponent, no sign `+`, no separators;
    /// more decimals than the currency has are refused, zeros included.
    pub fn from_text(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (negative, digits) = split_sign(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if !all_digits(whole) || whole.is_empty() || (digits.contains('.') && fraction.is_empty()) {
            return Err(MoneyError::Malformed);
        }
        if !all_digits(fraction) {
            return Err(MoneyError::Malformed);
        }
        let scale = currency.exponent() as usize;
        if fraction.len() > scale {
            return Err(MoneyError::ExcessDigits);
        }
        assemble(negative, whole, fraction, scale, currency)
    }

    /// Reads a JSON number by its digits as written (`119000`, `119000.00`, `1.19E5`) or a numeric
    /// string's content. Zeros beyond the currency's decimals change nothing and are taken; any other
    /// digit there is refused, never rounded.
    pub fn from_json_digits(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (negative, unsigned) = split_sign(text.trim());
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || mantissa.ends_with('.') {
            return Err(MoneyError::Malformed);
        }
        let point = i64::try_from(whole.len()).map_err(|_| MoneyError::TooLarge)? + exponent;
        let digits = format!("{whole}{fraction}");
        let (whole, fraction) = place_point(&digits, point);
        let scale = currency.exponent() as usize;
        let kept = fraction.len().min(scale);
        if fraction[kept..].bytes().any(|digit| digit != b'0') {
            return Err(MoneyError::ExcessDigits);
        }
        assemble(negative, &whole, &fraction[..kept], scale, currency)
    }

    /// Decimal text with exactly the currency's decimals: `119000.00` COP, `15000` CLP.
    pub fn to_text(self) -> String {
        let scale = self.currency.exponent() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.minor.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    /// The shortest exact JSON number: `119000` for 119000.00 COP, `22.5` for 22.50 PEN.
    pub fn to_json_digits(self) -> String {
        let text = self.to_text();
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    }

    /// The sum, when both are of one currency and it can be counted.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// The difference, when both are of one currency and it can be counted.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    /// Whether something is left to count.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    fn combine(self, other: Self, operation: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch);
        }
        let minor = operation(self.minor, other.minor).ok_or(MoneyError::TooLarge)?;
        Ok(Self::new(minor, self.currency))
    }
}

/// Shows `COP 119000.00`: the code, a blank, the exact text. Pages write amounts in their language themselves.
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.currency, self.to_text())
    }
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An exponent of a JSON number. Beyond three digits no amount is meant, and no memory is spent on it.
fn parse_exponent(text: &str) -> Result<i64, MoneyError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !all_digits(unsigned) {
        return Err(MoneyError::Malformed);
    }
    if unsigned.trim_start_matches('0').len() > 3 {
        return Err(MoneyError::TooLarge);
    }
    text.strip_prefix('+').unwrap_or(text).parse().map_err(|_| MoneyError::Malformed)
}

/// Splits digits at a point that may lie before or behind them.
fn place_point(digits: &str, point: i64) -> (String, String) {
    let length = digits.len() as i64;
    if point <= 0 {
        ("0".to_owned(), format!("{}{digits}", "0".repeat(usize::try_from(-point).unwrap_or(0))))
    } else if point >= length {
        (format!("{digits}{}", "0".repeat(usize::try_from(point - length).unwrap_or(0))), String::new())
    } else {
        let at = usize::try_from(point).unwrap_or(0);
        (digits[..at].to_owned(), digits[at..].to_owned())
    }
}

fn assemble(
    negative: bool,
    whole: &str,
    fraction: &str,
    scale: usize,
    currency: Currency,
) -> Result<Money, MoneyError> {
    let mut minor: i64 = 0;
    let padding = std::iter::repeat_n(b'0', scale - fraction.len());
    for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
        let step = i64::from(digit - b'0');
        minor = minor
            .checked_mul(10)
            .and_then(|tenfold| if negative { tenfold.checked_sub(step) } else { tenfold.checked_add(step) })
            .ok_or(MoneyError::TooLarge)?;
    }
    Ok(Money::new(minor, currency))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_currency() -> impl Strategy<Value = Currency> {
        prop::sample::select(Currency::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn text_and_digits_bring_back_the_same_amount(minor in any::<i64>(), currency in any_currency()) {
            let money = Money::new(minor, currency);
            prop_assert_eq!(Money::from_text(&money.to_text(), currency), Ok(money));
            prop_assert_eq!(Money::from_json_digits(&money.to_json_digits(), currency), Ok(money));
            prop_assert_eq!(Money::from_json_digits(&money.to_text(), currency), Ok(money));
        }

        #[test]
        fn reading_never_panics(text in "[-+0-9.eE]{0,40}|.{0,12}", currency in any_currency()) {
            let _ = Money::from_text(&text, currency);
            let _ = Money::from_json_digits(&text, currency);
        }

        #[test]
        fn adding_and_subtracting_undo_each_other(a in -1_000_000_000i64..1_000_000_000, b in -1_000_000_000i64..1_000_000_000) {
            let (a, b) = (Money::new(a, Currency::Pen), Money::new(b, Currency::Pen));
            prop_assert_eq!(a.plus(b).and_then(|sum| sum.minus(b)), Ok(a));
        }
    }

    #[test]
    fn amounts_are_read_from_the_digits_as_written() {
        let table = [
            ("119000", Currency::Cop, Ok(11_900_000)),
            ("119000.00", Currency::Cop, Ok(11_900_000)),
            ("1.19E5", Currency::Cop, Ok(11_900_000)),
            ("1000.0", Currency::Clp, Ok(1000)),
            ("22.50", Currency::Pen, Ok(2250)),
            ("22.500", Currency::Pen, Ok(2250)),
            ("5e-2", Currency::Usd, Ok(5)),
            ("0.005", Currency::Usd, Err(MoneyError::ExcessDigits)),
            ("1000.5", Currency::Clp, Err(MoneyError::ExcessDigits)),
            ("1e9999", Currency::Usd, Err(MoneyError::TooLarge)),
            ("92233720368547758.08", Currency::Usd, Err(MoneyError::TooLarge)),
            ("1.", Currency::Usd, Err(MoneyError::Malformed)),
            ("1e", Currency::Usd, Err(MoneyError::Malformed)),
            ("1e-", Currency::Usd, Err(MoneyError::Malformed)),
            ("1e+-2", Currency::Usd, Err(MoneyError::Malformed)),
            ("1e12x45", Currency::Usd, Err(MoneyError::Malformed)),
            ("NaN", Currency::Usd, Err(MoneyError::Malformed)),
            ("", Currency::Usd, Err(MoneyError::Malformed)),
        ];
        for (text, currency, expected) in table {
            let read = Money::from_json_digits(text, currency).map(|money| money.minor);
            assert_eq!(read, expected, "{text} {currency}");
        }
    }

    #[test]
    fn plain_text_refuses_what_json_digits_forgive() {
        for text in ["22.500", "2.25E1", "+22.5", "22.", ".5", "22,5", " 22"] {
            assert!(Money::from_text(text, Currency::Pen).is_err(), "{text}");
        }
    }

    #[test]
    fn two_currencies_are_never_added() {
        let sum = Money::new(1, Currency::Cop).plus(Money::new(1, Currency::Usd));
        assert_eq!(sum, Err(MoneyError::CurrencyMismatch));
    }
}
