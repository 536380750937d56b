//! Steering: all that can be seen and done to a sandbox from outside the simulated world.
//!
//! [`Steering`] is the one implementation; `api` offers it as JSON under `/_sandbox/`, `page` as a small
//! HTML page at `/`.

mod api;
mod guard;
mod guide;
mod page;
mod problem;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use simulation::card::{LONGEST, SHORTEST};
use simulation::hardship::{Hardship, Rule};
use simulation::inbox::Message;
use simulation::ledger::Entry as LedgerEntry;
use simulation::world::Canary;
use simulation::{
    Account, Command, CommandError, Guide, NewAccount, OutgoingNotice, Simulator, Timestamp, World, journal,
};

use crate::notices::{CraftedNotice, Notice, Parcel, deliver};
use crate::state::{Provider, ProviderStatus, State};
use crate::targets::TargetError;
use crate::travel::{self, Arrival, TravelError};

pub use guard::router;

/// What the sandbox says of itself, wherever it shows itself.
pub const DISCLAIMER: &str =
    "Simulador volátil: no es un proveedor de pagos, no mueve dinero y olvida todo al detenerse.";

/// Hardships in force at the same time.
const MOST_HARDSHIPS: usize = 1_000;
/// Canaries of one run.
const MOST_CANARIES: usize = 1_000;

/// A handle to a running sandbox. Clones are handles to the same one.
#[derive(Clone)]
pub struct Steering {
    state: Arc<State>,
}

/// Why steering refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SteeringError {
    /// No simulator of that provider is mounted.
    #[error("no provider {0} is mounted here")]
    UnknownProvider(String),
    /// No notice has that id.
    #[error("no notice {0} is known")]
    UnknownNotice(String),
    /// No hardship has that id.
    #[error("no hardship {0} is in force")]
    UnknownHardship(String),
    /// The request does not say what it must.
    #[error("{0}")]
    Invalid(String),
    /// The provider has no guide.
    #[error("the provider {0} has no guide")]
    NoGuide(String),
    /// The simulator refused the command or the account.
    #[error("{0}")]
    Refused(String),
    /// The target of a notice or follower is not allowed.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The clock could not be moved.
    #[error(transparent)]
    Travel(#[from] TravelError),
}

impl From<CommandError> for SteeringError {
    fn from(error: CommandError) -> Self {
        Self::Refused(error.0)
    }
}

/// The sandbox in short.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// What this is, in words.
    pub disclaimer: &'static str,
    /// Always true: nothing survives the process.
    pub volatile: bool,
    /// What an operator should know.
    pub warnings: Vec<String>,
    /// The seed of this run.
    pub seed: u64,
    /// The clock.
    pub clock: ClockStatus,
    /// The mounted providers.
    pub providers: Vec<ProviderStatus>,
    /// The newest journal entry.
    pub journal_sequence: u64,
    /// Lines that the ledger had to forget; 0 unless its limit was reached.
    pub ledger_lines_dropped: u64,
}

/// The clock.
#[derive(Clone, Debug, Serialize)]
pub struct ClockStatus {
    /// Business time.
    pub now: Timestamp,
    /// The machine's time.
    pub real_now: Timestamp,
    /// Microseconds that business time runs ahead.
    pub offset_us: i64,
    /// When something happens next by itself in the sandbox.
    pub next_due_at: Option<Timestamp>,
    /// Whether nothing is due and nothing is on its way in the sandbox.
    pub idle: bool,
    /// Who follows; `None` while a journey is on the way.
    pub followers: Option<Vec<String>>,
}

impl Steering {
    pub(crate) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    /// The sandbox in short.
    pub fn status(&self) -> Status {
        let now = self.state.clock.now();
        let providers = self.state.providers.iter().map(|provider| provider.status(now)).collect();
        let clock = self.clock();
        let records = self.state.records();
        Status {
            disclaimer: DISCLAIMER,
            volatile: true,
            warnings: self.warnings(),
            seed: self.state.seed,
            clock,
            providers,
            journal_sequence: records.journal.last_sequence(),
            ledger_lines_dropped: records.ledger_lines_dropped,
        }
    }

    /// What an operator should know: ports that others can reach.
    pub fn warnings(&self) -> Vec<String> {
        let ports = self.state.providers.iter().map(|provider| (provider.id, provider.address));
        ports
            .chain([("steering", self.state.steering_address)])
            .filter(|(_, address)| !address.ip().is_loopback())
            .map(|(what, address)| {
                format!(
                    "{what} listens on {address}, which is not loopback: anybody who reaches it can use it"
                )
            })
            .collect()
    }

    /// The clock.
    pub fn clock(&self) -> ClockStatus {
        let clock = &self.state.clock;
        ClockStatus {
            now: clock.now(),
            real_now: clock.real_now(),
            offset_us: clock.offset_us(),
            next_due_at: crate::due::next_due(&self.state),
            idle: crate::due::is_idle(&self.state),
            followers: self.state.followers.urls(),
        }
    }

    /// Moves the clock by seconds, stopping wherever something is due.
    pub async fn advance(&self, seconds: u64) -> Result<Arrival, SteeringError> {
        let state = Arc::clone(&self.state);
        Ok(self.undisturbed(async move { travel::advance(&state, seconds).await }).await?)
    }

    /// Moves the clock to an instant, stopping wherever something is due.
    pub async fn advance_to(&self, target: Timestamp) -> Result<Arrival, SteeringError> {
        let state = Arc::clone(&self.state);
        Ok(self.undisturbed(async move { travel::advance_to(&state, target).await }).await?)
    }

    /// Takes in a process that follows the clock.
    pub async fn follow(&self, url: &str) -> Result<(), SteeringError> {
        self.state.allowed_targets.check(url)?;
        Ok(travel::follow(&self.state, url).await?)
    }

    /// The accounts of all providers, by provider.
    pub fn accounts(&self) -> BTreeMap<String, Vec<Account>> {
        let accounts =
            |provider: &Provider| (provider.id.to_owned(), provider.machine().simulator.accounts());
        self.state.providers.iter().map(accounts).collect()
    }

    /// A provider's guide, and where the provider is reached.
    pub fn guide(&self, provider: &str) -> Result<(Guide, String), SteeringError> {
        let mounted = self.provider(provider)?;
        let guide = mounted.machine().simulator.guide(self.state.clock.now());
        let guide = guide.ok_or_else(|| SteeringError::NoGuide(provider.to_owned()))?;
        Ok((guide, mounted.origin()))
    }

    /// Opens an account at a provider; the answer carries its credentials.
    pub fn open_account(&self, provider: &str, wanted: NewAccount) -> Result<Account, SteeringError> {
        self.act(provider, |simulator, world| simulator.open_account(wanted, world))
    }

    /// Has a simulator carry out a command of its own.
    pub fn command(&self, provider: &str, command: &Command) -> Result<serde_json::Value, SteeringError> {
        self.act(provider, |simulator, world| simulator.command(command, world))
    }

    /// The hardships in force.
    pub fn hardships(&self) -> Vec<Hardship> {
        self.state.records().hardships.list().to_vec()
    }

    /// Puts a hardship in force.
    pub fn add_hardship(&self, rule: Rule) -> Result<Hardship, SteeringError> {
        self.provider(&rule.provider)?;
        let mut records = self.state.records();
        if records.hardships.list().len() >= MOST_HARDSHIPS {
            return Err(SteeringError::Invalid(format!("at most {MOST_HARDSHIPS} hardships are in force")));
        }
        Ok(records.hardships.add(rule))
    }

    /// Takes a hardship out of force.
    pub fn remove_hardship(&self, id: &str) -> Result<(), SteeringError> {
        let removed = self.state.records().hardships.remove(id);
        if removed { Ok(()) } else { Err(SteeringError::UnknownHardship(id.to_owned())) }
    }

    /// Takes all hardships out of force.
    pub fn clear_hardships(&self) {
        self.state.records().hardships.clear();
    }

    /// Journal entries after a sequence, oldest first.
    pub fn journal(&self, after: u64, provider: Option<&str>, limit: usize) -> Vec<journal::Entry> {
        self.state.records().journal.after(after, provider, limit)
    }

    /// The newest journal entries, newest first.
    pub fn latest_journal(&self, limit: usize) -> Vec<journal::Entry> {
        self.state.records().journal.latest(limit)
    }

    /// Ledger lines, oldest first, of all or of one provider and account.
    pub fn ledger(&self, provider: Option<&str>, account: Option<&str>) -> Vec<LedgerEntry> {
        let fits = |line: &&LedgerEntry| {
            provider.is_none_or(|wanted| line.provider == wanted)
                && account.is_none_or(|wanted| line.account == wanted)
        };
        self.state.records().ledger.iter().filter(fits).cloned().collect()
    }

    /// Messages to shoppers, oldest first, of all or to one address.
    pub fn inbox(&self, to: Option<&str>) -> Vec<Message> {
        let fits = |message: &&Message| to.is_none_or(|wanted| message.to == wanted);
        self.state.records().inbox.iter().filter(fits).cloned().collect()
    }

    /// Notices that wait, left or were spoilt, oldest first.
    pub fn notices(&self) -> Vec<Notice> {
        let records = self.state.records();
        records.notices.list(|body| records.journal.masker().body("", body, usize::MAX).text)
    }

    /// Sends the same bytes of a notice once more and answers how it ended.
    pub async fn resend(&self, id: &str) -> Result<Notice, SteeringError> {
        let parcel = self.state.records().notices.take(id);
        self.send(parcel.ok_or_else(|| SteeringError::UnknownNotice(id.to_owned()))?).await
    }

    /// Sends a notice written by hand and answers how it ended.
    pub async fn send_crafted(&self, crafted: CraftedNotice) -> Result<Notice, SteeringError> {
        let provider = self.provider(&crafted.provider)?.id;
        self.state.allowed_targets.check(&crafted.url)?;
        let body = match crafted.body_base64 {
            Some(text) => STANDARD
                .decode(text)
                .map_err(|error| SteeringError::Invalid(format!("body_base64 is not base64: {error}")))?,
            None => crafted.body.into_bytes(),
        };
        let headers = if crafted.headers.is_empty() {
            vec![("content-type".to_owned(), "application/json".to_owned())]
        } else {
            crafted.headers
        };
        let now = self.state.clock.now();
        let notice = OutgoingNotice {
            account: String::new(),
            about: "crafted".into(),
            url: crafted.url,
            due_at: now,
            headers,
            body,
            from: None,
        };
        let limit = self.state.limits.notices;
        let parcel = self.state.records().notices.take_crafted(provider, notice, now, limit);
        self.send(parcel.ok_or_else(|| SteeringError::UnknownNotice("crafted".into()))?).await
    }

    /// Declares a number as a canary: the simulators take it for the test card `acts_as`, the journal
    /// names it by `id`.
    pub fn declare_canary(&self, id: &str, number: &str, acts_as: &str) -> Result<(), SteeringError> {
        let is_number =
            (SHORTEST..=LONGEST).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        let is_name = !id.is_empty()
            && id.len() <= 64
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !is_number {
            return Err(SteeringError::Invalid(format!(
                "a canary's number has {SHORTEST} to {LONGEST} digits"
            )));
        }
        if !is_name || id.bytes().filter(u8::is_ascii_digit).count() >= SHORTEST {
            return Err(SteeringError::Invalid("a canary's id has 1 to 64 letters, digits, - or _".into()));
        }
        let canary = Canary { id: id.to_owned(), acts_as: acts_as.to_owned() };
        let mut records = self.state.records();
        if records.canaries().len() >= MOST_CANARIES {
            return Err(SteeringError::Invalid(format!("at most {MOST_CANARIES} canaries are declared")));
        }
        records.declare_canary(number.to_owned(), canary);
        Ok(())
    }

    /// The ids of the canaries and the test cards they act as.
    pub fn canaries(&self) -> Vec<Canary> {
        self.state.records().canaries().values().cloned().collect()
    }

    /// Forgets all but accounts, canaries, followers and the clock.
    pub fn reset(&self) {
        for provider in &self.state.providers {
            provider.machine().simulator.reset();
        }
        self.state.records().clear();
        self.state.due_changed.notify_one();
    }

    async fn send(&self, parcel: Parcel) -> Result<Notice, SteeringError> {
        let id = parcel.id.clone();
        self.undisturbed(deliver(Arc::clone(&self.state), parcel)).await;
        let records = self.state.records();
        let shown = records.notices.get(&id, |body| records.journal.masker().body("", body, usize::MAX).text);
        shown.ok_or(SteeringError::UnknownNotice(id))
    }

    /// Work as a task of its own: a caller who hangs up must leave neither a notice on its way for ever
    /// nor a clock that its followers do not show.
    async fn undisturbed<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match self.state.tasks.spawn(work).await {
            Ok(outcome) => outcome,
            Err(failure) => std::panic::resume_unwind(failure.into_panic()),
        }
    }

    fn act<R>(
        &self,
        provider: &str,
        act: impl FnOnce(&mut dyn Simulator, &mut dyn World) -> Result<R, CommandError>,
    ) -> Result<R, SteeringError> {
        let provider = self.provider(provider)?;
        let mut machine = provider.machine();
        let (outcome, _) = self.state.act(provider, &mut machine, act);
        self.state.due_changed.notify_one();
        Ok(outcome?)
    }

    fn provider(&self, id: &str) -> Result<&Provider, SteeringError> {
        self.state.provider(id).ok_or_else(|| SteeringError::UnknownProvider(id.to_owned()))
    }
}
