//! The transport of the product: sockets, TLS, HTTP, and names that the hub resolves itself.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use payment::step::{Answer, Request};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, DATE, RETRY_AFTER};

use super::outcome::{NoName, http_date, retry_after};
use super::{CallOutcome, Carried, EndpointAnswer, Posted, Transport, is_private};
use crate::clock::Clock;
use crate::settings::{EventSettings, MAX_PROVIDER_ANSWER};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an endpoint's answer is read, for people to look at; only its status and `Retry-After` count.
const MAX_ENDPOINT_ANSWER: usize = 4 * 1024;

/// HTTP clients for the two kinds of partners.
pub(super) struct Sockets {
    providers: reqwest::Client,
    endpoints: reqwest::Client,
    endpoint_timeout: Duration,
}

impl Sockets {
    /// Builds the clients. Redirects are never followed.
    pub(super) fn new(settings: &EventSettings) -> Result<Self, reqwest::Error> {
        Self::asking(settings, Arc::new(|name| tokio::net::lookup_host((name, 0)).map(addresses).boxed()))
    }

    /// The same, with names looked up in another way.
    fn asking(settings: &EventSettings, look_up: LookUp) -> Result<Self, reqwest::Error> {
        let client = |allow_private: bool| {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .no_proxy()
                .dns_resolver(Arc::new(Names { allow_private, look_up: Arc::clone(&look_up) }))
                .build()
        };
        Ok(Self {
            // Providers are named by the operator: the sandbox and private links are theirs to choose.
            providers: client(true)?,
            endpoints: client(settings.allow_private_targets)?,
            endpoint_timeout: Duration::from_millis(settings.timeout_ms),
        })
    }

    async fn try_call(
        &self,
        request: &Request,
        timeout: Duration,
        clock: &Clock,
    ) -> Result<Carried, CallOutcome> {
        let method =
            reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| CallOutcome::NotSent)?;
        // What may hold a card is wiped when the last of it was sent.
        let body = Bytes::from_owner(request.body.clone());
        let mut builder = self.providers.request(method, request.url.clone()).timeout(timeout).body(body);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let response = builder.send().await.map_err(|error| CallOutcome::of_error(&error))?;
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        let content_type = header(CONTENT_TYPE).to_owned();
        let provider_date = http_date(header(DATE));
        let retry_after = retry_after(header(RETRY_AFTER), provider_date.unwrap_or_else(|| clock.now()));
        let body = read_body(response, MAX_PROVIDER_ANSWER).await?;
        let received_at = clock.now();
        Ok((
            Answer { status, content_type, body, received_at, provider_date, handed_over: None },
            retry_after,
        ))
    }

    async fn try_post(&self, url: &url::Url, headers: &[(&str, String)], body: String) -> Posted {
        let mut builder = self
            .endpoints
            .post(url.clone())
            .timeout(self.endpoint_timeout)
            .header("content-type", "application/json")
            .header("user-agent", concat!("caudal/", env!("CARGO_PKG_VERSION")))
            .body(body);
        for (name, value) in headers {
            builder = builder.header(*name, value);
        }
        match builder.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let retry_after = response.headers().get(RETRY_AFTER);
                let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
                let beginning = read_beginning(response, MAX_ENDPOINT_ANSWER).await;
                Posted::Answered(EndpointAnswer { status, retry_after, beginning })
            }
            Err(error) if error.is_timeout() => Posted::Failed("timed out"),
            Err(error) if error.is_connect() => Posted::Failed("no connection"),
            Err(_) => Posted::Failed("connection broken"),
        }
    }
}

impl Transport for Sockets {
    fn call<'a>(
        &'a self,
        request: &'a Request,
        timeout: Duration,
        clock: &'a Clock,
    ) -> BoxFuture<'a, Result<Carried, CallOutcome>> {
        self.try_call(request, timeout, clock).boxed()
    }

    fn post<'a>(
        &'a self,
        url: &'a url::Url,
        headers: &'a [(&'a str, String)],
        body: String,
    ) -> BoxFuture<'a, Posted> {
        self.try_post(url, headers, body).boxed()
    }
}

/// Reads a body up to a limit.
async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, CallOutcome> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| match error.is_timeout() {
        true => CallOutcome::TimedOut,
        false => CallOutcome::HalfAnswered,
    })? {
        if body.len() + chunk.len() > limit {
            return Err(CallOutcome::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads how a body begins, up to a limit; what breaks off is told as far as it came.
async fn read_beginning(mut response: reqwest::Response, limit: usize) -> Vec<u8> {
    let mut beginning = Vec::new();
    while beginning.len() < limit
        && let Ok(Some(chunk)) = response.chunk().await
    {
        beginning.extend_from_slice(&chunk);
    }
    beginning.truncate(limit);
    beginning
}

/// How the addresses of a name are found.
type LookUp = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> + Send + Sync>;

fn addresses(found: std::io::Result<impl Iterator<Item = SocketAddr>>) -> std::io::Result<Vec<SocketAddr>> {
    found.map(Iterator::collect)
}

/// Resolves names; `localhost` and what ends in it are this machine, whatever the system's resolver says. The addresses that
/// are looked at are those that are connected to: a name that says something else a moment later changes nothing.
struct Names {
    allow_private: bool,
    look_up: LookUp,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow_private, look_up) = (self.allow_private, Arc::clone(&self.look_up));
        Box::pin(async move {
            let name = name.as_str().trim_end_matches('.').to_ascii_lowercase();
            // A name that cannot exist (RFC 6761) is not asked for: a resolver may take seconds to say so.
            if name == "invalid" || name.ends_with(".invalid") {
                return Err(NoName.into());
            }
            let found = if name == "localhost" || name.ends_with(".localhost") {
                vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))]
            } else {
                look_up(name).await.map_err(|_| NoName)?
            };
            let permitted: Vec<SocketAddr> =
                found.into_iter().filter(|address| allow_private || !is_private(address.ip())).collect();
            if permitted.is_empty() {
                return Err(NoName.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use payment::Timestamp;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const HIDDEN: &str = "http://169.254.169.254/latest/meta-data";

    /// Answers every connection with the same bytes, and counts them.
    async fn server(answer: String) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let visits = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&visits);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("a caller");
                counted.fetch_add(1, Ordering::SeqCst);
                let mut head = [0; 1024];
                // Whoever hangs up without a word was counted.
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (address, visits)
    }

    fn settings(allow_private_targets: bool) -> EventSettings {
        EventSettings { allow_private_targets, timeout_ms: 2000 }
    }

    fn names(script: Vec<Vec<SocketAddr>>) -> LookUp {
        let script = Mutex::new(script.into_iter());
        Arc::new(move |_| {
            let found = script.lock().expect("the script").next().unwrap_or_default();
            async move { Ok(found) }.boxed()
        })
    }

    #[tokio::test]
    async fn redirects_are_never_followed() {
        let (elsewhere, visits) = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()).await;
        for location in [format!("http://{elsewhere}/"), HIDDEN.to_owned()] {
            for status in [301, 302, 303, 307, 308] {
                let answer =
                    format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
                let (address, _) = server(answer).await;
                let url: url::Url = format!("http://{address}/").parse().expect("an address");
                let sockets = Sockets::new(&settings(true)).expect("clients");
                let posted = sockets.try_post(&url, &[], "{}".to_owned()).await;
                let Posted::Answered(answered) = posted else { panic!("{posted:?}") };
                assert_eq!(answered.status, status);
                let request = Request {
                    operation: "test",
                    method: "POST",
                    url,
                    headers: vec![],
                    body: vec![].into(),
                    timeout_ms: 2000,
                    needs_token: false,
                };
                let now: Timestamp = "2026-03-14T15:00:00Z".parse().expect("a time");
                let clock = Clock::by_hand(now);
                let called = sockets.try_call(&request, Duration::from_secs(2), &clock).await;
                assert_eq!(called.map(|(answer, _)| answer.status), Ok(status));
            }
        }
        assert_eq!(visits.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_name_that_leads_behind_the_wall_is_refused_whatever_it_said_before() {
        let (inside, visits) = server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()).await;
        let mapped = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), inside.port()));
        let public = SocketAddr::from(([190, 85, 0, 1], 0));
        let url: url::Url =
            format!("http://tienda.example:{}/events", inside.port()).parse().expect("an address");
        let said = vec![vec![public], vec![inside], vec![mapped], vec![]];
        let resolver = Names { allow_private: false, look_up: names(said.clone()) };
        let name = || "tienda.example".parse::<Name>().expect("a name");
        let first: Vec<SocketAddr> = resolver.resolve(name()).await.expect("public").collect();
        assert_eq!(first, [public]);
        for _ in 1..said.len() {
            assert!(resolver.resolve(name()).await.is_err());
        }
        let both = Names { allow_private: false, look_up: names(vec![vec![inside, public, mapped]]) };
        let kept: Vec<SocketAddr> = both.resolve(name()).await.expect("public").collect();
        assert_eq!(kept, [public], "of several addresses only those outside are tried");

        for inside in [inside, mapped] {
            let guarded = Sockets::asking(&settings(false), names(vec![vec![inside]])).expect("clients");
            assert_eq!(guarded.try_post(&url, &[], String::new()).await, Posted::Failed("no connection"));
        }
        assert_eq!(visits.load(Ordering::SeqCst), 0, "nobody knocked");
        let open = Sockets::asking(&settings(true), names(vec![vec![inside]])).expect("clients");
        assert!(matches!(open.try_post(&url, &[], String::new()).await, Posted::Answered(_)));
        assert_eq!(visits.load(Ordering::SeqCst), 1);
    }
}
