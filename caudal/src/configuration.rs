//! The configuration: one TOML file, overridden by `CAUDAL_SECTION__KEY` variables, secrets from files and variables.
//!
//! What production may not have is refused here, before anything is opened: plain http, secrets in the
//! file, a key that is not random, a followed clock, deliveries into private networks.

mod accounts;
mod checks;
mod file;
mod printing;
mod reading;
mod secrets;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use hub::Providers;
use hub::Settings;
use hub::settings::{ApiKey, ConsoleAccess, Contact, EventSettings, Merchant};
use payment::order::Language;
use secrecy::{ExposeSecret, SecretString};

use self::checks::{ip_address, is_identifier, listen_address, master_key, sha256, url, within};
use self::file::{File, HubEnvironment, MerchantSection};
use self::secrets::{SecretReader, Sources};
use crate::failure::Failure;

pub use self::printing::{default_text, effective_text};

/// The zone in which a merchant's pages show dates when the configuration does not say.
const USUAL_ZONE: &str = "America/Bogota";

/// The configuration, checked.
pub struct Configuration {
    /// What the hub is given.
    pub settings: Settings,
    /// Where the hub listens.
    pub listen: SocketAddr,
    /// The database's address, which may hold a password.
    pub database: SecretString,
    /// Files that hold secrets, by the key that names them.
    pub secret_files: BTreeMap<String, PathBuf>,
    /// How the configuration's origin is called in messages.
    pub name: String,
}

/// The part of the configuration that the sandbox reads. It needs no keys and no merchants.
pub struct SandboxConfiguration {
    /// The address of all its ports.
    pub address: IpAddr,
    /// The first port.
    pub port: u16,
    /// Makes its chance.
    pub seed: u64,
    /// Whether notices may leave for public addresses.
    pub allow_public_targets: bool,
}

/// Reads and checks everything that the hub needs.
///
/// # Errors
/// [`Failure`] in one line that names file or variable and key.
pub fn load(named: Option<&Path>, providers: &Providers) -> Result<Configuration, Failure> {
    let reading = reading::read(named, std::env::vars_os().filter_map(as_text))?;
    let variable = |name: &str| std::env::var(name).ok();
    let checked = check(&reading.file, &reading.directory, &variable, providers);
    let mut configuration = checked.map_err(|failure| named_in(&reading.name, failure))?;
    configuration.name = reading.name;
    Ok(configuration)
}

/// Reads what the sandbox needs.
///
/// # Errors
/// [`Failure`] in one line that names file or variable and key.
pub fn load_sandbox(named: Option<&Path>) -> Result<SandboxConfiguration, Failure> {
    let reading = reading::read(named, std::env::vars_os().filter_map(as_text))?;
    let section = reading.file.sandbox;
    let address = ip_address("sandbox.address", &section.address);
    Ok(SandboxConfiguration {
        address: address.map_err(|failure| named_in(&reading.name, failure))?,
        port: section.port,
        seed: section.seed,
        allow_public_targets: section.allow_public_targets,
    })
}

/// The configuration in force as TOML, secrets hidden. It is printed even where [`load`] would refuse it.
///
/// # Errors
/// [`Failure::Usage`] when it cannot be read as a configuration at all.
pub fn shown(named: Option<&Path>, providers: &Providers) -> Result<String, Failure> {
    let reading = reading::read(named, std::env::vars_os().filter_map(as_text))?;
    effective_text(reading.file, providers)
}

/// A variable whose name or value is no text can be no setting of ours.
fn as_text((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn named_in(name: &str, failure: Failure) -> Failure {
    match failure {
        Failure::Findings(text) => Failure::Findings(format!("{name}: {text}")),
        Failure::Usage(text) => Failure::Usage(format!("{name}: {text}")),
        Failure::Environment(text) => Failure::Environment(format!("{name}: {text}")),
    }
}

fn check(
    file: &File,
    directory: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    providers: &Providers,
) -> Result<Configuration, Failure> {
    let is_production = file.hub.environment == HubEnvironment::Production;
    let secrets = SecretReader { directory, variable, is_production };
    if is_production {
        refuse_in_production(file)?;
    }
    let merchants: Vec<Merchant> =
        file.merchants.iter().map(|(id, section)| merchant(id, section)).collect::<Result<_, _>>()?;
    refuse_shared_keys(&merchants)?;
    let accounts = file.accounts.iter();
    let accounts: Vec<_> = accounts
        .map(|(id, section)| accounts::account(id, section, providers, &secrets))
        .collect::<Result<_, _>>()?;
    if let Some(orphan) = accounts.iter().find(|account| !file.merchants.contains_key(&account.merchant)) {
        let text = format!("accounts.{}.merchant: there is no [merchants.{}]", orphan.id, orphan.merchant);
        return Err(Failure::usage(text));
    }
    let limits = accounts.iter().map(|account| {
        let section = &file.accounts[&account.id];
        Ok((account.id.clone(), accounts::limits(account, section, providers)?))
    });
    let limits = limits.collect::<Result<_, Failure>>()?;
    let settings = Settings {
        public_url: url("hub.public_url", &file.hub.public_url, is_production)?,
        is_production,
        merchants,
        accounts,
        limits,
        console: console(file)?,
        events: EventSettings {
            allow_private_targets: file.events.allow_private_targets,
            timeout_ms: within("events.timeout_ms", file.events.timeout_ms, 1_000, 60_000)?,
        },
        trusted_proxies: trusted_proxies(file)?,
        clock_follow: file
            .clock
            .follow
            .as_deref()
            .map(|text| url("clock.follow", text, false))
            .transpose()?,
        master_key: read_master_keys(file, &secrets)?,
        poll_ms: within("hub.poll_ms", file.hub.poll_ms, 20, 60_000)?,
        drain_ms: within("hub.drain_ms", file.hub.drain_ms, 0, 60_000)?,
    };
    Ok(Configuration {
        settings,
        listen: listen_address("hub.listen", &file.hub.listen)?,
        database: read_database(file, &secrets)?,
        secret_files: secret_files(file, &secrets),
        name: String::new(),
    })
}

fn refuse_in_production(file: &File) -> Result<(), Failure> {
    if file.clock.follow.is_some() {
        return Err(Failure::usage("clock.follow: production time is nobody's to move: take it out"));
    }
    if file.events.allow_private_targets {
        let text = "events.allow_private_targets: production delivers to public addresses only: take it out";
        return Err(Failure::usage(text));
    }
    if file.merchants.is_empty() {
        return Err(Failure::usage("merchants: a production hub has at least one merchant"));
    }
    Ok(())
}

fn merchant(id: &str, section: &MerchantSection) -> Result<Merchant, Failure> {
    let at = format!("merchants.{id}");
    is_identifier(&at, id)?;
    if section.name.trim().is_empty() {
        return Err(Failure::usage(format!("{at}.name: missing: the name that shoppers see")));
    }
    let zone = section.zone.clone().unwrap_or_else(|| USUAL_ZONE.to_owned());
    if jiff::tz::TimeZone::get(&zone).is_err() {
        return Err(Failure::usage(format!("{at}.zone: {zone:?} is no zone such as {USUAL_ZONE}")));
    }
    let api_keys = section.api_keys.iter().enumerate().map(|(index, key)| {
        let sha256 = sha256(&format!("{at}.api_keys[{index}].sha256"), &key.sha256)?;
        Ok(ApiKey { name: key.name.clone(), sha256, is_revoked: key.revoked })
    });
    Ok(Merchant {
        id: id.to_owned(),
        name: section.name.clone(),
        api_keys: api_keys.collect::<Result<_, Failure>>()?,
        contact: Contact { email: section.contact_email.clone(), phone: section.contact_phone.clone() },
        language: language(&format!("{at}.language"), section.language.as_deref())?,
        zone,
    })
}

/// A key opens one merchant's payments and nobody else's.
fn refuse_shared_keys(merchants: &[Merchant]) -> Result<(), Failure> {
    let mut owners = BTreeMap::new();
    for merchant in merchants {
        for key in merchant.api_keys.iter().filter(|key| !key.is_revoked) {
            let (id, name) = (&merchant.id, &key.name);
            if let Some(other) = owners.insert(key.sha256, id) {
                let text = format!(
                    "merchants.{id}.api_keys: {name:?} is a key of merchants.{other} already: \
                     make one by `caudal doctor --new-api-key`"
                );
                return Err(Failure::usage(text));
            }
        }
    }
    Ok(())
}

fn language(key: &str, word: Option<&str>) -> Result<Language, Failure> {
    match word {
        None | Some("es") => Ok(Language::Es),
        Some("pt") => Ok(Language::Pt),
        Some("en") => Ok(Language::En),
        Some(word) => Err(Failure::usage(format!("{key}: {word:?} is not one of es, pt, en"))),
    }
}

fn console(file: &File) -> Result<Option<ConsoleAccess>, Failure> {
    let Some(section) = &file.console else { return Ok(None) };
    if section.user.is_empty() || section.user.contains(':') {
        return Err(Failure::usage("console.user: a name without a colon"));
    }
    let password_sha256 = sha256("console.password_sha256", &section.password_sha256)?;
    Ok(Some(ConsoleAccess { user: section.user.clone(), password_sha256 }))
}

fn trusted_proxies(file: &File) -> Result<Vec<IpAddr>, Failure> {
    file.hub.trusted_proxies.iter().map(|text| ip_address("hub.trusted_proxies", text)).collect()
}

fn master_key_sources(file: &File) -> Sources {
    Sources {
        key: "keys.master_key".into(),
        inline: file.keys.master_key.clone().map(|key| vec![key]),
        file: file.keys.master_key_file.clone(),
        variable: file.keys.master_key_env.clone(),
    }
}

/// The key ring: one master key a line, the newest first.
fn read_master_keys(file: &File, secrets: &SecretReader<'_>) -> Result<SecretString, Failure> {
    let sources = master_key_sources(file);
    let keys = secrets.read(&sources)?.ok_or_else(|| {
        let make_one = "make a file by `caudal doctor --new-master-key` and name it in keys.master_key_file";
        Failure::usage(format!("keys.master_key_file: missing: {make_one}"))
    })?;
    for key in &keys {
        master_key(&sources.key, key, secrets.is_production)?;
    }
    let ring = SecretString::from(keys.join("\n"));
    hub::vault::Vault::new(&ring).map_err(|error| Failure::usage(format!("{}: {error}", sources.key)))?;
    Ok(ring)
}

fn read_database(file: &File, secrets: &SecretReader<'_>) -> Result<SecretString, Failure> {
    let sources = Sources {
        key: "database.url".into(),
        inline: None,
        file: file.database.url_file.clone(),
        variable: file.database.url_env.clone(),
    };
    let elsewhere = secrets.read(&sources)?.and_then(|urls| urls.into_iter().next());
    if elsewhere.is_none() && secrets.is_production && has_password(&file.database.url) {
        let text = "database.url: no password stands in a production file: use database.url_file or database.url_env";
        return Err(Failure::usage(text));
    }
    let database = SecretString::from(elsewhere.unwrap_or_else(|| file.database.url.clone()));
    database_address("database.url", database.expose_secret())?;
    Ok(database)
}

/// Refuses what is no database address, without repeating it: it may hold a password.
pub fn database_address(key: &str, text: &str) -> Result<(), Failure> {
    let is_known = ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| text.starts_with(scheme));
    let is_complete = text.split_once(':').is_some_and(|(_, rest)| !rest.trim_start_matches('/').is_empty());
    if is_known && is_complete {
        return Ok(());
    }
    Err(Failure::usage(format!("{key}: expected sqlite:PATH or postgres://USER@HOST/DATABASE")))
}

fn has_password(database: &str) -> bool {
    url::Url::parse(database).is_ok_and(|url| url.password().is_some())
}

fn secret_files(file: &File, secrets: &SecretReader<'_>) -> BTreeMap<String, PathBuf> {
    let mut files = BTreeMap::new();
    let single = [
        ("keys.master_key_file", &file.keys.master_key_file),
        ("database.url_file", &file.database.url_file),
    ];
    for (key, path) in single {
        if let Some(path) = path {
            files.insert(key.to_owned(), secrets.path(path));
        }
    }
    for (id, account) in &file.accounts {
        let named = account.settings.iter().filter(|(name, _)| name.ends_with("_file"));
        for (name, value) in named {
            if let Some(path) = value.as_str() {
                files.insert(format!("accounts.{id}.settings.{name}"), secrets.path(Path::new(path)));
            }
        }
    }
    files
}

#[cfg(test)]
mod tests;
