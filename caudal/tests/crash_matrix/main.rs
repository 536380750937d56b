//! `kill -9` at every commit and every outbound call of a payment's way, with each provider whose way has it. The judges are the provider's ledger, the
//! merchant's inbox and the API, never the hub's own tables.

#[path = "../support/parties.rs"]
mod parties;
mod plan;
mod stories;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use hub::crash::POINTS;
use parties::Part::AvalPay;
use parties::Told;
use plan::{Cell, Story};
use testing::{DatabaseKind, TestDatabase};
use tokio::sync::Semaphore;
use world::World;

/// With `all` every cell runs on PostgreSQL too, not only a share; with `only:` and a text those whose names hold it.
const MODE_VARIABLE: &str = "CAUDAL_CRASH_MATRIX";
/// Chooses the share of the points that runs on PostgreSQL, such as the commit.
const SEED_VARIABLE: &str = "CAUDAL_CRASH_SEED";
/// Cells that run on PostgreSQL.
const SHARE: usize = 12;
/// Cells side by side.
const SIDE_BY_SIDE: usize = 4;

testing::both_databases! {
    async fn whatever_line_the_hub_dies_at_one_charge_is_made_and_told(database: TestDatabase) {
        let chosen = chosen(database.kind);
        let places = Arc::new(Semaphore::new(SIDE_BY_SIDE));
        let kind = database.kind;
        let runs: Vec<_> = chosen
            .iter()
            .map(|cell| {
                let (cell, places) = (*cell, Arc::clone(&places));
                tokio::spawn(async move {
                    let _place = places.acquire_owned().await.expect("a place");
                    tokio::task::spawn_blocking(move || tell_apart(cell, kind)).await
                })
            })
            .collect();
        let mut table = Table::new(kind);
        for (cell, run) in chosen.iter().zip(runs) {
            table.add(cell, run.await.expect("a run"));
        }
        table.finish();
    }

    async fn a_creation_that_died_is_begun_anew_when_its_request_comes_again(database: TestDatabase) {
        let cell = Cell { part: AvalPay, story: Story::Paid, point: "create.after_call", arrival: 1 };
        let row = tell(cell, database.kind).await;
        assert_eq!((row.status.as_str(), row.charges), ("approved", 1));
    }
}

/// What the judges said of one cell.
struct Row {
    deaths: usize,
    recoveries: Vec<Duration>,
    status: String,
    charges: usize,
    told: Told,
}

/// Tells the story of one cell on a runtime of its own, so that one that fails harms no other.
fn tell_apart(cell: Cell, kind: DatabaseKind) -> Row {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(tell(cell, kind))
}

/// Tells the story of one cell, and asks the judges.
///
/// # Panics
/// When the point is not reached, or a judge finds something wrong.
async fn tell(cell: Cell, kind: DatabaseKind) -> Row {
    let Cell { part, point, .. } = cell;
    let lives = cell.lives();
    let deaths = lives.len();
    let database = TestDatabase::fresh(kind).await.expect("a database");
    let world = World::start(part, &database, lives).await;
    let (status, charges) = cell.outcome();
    cell.story.play(&world, status).await;
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
    let paid = if charges == 1 { cell.charged() } else { 0 };
    assert_eq!((&payment["paid"], &payment["overpaid"]), (&paid.into(), &0.into()), "{payment}");
    let given_back = usize::from(cell.is_given_back());
    assert_eq!(world.refunds(), given_back, "the ledger at {point}");
    assert_eq!(world.endpoints().await.len(), 1, "one endpoint was asked for at {point}");
    assert!(row.told.times >= 1, "payment.{status} was never told");
    assert_eq!(row.told.ids, 1, "payment.{status} was told by several events");
    row
}

/// All cells on SQLite; on PostgreSQL a share that the seed chooses. Or those alone that somebody wants to see.
fn chosen(kind: DatabaseKind) -> Vec<Cell> {
    let mode = std::env::var(MODE_VARIABLE).unwrap_or_default();
    let mut cells = plan::cells();
    if let Some(wanted) = mode.strip_prefix("only:") {
        cells.retain(|cell| cell.name().contains(wanted));
        return cells;
    }
    if kind == DatabaseKind::Sqlite || mode == "all" {
        return cells;
    }
    let seed = std::env::var(SEED_VARIABLE).unwrap_or_else(|_| "1".to_owned());
    cells.sort_by_key(|cell| mixed(&format!("{seed} {}", cell.name())));
    cells.truncate(SHARE);
    cells
}

/// FNV-1a: the same on every machine.
fn mixed(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Cells by outcomes, as it is printed.
struct Table {
    kind: DatabaseKind,
    text: String,
    recoveries: Vec<Duration>,
    failed: Vec<String>,
    cells: usize,
}

impl Table {
    fn new(kind: DatabaseKind) -> Table {
        let mut text = String::new();
        let header = ["cell", "database", "deaths", "payment", "charges", "told", "events"];
        let [cell, database, deaths, payment, charges, told, events] = header;
        writeln!(text, "{cell:<62}{database:<10}{deaths:>6}  {payment:<10}{charges:>7}{told:>6}{events:>8}")
            .expect("text");
        Table { kind, text, recoveries: Vec::new(), failed: Vec::new(), cells: 0 }
    }

    fn add(&mut self, cell: &Cell, run: Result<Row, tokio::task::JoinError>) {
        self.cells += 1;
        let (cell, kind) = (cell.name(), self.kind.to_string());
        match run {
            Ok(Row { deaths, recoveries, status, charges, told }) => {
                let Told { times, ids } = told;
                writeln!(
                    self.text,
                    "{cell:<62}{kind:<10}{deaths:>6}  {status:<10}{charges:>7}{times:>6}{ids:>8}"
                )
                .expect("text");
                self.recoveries.extend(recoveries);
            }
            Err(_) => {
                writeln!(self.text, "{cell:<62}{kind:<10}FAILED").expect("text");
                self.failed.push(cell);
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
            "{}{} cells on {}, {} failed; from kill to ready: median {} ms, longest {} ms ({} restarts)",
            self.text,
            self.cells,
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
    let cells = plan::cells();
    for point in POINTS {
        assert!(cells.iter().any(|cell| cell.point == point), "{point} has no story");
    }
    let names: std::collections::BTreeSet<String> = cells.iter().map(Cell::name).collect();
    assert_eq!(names.len(), cells.len(), "a cell is told once");
}
