//! A throwaway PostgreSQL cluster that does not outlive the process that started it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Names a server to make the test databases on, instead of a throwaway one.
pub const SERVER_VARIABLE: &str = "CAUDAL_TEST_POSTGRES_URL";

/// Where Debian keeps the server's programs, one folder a major version.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";
/// The account the server runs as when the tests run as root, which PostgreSQL refuses.
const SERVER_ACCOUNT: &str = "postgres";
/// How long the server may take to answer after its start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs the server until standard input ends, which it does when the process that holds its other end dies in
/// whatever way; then stops the server and removes its folder. Each line before that end stops the server as a crash
/// would, is answered by a line when that is done, and the next one starts it again.
const SUPERVISOR: &str = r#"
binaries=$1 folder=$2 port=$3
while :; do
    "$binaries/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= -c fsync=off -c full_page_writes=off -c max_connections=400 \
        </dev/null >>"$folder/log" 2>&1 &
    server=$!
    read -r _ && again=yes || again=no
    kill -QUIT "$server"
    wait "$server"
    [ "$again" = yes ] || break
    echo stopped
    read -r _ || break
done
rm -rf "$folder"
"#;

/// A running cluster. Dropping it stops the server and removes its data.
pub struct Cluster {
    url: String,
    place: Place,
    supervisor: Child,
    lifeline: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// Where a cluster is.
struct Place {
    folder: PathBuf,
    binaries: PathBuf,
    port: u16,
}

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// PostgreSQL is not installed.
    #[error(
        "PostgreSQL is not installed: no initdb below {DEBIAN_VERSIONS} (Debian's package is postgresql)"
    )]
    NotInstalled,
    /// The tests run as root and there is no other account for the server.
    #[error("PostgreSQL refuses to run as root, and there is no account {SERVER_ACCOUNT}")]
    NoAccount,
    /// A step of the start failed.
    #[error("{step} failed: {reason}")]
    Start {
        /// The step.
        step: &'static str,
        /// What was said about it.
        reason: String,
    },
}

impl Cluster {
    /// Makes and starts a cluster on a free port of 127.0.0.1, without a password and without syncing to
    /// disk: for tests only.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub fn start() -> Result<Cluster, ClusterError> {
        let binaries = binaries().ok_or(ClusterError::NotInstalled)?;
        let account = account()?;
        let folder = make_folder(account.as_ref())?;
        match start_in(&folder, &binaries, account.as_ref()) {
            Ok(cluster) => Ok(cluster),
            Err(error) => {
                // The start's error matters more than what is left in the temporary folder.
                let _ = std::fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    /// The address of the server, as `postgres://…/postgres`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops the server at once, as a crash would: connections break, and nothing that was committed is lost.
    ///
    /// # Errors
    /// [`ClusterError::Start`] when the supervisor is gone.
    pub fn crash(&mut self) -> Result<(), ClusterError> {
        self.tell_supervisor()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(|error| failed("stopping the server", error))?;
        if answer.trim() == "stopped" { Ok(()) } else { Err(failed("stopping the server", answer)) }
    }

    /// Starts the server again after [`Cluster::crash`], on the same port, and waits until it answers.
    ///
    /// # Errors
    /// [`ClusterError::Start`].
    pub fn recover(&mut self) -> Result<(), ClusterError> {
        self.tell_supervisor()?;
        wait_until_ready(&self.place)
    }

    fn tell_supervisor(&mut self) -> Result<(), ClusterError> {
        let lifeline = self.lifeline.as_mut().ok_or_else(|| failed("the supervisor", "it is gone"))?;
        lifeline.write_all(b"\n").map_err(|error| failed("the supervisor", error))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.lifeline = None;
        // Without a supervisor there is nothing left to wait for.
        let _ = self.supervisor.wait();
    }
}

/// The server of this run: the one that [`SERVER_VARIABLE`] names, or one cluster for this process.
pub(crate) async fn server_url() -> Result<String, ClusterError> {
    if let Some(named) = std::env::var(SERVER_VARIABLE).ok().filter(|named| !named.is_empty()) {
        return Ok(named);
    }
    static CLUSTER: OnceLock<Result<Cluster, ClusterError>> = OnceLock::new();
    let start = || match CLUSTER.get_or_init(Cluster::start) {
        Ok(cluster) => Ok(cluster.url.clone()),
        Err(ClusterError::NotInstalled) => Err(ClusterError::NotInstalled),
        Err(ClusterError::NoAccount) => Err(ClusterError::NoAccount),
        Err(ClusterError::Start { step, reason }) => {
            Err(ClusterError::Start { step, reason: reason.clone() })
        }
    };
    let starting = tokio::task::spawn_blocking(start).await;
    starting.unwrap_or_else(|error| Err(failed("the start", error)))
}

struct Account {
    user: u32,
    group: u32,
}

fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN_VERSIONS).ok()?;
    let mut folders: Vec<_> = versions
        .filter_map(|version| {
            let folder = version.ok()?.path();
            let number: u32 = folder.file_name()?.to_str()?.parse().ok()?;
            folder.join("bin/initdb").is_file().then_some((number, folder.join("bin")))
        })
        .collect();
    folders.sort();
    Some(folders.pop()?.1)
}

/// The account to run the server as, when it cannot be our own.
fn account() -> Result<Option<Account>, ClusterError> {
    let own = std::fs::metadata("/proc/self").map_err(|error| failed("asking who we are", error))?;
    if own.uid() != 0 {
        return Ok(None);
    }
    let accounts =
        std::fs::read_to_string("/etc/passwd").map_err(|error| failed("reading the accounts", error))?;
    accounts.lines().find_map(account_in).map(Some).ok_or(ClusterError::NoAccount)
}

fn account_in(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    let [SERVER_ACCOUNT, _, user, group, ..] = fields[..] else { return None };
    Some(Account { user: user.parse().ok()?, group: group.parse().ok()? })
}

fn make_folder(account: Option<&Account>) -> Result<PathBuf, ClusterError> {
    let step = "making a folder for the cluster";
    let folder = tempfile::Builder::new().prefix("caudal-postgres-").tempdir();
    let folder = folder.map_err(|error| failed(step, error))?.keep();
    if let Some(account) = account {
        std::os::unix::fs::chown(&folder, Some(account.user), Some(account.group))
            .map_err(|error| failed(step, error))?;
    }
    Ok(folder)
}

fn start_in(folder: &Path, binaries: &Path, account: Option<&Account>) -> Result<Cluster, ClusterError> {
    let command = |program: &Path| {
        let mut command = Command::new(program);
        command.current_dir(folder).env("LC_ALL", "C");
        if let Some(account) = account {
            command.uid(account.user).gid(account.group);
        }
        command
    };
    let made = command(&binaries.join("initdb"))
        .args([
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
            "--username=postgres",
            "--pgdata",
        ])
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed("initdb", error))?;
    if !made.status.success() {
        return Err(failed("initdb", String::from_utf8_lossy(&made.stderr)));
    }

    let port = free_port().map_err(|error| failed("finding a free port", error))?;
    let mut supervisor = command(Path::new("/bin/sh"))
        .args(["-c", SUPERVISOR, "sh"])
        .args([binaries, folder])
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Apart from a terminal's interrupt, or it would die before it has cleaned up.
        .process_group(0)
        .spawn()
        .map_err(|error| failed("the supervisor", error))?;
    let lifeline = supervisor.stdin.take();
    let answers = supervisor.stdout.take().ok_or_else(|| failed("the supervisor", "it has no output"))?;
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable");
    let place = Place { folder: folder.to_owned(), binaries: binaries.to_owned(), port };
    let cluster = Cluster { url, place, supervisor, lifeline, answers: BufReader::new(answers) };
    wait_until_ready(&cluster.place)?;
    Ok(cluster)
}

fn wait_until_ready(place: &Place) -> Result<(), ClusterError> {
    let started = Instant::now();
    loop {
        let ready = Command::new(place.binaries.join("pg_isready"))
            .args(["--quiet", "--host=127.0.0.1", "--port"])
            .arg(place.port.to_string())
            .status()
            .map_err(|error| failed("pg_isready", error))?;
        if ready.success() {
            return Ok(());
        }
        if started.elapsed() > START_TIMEOUT {
            let log = std::fs::read_to_string(place.folder.join("log")).unwrap_or_default();
            return Err(failed("the server", log));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn failed(step: &'static str, reason: impl ToString) -> ClusterError {
    ClusterError::Start { step, reason: reason.to_string().trim().to_owned() }
}
