//! Why an attempt failed: code and text (§6.2).

use std::sync::LazyLock;

use crate::funnel::Language;
use crate::table;

const TABLE: &str = include_str!("../data/reasons.tsv");

/// Why an attempt failed. ET-U28, ET-U29: nobody lists texts or codes; these are ours, of the published form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The payer gave up.
    Cancelled,
    /// Three wrong passwords.
    Credentials,
    /// Not enough money.
    Funds,
    /// The bank's second factor was refused.
    SecondFactor,
    /// The bank said no.
    Bank,
    /// Time ran out.
    Expired,
    /// The funnel lost its backend, and no money moved.
    System,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Cancelled,
        Self::Credentials,
        Self::Funds,
        Self::SecondFactor,
        Self::Bank,
        Self::Expired,
        Self::System,
    ];

    /// What `code` carries.
    pub fn code(self) -> &'static str {
        match self {
            Self::Cancelled => "ET_USER_CANCELLED",
            Self::Credentials => "ET_INVALID_CREDENTIALS",
            Self::Funds => "ET_INSUFFICIENT_FUNDS",
            Self::SecondFactor => "ET_SECOND_FACTOR_REJECTED",
            Self::Bank => "ET_BANK_REJECTED",
            Self::Expired => "ET_SESSION_EXPIRED",
            Self::System => "ET_SYSTEM_ERROR",
        }
    }

    /// Its text; the Spanish one is what `reason` carries.
    pub fn text(self, language: Language) -> &'static str {
        static ROWS: LazyLock<Vec<[&str; 4]>> = LazyLock::new(|| table::rows(TABLE).collect());
        let row = ROWS.iter().find(|[code, ..]| *code == self.code());
        row.map_or("", |[_, spanish, english, portuguese]| language.pick(spanish, english, portuguese))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_texts_and_every_line_its_reason() {
        assert_eq!(table::rows::<4>(TABLE).count(), table::count(TABLE));
        assert_eq!(table::count(TABLE), Reason::ALL.len());
        for reason in Reason::ALL {
            for language in Language::ALL {
                assert!(!reason.text(language).is_empty(), "{reason:?} in {language:?}");
            }
        }
    }
}
