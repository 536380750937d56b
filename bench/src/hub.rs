//! The hub under measurement: the real program, in the profile of this one, with a configuration of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use aws_lc_rs::digest;

use crate::goals::Engine;
use crate::lifeline::Held;
use crate::processor::resident_mb;
use crate::provider::{ACCOUNT, LOGIN, PROVIDER, SECRET_KEY};
use crate::web;

/// The merchant's key, plainly invented.
pub const API_KEY: &str = "sk_only_for_measurements";
/// Plainly invented too.
const MASTER_KEY: &str = "5a3c9d1e7f2b48606b8d0f1a2c3e4d5f9e8d7c6b5a4938271605f4e3d2c1b0a9";

const CONFIGURATION: &str = "caudal.toml";
const LOG: &str = "hub.log";

/// Where the hub's own work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// In the hub's process, as usual.
    Here,
    /// Nowhere: only what a request itself costs is measured.
    Nowhere,
}

/// A running hub.
pub struct Hub {
    held: Held,
    address: SocketAddr,
    program: PathBuf,
    folder: PathBuf,
}

impl Hub {
    /// Starts `program` in a new folder below `place`, on a database, with a provider at `provider`.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(
        program: &Path,
        place: &Path,
        engine: Engine,
        database: &str,
        provider: SocketAddr,
        workers: Workers,
    ) -> anyhow::Result<Hub> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let folder = tempfile::Builder::new().prefix("hub-").tempdir_in(place)?.keep();
        std::fs::write(folder.join(CONFIGURATION), configuration(address, database, provider))?;
        let with_workers: &[&str] = match workers {
            Workers::Here => &["serve"],
            Workers::Nowhere => &["serve", "--without-workers"],
        };
        let held = run(program, &folder, with_workers)?;
        web::until_answered(address, "/readyz").with_context(|| {
            let said = std::fs::read_to_string(folder.join(LOG)).unwrap_or_default();
            format!("the hub on {} does not become ready: {}", engine.name(), said.trim())
        })?;
        Ok(Hub { held, address, program: program.to_owned(), folder })
    }

    /// Starts workers for it in a process of their own.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn start_workers(&self) -> anyhow::Result<Held> {
        run(&self.program, &self.folder, &["work"])
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.held.id()
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it holds in memory, in megabytes.
    ///
    /// # Errors
    /// When it is gone.
    pub fn memory_mb(&self) -> anyhow::Result<f64> {
        resident_mb(self.id()).context("the hub has ended")
    }

    /// Has its events sent to an address.
    ///
    /// # Errors
    /// What it says.
    pub fn tell(&self, url: &str) -> anyhow::Result<()> {
        let headers = format!("authorization: Bearer {API_KEY}\r\nidempotency-key: {url}\r\n");
        let body = serde_json::json!({ "url": url }).to_string();
        web::post(self.address, "/v1/event_endpoints", &headers, &body).map(drop)
    }
}

/// The hub's program: the one that is named, or the one of this tree in this profile, built now.
///
/// # Errors
/// When it cannot be built.
pub fn program(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        return named.canonicalize().with_context(|| format!("there is no {}", named.display()));
    }
    let own = std::env::current_exe()?;
    let profile = own.parent().context("this program lies nowhere")?;
    let target = profile.parent().context("this program does not lie in a target directory")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "caudal", "--manifest-path"]);
    build.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
    build.arg("--target-dir").arg(target);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    if !build.status().context("cargo cannot be started: name a program by --hub")?.success() {
        bail!("the hub cannot be built");
    }
    Ok(profile.join("caudal"))
}

/// Runs a command of the program in a folder with its configuration, without the settings of whoever measures.
fn run(program: &Path, folder: &Path, command: &[&str]) -> anyhow::Result<Held> {
    let said = std::fs::OpenOptions::new().create(true).append(true).open(folder.join(LOG))?;
    let configuration = ["--config".to_owned(), folder.join(CONFIGURATION).display().to_string()];
    let command: Vec<String> = command.iter().map(ToString::to_string).chain(configuration).collect();
    Held::start("TERM", program, &command, |command| {
        let foreign = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CAUDAL_"));
        for (name, _) in foreign {
            command.env_remove(name);
        }
        command.env("CAUDAL_LOG", "warn").stderr(said);
    })
}

/// Limits as wide as they go: what the hub itself can do is to be measured.
fn configuration(address: SocketAddr, database: &str, provider: SocketAddr) -> String {
    let key = sha256(API_KEY);
    format!(
        "[hub]\nlisten = \"{address}\"\npublic_url = \"http://{address}\"\ndrain_ms = 0\n\
         [database]\nurl = \"{database}\"\n[keys]\nmaster_key = \"{MASTER_KEY}\"\n\
         [events]\nallow_private_targets = true\n\
         [merchants.bench]\nname = \"Tienda de medida\"\n\
         [[merchants.bench.api_keys]]\nname = \"bench\"\nsha256 = \"{key}\"\n\
         [accounts.{ACCOUNT}]\nmerchant = \"bench\"\nprovider = \"{PROVIDER}\"\nenvironment = \"test\"\n\
         base_url = \"http://{provider}/\"\n\
         [accounts.{ACCOUNT}.limits]\ncalls_at_once = 10000\ncalls_per_second = 100000\nnotices_at_once = 1000\n\
         [accounts.{ACCOUNT}.settings]\nlogin = \"{LOGIN}\"\nsecret_key = \"{SECRET_KEY}\"\n"
    )
}

fn sha256(text: &str) -> String {
    digest::digest(&digest::SHA256, text.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_told_by_its_hash_only() {
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        let text = configuration(address, "sqlite:hub.db", address);
        assert!(!text.contains(API_KEY) && text.contains(&sha256(API_KEY)));
        assert_eq!(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
