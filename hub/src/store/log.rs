//! SQLite's write-ahead log, carried over into the database file beside the writer.
//!
//! Left to itself SQLite does that within the commit that fills the log: whoever waits for that commit waits for two more
//! `fsync` and for a thousand pages. A connection of its own does it instead. A log that is never carried over to its end
//! only grows, because the writer goes on meanwhile: once it is long the writer's place is taken for the little that is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::Notify;

use super::lane::Lane;
use crate::fault::fault;

/// After so many rows the log is carried over, each of which changes a few pages: seldom is cheaper, and often is what nobody
/// waits for.
const ROWS: u64 = 5000;
/// What was written is carried over at the latest after this.
const AT_THE_LATEST: Duration = Duration::from_secs(5);
/// From so many pages on the log has to be carried over to its end: 64 MiB.
const LONG: i64 = 16_384;
/// How often that is tried with the writer kept away for a moment only.
const TRIES: usize = 4;
/// How long that moment is: enough to carry over what came last, and not to make it durable.
const MOMENT: Duration = Duration::from_millis(2);
/// From so many pages on SQLite does it itself after all: 256 MiB. Nobody else does it in a process that is not the hub.
pub(super) const BY_ITSELF: &str = "65536";
/// How large the log's file may stay once it begins anew, in bytes.
pub(super) const LARGEST_KEPT: &str = "67108864";

const CARRY_OVER: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The log, and how much was written since it was last carried over.
pub struct Log {
    rows: AtomicU64,
    is_due: Arc<Notify>,
    own: SqlitePool,
    writer: Lane<Sqlite>,
}

impl Log {
    /// Carries the log over on a connection of `own`, whenever there is enough of it, as long as there is a handle to it.
    pub(super) fn watch(own: SqlitePool, writer: Lane<Sqlite>) -> Arc<Self> {
        let is_due = Arc::<Notify>::default();
        let log = Arc::new(Self { rows: AtomicU64::new(0), is_due: Arc::clone(&is_due), own, writer });
        let watched = Arc::downgrade(&log);
        tokio::spawn(async move {
            loop {
                // Either is a reason to look.
                let _ = tokio::time::timeout(AT_THE_LATEST, is_due.notified()).await;
                let Some(log) = watched.upgrade().filter(|log| !log.own.is_closed()) else { return };
                if let Err(error) = log.carry_over().await {
                    tracing::debug!(%error, "the log was not carried over");
                }
            }
        });
        log
    }

    /// Notes that rows are about to be written.
    pub(super) fn note(&self, rows: usize) {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        if self.rows.fetch_add(rows, Ordering::Relaxed).saturating_add(rows) >= ROWS {
            self.is_due.notify_one();
        }
    }

    /// Carries the log over, unless nothing was written.
    async fn carry_over(&self) -> Result<(), sqlx::Error> {
        if self.rows.swap(0, Ordering::Relaxed) == 0 || fault!("let_the_log_grow") {
            return Ok(());
        }
        let mut own = self.own.acquire().await?;
        if carry_over_on(&mut own).await? < LONG {
            return Ok(());
        }
        for _ in 0..TRIES {
            // What was written meanwhile is little.
            carry_over_on(&mut own).await?;
            let turn = self.writer.connection().await?;
            let mut rest = std::pin::pin!(carry_over_on(&mut own));
            if let Ok(carried) = tokio::time::timeout(MOMENT, &mut rest).await {
                return carried.map(drop);
            }
            // The end was reached, and the file is made durable: that does not keep the writer from writing. The next time there
            // is little of that, too.
            drop(turn);
            rest.await?;
        }
        let _turn = self.writer.connection().await?;
        carry_over_on(&mut own).await?;
        Ok(())
    }

    /// Carries nothing over any more; what is under way ends first.
    pub(super) async fn close(&self) {
        self.own.close().await;
        self.is_due.notify_one();
    }
}

/// Carries over what nobody reads any more. Answers how many pages the log has.
async fn carry_over_on(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (_, pages, _): (i64, i64, i64) = sqlx::query_as(CARRY_OVER).fetch_one(connection).await?;
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::super::database::Store;
    use super::super::idempotency::{Key, KeyClaim};
    use payment::Timestamp;

    /// How long anything may take on a machine under load.
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

    #[tokio::test]
    async fn what_is_written_ahead_is_carried_over_while_the_hub_writes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("caudal.db");
        let store = Store::connect(&format!("sqlite:{}", file.display())).await.expect("a database");
        store.migrate().await.expect("a schema");
        let size = || std::fs::metadata(&file).expect("a file").len();
        let before = size();
        let mut written: u64 = 0;
        testing::until(PATIENCE, async || {
            let claims: Vec<KeyClaim> = (0..1000).map(|number| claim(written + number)).collect();
            let mut tx = store.begin_batch(0).await.expect("a transaction");
            tx.begin_payments(&claims.iter().collect::<Vec<_>>(), &[]).await.expect("claimed");
            tx.commit().await.expect("written");
            written += 1000;
            (size() > before).then_some(())
        })
        .await;
        assert!(written >= super::ROWS, "not before there is enough of it: {written} rows");
        store.close().await;
    }

    fn claim(number: u64) -> KeyClaim {
        KeyClaim {
            key: Key {
                merchant_id: "tienda".into(),
                route: "/prueba".into(),
                key: format!("llave-{number}"),
            },
            fingerprint: "huella".into(),
            claimed_at: Timestamp::UNIX_EPOCH,
            payment_id: None,
        }
    }
}
