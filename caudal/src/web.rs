//! The HTTP client of the command line: names under `localhost` are this machine, redirects are seen and not followed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client. With `keeps_cookies` it is one browser's worth of cookies.
///
/// # Errors
/// When the machine's certificates cannot be read.
pub fn client(keeps_cookies: bool) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .cookie_store(keeps_cookies)
        .dns_resolver(LocalNames)
        .no_proxy()
        .build()
}

/// Resolves names under `localhost` to this machine, which the system's resolver may not do (RFC 6761).
struct LocalNames;

impl Resolve for LocalNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().trim_end_matches('.').to_ascii_lowercase();
            let found: Vec<SocketAddr> = if host == "localhost" || host.ends_with(".localhost") {
                vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)]
            } else {
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect()
            };
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}
