//! Status and reason codes in people's words, as data (PROTOCOL.md 7.8).
//!
//! AV-U28: the bank answers of two digits beyond the few that the provider itself shows are taken from other
//! integrators of the same network and assumed to hold here; the table's column `source` tells which.

use std::sync::LazyLock;

use payment::order::Language;

/// What a code belongs to. One code may mean something on each level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// A session.
    Session,
    /// One attempt inside a session.
    Transaction,
}

/// One code with its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonText {
    /// What it belongs to.
    pub level: Level,
    /// The code as the provider writes it.
    pub code: &'static str,
    /// The provider's status words that it goes with, separated by blanks.
    pub statuses: &'static str,
    /// Where the pairing is from: a section of PROTOCOL.md, or the id of the assumption.
    pub source: &'static str,
    es: &'static str,
    pt: &'static str,
    en: &'static str,
}

impl ReasonText {
    /// A sentence for the shopper.
    pub const fn text(&self, language: Language) -> &'static str {
        match language {
            Language::Es => self.es,
            Language::Pt => self.pt,
            Language::En => self.en,
        }
    }
}

/// Every code that is known.
pub fn reason_texts() -> &'static [ReasonText] {
    &TEXTS
}

/// What a code means, in a sentence for the shopper; nothing for a code that is not known, whose own message
/// then has to do.
pub fn reason_text(level: Level, code: &str, language: Language) -> Option<&'static str> {
    let known = TEXTS.iter().find(|text| text.level == level && text.code == code)?;
    Some(known.text(language))
}

const TABLE: &str = include_str!("../../../checkout/storefront/reasons.tsv");

static TEXTS: LazyLock<Vec<ReasonText>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(row).collect());

fn row(line: &'static str) -> Option<ReasonText> {
    let mut cells = line.split('\t');
    let level = match cells.next()? {
        "session" => Level::Session,
        "transaction" => Level::Transaction,
        _ => return None,
    };
    let (code, statuses, source) = (cells.next()?, cells.next()?, cells.next()?);
    let (es, pt, en) = (cells.next()?, cells.next()?, cells.next()?);
    Some(ReasonText { level, code, statuses, source, es, pt, en })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_read_and_no_code_is_there_twice() {
        assert_eq!(TEXTS.len(), TABLE.lines().count() - 1);
        let codes: BTreeSet<_> = TEXTS.iter().map(|text| (text.level == Level::Session, text.code)).collect();
        assert_eq!(codes.len(), TEXTS.len());
    }

    #[test]
    fn every_code_says_something_of_its_own_in_every_language() {
        for text in reason_texts() {
            let texts: BTreeSet<_> = [text.es, text.pt, text.en].into();
            assert_eq!(texts.len(), 3, "{}", text.code);
            assert!(texts.iter().all(|text| text.ends_with('.')), "{}", text.code);
            assert!(!text.source.is_empty() && !text.statuses.is_empty(), "{}", text.code);
        }
    }

    #[test]
    fn a_code_is_found_on_its_level_only() {
        assert!(reason_text(Level::Session, "EX", Language::Es).is_some());
        assert_eq!(reason_text(Level::Transaction, "EX", Language::Es), None);
        assert_ne!(
            reason_text(Level::Session, "PT", Language::En),
            reason_text(Level::Transaction, "PT", Language::En)
        );
        assert_eq!(reason_text(Level::Transaction, "ZZ", Language::Pt), None);
    }
}
