//! A provider's port: reads requests, writes (or spoils) answers.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, DATE, HOST, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use simulation::{Reply, Request, Timestamp};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::exchange::{Conduct, exchange, refuse_unread};
use crate::state::{Provider, State};
use crate::tls;

/// A huge answer is never larger than this.
const HUGEST_BYTES: u64 = 256 * 1024 * 1024;
/// Pieces in which a huge answer is written.
const CHUNK_BYTES: u64 = 64 * 1024;
/// Between the half of a truncated answer and its close, so that the half leaves the machine.
const TRUNCATION_PAUSE: Duration = Duration::from_millis(50);
/// After a failed `accept` (no file descriptors left), before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Serves the provider at `place` in the state's list until the sandbox stops.
pub async fn serve(state: Arc<State>, place: usize, listener: TcpListener) {
    let free = Arc::new(Semaphore::new(state.limits.connections));
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = state.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = serve_connection(Arc::clone(&state), place, stream, peer);
                state.tasks.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection broken off on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the connection was broken off by a hardship")]
struct BrokenOff;

async fn serve_connection(state: Arc<State>, place: usize, stream: TcpStream, peer: SocketAddr) {
    let reset = Arc::new(AtomicBool::new(false));
    // Answers are small; waiting to fill a packet would only slow the tests.
    let _ = stream.set_nodelay(true);
    let stream = Abortable { stream, reset: Arc::clone(&reset) };
    let Some(acceptor) = state.identity.as_ref().map(|identity| identity.acceptor.clone()) else {
        return serve_stream(state, place, stream, Caller { peer, tls: None, reset }).await;
    };
    let shaken = tokio::select! {
        () = state.stop.cancelled() => return,
        shaken = tokio::time::timeout(state.limits.read_timeout, acceptor.accept(stream)) => shaken,
    };
    match shaken {
        Ok(Ok(stream)) => {
            let tls = tls::version_name(stream.get_ref().1.protocol_version());
            serve_stream(state, place, stream, Caller { peer, tls, reset }).await;
        }
        // Who speaks no TLS, or an old one, gets an alert and no answer.
        Ok(Err(error)) => tracing::info!(%peer, %error, "no TLS connection came about"),
        Err(_) => tracing::info!(%peer, "no TLS connection came about in time"),
    }
}

/// The other end of a connection.
struct Caller {
    peer: SocketAddr,
    /// The version of TLS, when that is spoken.
    tls: Option<String>,
    /// Set to end the connection with a reset.
    reset: Arc<AtomicBool>,
}

async fn serve_stream<S>(state: Arc<State>, place: usize, stream: S, caller: Caller)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = {
        let (state, caller) = (Arc::clone(&state), Arc::new(caller));
        service_fn(move |request| {
            let (state, caller) = (Arc::clone(&state), Arc::clone(&caller));
            async move { respond(&state, place, &caller, request).await }
        })
    };
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(state.limits.read_timeout)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // Errors here are clients that went away and hardships; the journal has what matters.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = state.stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn respond(
    state: &State,
    place: usize,
    caller: &Caller,
    incoming: hyper::Request<Incoming>,
) -> Result<hyper::Response<Body>, BrokenOff> {
    let answer = answer(state, place, caller, incoming).await;
    answer.map(|response| dated(response, state.clock.now()))
}

/// The provider's clock stands in its answers, as everywhere on the web.
fn dated(mut response: hyper::Response<Body>, now: Timestamp) -> hyper::Response<Body> {
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::try_from(date) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

async fn answer(
    state: &State,
    place: usize,
    caller: &Caller,
    incoming: hyper::Request<Incoming>,
) -> Result<hyper::Response<Body>, BrokenOff> {
    let provider = &state.providers[place];
    let (head, body) = incoming.into_parts();
    let mut request = read_head(provider, &head, caller.peer);
    let reading = Limited::new(body, state.limits.body_bytes).collect();
    match tokio::time::timeout(state.limits.read_timeout, reading).await {
        Ok(Ok(collected)) => request.body = collected.to_bytes().to_vec(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let reply = refuse_unread(state, provider, &request, 413, "The body is too large.");
            return Ok(whole(reply));
        }
        Ok(Err(_)) => {
            refuse_unread(state, provider, &request, 400, "The body broke off.");
            return Err(BrokenOff);
        }
        Err(_) => {
            let reply = refuse_unread(state, provider, &request, 408, "The body did not arrive in time.");
            return Ok(whole(reply));
        }
    }
    let conduct = exchange(state, provider, &request, caller.tls.as_deref()).await;
    carry_out(state, conduct, &caller.reset).await
}

async fn carry_out(
    state: &State,
    conduct: Conduct,
    reset: &AtomicBool,
) -> Result<hyper::Response<Body>, BrokenOff> {
    match conduct {
        Conduct::Send(reply) => Ok(whole(reply)),
        Conduct::Delay { reply, ms } => {
            pause(state, ms).await;
            Ok(whole(reply))
        }
        Conduct::Reset => {
            reset.store(true, Ordering::SeqCst);
            Err(BrokenOff)
        }
        Conduct::Hold { ms } => {
            pause(state, ms).await;
            Err(BrokenOff)
        }
        Conduct::Truncate(reply) => Ok(truncated(reply)),
        Conduct::Huge { bytes } => Ok(huge(bytes)),
        Conduct::Drip { reply, ms_per_byte } => Ok(dripping(reply, Duration::from_millis(ms_per_byte))),
    }
}

/// Waits, but not beyond the sandbox's own end.
async fn pause(state: &State, ms: u64) {
    tokio::select! {
        () = state.stop.cancelled() => {}
        () = tokio::time::sleep(Duration::from_millis(ms)) => {}
    }
}

fn read_head(provider: &Provider, head: &http::request::Parts, peer: SocketAddr) -> Request {
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let host = host.unwrap_or_else(|| provider.address.to_string());
    // Different names come out in the order in which they arrived; a repeated name beside its first.
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: Vec::new(),
        peer: peer.to_string(),
        origin: format!("{}://{host}", provider.public_scheme),
    }
}

fn head_of(reply: &Reply) -> http::response::Builder {
    let mut builder = hyper::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => builder = builder.header(name, value),
            (Err(_), _) | (_, Err(_)) => {
                tracing::warn!(%name, "a header that cannot be written was left out")
            }
        }
    }
    builder
}

fn finish(builder: http::response::Builder, body: Body) -> hyper::Response<Body> {
    builder.body(body).unwrap_or_else(|error| {
        // Only a status out of range leads here: names and values were checked before.
        tracing::error!(%error, "a simulator's answer cannot be written");
        let mut failure = hyper::Response::new(bytes_body(Vec::new()));
        *failure.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        failure
    })
}

fn bytes_body(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync()
}

fn whole(reply: Reply) -> hyper::Response<Body> {
    let head = head_of(&reply);
    finish(head, bytes_body(reply.body))
}

fn truncated(reply: Reply) -> hyper::Response<Body> {
    let head = head_of(&reply).header(CONTENT_LENGTH, reply.body.len());
    let half = Bytes::copy_from_slice(&reply.body[..reply.body.len() / 2]);
    let steps = stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) if !half.is_empty() => Some((Ok(Frame::data(half)), Some(Bytes::new()))),
            Some(_) => {
                tokio::time::sleep(TRUNCATION_PAUSE).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
            }
            None => None,
        }
    });
    finish(head, BodyExt::boxed_unsync(StreamBody::new(steps)))
}

fn huge(bytes: u64) -> hyper::Response<Body> {
    const START: &[u8] = b"{\"padding\":\"";
    const END: &[u8] = b"\"}";
    let padding = bytes.min(HUGEST_BYTES);
    let length = START.len() as u64 + padding + END.len() as u64;
    let head = hyper::Response::builder()
        .status(200)
        .header("content-type", "application/json")
        .header(CONTENT_LENGTH, length);
    let pieces = (0..padding.div_ceil(CHUNK_BYTES)).map(move |piece| {
        let size = CHUNK_BYTES.min(padding - piece * CHUNK_BYTES);
        Bytes::from(vec![b'x'; usize::try_from(size).unwrap_or(0)])
    });
    let all = [Bytes::from_static(START)].into_iter().chain(pieces).chain([Bytes::from_static(END)]);
    finish(
        head,
        BodyExt::boxed_unsync(StreamBody::new(stream::iter(all.map(|bytes| Ok(Frame::data(bytes)))))),
    )
}

fn dripping(reply: Reply, pause: Duration) -> hyper::Response<Body> {
    let head = head_of(&reply).header(CONTENT_LENGTH, reply.body.len());
    let drops = stream::unfold(reply.body.into_iter(), move |mut rest| async move {
        let byte = rest.next()?;
        tokio::time::sleep(pause).await;
        Some((Ok(Frame::data(Bytes::from(vec![byte]))), rest))
    });
    finish(head, BodyExt::boxed_unsync(StreamBody::new(drops)))
}

/// A TCP stream that can be told to end with a reset in place of a farewell.
struct Abortable {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Abortable {
    fn drop(&mut self) {
        if self.reset.load(Ordering::SeqCst)
            && let Err(error) = self.stream.set_zero_linger()
        {
            tracing::warn!(%error, "a connection could not be reset and is closed");
        }
    }
}

impl AsyncRead for Abortable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Abortable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
