//! Charges that a provider repeats by itself: each is a payment of its own, made by the notice that tells of it (AV-11.1).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payment::attempt::AttemptState;
use payment::fact::{Ending, Fact, FactKind, Outcome, Telling};
use payment::id::{AttemptId, PaymentId};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::recurrence::Recurred;
use payment::subject::SubjectKind;
use payment::summary::Certainty;
use payment::{Money, Order, Status, Subject, Timestamp};

use crate::fault::fault;
use crate::flow::receive_notice::{Arrival, Found, Judged};
use crate::state::Hub;
use crate::store::{
    Aggregate, Attempt, Changes, FoundAttempt, Named, Naming, Payment, PaymentDetail, PaymentKey, StoreError,
    Tx,
};

/// Our reference of a charge that the provider has repeated: it has none of its own at the provider.
pub(super) fn reference_of(began: &str, recurred: &Recurred) -> String {
    format!("{began}#{}", recurred.provider_reference)
}

/// Makes the payments of charges that were not told of before, under the lock of the payment that began the recurrence: so
/// one is made for each charge, however often and wherever it is told.
pub(super) async fn begin_recurring<'a>(
    hub: &Hub,
    tx: &mut Tx,
    arrivals: impl Iterator<Item = (&'a Arrival, &'a mut Judged)>,
    aggregates: &mut BTreeMap<PaymentKey, Aggregate>,
    changes: &mut Changes,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut begun: BTreeMap<(String, String, String), FoundAttempt> = BTreeMap::new();
    for (arrival, judged) in arrivals {
        let (Some(began), Some(recurred)) = (judged.recurs().cloned(), arrival.recurred()) else { continue };
        let merchant = arrival.merchant_id.clone();
        let charge = (merchant.clone(), arrival.account_id.clone(), recurred.provider_reference.clone());
        let known = match begun.get(&charge) {
            Some(known) => Some(known.clone()),
            None => told_meanwhile(tx, &charge, aggregates).await?,
        };
        let found = match known.filter(|_| !fault!("make_each_notice_a_payment")) {
            Some(known) => known,
            None => {
                let key = (merchant, began.payment_id.clone());
                let original = aggregates.get(&key).ok_or(StoreError::Corrupt("payment"))?;
                let aggregate = later_charge(hub, original, &began, recurred, now);
                let aggregate = insert(tx, aggregate, changes).await?;
                let attempt = &aggregate.attempts[0];
                let found = FoundAttempt {
                    payment_id: attempt.payment_id.clone(),
                    attempt_id: attempt.id.clone(),
                    reference: attempt.reference.clone(),
                };
                aggregates.insert((key.0, found.payment_id.clone()), aggregate);
                found
            }
        };
        begun.insert(charge, found.clone());
        judged.found = Some(Found::Known(found));
    }
    Ok(())
}

/// The payment of a charge that another one has told of between our first look and the lock.
async fn told_meanwhile(
    tx: &mut Tx,
    (merchant, account, provider_reference): &(String, String, String),
    aggregates: &mut BTreeMap<PaymentKey, Aggregate>,
) -> Result<Option<FoundAttempt>, StoreError> {
    let subject = Subject {
        account: account.clone(),
        kind: SubjectKind::RecurringCharge,
        provider_reference: provider_reference.clone(),
    };
    let naming = Naming {
        place: 0,
        merchant_id: merchant.as_str(),
        account_id: account.as_str(),
        reference: None,
        subject: Some(&subject),
    };
    let Some(Named { attempt: found, .. }) = tx.named_attempts(&[naming]).await?.pop() else {
        return Ok(None);
    };
    let key = (merchant.clone(), found.payment_id.clone());
    aggregates.append(&mut tx.lock_aggregates(&BTreeSet::from([key])).await?);
    Ok(Some(found))
}

/// Writes a payment. Its reference is the merchant's own, which may be taken by chance.
async fn insert(tx: &mut Tx, mut made: Aggregate, changes: &mut Changes) -> Result<Aggregate, StoreError> {
    if tx.insert_payments(&[&made.payment]).await?.is_empty() {
        Arc::make_mut(&mut made.payment.order).reference = made.payment.id.to_string();
        if tx.insert_payments(&[&made.payment]).await?.is_empty() {
            return Err(StoreError::Corrupt("payment"));
        }
    }
    changes.attempts.extend(made.attempts.iter().cloned());
    Ok(made)
}

/// The payment of a later charge. No work is written for it: there is no query for it, so that its notices alone tell.
fn later_charge(
    hub: &Hub,
    original: &Aggregate,
    began: &FoundAttempt,
    recurred: &Recurred,
    now: Timestamp,
) -> Aggregate {
    let first = &original.payment;
    let nothing = Money::zero(first.order.total.currency);
    let reference = reference_of(&began.reference, recurred);
    let payment = Payment {
        id: PaymentId::new(now, hub.entropy()),
        merchant_id: first.merchant_id.clone(),
        order: Arc::new(Order {
            reference: format!("{}#{}", first.order.reference, recurred.provider_reference),
            expires_at: None,
            keep_instrument: false,
            recurrence: None,
            ..(*first.order).clone()
        }),
        provider: first.provider.clone(),
        account_id: first.account_id.clone(),
        status: Status::Created,
        certainty: Certainty::Confirmed,
        authorized: nothing,
        paid: nothing,
        refunded: nothing,
        overpaid: nothing,
        told: None,
        detail: PaymentDetail {
            provider_reference: Some(reference.clone()),
            recurrence_of: Some(first.id.clone()),
            ..PaymentDetail::default()
        },
        idempotency_key: String::new(),
        expires_at: now,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let attempt = Attempt {
        id: AttemptId::new(now, hub.entropy()),
        merchant_id: payment.merchant_id.clone(),
        payment_id: payment.id.clone(),
        ordinal: 1,
        account_id: payment.account_id.clone(),
        reference,
        provider_reference: None,
        state: AttemptState::Created.word().to_owned(),
        expires_at: now,
        created_at: now,
    };
    Aggregate::of(payment, vec![attempt])
}

/// What such a telling means for its payment: the provider names no amount, which is that of the order.
pub(super) fn recurred_facts(facts: Vec<Fact>, total: Money) -> Vec<Fact> {
    let meaning = |fact: &Fact| {
        let FactKind::Recurred(recurred) = &fact.kind else { return Vec::new() };
        let movement = Movement {
            kind: MovementKind::Charge,
            provider_reference: recurred.provider_reference.clone(),
            parent: None,
            amount: total,
            state: recurred.state,
            at: fact.at,
            reason: recurred.reason.clone(),
            receipt: Receipt::default(),
        };
        let ended = |outcome| FactKind::Ended(Ending { outcome, reason: recurred.reason.clone() });
        let standing = match recurred.state {
            MovementState::Approved => ended(Outcome::Approved),
            MovementState::Rejected => ended(Outcome::Rejected),
            MovementState::Pending => FactKind::InProgress(Telling { reason: recurred.reason.clone() }),
        };
        vec![Fact::new(fact.at, FactKind::Moved(movement)), Fact::new(fact.at, standing)]
    };
    let meanings: Vec<Fact> = facts.iter().flat_map(meaning).collect();
    facts.into_iter().chain(meanings).collect()
}
