//! The provider's ledger: the witness of what really happened to money.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// One line of the ledger. Lines are appended, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The provider's id.
    pub provider: String,
    /// The account's name.
    pub account: String,
    /// The provider's key of the transaction.
    pub transaction: String,
    /// The merchant's reference as the provider got it.
    pub reference: String,
    /// `charge`, `reversal` or `refund`; other kinds come with the providers that have them.
    pub kind: String,
    /// `approved`, `rejected`, `pending`.
    pub state: String,
    /// Decimal text as on the wire, for example `119000.00`.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    /// Business time.
    pub at: Timestamp,
}
