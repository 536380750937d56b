//! The macro that the stories of the hub are written with.

use std::time::Duration;

use sqlx::{Connection, PgConnection, SqliteConnection};
use testing::{DatabaseKind, TestDatabase};

testing::both_databases! {
    async fn a_fresh_database_is_empty_and_can_be_written(database: TestDatabase) {
        assert_eq!(write_and_count(&database).await, 1);
    }

    /// The same table again: were the database shared with another story, this would fail.
    async fn every_story_has_a_database_of_its_own(database: TestDatabase) {
        assert_eq!(write_and_count(&database).await, 1);
        let other = TestDatabase::fresh(database.kind).await.expect("a second database");
        assert_ne!(other.url, database.url);
        assert_eq!(write_and_count(&other).await, 1);
    }

    async fn a_database_goes_although_somebody_is_connected(database: TestDatabase) {
        let url = database.url.clone();
        match database.kind {
            DatabaseKind::Sqlite => {
                let _connected = SqliteConnection::connect(&url).await.expect("a connection");
                drop(database);
                let again = url.replace("?mode=rwc", "?mode=rw");
                assert!(SqliteConnection::connect(&again).await.is_err());
            }
            DatabaseKind::Postgres => {
                let _connected = PgConnection::connect(&url).await.expect("a connection");
                drop(database);
                testing::until(Duration::from_secs(5), async || PgConnection::connect(&url).await.err()).await;
            }
        }
    }
}

async fn write_and_count(database: &TestDatabase) -> i64 {
    let statements = ["CREATE TABLE visit (day BIGINT NOT NULL)", "INSERT INTO visit (day) VALUES (1)"];
    let count = "SELECT COUNT(*) FROM visit";
    match database.kind {
        DatabaseKind::Sqlite => {
            let mut connection = SqliteConnection::connect(&database.url).await.expect("a connection");
            for statement in statements {
                sqlx::query(statement).execute(&mut connection).await.expect("a statement");
            }
            sqlx::query_scalar(count).fetch_one(&mut connection).await.expect("a count")
        }
        DatabaseKind::Postgres => {
            let mut connection = PgConnection::connect(&database.url).await.expect("a connection");
            for statement in statements {
                sqlx::query(statement).execute(&mut connection).await.expect("a statement");
            }
            sqlx::query_scalar(count).fetch_one(&mut connection).await.expect("a count")
        }
    }
}
