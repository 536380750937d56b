//! Notices: what providers tell us unasked, taken at `/notices/{provider}/{account}`.
//!
//! Any method is passed on, since each protocol has its own; a session cookie plays no part, so there is nothing
//! for another site to forge. The answer is the one that the provider expects.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use payment::notice::{NoticeReply, RawNotice};

use crate::api::code::Code;
use crate::api::problem::Problem;
use crate::api::{not_found, read_body};
use crate::flow;
use crate::metrics::NOTICE_TURNED_AWAY;
use crate::server::ClientAddress;
use crate::settings::MAX_NOTICE_BODY;
use crate::state::Hub;

/// When a provider shall try again after the database failed, in seconds.
const RETRY_S: u32 = 5;

/// The addresses that providers post to.
pub fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/notices/{provider}/{account}", any(plain))
        .route("/notices/{provider}/{account}/{*route}", any(routed))
}

async fn plain(
    State(hub): State<Arc<Hub>>,
    Path((provider, account)): Path<(String, String)>,
    peer: ClientAddress,
    request: Request,
) -> Result<Response, Problem> {
    take(&hub, &provider, &account, String::new(), peer, request).await
}

async fn routed(
    State(hub): State<Arc<Hub>>,
    Path((provider, account, route)): Path<(String, String, String)>,
    peer: ClientAddress,
    request: Request,
) -> Result<Response, Problem> {
    take(&hub, &provider, &account, route, peer, request).await
}

async fn take(
    hub: &Arc<Hub>,
    provider: &str,
    account: &str,
    route: String,
    ClientAddress(peer): ClientAddress,
    request: Request,
) -> Result<Response, Problem> {
    if hub.account(account).is_none_or(|(found, _)| found.provider != provider) {
        return Err(not_found().await);
    }
    // Before a byte of the body is read: what waits costs a connection and no memory.
    let Some(turn) = hub.limits.gate(account).admit_notice().await else {
        metrics::counter!(NOTICE_TURNED_AWAY, "account" => account.to_owned()).increment(1);
        return Err(Problem::overloaded());
    };
    let method = request.method().to_string();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let headers = listed(request.headers());
    let body = read_body(request, MAX_NOTICE_BODY).await?.to_vec();
    let notice = RawNotice { method, route, query, headers, body };
    // In a task of its own: a provider that hangs up does not undo what it has told.
    let (hub, provider, account) = (Arc::clone(hub), provider.to_owned(), account.to_owned());
    let taking = tokio::spawn(async move {
        let _turn = turn;
        flow::receive_notice(&hub, &provider, &account, notice, peer).await
    });
    match taking.await {
        Ok(Ok(Some(reply))) => Ok(answer(&reply)),
        Ok(Ok(None)) => Err(not_found().await),
        Ok(Err(error)) => Err(Problem::from(error).with_retry_after(RETRY_S)),
        Err(error) => {
            tracing::error!(panicked = error.is_panic(), "taking a notice ended early");
            let problem = Problem::new(Code::DatabaseUnavailable, "The notice could not be kept.");
            Err(problem.with_retry_after(RETRY_S))
        }
    }
}

/// Names in lower case and values, in order. What is not text is kept with its odd bytes replaced.
fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

fn answer(reply: &NoticeReply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, reply.content_type)], reply.body).into_response()
}
