//! Caudal: the command line. It reads what is wanted, does it, and ends with an exit code that says how it went.

mod assembly;
mod clients;
mod command_line;
mod commands;
mod configuration;
mod failure;
mod keys;
mod logging;
mod ports;
mod postgres;
mod protection;
mod registry;
mod screen;
mod seeds;
mod shown;
mod signals;
mod stage;
mod tour;
mod walk;
mod web;

use std::process::ExitCode;
use std::time::Instant;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::command_line::{Command, CommandLine};
use crate::failure::Failure;

/// A fifth of a request's time was the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The variable that says how many threads serve; the runtime reads it.
const THREADS_SAID: &str = "TOKIO_WORKER_THREADS";

fn main() -> ExitCode {
    let started = Instant::now();
    let outcome = match CommandLine::try_parse() {
        Ok(wanted) => run(wanted, started),
        Err(error) => told_by_the_command_line(&error),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            screen::error(&failure.to_string());
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(wanted: CommandLine, started: Instant) -> Result<(), Failure> {
    protection::forbid_core_dumps()?;
    let is_demo = matches!(wanted.command, Command::Demo(_));
    logging::start(wanted.log_format, if is_demo { "error" } else { "info" })?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if std::env::var_os(THREADS_SAID).is_none() {
        runtime.worker_threads(threads());
    }
    let runtime = runtime.enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::environment(format!("no threads can be started: {error}")))?;
    runtime.block_on(Box::pin(dispatch(wanted.command, started)))
}

/// How many threads serve, where nobody says: one fewer than there are processors. What writes to the database has a thread of
/// its own, which everybody waits for, and which would else wait for them. With two processors SQLite takes a sixth more
/// payments so.
fn threads() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    processors.saturating_sub(1).max(1)
}

async fn dispatch(command: Command, started: Instant) -> Result<(), Failure> {
    match command {
        Command::Demo(options) => commands::demo::run(options, started).await,
        Command::Serve(options) => commands::serve::run(&options).await,
        Command::Work(options) => commands::work::run(&options).await,
        Command::Migrate(options) => commands::migrate::run(&options).await,
        Command::Sandbox(options) => commands::sandbox::run(&options).await,
        Command::Doctor(options) => commands::doctor::run(&options).await,
        Command::Backup(options) => commands::backup::run(&options).await,
        Command::Restore(options) => commands::restore::run(&options).await,
        Command::RotateKeys(options) => commands::rotate_keys::run(&options).await,
        Command::Completions { shell } => {
            commands::completions::run(shell);
            Ok(())
        }
    }
}

/// Help and version are what was asked for; everything else is told in one line.
fn told_by_the_command_line(error: &clap::Error) -> Result<(), Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            screen::line(error.render().to_string().trim_end());
            Ok(())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let commands = CommandLine::command();
            let names: Vec<_> = commands.get_subcommands().map(clap::Command::get_name).collect();
            Err(Failure::usage(format!("a command is missing: {} (see caudal --help)", names.join(", "))))
        }
        _ => {
            let text = error.render().to_string();
            let first =
                text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
            let first = first.strip_prefix("error: ").unwrap_or(&first).to_owned();
            Err(Failure::usage(format!("{first} (see caudal --help)")))
        }
    }
}
