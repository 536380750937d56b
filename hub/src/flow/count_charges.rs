//! What charges mean for the kept instrument that they are made with: whether it may be charged, and whether it has to be
//! taken away (AV-8.6, C-68). Pure, under the locks of payment and instrument. No setting is asked.

use payment::Timestamp;
use payment::attempt::Standing;
use payment::charges::Decided;
use payment::fact::{Outcome, Reason};
use payment::instrument::{ChargeEnd, RemovalRule};
use payment::movement::{Movement, MovementKind, MovementState};
use payment::provider::Provider;
use payment::summary::{Certainty, Summary};

use crate::fault::fault;
use crate::flow::apply_facts::KeptInstruments;
use crate::flow::keep_instruments::{by_id, changed};
use crate::state::Hub;
use crate::store::{Aggregate, Attempt, Changes, Instrument, InstrumentState, NewWork, Payment};

/// Why an instrument is not charged. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCharged {
    /// It is disputed, waits to be taken away, or was taken away.
    Gone,
    /// So many charges of it are under way that the next one might be one denial too many.
    UnderWay,
}

/// Writes that a payment is about to charge its instrument, if it may.
pub(super) fn begin_charge(
    hub: &Hub,
    payment: &Payment,
    kept: &KeptInstruments,
    changes: &mut Changes,
    now: Timestamp,
) -> Result<(), NotCharged> {
    let found = payment.order.instrument.as_ref().and_then(|id| by_id(id, kept, changes));
    let instrument = found.ok_or(NotCharged::Gone)?;
    if instrument.state != InstrumentState::Active && !fault!("charge_what_is_being_removed") {
        return Err(NotCharged::Gone);
    }
    if !counts(hub, &instrument) {
        return Ok(());
    }
    if !instrument.charges.may_begin() && !fault!("forget_charges_under_way") {
        return Err(NotCharged::UnderWay);
    }
    let mut instrument = instrument;
    instrument.charges.begin(payment.id.clone());
    instrument.updated_at = now;
    changes.instruments.insert(instrument.token_key(), instrument);
    Ok(())
}

/// Counts what a payment's charges have come to. The instrument that they end is charged no more from here on, and the
/// payment's work takes it away.
pub(super) fn count_charges(
    hub: &Hub,
    aggregate: &Aggregate,
    standings: &[&Standing],
    summary: &Summary,
    kept: &KeptInstruments,
    changes: &mut Changes,
    now: Timestamp,
) {
    let payment = &aggregate.payment;
    let found = payment.order.instrument.as_ref().and_then(|id| by_id(id, kept, changes));
    let Some(instrument) = found.filter(|instrument| counts(hub, instrument)) else { return };
    let Some((_, provider)) = hub.account(&instrument.account_id) else { return };
    let decided = decided(provider.as_ref(), &aggregate.attempts, standings, summary);
    let is_denied = decided.iter().any(|decided| decided.end != ChargeEnd::Approved);
    let is_unheard = standings.iter().any(|standing| standing.is_by_own_timer);
    let is_unknown = decided.is_empty() && (summary.certainty == Certainty::Unknown || is_unheard);
    let mut counted = instrument.clone();
    counted.charges.settle(&payment.id, summary.status.is_open() || is_unknown, decided);
    if counted.charges.has_to_be_removed() && !fault!("charge_after_denials") && is_left(counted.state) {
        counted = changed(counted, InstrumentState::Removing, now);
    }
    let state = counted.state;
    if (counted.state, &counted.charges) != (instrument.state, &instrument.charges) {
        counted.updated_at = now;
        changes.instruments.insert(counted.token_key(), counted);
    }
    // Of several that were denied each has it taken away: whichever comes first.
    if state == InstrumentState::Removing && is_denied && !fault!("forget_removals") {
        take_away_soon(aggregate, changes, now);
    }
}

/// Whether a denial can mean anything for this instrument: whether one of which nothing is told would.
fn counts(hub: &Hub, instrument: &Instrument) -> bool {
    let provider = hub.account(&instrument.account_id).map(|(_, provider)| provider);
    provider.is_some_and(|provider| provider.removal_rule(&Reason::default()) != RemovalRule::NoStrike)
}

const fn is_left(state: InstrumentState) -> bool {
    matches!(state, InstrumentState::Active | InstrumentState::Disputed)
}

/// The charges that were decided: by their movements, or where the provider told of none by its last word.
fn decided(
    provider: &dyn Provider,
    attempts: &[Attempt],
    standings: &[&Standing],
    summary: &Summary,
) -> Vec<Decided> {
    let end_of = |movement: &Movement| match movement.state {
        MovementState::Pending => None,
        MovementState::Approved => Some(ChargeEnd::Approved),
        MovementState::Rejected => Some(ChargeEnd::Denied(provider.removal_rule(&movement.reason))),
    };
    let charges = summary
        .movements
        .iter()
        .filter(|movement| matches!(movement.kind, MovementKind::Charge | MovementKind::Hold));
    let told: Vec<Decided> = charges
        .filter_map(|movement| {
            let reference = movement.provider_reference.clone();
            Some(Decided { at: movement.at, reference, end: end_of(movement)? })
        })
        .collect();
    if !told.is_empty() {
        return told;
    }
    let rejected = attempts.iter().zip(standings).filter_map(|(attempt, standing)| {
        let is_rejected = standing.state == payment::attempt::AttemptState::Ended(Outcome::Rejected);
        let at = standing.since.filter(|_| is_rejected)?;
        let end = ChargeEnd::Denied(provider.removal_rule(&standing.reason));
        Some(Decided { at, reference: attempt.reference.clone(), end })
    });
    rejected.collect()
}

/// The payment's work is due at once, though the payment may be settled; whoever has claimed it writes no more about it.
fn take_away_soon(aggregate: &Aggregate, changes: &mut Changes, now: Timestamp) {
    let Some(newest) = aggregate.attempts.last() else { return };
    let key = (newest.merchant_id.clone(), newest.id.clone());
    let (payment_id, account_id) = (newest.payment_id.clone(), newest.account_id.clone());
    changes.settled.remove(&key);
    changes.scheduled.insert(key.clone(), NewWork { payment_id, account_id, due_at: now });
    changes.brought_forward.insert(key, now);
}
