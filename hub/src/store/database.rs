//! The switch between SQLite and PostgreSQL: connections, transactions, migrations, errors.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};
use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection};

use super::direct::{Direct, DirectLane};
use super::lane::{Lane, Open, acquire};
use super::log::{self, Log};
use crate::fault::fault;

/// How SQLite says that it refuses everything, without its extension: busy, no memory, read-only, input or output,
/// full, cannot open.
const SQLITE_OUTAGES: [i32; 6] = [5, 7, 8, 10, 13, 14];
/// The same of PostgreSQL: it goes down or comes up, or has no room left (disk, memory, connections).
const POSTGRES_OUTAGES: [&str; 6] = ["57P01", "57P02", "57P03", "53100", "53200", "53300"];

/// How long a caller waits for a free connection before it is told that the hub is busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long SQLite waits for another process that writes.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Readers beside the one writer of SQLite.
const SQLITE_READERS: u32 = 4;
/// Statements that a connection keeps prepared: more than the product has, the sizes of sets counted apart.
pub(super) const STATEMENTS: usize = 512;
/// What every connection to a file of SQLite is told. A small cache, in KiB, is quicker than a large one, since the system's
/// own does the work.
pub(super) const SQLITE_SETTINGS: [(&str, &str); 5] = [
    ("synchronous", "FULL"),
    ("cache_size", "-16000"),
    ("foreign_keys", "ON"),
    ("wal_autocheckpoint", log::BY_ITSELF),
    ("journal_size_limit", log::LARGEST_KEPT),
];
/// How long PostgreSQL lets a transaction wait for its process. One that freezes amid a transaction would
/// hold its locks against all others until it wakes.
const IDLE_IN_TRANSACTION: &str = "10s";
/// Connections to PostgreSQL per process beside those that write batches.
const POSTGRES_CONNECTIONS: u32 = 14;
/// Connections to PostgreSQL per process that write batches: one leaves a processor idle, more than two get into each
/// other's way.
const POSTGRES_WRITERS: u32 = 2;
/// What PostgreSQL is told about every connection. Nothing here is worth compiling.
const POSTGRES_SETTINGS: [(&str, &str); 1] = [("jit", "off")];
/// What it is told about those that write batches. Their statements are few, and look up each row by a key: planned once,
/// perhaps over tables that are still empty, they must not go through tables that have grown since.
const POSTGRES_WRITER_SETTINGS: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

/// How the databases say that the disk is full: SQLite's SQLITE_FULL and SQLITE_IOERR_SHMSIZE, PostgreSQL's disk_full.
const NO_ROOM: [&str; 3] = ["13", "4874", "53100"];

/// The address of a database that is in memory and nowhere else: for tests alone.
pub const IN_MEMORY: &str = "sqlite::memory:";

/// SQLite takes its one writer's place at once, rather than at the first change.
const BEGIN_SQLITE: &str = "BEGIN IMMEDIATE";
const BEGIN_POSTGRES: &str = "BEGIN";

/// One step of the schema, for both databases. Forward only: a step that has been released never changes.
struct SchemaStep {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const SCHEMA: [SchemaStep; 1] = [SchemaStep {
    version: 1,
    name: "begin",
    sqlite: include_str!("../../migrations/sqlite/0001_begin.sql"),
    postgres: include_str!("../../migrations/postgres/0001_begin.sql"),
}];

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address names no database that we know.
    #[error("not a database address: begin with sqlite: or postgres:")]
    UnknownAddress,
    /// A query failed.
    #[error("database: {0}")]
    Query(#[from] sqlx::Error),
    /// A set failed on SQLite.
    #[error("database: {0}")]
    Set(#[from] rusqlite::Error),
    /// A statement was to run within a batch that is none of its sets.
    #[error("a batch is made of sets alone")]
    SetsAlone,
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A record cannot be read back.
    #[error("a record of {0} cannot be read back")]
    Corrupt(&'static str),
    /// More waits to be written than will be in good time. Nothing was written.
    #[error("more waits to be written than will be in good time")]
    Busy,
    /// What was to be written together failed together.
    #[error(transparent)]
    Together(Arc<StoreError>),
}

impl StoreError {
    /// Whether the database has no room left for what was to be written.
    pub fn is_full(&self) -> bool {
        self.database_code().is_some_and(|code| NO_ROOM.contains(&code.as_str()))
    }

    /// Whether it had no time for this one: nothing was written.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Busy | Self::Query(sqlx::Error::PoolTimedOut) => true,
            Self::Together(error) => error.is_busy(),
            Self::Query(_)
            | Self::Set(_)
            | Self::SetsAlone
            | Self::UnknownAddress
            | Self::Migration(_)
            | Self::Corrupt(_) => false,
        }
    }

    /// Whether the database is out of reach or refuses everything, rather than one statement of one operation.
    pub fn is_outage(&self) -> bool {
        if let Some(code) = self.database_code() {
            // Codes of PostgreSQL have five characters, those of SQLite at most four digits.
            let of_sqlite = code.parse::<i32>().ok().filter(|_| code.len() < 5).map(|code| code & 0xff);
            return of_sqlite.is_some_and(|code| SQLITE_OUTAGES.contains(&code))
                || POSTGRES_OUTAGES.contains(&code.as_str());
        }
        match self {
            Self::UnknownAddress | Self::Migration(_) | Self::Corrupt(_) | Self::Set(_) | Self::SetsAlone => {
                false
            }
            Self::Query(sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. }) => false,
            Self::Query(_) | Self::Busy => true,
            Self::Together(error) => error.is_outage(),
        }
    }

    fn database_code(&self) -> Option<String> {
        match self {
            Self::Query(sqlx::Error::Database(error)) => error.code().map(std::borrow::Cow::into_owned),
            Self::Set(error) => error.sqlite_error().map(|error| error.extended_code.to_string()),
            Self::Together(error) => error.database_code(),
            Self::Query(_)
            | Self::SetsAlone
            | Self::UnknownAddress
            | Self::Migration(_)
            | Self::Corrupt(_)
            | Self::Busy => None,
        }
    }
}

/// The database. Cloning gives another handle to the same connections.
#[derive(Clone)]
pub struct Store {
    database: Database,
}

#[derive(Clone)]
enum Database {
    /// One writer, and readers beside it.
    Sqlite { writer: Lane<Sqlite>, readers: SqlitePool, file: Option<OfFile> },
    /// A pool for everything, and a connection for each that writes batches.
    Postgres { pool: PgPool, writers: Vec<Lane<Postgres>> },
}

/// What a database of SQLite has that is in a file.
#[derive(Clone)]
struct OfFile {
    /// The writer of batches.
    batches: DirectLane,
    /// What carries over the log of what is written.
    log: Arc<Log>,
}

/// A write transaction. Dropped without [`Tx::commit`], nothing happened.
pub enum Tx {
    /// SQLite's one writer.
    Sqlite(Open<Sqlite>),
    /// SQLite's one writer, for a batch: it takes sets alone.
    Direct(Direct, Arc<Log>),
    /// PostgreSQL.
    Postgres(Open<Postgres>),
}

/// A connection for reading.
pub(super) enum Reader {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// What queries run on: the inside of a transaction or of a reader.
pub(super) enum Link<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

/// Evaluates one expression for either database.
macro_rules! on {
    ($link:expr, $connection:ident => $body:expr) => {
        match $link {
            $crate::store::database::Link::Sqlite($connection) => $body,
            $crate::store::database::Link::Postgres($connection) => $body,
        }
    };
}
pub(super) use on;

impl Store {
    /// Connects to `sqlite:PATH` or `postgres:…`, or for tests to [`IN_MEMORY`].
    pub async fn connect(address: &str) -> Result<Self, StoreError> {
        let database = if address == IN_MEMORY {
            connect_memory().await?
        } else if address.starts_with("sqlite:") {
            connect_sqlite(address).await?
        } else if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            connect_postgres(address).await?
        } else {
            return Err(StoreError::UnknownAddress);
        };
        Ok(Self { database })
    }

    /// Brings the schema up to date. Forward only; refuses a database from a newer version.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.database {
            Database::Sqlite { writer, .. } => {
                migrator(|step| step.sqlite).run(&mut *writer.connection().await?).await?;
            }
            Database::Postgres { pool, .. } => migrator(|step| step.postgres).run(pool).await?,
        }
        Ok(())
    }

    /// The number of the newest migration that this program knows.
    pub fn newest_schema() -> i64 {
        SCHEMA.iter().map(|step| step.version).max().unwrap_or(0)
    }

    /// The number of the newest migration that the database has seen; 0 for an empty one.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        const TABLE_SQLITE: &str = "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
        const TABLE_POSTGRES: &str = "SELECT COUNT(*) FROM pg_tables WHERE tablename = '_sqlx_migrations' AND schemaname = current_schema()";
        const VERSION: &str = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations WHERE success";
        let mut reader = self.read().await?;
        let tables: i64 = match reader.link() {
            Link::Sqlite(connection) => sqlx::query_scalar(TABLE_SQLITE).fetch_one(connection).await?,
            Link::Postgres(connection) => sqlx::query_scalar(TABLE_POSTGRES).fetch_one(connection).await?,
        };
        if tables == 0 {
            return Ok(0);
        }
        Ok(on!(reader.link(), connection => sqlx::query_scalar(VERSION).fetch_one(connection).await?))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut reader = self.read().await?;
        let _: i64 = on!(reader.link(), connection => sqlx::query_scalar("SELECT CAST(1 AS BIGINT)").fetch_one(connection).await?);
        Ok(())
    }

    /// Finds out whether the database takes what is written: SQLite opens a file that it may only read without a word,
    /// and PostgreSQL a standby. Changes nothing.
    pub async fn try_writing(&self) -> Result<(), StoreError> {
        const NOTHING: &str = "DELETE FROM _sqlx_migrations WHERE version < 0";
        let mut tx = self.begin().await?;
        on!(tx.link()?, connection => {
            sqlx::query(NOTHING).execute(connection).await?;
        });
        Ok(())
    }

    /// Begins a write transaction. On SQLite it waits for the one writer.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        #[cfg(feature = "faults")]
        crate::crash::rehearsal::stop_the_dead();
        Ok(match &self.database {
            Database::Sqlite { writer, file, .. } => {
                let begun = writer.begin(BEGIN_SQLITE).await?;
                file.iter().for_each(|file| file.log.note(1));
                Tx::Sqlite(begun)
            }
            Database::Postgres { pool, .. } => Tx::Postgres(Open::pooled(pool, BEGIN_POSTGRES).await?),
        })
    }

    /// Begins a transaction of one of the [`Store::writers`], on the connection that is its own.
    pub(crate) async fn begin_batch(&self, writer: usize) -> Result<Tx, StoreError> {
        #[cfg(feature = "faults")]
        crate::crash::rehearsal::stop_the_dead();
        match &self.database {
            Database::Sqlite { writer, file: Some(OfFile { batches, log }), .. } => {
                Ok(Tx::Direct(batches.begin(writer.connection().await?).await?, Arc::clone(log)))
            }
            Database::Postgres { writers, .. } if writer < writers.len() => {
                Ok(Tx::Postgres(writers[writer].begin(BEGIN_POSTGRES).await?))
            }
            Database::Sqlite { .. } | Database::Postgres { .. } => self.begin().await,
        }
    }

    /// Whether it takes a transaction of its own kind in one statement: new payments, and what was foreseen of them.
    pub(crate) const fn writes_at_once(&self) -> bool {
        matches!(&self.database, Database::Postgres { .. })
    }

    /// The connection of one of the [`Store::writers`] of PostgreSQL.
    pub(super) fn lane_of(&self, writer: usize) -> Option<&Lane<Postgres>> {
        match &self.database {
            Database::Postgres { writers, .. } => writers.get(writer),
            Database::Sqlite { .. } => None,
        }
    }

    pub(super) async fn read(&self) -> Result<Reader, StoreError> {
        #[cfg(feature = "faults")]
        crate::crash::rehearsal::stop_the_dead();
        Ok(match &self.database {
            Database::Sqlite { readers, .. } => Reader::Sqlite(acquire(readers).await?),
            Database::Postgres { pool, .. } => Reader::Postgres(acquire(pool).await?),
        })
    }

    /// How many may write batches side by side: SQLite has one writer, PostgreSQL is quickest with two a process.
    pub const fn writers(&self) -> usize {
        match &self.database {
            Database::Sqlite { .. } => 1,
            Database::Postgres { writers, .. } => writers.len(),
        }
    }

    /// Whether it is in this process's memory and nowhere else.
    pub const fn is_in_memory(&self) -> bool {
        matches!(&self.database, Database::Sqlite { file: None, .. })
    }

    /// Closes all connections; what is under way ends first.
    pub async fn close(&self) {
        match &self.database {
            Database::Sqlite { writer, readers, file } => {
                readers.close().await;
                if let Some(OfFile { batches, log }) = file {
                    batches.close().await;
                    log.close().await;
                }
                writer.close().await;
            }
            Database::Postgres { pool, writers } => {
                for writer in writers {
                    writer.close().await;
                }
                pool.close().await;
            }
        }
    }
}

impl Tx {
    /// Makes everything durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(open) => open.commit().await?,
            Self::Direct(direct, _) => direct.commit()?,
            Self::Postgres(open) => open.commit().await?,
        }
        Ok(())
    }

    /// Notes how many rows it writes.
    pub(super) fn note_rows(&self, rows: usize) {
        if let Self::Direct(_, log) = self {
            log.note(rows);
        }
    }

    /// Whether it is one of PostgreSQL.
    pub(super) const fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// What statements other than sets run on.
    pub(super) fn link(&mut self) -> Result<Link<'_>, StoreError> {
        match self {
            Self::Sqlite(open) => Ok(Link::Sqlite(open)),
            Self::Postgres(open) => Ok(Link::Postgres(open)),
            Self::Direct(..) => Err(StoreError::SetsAlone),
        }
    }
}

impl Reader {
    pub(super) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(connection) => Link::Sqlite(connection),
            Self::Postgres(connection) => Link::Postgres(connection),
        }
    }
}

fn migrator(text: fn(&SchemaStep) -> &'static str) -> Migrator {
    let migration = |step: &SchemaStep| {
        let sql = sqlx::SqlStr::from_static(text(step));
        Migration::new(step.version, step.name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(SCHEMA.iter().map(migration).collect())
}

/// One connection for everything: the database lives as long as it does. Whoever asked for a second one within a
/// transaction would wait for ever.
async fn connect_memory() -> Result<Database, StoreError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .acquire_timeout(ACQUIRE_TIMEOUT);
    let options = SqliteConnectOptions::from_str(IN_MEMORY)?.foreign_keys(true);
    let only = pool.connect_with(options).await?;
    Ok(Database::Sqlite { writer: Lane::shared(only.clone()), readers: only, file: None })
}

async fn connect_sqlite(address: &str) -> Result<Database, StoreError> {
    let options = SqliteConnectOptions::from_str(address)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .statement_cache_capacity(STATEMENTS)
        .busy_timeout(BUSY_TIMEOUT);
    let options = SQLITE_SETTINGS.into_iter().fold(options, |sofar, (name, value)| sofar.pragma(name, value));
    // A connection to a file does not break by itself.
    let pool = |size| {
        SqlitePoolOptions::new()
            .max_connections(size)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
    };
    let writer = Lane::kept(pool(1).connect_with(options.clone()).await?);
    let batches = DirectLane::to(options.get_filename());
    let log = Log::watch(pool(1).connect_with(options.clone()).await?, writer.clone());
    let readers = pool(SQLITE_READERS).connect_with(options.read_only(true)).await?;
    Ok(Database::Sqlite { writer, readers, file: Some(OfFile { batches, log }) })
}

async fn connect_postgres(address: &str) -> Result<Database, StoreError> {
    let idle = if fault!("let_the_frozen_hold_locks") { "0" } else { IDLE_IN_TRANSACTION };
    let options = PgConnectOptions::from_str(address)?
        .statement_cache_capacity(STATEMENTS)
        .options([("idle_in_transaction_session_timeout", idle)])
        .options(POSTGRES_SETTINGS);
    let pool = |size| PgPoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE_TIMEOUT);
    let everything = pool(POSTGRES_CONNECTIONS).connect_with(options.clone()).await?;
    let of_writers = pool(POSTGRES_WRITERS).connect_lazy_with(options.options(POSTGRES_WRITER_SETTINGS));
    let mut writers = Vec::new();
    for _ in 0..POSTGRES_WRITERS {
        writers.push(Lane::kept(of_writers.clone()));
    }
    Ok(Database::Postgres { pool: everything, writers })
}

/// The newest claim that may stand in a record whose claimer writes to it. Numbers of claims only grow: whoever has
/// an older one was taken over, and is fenced off.
pub(super) fn fence(claim: i64) -> i64 {
    if fault!("believe_late_writers") { i64::MAX } else { claim }
}

/// Reads an instant from its column.
pub(super) fn instant(micros: i64) -> Result<payment::Timestamp, StoreError> {
    payment::Timestamp::from_microsecond(micros).map_err(|_| StoreError::Corrupt("instant"))
}

/// Reads text back into what was written.
pub(super) fn parsed<T: FromStr>(text: &str, record: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(record))
}

/// Reads JSON back into what was written.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(
    text: &str,
    record: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt(record))
}

/// Writes JSON for a column.
pub(super) fn to_json<T: serde::Serialize>(value: &T, record: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt(record))
}
