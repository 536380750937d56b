//! Payments with all that their state rests on, locked for one writer.

use std::collections::{BTreeMap, BTreeSet};

use payment::id::AttemptId;

use super::attempts::ToldAttempt;
use super::database::{Store, StoreError, Tx, parsed};
use super::rows::{Attempt, Operation, Payment, PaymentKey, RecordedFact};
use super::sets::Rows;

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

/// Which of the payments with these attempts stand as they were created, and nobody has asked for.
const UNTOUCHED: &str = "SELECT payment.merchant_id, payment.id FROM ({rows}) AS v \
     JOIN payment ON payment.merchant_id = v.column1 AND payment.id = v.column2 \
     JOIN work ON work.merchant_id = v.column1 AND work.attempt_id = v.column3 \
     LEFT JOIN fact ON fact.merchant_id = v.column1 AND fact.payment_id = v.column2 \
     WHERE payment.version = 1 AND work.cause <> 'notice' AND fact.fact_key IS NULL";

impl Aggregate {
    /// A payment with attempts of which nothing is known yet.
    pub fn of(payment: Payment, attempts: Vec<Attempt>) -> Self {
        Self { payment, attempts, facts: Vec::new(), operations: Vec::new(), noticed: BTreeSet::new() }
    }

    /// Whether nothing has become of it since, and no notice wants to be asked for.
    pub fn is_as_created(&self) -> bool {
        self.payment.version == 1 && self.facts.is_empty() && self.noticed.is_empty()
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
}

impl Tx {
    /// Of payments that were created with these attempts, those that stand as they were created. PostgreSQL has to lock a
    /// payment before it can say so: there none is named, and all are read.
    pub(crate) async fn untouched(
        &mut self,
        created: &[(PaymentKey, &AttemptId)],
    ) -> Result<BTreeSet<PaymentKey>, StoreError> {
        if created.is_empty() || self.is_postgres() {
            return Ok(BTreeSet::new());
        }
        let bound = Rows::of(created, |query, (key, attempt)| {
            query.bind(&key.0).bind(key.1.as_str()).bind(attempt.as_str())
        });
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
