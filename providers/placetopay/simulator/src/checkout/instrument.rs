//! What is charged: a card or an account at a bank, as a transaction tells it (§7.2, §7.7, §19).

use simulation::strict_json::Value;

use super::banks::Bank;
use super::cards::Brand;

/// The issuer of every test card.
pub const ISSUER: &str = "BANCO DE PRUEBAS S.A.";

/// All that is kept of a card: never the number, never the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFace {
    /// Its brand.
    pub brand: Brand,
    /// The first six digits.
    pub bin: String,
    /// The last four digits.
    pub last_four: String,
    /// `MMYY`
    pub expiry: String,
}

/// A transfer by PSE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The payer's bank.
    pub bank: &'static Bank,
    /// The network's number of the transfer, which stands for an authorization.
    pub cus: String,
    /// The secret part of the address of the bank's page, 32 hexadecimal characters.
    pub key: String,
}

/// A means of payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instrument {
    /// A card.
    Card(CardFace),
    /// An account, by PSE.
    Transfer(Transfer),
}

impl Instrument {
    /// The method code of `paymentMethod`.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Card(card) => card.brand.method(),
            Self::Transfer(_) => "pse",
        }
    }

    /// `paymentMethodName`
    pub fn method_name(&self) -> &'static str {
        match self {
            Self::Card(card) => card.brand.name(),
            Self::Transfer(_) => "Cuentas débito ahorro y corriente (PSE)",
        }
    }

    /// `issuerName`
    pub fn issuer(&self) -> &'static str {
        match self {
            Self::Card(_) => ISSUER,
            Self::Transfer(transfer) => transfer.bank.name,
        }
    }

    /// The processor's code.
    pub fn franchise(&self) -> &'static str {
        match self {
            Self::Card(card) => card.brand.franchise(),
            Self::Transfer(_) => "_PSE_",
        }
    }

    /// For people: `VISA **** 0081`, or the bank's name.
    pub fn shown(&self) -> String {
        match self {
            Self::Card(card) => format!("{} **** {}", card.brand.name().to_uppercase(), card.last_four),
            Self::Transfer(transfer) => format!("PSE {}", transfer.bank.name),
        }
    }

    /// The transfer, if it is one.
    pub fn transfer(&self) -> Option<&Transfer> {
        match self {
            Self::Card(_) => None,
            Self::Transfer(transfer) => Some(transfer),
        }
    }

    /// The processor's fields that tell the instrument; the rest is the transaction's.
    pub fn processor_fields(&self, installments: u32) -> Vec<(&'static str, Value)> {
        match self {
            Self::Card(card) => vec![
                ("bin", Value::text(card.bin.clone())),
                ("lastDigits", Value::text(card.last_four.clone())),
                ("expiration", Value::text(card.expiry.clone())),
                ("cardType", Value::text("C")),
                ("installments", Value::from(installments)),
            ],
            Self::Transfer(transfer) => vec![
                ("trazabilyCode", Value::text(transfer.cus.clone())),
                ("transactionCycle", Value::text("1")),
                ("bankCode", Value::text(transfer.bank.code)),
            ],
        }
    }
}
