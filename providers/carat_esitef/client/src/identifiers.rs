//! The shapes of identifiers and amounts (PROTOCOL.md 0.3, 0.6, 1).

use payment::{Currency, Money};

use crate::account::Profile;

/// Most characters of an identifier that is taken as it comes.
const LONGEST: usize = 128;
/// Digits of the shop's own number under the reading that every profile takes: fewer than twelve.
pub const USN_DIGITS: usize = 11;

/// The name of a transaction: 64 letters and digits.
pub fn is_nit(text: &str) -> bool {
    text.len() == 64 && is_alphanumeric(text)
}

/// The name of a storage transaction as documented: 65 letters and digits (C-20).
pub fn is_nita(text: &str) -> bool {
    text.len() == 65 && is_alphanumeric(text)
}

/// The number of a storage transaction as documented: 15 letters and digits (C-20).
pub fn is_nsua(text: &str) -> bool {
    text.len() == 15 && is_alphanumeric(text)
}

/// A name that is taken as it comes, since the documents contradict each other (PROTOCOL.md 1.2).
pub fn is_opaque(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && is_alphanumeric(text)
}

/// A stored card's identifier: 88 printable characters (C-22). CA-U04: what notices call `hash` is what REST takes as
/// `token`. CA-U54: nothing is read into it.
pub fn is_hash(text: &str) -> bool {
    text.len() == 88 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The portal's number of a transaction: 15 digits.
pub fn is_esitef_usn(text: &str) -> bool {
    text.len() == 15 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The shop's own number. CA-U01: `< 12` includes twelve digits, but not under the profile `guide`.
pub fn is_merchant_usn(text: &str, profile: Profile) -> bool {
    let longest = match profile {
        Profile::Docs => USN_DIGITS + 1,
        Profile::Guide => USN_DIGITS,
    };
    (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads an amount: up to twelve digits of minor units, above zero, and nothing else.
pub fn amount(text: &str, currency: Currency) -> Option<Money> {
    let is_written = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let minor: i64 = is_written.then(|| text.parse().ok()).flatten()?;
    (minor > 0).then_some(Money::new(minor, currency))
}

fn is_alphanumeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_shapes_are_told_apart_from_what_is_only_taken() {
        let _story = testing::story("documented_shapes_are_told_apart_from_what_is_only_taken");
        let nita = format!("Z{}", "0a".repeat(32));
        assert!(is_nita(&nita) && is_opaque(&nita) && !is_nit(&nita));
        for swapped in ["12345678901234a", &"0a".repeat(32)] {
            assert!(!is_nita(swapped) && is_opaque(swapped), "{swapped}");
        }
        assert!(is_nsua("26031400000560A") && is_nsua("123456789012345") && !is_nsua("2603140000056-A"));
        for text in ["", "a b", "../x", "ação", &"a".repeat(129)] {
            assert!(!is_opaque(text), "{text}");
        }
        testing::covers!("CA-16", "CA-17");
    }
}
