//! POST with a key: done once, answered as often as asked.

use std::future::Future;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use payment::Timestamp;
use serde::Serialize;

use crate::api::code::Code;
use crate::api::problem::Problem;
use crate::flow::idempotency::{self, Claim};
use crate::state::Hub;
use crate::store::{IdempotencyRecord, KeyClaim};

/// The header that carries the key.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// The header that says that an answer was given before.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Longest key, in characters.
pub const MAX_KEY: usize = 255;
/// When to ask again while the first request runs, in seconds.
const RUNNING_RETRY_S: u32 = 1;

/// The key of a request, with what its fingerprint covers beside the body.
pub struct IdempotencyKey {
    key: String,
    method: Method,
    path: String,
}

impl FromRequestParts<Arc<Hub>> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Hub>) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else {
            let detail = "Send a fresh random text as `Idempotency-Key` with each new request.";
            return Err(Problem::new(Code::IdempotencyKeyMissing, detail).with_param(IDEMPOTENCY_KEY));
        };
        let key = value.to_str().unwrap_or_default();
        let is_usable = values.next().is_none()
            && (1..=MAX_KEY).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if !is_usable {
            let detail = format!("One key of 1 to {MAX_KEY} visible ASCII characters.");
            return Err(Problem::new(Code::IdempotencyKeyInvalid, detail).with_param(IDEMPOTENCY_KEY));
        }
        let path = parts.uri.path().to_owned();
        Ok(Self { key: key.to_owned(), method: parts.method.clone(), path })
    }
}

impl IdempotencyKey {
    /// The key itself.
    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// The ticket of one request. `route` is the template of its path: keys of different routes do not meet.
    pub fn ticket(&self, hub: &Hub, merchant: &str, route: &'static str, body: &[u8]) -> Ticket {
        let parts = [self.method.as_str().as_bytes(), self.path.as_bytes(), body];
        Ticket {
            merchant: merchant.to_owned(),
            route,
            key: self.key.clone(),
            fingerprints: hub.vault.fingerprints(&parts),
        }
    }
}

/// One request as the claims know it.
#[derive(Clone)]
pub struct Ticket {
    merchant: String,
    route: &'static str,
    key: String,
    fingerprints: Vec<String>,
}

/// What came of the work.
pub enum Work {
    /// It was done: the answer is kept and given again.
    Done(Answer),
    /// Nothing was done: the key is free again.
    Undone(Problem),
}

/// A problem means that nothing was done.
impl From<Result<Answer, Problem>> for Work {
    fn from(answer: Result<Answer, Problem>) -> Self {
        match answer {
            Ok(answer) => Self::Done(answer),
            Err(problem) => Self::Undone(problem),
        }
    }
}

/// An answer that can be kept.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON text.
    pub body: String,
}

impl Answer {
    /// An answer with a document.
    pub fn json(status: StatusCode, document: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(document).map_err(|error| {
            tracing::error!(%error, "a document does not serialize");
            Problem::new(Code::InternalError, "The answer could not be written.")
        })?;
        Ok(Self { status: status.as_u16(), body })
    }
}

/// A problem that is the result of work, to be kept: it comes back as the same problem.
impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Self { status: problem.status, body: serde_json::to_string(&problem).unwrap_or_default() }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        if self.status >= 400
            && let Ok(problem) = serde_json::from_str::<Problem>(&self.body)
        {
            return problem.into_response();
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        (status, json, self.body).into_response()
    }
}

/// How a request with a key goes on.
pub enum Turn {
    /// It is the first: work was done now, and this is its answer.
    First(Answer),
    /// It was done before, and this is the answer kept.
    Again(Answer),
}

impl From<Answer> for Turn {
    fn from(answer: Answer) -> Self {
        Self::First(answer)
    }
}

/// Marks an answer that was given before.
impl IntoResponse for Turn {
    fn into_response(self) -> Response {
        match self {
            Self::First(answer) => answer.into_response(),
            Self::Again(answer) => {
                let mut response = answer.into_response();
                response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
                response
            }
        }
    }
}

impl Ticket {
    /// The claim of its key.
    pub fn claim(&self, hub: &Hub) -> KeyClaim {
        idempotency::claim(hub, &self.merchant, self.route, &self.key, &self.fingerprints)
    }
}

/// Does the work once per ticket. The claim is written before the work begins; the work runs in a task of its
/// own, so that a caller who hangs up changes nothing.
pub async fn once<W>(hub: &Arc<Hub>, ticket: Ticket, work: W) -> Result<Turn, Problem>
where
    W: Future<Output = Work> + Send + 'static,
{
    // It is large, and would lie in the state of all that waits for it.
    let work = Box::pin(work);
    let claim = idempotency::begin(hub, ticket.claim(hub), &ticket.fingerprints).await?;
    follow(hub, ticket, claim, work).await
}

/// The same for a claim that was found to be there before.
pub async fn once_after<W>(
    hub: &Arc<Hub>,
    ticket: Ticket,
    claim: &KeyClaim,
    known: IdempotencyRecord,
    work: W,
) -> Result<Turn, Problem>
where
    W: Future<Output = Work> + Send + 'static,
{
    let work = Box::pin(work);
    let claim = idempotency::weigh(hub, claim, &ticket.fingerprints, known).await?;
    follow(hub, ticket, claim, work).await
}

async fn follow<W>(hub: &Arc<Hub>, ticket: Ticket, claim: Claim, work: W) -> Result<Turn, Problem>
where
    W: Future<Output = Work> + Send + 'static,
{
    let claimed_at = match claim {
        Claim::Fresh(claimed_at) => claimed_at,
        Claim::Replay { status, body } => return Ok(Turn::Again(Answer { status, body })),
        Claim::Running => {
            let detail = "The first request with this key is still being worked on.";
            return Err(Problem::new(Code::IdempotencyRunning, detail).with_retry_after(RUNNING_RETRY_S));
        }
        Claim::Mismatch => {
            let detail = "The key came earlier with another body or for another address.";
            return Err(Problem::new(Code::IdempotencyKeyReused, detail).with_param(IDEMPOTENCY_KEY));
        }
    };
    let work = settle(Arc::clone(hub), ticket.clone(), claimed_at, work);
    to_its_end(hub, &ticket, claimed_at, work).await
}

/// Runs work whose key is claimed in a task of its own: a caller who hangs up changes nothing.
pub async fn to_its_end<R, W>(
    hub: &Arc<Hub>,
    ticket: &Ticket,
    claimed_at: Timestamp,
    work: W,
) -> Result<Turn, Problem>
where
    R: Into<Turn> + Send + 'static,
    W: Future<Output = Result<R, Problem>> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(turn) => turn.map(Into::into),
        Err(error) => {
            tracing::error!(panicked = error.is_panic(), "the work of a request ended early");
            release(hub, ticket, claimed_at).await;
            Err(Problem::new(Code::InternalError, "The hub failed at this request."))
        }
    }
}

/// Runs the work and writes down what became of the claim.
async fn settle<W>(hub: Arc<Hub>, ticket: Ticket, claimed_at: Timestamp, work: W) -> Result<Answer, Problem>
where
    W: Future<Output = Work> + Send + 'static,
{
    let _busy = hub.busy();
    let work = work.await;
    settled(&hub, &ticket, claimed_at, work).await
}

/// Writes down what became of a claim.
pub async fn settled(
    hub: &Hub,
    ticket: &Ticket,
    claimed_at: Timestamp,
    work: Work,
) -> Result<Answer, Problem> {
    match work {
        Work::Done(answer) => {
            let Ticket { merchant, route, key, .. } = ticket;
            let Answer { status, body } = &answer;
            let kept = idempotency::finish(hub, merchant, route, key, claimed_at, *status, body).await;
            if let Err(error) = kept {
                // The work itself is durable, and its own rules keep it from being done twice.
                tracing::error!(%error, "an answer could not be kept");
            }
            Ok(answer)
        }
        Work::Undone(problem) => {
            release(hub, ticket, claimed_at).await;
            Err(problem)
        }
    }
}

async fn release(hub: &Hub, ticket: &Ticket, claimed_at: Timestamp) {
    let Ticket { merchant, route, key, .. } = ticket;
    if let Err(error) = idempotency::release(hub, merchant, route, key, claimed_at).await {
        tracing::error!(%error, "a claim could not be released");
    }
}
