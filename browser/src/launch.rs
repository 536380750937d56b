//! Finding, starting and ending Chromium.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::connection::Connection;
use crate::{BrowserError, Page};

/// How long Chromium may take to answer its first command, which includes its start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a closing or killed Chromium may take to be gone, in steps of [`END_STEP`].
const END_STEPS: u32 = 100;
const END_STEP: Duration = Duration::from_millis(20);

/// How the browser is to behave.
#[derive(Debug, Clone)]
pub struct BrowserOptions {
    /// Whether the scripts of pages run.
    pub javascript: bool,
    /// The languages that pages are asked for, as in `Accept-Language`.
    pub languages: String,
    /// What the browser says it is, to servers and to scripts; its own name when `None`.
    pub user_agent: Option<String>,
    /// Width and height of the window, in CSS pixels.
    pub window: (u32, u32),
    /// How long one command may take.
    pub command_timeout: Duration,
    /// How long a page, an element or an address may be waited for.
    pub wait_timeout: Duration,
}

impl Default for BrowserOptions {
    /// JavaScript on, Colombian Spanish, a laptop's window, ten and fifteen seconds.
    fn default() -> BrowserOptions {
        BrowserOptions {
            javascript: true,
            languages: "es-CO,es".to_owned(),
            user_agent: None,
            window: (1280, 900),
            command_timeout: Duration::from_secs(10),
            wait_timeout: Duration::from_secs(15),
        }
    }
}

/// A running Chromium with a fresh profile of its own. It ends when this value is dropped, and also when
/// this process dies.
pub struct Browser {
    process: Process,
    connection: Arc<Connection>,
    options: BrowserOptions,
    version: String,
    tally: Arc<Tally>,
}

impl Browser {
    /// Starts Chromium: the program that `CAUDAL_CHROMIUM` names, or else the first of `chromium`,
    /// `chromium-browser`, `google-chrome` on `PATH`.
    ///
    /// # Errors
    /// [`BrowserError::NotInstalled`], [`BrowserError::Start`], and whatever stops the first command.
    pub async fn launch(options: BrowserOptions) -> Result<Browser, BrowserError> {
        let program = program()?;
        let start = |source| BrowserError::Start { program: program.clone(), source };
        let profile = tempfile::Builder::new().prefix("caudal-chromium-").tempdir().map_err(start)?;
        let mut child = command(&program, profile.path(), &options).spawn().map_err(start)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Process { child, profile: profile.keep() };
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(BrowserError::Gone { last_words: "it has no pipes".to_owned() });
        };
        let connection = Arc::new(Connection::new(input, output, errors, options.command_timeout));
        let version = first_answer(&connection).await?;
        Ok(Browser { process, connection, options, version, tally: Arc::default() })
    }

    /// The product and version that Chromium calls itself, such as `Chrome/156.0.8078.79`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How this browser was told to behave.
    pub fn options(&self) -> &BrowserOptions {
        &self.options
    }

    /// The id of its process, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.child.id()
    }

    /// The folder of its profile, which goes with the browser.
    pub fn profile(&self) -> &Path {
        &self.process.profile
    }

    /// Opens an empty page. All pages of a browser share one profile: cookies, cache.
    ///
    /// # Errors
    /// Whatever stops a command.
    pub async fn new_page(&self) -> Result<Page, BrowserError> {
        Page::open(Arc::clone(&self.connection), &self.options, Arc::clone(&self.tally)).await
    }

    /// How many documents its pages have shown so far, empty ones not counted.
    pub fn pages_visited(&self) -> usize {
        self.tally.pages.load(Ordering::Relaxed)
    }

    /// The screenshots its pages have written so far.
    pub fn screenshots(&self) -> Vec<PathBuf> {
        self.tally.screenshots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks Chromium to close and waits until it has; dropping the browser kills it instead.
    ///
    /// # Errors
    /// Whatever stops the command.
    pub async fn close(mut self) -> Result<(), BrowserError> {
        self.connection.call(None, "Browser.close", json!({})).await?;
        for _ in 0..END_STEPS {
            if matches!(self.process.child.try_wait(), Ok(Some(_))) {
                break;
            }
            tokio::time::sleep(END_STEP).await;
        }
        Ok(())
    }
}

/// What the pages of one browser have done together.
#[derive(Default)]
pub(crate) struct Tally {
    pages: AtomicUsize,
    screenshots: Mutex<Vec<PathBuf>>,
}

impl Tally {
    pub(crate) fn page_visited(&self) {
        self.pages.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn screenshot_written(&self, path: &Path) {
        self.screenshots.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
    }
}

/// The process and its profile folder, which goes after the process.
struct Process {
    child: Child,
    profile: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that has already ended cannot be killed, which is what is wanted.
        let _ = self.child.start_kill();
        for _ in 0..END_STEPS {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
            std::thread::sleep(END_STEP);
        }
        // Chromium's own children die a moment later and may still be writing.
        for _ in 0..END_STEPS {
            match std::fs::remove_dir_all(&self.profile) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => std::thread::sleep(END_STEP),
                Ok(()) | Err(_) => return,
            }
        }
    }
}

fn program() -> Result<PathBuf, BrowserError> {
    if let Some(named) = std::env::var_os("CAUDAL_CHROMIUM").filter(|named| !named.is_empty()) {
        return Ok(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut candidates =
        names.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    candidates.find(|candidate| candidate.is_file()).ok_or(BrowserError::NotInstalled)
}

/// Chromium talks DevTools on descriptors 3 and 4, which a shell can hand over and safe Rust cannot.
fn command(program: &Path, profile: &Path, options: &BrowserOptions) -> Command {
    let mut profile_flag = std::ffi::OsString::from("--user-data-dir=");
    profile_flag.push(profile);
    let (width, height) = options.window;
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null"#, "sh"])
        .arg(program)
        .args(["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-quic"])
        .args(["--no-first-run", "--disable-background-networking", "--disable-component-update"])
        .args(["--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars"])
        .arg(format!("--window-size={width},{height}"))
        .arg(format!("--accept-lang={}", options.languages))
        .arg(profile_flag)
        .arg("about:blank")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

async fn first_answer(connection: &Connection) -> Result<String, BrowserError> {
    let command = "Browser.getVersion";
    let asking = async {
        loop {
            match connection.call(None, command, json!({})).await {
                // A loaded machine may take longer to start Chromium than a command may take later.
                Err(BrowserError::NoAnswer { .. }) => {}
                outcome => return outcome,
            }
        }
    };
    let answer: Value = tokio::time::timeout(START_TIMEOUT, asking)
        .await
        .unwrap_or(Err(BrowserError::NoAnswer { command, limit: START_TIMEOUT }))?;
    let version =
        answer["product"].as_str().ok_or(BrowserError::Unexpected { command, member: "product" })?;
    Ok(version.to_owned())
}
