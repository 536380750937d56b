//! Takes a payment back before it is paid.

use std::sync::Arc;

use payment::id::PaymentId;
use payment::step::Refusal;
use payment::{Status, Task};

use crate::flow::apply_facts::{Known, Source, apply_facts};
use crate::flow::drive_task::{End, Job, deadline, drive_task};
use crate::flow::probe::{AskCause, ask_now};
use crate::flow::target::target_of;
use crate::limits::Held;
use crate::state::Hub;
use crate::store::{Payment, StoreError};

/// Why a payment was not taken back.
#[derive(Debug)]
pub enum CancelError {
    /// There is no such payment.
    NotFound,
    /// It is settled, or nothing was opened at the provider yet.
    NotOpen(Status),
    /// The provider refused, and it is open still.
    Refused(Refusal),
    /// The account's calls have to wait; nothing was sent.
    Held(Held),
    /// The provider's answer was lost; the probe finds out.
    Unknown,
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for CancelError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Takes a payment back at its provider. The work goes on when the caller hangs up.
pub async fn cancel_payment(hub: &Arc<Hub>, merchant: &str, id: &PaymentId) -> Result<Payment, CancelError> {
    let (hub, merchant, id) = (Arc::clone(hub), merchant.to_owned(), id.clone());
    let tracked = tokio::spawn(async move {
        let _busy = hub.busy();
        cancel(&hub, &merchant, &id).await
    });
    tracked.await.unwrap_or(Err(CancelError::Unknown))
}

async fn cancel(hub: &Arc<Hub>, merchant: &str, id: &PaymentId) -> Result<Payment, CancelError> {
    let payment = hub.store.payment(merchant, id).await?.ok_or(CancelError::NotFound)?;
    if payment.status == Status::Cancelled {
        return Ok(payment);
    }
    let attempts = hub.store.attempts(merchant, id).await?;
    let newest = attempts.last().ok_or(CancelError::NotFound)?;
    let (account, provider) = hub.account(&newest.account_id).ok_or(CancelError::NotFound)?;
    let target = target_of(hub, &payment, newest).await?.filter(|_| payment.status.is_open());
    let Some(target) = target else { return Err(CancelError::NotOpen(payment.status)) };
    let job = Job {
        merchant_id: merchant.to_owned(),
        payment_id: payment.id.clone(),
        attempt_id: newest.id.clone(),
        account: account.clone(),
        provider: Arc::clone(provider),
        task: Task::Withdraw(target),
        deadline: deadline(hub, account),
    };
    let driven = drive_task(hub, &job, job.begin(hub), None).await?;
    let (facts, end) = match driven.end {
        End::Learned { facts, .. } => (facts, Ok(())),
        End::Refused(refusal) => (Vec::new(), Err(CancelError::Refused(refusal))),
        End::Held(held) => return Err(CancelError::Held(held)),
        End::Lost(_) => (Vec::new(), Err(CancelError::Unknown)),
    };
    let about = Known::about(
        job.merchant_id.clone(),
        job.payment_id.clone(),
        job.attempt_id.clone(),
        Source::Merchant,
    );
    let known = Known { facts, calls: driven.calls, ..about };
    let applied = apply_facts(hub, known).await?;
    match end {
        Ok(()) => Ok(applied),
        Err(error) => look_again(hub, merchant, &job, error).await,
    }
}

/// Refused or lost: what stands at the provider decides what the merchant is told.
async fn look_again(
    hub: &Arc<Hub>,
    merchant: &str,
    job: &Job,
    error: CancelError,
) -> Result<Payment, CancelError> {
    match ask_now(hub, merchant, &job.attempt_id, AskCause::Person).await {
        Ok(payment) if payment.status == Status::Cancelled => Ok(payment),
        Ok(payment) if !payment.status.is_open() => Err(CancelError::NotOpen(payment.status)),
        Ok(_) | Err(_) => Err(error),
    }
}
