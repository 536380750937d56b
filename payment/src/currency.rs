//! The closed table of currencies, with the exponents of ISO 4217.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A currency that Caudal can count. A currency outside this table is refused, never guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Argentine peso.
    Ars,
    /// Brazilian real.
    Brl,
    /// Belize dollar.
    Bzd,
    /// Chilean peso: no minor unit.
    Clp,
    /// Colombian peso.
    Cop,
    /// Costa Rican colón.
    Crc,
    /// Euro.
    Eur,
    /// Guatemalan quetzal.
    Gtq,
    /// Honduran lempira.
    Hnl,
    /// Mexican peso.
    Mxn,
    /// Panamanian balboa.
    Pab,
    /// Peruvian sol.
    Pen,
    /// Paraguayan guaraní: no minor unit.
    Pyg,
    /// United States dollar.
    Usd,
    /// Uruguayan peso.
    Uyu,
}

impl Currency {
    /// Every currency of the table, in the order of the codes.
    pub const ALL: [Self; 15] = [
        Self::Ars,
        Self::Brl,
        Self::Bzd,
        Self::Clp,
        Self::Cop,
        Self::Crc,
        Self::Eur,
        Self::Gtq,
        Self::Hnl,
        Self::Mxn,
        Self::Pab,
        Self::Pen,
        Self::Pyg,
        Self::Usd,
        Self::Uyu,
    ];

    /// How many decimals the minor unit has (ISO 4217): 0 for CLP and PYG, 2 for the others.
    pub const fn exponent(self) -> u32 {
        match self {
            Self::Clp | Self::Pyg => 0,
            Self::Ars
            | Self::Brl
            | Self::Bzd
            | Self::Cop
            | Self::Crc
            | Self::Eur
            | Self::Gtq
            | Self::Hnl
            | Self::Mxn
            | Self::Pab
            | Self::Pen
            | Self::Usd
            | Self::Uyu => 2,
        }
    }

    /// The alphabetic code, upper case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ars => "ARS",
            Self::Brl => "BRL",
            Self::Bzd => "BZD",
            Self::Clp => "CLP",
            Self::Cop => "COP",
            Self::Crc => "CRC",
            Self::Eur => "EUR",
            Self::Gtq => "GTQ",
            Self::Hnl => "HNL",
            Self::Mxn => "MXN",
            Self::Pab => "PAB",
            Self::Pen => "PEN",
            Self::Pyg => "PYG",
            Self::Usd => "USD",
            Self::Uyu => "UYU",
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// The text is not the upper-case code of a currency of the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency; known are {}", known())]
pub struct UnknownCurrency;

fn known() -> String {
    Currency::ALL.map(Currency::code).join(", ")
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        Self::ALL.into_iter().find(|currency| currency.code() == text).ok_or(UnknownCurrency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_and_exponent_is_that_of_iso_4217() {
        for currency in Currency::ALL {
            let oracle = iso_currency::Currency::from_code(currency.code()).expect("ISO knows the code");
            assert_eq!(oracle.exponent().map(u32::from), Some(currency.exponent()), "{currency}");
            assert_eq!(currency.code().parse(), Ok(currency));
        }
    }

    #[test]
    fn an_unknown_or_lower_case_code_is_refused() {
        assert_eq!("XTS".parse::<Currency>(), Err(UnknownCurrency));
        assert_eq!("cop".parse::<Currency>(), Err(UnknownCurrency));
    }
}
