//! Payments that are settled while an operation's answer is lost, while nobody has told what became of an instrument, or
//! while what was collected of them is still to be given back: asked about for a while, until a look-up tells, or its silence
//! proves something; then a person looks.

use payment::Timestamp;
use payment::division::PartState;
use payment::fact::Reason;
use payment::operation::OperationState;
use payment::step::AfterLost;

use crate::fault::fault;
use crate::flow::apply_facts::{Known, OperationEnd, Source, apply_facts};
use crate::flow::drive_task::after_lost_word;
use crate::flow::operate::repeat_operation;
use crate::flow::probe::give_up;
use crate::flow::query_policy::{back_off, seconds};
use crate::flow::return_collected::{Returning, return_collected};
use crate::state::Hub;
use crate::store::{Attempt, OperationLine, Payment, StoreError, Work};

/// Most look-ups for an operation of which nothing is told; then a person looks.
const LOOK_UPS: i64 = 6;
/// Most times that the same is asked again.
const REPETITIONS: i64 = 20;
/// Most of them while the provider does not answer.
const LOOK_UPS_IN_VAIN: i64 = 100;

/// The provider was just asked, and an operation or an instrument still waits for its end.
pub(super) async fn await_more(
    hub: &Hub,
    work: &Work,
    payment: &Payment,
    attempt: &Attempt,
    grace_s: i64,
) -> Result<(), StoreError> {
    let now = hub.clock.now();
    let mut may_go_on = payment.detail.awaits_instrument
        && now <= attempt.expires_at.max(payment.updated_at) + seconds(grace_s);
    let mut next = now + back_off(work.tries, hub.entropy().bytes()[0]);
    let mut payment = payment.clone();
    for line in payment.detail.operations.clone().iter().filter(|line| line.state.is_open()) {
        match silence_on(hub, &payment, attempt, line, now).await? {
            Silence::ProvesNothingWasDone => payment = not_done(hub, work, line).await?,
            Silence::MayBeRepeated if work.tries < REPETITIONS && !fault!("leave_operations_unknown") => {
                let key = (work.merchant_id.clone(), work.payment_id.clone());
                payment = Box::pin(repeat_operation(hub, &key, &line.id)).await?.unwrap_or(payment);
                may_go_on = true;
            }
            Silence::MayBeRepeated => {}
            Silence::WillProve(at) => {
                may_go_on = true;
                next = next.min(at);
            }
            Silence::SaysNothing => may_go_on |= work.tries < LOOK_UPS,
        }
    }
    if payment.detail.awaits_return {
        match Box::pin(return_collected(hub, &payment, now)).await? {
            Returning::GoesOn(then) => (payment, may_go_on) = (*then, true),
            // A refused reversal is a case already.
            Returning::IsOver if has_refused_reversal(&payment) => return hub.store.end_work(work).await,
            Returning::IsOver => {}
        }
    }
    if !payment.awaits_more() {
        return hub.store.end_work(work).await;
    }
    if may_go_on { hub.store.release_work(work, next).await } else { give_up(hub, work).await }
}

fn has_refused_reversal(payment: &Payment) -> bool {
    payment.detail.parts.iter().any(|part| part.state == PartState::ReversalRefused)
}

/// What it means that a look-up tells nothing of an operation.
enum Silence {
    ProvesNothingWasDone,
    /// From this instant on it proves that.
    WillProve(Timestamp),
    /// It says nothing, and the same may be asked again.
    MayBeRepeated,
    SaysNothing,
}

async fn silence_on(
    hub: &Hub,
    payment: &Payment,
    attempt: &Attempt,
    line: &OperationLine,
    now: Timestamp,
) -> Result<Silence, StoreError> {
    // The process died, or the answer was lost, before anything was sent that can have an effect. The last intent is
    // that of the newest operation.
    let is_newest = payment.detail.operations.last().is_some_and(|newest| newest.id == line.id);
    let intent = hub.store.last_intent(&payment.merchant_id, attempt).await?;
    if is_newest && intent.as_deref() == Some(after_lost_word(AfterLost::FreshStart)) {
        return Ok(Silence::ProvesNothingWasDone);
    }
    if is_newest && intent.as_deref() == Some(after_lost_word(AfterLost::RepeatSame)) {
        return Ok(Silence::MayBeRepeated);
    }
    let shows_after =
        hub.account(&attempt.account_id).and_then(|(_, provider)| provider.absence_proves_after_s());
    let is_whole = [payment.kept().minor, payment.authorized.minor].contains(&line.amount);
    Ok(match shows_after.map(|after| line.created_at + seconds(after)) {
        Some(at) if is_whole && now >= at => Silence::ProvesNothingWasDone,
        Some(at) if is_whole => Silence::WillProve(at),
        Some(_) | None => Silence::SaysNothing,
    })
}

/// Writes that an operation was not done.
async fn not_done(hub: &Hub, work: &Work, line: &OperationLine) -> Result<Payment, StoreError> {
    let about = Known::about(
        work.merchant_id.clone(),
        work.payment_id.clone(),
        work.attempt_id.clone(),
        Source::Timer,
    );
    let end = OperationEnd {
        id: line.id.clone(),
        state: OperationState::Refused,
        provider_reference: None,
        reason: Reason::default(),
    };
    apply_facts(hub, Known { operation: Some(end), ..about }).await
}

/// Whether the payment of an attempt still waits for an operation or an instrument.
pub(super) async fn awaits_more(hub: &Hub, attempt: &Attempt) -> Result<bool, StoreError> {
    let payment = hub.store.payment(&attempt.merchant_id, &attempt.payment_id).await?;
    Ok(payment.is_some_and(|payment| !payment.status.is_open() && payment.awaits_more()))
}

/// The provider did not answer: asked again later, however long ago the attempt ended.
pub(super) async fn ask_later(hub: &Hub, work: &Work, now: Timestamp) -> Result<(), StoreError> {
    if work.tries >= LOOK_UPS_IN_VAIN {
        return give_up(hub, work).await;
    }
    hub.store.release_work(work, now + back_off(work.tries, hub.entropy().bytes()[0])).await
}
