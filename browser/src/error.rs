//! Why driving the browser failed.

use std::path::PathBuf;
use std::time::Duration;

/// Why driving the browser failed. Every wait is bounded, so a page that never comes is an error too.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// No Chromium was found on `PATH`, and `CAUDAL_CHROMIUM` names none.
    #[error("no Chromium: neither CAUDAL_CHROMIUM nor chromium, chromium-browser or google-chrome on PATH")]
    NotInstalled,
    /// The program could not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program that was to run.
        program: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Chromium ended, or closed its side of the pipe.
    #[error("Chromium has gone; its last words: {last_words}")]
    Gone {
        /// The end of what it wrote to its standard error.
        last_words: String,
    },
    /// A command was not answered in time.
    #[error("{command} was not answered within {limit:?}")]
    NoAnswer {
        /// The DevTools method.
        command: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// Chromium refused a command.
    #[error("{command} was refused: {message}")]
    Refused {
        /// The DevTools method.
        command: &'static str,
        /// Chromium's own words.
        message: String,
    },
    /// A command was answered without a member that belongs there.
    #[error("the answer to {command} has no {member}")]
    Unexpected {
        /// The DevTools method.
        command: &'static str,
        /// What was looked for.
        member: &'static str,
    },
    /// A page could not be opened at all (name not resolved, connection refused).
    #[error("cannot open {url}: {reason}")]
    Navigation {
        /// The address.
        url: String,
        /// Chromium's own words, such as `net::ERR_CONNECTION_REFUSED`.
        reason: String,
    },
    /// What was waited for did not come.
    #[error("waited {limit:?} in vain for {what}; the page is {url}")]
    Waited {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// The address of the page by then.
        url: String,
    },
    /// An element has no place on the page: hidden, of no size, or gone.
    #[error("{selector} has no place on the page: {reason}")]
    NotVisible {
        /// The CSS selector.
        selector: String,
        /// Chromium's own words.
        reason: String,
    },
    /// A `select` has no enabled option of that value, or did not take it.
    #[error("{selector} cannot be set to {value:?}")]
    NoSuchOption {
        /// The CSS selector of the `select`.
        selector: String,
        /// The `value` that was wanted.
        value: String,
    },
    /// A screenshot could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}
