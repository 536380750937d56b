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
        let client = |allow_private: bool| {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .no_proxy()
                .dns_resolver(Arc::new(Names { allow_private }))
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

/// Resolves names; `localhost` and what ends in it are this machine, whatever the system's resolver says.
struct Names {
    allow_private: bool,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let name = name.as_str().trim_end_matches('.').to_ascii_lowercase();
            // A name that cannot exist (RFC 6761) is not asked for: a resolver may take seconds to say so.
            if name == "invalid" || name.ends_with(".invalid") {
                return Err(NoName.into());
            }
            let found: Vec<SocketAddr> = if name == "localhost" || name.ends_with(".localhost") {
                vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))]
            } else {
                tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| NoName)?.collect()
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
