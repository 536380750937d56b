//! A fresh database for each story, of either kind.

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use crate::cluster::{self, Cluster, ClusterError};
use crate::evidence::{self, Entry, Outcome};
use crate::story::Story;
use crate::{nothing_may_be_skipped, say_skipped};

/// The two databases that the hub keeps its promises on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseKind {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl fmt::Display for DatabaseKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            DatabaseKind::Sqlite => "sqlite",
            DatabaseKind::Postgres => "postgres",
        })
    }
}

/// An empty database. It is removed when this value is dropped, whoever may still be connected.
pub struct TestDatabase {
    /// Where it is: `sqlite:///…?mode=rwc` or `postgres://…`.
    pub url: String,
    /// Which kind it is.
    pub kind: DatabaseKind,
    _storage: Storage,
}

/// Why there is no database of a kind on this machine.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseUnavailable {
    /// No folder for the file.
    #[error("no folder for the database: {0}")]
    Folder(#[from] std::io::Error),
    /// No server.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The server does not make a database.
    #[error("the PostgreSQL server at {server} makes no database: {source}")]
    Create {
        /// The server's address.
        server: String,
        /// What the server said.
        source: sqlx::Error,
    },
}

impl TestDatabase {
    /// Makes an empty database.
    ///
    /// # Errors
    /// [`DatabaseUnavailable`].
    pub async fn fresh(kind: DatabaseKind) -> Result<TestDatabase, DatabaseUnavailable> {
        match kind {
            DatabaseKind::Sqlite => {
                let folder = tempfile::Builder::new().prefix("caudal-sqlite-").tempdir()?;
                let url = format!("sqlite://{}?mode=rwc", folder.path().join("caudal.db").display());
                Ok(TestDatabase { url, kind, _storage: Storage::Folder { _folder: folder } })
            }
            DatabaseKind::Postgres => Self::fresh_at(cluster::server_url().await?).await,
        }
    }

    /// Makes an empty database on a cluster of the test's own, which it may crash without harm to others.
    ///
    /// # Errors
    /// [`DatabaseUnavailable`].
    pub async fn fresh_on(cluster: &Cluster) -> Result<TestDatabase, DatabaseUnavailable> {
        Self::fresh_at(cluster.url().to_owned()).await
    }

    async fn fresh_at(server: String) -> Result<TestDatabase, DatabaseUnavailable> {
        let name = format!("caudal_test_{:016x}", RandomState::new().build_hasher().finish());
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        let refused = |source| DatabaseUnavailable::Create { server: server.clone(), source };
        execute(&server, create).await.map_err(refused)?;
        let url = on_server(&server, &name);
        let database = ServerDatabase { server, name };
        Ok(TestDatabase {
            url,
            kind: DatabaseKind::Postgres,
            _storage: Storage::Server { _database: database },
        })
    }
}

impl TestDatabase {
    /// Makes the database look as if a program with this version of the schema had migrated it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pretend_schema(&self, version: u32) -> Result<(), sqlx::Error> {
        self.execute(&format!("UPDATE _sqlx_migrations SET version = {version}")).await
    }

    /// Cuts every connection to a PostgreSQL database.
    ///
    /// # Errors
    /// What the database says; that it is none of PostgreSQL.
    pub async fn cut_connections(&self) -> Result<(), sqlx::Error> {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()";
        self.execute(cut).await
    }

    /// Copies each payment with its attempt and its work so many times under ids and references of their own. The copies
    /// were looked up before.
    ///
    /// # Errors
    /// What the database says.
    pub async fn copy_payments(&self, times: u32) -> Result<(), sqlx::Error> {
        let number = match self.kind {
            DatabaseKind::Sqlite => "printf('%08x', copy.number)",
            DatabaseKind::Postgres => "lpad(to_hex(copy.number), 8, '0')",
        };
        let id = |column: &str| format!("substr({column}, 1, length({column}) - 8) || {number}");
        let copies = format!(
            "WITH RECURSIVE copy(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM copy WHERE number < {times})"
        );
        // What is read first must not be among the copies.
        let of_payments = format!(
            "INSERT INTO payment {copies} SELECT merchant_id, {}, reference || {number}, idempotency_key, provider, \
             account_id, customer, order_json, currency, amount, authorized, paid, refunded, overpaid, status, is_open, certainty, told, \
             detail_json, expires_at, version, created_at, updated_at FROM payment CROSS JOIN copy",
            id("id")
        );
        let of_attempts = format!(
            "INSERT INTO attempt {copies} SELECT merchant_id, {}, {}, ordinal, account_id, reference || {number}, \
             provider_reference || {number}, state, memo, sealed_key, expires_at, created_at FROM attempt CROSS JOIN copy",
            id("id"),
            id("payment_id")
        );
        let of_work = format!(
            "INSERT INTO work {copies} SELECT merchant_id, {}, {}, account_id, 1, due_at, 0, 1, 1, cause \
             FROM work CROSS JOIN copy",
            id("attempt_id"),
            id("payment_id")
        );
        for statement in [of_payments, of_attempts, of_work] {
            self.execute(&statement).await?;
        }
        Ok(())
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// What the database says.
    pub async fn count(&self, table: &str) -> Result<i64, sqlx::Error> {
        let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        match self.kind {
            DatabaseKind::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&self.url).await?;
                sqlx::query_scalar(count).fetch_one(&mut connection).await
            }
            DatabaseKind::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await?;
                sqlx::query_scalar(count).fetch_one(&mut connection).await
            }
        }
    }

    /// Runs one statement, for what no program of ours would do to its database.
    ///
    /// # Errors
    /// What the database says.
    pub async fn execute(&self, statement: &str) -> Result<(), sqlx::Error> {
        match self.kind {
            DatabaseKind::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&self.url).await?;
                sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
                connection.close().await
            }
            DatabaseKind::Postgres => execute(&self.url, statement.to_owned()).await,
        }
    }
}

/// Runs a story on a fresh database of a kind and writes its evidence; what [`crate::both_databases!`] calls.
///
/// # Panics
/// When the story does; when there is no such database and nothing may be skipped.
pub fn story_on<F: Future<Output = ()>>(kind: DatabaseKind, name: &str, story: fn(TestDatabase) -> F) {
    let runtime = runtime();
    let database = match runtime.block_on(TestDatabase::fresh(kind)) {
        Ok(database) => database,
        Err(unavailable) => return skip(kind, name, &unavailable),
    };
    let _story = Story::begin(name, Some(kind));
    runtime.block_on(Box::pin(story(database)));
}

/// Runs a story that only several processes on one PostgreSQL can tell: SQLite has no row locks to get wrong. It
/// counts for neither database.
///
/// # Panics
/// When the story does; when there is no PostgreSQL and nothing may be skipped.
pub fn story_of_several_processes<F: Future<Output = ()>>(name: &str, story: fn(TestDatabase) -> F) {
    let runtime = runtime();
    let kind = DatabaseKind::Postgres;
    let database = match runtime.block_on(TestDatabase::fresh(kind)) {
        Ok(database) => database,
        Err(unavailable) => return skip(kind, name, &unavailable),
    };
    let _story = Story::begin(name, None);
    runtime.block_on(Box::pin(story(database)));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the runtime of a story can be built")
}

fn skip(kind: DatabaseKind, name: &str, unavailable: &DatabaseUnavailable) {
    assert!(!nothing_may_be_skipped(), "{name} cannot run on {kind}: {unavailable}");
    say_skipped(&format!("{name} on {kind}"), unavailable);
    let line = Entry::new(name, Some(kind), Outcome::Skipped);
    evidence::append(&evidence::directory(), &line).expect("evidence can be written");
}

enum Storage {
    Folder { _folder: TempDir },
    Server { _database: ServerDatabase },
}

struct ServerDatabase {
    server: String,
    name: String,
}

impl Drop for ServerDatabase {
    /// Dropping happens inside a runtime and also while a story's panic unwinds, so it takes a thread and a
    /// runtime of its own.
    fn drop(&mut self) {
        let (server, drop_it) = (self.server.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.is_ok_and(|runtime| runtime.block_on(execute(&server, drop_it)).is_ok())
        });
        if !dropping.join().unwrap_or(false) {
            say_skipped("removing a test database", &self.name);
        }
    }
}

async fn execute(server: &str, statement: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await
}

/// The address of another database on the same server: `scheme://authority/database?options`.
fn on_server(server: &str, name: &str) -> String {
    let (address, options) = server.split_once('?').map_or((server, None), |(a, o)| (a, Some(o)));
    let authority_at = address.find("://").map_or(0, |at| at + 3);
    let path_at = address[authority_at..].find('/').map_or(address.len(), |at| authority_at + at);
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    format!("{}/{name}{options}", &address[..path_at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_database_keeps_the_servers_options() {
        let cases = [
            ("postgres://p@127.0.0.1:5433/postgres", "postgres://p@127.0.0.1:5433/x"),
            ("postgres://p@127.0.0.1:5433", "postgres://p@127.0.0.1:5433/x"),
            ("postgres:///postgres?host=/run/pg", "postgres:///x?host=/run/pg"),
            ("postgres://h/postgres?sslmode=disable", "postgres://h/x?sslmode=disable"),
        ];
        for (server, expected) in cases {
            assert_eq!(on_server(server, "x"), expected);
        }
    }
}
