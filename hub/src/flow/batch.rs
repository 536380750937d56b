//! What is written in one transaction, kind by kind in one order, so that two batchers never wait for each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payment::notice::Verdict;

use crate::crash::crash_point;
use crate::fault::fault;
use crate::flow::apply_facts::{
    KeptInstruments, Known, Source, apply_known, count, may_die_after_commit, may_die_before_commit,
};
use crate::flow::count_charges::begin_charge;
use crate::flow::create_payment::{Created, Creation, Made};
use crate::flow::drive_task::Intent;
use crate::flow::keep_instruments::token_keys;
use crate::flow::opened::{Opened, is_true};
use crate::flow::receive_notice::{Arrival, Found, Judged};
use crate::flow::recurring::begin_recurring;
use crate::flow::writer::{Operation, Queued, Slot};
use crate::state::Hub;
use crate::store::{
    Aggregate, Begun, Changes, IdempotencyRecord, Instrument, InstrumentKey, Key, KeyAnswer, KeyClaim,
    KeyedPayment, Named, Naming, Payment, PaymentKey, StoreError, TokenKey, Tx,
};

/// How many kinds of batches there are where some are written in one statement: new payments, what was foreseen of them, and
/// everything else.
pub(super) const KINDS: usize = 3;

/// The operations of one kind.
type Slots<O> = Vec<Slot<O>>;

/// The operations of one transaction.
#[derive(Default)]
pub struct Batch {
    claims: Slots<KeyClaim>,
    answers: Slots<KeyAnswer>,
    creations: Slots<Creation>,
    intents: Slots<Intent>,
    arrivals: Slots<Arrival>,
    knowns: Slots<Known>,
    opened: Slots<Opened>,
}

macro_rules! operation {
    ($type:ty, $answer:ty, begins: $begins:literal, $place:ident) => {
        impl Operation for $type {
            type Answer = $answer;
            const BEGINS: bool = $begins;

            fn queued(slot: Slot<Self>) -> Queued {
                Queued(Box::new(|batch| batch.$place.push(slot)))
            }
        }
    };
}
operation!(KeyClaim, Option<IdempotencyRecord>, begins: true, claims);
operation!(KeyAnswer, (), begins: false, answers);
operation!(Creation, Created, begins: true, creations);
operation!(Intent, (), begins: false, intents);
operation!(Arrival, Verdict, begins: true, arrivals);
operation!(Known, Payment, begins: false, knowns);
operation!(Opened, Made, begins: false, opened);

/// Does the same with the operations of every kind.
macro_rules! each_kind {
    ($batch:expr, $slots:ident => $body:expr) => {{
        let batch = $batch;
        {
            let $slots = batch.claims;
            $body
        }
        {
            let $slots = batch.answers;
            $body
        }
        {
            let $slots = batch.creations;
            $body
        }
        {
            let $slots = batch.intents;
            $body
        }
        {
            let $slots = batch.arrivals;
            $body
        }
        {
            let $slots = batch.knowns;
            $body
        }
        {
            let $slots = batch.opened;
            $body
        }
    }};
}

impl Batch {
    /// How many operations it has.
    pub fn len(&self) -> usize {
        self.claims.len()
            + self.answers.len()
            + self.creations.len()
            + self.intents.len()
            + self.arrivals.len()
            + self.knowns.len()
            + self.opened.len()
    }

    /// Whether it is made of nothing but payments that can be written at once: with their keys, and charging no instrument.
    fn is_created_at_once(&self) -> bool {
        self.len() == self.creations.len() && self.creations.iter().all(is_created_at_once)
    }

    /// Whether it is made of nothing but what was foreseen.
    fn is_foreseen(&self) -> bool {
        self.len() == self.opened.len() && self.opened.iter().all(is_foreseen)
    }

    /// The new payments that can be written at once, what was foreseen, and the rest.
    pub(super) fn apart(self) -> [Self; KINDS] {
        let (at_once, creations) = self.creations.into_iter().partition(is_created_at_once);
        let (foreseen, opened) = self.opened.into_iter().partition(is_foreseen);
        [
            Self { creations: at_once, ..Self::default() },
            Self { opened: foreseen, ..Self::default() },
            Self { creations, opened, ..self },
        ]
    }

    /// Adds what others ask for.
    pub(super) fn append(&mut self, other: Self) {
        let Self { claims, answers, creations, intents, arrivals, knowns, opened } = other;
        self.claims.extend(claims);
        self.answers.extend(answers);
        self.creations.extend(creations);
        self.intents.extend(intents);
        self.arrivals.extend(arrivals);
        self.knowns.extend(knowns);
        self.opened.extend(opened);
    }

    /// Turns away what waited too long to be begun.
    pub fn turn_away_stale(&mut self) {
        turn_away(&mut self.claims);
        turn_away(&mut self.creations);
        turn_away(&mut self.arrivals);
    }

    /// Tells everybody what came of it.
    pub fn tell(self, hub: &Hub) {
        for slot in &self.arrivals {
            slot.operation.remember(hub, slot.outcome);
        }
        let is_news = !(self.arrivals.is_empty() && self.knowns.is_empty() && self.opened.is_empty());
        each_kind!(self, slots => slots.into_iter().for_each(Slot::tell));
        if is_news {
            hub.wake.notify_waiters();
        }
    }

    /// Tells everybody that nothing came of it.
    pub fn fail(self, error: &Arc<StoreError>) {
        each_kind!(self, slots => slots.into_iter().for_each(|slot| slot.fail(StoreError::Together(Arc::clone(error)))));
    }

    /// Each operation by itself.
    pub fn singles(self) -> Vec<Self> {
        let mut singles = Vec::with_capacity(self.len());
        let Self { claims, answers, creations, intents, arrivals, knowns, opened } = self;
        let empty = Self::default;
        singles.extend(claims.into_iter().map(|slot| Self { claims: vec![slot], ..empty() }));
        singles.extend(answers.into_iter().map(|slot| Self { answers: vec![slot], ..empty() }));
        singles.extend(creations.into_iter().map(|slot| Self { creations: vec![slot], ..empty() }));
        singles.extend(intents.into_iter().map(|slot| Self { intents: vec![slot], ..empty() }));
        singles.extend(arrivals.into_iter().map(|slot| Self { arrivals: vec![slot], ..empty() }));
        singles.extend(knowns.into_iter().map(|slot| Self { knowns: vec![slot], ..empty() }));
        singles.extend(opened.into_iter().map(|slot| Self { opened: vec![slot], ..empty() }));
        singles
    }

    /// Writes everything in one transaction of one of the writers.
    pub async fn write(&mut self, hub: &Hub, writer: usize) -> Result<(), StoreError> {
        if self.len() == 0 {
            return Ok(());
        }
        if self.create_at_once(hub, writer).await? || self.write_foreseen(hub, writer).await? {
            return Ok(());
        }
        let now = hub.clock.now();
        let mut tx = hub.store.begin_batch(writer).await?;
        let mut changes = Changes::default();
        self.claim_and_create(&mut tx, &mut changes).await?;
        let found = self.find_subjects(&mut tx).await?;
        let mut verdicts = self.judge(hub, &mut tx, &found).await?;
        let touched = self.touched(&verdicts);
        let untouched = self.untouched(&mut tx, &touched).await?;
        let opened = self.opened.iter().map(|slot| slot.operation.known.key());
        let read = touched.into_iter().chain(opened.filter(|key| !untouched.contains(key))).collect();
        let mut aggregates = tx.lock_aggregates(&read).await?;
        let arrivals = self.arrivals.iter().map(|slot| &slot.operation).zip(&mut verdicts);
        begin_recurring(hub, &mut tx, arrivals, &mut aggregates, &mut changes, now).await?;
        let told: Vec<Option<Known>> = self
            .arrivals
            .iter()
            .zip(&verdicts)
            .map(|(slot, judged)| slot.operation.told(judged, &aggregates))
            .collect();
        let kept = self.lock_instruments(&mut tx, &told, &aggregates).await?;
        self.create_charges(hub, &mut tx, &kept, &mut changes).await?;
        for ((slot, judged), told) in self.arrivals.iter_mut().zip(verdicts).zip(told) {
            if let Some(told) = told {
                apply_known(hub, &told, &mut aggregates, &kept, &mut changes, now)?;
            }
            slot.operation.take_effect(&judged, &mut aggregates, &mut changes, now);
            slot.outcome = Some(judged.verdict);
        }
        for slot in &mut self.knowns {
            let applied = apply_known(hub, &slot.operation, &mut aggregates, &kept, &mut changes, now)?;
            slot.outcome = Some(applied);
        }
        for Slot { operation, outcome, .. } in &mut self.opened {
            let foreseen = operation.foreseen.take();
            let is_true = is_true(&operation.known.key(), &untouched, &aggregates);
            *outcome = Some(match foreseen.filter(|_| is_true) {
                Some(foreseen) => foreseen.take_effect(&mut changes),
                None => operation.apply(hub, &mut aggregates, &kept, &mut changes, now)?,
            });
        }
        for slot in &mut self.intents {
            slot.operation.write(&mut changes);
            slot.outcome = Some(());
        }
        for slot in &mut self.answers {
            changes.answers.push(slot.operation.clone());
            slot.outcome = Some(());
        }
        changes.answers.sort_by(|one, other| one.key.cmp(&other.key));
        tx.write(&changes).await?;
        self.may_die_before_commit();
        tx.commit().await?;
        self.may_die_after_commit();
        count(&changes);
        Ok(())
    }

    /// Creates payments that charge no instrument, with their keys, when there is nothing else to write and the database
    /// takes that at once. False: it does not, and nothing was written.
    async fn create_at_once(&mut self, hub: &Hub, writer: usize) -> Result<bool, StoreError> {
        if !self.is_created_at_once() || !hub.store.writes_at_once() {
            return Ok(false);
        }
        self.sort_creations();
        let mut changes = Changes::default();
        let (claims, payments) = self.beginning();
        let begun: BTreeSet<_> = payments.iter().map(|keyed| &keyed.payment.id).collect();
        let begins = |slot: &&Slot<Creation>| begun.contains(&slot.operation.payment.id);
        self.creations.iter().filter(begins).for_each(|slot| slot.operation.write(&mut changes));
        crash_point!("create.before_commit");
        let begun = hub.store.create_at_once(writer, &claims, &payments, &changes).await?;
        if begun.created.len() == self.creations.len() {
            self.creations.iter_mut().for_each(|slot| slot.outcome = Some(Created::Fresh));
        } else {
            let mut tx = hub.store.begin_batch(writer).await?;
            self.tell_begun(&mut tx, begun).await?;
            tx.commit().await?;
        }
        self.may_die_after_commit();
        Ok(true)
    }

    /// Writes what was foreseen, when there is nothing else to write and the database takes that at once. False: it does not, or
    /// somebody has touched one of the payments; nothing was written, and nothing is foreseen any more.
    async fn write_foreseen(&mut self, hub: &Hub, writer: usize) -> Result<bool, StoreError> {
        if !self.is_foreseen() || !hub.store.writes_at_once() {
            return Ok(false);
        }
        let mut changes = Changes::default();
        let foreseen = self.opened.iter_mut().filter_map(|slot| slot.operation.foreseen.take());
        let made: Vec<Made> = foreseen.map(|foreseen| foreseen.take_effect(&mut changes)).collect();
        changes.answers.sort_by(|one, other| one.key.cmp(&other.key));
        let keys = self.opened.iter().map(|slot| slot.operation.known.key()).collect();
        self.may_die_before_commit();
        if !hub.store.write_foreseen(writer, &keys, &changes).await? {
            return Ok(false);
        }
        self.may_die_after_commit();
        for (slot, made) in self.opened.iter_mut().zip(made) {
            slot.outcome = Some(made);
        }
        count(&changes);
        Ok(true)
    }

    /// Claims the keys of requests, those of creations among them, and creates the payments whose keys and references were
    /// free.
    async fn claim_and_create(&mut self, tx: &mut Tx, changes: &mut Changes) -> Result<(), StoreError> {
        self.sort_creations();
        let (claims, payments) = self.beginning();
        let begun = tx.begin_payments(&claims, &payments).await?;
        self.tell_begun(tx, begun).await?;
        for slot in &self.creations {
            if matches!(slot.outcome, Some(Created::Fresh)) {
                slot.operation.write(changes);
            }
        }
        Ok(())
    }

    fn sort_creations(&mut self) {
        self.creations.sort_by_key(|Slot { operation: Creation { payment, .. }, .. }| {
            (payment.merchant_id.clone(), payment.order.reference.clone())
        });
    }

    /// The claims of keys, each key once, and the payments that begin with them. Of two claims of one key the first has it.
    /// Payments that charge an instrument wait until that is locked.
    fn beginning(&self) -> (Vec<&KeyClaim>, Vec<KeyedPayment<'_>>) {
        let mut firsts: BTreeMap<&Key, &KeyClaim> = BTreeMap::new();
        for claim in self.all_claims() {
            firsts.entry(&claim.key).or_insert(claim);
        }
        let is_first =
            |claim: &KeyClaim| firsts.get(&claim.key).is_some_and(|first| std::ptr::eq(*first, claim));
        let forgets_keys = fault!("forget_idempotency_keys");
        let payments = self
            .creations
            .iter()
            .map(|slot| &slot.operation)
            .filter(|creation| !creation.is_charge())
            .filter(|creation| forgets_keys || creation.claim.as_ref().is_none_or(is_first))
            .map(|Creation { payment, claim, .. }| KeyedPayment {
                payment,
                key: claim.as_ref().filter(|_| !forgets_keys).map(|claim| &claim.key),
            })
            .collect();
        (firsts.into_values().collect(), payments)
    }

    /// Tells of keys and payments what came of them. Whose key was there already is told its record; whose reference was, the
    /// payment that has it.
    async fn tell_begun(&mut self, tx: &mut Tx, Begun { claimed, created }: Begun) -> Result<(), StoreError> {
        // A key that is claimed twice in one batch is held for the second claim: it is read too.
        let mut seen = BTreeSet::new();
        let is_held = |claim: &&KeyClaim| !claimed.contains(&claim.key) || !seen.insert(claim.key.clone());
        let held: BTreeSet<&Key> = self.all_claims().filter(is_held).map(|claim| &claim.key).collect();
        let records = tx.read_keys(&held.into_iter().collect::<Vec<_>>()).await?;
        self.tell_of_keys(claimed, &records)?;
        let used: Vec<(&str, &str)> = self
            .creations
            .iter()
            .filter(|slot| slot.outcome.is_none() && !slot.operation.is_charge())
            .map(|slot| &slot.operation.payment)
            .filter(|payment| !created.contains(&payment.id))
            .map(|payment| (payment.merchant_id.as_str(), payment.order.reference.as_str()))
            .collect();
        let known = tx.payments_by_references(&used).await?;
        for slot in &mut self.creations {
            let payment = &slot.operation.payment;
            if slot.outcome.is_some() || slot.operation.is_charge() {
                continue;
            }
            let same = |known: &&Payment| {
                known.merchant_id == payment.merchant_id && known.order.reference == payment.order.reference
            };
            slot.outcome = Some(if created.contains(&payment.id) {
                Created::Fresh
            } else {
                let known = known.iter().find(same).cloned().ok_or(StoreError::Corrupt("payment"))?;
                Created::Known(Box::new(known))
            });
        }
        Ok(())
    }

    /// All claims of keys, those of creations after the others.
    fn all_claims(&self) -> impl Iterator<Item = &KeyClaim> {
        let of_creations = self.creations.iter().filter_map(|slot| slot.operation.claim.as_ref());
        self.claims.iter().map(|slot| &slot.operation).chain(of_creations)
    }

    /// Tells each claim whether it has its key, in the order of all claims; if not, what the record says of the key.
    fn tell_of_keys(
        &mut self,
        mut claimed: BTreeSet<Key>,
        records: &BTreeMap<Key, IdempotencyRecord>,
    ) -> Result<(), StoreError> {
        let mut taken = |key: &Key| {
            if claimed.remove(key) {
                return Ok(None);
            }
            records.get(key).cloned().map(Some).ok_or(StoreError::Corrupt("idempotency"))
        };
        for slot in &mut self.claims {
            slot.outcome = Some(taken(&slot.operation.key)?);
        }
        for slot in &mut self.creations {
            let Some(claim) = &slot.operation.claim else { continue };
            let record = taken(&claim.key)?.filter(|_| !fault!("forget_idempotency_keys"));
            slot.outcome = record.map(Created::KeyTaken);
        }
        Ok(())
    }

    /// Creates the payments that charge a kept instrument, one by one: each is counted before the next may begin.
    async fn create_charges(
        &mut self,
        hub: &Hub,
        tx: &mut Tx,
        kept: &KeptInstruments,
        changes: &mut Changes,
    ) -> Result<(), StoreError> {
        let now = hub.clock.now();
        for slot in &mut self.creations {
            if slot.outcome.is_some() || !slot.operation.is_charge() {
                continue;
            }
            let payment = &slot.operation.payment;
            let reference = [(payment.merchant_id.as_str(), payment.order.reference.as_str())];
            // A request that comes again is answered by its payment, whatever has become of the instrument.
            if let Some(known) = tx.payments_by_references(&reference).await?.pop() {
                slot.outcome = Some(Created::Known(Box::new(known)));
                continue;
            }
            let before = changes.instruments.clone();
            if let Err(reason) = begin_charge(hub, payment, kept, changes, now) {
                slot.outcome = Some(Created::NotCharged(reason));
            } else if tx.insert_payments(&[payment]).await?.is_empty() {
                // Another one was quicker with the reference.
                changes.instruments = before;
                let known = tx.payments_by_references(&reference).await?.pop();
                slot.outcome = Some(Created::Known(Box::new(known.ok_or(StoreError::Corrupt("payment"))?)));
            } else {
                slot.operation.write(changes);
                slot.outcome = Some(Created::Fresh);
            }
        }
        Ok(())
    }

    /// What the notices are about, by their places.
    async fn find_subjects(&self, tx: &mut Tx) -> Result<BTreeMap<usize, Found>, StoreError> {
        let arrivals = || self.arrivals.iter().map(|slot| &slot.operation).enumerate();
        let namings: Vec<_> = arrivals()
            .map(|(place, arrival)| Naming {
                place,
                merchant_id: &arrival.merchant_id,
                account_id: &arrival.account_id,
                reference: arrival.believed_reference(),
                subject: arrival.believed_subject(),
            })
            .filter(|naming| naming.reference.is_some() || naming.subject.is_some())
            .collect();
        let mut found = BTreeMap::new();
        for Named { place, is_being_opened, attempt } in tx.named_attempts(&namings).await? {
            if is_being_opened {
                found.entry(place).or_insert(Found::BeingOpened(attempt));
            } else {
                found.insert(place, Found::Known(attempt));
            }
        }
        let recurring: Vec<_> = arrivals()
            .filter_map(|(place, arrival)| {
                let reference = arrival.recurring_reference()?;
                Some((place, arrival.merchant_id.as_str(), arrival.account_id.as_str(), reference))
            })
            .collect();
        for (place, attempt) in tx.attempts_that_recur(&recurring).await? {
            let is_known = matches!(found.get(&place), Some(Found::Known(_)));
            if !is_known || fault!("make_each_notice_a_payment") {
                found.insert(place, Found::Recurs(attempt));
            }
        }
        // Of two that hand over to one operation, the first is taken.
        let mut taken = BTreeSet::new();
        let handovers: Vec<_> = arrivals()
            .filter_map(|(place, arrival)| {
                let reference = arrival.handed_to()?;
                Some((place, arrival.merchant_id.as_str(), arrival.account_id.as_str(), reference))
            })
            .collect();
        for (place, under_way) in tx.operations_under_way(&handovers).await? {
            if taken.insert(under_way.reference.clone()) {
                found.insert(place, Found::UnderWay(under_way));
            }
        }
        Ok(found)
    }

    /// The verdicts on the notices, in their order. A notice that repeats one of the same batch is seen as such.
    async fn judge(
        &self,
        hub: &Hub,
        tx: &mut Tx,
        found: &BTreeMap<usize, Found>,
    ) -> Result<Vec<Judged>, StoreError> {
        let arrivals = self.arrivals.iter().map(|slot| &slot.operation).enumerate();
        let mut judged: Vec<Judged> =
            arrivals.map(|(place, arrival)| arrival.judge(found.get(&place))).collect();
        let keys: Vec<(&str, &str, &str, &str)> = self
            .arrivals
            .iter()
            .zip(&judged)
            .filter_map(|(slot, judged)| slot.operation.key_to_take(judged))
            .collect();
        let taken = tx.take_notices(&keys).await?;
        for (slot, judged) in self.arrivals.iter().zip(&mut judged) {
            if slot.operation.key_to_take(judged).is_some()
                && !taken.contains(slot.operation.id.as_str())
                && !fault!("take_notices_twice")
            {
                judged.repeats();
            }
        }
        for (slot, judged) in self.arrivals.iter().zip(&mut judged) {
            slot.operation.decide_to_keep(hub, judged);
        }
        Ok(judged)
    }

    /// The instruments that are known by the tokens that are told, and those that are charged, locked: after the payments,
    /// in the order of their keys. Where there is none nothing is asked.
    async fn lock_instruments(
        &self,
        tx: &mut Tx,
        told: &[Option<Known>],
        aggregates: &BTreeMap<PaymentKey, Aggregate>,
    ) -> Result<KeptInstruments, StoreError> {
        let opened = self.opened.iter().map(|slot| &slot.operation.known);
        let knowns =
            self.knowns.iter().map(|slot| &slot.operation).chain(opened).chain(told.iter().flatten());
        let keys: BTreeSet<TokenKey> = knowns
            .filter_map(|known| Some(token_keys(aggregates.get(&known.key())?, known)))
            .flatten()
            .collect();
        let by_token = tx.instruments_by_token(&keys.iter().collect::<Vec<_>>()).await?;
        let begun = self.creations.iter().filter(|slot| slot.outcome.is_none());
        let begun = begun.map(|slot| &slot.operation.payment);
        let charging = aggregates.values().map(|aggregate| &aggregate.payment).chain(begun);
        let charged = charging
            .filter_map(|payment| Some((payment.merchant_id.clone(), payment.order.instrument.clone()?)));
        let ids: BTreeSet<InstrumentKey> = by_token.iter().map(Instrument::key).chain(charged).collect();
        let instruments = tx.lock_instruments(&ids).await?;
        Ok(instruments.into_iter().map(|instrument| (instrument.token_key(), instrument)).collect())
    }

    /// The payments of which something was foreseen that nobody has touched since, those apart that are touched by this batch.
    async fn untouched(
        &self,
        tx: &mut Tx,
        touched: &BTreeSet<PaymentKey>,
    ) -> Result<BTreeSet<PaymentKey>, StoreError> {
        let foreseen = self.opened.iter().filter(|slot| is_foreseen(slot));
        let keys = foreseen.map(|slot| slot.operation.known.key());
        tx.untouched(&keys.filter(|key| !touched.contains(key)).collect()).await
    }

    /// The payments that have to be loaded and locked, whatever was foreseen.
    fn touched(&self, verdicts: &[Judged]) -> BTreeSet<PaymentKey> {
        let known = self.knowns.iter().map(|slot| slot.operation.key());
        let told =
            self.arrivals.iter().zip(verdicts).filter_map(|(slot, judged)| slot.operation.locks(judged));
        known.chain(told).collect()
    }

    fn may_die_before_commit(&self) {
        if self.claims.iter().any(|slot| matches!(slot.outcome, Some(None))) {
            crash_point!("key.before_claim");
        }
        if self.creations.iter().any(|slot| matches!(slot.outcome, Some(Created::Fresh))) {
            crash_point!("create.before_commit");
        }
        if !self.arrivals.is_empty() {
            crash_point!("notice.before_commit");
        }
        self.sources().for_each(may_die_before_commit);
        if !self.answers.is_empty() {
            crash_point!("key.before_answer");
        }
    }

    fn may_die_after_commit(&self) {
        if self.claims.iter().any(|slot| matches!(slot.outcome, Some(None))) {
            crash_point!("key.after_claim");
        }
        if self.creations.iter().any(|slot| matches!(slot.outcome, Some(Created::Fresh))) {
            crash_point!("create.after_commit");
        }
        if !self.arrivals.is_empty() {
            crash_point!("notice.after_commit");
        }
        self.sources().for_each(may_die_after_commit);
        if !self.answers.is_empty() {
            crash_point!("key.after_answer");
        }
    }

    fn sources(&self) -> impl Iterator<Item = Source> {
        let opened = self.opened.iter().map(|slot| slot.operation.known.source);
        self.knowns.iter().map(|slot| slot.operation.source).chain(opened)
    }
}

fn is_created_at_once(slot: &Slot<Creation>) -> bool {
    slot.operation.claim.is_some() && !slot.operation.is_charge()
}

const fn is_foreseen(slot: &Slot<Opened>) -> bool {
    slot.operation.foreseen.is_some()
}

fn turn_away<O: Operation>(slots: &mut Slots<O>) {
    let (stale, fresh) = std::mem::take(slots).into_iter().partition(Slot::is_stale);
    *slots = fresh;
    let stale: Vec<Slot<O>> = stale;
    stale.into_iter().for_each(|slot| slot.fail(StoreError::Busy));
}
