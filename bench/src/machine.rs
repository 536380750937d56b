//! The machine and the tree that figures belong to.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

/// Writes whose median is the cost of making one durable.
const SYNCS: usize = 300;
/// Bytes of each.
const SYNC_BYTES: usize = 4096;

/// Where figures were taken.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Processors.
    pub cores: usize,
    /// The processors' model.
    pub processor: String,
    /// The kernel.
    pub kernel: String,
    /// What appending 4 kB and making them durable costs in the folder of the databases, in microseconds.
    pub fsync_us: f64,
    /// The folder of the databases.
    pub folder: String,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Tree {
    /// The commit; empty outside of a checkout.
    pub commit: String,
    /// Whether the tree differs from it.
    pub is_changed: bool,
}

impl Machine {
    /// Looks at this machine. `folder` is where the databases will be.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn look(folder: &Path) -> anyhow::Result<Machine> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Ok(Machine {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: processor_in(&read("/proc/cpuinfo")),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            fsync_us: fsync_us(folder).context("the disk cannot be measured")?,
            folder: folder.display().to_string(),
        })
    }
}

impl Tree {
    /// Asks git.
    pub fn look() -> Tree {
        let git = |arguments: &[&str]| {
            let told = Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
            let told = told.ok().filter(|told| told.status.success()).map(|told| told.stdout);
            String::from_utf8(told.unwrap_or_default()).unwrap_or_default().trim().to_owned()
        };
        let is_changed = !git(&["status", "--porcelain", "--untracked-files=no"]).is_empty();
        Tree { commit: git(&["rev-parse", "HEAD"]), is_changed }
    }
}

/// The instant, by the machine's own clock.
#[expect(clippy::disallowed_methods, reason = "figures are dated by the machine's own clock")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Today's date in UTC, as in a file's name.
pub fn today() -> jiff::civil::Date {
    now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn processor_in(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".into(), |(_, name)| name.trim().into())
}

fn fsync_us(folder: &Path) -> std::io::Result<f64> {
    let mut file = tempfile::tempfile_in(folder)?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&[0x5a; SYNC_BYTES])?;
        file.sync_data()?;
        took.push(began.elapsed());
    }
    took.sort();
    Ok(took.get(SYNCS / 2).map_or(0.0, Duration::as_secs_f64) * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named() {
        let cpuinfo =
            "processor\t: 0\nmodel name\t: Example(R) CPU: fast\nflags\t\t: fpu\nmodel name\t: other\n";
        assert_eq!(processor_in(cpuinfo), "Example(R) CPU: fast");
        assert_eq!(processor_in(""), "unknown");
    }

    #[test]
    fn making_something_durable_costs_something() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Machine::look(folder.path()).expect("a machine").fsync_us > 0.0);
    }
}
