//! What an operator decides. The binary reads it from files and the environment; the hub only uses it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use payment::Account;
use payment::order::Language;
use secrecy::SecretString;
use url::Url;

/// Largest body of an API request, in bytes.
pub const MAX_API_BODY: usize = 256 * 1024;
/// Largest body of a notice, in bytes.
pub const MAX_NOTICE_BODY: usize = 64 * 1024;
/// Largest answer read from a provider, in bytes.
pub const MAX_PROVIDER_ANSWER: usize = 1024 * 1024;
/// Deepest nesting of JSON that is read.
pub const MAX_JSON_DEPTH: usize = 32;

/// The hub's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How shoppers and providers reach this hub, without a trailing slash in the path.
    pub public_url: Url,
    /// Refuses what is only good for tests: following a clock, plain http, private targets.
    pub is_production: bool,
    /// The merchants.
    pub merchants: Vec<Merchant>,
    /// The provider accounts of all merchants.
    pub accounts: Vec<Account>,
    /// Limits of accounts by id, where they are not the usual ones.
    pub limits: BTreeMap<String, AccountLimits>,
    /// Who may look at the console; absent, there is no console.
    pub console: Option<ConsoleAccess>,
    /// Events out.
    pub events: EventSettings,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Steering of the sandbox whose clock is followed (test set-ups only).
    pub clock_follow: Option<Url>,
    /// 32 bytes from which the keys that seal records and sign page addresses are derived, as 64 hex digits.
    pub master_key: SecretString,
    /// How often the workers look for due work, in milliseconds of real time.
    pub poll_ms: u64,
    /// How long requests are still taken after the hub was told to end, in milliseconds of real time: long enough
    /// for a proxy to notice that `/readyz` says so.
    pub drain_ms: u64,
}

/// A merchant.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// Its id in the configuration: lower-case letters, digits, hyphens.
    pub id: String,
    /// Its name for shoppers.
    pub name: String,
    /// Its API keys, as hashes.
    pub api_keys: Vec<ApiKey>,
    /// Whom a shopper asks (AV-4.3-05).
    pub contact: Contact,
    /// The language of its shoppers when an order does not say.
    pub language: Language,
    /// IANA zone in which its pages show dates.
    pub zone: String,
}

/// An API key, of which only the hash is known.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// A name for people.
    pub name: String,
    /// SHA-256 of the key's text.
    pub sha256: [u8; 32],
    /// A revoked key stays listed and opens nothing.
    pub is_revoked: bool,
}

/// Whom a shopper asks.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
}

/// Who may look at the console.
#[derive(Clone, Debug)]
pub struct ConsoleAccess {
    /// Name asked for by the browser.
    pub user: String,
    /// SHA-256 of the password, which is a long random text and no human choice.
    pub password_sha256: [u8; 32],
}

/// Events out.
#[derive(Clone, Debug)]
pub struct EventSettings {
    /// Whether endpoints in private address ranges are delivered to (local use only).
    pub allow_private_targets: bool,
    /// How long an endpoint may take, in milliseconds.
    pub timeout_ms: u64,
}

/// What bounds the traffic with one provider account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLimits {
    /// Most calls under way.
    pub calls_at_once: usize,
    /// Most calls a second; so many may also go at once after a rest.
    pub calls_per_second: u32,
    /// Longest time for one task with all its calls, in milliseconds: less than a request of the API may take.
    pub task_ms: u64,
    /// How many calls in a row find nobody before the breaker opens.
    pub breaker_failures: u32,
    /// How long an open breaker rests before it lets one call try, in milliseconds.
    pub breaker_rest_ms: u64,
    /// Most notices being taken; some more wait for a moment, the rest is turned away.
    pub notices_at_once: usize,
    /// Where notices may come from; empty, from anywhere.
    pub notice_addresses: Vec<AddressRange>,
}

/// The values that an operator need not think about.
impl Default for AccountLimits {
    fn default() -> Self {
        Self {
            calls_at_once: 64,
            calls_per_second: 500,
            task_ms: 70_000,
            breaker_failures: 5,
            breaker_rest_ms: 30_000,
            notices_at_once: 32,
            notice_addresses: Vec::new(),
        }
    }
}

impl AccountLimits {
    /// Whether notices from this address are taken at all.
    pub fn takes_notices_from(&self, address: IpAddr) -> bool {
        self.notice_addresses.is_empty() || self.notice_addresses.iter().any(|range| range.holds(address))
    }
}

/// Addresses that begin alike: `203.0.113.0/24`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    bits: u32,
}

impl AddressRange {
    /// Whether an address is one of them. An IPv4 address is itself also where it comes dressed as IPv6.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                first.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                first.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl From<IpAddr> for AddressRange {
    fn from(address: IpAddr) -> Self {
        Self { first: address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl std::str::FromStr for AddressRange {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, NotARange> {
        let (first, bits) = match text.split_once('/') {
            Some((first, bits)) => (first, Some(bits.parse::<u32>().map_err(|_| NotARange)?)),
            None => (text, None),
        };
        let first: IpAddr = first.parse().map_err(|_| NotARange)?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most { Err(NotARange) } else { Ok(Self { first, bits }) }
    }
}

/// A text that names no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no address and no range such as 203.0.113.0/24")]
pub struct NotARange;

impl Settings {
    /// A merchant by id.
    pub fn merchant(&self, id: &str) -> Option<&Merchant> {
        self.merchants.iter().find(|merchant| merchant.id == id)
    }

    /// An account by id.
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    /// The limits of an account.
    pub fn limits_of(&self, account: &str) -> AccountLimits {
        self.limits.get(account).cloned().unwrap_or_default()
    }

    /// Every account as work knows it: its merchant and its id.
    pub fn work_accounts(&self) -> Vec<(&str, &str)> {
        self.accounts.iter().map(|account| (account.merchant.as_str(), account.id.as_str())).collect()
    }

    /// The accounts of one merchant, in the order of the configuration.
    pub fn accounts_of(&self, merchant: &str) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter(move |account| account.merchant == merchant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_the_addresses_that_begin_alike() {
        let table = [
            ("203.0.113.0/24", "203.0.113.200", true),
            ("203.0.113.0/24", "203.0.114.1", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("203.0.113.7", "::ffff:203.0.113.7", true),
            ("0.0.0.0/0", "198.51.100.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:5::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db9::1", true),
        ];
        for (range, address, is_held) in table {
            let range: AddressRange = range.parse().expect("a range");
            assert_eq!(range.holds(address.parse().expect("an address")), is_held, "{range:?} {address}");
        }
        for text in ["", "203.0.113.0/33", "203.0.113/24", "2001:db8::/129", "host.example", "1.2.3.4/-1"] {
            assert_eq!(text.parse::<AddressRange>(), Err(NotARange), "{text}");
        }
    }
}
