//! Rows in sets: one statement for all the rows that one transaction writes to a table, and one go for all of its
//! statements.
//!
//! A text has few forms, so that few statements are prepared. PostgreSQL is given an array for each column, and one text
//! does for any number of rows. SQLite is given the rows one by one, in a text of the next power of two, of which it
//! reads only as many as there are.
//!
//! Each statement by itself would cost its way to the database and back: to PostgreSQL by the network, to SQLite by the
//! thread that has its connection. So statements that do not depend on each other go together. Who writes batches to SQLite
//! has no way to go, and does it otherwise (`direct.rs`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, FromRow};

use super::database::{Link, StoreError, Tx};
use super::direct::FromDirect;

/// Most rows of one statement: with the widest of rows below the 32,766 parameters that SQLite takes.
const MOST: usize = 256;

/// One value of a row.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Text(Option<Cow<'a, str>>),
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
    pub(super) fn of<T>(rows: impl IntoIterator<Item = T>, bound: impl Fn(Self, T) -> Self) -> Self {
        rows.into_iter().fold(Self::default(), |sofar, row| {
            let Self { values, count } = bound(sofar, row);
            Self { values, count: count + 1 }
        })
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The next value.
    pub(super) fn bind(mut self, value: impl Into<Value<'a>>) -> Self {
        self.values.push(value.into());
        self
    }
}

/// Statements to be run together, each over rows of its own, which stand in the place of its `{rows}`: their columns are
/// `column1` and so on. None reads what another one writes, unless both write to the same table: those keep their order.
#[derive(Debug, Default)]
pub(super) struct Script<'a> {
    pub(super) parts: Vec<Part<'a>>,
}

/// One statement of a script.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) template: &'static str,
    pub(super) rows: Rows<'a>,
    /// Whether no other statement of the script touches its rows.
    is_apart: bool,
}

impl<'a> Script<'a> {
    /// Adds a statement. Without a row there is nothing to do.
    pub(super) fn add(&mut self, template: &'static str, rows: Rows<'a>) {
        self.add_part(template, rows, false);
    }

    /// Adds a statement over rows that no other one of the script touches, though it may be of the same table.
    pub(super) fn add_apart(&mut self, template: &'static str, rows: Rows<'a>) {
        self.add_part(template, rows, true);
    }

    fn add_part(&mut self, template: &'static str, rows: Rows<'a>, is_apart: bool) {
        if !rows.is_empty() {
            self.parts.push(Part { template, rows, is_apart });
        }
    }

    /// Whether everything goes together.
    pub(super) fn is_one_go(&self) -> bool {
        let mut written = BTreeSet::new();
        self.parts.iter().all(|part| part.is_apart || written.insert(table(part.template)))
    }

    /// What goes together: of each table one statement, since those of one go do not see each other's work on
    /// PostgreSQL.
    fn goes(&self) -> Vec<Go<'_, 'a>> {
        let mut goes: Vec<Go<'_, 'a>> = Vec::new();
        let mut written: HashMap<&str, usize> = HashMap::new();
        for Part { template, rows, is_apart } in &self.parts {
            for set in rows.sets(template) {
                let mut first = 0;
                let turn = if *is_apart { &mut first } else { written.entry(table(template)).or_default() };
                if *turn == goes.len() {
                    goes.push(Go { sets: Vec::new() });
                }
                goes[*turn].sets.push(set);
                *turn += 1;
            }
        }
        goes
    }
}

/// The table that a statement writes to.
pub(super) fn table(template: &'static str) -> &'static str {
    let mut words = template.split_whitespace();
    match words.next() {
        Some("UPDATE") => words.next(),
        _ => words.nth(1),
    }
    .unwrap_or_default()
}

impl Tx {
    /// Runs statements together.
    pub(super) async fn run(&mut self, script: &Script<'_>) -> Result<(), StoreError> {
        self.note_rows(script.parts.iter().map(|part| part.rows.count).sum());
        for go in script.goes() {
            if let Self::Direct(direct, _) = self {
                for set in &go.sets {
                    direct.execute(set)?;
                }
                continue;
            }
            match self.link()? {
                Link::Sqlite(connection) => {
                    for go in go.of_equal_places() {
                        let text = AssertSqlSafe(go.sqlite_text());
                        sqlx::query_with(text, go.sqlite_arguments()?).execute(&mut *connection).await?;
                    }
                }
                Link::Postgres(connection) => {
                    let text = AssertSqlSafe(go.postgres_text());
                    sqlx::query_with(text, go.postgres_arguments()?).execute(connection).await?;
                }
            }
        }
        Ok(())
    }

    /// Runs a statement over rows. Answers how many rows it changed.
    pub(super) async fn count_rows(
        &mut self,
        template: &'static str,
        rows: Rows<'_>,
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        self.note_rows(rows.count);
        for set in rows.sets(template) {
            if let Self::Direct(direct, _) = self {
                changed += direct.execute(&set)?;
                continue;
            }
            let go = Go { sets: vec![set] };
            changed += match self.link()? {
                Link::Sqlite(connection) => {
                    let text = AssertSqlSafe(go.sqlite_text());
                    sqlx::query_with(text, go.sqlite_arguments()?).execute(connection).await?.rows_affected()
                }
                Link::Postgres(connection) => {
                    let text = AssertSqlSafe(go.postgres_text());
                    sqlx::query_with(text, go.postgres_arguments()?)
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
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + FromDirect + Send + Unpin,
    {
        let mut found = Vec::new();
        self.note_rows(rows.count);
        for set in rows.sets(template) {
            if let Self::Direct(direct, _) = self {
                found.append(&mut direct.read(&set)?);
                continue;
            }
            let go = Go { sets: vec![set] };
            found.append(&mut match self.link()? {
                Link::Sqlite(connection) => {
                    let text = AssertSqlSafe(go.sqlite_text());
                    sqlx::query_as_with(text, go.sqlite_arguments()?).fetch_all(connection).await?
                }
                Link::Postgres(connection) => {
                    let text = AssertSqlSafe(go.postgres_text());
                    sqlx::query_as_with(text, go.postgres_arguments()?).fetch_all(connection).await?
                }
            });
        }
        Ok(found)
    }
}

/// What one statement takes: whole rows, at least one.
pub(super) struct Set<'v, 'a> {
    template: &'static str,
    values: &'v [Value<'a>],
    width: usize,
}

impl<'a> Rows<'a> {
    fn width(&self) -> usize {
        self.values.len().checked_div(self.count).unwrap_or(0)
    }

    /// All rows at once: only PostgreSQL takes any number.
    pub(super) fn whole(&self, template: &'static str) -> Set<'_, 'a> {
        Set { template, values: &self.values, width: self.width() }
    }

    fn sets(&self, template: &'static str) -> impl Iterator<Item = Set<'_, 'a>> {
        let width = self.width();
        self.values.chunks((width * MOST).max(1)).map(move |values| Set { template, values, width })
    }
}

impl<'a> Set<'_, 'a> {
    /// The values, row by row.
    pub(super) const fn values(&self) -> &[Value<'a>] {
        self.values
    }

    /// How many rows.
    pub(super) fn count(&self) -> usize {
        self.values.len() / self.width
    }

    /// How many rows the text has place for.
    pub(super) fn places(&self) -> usize {
        self.count().next_power_of_two()
    }

    /// The rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[Value<'a>]> {
        self.values.chunks(self.width)
    }

    /// Its statement, with `{rows}` in the place of the rows.
    pub(super) const fn template(&self) -> &'static str {
        self.template
    }

    /// How many values a row has.
    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) fn sqlite_text(&self) -> String {
        let row = format!("({})", vec!["?"; self.width].join(", "));
        let rows = vec![row; self.places()].join(", ");
        // A bare parameter as the limit would be planned with: whenever it changes, the statement anew.
        self.template.replacen("{rows}", &format!("SELECT * FROM (VALUES {rows}) LIMIT ? + 0"), 1)
    }

    fn add_to_sqlite(&self, arguments: &mut SqliteArguments) -> Result<(), BoxDynError> {
        let padding = (self.places() - self.count()) * self.width;
        arguments.reserve(self.values.len() + padding + 1, 0);
        for value in self.values {
            match value {
                Value::Text(text) => arguments.add(text.as_deref().map(str::to_owned)),
                Value::Integer(integer) => arguments.add(integer),
                Value::Bytes(bytes) => arguments.add(bytes.map(<[u8]>::to_vec)),
            }?;
        }
        for _ in 0..padding {
            arguments.add(None::<i64>)?;
        }
        arguments.add(i64::try_from(self.count()).unwrap_or(i64::MAX))
    }

    fn postgres_text(&self, before: usize) -> String {
        self.template.replacen("{rows}", &self.postgres_rows(before), 1)
    }

    /// The kinds of a column are those of the values, which are the same in every row. `before` is how many parameters
    /// come before.
    pub(super) fn postgres_rows(&self, before: usize) -> String {
        let kind = |value: &Value<'_>| match value {
            Value::Text(_) => "text",
            Value::Integer(_) => "bigint",
            Value::Bytes(_) => "bytea",
        };
        let first = self.values.iter().take(self.width).enumerate();
        let (arrays, names): (Vec<String>, Vec<String>) = first
            .map(|(index, value)| {
                (format!("${}::{}[]", before + index + 1, kind(value)), format!("column{}", index + 1))
            })
            .unzip();
        format!("SELECT * FROM UNNEST({}) AS r ({})", arrays.join(", "), names.join(", "))
    }

    pub(super) fn add_to_postgres(&self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        arguments.reserve(self.width, self.values.len() * 16);
        for column in 0..self.width {
            let values = || self.values.iter().skip(column).step_by(self.width);
            match self.values.get(column) {
                Some(Value::Text(_)) => arguments.add(values().map(Value::text).collect::<Vec<_>>()),
                Some(Value::Bytes(_)) => arguments.add(values().map(Value::bytes).collect::<Vec<_>>()),
                Some(Value::Integer(_)) | None => {
                    arguments.add(values().map(Value::integer).collect::<Vec<_>>())
                }
            }?;
        }
        Ok(())
    }
}

/// What goes to the database at once: sets, each of which is written by a statement of its own.
struct Go<'v, 'a> {
    sets: Vec<Set<'v, 'a>>,
}

impl<'v, 'a> Go<'v, 'a> {
    /// The same in several goes, in each of which all texts have place for equally many rows: else there would be a text
    /// for each set of sizes.
    fn of_equal_places(self) -> Vec<Self> {
        let mut goes: BTreeMap<usize, Self> = BTreeMap::new();
        for set in self.sets {
            goes.entry(set.places()).or_insert_with(|| Self { sets: Vec::new() }).sets.push(set);
        }
        goes.into_values().collect()
    }

    fn sqlite_text(&self) -> Arc<str> {
        let form = self.sets.iter().map(|set| (set.template, set.places())).collect();
        text(form, || self.sets.iter().map(Set::sqlite_text).collect::<Vec<_>>().join("; "))
    }

    fn sqlite_arguments(&self) -> Result<SqliteArguments, sqlx::Error> {
        let mut arguments = SqliteArguments::default();
        let mut sets = self.sets.iter();
        sets.try_for_each(|set| set.add_to_sqlite(&mut arguments)).map_err(sqlx::Error::Encode)?;
        Ok(arguments)
    }

    /// Statements that change data may stand in the `WITH` of another one: all are run, over the same snapshot.
    fn postgres_text(&self) -> Arc<str> {
        let form = self.sets.iter().map(|set| (set.template, 0)).collect();
        text(form, || {
            let mut before = 0;
            let mut statements = Vec::with_capacity(self.sets.len());
            for set in &self.sets {
                statements.push(set.postgres_text(before));
                before += set.width;
            }
            let Some(last) = statements.pop() else { return String::new() };
            if statements.is_empty() {
                return last;
            }
            let parts =
                statements.iter().enumerate().map(|(at, statement)| format!("part{at} AS ({statement})"));
            format!("WITH {} {last}", parts.collect::<Vec<_>>().join(", "))
        })
    }

    fn postgres_arguments(&self) -> Result<PgArguments, sqlx::Error> {
        let mut arguments = PgArguments::default();
        let mut sets = self.sets.iter();
        sets.try_for_each(|set| set.add_to_postgres(&mut arguments)).map_err(sqlx::Error::Encode)?;
        Ok(arguments)
    }
}

impl Value<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.as_deref(),
            Self::Integer(_) | Self::Bytes(_) => None,
        }
    }

    const fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => *integer,
            Self::Text(_) | Self::Bytes(_) => None,
        }
    }

    const fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => *bytes,
            Self::Text(_) | Self::Integer(_) => None,
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Cow::Owned))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
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

/// How a text comes about: the templates of its statements, and how many rows each has place for.
pub(super) type Form = Vec<(&'static str, usize)>;

/// A text in one of its forms, written out once.
pub(super) fn text(form: Form, write_out: impl FnOnce() -> String) -> Arc<str> {
    static TEXTS: LazyLock<RwLock<HashMap<Form, Arc<str>>>> = LazyLock::new(RwLock::default);
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
    const UPDATE: &str = "UPDATE t SET b = v.column2 FROM ({rows}) AS v WHERE t.a = v.column1";
    const OTHER: &str = "DELETE FROM u WHERE a IN ({rows})";

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
            let counts: Vec<usize> = bound.sets(TEMPLATE).map(|set| set.count()).collect();
            assert_eq!(counts.iter().sum::<usize>(), count);
            assert!(counts.iter().all(|count| (1..=MOST).contains(count)));
        }
    }

    #[test]
    fn sqlite_has_a_text_for_each_power_of_two_and_reads_as_many_rows_as_there_are() {
        let three = rows(3);
        let bound = bound(&three);
        let go = Go { sets: bound.sets(TEMPLATE).collect() };
        let text = "INSERT INTO t (a, b) SELECT * FROM (VALUES (?, ?), (?, ?), (?, ?), (?, ?)) LIMIT ? + 0 ON CONFLICT \
            DO NOTHING";
        assert_eq!(&*go.sqlite_text(), text);
        assert_eq!(go.sqlite_arguments().expect("arguments").len(), 9);
    }

    #[test]
    fn postgres_has_one_text_of_arrays() {
        let three = rows(3);
        let bound = bound(&three);
        let go = Go { sets: bound.sets(TEMPLATE).collect() };
        let text = "INSERT INTO t (a, b) SELECT * FROM UNNEST($1::text[], $2::bigint[]) AS r (column1, column2) \
            ON CONFLICT DO NOTHING";
        assert_eq!(&*go.postgres_text(), text);
        assert_eq!(go.postgres_arguments().expect("arguments").len(), 2);
    }

    #[test]
    fn statements_go_together_unless_they_write_to_the_same_table() {
        let (one, three) = (rows(1), rows(3));
        let mut script = Script::default();
        script.add(TEMPLATE, bound(&one));
        script.add(UPDATE, bound(&three));
        script.add(OTHER, Rows::of(&one, |bound, row| bound.bind(&row.0)));
        script.add(OTHER, Rows::default());
        let goes = script.goes();
        let templates: Vec<Vec<&str>> =
            goes.iter().map(|go| go.sets.iter().map(|set| set.template).collect()).collect();
        assert_eq!(templates, [vec![TEMPLATE, OTHER], vec![UPDATE]]);
        let text = "WITH part0 AS (INSERT INTO t (a, b) SELECT * FROM UNNEST($1::text[], $2::bigint[]) \
            AS r (column1, column2) ON CONFLICT DO NOTHING) \
            DELETE FROM u WHERE a IN (SELECT * FROM UNNEST($3::text[]) AS r (column1))";
        assert_eq!(&*goes[0].postgres_text(), text);
        assert_eq!(goes[0].postgres_arguments().expect("arguments").len(), 3);
        let text = "INSERT INTO t (a, b) SELECT * FROM (VALUES (?, ?)) LIMIT ? + 0 ON CONFLICT DO NOTHING; \
            DELETE FROM u WHERE a IN (SELECT * FROM (VALUES (?)) LIMIT ? + 0)";
        assert_eq!(&*goes[0].sqlite_text(), text);
        assert_eq!(goes[0].sqlite_arguments().expect("arguments").len(), 5);
    }

    #[test]
    fn sqlite_is_given_statements_of_one_size_together() {
        let (one, three, four) = (rows(1), rows(3), rows(4));
        let mut script = Script::default();
        script.add(TEMPLATE, bound(&three));
        script.add(OTHER, Rows::of(&one, |bound, row| bound.bind(&row.0)));
        script.add("DELETE FROM w WHERE a IN ({rows})", Rows::of(&four, |bound, row| bound.bind(&row.0)));
        let go = script.goes().pop().expect("one go");
        let sizes = go.of_equal_places().into_iter().map(|go| go.sets.iter().map(Set::count).collect());
        assert_eq!(sizes.collect::<Vec<Vec<usize>>>(), [vec![1], vec![3, 4]]);
    }
}
