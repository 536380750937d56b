//! Giving back what was charged: a reversal by API, of whole charges only (PROTOCOL.md 11.1).
//!
//! A mixed or dispersed payment has several charges, and each is given back by a call of its own. After a lost answer the
//! session tells whether a charge was given back; when it does not, the reversal is sent once more, since a charge is given
//! back once, whatever is sent: AV-U52, the mark `refunded` may not show at every site.
//!
//! AV-U34: after 20:00 in Colombia the provider is assumed to refuse, in one of two forms. Nothing was given back then, and
//! the network may still do it: a refused reversal is told as such, so that a person arranges it (AV-6.2-02).

use payment::fact::{Fact, FactKind, Observation, Reason};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::operation::OperationKind;
use payment::provider::Moment;
use payment::step::{Advice, AfterLost, Answer, Call, Input, Refusal, Step};
use payment::task::Act;
use payment::{Account, Timestamp};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::answer::{self, Status, Unusable};
use super::call::{self, OnlyAuthentication, Operation};
use super::session::{self, subject};
use super::stage::Stage;
use super::transaction::{Transaction, reversal_of};
use super::wire::Part;
use crate::authentication::{Authentication, local};

/// A charge is given back once, however often that is asked for: after a lost answer the session is looked at, and the same is
/// asked again.
const REVERSE: Operation = Operation { name: "reverse", timeout_ms: 60_000, on_lost: AfterLost::RepeatSame };
/// That look.
const FIND: Operation =
    Operation { name: "query_session", timeout_ms: 10_000, on_lost: AfterLost::RepeatSame };

/// The reason of a charge that was given back before, and of requests that cannot be processed.
const NOTHING_TO_DO: &str = "BR";

/// The hour of reconciliation in Colombia (G 6.2).
const RECONCILIATION_HOUR: i8 = 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reverse<'a> {
    auth: Authentication,
    internal_reference: Number<'a>,
    action: &'static str,
}

/// An id as the number that it is, however long.
struct Number<'a>(&'a str);

impl Serialize for Number<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match RawValue::from_string(self.0.to_owned()) {
            Ok(number) => number.serialize(serializer),
            Err(_) => serializer.serialize_str(self.0),
        }
    }
}

#[derive(Deserialize)]
struct Reversed {
    #[serde(default)]
    status: Part<Status>,
    #[serde(default)]
    payment: Part<Transaction>,
}

/// Until when a charge can be given back by API: the next reconciliation. AV-U69: a charge after that hour is assumed to
/// belong to the next day's.
pub fn deadline(charged_at: Timestamp) -> Option<Timestamp> {
    let charged = local(charged_at);
    let day =
        if charged.hour() >= RECONCILIATION_HOUR { charged.date().tomorrow().ok()? } else { charged.date() };
    let hour = day.at(RECONCILIATION_HOUR, 0, 0, 0).to_zoned(charged.time_zone().clone());
    hour.ok().map(|hour| hour.timestamp())
}

pub fn begin(act: &Act, account: &Account, moment: Moment) -> Result<Step, Box<Refusal>> {
    match act.kind {
        OperationKind::Refund => {}
        OperationKind::Capture | OperationKind::Release => {
            return Err(Box::new(Refusal::unsupported(
                "Aval Pay's sessions take money at once: nothing is held.",
            )));
        }
    }
    if charges(act).is_empty() {
        let detail = "Aval Pay gives back whole charges only.".to_owned();
        let (code, advice) = ("invalid_amount", Advice::ChangeRequest);
        return Err(Box::new(Refusal { code, provider_code: None, detail, complaints: Vec::new(), advice }));
    }
    Ok(Work { act, account, moment, stage: Stage::default() }.reverse())
}

/// The next step after an answer, or after none.
pub fn resume(act: &Act, account: &Account, stage: Stage, input: &Input, moment: Moment) -> Step {
    let work = Work { act, account, moment, stage };
    match (input, work.stage.is_search) {
        (Input::Answer(answer), true) => work.found(answer),
        (Input::Answer(answer), false) => work.answered(answer),
        // Nothing was sent, now or before: nothing was done.
        (Input::Lost { maybe_sent: false }, false) if work.stage.is_untouched() => {
            Unusable::Unclear("nothing could be sent").into()
        }
        (Input::Lost { maybe_sent: true }, false) if !work.is_again() => work.find(None),
        (Input::Lost { .. }, _) => work.learned(),
    }
}

/// The charges that this operation gives back: all that are left, or the one that it names.
fn charges(act: &Act) -> Vec<&Movement> {
    let movements = &act.target.movements;
    let is_approved = |movement: &Movement| movement.state == MovementState::Approved;
    let is_given_back = |charge: &Movement| {
        movements.iter().any(|other| {
            is_approved(other) && other.parent.as_deref() == Some(charge.provider_reference.as_str())
        })
    };
    let left: Vec<&Movement> = movements
        .iter()
        .filter(|movement| movement.kind == MovementKind::Charge && is_approved(movement))
        .filter(|charge| !is_given_back(charge))
        .collect();
    let sum: i64 = left.iter().fold(0, |sum, charge| sum.saturating_add(charge.amount.minor));
    if sum == act.amount.minor {
        return left;
    }
    let named =
        left.into_iter().filter(|charge| charge.provider_reference == act.movement.provider_reference);
    named.filter(|charge| charge.amount == act.amount).collect()
}

/// An operation under way.
struct Work<'a> {
    act: &'a Act,
    account: &'a Account,
    moment: Moment,
    stage: Stage,
}

impl Work<'_> {
    /// Sends the reversal of the charge whose turn it is; at the end, tells what became of all.
    fn reverse(self) -> Step {
        let list = charges(self.act);
        let Some(charge) = list.get(self.stage.nth) else { return self.learned() };
        let body = Authentication::new(self.account, self.moment).map(|auth| Reverse {
            auth,
            internal_reference: Number(&charge.provider_reference),
            action: "reverse",
        });
        let step = body.and_then(|body| call::step(REVERSE, self.account, &["transaction"], &body));
        self.remember(step)
    }

    /// Looks at the session, when an answer does not tell.
    fn find(self, denial: Option<Reason>) -> Step {
        let stage = Stage { is_search: true, denial, ..self.stage.clone() };
        let work = Self { stage, ..self };
        let reference = &work.act.target.provider_reference;
        let step = OnlyAuthentication::new(work.account, work.moment)
            .and_then(|body| call::step(FIND, work.account, &["session", reference], &body));
        work.remember(step)
    }

    fn remember(self, step: Result<Step, Box<Refusal>>) -> Step {
        match step {
            Ok(Step::Call(call)) => Step::Call(Box::new(Call { memo: self.stage.memo(), ..*call })),
            Ok(other) => other,
            Err(refusal) if self.stage.is_untouched() => Step::Refused(*refusal),
            Err(_) => self.learned(),
        }
    }

    /// What is known so far, which may be nothing.
    fn learned(self) -> Step {
        let subject = subject(self.account, &self.act.target.provider_reference);
        Step::Learned(vec![Observation { subject, facts: self.stage.facts }].into())
    }

    /// Whether this charge's reversal was sent before, in this task or in one whose process died.
    fn is_again(&self) -> bool {
        self.stage.is_again || self.act.is_repeated
    }

    fn charge(&self) -> Option<Movement> {
        charges(self.act).get(self.stage.nth).map(|charge| (*charge).clone())
    }

    /// The charge whose turn it was is dealt with: on to the next.
    fn next(self, facts: impl IntoIterator<Item = Fact>) -> Step {
        let facts = self.stage.facts.into_iter().chain(facts).collect();
        let stage = Stage { nth: self.stage.nth + 1, facts, ..Stage::default() };
        Work { stage, ..self }.reverse()
    }

    fn answered(self, answer: &Answer) -> Step {
        let Some(charge) = self.charge() else { return self.learned() };
        let told = |state, status: &Status, receipt| {
            let at = status.date().unwrap_or(answer.received_at);
            let reversal = Movement { state, at, reason: status.told(), receipt, ..reversal_of(&charge) };
            Fact::new(at, FactKind::Moved(reversal))
        };
        match answer::read::<Reversed>(answer) {
            Ok(reversed) => {
                let status = reversed.status.read().cloned().unwrap_or_default();
                let receipt = reversed.payment.read().map(Transaction::reversal_receipt).unwrap_or_default();
                if let Some(detail) = self.contradiction(&reversed, &charge) {
                    let at = status.date().unwrap_or(answer.received_at);
                    return self.next([Fact::new(at, FactKind::Contradicted { detail })]);
                }
                match status.status.text() {
                    Some("APPROVED" | "OK") => self.next([told(MovementState::Approved, &status, receipt)]),
                    Some("REJECTED") => self.next([told(MovementState::Rejected, &status, receipt)]),
                    Some("PENDING") => self.next([told(MovementState::Pending, &status, receipt)]),
                    _ => self.find(None),
                }
            }
            Err(Unusable::Unclear(_)) if self.is_again() => self.learned(),
            Err(Unusable::Unclear(_)) => self.find(None),
            Err(Unusable::Refused(refusal)) => self.refused(*refusal, &charge, answer),
        }
    }

    /// The answer is of another transaction than was asked for.
    fn contradiction(&self, reversed: &Reversed, charge: &Movement) -> Option<String> {
        let payment = reversed.payment.read()?;
        let reference = payment.own_reference().and_then(|reference| reference.text());
        if let Some(other) = reference.filter(|other| *other != self.act.target.reference) {
            return Some(format!(
                "A reversal answers the reference {other} and not {}.",
                self.act.target.reference
            ));
        }
        let other = payment.asked_amount()?.money().filter(|amount| *amount != charge.amount)?;
        Some(format!("A reversal of {} answers {other}.", charge.amount))
    }

    /// The provider refuses in the form of a failed request.
    fn refused(self, refusal: Refusal, charge: &Movement, answer: &Answer) -> Step {
        let reason = Reason {
            status: "FAILED".to_owned(),
            code: refusal.provider_code.clone().unwrap_or_default(),
            message: refusal.detail.clone(),
        };
        let is_given_back = reason.code == NOTHING_TO_DO;
        match (is_given_back, self.is_again()) {
            // The first one was not answered, and the second finds nothing left to give back: the first one did it.
            (true, true) => {
                let reversal = Movement {
                    at: answer.received_at,
                    reason,
                    receipt: Receipt::default(),
                    ..reversal_of(charge)
                };
                self.next([Fact::new(answer.received_at, FactKind::Moved(reversal))])
            }
            // The same words mean other things as well: the session tells.
            (true, false) => self.find(Some(reason)),
            // Whether the first one did it is still open.
            (false, true) => self.learned(),
            (false, false) => {
                let is_late = deadline(charge.at).is_some_and(|deadline| answer.received_at >= deadline);
                let is_about_us = matches!(refusal.code, "config_error") || refusal.advice == Advice::Retry;
                if self.stage.facts.is_empty() && (is_about_us || !is_late) {
                    return Step::Refused(refusal);
                }
                let denied = denied(charge, reason, answer.received_at);
                self.next([denied])
            }
        }
    }

    /// What the session tells, after an answer that did not.
    fn found(self, answer: &Answer) -> Step {
        let Some(charge) = self.charge() else { return self.learned() };
        let Step::Learned(learned) = session::read(answer, &self.act.target, self.account) else {
            return self.learned();
        };
        let facts: Vec<Fact> = learned.observations.into_iter().flat_map(|told| told.facts).collect();
        let is_contradicted = facts.iter().any(|fact| matches!(fact.kind, FactKind::Contradicted { .. }));
        let is_given_back = facts.iter().any(|fact| {
            let FactKind::Moved(movement) = &fact.kind else { return false };
            movement.parent.as_deref() == Some(charge.provider_reference.as_str())
                && movement.state == MovementState::Approved
        });
        if is_given_back {
            return self.next(facts);
        }
        if is_contradicted {
            let facts = self.stage.facts.into_iter().chain(facts).collect();
            let stage = Stage { facts, ..Stage::default() };
            return Work { stage, ..self }.learned();
        }
        match self.stage.denial.clone() {
            Some(reason) => self.next([denied(&charge, reason, answer.received_at)]),
            None => {
                let stage = Stage { is_search: false, is_again: true, ..self.stage };
                Work { stage, ..self }.reverse()
            }
        }
    }
}

/// A reversal that was refused: the money is still the merchant's.
fn denied(charge: &Movement, reason: Reason, at: Timestamp) -> Fact {
    let reversal = Movement { state: MovementState::Rejected, at, reason, ..reversal_of(charge) };
    Fact::new(at, FactKind::Moved(reversal))
}
