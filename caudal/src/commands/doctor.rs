//! `caudal doctor`: says what is wrong before a customer does.

use std::net::SocketAddr;
use std::time::Duration;

use hub::flow::KeyUse;
use hub::store::Store;
use hub::vault::Vault;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

use crate::command_line::DoctorOptions;
use crate::configuration::Configuration;
use crate::failure::{Failure, one_line};
use crate::screen::Paint;
use crate::{configuration, keys, registry, screen, web};

/// How long a provider may take to say anything.
const PROVIDER_PATIENCE: Duration = Duration::from_secs(5);
/// A difference between our clock and a provider's that somebody should look at, in seconds.
const LARGE_SKEW_S: u64 = 60;

/// One thing that was looked at.
#[derive(Serialize)]
struct Check {
    /// What.
    name: String,
    /// How it stands.
    result: CheckResult,
    /// What was found.
    found: String,
    /// What to do about it; empty when nothing is.
    cure: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum CheckResult {
    /// As it should be.
    Pass,
    /// Worth knowing.
    Warning,
    /// Has to be cured.
    Fail,
}

/// Looks at everything, or prints a new key.
///
/// # Errors
/// [`Failure::Findings`] when something has to be cured, the configuration's own failure when it cannot be read.
pub async fn run(options: &DoctorOptions) -> Result<(), Failure> {
    if options.new_api_key {
        return new_api_key(options.json);
    }
    if options.new_master_key {
        screen::line(keys::new_master_key());
        return Ok(());
    }
    let named = options.configuration.config.as_deref();
    let configuration = match configuration::load(named, &registry::providers()) {
        Ok(configuration) => configuration,
        Err(failure) => {
            if options.json {
                let check = failed("configuration", failure.to_string(), "Correct what is named.");
                screen::json(&json!({ "passed": false, "checks": [check] }));
            }
            return Err(failure);
        }
    };
    let mut checks = vec![passed("configuration", format!("read from {}", configuration.name))];
    checks.extend(environment(&configuration));
    checks.extend(key_files(&configuration));
    checks.push(database(&configuration).await);
    checks.extend(sealed_values(&configuration).await);
    checks.push(port(configuration.listen).await);
    checks.push(clock());
    checks.extend(provider_clocks(&configuration).await);
    checks.push(certificates());
    checks.extend(merchants(&configuration));
    report(&checks, options.json)
}

fn new_api_key(is_json: bool) -> Result<(), Failure> {
    let key = keys::new_api_key();
    let sha256 = keys::hex(&keys::sha256(&key));
    if is_json {
        screen::json(&json!({ "key": key, "sha256": sha256 }));
    } else {
        screen::line(format!("key     {key}"));
        screen::line(format!("sha256  {sha256}"));
        screen::line(
            "Give the key to the merchant's server, and the hash to the configuration. The key is shown once.",
        );
    }
    Ok(())
}

fn report(checks: &[Check], is_json: bool) -> Result<(), Failure> {
    let failed = checks.iter().filter(|check| check.result == CheckResult::Fail).count();
    if is_json {
        screen::json(&json!({ "passed": failed == 0, "checks": checks }));
    } else {
        let paint = Paint::for_output();
        for check in checks {
            let mark = match check.result {
                CheckResult::Pass => paint.good("ok  "),
                CheckResult::Warning => paint.bold("look"),
                CheckResult::Fail => paint.bad("FAIL"),
            };
            screen::line(format!("{mark}  {:<14}{}", check.name, check.found));
            if !check.cure.is_empty() {
                screen::line(format!("      {:<14}{}", "", paint.faint(&check.cure)));
            }
        }
    }
    match failed {
        0 => Ok(()),
        1 => Err(Failure::Findings("one thing has to be cured".to_owned())),
        several => Err(Failure::Findings(format!("{several} things have to be cured"))),
    }
}

fn passed(name: &str, found: impl Into<String>) -> Check {
    Check { name: name.to_owned(), result: CheckResult::Pass, found: found.into(), cure: String::new() }
}

fn warned(name: &str, found: impl Into<String>, cure: &str) -> Check {
    Check { name: name.to_owned(), result: CheckResult::Warning, found: found.into(), cure: cure.to_owned() }
}

fn failed(name: &str, found: impl Into<String>, cure: &str) -> Check {
    Check { result: CheckResult::Fail, ..warned(name, found, cure) }
}

fn environment(configuration: &Configuration) -> Option<Check> {
    (!configuration.settings.is_production).then(|| {
        let cure =
            "Set hub.environment to production before real money moves: unsafe settings are refused then.";
        warned("environment", "development", cure)
    })
}

fn key_files(configuration: &Configuration) -> impl Iterator<Item = Check> {
    configuration.secret_files.iter().map(|(key, path)| {
        let shown = path.display();
        match keys::is_readable_by_others(path) {
            Ok(false) => passed("key file", format!("{key}: {shown} is its owner's alone")),
            Ok(true) => {
                failed("key file", format!("{key}: others may read {shown}"), &format!("chmod 600 {shown}"))
            }
            Err(error) => {
                failed("key file", format!("{key}: {shown}: {error}"), "Make it readable by this user.")
            }
        }
    })
}

async fn database(configuration: &Configuration) -> Check {
    let cure = "Start the database, and check database.url and its permissions.";
    let store = match Store::connect(configuration.database.expose_secret()).await {
        Ok(store) => store,
        Err(error) => return failed("database", one_line(&error.to_string()), cure),
    };
    let version = match store.ping().await {
        Ok(()) => store.schema_version().await,
        Err(error) => Err(error),
    };
    store.close().await;
    let newest = Store::newest_schema();
    match version {
        Ok(version) if version == newest => passed("database", format!("answers, schema {version}")),
        Ok(version) if version < newest => {
            let found = format!("answers, schema {version} of {newest}");
            warned("database", found, "`caudal migrate` brings it up to date; `caudal serve` does so too.")
        }
        Ok(version) => {
            let found = format!("schema {version} is newer than this program's {newest}");
            failed("database", found, "Use the program that made it.")
        }
        Err(error) => failed("database", one_line(&error.to_string()), cure),
    }
}

/// Which keys the sealed values need, where the database can be read by this program.
async fn sealed_values(configuration: &Configuration) -> Option<Check> {
    let vault = Vault::new(&configuration.settings.master_key).ok()?;
    let store = Store::connect(configuration.database.expose_secret()).await.ok()?;
    let is_known = store.schema_version().await.is_ok_and(|version| version == Store::newest_schema());
    let found = if is_known { hub::flow::key_use(&store, &vault).await.ok() } else { None };
    store.close().await;
    let KeyUse { current, older, unknown } = found?;
    let told =
        format!("{current} sealed values need the first key, {older} an older one, {unknown} one not given");
    Some(if unknown > 0 {
        failed("master key", told, "Put the key that sealed them into the master key file, below the others.")
    } else if older > 0 {
        warned(
            "master key",
            told,
            "`caudal rotate-keys` gives them to the first key; keep the older ones until then.",
        )
    } else {
        passed("master key", told)
    })
}

async fn port(address: SocketAddr) -> Check {
    match TcpListener::bind(address).await {
        Ok(_) => passed("port", format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => warned(
            "port",
            format!("{address} is in use"),
            "Right when this hub is running; else end the other program.",
        ),
        Err(error) => {
            failed("port", format!("{address}: {error}"), "Choose an address and port of this machine.")
        }
    }
}

/// A clock that is behind the program's own file is wrong: certificates and signatures would be refused.
fn clock() -> Check {
    let now = hub::Clock::real().real_now();
    let built = std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified());
    let built = built.ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
    match built {
        Some(built) if built > now => {
            let found = format!("{now} is before the program was made");
            failed("clock", found, "Set the clock, and keep it by NTP.")
        }
        Some(_) | None => passed("clock", now.to_string()),
    }
}

/// How far the provider's clocks are from ours, by the date of any answer: signatures are refused beyond a few minutes.
async fn provider_clocks(configuration: &Configuration) -> Vec<Check> {
    let Ok(client) = web::client(false) else { return Vec::new() };
    let mut addresses: Vec<_> =
        configuration.settings.accounts.iter().map(|account| &account.base_url).collect();
    addresses.sort();
    addresses.dedup();
    let mut checks = Vec::new();
    for address in addresses {
        let asking = client.head(address.clone()).timeout(PROVIDER_PATIENCE).send().await;
        checks.push(match asking {
            Ok(answer) => provider_clock(address, date_of(&answer), hub::Clock::real().real_now()),
            Err(error) => warned(
                "provider",
                format!("{address} does not answer: {}", one_line(&error.without_url().to_string())),
                "Check the account's base_url, and that this machine may reach it.",
            ),
        });
    }
    checks
}

fn date_of(answer: &reqwest::Response) -> Option<Timestamp> {
    let text = answer.headers().get(reqwest::header::DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp())
}

fn provider_clock(address: &Url, date: Option<Timestamp>, now: Timestamp) -> Check {
    let Some(date) = date else {
        return passed("provider", format!("{address} answers, and does not say what time it is"));
    };
    let ahead_s = date.as_second() - now.as_second();
    let told = match ahead_s {
        0.. => format!("{address} answers, its clock is {ahead_s} s ahead of ours"),
        ..0 => format!("{address} answers, its clock is {} s behind ours", -ahead_s),
    };
    match ahead_s.unsigned_abs() {
        0..=LARGE_SKEW_S => passed("provider", told),
        _ => warned(
            "provider",
            told,
            "Keep this machine's clock by NTP; signatures are refused beyond minutes.",
        ),
    }
}

fn certificates() -> Check {
    match web::client(false) {
        Ok(_) => passed("certificates", "the machine's authorities can be read"),
        Err(error) => failed("certificates", error.to_string(), "Install the package ca-certificates."),
    }
}

fn merchants(configuration: &Configuration) -> Vec<Check> {
    let settings = &configuration.settings;
    if settings.merchants.is_empty() {
        let cure = "Write a [merchants.ID] section; `caudal serve --print-default-config` shows one.";
        return vec![warned("merchants", "none", cure)];
    }
    let check = |merchant: &hub::settings::Merchant| {
        let id = &merchant.id;
        let accounts = settings.accounts_of(id).count();
        let keys = merchant.api_keys.iter().filter(|key| !key.is_revoked).count();
        let found = format!("{id}: {keys} API keys in force, {accounts} provider accounts");
        if keys == 0 {
            warned("merchant", found, "`caudal doctor --new-api-key` makes a key.")
        } else if accounts == 0 {
            warned("merchant", found, "Write an [accounts.ID] section: without one nothing can be paid.")
        } else {
            passed("merchant", found)
        }
    };
    settings.merchants.iter().map(check).collect()
}
