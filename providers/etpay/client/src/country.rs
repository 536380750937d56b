//! The countries ETpay works in: their money, and the time on their clocks.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use payment::{Account, Currency, Timestamp};

/// Setting: the merchant's country, one of [`COUNTRIES`].
pub const COUNTRY: &str = "country";
/// The words of [`COUNTRY`]; the first is the default.
pub const COUNTRIES: &[&str] = &["cl", "mx"];

/// How the provider writes dates.
const DATE: &str = "%d-%m-%Y %H:%M:%S";

/// A merchant's country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Country {
    /// Transfers between banks.
    Chile,
    /// SPEI and CoDi.
    Mexico,
}

impl Country {
    /// The country that an account's setting names.
    pub fn of(account: &Account) -> Self {
        match account.setting(COUNTRY) {
            Some("mx") => Self::Mexico,
            Some(_) | None => Self::Chile,
        }
    }

    /// Its word in settings and tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Chile => "cl",
            Self::Mexico => "mx",
        }
    }

    /// What its merchants charge.
    pub const fn currency(self) -> Currency {
        match self {
            Self::Chile => Currency::Clp,
            Self::Mexico => Currency::Mxn,
        }
    }

    /// The instant of a date as the provider writes it, `02-03-2026 11:05:07`. ET-U07: the zone is assumed to be the
    /// country's. Of an hour that a clock shows twice the first is meant.
    pub fn instant(self, written: &str) -> Option<Timestamp> {
        let date = DateTime::strptime(DATE, written).ok()?;
        // Reading is lenient about digits and blanks; the provider is not.
        if date.strftime(DATE).to_string() != written {
            return None;
        }
        let zone = match self {
            Self::Chile => &CHILE,
            Self::Mexico => &MEXICO,
        };
        zone.as_ref()?.to_timestamp(date).ok()
    }
}

static CHILE: LazyLock<Option<TimeZone>> = LazyLock::new(|| zone("America/Santiago"));
static MEXICO: LazyLock<Option<TimeZone>> = LazyLock::new(|| zone("America/Mexico_City"));

/// A zone from the table that is compiled in: no file of the machine is read.
fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_country_s_clock_in_summer_and_in_winter() {
        let table = [
            (Country::Chile, "02-03-2026 11:05:07", "2026-03-02T14:05:07Z"),
            (Country::Chile, "02-07-2026 11:05:07", "2026-07-02T15:05:07Z"),
            (Country::Mexico, "02-07-2026 11:05:07", "2026-07-02T17:05:07Z"),
            // On this night Chile's clocks go back from midnight to eleven.
            (Country::Chile, "04-04-2026 23:30:00", "2026-04-05T02:30:00Z"),
        ];
        for (country, written, expected) in table {
            assert_eq!(country.instant(written), expected.parse().ok(), "{written}");
        }
    }

    #[test]
    fn what_is_not_written_as_the_provider_writes_it_is_no_date() {
        for written in [
            "",
            "2-3-2026 11:05:07",
            "2026-03-02 11:05:07",
            "31-02-2026 11:05:07",
            "02-03-2026 25:05:07",
            "02-03-2026T11:05:07",
            " 2-03-2026 11:05:07",
            "02-03-2026 11:05:0é",
        ] {
            assert_eq!(Country::Chile.instant(written), None, "{written}");
        }
    }
}
