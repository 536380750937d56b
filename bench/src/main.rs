//! Measures the hub beside the ceilings of the machine it runs on. What the figures mean stands in
//! `docs/performance.md`.

mod ceilings;
mod companion;
mod goals;
mod histogram;
mod hub;
mod lifeline;
mod load;
mod machine;
mod postgres;
mod processor;
mod provider;
mod report;
mod rounds;
mod web;
mod works;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};

use crate::goals::MEASURED;
use crate::machine::{Machine, Tree};
use crate::report::{Report, print_line};
use crate::rounds::{Course, FULL, QUICK};

/// Measure the hub beside the ceilings of this machine, on PostgreSQL and SQLite, in five minutes.
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 every gate is passed, 1 one is not or was not measured, 2 a flag is wrong, \
    3 it could not be measured.\nThe databases lie in TMPDIR: the disk there is what is measured."
)]
struct CommandLine {
    /// One second a figure and small tables: to see whether it works. Nothing is kept.
    #[arg(long)]
    quick: bool,

    /// Only these goals, as in 1,2. Nothing is kept.
    #[arg(long, value_delimiter = ',', value_parser = goal)]
    only: Vec<u8>,

    /// Measure this program instead of building the one of this tree.
    #[arg(long, value_name = "PROGRAM")]
    hub: Option<PathBuf>,

    /// Keep the figures in this file; without it, a whole run of a release build is kept in results/.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Part>,
}

/// What this program runs itself as.
#[derive(Debug, Subcommand)]
enum Part {
    /// Provider, inbox and yardsticks, for one run.
    #[command(name = companion::COMMAND, hide = true)]
    Companion {
        /// Where to listen.
        address: SocketAddr,
        /// The ceilings' database.
        url: Option<String>,
        /// Payments in it.
        rows: Option<u64>,
    },
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let outcome = match &line.command {
        Some(Part::Companion { address, url, rows }) => {
            companion::serve(*address, url.clone().zip(*rows)).map(|()| true)
        }
        None => measure(&line),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::from(3)
        }
    }
}

fn measure(line: &CommandLine) -> anyhow::Result<bool> {
    let program = hub::program(line.hub.clone())?;
    let began = Instant::now();
    let spans = if line.quick { QUICK } else { FULL };
    let place = tempfile::Builder::new().prefix("caudal-bench-").tempdir()?;
    // The database's server may have an account of its own, which has to get through.
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o711))?;
    let _sweeper = lifeline::sweep_after_us(place.path())?;
    let report = Report {
        date: machine::today().to_string(),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        tree: Tree::look(),
        machine: Machine::look(place.path())?,
        ceilings: BTreeMap::new(),
        rows: Vec::new(),
        left_out: Vec::new(),
        seconds: 0.0,
    };
    print_line(&report.heading());
    let goals = if line.only.is_empty() { MEASURED.into() } else { line.only.iter().copied().collect() };
    let mut course = Course {
        spans,
        goals,
        shows_lives: line.only.is_empty(),
        program,
        place: place.path().to_owned(),
        began,
        repetitions: spans.repetitions,
        yardstick_us: None,
        report,
    };
    rounds::run(&mut course)?;
    let mut report = course.report;
    report.seconds = began.elapsed().as_secs_f64();
    print_line(&report.ending());
    if let Some(path) = line.kept_in(&report) {
        report.write(&path)?;
        print_line(&format!("kept in {}", path.display()));
    }
    Ok(report.passes())
}

impl CommandLine {
    /// Where the figures are kept. A part of them, or those of a build for development, must not pass for a
    /// whole run.
    fn kept_in(&self, report: &Report) -> Option<PathBuf> {
        let is_whole = !self.quick && self.only.is_empty() && report.profile == "release";
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results");
        let usual = is_whole.then(|| results.join(&report.date).with_extension("json"));
        self.output.clone().or(usual)
    }
}

fn goal(text: &str) -> Result<u8, String> {
    let known = MEASURED.map(|goal| goal.to_string()).join(", ");
    let goal = text.trim().parse().ok().filter(|goal| MEASURED.contains(goal));
    goal.ok_or_else(|| format!("the goals that are measured are {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_knows_its_goals() {
        use clap::CommandFactory;
        CommandLine::command().debug_assert();
        let line = CommandLine::try_parse_from(["bench", "--only", "1,2", "--quick"]).expect("sound");
        assert_eq!(line.only, [1, 2]);
        for wrong in [&["bench", "--only", "3"][..], &["bench", "--only", "x"], &["bench", "--fast"]] {
            assert!(CommandLine::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }
}
