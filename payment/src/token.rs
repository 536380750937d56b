//! Access tokens: what some providers give an account for a while, in exchange for its secret.

use secrecy::SecretString;

use crate::Timestamp;

/// An access token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token itself: a secret while it lives.
    pub value: SecretString,
    /// When it ends, by the provider's own telling.
    pub expires_at: Timestamp,
}
