//! What is set up for the rounds on one database: ceiling, companion, hub, and sessions to notify about.

use std::time::Duration;

use anyhow::ensure;

use crate::ceilings::Sqlite;
use crate::ceilings::pgbench::{self, Script};
use crate::companion::Companion;
use crate::goals::{Engine, Quantity};
use crate::hub::{Hub, Workers};
use crate::load::{self, Pace, Shape};
use crate::postgres::Postgres;
use crate::processor::{Usage, Watched};
use crate::report::Row;
use crate::rounds::Course;
use crate::works::{Creations, Sessions};

/// Clients of `pgbench`; the better of the two counts.
const CLIENTS: [u32; 2] = [8, 32];
/// Clients that write in batches: more only wait for each other.
const BATCH_CLIENTS: u32 = 2;
/// Transactions A in one commit of SQLite.
const SQLITE_BATCH: u32 = 128;
/// Connections that create the payments that notices are about.
const CREATORS: usize = 32;
/// How long a hub is left alone before its memory is read.
const SETTLING: Duration = Duration::from_millis(500);

/// A database without a hub.
pub enum Ceiling {
    /// PostgreSQL through `pgbench`.
    Postgres {
        /// The server, which is the hub's too.
        server: Postgres,
        /// Payments in its tables.
        rows: u64,
    },
    /// SQLite, by one thread.
    Sqlite(Box<Sqlite>),
}

/// A database with everything around it.
pub struct Stage {
    /// Which database.
    pub engine: Engine,
    /// The database without a hub.
    pub ceiling: Ceiling,
    /// The hub, without workers.
    pub hub: Hub,
    /// The provider and the yardsticks.
    pub companion: Companion,
    /// Whose processor time is told apart.
    pub watched: Watched,
    /// What notices are about.
    pub sessions: Sessions,
    /// Notices a second that go at the most, once that is known.
    pub capacity: Option<f64>,
}

impl Ceiling {
    /// Which database it is of.
    pub const fn engine(&self) -> Engine {
        match self {
            Self::Postgres { .. } => Engine::Postgres,
            Self::Sqlite(_) => Engine::Sqlite,
        }
    }

    /// Transactions A a second, one a commit.
    ///
    /// # Errors
    /// What the database says.
    pub fn single(&mut self, span: Duration) -> anyhow::Result<f64> {
        match self {
            Self::Postgres { server, rows } => {
                let mut best = 0.0_f64;
                for clients in CLIENTS {
                    best = best.max(pgbench::run(server, Script::Single, clients, *rows, span)?);
                }
                Ok(best)
            }
            Self::Sqlite(sqlite) => sqlite.run(1, span),
        }
    }

    /// Transactions A a second, many a commit.
    ///
    /// # Errors
    /// What the database says.
    pub fn batch(&mut self, span: Duration) -> anyhow::Result<f64> {
        match self {
            Self::Postgres { server, rows } => {
                pgbench::run(server, Script::Batch, BATCH_CLIENTS, *rows, span)
            }
            Self::Sqlite(sqlite) => sqlite.run(SQLITE_BATCH, span),
        }
    }

    /// Has PostgreSQL make a checkpoint, as it does by itself every few minutes: a server that has run for a while has segments
    /// of its log to use again, and need not make each anew while somebody waits.
    ///
    /// # Errors
    /// What the database says.
    pub fn age(&self) -> anyhow::Result<()> {
        let Self::Postgres { server, .. } = self else { return Ok(()) };
        server.program("psql", &server.url("postgres"), &["--command".into(), "CHECKPOINT".into()]).map(drop)
    }

    /// What its figures are called in the file.
    pub const fn names(&self) -> [&'static str; 2] {
        match self {
            Self::Postgres { .. } => ["P (pgbench, one commit each)", "pgbench, 32 a commit"],
            Self::Sqlite(_) => ["S (SQLite, one commit each)", "SQLite, 128 a commit"],
        }
    }
}

impl Stage {
    /// Starts companion and hub, and has payments created that notices can be about.
    ///
    /// # Errors
    /// When one of them does not start, or no payment can be created.
    pub fn set(
        course: &mut Course,
        ceiling: Ceiling,
        watched: Watched,
        database: &str,
    ) -> anyhow::Result<Stage> {
        let engine = ceiling.engine();
        let companion = match &ceiling {
            Ceiling::Postgres { server, rows } => {
                Companion::start(Some((&server.url(pgbench::DATABASE), *rows)))?
            }
            Ceiling::Sqlite(_) => Companion::start(None)?,
        };
        let (program, place) = (&course.program, &course.place);
        let hub = Hub::start(program, place, engine, database, companion.address(), Workers::Nowhere)?;
        std::thread::sleep(SETTLING);
        if course.goals.contains(&10) {
            let idle = Row::judged(engine, Quantity::IdleMemory, hub.memory_mb()?, &Usage::default());
            course.report.add(idle);
        }
        let watched = Watched { hub: Some(hub.id()), companion: Some(companion.id()), ..watched };
        let shape = Shape { warm_up: Duration::ZERO, ..course.spans.shape(CREATORS, Pace::Closed) };
        let made = load::run(hub.address(), Creations { hub: hub.address() }, shape, &watched)?;
        let sessions: Sessions = companion.sessions()?.into();
        let trouble = made.trouble().unwrap_or_default();
        ensure!(!sessions.is_empty(), "no payment could be created on {}: {trouble}", engine.name());
        Ok(Stage { engine, ceiling, hub, companion, watched, sessions, capacity: None })
    }

    /// Ends hub and companion; the ceiling is left.
    pub fn strike(self) -> Ceiling {
        self.ceiling
    }
}
