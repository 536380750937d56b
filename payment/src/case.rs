//! Cases: what a person has to look at.

use serde::{Deserialize, Serialize};

/// Why a case is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// Facts contradict each other, or what we asked for.
    Conflict,
    /// More was paid than asked.
    Overpaid,
    /// Paid after it had been given up.
    LatePayment,
    /// The answer to a creation was lost, and the provider may have something that can be paid and that nobody can look
    /// up: it is held until a notice tells of it.
    PossibleOrphan,
    /// What was to be given back was not, and is still with the merchant: it is to be sent again, or arranged with the
    /// network (AV-6.2-02, AV-10.4-04).
    ReversalRefused,
    /// The hub asked as long as its policy allows and the provider has no final word.
    Unresolved,
}

impl CaseKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Conflict,
        Self::Overpaid,
        Self::LatePayment,
        Self::PossibleOrphan,
        Self::ReversalRefused,
        Self::Unresolved,
    ];

    /// The word kept in the store and shown in the console.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Overpaid => "overpaid",
            Self::LatePayment => "late_payment",
            Self::PossibleOrphan => "possible_orphan",
            Self::ReversalRefused => "reversal_refused",
            Self::Unresolved => "unresolved",
        }
    }
}
