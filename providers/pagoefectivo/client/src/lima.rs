//! Dates as the provider writes them: Lima's time, which knows no summer time (PROTOCOL.md 2.2).

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, ToSpan};
use payment::Timestamp;

/// Peru's offset from UTC, and that of Ecuador's mainland.
const LIMA: Offset = Offset::constant(-5);

/// Dates before this year mean "not set" (PROTOCOL.md 2.4).
const FIRST_YEAR: i16 = 2000;

/// An instant as the provider documents it: 25 characters, whole seconds.
pub fn written(instant: Timestamp) -> String {
    format!("{}-05:00", LIMA.to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S"))
}

/// The instant of a date, in whole seconds. PE-U36: a notice may write fractions of a second, which the query does
/// not, and two tellings of one payment are to be one.
pub fn instant(written: &str) -> Option<Timestamp> {
    let instant: Timestamp = written.parse().ok()?;
    let is_set = LIMA.to_datetime(instant).year() >= FIRST_YEAR;
    let whole = Timestamp::from_second(instant.as_second()).ok()?;
    is_set.then_some(whole)
}

/// Whether a CIP created now may end then: ten minutes to six months ahead. PE-U14: both are inside, and the months are
/// those of the calendar (C-04).
pub fn may_end(now: Timestamp, end: Timestamp) -> bool {
    let shortest = now.saturating_add(SignedDuration::from_mins(10));
    let longest = now.to_zoned(TimeZone::fixed(LIMA)).checked_add(6.months());
    let (Ok(shortest), Ok(longest)) = (shortest, longest) else { return false };
    end >= shortest && end <= longest.timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_date_is_written_in_lima_s_time_and_whole_seconds() {
        assert_eq!(written(at("2026-03-02T14:30:00Z")), "2026-03-02T09:30:00-05:00");
        assert_eq!(written(at("2026-07-02T03:30:00.999999Z")), "2026-07-01T22:30:00-05:00");
        assert_eq!(written(at("2026-01-01T04:59:59Z")).len(), 25);
    }

    #[test]
    fn dates_are_read_with_and_without_fractions_and_unset_ones_are_none() {
        let expected = Some(at("2026-03-02T16:04:37Z"));
        for text in [
            "2026-03-02T11:04:37-05:00",
            "2026-03-02T11:04:37.1-05:00",
            "2026-03-02T11:04:37.1234567-05:00",
            "2026-03-02T16:04:37Z",
        ] {
            assert_eq!(instant(text), expected, "{text}");
        }
        for text in [
            "1900-01-01T00:00:00-05:00",
            "0001-01-01T00:00:00+00:00",
            "",
            "2026-03-02",
            "2026-03-02T11:04:37",
            "2026-02-30T11:04:37-05:00",
            "hoy",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn a_cip_ends_ten_minutes_to_six_calendar_months_ahead() {
        let now = at("2026-03-02T14:30:00Z");
        let table = [
            ("2026-03-02T14:39:59Z", false),
            ("2026-03-02T14:40:00Z", true),
            ("2026-09-02T14:30:00Z", true),
            ("2026-09-02T14:30:01Z", false),
            ("2026-03-01T14:30:00Z", false),
        ];
        for (end, expected) in table {
            assert_eq!(may_end(now, at(end)), expected, "{end}");
        }
        // At nine in the evening of August 30 in Lima it is August 31 in UTC: the months are Lima's.
        assert!(may_end(at("2026-08-31T02:00:00Z"), at("2027-03-01T02:00:00Z")));
        assert!(!may_end(at("2026-08-31T02:00:00Z"), at("2027-03-01T02:00:01Z")));
    }
}
