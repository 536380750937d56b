//! Steering as JSON under `/_sandbox/`.

use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use simulation::hardship::Rule;
use simulation::{Command, NewAccount, Timestamp};

use super::Steering;
use super::problem::Problem;
use crate::notices::CraftedNotice;

/// Journal entries in one answer.
const JOURNAL_LIMIT: usize = 1_000;

type Answer = Result<Response, Problem>;

/// All routes of the API.
pub fn routes() -> Router<Steering> {
    Router::new()
        .route("/_sandbox/status", get(status))
        .route("/_sandbox/accounts", get(accounts).post(open_account))
        .route("/_sandbox/hardships", get(hardships).post(add_hardship).delete(clear_hardships))
        .route("/_sandbox/hardships/{id}", delete(remove_hardship))
        .route("/_sandbox/journal", get(journal))
        .route("/_sandbox/ledger", get(ledger))
        .route("/_sandbox/inbox", get(inbox))
        .route("/_sandbox/notices", get(notices).post(send_crafted))
        .route("/_sandbox/notices/{id}/resend", post(resend))
        .route("/_sandbox/providers/{provider}/command", post(command))
        .route("/_sandbox/clock", get(clock))
        .route("/_sandbox/clock/advance", post(advance))
        .route("/_sandbox/clock/followers", post(follow))
        .route("/_sandbox/canaries", get(canaries).post(declare_canary))
        .route("/_sandbox/reset", post(reset))
}

async fn status(State(steering): State<Steering>) -> Response {
    Json(steering.status()).into_response()
}

async fn accounts(State(steering): State<Steering>) -> Response {
    Json(json!({ "accounts": steering.accounts() })).into_response()
}

/// The members of [`NewAccount`] beside `provider`.
async fn open_account(
    State(steering): State<Steering>,
    Sent(mut members): Sent<serde_json::Map<String, Value>>,
) -> Answer {
    let Some(Value::String(provider)) = members.remove("provider") else {
        return Err(Problem::invalid("`provider` is missing"));
    };
    let wanted: NewAccount = serde_json::from_value(Value::Object(members))
        .map_err(|error| Problem::invalid(error.to_string()))?;
    created(steering.open_account(&provider, wanted)?)
}

async fn hardships(State(steering): State<Steering>) -> Response {
    Json(json!({ "hardships": steering.hardships() })).into_response()
}

async fn add_hardship(State(steering): State<Steering>, Sent(rule): Sent<Rule>) -> Answer {
    created(steering.add_hardship(rule)?)
}

async fn clear_hardships(State(steering): State<Steering>) -> StatusCode {
    steering.clear_hardships();
    StatusCode::NO_CONTENT
}

async fn remove_hardship(State(steering): State<Steering>, Path(id): Path<String>) -> Answer {
    steering.remove_hardship(&id)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalQuery {
    #[serde(default)]
    after: u64,
    provider: Option<String>,
    limit: Option<usize>,
}

async fn journal(State(steering): State<Steering>, query: QueryOf<JournalQuery>) -> Answer {
    let Query(wanted) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    let limit = wanted.limit.unwrap_or(100).min(JOURNAL_LIMIT);
    let entries = steering.journal(wanted.after, wanted.provider.as_deref(), limit);
    Ok(Json(json!({ "entries": entries })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerQuery {
    provider: Option<String>,
    account: Option<String>,
}

async fn ledger(State(steering): State<Steering>, query: QueryOf<LedgerQuery>) -> Answer {
    let Query(wanted) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    let lines = steering.ledger(wanted.provider.as_deref(), wanted.account.as_deref());
    Ok(Json(json!({ "lines": lines })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InboxQuery {
    to: Option<String>,
}

async fn inbox(State(steering): State<Steering>, query: QueryOf<InboxQuery>) -> Answer {
    let Query(wanted) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    Ok(Json(json!({ "messages": steering.inbox(wanted.to.as_deref()) })).into_response())
}

async fn notices(State(steering): State<Steering>) -> Response {
    Json(json!({ "notices": steering.notices() })).into_response()
}

async fn send_crafted(State(steering): State<Steering>, Sent(crafted): Sent<CraftedNotice>) -> Answer {
    created(steering.send_crafted(crafted).await?)
}

async fn resend(State(steering): State<Steering>, Path(id): Path<String>) -> Answer {
    Ok(Json(steering.resend(&id).await?).into_response())
}

async fn command(
    State(steering): State<Steering>,
    Path(provider): Path<String>,
    Sent(command): Sent<Command>,
) -> Answer {
    Ok(Json(steering.command(&provider, &command)?).into_response())
}

async fn clock(State(steering): State<Steering>) -> Response {
    Json(steering.clock()).into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Journey {
    Seconds(u64),
    To(Timestamp),
}

async fn advance(State(steering): State<Steering>, Sent(journey): Sent<Journey>) -> Answer {
    let arrival = match journey {
        Journey::Seconds(seconds) => steering.advance(seconds).await?,
        Journey::To(target) => steering.advance_to(target).await?,
    };
    Ok(Json(arrival).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFollower {
    url: String,
}

async fn follow(State(steering): State<Steering>, Sent(follower): Sent<NewFollower>) -> Answer {
    steering.follow(&follower.url).await?;
    created(steering.clock())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCanary {
    id: String,
    number: String,
    acts_as: String,
}

async fn canaries(State(steering): State<Steering>) -> Response {
    Json(json!({ "canaries": steering.canaries() })).into_response()
}

async fn declare_canary(State(steering): State<Steering>, Sent(canary): Sent<NewCanary>) -> Answer {
    steering.declare_canary(&canary.id, &canary.number, &canary.acts_as)?;
    created(json!({ "id": canary.id, "acts_as": canary.acts_as }))
}

async fn reset(State(steering): State<Steering>) -> StatusCode {
    steering.reset();
    StatusCode::NO_CONTENT
}

type QueryOf<T> = Result<Query<T>, axum::extract::rejection::QueryRejection>;

/// A JSON body, whatever content type it claims; problem details when it is not what is expected.
struct Sent<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| Problem {
            status: rejection.status(),
            ..Problem::invalid(rejection.body_text())
        })?;
        serde_json::from_slice(&body).map(Self).map_err(|error| Problem::invalid(error.to_string()))
    }
}

fn created(value: impl serde::Serialize) -> Answer {
    Ok((StatusCode::CREATED, Json(value)).into_response())
}
