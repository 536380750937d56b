//! Connections: how many, how long they may dawdle, and how they end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::state::Hub;

/// Most connections at once; further ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 1024;
/// How long the head of a request may take to arrive, idle time before it included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests and work under way may take to end after shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(45);
/// Between two looks whether the work has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Rest after the system refuses a connection for want of resources.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Accepts and serves until `shutdown`, by which everybody has heard of the end, then lets everything end.
pub(super) async fn serve(
    hub: &Arc<Hub>,
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    while let Some(place) = until(&shutdown, Arc::clone(&places).acquire_owned()).await {
        let Some(accepted) = until(&shutdown, listener.accept()).await else { break };
        match accepted {
            Ok((stream, peer)) => {
                let serving = connection(stream, peer, router.clone(), shutdown.clone());
                connections.spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(SHUTDOWN_GRACE, ended(hub, &connections)).await.is_err() {
        tracing::warn!("work was still under way at the end of the grace; the database knows how to go on");
    }
    Ok(())
}

/// What comes, unless shutdown comes first.
async fn until<T>(shutdown: &CancellationToken, coming: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        came = coming => Some(came),
    }
}

async fn ended(hub: &Hub, connections: &TaskTracker) {
    connections.wait().await;
    while hub.busy.load(Ordering::SeqCst) > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Serves one connection; after shutdown its current request is the last.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, shutdown: CancellationToken) {
    // Answers are short: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
