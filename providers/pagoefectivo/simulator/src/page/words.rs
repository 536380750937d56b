//! Amounts, dates and rests of time as a payer reads them.

use jiff::civil::Weekday;
use simulation::Timestamp;
use simulation::decimal::Decimal;

use crate::lima;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// `es`, the provider's own.
    Spanish,
    /// `pt`
    Portuguese,
    /// `en`
    English,
}

impl Tongue {
    /// Every language with its code and its own name.
    pub const ALL: [(&'static str, &'static str, Self); 3] = [
        ("es", "Español", Self::Spanish),
        ("pt", "Português", Self::Portuguese),
        ("en", "English", Self::English),
    ];

    /// The language of a code; Spanish when there is none of it.
    pub fn of(code: &str) -> Self {
        Self::ALL.iter().find(|(known, _, _)| *known == code).map_or(Self::Spanish, |(_, _, tongue)| *tongue)
    }

    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::English => "en",
        }
    }
}

/// `S/. 2,349.90`. PE-U44: dollars are written `US$ 2,349.90`.
pub fn amount(currency: &str, amount: Decimal) -> String {
    let fixed = amount.to_fixed(2);
    let (whole, decimals) = fixed.split_once('.').unwrap_or((&fixed, "00"));
    let groups: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let sign = if currency == "USD" { "US$" } else { "S/." };
    format!("{sign} {}.{decimals}", groups.join(","))
}

/// `Miércoles 04/03/2026 - 11:59 PM`, in Lima.
pub fn deadline(at: Timestamp, tongue: Tongue) -> String {
    let local = lima::local(at);
    format!("{} {}", weekday(local.weekday(), tongue), local.strftime("%d/%m/%Y - %I:%M %p"))
}

/// Days, hours and minutes until an instant, the two largest that are not zero.
pub fn rest(until: Timestamp, now: Timestamp, tongue: Tongue) -> String {
    // What is left of a minute counts as one, so that the rest never reads as nothing.
    let minutes = (until.as_second() - now.as_second()).max(0).div_euclid(60).max(1);
    let parts = [(minutes / 1440, DAYS), (minutes / 60 % 24, HOURS), (minutes % 60, MINUTES)];
    let said: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .take(2)
        .map(|(count, names)| format!("{count} {}", names.of(count, tongue)))
        .collect();
    said.join(match tongue {
        Tongue::Spanish => " y ",
        Tongue::Portuguese => " e ",
        Tongue::English => " and ",
    })
}

/// One and many, by language.
struct Names([(&'static str, &'static str); 3]);

const DAYS: Names = Names([("día", "días"), ("dia", "dias"), ("day", "days")]);
const HOURS: Names = Names([("hora", "horas"), ("hora", "horas"), ("hour", "hours")]);
const MINUTES: Names = Names([("minuto", "minutos"), ("minuto", "minutos"), ("minute", "minutes")]);

impl Names {
    fn of(&self, count: i64, tongue: Tongue) -> &'static str {
        let [spanish, portuguese, english] = self.0;
        let (one, many) = match tongue {
            Tongue::Spanish => spanish,
            Tongue::Portuguese => portuguese,
            Tongue::English => english,
        };
        if count == 1 { one } else { many }
    }
}

fn weekday(day: Weekday, tongue: Tongue) -> &'static str {
    let (spanish, portuguese, english) = match day {
        Weekday::Monday => ("Lunes", "Segunda-feira", "Monday"),
        Weekday::Tuesday => ("Martes", "Terça-feira", "Tuesday"),
        Weekday::Wednesday => ("Miércoles", "Quarta-feira", "Wednesday"),
        Weekday::Thursday => ("Jueves", "Quinta-feira", "Thursday"),
        Weekday::Friday => ("Viernes", "Sexta-feira", "Friday"),
        Weekday::Saturday => ("Sábado", "Sábado", "Saturday"),
        Weekday::Sunday => ("Domingo", "Domingo", "Sunday"),
    };
    match tongue {
        Tongue::Spanish => spanish,
        Tongue::Portuguese => portuguese,
        Tongue::English => english,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn amounts_have_commas_between_thousands_and_a_point_before_cents() {
        for (currency, digits, shown) in [
            ("PEN", "2349.9", "S/. 2,349.90"),
            ("PEN", "0.51", "S/. 0.51"),
            ("PEN", "1234567", "S/. 1,234,567.00"),
            ("USD", "2349.90", "US$ 2,349.90"),
            ("USD", "999", "US$ 999.00"),
        ] {
            assert_eq!(amount(currency, Decimal::parse(digits).expect(digits)), shown);
        }
    }

    #[test]
    fn a_deadline_is_told_in_lima() {
        let deadline = |tongue| super::deadline(at("2026-03-05T04:59:00Z"), tongue);
        assert_eq!(deadline(Tongue::Spanish), "Miércoles 04/03/2026 - 11:59 PM");
        assert_eq!(deadline(Tongue::Portuguese), "Quarta-feira 04/03/2026 - 11:59 PM");
        assert_eq!(deadline(Tongue::English), "Wednesday 04/03/2026 - 11:59 PM");
    }

    #[test]
    fn the_rest_of_time_is_told_in_its_two_largest_parts() {
        let rest = |until: &str, tongue| super::rest(at(until), at("2026-03-02T14:30:00Z"), tongue);
        assert_eq!(rest("2026-03-05T04:59:00Z", Tongue::Spanish), "2 días y 14 horas");
        assert_eq!(rest("2026-03-03T14:31:00Z", Tongue::English), "1 day and 1 minute");
        assert_eq!(rest("2026-03-02T15:29:59Z", Tongue::Portuguese), "59 minutos");
        assert_eq!(rest("2026-03-02T14:30:10Z", Tongue::Spanish), "1 minuto");
    }
}
