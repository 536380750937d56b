//! What a merchant agreed upon with a provider, where that has to be shown later: a value, and who confirmed it.

use serde::{Deserialize, Serialize};

/// A value of an account that was agreed upon, with where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// The setting that holds the value.
    pub setting: String,
    /// The value as configured; empty when none is.
    pub value: String,
    /// Where it was agreed; absent when the configuration does not say.
    pub reference: Option<Reference>,
}

/// Where something was agreed: `2026-02-20; Ana Prueba; Acta 7`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The day.
    pub date: jiff::civil::Date,
    /// Who confirmed it.
    pub author: String,
    /// The document.
    pub document: String,
}

impl Reference {
    /// Reads a day, an author and a document between semicolons.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (date, author, document) = (parts.next()?, parts.next()?, parts.next()?);
        let is_whole = !author.is_empty() && !document.is_empty() && parts.next().is_none();
        let date = date.parse().ok()?;
        is_whole.then(|| Self { date, author: author.to_owned(), document: document.to_owned() })
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}; {}; {}", self.date, self.author, self.document)
    }
}

/// What is wrong with an account's configuration; nothing is begun with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingComplaint {
    /// The setting.
    pub setting: &'static str,
    /// What is wrong, and the cure.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_a_day_an_author_and_a_document() {
        let read = Reference::read(" 2026-02-20 ; Ana Prueba;Acta 7 ").expect("a reference");
        assert_eq!(read.to_string(), "2026-02-20; Ana Prueba; Acta 7");
        for text in [
            "",
            "Acta 7",
            "2026-02-20; Ana",
            "2026-02-30; Ana; Acta 7",
            "2026-02-20;; Acta 7",
            "2026-02-20; Ana; 7; 8",
        ] {
            assert_eq!(Reference::read(text), None, "{text}");
        }
    }
}
