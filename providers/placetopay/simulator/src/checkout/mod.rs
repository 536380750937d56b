//! PlacetoPay Checkout as Aval Pay runs it: sessions by API, a hosted page, notices.
//!
//! Reading order: [`route`] names what is asked; [`api`], `collect`, `wallet` and `actions` answer the merchant's server,
//! `page` the payer's browser, `panel` the merchant's. [`session`] is the state machine, [`attempt`] and [`charge`] what is
//! in it; `reversal` and `recurrence` are what comes after, `effects` tells the world what happened.

pub mod account;
mod actions;
pub mod amount;
pub mod api;
pub mod attempt;
pub mod banks;
pub mod cards;
pub mod charge;
mod collect;
pub mod course;
pub mod create;
pub mod dispersion;
pub mod documents;
pub mod echo;
mod effects;
pub mod fields;
mod guide;
pub mod instrument;
mod judge;
pub mod methods;
pub mod notice;
pub mod objection;
mod page;
mod panel;
pub mod person;
mod random;
pub mod reasons;
mod recurrence;
pub mod recurring;
pub mod refusal;
mod reversal;
pub mod route;
pub mod session;
mod steering;
#[cfg(test)]
mod stories;
pub mod texts;
pub mod transaction;
pub mod vault;
mod wallet;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use simulation::form::decode_path;
use simulation::{Account, Command, CommandError, NewAccount, Reply, Request, Simulator, Timestamp, World};

use account::{Merchant, Settings};
use collect::Key;
use course::{Course, Verdict};
use recurrence::Recurrence;
use reversal::LateReversal;
use route::{Operation, Route};
use session::Session;
use vault::Vault;

/// The provider's id.
pub const PROVIDER: &str = "avalpay";

/// Sessions remembered; beyond that the oldest is forgotten, with its transactions and what recurs of it.
const SESSIONS_KEPT: usize = 200_000;
/// Sites that steering may open.
const MERCHANTS_LIMIT: usize = 1_000;
/// Where the provider's numbers start: of a size that real ones have.
const FIRST_REQUEST_ID: u64 = 508_817;
const FIRST_INTERNAL_REFERENCE: u64 = 990_398;

/// Something that happens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Due {
    /// A session expires, an attempt is decided, a hold is released.
    Session(u64),
    /// A recurrence charges.
    Recurrence(u64),
    /// The network settles a late reversal.
    LateReversal(u64),
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// An attempt of a session, or one part of it.
    Session { request_id: u64, attempt: usize, part: Option<usize> },
    /// A later charge of a recurrence.
    Recurrence { number: u64, charge: usize },
}

/// The provider.
#[derive(Debug)]
pub struct AvalPay {
    merchants: Vec<Merchant>,
    sessions: BTreeMap<u64, Session>,
    /// What happens by itself, and when.
    schedule: BTreeSet<(Timestamp, Due)>,
    scheduled: HashMap<Due, Timestamp>,
    /// Outcomes of charges scripted through steering, by reference.
    scripts: HashMap<String, VecDeque<Course>>,
    /// Outcomes of what is done to charges later, by reference.
    action_scripts: HashMap<String, VecDeque<Verdict>>,
    /// Every transaction by its number, and by those of the actions on it (AV-U71).
    transactions: HashMap<u64, Place>,
    /// The session of each bank's page.
    bank_keys: HashMap<String, u64>,
    /// Stored cards.
    vault: Vault,
    /// Collects by what makes them the same.
    collected: HashMap<Key, (Timestamp, u64)>,
    recurrences: Vec<Recurrence>,
    late_reversals: Vec<LateReversal>,
    /// Account and reference of every approved session.
    paid_references: HashSet<(String, String)>,
    next_request_id: u64,
    next_internal_reference: u64,
}

impl Default for AvalPay {
    fn default() -> Self {
        Self::new()
    }
}

impl AvalPay {
    /// A provider without sites.
    pub fn new() -> Self {
        Self {
            merchants: Vec::new(),
            sessions: BTreeMap::new(),
            schedule: BTreeSet::new(),
            scheduled: HashMap::new(),
            scripts: HashMap::new(),
            action_scripts: HashMap::new(),
            transactions: HashMap::new(),
            bank_keys: HashMap::new(),
            vault: Vault::default(),
            collected: HashMap::new(),
            recurrences: Vec::new(),
            late_reversals: Vec::new(),
            paid_references: HashSet::new(),
            next_request_id: FIRST_REQUEST_ID,
            next_internal_reference: FIRST_INTERNAL_REFERENCE,
        }
    }

    fn merchant(&self, name: &str) -> Option<&Merchant> {
        self.merchants.iter().find(|merchant| merchant.name == name)
    }

    fn merchant_mut(&mut self, name: &str) -> Result<&mut Merchant, CommandError> {
        self.merchants
            .iter_mut()
            .find(|merchant| merchant.name == name)
            .ok_or_else(|| CommandError(format!("avalpay has no account `{name}`")))
    }

    /// The settings of a session's site.
    fn settings_of(&self, session: &Session) -> Settings {
        self.merchant(&session.merchant).map(|merchant| merchant.settings.clone()).unwrap_or_default()
    }
}

impl Simulator for AvalPay {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    fn operation(&self, request: &Request) -> &'static str {
        Route::of(request).operation()
    }

    fn account_of(&self, request: &Request) -> Option<String> {
        match Route::of(request) {
            Route::Api(_) => {
                let login = api::login_of(request)?;
                let merchant = self.merchants.iter().find(|merchant| merchant.login == login)?;
                Some(merchant.name.clone())
            }
            Route::Page(id, key, _) => {
                let session = self.sessions.get(&id).filter(|session| session.key == key)?;
                Some(session.merchant.clone())
            }
            Route::Bank(key, _) => {
                let session = self.sessions.get(&self.session_at_bank(key)?)?;
                Some(session.merchant.clone())
            }
            Route::Panel(view) => {
                self.merchant(&decode_path(view.account()?)).map(|merchant| merchant.name.clone())
            }
            Route::Static(_) | Route::Unknown => None,
        }
    }

    fn open_account(&mut self, wanted: NewAccount, world: &mut dyn World) -> Result<Account, CommandError> {
        if wanted.name.is_empty() || self.merchant(&wanted.name).is_some() {
            return Err(CommandError(format!("an account needs a name of its own, not `{}`", wanted.name)));
        }
        if self.merchants.len() >= MERCHANTS_LIMIT {
            return Err(CommandError(format!("avalpay keeps {MERCHANTS_LIMIT} accounts at most")));
        }
        let mut settings = Settings::default();
        for (name, value) in &wanted.settings {
            settings.set(name, value)?;
        }
        let number = self.merchants.len() + 1;
        let merchant = Merchant::open(wanted.name, number, wanted.notification_url, settings, world);
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
        match Route::of(request) {
            Route::Api(Operation::Create) => self.create_session(request, world),
            Route::Api(Operation::Query(id)) => self.query_session(id, request, world),
            Route::Api(Operation::Cancel(id)) => self.cancel_session(id, request, world),
            Route::Api(Operation::Collect) => self.collect(request, world),
            Route::Api(Operation::Invalidate) => self.invalidate_token(request, world),
            Route::Api(Operation::Transaction) => self.act_on_transaction(request, world),
            Route::Api(Operation::Reverse) => self.reverse_as_before(request, world),
            Route::Api(Operation::Information) => self.inform(request, world),
            Route::Api(Operation::Token) => self.look_up_token(request, world),
            Route::Static(asset) => page::asset(asset),
            Route::Bank(key, decides) => self.bank(key, decides, request, world),
            Route::Panel(view) => self.panel(view, request, world),
            Route::Page(id, key, step) => self.page(id, key, step, request, world),
            Route::Unknown => self.unknown_path(request, world),
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.schedule.first().map(|(at, _)| *at)
    }

    fn wake(&mut self, world: &mut dyn World) {
        let now = world.now();
        while let Some((at, what)) = self.schedule.first().copied().filter(|(at, _)| *at <= now) {
            self.schedule.remove(&(at, what));
            self.scheduled.remove(&what);
            match what {
                Due::Session(request_id) => self.session_due(request_id, at, world),
                Due::Recurrence(number) => self.recurrence_due(number, at, world),
                Due::LateReversal(number) => self.settle_late_reversal(number, at, world),
            }
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

    fn guide(&self, now: Timestamp) -> Option<simulation::Guide> {
        Some(guide::guide(self.merchants.first(), now))
    }

    fn reset(&mut self) {
        let merchants = std::mem::take(&mut self.merchants);
        *self = Self { merchants, ..Self::new() };
    }

    fn published_cards(&self) -> Vec<String> {
        cards::all().iter().map(|card| card.number.to_owned()).collect()
    }
}

/// Lower-case hexadecimal.
fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
