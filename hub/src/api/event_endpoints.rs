//! `/v1/event_endpoints`: where a merchant's events go.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use payment::Timestamp;
use payment::id::EndpointId;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::api::body::{JsonBody, NoBody};
use crate::api::caller::Caller;
use crate::api::code::Code;
use crate::api::events::EventDocument;
use crate::api::idempotency::{Answer, IdempotencyKey, Turn, Work, once};
use crate::api::openapi::Problems;
use crate::api::path_id::PathId;
use crate::api::problem::Problem;
use crate::api::query::{ListDocument, Query};
use crate::api::strict_json::Body;
use crate::flow::manage_endpoints::{self, EndpointError, MAX_ENDPOINTS, NewEndpoint};
use crate::state::Hub;
use crate::store::Endpoint;

/// Where events shall go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointRequest {
    /// An https address of yours; http too, in a hub for tests.
    #[schema(format = Uri, max_length = 2048, example = "https://tienda.example/caudal/events")]
    pub url: String,
}

impl Body for EndpointRequest {
    const LISTS: &'static [&'static str] = &[];
}

/// A place where events are received.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointDocument {
    /// Its id, `whe_…`.
    pub id: String,
    /// Always `event_endpoint`.
    pub object: &'static str,
    /// Where.
    #[schema(value_type = String, format = Uri)]
    pub url: Url,
    /// Why deliveries are off, when they are.
    #[schema(required = true)]
    pub disabled_reason: Option<String>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A new place where events are received, with its secret. The secret is not told again.
#[derive(Serialize, ToSchema)]
pub struct NewEndpointDocument {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: EndpointDocument,
    /// Signs what is sent there, by Standard Webhooks: `whsec_` and base64.
    pub secret: String,
}

impl From<Endpoint> for EndpointDocument {
    fn from(endpoint: Endpoint) -> Self {
        let Endpoint { id, url, disabled_reason, created_at, .. } = endpoint;
        Self { id: id.into(), object: "event_endpoint", url, disabled_reason, created_at }
    }
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::NotFound => Self::not_found("event endpoint"),
            EndpointError::UnsuitableUrl(rule) => Self::new(Code::InvalidValue, rule).with_param("url"),
            EndpointError::TooMany => {
                Self::new(Code::TooManyEndpoints, format!("You have {MAX_ENDPOINTS} already."))
            }
            EndpointError::Vault(error) => {
                tracing::error!(%error, "the secret of an endpoint");
                Self::new(Code::InternalError, "The endpoint's secret could not be kept.")
            }
            EndpointError::Store(error) => error.into(),
        }
    }
}

/// Create an event endpoint
///
/// The secret is in this answer only.
#[utoipa::path(
    post, path = "/v1/event_endpoints", tag = "event endpoints", operation_id = "create_event_endpoint",
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters")),
    request_body = EndpointRequest,
    responses((status = 201, description = "The endpoint and its secret", body = NewEndpointDocument), Problems),
)]
pub(super) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    key: IdempotencyKey,
    JsonBody { value, bytes }: JsonBody<EndpointRequest>,
) -> Result<Turn, Problem> {
    let url = Url::parse(&value.url)
        .map_err(|_| Problem::new(Code::InvalidValue, "An absolute address.").with_param("url"))?;
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/event_endpoints", &bytes);
    let work = create_once(Arc::clone(&hub), caller.merchant.id, url, key.as_str().to_owned());
    once(&hub, ticket, work).await
}

async fn create_once(hub: Arc<Hub>, merchant: String, url: Url, key: String) -> Work {
    let created = manage_endpoints::create_endpoint(&hub, &merchant, url, &key).await;
    let answer = created.map_err(Problem::from).and_then(|NewEndpoint { endpoint, secret }| {
        let secret = secret.expose_secret().to_owned();
        Answer::json(StatusCode::CREATED, &NewEndpointDocument { endpoint: endpoint.into(), secret })
    });
    Work::from(answer)
}

/// List event endpoints
///
/// Newest first.
#[utoipa::path(
    get, path = "/v1/event_endpoints", tag = "event endpoints", operation_id = "list_event_endpoints",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 100; 20 when absent", minimum = 1, maximum = 100),
        ("starting_after" = Option<String>, Query, description = "Older than the endpoint with this id"),
        ("ending_before" = Option<String>, Query, description = "Newer than the endpoint with this id"),
    ),
    responses((status = 200, description = "A page", body = ListDocument<EndpointDocument>), Problems),
)]
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<ListDocument<EndpointDocument>>, Problem> {
    let cursor = query.cursor::<EndpointId>()?;
    query.end()?;
    let page = hub.store.endpoints(caller.id(), &cursor).await?;
    Ok(Json(ListDocument::new(page, EndpointDocument::from)))
}

/// Read an event endpoint
#[utoipa::path(
    get, path = "/v1/event_endpoints/{id}", tag = "event endpoints", operation_id = "read_event_endpoint",
    params(("id" = String, Path, description = "`whe_…`")),
    responses((status = 200, description = "The endpoint", body = EndpointDocument), Problems),
)]
pub(super) async fn read(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<EndpointId>,
) -> Result<Json<EndpointDocument>, Problem> {
    let endpoint = hub.store.endpoint(caller.id(), &id).await?;
    Ok(Json(endpoint.ok_or_else(|| Problem::not_found("event endpoint"))?.into()))
}

/// Delete an event endpoint
///
/// What was on its way to it is given up.
#[utoipa::path(
    delete, path = "/v1/event_endpoints/{id}", tag = "event endpoints", operation_id = "delete_event_endpoint",
    params(("id" = String, Path, description = "`whe_…`")),
    responses((status = 204, description = "It is gone"), Problems),
)]
pub(super) async fn delete(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<EndpointId>,
) -> Result<StatusCode, Problem> {
    manage_endpoints::delete_endpoint(&hub, caller.id(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Rotate the secret of an event endpoint
///
/// The new secret is in this answer only. For 24 hours what is sent carries two signatures, one by the new secret and
/// one by the secret before it; then the new one signs alone. Another rotation meanwhile drops the older of the two.
#[utoipa::path(
    post, path = "/v1/event_endpoints/{id}/rotate_secret", tag = "event endpoints",
    operation_id = "rotate_event_endpoint_secret",
    params(
        ("id" = String, Path, description = "`whe_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses((status = 200, description = "The endpoint and its new secret", body = NewEndpointDocument), Problems),
)]
pub(super) async fn rotate_secret(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<EndpointId>,
    key: IdempotencyKey,
    NoBody { bytes }: NoBody,
) -> Result<Turn, Problem> {
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/event_endpoints/{id}/rotate_secret", &bytes);
    let work = rotate_once(Arc::clone(&hub), caller.merchant.id, id, key.as_str().to_owned());
    once(&hub, ticket, work).await
}

async fn rotate_once(hub: Arc<Hub>, merchant: String, id: EndpointId, key: String) -> Work {
    let rotated = manage_endpoints::rotate_secret(&hub, &merchant, &id, &key).await;
    let answer = rotated.map_err(Problem::from).and_then(|NewEndpoint { endpoint, secret }| {
        let secret = secret.expose_secret().to_owned();
        Answer::json(StatusCode::OK, &NewEndpointDocument { endpoint: endpoint.into(), secret })
    });
    Work::from(answer)
}

/// Enable an event endpoint
///
/// What waited for it is on its way at once, with all its tries before it. What happened while it was disabled was
/// not meant for it: send those events again. An endpoint that is enabled stays as it is.
#[utoipa::path(
    post, path = "/v1/event_endpoints/{id}/enable", tag = "event endpoints", operation_id = "enable_event_endpoint",
    params(
        ("id" = String, Path, description = "`whe_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses((status = 200, description = "The endpoint", body = EndpointDocument), Problems),
)]
pub(super) async fn enable(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<EndpointId>,
    key: IdempotencyKey,
    NoBody { bytes }: NoBody,
) -> Result<Turn, Problem> {
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/event_endpoints/{id}/enable", &bytes);
    once(&hub, ticket, enable_once(Arc::clone(&hub), caller.merchant.id, id)).await
}

async fn enable_once(hub: Arc<Hub>, merchant: String, id: EndpointId) -> Work {
    let enabled = manage_endpoints::enable_endpoint(&hub, &merchant, &id).await;
    let answer = enabled
        .map_err(Problem::from)
        .and_then(|endpoint| Answer::json(StatusCode::OK, &EndpointDocument::from(endpoint)));
    Work::from(answer)
}

/// Try an event endpoint
///
/// Sends an event of the type `endpoint.test` to this endpoint only.
#[utoipa::path(
    post, path = "/v1/event_endpoints/{id}/test", tag = "event endpoints", operation_id = "test_event_endpoint",
    params(
        ("id" = String, Path, description = "`whe_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses((status = 202, description = "The event, on its way", body = EventDocument), Problems),
)]
pub(super) async fn test(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    PathId(id): PathId<EndpointId>,
    key: IdempotencyKey,
    NoBody { bytes }: NoBody,
) -> Result<Turn, Problem> {
    let ticket = key.ticket(&hub, caller.id(), "POST /v1/event_endpoints/{id}/test", &bytes);
    once(&hub, ticket, test_once(Arc::clone(&hub), caller.merchant.id, id)).await
}

async fn test_once(hub: Arc<Hub>, merchant: String, id: EndpointId) -> Work {
    let tried = manage_endpoints::try_endpoint(&hub, &merchant, &id).await;
    let answer = tried
        .map_err(Problem::from)
        .and_then(|event| Answer::json(StatusCode::ACCEPTED, &EventDocument::new(event)));
    Work::from(answer)
}
