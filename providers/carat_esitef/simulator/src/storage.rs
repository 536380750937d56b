//! A storage transaction: what becomes of a card that a shop wants kept (PROTOCOL.md 5, 7.2).

use crate::authorizers::Authorizer;
use crate::delivery::Deliveries;
use crate::identifiers::StorageIds;
use crate::vault::Sealed;

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not decided: it has no status of its own yet.
    Open,
    /// `CON`: kept.
    Stored,
    /// `DUP`: was kept before.
    Duplicate,
    /// `INV`: nothing was kept.
    Invalid,
    /// `CAN`: taken away at the shop's request.
    Cancelled,
    /// `DEL`: taken away at its owner's request.
    Deleted,
    /// `BLQ`: suspected of fraud.
    Blocked,
}

impl Status {
    /// The three letters; none while it is open.
    pub fn word(self) -> Option<&'static str> {
        Some(match self {
            Self::Open => return None,
            Self::Stored => "CON",
            Self::Duplicate => "DUP",
            Self::Invalid => "INV",
            Self::Cancelled => "CAN",
            Self::Deleted => "DEL",
            Self::Blocked => "BLQ",
        })
    }
}

/// The card of a storage transaction, as far as a notice shows it.
#[derive(Clone, Debug)]
pub struct Face {
    /// The stored card's identifier.
    pub hash: String,
    /// The first six digits.
    pub bin: String,
    /// The last four digits.
    pub last_four: String,
}

/// A storage transaction.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Its identifiers.
    pub ids: StorageIds,
    /// The account's name.
    pub merchant: String,
    /// The payment beside it; none when a card is kept without one.
    pub nit: Option<String>,
    /// The shop's number.
    pub merchant_usn: Option<String>,
    /// Whose card it is, in the shop's words.
    pub customer: String,
    /// Where it stands.
    pub status: Status,
    /// The authorizer that was paid with.
    pub authorizer: Option<&'static Authorizer>,
    /// The stored card.
    pub face: Option<Face>,
    /// The card that waits for the payment's end, sealed.
    pub waiting: Option<Sealed>,
    /// Notices about it.
    pub notices: Deliveries,
}
