//! Which identity documents a country has and how their numbers are written, as data (PROTOCOL.md 17).
//!
//! AV-U48: the provider itself is assumed to let a badly written buyer's document pass and to refuse a
//! payer's; the guide makes it the merchant's duty (AV-4.4-05), so that we refuse both.

use std::sync::LazyLock;

use regex::Regex;

/// How the number of one document is written, and whose it is.
#[derive(Debug)]
pub struct DocumentRule {
    country: &'static str,
    kind: &'static str,
    holder: &'static str,
    expression: Regex,
}

impl DocumentRule {
    /// Whether a company, or a natural person, has such a document.
    pub fn fits(&self, is_company: bool) -> bool {
        match self.holder {
            "company" => is_company,
            "natural" => !is_company,
            _ => true,
        }
    }

    /// Whether a number is written as it must be.
    pub fn matches(&self, number: &str) -> bool {
        self.expression.is_match(number)
    }
}

/// The rule of a country's document type; some types belong to every country.
pub fn rule(country: &str, kind: &str) -> Option<&'static DocumentRule> {
    RULES.iter().find(|rule| rule.kind == kind && (rule.country == country || rule.country == ANY_COUNTRY))
}

/// The document types of a country, its own first.
pub fn kinds(country: &str) -> Vec<&'static str> {
    let own = RULES.iter().filter(|rule| rule.country == country);
    own.chain(RULES.iter().filter(|rule| rule.country == ANY_COUNTRY)).map(|rule| rule.kind).collect()
}

/// What the table writes for a document of every country.
const ANY_COUNTRY: &str = "*";

const TABLE: &str = include_str!("documents.tsv");

static RULES: LazyLock<Vec<DocumentRule>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(row).collect());

fn row(line: &'static str) -> Option<DocumentRule> {
    let mut cells = line.split('\t');
    let (country, kind, holder) = (cells.next()?, cells.next()?, cells.next()?);
    let expression = Regex::new(cells.next()?).ok()?;
    Some(DocumentRule { country, kind, holder, expression })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_a_rule() {
        assert_eq!(RULES.len(), TABLE.lines().count() - 1);
        assert!(RULES.iter().all(|rule| ["natural", "company", "both"].contains(&rule.holder)));
        assert!(RULES.iter().all(|rule| rule.kind.len() <= 6));
    }

    #[test]
    fn each_type_takes_its_own_numbers_and_refuses_others() {
        let table = [
            ("CO", "CC", "1093847561", "10938475611"),
            ("CO", "CE", "AB1234", "AB0123"),
            ("CO", "TI", "12345", "1234"),
            ("CO", "NIT", "9001234567", "900123456-7"),
            ("EC", "CI", "1712345678", "171234567"),
            ("EC", "RUC", "1712345678001", "1712345678"),
            ("CR", "CRCPF", "123456789", "023456789"),
            ("CR", "CPJ", "3101123456", "310112345"),
            ("CR", "DIMEX", "12345678901", "1234567890"),
            ("CL", "CLRUT", "12.345.678-K", "12.345.678-L"),
            ("PA", "CIP", "PE81234567", "X-1"),
            ("PA", "PARUC", "155596713-2-2015", "155596713-2-20155"),
            ("BR", "CPF", "12345678901", "123.456.789-01"),
            ("PE", "DNI", "12345678", "1234567"),
            ("PE", "PERUC", "20123456789", "30123456789"),
            ("HN", "RTN", "08011990123456", "0801199012345"),
            ("BZ", "BZSSN", "123456789", "12345678"),
            ("BZ", "BRN", "12345", "1234"),
            ("UY", "UYCI", "1234567-8", "12345678"),
            ("UY", "UYRUT", "123456789012", "12345678901"),
            ("PR", "EIN", "12-3456789", "0-3456789"),
            ("AR", "PPN", "AB_123", "AB 123"),
        ];
        for (country, kind, good, bad) in table {
            let rule = rule(country, kind).expect(kind);
            assert!(rule.matches(good), "{kind} {good}");
            assert!(!rule.matches(bad), "{kind} {bad}");
        }
    }

    #[test]
    fn a_type_belongs_to_its_country() {
        assert!(rule("PE", "CC").is_none());
        assert!(rule("CO", "cc").is_none());
        assert_eq!(kinds("PE"), ["DNI", "PERUC", "PPN", "TAX", "LIC"]);
        assert_eq!(kinds("AR"), ["PPN", "TAX", "LIC"]);
    }
}
