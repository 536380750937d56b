//! The vocabulary and the pure rules of a payment.
//!
//! A merchant asks for an [`order`] to be paid; we keep a payment; each try at a provider is an
//! [`attempt`]; what money did is a [`movement`]. What we learn is an [`observation`](fact::Observation)
//! made of [`fact`]s, and [`summary`] computes the status from them, whatever order they arrived in.
//! What we do at a provider is a [`task`], done in [`step`]s by a pure [`provider`].
//!
//! Nothing here does I/O, and nothing here owns a clock or chance: time and entropy are handed in.

pub mod account;
pub mod agreement;
pub mod attempt;
pub mod card;
mod card_number;
pub mod case;
pub mod charges;
pub mod currency;
pub mod dispersion;
pub mod division;
pub mod entropy;
pub mod fact;
pub mod id;
pub mod instrument;
pub mod money;
pub mod movement;
pub mod notice;
pub mod operation;
pub mod order;
pub mod person;
pub mod profile;
pub mod provider;
pub mod recurrence;
pub mod status;
pub mod step;
pub mod storefront;
pub mod subject;
pub mod summary;
pub mod task;
pub mod token;

/// An instant, UTC, kept to the microsecond.
pub type Timestamp = jiff::Timestamp;

pub use account::Account;
pub use currency::Currency;
pub use entropy::Entropy;
pub use fact::{Fact, FactKind, Observation};
pub use money::Money;
pub use order::Order;
pub use provider::Provider;
pub use status::Status;
pub use step::Step;
pub use storefront::Storefront;
pub use subject::Subject;
pub use summary::{Summary, summary};
pub use task::Task;
