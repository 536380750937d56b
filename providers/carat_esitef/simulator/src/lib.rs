//! Carat e-SiTef simulated: payments by a hosted page and by REST, cards that are kept, notices and queries.
//!
//! Written from the numbered facts of `../PROTOCOL.md`; a choice that nobody confirmed carries its id there
//! (`CA-U…`) beside the constant or setting that makes it.
//!
//! Reading order: [`route`] names what is asked; `init` creates a payment for the hosted page and `rest` serves the
//! servers' interface; `page` is the payer's browser; [`transaction`] and [`storage`] are the state machines, moved by
//! `effects` only; `notices` writes what shops are told.

pub mod account;
pub mod authorizers;
pub mod cards;
pub mod codes;
pub mod course;
pub mod delivery;
mod effects;
mod guide;
pub mod identifiers;
mod init;
pub mod instant;
mod judge;
mod notices;
pub mod order;
mod page;
mod paying;
mod queries;
mod rest;
pub mod route;
mod steering;
pub mod storage;
#[cfg(test)]
mod stories;
pub mod transaction;
pub mod vault;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use simulation::{
    Account, Command, CommandError, Guide, NewAccount, NoticeOutcome, OutgoingNotice, Reply, Request,
    Simulator, Timestamp, World,
};

use account::{Merchant, Settings};
use course::Course;
use rest::cancel::{Cancellation, Refund};
use rest::{KeptAnswer, MaintenanceToken};
use route::Route;
use storage::Storage;
use transaction::Transaction;
use vault::Vault;

/// The provider's id.
pub const PROVIDER: &str = "carat_esitef";

/// Transactions remembered; beyond that the oldest is forgotten.
const TRANSACTIONS_KEPT: usize = 200_000;
/// Shops that steering may open.
const MERCHANTS_LIMIT: usize = 1_000;

/// The portal.
#[derive(Debug)]
pub struct CaratEsitef {
    merchants: Vec<Merchant>,
    transactions: HashMap<String, Transaction>,
    /// Every `nit`, oldest first.
    arrivals: VecDeque<String>,
    /// The last `nit` of an account's order.
    latest_of_order: HashMap<(String, String), String>,
    /// The shops' own numbers that were used, with the account.
    numbers: HashSet<(String, String)>,
    storages: HashMap<String, Storage>,
    cancellations: HashMap<String, Cancellation>,
    vault: Vault,
    tokens: HashMap<String, MaintenanceToken>,
    /// Answers kept under the idempotency keys of an account.
    answers: HashMap<(String, String), KeptAnswer>,
    /// Outcomes scripted through steering, by reference.
    scripts: HashMap<String, VecDeque<Course>>,
    /// Outcomes of cancellations scripted through steering, by reference.
    refund_scripts: HashMap<String, VecDeque<Refund>>,
    /// When which transaction changes by itself.
    schedule: BTreeSet<(Timestamp, String)>,
    scheduled: HashMap<String, Timestamp>,
    sequence: u64,
}

impl Default for CaratEsitef {
    fn default() -> Self {
        Self::new()
    }
}

impl CaratEsitef {
    /// A portal without shops.
    pub fn new() -> Self {
        Self {
            merchants: Vec::new(),
            transactions: HashMap::new(),
            arrivals: VecDeque::new(),
            latest_of_order: HashMap::new(),
            numbers: HashSet::new(),
            storages: HashMap::new(),
            cancellations: HashMap::new(),
            vault: Vault::default(),
            tokens: HashMap::new(),
            answers: HashMap::new(),
            scripts: HashMap::new(),
            refund_scripts: HashMap::new(),
            schedule: BTreeSet::new(),
            scheduled: HashMap::new(),
            sequence: 0,
        }
    }

    fn merchant(&self, name: &str) -> Option<&Merchant> {
        self.merchants.iter().find(|merchant| merchant.name == name)
    }

    fn merchant_by_id(&self, id: &str) -> Option<&Merchant> {
        self.merchants.iter().find(|merchant| merchant.id == id)
    }

    fn merchant_mut(&mut self, name: &str) -> Result<&mut Merchant, CommandError> {
        self.merchants
            .iter_mut()
            .find(|merchant| merchant.name == name)
            .ok_or_else(|| CommandError(format!("carat_esitef has no account `{name}`")))
    }

    /// The next of the portal's own numbers.
    fn next_usn(&mut self, now: Timestamp) -> String {
        self.sequence += 1;
        identifiers::esitef_usn(self.sequence, now)
    }
}

impl Simulator for CaratEsitef {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    fn operation(&self, request: &Request) -> &'static str {
        Route::of(request).operation()
    }

    fn account_of(&self, request: &Request) -> Option<String> {
        let merchant = match Route::of(request) {
            Route::Init(_) => self.merchant_by_id(&init::merchant_of(request)?)?,
            Route::Rest(_) => self.merchant_by_id(request.header("merchant_id")?)?,
            Route::Page(nit, _) | Route::QueryStatus(nit) => {
                return Some(self.transactions.get(&nit)?.merchant.clone());
            }
            Route::QueryStorage(nita) => return Some(self.storages.get(&nita)?.merchant.clone()),
            Route::Stylesheet | Route::WrongMethod | Route::Unknown => return None,
        };
        Some(merchant.name.clone())
    }

    fn open_account(&mut self, wanted: NewAccount, world: &mut dyn World) -> Result<Account, CommandError> {
        if wanted.name.is_empty() || self.merchant(&wanted.name).is_some() {
            return Err(CommandError(format!("an account needs a name of its own, not `{}`", wanted.name)));
        }
        if self.merchants.len() >= MERCHANTS_LIMIT {
            return Err(CommandError(format!("carat_esitef keeps {MERCHANTS_LIMIT} accounts at most")));
        }
        let mut settings = Settings::default();
        for (name, value) in &wanted.settings {
            settings.set(name, value)?;
        }
        let merchant = Merchant::open(wanted.name, wanted.notification_url, settings, world);
        let account = merchant.to_account();
        self.merchants.push(merchant);
        Ok(account)
    }

    fn accounts(&self) -> Vec<Account> {
        self.merchants.iter().map(Merchant::to_account).collect()
    }

    fn handle(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        // What is due comes first, so that an answer never shows a state that time has already ended.
        self.wake(world);
        judge::address(request, world);
        match Route::of(request) {
            Route::Init(format) => self.init(format, request, world),
            Route::Stylesheet => page::stylesheet(),
            Route::Page(nit, step) => self.page(&nit, step, request, world),
            Route::QueryStatus(nit) => self.query_status(&nit, world),
            Route::QueryStorage(nita) => self.query_storage(&nita, request, world),
            Route::Rest(call) => self.rest(call, request, world),
            Route::WrongMethod => rest::refuse(405, codes::Code::INVALID_OPERATION),
            Route::Unknown => rest::refuse(404, codes::Code::INVALID_OPERATION),
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.schedule.first().map(|(at, _)| *at)
    }

    fn wake(&mut self, world: &mut dyn World) {
        let now = world.now();
        while let Some((at, nit)) = self.schedule.first().cloned().filter(|(at, _)| *at <= now) {
            self.schedule.remove(&(at, nit.clone()));
            self.scheduled.remove(&nit);
            self.come_due(&nit, at, world);
        }
    }

    fn commands(&self) -> &'static [(&'static str, &'static str)] {
        steering::COMMANDS
    }

    fn command(
        &mut self,
        command: &Command,
        world: &mut dyn World,
    ) -> Result<serde_json::Value, CommandError> {
        self.steer(command, world)
    }

    fn reset(&mut self) {
        let merchants = std::mem::take(&mut self.merchants);
        *self = Self { merchants, ..Self::new() };
    }

    fn notice_ended(&mut self, notice: &OutgoingNotice, outcome: &NoticeOutcome, world: &mut dyn World) {
        self.hear_of_notice(notice, outcome, world);
    }

    fn answer_after(
        &mut self,
        question: &OutgoingNotice,
        outcome: &NoticeOutcome,
        world: &mut dyn World,
    ) -> Reply {
        self.go_on_after_check(question, outcome, world)
    }

    fn guide(&self, now: Timestamp) -> Option<Guide> {
        Some(guide::of(self.merchants.first(), now))
    }

    fn published_cards(&self) -> Vec<String> {
        cards::all().iter().map(|card| card.number.to_owned()).collect()
    }
}
