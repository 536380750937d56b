//! What is left of a history: everything that the hub keeps and says, opened. Two histories that differ only in what the
//! hub must never know leave the same.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use hub::store::{SealedColumn, SealedRowKey};
use tracing_subscriber::fmt::MakeWriter;

use crate::plan::Operation;
use crate::provider::Payer;
use crate::run::{Violation, tell_and_look};
use crate::world::World;

/// Sealed values of one column: more than a history has.
const ALL: u32 = 100_000;

/// What the hub kept and said, by place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Payments with attempts, facts, history, events, cases, calls and notices.
    pub records: String,
    /// Every sealed value in plain text, by its place.
    pub sealed: Vec<(String, String)>,
    /// Everything that merchants were told.
    pub told: Vec<String>,
    /// The log, without the real time that things took.
    pub log: String,
    /// How often the payer's own card was charged.
    pub charges: usize,
}

/// Tells a history in which a payer has a card of their own, and gathers what is left of it.
///
/// # Errors
/// The first [`Violation`].
pub fn remains(seed: u64, operations: &[Operation], payer: Payer) -> Result<Remains, Violation> {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_max_level(tracing::Level::TRACE)
        .without_time()
        .with_ansi(false)
        .finish();
    let listening = tracing::subscriber::set_default(subscriber);
    let (_, mut remains) = tell_and_look(seed, operations, Some(payer), look)?;
    drop(listening);
    remains.log = log.text();
    Ok(remains)
}

async fn look(world: &World) -> Remains {
    let hub = world.hub();
    let mut sealed = Vec::new();
    for column in SealedColumn::ALL {
        let none = SealedRowKey::default();
        let rows = hub.store.sealed_otherwise(column, b"no key", &none, ALL).await.expect("rows");
        for row in rows {
            let place = column.place(&row.key);
            let plain = hub.vault.open(&place, &row.sealed).expect("it opens");
            sealed.push((place, String::from_utf8_lossy(&plain).into_owned()));
        }
    }
    let records = world.records_as_text().await;
    let state = world.wire.state();
    let told = state.inboxes.iter().flatten().map(|event| format!("{event:?}")).collect();
    let charges = state.provider.ledger.iter().filter(|entry| entry.kind == "charge").count();
    Remains { records, sealed, told, log: String::new(), charges }
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        text.lines().map(without_real_time).collect::<Vec<_>>().join("\n")
    }
}

/// A line of the log without what the clock on the wall says.
fn without_real_time(line: &str) -> String {
    let words = line.split(' ').filter(|word| !word.starts_with("elapsed_ms="));
    words.collect::<Vec<_>>().join(" ")
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
