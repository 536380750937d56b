//! The inbox: what a provider would have mailed or texted to a shopper.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `email` or `sms`.
    pub channel: String,
    /// The provider that would have sent it.
    pub provider: String,
    /// The address or the number.
    pub to: String,
    /// Subject line; empty for a text message.
    pub subject: String,
    /// The text.
    pub text: String,
    /// Business time.
    pub at: Timestamp,
}
