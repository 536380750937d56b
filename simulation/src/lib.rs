//! What every simulator of a provider needs, and nothing of any one provider.
//!
//! A [`Simulator`] is a state machine without sockets: it is given a request, the world it lives in
//! ([`World`]: clock, chance, journal notes, outgoing mail and notices) and answers. The `sandbox`
//! crate gives it its port, its faults on demand and its steering.

pub mod accounts;
pub mod card;
pub mod clock;
pub mod decimal;
pub mod exchange;
pub mod form;
pub mod guide;
pub mod hardship;
pub mod inbox;
pub mod journal;
pub mod ledger;
pub mod masking;
pub mod strict_json;
pub mod world;

pub use accounts::{Account, NewAccount};
pub use clock::{Clock, Timestamp};
pub use exchange::{Reply, Request};
pub use guide::Guide;
pub use world::{Command, CommandError, NoticeOutcome, OutgoingNotice, Simulator, World};
