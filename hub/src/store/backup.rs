//! Whole copies of a SQLite database, and what a copy is before it is believed.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::database::{Link, Store, StoreError};

/// What is left of a database file once it was looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseFile {
    /// Whether SQLite finds every page in order.
    pub is_sound: bool,
    /// The number of the newest migration that it has seen; 0 for a file that is none of ours.
    pub schema_version: i64,
}

impl Store {
    /// The file behind a `sqlite:` address. None for another address.
    ///
    /// # Errors
    /// [`StoreError::Query`] for an address that cannot be read.
    pub fn file_of(address: &str) -> Result<Option<PathBuf>, StoreError> {
        if !address.starts_with("sqlite:") {
            return Ok(None);
        }
        Ok(Some(SqliteConnectOptions::from_str(address)?.get_filename().to_owned()))
    }

    /// Copies a SQLite database as it stands at one instant into an empty file, while others read and write. Answers
    /// false on PostgreSQL, whose own programs do that.
    ///
    /// # Errors
    /// [`StoreError::Query`], a full disk or a file that is not empty among them.
    pub async fn copy_into(&self, file: &Path) -> Result<bool, StoreError> {
        let mut reader = self.read().await?;
        let Link::Sqlite(connection) = reader.link() else { return Ok(false) };
        let file = file.to_str().ok_or(StoreError::Corrupt("file name"))?;
        sqlx::query("VACUUM INTO $1").bind(file).execute(connection).await?;
        Ok(true)
    }

    /// Looks into a database file without changing it.
    ///
    /// # Errors
    /// [`StoreError::Query`] when it is no database.
    pub async fn inspect(file: &Path) -> Result<DatabaseFile, StoreError> {
        let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(true);
        let mut connection = options.connect().await?;
        let found = look_into(&mut connection).await;
        connection.close().await?;
        found
    }

    /// Whether the database holds no table at all.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        const TABLES_SQLITE: &str = "SELECT COUNT(*) FROM sqlite_master";
        const TABLES_POSTGRES: &str = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema()";
        let mut reader = self.read().await?;
        let tables: i64 = match reader.link() {
            Link::Sqlite(connection) => sqlx::query_scalar(TABLES_SQLITE).fetch_one(connection).await?,
            Link::Postgres(connection) => sqlx::query_scalar(TABLES_POSTGRES).fetch_one(connection).await?,
        };
        Ok(tables == 0)
    }
}

async fn look_into(connection: &mut SqliteConnection) -> Result<DatabaseFile, StoreError> {
    const TABLES: &str = "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    const VERSION: &str = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations WHERE success";
    let check: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *connection).await?;
    let tables: i64 = sqlx::query_scalar(TABLES).fetch_one(&mut *connection).await?;
    let schema_version =
        if tables == 0 { 0 } else { sqlx::query_scalar(VERSION).fetch_one(connection).await? };
    Ok(DatabaseFile { is_sound: check == "ok", schema_version })
}
