//! Card numbers where none belongs: in texts that a merchant sends along.

use std::ops::RangeInclusive;

/// What numbers of the card schemes begin with, by their first four digits, and how many digits they have.
const SCHEMES: [(RangeInclusive<u32>, RangeInclusive<usize>); 7] = [
    (2221..=2720, 16..=16),
    (3000..=3099, 14..=14),
    (3400..=3499, 15..=15),
    (3600..=3999, 14..=16),
    (4000..=4999, 16..=19),
    (5000..=5899, 16..=19),
    (6000..=6799, 16..=19),
];

/// Whether a text holds what can be the number of a card: its length, a scheme's beginning, a right check digit. Blanks
/// and hyphens between the digits do not hide it.
pub fn holds_card_number(text: &str) -> bool {
    let joined = text.replace([' ', '-'], "");
    joined.split(|character: char| !character.is_ascii_digit()).any(|digits| {
        let beginning = digits.get(..4).and_then(|first| first.parse::<u32>().ok());
        let is_of = |(begins, lengths): &(RangeInclusive<u32>, RangeInclusive<usize>)| {
            beginning.is_some_and(|first| begins.contains(&first)) && lengths.contains(&digits.len())
        };
        SCHEMES.iter().any(is_of) && is_checked(digits)
    })
}

/// Luhn's check digit.
fn is_checked(digits: &str) -> bool {
    let weighed = digits.bytes().rev().enumerate().map(|(place, digit)| {
        let digit = u32::from(digit - b'0');
        match (place % 2, digit) {
            (0, _) => digit,
            (_, 0..=4) => digit * 2,
            (_, _) => digit * 2 - 9,
        }
    });
    weighed.sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_cards_are_known_however_they_are_written() {
        let cards = [
            "4110760000000081",
            "4110 7600 0000 0081",
            "card 4110-7600-0000-0081, approved",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "36700102000000",
            "6011111111111117",
        ];
        for text in cards {
            assert!(holds_card_number(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        let others = [
            "",
            "4110760000000082",
            "FACTURA 20260314000123",
            "7701234567897",
            "411076******0081",
            "41107600000000811234567",
            "3005550147",
            "1234567812345670",
            "tel. 6015550100, NIT 900123456-1",
        ];
        for text in others {
            assert!(!holds_card_number(text), "{text}");
        }
    }
}
