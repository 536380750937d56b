//! `faults [--sample SEED | NAME…]`: plants each fault of faults.toml in turn and requires every test listed
//! with it to turn red; before that, the same tests must be green without a fault.
//!
//! The test programs are those of `cargo test --workspace`: after a test run nothing is compiled again.
//! Exit codes: 0 every fault was noticed, 1 findings, 2 wrong usage or list, 3 the tests cannot be run.
#![expect(clippy::print_stdout, reason = "a command's report is its output")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use serde_json::Value;
use testing::faults::{self, Fault};
use tokio::process::Command;

/// How long the tests of one fault may take in one program. A fault may turn a wait into a time-out, but
/// must not hang a test.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(300);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let chosen = match choose(root) {
        Ok(chosen) => chosen,
        Err(reason) => {
            eprintln!("{reason}");
            return ExitCode::from(2);
        }
    };
    let programs = match build(root).await {
        Ok(programs) => programs,
        Err(reason) => {
            eprintln!("{reason}");
            return ExitCode::from(3);
        }
    };
    match judge(&chosen, &programs).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("a test program cannot be run: {error}");
            ExitCode::from(3)
        }
    }
}

/// A test program that `cargo test` would run.
struct Program {
    package: String,
    folder: PathBuf,
    executable: PathBuf,
}

/// What became of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Green,
    Red,
}

fn choose(root: &Path) -> Result<Vec<Fault>, String> {
    let all = faults::read(root).map_err(|error| error.to_string())?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(all),
        ["--sample", seed] => Ok(faults::sample(&all, seed)),
        ["--sample", ..] => Err("usage: faults [--sample SEED | NAME…]".to_owned()),
        ref names => {
            if let Some(unknown) = names.iter().find(|name| all.iter().all(|fault| fault.name != **name)) {
                return Err(format!("faults.toml has no fault {unknown}"));
            }
            Ok(all.into_iter().filter(|fault| names.contains(&fault.name.as_str())).collect())
        }
    }
}

async fn build(root: &Path) -> Result<Vec<Program>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["test", "--workspace", "--locked", "--no-run", "--message-format=json-render-diagnostics"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .await
        .map_err(|error| format!("cargo: {error}"))?;
    if !built.status.success() {
        return Err("the tests do not compile".to_owned());
    }
    let messages = String::from_utf8_lossy(&built.stdout);
    Ok(messages.lines().filter_map(|line| program(&serde_json::from_str(line).ok()?)).collect())
}

fn program(message: &Value) -> Option<Program> {
    if message["profile"]["test"] != Value::Bool(true) {
        return None;
    }
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    // `path+file:///…/client#placetopay-client@0.1.0`, or `…/hub#0.1.0` where folder and package share a name.
    let identity = message["package_id"].as_str()?.rsplit_once('#')?.1;
    let package = match identity.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => folder.file_name()?.to_str()?.to_owned(),
    };
    Some(Program { package, folder, executable: PathBuf::from(message["executable"].as_str()?) })
}

/// Plants the faults one by one; returns the number of findings.
async fn judge(chosen: &[Fault], programs: &[Program]) -> std::io::Result<usize> {
    let mut findings = 0;
    let all: BTreeSet<(&str, &str)> = chosen.iter().flat_map(Fault::tests).collect();
    let control = run(None, &all, programs).await?;
    for test in all.iter().filter(|test| control.get(*test) != Some(&Colour::Green)) {
        println!("FAILED without a fault: {} {} is not green", test.0, test.1);
        findings += 1;
    }
    for fault in chosen {
        let tests: BTreeSet<(&str, &str)> = fault.tests().collect();
        let colours = run(Some(&fault.name), &tests, programs).await?;
        let blind: Vec<_> = tests.iter().filter(|test| colours.get(*test) != Some(&Colour::Red)).collect();
        for (package, test) in &blind {
            println!("FAILED {}: {package} {test} did not turn red", fault.name);
        }
        if blind.is_empty() {
            println!("{}: noticed by {} tests", fault.name, tests.len());
        }
        findings += blind.len();
    }
    println!("faults: {} planted, {findings} findings", chosen.len());
    Ok(findings)
}

/// Runs tests with a fault or without; a test that is missing, or did not finish, has no colour.
async fn run<'tests>(
    fault: Option<&str>,
    tests: &BTreeSet<(&'tests str, &'tests str)>,
    programs: &[Program],
) -> std::io::Result<BTreeMap<(&'tests str, &'tests str), Colour>> {
    let mut colours = BTreeMap::new();
    for program in programs {
        let names: Vec<&str> =
            tests.iter().filter(|(package, _)| *package == program.package).map(|(_, name)| *name).collect();
        if names.is_empty() {
            continue;
        }
        let mut command = Command::new(&program.executable);
        command
            .arg("--exact")
            .args(&names)
            .current_dir(&program.folder)
            .env("CARGO_MANIFEST_DIR", &program.folder)
            .env("CARGO_PKG_NAME", &program.package)
            // What a run with a fault shows is evidence of nothing.
            .env("CAUDAL_EVIDENCE_DIR", testing::evidence::directory().with_extension("faults"))
            .stderr(Stdio::null())
            .kill_on_drop(true);
        match fault {
            Some(fault) => command.env("CAUDAL_FAULT", fault),
            None => command.env_remove("CAUDAL_FAULT"),
        };
        let Ok(ended) = tokio::time::timeout(PROGRAM_TIMEOUT, command.output()).await else { continue };
        let told = String::from_utf8_lossy(&ended?.stdout).into_owned();
        for test in tests.iter().filter(|(package, _)| *package == program.package) {
            if let Some(colour) = told.lines().find_map(|line| colour_of(test.1, line)) {
                colours.insert(*test, colour);
            }
        }
    }
    Ok(colours)
}

/// Reads `test NAME ... ok`, `test NAME ... FAILED` and `test NAME - should panic ... ok`.
fn colour_of(test: &str, line: &str) -> Option<Colour> {
    let rest = line.strip_prefix("test ")?.strip_prefix(test)?;
    match rest.strip_prefix(" - should panic").unwrap_or(rest) {
        " ... ok" => Some(Colour::Green),
        " ... FAILED" => Some(Colour::Red),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tests_colour_is_read_from_its_own_line_only() {
        assert_eq!(colour_of("a::b", "test a::b ... ok"), Some(Colour::Green));
        assert_eq!(colour_of("a::b", "test a::b ... FAILED"), Some(Colour::Red));
        assert_eq!(colour_of("a::b", "test a::b_too ... ok"), None);
        assert_eq!(colour_of("a::b", "test a::b ... ignored"), None);
    }

    #[test]
    fn the_package_is_read_from_either_form_of_its_id() {
        let message = |id: &str| {
            serde_json::json!({
                "profile": { "test": true }, "package_id": id, "manifest_path": "/root/hub/Cargo.toml",
                "executable": "/target/hub-1",
            })
        };
        let package = |id: &str| program(&message(id)).map(|program| program.package);
        assert_eq!(package("path+file:///root/hub#0.1.0").as_deref(), Some("hub"));
        assert_eq!(package("path+file:///root/hub#the-hub@0.1.0").as_deref(), Some("the-hub"));
    }
}
