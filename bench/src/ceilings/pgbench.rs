//! Ceiling P: transaction A through `pgbench`, on the server that the hub uses.

use std::time::Duration;

use anyhow::Context;

use super::PAYLOAD;
use crate::postgres::Postgres;

/// The database of the ceilings, beside the hub's.
pub const DATABASE: &str = "ceilings";

const TABLES: &str = include_str!("postgres.sql");
const SINGLE: &str = include_str!("single.sql");
const BATCH: &str = include_str!("batch.sql");

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// One transaction A, in six statements.
    Single,
    /// 32 of them in one transaction of one statement.
    Batch,
}

impl Script {
    /// Transactions A in one transaction of the database.
    pub const fn pieces(self) -> u32 {
        match self {
            Self::Single => 1,
            Self::Batch => 32,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Single => SINGLE,
            Self::Batch => BATCH,
        }
    }
}

/// What `pgbench` said.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Outcome {
    per_second: f64,
    failed: u64,
}

/// Makes the tables with so many payments.
///
/// # Errors
/// What the server says.
pub fn prepare(postgres: &Postgres, rows: u64) -> anyhow::Result<()> {
    postgres.make_database(DATABASE, Some((TABLES, rows)))
}

/// Transactions A a second.
///
/// # Errors
/// What `pgbench` says, and when transactions failed.
pub fn run(
    postgres: &Postgres,
    script: Script,
    clients: u32,
    rows: u64,
    span: Duration,
) -> anyhow::Result<f64> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), script.text().replace("PAYLOAD", PAYLOAD))?;
    let arguments = [
        "--no-vacuum".into(),
        "--protocol=prepared".into(),
        format!("--file={}", file.path().display()),
        format!("--define=rows={rows}"),
        format!("--client={clients}"),
        "--jobs=2".into(),
        format!("--time={}", span.as_secs().max(1)),
    ];
    let told = postgres.program("pgbench", &postgres.url(DATABASE), &arguments)?;
    let outcome = read(&told).with_context(|| format!("pgbench said nothing of its rate: {told}"))?;
    anyhow::ensure!(outcome.failed == 0, "{} transactions of pgbench failed", outcome.failed);
    Ok(outcome.per_second * f64::from(script.pieces()))
}

fn read(told: &str) -> Option<Outcome> {
    let after = |begin: &str| told.lines().find_map(|line| line.trim().strip_prefix(begin));
    let per_second = after("tps = ")?.split(' ').next()?.parse().ok()?;
    let failed =
        after("number of failed transactions: ").and_then(|text| text.split(' ').next()?.parse().ok());
    Some(Outcome { per_second, failed: failed.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_prints() {
        let told = "pgbench (15.14)\ntransaction type: single.sql\nscaling factor: 1\nquery mode: prepared\n\
            number of clients: 8\nnumber of threads: 2\nmaximum number of tries: 1\nduration: 5 s\n\
            number of transactions actually processed: 45001\nnumber of failed transactions: 3 (0.007%)\n\
            latency average = 0.888 ms\ninitial connection time = 11.6 ms\n\
            tps = 9000.412345 (without initial connection time)\n";
        assert_eq!(read(told), Some(Outcome { per_second: 9000.412345, failed: 3 }));
        assert_eq!(read("pgbench: error: connection refused"), None);
        assert_eq!(read("tps = fast"), None);
    }

    #[test]
    fn the_scripts_store_the_payload_twice() {
        for script in [Script::Single, Script::Batch] {
            assert_eq!(script.text().matches("'PAYLOAD'").count(), 2, "{script:?}");
        }
        assert!(BATCH.contains("generate_series(1, 32)"));
    }
}
