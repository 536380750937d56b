//! What PostgreSQL knows of tables that are young.
//!
//! A statement that is prepared while its tables are empty is planned for empty tables: by any index that begins with the
//! merchant, since all cost the same, and so through all rows of the merchant. That holds until the server looks at the
//! tables by itself, a minute later at the earliest. A new installation need not wait for that.

use super::database::{Link, Store, StoreError, on};

/// The tables of which the server knew few rows when it last looked, or never did.
const YOUNG: &str = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = current_schema() AND c.relkind = 'r' AND c.reltuples < 10000 \
     AND c.relname <> '_sqlx_migrations' ORDER BY c.relname";
/// Fewer rows say nothing, and none would be taken for a table that stays empty.
const ENOUGH: i64 = 100;

impl Store {
    /// Has the database look at the tables that it knows to be small, or knows nothing of, and that are filling. What is
    /// prepared is planned anew by what it finds. SQLite plans by the keys alone.
    ///
    /// # Errors
    /// [`StoreError::Query`].
    pub async fn look_at_young_tables(&self) -> Result<(), StoreError> {
        let mut reader = self.read().await?;
        if let Link::Sqlite(_) = reader.link() {
            return Ok(());
        }
        let tables: Vec<(String,)> = on!(reader.link(), connection => {
            sqlx::query_as(YOUNG).fetch_all(connection).await?
        });
        for (table,) in tables {
            // Names of our own schema: nothing in them has to be quoted.
            let count = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT {ENOUGH}) AS counted");
            let count: i64 = on!(reader.link(), connection => {
                sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(connection).await?
            });
            if count >= ENOUGH {
                let look = sqlx::AssertSqlSafe(format!("ANALYZE {table}"));
                on!(reader.link(), connection => { sqlx::query(look).execute(connection).await?; });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use testing::TestDatabase;

    use super::*;

    /// How PostgreSQL goes about a statement whose values are not known yet, on a connection that writes batches.
    async fn plan(store: &Store) -> Option<String> {
        const ONE: &str = "PREPARE one AS SELECT 1 FROM UNNEST($1::text[], $2::text[]) AS v (a, b) JOIN attempt \
             ON attempt.merchant_id = v.a AND attempt.id = v.b";
        let mut tx = store.begin_batch(0).await.expect("a transaction");
        let Ok(Link::Postgres(connection)) = tx.link() else { return None };
        sqlx::raw_sql(ONE).execute(&mut *connection).await.expect("prepared");
        let rows = sqlx::raw_sql("EXPLAIN EXECUTE one('{}', '{}')").fetch_all(&mut *connection).await;
        sqlx::raw_sql("DEALLOCATE one").execute(connection).await.expect("forgotten");
        let line = |row: &sqlx::postgres::PgRow| sqlx::Row::get::<String, _>(row, 0);
        Some(rows.expect("a plan").iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    testing::both_databases! {
        async fn a_row_is_found_by_its_whole_key_once_a_young_table_was_looked_at(database: TestDatabase) {
            const FILL: &str = "INSERT INTO attempt (merchant_id, id, payment_id, ordinal, account_id, reference, \
                 state, memo, expires_at, created_at) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                 WHERE i < 400) SELECT 'm', 'att_' || i, 'pay_' || i, 1, 'a', 'R-' || i, 'open', '', 1, 1 FROM n";
            let store = Store::connect(&database.url).await.expect("the database");
            store.migrate().await.expect("the schema");
            let mut tx = store.begin().await.expect("a transaction");
            on!(tx.link().expect("a link"), connection => { sqlx::query(FILL).execute(connection).await.expect("rows"); });
            tx.commit().await.expect("written");
            store.look_at_young_tables().await.expect("looked at");
            if let Some(plan) = plan(&store).await {
                assert!(plan.contains("attempt_pkey") && !plan.contains("Filter"), "{plan}");
            }
            store.close().await;
        }
    }
}
