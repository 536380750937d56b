//! The thread: one order from creation to its end, against the simulated provider over HTTP, on both databases.

mod driver;
mod floods;
mod given_back;
mod hostile_notices;
mod look_ups;
mod lost_and_found;
mod lost_answers;
mod parts;
mod paying;
mod pending;
mod provider_answers;
mod stage;
#[path = "../support/mod.rs"]
mod support;
