//! What every part of the hub is handed: settings, providers, clock, store, the way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use payment::id::{AttemptId, PaymentId};
use payment::{Account, Entropy, Provider};
use tokio::sync::Notify;
use url::Url;

use crate::chance::Chance;
use crate::clock::Clock;
use crate::flow::access_token::TokenMemory;
use crate::flow::writer::{self, Writer};
use crate::heartbeat::Heartbeat;
use crate::limits::Limits;
use crate::notice_memory::NoticeMemory;
use crate::outbound::Outbound;
use crate::room::Room;
use crate::settings::Settings;
use crate::store::Store;
use crate::vault::{Vault, VaultError};

/// The hub.
pub struct Hub {
    /// What the operator decided.
    pub settings: Settings,
    /// The providers that the binary filled in.
    pub providers: Providers,
    /// Business and real time.
    pub clock: Clock,
    /// The database.
    pub store: Store,
    /// Keys and sealing.
    pub vault: Vault,
    /// HTTP to providers and merchants.
    pub outbound: Outbound,
    /// What identifiers and nonces are drawn from.
    pub chance: Chance,
    /// What bounds the traffic with each provider account.
    pub limits: Limits,
    /// Whether the database had room lately.
    pub room: Room,
    /// What is remembered of notices.
    pub notice_memory: NoticeMemory,
    /// Access tokens that this process knows.
    pub tokens: TokenMemory,
    /// The queue before the database.
    pub writer: Writer,
    /// Whether this process is fit for traffic.
    pub heartbeat: Heartbeat,
    /// Rings when there may be work before the next look.
    pub wake: Notify,
    /// How many pieces of work are being done right now, so that a test set-up can wait until all is quiet.
    pub busy: AtomicI64,
    /// The instant in the id of the newest call, in microseconds: a later call has a later id even where the clock stands.
    pub last_call: AtomicI64,
}

/// A piece of work under way; dropped when it is done.
pub struct Busy<'a>(&'a AtomicI64);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Why a hub cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The master key is no key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The HTTP clients cannot be built.
    #[error("HTTP client: {0}")]
    Outbound(#[from] reqwest::Error),
    /// The system gives no thread to write on.
    #[error("a thread to write on: {0}")]
    Thread(#[from] std::io::Error),
}

/// The providers, by id.
#[derive(Clone)]
pub struct Providers(Vec<Arc<dyn Provider>>);

impl Providers {
    /// The providers that the binary registers.
    pub fn new(providers: Vec<Arc<dyn Provider>>) -> Self {
        Self(providers)
    }

    /// A provider by id.
    pub fn get(&self, id: &str) -> Option<&Arc<dyn Provider>> {
        self.0.iter().find(|provider| provider.profile().id == id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.0.iter()
    }
}

impl Hub {
    /// Puts a hub together over a store whose schema is up to date, and starts what writes to it: within a runtime.
    pub fn new(
        settings: Settings,
        providers: Providers,
        clock: Clock,
        store: Store,
    ) -> Result<Arc<Self>, HubError> {
        let outbound = Outbound::new(&settings.events)?;
        Self::with(settings, providers, clock, store, outbound, Chance::of_the_machine())
    }

    /// Puts a hub together whose way out and whose chance are handed in: a test may replay a run by them.
    pub fn with(
        settings: Settings,
        providers: Providers,
        clock: Clock,
        store: Store,
        outbound: Outbound,
        chance: Chance,
    ) -> Result<Arc<Self>, HubError> {
        let vault = Vault::new(&settings.master_key)?;
        let limits = Limits::new(&settings);
        let heartbeat = Heartbeat::default();
        let room = Room::default();
        let (wake, busy) = (Notify::new(), AtomicI64::new(0));
        let notice_memory = NoticeMemory::default();
        let (writer, waiting) = Writer::new();
        let hub = Arc::new(Self {
            settings,
            providers,
            clock,
            store,
            vault,
            outbound,
            chance,
            limits,
            heartbeat,
            room,
            notice_memory,
            tokens: TokenMemory::default(),
            writer,
            wake,
            busy,
            last_call: AtomicI64::new(0),
        });
        writer::start(&hub, waiting)?;
        Ok(hub)
    }

    /// Counts a piece of work until the guard is dropped.
    pub fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(&self.busy)
    }

    /// Where a shopper sees how a payment stands.
    pub fn status_url(&self, merchant: &str, payment: &PaymentId) -> Url {
        let token = self.vault.page_token("status", payment.as_str());
        self.address(&["p", merchant, payment.as_str(), &token])
    }

    /// Where a shopper goes who closed the frame in which a payment was to be paid.
    pub fn back_url(&self, merchant: &str, payment: &PaymentId) -> Url {
        let token = self.vault.page_token("status", payment.as_str());
        self.address(&["p", merchant, payment.as_str(), &token, "back"])
    }

    /// Where a provider sends a shopper back to.
    pub fn return_url(&self, merchant: &str, attempt: &AttemptId) -> Url {
        let token = self.vault.page_token("return", attempt.as_str());
        self.address(&["r", merchant, attempt.as_str(), &token])
    }

    /// Where a shopper types a card, or the code of a kept one, for an attempt whose provider has no page for that.
    pub fn card_url(&self, merchant: &str, attempt: &AttemptId) -> Url {
        let token = self.vault.page_token("card", attempt.as_str());
        self.address(&["c", merchant, attempt.as_str(), &token])
    }

    /// Where a provider posts the notices of an account.
    pub fn notice_url(&self, account: &Account) -> Url {
        self.address(&["notices", &account.provider, &account.id])
    }

    fn address(&self, segments: &[&str]) -> Url {
        let mut url = self.settings.public_url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Fresh chance for one use.
    pub fn entropy(&self) -> Entropy {
        self.chance.draw()
    }

    /// An account together with its provider's protocol.
    pub fn account(&self, id: &str) -> Option<(&Account, &Arc<dyn Provider>)> {
        let account = self.settings.account(id)?;
        let provider = self.providers.get(&account.provider)?;
        Some((account, provider))
    }
}
