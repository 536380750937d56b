//! Instruments that a provider keeps for a customer: their tokens sealed, one instrument for each token.

use std::collections::BTreeSet;

use payment::Timestamp;
use payment::charges::Charges;
use payment::fact::{Fact, FactKind};
use payment::id::{EventId, InstrumentId};
use payment::instrument::{InstrumentTelling, KeepingState};
use secrecy::ExposeSecret;

use crate::fault::fault;
use crate::flow::apply_facts::{KeptInstruments, Known};
use crate::flow::document;
use crate::state::Hub;
use crate::store::{
    Aggregate, Changes, Event, Instrument, InstrumentState, PaymentKey, StoreError, TokenKey,
};

/// Where an instrument's token is sealed to.
pub(super) fn token_place(id: &InstrumentId) -> String {
    format!("instrument/token/{id}")
}

/// The tokens that are told of a payment, or were before: by them its instruments are found.
pub(super) fn token_keys(aggregate: &Aggregate, known: &Known) -> Vec<TokenKey> {
    let Some(customer) = &aggregate.payment.order.customer else { return Vec::new() };
    let recorded = aggregate.facts.iter().map(|recorded| &recorded.fact);
    let digests: BTreeSet<&str> = recorded
        .chain(&known.facts)
        .filter_map(|fact| match &fact.kind {
            FactKind::Instrument(telling) => Some(telling.digest.as_str()),
            _ => None,
        })
        .filter(|digest| !digest.is_empty())
        .collect();
    let account = account_of(aggregate, known);
    let key =
        |digest: &str| (known.merchant_id.clone(), account.clone(), customer.clone(), digest.to_owned());
    digests.into_iter().map(key).collect()
}

fn account_of(aggregate: &Aggregate, known: &Known) -> String {
    let attempt = aggregate.attempts.iter().find(|attempt| attempt.id == known.attempt_id);
    attempt.map_or(&aggregate.payment.account_id, |attempt| &attempt.account_id).clone()
}

/// Keeps, disputes and takes away instruments as the facts say that were just appended. Answers the one that is kept.
pub(super) fn keep_instruments(
    hub: &Hub,
    aggregate: &Aggregate,
    known: &Known,
    appended: &[Fact],
    kept: &KeptInstruments,
    changes: &mut Changes,
    now: Timestamp,
) -> Result<Option<InstrumentId>, StoreError> {
    let tellings: Vec<&InstrumentTelling> = appended
        .iter()
        .filter_map(|fact| match &fact.kind {
            FactKind::Instrument(telling) => Some(telling),
            _ => None,
        })
        .collect();
    let (Some(customer), false) = (&aggregate.payment.order.customer, tellings.is_empty()) else {
        return Ok(None);
    };
    let keys = token_keys(aggregate, known);
    let is_contradictory = keys.len() > 1 && !fault!("believe_every_token");
    let mut id = None;
    for telling in tellings {
        let key = (
            known.merchant_id.clone(),
            account_of(aggregate, known),
            customer.clone(),
            telling.digest.clone(),
        );
        match telling.state {
            KeepingState::Begun | KeepingState::NotKept => {}
            // What was taken away is not kept again because its keeping is told once more.
            KeepingState::Kept if was_removed(aggregate, telling) && !fault!("keep_what_was_removed") => {}
            KeepingState::Kept => {
                id = keep(hub, aggregate, known, telling, &key, kept, changes, now)?.or(id);
            }
            KeepingState::Removed => {
                let is_meant = |key: &&TokenKey| telling.digest.is_empty() || key.3 == telling.digest;
                for key in keys.iter().filter(is_meant) {
                    change(hub, key, InstrumentState::Removed, Some(telling), kept, changes, now);
                }
            }
        }
    }
    if is_contradictory {
        for key in &keys {
            change(hub, key, InstrumentState::Disputed, None, kept, changes, now);
        }
    }
    Ok(id)
}

/// Whether the record tells that the instrument with this telling's token was taken away.
fn was_removed(aggregate: &Aggregate, telling: &InstrumentTelling) -> bool {
    aggregate.facts.iter().any(|recorded| match &recorded.fact.kind {
        FactKind::Instrument(other) => other.state == KeepingState::Removed && other.digest == telling.digest,
        _ => false,
    })
}

/// An instrument among those that are locked, as it stands after what is to be written.
pub(super) fn by_id(id: &InstrumentId, kept: &KeptInstruments, changes: &Changes) -> Option<Instrument> {
    let is_it = |instrument: &&Instrument| instrument.id == *id;
    changes.instruments.values().find(is_it).or_else(|| kept.values().find(is_it)).cloned()
}

/// Keeps an instrument, unless it is known by its token; seals its token anew where it was taken away.
#[expect(clippy::too_many_arguments, reason = "what is told, what is known, and where it is written to")]
fn keep(
    hub: &Hub,
    aggregate: &Aggregate,
    known: &Known,
    telling: &InstrumentTelling,
    key: &TokenKey,
    kept: &KeptInstruments,
    changes: &mut Changes,
    now: Timestamp,
) -> Result<Option<InstrumentId>, StoreError> {
    let Some(token) = known.tokens.iter().find(|token| token.digest == telling.digest) else {
        return Ok(None);
    };
    let before = changes.instruments.get(key).or_else(|| kept.get(key)).cloned();
    if let Some(before) = before.as_ref().filter(|before| before.state != InstrumentState::Removed) {
        return Ok(Some(before.id.clone()));
    }
    let id = before.as_ref().map_or_else(|| InstrumentId::new(now, hub.entropy()), |known| known.id.clone());
    let sealed = hub.vault.seal(&token_place(&id), token.value.expose_secret().as_bytes());
    let (merchant_id, account_id, customer, digest) = key.clone();
    let instrument = Instrument {
        id: id.clone(),
        merchant_id,
        account_id,
        provider: aggregate.payment.provider.clone(),
        customer,
        payment_id: aggregate.payment.id.clone(),
        provider_reference: telling.provider_reference.clone(),
        digest,
        sealed_token: Some(sealed.map_err(|_| StoreError::Corrupt("instrument"))?),
        brand: telling.brand.clone(),
        bin: telling.bin.clone(),
        last_four: telling.last_four.clone(),
        valid_until: telling.valid_until.clone(),
        state: InstrumentState::Active,
        reason: telling.reason.clone(),
        charges: Charges::default(),
        created_at: before.map_or(now, |before| before.created_at),
        updated_at: now,
    };
    tell(hub, &instrument, Some(&(known.merchant_id.clone(), known.payment_id.clone())), changes, now);
    changes.instruments.insert(key.clone(), instrument);
    Ok(Some(id))
}

/// Lets an instrument be known as disputed or taken away.
fn change(
    hub: &Hub,
    key: &TokenKey,
    state: InstrumentState,
    telling: Option<&InstrumentTelling>,
    kept: &KeptInstruments,
    changes: &mut Changes,
    now: Timestamp,
) {
    let Some(before) = changes.instruments.get(key).or_else(|| kept.get(key)).cloned() else { return };
    // What has to be taken away is not less so because it is disputed as well.
    let is_over = matches!(before.state, InstrumentState::Removed)
        || (before.state == InstrumentState::Removing && state == InstrumentState::Disputed);
    if before.state == state || is_over {
        return;
    }
    let mut instrument = changed(before, state, now);
    if let Some(telling) = telling {
        instrument.reason = telling.reason.clone();
    }
    tell(hub, &instrument, None, changes, now);
    changes.instruments.insert(key.clone(), instrument);
}

/// An instrument in another state. The token of one that was taken away is forgotten.
pub(super) fn changed(before: Instrument, state: InstrumentState, now: Timestamp) -> Instrument {
    let sealed_token = before.sealed_token.filter(|_| state != InstrumentState::Removed);
    Instrument { state, sealed_token, updated_at: now, ..before }
}

/// The event that tells a merchant of an instrument.
fn tell(
    hub: &Hub,
    instrument: &Instrument,
    payment: Option<&PaymentKey>,
    changes: &mut Changes,
    now: Timestamp,
) {
    let kind = match instrument.state {
        InstrumentState::Active => document::INSTRUMENT_KEPT_EVENT,
        InstrumentState::Disputed => document::INSTRUMENT_DISPUTED_EVENT,
        // The denial that ended it is told as an event of its payment.
        InstrumentState::Removing => return,
        InstrumentState::Removed => document::INSTRUMENT_REMOVED_EVENT,
    };
    changes.events.push(Event {
        id: EventId::new(now, hub.entropy()),
        merchant_id: instrument.merchant_id.clone(),
        payment_id: payment.map(|(_, payment)| payment.clone()),
        body: document::instrument_event_body(kind, now, instrument),
        kind: kind.to_owned(),
        change: None,
        created_at: now,
    });
}
