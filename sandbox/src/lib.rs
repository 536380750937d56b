//! Mounts the simulators on real HTTP, with a steering port and its page.
//!
//! A [`Sandbox`] gives each simulator a port of its own, a clock, chance from a seed, an outbox for
//! notices and faults on demand; it writes down what passed. Everything is volatile: it is a stand-in
//! for providers and never the real thing. [`Steering`] is the handle that tests use in-process; the
//! steering port offers the same over HTTP under `/_sandbox/`.

mod alteration;
mod config;
mod due;
mod exchange;
mod listener;
mod notices;
mod running;
mod state;
mod steering;
mod targets;
mod tls;
mod travel;

pub use config::{Limits, Mount, SandboxConfig};
pub use notices::{CraftedNotice, Delivery, Notice, NoticeState};
pub use running::{RunningSandbox, Sandbox, StartError};
pub use state::ProviderStatus;
pub use steering::{Steering, SteeringError};
pub use targets::{AllowedTargets, TargetError};
pub use tls::IdentityError;
pub use travel::{Arrival, FollowerState, TravelError};
