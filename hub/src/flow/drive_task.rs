//! The one driver: asks the provider for a step, commits before it calls, calls, feeds back what came.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use payment::account::Account;
use payment::id::{AttemptId, PaymentId};
use payment::instrument::InstrumentToken;
use payment::provider::{Moment, Provider};
use payment::step::{AfterLost, Call, Input, Learned, Memo, Refusal, Request, Step};
use payment::{Fact, Task, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::crash::crash_point;
use crate::fault::fault;
use crate::flow::access_token::{TokenCall, access_token, forget_token};
use crate::flow::apply_facts::LoggedCall;
use crate::flow::wire_mask;
use crate::limits::{Contact, Gate, Held, Permit, Purpose};
use crate::metrics::{PROVIDER_REQUEST_DURATION, UNKNOWN_OUTCOME};
use crate::outbound::{CallOutcome, Called};
use crate::state::Hub;
use crate::store::{CallLine, Changes, NewCall, StoreError};
use crate::vault::encode_hex;

/// Most steps of one task; a protocol that wants more is broken.
const MAX_STEPS: usize = 16;
/// How long a task that has not begun waits for its turn among the account's calls.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most access tokens tried for one call: the one at hand, and a fresh one when that is refused.
const TOKENS_PER_CALL: usize = 2;
/// How a provider says that a token is no good.
const UNAUTHORIZED: u16 = 401;
/// With less time than this left, nothing is sent any more.
const LEAST_TIME: Duration = Duration::from_millis(200);

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
    /// When everything has to be over, in real time: what is left of it is each call's time-out.
    pub deadline: Instant,
}

/// That a call is about to be made, with what the client wants to remember until its answer.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Whose payment.
    pub merchant_id: String,
    /// The payment.
    pub payment_id: PaymentId,
    /// The attempt.
    pub attempt_id: AttemptId,
    /// What the client wants to remember.
    pub memo: Memo,
    /// The call.
    pub line: CallLine,
    /// What may be done when its answer is lost.
    pub after_lost: &'static str,
}

impl Intent {
    /// Adds it to what is written.
    pub fn write(&self, changes: &mut Changes) {
        changes.memos.insert((self.merchant_id.clone(), self.attempt_id.clone()), self.memo.clone());
        changes.calls.push(NewCall {
            payment: (self.merchant_id.clone(), self.payment_id.clone()),
            line: self.line.clone(),
            after_lost: self.after_lost,
        });
    }
}

/// A first call that its caller has prepared: its line is committed, and leave to make it is held.
pub struct Prepared {
    /// The line.
    pub line: CallLine,
    /// The leave.
    pub permit: Permit,
}

/// How a task ended.
#[derive(Debug)]
pub enum End {
    /// This was learned about the attempt.
    Learned {
        /// The facts.
        facts: Vec<Fact>,
        /// The key by which its notices are verified, when the provider gave one.
        attempt_key: Option<SecretString>,
        /// The tokens of kept instruments that the facts tell of.
        tokens: Vec<InstrumentToken>,
    },
    /// Refused: nothing happened to money.
    Refused(Refusal),
    /// No answer that tells what happened.
    Lost(AfterLost),
    /// Nothing was sent: the account's calls have to wait.
    Held(Held),
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
    pub fn line(&self, hub: &Hub, request: &Request) -> CallLine {
        let now = hub.clock.now();
        CallLine {
            id: call_id(now, hub),
            attempt_id: self.attempt_id.clone(),
            operation: request.operation.to_owned(),
            request_line: format!("{} {}", request.method, request.url),
            request_body: wire_mask::mask(&request.body, self.provider.profile().masked_members),
            outcome: "started".to_owned(),
            status: None,
            answer_body: String::new(),
            duration_us: None,
            started_at: now,
        }
    }

    /// That a call is about to be made, with what the client wants to remember of it.
    pub fn intent(&self, call: &Call, line: &CallLine) -> Intent {
        Intent {
            merchant_id: self.merchant_id.clone(),
            payment_id: self.payment_id.clone(),
            attempt_id: self.attempt_id.clone(),
            memo: call.memo.clone(),
            line: line.clone(),
            after_lost: after_lost_word(call.on_lost),
        }
    }

    /// Leave to make the task's first call.
    ///
    /// # Errors
    /// [`Held`]: the account's calls have to wait.
    pub async fn admit(&self, hub: &Hub) -> Result<Permit, Held> {
        let purpose = match self.task {
            Task::Authorize(_) | Task::ChargeStored(_) | Task::LookUp(_) => Purpose::Begin,
            // What settles money that is under way goes before what begins.
            Task::Pay(_) | Task::Withdraw(_) | Task::Operate(_) | Task::Invalidate(_) => Purpose::Settle,
        };
        self.gate(hub).admit(purpose, PATIENCE.min(self.time_left())).await
    }

    /// Leave to make the task's first call, if nothing has to be waited for.
    pub fn admit_at_once(&self, hub: &Hub) -> Option<Permit> {
        self.gate(hub).admit_at_once()
    }

    fn gate(&self, hub: &Hub) -> Arc<Gate> {
        hub.limits.gate(&self.account.id)
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Only a look-up may be sent without its intent being durable: it changes nothing anywhere.
    const fn is_inert(&self) -> bool {
        matches!(self.task, Task::LookUp(_))
    }
}

/// When a task of this account that begins now has to be over.
pub fn deadline(hub: &Hub, account: &Account) -> Instant {
    Instant::now() + Duration::from_millis(hub.limits.gate(&account.id).limits().task_ms)
}

/// Drives a task from its first step to its end. `prepared` is the first call when the caller has already
/// committed it.
pub async fn drive_task(
    hub: &Hub,
    job: &Job,
    first: Step,
    mut prepared: Option<Prepared>,
) -> Result<Driven, StoreError> {
    let mut calls = Vec::new();
    let mut step = first;
    // What a call of this task may have done whose answer was lost. Nothing that comes after it, short of learning what
    // became of it, takes that back: not a refusal, and not that a later call could not be sent.
    let mut doubt: Option<AfterLost> = None;
    for _ in 0..MAX_STEPS {
        let call = match step {
            Step::Call(call) => call,
            Step::Learned(Learned { observations, attempt_key, tokens }) => {
                let facts = observations.into_iter().flat_map(|observation| observation.facts).collect();
                return Ok(Driven { end: End::Learned { facts, attempt_key, tokens }, calls });
            }
            Step::Refused(refusal) => {
                let end = match doubt.filter(|_| !fault!("believe_late_refusals")) {
                    Some(doubt) => {
                        tracing::warn!(attempt = %job.attempt_id, code = refusal.code, "refused after a lost answer");
                        End::Lost(doubt)
                    }
                    None => End::Refused(refusal),
                };
                return Ok(Driven { end, calls });
            }
            // Before any call there is nothing to lose: an unclear beginning is a fault of the client.
            Step::Unclear { cause } => {
                tracing::error!(attempt = %job.attempt_id, cause, "a task was unclear before any call");
                return Ok(Driven { end: End::Lost(AfterLost::Search), calls });
            }
        };
        let (mut line, was_written, permit) = match prepared.take() {
            Some(Prepared { line, permit }) => (line, true, permit),
            None => match next_leave(hub, job, calls.is_empty()).await {
                Ok(permit) => {
                    let (line, was_written) = intend(hub, job, &call).await?;
                    (line, was_written, permit)
                }
                Err(held) if calls.is_empty() => return Ok(Driven { end: End::Held(held), calls }),
                Err(_) => return Ok(Driven { end: End::Lost(doubt.unwrap_or(call.on_lost)), calls }),
            },
        };
        may_die(&job.task, Place::BeforeCall);
        let called = make_call(hub, job, &call, permit, &mut calls).await?;
        may_die(&job.task, Place::AfterCall);
        finish_line(&mut line, &called, job);
        calls.push(LoggedCall { line, was_written });
        let is_lost = matches!(called.input, Input::Lost { .. });
        // What was not sent at all leaves nothing behind, whatever it was.
        let is_unsent = matches!(called.input, Input::Lost { maybe_sent: false });
        let on_lost = if is_unsent { AfterLost::FreshStart } else { call.on_lost };
        if is_lost && on_lost != AfterLost::FreshStart {
            doubt = Some(on_lost);
        }
        step = job.provider.resume(&job.task, &job.account, &call.memo, called.input, moment(hub));
        match &step {
            Step::Unclear { cause } => {
                tracing::warn!(attempt = %job.attempt_id, operation = call.request.operation, cause, "an answer tells nothing");
                return Ok(Driven { end: End::Lost(doubt.unwrap_or(on_lost)), calls });
            }
            // After a lost answer only what its `AfterLost` allows is ever sent.
            Step::Call(_) if is_lost && !allows_call(on_lost) => {
                return Ok(Driven { end: End::Lost(doubt.unwrap_or(on_lost)), calls });
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
        (Task::Authorize(_) | Task::ChargeStored(_), Place::BeforeCommit) => {
            crash_point!("create_again.before_commit");
        }
        (Task::Authorize(_) | Task::ChargeStored(_), Place::AfterCommit) => {
            crash_point!("create_again.after_commit");
        }
        (Task::Authorize(_) | Task::ChargeStored(_), Place::BeforeCall) => crash_point!("create.before_call"),
        (Task::Authorize(_) | Task::ChargeStored(_), Place::AfterCall) => crash_point!("create.after_call"),
        (Task::Withdraw(_), Place::BeforeCommit) => crash_point!("cancel.before_commit"),
        (Task::Withdraw(_), Place::AfterCommit) => crash_point!("cancel.after_commit"),
        (Task::Withdraw(_), Place::BeforeCall) => crash_point!("cancel.before_call"),
        (Task::Withdraw(_), Place::AfterCall) => crash_point!("cancel.after_call"),
        (Task::LookUp(_), Place::BeforeCall) => crash_point!("look_up.before_call"),
        (Task::LookUp(_), Place::AfterCall) => crash_point!("look_up.after_call"),
        (Task::LookUp(_), Place::BeforeCommit | Place::AfterCommit) => {}
        (Task::Pay(_), Place::BeforeCommit) => crash_point!("pay.before_commit"),
        (Task::Pay(_), Place::AfterCommit) => crash_point!("pay.after_commit"),
        (Task::Pay(_), Place::BeforeCall) => crash_point!("pay.before_call"),
        (Task::Pay(_), Place::AfterCall) => crash_point!("pay.after_call"),
        (Task::Operate(_), Place::BeforeCommit) => crash_point!("operate.before_commit"),
        (Task::Operate(_), Place::AfterCommit) => crash_point!("operate.after_commit"),
        (Task::Operate(_), Place::BeforeCall) => crash_point!("operate.before_call"),
        (Task::Operate(_), Place::AfterCall) => crash_point!("operate.after_call"),
        (Task::Invalidate(_), Place::BeforeCommit) => crash_point!("invalidate.before_commit"),
        (Task::Invalidate(_), Place::AfterCommit) => crash_point!("invalidate.after_commit"),
        (Task::Invalidate(_), Place::BeforeCall) => crash_point!("invalidate.before_call"),
        (Task::Invalidate(_), Place::AfterCall) => crash_point!("invalidate.after_call"),
    }
}

/// The first call of a task may be held; what has begun waits for its turn until the task's time is over.
async fn next_leave(hub: &Hub, job: &Job, is_first: bool) -> Result<Permit, Held> {
    if is_first {
        return job.admit(hub).await;
    }
    job.gate(hub).admit(Purpose::GoOn, job.time_left()).await
}

/// Commits that a call is about to be made, unless it is inert. Answers its line, and whether it was written.
async fn intend(hub: &Hub, job: &Job, call: &Call) -> Result<(CallLine, bool), StoreError> {
    let line = job.line(hub, &call.request);
    if job.is_inert() {
        return Ok((line, false));
    }
    may_die(&job.task, Place::BeforeCommit);
    hub.writer.submit(job.intent(call, &line)).await?;
    may_die(&job.task, Place::AfterCommit);
    Ok((line, true))
}

/// Makes a call within what is left of the task's time, and tells the account's gate what came of it.
async fn make_call(
    hub: &Hub,
    job: &Job,
    call: &Call,
    permit: Permit,
    calls: &mut Vec<LoggedCall>,
) -> Result<Called, StoreError> {
    let mut timeout = Duration::from_millis(call.request.timeout_ms).min(job.time_left());
    if fault!("forget_deadline") {
        timeout = Duration::from_millis(call.request.timeout_ms);
    }
    if timeout < LEAST_TIME {
        return Ok(Called::not_sent());
    }
    let (mut called, contact) = if call.request.needs_token {
        call_with_token(hub, job, &call.request, timeout, calls).await?
    } else {
        with_contact(hub.outbound.call(&call.request, timeout, &hub.clock).await)
    };
    if let Input::Answer(answer) = &mut called.input {
        if let Some(date) = answer.provider_date {
            job.gate(hub).note_date(date, answer.received_at);
        }
        // What a notice handed over before this answer came was committed before that notice was answered.
        if let Task::Operate(act) = &job.task {
            let account = &job.account.id;
            answer.handed_over = hub.store.handed_over(&job.merchant_id, account, &act.reference).await?;
        }
    }
    permit.report(contact);
    count(job, call, &called);
    Ok(called)
}

/// Makes a call with the account's access token; once more with a new one when the provider refuses it, which means
/// that nothing was done. The calls for tokens are logged beside it. Answers too how the provider was met: where it gave
/// no token, by the call for that.
async fn call_with_token(
    hub: &Hub,
    job: &Job,
    request: &Request,
    timeout: Duration,
    calls: &mut Vec<LoggedCall>,
) -> Result<(Called, Contact), StoreError> {
    let until = Instant::now() + timeout;
    let mut end = with_contact(Called::not_sent());
    for _ in 0..TOKENS_PER_CALL {
        let (token, made) = access_token(hub, &job.account, job.provider.as_ref(), until).await?;
        if let Some(TokenCall { request, called }) = made {
            let mut line = job.line(hub, &request);
            finish_line(&mut line, &called, job);
            calls.push(LoggedCall { line, was_written: false });
            end.1 = contact(&called);
        }
        let Some(token) = token else { break };
        let mut request = request.clone();
        request.headers.push(("authorization", format!("Bearer {}", token.expose_secret())));
        let left = until.saturating_duration_since(Instant::now());
        end = with_contact(hub.outbound.call(&request, left, &hub.clock).await);
        let is_refused = matches!(&end.0.input, Input::Answer(answer) if answer.status == UNAUTHORIZED);
        if !is_refused {
            break;
        }
        forget_token(hub, &job.account, &token).await?;
    }
    Ok(end)
}

const fn with_contact(called: Called) -> (Called, Contact) {
    let contact = contact(&called);
    (called, contact)
}

const fn contact(called: &Called) -> Contact {
    match called.outcome {
        CallOutcome::Throttled => Contact::Throttled(called.retry_after),
        // A provider that is down for a while may say for how long.
        CallOutcome::ProviderFault if called.retry_after.is_some() => Contact::Throttled(called.retry_after),
        CallOutcome::Answered | CallOutcome::ProviderFault | CallOutcome::TooLarge => Contact::Answered,
        CallOutcome::TimedOut
        | CallOutcome::ConnectionBroken
        | CallOutcome::HalfAnswered
        | CallOutcome::NoName
        | CallOutcome::NoConnection
        | CallOutcome::NoTls
        | CallOutcome::NotSent => Contact::Failed,
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
    line.outcome = called.outcome.word().to_owned();
    line.duration_us = Some(called.duration_us);
    if let Input::Answer(answer) = &called.input {
        line.status = Some(i64::from(answer.status));
        line.answer_body = wire_mask::mask(&answer.body, job.provider.profile().masked_members);
    }
}

fn count(job: &Job, call: &Call, called: &Called) {
    let seconds = std::time::Duration::from_micros(u64::try_from(called.duration_us).unwrap_or(0));
    metrics::histogram!(
        PROVIDER_REQUEST_DURATION,
        "provider" => job.account.provider.clone(),
        "operation" => call.request.operation,
        "outcome" => called.outcome.word()
    )
    .record(seconds.as_secs_f64());
    if matches!(called.input, Input::Lost { maybe_sent: true }) {
        metrics::counter!(UNKNOWN_OUTCOME, "provider" => job.account.provider.clone()).increment(1);
    }
}

/// Sorts by time: microseconds since the epoch, then chance.
fn call_id(now: Timestamp, hub: &Hub) -> String {
    let chance = encode_hex(&hub.entropy().bytes()[..6]);
    let now = now.as_microsecond();
    // What was intended last is found by the order of ids.
    let before =
        hub.last_call.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
    let at = before.map_or(now, |last| now.max(last + 1));
    format!("cal_{at:016x}{chance}")
}

/// The word of the record.
pub(super) const fn after_lost_word(on_lost: AfterLost) -> &'static str {
    match on_lost {
        AfterLost::FreshStart => "fresh_start",
        AfterLost::Search => "search",
        AfterLost::RepeatSame => "repeat_same",
        AfterLost::Adopt => "adopt",
    }
}
