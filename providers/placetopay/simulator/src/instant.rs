//! Instants as PlacetoPay writes and reads them: ISO 8601 with an offset (§2, §3.2).

use jiff::civil::{Date, DateTime};
use jiff::tz::{self, TimeZone};
use simulation::Timestamp;

/// The offset in which the provider writes its dates: Colombia, which knows no daylight saving.
const SITE_OFFSET_HOURS: i8 = -5;

/// `2026-03-14T10:15:31-05:00`: whole seconds, the site's offset.
pub fn write(at: Timestamp) -> String {
    in_site_time(at, "%Y-%m-%dT%H:%M:%S%:z")
}

/// `2026-03-14 10:15:31`, for people who look at a page.
pub fn for_people(at: Timestamp) -> String {
    in_site_time(at, "%Y-%m-%d %H:%M:%S")
}

/// Year and month at the site, for the expiry of cards.
pub fn year_and_month(at: Timestamp) -> (i16, i8) {
    let local = at.to_zoned(site_zone());
    (local.year(), local.month())
}

/// The day at the site.
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(site_zone()).date()
}

/// The instant of an hour of a day at the site.
pub fn at_hour(day: Date, hour: i8) -> Option<Timestamp> {
    let local = day.at(hour, 0, 0, 0);
    local.to_zoned(site_zone()).ok().map(|zoned| zoned.timestamp())
}

/// Reads any of the four shapes that clients send: an offset, `Z`, fractions of a second, or neither
/// seconds nor a colon in the offset (`2026-03-14T10:15-0500`). Anything else, a time without an offset
/// included, is `None`.
pub fn read(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 17 || bytes[4] != b'-' || bytes[7] != b'-' || bytes[10] != b'T' {
        return None;
    }
    let (date, time) = (&text[..10], &text[11..]);
    let zone_at = time.find(['Z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone_at);
    let local = civil(date, clock)?;
    local.to_zoned(TimeZone::fixed(offset(zone)?)).ok().map(|zoned| zoned.timestamp())
}

fn in_site_time(at: Timestamp, format: &str) -> String {
    at.to_zoned(site_zone()).strftime(format).to_string()
}

fn site_zone() -> TimeZone {
    TimeZone::fixed(tz::offset(SITE_OFFSET_HOURS))
}

fn civil(date: &str, clock: &str) -> Option<DateTime> {
    let (clock, fraction) =
        clock.split_once('.').map_or((clock, None), |(clock, digits)| (clock, Some(digits)));
    let mut parts = clock.split(':');
    let (hour, minute) = (two_digits(parts.next()?)?, two_digits(parts.next()?)?);
    let second = parts.next().map(two_digits);
    if parts.next().is_some() || second == Some(None) || (fraction.is_some() && second.is_none()) {
        return None;
    }
    let year = i16::try_from(number(&date[..4])?).ok()?;
    let (month, day) = (two_digits(&date[5..7])?, two_digits(&date[8..])?);
    let nanosecond = fraction.map_or(Some(0), nanoseconds)?;
    DateTime::new(year, month, day, hour, minute, second.flatten().unwrap_or(0), nanosecond).ok()
}

fn offset(zone: &str) -> Option<tz::Offset> {
    if zone == "Z" {
        return Some(tz::Offset::UTC);
    }
    let (sign, digits) =
        if let Some(digits) = zone.strip_prefix('-') { (-1, digits) } else { (1, zone.strip_prefix('+')?) };
    let (hours, minutes) = match digits.len() {
        4 => (&digits[..2], &digits[2..]),
        5 if digits.as_bytes()[2] == b':' => (&digits[..2], &digits[3..]),
        _ => return None,
    };
    let (hours, minutes) = (i32::from(two_digits(hours)?), i32::from(two_digits(minutes)?));
    (minutes < 60).then(|| tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()).flatten()
}

fn nanoseconds(digits: &str) -> Option<i32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    i32::try_from(number(&format!("{digits:0<9}"))?).ok()
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

    #[test]
    fn every_shape_that_clients_send_is_read() {
        for (text, instant) in [
            ("2026-03-14T10:15:30-05:00", "2026-03-14T15:15:30Z"),
            ("2026-03-14T15:15:30.250Z", "2026-03-14T15:15:30.250Z"),
            ("2026-03-14T15:15:30.123456+00:00", "2026-03-14T15:15:30.123456Z"),
            ("2026-03-14T10:15-0500", "2026-03-14T15:15:00Z"),
        ] {
            assert_eq!(read(text), Some(instant.parse().expect(instant)), "{text}");
        }
    }

    #[test]
    fn other_shapes_are_not_read() {
        for text in [
            "",
            "2026-03-14",
            "2026-03-14T10:15:30",
            "2026-03-14 10:15:30-05:00",
            "2026-03-14T10:15:30-5",
            "2026-03-14T10:15:30-05:00[America/Bogota]",
            "2026-02-30T10:15:30-05:00",
            "2026-03-14T25:15:30Z",
            "2026-03-14T10:15.5Z",
            "2026-03-14T10:15:30.Z",
            "2026-03-14T10:15:30-05:99",
            "1773501330",
            "2026-03-14T10:15:30-05:ñ0",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_written_in_colombian_time_without_fractions() {
        let at: Timestamp = "2026-03-14T15:22:07.9Z".parse().expect("a timestamp");
        assert_eq!(write(at), "2026-03-14T10:22:07-05:00");
        assert_eq!(for_people(at), "2026-03-14 10:22:07");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,40}") {
            let _ = read(&text);
        }

        #[test]
        fn what_is_written_is_read_back(second in 0_i64..4_000_000_000) {
            let at = Timestamp::from_second(second).expect("in range");
            prop_assert_eq!(read(&write(at)), Some(at));
        }
    }
}
