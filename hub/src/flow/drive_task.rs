//! The one driver: asks the provider for a step, commits before it calls, calls, feeds back what came.

use std::sync::Arc;

use payment::account::Account;
use payment::id::{AttemptId, PaymentId};
use payment::provider::{Moment, Provider};
use payment::step::{AfterLost, Call, Input, Refusal, Step};
use payment::{Fact, Task, Timestamp};

use crate::crash::crash_point;
use crate::flow::apply_facts::LoggedCall;
use crate::flow::wire_mask;
use crate::outbound::Called;
use crate::state::Hub;
use crate::store::{CallLine, StoreError, Tx};
use crate::vault::encode_hex;

/// Most steps of one task; a protocol that wants more is broken.
const MAX_STEPS: usize = 16;

/// What is being done, for whom.
pub struct Job {
    /// Whose payment.
    pub merchant_id: String,
    /// The payment.
    pub payment_id: PaymentId,
    /// The attempt.
    pub attempt_id: AttemptId,
    /// The account to use.
    pub account: Account,
    /// Its protocol.
    pub provider: Arc<dyn Provider>,
    /// What is to be done.
    pub task: Task,
}

/// How a task ended.
#[derive(Debug)]
pub enum End {
    /// This was learned about the attempt.
    Learned(Vec<Fact>),
    /// Refused: nothing happened to money.
    Refused(Refusal),
    /// No answer that tells what happened.
    Lost(AfterLost),
}

/// How a task ended, and the calls that were made.
pub struct Driven {
    /// The end.
    pub end: End,
    /// The calls, to be written together with what was learned.
    pub calls: Vec<LoggedCall>,
}

impl Job {
    /// The task's first step. Pure.
    pub fn begin(&self, hub: &Hub) -> Step {
        self.provider.begin(&self.task, &self.account, moment(hub))
    }

    /// The line of a call about to be made.
    pub fn line(&self, hub: &Hub, call: &Call) -> CallLine {
        let now = hub.clock.now();
        CallLine {
            id: call_id(now, hub),
            attempt_id: self.attempt_id.clone(),
            operation: call.request.operation.to_owned(),
            request_line: format!("{} {}", call.request.method, call.request.url),
            request_body: wire_mask::mask(&call.request.body, self.provider.profile().masked_members),
            outcome: "started".to_owned(),
            status: None,
            answer_body: String::new(),
            duration_us: None,
            started_at: now,
        }
    }

    /// Writes that a call is about to be made, with what the client wants to remember of it.
    pub async fn write_intent(&self, tx: &mut Tx, call: &Call, line: &CallLine) -> Result<(), StoreError> {
        tx.set_memo(&self.merchant_id, &self.attempt_id, &call.memo).await?;
        tx.insert_call(&self.merchant_id, &self.payment_id, line, after_lost_word(call.on_lost)).await
    }

    /// Only a look-up may be sent without its intent being durable: it changes nothing anywhere.
    const fn is_inert(&self) -> bool {
        matches!(self.task, Task::LookUp(_))
    }
}

/// Drives a task from its first step to its end. `intent` is the first call's line when the caller has
/// already committed it.
pub async fn drive_task(
    hub: &Hub,
    job: &Job,
    first: Step,
    mut intent: Option<CallLine>,
) -> Result<Driven, StoreError> {
    let mut calls = Vec::new();
    let mut step = first;
    for _ in 0..MAX_STEPS {
        let call = match step {
            Step::Call(call) => call,
            Step::Learned(observations) => {
                let facts = observations.into_iter().flat_map(|observation| observation.facts);
                return Ok(Driven { end: End::Learned(facts.collect()), calls });
            }
            Step::Refused(refusal) => return Ok(Driven { end: End::Refused(refusal), calls }),
            // Before any call there is nothing to lose: an unclear beginning is a fault of the client.
            Step::Unclear { cause } => {
                tracing::error!(attempt = %job.attempt_id, cause, "a task was unclear before any call");
                return Ok(Driven { end: End::Lost(AfterLost::Search), calls });
            }
        };
        let (mut line, was_written) = match intent.take() {
            Some(line) => (line, true),
            None if job.is_inert() => (job.line(hub, &call), false),
            None => {
                let line = job.line(hub, &call);
                let mut tx = hub.store.begin().await?;
                job.write_intent(&mut tx, &call, &line).await?;
                may_die(&job.task, Place::BeforeCommit);
                tx.commit().await?;
                may_die(&job.task, Place::AfterCommit);
                (line, true)
            }
        };
        may_die(&job.task, Place::BeforeCall);
        let called = hub.outbound.call(&call.request, &hub.clock).await;
        may_die(&job.task, Place::AfterCall);
        finish_line(&mut line, &called, job);
        calls.push(LoggedCall { line, was_written });
        count(job, &call, &called);
        let is_lost = matches!(called.input, Input::Lost { .. });
        step = job.provider.resume(&job.task, &job.account, &call.memo, called.input, moment(hub));
        match &step {
            Step::Unclear { cause } => {
                tracing::warn!(attempt = %job.attempt_id, operation = call.request.operation, cause, "an answer tells nothing");
                return Ok(Driven { end: End::Lost(call.on_lost), calls });
            }
            // After a lost answer only what its `AfterLost` allows is ever sent.
            Step::Call(_) if is_lost && !allows_call(call.on_lost) => {
                return Ok(Driven { end: End::Lost(call.on_lost), calls });
            }
            Step::Call(_) | Step::Learned(_) | Step::Refused(_) => {}
        }
    }
    tracing::error!(attempt = %job.attempt_id, "a task does not come to an end");
    Ok(Driven { end: End::Lost(AfterLost::Search), calls })
}

/// Where in the round of one call.
#[derive(Clone, Copy)]
enum Place {
    BeforeCommit,
    AfterCommit,
    BeforeCall,
    AfterCall,
}

/// The crash points of a round. The intent of a look-up is not written, and the first one of a creation is
/// written with the payment: what a creation commits here is that it is begun anew.
fn may_die(task: &Task, place: Place) {
    match (task, place) {
        (Task::Authorize(_), Place::BeforeCommit) => crash_point!("create_again.before_commit"),
        (Task::Authorize(_), Place::AfterCommit) => crash_point!("create_again.after_commit"),
        (Task::Authorize(_), Place::BeforeCall) => crash_point!("create.before_call"),
        (Task::Authorize(_), Place::AfterCall) => crash_point!("create.after_call"),
        (Task::Withdraw(_), Place::BeforeCommit) => crash_point!("cancel.before_commit"),
        (Task::Withdraw(_), Place::AfterCommit) => crash_point!("cancel.after_commit"),
        (Task::Withdraw(_), Place::BeforeCall) => crash_point!("cancel.before_call"),
        (Task::Withdraw(_), Place::AfterCall) => crash_point!("cancel.after_call"),
        (Task::LookUp(_), Place::BeforeCall) => crash_point!("look_up.before_call"),
        (Task::LookUp(_), Place::AfterCall) => crash_point!("look_up.after_call"),
        (Task::LookUp(_), Place::BeforeCommit | Place::AfterCommit) => {}
    }
}

const fn allows_call(on_lost: AfterLost) -> bool {
    match on_lost {
        AfterLost::Search | AfterLost::RepeatSame => true,
        AfterLost::FreshStart | AfterLost::Adopt => false,
    }
}

fn moment(hub: &Hub) -> Moment {
    Moment { now: hub.clock.now(), entropy: hub.entropy() }
}

fn finish_line(line: &mut CallLine, called: &Called, job: &Job) {
    line.outcome = called.outcome.to_owned();
    line.duration_us = Some(called.duration_us);
    if let Input::Answer(answer) = &called.input {
        line.status = Some(i64::from(answer.status));
        line.answer_body = wire_mask::mask(&answer.body, job.provider.profile().masked_members);
    }
}

fn count(job: &Job, call: &Call, called: &Called) {
    let seconds = std::time::Duration::from_micros(u64::try_from(called.duration_us).unwrap_or(0));
    metrics::histogram!(
        "caudal_provider_request_duration_seconds",
        "provider" => job.account.provider.clone(),
        "operation" => call.request.operation,
        "outcome" => called.outcome
    )
    .record(seconds.as_secs_f64());
    if called.outcome == "lost_maybe_sent" {
        metrics::counter!("caudal_unknown_outcome_total", "provider" => job.account.provider.clone())
            .increment(1);
    }
}

/// Sorts by time: microseconds since the epoch, then chance.
fn call_id(now: Timestamp, hub: &Hub) -> String {
    let chance = encode_hex(&hub.entropy().bytes()[..6]);
    format!("cal_{:016x}{chance}", now.as_microsecond())
}

const fn after_lost_word(on_lost: AfterLost) -> &'static str {
    match on_lost {
        AfterLost::FreshStart => "fresh_start",
        AfterLost::Search => "search",
        AfterLost::RepeatSame => "repeat_same",
        AfterLost::Adopt => "adopt",
    }
}
