//! Asking for a session, and what its answer makes known (PROTOCOL.md 7).

use payment::fact::{Ending, Fact, FactKind, Observation, Outcome, Reason, Telling};
use payment::provider::Moment;
use payment::step::{AfterLost, Answer, Refusal, Step};
use payment::subject::SubjectKind;
use payment::task::Target;
use payment::{Account, Money, Subject, Timestamp};
use serde::Deserialize;

use super::answer::{self, Status, Unusable};
use super::call::{self, OnlyAuthentication, Operation};
use super::transaction::{State, Transaction};
use super::wire::{Amount, Part, Scalar};

/// Asking changes nothing: after a lost answer, ask again.
const QUERY: Operation =
    Operation { name: "query_session", timeout_ms: 10_000, on_lost: AfterLost::FreshStart };

pub fn begin(target: &Target, account: &Account, moment: Moment) -> Result<Step, Box<Refusal>> {
    let body = OnlyAuthentication::new(account, moment)?;
    call::step(QUERY, account, &["session", &target.provider_reference], &body)
}

/// An unknown session and a session of another site are refusals, like a failed authentication: they say
/// something about the request and nothing about the payment. AV-U25: whether an unknown session answers
/// 404 or 200 does not matter here, since the body tells.
pub fn read(answer: &Answer, target: &Target, account: &Account) -> Step {
    match answer::read::<Session>(answer) {
        Ok(session) => observe(&session, target, account, answer.received_at),
        Err(unusable) => unusable.into(),
    }
}

/// A session as a query, or a cancellation, answers it.
#[derive(Debug, Deserialize)]
pub struct Session {
    #[serde(default, rename = "requestId")]
    request_id: Scalar,
    #[serde(default)]
    status: Part<Status>,
    #[serde(default)]
    request: Part<Echo>,
    #[serde(default)]
    payment: Part<Vec<Part<Transaction>>>,
}

/// What we asked for, echoed.
#[derive(Debug, Default, Deserialize)]
struct Echo {
    #[serde(default)]
    payment: Part<EchoedPayment>,
    #[serde(default)]
    expiration: Scalar,
}

#[derive(Debug, Default, Deserialize)]
struct EchoedPayment {
    #[serde(default)]
    reference: Scalar,
    #[serde(default)]
    amount: Part<Amount>,
}

/// Turns a session into facts about the attempt, after comparing it with what was asked for.
pub fn observe(session: &Session, target: &Target, account: &Account, received_at: Timestamp) -> Step {
    let (Some(id), Some(status)) = (session.request_id.id(), session.status.read()) else {
        return Unusable::Unclear("the answer names no session").into();
    };
    // `OK` is the outcome of a request; a session never has it.
    let Some(word) = status.status.text().filter(|word| *word != "OK" && !word.is_empty()) else {
        return Unusable::Unclear("the answer does not tell where the session stands").into();
    };
    let told_at = status.date().unwrap_or(received_at);
    let facts = match contradiction(session, id, target) {
        Some(detail) => vec![Fact::new(told_at, FactKind::Contradicted { detail })],
        None => View { session, status, word, told_at, target }.facts(),
    };
    let subject = subject(account, &target.provider_reference);
    Step::Learned(vec![Observation { subject, facts }].into())
}

/// The subject of a session's facts.
pub fn subject(account: &Account, request_id: &str) -> Subject {
    Subject {
        account: account.id.clone(),
        kind: SubjectKind::Attempt,
        provider_reference: request_id.to_owned(),
    }
}

/// What disagrees with what we asked for. Then nothing else of the answer is believed.
fn contradiction(session: &Session, id: &str, target: &Target) -> Option<String> {
    if id != target.provider_reference {
        return Some(format!("Session {} was asked for and {id} answered.", target.provider_reference));
    }
    let echo = session.request.read().and_then(|request| request.payment.read());
    let echoed_reference = echo.map(|payment| &payment.reference);
    let transactions = session.transactions().filter_map(Part::read);
    let references = transactions.clone().map(|transaction| &transaction.reference);
    for reference in echoed_reference.into_iter().chain(references) {
        if reference.text().is_some_and(|text| text != target.reference) {
            let other = reference.for_people();
            return Some(format!("The reference is {other} and not {}.", target.reference));
        }
    }
    let echoed_amount = echo.and_then(|payment| payment.amount.read());
    if let Some(amount) = echoed_amount.and_then(Amount::money)
        && amount != target.total
    {
        return Some(format!("The session is for {amount} and not {}.", target.total));
    }
    let charged = transactions.filter_map(|transaction| transaction.asked_amount());
    for amount in echoed_amount.into_iter().chain(charged) {
        let currency = amount.currency.text();
        if currency.is_some_and(|code| code != target.total.currency.code()) {
            let other = amount.currency.for_people();
            return Some(format!("The currency is {other} and not {}.", target.total.currency));
        }
    }
    None
}

impl Session {
    fn transactions(&self) -> impl Iterator<Item = &Part<Transaction>> + Clone {
        self.payment.read().into_iter().flatten()
    }

    fn expiration(&self) -> Option<Timestamp> {
        self.request.read()?.expiration.text()?.parse().ok()
    }
}

/// A session that is the one we asked for.
struct View<'a> {
    session: &'a Session,
    status: &'a Status,
    word: &'a str,
    /// When the provider said so: in practice the instant of the query, another one each time.
    told_at: Timestamp,
    target: &'a Target,
}

impl View<'_> {
    fn facts(&self) -> Vec<Fact> {
        let reason = self.status.told();
        let own = match self.word {
            "PENDING" => self.while_open(),
            "APPROVED" => self.ended(Outcome::Approved),
            "REJECTED" => self.ended(rejection(&reason.code)),
            "APPROVED_PARTIAL" => Fact::new(self.told_at, FactKind::PartlyPaid(Telling { reason })),
            "PARTIAL_EXPIRED" => self.ended(Outcome::PartiallyExpired),
            // The list of statuses is longer in libraries than on the wire; an unknown one is not final.
            _ => Fact::new(self.told_at, FactKind::Unrecognized(Telling { reason })),
        };
        let mut facts = vec![own];
        for part in self.session.transactions() {
            match part {
                Part::Read(transaction) => facts.extend(transaction.facts(self.told_at)),
                Part::Absent | Part::Unreadable => facts.push(self.unreadable_transaction()),
            }
        }
        if matches!(self.session.payment, Part::Unreadable) {
            facts.push(self.unreadable_transaction());
        }
        facts.extend(self.wrong_sum());
        facts
    }

    /// An open session: who is at work on it, and what came of the last attempt (C-86).
    ///
    /// AV-U21: after a rejected attempt the session's own reason is assumed to be `PT`, as while an attempt is
    /// in flight. Both are told apart by the attempts, so that `PC` would do as well.
    fn while_open(&self) -> Fact {
        if let Some(unread) = self.first_unread() {
            return Fact::new(self.told_at, FactKind::Unrecognized(Telling { reason: unread }));
        }
        let reason = match self.newest() {
            Some(newest) => newest.status_told(),
            None => self.status.told(),
        };
        let is_undecided = |transaction: &&Transaction| match transaction.state() {
            State::Pending | State::Approved => true,
            State::Rejected | State::Unknown => false,
        };
        let nothing_tried = self.newest().is_none();
        let in_flight = self.transactions().any(|transaction| is_undecided(&transaction));
        let kind = if in_flight || (nothing_tried && reason.code == "PT") {
            FactKind::InProgress(Telling { reason })
        } else {
            FactKind::Waiting(Telling { reason })
        };
        Fact::new(self.told_at, kind)
    }

    fn ended(&self, outcome: Outcome) -> Fact {
        let ending = Ending { outcome, reason: self.status.told() };
        Fact::new(self.ended_at(outcome), FactKind::Ended(ending))
    }

    /// The instant of an end. The session's own date is that of the query (PROTOCOL.md 7.1) and would make a
    /// new fact of the same end at each query. So: the expiry of an expired session; else the newest
    /// attempt's decision; without any attempt the date told, and not after the expiry, where it settles.
    fn ended_at(&self, outcome: Outcome) -> Timestamp {
        let expiry = self.session.expiration();
        match (outcome, expiry, self.newest().and_then(|newest| newest.decided_at())) {
            (Outcome::Expired, Some(expiry), _) => expiry,
            (_, _, Some(decided)) => decided,
            (_, Some(expiry), None) => self.told_at.min(expiry),
            (_, None, None) => self.told_at,
        }
    }

    /// Paid in full must mean the sum we asked for; what moved is believed all the same, beside the doubt.
    fn wrong_sum(&self) -> Option<Fact> {
        if self.word != "APPROVED" {
            return None;
        }
        let approved = self.transactions().filter_map(Transaction::approved_amount);
        let paid = approved
            .clone()
            .try_fold(Money::zero(self.target.total.currency), |sum, amount| sum.plus(amount).ok())?;
        if paid == self.target.total || approved.count() == 0 {
            return None;
        }
        let detail = format!("Approved with {paid} paid of {}.", self.target.total);
        Some(Fact::new(self.ended_at(Outcome::Approved), FactKind::Contradicted { detail }))
    }

    fn transactions(&self) -> impl Iterator<Item = &Transaction> + Clone {
        self.session.transactions().filter_map(Part::read)
    }

    /// The list is newest first, but the dates say so themselves; of equal dates the first in the list.
    fn newest(&self) -> Option<&Transaction> {
        self.transactions().reduce(
            |newest, other| {
                if other.decided_at() > newest.decided_at() { other } else { newest }
            },
        )
    }

    fn first_unread(&self) -> Option<Reason> {
        let unknown = self.transactions().find(|transaction| transaction.state() == State::Unknown);
        let is_unreadable = matches!(self.session.payment, Part::Unreadable)
            || self.session.transactions().any(|part| part.read().is_none());
        unknown.map(Transaction::status_told).or_else(|| is_unreadable.then(Reason::default))
    }

    fn unreadable_transaction(&self) -> Fact {
        let message = "an attempt in a shape that is not documented".to_owned();
        let reason = Reason { message, ..Reason::default() };
        Fact::new(self.ended_at(Outcome::Approved), FactKind::Unrecognized(Telling { reason }))
    }
}

/// Why a session was rejected (PROTOCOL.md 7.3). A code of a later day is a rejection all the same.
fn rejection(code: &str) -> Outcome {
    match code {
        "?C" | "MC" => Outcome::Cancelled,
        "EX" => Outcome::Expired,
        _ => Outcome::Rejected,
    }
}
