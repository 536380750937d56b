//! The words for where a payment stands: the same in the API, events, pages and docs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Recorded; nothing known at a provider.
    Created,
    /// The shopper has to do something: pay on the provider's page.
    RequiresAction,
    /// The provider is finding out.
    Pending,
    /// Held, not yet charged.
    Authorized,
    /// Paid in full.
    Approved,
    /// Paid in part; the rest can still come.
    PartiallyApproved,
    /// Paid in part; the rest can no longer come.
    PartiallyExpired,
    /// Declined.
    Rejected,
    /// It could not be tried.
    Failed,
    /// Its time ran out unpaid.
    Expired,
    /// Taken back before it was paid, by the shopper or the merchant.
    Cancelled,
    /// The charge was undone before settlement.
    Reversed,
    /// Given back in part.
    PartiallyRefunded,
    /// Given back in full.
    Refunded,
    /// A bank returned it.
    Returned,
    /// The holder disputes it.
    Disputed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 16] = [
        Self::Created,
        Self::RequiresAction,
        Self::Pending,
        Self::Authorized,
        Self::Approved,
        Self::PartiallyApproved,
        Self::PartiallyExpired,
        Self::Rejected,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
        Self::Reversed,
        Self::PartiallyRefunded,
        Self::Refunded,
        Self::Returned,
        Self::Disputed,
    ];

    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::RequiresAction => "requires_action",
            Self::Pending => "pending",
            Self::Authorized => "authorized",
            Self::Approved => "approved",
            Self::PartiallyApproved => "partially_approved",
            Self::PartiallyExpired => "partially_expired",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Reversed => "reversed",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Returned => "returned",
            Self::Disputed => "disputed",
        }
    }

    /// Whether the truth is still open, so that the hub keeps asking.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Created | Self::RequiresAction | Self::Pending | Self::PartiallyApproved => true,
            Self::Authorized
            | Self::Approved
            | Self::PartiallyExpired
            | Self::Rejected
            | Self::Failed
            | Self::Expired
            | Self::Cancelled
            | Self::Reversed
            | Self::PartiallyRefunded
            | Self::Refunded
            | Self::Returned
            | Self::Disputed => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// The text is no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a payment status")]
pub struct UnknownStatus;

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.word() == text).ok_or(UnknownStatus)
    }
}
