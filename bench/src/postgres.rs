//! A throwaway PostgreSQL server that keeps what it commits: unlike that of the tests it syncs to disk.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::lifeline::Held;

/// Where Debian keeps the server's programs, one folder a major version.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";
/// The account the server runs as when we are root, which PostgreSQL refuses.
const SERVER_ACCOUNT: &str = "postgres";
/// How long the server may take to answer after its start.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What differs from PostgreSQL's own defaults. Durability is as it ships: fsync, full_page_writes and
/// synchronous_commit are on. No checkpoint falls into one span and not into another.
const SETTINGS: [&str; 6] = [
    "listen_addresses=127.0.0.1",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
    "max_connections=200",
    "unix_socket_directories=",
];

/// A running server. Dropping it stops it at once; its folder is the caller's.
pub struct Postgres {
    server: Held,
    binaries: PathBuf,
    port: u16,
}

struct Account {
    user: u32,
    group: u32,
}

impl Postgres {
    /// Makes a server in a new folder below `place` and waits until it answers.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start.
    pub fn start(place: &Path) -> anyhow::Result<Postgres> {
        let binaries = binaries()
            .with_context(|| format!("no initdb below {DEBIAN_VERSIONS}: apt-get install postgresql"))?;
        let account = account()?;
        let folder = place.join("postgres");
        std::fs::create_dir(&folder)?;
        if let Some(account) = &account {
            chown(&folder, Some(account.user), Some(account.group))?;
        }
        let data = folder.join("data");
        let mut make = Command::new(binaries.join("initdb"));
        run_as(account.as_ref(), &folder, &mut make);
        make.args(["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "--username=postgres"]);
        let made = make.arg("--pgdata").arg(&data).stdin(Stdio::null()).output()?;
        if !made.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&made.stderr).trim());
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut arguments = vec!["-D".into(), data.display().to_string(), "-p".into(), port.to_string()];
        for setting in SETTINGS {
            arguments.extend(["-c".into(), setting.to_owned()]);
        }
        let log = std::fs::File::create(place.join("postgres.log"))?;
        // Immediately: nothing in it is wanted any more.
        let server = Held::start("QUIT", &binaries.join("postgres"), &arguments, |command| {
            run_as(account.as_ref(), &folder, command);
            command.stderr(log);
        })?;
        let server = Postgres { server, binaries, port };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// The process that all others of the server come from.
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Makes a database, and fills it by a script with `rows` where there is one.
    ///
    /// # Errors
    /// What the server says.
    pub fn make_database(&self, name: &str, script: Option<(&str, u64)>) -> anyhow::Result<()> {
        let make = [format!("--command=CREATE DATABASE {name}")];
        self.program("psql", &self.url("postgres"), &make)?;
        if let Some((script, rows)) = script {
            let file = tempfile::NamedTempFile::new()?;
            std::fs::write(file.path(), script)?;
            let fill = [format!("--set=rows={rows}"), format!("--file={}", file.path().display())];
            self.program("psql", &self.url(name), &fill)?;
        }
        Ok(())
    }

    /// Runs one of PostgreSQL's programs on a database; answers what it printed.
    ///
    /// # Errors
    /// What the program says.
    pub fn program(&self, name: &str, url: &str, arguments: &[String]) -> anyhow::Result<String> {
        let mut command = Command::new(self.binaries.join(name));
        if name == "psql" {
            command.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]);
        }
        let told = command.args(arguments).arg(url).env("LC_ALL", "C").stdin(Stdio::null()).output()?;
        if !told.status.success() {
            bail!("{name}: {}", String::from_utf8_lossy(&told.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&told.stdout).into_owned())
    }

    fn wait_until_ready(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let ready = Command::new(self.binaries.join("pg_isready"))
                .args(["--quiet", "--host=127.0.0.1", "--port", &self.port.to_string()])
                .status()?;
            if ready.success() {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("PostgreSQL does not answer: see postgres.log in the folder of the run");
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

fn run_as(account: Option<&Account>, folder: &Path, command: &mut Command) {
    command.current_dir(folder).env("LC_ALL", "C");
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
}

fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN_VERSIONS).ok()?.filter_map(|version| {
        let folder = version.ok()?.path();
        let number: u32 = folder.file_name()?.to_str()?.parse().ok()?;
        folder.join("bin/initdb").is_file().then(|| (number, folder.join("bin")))
    });
    versions.max().map(|(_, folder)| folder)
}

fn account() -> anyhow::Result<Option<Account>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let accounts = std::fs::read_to_string("/etc/passwd")?;
    let found = accounts.lines().find_map(account_in);
    found
        .map(Some)
        .with_context(|| format!("PostgreSQL refuses to run as root: make an account {SERVER_ACCOUNT}"))
}

fn account_in(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    let [SERVER_ACCOUNT, _, user, group, ..] = fields[..] else { return None };
    Some(Account { user: user.parse().ok()?, group: group.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_account_is_found_by_its_name() {
        let account = account_in("postgres:x:104:107:PostgreSQL:/var/lib/postgresql:/bin/bash").expect("it");
        assert_eq!((account.user, account.group), (104, 107));
        assert!(account_in("postgresque:x:1:1::/:/bin/sh").is_none());
    }
}
