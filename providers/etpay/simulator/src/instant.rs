//! Instants as the provider writes them: `DD-MM-YYYY HH:MM:SS` in the country's own time (§2.5).

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use simulation::Timestamp;

use crate::account::Country;

/// ET-U07: the zones of the dates.
const ZONE_OF_CHILE: &str = "America/Santiago";
const ZONE_OF_MEXICO: &str = "America/Mexico_City";

/// `02-03-2026 11:05:07`
pub fn write(at: Timestamp, country: Country) -> String {
    let name = match country {
        Country::Chile => ZONE_OF_CHILE,
        Country::Mexico => ZONE_OF_MEXICO,
    };
    // The zones are compiled in; were one missing, UTC would still be a date.
    let zone = TimeZone::get(name).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%d-%m-%Y %H:%M:%S").to_string()
}

/// So many seconds later; the end of time when there is no such instant.
pub fn seconds_after(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
