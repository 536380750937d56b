//! The vendor's published test cards, and a card as somebody presents it: in memory only, wiped afterwards.

use std::fmt;
use std::sync::LazyLock;

use simulation::World;
use zeroize::Zeroizing;

use crate::authorizers::{self, Authorizer};

const TABLE: &str = include_str!("../data/test_cards.tsv");

/// Digits of the shortest and of the longest number (PROTOCOL.md 12.1).
pub const NUMBER_LENGTHS: std::ops::RangeInclusive<usize> = 14..=19;
/// Digits of a security code: three or more, at most five (PROTOCOL.md 9.2).
pub const SECURITY_CODE_LENGTHS: std::ops::RangeInclusive<usize> = 3..=5;

/// A published test card. `Debug` shows no more than the last four digits.
#[derive(Clone, PartialEq, Eq)]
pub struct TestCard {
    /// The number.
    pub number: &'static str,
    /// Whose card it is.
    pub authorizer: &'static Authorizer,
    /// Its name for people.
    pub name: &'static str,
}

impl fmt::Debug for TestCard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TestCard({} {})", self.authorizer.name, last_four(self.number))
    }
}

/// All published test cards, in the table's order.
pub fn all() -> &'static [TestCard] {
    &CARDS
}

/// The published card with this number, or that a declared canary acts as.
pub fn find(number: &str, world: &dyn World) -> Option<&'static TestCard> {
    published(number).or_else(|| world.canary(number).and_then(|canary| published(&canary.acts_as)))
}

fn published(number: &str) -> Option<&'static TestCard> {
    CARDS.iter().find(|card| card.number == number)
}

/// A number of a card, wiped from memory when it is dropped. No check digit is asked for: many of the
/// published numbers have none that is right.
#[derive(Clone, PartialEq, Eq)]
pub struct CardNumber(Zeroizing<String>);

impl CardNumber {
    /// Reads 14 to 19 digits.
    pub fn read(text: &str) -> Option<Self> {
        (NUMBER_LENGTHS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The digits.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The first six digits.
    pub fn bin(&self) -> String {
        self.0.chars().take(6).collect()
    }

    /// The last four digits.
    pub fn last_four(&self) -> String {
        last_four(&self.0).to_owned()
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CardNumber(..)")
    }
}

/// A card's expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// 1 to 12.
    pub month: i8,
    /// Four digits.
    pub year: i16,
}

impl Expiry {
    /// Reads `MMYY`.
    pub fn read(text: &str) -> Option<Self> {
        if text.len() != 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let month = text[..2].parse().ok().filter(|month| (1..=12).contains(month))?;
        Some(Self { month, year: 2000 + text[2..].parse::<i16>().ok()? })
    }

    /// `MMYY`
    pub fn write(self) -> String {
        format!("{:02}{:02}", self.month, self.year % 100)
    }

    /// Whether its month is before the given year and month.
    pub fn is_before(self, (year, month): (i16, i8)) -> bool {
        (self.year, self.month) < (year, month)
    }
}

/// Whether a text is a security code by its form.
pub fn is_security_code(text: &str) -> bool {
    SECURITY_CODE_LENGTHS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn last_four(number: &str) -> &str {
    number.get(number.len().saturating_sub(4)..).unwrap_or_default()
}

static CARDS: LazyLock<Vec<TestCard>> = LazyLock::new(|| rows().filter_map(read_row).collect());

fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#')).skip(1)
}

fn read_row(line: &'static str) -> Option<TestCard> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [number, authorizer, name] = columns.try_into().ok()?;
    Some(TestCard { number, authorizer: authorizers::find(authorizer.parse().ok()?)?, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_number_that_is_accepted() {
        assert_eq!(all().len(), rows().count());
        assert!(all().iter().all(|card| CardNumber::read(card.number).is_some()), "14 to 19 digits");
        assert_eq!(format!("{:?}", all()[0]), "TestCard(Visa 0044)");
        let number = CardNumber::read(all()[0].number).expect("a number");
        assert_eq!((number.bin().as_str(), number.last_four().as_str()), ("400000", "0044"));
        assert_eq!(format!("{number:?}"), "CardNumber(..)");
    }

    #[test]
    fn expiries_have_a_month_and_a_year_of_two_digits() {
        let expiry = Expiry::read("1230").expect("an expiry");
        assert_eq!((expiry.month, expiry.year, expiry.write().as_str()), (12, 2030, "1230"));
        assert!(!expiry.is_before((2030, 12)) && expiry.is_before((2031, 1)));
        for text in ["1330", "0030", "123", "12/30", "", "ab12", "１2"] {
            assert_eq!(Expiry::read(text), None, "{text}");
        }
    }
}
