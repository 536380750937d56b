//! Instruments that a provider keeps for a merchant's customer: cards behind a token.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::fact::Reason;
use crate::id::InstrumentId;

/// What a provider tells of an instrument that it was asked to keep. It holds no token: only its digest, by which
/// tellings of one token are known as such.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentTelling {
    /// The provider's own reference of the keeping, for example Carat's `nita`.
    pub provider_reference: String,
    /// What became of it.
    pub state: KeepingState,
    /// A digest of the token, in hexadecimal; empty when there is no token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// The brand's name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// The first six digits, where the provider tells them (C-92).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bin: Option<String>,
    /// The last four digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_four: Option<String>,
    /// Until when the token can be charged, as `YYYY-MM`, where the provider tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// The provider's own word and text.
    #[serde(default)]
    pub reason: Reason,
}

/// What became of a keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepingState {
    /// Begun: the provider will tell.
    Begun,
    /// It is not kept.
    NotKept,
    /// It is kept, and the token charges it.
    Kept,
    /// It was kept, and is no more.
    Removed,
}

/// A token that came with a telling, to be sealed: found by its digest.
#[derive(Clone, Debug)]
pub struct InstrumentToken {
    /// The digest in the telling.
    pub digest: String,
    /// What charges the instrument.
    pub value: SecretString,
}

/// An instrument to be charged.
#[derive(Clone, Debug)]
pub struct StoredInstrument {
    /// Its id in the hub.
    pub id: InstrumentId,
    /// The provider's own reference of it.
    pub provider_reference: String,
    /// What charges it.
    pub token: SecretString,
    /// The brand's name, where it is known.
    pub brand: Option<String>,
}

/// What is known of a keeping, from all its tellings: pure, and independent of their order and repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Where it stands.
    pub state: KeepingState,
    /// The telling that says so.
    pub telling: InstrumentTelling,
    /// Two tellings name different tokens: neither may be charged.
    pub is_contradictory: bool,
}

/// Folds the tellings of one keeping. None: there is none.
pub fn keeping<'a>(tellings: impl Iterator<Item = &'a InstrumentTelling> + Clone) -> Option<Keeping> {
    let order = |telling: &InstrumentTelling| {
        (telling.state, telling.digest.clone(), telling.reason.clone(), telling.last_four.clone())
    };
    let heaviest = tellings.clone().max_by_key(|telling| order(telling))?;
    let mut digests: Vec<&str> =
        tellings.map(|telling| telling.digest.as_str()).filter(|digest| !digest.is_empty()).collect();
    digests.sort_unstable();
    digests.dedup();
    Some(Keeping { state: heaviest.state, telling: heaviest.clone(), is_contradictory: digests.len() > 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telling(state: KeepingState, digest: &str) -> InstrumentTelling {
        InstrumentTelling {
            provider_reference: "nita".into(),
            state,
            digest: digest.into(),
            brand: None,
            bin: None,
            last_four: None,
            valid_until: None,
            reason: Reason::default(),
        }
    }

    #[test]
    fn the_order_and_repetition_of_tellings_change_nothing() {
        let begun = telling(KeepingState::Begun, "");
        let kept = telling(KeepingState::Kept, "ab");
        let expected = keeping([&begun, &kept].into_iter());
        assert_eq!(expected.as_ref().map(|keeping| keeping.state), Some(KeepingState::Kept));
        assert_eq!(keeping([&kept, &begun, &kept, &begun].into_iter()), expected);
    }

    #[test]
    fn two_tokens_for_one_keeping_contradict_each_other() {
        let (one, other) = (telling(KeepingState::Kept, "ab"), telling(KeepingState::Kept, "cd"));
        assert!(keeping([&one, &other].into_iter()).is_some_and(|keeping| keeping.is_contradictory));
        assert!(keeping([&one, &one].into_iter()).is_some_and(|keeping| !keeping.is_contradictory));
        assert_eq!(keeping([].into_iter()), None);
    }
}
