//! Identifiers: a prefix that says what is meant, and a UUIDv7 made by the hub.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::entropy::Entropy;

/// The text is not an identifier of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier that begins with {0}")]
pub struct MalformedId(pub &'static str);

/// Makes one identifier type per kind of thing.
macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident, $prefix:literal) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The prefix of every identifier of this kind.
            pub const PREFIX: &'static str = $prefix;

            /// A new identifier: sorts by `now`, the rest is chance.
            pub fn new(now: Timestamp, entropy: Entropy) -> Self {
                Self(format!("{}{}", $prefix, version_7(now, entropy)))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                let rest = text.strip_prefix($prefix).ok_or(MalformedId($prefix))?;
                let plain = rest.len() == 32 && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if plain { Ok(Self(text.to_owned())) } else { Err(MalformedId($prefix)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = MalformedId;

            fn try_from(text: String) -> Result<Self, MalformedId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

identifier!(
    /// A payment: `pay_…`.
    PaymentId,
    "pay_"
);
identifier!(
    /// One try at a provider: `att_…`.
    AttemptId,
    "att_"
);
identifier!(
    /// An event for a merchant: `evt_…`.
    EventId,
    "evt_"
);
identifier!(
    /// A place where a merchant receives events: `whe_…`.
    EndpointId,
    "whe_"
);
identifier!(
    /// A notice received from a provider: `not_…`.
    NoticeId,
    "not_"
);
identifier!(
    /// A capture, release or refund: `op_…`.
    OperationId,
    "op_"
);
identifier!(
    /// An instrument that a provider keeps: `ins_…`.
    InstrumentId,
    "ins_"
);
identifier!(
    /// A case for a person: `cas_…`.
    CaseId,
    "cas_"
);

fn version_7(now: Timestamp, entropy: Entropy) -> uuid::fmt::Simple {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let mut random = [0; 10];
    random.copy_from_slice(&entropy.bytes()[..10]);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().simple()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_identifiers_sort_later() {
        let entropy = Entropy::new([7; 32]);
        let early = PaymentId::new("2026-03-14T15:00:00Z".parse().expect("time"), entropy);
        let late = PaymentId::new("2026-03-14T15:00:01Z".parse().expect("time"), entropy);
        assert!(early < late);
        assert_eq!(early.as_str().parse(), Ok(early.clone()));
    }

    #[test]
    fn another_kind_or_other_letters_are_refused() {
        for text in ["att_0", "pay_", "pay_zz", "", "pay_0123456789ABCDEF0123456789ABCDEF"] {
            assert_eq!(text.parse::<PaymentId>(), Err(MalformedId("pay_")), "{text}");
        }
    }
}
