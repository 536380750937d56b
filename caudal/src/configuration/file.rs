//! The configuration as it is written: sections and keys, before anything is checked or any secret is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything that a configuration can say. Unknown keys are refused.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    pub hub: HubSection,
    pub database: DatabaseSection,
    pub keys: KeysSection,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console: Option<ConsoleSection>,
    pub events: EventsSection,
    pub clock: ClockSection,
    pub sandbox: SandboxSection,
    pub merchants: BTreeMap<String, MerchantSection>,
    pub accounts: BTreeMap<String, AccountSection>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct HubSection {
    pub environment: HubEnvironment,
    pub listen: String,
    pub public_url: String,
    pub trusted_proxies: Vec<String>,
    pub poll_ms: u64,
    pub drain_ms: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HubEnvironment {
    #[default]
    Development,
    Production,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSection {
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url_env: Option<String>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeysSection {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key_env: Option<String>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsoleSection {
    pub user: String,
    pub password_sha256: String,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventsSection {
    pub allow_private_targets: bool,
    pub timeout_ms: u64,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockSection {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow: Option<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxSection {
    pub address: String,
    pub port: u16,
    pub seed: u64,
    pub allow_public_targets: bool,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct MerchantSection {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_phone: Option<String>,
    pub api_keys: Vec<ApiKeySection>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiKeySection {
    pub name: String,
    pub sha256: String,
    pub revoked: bool,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountSection {
    pub merchant: String,
    pub provider: String,
    pub environment: String,
    pub base_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsSection>,
    pub settings: BTreeMap<String, toml::Value>,
}

#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_at_once: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker_failures: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker_rest_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notices_at_once: Option<u64>,
    pub notice_addresses: Vec<String>,
}

impl Default for HubSection {
    fn default() -> Self {
        Self {
            environment: HubEnvironment::Development,
            listen: "127.0.0.1:4040".into(),
            public_url: "http://127.0.0.1:4040".into(),
            trusted_proxies: Vec::new(),
            poll_ms: 500,
            drain_ms: 5_000,
        }
    }
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self { url: "sqlite:caudal.db".into(), url_file: None, url_env: None }
    }
}

impl Default for EventsSection {
    fn default() -> Self {
        Self { allow_private_targets: false, timeout_ms: 15_000 }
    }
}

impl Default for SandboxSection {
    fn default() -> Self {
        Self { address: "127.0.0.1".into(), port: 4041, seed: 1, allow_public_targets: false }
    }
}
