//! The configuration as text: the commented default, and the one in force with its secrets hidden.

use std::fmt::Write;

use hub::Providers;
use payment::profile::{Setting, SettingKind};
use toml::Value;

use super::file::File;
use crate::failure::Failure;

/// Stands where a secret is.
const HIDDEN: &str = "[hidden]";
/// The commented default configuration, which is the documentation of every setting.
const DEFAULT: &str = include_str!("../../default-config.toml");

/// The commented default configuration, ending in what accounts at each provider are configured with.
pub fn default_text(providers: &Providers) -> String {
    let mut text = DEFAULT.to_owned();
    for provider in providers.iter() {
        let profile = provider.profile();
        let id = profile.id;
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "\n# An account at {}.\n#[accounts.my-shop-{id}]\n#merchant = \"my-shop\"\n#provider = \"{id}\"\n\
             #environment = \"test\"\n#base_url = \"https://…\"\n\n#[accounts.my-shop-{id}.settings]\n",
            profile.brand
        );
        for setting in profile.settings {
            text.push_str(&explained(setting));
        }
        let _ = write!(text, "#[accounts.my-shop-{id}.limits]\n{}", limits());
    }
    text
}

/// The configuration in force as TOML, secrets hidden.
///
/// # Errors
/// [`Failure::Usage`] when a value cannot be written as TOML.
pub fn effective_text(mut file: File, providers: &Providers) -> Result<String, Failure> {
    if let Some(key) = &mut file.keys.master_key {
        HIDDEN.clone_into(key);
    }
    file.database.url = without_password(&file.database.url);
    for account in file.accounts.values_mut() {
        let settings =
            providers.get(&account.provider).map_or(&[][..], |provider| provider.profile().settings);
        for (name, value) in &mut account.settings {
            let known = settings.iter().find(|setting| setting.name == name);
            // What no profile explains may be a secret with a mistyped name.
            let is_pointer = name.ends_with("_file") || name.ends_with("_env");
            if known.map_or(!is_pointer, |setting| matches!(setting.kind, SettingKind::Secret)) {
                *value = Value::String(HIDDEN.to_owned());
            }
        }
    }
    toml::to_string_pretty(&file).map_err(|error| Failure::usage(error.to_string()))
}

/// The limits of an account, with the values that hold when none are written.
fn limits() -> String {
    let usual = hub::settings::AccountLimits::default();
    format!(
        "# Most calls to the provider under way, and a second.\n#calls_at_once = {}\n#calls_per_second = {}\n\
         # Longest time of one task with all its calls, in milliseconds.\n#task_ms = {}\n\
         # After how many calls in a row that find nobody the breaker opens, and how long it rests.\n\
         #breaker_failures = {}\n#breaker_rest_ms = {}\n\
         # Most notices being taken at once.\n#notices_at_once = {}\n\
         # Where notices may come from, as addresses or ranges; empty, from anywhere. Behind a proxy,\n\
         # hub.trusted_proxies has to name it.\n#notice_addresses = []\n",
        usual.calls_at_once,
        usual.calls_per_second,
        usual.task_ms,
        usual.breaker_failures,
        usual.breaker_rest_ms,
        usual.notices_at_once
    )
}

fn explained(setting: &Setting) -> String {
    let name = setting.name;
    let example = match setting.kind {
        SettingKind::Credential => format!("#{name} = \"…\""),
        SettingKind::Secret => {
            format!(
                "#{name}_file = \"/etc/caudal/{name}\"   # or {name}_env; one secret a line, newest first"
            )
        }
        SettingKind::OneOf(words) => {
            format!(
                "#{name} = \"{}\"   # one of {}",
                words.first().copied().unwrap_or_default(),
                words.join(", ")
            )
        }
        SettingKind::Number { least, most, default } => format!("#{name} = {default}   # {least} to {most}"),
        SettingKind::Text => format!("#{name} = \"\""),
    };
    format!("# {}\n{example}\n", setting.help)
}

fn without_password(database: &str) -> String {
    match url::Url::parse(database) {
        Ok(mut url) if url.password().is_some() => {
            // Only addresses without a host refuse a password, and those have none.
            let _ = url.set_password(Some("hidden"));
            url.to_string()
        }
        Ok(_) | Err(_) => database.to_owned(),
    }
}
