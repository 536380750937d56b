//! A provider account: a merchant's credentials and limits at one provider.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

/// One account. Secrets are in zeroizing types that print `[REDACTED]`.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account's name in the configuration: unique in the hub, part of its notice address.
    pub id: String,
    /// The merchant it belongs to.
    pub merchant: String,
    /// The provider's id.
    pub provider: String,
    /// Test or production.
    pub environment: Environment,
    /// Where the provider listens, without a trailing slash's meaning: paths are joined by the client.
    pub base_url: Url,
    /// What is not secret among the credentials (`login`), by name.
    pub credentials: BTreeMap<String, String>,
    /// Secrets by name, newest first: while one is being rotated the older ones still verify.
    pub secrets: BTreeMap<String, Vec<SecretString>>,
    /// Settings by name, checked against the profile when the configuration is read.
    pub settings: BTreeMap<String, String>,
}

/// Which of a provider's environments an account lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// No real money: the provider's test host, or the sandbox.
    Test,
    /// A certification under way: test money, the certification's own cadences.
    Certification,
    /// Real money.
    Production,
}

impl Account {
    /// A credential that is not secret; empty when the configuration lacks it.
    pub fn credential(&self, name: &str) -> &str {
        self.credentials.get(name).map_or("", String::as_str)
    }

    /// The secret that signs and authenticates today.
    pub fn secret(&self, name: &str) -> Option<&SecretString> {
        self.secrets(name).first()
    }

    /// All secrets that still verify, newest first.
    pub fn secrets(&self, name: &str) -> &[SecretString] {
        self.secrets.get(name).map_or(&[], Vec::as_slice)
    }

    /// A setting, when it is set.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }
}
