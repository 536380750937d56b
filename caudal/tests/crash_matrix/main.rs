//! `kill -9` at every commit and every outbound call of a payment's way. The judges are the provider's ledger, the
//! merchant's inbox and the API, never the hub's own tables.

#[path = "../support/parties.rs"]
mod parties;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use hub::crash::POINTS;
use parties::Told;
use testing::{DatabaseKind, TestDatabase};
use tokio::sync::Semaphore;
use world::World;

/// With `all` every point runs on PostgreSQL too, not only a share.
const MODE_VARIABLE: &str = "CAUDAL_CRASH_MATRIX";
/// Chooses the share of the points that runs on PostgreSQL, such as the commit.
const SEED_VARIABLE: &str = "CAUDAL_CRASH_SEED";
/// Points that run on PostgreSQL.
const SHARE: usize = 8;
/// Points side by side.
const SIDE_BY_SIDE: usize = 3;

testing::both_databases! {
    async fn whatever_line_the_hub_dies_at_one_charge_is_made_and_told(database: TestDatabase) {
        let points = chosen(database.kind);
        let places = Arc::new(Semaphore::new(SIDE_BY_SIDE));
        let kind = database.kind;
        let runs: Vec<_> = points
            .iter()
            .map(|point| {
                let (point, places) = (*point, Arc::clone(&places));
                tokio::spawn(async move {
                    let _place = places.acquire_owned().await.expect("a place");
                    tokio::task::spawn_blocking(move || tell_apart(point, kind)).await
                })
            })
            .collect();
        let mut table = Table::new(kind);
        for (point, run) in points.into_iter().zip(runs) {
            table.add(point, run.await.expect("a run"));
        }
        table.finish();
    }

    async fn a_creation_that_died_is_begun_anew_when_its_request_comes_again(database: TestDatabase) {
        let row = tell("create.after_call", database.kind).await;
        assert_eq!((row.status.as_str(), row.charges), ("approved", 1));
    }
}

/// How the story of a point goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// Ordered, paid, told.
    Paid,
    /// The same, and the provider's first answer is lost.
    PaidAfterALostAnswer,
    /// The merchant asks once, and never again.
    Abandoned,
    /// Ordered and taken back.
    Cancelled,
    /// The endpoint gets another secret before the order.
    PaidAfterARotation,
}

/// What the judges said of one point.
struct Row {
    deaths: usize,
    recoveries: Vec<Duration>,
    status: String,
    charges: usize,
    told: Told,
}

/// The story in which a point is reached, and what each process is to die of, in order.
fn plan(point: &'static str) -> (Story, Vec<String>) {
    let once = |point: &str| vec![point.to_owned()];
    // The first key that is claimed by itself is that of the merchant's endpoint, the second that of the cancellation: the
    // key of an order is claimed and answered in the transactions of the order. The first delivery tells where to pay.
    let second_time = |point: &str| vec![format!("{point}:2")];
    let after_a_death = |point: &str| vec!["create.after_call".to_owned(), point.to_owned()];
    let (part, _) = point.split_once('.').expect("a part");
    match part {
        "key" => (Story::Cancelled, second_time(point)),
        "delivery" => (Story::Paid, second_time(point)),
        "create_again" => (Story::PaidAfterALostAnswer, once(point)),
        "resume" => (Story::Paid, after_a_death(point)),
        "lost_creation" => (Story::Abandoned, after_a_death(point)),
        "cancel" => (Story::Cancelled, once(point)),
        "rotation" => (Story::PaidAfterARotation, once(point)),
        _ => (Story::Paid, once(point)),
    }
}

/// Tells the story of one point on a runtime of its own, so that one that fails harms no other.
fn tell_apart(point: &'static str, kind: DatabaseKind) -> Row {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(tell(point, kind))
}

/// Tells the story of one point, and asks the judges.
///
/// # Panics
/// When the point is not reached, or a judge finds something wrong.
async fn tell(point: &'static str, kind: DatabaseKind) -> Row {
    let (story, lives) = plan(point);
    let deaths = lives.len();
    let database = TestDatabase::fresh(kind).await.expect("a database");
    let world = World::start(&database, lives).await;
    let (status, charges) = match story {
        Story::Paid => ("approved", 1),
        Story::PaidAfterARotation => {
            world.rotate_secret().await;
            ("approved", 1)
        }
        Story::PaidAfterALostAnswer => {
            world.lose_the_next_creation();
            ("approved", 1)
        }
        Story::Abandoned => ("failed", 0),
        Story::Cancelled => ("cancelled", 0),
    };
    match story {
        Story::Paid | Story::PaidAfterALostAnswer | Story::PaidAfterARotation => {
            let payment = world.order().await;
            let result = world.pay(&payment).await;
            world.until_told(status).await;
            world.come_back(&result).await;
        }
        Story::Abandoned => {
            world.order_once().await;
            world.until_told(status).await;
        }
        Story::Cancelled => {
            let payment = world.order().await;
            world.cancel(&payment).await;
            world.until_told(status).await;
        }
    }
    world.until_dead(deaths).await;
    world.let_pass(600).await;
    let payment = world.payment().await.expect("the payment");
    let row = Row {
        deaths: world.deaths(),
        recoveries: world.recoveries(),
        status: payment["status"].as_str().unwrap_or_default().to_owned(),
        charges: world.charges(),
        told: world.told(status),
    };
    assert!(world.trace().lines().any(|line| line == point), "{point} was never reached\n{}", world.log());
    assert_eq!(row.deaths, deaths, "deaths at {point}\n{}", world.log());
    assert_eq!((row.status.as_str(), row.charges), (status, charges), "the API and the ledger at {point}");
    let paid = if charges == 1 { 11_900_000 } else { 0 };
    assert_eq!(payment["paid"], paid, "{payment}");
    assert_eq!(world.endpoints().await.len(), 1, "one endpoint was asked for at {point}");
    assert!(row.told.times >= 1, "payment.{status} was never told");
    assert_eq!(row.told.ids, 1, "payment.{status} was told by several events");
    row
}

/// All points on SQLite; on PostgreSQL a share that the seed chooses.
fn chosen(kind: DatabaseKind) -> Vec<&'static str> {
    let is_all = std::env::var(MODE_VARIABLE).is_ok_and(|mode| mode == "all");
    let mut points = POINTS.to_vec();
    if kind == DatabaseKind::Sqlite || is_all {
        return points;
    }
    let seed = std::env::var(SEED_VARIABLE).unwrap_or_else(|_| "1".to_owned());
    points.sort_by_key(|point| mixed(&format!("{seed} {point}")));
    points.truncate(SHARE);
    points
}

/// FNV-1a: the same on every machine.
fn mixed(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Points by outcomes, as it is printed.
struct Table {
    kind: DatabaseKind,
    text: String,
    recoveries: Vec<Duration>,
    failed: Vec<String>,
    points: usize,
}

impl Table {
    fn new(kind: DatabaseKind) -> Table {
        let mut text = String::new();
        let header = ["point", "database", "deaths", "payment", "charges", "told", "events"];
        let [point, database, deaths, payment, charges, told, events] = header;
        writeln!(text, "{point:<34}{database:<10}{deaths:>6}  {payment:<10}{charges:>7}{told:>6}{events:>8}")
            .expect("text");
        Table { kind, text, recoveries: Vec::new(), failed: Vec::new(), points: 0 }
    }

    fn add(&mut self, point: &str, run: Result<Row, tokio::task::JoinError>) {
        self.points += 1;
        let kind = self.kind.to_string();
        match run {
            Ok(Row { deaths, recoveries, status, charges, told }) => {
                let Told { times, ids } = told;
                writeln!(
                    self.text,
                    "{point:<34}{kind:<10}{deaths:>6}  {status:<10}{charges:>7}{times:>6}{ids:>8}"
                )
                .expect("text");
                self.recoveries.extend(recoveries);
            }
            Err(_) => {
                writeln!(self.text, "{point:<34}{kind:<10}FAILED").expect("text");
                self.failed.push(point.to_owned());
            }
        }
    }

    /// Prints the table past the test harness, and fails when a point did.
    fn finish(mut self) {
        self.recoveries.sort();
        let at = |share: usize| {
            let index = self.recoveries.len().saturating_sub(1) * share / 100;
            self.recoveries.get(index).copied().unwrap_or_default().as_millis()
        };
        let said = format!(
            "{}{} points on {}, {} failed; from kill to ready: median {} ms, longest {} ms ({} restarts)",
            self.text,
            self.points,
            self.kind,
            self.failed.len(),
            at(50),
            at(100),
            self.recoveries.len()
        );
        // Where standard error is closed there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{said}");
        assert!(self.failed.is_empty(), "{:?}", self.failed);
    }
}

#[test]
fn a_share_is_the_same_for_the_same_seed_and_every_point_has_a_story() {
    assert_eq!(mixed(""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(mixed("a"), 0xaf63_dc4c_8601_ec8c, "the published vector of FNV-1a");
    for point in POINTS {
        let (_, lives) = plan(point);
        assert!(lives.last().is_some_and(|life| life.split(':').next() == Some(point)), "{point}");
    }
}
