//! What is so of PagoEfectivo, as data.

use payment::Currency;
use payment::profile::{
    CLEAR_ALPHABET, Cadence, LifeRule, Profile, QueryPolicy, ReferenceRule, Setting, SettingKind,
};

use crate::account::{
    ACCESS_KEY, ADMIN_EMAIL, DECLARED_ADDRESSES, DEFAULT_LIFE, DEFAULT_LIFE_MINUTES, ID_SERVICE, LEAST_PEN,
    LEAST_USD, LONGEST_LIFE, MAXIMUM_PEN, MAXIMUM_PEN_AGREEMENT, MAXIMUM_USD, MAXIMUM_USD_AGREEMENT,
    MINIMUM_PEN, MINIMUM_USD, MOST, SECRET_KEY, SHORTEST_LIFE, SMS_AGREEMENT, SMS_COUNTRIES, SMS_REMINDERS,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// How long after its end a CIP of which no payment was told counts as expired, in seconds: the provider never tells of
/// it (PE-35, PE-36), and a notice of a payment just before the end takes its time (C-07).
const OWN_EXPIRY_S: i64 = 15 * MINUTE;
/// How long after its end a CIP is still asked for, in seconds. A later notice is taken all the same (C-07).
const GRACE_S: i64 = 24 * HOUR;
/// A payment is told in two deliveries at most (PROTOCOL.md 9.8), so that only asking finds one that was lost.
const USUAL: Cadence =
    Cadence { first_after_s: 15 * MINUTE, every_s: HOUR, after_expiry_s: Some(2 * MINUTE) };
/// While a person waits for each step.
const CERTIFICATION: Cadence =
    Cadence { first_after_s: 5 * MINUTE, every_s: 15 * MINUTE, after_expiry_s: Some(2 * MINUTE) };

/// What is so of PagoEfectivo.
pub static PROFILE: Profile = Profile {
    id: "pagoefectivo",
    brand: "PagoEfectivo",
    countries: &["PE", "EC"],
    currencies: &[Currency::Pen, Currency::Usd],
    zone: "America/Lima",
    // A transactionCode has 1 to 36 characters (PROTOCOL.md 4.3).
    reference: ReferenceRule { length: 26, alphabet: CLEAR_ALPHABET },
    life: LifeRule {
        shortest_s: SHORTEST_LIFE * MINUTE,
        longest_s: LONGEST_LIFE * MINUTE,
        default_s: DEFAULT_LIFE * MINUTE,
    },
    query: QueryPolicy {
        // Nobody is sent back from where a code is paid; what is settled was told under a signature.
        on_every_return: false,
        usual: USUAL,
        certification: CERTIFICATION,
        grace_s: GRACE_S,
        own_expiry_s: Some(OWN_EXPIRY_S),
    },
    settings: SETTINGS,
    operations: payment::operation::Operations::NONE,
    keeps_instruments: false,
    masked_members: MASKED_MEMBERS,
};

const SETTINGS: &[Setting] = &[
    Setting {
        name: ID_SERVICE,
        kind: SettingKind::Credential,
        help: "The number of the service (idService), of the same environment as the base URL.",
    },
    Setting {
        name: ACCESS_KEY,
        kind: SettingKind::Secret,
        help: "The access key of the service (accessKey, 20 characters).",
    },
    Setting {
        name: SECRET_KEY,
        kind: SettingKind::Secret,
        help: "The secret key of the service (secretKey, 40 characters): makes tokens' hashes and verifies notices.",
    },
    Setting {
        name: MAXIMUM_PEN,
        kind: SettingKind::Number { least: 0, most: MOST, default: MOST },
        help: "The largest amount in soles agreed with the account executive, in centimos; unset, the provider alone knows it.",
    },
    Setting {
        name: MAXIMUM_PEN_AGREEMENT,
        kind: SettingKind::Text,
        help: "Where maximum_pen was agreed: day; who confirmed it; document, as in 2026-02-20; Ana Prueba; Acta 7. With a maximum and without this soles are not charged.",
    },
    Setting {
        name: MAXIMUM_USD,
        kind: SettingKind::Number { least: 0, most: MOST, default: MOST },
        help: "The largest amount in dollars agreed with the account executive, in cents; unset, the provider alone knows it.",
    },
    Setting {
        name: MAXIMUM_USD_AGREEMENT,
        kind: SettingKind::Text,
        help: "Where maximum_usd was agreed: day; who confirmed it; document. With a maximum and without this dollars are not charged.",
    },
    Setting {
        name: MINIMUM_PEN,
        kind: SettingKind::Number { least: LEAST_PEN, most: MOST, default: LEAST_PEN },
        help: "The least amount in soles, in centimos: more than 1.00.",
    },
    Setting {
        name: MINIMUM_USD,
        kind: SettingKind::Number { least: LEAST_USD, most: MOST, default: LEAST_USD },
        help: "The least amount in dollars, in cents: more than 0.50.",
    },
    Setting {
        name: DEFAULT_LIFE_MINUTES,
        kind: SettingKind::Number { least: SHORTEST_LIFE, most: LONGEST_LIFE, default: DEFAULT_LIFE },
        help: "How long a code can be paid when the order does not say, in minutes: fit for what is sold.",
    },
    Setting {
        name: SMS_REMINDERS,
        kind: SettingKind::OneOf(SMS_COUNTRIES),
        help: "The countries for which reminders by phone were agreed: pe (+51), ec (+593), or both.",
    },
    Setting {
        name: SMS_AGREEMENT,
        kind: SettingKind::Text,
        help: "Where reminders by phone were agreed with the account executive. They are off without it.",
    },
    Setting {
        name: DECLARED_ADDRESSES,
        kind: SettingKind::Text,
        help: "The public addresses from which this hub calls, as PagoEfectivo was told them, between commas; production needs one.",
    },
    Setting {
        name: ADMIN_EMAIL,
        kind: SettingKind::Text,
        help: "An address of the merchant that gets a copy of each mail with a code.",
    },
];

/// What authenticates a call, and what tells about people.
const MASKED_MEMBERS: &[&str] = &[
    "accessKey",
    "hashString",
    "token",
    "adminEmail",
    "userEmail",
    "userName",
    "userLastName",
    "userDocumentNumber",
    "userPhone",
];

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use payment::{Entropy, Timestamp};

    use super::*;
    use crate::lima;

    #[test]
    fn a_minted_reference_fits_a_transaction_code() {
        let now = "2026-03-02T14:00:00Z".parse().expect("a time");
        for byte in 0..=255 {
            let reference = PROFILE.reference.mint(now, Entropy::new([byte; 32]));
            assert!((1..=36).contains(&reference.len()));
            assert!(reference.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{reference}");
        }
    }

    #[test]
    fn every_life_that_is_taken_is_inside_ten_minutes_and_six_calendar_months_on_every_day() {
        let _story = testing::story(
            "every_life_that_is_taken_is_inside_ten_minutes_and_six_calendar_months_on_every_day",
        );
        let first: Timestamp = "2026-01-01T04:59:59Z".parse().expect("a time");
        let minute = SignedDuration::from_secs(MINUTE);
        for day in 0..5 * 365 {
            for hour in [0, 1, 5, 12, 23] {
                let now = first + SignedDuration::from_hours(24 * day + hour);
                for life_s in [PROFILE.life.shortest_s, PROFILE.life.default_s, PROFILE.life.longest_s] {
                    let end = now + SignedDuration::from_secs(life_s);
                    // With a minute to spare at each end (C-04).
                    assert!(lima::may_end(now, end + minute) && lima::may_end(now, end - minute), "{now}");
                }
            }
        }
        testing::covers!("PE-14", "PE-15");
    }

    #[test]
    fn the_hub_expires_codes_itself_and_asks_for_longer() {
        let query = PROFILE.query;
        assert_eq!(query.own_expiry_s, Some(900));
        assert!(query.grace_s > OWN_EXPIRY_S);
        assert!(query.certification.every_s < query.usual.every_s);
    }

    #[test]
    fn every_secret_that_a_call_carries_is_masked() {
        for member in ["accessKey", "hashString", "token"] {
            assert!(PROFILE.masked_members.contains(&member), "{member}");
        }
        let secrets = PROFILE.settings.iter().filter(|setting| matches!(setting.kind, SettingKind::Secret));
        assert_eq!(secrets.map(|setting| setting.name).collect::<Vec<_>>(), [ACCESS_KEY, SECRET_KEY]);
    }
}
