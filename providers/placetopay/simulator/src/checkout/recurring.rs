//! The terms of a recurrence that the provider runs, as `payment.recurring` asks for it (§6.7).

use jiff::ToSpan as _;
use jiff::civil::Date;
use simulation::strict_json::Value;

use super::create::{optional_text, url_at};
use super::objection::Objection;
use super::refusal::Refusal;

/// Largest interval and number of periods that make sense; beyond them a number is a mistake.
const LARGEST_NUMBER: i64 = 10_000;
const DATE_LIMIT: usize = 10;
/// Without a limit of charges.
pub const UNLIMITED: i64 = -1;

/// The unit of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Periodicity {
    /// `D`
    Day,
    /// `M`
    Month,
    /// `Y`
    Year,
}

impl Periodicity {
    /// The provider's letter.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Day => "D",
            Self::Month => "M",
            Self::Year => "Y",
        }
    }

    fn of_letter(letter: &str) -> Option<Self> {
        [Self::Day, Self::Month, Self::Year].into_iter().find(|period| period.letter() == letter)
    }
}

/// What was agreed. Nothing of it can be changed later (§6.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The unit.
    pub periodicity: Periodicity,
    /// How many units between two charges.
    pub interval: i64,
    /// AV-U73: charges at most, the first one included; [`UNLIMITED`] for no limit.
    pub max_periods: i64,
    /// The day of the second charge.
    pub next_payment: Date,
    /// The last day on which a charge may fall.
    pub due_date: Option<Date>,
    /// Where later charges are told.
    pub notification_url: Option<String>,
    /// The request's member, as the query echoes it.
    pub as_sent: Value,
}

impl Terms {
    /// The day of the charge number `number`, counted from 2: months keep the day, or the last one that they have.
    pub fn day_of(&self, number: i64) -> Option<Date> {
        let units = self.interval.checked_mul(number - 2)?;
        let span = match self.periodicity {
            Periodicity::Day => units.days(),
            Periodicity::Month => i32::try_from(units).ok()?.months(),
            Periodicity::Year => i16::try_from(units).ok()?.years(),
        };
        let day = self.next_payment.checked_add(span).ok()?;
        let is_within = self.max_periods == UNLIMITED || number <= self.max_periods;
        (is_within && self.due_date.is_none_or(|last| day <= last)).then_some(day)
    }
}

/// Reads `payment.recurring` at the site's day. AV-U17: whatever is wrong with it is `request_not_valid`.
pub fn read(payment: &Value, today: Date) -> Result<Option<Terms>, Refusal> {
    let Some(sent) = payment.get("recurring").filter(|sent| !sent.is_null() && sent.items() != Some(&[]))
    else {
        return Ok(None);
    };
    let periodicity = sent
        .get("periodicity")
        .and_then(Value::as_str)
        .and_then(Periodicity::of_letter)
        .ok_or_else(|| invalid("periodicity"))?;
    let interval =
        number(sent, "interval").filter(|number| *number >= 1).ok_or_else(|| invalid("interval"))?;
    let max_periods = number(sent, "maxPeriods")
        .filter(|number| *number >= 1 || *number == UNLIMITED)
        .ok_or_else(|| invalid("maxPeriods"))?;
    let first_interval = Terms {
        periodicity,
        interval,
        max_periods: UNLIMITED,
        next_payment: today,
        due_date: None,
        notification_url: None,
        as_sent: Value::Null,
    };
    let next_payment = match date(sent, "nextPayment")? {
        Some(day) if day > today => day,
        Some(_) => return Err(invalid("nextPayment")),
        None => first_interval.day_of(3).ok_or_else(|| invalid("interval"))?,
    };
    let due_date = date(sent, "dueDate")?;
    if due_date.is_some_and(|last| last < next_payment) {
        return Err(invalid("dueDate"));
    }
    let notification_url = url_at(sent, "notificationUrl", "payment.recurring.notificationUrl")?;
    let as_sent = sent.clone();
    Ok(Some(Terms { next_payment, due_date, notification_url, max_periods, as_sent, ..first_interval }))
}

/// A whole number, or the text of one (§6.7).
fn number(sent: &Value, name: &str) -> Option<i64> {
    let value = sent.get(name)?;
    let text = value.number_text().or_else(|| value.as_str())?;
    text.parse().ok().filter(|number| *number <= LARGEST_NUMBER)
}

fn date(sent: &Value, name: &str) -> Result<Option<Date>, Refusal> {
    let Some(text) = optional_text(sent, name, DATE_LIMIT).map_err(|_| invalid(name))? else {
        return Ok(None);
    };
    let is_plain = text.len() == DATE_LIMIT && text.as_bytes()[4] == b'-';
    let day = text.parse().ok().filter(|_| is_plain).ok_or_else(|| invalid(name))?;
    Ok(Some(day))
}

fn invalid(member: &str) -> Refusal {
    Refusal::request(Objection::Invalid(format!("payment.recurring.{member}")))
}

#[cfg(test)]
mod tests {
    use simulation::strict_json::parse;

    use super::*;

    fn terms(text: &str) -> Result<Option<Terms>, Refusal> {
        let payment = parse(format!(r#"{{"recurring":{text}}}"#).as_bytes()).expect("JSON");
        read(&payment, "2026-01-31".parse().expect("a day"))
    }

    #[test]
    fn months_keep_the_day_or_the_last_one_that_they_have() {
        let monthly =
            terms(r#"{"periodicity":"M","interval":"1","maxPeriods":4}"#).expect("taken").expect("terms");
        let days: Vec<_> = (2..6).map(|number| monthly.day_of(number).map(|day| day.to_string())).collect();
        let expected = [Some("2026-02-28"), Some("2026-03-28"), Some("2026-04-28"), None];
        assert_eq!(days, expected.map(|day| day.map(str::to_owned)));
        let told = r#"{"periodicity":"M","interval":1,"maxPeriods":-1,"nextPayment":"2026-03-31","dueDate":"2026-05-31"}"#;
        let told = terms(told).expect("taken").expect("terms");
        let days: Vec<_> = (2..6).map(|number| told.day_of(number).map(|day| day.to_string())).collect();
        let expected = [Some("2026-03-31"), Some("2026-04-30"), Some("2026-05-31"), None];
        assert_eq!(days, expected.map(|day| day.map(str::to_owned)));
    }

    #[test]
    fn terms_that_make_no_sense_are_refused_by_their_member() {
        for (text, member) in [
            (r#"{"periodicity":"W","interval":1,"maxPeriods":2}"#, "periodicity"),
            (r#"{"periodicity":"M","interval":0,"maxPeriods":2}"#, "interval"),
            (r#"{"periodicity":"M","interval":"uno","maxPeriods":2}"#, "interval"),
            (r#"{"periodicity":"M","interval":1}"#, "maxPeriods"),
            (r#"{"periodicity":"M","interval":1,"maxPeriods":0}"#, "maxPeriods"),
            (r#"{"periodicity":"M","interval":1,"maxPeriods":2,"nextPayment":"2026-01-31"}"#, "nextPayment"),
            (r#"{"periodicity":"M","interval":1,"maxPeriods":2,"nextPayment":"2026-2-1"}"#, "nextPayment"),
            (r#"{"periodicity":"D","interval":9,"maxPeriods":2,"dueDate":"2026-02-01"}"#, "dueDate"),
            (r#"{"periodicity":"D","interval":9,"maxPeriods":2,"notificationUrl":"x"}"#, "notificationUrl"),
        ] {
            assert_eq!(terms(text), Err(invalid(member)), "{text}");
        }
        assert_eq!(terms("[]"), Ok(None));
    }
}
