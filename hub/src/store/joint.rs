//! Statements of PostgreSQL in one: a transaction that is one way to the database and back.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Postgres};

use super::database::StoreError;
use super::lane::Lane;
use super::sets::{Part, Rows, Script, Set, table, text};

/// What tells the text of a joint statement from those of its parts.
const JOINT: usize = usize::MAX;

/// Statements in one. Each has a name, by which those after it know what it returns. All are run over the same snapshot.
#[derive(Debug)]
pub(super) struct Joint<'a> {
    parts: Vec<JointPart<'a>>,
    /// What is read in the end.
    told: &'static str,
}

/// One statement of a joint one.
#[derive(Debug)]
struct JointPart<'a> {
    /// What those after it know it by, where one of them asks for it.
    name: Option<&'static str>,
    template: &'static str,
    rows: Rows<'a>,
    /// Which of the rows it takes; empty for all.
    condition: &'static str,
}

impl<'a> Joint<'a> {
    /// A statement that tells this.
    pub(super) const fn telling(told: &'static str) -> Self {
        Self { parts: Vec::new(), told }
    }

    /// Adds a statement by a name. One that reads what the others return has no rows.
    pub(super) fn add(&mut self, name: &'static str, template: &'static str, rows: Rows<'a>) {
        self.parts.push(JointPart { name: Some(name), template, rows, condition: "" });
    }

    /// Adds the statements of a script that goes together, each over those of its rows that the condition of its table
    /// holds for.
    ///
    /// # Errors
    /// [`StoreError::SetsAlone`] for a table that has none, and for a script that does not go together.
    pub(super) fn add_script(
        &mut self,
        script: Script<'a>,
        condition: impl Fn(&str) -> Option<&'static str>,
    ) -> Result<(), StoreError> {
        if !script.is_one_go() {
            return Err(StoreError::SetsAlone);
        }
        for Part { template, rows, .. } in script.parts {
            let condition = condition(table(template)).ok_or(StoreError::SetsAlone)?;
            self.parts.push(JointPart { name: None, template, rows, condition });
        }
        Ok(())
    }

    /// Runs it, and gathers what it tells.
    pub(super) async fn read<T>(&self, connection: &mut PgConnection) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let form = self.parts.iter().flat_map(|part| [(part.template, JOINT), (part.condition, JOINT)]);
        let text = text(form.collect(), || self.text());
        let mut arguments = PgArguments::default();
        for part in &self.parts {
            part.set().add_to_postgres(&mut arguments).map_err(sqlx::Error::Encode)?;
        }
        Ok(sqlx::query_as_with(AssertSqlSafe(text), arguments).fetch_all(connection).await?)
    }

    /// Runs it as a transaction of its own on the connection of a lane, and gathers what it tells.
    pub(super) async fn commit_on<T>(&self, lane: &Lane<Postgres>) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        #[cfg(feature = "faults")]
        crate::crash::rehearsal::stop_the_dead();
        let mut connection = lane.fresh_connection().await?;
        let told = self.read(&mut connection).await;
        if told.is_err() {
            connection.doubt();
        }
        told
    }

    fn text(&self) -> String {
        let mut before = 0;
        let mut parts = Vec::with_capacity(self.parts.len());
        for (place, part) in self.parts.iter().enumerate() {
            let set = part.set();
            let name = part.name.map_or_else(|| format!("part{place}"), str::to_owned);
            let rows = match part.condition {
                "" => set.postgres_rows(before),
                condition => format!("{} WHERE {condition}", set.postgres_rows(before)),
            };
            parts.push(format!("{name} AS ({})", part.template.replacen("{rows}", &rows, 1)));
            before += set.width();
        }
        format!("WITH {} {}", parts.join(", "), self.told)
    }
}

impl<'a> JointPart<'a> {
    fn set(&self) -> Set<'_, 'a> {
        self.rows.whole(self.template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSERT: &str = "INSERT INTO t (a, b) {rows} ON CONFLICT DO NOTHING";
    const UPDATE: &str = "UPDATE t SET b = v.column2 FROM ({rows}) AS v WHERE t.a = v.column1";

    fn rows(count: i64) -> Rows<'static> {
        Rows::of(0..count, |bound, number| bound.bind(number.to_string()).bind(7))
    }

    fn created(table: &str) -> Option<&'static str> {
        (table == "t").then_some("column1 IN (SELECT a FROM created)")
    }

    #[test]
    fn a_joint_statement_tells_what_the_first_ones_returned_and_takes_the_rows_that_belong_to_it() {
        let mut script = Script::default();
        script.add(INSERT, rows(3));
        let mut joint = Joint::telling("SELECT is_full FROM many");
        joint.add("created", "INSERT INTO s (a, b) {rows} RETURNING a", rows(1));
        joint.add("many", "SELECT COUNT(*) > 1 AS is_full FROM created", Rows::default());
        joint.add_script(script, created).expect("a condition for its table");
        let text = "WITH created AS (INSERT INTO s (a, b) SELECT * FROM UNNEST($1::text[], $2::bigint[]) \
            AS r (column1, column2) RETURNING a), many AS (SELECT COUNT(*) > 1 AS is_full FROM created), \
            part2 AS (INSERT INTO t (a, b) SELECT * FROM UNNEST($3::text[], $4::bigint[]) AS r (column1, column2) \
            WHERE column1 IN (SELECT a FROM created) ON CONFLICT DO NOTHING) SELECT is_full FROM many";
        assert_eq!(joint.text(), text);
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let mut joint = Joint::telling("SELECT a FROM created");
        let mut of_another_table = Script::default();
        of_another_table.add("DELETE FROM u WHERE a IN ({rows})", rows(1));
        assert!(joint.add_script(of_another_table, created).is_err(), "nothing is known of its rows");
        let mut twice = Script::default();
        twice.add(INSERT, rows(1));
        twice.add(UPDATE, rows(1));
        assert!(
            joint.add_script(twice, created).is_err(),
            "the second would not see what the first has done"
        );
        let mut apart = Script::default();
        apart.add(INSERT, rows(1));
        apart.add_apart(UPDATE, rows(1));
        assert!(joint.add_script(apart, created).is_ok());
    }
}
