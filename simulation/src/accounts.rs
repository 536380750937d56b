//! Merchant accounts at a simulated provider.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What steering asks for when it opens an account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// A name for people, unique per provider; becomes the account's id.
    pub name: String,
    /// Where notices go; the sandbox sends to private addresses only unless told.
    #[serde(default)]
    pub notification_url: Option<String>,
    /// Provider-specific settings (`signature` = `sha1` or `sha256`, `state`, `profile`…).
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
}

/// An account that exists, with the credentials that the sandbox issued.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Its id, the name it was opened with.
    pub name: String,
    /// Where notices go.
    pub notification_url: Option<String>,
    /// For example `login` and `secret_key`.
    pub credentials: BTreeMap<String, String>,
    /// All settings with the values in force.
    pub settings: BTreeMap<String, String>,
}
