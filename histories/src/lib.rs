//! Seeded histories: what merchants, shoppers, the provider, the network and the machine may do to the hub, drawn by
//! chance from a seed, and judged after every step.
//!
//! Everything is in memory and on one thread: the hub with its routes, a database, the providers' simulators,
//! the merchants' inboxes. Time is moved by hand, chance comes from the seed, and so a seed replays a run.
//! Reading order: [`plan`] draws operations, `world` performs them, `judge` compares hub, ledger and inboxes, [`run`]
//! tells a history from its beginning to its end, [`shrink`] finds the shortest one that still fails.

mod clients;
mod judge;
pub mod plan;
mod provider;
mod remains;
mod rests;
pub mod run;
mod settle;
pub mod shrink;
mod wire;
mod world;

pub use plan::Operation;
pub use provider::{Card, Part, Payer};
pub use remains::{Remains, remains};
pub use run::{Told, Violation, tell};
pub use shrink::{Shortest, shorten};
