//! Decimal text as providers read it: exact, with the places that were written.
//!
//! A number here has at most [`MAX_DIGITS`] significant digits and [`MAX_SCALE`] places, so that any two
//! of them can be brought to one scale within an `i128` and compared exactly.

use std::cmp::Ordering;
use std::fmt;

/// Significant digits at most.
pub const MAX_DIGITS: u32 = 20;
/// Places after the point at most.
pub const MAX_SCALE: u32 = 18;

/// ISO 4217 exponents of the currencies that simulated providers know.
const EXPONENTS: &[(&str, u32)] = &[
    ("ARS", 2),
    ("BRL", 2),
    ("BZD", 2),
    ("CLP", 0),
    ("COP", 2),
    ("CRC", 2),
    ("EUR", 2),
    ("GTQ", 2),
    ("HNL", 2),
    ("MXN", 2),
    ("PAB", 2),
    ("PEN", 2),
    ("PYG", 0),
    ("USD", 2),
    ("UYU", 2),
];

/// A decimal number; equality and order go by value (`1.0 == 1.00`), text goes by the places written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decimal {
    unscaled: i128,
    scale: u32,
}

/// Why a text is no decimal here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not a number written with digits, an optional point and an optional exponent.
    #[error("not a decimal number")]
    NotANumber,
    /// More digits or places than are kept.
    #[error("a number out of range")]
    OutOfRange,
}

/// How many decimals a currency has by ISO 4217; `None` for a currency that no simulator knows.
pub fn exponent(currency: &str) -> Option<u32> {
    EXPONENTS.iter().find(|(code, _)| *code == currency).map(|(_, places)| *places)
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { unscaled: 0, scale: 0 };

    /// `unscaled` divided by ten to the power of `scale`: `new(12345, 2)` is 123.45.
    pub fn new(unscaled: i128, scale: u32) -> Result<Self, Error> {
        if scale > MAX_SCALE || unscaled.unsigned_abs() >= 10_u128.pow(MAX_DIGITS) {
            return Err(Error::OutOfRange);
        }
        Ok(Self { unscaled, scale })
    }

    /// Reads the text of a JSON number or of a numeric string: `-12`, `119000.00`, `1.19e5`.
    /// No blanks, no thousands separators, no bare point.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, mantissa),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(Error::NotANumber),
            Some(parts) => parts,
            None => (digits, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(Error::NotANumber);
        }
        let mut unscaled: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            unscaled = unscaled
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(i128::from(digit - b'0')))
                .ok_or(Error::OutOfRange)?;
        }
        let places = i64::try_from(fraction.len()).map_err(|_| Error::OutOfRange)? - exponent;
        Self::from_parts(if negative { -unscaled } else { unscaled }, places)
    }

    /// The places that were written after the point (`119000.00` has two).
    pub fn scale(self) -> u32 {
        self.scale
    }

    /// The places that carry a value (`119000.10` has one).
    pub fn significant_places(self) -> u32 {
        let (mut unscaled, mut scale) = (self.unscaled, self.scale);
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        scale
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.unscaled < 0
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.unscaled == 0
    }

    /// The sum, at the larger scale of the two.
    pub fn plus(self, other: Self) -> Result<Self, Error> {
        let (left, right, scale) = aligned(self, other);
        Self::new(left.checked_add(right).ok_or(Error::OutOfRange)?, scale)
    }

    /// The difference, at the larger scale of the two.
    pub fn minus(self, other: Self) -> Result<Self, Error> {
        self.plus(Self { unscaled: -other.unscaled, scale: other.scale })
    }

    /// Rounds to at most `places`, half away from zero, as a cashier does. Never adds places.
    pub fn round_half_up(self, places: u32) -> Self {
        let Some(excess) = self.scale.checked_sub(places).filter(|excess| *excess > 0) else { return self };
        let divisor = 10_i128.pow(excess);
        let quotient = self.unscaled / divisor;
        let away = i128::from((self.unscaled % divisor).abs() * 2 >= divisor) * self.unscaled.signum();
        Self { unscaled: quotient + away, scale: places }
    }

    /// Text with exactly `places` decimals, rounded half up: 119000 with two is `119000.00`.
    pub fn to_fixed(self, places: u32) -> String {
        let rounded = self.round_half_up(places);
        let mut text = rounded.to_string();
        if places > rounded.scale {
            if rounded.scale == 0 {
                text.push('.');
            }
            text.extend(std::iter::repeat_n('0', (places - rounded.scale) as usize));
        }
        text
    }

    /// Text without trailing zeros: 119000.10 is `119000.1`, 119000.00 is `119000`.
    pub fn to_minimal(self) -> String {
        self.round_half_up(self.significant_places()).to_string()
    }

    fn from_parts(mut unscaled: i128, mut places: i64) -> Result<Self, Error> {
        if unscaled == 0 {
            places = places.clamp(0, i64::from(MAX_SCALE));
        }
        while places < 0 {
            unscaled = unscaled.checked_mul(10).ok_or(Error::OutOfRange)?;
            places += 1;
        }
        while places > i64::from(MAX_SCALE) && unscaled % 10 == 0 {
            unscaled /= 10;
            places -= 1;
        }
        Self::new(unscaled, u32::try_from(places).map_err(|_| Error::OutOfRange)?)
    }
}

/// Both numbers at the larger scale of the two. Cannot overflow: 20 digits and 18 places fit 38 digits.
fn aligned(left: Decimal, right: Decimal) -> (i128, i128, u32) {
    let scale = left.scale.max(right.scale);
    let lift = |number: Decimal| number.unscaled * 10_i128.pow(scale - number.scale);
    (lift(left), lift(right), scale)
}

fn parse_exponent(text: &str) -> Result<i64, Error> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::NotANumber);
    }
    // Far beyond the range of any number but zero, and safe to count with.
    const FAR: i64 = 10_000;
    let significant = digits.trim_start_matches('0');
    let size = if significant.is_empty() { 0 } else { significant.parse().unwrap_or(FAR).min(FAR) };
    Ok(if text.starts_with('-') { -size } else { size })
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right, _) = aligned(*self, *other);
        left.cmp(&right)
    }
}

/// The number with the places it was written with, never with an exponent.
impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let magnitude = self.unscaled.unsigned_abs();
        if self.scale == 0 {
            return write!(formatter, "{sign}{magnitude}");
        }
        let divisor = 10_u128.pow(self.scale);
        let width = self.scale as usize;
        write!(formatter, "{sign}{}.{:0width$}", magnitude / divisor, magnitude % divisor)
    }
}

impl std::str::FromStr for Decimal {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self { unscaled: i128::from(number), scale: 0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).expect(text)
    }

    #[test]
    fn numbers_are_read_as_written() {
        for (text, shown, scale) in [
            ("119000.00", "119000.00", 2),
            ("-0.5", "-0.5", 1),
            ("0", "0", 0),
            ("1.19e5", "119000", 0),
            ("1.19E+5", "119000", 0),
            ("119000e-2", "1190.00", 2),
            ("5e-3", "0.005", 3),
            ("0e99999999999999999999", "0", 0),
            ("1e00000000000002", "100", 0),
            ("1e000000", "1", 0),
            ("0007", "7", 0),
            ("1.0000000000000000000000000", "1.000000000000000000", 18),
        ] {
            assert_eq!(decimal(text).to_string(), shown, "{text}");
            assert_eq!(decimal(text).scale(), scale, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "-", "+1", ".5", "5.", "1,5", " 1", "1 ", "1e", "1e+", "0x1", "1.2.3", "e5", "١", "--1"]
        {
            assert_eq!(Decimal::parse(text), Err(Error::NotANumber), "{text:?}");
        }
        for text in ["1e20", "100000000000000000000", "1e-19", "1e99999999999", "9".repeat(60).as_str()] {
            assert_eq!(Decimal::parse(text), Err(Error::OutOfRange), "{text:?}");
        }
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (text, places, shown) in [
            ("0.005", 2, "0.01"),
            ("0.0049999", 2, "0.00"),
            ("-0.005", 2, "-0.01"),
            ("1.5", 0, "2"),
            ("2.5", 0, "3"),
            ("119000", 2, "119000"),
        ] {
            assert_eq!(decimal(text).round_half_up(places).to_string(), shown, "{text}");
        }
        assert_eq!(decimal("119000").to_fixed(2), "119000.00");
        assert_eq!(decimal("1.1").to_fixed(3), "1.100");
        assert_eq!(decimal("1.25").to_fixed(1), "1.3");
        assert_eq!(decimal("-1.10").to_minimal(), "-1.1");
        assert_eq!(decimal("100").to_minimal(), "100");
    }

    #[test]
    fn value_decides_equality_and_order() {
        assert_eq!(decimal("1.0"), decimal("1.00"));
        assert!(decimal("99999999999999999999") > decimal("0.000000000000000001"));
        assert!(decimal("-2") < decimal("-1.999"));
        assert_eq!(decimal("0.1").plus(decimal("0.2")), Ok(decimal("0.3")));
        assert_eq!(decimal("1").minus(decimal("1.00")).map(Decimal::is_zero), Ok(true));
        assert_eq!(decimal("99999999999999999999").plus(decimal("1")), Err(Error::OutOfRange));
    }

    #[test]
    fn pesos_of_chile_and_guaranies_have_no_decimals() {
        assert_eq!(exponent("CLP"), Some(0));
        assert_eq!(exponent("PYG"), Some(0));
        assert_eq!(exponent("COP"), Some(2));
        assert_eq!(exponent("XXX"), None);
        assert_eq!(exponent("cop"), None);
    }

    proptest! {
        #[test]
        fn text_goes_there_and_back(unscaled in -99_999_999_999_999_999_i64..99_999_999_999_999_999, scale in 0_u32..=MAX_SCALE) {
            let number = Decimal::new(i128::from(unscaled), scale).expect("in range");
            let text = number.to_string();
            let again = decimal(&text);
            prop_assert_eq!(again, number);
            prop_assert_eq!(again.scale(), scale);
            prop_assert_eq!(decimal(&number.to_minimal()), number);
            prop_assert!(crate::strict_json::is_number(&text));
        }

        #[test]
        fn sums_agree_with_integers(left in any::<i32>(), right in any::<i32>(), scale in 0_u32..6) {
            let sum = Decimal::new(left.into(), scale).expect("in range").plus(Decimal::new(right.into(), scale).expect("in range"));
            prop_assert_eq!(sum, Decimal::new(i128::from(left) + i128::from(right), scale));
        }

        #[test]
        fn rounding_moves_by_half_a_unit_at_most(unscaled in any::<i32>(), scale in 1_u32..9, places in 0_u32..8) {
            let number = Decimal::new(unscaled.into(), scale).expect("in range");
            let rounded = number.round_half_up(places);
            let moved = rounded.minus(number).expect("small");
            let half = Decimal::new(5, places + 1).expect("in range");
            prop_assert!(moved <= half && moved.minus(Decimal::ZERO).expect("small") >= Decimal::ZERO.minus(half).expect("small"));
            prop_assert!(rounded.scale() <= places || rounded.scale() == number.scale());
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[-+0-9.eE]{0,50}") {
            let _ = Decimal::parse(&text);
        }
    }
}
