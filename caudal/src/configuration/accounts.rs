//! Provider accounts, checked against what each provider's profile says that it wants.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hub::Providers;
use hub::settings::{AccountLimits, AddressRange, NotARange};
use payment::Account;
use payment::account::Environment;
use payment::profile::{Profile, Setting, SettingKind};
use secrecy::SecretString;
use toml::Value;

use super::checks::{is_identifier, url, within};
use super::file::AccountSection;
use super::secrets::{SecretReader, Sources};
use crate::failure::Failure;

/// An account from its section. `id` is the section's name.
///
/// # Errors
/// [`Failure`] naming the key.
pub fn account(
    id: &str,
    section: &AccountSection,
    providers: &Providers,
    secrets: &SecretReader<'_>,
) -> Result<Account, Failure> {
    let at = format!("accounts.{id}");
    is_identifier(&at, id)?;
    let known: Vec<_> = providers.iter().map(|provider| provider.profile().id).collect();
    let provider = providers.get(&section.provider).ok_or_else(|| {
        let text = format!("{at}.provider: {:?} is not one of {}", section.provider, known.join(", "));
        Failure::usage(text)
    })?;
    let profile = provider.profile();
    let environment = environment(&at, &section.environment)?;
    if environment == Environment::Production && !secrets.is_production {
        let text = format!(
            "{at}.environment: real money moves in a hub with hub.environment = \"production\" only: set that"
        );
        return Err(Failure::usage(text));
    }
    let base_url = url(&format!("{at}.base_url"), &section.base_url, secrets.is_production)?;
    let mut account = Account {
        id: id.to_owned(),
        merchant: section.merchant.clone(),
        provider: section.provider.clone(),
        environment,
        base_url,
        credentials: BTreeMap::new(),
        secrets: BTreeMap::new(),
        settings: BTreeMap::new(),
    };
    refuse_unknown(&at, section, profile)?;
    for setting in profile.settings {
        read_setting(&at, section, setting, secrets, &mut account)?;
    }
    if let Some(complaint) = provider.check_account(&account).first() {
        let (setting, detail) = (complaint.setting, &complaint.detail);
        return Err(Failure::usage(format!("{at}.settings.{setting}: {detail}")));
    }
    Ok(account)
}

/// The limits of an account: the usual ones where its section says nothing, and the provider's own addresses for notices.
///
/// # Errors
/// [`Failure`] naming the key.
pub fn limits(
    account: &Account,
    section: &AccountSection,
    providers: &Providers,
) -> Result<AccountLimits, Failure> {
    let known = providers.get(&account.provider).map(|provider| provider.notice_addresses(account));
    let notice_addresses: Vec<AddressRange> = known.into_iter().flatten().map(AddressRange::from).collect();
    let usual = AccountLimits { notice_addresses, ..AccountLimits::default() };
    let id = &account.id;
    let Some(written) = &section.limits else { return Ok(usual) };
    let at = format!("accounts.{id}.limits");
    let bounded = |name: &str, value: Option<u64>, usual: u64, least: u64, most: u64| {
        within(&format!("{at}.{name}"), value.unwrap_or(usual), least, most)
    };
    // Every bound above fits the smaller types.
    let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let count = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let at_once = usual.calls_at_once as u64;
    let notices = usual.notices_at_once as u64;
    let (per_second, failures) = (usual.calls_per_second.into(), usual.breaker_failures.into());
    let range = |text: &String| {
        let key = format!("{at}.notice_addresses");
        text.parse().map_err(|error: NotARange| Failure::usage(format!("{key}: {text:?}: {error}")))
    };
    Ok(AccountLimits {
        calls_at_once: count(bounded("calls_at_once", written.calls_at_once, at_once, 1, 10_000)?),
        calls_per_second: small(bounded(
            "calls_per_second",
            written.calls_per_second,
            per_second,
            1,
            100_000,
        )?),
        task_ms: bounded("task_ms", written.task_ms, usual.task_ms, 1_000, 75_000)?,
        breaker_failures: small(bounded("breaker_failures", written.breaker_failures, failures, 1, 1_000)?),
        breaker_rest_ms: bounded(
            "breaker_rest_ms",
            written.breaker_rest_ms,
            usual.breaker_rest_ms,
            100,
            600_000,
        )?,
        notices_at_once: count(bounded("notices_at_once", written.notices_at_once, notices, 1, 1_000)?),
        notice_addresses: match written.notice_addresses.as_slice() {
            [] => usual.notice_addresses,
            written => written.iter().map(range).collect::<Result<_, Failure>>()?,
        },
    })
}

fn environment(at: &str, word: &str) -> Result<Environment, Failure> {
    match word {
        "test" => Ok(Environment::Test),
        "certification" => Ok(Environment::Certification),
        "production" => Ok(Environment::Production),
        _ => {
            let text = format!("{at}.environment: {word:?} is not one of test, certification, production");
            Err(Failure::usage(text))
        }
    }
}

/// The names that a setting may be written with.
fn names(setting: &Setting) -> Vec<String> {
    match setting.kind {
        SettingKind::Secret => ["", "_file", "_env"].map(|ending| format!("{}{ending}", setting.name)).into(),
        SettingKind::Credential | SettingKind::OneOf(_) | SettingKind::Number { .. } | SettingKind::Text => {
            vec![setting.name.to_owned()]
        }
    }
}

fn refuse_unknown(at: &str, section: &AccountSection, profile: &Profile) -> Result<(), Failure> {
    let known: Vec<String> = profile.settings.iter().flat_map(names).collect();
    match section.settings.keys().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let known = known.join(", ");
            Err(Failure::usage(format!("{at}.settings.{name}: unknown, expected one of {known}")))
        }
    }
}

fn read_setting(
    at: &str,
    section: &AccountSection,
    setting: &Setting,
    secrets: &SecretReader<'_>,
    account: &mut Account,
) -> Result<(), Failure> {
    let name = setting.name.to_owned();
    let key = format!("{at}.settings.{name}");
    let missing = || Failure::usage(format!("{key}: missing. {}", setting.help));
    let written = section.settings.get(setting.name);
    match setting.kind {
        SettingKind::Secret => {
            let sources = sources(&key, section, setting.name)?;
            let found = secrets.read(&sources)?.ok_or_else(missing)?;
            account.secrets.insert(name, found.into_iter().map(SecretString::from).collect());
        }
        SettingKind::Credential => {
            let credential = written.map(|value| text(&key, value)).transpose()?;
            let credential = credential.filter(|text| !text.is_empty()).ok_or_else(missing)?;
            account.credentials.insert(name, credential);
        }
        SettingKind::OneOf(words) => {
            let word = written.map(|value| text(&key, value)).transpose()?;
            let word = word.unwrap_or_else(|| words.first().copied().unwrap_or_default().to_owned());
            if !words.contains(&word.as_str()) {
                let text = format!("{key}: {word:?} is not one of {}", words.join(", "));
                return Err(Failure::usage(text));
            }
            account.settings.insert(name, word);
        }
        SettingKind::Number { least, most, default } => {
            let number = written.map_or(Some(default), whole_number);
            let number = number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
                Failure::usage(format!("{key}: expected a whole number from {least} to {most}"))
            })?;
            account.settings.insert(name, number.to_string());
        }
        SettingKind::Text => {
            if let Some(value) = written {
                account.settings.insert(name, text(&key, value)?);
            }
        }
    }
    Ok(())
}

fn sources(key: &str, section: &AccountSection, name: &str) -> Result<Sources, Failure> {
    let ending = |ending: &str| -> Result<Option<String>, Failure> {
        let value = section.settings.get(&format!("{name}{ending}"));
        value.map(|value| text(&format!("{key}{ending}"), value)).transpose()
    };
    let inline = match section.settings.get(name) {
        None => None,
        Some(Value::Array(items)) => {
            Some(items.iter().map(|item| text(key, item)).collect::<Result<Vec<_>, _>>()?)
        }
        Some(value) => Some(vec![text(key, value)?]),
    };
    Ok(Sources {
        key: key.to_owned(),
        inline,
        file: ending("_file")?.map(PathBuf::from),
        variable: ending("_env")?,
    })
}

fn text(key: &str, value: &Value) -> Result<String, Failure> {
    value.as_str().map(str::to_owned).ok_or_else(|| Failure::usage(format!("{key}: expected text in quotes")))
}

/// A whole number, also as the text that a variable holds.
fn whole_number(value: &Value) -> Option<i64> {
    value.as_integer().or_else(|| value.as_str()?.parse().ok())
}
