//! The API for merchants, version 1, and what explains it.

mod ask;
mod body;
mod caller;
pub mod code;
mod event_endpoints;
mod events;
mod idempotency;
mod instruments;
mod openapi;
mod operations;
mod path_id;
mod payment_request;
mod payments;
mod pending_payments;
pub mod problem;
mod query;
mod rest;
mod strict_json;

use std::sync::{Arc, LazyLock};

use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use body::read_body;
pub use caller::KEY_PREFIX;
pub use payment_request::IfPending;

use crate::api::code::Code;
use crate::api::problem::Problem;
use crate::state::Hub;

/// Most API requests at work at once; more are answered 503.
pub const MAX_IN_FLIGHT: usize = 256;

/// What a short text tells programs that write programs.
const LLMS_TXT: &str = include_str!("llms.txt");

/// The OpenAPI document as text.
static OPENAPI: LazyLock<String> = LazyLock::new(|| {
    let document = operations().into_openapi();
    document.to_pretty_json().unwrap_or_default() + "\n"
});

/// The routes of the API.
pub fn router() -> Router<Arc<Hub>> {
    let in_flight = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
    let limited = from_fn(move |request, next| limit_in_flight(Arc::clone(&in_flight), request, next));
    Router::from(operations())
        .route_layer(limited)
        .route("/openapi.json", get(openapi_json))
        .route("/llms.txt", get(|| async { LLMS_TXT }))
        .route("/problems", get(explain_all))
        .route("/problems/{code}", get(explain))
}

/// The OpenAPI document, as it is served at `/openapi.json`.
pub fn openapi() -> &'static str {
    &OPENAPI
}

/// The answer to what has no address.
pub async fn not_found() -> Problem {
    Problem::new(Code::NotFound, "Nothing has this address.")
}

/// The answer to a method that an address does not take.
pub async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed, "The address exists, for other methods.")
}

/// Every operation, mounted and documented in one go: what is not here is in neither.
fn operations() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::with_openapi(openapi::Frame::openapi())
        .routes(routes!(payments::create, payments::list))
        .routes(routes!(payments::read))
        .routes(routes!(pending_payments::list))
        .routes(routes!(payments::cancel))
        .routes(routes!(ask::ask))
        .routes(routes!(rest::collect_rest))
        .routes(routes!(operations::capture))
        .routes(routes!(operations::release))
        .routes(routes!(operations::refund))
        .routes(routes!(instruments::list))
        .routes(routes!(instruments::read))
        .routes(routes!(instruments::remove))
        .routes(routes!(events::list))
        .routes(routes!(events::read))
        .routes(routes!(events::resend))
        .routes(routes!(events::resend_many))
        .routes(routes!(events::deliveries))
        .routes(routes!(event_endpoints::create, event_endpoints::list))
        .routes(routes!(event_endpoints::read, event_endpoints::delete))
        .routes(routes!(event_endpoints::test))
        .routes(routes!(event_endpoints::rotate_secret))
        .routes(routes!(event_endpoints::enable))
}

async fn limit_in_flight(in_flight: Arc<Semaphore>, request: Request, next: Next) -> Response {
    match in_flight.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_) => Problem::overloaded().into_response(),
    }
}

async fn openapi_json() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], openapi())
}

/// A problem code, explained.
#[derive(Serialize)]
struct Explanation {
    code: Code,
    title: &'static str,
    status: u16,
    meaning: &'static str,
    cure: &'static str,
}

impl From<Code> for Explanation {
    fn from(code: Code) -> Self {
        let (title, status, meaning, cure) = (code.title(), code.status(), code.meaning(), code.cure());
        Self { code, title, status, meaning, cure }
    }
}

async fn explain_all() -> Json<Vec<Explanation>> {
    Json(Code::ALL.iter().copied().map(Into::into).collect())
}

async fn explain(State(_): State<Arc<Hub>>, Path(word): Path<String>) -> Result<Json<Explanation>, Problem> {
    let code = Code::from_word(&word);
    code.map(|code| Json(code.into()))
        .ok_or_else(|| Problem::new(Code::NotFound, "No problem has this code."))
}
