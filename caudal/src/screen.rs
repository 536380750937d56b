//! What a person or a machine reads on standard output. Logs go to standard error instead.

use std::io::{IsTerminal, Write};

use serde::Serialize;

/// Writes one line. A reader that has gone away (`caudal … | head`) is no error of ours.
pub fn line(text: impl AsRef<str>) {
    let mut output = std::io::stdout().lock();
    // Where nobody reads there is nobody to tell.
    let _ = writeln!(output, "{}", text.as_ref());
    let _ = output.flush();
}

/// Writes a value as one line of JSON.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(text),
        Err(error) => tracing::error!(%error, "a report could not be written as JSON"),
    }
}

/// Writes one line about what went wrong to standard error.
pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "caudal: {text}");
}

/// Bold and colour, when a terminal shows them and `NO_COLOR` is not set.
#[derive(Clone, Copy)]
pub struct Paint {
    is_on: bool,
}

impl Paint {
    /// For standard output as it is.
    pub fn for_output() -> Self {
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_on: std::io::stdout().is_terminal() && !is_refused }
    }

    /// Stands out.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Good news.
    pub fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Bad news.
    pub fn bad(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// Beside the point.
    pub fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
