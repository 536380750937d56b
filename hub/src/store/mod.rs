//! The database: SQLite or PostgreSQL behind one face. Every SQL text of the product is in this folder.

mod attempts;
mod backup;
mod calls;
mod cases;
mod database;
mod deliveries;
mod endpoints;
mod events;
mod facts;
mod idempotency;
mod notices;
mod payments;
mod rows;
mod sealed;
mod work;

pub use backup::DatabaseFile;
pub use database::{IN_MEMORY, Store, StoreError, Tx};
pub use deliveries::{ClaimedDelivery, DeliveryOutcome};
pub use endpoints::Rotation;
pub use idempotency::IdempotencyRecord;
pub use payments::PendingCount;
pub use rows::*;
pub use sealed::{SealedColumn, SealedCount, SealedRow, SealedRowKey};
pub use work::WorkAccount;
