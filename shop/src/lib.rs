//! The demo shop: a merchant's own software, written as one would write it.
//!
//! It knows the hub by its public HTTP API and its signed events, and by nothing else: a shopper fills a
//! [`buyer`] form, [`placing`] asks the hub for a payment, and an order counts as paid when a verified
//! [`events`] message or the hub's own answer says so *and* agrees with what the shop itself recorded.
//!
//! Everything it knows is kept in memory and is gone when it stops.

pub mod amount;
pub mod buyer;
pub mod catalogue;
pub mod clock;
pub mod events;
pub mod hub_client;
pub mod language;
pub mod market;
pub mod means;
pub mod memory;
pub mod order;
mod pages;
pub mod placing;
pub mod running;
pub mod settings;
pub mod signature;
mod text;
mod visitor;

pub use running::{RunningShop, Shop, StartError};
pub use settings::ShopSettings;

/// An instant, UTC.
pub type Timestamp = jiff::Timestamp;
