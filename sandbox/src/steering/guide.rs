//! The providers' guides: a page, JSON for programs, and the requests as a file that editors can send.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use simulation::Guide;

use super::problem::Problem;
use super::{DISCLAIMER, Steering};

/// The guide of each provider that has one.
pub fn routes() -> Router<Steering> {
    Router::new()
        .route("/guides/{provider}", get(page))
        .route("/guides/{provider}/requests.http", get(collection))
        .route("/_sandbox/guides/{provider}", get(document))
}

#[derive(Template)]
#[template(path = "guide.html")]
struct Page {
    disclaimer: &'static str,
    provider: String,
    origin: String,
    guide: Guide,
}

async fn page(State(steering): State<Steering>, Path(provider): Path<String>) -> Result<Response, Problem> {
    let (guide, origin) = steering.guide(&provider)?;
    match (Page { disclaimer: DISCLAIMER, provider, origin, guide }).render() {
        Ok(text) => Ok(Html(text).into_response()),
        Err(error) => {
            tracing::error!(%error, "a guide could not be written");
            Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response())
        }
    }
}

async fn collection(
    State(steering): State<Steering>,
    Path(provider): Path<String>,
) -> Result<Response, Problem> {
    let (guide, origin) = steering.guide(&provider)?;
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, guide.collection(&origin)).into_response())
}

async fn document(
    State(steering): State<Steering>,
    Path(provider): Path<String>,
) -> Result<Response, Problem> {
    Ok(Json(steering.guide(&provider)?.0).into_response())
}
