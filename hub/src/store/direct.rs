//! SQLite on the thread that writes batches: each statement would else go to the thread of a connection and back, and a
//! batch waits longer for its turns there than for the disk.
//!
//! Only sets run here (`sets.rs`), which is all that a batch is made of. Whoever writes else has a connection of its own;
//! they take turns in the one lane of the writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::{FromSql, Null};
use rusqlite::{Connection, OpenFlags, Row, Statement};
use sqlx::Sqlite;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::database::{BUSY_TIMEOUT, SQLITE_SETTINGS, STATEMENTS};
use super::lane::Held;
use super::sets::{Set, Value, text};

/// The connection, once somebody has written a batch. Cloning gives another handle to the same.
#[derive(Clone)]
pub(super) struct DirectLane {
    file: PathBuf,
    connection: Arc<Mutex<Option<Connection>>>,
}

/// A transaction. Dropped without [`Direct::commit`], it is rolled back.
pub struct Direct {
    connection: OwnedMutexGuard<Option<Connection>>,
    is_open: bool,
    /// Nobody else writes meanwhile. Given back last.
    _turn: Held<Sqlite>,
}

impl DirectLane {
    /// A lane to a database file that is there and is written ahead.
    pub(super) fn to(file: &Path) -> Self {
        Self { file: file.to_owned(), connection: Arc::default() }
    }

    /// Begins a transaction, in a turn of the writer's lane.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) async fn begin(&self, turn: Held<Sqlite>) -> rusqlite::Result<Direct> {
        let mut connection = Arc::clone(&self.connection).lock_owned().await;
        if connection.is_none() {
            *connection = Some(open(&self.file)?);
        }
        let mut direct = Direct { connection, is_open: false, _turn: turn };
        direct.connection()?.execute_batch("BEGIN IMMEDIATE")?;
        direct.is_open = true;
        Ok(direct)
    }

    /// Closes the connection; what is under way ends first.
    pub(super) async fn close(&self) {
        self.connection.lock().await.take();
    }
}

fn open(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    for (name, value) in SQLITE_SETTINGS {
        connection.execute_batch(&format!("PRAGMA {name} = {value}"))?;
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

impl Direct {
    /// Makes everything durable.
    ///
    /// # Errors
    /// What SQLite says: then nothing is.
    pub(super) fn commit(mut self) -> rusqlite::Result<()> {
        self.connection()?.execute_batch("COMMIT")?;
        self.is_open = false;
        Ok(())
    }

    /// Runs a statement for each row. Answers how many rows it changed.
    ///
    /// All of them in one statement would first be gathered in a table of their own, and each page that the statement changes
    /// would be kept as it was before, to take the statement back alone.
    pub(super) fn execute(&self, set: &Set<'_, '_>) -> rusqlite::Result<u64> {
        let mut statement = self.connection()?.prepare_cached(&row_by_row(set))?;
        let mut changed = 0;
        for row in set.rows() {
            bind(&mut statement, row)?;
            changed += statement.raw_execute()?;
        }
        Ok(changed.try_into().unwrap_or(u64::MAX))
    }

    /// Runs a query over rows, and gathers what it answers.
    pub(super) fn read<T: FromDirect>(&self, set: &Set<'_, '_>) -> rusqlite::Result<Vec<T>> {
        let mut statement = self.connection()?.prepare_cached(&or_fail(set))?;
        // The values, then nothing in the places that are left, then how many rows there are.
        bind(&mut statement, set.values())?;
        let last = statement.parameter_count();
        statement.raw_bind_parameter(last, i64::try_from(set.count()).unwrap_or(i64::MAX))?;
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(T::from_direct(row)?);
        }
        Ok(found)
    }

    fn connection(&self) -> rusqlite::Result<&Connection> {
        self.connection.as_ref().ok_or(rusqlite::Error::InvalidQuery)
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        if self.is_open
            && self.connection().and_then(|connection| connection.execute_batch("ROLLBACK")).is_err()
        {
            // What cannot be rolled back is when the connection is gone.
            *self.connection = None;
        }
    }
}

/// How a statement begins to join its rows with the one table that it reads.
const ROWS_JOINED: &str = " FROM ({rows}) AS v JOIN ";
/// What tells a text that is run for each row from one that has places for several.
const ONE_ROW: usize = usize::MAX - 1;
/// What tells a text that leaves what it has done when it fails.
const OR_FAIL: usize = usize::MAX - 2;

/// The text of a statement for one row at a time, written out once.
fn row_by_row(set: &Set<'_, '_>) -> Arc<str> {
    text(vec![(set.template(), ONE_ROW)], || row_text(set.template(), set.width()))
}

/// The values stand where their columns do: a row to join with would be written to a table of its own.
fn row_text(template: &str, width: usize) -> String {
    let text = if template.starts_with("UPDATE ") {
        template.replacen(" FROM ({rows}) AS v", "", 1)
    } else if template.contains(ROWS_JOINED) {
        template.replacen(ROWS_JOINED, " FROM ", 1).replacen(" ON ", " WHERE ", 1)
    } else {
        let row = format!("VALUES ({})", vec!["?"; width].join(", "));
        return template.replacen("{rows}", &row, 1);
    };
    text.replace("v.column", "?")
}

/// The text of a statement for all rows, written out once. What fails leaves what it has done until then, so that nothing is
/// kept to take that back: the whole transaction is.
fn or_fail(set: &Set<'_, '_>) -> Arc<str> {
    text(vec![(set.template(), set.places()), ("", OR_FAIL)], || {
        let text = set.sqlite_text();
        match text.strip_prefix("INSERT ") {
            Some(rest) => format!("INSERT OR FAIL {rest}"),
            None => text,
        }
    })
}

/// The values of the first parameters.
fn bind(statement: &mut Statement<'_>, values: &[Value<'_>]) -> rusqlite::Result<()> {
    for (index, value) in values.iter().enumerate() {
        let place = index + 1;
        match value {
            Value::Text(Some(text)) => statement.raw_bind_parameter(place, text.as_ref())?,
            Value::Integer(Some(integer)) => statement.raw_bind_parameter(place, *integer)?,
            Value::Bytes(Some(bytes)) => statement.raw_bind_parameter(place, *bytes)?,
            Value::Text(None) | Value::Integer(None) | Value::Bytes(None) => {
                statement.raw_bind_parameter(place, Null)?;
            }
        }
    }
    Ok(())
}

/// What a row is read into.
pub(super) trait FromDirect: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// When a column is not there, or holds another kind of value.
    fn from_direct(row: &Row<'_>) -> rusqlite::Result<Self>;
}

macro_rules! tuples {
    ($($kind:ident $index:tt),+) => {
        impl<$($kind: FromSql),+> FromDirect for ($($kind,)+) {
            fn from_direct(row: &Row<'_>) -> rusqlite::Result<Self> {
                Ok(($(row.get::<_, $kind>($index)?,)+))
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);

/// A row whose fields are the columns of the same names, for every way to the databases.
macro_rules! record {
    ($(#[$note:meta])* struct $name:ident { $($field:ident: $kind:ty,)* }) => {
        $(#[$note])*
        #[derive(sqlx::FromRow)]
        struct $name { $($field: $kind,)* }

        impl $crate::store::direct::FromDirect for $name {
            fn from_direct(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                Ok(Self { $($field: row.get(stringify!($field))?,)* })
            }
        }
    };
}
pub(super) use record;

#[cfg(test)]
mod tests {
    use super::row_text;

    #[test]
    fn what_is_run_for_each_row_has_its_values_where_the_columns_of_the_rows_stood() {
        let table = [
            (
                "INSERT INTO t (a, b) {rows} ON CONFLICT DO NOTHING",
                "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT DO NOTHING",
            ),
            (
                "UPDATE t SET b = v.column2 FROM ({rows}) AS v WHERE t.a = v.column1",
                "UPDATE t SET b = ?2 WHERE t.a = ?1",
            ),
            (
                "INSERT INTO t (a, b) SELECT s.a, v.column12 FROM ({rows}) AS v JOIN s ON s.a = v.column1 AND s.c IS NULL",
                "INSERT INTO t (a, b) SELECT s.a, ?12 FROM s WHERE s.a = ?1 AND s.c IS NULL",
            ),
            ("DELETE FROM t WHERE (a, b) IN ({rows})", "DELETE FROM t WHERE (a, b) IN (VALUES (?, ?))"),
        ];
        for (template, expected) in table {
            assert_eq!(row_text(template, 2), expected);
        }
    }
}
