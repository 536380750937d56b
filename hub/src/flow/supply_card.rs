//! Takes what a shopper has typed on our own page, a card or the code of a kept one, and pays with it. What was typed
//! lives in this task alone: it is in no record, and when the process dies it is gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use payment::Task;
use payment::account::Account;
use payment::attempt::AttemptState;
use payment::card::{Card, SecurityCode};
use payment::fact::{Fact, FactKind, Reason, Telling};
use payment::id::AttemptId;
use payment::provider::Provider;
use payment::step::Refusal;
use payment::task::{Supplied, Supply};

use crate::crash::crash_point;
use crate::fault::fault;
use crate::flow::apply_facts::{KeptInstruments, Known, Source, apply_facts, apply_known, count};
use crate::flow::create_payment::{CreateError, stored_instrument};
use crate::flow::drive_task::{Driven, End, Job, deadline, drive_task};
use crate::flow::target::{pure_attempt, target_of};
use crate::limits::Held;
use crate::state::Hub;
use crate::store::{Attempt, Changes, NewWork, Payment, StoreError};

/// How soon an attempt is looked up when the answer to its payment was lost, in seconds.
const LOOK_AGAIN_AFTER_S: i64 = 10;
/// How long a payment may take, process deaths included, before the probe looks it up, in seconds.
const PAYING_LEASE_S: i64 = 150;
/// The word under which the record says that the shopper has typed everything.
const SUPPLIED: &str = "supplied";

/// What a shopper has typed.
#[derive(Debug)]
pub enum Typed {
    /// A card.
    Card(Card),
    /// The security code of the kept card that the order names.
    Code(SecurityCode),
}

/// Why nothing was paid with it.
#[derive(Debug)]
pub enum SupplyError {
    /// There is no such attempt.
    NotFound,
    /// The attempt does not wait for it: it was paid, it ended, or it is being decided.
    NotWaiting(Box<Payment>),
    /// The provider refused what was typed, and the shopper may type again.
    Refused(Refusal),
    /// The account's calls have to wait; nothing was sent.
    Held(Held),
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for SupplyError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Pays with what was typed. The work goes on when the shopper leaves.
pub async fn supply_card(
    hub: &Arc<Hub>,
    merchant: &str,
    attempt: &AttemptId,
    typed: Typed,
) -> Result<Payment, SupplyError> {
    let (hub, merchant, attempt) = (Arc::clone(hub), merchant.to_owned(), attempt.clone());
    let tracked = tokio::spawn(async move {
        let _busy = hub.busy();
        supply(&hub, &merchant, &attempt, typed).await
    });
    tracked.await.unwrap_or_else(|_| Err(SupplyError::Store(StoreError::Corrupt("attempt"))))
}

/// Whether an attempt waits for what a shopper types on our page.
pub fn waits_for_card(hub: &Hub, payment: &Payment, attempt: &Attempt) -> bool {
    let card_url = hub.card_url(&payment.merchant_id, &attempt.id);
    attempt.state == AttemptState::Open.word()
        && payment.status.is_open()
        && hub.clock.now() < attempt.expires_at
        && payment.detail.pay_url.as_ref().is_some_and(|pay_url| pay_url.path() == card_url.path())
}

async fn supply(
    hub: &Arc<Hub>,
    merchant: &str,
    id: &AttemptId,
    typed: Typed,
) -> Result<Payment, SupplyError> {
    let attempt = hub.store.attempt(merchant, id).await?.ok_or(SupplyError::NotFound)?;
    let payment = hub.store.payment(merchant, &attempt.payment_id).await?.ok_or(SupplyError::NotFound)?;
    if !waits_for_card(hub, &payment, &attempt) {
        return Err(SupplyError::NotWaiting(Box::new(payment)));
    }
    let (account, provider) = hub.account(&attempt.account_id).ok_or(SupplyError::NotFound)?;
    let supplied = match typed {
        Typed::Card(card) => Supplied::Card(card),
        Typed::Code(code) => {
            let stored =
                stored_instrument(hub, merchant, &payment.order).await.map_err(|error| match error {
                    CreateError::Store(error) => SupplyError::Store(error),
                    _ => SupplyError::NotWaiting(Box::new(payment.clone())),
                })?;
            let stored = stored.ok_or(SupplyError::NotFound)?;
            Supplied::Code(stored.instrument, code)
        }
    };
    let target = target_of(hub, &payment, &attempt).await?.ok_or(SupplyError::NotFound)?;
    let supply = Box::new(Supply { target, order: (*payment.order).clone(), supplied });
    let job = paying(hub, &payment, &attempt, account, provider, Task::Pay(supply));
    // Of two that are typed at once, one is paid with.
    claim(hub, &attempt).await?;
    let driven = drive_task(hub, &job, job.begin(hub), None).await?;
    conclude(hub, &job, driven).await
}

fn paying(
    hub: &Hub,
    payment: &Payment,
    attempt: &Attempt,
    account: &Account,
    provider: &Arc<dyn Provider>,
    task: Task,
) -> Job {
    Job {
        merchant_id: payment.merchant_id.clone(),
        payment_id: payment.id.clone(),
        attempt_id: attempt.id.clone(),
        account: account.clone(),
        provider: Arc::clone(provider),
        task,
        deadline: deadline(hub, account),
    }
}

/// Writes that the shopper has typed everything, unless somebody has before: then the attempt waits no more.
async fn claim(hub: &Hub, attempt: &Attempt) -> Result<(), SupplyError> {
    let key = (attempt.merchant_id.clone(), attempt.payment_id.clone());
    let now = hub.clock.now();
    let mut tx = hub.store.begin().await?;
    let mut aggregates = tx.lock_aggregates(&BTreeSet::from([key.clone()])).await?;
    let locked = aggregates.get(&key).ok_or(SupplyError::NotFound)?;
    let state = pure_attempt(attempt, &locked.facts).standing().state;
    if state != AttemptState::Open && !fault!("pay_with_every_card") {
        return Err(SupplyError::NotWaiting(Box::new(locked.payment.clone())));
    }
    let reason = Reason { status: SUPPLIED.to_owned(), ..Reason::default() };
    let about = Known::about(key.0, key.1, attempt.id.clone(), Source::Shopper);
    let known = Known { facts: vec![Fact::new(now, FactKind::InProgress(Telling { reason }))], ..about };
    let mut changes = Changes::default();
    apply_known(hub, &known, &mut aggregates, &KeptInstruments::new(), &mut changes, now)?;
    schedule(attempt, now + jiff::SignedDuration::from_secs(PAYING_LEASE_S), &mut changes);
    tx.write(&changes).await?;
    crash_point!("supply.before_commit");
    tx.commit().await?;
    crash_point!("supply.after_commit");
    count(&changes);
    Ok(())
}

fn schedule(attempt: &Attempt, due_at: payment::Timestamp, changes: &mut Changes) {
    let work =
        NewWork { payment_id: attempt.payment_id.clone(), account_id: attempt.account_id.clone(), due_at };
    changes.scheduled.insert((attempt.merchant_id.clone(), attempt.id.clone()), work);
}

/// Writes what came of it.
async fn conclude(hub: &Hub, job: &Job, driven: Driven) -> Result<Payment, SupplyError> {
    let (merchant, payment) = (job.merchant_id.clone(), job.payment_id.clone());
    let about = Known::about(merchant, payment, job.attempt_id.clone(), Source::Answer);
    let calls = driven.calls;
    match driven.end {
        End::Learned { facts, tokens, .. } => {
            Ok(apply_facts(hub, Known { facts, tokens, calls, ..about }).await?)
        }
        // Nothing was paid: the shopper may type again.
        End::Refused(refusal) => {
            apply_facts(hub, Known { facts: vec![waiting(hub, &refusal)], calls, ..about }).await?;
            Err(SupplyError::Refused(refusal))
        }
        End::Held(held) => {
            let refusal = Refusal::unsupported("The account's calls have to wait.");
            apply_facts(hub, Known { facts: vec![waiting(hub, &refusal)], calls, ..about }).await?;
            Err(SupplyError::Held(held))
        }
        // The attempt stays as it is, being decided: nobody types again until a look-up says that nothing was paid.
        End::Lost(_) => {
            let payment = apply_facts(hub, Known { calls, ..about }).await?;
            let mut changes = Changes::default();
            let due_at = hub.clock.now() + jiff::SignedDuration::from_secs(LOOK_AGAIN_AFTER_S);
            let work =
                NewWork { payment_id: job.payment_id.clone(), account_id: job.account.id.clone(), due_at };
            changes.scheduled.insert((job.merchant_id.clone(), job.attempt_id.clone()), work);
            let mut tx = hub.store.begin().await?;
            tx.write(&changes).await?;
            tx.commit().await?;
            Ok(payment)
        }
    }
}

/// The shopper may act again, since what was typed was refused.
fn waiting(hub: &Hub, refusal: &Refusal) -> Fact {
    let reason = Reason {
        status: String::new(),
        code: refusal.provider_code.clone().unwrap_or_default(),
        message: refusal.detail.clone(),
    };
    Fact::new(hub.clock.now(), FactKind::Waiting(Telling { reason }))
}
