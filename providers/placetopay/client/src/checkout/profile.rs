//! What is so of Aval Pay, as data.

use payment::Currency;
use payment::operation::{Operations, Portion};
use payment::profile::{
    CLEAR_ALPHABET, Cadence, LifeRule, Profile, QueryPolicy, ReferenceRule, Setting, SettingKind,
};

use super::create::SKIP_RESULT;
use super::policy::{PANEL_CHECK_DAYS, PARTIAL_PAYMENTS, REVERSALS};
use crate::authentication::{DIGEST, DIGESTS, LOGIN, SECRET_KEY};

/// What is so of Aval Pay.
pub static PROFILE: Profile = Profile {
    id: "avalpay",
    brand: "Aval Pay",
    countries: &["CO"],
    currencies: &[Currency::Cop, Currency::Usd],
    zone: "America/Bogota",
    // At most 32 letters and digits (AV-4.4-02, AV-4.4-03), a new one for each session (AV-4.7-14).
    reference: ReferenceRule { length: 26, alphabet: CLEAR_ALPHABET },
    // AV-2-01. The provider itself only asks for five minutes.
    life: LifeRule { shortest_s: 10 * MINUTE, longest_s: 30 * MINUTE, default_s: 30 * MINUTE },
    query: QueryPolicy {
        // AV-4-04.
        on_every_return: true,
        // AV-4.6-02; the first one and the one after the expiry, since a lost notice is never sent again.
        usual: Cadence { first_after_s: 5 * MINUTE, every_s: 24 * HOUR, after_expiry_s: Some(2 * MINUTE) },
        // AV-4.6-03.
        certification: Cadence { first_after_s: 15 * MINUTE, every_s: 15 * MINUTE, after_expiry_s: None },
        // A bank may leave an attempt undecided for days (AV-4.3-01).
        grace_s: 7 * 24 * HOUR,
        // It tells that a session's time ran out.
        own_expiry_s: None,
    },
    settings: SETTINGS,
    // Whole charges, before the day's reconciliation (AV-6.2-01); what is partly paid is given back charge by charge.
    operations: Operations { capture: None, release: false, refund: Some(Portion::Whole) },
    keeps_instruments: true,
    masked_members: MASKED_MEMBERS,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

const SETTINGS: &[Setting] = &[
    Setting { name: LOGIN, kind: SettingKind::Credential, help: "The site's identifier, 32 characters." },
    Setting {
        name: SECRET_KEY,
        kind: SettingKind::Secret,
        help: "The site's secret key (tranKey in the provider's panel); several while it is being changed.",
    },
    Setting {
        name: DIGEST,
        kind: SettingKind::OneOf(DIGESTS),
        help: "Digest of the authentication; sha1 only for a site that the provider has not moved yet.",
    },
    Setting {
        name: SKIP_RESULT,
        kind: SettingKind::OneOf(NO_YES),
        help: "yes leaves the provider's own page of the result out: the shopper comes back at once.",
    },
    Setting {
        name: REVERSALS,
        kind: SettingKind::OneOf(&["api", "console"]),
        help: "Where charges are given back: api, by the hub; console, in the provider's panel only.",
    },
    Setting {
        name: PANEL_CHECK_DAYS,
        kind: SettingKind::Number { least: 0, most: 30, default: 0 },
        help: "For how many days after a charge the hub asks daily whether it was given back in the panel; 0, it does not.",
    },
    Setting {
        name: PARTIAL_PAYMENTS,
        kind: SettingKind::OneOf(&["collect", "return"]),
        help: "What is done with what was collected of a payment that ended partly paid: collect the rest, or return it.",
    },
];

const NO_YES: &[&str] = &["no", "yes"];

/// What proves a request, what charges a card, and what tells about people. The entries of an `instrument` name their value by
/// a keyword beside it, so that every such value is masked.
const MASKED_MEMBERS: &[&str] = &[
    "tranKey",
    "nonce",
    "signature",
    "document",
    "surname",
    "email",
    "mobile",
    "phone",
    "street",
    "token",
    "subtoken",
    "value",
];

#[cfg(test)]
mod tests {
    use payment::{Entropy, Provider};

    use super::super::AvalPay;

    #[test]
    fn the_probe_s_cadences_are_those_of_the_guide() {
        let _story = testing::story("the_probe_s_cadences_are_those_of_the_guide");
        let policy = AvalPay.profile().query;
        assert!(policy.on_every_return);
        assert_eq!((policy.usual.every_s, policy.certification.every_s), (86_400, 900));
        let life = AvalPay.profile().life;
        assert_eq!((life.shortest_s, life.longest_s, life.default_s), (600, 1800, 1800));
    }

    #[test]
    fn a_minted_reference_is_short_and_alphanumeric_and_never_the_same() {
        let _story = testing::story("a_minted_reference_is_short_and_alphanumeric_and_never_the_same");
        let rule = AvalPay.profile().reference;
        let now = "2026-03-14T15:15:30Z".parse().expect("a time");
        let minted: Vec<String> = (0..50).map(|byte| rule.mint(now, Entropy::new([byte; 32]))).collect();
        for reference in &minted {
            assert!(reference.len() <= 32 && reference.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        // The alphabet has 32 letters, so that bytes 32 apart choose the same one.
        let distinct: std::collections::BTreeSet<&String> = minted[..32].iter().collect();
        assert_eq!(distinct.len(), 32);
        testing::covers!("AV-4.4-02", "AV-4.4-03", "AV-4.7-15");
    }
}
