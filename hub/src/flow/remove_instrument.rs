//! Takes a kept instrument away: at its provider where that is possible, and here in any case.

use std::sync::Arc;

use payment::fact::{Fact, FactKind, Reason};
use payment::id::InstrumentId;
use payment::instrument::{InstrumentTelling, KeepingState, StoredInstrument};
use payment::step::Refusal;
use payment::{Task, Timestamp};

use crate::fault::fault;
use crate::flow::apply_facts::{Known, Source, apply_facts};
use crate::flow::drive_task::{End, Job, deadline, drive_task};
use crate::flow::keep_instruments::token_place;
use crate::flow::query_policy::{back_off, seconds};
use crate::limits::Held;
use crate::state::Hub;
use crate::store::{Instrument, InstrumentState, Payment, StoreError, Work};

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
        remove(&hub, &merchant, &id, Source::Merchant).await
    });
    tracked.await.unwrap_or(Err(RemoveError::Unknown))
}

async fn remove(
    hub: &Hub,
    merchant: &str,
    id: &InstrumentId,
    source: Source,
) -> Result<Instrument, RemoveError> {
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
    let own = removed(&instrument, hub.clock.now());
    let told = match driven.end {
        End::Learned { facts, .. } if facts.iter().any(|fact| takes_away(fact, &instrument)) => Ok(facts),
        End::Learned { facts, .. } => Ok(facts.into_iter().chain([own]).collect()),
        // Where the provider cannot, forgetting the token is what is left.
        End::Refused(refusal) if refusal.code == UNSUPPORTED => Ok(vec![own]),
        End::Refused(refusal) => Err(RemoveError::Refused { refusal, provider: account.provider.clone() }),
        End::Held(held) => Err(RemoveError::Held(held)),
        End::Lost(_) => Err(RemoveError::Unknown),
    };
    let (facts, end) = match told {
        Ok(facts) => (facts, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    };
    let about = Known::about(job.merchant_id.clone(), job.payment_id.clone(), job.attempt_id.clone(), source);
    apply_facts(hub, Known { facts, calls: driven.calls, ..about }).await?;
    end?;
    hub.store.instrument(merchant, id).await?.ok_or(RemoveError::NotFound)
}

/// The fact that an instrument is no more.
fn removed(instrument: &Instrument, now: Timestamp) -> Fact {
    let telling = InstrumentTelling {
        provider_reference: instrument.provider_reference.clone(),
        state: KeepingState::Removed,
        digest: instrument.digest.clone(),
        brand: instrument.brand.clone(),
        bin: None,
        last_four: None,
        valid_until: None,
        reason: Reason::default(),
    };
    Fact::new(now, FactKind::Instrument(telling))
}

fn takes_away(fact: &Fact, instrument: &Instrument) -> bool {
    matches!(&fact.kind, FactKind::Instrument(telling)
        if telling.state == KeepingState::Removed && telling.digest == instrument.digest)
}

/// What came of taking away the instrument that a payment's charge has ended.
pub(super) enum Removal {
    /// There is none that is to be taken away.
    NotDue,
    /// It is away.
    Over,
    /// It is still to be taken away, after this wait.
    PutOff(jiff::SignedDuration),
}

/// Takes away the instrument of a payment when its charges have ended it (AV-8.6): again and again, until its provider takes
/// that, or says that nothing can be charged with it any more.
pub(super) async fn remove_ended(hub: &Hub, payment: &Payment, work: &Work) -> Result<Removal, StoreError> {
    let Some(id) = &payment.order.instrument else { return Ok(Removal::NotDue) };
    let instrument = hub.store.instrument(&payment.merchant_id, id).await?;
    if instrument.is_none_or(|instrument| instrument.state != InstrumentState::Removing) {
        return Ok(Removal::NotDue);
    }
    let wait = match remove(hub, &payment.merchant_id, id, Source::Removal).await {
        Ok(_) => return Ok(Removal::Over),
        Err(RemoveError::Store(error)) => return Err(error),
        Err(RemoveError::Held(held)) => seconds(held.retry_after_s().into()),
        Err(error @ (RemoveError::NotFound | RemoveError::Refused { .. } | RemoveError::Unknown)) => {
            tracing::warn!(instrument = %id, ?error, "an instrument that has to be taken away is not yet");
            back_off(work.tries, hub.entropy().bytes()[0])
        }
    };
    Ok(if fault!("give_up_removals") { Removal::Over } else { Removal::PutOff(wait) })
}
