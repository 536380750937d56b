//! Facts for the operator: the word of the record, and what it says, in one line.

use payment::FactKind;
use payment::fact::Reason;
use serde::Serialize;

/// The word of a fact in the record.
pub(super) const fn fact_word(kind: &FactKind) -> &'static str {
    match kind {
        FactKind::Opened(_) => "opened",
        FactKind::Waiting(_) => "waiting",
        FactKind::InProgress(_) => "in_progress",
        FactKind::PartlyPaid(_) => "partly_paid",
        FactKind::Ended(_) => "ended",
        FactKind::Moved(_) => "moved",
        FactKind::Unrecognized(_) => "unrecognized",
        FactKind::Contradicted { .. } => "contradicted",
        FactKind::NotOpened(_) => "not_opened",
        FactKind::Unanswered => "unanswered",
        FactKind::AskedAgain => "asked_again",
        FactKind::Instrument(_) => "instrument",
        FactKind::Recurred(_) => "recurred",
        FactKind::TimedOut => "timed_out",
        FactKind::Told { .. } => "told",
    }
}

/// What a fact says, with the provider's own words.
pub(super) fn fact_line(kind: &FactKind) -> String {
    match kind {
        FactKind::Opened(opening) => format!("{} → {}", opening.provider_reference, opening.expires_at),
        FactKind::Waiting(telling)
        | FactKind::InProgress(telling)
        | FactKind::PartlyPaid(telling)
        | FactKind::Unrecognized(telling)
        | FactKind::NotOpened(telling) => reason_line(&telling.reason),
        FactKind::Ended(ending) => join(&[word_of(&ending.outcome), reason_line(&ending.reason)]),
        FactKind::Moved(movement) => join(&[
            word_of(&movement.kind),
            word_of(&movement.state),
            movement.amount.to_string(),
            movement.provider_reference.clone(),
            reason_line(&movement.reason),
        ]),
        FactKind::Contradicted { detail } => detail.clone(),
        FactKind::Unanswered | FactKind::AskedAgain | FactKind::TimedOut => String::new(),
        FactKind::Instrument(telling) => join(&[
            word_of(&telling.state),
            telling.brand.clone().unwrap_or_default(),
            telling.last_four.clone().unwrap_or_default(),
            telling.provider_reference.clone(),
            reason_line(&telling.reason),
        ]),
        FactKind::Recurred(recurred) => join(&[
            word_of(&recurred.state),
            recurred.provider_reference.clone(),
            reason_line(&recurred.reason),
        ]),
        FactKind::Told { outcome } => word_of(outcome),
    }
}

/// A provider's reason in one line.
pub(super) fn reason_line(reason: &Reason) -> String {
    join(&[reason.status.clone(), reason.code.clone(), reason.message.clone()])
}

/// The word of a closed list on the wire.
pub(super) fn word_of(value: &impl Serialize) -> String {
    let written = serde_json::to_value(value).ok();
    written.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

fn join(parts: &[String]) -> String {
    let said: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    said.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_fact_is_the_one_of_the_record() {
        for fact in super::super::sample::facts() {
            let written = serde_json::to_value(&fact).expect("JSON");
            assert_eq!(written["fact"], fact_word(&fact.kind));
        }
    }

    #[test]
    fn a_movement_is_told_in_one_line() {
        let facts = super::super::sample::facts();
        let moved = facts.iter().find(|fact| matches!(fact.kind, FactKind::Moved(_))).expect("one moved");
        assert_eq!(
            fact_line(&moved.kind),
            "charge · pending · COP 119000.00 · 17<xss> · PENDING<xss> · ?-<xss> · <xss>"
        );
    }
}
