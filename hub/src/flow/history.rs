//! A payment's history: how it began, and then what each of its events told. It lies in no table of its own, since whatever
//! changes a payment's status or sums is told as an event in the same transaction.

use payment::summary::Certainty;
use payment::{Status, Timestamp};

use crate::flow::Source;
use crate::store::{Event, Payment, StatusChange};

/// One line of a payment's history.
#[derive(Clone, Debug)]
pub struct HistoryLine {
    /// The payment's version after the change.
    pub version: i64,
    /// The status it left; absent for the first line.
    pub from: Option<Status>,
    /// The status it came to.
    pub to: Status,
    /// Sure or not.
    pub certainty: Certainty,
    /// How we learned: the word of [`Source`].
    pub source: String,
    /// Business time.
    pub at: Timestamp,
}

/// The history of a payment with these events, oldest line first.
pub fn history(payment: &Payment, events: &[Event]) -> Vec<HistoryLine> {
    let mut lines: Vec<HistoryLine> = events.iter().filter_map(line).collect();
    lines.sort_by_key(|line| line.version);
    lines.insert(0, beginning(payment));
    lines
}

/// Every payment begins alike, for the merchant who asks for it or by a notice of a later charge of another.
fn beginning(payment: &Payment) -> HistoryLine {
    let source = if payment.detail.recurrence_of.is_some() { Source::Notice } else { Source::Merchant };
    HistoryLine {
        version: 1,
        from: None,
        to: Status::Created,
        certainty: Certainty::Confirmed,
        source: source.word().to_owned(),
        at: payment.created_at,
    }
}

fn line(event: &Event) -> Option<HistoryLine> {
    let StatusChange { version, from, to, certainty, source } = event.change.clone()?;
    Some(HistoryLine { version, from: Some(from), to, certainty, source, at: event.created_at })
}
