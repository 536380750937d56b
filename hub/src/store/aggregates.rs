//! Payments with all that their state rests on, locked for one writer.

use std::collections::{BTreeMap, BTreeSet};

use payment::id::AttemptId;

use super::database::{StoreError, Tx};
use super::rows::{Attempt, Payment, PaymentKey, RecordedFact};

/// A payment with its attempts and facts.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// The payment.
    pub payment: Payment,
    /// Its attempts, first one first.
    pub attempts: Vec<Attempt>,
    /// All that was learned of it, in the order in which it was.
    pub facts: Vec<RecordedFact>,
    /// The attempts that a notice wants to be asked for.
    pub noticed: BTreeSet<AttemptId>,
}

impl Tx {
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
            let aggregate =
                Aggregate { payment, attempts: Vec::new(), facts: Vec::new(), noticed: BTreeSet::new() };
            aggregates.insert(key, aggregate);
        }
        let mut payment_of = BTreeMap::new();
        for attempt in self.attempts_of(&keys).await? {
            let key = (attempt.merchant_id.clone(), attempt.payment_id.clone());
            payment_of.insert((attempt.merchant_id.clone(), attempt.id.clone()), key.clone());
            if let Some(aggregate) = aggregates.get_mut(&key) {
                aggregate.attempts.push(attempt);
            }
        }
        for (key, fact) in self.facts_of(&keys).await? {
            if let Some(aggregate) = aggregates.get_mut(&key) {
                aggregate.facts.push(fact);
            }
        }
        for attempt in self.noticed_of(&keys).await? {
            if let Some(aggregate) = payment_of.get(&attempt).and_then(|key| aggregates.get_mut(key)) {
                aggregate.noticed.insert(attempt.1);
            }
        }
        Ok(aggregates)
    }
}
