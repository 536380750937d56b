//! The one way out: HTTP to providers and to merchants, with names resolved by the hub itself.

mod outcome;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use payment::step::{Answer, Input, Request};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, DATE, RETRY_AFTER};

pub use self::outcome::CallOutcome;
use self::outcome::{NoName, http_date, retry_after};
use crate::clock::Clock;
use crate::settings::{EventSettings, MAX_PROVIDER_ANSWER};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an endpoint's answer is read, for people to look at; only its status and `Retry-After` count.
const MAX_ENDPOINT_ANSWER: usize = 4 * 1024;

/// HTTP clients for the two kinds of partners.
pub struct Outbound {
    providers: reqwest::Client,
    endpoints: reqwest::Client,
    allow_private_targets: bool,
    endpoint_timeout: Duration,
}

/// What came of a call to a provider.
pub struct Called {
    /// For the protocol.
    pub input: Input,
    /// For the wire log and the metrics.
    pub outcome: CallOutcome,
    /// How long the provider wants to be left alone, when it says so.
    pub retry_after: Option<Duration>,
    /// Duration in microseconds of real time.
    pub duration_us: i64,
}

/// What came of posting an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// The endpoint answered.
    Answered(EndpointAnswer),
    /// No answer; why, in a few words.
    Failed(&'static str),
}

/// What an endpoint said to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointAnswer {
    /// HTTP status.
    pub status: u16,
    /// Its `Retry-After` header, as written.
    pub retry_after: Option<String>,
    /// How its body begins: 4 KiB at most.
    pub beginning: Vec<u8>,
}

impl Outbound {
    /// Builds the clients. Redirects are never followed.
    pub fn new(settings: &EventSettings) -> Result<Self, reqwest::Error> {
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
            allow_private_targets: settings.allow_private_targets,
            endpoint_timeout: Duration::from_millis(settings.timeout_ms),
        })
    }

    /// Makes one call to a provider, within `timeout` in all. Whatever happens is an input for the protocol,
    /// never an error.
    pub async fn call(&self, request: &Request, timeout: Duration, clock: &Clock) -> Called {
        let started = Instant::now();
        let mut retry_after = None;
        let (input, outcome) = match self.try_call(request, timeout, clock).await {
            Ok((answer, wish)) => {
                retry_after = wish;
                let outcome = CallOutcome::of_answer(answer.status);
                (Input::Answer(answer), outcome)
            }
            Err(outcome) => (Input::Lost { maybe_sent: outcome.maybe_sent() }, outcome),
        };
        let duration_us = i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX);
        Called { input, outcome, retry_after, duration_us }
    }

    async fn try_call(
        &self,
        request: &Request,
        timeout: Duration,
        clock: &Clock,
    ) -> Result<(Answer, Option<Duration>), CallOutcome> {
        let method =
            reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| CallOutcome::NotSent)?;
        let mut builder =
            self.providers.request(method, request.url.clone()).timeout(timeout).body(request.body.clone());
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
        Ok((Answer { status, content_type, body, received_at: clock.now(), provider_date }, retry_after))
    }

    /// Posts an event to a merchant's endpoint.
    pub async fn post_event(&self, url: &url::Url, headers: &[(&str, String)], body: String) -> Posted {
        if !self.allow_private_targets && literal_address(url).is_some_and(is_private) {
            return Posted::Failed("private address refused");
        }
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
                let retry_after = response.headers().get(reqwest::header::RETRY_AFTER);
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

/// The address in a URL that names no host.
fn literal_address(url: &url::Url) -> Option<IpAddr> {
    match url.host()? {
        url::Host::Ipv4(address) => Some(IpAddr::V4(address)),
        url::Host::Ipv6(address) => Some(IpAddr::V6(address)),
        url::Host::Domain(_) => None,
    }
}

/// Whether an address belongs to this machine or to a network behind it.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_private_v4(mapped),
            None => {
                let first = address.segments()[0];
                address.is_loopback()
                    || address.is_unspecified()
                    || address.is_multicast()
                    || first & 0xfe00 == 0xfc00
                    || first & 0xffc0 == 0xfe80
                    // 64:ff9b::/96 and 2002::/16 carry IPv4 addresses that this check does not unfold.
                    || first == 0x0064
                    || first == 0x2002
            }
        },
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_its_networks_are_private() {
        let private = [
            "127.0.0.1",
            "10.0.0.8",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ];
        for text in private {
            assert!(is_private(text.parse().expect("an address")), "{text}");
        }
        for text in ["8.8.8.8", "190.85.0.1", "2606:4700::1111"] {
            assert!(!is_private(text.parse().expect("an address")), "{text}");
        }
    }
}
