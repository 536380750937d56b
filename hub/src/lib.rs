//! The payment hub: one API, one checkout, one console over several providers.
//!
//! Data flows one way: `api`, `notices` and `pages` call `flow`, `flow` calls `store` and the pure rules
//! of the crate `payment`. Providers come in through the [`payment::Provider`] trait and are named nowhere here.

pub mod api;
pub mod chance;
pub mod clock;
pub mod crash;
mod fault;
pub mod flow;
pub mod heartbeat;
pub mod limits;
pub mod metrics;
pub mod notice_memory;
pub mod notices;
pub mod outbound;
pub mod pages;
pub mod panics;
pub mod room;
pub mod server;
pub mod settings;
pub mod state;
pub mod store;
pub mod text;
pub mod vault;
pub mod workers;

pub use clock::Clock;
pub use settings::Settings;
pub use state::{Hub, Providers};
