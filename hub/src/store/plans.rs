//! How the databases go about what is asked often: never through a whole table that grows with the payments. Tests only.

use sqlx::AssertSqlSafe;
use testing::{DatabaseKind, TestDatabase};

use super::database::Link;
use super::{Store, cases, deliveries, events, idempotency, notices, payments, work};

/// Rows of each table that grows, so many that a planner would not rather read them all.
const ROWS: u32 = 20_000;

/// The tables and aliases that are never gone through as a whole.
const GROWING: [&str; 10] =
    ["payment", "work", "w", "line", "delivery", "d", "event", "notice", "payment_case", "idempotency"];

/// A statement and values for its parameters.
struct Asked {
    name: &'static str,
    sql: &'static str,
    values: &'static [&'static str],
}

const fn asked(name: &'static str, sql: &'static str, values: &'static [&'static str]) -> Asked {
    Asked { name, sql, values }
}

/// What workers, the API's lists, the console and the metrics ask.
fn every_one(kind: DatabaseKind) -> Vec<Asked> {
    const ACCOUNTS: &str = "'[[\"m\",\"a\"]]'";
    const CLAIM: [&str; 6] = ["5000", "5000", "90000", "32", "4", ACCOUNTS];
    let (claim_work, next_work, claim_delivery, open_payments) = match kind {
        DatabaseKind::Sqlite => {
            (work::CLAIM_SQLITE, work::NEXT_SQLITE, deliveries::CLAIM_SQLITE, payments::OPEN_SQLITE)
        }
        DatabaseKind::Postgres => {
            (work::CLAIM_POSTGRES, work::NEXT_POSTGRES, deliveries::CLAIM_POSTGRES, payments::OPEN_POSTGRES)
        }
    };
    vec![
        asked("work is claimed", claim_work, &CLAIM),
        asked("the next work", next_work, &[ACCOUNTS]),
        asked("deliveries are claimed", claim_delivery, &["5000", "5000", "90000", "32", "4"]),
        asked("the next delivery", deliveries::NEXT, &[]),
        asked("deliveries of an event", deliveries::OF_EVENT, &["'m'", "'evt_00007'"]),
        asked("a payment by reference", payments::BY_REFERENCE, &["'m'", "'R-7'"]),
        asked("payments", payments::OLDER, &["'m'", "'~'", "NULL", "NULL", "0", "99999", "26"]),
        asked("newer payments", payments::NEWER, &["'m'", "'pay_00007'", "NULL", "NULL", "0", "99999", "26"]),
        asked(
            "open payments by status",
            payments::OLDER_OPEN,
            &["'m'", "'~'", "'pending'", "NULL", "0", "99999", "26"],
        ),
        asked(
            "payments by a last status",
            payments::OLDER_CLOSED,
            &["'m'", "'~'", "'approved'", "NULL", "0", "99999", "26"],
        ),
        asked("payments by reference", payments::OLDER, &["'m'", "'~'", "NULL", "'R-7'", "0", "99999", "26"]),
        asked("open payments", open_payments, &[]),
        asked("open payments of a customer", payments::OPEN_OF_CUSTOMER, &["'m'", "'c7'", "10"]),
        asked("events", events::OLDER, &["'m'", "'~'", "NULL", "NULL", "0", "99999", "26"]),
        asked("newer events", events::NEWER, &["'m'", "'evt_00007'", "NULL", "NULL", "0", "99999", "26"]),
        asked("events by payment", events::OLDER, &["'m'", "'~'", "NULL", "'pay_00007'", "0", "99999", "26"]),
        asked("events of a payment", events::OF_PAYMENT, &["'m'", "'pay_00007'"]),
        asked("the latest notices", notices::LATEST, &["'m'", "200"]),
        asked("notices of a payment", notices::COLUMNS_OF_PAYMENT, &["'m'", "'pay_00007'"]),
        asked("notices kept lately", notices::KEPT_SINCE, &["'m'", "'a'", "19000", "200"]),
        asked("the next keys", idempotency::NEXT, &["'m'", "'/'", "'k-7'", "1000"]),
        asked("open cases", cases::OPEN, &["'m'", "20"]),
    ]
}

/// Fills the growing tables. One in a hundred payments is open.
const SEED: [&str; 7] = [
    "INSERT INTO payment SELECT 'm', 'pay_' || i, 'R-' || i, 'k', 'p', 'a', 'c' || i % 1000, '{}', 'COP', 1, 0, 0, 0, 0, \
     CASE WHEN i % 100 = 0 THEN 'pending' ELSE 'approved' END, \
     CASE WHEN i % 100 = 0 THEN 1 ELSE 0 END, 'confirmed', NULL, '{}', i, 1, i, i FROM number",
    "INSERT INTO work SELECT 'm', 'att_' || i, 'pay_' || i, 'a', i % 2, i, 0, 0, 0, 'probe' FROM number",
    "INSERT INTO event SELECT 'm', 'evt_' || i, 'pay_' || i, 'payment.approved', '{}', 2, 'created', 'approved', 'confirmed', \
     'probe', i FROM number",
    "INSERT INTO delivery SELECT 'm', 'evt_' || i, 'whe_1', 'pending', 0, i, 0, 0, NULL FROM number",
    "INSERT INTO notice SELECT 'm', 'ntc_' || i, 'a', 'pay_' || i, 'forged', '', '', NULL, 1, NULL, 200, i FROM number",
    "INSERT INTO idempotency SELECT 'm', '/', 'k-' || i, 'f', i, 'pay_' || i, NULL, NULL, NULL FROM number",
    "INSERT INTO payment_case SELECT 'm', 'pay_' || i, 'conflict', 'case_' || i, i FROM number",
];

async fn run(store: &Store, statement: String) -> Vec<String> {
    use sqlx::Row;
    let mut tx = store.begin().await.expect("a transaction");
    let sql = AssertSqlSafe(statement.clone());
    let lines = match tx.link().expect("a link") {
        Link::Sqlite(connection) => {
            let rows = sqlx::query(sql).fetch_all(connection).await.expect("an answer");
            rows.iter().map(|row| row.try_get("detail").unwrap_or_default()).collect()
        }
        Link::Postgres(connection) => {
            let rows = sqlx::query(sql).fetch_all(connection).await.expect("an answer");
            rows.iter().map(|row| row.try_get(0).unwrap_or_default()).collect()
        }
    };
    tx.commit().await.expect("written");
    lines
}

async fn filled(database: &TestDatabase) -> Store {
    let store = Store::connect(&database.url).await.expect("the database");
    store.migrate().await.expect("the schema");
    run(&store, "CREATE TABLE number (i BIGINT)".into()).await;
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <";
    run(&store, format!("{numbers} {ROWS}) INSERT INTO number SELECT i FROM n")).await;
    for table in SEED {
        run(&store, table.into()).await;
    }
    let endpoint = "INSERT INTO event_endpoint (merchant_id, id, url, sealed_secret, idempotency_key, created_at) \
        VALUES ('m', 'whe_1', 'u', '', 'k', 0)";
    run(&store, endpoint.into()).await;
    run(&store, "ANALYZE".into()).await;
    store
}

/// The lines of a plan that go through a whole growing table.
fn whole_tables(plan: &[String]) -> Vec<&String> {
    let is_growing =
        |name: &str| GROWING.contains(&name.trim_matches(|c: char| !c.is_alphanumeric() && c != '_'));
    let goes_through = |line: &&String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let scanned = match words[..] {
            ["SCAN", table, ..] => Some(table),
            _ => words.windows(4).find(|four| four[..3] == ["Seq", "Scan", "on"]).map(|four| four[3]),
        };
        scanned.is_some_and(is_growing)
    };
    plan.iter().filter(goes_through).collect()
}

testing::both_databases! {
    async fn what_is_asked_often_goes_through_no_growing_table(database: TestDatabase) {
        let store = filled(&database).await;
        for Asked { name, sql, values } in every_one(database.kind) {
            let statement = match database.kind {
                // Planned as it is prepared, before its values are known.
                DatabaseKind::Sqlite => format!("EXPLAIN QUERY PLAN {sql}"),
                DatabaseKind::Postgres => {
                    let with_values = values.iter().enumerate().rev().fold(sql.to_owned(), |text, (index, value)| {
                        text.replace(&format!("${}", index + 1), value)
                    });
                    format!("EXPLAIN {with_values}")
                }
            };
            let plan = run(&store, statement).await;
            assert!(!plan.is_empty(), "{name}");
            assert!(whole_tables(&plan).is_empty(), "{name}: {plan:#?}");
        }
        // The test sees such a plan where there is one.
        let everything = "SELECT COUNT(*) FROM payment WHERE detail_json = 'x'";
        let explain = if database.kind == DatabaseKind::Sqlite { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
        let plan = run(&store, format!("{explain} {everything}")).await;
        assert_eq!(whole_tables(&plan).len(), 1, "{plan:?}");
        store.close().await;
    }
}
