//! Why an attempt failed: the provider's codes with their meaning and their words for people, as data.
//!
//! ET-U28, ET-U29: neither texts nor codes are published. The table holds those that were seen in examples and those
//! that are assumed; its column `source` tells which. An unknown code is shown by its own message.

use std::sync::LazyLock;

use payment::fact::Outcome;
use payment::order::Language;

/// One code with its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonText {
    /// The code as the provider writes it.
    pub code: &'static str,
    /// How an attempt ends by it.
    pub outcome: Outcome,
    /// Where it is from: a section of PROTOCOL.md, or the id of the assumption.
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

/// What a code means, in a sentence for the shopper; nothing for a code that is not known.
pub fn reason_text(code: &str, language: Language) -> Option<&'static str> {
    Some(known(code)?.text(language))
}

/// How an attempt ends by a code; nothing for a code that is not known.
pub fn outcome(code: &str) -> Option<Outcome> {
    Some(known(code)?.outcome)
}

fn known(code: &str) -> Option<&'static ReasonText> {
    TEXTS.iter().find(|text| text.code == code)
}

const TABLE: &str = include_str!("../../storefront/reasons.tsv");

static TEXTS: LazyLock<Vec<ReasonText>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(row).collect());

fn row(line: &'static str) -> Option<ReasonText> {
    let mut cells = line.split('\t');
    let code = cells.next()?;
    // No code says paid: only the status does.
    let outcome = match cells.next()? {
        "cancelled" => Outcome::Cancelled,
        "expired" => Outcome::Expired,
        "failed" => Outcome::Failed,
        "rejected" => Outcome::Rejected,
        _ => return None,
    };
    let source = cells.next()?;
    let (es, pt, en) = (cells.next()?, cells.next()?, cells.next()?);
    Some(ReasonText { code, outcome, source, es, pt, en })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_speaks_every_language() {
        assert_eq!(reason_texts().len(), TABLE.lines().count() - 1);
        for row in reason_texts() {
            let texts = [Language::Es, Language::Pt, Language::En].map(|language| row.text(language));
            assert!(texts.iter().all(|text| text.ends_with('.')), "{}", row.code);
            assert!(texts[0] != texts[1] && texts[1] != texts[2] && texts[0] != texts[2], "{}", row.code);
            assert!(!row.source.is_empty(), "{}", row.code);
        }
    }

    #[test]
    fn a_code_says_how_an_attempt_ended_and_never_that_it_was_paid() {
        assert_eq!(outcome("ET_USER_CANCELLED"), Some(Outcome::Cancelled));
        assert_eq!(outcome("ET_SESSION_EXPIRED"), Some(Outcome::Expired));
        assert_eq!(outcome("et_user_cancelled"), None);
        assert!(reason_texts().iter().all(|row| row.outcome < Outcome::PartiallyExpired));
        assert_eq!(reason_text("ET_NEW", Language::En), None);
    }
}
