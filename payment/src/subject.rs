//! What a fact is about, found by (account, kind, provider reference).

use serde::{Deserialize, Serialize};

/// What a fact is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The provider account.
    pub account: String,
    /// Which kind of thing.
    pub kind: SubjectKind,
    /// The provider's own reference of it.
    pub provider_reference: String,
}

/// The kinds of things that facts are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// One try at a provider.
    Attempt,
    /// An instrument that the provider was asked to keep with an attempt.
    Instrument,
    /// A charge that the provider repeats by itself, after the attempt that began it.
    RecurringCharge,
}

impl SubjectKind {
    /// The word kept in the store.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Instrument => "instrument",
            Self::RecurringCharge => "recurring_charge",
        }
    }
}
