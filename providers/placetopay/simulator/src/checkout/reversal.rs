//! Giving money back: by API until the hour of reconciliation, by the panel, by the provider itself, and late through
//! the network (§11.1, §10 of the guide: AV-U27, AV-U34).

use jiff::ToSpan as _;
use simulation::decimal::Decimal;
use simulation::ledger::Entry;
use simulation::{Timestamp, World};

use super::account::{AfterCutoff, Settings};
use super::attempt::Attempt;
use super::charge::{minus, sum};
use super::course::Verdict;
use super::objection::Objection;
use super::refusal::Refusal;
use super::{AvalPay, Due, PROVIDER, Place};
use crate::instant;

/// The hour of reconciliation at the site, in Colombian time (§11.1).
pub const CUTOFF_HOUR: i8 = 20;
/// AV-U70: the hour of the next day at which the network settles a late reversal.
const LATE_HOUR: i8 = 10;
/// The network's reason for refusing to give back.
const REFUSED: &str = "XR";

/// An action that the network answered.
#[derive(Clone, Debug)]
pub struct Done {
    /// The action's own number (AV-U33).
    pub internal_reference: u64,
    /// What the network said.
    pub verdict: Verdict,
    /// A sentence of its own, where the reason's does not say it.
    pub objection: Option<Objection>,
    /// How much it is about.
    pub amount: Decimal,
}

/// A reversal that the merchant asked for after the hour.
#[derive(Clone, Debug)]
pub struct LateReversal {
    /// Counted from 1.
    pub number: u64,
    /// The account.
    pub merchant: String,
    /// The transaction.
    pub internal_reference: u64,
    /// Its reference.
    pub reference: String,
    /// How much.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When the network settles it.
    pub settles_at: Timestamp,
    /// `None` until then; then whether the money was given back.
    pub settled: Option<bool>,
}

/// What is moved back, for the ledger: before reconciliation a charge is undone, after it money is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `reversal`
    Reversal,
    /// `refund`
    Refund,
}

/// The reconciliation that a charge falls into. AV-U69: one made after the hour belongs to the next day's.
pub fn reconciled_at(charged_at: Timestamp) -> Timestamp {
    let day = instant::day(charged_at);
    let hour_of = |day| instant::at_hour(day, CUTOFF_HOUR).unwrap_or(Timestamp::MAX);
    let same_day = hour_of(day);
    if charged_at < same_day { same_day } else { day.checked_add(1.day()).map_or(Timestamp::MAX, hour_of) }
}

impl AvalPay {
    /// Gives back `amount` of a transaction, or all that is left of it, if rules and network let it.
    pub(super) fn reverse(
        &mut self,
        place: Place,
        amount: Option<Decimal>,
        world: &mut dyn World,
    ) -> Result<Done, Refusal> {
        let now = world.now();
        let settings = self.settings_at(place);
        let (left, charged_at) = self.what_is_left(place)?;
        let wanted = amount.unwrap_or(left);
        if wanted > left {
            return Err(Refusal::request(Objection::AmountTooLarge));
        }
        let is_open = now < reconciled_at(charged_at);
        if is_open && wanted != left {
            return Err(Refusal::request(Objection::PartialBeforeSettlement));
        }
        if !is_open && settings.after_cutoff == AfterCutoff::Failed {
            return Err(Refusal::with_reason("BR", Objection::AfterCutoff));
        }
        let is_late = !is_open && settings.after_cutoff == AfterCutoff::Rejected;
        let kind = if is_open { Kind::Reversal } else { Kind::Refund };
        let reference = self.reference_at(place);
        let verdict = if is_late {
            Verdict::Rejected(REFUSED)
        } else {
            self.next_scripted_action(&reference).unwrap_or(Verdict::Approved)
        };
        let internal_reference = self.give_back(place, wanted, kind, verdict.is_approved(), now, world);
        Ok(Done {
            internal_reference,
            verdict,
            objection: is_late.then_some(Objection::AfterCutoff),
            amount: wanted,
        })
    }

    /// What may be given back of a transaction, and when it was charged.
    pub(super) fn what_is_left(&self, place: Place) -> Result<(Decimal, Timestamp), Refusal> {
        let (attempt, part) =
            self.attempt_at(place).ok_or_else(|| Refusal::request(Objection::UnknownTransaction))?;
        let charge = part.map_or(&attempt.charge, |part| &attempt.parts[part].charge);
        let (paid, left) = match part {
            Some(_) => (charge.is_approved(), charge.left()),
            None => (!attempt.paid().is_zero(), attempt.left()),
        };
        if !paid {
            return Err(Refusal::request(Objection::NotReversible));
        }
        if left.is_zero() {
            return Err(Refusal::with_reason("BR", Objection::AlreadyRefunded));
        }
        Ok((left, charge.changed_at))
    }

    /// Moves the money back, or notes that the network would not; answers the action's number.
    pub(super) fn give_back(
        &mut self,
        place: Place,
        amount: Decimal,
        kind: Kind,
        succeeds: bool,
        at: Timestamp,
        world: &mut dyn World,
    ) -> u64 {
        let number = self.next_reference();
        self.transactions.insert(number, place);
        let (account, reference) = (self.merchant_at(place), self.reference_at(place));
        let Some((attempt, part)) = self.attempt_at_mut(place) else { return number };
        attempt.actions.push(number);
        let is_hold = attempt.is_held();
        let moved = take_back(attempt, part, amount, succeeds);
        let currency = attempt.charge.currency.clone();
        let kind = match kind {
            Kind::Reversal if is_hold => "release",
            Kind::Reversal => "reversal",
            Kind::Refund => "refund",
        };
        for (internal_reference, amount) in moved {
            world.book(Entry {
                provider: PROVIDER.into(),
                account: account.clone(),
                transaction: internal_reference.to_string(),
                reference: reference.clone(),
                kind: kind.into(),
                state: if succeeds { "approved" } else { "rejected" }.into(),
                amount,
                currency: currency.clone(),
                at,
            });
        }
        if let Place::Session { request_id, .. } = place {
            self.after_change(request_id, world);
        }
        number
    }

    /// The gateway gives back the paid parts of a dispersion that expired partly paid; the network may refuse, and then
    /// it is the merchant's task (§10 of the guide).
    pub(super) fn reverse_automatically(&mut self, request_id: u64, at: Timestamp, world: &mut dyn World) {
        let Some(session) = self.sessions.get(&request_id) else { return };
        let settings = self.settings_of(session);
        let reference = session.order.reference.clone();
        let mut paid = Vec::new();
        for (number, attempt) in session.attempts.iter().enumerate() {
            for (index, part) in attempt.parts.iter().enumerate() {
                if !part.charge.left().is_zero() {
                    let place = Place::Session { request_id, attempt: number, part: Some(index) };
                    paid.push((place, part.charge.left()));
                }
            }
        }
        for (place, amount) in paid {
            let scripted = self.next_scripted_action(&reference).map(Verdict::is_approved);
            let succeeds = scripted.unwrap_or(settings.automatic_reversal_succeeds);
            self.give_back(place, amount, Kind::Reversal, succeeds, at, world);
        }
    }

    /// Asks the network for a reversal after the hour: settled the next day (AV-U70).
    pub(super) fn request_late_reversal(
        &mut self,
        internal_reference: u64,
        world: &mut dyn World,
    ) -> Result<LateReversal, Refusal> {
        let now = world.now();
        let place = self.place_of(internal_reference)?;
        let (left, charged_at) = self.what_is_left(place)?;
        if now < reconciled_at(charged_at) {
            return Err(Refusal::request(Objection::Invalid("internalReference".to_owned())));
        }
        let is_asked =
            |late: &LateReversal| late.internal_reference == internal_reference && late.settled.is_none();
        if let Some(known) = self.late_reversals.iter().find(|late| is_asked(late)) {
            return Ok(known.clone());
        }
        let settles_at = instant::day(now)
            .checked_add(1.day())
            .ok()
            .and_then(|day| instant::at_hour(day, LATE_HOUR))
            .unwrap_or(Timestamp::MAX);
        let number = self.late_reversals.len() as u64 + 1;
        let late = LateReversal {
            number,
            merchant: self.merchant_at(place),
            internal_reference,
            reference: self.reference_at(place),
            amount: left,
            currency: self
                .attempt_at(place)
                .map(|(attempt, _)| attempt.charge.currency.clone())
                .unwrap_or_default(),
            requested_at: now,
            settles_at,
            settled: None,
        };
        self.late_reversals.push(late.clone());
        self.plan(Due::LateReversal(number), Some(settles_at));
        Ok(late)
    }

    /// The network settles a late reversal.
    pub(super) fn settle_late_reversal(&mut self, number: u64, at: Timestamp, world: &mut dyn World) {
        let index = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
        let Some(late) = self.late_reversals.get(index).filter(|late| late.settled.is_none()).cloned() else {
            return;
        };
        let Ok(place) = self.place_of(late.internal_reference) else { return };
        let settings = self.settings_at(place);
        let scripted = self.next_scripted_action(&late.reference).map(Verdict::is_approved);
        let wants = scripted.unwrap_or(settings.late_reversal_succeeds);
        // What was given back in between is not given back twice.
        let left = self.what_is_left(place).map_or(Decimal::ZERO, |(left, _)| left);
        let succeeds = wants && left == late.amount;
        self.give_back(place, late.amount, Kind::Refund, succeeds, at, world);
        self.late_reversals[index].settled = Some(succeeds);
    }

    /// A hold that nobody captured is let go.
    pub(super) fn release_hold(&mut self, request_id: u64, at: Timestamp, world: &mut dyn World) {
        let Some(session) = self.sessions.get(&request_id) else { return };
        let number = session.attempts.len().saturating_sub(1);
        let Some(held) = session.held().and_then(|attempt| attempt.hold).map(|hold| hold.held) else {
            return;
        };
        let place = Place::Session { request_id, attempt: number, part: None };
        self.give_back(place, held, Kind::Reversal, true, at, world);
    }

    /// The next outcome scripted for what is done to a reference's transactions.
    pub(super) fn next_scripted_action(&mut self, reference: &str) -> Option<Verdict> {
        self.action_scripts.get_mut(reference)?.pop_front()
    }

    /// Where the transaction with this number is.
    pub(super) fn place_of(&self, internal_reference: u64) -> Result<Place, Refusal> {
        let place = self.transactions.get(&internal_reference).copied();
        place.ok_or_else(|| Refusal::request(Objection::UnknownTransaction))
    }

    /// The settings of the site that a transaction belongs to.
    pub(super) fn settings_at(&self, place: Place) -> Settings {
        let name = self.merchant_at(place);
        self.merchant(&name).map(|merchant| merchant.settings.clone()).unwrap_or_default()
    }
}

/// Takes an amount out of an attempt or of one of its parts: which transactions gave how much, for the ledger.
fn take_back(
    attempt: &mut Attempt,
    part: Option<usize>,
    amount: Decimal,
    succeeds: bool,
) -> Vec<(u64, String)> {
    if let Some(hold) = attempt.hold.as_mut().filter(|hold| hold.captured.is_none()) {
        if succeeds {
            hold.captured = Some(Decimal::ZERO);
        }
        return vec![(attempt.charge.internal_reference, attempt.charge.fixed(amount))];
    }
    // A check-in gives back what was captured, which may be more or less than what was first held.
    let captured = attempt.hold.map(|_| attempt.left());
    let mut moved = Vec::new();
    let mut rest = amount;
    for (index, charge) in attempt.charges_mut().into_iter().enumerate() {
        let left = captured.unwrap_or_else(|| charge.left());
        let taken = left.min(rest);
        if part.is_some_and(|part| part != index) || taken.is_zero() {
            continue;
        }
        if succeeds {
            charge.given_back = sum([charge.given_back, taken]);
        }
        rest = minus(rest, taken);
        moved.push((charge.internal_reference, charge.fixed(taken)));
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_belongs_to_the_next_reconciliation() {
        for (charged, reconciled) in [
            ("2026-03-14T15:15:31Z", "2026-03-15T01:00:00Z"),
            ("2026-03-15T00:59:59Z", "2026-03-15T01:00:00Z"),
            ("2026-03-15T01:00:00Z", "2026-03-16T01:00:00Z"),
            ("2026-03-15T04:30:00Z", "2026-03-16T01:00:00Z"),
        ] {
            let charged: Timestamp = charged.parse().expect("an instant");
            assert_eq!(
                reconciled_at(charged),
                reconciled.parse::<Timestamp>().expect("an instant"),
                "{charged}"
            );
        }
    }
}
