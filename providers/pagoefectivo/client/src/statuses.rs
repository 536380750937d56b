//! The states of a CIP: the provider's numbers and names with their meaning and their words for people, as data.
//!
//! PE-U30, PE-U31, PE-U32: of the numbers only that of a generated CIP was seen; the table's column `source` tells.

use std::sync::LazyLock;

use payment::order::Language;

use crate::wire::Scalar;

/// What a state means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It can be paid.
    Payable,
    /// It was paid: the provider's Spanish calls that cancelled.
    Paid,
    /// Its time ran out.
    Expired,
    /// The merchant took it back.
    Deleted,
}

/// One state with its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusText {
    /// The number as the provider writes it.
    pub number: &'static str,
    /// The name as the provider writes it, without its full stop.
    pub name: &'static str,
    /// What it means.
    pub meaning: Meaning,
    /// Where it is from: a section of PROTOCOL.md, or the id of the assumption.
    pub source: &'static str,
    es: &'static str,
    pt: &'static str,
    en: &'static str,
}

impl StatusText {
    /// A sentence for the shopper.
    pub const fn text(&self, language: Language) -> &'static str {
        match language {
            Language::Es => self.es,
            Language::Pt => self.pt,
            Language::En => self.en,
        }
    }
}

/// Every state that is known.
pub fn status_texts() -> &'static [StatusText] {
    &TEXTS
}

/// What a state means: by its number where that is known, else by its name without full stop and case. PE-U59: a
/// number and a name that are both known and mean different things mean nothing, since the numbers are mostly assumed.
pub fn meaning(number: &Scalar, name: &Scalar) -> Option<Meaning> {
    let number = number.digits().map(str::trim);
    let name = name.text().map(|name| name.trim().trim_end_matches('.').to_lowercase());
    let by_number = TEXTS.iter().find(|text| number == Some(text.number));
    let by_name = TEXTS.iter().find(|text| name.as_deref() == Some(&*text.name.to_lowercase()));
    match (by_number, by_name) {
        (Some(number), Some(name)) => (number == name).then_some(number.meaning),
        (Some(known), None) | (None, Some(known)) => Some(known.meaning),
        (None, None) => None,
    }
}

const TABLE: &str = include_str!("../../storefront/statuses.tsv");

static TEXTS: LazyLock<Vec<StatusText>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(row).collect());

fn row(line: &'static str) -> Option<StatusText> {
    let mut cells = line.split('\t');
    let (number, name) = (cells.next()?, cells.next()?);
    let meaning = match cells.next()? {
        "payable" => Meaning::Payable,
        "paid" => Meaning::Paid,
        "expired" => Meaning::Expired,
        "deleted" => Meaning::Deleted,
        _ => return None,
    };
    let source = cells.next()?;
    let (es, pt, en) = (cells.next()?, cells.next()?, cells.next()?);
    Some(StatusText { number, name, meaning, source, es, pt, en })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Scalar {
        Scalar::Text(text.into())
    }

    fn number(digits: &str) -> Scalar {
        Scalar::Number(digits.into())
    }

    #[test]
    fn a_state_is_known_by_number_else_by_name_and_never_by_two_that_disagree() {
        let nothing = Scalar::Nothing;
        let table = [
            (number("23"), text("Cancelado."), Some(Meaning::Paid)),
            (text("23"), text("CANCELADO"), Some(Meaning::Paid)),
            (number("23"), nothing.clone(), Some(Meaning::Paid)),
            (number("23"), text("Pagado."), Some(Meaning::Paid)),
            (number("99"), text("cancelado"), Some(Meaning::Paid)),
            (nothing.clone(), text("Expirado."), Some(Meaning::Expired)),
            (number("22"), text("Generado."), Some(Meaning::Payable)),
            (number("21"), nothing.clone(), Some(Meaning::Expired)),
            (number("25"), text("Eliminado."), Some(Meaning::Deleted)),
            (number("23"), text("Generado."), None),
            (number("22"), text("Cancelado."), None),
            (number("99"), text("Extornado."), None),
            (number("23.0"), nothing.clone(), None),
            (number("2.3e1"), nothing.clone(), None),
            (nothing.clone(), number("23"), None),
            (nothing.clone(), text(""), None),
            (nothing.clone(), nothing, None),
        ];
        for (number, name, expected) in table {
            assert_eq!(meaning(&number, &name), expected, "{number:?} {name:?}");
        }
    }

    #[test]
    fn every_row_is_read_and_speaks_every_language() {
        assert_eq!(status_texts().len(), TABLE.lines().count() - 1);
        for row in status_texts() {
            let texts = [Language::Es, Language::Pt, Language::En].map(|language| row.text(language));
            assert!(texts.iter().all(|text| text.ends_with('.')), "{}", row.number);
            assert!(texts[0] != texts[1] && texts[1] != texts[2] && texts[0] != texts[2], "{}", row.number);
            assert!(!row.source.is_empty() && !row.name.ends_with('.'), "{}", row.number);
        }
        let paid = status_texts().iter().filter(|row| row.meaning == Meaning::Paid);
        assert_eq!(paid.count(), 1);
    }
}
