//! The one way out: HTTP to providers and to merchants, with names resolved by the hub itself.

mod outcome;
mod sockets;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use payment::step::{Answer, Input, Request};

pub use self::outcome::CallOutcome;
use self::sockets::Sockets;
use crate::clock::Clock;
use crate::settings::EventSettings;

/// The way to the two kinds of partners.
pub struct Outbound {
    transport: Arc<dyn Transport>,
    allow_private_targets: bool,
}

/// What carries a request to a partner and its answer back. The product has one, of sockets; a test may hand in
/// one that stays in memory.
pub trait Transport: Send + Sync {
    /// Makes one call to a provider, within `timeout` in all.
    fn call<'a>(
        &'a self,
        request: &'a Request,
        timeout: Duration,
        clock: &'a Clock,
    ) -> BoxFuture<'a, Result<Carried, CallOutcome>>;

    /// Posts an event to a merchant's endpoint.
    fn post<'a>(
        &'a self,
        url: &'a url::Url,
        headers: &'a [(&'a str, String)],
        body: String,
    ) -> BoxFuture<'a, Posted>;
}

/// A provider's whole answer, and how long it wants to be left alone, when it says so.
pub type Carried = (Answer, Option<Duration>);

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

impl Called {
    /// A call that was not made.
    pub const fn not_sent() -> Self {
        let input = Input::Lost { maybe_sent: false };
        Self { input, outcome: CallOutcome::NotSent, retry_after: None, duration_us: 0 }
    }
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
    /// The way by sockets.
    ///
    /// # Errors
    /// When the HTTP clients cannot be built.
    pub fn new(settings: &EventSettings) -> Result<Self, reqwest::Error> {
        Ok(Self::over(Arc::new(Sockets::new(settings)?), settings))
    }

    /// The way by another transport.
    pub fn over(transport: Arc<dyn Transport>, settings: &EventSettings) -> Self {
        Self { transport, allow_private_targets: settings.allow_private_targets }
    }

    /// Makes one call to a provider, within `timeout` in all. Whatever happens is an input for the protocol,
    /// never an error.
    pub async fn call(&self, request: &Request, timeout: Duration, clock: &Clock) -> Called {
        let started = Instant::now();
        let mut retry_after = None;
        let (input, outcome) = match self.transport.call(request, timeout, clock).await {
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

    /// Posts an event to a merchant's endpoint.
    pub async fn post_event(&self, url: &url::Url, headers: &[(&str, String)], body: String) -> Posted {
        if !self.allow_private_targets && literal_address(url).is_some_and(is_private) {
            return Posted::Failed("private address refused");
        }
        self.transport.post(url, headers, body).await
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
            None => !is_global_v6(address),
        },
    }
}

/// Whether an address is one of the unicast addresses of the world at large (RFC 4291, IANA's registry of special ones).
fn is_global_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_unicast = first & 0xe000 == 0x2000;
    // 2001::/23 tunnels and benchmarks, 2002::/16 carries IPv4 addresses that this check does not unfold, the other two
    // stand in documents.
    let is_special = (first == 0x2001 && (second < 0x0200 || second == 0x0db8))
        || first == 0x2002
        || (first == 0x3fff && second < 0x1000);
    is_unicast && !is_special
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
        || (a == 192 && b == 88 && c == 99)
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
            "::ffff:10.0.0.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "2001::7f00:1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "fec0::1",
            "ff02::1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
        ];
        for text in private {
            assert!(is_private(text.parse().expect("an address")), "{text}");
        }
        for text in
            ["8.8.8.8", "190.85.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2001:4860::8888"]
        {
            assert!(!is_private(text.parse().expect("an address")), "{text}");
        }
    }
}
