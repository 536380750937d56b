//! Why an acquirer declined: its codes with their words for people, as data (PROTOCOL.md 11.2). They are a space of their
//! own beside the portal's codes, and no acquirer publishes all of them.

use std::sync::LazyLock;

use payment::order::Language;

/// One code with its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonText {
    /// The code as acquirers write it, two digits.
    pub code: &'static str,
    /// The word of the API's list of codes.
    pub problem: &'static str,
    /// Where it is from: a section of PROTOCOL.md.
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
    Some(TEXTS.iter().find(|text| text.code == code)?.text(language))
}

const TABLE: &str = include_str!("../../storefront/reasons.tsv");

static TEXTS: LazyLock<Vec<ReasonText>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(row).collect());

fn row(line: &'static str) -> Option<ReasonText> {
    let mut cells = line.split('\t');
    let (code, problem, source) = (cells.next()?, cells.next()?, cells.next()?);
    let (es, pt, en) = (cells.next()?, cells.next()?, cells.next()?);
    Some(ReasonText { code, problem, source, es, pt, en })
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
            assert!(row.code.len() == 2 && !row.source.is_empty(), "{}", row.code);
        }
        assert!(reason_text("51", Language::Es).is_some());
        assert_eq!(reason_text("00", Language::Es), None);
    }
}
