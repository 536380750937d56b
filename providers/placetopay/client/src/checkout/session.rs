//! Asking for a session, and what its answer makes known (PROTOCOL.md 7).

use payment::fact::{Ending, Fact, FactKind, Observation, Outcome, Reason, Telling};
use payment::instrument::{InstrumentToken, KeepingState};
use payment::provider::Moment;
use payment::step::{AfterLost, Answer, Learned, Refusal, Step};
use payment::subject::SubjectKind;
use payment::task::Target;
use payment::{Account, Money, Subject, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answer::{self, Status, Unusable};
use super::attempts::Attempts;
use super::call::{self, OnlyAuthentication, Operation};
use super::instrument::{Subscription, telling};
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
    #[serde(default)]
    subscription: Part<Subscription>,
}

/// What we asked for, echoed.
#[derive(Debug, Default, Deserialize)]
struct Echo {
    #[serde(default)]
    payment: Part<EchoedPayment>,
    #[serde(default)]
    subscription: Part<EchoedPayment>,
    #[serde(default)]
    expiration: Scalar,
}

#[derive(Debug, Default, Deserialize)]
struct EchoedPayment {
    #[serde(default)]
    reference: Scalar,
    #[serde(default)]
    amount: Part<Amount>,
    #[serde(default)]
    dispersion: Part<Vec<IgnoredAny>>,
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
    let subject = subject(account, &target.provider_reference);
    let attempts = Attempts::of(&session.payment);
    if let Some(detail) = contradiction(session, &attempts, id, target) {
        let facts = vec![Fact::new(told_at, FactKind::Contradicted { detail })];
        return Step::Learned(vec![Observation { subject, facts }].into());
    }
    let view = View { session, attempts, status, word, told_at, target };
    let (card, tokens) = view.card();
    let facts = view.facts().into_iter().chain(card).collect();
    let observations = vec![Observation { subject, facts }];
    Step::Learned(Learned { observations, tokens, ..Learned::default() })
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
fn contradiction(session: &Session, attempts: &Attempts, id: &str, target: &Target) -> Option<String> {
    if id != target.provider_reference {
        return Some(format!("Session {} was asked for and {id} answered.", target.provider_reference));
    }
    let request = session.request.read();
    let echo = request.and_then(|request| request.payment.read());
    let echoed_subscription = request.and_then(|request| request.subscription.read());
    let echoed_reference = [echo, echoed_subscription].into_iter().flatten().map(|echo| &echo.reference);
    let references = attempts.iter().filter_map(Transaction::own_reference);
    for reference in echoed_reference.chain(references) {
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
    let charged = attempts.iter().filter_map(Transaction::asked_amount);
    for amount in echoed_amount.cloned().into_iter().chain(charged) {
        let currency = amount.currency.text();
        if currency.is_some_and(|code| code != target.total.currency.code()) {
            let other = amount.currency.for_people();
            return Some(format!("The currency is {other} and not {}.", target.total.currency));
        }
    }
    None
}

impl Session {
    /// The provider's reference.
    pub fn id(&self) -> Option<&str> {
        self.request_id.id()
    }

    /// When the provider said so.
    pub fn told_at(&self) -> Option<Timestamp> {
        self.status.read()?.date()
    }

    /// Whether several parties were to be paid.
    fn is_dispersed(&self) -> bool {
        let echo = self.request.read().and_then(|request| request.payment.read());
        echo.and_then(|payment| payment.dispersion.read()).is_some_and(|parts| !parts.is_empty())
    }

    fn expiration(&self) -> Option<Timestamp> {
        self.request.read()?.expiration.text()?.parse().ok()
    }
}

/// A session that is the one we asked for.
struct View<'a> {
    session: &'a Session,
    attempts: Attempts,
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
        for transaction in self.attempts.iter() {
            facts.extend(transaction.facts(self.told_at));
        }
        if self.attempts.has_unreadable() {
            facts.push(self.unreadable_transaction());
        }
        facts.extend(self.missing_reversals());
        facts.extend(self.wrong_sum());
        facts
    }

    /// What a session tells of the card that it was to keep, and its token. A session that ended without one keeps none:
    /// the payer did not want it, or nothing was approved.
    fn card(&self) -> (Option<Fact>, Vec<InstrumentToken>) {
        let id = &self.target.provider_reference;
        let at = self.ended_at(Outcome::Approved);
        let kept = self.session.subscription.read().and_then(|subscription| subscription.kept(id, at));
        if let Some(kept) = kept {
            return (Some(kept.fact), vec![kept.token]);
        }
        let is_over = matches!(self.word, "APPROVED" | "REJECTED" | "PARTIAL_EXPIRED");
        let is_awaited = self.target.awaited_instrument.is_some();
        let is_told = !matches!(self.session.subscription, Part::Unreadable);
        let is_not_kept = is_over && is_awaited && is_told;
        let kind = is_not_kept.then(|| telling(id, KeepingState::NotKept, self.status.told()));
        (kind.map(|kind| Fact::new(at, kind)), Vec::new())
    }

    /// When a dispersion ends partly paid, the gateway gives the paid parts back by itself, and it is the merchant's task
    /// when that is refused (PROTOCOL.md 7.6, AV-10.4-04). AV-U27: a part that is not marked is assumed to be such a one.
    fn missing_reversals(&self) -> Vec<Fact> {
        let is_dispersed = self.session.is_dispersed();
        let owes = |transaction: &&Transaction| {
            self.word == "PARTIAL_EXPIRED" && (is_dispersed || transaction.is_dispersed())
        };
        let owing = self.attempts.iter().filter(owes);
        owing
            .filter_map(|transaction| transaction.missing_reversal(self.told_at))
            .map(|reversal| Fact::new(reversal.at, FactKind::Moved(reversal)))
            .collect()
    }

    /// An open session: who is at work on it, and what came of the last attempt (C-86).
    ///
    /// AV-U21: after a rejected attempt the session's own reason is assumed to be `PT`, as while an attempt is
    /// in flight. Both are told apart by the attempts, so that `PC` would do as well.
    fn while_open(&self) -> Fact {
        if let Some(unread) = self.first_unread() {
            return Fact::new(self.told_at, FactKind::Unrecognized(Telling { reason: unread }));
        }
        let reason = match self.attempts.newest() {
            Some(newest) => newest.status_told(),
            None => self.status.told(),
        };
        let is_undecided = |transaction: &&Transaction| match transaction.state() {
            State::Pending | State::Approved => true,
            State::Rejected | State::Unknown => false,
        };
        let nothing_tried = self.attempts.newest().is_none();
        let in_flight = self.attempts.iter().any(|transaction| is_undecided(&transaction));
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
        match (outcome, expiry, self.attempts.newest().and_then(|newest| newest.decided_at())) {
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
        let approved = self.attempts.iter().filter_map(Transaction::approved_amount);
        let paid = approved
            .clone()
            .try_fold(Money::zero(self.target.total.currency), |sum, amount| sum.plus(amount).ok())?;
        if paid == self.target.total || approved.count() == 0 {
            return None;
        }
        let detail = format!("Approved with {paid} paid of {}.", self.target.total);
        Some(Fact::new(self.ended_at(Outcome::Approved), FactKind::Contradicted { detail }))
    }

    fn first_unread(&self) -> Option<Reason> {
        let unknown = self.attempts.iter().find(|transaction| transaction.state() == State::Unknown);
        let is_unreadable = self.attempts.has_unreadable();
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
