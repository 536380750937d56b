//! An attempt as a provider's client is given it, with what is known of its money and of its instrument.

use payment::attempt::Attempt as PureAttempt;
use payment::instrument::KeepingState;
use payment::task::Target;

use crate::state::Hub;
use crate::store::{Attempt, Payment, RecordedFact, StoreError};

/// The target of an attempt that the provider knows. None: it does not know it, as far as we know.
pub(super) async fn target_of(
    hub: &Hub,
    payment: &Payment,
    attempt: &Attempt,
) -> Result<Option<Target>, StoreError> {
    let Some(provider_reference) = attempt.provider_reference.clone() else { return Ok(None) };
    // Where neither has moved any money nor was anything to be kept there is nothing to read.
    let has_facts = payment.paid.minor > 0 || payment.authorized.minor > 0 || payment.order.keep_instrument;
    let recorded = match has_facts {
        true => hub.store.recorded_facts(&payment.merchant_id, &payment.id).await?,
        false => Vec::new(),
    };
    Ok(Some(target(payment, attempt, provider_reference, &recorded)))
}

/// The target of an attempt whose facts are at hand.
pub(super) fn target(
    payment: &Payment,
    attempt: &Attempt,
    provider_reference: String,
    recorded: &[RecordedFact],
) -> Target {
    let pure = pure_attempt(attempt, recorded);
    let summary = payment::summary(payment.order.total, std::slice::from_ref(&pure));
    let keeping = pure.keeping().filter(|keeping| keeping.state == KeepingState::Begun);
    Target {
        reference: attempt.reference.clone(),
        provider_reference,
        total: payment.order.total,
        movements: summary.movements,
        awaited_instrument: keeping.map(|keeping| keeping.telling.provider_reference),
    }
}

/// An attempt with its facts.
pub(super) fn pure_attempt(attempt: &Attempt, recorded: &[RecordedFact]) -> PureAttempt {
    let of_attempt = recorded.iter().filter(|fact| fact.attempt_id == attempt.id);
    PureAttempt { ordinal: attempt.ordinal, facts: of_attempt.map(|fact| fact.fact.clone()).collect() }
}
