//! Rows in sets: one statement for all the rows that one transaction writes to a table.
//!
//! A text has few forms, so that few statements are prepared. PostgreSQL is given an array for each column, and one text
//! does for any number of rows. SQLite is given the rows one by one, in a text of the next power of two, of which it
//! reads only as many as there are.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, FromRow};

use super::database::{Link, StoreError, Tx};

/// Most rows of one statement: with the widest of rows below the 32,766 parameters that SQLite takes.
const MOST: usize = 256;

/// One value of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Text(Option<&'a str>),
    Integer(Option<i64>),
    Bytes(Option<&'a [u8]>),
}

/// Rows of one width, one value after the other.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
    values: Vec<Value<'a>>,
    count: usize,
}

impl<'a> Rows<'a> {
    /// Rows, each of which binds its values.
    pub(super) fn of<T>(rows: &'a [T], bound: impl Fn(Self, &'a T) -> Self) -> Self {
        rows.iter().fold(Self { values: Vec::new(), count: rows.len() }, bound)
    }

    /// The next value.
    pub(super) fn bind(mut self, value: impl Into<Value<'a>>) -> Self {
        self.values.push(value.into());
        self
    }
}

impl Tx {
    /// Runs a statement over rows, which stand in the place of its `{rows}`: their columns are `column1` and so on.
    pub(super) async fn write_rows(
        &mut self,
        template: &'static str,
        rows: Rows<'_>,
    ) -> Result<(), StoreError> {
        self.count_rows(template, rows).await.map(|_| ())
    }

    /// The same. Answers how many rows it changed.
    pub(super) async fn count_rows(
        &mut self,
        template: &'static str,
        rows: Rows<'_>,
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        for set in rows.sets() {
            changed += match self.link() {
                Link::Sqlite(connection) => {
                    sqlx::query_with(AssertSqlSafe(set.sqlite_text(template)), set.sqlite_arguments()?)
                        .execute(connection)
                        .await?
                        .rows_affected()
                }
                Link::Postgres(connection) => {
                    sqlx::query_with(AssertSqlSafe(set.postgres_text(template)), set.postgres_arguments()?)
                        .execute(connection)
                        .await?
                        .rows_affected()
                }
            };
        }
        Ok(changed)
    }

    /// Runs a query over rows, and gathers what it answers.
    pub(super) async fn read_rows<T>(
        &mut self,
        template: &'static str,
        rows: Rows<'_>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut found = Vec::new();
        for set in rows.sets() {
            found.append(&mut match self.link() {
                Link::Sqlite(connection) => {
                    let text = AssertSqlSafe(set.sqlite_text(template));
                    sqlx::query_as_with(text, set.sqlite_arguments()?).fetch_all(connection).await?
                }
                Link::Postgres(connection) => {
                    let text = AssertSqlSafe(set.postgres_text(template));
                    sqlx::query_as_with(text, set.postgres_arguments()?).fetch_all(connection).await?
                }
            });
        }
        Ok(found)
    }
}

/// What one statement takes: whole rows, at least one.
struct Set<'v, 'a> {
    values: &'v [Value<'a>],
    width: usize,
}

impl<'a> Rows<'a> {
    fn sets(&self) -> impl Iterator<Item = Set<'_, 'a>> {
        let width = self.values.len().checked_div(self.count).unwrap_or(0);
        self.values.chunks((width * MOST).max(1)).map(move |values| Set { values, width })
    }
}

impl<'a> Set<'_, 'a> {
    fn count(&self) -> usize {
        self.values.len() / self.width
    }

    /// How many rows the text has place for.
    fn places(&self) -> usize {
        self.count().next_power_of_two()
    }

    fn sqlite_text(&self, template: &'static str) -> Arc<str> {
        let (width, places) = (self.width, self.places());
        text((template, places), || {
            let row = format!("({})", vec!["?"; width].join(", "));
            let rows = vec![row; places].join(", ");
            // A bare parameter as the limit would be planned with: whenever it changes, the statement anew.
            template.replacen("{rows}", &format!("SELECT * FROM (VALUES {rows}) LIMIT ? + 0"), 1)
        })
    }

    fn sqlite_arguments(&self) -> Result<SqliteArguments, sqlx::Error> {
        let mut arguments = SqliteArguments::default();
        let padding = (self.places() - self.count()) * self.width;
        arguments.reserve(self.values.len() + padding + 1, 0);
        for value in self.values {
            match value {
                Value::Text(text) => arguments.add(text.map(str::to_owned)),
                Value::Integer(integer) => arguments.add(integer),
                Value::Bytes(bytes) => arguments.add(bytes.map(<[u8]>::to_vec)),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        for _ in 0..padding {
            arguments.add(None::<i64>).map_err(sqlx::Error::Encode)?;
        }
        arguments.add(i64::try_from(self.count()).unwrap_or(i64::MAX)).map_err(sqlx::Error::Encode)?;
        Ok(arguments)
    }

    /// The kinds of a column are those of the values, which are the same in every row.
    fn postgres_text(&self, template: &'static str) -> Arc<str> {
        text((template, 0), || {
            let kind = |value: &Value<'_>| match value {
                Value::Text(_) => "text",
                Value::Integer(_) => "bigint",
                Value::Bytes(_) => "bytea",
            };
            let first = self.values.iter().take(self.width).enumerate();
            let (arrays, names): (Vec<String>, Vec<String>) = first
                .map(|(index, value)| {
                    (format!("${}::{}[]", index + 1, kind(value)), format!("column{}", index + 1))
                })
                .unzip();
            let rows = format!("SELECT * FROM UNNEST({}) AS r ({})", arrays.join(", "), names.join(", "));
            template.replacen("{rows}", &rows, 1)
        })
    }

    fn postgres_arguments(&self) -> Result<PgArguments, sqlx::Error> {
        let mut arguments = PgArguments::default();
        arguments.reserve(self.width, self.values.len() * 16);
        for column in 0..self.width {
            let values = || self.values.iter().skip(column).step_by(self.width);
            match self.values.get(column) {
                Some(Value::Text(_)) => arguments.add(values().map(|value| value.text()).collect::<Vec<_>>()),
                Some(Value::Bytes(_)) => {
                    arguments.add(values().map(|value| value.bytes()).collect::<Vec<_>>())
                }
                Some(Value::Integer(_)) | None => {
                    arguments.add(values().map(|value| value.integer()).collect::<Vec<_>>())
                }
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }
}

impl<'a> Value<'a> {
    const fn text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => *text,
            Self::Integer(_) | Self::Bytes(_) => None,
        }
    }

    const fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => *integer,
            Self::Text(_) | Self::Bytes(_) => None,
        }
    }

    const fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => *bytes,
            Self::Text(_) | Self::Integer(_) => None,
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(integer: i64) -> Self {
        Self::Integer(Some(integer))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(integer: Option<i64>) -> Self {
        Self::Integer(integer)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Bytes(Some(bytes))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(bytes: Option<&'a [u8]>) -> Self {
        Self::Bytes(bytes)
    }
}

/// The text of a template in one of its forms, written out once.
fn text(form: (&'static str, usize), write_out: impl FnOnce() -> String) -> Arc<str> {
    type Texts = HashMap<(&'static str, usize), Arc<str>>;
    static TEXTS: LazyLock<RwLock<Texts>> = LazyLock::new(RwLock::default);
    if let Some(text) = TEXTS.read().unwrap_or_else(PoisonError::into_inner).get(&form) {
        return Arc::clone(text);
    }
    let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(texts.entry(form).or_insert_with(|| write_out().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "INSERT INTO t (a, b) {rows} ON CONFLICT DO NOTHING";

    fn rows(count: usize) -> Vec<(String, i64)> {
        (0..count).map(|number| (number.to_string(), 7)).collect()
    }

    fn bound(rows: &[(String, i64)]) -> Rows<'_> {
        Rows::of(rows, |bound, row| bound.bind(&row.0).bind(row.1))
    }

    #[test]
    fn every_row_is_in_one_set() {
        for count in [0, 1, 3, 4, 15, 255, 256, 257, 800] {
            let rows = rows(count);
            let bound = bound(&rows);
            let counts: Vec<usize> = bound.sets().map(|set| set.count()).collect();
            assert_eq!(counts.iter().sum::<usize>(), count);
            assert!(counts.iter().all(|count| (1..=MOST).contains(count)));
        }
    }

    #[test]
    fn sqlite_has_a_text_for_each_power_of_two_and_reads_as_many_rows_as_there_are() {
        let three = rows(3);
        let bound = bound(&three);
        let set = bound.sets().next().expect("a set");
        let text = "INSERT INTO t (a, b) SELECT * FROM (VALUES (?, ?), (?, ?), (?, ?), (?, ?)) LIMIT ? + 0 ON CONFLICT \
            DO NOTHING";
        assert_eq!(&*set.sqlite_text(TEMPLATE), text);
        assert_eq!(set.sqlite_arguments().expect("arguments").len(), 9);
    }

    #[test]
    fn postgres_has_one_text_of_arrays() {
        let three = rows(3);
        let bound = bound(&three);
        let set = bound.sets().next().expect("a set");
        let text = "INSERT INTO t (a, b) SELECT * FROM UNNEST($1::text[], $2::bigint[]) AS r (column1, column2) \
            ON CONFLICT DO NOTHING";
        assert_eq!(&*set.postgres_text(TEMPLATE), text);
        assert_eq!(set.postgres_arguments().expect("arguments").len(), 2);
    }
}
