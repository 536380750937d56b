//! Takes a kept instrument away: at its provider where that is possible, and here in any case.

use std::sync::Arc;

use payment::Task;
use payment::id::InstrumentId;
use payment::instrument::StoredInstrument;
use payment::step::Refusal;

use crate::flow::drive_task::{End, Job, deadline, drive_task};
use crate::flow::keep_instruments::{changed, tell, token_place};
use crate::limits::Held;
use crate::state::Hub;
use crate::store::{Changes, Instrument, InstrumentState, StoreError};

/// The word of a refusal by a provider that has no way to take instruments away.
const UNSUPPORTED: &str = "unsupported_feature";

/// Why an instrument was not taken away.
#[derive(Debug)]
pub enum RemoveError {
    /// There is no such instrument.
    NotFound,
    /// The provider refused.
    Refused {
        /// The refusal.
        refusal: Refusal,
        /// The provider.
        provider: String,
    },
    /// The account's calls have to wait; nothing was sent.
    Held(Held),
    /// The provider's answer was lost; the same may be asked again.
    Unknown,
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for RemoveError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Takes an instrument away. The work goes on when the caller hangs up.
pub async fn remove_instrument(
    hub: &Arc<Hub>,
    merchant: &str,
    id: &InstrumentId,
) -> Result<Instrument, RemoveError> {
    let (hub, merchant, id) = (Arc::clone(hub), merchant.to_owned(), id.clone());
    let tracked = tokio::spawn(async move {
        let _busy = hub.busy();
        remove(&hub, &merchant, &id).await
    });
    tracked.await.unwrap_or(Err(RemoveError::Unknown))
}

async fn remove(hub: &Hub, merchant: &str, id: &InstrumentId) -> Result<Instrument, RemoveError> {
    let instrument = hub.store.instrument(merchant, id).await?.ok_or(RemoveError::NotFound)?;
    let Some(sealed) = instrument.sealed_token.as_deref() else { return Ok(instrument) };
    let (account, provider) = hub.account(&instrument.account_id).ok_or(RemoveError::NotFound)?;
    let token =
        hub.vault.open_text(&token_place(id), sealed).map_err(|_| StoreError::Corrupt("instrument"))?;
    let attempts = hub.store.attempts(merchant, &instrument.payment_id).await?;
    let attempt = attempts.last().ok_or(StoreError::Corrupt("instrument"))?;
    let job = Job {
        merchant_id: merchant.to_owned(),
        payment_id: instrument.payment_id.clone(),
        attempt_id: attempt.id.clone(),
        account: account.clone(),
        provider: Arc::clone(provider),
        task: Task::Invalidate(StoredInstrument {
            id: instrument.id.clone(),
            provider_reference: instrument.provider_reference.clone(),
            token: token.into(),
            brand: instrument.brand.clone(),
        }),
        deadline: deadline(hub, account),
    };
    let driven = drive_task(hub, &job, job.begin(hub), None).await?;
    let now = hub.clock.now();
    let mut changes = Changes::default();
    for call in &driven.calls {
        changes.finished_calls.push(((job.merchant_id.clone(), job.payment_id.clone()), call.line.clone()));
    }
    let removed = changed(instrument, InstrumentState::Removed, now);
    let end = match driven.end {
        End::Learned { .. } => Ok(()),
        // Where the provider cannot, forgetting the token is what is left.
        End::Refused(refusal) if refusal.code == UNSUPPORTED => Ok(()),
        End::Refused(refusal) => Err(RemoveError::Refused { refusal, provider: account.provider.clone() }),
        End::Held(held) => Err(RemoveError::Held(held)),
        End::Lost(_) => Err(RemoveError::Unknown),
    };
    if end.is_ok() {
        tell(hub, &removed, None, &mut changes, now);
        changes.instruments.insert(removed.token_key(), removed.clone());
    }
    let mut tx = hub.store.begin().await?;
    tx.write(&changes).await?;
    tx.commit().await?;
    end.map(|()| removed)
}
