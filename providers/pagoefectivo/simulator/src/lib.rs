//! PagoEfectivo simulated: tokens, payment codes (CIPs) and their page, notices, and the simulator of payments.
//!
//! Written from the numbered facts of `PROTOCOL.md` beside this crate; a choice that nobody confirmed carries
//! its id there (`PE-U…`) beside the constant or setting that makes it. Section numbers in comments (§) are
//! those of that file.
//!
//! Reading order: [`route`] names what is asked, `api` answers the five operations, `page` the payer's browser
//! and the developer's, [`cip`] is the state machine, `effects` tells the world what happened.

pub mod account;
pub mod answer;
mod api;
pub mod barcode;
pub mod cip;
mod effects;
pub mod fields;
mod guide;
pub mod hash;
mod judge;
pub mod lima;
pub mod messages;
pub mod notice;
pub mod order;
mod page;
mod random;
pub mod route;
pub mod settings;
mod steering;
#[cfg(test)]
mod stories;
pub mod tokens;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use simulation::{
    Account, Command, CommandError, Guide, NewAccount, NoticeOutcome, OutgoingNotice, Reply, Request,
    Simulator, Timestamp, World,
};

use account::Merchant;
use answer::bare;
use cip::Cip;
use route::Route;
use settings::Settings;
use steering::Failures;

/// The provider's id.
pub const PROVIDER: &str = "pagoefectivo";

/// CIPs remembered; beyond that the oldest is forgotten.
const CIPS_KEPT: usize = 200_000;
/// Services that steering may open.
const MERCHANTS_LIMIT: usize = 1_000;

/// The provider.
#[derive(Debug, Default)]
pub struct PagoEfectivo {
    merchants: Vec<Merchant>,
    cips: BTreeMap<u64, Cip>,
    /// CIPs in the order in which they were made.
    made: VecDeque<u64>,
    by_guid: HashMap<String, u64>,
    /// When whose reminder goes out.
    reminders: BTreeSet<(Timestamp, u64)>,
    /// Operations that steering lets fail.
    failures: Failures,
}

impl PagoEfectivo {
    /// A provider without services.
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
            .ok_or_else(|| CommandError(format!("pagoefectivo has no account `{name}`")))
    }

    fn cip_of_page(&self, guid: &str) -> Option<&Cip> {
        self.cips.get(self.by_guid.get(guid)?)
    }
}

impl Simulator for PagoEfectivo {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    fn operation(&self, request: &Request) -> &'static str {
        Route::of(request).operation()
    }

    fn account_of(&self, request: &Request) -> Option<String> {
        let merchant = match Route::of(request) {
            Route::Authorize => self.merchant_of_authorization(request),
            Route::Create | Route::Search | Route::Change(_) | Route::Delete(_) => {
                self.merchant_of_token(request)
            }
            Route::CipPage(guid) | Route::CipSms(guid) => {
                self.cip_of_page(guid).and_then(|cip| self.merchant(&cip.merchant))
            }
            Route::Simulator
            | Route::SimulatePayment
            | Route::SimulateNotice
            | Route::Stylesheet
            | Route::Front
            | Route::WrongMethod(_)
            | Route::Unknown => None,
        };
        merchant.map(|merchant| merchant.name.clone())
    }

    fn open_account(&mut self, wanted: NewAccount, world: &mut dyn World) -> Result<Account, CommandError> {
        if wanted.name.is_empty() || self.merchant(&wanted.name).is_some() {
            return Err(CommandError(format!("an account needs a name of its own, not `{}`", wanted.name)));
        }
        if self.merchants.len() >= MERCHANTS_LIMIT {
            return Err(CommandError(format!("pagoefectivo keeps {MERCHANTS_LIMIT} accounts at most")));
        }
        let mut settings = Settings::default();
        for (name, value) in &wanted.settings {
            settings.set(name, value)?;
        }
        let number = self.merchants.len();
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
            Route::Authorize => self.authorize(request, world),
            Route::Create => self.create_cip(request, world),
            Route::Search => self.search_cips(request, world),
            Route::Change(cip) => self.change_cip(cip, request, world),
            Route::Delete(cip) => self.delete_cip(cip, request, world),
            Route::CipPage(guid) => self.cip_page(guid, request, world),
            Route::CipSms(guid) => self.take_phone(guid, request, world),
            Route::Simulator => self.payment_simulator(request, world),
            Route::SimulatePayment => self.take_payment(request, world),
            Route::SimulateNotice => self.take_notice(request, world),
            Route::Stylesheet => page::stylesheet(),
            Route::Front => Reply::see_other(route::PAYMENT_SIMULATOR),
            Route::WrongMethod(methods) => {
                let mut reply = bare(405);
                reply.headers.push(("allow".into(), methods.into()));
                reply
            }
            Route::Unknown => {
                world.verdict("path_known", false, &format!("{} {}", request.method, request.path));
                bare(404)
            }
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.reminders.first().map(|(at, _)| *at)
    }

    fn wake(&mut self, world: &mut dyn World) {
        let now = world.now();
        while let Some((at, number)) = self.reminders.first().copied().filter(|(at, _)| *at <= now) {
            self.reminders.remove(&(at, number));
            self.remind(number, world);
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
        let mut merchants = std::mem::take(&mut self.merchants);
        for merchant in &mut merchants {
            merchant.revoke_tokens();
        }
        *self = Self { merchants, ..Self::default() };
    }

    fn notice_ended(&mut self, notice: &OutgoingNotice, outcome: &NoticeOutcome, world: &mut dyn World) {
        self.end_attempt(notice, outcome, world);
    }

    fn guide(&self, now: Timestamp) -> Option<Guide> {
        Some(guide::write(self.merchants.first(), now))
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
