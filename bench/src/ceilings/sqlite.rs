//! Ceiling S: transaction A on SQLite by one thread, made durable at every commit, without HTTP.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::PAYLOAD;

const TABLES: &str = include_str!("sqlite.sql");
const FILL: &str = include_str!("sqlite-fill.sql");
const INDEXES: &str = include_str!("sqlite-index.sql");

const KEEP_EVENT: &str = "INSERT INTO payment_event (payment_id, kind, provider_event_id, payload, created_at) \
     VALUES (?1, 'approved', ?2, ?3, ?4) ON CONFLICT DO NOTHING";
const READ: &str = "SELECT status, version, merchant_id FROM payment WHERE id = ?1";
const CHANGE: &str = "UPDATE payment SET status = ?2, version = version + 1, updated_at = ?3 WHERE id = ?1";
const TELL: &str = "INSERT INTO outbox (payment_id, merchant_id, topic, payload, created_at) \
     VALUES (?1, ?2, 'payment.approved', ?3, ?4)";

/// A database with transaction A's tables.
pub struct Sqlite {
    connection: Connection,
    rows: u64,
    chance: Chance,
}

impl Sqlite {
    /// Makes a database with so many payments at a path where there is none.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn prepare(path: &Path, rows: u64) -> anyhow::Result<Sqlite> {
        let connection = Connection::open(path)?;
        // As the hub opens it, but for a cache that is as large as the one that was found best.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -16_384)?;
        connection.execute_batch(TABLES)?;
        connection.execute(FILL, params![i64::try_from(rows)?])?;
        connection.execute_batch(INDEXES)?;
        connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
        Ok(Sqlite { connection, rows, chance: Chance(0x9e37_79b9_7f4a_7c15) })
    }

    /// Transactions A a second, `per_commit` of them in each transaction of the database.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn run(&mut self, per_commit: u32, span: Duration) -> anyhow::Result<f64> {
        let began = Instant::now();
        let mut done = 0_u64;
        while began.elapsed() < span {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for _ in 0..per_commit {
                apply(&transaction, self.rows, &mut self.chance)?;
            }
            transaction.commit()?;
            done += u64::from(per_commit);
        }
        Ok(done as f64 / began.elapsed().as_secs_f64())
    }
}

fn apply(connection: &Connection, rows: u64, chance: &mut Chance) -> anyhow::Result<()> {
    let id = i64::try_from(1 + chance.next() % rows)?;
    let event = [chance.next().to_be_bytes(), chance.next().to_be_bytes()].concat();
    let now = i64::try_from(chance.next() >> 16)?;
    let kept = connection.prepare_cached(KEEP_EVENT)?.execute(params![id, event, PAYLOAD, now])?;
    if kept == 0 {
        return Ok(());
    }
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(2)?));
    let found = connection.prepare_cached(READ)?.query_row(params![id], row).optional()?;
    let Some((status, merchant)) = found else { return Ok(()) };
    connection.prepare_cached(CHANGE)?.execute(params![id, 1 + (status + 1) % 3, now])?;
    connection.prepare_cached(TELL)?.execute(params![id, merchant, PAYLOAD, now])?;
    Ok(())
}

/// Marsaglia's xorshift: quick, even enough, and the same in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_writes_event_payment_and_message() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut sqlite = Sqlite::prepare(&folder.path().join("ceiling.db"), 50).expect("a database");
        for _ in 0..10 {
            apply(&sqlite.connection, sqlite.rows, &mut sqlite.chance).expect("applied");
        }
        let count = |table: &str, number: &str| -> i64 {
            let text = format!("SELECT {number} FROM {table}");
            sqlite.connection.query_row(&text, [], |row| row.get(0)).expect("a number")
        };
        assert_eq!((count("payment", "count(*)"), count("payment", "sum(version - 1)")), (50, 10));
        assert_eq!((count("payment_event", "count(*)"), count("outbox", "count(*)")), (10, 10));
        let full: i64 =
            sqlite.connection.pragma_query_value(None, "synchronous", |row| row.get(0)).expect("it");
        assert_eq!(full, 2, "a ceiling that is not durable is none");
    }
}
