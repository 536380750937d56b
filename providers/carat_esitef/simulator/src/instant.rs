//! Dates as the portal writes them (PROTOCOL.md 0.7).

use jiff::civil::Date;
use jiff::tz::{self, TimeZone};
use simulation::Timestamp;

/// CA-U03: dates are São Paulo's local time, which has known no daylight saving since 2019.
const PORTAL_OFFSET_HOURS: i8 = -3;

/// `13/07/2017T15:52`, of REST.
pub fn rest(at: Timestamp) -> String {
    local(at, "%d/%m/%YT%H:%M")
}

/// `13/07/2017 15:52:07`, of notices: 19 characters.
pub fn notice(at: Timestamp) -> String {
    local(at, "%d/%m/%Y %H:%M:%S")
}

/// `yyMMdd`, with which the portal's numbers begin.
pub fn number_prefix(at: Timestamp) -> String {
    local(at, "%y%m%d")
}

/// The day.
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(zone()).date()
}

/// Year and month, for the expiry of cards.
pub fn year_and_month(at: Timestamp) -> (i16, i8) {
    let day = day(at);
    (day.year(), day.month())
}

/// Reads `dd/MM/yyyy`.
pub fn read_day(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split('/').collect();
    let [day, month, year] = parts.try_into().ok()?;
    let is_number =
        |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(day, 2) || !is_number(month, 2) || !is_number(year, 4) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// So many seconds after an instant; the last instant there is, beyond that.
pub fn seconds_after(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

fn local(at: Timestamp, format: &str) -> String {
    at.to_zoned(zone()).strftime(format).to_string()
}

fn zone() -> TimeZone {
    TimeZone::fixed(tz::offset(PORTAL_OFFSET_HOURS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_the_portal_s_forms() {
        let at: Timestamp = "2026-03-15T01:15:31Z".parse().expect("a timestamp");
        assert_eq!(rest(at), "14/03/2026T22:15");
        assert_eq!(notice(at), "14/03/2026 22:15:31");
        assert_eq!(number_prefix(at), "260314");
        assert_eq!(read_day("14/03/2026"), Some(day(at)));
        for text in ["2026-03-14", "31/02/2026", "1/3/2026", "14/03/26", ""] {
            assert_eq!(read_day(text), None, "{text}");
        }
    }
}
