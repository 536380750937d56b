//! What a sandbox is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use simulation::{Clock, Simulator};

use crate::targets::AllowedTargets;

/// A simulator and the port it is reached at.
pub struct Mount {
    /// The provider's server.
    pub simulator: Box<dyn Simulator>,
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// `http`, or `https` when a proxy in front of this port speaks TLS; for the links the simulator writes.
    pub public_scheme: &'static str,
}

impl Mount {
    /// On loopback, plain HTTP; port 0 takes a free one.
    pub fn on_loopback(simulator: Box<dyn Simulator>, port: u16) -> Self {
        Self { simulator, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), public_scheme: "http" }
    }
}

/// How much of everything a sandbox keeps and accepts.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's body; more is answered with 413.
    pub body_bytes: usize,
    /// Connections open at the same time, per port.
    pub connections: usize,
    /// Time for a request's headers, and again for its body.
    pub read_timeout: Duration,
    /// Entries of the journal.
    pub journal_entries: usize,
    /// Bytes of text kept of a body in the journal.
    pub journal_body_bytes: usize,
    /// Lines of the ledger.
    pub ledger_lines: usize,
    /// Messages in the inbox.
    pub inbox_messages: usize,
    /// Notices remembered, queued ones included.
    pub notices: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            connections: 512,
            read_timeout: Duration::from_secs(15),
            journal_entries: 5_000,
            journal_body_bytes: 16 * 1024,
            ledger_lines: 100_000,
            inbox_messages: 5_000,
            notices: 10_000,
        }
    }
}

/// What a sandbox is started with.
pub struct SandboxConfig {
    /// The simulators, each provider once.
    pub mounts: Vec<Mount>,
    /// Where steering listens; port 0 takes a free one.
    pub steering: SocketAddr,
    /// Host names under which the steering port may be called, beside addresses and `localhost`.
    pub steering_hosts: Vec<String>,
    /// The same seed gives the same keys, nonces and codes in the same order of events.
    pub seed: u64,
    /// The business clock.
    pub clock: Clock,
    /// Where notices may go.
    pub allowed_targets: AllowedTargets,
    /// Whether the providers speak TLS (1.2 and 1.3 only) with a certificate made at the start. Steering does not.
    pub tls: bool,
    /// How long a merchant may take to answer a notice.
    pub notice_timeout: Duration,
    /// Bounds.
    pub limits: Limits,
}

impl SandboxConfig {
    /// These simulators, steering on a free loopback port, real time, private targets only.
    pub fn new(mounts: Vec<Mount>) -> Self {
        Self {
            mounts,
            steering: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            steering_hosts: Vec::new(),
            seed: 0,
            clock: Clock::real(),
            allowed_targets: AllowedTargets::PrivateOnly,
            tls: false,
            notice_timeout: Duration::from_secs(10),
            limits: Limits::default(),
        }
    }
}
