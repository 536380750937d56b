//! Provider accounts, checked against what each provider's profile says that it wants.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hub::Providers;
use payment::Account;
use payment::account::Environment;
use payment::profile::{Profile, Setting, SettingKind};
use secrecy::SecretString;
use toml::Value;

use super::checks::{is_identifier, url};
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
    Ok(account)
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
