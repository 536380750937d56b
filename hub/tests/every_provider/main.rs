//! The matrix: every provider through every hardship, on both databases. What came of it is `docs/matrix.md`, which this
//! compares; a cell that does not apply cites the provider's own protocol.
//!
//! A provider is one more file of `players/`.

mod hardships;
mod players;
mod secrets;
#[path = "../support/mod.rs"]
mod support;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use testing::{DatabaseKind, TestDatabase};

use self::hardships::HARDSHIPS;
use self::players::Player;

/// A hardship being gone through: what came of it, in a few words.
pub type Playing = Pin<Box<dyn Future<Output = String>>>;

/// A column of the matrix.
pub struct Hardship {
    /// Its word.
    pub name: &'static str,
    /// Goes through it.
    pub play: fn(Player, TestDatabase) -> Playing,
}

/// The variable that has the matrix written instead of compared.
const WRITE: &str = "CAUDAL_WRITE_MATRIX";

testing::both_databases! {
    async fn avalpay_goes_through_every_hardship(database: TestDatabase) {
        check(players::avalpay::player(), database.kind);
    }

    async fn pagoefectivo_goes_through_every_hardship(database: TestDatabase) {
        check(players::pagoefectivo::player(), database.kind);
        // The last cell: neither key stands in record, log, wire log or events.
        testing::covers!("PE-07", "PE-47");
    }

    async fn etpay_goes_through_every_hardship(database: TestDatabase) {
        check(players::etpay::player(), database.kind);
    }

    async fn carat_esitef_goes_through_every_hardship(database: TestDatabase) {
        check(players::carat_esitef::player(), database.kind);
    }
}

/// Every hardship of one provider, compared with its row.
fn check(player: Player, kind: DatabaseKind) {
    let cells: Vec<String> = HARDSHIPS.iter().map(|hardship| cell(player, hardship, kind)).collect();
    let row = format!("| {} | {} |", player.provider, cells.join(" | "));
    let path = matrix();
    let committed = std::fs::read_to_string(&path).expect("docs/matrix.md");
    if std::env::var_os(WRITE).is_some() {
        let begin = format!("| {} |", player.provider);
        let lines: Vec<&str> =
            committed.lines().map(|line| if line.starts_with(&begin) { &row } else { line }).collect();
        std::fs::write(&path, lines.join("\n") + "\n").expect("docs/matrix.md can be written");
        return;
    }
    assert!(committed.lines().any(|line| line == row), "docs/matrix.md has another row than\n{row}");
}

/// One cell, on a database, a thread and a runtime of its own: a hub that dies there takes nobody along.
fn cell(player: Player, hardship: &'static Hardship, kind: DatabaseKind) -> String {
    if let Some(absence) = player.absences.iter().find(|absence| absence.hardship == hardship.name) {
        return format!("n/a: PROTOCOL.md {}", absence.number);
    }
    let playing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let database = TestDatabase::fresh(kind).await.expect("a database");
            (hardship.play)(player, database).await
        })
    });
    playing.join().unwrap_or_else(|_| panic!("{} on {kind}: {}", player.provider, hardship.name))
}

fn matrix() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/matrix.md")
}

#[test]
fn the_matrix_has_a_column_for_each_hardship_and_a_row_for_each_provider() {
    let committed = std::fs::read_to_string(matrix()).expect("docs/matrix.md");
    let names: Vec<&str> = HARDSHIPS.iter().map(|hardship| hardship.name).collect();
    let heading = format!("| provider | {} |", names.join(" | "));
    assert!(
        committed.lines().any(|line| line == heading),
        "docs/matrix.md has another heading than\n{heading}"
    );
    let mut rows: Vec<&str> =
        committed.lines().filter(|line| line.starts_with("| ") && *line != heading).collect();
    rows.sort_unstable();
    let mut known: Vec<&str> = players::ALL.map(|player| player().provider).to_vec();
    known.sort_unstable();
    let firsts: Vec<&str> =
        rows.iter().filter_map(|row| row.split(" | ").next()?.strip_prefix("| ")).collect();
    assert_eq!(firsts, known);
}

#[test]
fn what_does_not_apply_is_told_by_the_provider_s_own_protocol() {
    for player in players::ALL.map(|player| player()) {
        let protocol = Path::new(env!("CARGO_MANIFEST_DIR")).join("../providers").join(player.protocol_file);
        let protocol = std::fs::read_to_string(&protocol).expect("the provider's PROTOCOL.md");
        let protocol = protocol.split_whitespace().collect::<Vec<_>>().join(" ");
        for absence in player.absences {
            assert!(
                HARDSHIPS.iter().any(|hardship| hardship.name == absence.hardship),
                "{}",
                absence.hardship
            );
            assert!(
                protocol.contains(absence.words),
                "{} {}: {}",
                player.provider,
                absence.number,
                absence.words
            );
        }
    }
}
