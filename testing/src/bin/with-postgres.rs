//! `with-postgres COMMAND ARGUMENT…`: runs a command with one throwaway PostgreSQL cluster for all test
//! programs it starts, and ends as the command ends.
//!
//! Exit codes: the command's own, 2 wrong usage, 3 no cluster or no such command.

use std::process::{Command, ExitCode};

use testing::Cluster;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("usage: with-postgres COMMAND ARGUMENT…");
        return ExitCode::from(2);
    };
    let cluster = match Cluster::start() {
        Ok(cluster) => cluster,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(3);
        }
    };
    let ended = Command::new(&program).args(words).env(testing::SERVER_VARIABLE, cluster.url()).status();
    match ended {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1).into(),
        Err(error) => {
            eprintln!("{}: {error}", program.display());
            ExitCode::from(3)
        }
    }
}
