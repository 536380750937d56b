//! PostgreSQL's own programs: `pg_dump` and `pg_restore`.

use std::path::Path;
use std::process::{Output, Stdio};

use tokio::process::Command;
use url::Url;

use crate::failure::Failure;

/// A parameter of our driver that PostgreSQL's library does not know.
const OWN_PARAMETER: &str = "statement-cache-capacity";
/// Where a schema's version stands in a dump.
const VERSIONS: &str = "_sqlx_migrations";

/// Writes the whole database as it stands at one instant, while others read and write.
///
/// # Errors
/// [`Failure::Environment`] when the program is not installed or fails.
pub async fn dump(address: &str, file: &Path) -> Result<(), Failure> {
    let mut command = reaching("pg_dump", address)?;
    command.args(["--format=custom", "--no-owner", "--no-privileges"]).arg("--file").arg(file);
    run("pg_dump", command).await.map(drop)
}

/// Fills an empty database, wholly or not at all.
///
/// # Errors
/// [`Failure::Environment`] when the program is not installed or fails.
pub async fn restore(address: &str, file: &Path) -> Result<(), Failure> {
    let mut command = reaching("pg_restore", address)?;
    command.args(["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]).arg(file);
    run("pg_restore", command).await.map(drop)
}

/// The newest migration that a dump has seen; 0 for one that is none of ours.
///
/// # Errors
/// [`Failure::Environment`] when the program is not installed or the dump cannot be read.
pub async fn schema_in(file: &Path) -> Result<i64, Failure> {
    let mut command = Command::new("pg_restore");
    command.args(["--data-only", "--table", VERSIONS, "--file=-"]).arg(file);
    let output = run("pg_restore", command).await?;
    Ok(newest_version(&String::from_utf8_lossy(&output.stdout)))
}

/// The largest first column of the rows that are copied into the table of migrations.
fn newest_version(sql: &str) -> i64 {
    let begins = |line: &&str| line.starts_with("COPY ") && line.contains(VERSIONS);
    let rows = sql.lines().skip_while(|line| !begins(line)).skip(1).take_while(|line| *line != "\\.");
    rows.filter_map(|row| row.split('\t').next()?.parse().ok()).max().unwrap_or(0)
}

/// A program told which database to take. The password goes by the environment: everybody may read a command line.
fn reaching(program: &str, address: &str) -> Result<Command, Failure> {
    let (address, password) = parted(address)?;
    let mut command = Command::new(program);
    command.arg("--dbname").arg(address.as_str()).arg("--no-password");
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    Ok(command)
}

/// An address without its password and without what only our driver knows, and the password.
fn parted(address: &str) -> Result<(Url, Option<String>), Failure> {
    let unreadable = || Failure::usage("database.url: expected postgres://USER@HOST/DATABASE");
    let mut url = Url::parse(address).map_err(|_| unreadable())?;
    let password = url.password().map(decoded);
    url.set_password(None).map_err(|()| unreadable())?;
    let parameters: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != OWN_PARAMETER)
        .map(|(n, v)| (n.into(), v.into()))
        .collect();
    url.set_query(None);
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters);
    }
    Ok((url, password))
}

/// Percent signs back to what they stand for.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        if let Some(value) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            plain.push(value);
            at += 3;
        } else {
            plain.push(*byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

async fn run(program: &str, mut command: Command) -> Result<Output, Failure> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|error| {
        Failure::environment(format!(
            "{program} cannot be run ({error}): install PostgreSQL's client programs, of the server's version or newer"
        ))
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Failure::environment(format!("{program} failed ({said}): cure what it names, and try again")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_never_stands_on_a_command_line() {
        let address = "postgres://u:p%40ss@h:5433/d?sslmode=disable&statement-cache-capacity=0";
        let (url, password) = parted(address).expect("an address");
        assert_eq!(url.as_str(), "postgres://u@h:5433/d?sslmode=disable");
        assert_eq!(password.as_deref(), Some("p@ss"));
        let (url, password) = parted("postgresql://u@h/d").expect("an address");
        assert_eq!((url.as_str(), password), ("postgresql://u@h/d", None));
    }

    #[test]
    fn the_version_of_a_dump_is_its_newest_migration() {
        let dump = "SET x = 1;\nCOPY public._sqlx_migrations (version, description) FROM stdin;\n\
                    1\tbegin\n12\tmore\n\\.\n\n99\tnot a row\n";
        assert_eq!(newest_version(dump), 12);
        assert_eq!(newest_version("SET x = 1;\n"), 0);
    }
}
