//! Where a payment stands, computed from everything known, whatever order it arrived in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::attempt::{Attempt, AttemptState, Standing};
use crate::case::CaseKind;
use crate::fact::{FactKind, Outcome};
use crate::money::Money;
use crate::movement::{Movement, MovementKind, MovementState};
use crate::status::Status;

/// The sums and the status of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The word.
    pub status: Status,
    /// Whether it is sure.
    pub certainty: Certainty,
    /// Held and not yet taken or let go.
    pub authorized: Money,
    /// Taken, before anything was given back.
    pub paid: Money,
    /// Given back, by whatever way.
    pub refunded: Money,
    /// Taken beyond the order's total.
    pub overpaid: Money,
    /// What the shopper was shown while the truth was open, when that happened.
    pub told: Option<Outcome>,
    /// One line per movement, by kind and provider reference.
    pub movements: Vec<Movement>,
    /// What a person has to look at.
    pub cases: Vec<CaseKind>,
}

/// Whether the status is sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The provider said so, or nothing was ever sent.
    Confirmed,
    /// The provider's words are missing, unreadable or contradict themselves.
    Unknown,
}

impl Certainty {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Unknown => "unknown",
        }
    }
}

/// Computes where a payment of `total` stands. Pure and total; the same for every order and repetition
/// of the same facts. Amounts in another currency than the total are kept as movements, open a case
/// and are never counted.
pub fn summary(total: Money, attempts: &[Attempt]) -> Summary {
    let movements = fold_movements(attempts);
    let sums = Sums::of(total, &movements);
    let mut standings: Vec<(u32, Standing)> =
        attempts.iter().map(|attempt| (attempt.ordinal, attempt.standing())).collect();
    standings.sort_by_key(|(ordinal, _)| *ordinal);
    let doubts = Doubts::of(total, attempts, &standings, &movements, &sums);
    let status = status(total, &sums, &standings);
    let certainty = if doubts.is_uncertain { Certainty::Unknown } else { Certainty::Confirmed };
    let money = |minor| Money::new(minor, total.currency);
    Summary {
        status,
        certainty,
        authorized: money(sums.held()),
        paid: money(sums.taken),
        refunded: money(sums.given_back()),
        overpaid: money((sums.taken - total.minor).max(0)),
        told: told(attempts),
        movements,
        cases: doubts.cases,
    }
}

fn fold_movements(attempts: &[Attempt]) -> Vec<Movement> {
    let mut standing: BTreeMap<(MovementKind, &str), &Movement> = BTreeMap::new();
    for fact in attempts.iter().flat_map(|attempt| &attempt.facts) {
        let FactKind::Moved(movement) = &fact.kind else { continue };
        standing
            .entry((movement.kind, movement.provider_reference.as_str()))
            .and_modify(|known| {
                if movement.stands_over(known) {
                    *known = movement;
                }
            })
            .or_insert(movement);
    }
    standing.into_values().cloned().collect()
}

/// Approved amounts by what they did, in minor units of the order's currency.
#[derive(Default)]
struct Sums {
    held: i64,
    let_go: i64,
    captured: i64,
    taken: i64,
    reversed: i64,
    refunded: i64,
    returned: i64,
    charged_back: i64,
}

impl Sums {
    fn of(total: Money, movements: &[Movement]) -> Self {
        let mut sums = Self::default();
        let counted = movements.iter().filter(|movement| {
            movement.state == MovementState::Approved && movement.amount.currency == total.currency
        });
        for movement in counted {
            let minor = movement.amount.minor;
            let sum = match movement.kind {
                MovementKind::Hold => &mut sums.held,
                MovementKind::Charge => &mut sums.taken,
                MovementKind::Capture => {
                    sums.captured = sums.captured.saturating_add(minor);
                    &mut sums.taken
                }
                MovementKind::Release => &mut sums.let_go,
                MovementKind::Reversal => &mut sums.reversed,
                MovementKind::Refund => &mut sums.refunded,
                MovementKind::Return => &mut sums.returned,
                MovementKind::Chargeback => &mut sums.charged_back,
            };
            *sum = sum.saturating_add(minor);
        }
        sums
    }

    fn held(&self) -> i64 {
        self.held.saturating_sub(self.captured).saturating_sub(self.let_go).max(0)
    }

    fn given_back(&self) -> i64 {
        self.reversed
            .saturating_add(self.refunded)
            .saturating_add(self.returned)
            .saturating_add(self.charged_back)
    }
}

fn status(total: Money, sums: &Sums, standings: &[(u32, Standing)]) -> Status {
    if sums.charged_back > 0 {
        return Status::Disputed;
    }
    if sums.taken > 0 && sums.given_back() >= sums.taken {
        return if sums.returned > 0 {
            Status::Returned
        } else if sums.refunded > 0 {
            Status::Refunded
        } else {
            Status::Reversed
        };
    }
    if sums.taken > 0 && sums.given_back() > 0 {
        return Status::PartiallyRefunded;
    }
    if sums.taken >= total.minor && sums.taken > 0 {
        return Status::Approved;
    }
    if sums.taken > 0 {
        let all_ended = standings.iter().all(|(_, standing)| standing.state.is_final());
        return if all_ended { Status::PartiallyExpired } else { Status::PartiallyApproved };
    }
    if sums.held() > 0 {
        return Status::Authorized;
    }
    // With nothing to be paid, the provider's word is all there is.
    if total.minor == 0
        && standings.iter().any(|(_, standing)| standing.state == AttemptState::Ended(Outcome::Approved))
    {
        return Status::Approved;
    }
    status_of_attempts(standings)
}

/// The status while no money has moved: the most alive attempt speaks; when none lives, the last one.
fn status_of_attempts(standings: &[(u32, Standing)]) -> Status {
    let alive = standings.iter().filter_map(|(_, standing)| match standing.state {
        AttemptState::Created => Some((0, Status::Created)),
        AttemptState::Open => Some((1, Status::RequiresAction)),
        // An end "approved" without any money told, and words we cannot read, are not believed: we go on asking.
        AttemptState::InProgress
        | AttemptState::PartlyPaid
        | AttemptState::Unrecognized
        | AttemptState::Unanswered
        | AttemptState::AskedAgain
        | AttemptState::Ended(Outcome::Approved | Outcome::PartiallyExpired) => Some((2, Status::Pending)),
        AttemptState::Ended(Outcome::Failed | Outcome::Expired | Outcome::Cancelled | Outcome::Rejected) => {
            None
        }
    });
    if let Some((_, status)) = alive.max_by_key(|(liveliness, _)| *liveliness) {
        return status;
    }
    match standings.last().map(|(_, standing)| standing.state) {
        Some(AttemptState::Ended(Outcome::Failed)) => Status::Failed,
        Some(AttemptState::Ended(Outcome::Expired)) => Status::Expired,
        Some(AttemptState::Ended(Outcome::Cancelled)) => Status::Cancelled,
        Some(AttemptState::Ended(Outcome::Rejected)) => Status::Rejected,
        Some(
            AttemptState::Created
            | AttemptState::Open
            | AttemptState::InProgress
            | AttemptState::PartlyPaid
            | AttemptState::Unrecognized
            | AttemptState::Unanswered
            | AttemptState::AskedAgain
            | AttemptState::Ended(Outcome::Approved | Outcome::PartiallyExpired),
        )
        | None => Status::Created,
    }
}

/// What is doubtful, and which cases that opens.
struct Doubts {
    is_uncertain: bool,
    cases: Vec<CaseKind>,
}

impl Doubts {
    fn of(
        total: Money,
        attempts: &[Attempt],
        standings: &[(u32, Standing)],
        movements: &[Movement],
        sums: &Sums,
    ) -> Self {
        let contradicted = attempts
            .iter()
            .flat_map(|attempt| &attempt.facts)
            .any(|fact| matches!(fact.kind, FactKind::Contradicted { .. }));
        let foreign = movements.iter().any(|movement| movement.amount.currency != total.currency);
        let torn = standings.iter().any(|(_, standing)| standing.is_contradictory);
        let unread = standings.iter().any(|(_, standing)| standing.state == AttemptState::Unrecognized);
        let two_tokens = attempts.iter().any(has_two_tokens);
        let stands = |state| standings.iter().any(|(_, standing)| standing.state == state);
        let unanswered = stands(AttemptState::Unanswered);
        let asked_again = stands(AttemptState::AskedAgain);
        let empty_approval = sums.taken == 0
            && total.minor > 0
            && standings.iter().any(|(_, standing)| {
                matches!(standing.state, AttemptState::Ended(Outcome::Approved | Outcome::PartiallyExpired))
            });
        let paid_after_all = paid_after_all(attempts);
        let mut cases = Vec::new();
        if contradicted || foreign || torn || empty_approval || two_tokens {
            cases.push(CaseKind::Conflict);
        }
        if sums.taken > total.minor {
            cases.push(CaseKind::Overpaid);
        }
        if paid_after_all {
            cases.push(CaseKind::LatePayment);
        }
        if unanswered {
            cases.push(CaseKind::PossibleOrphan);
        }
        if has_refused_reversal(movements) {
            cases.push(CaseKind::ReversalRefused);
        }
        let is_uncertain = contradicted || foreign || unread || unanswered || asked_again || empty_approval;
        Self { is_uncertain, cases }
    }
}

/// Whether a reversal was refused of money that nothing has given back since.
fn has_refused_reversal(movements: &[Movement]) -> bool {
    let gives_back = |movement: &&Movement| {
        matches!(movement.kind, MovementKind::Reversal | MovementKind::Refund | MovementKind::Return)
    };
    let refused = movements.iter().filter(|movement| {
        movement.kind == MovementKind::Reversal && movement.state == MovementState::Rejected
    });
    refused.into_iter().any(|refused| {
        let mut given_back = movements.iter().filter(gives_back);
        !given_back.any(|other| other.state == MovementState::Approved && other.parent == refused.parent)
    })
}

/// Whether the provider named different tokens for the instrument that it was asked to keep.
fn has_two_tokens(attempt: &Attempt) -> bool {
    attempt.keeping().is_some_and(|keeping| keeping.is_contradictory)
}

/// Whether an attempt that had been given up, by its end or by our timer, was charged all the same.
fn paid_after_all(attempts: &[Attempt]) -> bool {
    attempts.iter().any(|attempt| {
        let given_up = attempt.facts.iter().any(|fact| match &fact.kind {
            FactKind::TimedOut | FactKind::NotOpened(_) => true,
            FactKind::Ended(ending) => match ending.outcome {
                Outcome::Failed | Outcome::Expired | Outcome::Cancelled | Outcome::Rejected => true,
                Outcome::PartiallyExpired | Outcome::Approved => false,
            },
            FactKind::Opened(_)
            | FactKind::Waiting(_)
            | FactKind::InProgress(_)
            | FactKind::PartlyPaid(_)
            | FactKind::Moved(_)
            | FactKind::Unrecognized(_)
            | FactKind::Unanswered
            | FactKind::AskedAgain
            | FactKind::Instrument(_)
            | FactKind::Recurred(_)
            | FactKind::Contradicted { .. }
            | FactKind::Told { .. } => false,
        });
        let folded = fold_movements(std::slice::from_ref(attempt));
        let charged = folded.iter().any(|movement| {
            matches!(movement.kind, MovementKind::Charge | MovementKind::Capture)
                && movement.state == MovementState::Approved
        });
        given_up && charged
    })
}

fn told(attempts: &[Attempt]) -> Option<Outcome> {
    let tellings = attempts.iter().flat_map(|attempt| {
        attempt.facts.iter().filter_map(move |fact| match fact.kind {
            FactKind::Told { outcome } => Some((attempt.ordinal, fact.at, outcome)),
            _ => None,
        })
    });
    tellings.max().map(|(_, _, outcome)| outcome)
}
