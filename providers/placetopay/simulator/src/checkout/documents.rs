//! Identity documents: types, persons and patterns, read from `data/documents.tsv` (§17).

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

const TABLE: &str = include_str!("../../data/documents.tsv");

/// Who carries a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A natural person, who has name and surname.
    Natural,
    /// A company, which has a name only.
    Company,
    /// Either.
    Both,
}

/// One type of document.
#[derive(Clone, Debug)]
pub struct DocumentType {
    /// ISO 3166-1 alpha-2, or `any`.
    pub country: &'static str,
    /// For example `CC`.
    pub code: &'static str,
    /// Who carries it.
    pub holder: Holder,
    pattern: Regex,
}

impl DocumentType {
    /// The pattern as the provider publishes it.
    pub fn expression(&self) -> &str {
        self.pattern.as_str()
    }

    /// Whether a number has the form of this type.
    pub fn fits(&self, document: &str) -> bool {
        self.pattern.is_match(document)
    }
}

/// The type with this code, whatever the country: codes are unique.
pub fn find(code: &str) -> Option<&'static DocumentType> {
    TYPES.iter().find(|kind| kind.code == code)
}

/// The types that the page offers in a country: its own first, then those of any country.
pub fn offered_in(country: &str) -> Vec<&'static DocumentType> {
    let of = |wanted: &str| TYPES.iter().filter(move |kind| kind.country == wanted).collect::<Vec<_>>();
    let mut types = of(country);
    types.extend(of("any"));
    types
}

static TYPES: LazyLock<Vec<DocumentType>> = LazyLock::new(|| rows().filter_map(read_row).collect());

fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#')).skip(1)
}

fn read_row(line: &'static str) -> Option<DocumentType> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [country, code, holder, pattern] = columns.try_into().ok()?;
    let holder = match holder {
        "natural" => Holder::Natural,
        "company" => Holder::Company,
        "both" => Holder::Both,
        _ => return None,
    };
    // Digits are ASCII digits, as in the provider's own expressions.
    let pattern = RegexBuilder::new(pattern).unicode(false).build().ok()?;
    Some(DocumentType { country, code, holder, pattern })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read_and_no_code_comes_twice() {
        assert_eq!(TYPES.len(), rows().count());
        let mut codes: Vec<_> = TYPES.iter().map(|kind| kind.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), TYPES.len());
    }

    #[test]
    fn numbers_are_judged_by_their_type() {
        for (code, document, fits) in [
            ("CC", "1093847561", true),
            ("CC", "093847561", false),
            ("CC", "12345678901", false),
            ("CE", "E4521873", true),
            ("NIT", "900373913", true),
            ("NIT", "900373913-4", false),
            ("PPN", "AB_12", true),
            ("PPN", "AB-12", false),
            ("CLRUT", "12.345.678-K", true),
            ("PERUC", "20512345678", true),
            ("PERUC", "30512345678", false),
            ("DNI", "٣٣٣٣٣٣٣٣", false),
        ] {
            assert_eq!(find(code).map(|kind| kind.fits(document)), Some(fits), "{code} {document}");
        }
    }

    #[test]
    fn a_country_offers_its_own_types_before_those_of_any() {
        let codes: Vec<_> = offered_in("CO").iter().map(|kind| kind.code).collect();
        assert_eq!(codes, ["CC", "CE", "TI", "NIT", "RUT", "PPN", "TAX", "LIC"]);
    }
}
