//! `evidence check|write`: compares the evidence of a run with what the project promises, or writes the
//! coverage tables from it. The run's folder is the one that `CAUDAL_EVIDENCE_DIR` names.
//!
//! Exit codes: 0 all is well, 1 findings, 2 wrong usage, 3 no evidence to read.
#![expect(clippy::print_stdout, reason = "a command's report is its output")]

use std::path::Path;
use std::process::ExitCode;

use testing::checks::{self, Tables};
use testing::evidence;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tables = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check"] => Tables::Check,
        ["write"] => Tables::Write,
        _ => {
            eprintln!("usage: evidence check|write");
            return ExitCode::from(2);
        }
    };
    let folder = evidence::directory();
    let entries = match evidence::read(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            eprintln!("no evidence in {}: {error}", folder.display());
            return ExitCode::from(3);
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let report = checks::check(root, &entries, tables);
    for figure in &report.figures {
        println!("{figure}");
    }
    for finding in &report.findings {
        println!("FAILED {finding}");
    }
    if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
