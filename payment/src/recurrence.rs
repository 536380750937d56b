//! Charges that a provider repeats by itself: when, how often, and what it tells of each.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::fact::Reason;
use crate::movement::MovementState;
use crate::order::{Complaint, Order};

/// How a provider is to repeat the charge of an order by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    /// The period.
    pub period: Period,
    /// Every how many periods, from 1.
    pub interval: u32,
    /// The day of the second charge; absent, one interval after the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Date>,
    /// How many charges there are at most, from 1; absent, without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u32>,
    /// The last day on which it charges; absent, without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// A period of a recurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Days.
    Day,
    /// Months.
    Month,
    /// Years.
    Year,
}

/// Largest interval and most charges: a hundred years of days.
const MOST: u32 = 36_525;

/// What a provider tells of a charge that it has repeated by itself. It names no amount: that of the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurred {
    /// The provider's own reference of the charge.
    pub provider_reference: String,
    /// What became of it.
    pub state: MovementState,
    /// Why.
    #[serde(default)]
    pub reason: Reason,
    /// Which try of this period's charge it was, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// Whether more charges are to come, where that is told (C-64).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_more: Option<bool>,
}

/// The rules that hold whatever the provider and the day (AV-11.2-02, AV-11.2-03, AV-11.2-05).
pub(crate) fn check(order: &Order, complaints: &mut Vec<Complaint>) {
    let Some(recurrence) = &order.recurrence else { return };
    let mut complain = |param: &str, detail: &str| {
        complaints.push(Complaint::new(param, "invalid_value", detail));
    };
    if !(1..=MOST).contains(&recurrence.interval) {
        complain("recurrence.interval", "Every one or more periods.");
    }
    if recurrence.most.is_some_and(|most| !(1..=MOST).contains(&most)) {
        complain("recurrence.most", "One charge or more; without end when it is left out.");
    }
    if let (Some(next), Some(until)) = (recurrence.next, recurrence.until)
        && until < next
    {
        complain("recurrence.until", "Not before the next charge.");
    }
    if order.allow_partial {
        complain("recurrence", "What is paid in parts is not repeated.");
    }
    if order.instrument.is_some() {
        complain("recurrence", "A kept instrument is charged each time that you ask for it.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::{now, order};

    fn params(change: impl FnOnce(&mut Order, &mut Recurrence)) -> Vec<String> {
        let day = |text: &str| text.parse().ok();
        let mut recurrence = Recurrence {
            period: Period::Month,
            interval: 1,
            next: day("2026-04-14"),
            most: Some(12),
            until: day("2027-03-14"),
        };
        let mut changed = order();
        change(&mut changed, &mut recurrence);
        changed.recurrence = Some(recurrence);
        changed.check(now()).into_iter().map(|complaint| complaint.param).collect()
    }

    #[test]
    fn an_interval_a_count_and_an_end_make_sense() {
        let nothing: Vec<String> = vec![];
        assert_eq!(params(|_, _| {}), nothing);
        assert_eq!(params(|_, recurrence| (recurrence.most, recurrence.until) = (None, None)), nothing);
        assert_eq!(params(|_, recurrence| recurrence.until = recurrence.next), nothing);
        assert_eq!(params(|_, recurrence| recurrence.interval = 0), ["recurrence.interval"]);
        assert_eq!(params(|_, recurrence| recurrence.interval = MOST + 1), ["recurrence.interval"]);
        assert_eq!(params(|_, recurrence| recurrence.most = Some(0)), ["recurrence.most"]);
        let early = params(|_, recurrence| recurrence.until = "2026-04-13".parse().ok());
        assert_eq!(early, ["recurrence.until"]);
        assert_eq!(params(|order, _| order.allow_partial = true), ["recurrence"]);
    }

    #[test]
    fn the_period_is_one_of_three_words_and_a_negative_count_is_none() {
        let read = |text: &str| serde_json::from_str::<Recurrence>(text).is_ok();
        for period in ["day", "month", "year"] {
            assert!(read(&format!(r#"{{"period":"{period}","interval":2}}"#)), "{period}");
        }
        for text in [
            r#"{"period":"week","interval":1}"#,
            r#"{"period":"M","interval":1}"#,
            r#"{"period":"month","interval":-1}"#,
            r#"{"period":"month","interval":"x"}"#,
            r#"{"period":"month","interval":1,"most":-1}"#,
            r#"{"period":"month","interval":1,"next":"2026-02-30"}"#,
            r#"{"interval":1}"#,
        ] {
            assert!(!read(text), "{text}");
        }
    }
}
