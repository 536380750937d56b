//! The main flow, read straight through: create, drive, receive, apply, probe, deliver.

pub mod access_token;
pub mod apply_facts;
mod await_more;
mod batch;
pub mod cancel_payment;
pub mod create_payment;
pub mod deliver_event;
pub mod document;
pub mod drive_task;
pub mod idempotency;
mod keep_instruments;
pub mod manage_endpoints;
pub mod note_agreements;
pub mod operate;
pub mod probe;
mod query_policy;
pub mod receive_notice;
pub mod remove_instrument;
pub mod rotate_keys;
mod settle_operations;
pub mod supply_card;
mod target;
pub mod wire_mask;
pub mod words;
pub mod writer;

pub use apply_facts::{Known, Source, apply_facts};
pub use cancel_payment::{CancelError, cancel_payment};
pub use create_payment::{CreateError, Made, NewPayment, create_keyed_payment, create_payment};
pub use deliver_event::{begin_deliveries, deliver_due_events};
pub use note_agreements::{AgreementError, note_agreements};
pub use operate::{NewOperation, OperateError, operate};
pub use probe::{AskCause, AskError, ask_now, begin_probes, probe_due};
pub use receive_notice::receive_notice;
pub use remove_instrument::{RemoveError, remove_instrument};
pub use rotate_keys::{KeyUse, Rotated, key_use, rotate_keys};
pub use supply_card::{SupplyError, Typed, supply_card, waits_for_card};
