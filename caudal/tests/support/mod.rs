//! Running the program as a person or a supervisor would.
#![allow(dead_code, reason = "each test program uses a part of this")]

pub mod business;
pub mod demo;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A master key for tests, plainly invented.
pub const MASTER_KEY: &str = "8c1f0a93b5e24d6f8a0b1c2d3e4f50617c1f0a93b5e24d6f8a0b1c2d3e4f5a6b";

/// How long a command that ends by itself may take, on a machine under load.
const RUN_PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// A directory with a configuration in it.
pub struct Place {
    folder: tempfile::TempDir,
}

/// How a run ended.
pub struct Ended {
    pub code: Option<i32>,
    pub output: String,
    pub errors: String,
}

impl Place {
    /// A directory of its own with a `caudal.toml`.
    pub fn with(configuration: &str) -> Place {
        let folder = tempfile::Builder::new().prefix("caudal-place-").tempdir().expect("a folder");
        std::fs::write(folder.path().join("caudal.toml"), configuration).expect("written");
        Place { folder }
    }

    /// A sound configuration: master key in a file, SQLite beside it, a free port.
    pub fn sound(more: &str) -> Place {
        let place = Place::with(&format!(
            "[hub]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"sqlite:caudal.db\"\n\
             [keys]\nmaster_key_file = \"master.key\"\n{more}"
        ));
        place.write("master.key", MASTER_KEY, 0o600);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.path(name), text).expect("written");
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).expect("a mode");
    }

    /// The program in this directory, without the settings of whoever runs the tests.
    pub fn command(&self, arguments: &[&str]) -> Command {
        command_in(self.folder.path(), arguments)
    }

    /// Runs to the end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::after(self.command(arguments))
    }

    /// Runs with one more variable.
    pub fn run_with(&self, variable: &str, value: &str, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        command.env(variable, value);
        Ended::after(command)
    }
}

impl Ended {
    /// Runs to the end. One that goes on, such as a hub that serves what it should have refused, is ended and has no
    /// exit code.
    pub fn after(mut command: Command) -> Ended {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        let id = child.id().to_string();
        let (ended, waiting) = std::sync::mpsc::channel::<()>();
        let watching = std::thread::spawn(move || {
            if waiting.recv_timeout(RUN_PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                // It may have ended just now.
                let _ = Command::new("kill").args(["-9", &id]).status();
            }
        });
        let output = child.wait_with_output().expect("it ends");
        drop(ended);
        watching.join().expect("nobody panics");
        Ended::of(output)
    }

    pub fn of(output: Output) -> Ended {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Ended { code: output.status.code(), output: text(output.stdout), errors: text(output.stderr) }
    }

    /// Asserts the exit code, and that standard error is one line that holds all these words.
    #[track_caller]
    pub fn fails_with(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}{}", self.output, self.errors);
        // A log may come before; what the program says of its end is the last line.
        let said: Vec<&str> = self.errors.lines().filter(|line| line.starts_with("caudal: ")).collect();
        let [line] = said[..] else { panic!("not one line: {}", self.errors) };
        assert_eq!(self.errors.lines().last(), Some(line), "{}", self.errors);
        for word in words {
            assert!(line.contains(word), "{word:?} is not in {line}");
        }
    }

    #[track_caller]
    pub fn succeeds(&self) -> &str {
        assert_eq!(self.code, Some(0), "{}{}", self.output, self.errors);
        &self.output
    }
}

fn command_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caudal"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CAUDAL_")) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env("NO_COLOR", "1");
    // Nothing in front follows `/readyz`.
    command.env("CAUDAL_HUB__DRAIN_MS", "0");
    command
}

/// A program that goes on running. It is killed when this value is dropped.
pub struct Running {
    pub child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    pub fn start(command: Command) -> Running {
        Running::start_logging_to(command, Stdio::piped())
    }

    /// Starts it with its standard error elsewhere than in what [`Running::terminate`] answers.
    pub fn start_logging_to(mut command: Command, log: Stdio) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Running { child, lines }
    }

    /// The next line of standard output.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("text");
        line
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(mut self) -> Ended {
        use std::io::Read;
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
        let mut output = String::new();
        self.lines.read_to_string(&mut output).expect("text");
        let mut errors = String::new();
        if let Some(mut pipe) = self.child.stderr.take() {
            pipe.read_to_string(&mut errors).expect("text");
        }
        let code = self.child.wait().expect("it ends").code();
        Ended { code, output, errors }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
