//! What an operator decides. The binary reads it from files and the environment; the hub only uses it.

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

impl Settings {
    /// A merchant by id.
    pub fn merchant(&self, id: &str) -> Option<&Merchant> {
        self.merchants.iter().find(|merchant| merchant.id == id)
    }

    /// An account by id.
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
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
