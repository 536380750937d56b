//! Facts about a card number: enough to judge a payment by, not enough to pay with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use aws_lc_rs::hmac;
use serde::Serialize;

/// Digits of the shortest card number.
pub const SHORTEST: usize = 13;
/// Digits of the longest card number.
pub const LONGEST: usize = 19;

/// The scheme a number seems to belong to, guessed from its first digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Brand {
    /// 4
    Visa,
    /// 51 to 55, 2221 to 2720
    Mastercard,
    /// 34, 37
    Amex,
    /// 300 to 305, 36, 38, 39
    Diners,
    /// 6011, 644 to 649, 65 and the 6508 range
    Discover,
    /// 50, 56 to 58, 67
    Maestro,
    /// 3528 to 3589
    Jcb,
    /// Nothing known: a private label, or no card at all.
    Unknown,
}

impl Brand {
    /// The word that facts are written with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Visa => "visa",
            Self::Mastercard => "mastercard",
            Self::Amex => "amex",
            Self::Diners => "diners",
            Self::Discover => "discover",
            Self::Maestro => "maestro",
            Self::Jcb => "jcb",
            Self::Unknown => "unknown",
        }
    }

    /// Guesses from the first digits of `digits`.
    pub fn guess(digits: &str) -> Self {
        let leading =
            |count: usize| digits.get(..count).and_then(|first| first.parse::<u32>().ok()).unwrap_or(0);
        match (leading(1), leading(2), leading(3), leading(4)) {
            (4, _, _, _) => Self::Visa,
            (_, 51..=55, _, _) | (_, _, _, 2221..=2720) => Self::Mastercard,
            (_, 34 | 37, _, _) => Self::Amex,
            (_, 36 | 38 | 39, _, _) | (_, _, 300..=305, _) => Self::Diners,
            (_, 65, _, _) | (_, _, 644..=649, _) | (_, _, _, 6011) => Self::Discover,
            (_, 50 | 56..=58 | 67, _, _) => Self::Maestro,
            (_, _, _, 3528..=3589) => Self::Jcb,
            _ => Self::Unknown,
        }
    }
}

/// What may be said about a number that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The scheme, guessed.
    pub brand: Brand,
    /// Digits (or characters, when it was no number at all).
    pub length: usize,
    /// Whether the check digit is right.
    pub luhn: bool,
    /// The first six digits; empty for anything shorter than a card number.
    pub bin: String,
    /// The last four digits; empty for anything shorter than a card number.
    pub last_four: String,
    /// The name of the canary that this number is, when it was declared as one.
    pub canary: Option<String>,
    /// HMAC-SHA-256 under the key of this run, hexadecimal: equal numbers, equal text.
    pub hmac: String,
}

impl Facts {
    /// One line of text, to stand inside a text where the number stood.
    pub fn sentence(&self) -> String {
        let luhn = if self.luhn { "luhn" } else { "no-luhn" };
        let brand = self.brand.word();
        let mut text = format!("[card {brand} {} {luhn}", self.length);
        if !self.bin.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(text, " bin {} last {}", self.bin, self.last_four);
        }
        if let Some(canary) = &self.canary {
            let _ = write!(text, " canary {canary}");
        }
        let _ = write!(text, " hmac {}]", self.hmac);
        text
    }
}

/// A key that lives as long as a run, to tell whether two hidden texts were equal.
pub struct RunKey(hmac::Key);

impl RunKey {
    /// A fresh random key.
    pub fn generate() -> Self {
        Self::from_bytes(&rand::random::<[u8; 32]>())
    }

    /// A key of given bytes, for tests and for comparing two runs.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The HMAC-SHA-256 of `secret`, hexadecimal.
    pub fn fingerprint(&self, secret: &[u8]) -> String {
        let tag = hmac::sign(&self.0, secret);
        tag.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl std::fmt::Debug for RunKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RunKey(..)")
    }
}

/// Numbers that are cards whatever their check digit says: published test cards and declared canaries.
#[derive(Clone, Debug, Default)]
pub struct KnownNumbers {
    /// Number to canary id; `None` for a published test card.
    numbers: BTreeMap<String, Option<String>>,
}

impl KnownNumbers {
    /// Adds a test card that a provider publishes.
    pub fn publish(&mut self, number: &str) {
        self.numbers.entry(number.to_owned()).or_default();
    }

    /// Adds a canary under its id.
    pub fn declare_canary(&mut self, number: &str, id: &str) {
        self.numbers.insert(number.to_owned(), Some(id.to_owned()));
    }

    /// The facts about a number, which may be written with blanks or dashes between its digits.
    pub fn facts(&self, number: &str, key: &RunKey) -> Facts {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let is_number = digits.len() >= SHORTEST;
        Facts {
            brand: Brand::guess(&digits),
            length: if is_number { digits.len() } else { number.chars().count() },
            luhn: is_number && luhn(&digits),
            bin: if is_number { digits[..6].to_owned() } else { String::new() },
            last_four: if is_number { digits[digits.len() - 4..].to_owned() } else { String::new() },
            canary: self.numbers.get(&digits).cloned().flatten(),
            hmac: key.fingerprint(if is_number { digits.as_bytes() } else { number.as_bytes() }),
        }
    }

    /// Where card numbers stand in `text`: runs of 13 to 19 digits, single separators allowed, whose
    /// check digit is right or which are known.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        digit_runs(text)
            .into_iter()
            .filter(|(_, digits)| self.numbers.contains_key(digits) || luhn(digits))
            .map(|(range, _)| range)
            .collect()
    }
}

/// Where numbers with a right check digit and the length of a card number stand in `text`.
pub fn find_numbers(text: &str) -> Vec<Range<usize>> {
    KnownNumbers::default().find(text)
}

/// Whether the last digit is the check digit by Luhn's formula. False for anything but digits.
pub fn luhn(digits: &str) -> bool {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match place % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Separators that people and forms put between groups of digits; `+` and `%20` are a form's blanks.
const SEPARATORS: &[&str] = &[" ", "-", "+", "%20"];

/// Runs of 13 to 19 digits with at most one separator between two digits, and their digits.
fn digit_runs(text: &str) -> Vec<(Range<usize>, String)> {
    let bytes = text.as_bytes();
    let mut runs = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            // `%20` outside a number must not lend its digits to one.
            at += if text[at..].starts_with("%20") {
                3
            } else {
                text[at..].chars().next().map_or(1, char::len_utf8)
            };
            continue;
        }
        let start = at;
        let mut end = at;
        let mut digits = String::new();
        let mut breaks = Vec::new();
        loop {
            while at < bytes.len() && bytes[at].is_ascii_digit() {
                digits.push(char::from(bytes[at]));
                at += 1;
            }
            end = at.max(end);
            let rest = &text[at..];
            let Some(separator) = SEPARATORS.iter().find(|separator| rest.starts_with(**separator)) else {
                break;
            };
            let next = at + separator.len();
            if !bytes.get(next).is_some_and(u8::is_ascii_digit) {
                break;
            }
            breaks.push((digits.len(), end, next));
            at = next;
        }
        push_run(&mut runs, start..end, &digits, &breaks);
    }
    runs
}

/// Takes a run whole when it has the length of a card number; otherwise looks at its unbroken parts,
/// so that a number beside another (`4111111111111111 2026`) is found too.
fn push_run(
    runs: &mut Vec<(Range<usize>, String)>,
    range: Range<usize>,
    digits: &str,
    breaks: &[(usize, usize, usize)],
) {
    if (SHORTEST..=LONGEST).contains(&digits.len()) && (breaks.is_empty() || luhn(digits)) {
        runs.push((range, digits.to_owned()));
        return;
    }
    let (mut digit, mut start) = (0, range.start);
    for (digits_before, end, next) in breaks.iter().copied().chain([(digits.len(), range.end, range.end)]) {
        let part = &digits[digit..digits_before];
        if (SHORTEST..=LONGEST).contains(&part.len()) {
            runs.push((start..end, part.to_owned()));
        }
        (digit, start) = (digits_before, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VISA: &str = "4111111111111111";

    #[test]
    fn the_check_digit_is_judged() {
        assert!(luhn(VISA));
        assert!(luhn("36545400000008"));
        assert!(!luhn("4111111111111112"));
        assert!(!luhn(""));
        assert!(!luhn("4111 1111"));
    }

    #[test]
    fn brands_are_guessed_from_the_first_digits() {
        for (number, brand) in [
            (VISA, Brand::Visa),
            ("5367680000000005", Brand::Mastercard),
            ("2221000000000009", Brand::Mastercard),
            ("377222581193005", Brand::Amex),
            ("36545400000008", Brand::Diners),
            ("6550590000000001", Brand::Discover),
            ("6759649826438453", Brand::Maestro),
            ("3530111333300000", Brand::Jcb),
            ("8810060001592705", Brand::Unknown),
            ("", Brand::Unknown),
        ] {
            assert_eq!(Brand::guess(number), brand, "{number}");
        }
    }

    #[test]
    fn numbers_are_found_with_and_without_separators() {
        let found = |text: &str| {
            find_numbers(text).into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("pan=4111111111111111&x"), [VISA]);
        assert_eq!(found("4111 1111 1111 1111."), ["4111 1111 1111 1111"]);
        assert_eq!(found("a=4111+1111+1111+1111"), ["4111+1111+1111+1111"]);
        assert_eq!(found("a=4111%201111%201111%201111&b"), ["4111%201111%201111%201111"]);
        assert_eq!(found("4111111111111111 12 2030"), [VISA]);
        assert_eq!(found(";4111111111111111=30121010000000000000?"), [VISA]);
        assert_eq!(found("ñ4111111111111111ñ"), [VISA]);
        assert!(found("4111111111111112").is_empty(), "wrong check digit");
        assert!(found("41111111111111114111").is_empty(), "twenty digits are no card");
        assert!(found("2026-03-14T10:15:30 508818 119000.00").is_empty());
    }

    #[test]
    fn known_numbers_are_found_whatever_their_check_digit() {
        let mut known = KnownNumbers::default();
        known.publish("4111111111111112");
        known.declare_canary("5000000000000009", "canary-a");
        assert_eq!(known.find("x4111111111111112 5000000000000009").len(), 2);
        let key = RunKey::from_bytes(b"k");
        let facts = known.facts("5000000000000009", &key);
        assert_eq!(facts.canary.as_deref(), Some("canary-a"));
        assert!(facts.sentence().contains("canary canary-a"), "{}", facts.sentence());
        assert_eq!(known.facts("4111111111111112", &key).canary, None);
    }

    #[test]
    fn facts_show_no_more_than_they_may_and_tell_equality() {
        let known = KnownNumbers::default();
        let (key, other_run) = (RunKey::from_bytes(b"one"), RunKey::generate());
        let facts = known.facts("4111 1111 1111 1111", &key);
        assert_eq!(
            (facts.length, facts.luhn, facts.bin.as_str(), facts.last_four.as_str()),
            (16, true, "411111", "1111")
        );
        assert_eq!(facts.hmac, known.facts(VISA, &key).hmac);
        assert_ne!(facts.hmac, known.facts(VISA, &other_run).hmac);
        assert!(!facts.sentence().contains(VISA));
        let code = known.facts("987", &key);
        assert_eq!((code.bin.as_str(), code.last_four.as_str(), code.length), ("", "", 3));
    }
}
