//! Instants as PagoEfectivo writes and reads them: Lima's civil time with its offset (§2).

use jiff::civil::DateTime;
use jiff::tz::{self, TimeZone};
use jiff::{Span, Zoned};
use simulation::Timestamp;

/// What stands for a date that is not set, in every answer (§2.4).
pub const UNSET: &str = "1900-01-01T00:00:00-05:00";

/// Lima, and the mainland of Ecuador: no daylight saving.
const OFFSET_HOURS: i8 = -5;

/// A date as a client sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The zero date of C#, in year 1: "not given" (§2.3).
    NotGiven,
    /// An instant, to the second.
    At(Timestamp),
}

/// `2026-03-02T09:30:00-05:00`: 25 characters, no fraction.
pub fn write(at: Timestamp) -> String {
    local(at).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The same with `places` digits of fraction, as a C# server may write it; none when `places` is 0.
pub fn write_with_fraction(at: Timestamp, places: u8) -> String {
    if places == 0 {
        return write(at);
    }
    let nanoseconds = format!("{:09}", local(at).subsec_nanosecond());
    let fraction = &nanoseconds[..usize::from(places.min(9))];
    local(at).strftime(&format!("%Y-%m-%dT%H:%M:%S.{fraction}%:z")).to_string()
}

/// Reads the spellings that clients were seen to send (§2.3): `T` or a blank between date and time, `-05:00` or
/// `-0500`. PE-U03: `Z` and other offsets are taken too. Anything else, a time without an offset or with a
/// fraction included, is `None`.
pub fn read(text: &str) -> Option<Sent> {
    let bytes = text.as_bytes();
    if !text.is_ascii()
        || bytes.len() < 20
        || bytes[4] != b'-'
        || bytes[7] != b'-'
        || !matches!(bytes[10], b'T' | b' ')
    {
        return None;
    }
    let (date, clock, zone) = (&text[..10], &text[11..19], &text[19..]);
    if clock.as_bytes()[2] != b':' || clock.as_bytes()[5] != b':' {
        return None;
    }
    let parts = [&date[5..7], &date[8..], &clock[..2], &clock[3..5], &clock[6..]].map(two_digits);
    let [Some(month), Some(day), Some(hour), Some(minute), Some(second)] = parts else { return None };
    let year = i16::try_from(number(&date[..4])?).ok()?;
    let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let offset = offset(zone)?;
    if year == 1 {
        return Some(Sent::NotGiven);
    }
    Some(Sent::At(civil.to_zoned(TimeZone::fixed(offset)).ok()?.timestamp()))
}

/// `seconds` after (or before) an instant, held within what a clock can show.
pub fn seconds_after(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The same day and time `months` calendar months later in Lima; the month's last day where it is shorter.
pub fn months_after(at: Timestamp, months: i32) -> Timestamp {
    local(at).checked_add(Span::new().months(months)).map_or(Timestamp::MAX, |later| later.timestamp())
}

/// An instant without its fraction of a second: the second of reception.
pub fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_microsecond().div_euclid(1_000_000)).unwrap_or(at)
}

/// The instant on Lima's clocks.
pub fn local(at: Timestamp) -> Zoned {
    at.to_zoned(TimeZone::fixed(tz::offset(OFFSET_HOURS)))
}

fn offset(zone: &str) -> Option<tz::Offset> {
    if zone == "Z" {
        return Some(tz::Offset::UTC);
    }
    let sign = match zone.as_bytes().first()? {
        b'-' => -1,
        b'+' => 1,
        _ => return None,
    };
    let (hours, minutes) = match zone.len() {
        5 => (&zone[1..3], &zone[3..]),
        6 if zone.as_bytes()[3] == b':' => (&zone[1..3], &zone[4..]),
        _ => return None,
    };
    let (hours, minutes) = (i32::from(two_digits(hours)?), i32::from(two_digits(minutes)?));
    (minutes < 60).then(|| tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()).flatten()
}

fn two_digits(text: &str) -> Option<i8> {
    (text.len() == 2).then(|| number(text)).flatten().and_then(|value| i8::try_from(value).ok())
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn every_spelling_that_clients_send_is_read() {
        for text in [
            "2026-03-04T23:59:00-05:00",
            "2026-03-04T23:59:00-0500",
            "2026-03-04 23:59:00-05:00",
            "2026-03-05T04:59:00Z",
            "2026-03-05T04:59:00+00:00",
        ] {
            assert_eq!(read(text), Some(Sent::At(at("2026-03-05T04:59:00Z"))), "{text}");
        }
        assert_eq!(read("0001-01-01T00:00:00+00:00"), Some(Sent::NotGiven));
    }

    #[test]
    fn other_spellings_are_not_read() {
        for text in [
            "",
            "2026-03-04",
            "2026-03-04T23:59:00",
            "2026-03-04T23:59:00.5-05:00",
            "2026-03-04T23:59-05:00",
            "2026-02-30T23:59:00-05:00",
            "2026-03-04T24:59:00-05:00",
            "2026-03-04T23:59:00-05:99",
            "2026-03-04T23:59:00-5",
            "04/03/2026 23:59:00-05:00",
            "2026-03-04T23:59:00-05:0ñ",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_written_in_lima_without_fractions_unless_asked() {
        assert_eq!(write(at("2026-03-02T14:30:00.9Z")), "2026-03-02T09:30:00-05:00");
        assert_eq!(write_with_fraction(at("2026-03-02T14:30:00.9Z"), 7), "2026-03-02T09:30:00.9000000-05:00");
        assert_eq!(write_with_fraction(at("2026-03-02T14:30:00.9Z"), 0), "2026-03-02T09:30:00-05:00");
        assert_eq!(whole_second(at("2026-03-02T14:30:00.9Z")), at("2026-03-02T14:30:00Z"));
    }

    #[test]
    fn months_are_those_of_the_calendar_in_lima() {
        // In Lima it is still the 31st of August; February 2027 has 28 days.
        assert_eq!(months_after(at("2026-09-01T03:00:00Z"), 6), at("2027-03-01T03:00:00Z"));
        assert_eq!(months_after(at("2026-03-02T14:30:00Z"), 6), at("2026-09-02T14:30:00Z"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,40}") {
            let _ = read(&text);
        }

        #[test]
        fn what_is_written_is_read_back(second in 0_i64..4_000_000_000) {
            let instant = Timestamp::from_second(second).expect("in range");
            prop_assert_eq!(read(&write(instant)), Some(Sent::At(instant)));
        }
    }
}
