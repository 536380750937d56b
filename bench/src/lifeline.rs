//! Processes that do not outlive this one, in whatever way it dies.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::Context;

/// Starts a program, tells its id, and ends it when standard input ends, which it does when the process that holds
/// its other end is gone. What the program says goes to standard error.
const HOLD: &str = r#"
signal=$1
shift
"$@" </dev/null >&2 &
program=$!
echo "$program"
read -r _
exec 2>/dev/null
kill -"$signal" "$program"
wait "$program"
"#;

/// Removes a folder when standard input ends, once those who write in it have had time to end too.
const SWEEP: &str = r#"
read -r _
sleep 2
rm -rf "$1"
"#;

/// A program that runs. Dropping it ends the program and waits for that.
pub struct Held {
    shell: Child,
    lifeline: Option<ChildStdin>,
    id: u32,
}

impl Held {
    /// Starts a program. `signal` is the name of the one that ends it.
    ///
    /// # Errors
    /// When there is no shell, or no such program.
    pub fn start(
        signal: &str,
        program: &Path,
        arguments: &[String],
        prepare: impl FnOnce(&mut Command),
    ) -> anyhow::Result<Held> {
        let mut command = shell(HOLD);
        command.arg(signal).arg(program).args(arguments).stdout(Stdio::piped());
        prepare(&mut command);
        let mut shell = command.spawn().context("/bin/sh cannot be started")?;
        let lifeline = shell.stdin.take();
        let mut line = String::new();
        let told = shell.stdout.take().context("the shell has no output")?;
        BufReader::new(told).read_line(&mut line)?;
        let id = line.trim().parse().with_context(|| format!("{} was not started", program.display()))?;
        Ok(Held { shell, lifeline, id })
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.id
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.lifeline = None;
        // A shell that is gone has nothing left to wait for.
        let _ = self.shell.wait();
    }
}

/// Has a folder removed should this process die before it can do so itself.
///
/// # Errors
/// When there is no shell.
pub fn sweep_after_us(folder: &Path) -> anyhow::Result<ChildStdin> {
    let mut command = shell(SWEEP);
    let mut shell = command.arg(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    shell.stdin.take().context("the shell has no input")
}

/// Apart from a terminal's interrupt, or it would die before it has cleaned up.
fn shell(script: &str) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "sh"]).stdin(Stdio::piped()).process_group(0);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_ends_with_its_lifeline() {
        let sleep = Path::new("sleep");
        let held = Held::start("TERM", sleep, &["1000".into()], |_| {}).expect("it starts");
        let proc = format!("/proc/{}", held.id());
        assert!(Path::new(&proc).exists());
        drop(held);
        assert!(!Path::new(&proc).exists());
    }
}
