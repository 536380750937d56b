//! What a provider's answer makes of a new payment, worked out before it is its turn to be written.
//!
//! Only one writes to a payment at a time, and what is worked out while the database is locked nobody else can do meanwhile. Of
//! a payment that this process has just written it knows all there is, unless somebody else was quicker: a notice, a look-up
//! of another instance. So it works out what to write beforehand, and the batcher finds out whether that is still true.

use std::collections::{BTreeMap, BTreeSet};

use payment::Timestamp;

use crate::fault::fault;
use crate::flow::apply_facts::{KeptInstruments, Known, apply_known};
use crate::flow::create_payment::Made;
use crate::flow::document;
use crate::flow::idempotency::{Keyed, Wording, sealed};
use crate::flow::keep_instruments::token_keys;
use crate::state::Hub;
use crate::store::{
    Aggregate, Attempt, Changes, KeptBody, Key, KeyAnswer, KeyClaim, Payment, PaymentKey, StoreError,
};

/// What the provider's answer told of a payment whose request waits for an answer under its key.
pub struct Opened {
    /// What was learned.
    pub known: Known,
    /// The key, which was claimed with the creation.
    pub keyed: Keyed,
    /// What that changes, if nobody has touched the payment meanwhile.
    pub(super) foreseen: Option<Box<Foreseen>>,
}

impl Opened {
    /// What was learned of a payment that was created so, with its first attempt.
    pub(super) fn new(hub: &Hub, known: Known, keyed: Keyed, payment: Payment, attempt: Attempt) -> Self {
        let mut opened = Self { known, keyed, foreseen: None };
        opened.foreseen = Foreseen::of(hub, payment, attempt, &opened).map(Box::new);
        opened
    }

    /// Applies what was learned to its payment among those that are locked, and keeps the answer under the key.
    pub(super) fn apply(
        &self,
        hub: &Hub,
        aggregates: &mut BTreeMap<PaymentKey, Aggregate>,
        instruments: &KeptInstruments,
        changes: &mut Changes,
        now: Timestamp,
    ) -> Result<Made, StoreError> {
        let before = changes.events.len();
        let payment = apply_known(hub, &self.known, aggregates, instruments, changes, now)?;
        let kind = document::event_kind(payment.status);
        let event = changes.events[before..].iter().find(|event| event.kind == kind);
        let KeyClaim { key, claimed_at, .. } = &self.keyed.claim;
        let (status, wording) = (self.keyed.answer)(&payment);
        let told = event.and_then(|event| Some((event, document::told_by(&event.body)?)));
        let (body, text) = match (wording, told) {
            (Wording::Document, Some((event, text))) if event.is_answer(status) => (None, text.to_owned()),
            (Wording::Document, Some((event, text))) => {
                (Some(KeptBody::OfEvent(event.id.clone())), text.to_owned())
            }
            (Wording::Document, None) => kept(hub, key, document::text(hub, &payment))?,
            (Wording::Text(text), _) => kept(hub, key, text)?,
        };
        let answer = |body| KeyAnswer { key: key.clone(), claimed_at: *claimed_at, status, body };
        changes.answers.extend(body.map(answer));
        Ok(Made { payment, kept: Some((status, text)) })
    }
}

/// What is to be written, and what is answered then.
pub struct Foreseen {
    changes: Changes,
    made: Made,
}

impl Foreseen {
    /// Works out what the answer changes in a payment that stands as it was created. None: that rests on more than the payment.
    fn of(hub: &Hub, payment: Payment, attempt: Attempt, opened: &Opened) -> Option<Self> {
        let key = opened.known.key();
        let created = Aggregate::of(payment, vec![attempt]);
        // Kept instruments are locked first.
        let charges = created.payment.order.instrument.is_some();
        if charges || !token_keys(&created, &opened.known).is_empty() {
            return None;
        }
        let mut changes = Changes::default();
        let mut aggregates = BTreeMap::from([(key, created)]);
        let kept = KeptInstruments::new();
        let made = opened.apply(hub, &mut aggregates, &kept, &mut changes, hub.clock.now()).ok()?;
        Some(Self { changes, made })
    }

    /// Adds what is to be written, and answers what is told.
    pub(super) fn take_effect(self, changes: &mut Changes) -> Made {
        changes.append(self.changes);
        self.made
    }
}

/// Whether what was foreseen of a payment is true: whether it stands as it was created. Those of which that is known were not
/// read.
pub(super) fn is_true(
    key: &PaymentKey,
    untouched: &BTreeSet<PaymentKey>,
    read: &BTreeMap<PaymentKey, Aggregate>,
) -> bool {
    untouched.contains(key)
        || read.get(key).is_some_and(Aggregate::is_as_created)
        || fault!("believe_what_was_foreseen")
}

/// An answer to be kept under its key, and its text.
fn kept(hub: &Hub, key: &Key, text: String) -> Result<(Option<KeptBody>, String), StoreError> {
    let (body, text) = sealed(hub, key, text)?;
    Ok((Some(body), text))
}
