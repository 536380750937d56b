//! Instants for people: in a zone, as the language writes dates, with the distance from UTC (D-14).

use jiff::tz::{Offset, TimeZone};
use payment::Timestamp;
use payment::order::Language;

const SPANISH: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];
const PORTUGUESE: [&str; 12] = [
    "janeiro",
    "fevereiro",
    "março",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
];
const ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// An instant: `14 de marzo de 2026, 10:00:07 (UTC-5)`. An unknown zone is shown in UTC, and says so.
pub fn format_instant(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let local = at.to_zoned(zone.clone());
    let (day, year) = (local.day(), local.year());
    let month = usize::try_from(local.month()).unwrap_or(1).clamp(1, 12) - 1;
    let date = match language {
        Language::Es => format!("{day} de {} de {year}", SPANISH[month]),
        Language::Pt => format!("{day} de {} de {year}", PORTUGUESE[month]),
        Language::En => format!("{day} {} {year}", ENGLISH[month]),
    };
    let time = format!("{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second());
    format!("{date}, {time} ({})", distance(local.offset()))
}

/// `UTC`, `UTC-5`, `UTC+5:30`.
fn distance(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    match (minutes / 60, minutes.abs() % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{hours:+}"),
        (hours, rest) => format!("UTC{}{}:{rest:02}", if minutes < 0 { '-' } else { '+' }, hours.abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_in_its_zone_and_language() {
        let at: Timestamp = "2026-03-14T15:00:07Z".parse().expect("a time");
        let bogota = TimeZone::fixed(Offset::constant(-5));
        let table = [
            (Language::Es, "14 de marzo de 2026, 10:00:07 (UTC-5)"),
            (Language::Pt, "14 de março de 2026, 10:00:07 (UTC-5)"),
            (Language::En, "14 March 2026, 10:00:07 (UTC-5)"),
        ];
        for (language, expected) in table {
            assert_eq!(format_instant(at, &bogota, language), expected);
        }
    }

    #[test]
    fn the_distance_from_utc_is_told() {
        let at: Timestamp = "2026-12-31T23:59:59Z".parse().expect("a time");
        let in_seconds = |seconds| TimeZone::fixed(Offset::from_seconds(seconds).expect("an offset"));
        let table = [
            (0, "31 December 2026, 23:59:59 (UTC)"),
            (19_800, "1 January 2027, 05:29:59 (UTC+5:30)"),
            (-12_600, "31 December 2026, 20:29:59 (UTC-3:30)"),
        ];
        for (seconds, expected) in table {
            assert_eq!(format_instant(at, &in_seconds(seconds), Language::En), expected);
        }
    }
}
