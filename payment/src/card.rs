//! A card that a shopper has typed: in memory only, wiped when it is dropped, printed as nothing but its ends.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::Timestamp;

/// Fewest digits of a card number. Vendors' test cards go down to 14, old Maestro to 12.
pub const SHORTEST_NUMBER: usize = 12;
/// Most digits of a card number.
pub const LONGEST_NUMBER: usize = 19;
/// Longest name of a holder, in characters.
pub const LONGEST_HOLDER: usize = 60;
/// Digits of a security code.
const CODE_DIGITS: std::ops::RangeInclusive<usize> = 3..=5;
/// How far ahead a card may expire, in years: more is a slip of the finger.
const YEARS_AHEAD: i16 = 20;

/// A card. Never written anywhere: it has no serialised form.
pub struct Card {
    number: SecretString,
    /// Month of expiry, 1 to 12.
    pub expiry_month: u8,
    /// Year of expiry, four digits.
    pub expiry_year: i16,
    security_code: SecurityCode,
    /// The holder as printed; empty when it was not asked for.
    pub holder: String,
}

/// A security code: three to five digits that are kept nowhere.
pub struct SecurityCode(SecretString);

/// What a shopper typed into the fields of a card, before any of it is believed.
pub struct TypedCard {
    /// The number, with the blanks and hyphens that people write.
    pub number: SecretString,
    /// Month and year as `MM/YY`, `MMYY` or `MM/YYYY`.
    pub expiry: SecretString,
    /// The security code.
    pub security_code: SecretString,
    /// The holder's name.
    pub holder: String,
}

/// Which field of a card is wrong. The words are those of the API's list of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CardComplaint {
    /// The number has other characters than digits, or too few or many of them.
    InvalidNumber,
    /// The expiry is no month and year.
    InvalidExpiry,
    /// The expiry lies in the past.
    Expired,
    /// The security code has other characters than digits, or too few or many of them.
    InvalidSecurityCode,
    /// The holder's name is empty or too long.
    InvalidHolder,
}

impl Card {
    /// Reads what was typed. No check digit is asked for: many a provider's test card has a wrong one, and the
    /// provider says so itself where it matters.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn read(typed: TypedCard, now: Timestamp) -> Result<Self, Vec<CardComplaint>> {
        let mut complaints = Vec::new();
        let number = digits(&typed.number, SHORTEST_NUMBER..=LONGEST_NUMBER);
        if number.is_none() {
            complaints.push(CardComplaint::InvalidNumber);
        }
        let expiry =
            expiry(typed.expiry.expose_secret(), now).map_err(|complaint| complaints.push(complaint));
        let security_code = SecurityCode::read(&typed.security_code);
        if security_code.is_none() {
            complaints.push(CardComplaint::InvalidSecurityCode);
        }
        let holder = typed.holder.trim().to_owned();
        if holder.chars().count() > LONGEST_HOLDER || holder.chars().any(char::is_control) {
            complaints.push(CardComplaint::InvalidHolder);
        }
        match (number, expiry, security_code, complaints.is_empty()) {
            (Some(number), Ok((expiry_month, expiry_year)), Some(security_code), true) => {
                Ok(Self { number, expiry_month, expiry_year, security_code, holder })
            }
            _ => Err(complaints),
        }
    }

    /// The number's digits.
    pub fn number(&self) -> &str {
        self.number.expose_secret()
    }

    /// The security code's digits.
    pub fn security_code(&self) -> &str {
        self.security_code.digits()
    }

    /// Month and year of expiry as `MMYY`.
    pub fn expiry_mmyy(&self) -> SecretString {
        SecretString::from(format!("{:02}{:02}", self.expiry_month, self.expiry_year.rem_euclid(100)))
    }

    /// The last four digits: all that is shown of it.
    pub fn last_four(&self) -> &str {
        let number = self.number();
        &number[number.len() - 4..]
    }
}

impl SecurityCode {
    /// Reads what was typed. None: it is none.
    pub fn read(typed: &SecretString) -> Option<Self> {
        digits(typed, CODE_DIGITS).map(Self)
    }

    /// Its digits.
    pub fn digits(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Card").finish_non_exhaustive()
    }
}

impl fmt::Debug for SecurityCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecurityCode")
    }
}

/// The digits of a text in which people put blanks and hyphens. None: there is something else, or the count is wrong.
fn digits(typed: &SecretString, count: std::ops::RangeInclusive<usize>) -> Option<SecretString> {
    let text = typed.expose_secret();
    // Room from the start: a text that grew would leave copies of itself behind.
    let mut kept = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' => kept.push(character),
            ' ' | '-' => {}
            _ => return wiped(kept),
        }
    }
    if count.contains(&kept.len()) { Some(SecretString::from(kept)) } else { wiped(kept) }
}

fn wiped(text: String) -> Option<SecretString> {
    drop(SecretString::from(text));
    None
}

fn expiry(text: &str, now: Timestamp) -> Result<(u8, i16), CardComplaint> {
    let plain: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b' ' | b'/' | b'-')).collect();
    if !plain.iter().all(u8::is_ascii_digit) || !matches!(plain.len(), 4 | 6) {
        return Err(CardComplaint::InvalidExpiry);
    }
    let number = |digits: &[u8]| digits.iter().fold(0_i16, |sum, digit| sum * 10 + i16::from(digit - b'0'));
    let month = number(&plain[..2]);
    let year = if plain.len() == 4 { 2000 + number(&plain[2..]) } else { number(&plain[2..]) };
    if !(1..=12).contains(&month) {
        return Err(CardComplaint::InvalidExpiry);
    }
    // A card is good to the end of its month, wherever the shopper is.
    let yesterday = now - jiff::SignedDuration::from_hours(14);
    let today = yesterday.to_zoned(jiff::tz::TimeZone::UTC).date();
    if (year, month) < (today.year(), i16::from(today.month())) {
        return Err(CardComplaint::Expired);
    }
    if year > today.year() + YEARS_AHEAD {
        return Err(CardComplaint::InvalidExpiry);
    }
    Ok((u8::try_from(month).map_err(|_| CardComplaint::InvalidExpiry)?, year))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(number: &str, expiry: &str, code: &str) -> TypedCard {
        TypedCard {
            number: number.into(),
            expiry: expiry.into(),
            security_code: code.into(),
            holder: "PRUEBA PRUEBA".into(),
        }
    }

    fn now() -> Timestamp {
        "2026-03-14T15:00:00Z".parse().expect("a time")
    }

    #[test]
    fn a_card_is_read_as_people_write_it_and_shows_its_last_four_alone() {
        let card = Card::read(typed("4000 0000-0000 0044", "03 / 26", "123"), now()).expect("a card");
        assert_eq!((card.number(), card.last_four()), ("4000000000000044", "0044"));
        assert_eq!(card.expiry_mmyy().expose_secret(), "0326");
        assert_eq!(card.security_code(), "123");
        assert_eq!(format!("{card:?}"), "Card { .. }");
    }

    #[test]
    fn each_field_that_is_wrong_is_named() {
        use CardComplaint as Wrong;
        let table: [(&str, &str, &str, &[CardComplaint]); 9] = [
            ("40000000000", "1230", "123", &[Wrong::InvalidNumber]),
            ("40000000000000000044", "1230", "123", &[Wrong::InvalidNumber]),
            ("4000x00000000044", "1230", "123", &[Wrong::InvalidNumber]),
            ("4000000000000044", "1330", "123", &[Wrong::InvalidExpiry]),
            ("4000000000000044", "130", "123", &[Wrong::InvalidExpiry]),
            ("4000000000000044", "02/26", "123", &[Wrong::Expired]),
            ("4000000000000044", "02/2066", "123", &[Wrong::InvalidExpiry]),
            ("4000000000000044", "12/2030", "12", &[Wrong::InvalidSecurityCode]),
            ("", "", "", &[Wrong::InvalidNumber, Wrong::InvalidExpiry, Wrong::InvalidSecurityCode]),
        ];
        for (number, expiry, code, complaints) in table {
            let read = Card::read(typed(number, expiry, code), now());
            assert_eq!(read.err().as_deref(), Some(complaints), "{number} {expiry} {code}");
        }
    }

    #[test]
    fn a_card_is_good_until_its_month_is_over_everywhere() {
        let last: Timestamp = "2026-04-01T13:59:59Z".parse().expect("a time");
        assert!(Card::read(typed("4000000000000044", "0326", "123"), last).is_ok());
        let over: Timestamp = "2026-04-01T14:00:00Z".parse().expect("a time");
        assert!(Card::read(typed("4000000000000044", "0326", "123"), over).is_err());
    }
}
