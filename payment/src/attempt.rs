//! One try at a provider, and the state that its facts add up to.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::fact::{Fact, FactKind, Outcome, Reason};
use crate::instrument::{Keeping, keeping};

/// An attempt with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first try of a payment.
    pub ordinal: u32,
    /// All facts, in any order, repeated or not.
    pub facts: Vec<Fact>,
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// Recorded; nothing known at the provider.
    Created,
    /// The shopper can act.
    Open,
    /// The provider is deciding.
    InProgress,
    /// Part is paid, the rest can still come.
    PartlyPaid,
    /// The provider said something we cannot read.
    Unrecognized,
    /// The provider may have it, and nothing says so.
    Unanswered,
    /// The provider may have done it: the same is asked again until an answer says so.
    AskedAgain,
    /// It ended.
    Ended(Outcome),
}

impl AttemptState {
    /// The word kept in the store and shown in the console.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::PartlyPaid => "partly_paid",
            Self::Unrecognized => "unrecognized",
            Self::Unanswered => "unanswered",
            Self::AskedAgain => "asked_again",
            Self::Ended(Outcome::Failed) => "failed",
            Self::Ended(Outcome::Expired) => "expired",
            Self::Ended(Outcome::Cancelled) => "cancelled",
            Self::Ended(Outcome::Rejected) => "rejected",
            Self::Ended(Outcome::PartiallyExpired) => "partially_expired",
            Self::Ended(Outcome::Approved) => "approved",
        }
    }

    /// Whether nothing more is expected.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Ended(_))
    }
}

/// A state with the reason the provider gave for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub state: AttemptState,
    /// Why, in the provider's words; empty for our own timers.
    pub reason: Reason,
    /// The instant that the deciding fact concerns; absent when nothing is known.
    pub since: Option<Timestamp>,
    /// The provider's final words contradict each other.
    pub is_contradictory: bool,
    /// It ended by our own timer alone: the provider has said nothing final.
    pub is_by_own_timer: bool,
}

impl Attempt {
    /// What became of the instrument that the provider was asked to keep. None: it was not asked.
    pub fn keeping(&self) -> Option<Keeping> {
        keeping(self.facts.iter().filter_map(|fact| match &fact.kind {
            FactKind::Instrument(telling) => Some(telling),
            _ => None,
        }))
    }

    /// Where the attempt stands: the provider's last word beats our own timer, which beats words that
    /// are not final; among those the latest counts; among contradicting last words the one in which
    /// money moved. Independent of the order and repetition of facts.
    pub fn standing(&self) -> Standing {
        let mut outcomes: Vec<Outcome> = Vec::new();
        for fact in &self.facts {
            if let FactKind::Ended(ending) = &fact.kind
                && !outcomes.contains(&ending.outcome)
            {
                outcomes.push(ending.outcome);
            }
        }
        let weighed = self.facts.iter().filter_map(|fact| Some((weigh(fact)?, fact)));
        let heaviest = weighed.max_by(|(one, _), (other, _)| one.cmp(other));
        let Some((_, fact)) = heaviest else {
            let reason = Reason::default();
            return Standing {
                state: AttemptState::Created,
                reason,
                since: None,
                is_contradictory: false,
                is_by_own_timer: false,
            };
        };
        let (state, reason) = state_of(&fact.kind);
        Standing {
            state,
            reason,
            since: Some(fact.at),
            is_contradictory: outcomes.len() > 1,
            is_by_own_timer: matches!(fact.kind, FactKind::TimedOut),
        }
    }
}

/// How much a fact says about the state: class first, then rank inside the class, then instant, then text.
type Weight = (u8, Outcome, Timestamp, u8, Reason);

const UNANSWERED: u8 = 0;
const NOT_FINAL: u8 = 1;
const OWN_TIMER: u8 = 2;
const LAST_WORD: u8 = 3;

fn weigh(fact: &Fact) -> Option<Weight> {
    let light = |rank: u8, reason: &Reason| Some((NOT_FINAL, Outcome::Failed, fact.at, rank, reason.clone()));
    match &fact.kind {
        FactKind::Opened(_) => light(0, &Reason::default()),
        FactKind::Waiting(telling) => light(1, &telling.reason),
        FactKind::Unrecognized(telling) => light(2, &telling.reason),
        FactKind::InProgress(telling) => light(3, &telling.reason),
        FactKind::PartlyPaid(telling) => light(4, &telling.reason),
        FactKind::Unanswered => Some((UNANSWERED, Outcome::Failed, fact.at, 1, Reason::default())),
        FactKind::AskedAgain => Some((UNANSWERED, Outcome::Failed, fact.at, 0, Reason::default())),
        FactKind::TimedOut => Some((OWN_TIMER, Outcome::Expired, fact.at, 0, Reason::default())),
        FactKind::NotOpened(telling) => {
            Some((OWN_TIMER, Outcome::Failed, fact.at, 1, telling.reason.clone()))
        }
        FactKind::Ended(ending) => Some((LAST_WORD, ending.outcome, fact.at, 0, ending.reason.clone())),
        FactKind::Moved(_)
        | FactKind::Contradicted { .. }
        | FactKind::Told { .. }
        | FactKind::Instrument(_)
        | FactKind::Recurred(_) => None,
    }
}

fn state_of(kind: &FactKind) -> (AttemptState, Reason) {
    match kind {
        FactKind::Opened(_) => (AttemptState::Open, Reason::default()),
        FactKind::Waiting(telling) => (AttemptState::Open, telling.reason.clone()),
        FactKind::InProgress(telling) => (AttemptState::InProgress, telling.reason.clone()),
        FactKind::PartlyPaid(telling) => (AttemptState::PartlyPaid, telling.reason.clone()),
        FactKind::Unrecognized(telling) => (AttemptState::Unrecognized, telling.reason.clone()),
        FactKind::Ended(ending) => (AttemptState::Ended(ending.outcome), ending.reason.clone()),
        FactKind::NotOpened(telling) => (AttemptState::Ended(Outcome::Failed), telling.reason.clone()),
        FactKind::Unanswered => (AttemptState::Unanswered, Reason::default()),
        FactKind::AskedAgain => (AttemptState::AskedAgain, Reason::default()),
        FactKind::TimedOut => (AttemptState::Ended(Outcome::Expired), Reason::default()),
        FactKind::Moved(_)
        | FactKind::Contradicted { .. }
        | FactKind::Told { .. }
        | FactKind::Instrument(_)
        | FactKind::Recurred(_) => (AttemptState::Created, Reason::default()),
    }
}
