//! What is so of Carat, as data.

use payment::Currency;
use payment::operation::{Operations, Portion};
use payment::profile::{Cadence, LifeRule, Profile, QueryPolicy, ReferenceRule, Setting, SettingKind};

use crate::account::{
    AUTHORIZERS, FLOW, FLOWS, HTML_URL, INSTALMENT_TYPE, INSTALMENT_TYPES, MERCHANT_ID, MERCHANT_KEY,
    NIT_LIFE, NIT_LIFE_BOUNDS, NIT_LIFE_MINUTES, NO_YES, POSTPONE_CONFIRMATION, PROFILE as PROFILE_SETTING,
    PROFILES, REST_URL,
};
use crate::dates::ZONE;
use crate::identifiers::USN_DIGITS;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// How long after its end a transaction is still asked for, in seconds: the portal keeps it fifteen days (PROTOCOL.md 9.5).
const GRACE_S: i64 = 24 * HOUR;
/// CA-U60: how long a cancellation may be pending is not told. A payment that is still confirmed a day after one was sent is
/// taken not to be given back; should it be all the same, the portal refuses a second one (PROTOCOL.md 9.10).
pub const CANCELLATION_OVER_AFTER_S: i64 = 24 * HOUR;
/// Notices are hints, and for payments by REST there may be none (PROTOCOL.md 4.1): only asking tells.
const USUAL: Cadence =
    Cadence { first_after_s: 5 * MINUTE, every_s: 10 * MINUTE, after_expiry_s: Some(2 * MINUTE) };
/// While a person waits for each step.
const CERTIFICATION: Cadence =
    Cadence { first_after_s: 2 * MINUTE, every_s: 5 * MINUTE, after_expiry_s: Some(2 * MINUTE) };

/// What is so of Carat.
pub static PROFILE: Profile = Profile {
    id: "carat_esitef",
    brand: "Carat",
    countries: &["BR", "AR"],
    currencies: &[Currency::Brl, Currency::Ars],
    zone: ZONE,
    // The shop's own number is made by the shop: digits only, fewer than twelve, unique (CA-32, C-24).
    reference: ReferenceRule { length: USN_DIGITS, alphabet: b"0123456789" },
    life: LifeRule {
        shortest_s: NIT_LIFE_BOUNDS.0 * MINUTE,
        longest_s: NIT_LIFE_BOUNDS.1 * MINUTE,
        default_s: NIT_LIFE * MINUTE,
    },
    query: QueryPolicy {
        // What the portal told once by a query stands; before that the return is one more reason to ask.
        on_every_return: false,
        usual: USUAL,
        certification: CERTIFICATION,
        grace_s: GRACE_S,
        // The portal tells that a transaction's time ran out (EXP).
        own_expiry_s: None,
    },
    settings: SETTINGS,
    // A part is captured once: what is left of the hold is let go with it (PROTOCOL.md 9.4). CA-U47: a hold is never let go
    // by itself. CA-U49: pre-authorizations, which are another way to hold, are not made.
    operations: Operations { capture: Some(Portion::Any), release: true, refund: Some(Portion::Any) },
    keeps_instruments: true,
    masked_members: MASKED_MEMBERS,
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: MERCHANT_ID,
        kind: SettingKind::Credential,
        help: "The shop's code (merchant_id), of the same environment as the base URL. At the portal its addresses for status, storage and \
               authenticity are the account's notice address with /status, /storage and /authenticity behind it.",
    },
    Setting {
        name: MERCHANT_KEY,
        kind: SettingKind::Secret,
        help: "The key that authenticates calls of the REST interface (merchant_key).",
    },
    Setting {
        name: FLOW,
        kind: SettingKind::OneOf(FLOWS),
        help: "page sends shoppers to the portal's own page; rest lets them type the card on the hub's page.",
    },
    Setting {
        name: HTML_URL,
        kind: SettingKind::Text,
        help: "The address of the HTML interface, when it is not /e-sitef-hml (in production /e-sitef) below the base URL.",
    },
    Setting {
        name: REST_URL,
        kind: SettingKind::Text,
        help: "The address of the REST interface, when it is not /e-sitef/api below the base URL.",
    },
    Setting {
        name: AUTHORIZERS,
        kind: SettingKind::Text,
        help: "The numbers of the brands that the shop may be paid with, parted by commas; unset, all that are known.",
    },
    Setting {
        name: INSTALMENT_TYPE,
        kind: SettingKind::OneOf(INSTALMENT_TYPES),
        help: "Who bears the interest of instalments: without_interest, the shop does; with_interest, the shopper.",
    },
    Setting {
        name: POSTPONE_CONFIRMATION,
        kind: SettingKind::OneOf(NO_YES),
        help: "yes holds the amount first, to be captured or released later; no takes it at once.",
    },
    Setting {
        name: NIT_LIFE_MINUTES,
        kind: SettingKind::Number { least: NIT_LIFE_BOUNDS.0, most: NIT_LIFE_BOUNDS.1, default: NIT_LIFE },
        help: "How long a transaction can be paid, in minutes, as the portal is set up for the shop.",
    },
    Setting {
        name: PROFILE_SETTING,
        kind: SettingKind::OneOf(PROFILES),
        help: "Which sources are followed where they differ: docs, the vendor's newer pages; guide, the page of the certification.",
    },
];

/// What authenticates a call, what is of a card, and what tells about people.
const MASKED_MEMBERS: &[&str] = &[
    "merchant_key",
    "number",
    "expiry_date",
    "security_code",
    "token",
    "hash",
    "cryptogram",
    "store_identification",
    "identification_number",
];

#[cfg(test)]
mod tests {
    use payment::Entropy;

    use super::*;
    use crate::account::Profile as Sources;
    use crate::identifiers::is_merchant_usn;

    #[test]
    fn a_minted_reference_is_a_number_of_fewer_than_twelve_digits() {
        let _story = testing::story("a_minted_reference_is_a_number_of_fewer_than_twelve_digits");
        let now = "2026-03-02T14:00:00Z".parse().expect("a time");
        for byte in 0..=255 {
            let reference = PROFILE.reference.mint(now, Entropy::new([byte; 32]));
            assert!(is_merchant_usn(&reference, Sources::Guide), "{reference}");
        }
    }

    #[test]
    fn all_that_is_of_a_card_or_authenticates_is_masked() {
        for member in
            ["merchant_key", "number", "expiry_date", "security_code", "token", "hash", "cryptogram"]
        {
            assert!(PROFILE.masked_members.contains(&member), "{member}");
        }
        let secrets = PROFILE.settings.iter().filter(|setting| matches!(setting.kind, SettingKind::Secret));
        assert_eq!(secrets.map(|setting| setting.name).collect::<Vec<_>>(), [MERCHANT_KEY]);
    }
}
