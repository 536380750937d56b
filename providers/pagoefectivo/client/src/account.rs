//! What an account of PagoEfectivo is configured with: who it is, and what was agreed with the account executive
//! (PROTOCOL.md 1.6).

use std::net::IpAddr;

use payment::account::Environment;
use payment::agreement::{Agreement, Reference, SettingComplaint};
use payment::step::{Advice, Refusal};
use payment::{Account, Currency, Money};
use secrecy::{ExposeSecret, SecretString};

/// Credential: the number of the service, one agreement with one merchant.
pub const ID_SERVICE: &str = "id_service";
/// Secret: the key that is sent to get a token (PE-07).
pub const ACCESS_KEY: &str = "access_key";
/// Secret: what makes the hash of a token's request and signs the notices; it is never sent.
pub const SECRET_KEY: &str = "secret_key";
/// Setting: the least amount in soles, in centimos.
pub const MINIMUM_PEN: &str = "minimum_pen";
/// Setting: the largest amount in soles that was agreed, in centimos.
pub const MAXIMUM_PEN: &str = "maximum_pen";
/// Setting: where [`MAXIMUM_PEN`] was agreed. A maximum without it stops all charges in soles (PE-18).
pub const MAXIMUM_PEN_AGREEMENT: &str = "maximum_pen_agreement";
/// Setting: the least amount in dollars, in cents.
pub const MINIMUM_USD: &str = "minimum_usd";
/// Setting: the largest amount in dollars that was agreed, in cents.
pub const MAXIMUM_USD: &str = "maximum_usd";
/// Setting: where [`MAXIMUM_USD`] was agreed. A maximum without it stops all charges in dollars (PE-18).
pub const MAXIMUM_USD_AGREEMENT: &str = "maximum_usd_agreement";
/// Setting: the life of a CIP whose order does not say when it closes, in minutes.
pub const DEFAULT_LIFE_MINUTES: &str = "default_life_minutes";
/// Setting: the countries for which reminders by phone were agreed, one of [`SMS_COUNTRIES`].
pub const SMS_REMINDERS: &str = "sms_reminders";
/// The words of [`SMS_REMINDERS`]; the first is the default (C-09).
pub const SMS_COUNTRIES: &[&str] = &["off", "pe", "ec", "pe_and_ec"];
/// Setting: where the reminders by phone were agreed. They are off without it (C-09).
pub const SMS_AGREEMENT: &str = "sms_agreement";
/// Setting: the merchant's own address that gets a copy of the mail with the code.
pub const ADMIN_EMAIL: &str = "admin_email";

/// Setting: the public addresses from which the hub calls, as the provider was told them (PE-03), between commas.
pub const DECLARED_ADDRESSES: &str = "declared_addresses";

/// The least amounts that are ever offered, in minor units. Only what is above 1.00 PEN and 0.50 USD is taken; the exact
/// bound is never offered (C-01, C-02).
pub const LEAST_PEN: i64 = 101;
/// See [`LEAST_PEN`].
pub const LEAST_USD: i64 = 51;
/// The largest amount that can be written, in minor units: 16 digits (PROTOCOL.md 2.6) and what the hub counts.
pub const MOST: i64 = payment::order::MAX_MINOR;

/// The life of a CIP unless account or order say otherwise, in minutes.
pub const DEFAULT_LIFE: i64 = 24 * 60;
/// The shortest life, in minutes: ten (PE-15), and one of margin (C-04).
pub const SHORTEST_LIFE: i64 = 11;
/// The longest life, in minutes: six months (PE-14), of which the shortest have 181 days, less one of margin (C-04).
pub const LONGEST_LIFE: i64 = 181 * 24 * 60 - 1;

/// Longest id of a service, in digits. Five are seen.
const LONGEST_ID: usize = 9;

/// The number of the account's service.
pub fn id_service(account: &Account) -> Option<u32> {
    let written = account.credential(ID_SERVICE);
    let is_number = (1..=LONGEST_ID).contains(&written.len())
        && written.bytes().all(|byte| byte.is_ascii_digit())
        && !written.starts_with('0');
    is_number.then(|| written.parse().ok()).flatten()
}

/// A secret that is there and is not empty.
pub fn secret<'a>(account: &'a Account, name: &str) -> Option<&'a str> {
    account.secret(name).map(|secret| secret.expose_secret()).filter(|text| !text.is_empty())
}

/// The secrets that a notice may be signed with: today's, and the one before while it is being changed.
pub fn signing_keys(account: &Account) -> impl Iterator<Item = &SecretString> {
    account.secrets(SECRET_KEY).iter().filter(|secret| !secret.expose_secret().is_empty())
}

/// The settings of each currency that the provider charges: floor, minimum, maximum, and where that was agreed.
const AMOUNT_SETTINGS: [(Currency, i64, &str, &str, &str); 2] = [
    (Currency::Pen, LEAST_PEN, MINIMUM_PEN, MAXIMUM_PEN, MAXIMUM_PEN_AGREEMENT),
    (Currency::Usd, LEAST_USD, MINIMUM_USD, MAXIMUM_USD, MAXIMUM_USD_AGREEMENT),
];

/// What the account may charge in a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The least.
    pub least: Money,
    /// The largest.
    pub most: Money,
}

/// The account's limits in a currency; nothing when the provider does not charge it, or when a maximum is set that nobody
/// is said to have agreed to. Where none is set only the provider knows it, and refuses what is above it (511).
pub fn limits(account: &Account, currency: Currency) -> Option<Limits> {
    let (_, floor, minimum, maximum, agreement) =
        AMOUNT_SETTINGS.into_iter().find(|(of, ..)| *of == currency)?;
    let least = number(account, minimum).unwrap_or(floor).max(floor);
    let most = match text(account, maximum) {
        Some(maximum) => maximum.parse::<i64>().ok()?.min(MOST),
        None => MOST,
    };
    // The default, which a configuration that is read fills in, is no maximum.
    if most < MOST {
        text(account, agreement)?;
    }
    Some(Limits { least: Money::new(least, currency), most: Money::new(most, currency) })
}

/// The largest amounts as they were agreed, for the record of their changes (PE-18).
pub fn agreements(account: &Account) -> Vec<Agreement> {
    let of = |(_, _, _, maximum, agreement): (_, _, _, &str, &str)| Agreement {
        setting: maximum.to_owned(),
        value: agreed_maximum(account, maximum).unwrap_or_default().to_owned(),
        reference: text(account, agreement).and_then(Reference::read),
    };
    AMOUNT_SETTINGS.into_iter().map(of).collect()
}

/// What is wrong with an account before anything is sent: a maximum (PE-18) or reminders by phone (PE-28) that nobody is
/// said to have agreed to, and in production no address that the provider was told (PE-03).
pub fn check(account: &Account) -> Vec<SettingComplaint> {
    let mut complaints = Vec::new();
    let mut refuse = |setting, detail: &str| {
        complaints.push(SettingComplaint { setting, detail: detail.to_owned() });
    };
    for (_, _, _, maximum, agreement) in AMOUNT_SETTINGS {
        let is_agreed = text(account, agreement).is_some_and(|text| Reference::read(text).is_some());
        if agreed_maximum(account, maximum).is_some() && !is_agreed {
            refuse(
                agreement,
                "the maximum was agreed by somebody: name day; who; document, between semicolons",
            );
        }
    }
    let reminds = account.setting(SMS_REMINDERS).is_some_and(|countries| countries != "off");
    if reminds && text(account, SMS_AGREEMENT).is_none() {
        refuse(SMS_AGREEMENT, "reminders by phone are agreed with the account executive: name where");
    }
    let addresses = text(account, DECLARED_ADDRESSES).unwrap_or_default();
    let are_addresses = addresses.split(',').all(|text| text.trim().parse::<IpAddr>().is_ok());
    if (!addresses.is_empty() || account.environment == Environment::Production) && !are_addresses {
        let detail =
            "the provider lets in the addresses that it was told: name those from which this hub calls";
        refuse(DECLARED_ADDRESSES, detail);
    }
    complaints
}

/// A maximum that is set: the default, which a configuration that is read fills in, is none.
fn agreed_maximum<'a>(account: &'a Account, maximum: &str) -> Option<&'a str> {
    text(account, maximum).filter(|text| text.parse::<i64>().map_or(true, |most| most < MOST))
}

/// The life of a CIP whose order does not say, in seconds.
pub fn default_life_s(account: &Account) -> i64 {
    let minutes = number(account, DEFAULT_LIFE_MINUTES).unwrap_or(DEFAULT_LIFE);
    minutes.clamp(SHORTEST_LIFE, LONGEST_LIFE) * 60
}

/// Whether reminders by phone were agreed for a country, `pe` or `ec`.
pub fn reminds_in(account: &Account, country: &str) -> bool {
    let is_agreed = text(account, SMS_AGREEMENT).is_some();
    let setting = account.setting(SMS_REMINDERS);
    is_agreed && (setting == Some(country) || setting == Some("pe_and_ec"))
}

/// A text that is there and is not blank.
pub fn text<'a>(account: &'a Account, name: &str) -> Option<&'a str> {
    account.setting(name).map(str::trim).filter(|text| !text.is_empty())
}

fn number(account: &Account, name: &str) -> Option<i64> {
    text(account, name)?.parse().ok()
}

/// The refusal of an account that is not configured as it needs to be; nothing was sent.
pub fn unconfigured(detail: impl Into<String>) -> Box<Refusal> {
    Box::new(Refusal {
        code: "config_error",
        provider_code: None,
        detail: detail.into(),
        complaints: Vec::new(),
        advice: Advice::Contact,
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// An account as it has to be, with a maximum in soles and none in dollars.
    pub fn account() -> Account {
        let secrets = [
            (ACCESS_KEY, vec!["Q0FTSEhVQkRFTU8yMDI2"]),
            (
                SECRET_KEY,
                vec!["hub0Demo+Secret/Key1ForDocs2Only3Andes4x", "la+clave/de+antes00000000000000000000000"],
            ),
        ];
        let secrets = secrets.map(|(name, values)| {
            (name.to_owned(), values.into_iter().map(|value| value.to_owned().into()).collect())
        });
        let settings = [(MAXIMUM_PEN, "1000000"), (MAXIMUM_PEN_AGREEMENT, "Correo del 2026-02-20")];
        Account {
            id: "andes".into(),
            merchant: "andes".into(),
            provider: "pagoefectivo".into(),
            environment: Environment::Test,
            base_url: "https://pre1a.services.pagoefectivo.pe".parse().expect("an address"),
            credentials: [(ID_SERVICE.to_owned(), "4821".to_owned())].into(),
            secrets: secrets.into(),
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }

    /// The same with other settings beside.
    pub fn account_with(settings: &[(&str, &str)]) -> Account {
        let mut account = account();
        account
            .settings
            .extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        account
    }

    #[test]
    fn a_maximum_that_nobody_agreed_to_stops_all_charges() {
        let most = |settings: &[(&str, &str)]| {
            limits(&account_with(settings), Currency::Usd).map(|limits| limits.most.minor)
        };
        assert_eq!(most(&[]), Some(MOST));
        assert_eq!(most(&[(MAXIMUM_USD, &MOST.to_string())]), Some(MOST));
        assert_eq!(most(&[(MAXIMUM_USD_AGREEMENT, "Acta 7")]), Some(MOST));
        assert_eq!(most(&[(MAXIMUM_USD, "50000"), (MAXIMUM_USD_AGREEMENT, "Acta 7")]), Some(50_000));
        assert_eq!(most(&[(MAXIMUM_USD, "50000")]), None);
        assert_eq!(most(&[(MAXIMUM_USD, "50000"), (MAXIMUM_USD_AGREEMENT, " ")]), None);
        assert_eq!(most(&[(MAXIMUM_USD, "mil"), (MAXIMUM_USD_AGREEMENT, "Acta 7")]), None);
        assert_eq!(limits(&account(), Currency::Clp), None);
    }

    #[test]
    fn an_account_names_who_agreed_to_it_and_in_production_from_where_it_calls() {
        let settings_of = |account: &Account| -> Vec<&'static str> {
            check(account).into_iter().map(|complaint| complaint.setting).collect()
        };
        let agreed = [(MAXIMUM_PEN_AGREEMENT, "2026-02-20; Ana Prueba; Acta 7")];
        assert_eq!(settings_of(&account_with(&agreed)), [""; 0]);
        assert_eq!(settings_of(&account()), [MAXIMUM_PEN_AGREEMENT], "a day alone is no reference");
        let reminding = [agreed[0], (SMS_REMINDERS, "pe")];
        assert_eq!(settings_of(&account_with(&reminding)), [SMS_AGREEMENT]);
        let production = |addresses: &str| {
            let account = account_with(&[agreed[0], (DECLARED_ADDRESSES, addresses)]);
            settings_of(&Account { environment: Environment::Production, ..account })
        };
        assert_eq!(production(""), [DECLARED_ADDRESSES]);
        assert_eq!(production("203.0.113.24, host.example"), [DECLARED_ADDRESSES]);
        assert_eq!(production("203.0.113.24, 2001:db8::1"), [""; 0]);
    }

    #[test]
    fn a_minimum_can_be_raised_and_never_lowered() {
        let least = |written| {
            let limits = limits(&account_with(&[(MINIMUM_PEN, written)]), Currency::Pen);
            limits.map(|limits| limits.least.minor)
        };
        assert_eq!([least("500"), least("1"), least("cinco")], [Some(500), Some(101), Some(101)]);
    }

    #[test]
    fn reminders_by_phone_are_off_until_country_and_agreement_are_named() {
        let reminds = |setting: &str, agreement: &str| {
            let account = account_with(&[(SMS_REMINDERS, setting), (SMS_AGREEMENT, agreement)]);
            (reminds_in(&account, "pe"), reminds_in(&account, "ec"))
        };
        assert!(!reminds_in(&account(), "pe"));
        assert_eq!(reminds("pe", ""), (false, false));
        assert_eq!(reminds("off", "Acta 7"), (false, false));
        assert_eq!(reminds("pe", "Acta 7"), (true, false));
        assert_eq!(reminds("ec", "Acta 7"), (false, true));
        assert_eq!(reminds("pe_and_ec", "Acta 7"), (true, true));
    }

    #[test]
    fn a_service_is_named_by_a_number() {
        let id = |written: &str| {
            let mut account = account();
            account.credentials.insert(ID_SERVICE.to_owned(), written.to_owned());
            id_service(&account)
        };
        assert_eq!((id("4821"), id("7")), (Some(4821), Some(7)));
        for written in ["", "0", "048", "-1", "4821.0", "cuatro", "9999999999", "+48"] {
            assert_eq!(id(written), None, "{written}");
        }
    }

    #[test]
    fn the_account_s_own_default_life_stays_inside_the_provider_s() {
        let life = |written| default_life_s(&account_with(&[(DEFAULT_LIFE_MINUTES, written)]));
        assert_eq!(default_life_s(&account()), 86_400);
        assert_eq!([life("60"), life("1"), life("999999999")], [3600, 660, 181 * 86_400 - 60]);
    }
}
