//! The goals: what each figure is compared with, which bound fails the run, and which one is to be reached.

use std::fmt;

use serde::Serialize;

/// The goals that are measured here, by their numbers in `docs/performance.md`.
pub const MEASURED: [u8; 10] = [1, 2, 4, 5, 6, 7, 8, 9, 10, 11];

/// A database that the hub runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

impl Engine {
    /// How it is written in a table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }
}

/// What a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Notices a second over transactions a second, one commit each.
    NoticesToSingle,
    /// Notices a second over transactions a second, many to a commit.
    NoticesToBatch,
    /// Half of the notices are answered within this, in milliseconds.
    NoticeMedian,
    /// 99 of 100 notices are answered within this, in milliseconds.
    NoticeTail,
    /// 99 of 100 notices are answered within this at half of the hub's own capacity, in milliseconds.
    NoticeTailAtHalf,
    /// What the hub adds to the median of a bare call to the provider, in milliseconds.
    CreationAdded,
    /// Payments created a second over transactions a second, one commit each.
    CreationsToSingle,
    /// Forged notices a second over bare requests a second.
    ForgedToBare,
    /// Repeated notices a second over bare requests a second.
    RepeatedToBare,
    /// Events delivered a second over transactions a second, one commit each.
    DeliveriesToSingle,
    /// Memory of a hub that has nothing to do, in megabytes.
    IdleMemory,
    /// Memory of a hub under load, in megabytes.
    LoadedMemory,
    /// Processor time of a notice, database included, over that of one transaction a request.
    NoticeCost,
}

impl Quantity {
    /// What it is called in a table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoticesToSingle => "notices / one commit each",
            Self::NoticesToBatch => "notices / many a commit",
            Self::NoticeMedian => "notice at 2000/s, p50 ms",
            Self::NoticeTail => "notice at 2000/s, p99 ms",
            Self::NoticeTailAtHalf => "notice at half capacity, p99 ms",
            Self::CreationAdded => "creation, added p50 ms",
            Self::CreationsToSingle => "creations / one commit each",
            Self::ForgedToBare => "forged / bare HTTP",
            Self::RepeatedToBare => "repeated / bare HTTP",
            Self::DeliveriesToSingle => "deliveries / one commit each",
            Self::IdleMemory => "memory idle, MB",
            Self::LoadedMemory => "memory loaded, MB",
            Self::NoticeCost => "CPU of a notice / of sqlx each",
        }
    }
}

/// A bound of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Less is a failure.
    AtLeast(f64),
    /// More is a failure.
    AtMost(f64),
}

impl Bound {
    /// Whether a figure keeps it. What is no number keeps nothing.
    pub fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(formatter, ">= {least}"),
            Self::AtMost(most) => write!(formatter, "<= {most}"),
        }
    }
}

/// What is asked of one figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// The goal's number.
    pub goal: u8,
    /// On which database.
    pub engine: Engine,
    /// Of what.
    pub quantity: Quantity,
    /// What fails the run.
    pub gate: Option<Bound>,
    /// What is to be reached.
    pub target: Option<Bound>,
}

/// How a figure stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The target is reached.
    Reached,
    /// The gate is passed, the target is not reached.
    Short,
    /// The gate is not passed.
    Failed,
}

impl Verdict {
    /// The word in a table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Short => "short of it",
            Self::Failed => "GATE FAILED",
        }
    }
}

impl Demand {
    /// Judges a figure. Missing the target of a demand without a gate fails nothing.
    pub fn judge(&self, figure: f64) -> Verdict {
        let passes = self.gate.is_none_or(|gate| gate.holds(figure));
        let reaches = self.target.is_none_or(|target| target.holds(figure));
        match (passes, reaches) {
            (false, _) => Verdict::Failed,
            (true, true) => Verdict::Reached,
            (true, false) => Verdict::Short,
        }
    }
}

/// The demand on a quantity.
pub fn demand(engine: Engine, quantity: Quantity) -> Option<&'static Demand> {
    DEMANDS.iter().find(|demand| demand.engine == engine && demand.quantity == quantity)
}

const fn least(goal: u8, engine: Engine, quantity: Quantity, gate: Option<f64>, target: f64) -> Demand {
    let gate = match gate {
        Some(gate) => Some(Bound::AtLeast(gate)),
        None => None,
    };
    Demand { goal, engine, quantity, gate, target: Some(Bound::AtLeast(target)) }
}

const fn most(goal: u8, engine: Engine, quantity: Quantity, gate: Option<f64>, target: f64) -> Demand {
    let gate = match gate {
        Some(gate) => Some(Bound::AtMost(gate)),
        None => None,
    };
    Demand { goal, engine, quantity, gate, target: Some(Bound::AtMost(target)) }
}

/// All of them, from measurements of prototypes before the hub was written.
const DEMANDS: [Demand; 25] = [
    least(1, Engine::Postgres, Quantity::NoticesToSingle, Some(1.3), 2.0),
    least(1, Engine::Postgres, Quantity::NoticesToBatch, None, 0.5),
    least(2, Engine::Sqlite, Quantity::NoticesToSingle, Some(1.8), 2.7),
    least(2, Engine::Sqlite, Quantity::NoticesToBatch, None, 0.8),
    most(4, Engine::Postgres, Quantity::NoticeMedian, None, 2.0),
    most(4, Engine::Postgres, Quantity::NoticeTail, Some(15.0), 5.0),
    most(4, Engine::Sqlite, Quantity::NoticeMedian, None, 0.6),
    most(4, Engine::Sqlite, Quantity::NoticeTail, Some(15.0), 5.0),
    most(5, Engine::Postgres, Quantity::NoticeTailAtHalf, Some(40.0), 16.0),
    most(5, Engine::Sqlite, Quantity::NoticeTailAtHalf, Some(40.0), 16.0),
    most(6, Engine::Postgres, Quantity::CreationAdded, Some(2.0), 0.8),
    most(6, Engine::Sqlite, Quantity::CreationAdded, Some(2.0), 0.5),
    least(7, Engine::Postgres, Quantity::CreationsToSingle, Some(0.7), 1.1),
    least(7, Engine::Sqlite, Quantity::CreationsToSingle, Some(1.0), 1.5),
    least(8, Engine::Postgres, Quantity::ForgedToBare, Some(0.5), 0.9),
    // The common gate of this goal, 0.5, lies above this target.
    least(8, Engine::Postgres, Quantity::RepeatedToBare, None, 0.3),
    least(8, Engine::Sqlite, Quantity::ForgedToBare, Some(0.5), 0.9),
    least(8, Engine::Sqlite, Quantity::RepeatedToBare, Some(0.5), 0.8),
    least(9, Engine::Postgres, Quantity::DeliveriesToSingle, Some(1.5), 2.5),
    most(10, Engine::Postgres, Quantity::IdleMemory, Some(48.0), 25.0),
    most(10, Engine::Postgres, Quantity::LoadedMemory, Some(96.0), 64.0),
    most(10, Engine::Sqlite, Quantity::IdleMemory, Some(48.0), 25.0),
    most(10, Engine::Sqlite, Quantity::LoadedMemory, Some(96.0), 64.0),
    most(11, Engine::Postgres, Quantity::NoticeCost, Some(0.6), 0.35),
    most(11, Engine::Sqlite, Quantity::NoticeCost, Some(0.6), 0.35),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_judged_by_gate_and_target() {
        let ratio = demand(Engine::Postgres, Quantity::NoticesToSingle).expect("a demand");
        let verdicts = [1.29, 1.3, 1.99, 2.0, f64::NAN].map(|figure| ratio.judge(figure));
        use Verdict::{Failed, Reached, Short};
        assert_eq!(verdicts, [Failed, Short, Short, Reached, Failed]);
        let tail = demand(Engine::Sqlite, Quantity::NoticeTail).expect("a demand");
        assert_eq!([5.0, 5.1, 15.1].map(|figure| tail.judge(figure)), [Reached, Short, Failed]);
        let batch = demand(Engine::Postgres, Quantity::NoticesToBatch).expect("a demand");
        assert_eq!([0.01, 0.5].map(|figure| batch.judge(figure)), [Short, Reached]);
    }

    #[test]
    fn every_target_is_stricter_than_its_gate() {
        for demand in &DEMANDS {
            match (demand.gate, demand.target) {
                (Some(Bound::AtLeast(gate)), Some(Bound::AtLeast(target))) => assert!(target > gate),
                (Some(Bound::AtMost(gate)), Some(Bound::AtMost(target))) => assert!(target < gate),
                (gate, target) => assert!(gate.is_none() && target.is_some(), "{demand:?}"),
            }
        }
    }

    #[test]
    fn every_goal_has_a_demand_and_every_demand_a_goal() {
        for goal in MEASURED {
            assert!(DEMANDS.iter().any(|demand| demand.goal == goal), "goal {goal}");
        }
        assert!(DEMANDS.iter().all(|demand| MEASURED.contains(&demand.goal)));
    }
}
