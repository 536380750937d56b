//! What a shop is started with.

use std::net::SocketAddr;

use secrecy::SecretString;
use url::Url;

use crate::means::Means;

/// A shop's settings.
#[derive(Clone, Debug)]
pub struct ShopSettings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How shoppers and the hub reach it; absent, `http://` and the address it listens at.
    pub public_url: Option<Url>,
    /// Where the hub's API is.
    pub hub_url: Url,
    /// The merchant's API key at the hub.
    pub api_key: SecretString,
    /// The shop's name.
    pub name: String,
    /// How shoppers can pay, at least one way. The shop sells where there is one, and first where the first one is.
    pub means: Vec<Means>,
    /// Whether a provider's page is opened in a frame over the shop's own, where the provider offers that.
    pub lightbox: bool,
    /// Whom a shopper writes to (AV-4.3-05).
    pub contact_email: String,
    /// Whom a shopper calls.
    pub contact_phone: String,
    /// A sandbox's steering address, when the shop is to live in its time.
    pub clock_follow: Option<Url>,
}
