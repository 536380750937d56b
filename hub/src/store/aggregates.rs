//! Payments with all that their state rests on, locked for one writer.

use std::collections::{BTreeMap, BTreeSet};

use payment::id::AttemptId;

use super::attempts::ToldAttempt;
use super::changes::Changes;
use super::database::{Store, StoreError, Tx, parsed};
use super::joint::Joint;
use super::rows::{Attempt, Operation, Payment, PaymentKey, RecordedFact};
use super::sets::Rows;
use crate::fault::fault;

/// A payment with its attempts and facts.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// The payment.
    pub payment: Payment,
    /// Its attempts, first one first.
    pub attempts: Vec<Attempt>,
    /// All that was learned of it, in the order in which it was.
    pub facts: Vec<RecordedFact>,
    /// What was done with its money, first one first.
    pub operations: Vec<Operation>,
    /// The attempts that a notice wants to be asked for.
    pub noticed: BTreeSet<AttemptId>,
}

/// Which of the payments stand as they were created: whatever touches a payment changes its version.
const UNTOUCHED: &str = "SELECT payment.merchant_id, payment.id FROM ({rows}) AS v \
     JOIN payment ON payment.merchant_id = v.column1 AND payment.id = v.column2 WHERE payment.version = 1";
/// The same, and they stay so until the transaction ends.
const UNTOUCHED_LOCKED: &str = "SELECT payment.id FROM ({rows}) AS v \
     JOIN payment ON payment.merchant_id = v.column1 AND payment.id = v.column2 WHERE payment.version = 1 \
     ORDER BY payment.merchant_id, payment.id FOR UPDATE OF payment";
/// Whether those are all that are asked for.
const ARE_ALL: &str = "SELECT COUNT(*) = CARDINALITY($1) AS are_all FROM untouched";

impl Aggregate {
    /// A payment with attempts of which nothing is known yet.
    pub fn of(payment: Payment, attempts: Vec<Attempt>) -> Self {
        Self { payment, attempts, facts: Vec::new(), operations: Vec::new(), noticed: BTreeSet::new() }
    }

    /// Whether nobody has touched it since.
    pub const fn is_as_created(&self) -> bool {
        self.payment.version == 1
    }
}

impl Store {
    /// A payment with all that its state rests on, as it stands now.
    pub async fn aggregate(&self, key: &PaymentKey) -> Result<Option<Aggregate>, StoreError> {
        let mut tx = self.begin().await?;
        let found = tx.lock_aggregates(&BTreeSet::from([key.clone()])).await?.remove(key);
        tx.commit().await?;
        Ok(found)
    }

    /// Writes what was foreseen of these payments, if all of them stand as they were created, in a transaction of its own of one
    /// of the [`Store::writers`]. False: nothing was written, because one of them does not, or because the database or the
    /// changes are none that go into one statement.
    pub(crate) async fn write_foreseen(
        &self,
        writer: usize,
        keys: &BTreeSet<PaymentKey>,
        changes: &Changes,
    ) -> Result<bool, StoreError> {
        let Some(lane) = self.lane_of(writer) else { return Ok(false) };
        let script = changes.script(true)?;
        if !script.is_one_go() {
            return Ok(false);
        }
        let believes = fault!("believe_what_was_foreseen");
        let mut joint = Joint::telling("SELECT are_all FROM asked");
        let rows = Rows::of(keys, |query, key| query.bind(&key.0).bind(key.1.as_str()));
        joint.add("untouched", UNTOUCHED_LOCKED, rows);
        joint.add("asked", ARE_ALL, Rows::default());
        let condition = if believes { "" } else { "(SELECT are_all FROM asked)" };
        joint.add_script(script, |_| Some(condition))?;
        Ok(joint.commit_on::<(bool,)>(lane).await?.contains(&(true,)) || believes)
    }
}

impl Tx {
    /// Of payments those that stand as they were created. PostgreSQL has to lock a payment before it can say so: there none
    /// is named, and all are read.
    pub(crate) async fn untouched(
        &mut self,
        keys: &BTreeSet<PaymentKey>,
    ) -> Result<BTreeSet<PaymentKey>, StoreError> {
        if self.is_postgres() {
            return Ok(BTreeSet::new());
        }
        let bound = Rows::of(keys, |query, key| query.bind(&key.0).bind(key.1.as_str()));
        let rows = self.read_rows::<(String, String)>(UNTOUCHED, bound).await?;
        rows.into_iter().map(|(merchant, id)| Ok((merchant, parsed(&id, "payment")?))).collect()
    }

    /// Payments with all that their state rests on, locked in the order of their keys until the transaction ends.
    /// A payment that is not there is missing in the answer.
    pub async fn lock_aggregates(
        &mut self,
        keys: &BTreeSet<PaymentKey>,
    ) -> Result<BTreeMap<PaymentKey, Aggregate>, StoreError> {
        let keys: Vec<&PaymentKey> = keys.iter().collect();
        let mut aggregates = BTreeMap::new();
        for payment in self.lock_payments(&keys).await? {
            let key = (payment.merchant_id.clone(), payment.id.clone());
            aggregates.insert(key, Aggregate::of(payment, Vec::new()));
        }
        let mut facts = Vec::new();
        for ToldAttempt { attempt, is_noticed, fact } in self.attempts_of(&keys).await? {
            let key = (attempt.merchant_id.clone(), attempt.payment_id.clone());
            let Some(aggregate) = aggregates.get_mut(&key) else { continue };
            if is_noticed {
                aggregate.noticed.insert(attempt.id.clone());
            }
            // With each of its facts an attempt comes again.
            if aggregate.attempts.last().is_none_or(|last| last.id != attempt.id) {
                aggregate.attempts.push(attempt);
            }
            facts.extend(fact.map(|(ordinal, fact)| (ordinal, key, fact)));
        }
        facts.sort_by_key(|(ordinal, ..)| *ordinal);
        for (_, key, fact) in facts {
            if let Some(aggregate) = aggregates.get_mut(&key) {
                aggregate.facts.push(fact);
            }
        }
        // Where no money has moved there is nothing that could have been done with it.
        let moved = |key: &&&PaymentKey| {
            aggregates.get(**key).is_some_and(|aggregate| {
                let payment = &aggregate.payment;
                payment.paid.minor > 0
                    || payment.authorized.minor > 0
                    || !payment.detail.operations.is_empty()
            })
        };
        let with_money: Vec<&PaymentKey> = keys.iter().filter(moved).copied().collect();
        for operation in self.operations_of(&with_money).await? {
            let key = (operation.merchant_id.clone(), operation.payment_id.clone());
            if let Some(aggregate) = aggregates.get_mut(&key) {
                aggregate.operations.push(operation);
            }
        }
        Ok(aggregates)
    }
}
