//! The providers as the matrix plays them: who pays how, who is declined, what a forger tries.

pub mod avalpay;
pub mod carat_esitef;
pub mod etpay;
pub mod pagoefectivo;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hub::store::Payment;
use payment::account::Environment;
use payment::{Order, Provider, Status};
use serde_json::Value;
use simulation::{NewAccount, Simulator};
use testing::TestDatabase;

use crate::support::stage::{Cast, Stage};

/// Something being done.
pub type Doing<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
/// Something that a payer, or somebody else, does about a payment.
pub type Deed = for<'a> fn(&'a Stage, &'a Payment) -> Doing<'a>;

/// Every provider of the matrix.
pub const ALL: [fn() -> Player; 4] =
    [avalpay::player, pagoefectivo::player, etpay::player, carat_esitef::player];

/// A provider.
#[derive(Clone, Copy)]
pub struct Player {
    /// Its id.
    pub provider: &'static str,
    /// Its PROTOCOL.md below `providers/`.
    pub protocol_file: &'static str,
    /// How the hub speaks to it.
    pub protocol: fn() -> Arc<dyn Provider>,
    /// Who answers.
    pub simulator: fn() -> Box<dyn Simulator>,
    /// The provider account.
    pub account: &'static str,
    /// What its account is opened with.
    pub open: fn(&mut NewAccount),
    /// An order.
    pub order: fn(&str) -> Order,
    /// The payer pays.
    pub pay: Deed,
    /// The payer pays what the hub does not know, after a creation whose answer was lost; true when there is such a thing.
    pub pay_unknown: fn(&Stage, &Payment) -> bool,
    /// The payer is declined for good, and what the payment is then.
    pub decline: (Deed, Status),
    /// A forger tells of a payment.
    pub forge: Deed,
    /// The operation that creates.
    pub creation: &'static str,
    /// A query's operation, the member of its answer that tells the state, and a word for it that nobody knows.
    pub unknown: (&'static str, &'static str, fn() -> Value),
    /// Whether its answers tell a state before anything was paid, and afterwards tell of the charge itself.
    pub tells_state_before_charge: bool,
    /// How often the provider tells of one end at the most, in all.
    pub deliveries: usize,
    /// Whether nobody signs its notices: each one makes the hub ask, however often it comes, and is itself believed nothing.
    pub only_hints: bool,
    /// Beyond the first look-up of a payment of which nobody told, in seconds.
    pub probe_s: u64,
    /// Beyond the end of a payment that nobody pays, in seconds.
    pub expiry_s: u64,
    /// What no log may hold beside the account's secrets.
    pub secrets: &'static [&'static str],
    /// Hardships that do not apply.
    pub absences: &'static [Absence],
}

/// A hardship that does not apply.
pub struct Absence {
    /// Which.
    pub hardship: &'static str,
    /// Where the provider's PROTOCOL.md says so.
    pub number: &'static str,
    /// In these words.
    pub words: &'static str,
}

impl Player {
    /// The hub's verdict on a notice that it takes.
    pub const fn taken(&self) -> &'static str {
        if self.only_hints { "unsigned" } else { "valid" }
    }

    /// Sets everything up.
    pub async fn stage(&self, database: &TestDatabase) -> Stage {
        let cast = Cast {
            protocol: (self.protocol)(),
            simulator: (self.simulator)(),
            account: self.account,
            order: self.order,
        };
        Stage::build(database, cast, self.open, Environment::Test, |_| {}).await
    }
}
