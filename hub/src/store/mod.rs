//! The database: SQLite or PostgreSQL behind one face. Every SQL text of the product is in this folder.

mod aggregates;
mod agreements;
mod attempts;
mod backup;
mod calls;
mod cases;
mod changes;
mod creations;
mod database;
mod deliveries;
mod direct;
mod endpoints;
mod events;
mod facts;
mod idempotency;
mod instruments;
mod joint;
mod lane;
mod log;
mod notices;
mod operations;
mod payments;
#[cfg(test)]
mod plans;
mod rows;
mod sealed;
mod sets;
mod statistics;
mod tokens;
mod work;

pub use aggregates::Aggregate;
pub use agreements::AgreementLine;
pub(crate) use attempts::{Named, Naming};
pub use backup::DatabaseFile;
pub use changes::Changes;
pub use creations::{Begun, KeyedPayment};
pub use database::{IN_MEMORY, Store, StoreError, Tx};
pub use deliveries::{ClaimedDelivery, DeliveryOutcome};
pub use endpoints::Rotation;
pub use idempotency::{IdempotencyRecord, KeptBody, Key, KeyAnswer, KeyClaim, RecordedBody};
pub use instruments::TokenKey;
pub use operations::{HandedOver, UnderWay};
pub use payments::PendingCount;
pub use rows::*;
pub use sealed::{SealedColumn, SealedCount, SealedRow, SealedRowKey};
pub use work::WorkAccount;
