//! Several instances of the hub on one PostgreSQL: what they do to each other when they die, freeze, race, are
//! restarted, or lose their database. The judges are the provider's ledger and journal, the merchant's inbox and the
//! API, never the hub's own tables.

mod front;
#[path = "../support/parties.rs"]
mod parties;
mod races;
mod restarts;
#[path = "../support/mod.rs"]
mod support;
mod take_over;
mod world;
