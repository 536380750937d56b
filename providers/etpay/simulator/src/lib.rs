//! ETpay simulated: sessions by API, the payment funnel, signed notices and the status query.
//!
//! Written from the numbered facts of `../PROTOCOL.md`; a choice that nobody confirmed carries its id there
//! (`ET-U…`) beside the constant or function that makes it. Section numbers in comments (§) are those of that file.
//!
//! Reading order: [`route`] names what is asked, `api` answers a merchant's server, [`funnel`] the payer's browser,
//! [`session`] is where a payer stands, `effects` tells the world what happened.

pub mod account;
mod api;
pub mod attack;
pub mod banks;
pub mod claims;
pub mod conduct;
pub mod course;
mod effects;
pub mod funnel;
mod guide;
pub mod instant;
pub mod jwt;
pub mod notice;
pub mod order;
pub mod reasons;
pub mod redirect;
pub mod refusal;
pub mod route;
pub mod rut;
pub mod session;
mod steering;
#[cfg(test)]
mod stories;
mod table;
pub mod tokens;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use simulation::strict_json;
use simulation::{
    Account, Command, CommandError, Guide, NewAccount, NoticeOutcome, OutgoingNotice, Reply, Request,
    Simulator, Timestamp, World,
};

use account::{Merchant, Settings};
use conduct::Conduct;
use course::Course;
use refusal::Refusal;
use route::Route;
use session::Session;

/// The provider's id.
pub const PROVIDER: &str = "etpay";

/// Sessions remembered; beyond that the oldest is forgotten.
const SESSIONS_KEPT: usize = 200_000;
/// Merchants that steering may open.
const MERCHANTS_LIMIT: usize = 1_000;

/// The provider.
#[derive(Debug, Default)]
pub struct EtPay {
    merchants: Vec<Merchant>,
    /// By a number that grows, so that the newest are last.
    sessions: BTreeMap<u64, Session>,
    next_id: u64,
    by_token: HashMap<String, u64>,
    by_payment: HashMap<String, u64>,
    /// By account and order id, oldest first.
    by_order: HashMap<(String, String), Vec<u64>>,
    /// When which session changes by itself.
    schedule: BTreeSet<(Timestamp, u64)>,
    scheduled: HashMap<u64, Timestamp>,
    /// Outcomes scripted through steering, by account and order id.
    scripts: HashMap<(String, String), VecDeque<Course>>,
    conduct: HashMap<String, Conduct>,
}

impl EtPay {
    /// A provider without merchants.
    pub fn new() -> Self {
        Self::default()
    }

    fn merchant(&self, name: &str) -> Option<&Merchant> {
        self.merchants.iter().find(|merchant| merchant.name == name)
    }

    fn merchant_mut(&mut self, name: &str) -> Result<&mut Merchant, CommandError> {
        self.merchants
            .iter_mut()
            .find(|merchant| merchant.name == name)
            .ok_or_else(|| CommandError(format!("etpay has no account `{name}`")))
    }

    /// The settings of a session's merchant.
    fn settings_of(&self, id: u64) -> Settings {
        let merchant = self.sessions.get(&id).and_then(|session| self.merchant(&session.merchant));
        merchant.map(|merchant| merchant.settings.clone()).unwrap_or_default()
    }

    /// The attempt's name, made when it is first needed.
    fn name_attempt(&mut self, id: u64, world: &mut dyn World) {
        if let Some(session) = self.sessions.get_mut(&id) {
            let name = session.name_attempt(world);
            self.by_payment.insert(name, id);
        }
    }
}

impl Simulator for EtPay {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    fn operation(&self, request: &Request) -> &'static str {
        Route::of(request).operation()
    }

    fn account_of(&self, request: &Request) -> Option<String> {
        match Route::of(request) {
            Route::Initialize(_) | Route::CheckStatus(_) => {
                let body = strict_json::parse(&request.body).ok()?;
                let text = |name: &str| body.get(name).and_then(strict_json::Value::as_str);
                let (code, token) = (text("merchant_code"), text("merchant_api_token"));
                let merchant = self.merchants.iter().find(|merchant| {
                    Some(merchant.code.as_str()) == code || Some(merchant.api_token.as_str()) == token
                })?;
                Some(merchant.name.clone())
            }
            Route::Funnel(_, token, _) => {
                let session = self.sessions.get(self.by_token.get(token)?)?;
                Some(session.merchant.clone())
            }
            Route::Terms | Route::Stylesheet | Route::Icon | Route::Unknown => None,
        }
    }

    fn open_account(&mut self, wanted: NewAccount, world: &mut dyn World) -> Result<Account, CommandError> {
        if wanted.name.is_empty() || self.merchant(&wanted.name).is_some() {
            return Err(CommandError(format!("an account needs a name of its own, not `{}`", wanted.name)));
        }
        if self.merchants.len() >= MERCHANTS_LIMIT {
            return Err(CommandError(format!("etpay keeps {MERCHANTS_LIMIT} accounts at most")));
        }
        let mut settings = Settings::default();
        for (name, value) in &wanted.settings {
            settings.set(name, value)?;
        }
        let mut code = account::merchant_code(&wanted.name, &settings);
        if self.merchants.iter().any(|merchant| merchant.code == code) {
            code = format!("{code}_{}", self.merchants.len() + 1);
        }
        let merchant = Merchant::open(wanted.name, code, wanted.notification_url, settings, world);
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
            Route::Initialize(environment) => self.initialize(environment, request, world),
            Route::CheckStatus(environment) => self.check_status(environment, request, world),
            Route::Funnel(environment, token, step) => self.funnel(environment, token, step, request, world),
            Route::Terms => funnel::terms(),
            Route::Stylesheet => funnel::stylesheet(),
            Route::Icon => Reply { status: 204, headers: Vec::new(), body: Vec::new() },
            Route::Unknown => Refusal::NotFound.reply(),
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.schedule.first().map(|(at, _)| *at)
    }

    fn wake(&mut self, world: &mut dyn World) {
        let now = world.now();
        while let Some((at, id)) = self.schedule.first().copied().filter(|(at, _)| *at <= now) {
            self.schedule.remove(&(at, id));
            self.scheduled.remove(&id);
            self.come_due(id, at, world);
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

    fn guide(&self, _now: Timestamp) -> Option<Guide> {
        Some(guide::guide(self.merchants.first()))
    }
}
