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

/// What a denied charge means for the kept instrument that was charged (AV-8.6, C-68).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalRule {
    /// The instrument is no more: it is taken away before anything else is done with it.
    AtOnce,
    /// One strike: with the third in a row it is taken away.
    Strike,
    /// A fault on the way, which says nothing about the instrument.
    NoStrike,
}

/// How many denials in a row a kept instrument outlives, less one.
pub const STRIKES: usize = 3;

/// What became of a charge of a kept instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeEnd {
    /// It was approved.
    Approved,
    /// It was denied.
    Denied(RemovalRule),
}

/// Whether an instrument has to be taken away, by the charges that were decided, oldest first.
pub fn has_to_be_removed(ends: impl IntoIterator<Item = ChargeEnd>) -> bool {
    let mut strikes = 0;
    for end in ends {
        match end {
            ChargeEnd::Approved => strikes = 0,
            ChargeEnd::Denied(RemovalRule::NoStrike) => {}
            ChargeEnd::Denied(RemovalRule::Strike) => strikes += 1,
            ChargeEnd::Denied(RemovalRule::AtOnce) => return true,
        }
        if strikes >= STRIKES {
            return true;
        }
    }
    false
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
    fn an_instrument_goes_at_once_or_with_the_third_denial_in_a_row() {
        use ChargeEnd::{Approved, Denied};
        use RemovalRule::{AtOnce, NoStrike, Strike};
        let table: [(&[ChargeEnd], bool); 8] = [
            (&[], false),
            (&[Denied(AtOnce)], true),
            (&[Approved, Denied(AtOnce)], true),
            (&[Denied(Strike), Denied(Strike)], false),
            (&[Denied(Strike), Denied(Strike), Denied(Strike)], true),
            (&[Denied(Strike), Denied(Strike), Approved, Denied(Strike)], false),
            (&[Denied(Strike), Denied(NoStrike), Denied(Strike), Denied(NoStrike), Denied(Strike)], true),
            (&[Denied(NoStrike), Denied(NoStrike), Denied(NoStrike)], false),
        ];
        for (ends, expected) in table {
            assert_eq!(has_to_be_removed(ends.iter().copied()), expected, "{ends:?}");
        }
    }

    #[test]
    fn two_tokens_for_one_keeping_contradict_each_other() {
        let (one, other) = (telling(KeepingState::Kept, "ab"), telling(KeepingState::Kept, "cd"));
        assert!(keeping([&one, &other].into_iter()).is_some_and(|keeping| keeping.is_contradictory));
        assert!(keeping([&one, &one].into_iter()).is_some_and(|keeping| !keeping.is_contradictory));
        assert_eq!(keeping([].into_iter()), None);
    }
}
