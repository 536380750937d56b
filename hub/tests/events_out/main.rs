//! Events on their way to merchants: waits, endpoints that fail, secrets, the log, resending, and who waits for whom.

mod endpoints;
mod log;
mod receiver;
mod resending;
mod slow;
#[path = "../support/mod.rs"]
mod support;
