//! The portal's dates (PROTOCOL.md 0.7).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use payment::Timestamp;

/// CA-U03: the zone in which the portal writes its dates.
pub const ZONE: &str = "America/Sao_Paulo";

/// A date of REST, `dd/MM/yyyy'T'HH:mm`, or one of a notice, `dd/MM/yyyy HH:mm:ss`. None: it is neither.
pub fn instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize, count: usize| -> Option<i16> {
        let digits = bytes.get(from..from + count)?;
        let is_number = digits.iter().all(u8::is_ascii_digit);
        is_number.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')))
    };
    let sign = |at: usize, expected: u8| (bytes.get(at) == Some(&expected)).then_some(());
    let short = |value: i16| i8::try_from(value).ok();
    let (separator, second) = match bytes.len() {
        16 => (b'T', 0),
        19 => {
            sign(16, b':')?;
            (b' ', number(17, 2)?)
        }
        _ => return None,
    };
    for (at, expected) in [(2, b'/'), (5, b'/'), (10, separator), (13, b':')] {
        sign(at, expected)?;
    }
    let (day, month, year) = (short(number(0, 2)?)?, short(number(3, 2)?)?, number(6, 4)?);
    let (hour, minute) = (short(number(11, 2)?)?, short(number(14, 2)?)?);
    let written = DateTime::new(year, month, day, hour, minute, short(second)?, 0).ok()?;
    Some(written.to_zoned(TimeZone::get(ZONE).ok()?).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_date_are_read_and_nothing_else() {
        let read = |text: &str| instant(text).map(|instant| instant.to_string());
        assert_eq!(read("14/03/2026T12:15").as_deref(), Some("2026-03-14T15:15:00Z"));
        assert_eq!(read("14/03/2026 12:15:31").as_deref(), Some("2026-03-14T15:15:31Z"));
        // In summer the capital kept another time until 2019.
        assert_eq!(read("14/01/2019T12:15").as_deref(), Some("2019-01-14T14:15:00Z"));
        for text in [
            "",
            "14/03/2026",
            "14/03/2026 12:15",
            "14/03/2026T12:15:31",
            "31/02/2026T12:15",
            "14/03/2026T25:15",
            "14-03-2026T12:15",
            "1a/03/2026T12:15",
            "14/03/2026T12h15",
            "14/03/9999T12:1é",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
