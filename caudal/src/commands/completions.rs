//! `caudal completions`: a completion script for a shell.

use clap::CommandFactory;

use crate::command_line::CommandLine;
use crate::screen;

/// Prints the script.
pub fn run(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "caudal", &mut script);
    screen::line(String::from_utf8_lossy(&script));
}
