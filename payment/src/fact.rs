//! What we learn: facts, gathered into observations.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::Timestamp;
use crate::instrument::InstrumentTelling;
use crate::movement::Movement;
use crate::recurrence::Recurred;
use crate::subject::Subject;

/// Facts about one subject, learned together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// What they are about.
    pub subject: Subject,
    /// What was learned.
    pub facts: Vec<Fact>,
}

/// One thing learned, with the instant it concerns (not the instant it arrived).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The instant it concerns.
    pub at: Timestamp,
    /// What is so.
    #[serde(flatten)]
    pub kind: FactKind,
}

/// The kinds of facts about an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum FactKind {
    /// The provider knows the attempt; the shopper can act.
    Opened(Opening),
    /// Open at the provider, nothing being decided: the shopper may act, or act again.
    Waiting(Telling),
    /// The provider is deciding.
    InProgress(Telling),
    /// Part is paid and the rest can still come.
    PartlyPaid(Telling),
    /// The provider's last word on the attempt.
    Ended(Ending),
    /// Money did something.
    Moved(Movement),
    /// The provider said something that we cannot read as any of these: kept and shown.
    Unrecognized(Telling),
    /// What the provider said contradicts what we asked for (another reference, amount or currency).
    Contradicted {
        /// What disagrees, in a sentence for the operator.
        detail: String,
    },
    /// The provider never had it, or has it in a form that no one can pay.
    NotOpened(Telling),
    /// What was asked for may have been done, and no answer says so: it is held until something else does.
    Unanswered,
    /// What was asked for may have been done, and no answer says so yet: the same is asked again, under the same key of
    /// the provider's, until one does.
    AskedAgain,
    /// The provider was asked to keep the instrument, and tells what became of that.
    Instrument(InstrumentTelling),
    /// The provider has charged again by itself. It concerns that charge, and nothing of the attempt that began it.
    Recurred(Recurred),
    /// Our own timer ran out while the provider had said nothing final.
    TimedOut,
    /// The shopper was shown this outcome although the truth was open.
    Told {
        /// The outcome shown.
        outcome: Outcome,
    },
}

/// How an attempt came to be open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The provider's own reference.
    pub provider_reference: String,
    /// Where the shopper pays, or learns how to. None: nobody has to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_url: Option<Url>,
    /// What the shopper gives elsewhere to pay: the code of a cash payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_code: Option<String>,
    /// When it closes.
    pub expires_at: Timestamp,
}

/// The provider's words about a state that is not final.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// Why.
    pub reason: Reason,
}

/// The provider's last word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
}

/// How an attempt ended. The order is that in which one beats another when a provider contradicts
/// itself: money that moved beats money that did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It could not be tried.
    Failed,
    /// Its time ran out.
    Expired,
    /// Taken back by shopper or merchant.
    Cancelled,
    /// Declined.
    Rejected,
    /// Part was paid, the rest can no longer come.
    PartiallyExpired,
    /// Paid.
    Approved,
}

/// The provider's reason: its code and text, kept as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// The status word as the provider wrote it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// The code, empty when there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The text, empty when there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl Fact {
    /// A fact.
    pub const fn new(at: Timestamp, kind: FactKind) -> Self {
        Self { at, kind }
    }

    /// A key under which this fact is the same fact again, whatever way it reached us.
    pub fn key(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| format!("{self:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::currency::Currency;
    use crate::instrument::KeepingState;
    use crate::money::Money;
    use crate::movement::{MovementKind, MovementState, Receipt};

    #[test]
    fn a_fact_of_every_kind_is_read_back_as_it_was_written() {
        let at: Timestamp = "2026-03-14T15:15:30Z".parse().expect("a time");
        let reason = Reason { code: "00".into(), ..Reason::default() };
        let telling = Telling { reason: reason.clone() };
        let pay_url = Url::parse("https://pay.example/1").ok();
        let kinds = [
            FactKind::Opened(Opening {
                provider_reference: "1".into(),
                pay_url,
                pay_code: Some("30418826".into()),
                expires_at: at,
            }),
            FactKind::Waiting(telling.clone()),
            FactKind::InProgress(telling.clone()),
            FactKind::PartlyPaid(telling.clone()),
            FactKind::Ended(Ending { outcome: Outcome::Approved, reason: reason.clone() }),
            FactKind::Moved(Movement {
                kind: MovementKind::Charge,
                provider_reference: "7".into(),
                parent: None,
                amount: Money::new(11_900_000, Currency::Cop),
                state: MovementState::Approved,
                at,
                reason,
                receipt: Receipt::default(),
            }),
            FactKind::Unrecognized(telling.clone()),
            FactKind::Contradicted { detail: "Another reference.".into() },
            FactKind::NotOpened(telling),
            FactKind::Unanswered,
            FactKind::AskedAgain,
            FactKind::Instrument(InstrumentTelling {
                provider_reference: "Z1".into(),
                state: KeepingState::Kept,
                digest: "ab".into(),
                brand: Some("Visa".into()),
                bin: Some("400000".into()),
                last_four: Some("0044".into()),
                valid_until: Some("2030-12".into()),
                reason: Reason::default(),
            }),
            FactKind::Recurred(Recurred {
                provider_reference: "1700004455".into(),
                state: MovementState::Approved,
                reason: Reason::default(),
                tries: Some(1),
                has_more: Some(true),
            }),
            FactKind::TimedOut,
            FactKind::Told { outcome: Outcome::Rejected },
        ];
        for kind in kinds {
            let fact = Fact::new(at, kind);
            assert_eq!(serde_json::from_str::<Fact>(&fact.key()).ok(), Some(fact));
        }
    }
}
