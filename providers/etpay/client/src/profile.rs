//! What is so of ETpay, as data.

use payment::Currency;
use payment::profile::{
    CLEAR_ALPHABET, Cadence, LifeRule, Profile, QueryPolicy, ReferenceRule, Setting, SettingKind,
};

use crate::account::{
    CUSTOMISATION, CUSTOMISATIONS, MERCHANT_API_TOKEN, MERCHANT_CODE, PMT_URL, TARGET_FLOW, TARGET_FLOWS,
};
use crate::country::{COUNTRIES, COUNTRY};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// How long a session lives, in seconds, whatever an order says. ET-U17: an aggregator's figure.
pub const SESSION_LIFE_S: i64 = 30 * MINUTE;
/// How long after its end a session of which nothing was heard counts as expired, in seconds. ET-U53: the provider is
/// assumed to tell of the end of each session (ET-U50), within these minutes when it does.
const SILENCE_AFTER_END_S: i64 = 10 * MINUTE;
/// How long after its end a session is still asked for, in seconds: then a person has to look (D-16). A late
/// confirmation after that still comes by a notice (ET-U42).
const GRACE_S: i64 = 24 * HOUR;
/// First look-up, and the time between look-ups, in seconds; each return of an undecided shopper asks as well.
const CADENCE: Cadence =
    Cadence { first_after_s: 10 * MINUTE, every_s: 30 * MINUTE, after_expiry_s: Some(2 * MINUTE) };

/// What is so of ETpay.
pub static PROFILE: Profile = Profile {
    id: "etpay",
    brand: "ETpay",
    countries: &["CL", "MX"],
    currencies: &[Currency::Clp, Currency::Mxn],
    // Chile's; dates are read by each account's own country.
    zone: "America/Santiago",
    // Letters and digits, at most 64 (ET-08, C-14), a new one for each session (ET-S3).
    reference: ReferenceRule { length: 26, alphabet: CLEAR_ALPHABET },
    // An order that closes before its session does cannot be kept to; one that closes a little later can.
    life: LifeRule { shortest_s: SESSION_LIFE_S, longest_s: 2 * SESSION_LIFE_S, default_s: SESSION_LIFE_S },
    query: QueryPolicy {
        // Both final states are told by notices that are signed with all that matters.
        on_every_return: false,
        usual: CADENCE,
        certification: CADENCE,
        grace_s: GRACE_S,
        own_expiry_s: Some(SILENCE_AFTER_END_S),
    },
    settings: SETTINGS,
    operations: payment::operation::Operations::NONE,
    keeps_instruments: false,
    masked_members: MASKED_MEMBERS,
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: MERCHANT_CODE,
        kind: SettingKind::Credential,
        help: "The merchant's code, of the same environment as the base URL.",
    },
    Setting {
        name: MERCHANT_API_TOKEN,
        kind: SettingKind::Secret,
        help: "The secret that comes with the merchant's code (merchant_api_token).",
    },
    Setting {
        name: PMT_URL,
        kind: SettingKind::Credential,
        help: "Base address of the funnel (pmt_url), of the same environment as the base URL.",
    },
    Setting {
        name: COUNTRY,
        kind: SettingKind::OneOf(COUNTRIES),
        help: "The merchant's country: cl charges CLP, mx charges MXN in whole pesos.",
    },
    Setting {
        name: TARGET_FLOW,
        kind: SettingKind::OneOf(TARGET_FLOWS),
        help: "Mexico: how the funnel begins unless the order's methods say so; payer lets the shopper choose.",
    },
    Setting {
        name: CUSTOMISATION,
        kind: SettingKind::OneOf(CUSTOMISATIONS),
        help: "session tells each session its return address and what is known of the shopper; none sends the four base fields \
               only, and shoppers return to the addresses that ETpay was given at the start.",
    },
];

/// What authenticates a call or a notice, and what tells about people.
const MASKED_MEMBERS: &[&str] = &[
    "merchant_api_token",
    "signature_token",
    "payment",
    "jwt",
    "user_rut",
    "user_account",
    "customer_email",
    "customer_phone",
];

#[cfg(test)]
mod tests {
    use payment::Entropy;

    use super::*;

    #[test]
    fn a_minted_reference_is_alphanumeric_and_short_enough() {
        let _story = testing::story("a_minted_reference_is_alphanumeric_and_short_enough");
        let now = "2026-03-02T14:00:00Z".parse().expect("a time");
        for byte in 0..=255 {
            let reference = PROFILE.reference.mint(now, Entropy::new([byte; 32]));
            assert!((1..=64).contains(&reference.len()));
            assert!(reference.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{reference}");
        }
    }

    #[test]
    fn an_order_never_closes_before_its_session_does() {
        assert!(PROFILE.life.shortest_s >= SESSION_LIFE_S && PROFILE.life.default_s >= SESSION_LIFE_S);
    }
}
