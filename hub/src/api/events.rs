//! `/v1/events`: what was told to a merchant, and telling it again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use payment::Timestamp;
use payment::id::EventId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::body::{JsonBody, NoBody};
use crate::api::caller::Caller;
use crate::api::code::Code;
use crate::api::idempotency::{Answer, IdempotencyKey, Turn, Work, once};
use crate::api::openapi::Problems;
use crate::api::path_id::PathId;
use crate::api::problem::Problem;
use crate::api::query::{ListDocument, Query};
use crate::api::strict_json::Body;
use crate::flow::document::event_kinds;
use crate::flow::words;
use crate::state::Hub;
use crate::store::{Delivery, DeliveryTry, Event, EventFilter, ResendFilter};

/// Most tries told of one event.
const MAX_TRIES_TOLD: u32 = 200;
/// Most deliveries that one request sends again.
pub const MAX_RESENT: u32 = 10_000;

/// An event. That it exists does not say that it was delivered: `deliveries` does, when one event is read.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventDocument {
    /// Its id, `evt_…`, also sent as `webhook-id`.
    pub id: String,
    /// Always `event`.
    pub object: &'static str,
    /// What it tells.
    #[serde(rename = "type")]
    #[schema(schema_with = words::event_type)]
    pub kind: String,
    /// The payment it tells of; null for a test.
    #[schema(required = true)]
    pub payment: Option<String>,
    /// The payment as it was then; for a test, the endpoint.
    #[schema(value_type = Object)]
    pub data: Value,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Its way to each endpoint; null in lists.
    #[schema(required = true)]
    pub deliveries: Option<Vec<DeliveryDocument>>,
}

/// One event on its way to one endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryDocument {
    /// The endpoint, `whe_…`.
    pub endpoint: String,
    /// `pending`, `delivered` or `given_up`.
    pub state: String,
    /// How many tries were made.
    pub tries: i64,
    /// When the next try is due, while it is pending.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// What the last try met: an HTTP status, or a few words.
    #[schema(required = true)]
    pub last_result: Option<String>,
}

/// One event on its way to one endpoint, with the tries that were made.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryLogDocument {
    /// How it stands.
    #[serde(flatten)]
    pub delivery: DeliveryDocument,
    /// The tries that are still on record, newest first.
    pub log: Vec<TryDocument>,
}

/// One try.
#[derive(Debug, Serialize, ToSchema)]
pub struct TryDocument {
    /// Grows with every try; a number may be left out.
    pub number: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What it met: an HTTP status, or a few words.
    pub result: String,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// How your endpoint's answer begins, up to 512 characters; what could be a card number is masked.
    pub answer: String,
}

/// Which events to send again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResendRequest {
    /// When they were created.
    pub created: CreatedRange,
    /// Only this type; absent, all but tests.
    #[serde(default, rename = "type")]
    #[schema(schema_with = words::event_type)]
    pub kind: Option<String>,
    /// Only to this endpoint; absent, to all that are not disabled.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// From one instant up to another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatedRange {
    /// At this instant or after.
    #[schema(format = DateTime)]
    pub gte: String,
    /// Before this instant.
    #[schema(format = DateTime)]
    pub lt: String,
}

impl Body for ResendRequest {
    const LISTS: &'static [&'static str] = &[];
}

/// What came of asking for events again.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkResendDocument {
    /// Always `bulk_resend`.
    pub object: &'static str,
    /// How many deliveries are on their way again.
    pub deliveries: u64,
}

/// What came of asking for an event again.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResendDocument {
    /// Always `event_resend`.
    pub object: &'static str,
    /// The event.
    pub event: String,
    /// To how many endpoints it is on its way again.
    pub deliveries: u64,
}

impl EventDocument {
    /// The document of an event, without its deliveries.
    pub fn new(event: Event) -> Self {
        let body: Value = serde_json::from_str(&event.body).unwrap_or_default();
        Self {
            id: event.id.to_string(),
            object: "event",
            kind: event.kind,
            payment: event.payment_id.map(Into::into),
            data: body.get("data").cloned().unwrap_or_default(),
            created_at: event.created_at,
            deliveries: None,
        }
    }
}

impl From<&DeliveryTry> for TryDocument {
    fn from(made: &DeliveryTry) -> Self {
        let DeliveryTry { number, at, result, duration_us, answer, .. } = made.clone();
        Self { number, at, result, duration_ms: duration_us / 1000, answer }
    }
}

impl From<Delivery> for DeliveryDocument {
    fn from(delivery: Delivery) -> Self {
        let Delivery { endpoint_id, state, tries, next_at, last_result, .. } = delivery;
        Self { endpoint: endpoint_id.into(), state, tries, next_at, last_result }
    }
}

/// List events
///
/// Newest first. An event is listed for at least 30 days.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", operation_id = "list_events",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 when absent", minimum = 1, maximum = 100),
        ("starting_after" = Option<String>, Query, description = "Older than the event with this id"),
        ("ending_before" = Option<String>, Query, description = "Newer than the event with this id"),
        ("type" = Option<String>, Query, description = "Only this type"),
        ("payment" = Option<String>, Query, description = "Only of this payment"),
        ("created[gte]" = Option<String>, Query, description = "Created at or after, RFC 3339"),
        ("created[lt]" = Option<String>, Query, description = "Created before, RFC 3339"),
    ),
    responses((status = 200, description = "A page", body = ListDocument<EventDocument>), Problems),
)]
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<ListDocument<EventDocument>>, Problem> {
    let cursor = query.cursor::<EventId>()?;
    let filter = EventFilter {
        kind: query.text("type"),
        payment: query.value("payment", "An id of a payment.")?,
        created_from: query.value("created[gte]", "An instant of RFC 3339.")?,
        created_before: query.value("created[lt]", "An instant of RFC 3339.")?,
    };
    query.end()?;
    if filter.kind.as_ref().is_some_and(|kind| !event_kinds().contains(kind)) {
        let problem = Problem::new(Code::InvalidParameter, "A type of the documented list.");
        return Err(problem.with_param("type"));
    }
    let page = hub.store.events(caller.id(), &filter, &cursor).await?;
    Ok(Json(ListDocument::new(page, EventDocument::new)))
}

/// Read an event
///
/// With its deliveries.
#[utoipa::path(
    get, path = "/v1/events/{id}", tag = "events", operation_id = "read_event",
    params(("id" = String, Path, description = "`evt_…`")),
    responses((status = 200, description = "The event", body = EventDocument), Problems),
)]
pub(super) async fn read(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<EventId>,
) -> Result<Json<EventDocument>, Problem> {
    let event = hub.store.event(caller.id(), &id).await?.ok_or_else(|| Problem::not_found("event"))?;
    let deliveries = hub.store.deliveries_of(caller.id(), &id).await?;
    let deliveries = Some(deliveries.into_iter().map(Into::into).collect());
    Ok(Json(EventDocument { deliveries, ..EventDocument::new(event) }))
}

/// Read the deliveries of an event
///
/// With the tries of the last 30 days, the newest 200 of all endpoints together.
#[utoipa::path(
    get, path = "/v1/events/{id}/deliveries", tag = "events", operation_id = "list_event_deliveries",
    params(("id" = String, Path, description = "`evt_…`")),
    responses(
        (status = 200, description = "One for each endpoint", body = ListDocument<DeliveryLogDocument>),
        Problems,
    ),
)]
pub(super) async fn deliveries(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<EventId>,
) -> Result<Json<ListDocument<DeliveryLogDocument>>, Problem> {
    hub.store.event(caller.id(), &id).await?.ok_or_else(|| Problem::not_found("event"))?;
    let tries = hub.store.delivery_tries(caller.id(), &id, MAX_TRIES_TOLD).await?;
    let log_of = |delivery: Delivery| DeliveryLogDocument {
        log: tries
            .iter()
            .filter(|made| made.endpoint_id == delivery.endpoint_id)
            .map(TryDocument::from)
            .collect(),
        delivery: delivery.into(),
    };
    let data = hub.store.deliveries_of(caller.id(), &id).await?.into_iter().map(log_of).collect();
    Ok(Json(ListDocument { object: "list", data, has_more: false }))
}

/// Send events again
///
/// All of a span of time, to every endpoint that is not disabled, whether they were delivered before or not: at most
/// 10,000 deliveries at a time; a span that holds more is refused as a whole.
#[utoipa::path(
    post, path = "/v1/events/resend", tag = "events", operation_id = "resend_events",
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    request_body = ResendRequest,
    responses((status = 202, description = "On their way again", body = BulkResendDocument), Problems),
)]
pub(super) async fn resend_many(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    key: IdempotencyKey,
    JsonBody { value, bytes }: JsonBody<ResendRequest>,
) -> Result<Turn, Problem> {
    let filter = resend_filter(value)?;
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/events/resend", &bytes);
    once(&hub, ticket, resend_many_once(Arc::clone(&hub), caller.merchant.id, filter)).await
}

async fn resend_many_once(hub: Arc<Hub>, merchant: String, filter: ResendFilter) -> Work {
    Work::from(try_resend_many(&hub, &merchant, &filter).await)
}

async fn try_resend_many(hub: &Hub, merchant: &str, filter: &ResendFilter) -> Result<Answer, Problem> {
    if let Some(endpoint) = &filter.endpoint {
        let known = hub.store.endpoint(merchant, endpoint).await?;
        known.ok_or_else(|| Problem::not_found("event endpoint").with_param("endpoint"))?;
    }
    let resent = hub.store.resend_events(merchant, filter, MAX_RESENT, hub.clock.now()).await?;
    let deliveries = resent.ok_or_else(|| {
        let rule = format!("At most {MAX_RESENT} deliveries at a time: take a shorter span.");
        Problem::new(Code::InvalidValue, rule).with_param("created")
    })?;
    hub.wake.notify_waiters();
    Answer::json(StatusCode::ACCEPTED, &BulkResendDocument { object: "bulk_resend", deliveries })
}

fn resend_filter(request: ResendRequest) -> Result<ResendFilter, Problem> {
    let wrong = |param: &str, rule: &str| Problem::new(Code::InvalidValue, rule).with_param(param);
    let instant = |text: &str, param: &str| {
        text.parse::<Timestamp>().map_err(|_| wrong(param, "An instant as in 2026-03-14T15:00:00Z."))
    };
    let created_from = instant(&request.created.gte, "created.gte")?;
    let created_before = instant(&request.created.lt, "created.lt")?;
    if created_from >= created_before {
        return Err(wrong("created.lt", "An instant after `created.gte`."));
    }
    if request.kind.as_ref().is_some_and(|kind| !event_kinds().contains(kind)) {
        return Err(wrong("type", "A type of the documented list."));
    }
    let endpoint = request.endpoint.map(|id| id.parse().map_err(|_| wrong("endpoint", "An id `whe_…`.")));
    Ok(ResendFilter { created_from, created_before, kind: request.kind, endpoint: endpoint.transpose()? })
}

/// Send an event again
///
/// To every endpoint that is not disabled, whether it was delivered before or not. It keeps its id, so that a
/// receiver knows it again.
#[utoipa::path(
    post, path = "/v1/events/{id}/resend", tag = "events", operation_id = "resend_event",
    params(
        ("id" = String, Path, description = "`evt_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses((status = 202, description = "On its way again", body = ResendDocument), Problems),
)]
pub(super) async fn resend(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<EventId>,
    key: IdempotencyKey,
    NoBody { bytes }: NoBody,
) -> Result<Turn, Problem> {
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/events/{id}/resend", &bytes);
    once(&hub, ticket, resend_once(Arc::clone(&hub), caller.merchant.id, id)).await
}

async fn resend_once(hub: Arc<Hub>, merchant: String, id: EventId) -> Work {
    Work::from(try_resend(&hub, &merchant, &id).await)
}

async fn try_resend(hub: &Hub, merchant: &str, id: &EventId) -> Result<Answer, Problem> {
    hub.store.event(merchant, id).await?.ok_or_else(|| Problem::not_found("event"))?;
    let deliveries = hub.store.resend_event(merchant, id, hub.clock.now()).await?;
    hub.wake.notify_waiters();
    let document = ResendDocument { object: "event_resend", event: id.to_string(), deliveries };
    Answer::json(StatusCode::ACCEPTED, &document)
}
