//! Where the sandbox may send, and the HTTP client that keeps to it.
//!
//! The check is made twice: on the address written in a URL, and on every address that a name resolves
//! to at the moment of connecting, so that a name cannot change its mind in between.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Clients kept for addresses that notices leave from.
const MOST_SOURCES: usize = 64;

/// Where notices may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedTargets {
    /// Loopback and private networks; no link-local addresses, where clouds keep their credentials.
    PrivateOnly,
    /// Any address. For a sandbox that serves merchants elsewhere.
    Anywhere,
}

/// Why nothing is sent to a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no absolute URL with a host.
    #[error("not a URL: {0}")]
    NotAUrl(String),
    /// It is neither http nor https.
    #[error("only http and https are sent to")]
    Scheme,
    /// It carries a user name or a password.
    #[error("a URL with credentials is not sent to")]
    Credentials,
    /// It leads out of loopback and private networks.
    #[error("{0} is not a private address; the sandbox sends to private addresses unless told otherwise")]
    NotPrivate(String),
}

impl AllowedTargets {
    /// Checks what can be told from the URL alone.
    pub fn check(self, url: &str) -> Result<Url, TargetError> {
        let url = Url::parse(url).map_err(|error| TargetError::NotAUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(TargetError::NotAUrl("no host".into())),
        };
        match literal {
            Some(address) if !self.allows(address) => Err(TargetError::NotPrivate(address.to_string())),
            Some(_) | None => Ok(url),
        }
    }

    fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Anywhere => true,
            Self::PrivateOnly => is_private(address),
        }
    }
}

/// HTTP clients that follow no redirect, know no proxy, open a connection per call and keep to one
/// [`AllowedTargets`]: one for each address of this machine that calls leave from.
pub struct Clients {
    allowed: AllowedTargets,
    timeout: Duration,
    usual: reqwest::Client,
    by_source: Mutex<BTreeMap<IpAddr, reqwest::Client>>,
}

impl Clients {
    /// With the usual client, which leaves the address to the system.
    pub fn new(allowed: AllowedTargets, timeout: Duration) -> Result<Self, reqwest::Error> {
        let usual = build(allowed, timeout, None)?;
        Ok(Self { allowed, timeout, usual, by_source: Mutex::default() })
    }

    /// The client that calls from `source`, or from wherever the system likes.
    pub fn leaving_from(&self, source: Option<IpAddr>) -> Result<reqwest::Client, reqwest::Error> {
        let Some(address) = source else { return Ok(self.usual.clone()) };
        let mut known = self.by_source.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = known.get(&address) {
            return Ok(client.clone());
        }
        let client = build(self.allowed, self.timeout, source)?;
        if known.len() < MOST_SOURCES {
            known.insert(address, client.clone());
        }
        Ok(client)
    }

    /// The client that leaves the address to the system.
    pub fn usual(&self) -> &reqwest::Client {
        &self.usual
    }
}

fn build(
    allowed: AllowedTargets,
    timeout: Duration,
    source: Option<IpAddr>,
) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .no_gzip()
        .pool_max_idle_per_host(0)
        .timeout(timeout)
        .local_address(source)
        .dns_resolver(Arc::new(GuardedResolver { allowed }))
        .build()
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_private(IpAddr::V4(mapped)),
            None => address.is_loopback() || address.is_unique_local(),
        },
    }
}

/// Names under `localhost` are this machine (RFC 6761), whatever the system's resolver thinks of them.
fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

struct GuardedResolver {
    allowed: AllowedTargets,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed;
        Box::pin(async move {
            let found: Vec<SocketAddr> = if is_localhost(name.as_str()) {
                vec![(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()]
            } else {
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect()
            };
            match found.iter().find(|address| !allowed.allows(address.ip())) {
                Some(outside) => Err(TargetError::NotPrivate(outside.ip().to_string()).into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_addresses_are_sent_to_unless_told() {
        let private = AllowedTargets::PrivateOnly;
        for url in [
            "http://127.0.0.1:1/x",
            "http://[::1]/",
            "https://10.1.2.3/",
            "http://192.168.0.1/",
            "http://[fd00::1]/",
            "http://shop.localhost/",
        ] {
            assert!(private.check(url).is_ok(), "{url}");
        }
        for url in [
            "http://93.184.216.34/",
            "http://169.254.169.254/latest",
            "http://0.0.0.0/",
            "http://[::ffff:8.8.8.8]/",
            "http://[fe80::1]/",
            "http://0x08080808/",
            "http://134744072/",
        ] {
            assert!(matches!(private.check(url), Err(TargetError::NotPrivate(_))), "{url}");
            assert!(AllowedTargets::Anywhere.check(url).is_ok(), "{url}");
        }
        assert_eq!(private.check("file:///etc/passwd"), Err(TargetError::Scheme));
        assert_eq!(private.check("http://a:b@127.0.0.1/"), Err(TargetError::Credentials));
        assert!(matches!(private.check("notices"), Err(TargetError::NotAUrl(_))));
    }

    #[tokio::test]
    async fn names_under_localhost_are_this_machine_and_public_ones_are_refused() {
        let resolver = GuardedResolver { allowed: AllowedTargets::PrivateOnly };
        let name: Name = "shop.localhost".parse().expect("a name");
        let found: Vec<_> = resolver.resolve(name).await.expect("resolved").collect();
        assert_eq!(found[0].ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        // The system's resolver answers a literal address with itself, without asking anybody.
        let outside: Name = "198.51.100.7".parse().expect("a name");
        let refused = resolver.resolve(outside).await.err().expect("refused");
        assert!(refused.is::<TargetError>(), "{refused}");
        assert!(!is_localhost("notlocalhost") && is_localhost("A.LOCALHOST."));
    }
}
