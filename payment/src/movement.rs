//! What money did, told by facts and folded into one line per movement.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::fact::Reason;
use crate::money::Money;

/// What money did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Reserved.
    Hold,
    /// Taken at once.
    Charge,
    /// Taken from a hold.
    Capture,
    /// A hold let go.
    Release,
    /// Undone before settlement.
    Reversal,
    /// Given back after settlement.
    Refund,
    /// Sent back by a bank.
    Return,
    /// Taken back by the holder's bank.
    Chargeback,
}

/// Where one movement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementState {
    /// Not decided.
    Pending,
    /// Declined, or never happened.
    Rejected,
    /// It happened.
    Approved,
}

/// One movement as the provider tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// What it did.
    pub kind: MovementKind,
    /// The provider's own reference of it.
    pub provider_reference: String,
    /// The movement it undoes or continues, by provider reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub state: MovementState,
    /// When that was decided. Named apart on the wire, since a fact writes its own `at` beside it.
    #[serde(rename = "decided_at")]
    pub at: Timestamp,
    /// The provider's reason.
    pub reason: Reason,
    /// What a receipt shows.
    #[serde(default)]
    pub receipt: Receipt,
}

/// What a provider tells for a receipt. Of a card number, BIN and last four at most (C-92).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Authorization number, or the CUS of a bank transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<String>,
    /// The provider's receipt number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Method code as the provider writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Method name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method_name: Option<String>,
    /// Bank that issued the instrument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Last four digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_four: Option<String>,
    /// Instalments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instalments: Option<u32>,
    /// The number of the party that it went to, where the money is dispersed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
}

impl Movement {
    /// Which of two tellings of one movement stands: a decision beats none, an approval beats a
    /// rejection (money that moved is the truth to keep), and the later of equals wins. Total, so that
    /// the order in which the tellings arrived does not matter.
    pub fn stands_over(&self, other: &Self) -> bool {
        let rank = |movement: &Self| (movement.state, movement.at, movement.amount.minor);
        match rank(self).cmp(&rank(other)) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => fingerprint(self) > fingerprint(other),
        }
    }
}

/// A total order over what is left when state, instant and amount are the same.
fn fingerprint(movement: &Movement) -> String {
    format!("{:?}{:?}{:?}{:?}", movement.parent, movement.amount.currency, movement.reason, movement.receipt)
}
