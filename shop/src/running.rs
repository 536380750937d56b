//! Starting and stopping the shop: it listens, registers for events at the hub, then serves.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::clock::Clock;
use crate::hub_client::{HubClient, HubError, exchange, local_client};
use crate::market::Market;
use crate::means::Means;
use crate::memory::{Memory, random_token};
use crate::pages;
use crate::settings::ShopSettings;
use crate::signature::EventSecret;

/// How long the hub may take to come up before the shop gives up.
const HUB_PATIENCE: Duration = Duration::from_secs(15);
const HUB_PAUSE: Duration = Duration::from_millis(300);
/// How long open requests may take after the shop was told to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// What every part of the shop is handed.
pub struct Shop {
    /// What it was started with.
    pub settings: ShopSettings,
    /// How shoppers and the hub reach it.
    pub public_url: Url,
    /// Its time.
    pub clock: Clock,
    /// The hub.
    pub hub: HubClient,
    /// What events are verified with.
    pub secret: EventSecret,
    memory: Mutex<Memory>,
    steering: Option<Steering>,
}

/// The sandbox whose time the shop lives in.
struct Steering {
    http: reqwest::Client,
    base: Url,
}

/// A shop that serves. Dropping it stops it.
pub struct RunningShop {
    /// Where it listens.
    pub addr: SocketAddr,
    /// How shoppers reach it.
    pub public_url: Url,
    shop: Arc<Shop>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

/// Why a shop does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The HTTP client cannot be made.
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// The event endpoint could not be registered.
    #[error("cannot register for events: {0}")]
    Register(HubError),
    /// The sandbox's clock cannot be followed.
    #[error("cannot follow the clock: {0}")]
    Follow(HubError),
    /// The address in the settings is no base for paths.
    #[error("the shop's public address has no path: {0}")]
    PublicUrl(String),
}

#[derive(Deserialize)]
struct LeaderClock {
    offset_us: i64,
}

impl Shop {
    /// Starts a shop: listens, registers its address for events, serves, follows the clock when told to.
    pub async fn start(settings: ShopSettings) -> Result<RunningShop, StartError> {
        let address = settings.listen;
        let listen = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let public_url = match &settings.public_url {
            Some(url) => url.clone(),
            None => Url::parse(&format!("http://{addr}/"))
                .map_err(|error| StartError::PublicUrl(error.to_string()))?,
        };
        let hub = HubClient::new(settings.hub_url.clone(), settings.api_key.clone())?;
        let events_url =
            public_url.join("/events").map_err(|error| StartError::PublicUrl(error.to_string()))?;
        let secret = register(&hub, &events_url).await?;
        let steering = match &settings.clock_follow {
            Some(base) => Some(Steering { http: local_client()?, base: base.clone() }),
            None => None,
        };
        let shop = Arc::new(Self {
            settings,
            public_url,
            clock: Clock::default(),
            hub,
            secret,
            memory: Mutex::default(),
            steering,
        });
        RunningShop::serve(shop, listener, addr).await
    }

    /// The memory, for as short as possible and never across an await.
    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The means of payment that a market offers.
    pub fn means_in(&self, market: Market) -> impl Iterator<Item = &Means> {
        self.settings.means.iter().filter(move |means| means.market == market)
    }

    /// A means of payment by its id.
    pub fn means(&self, id: &str) -> Option<&Means> {
        self.settings.means.iter().find(|means| means.id == id)
    }

    /// Whether there is a means of payment in a market.
    pub fn sells_in(&self, market: Market) -> bool {
        self.means_in(market).next().is_some()
    }

    /// The market of those who have chosen none.
    pub fn first_market(&self) -> Market {
        self.settings.means.first().map_or(Market::Colombia, |means| means.market)
    }

    /// A path of the shop as an address for others.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }

    /// Whether the shop lives in a sandbox's time.
    pub const fn is_following(&self) -> bool {
        self.steering.is_some()
    }

    /// Asks the sandbox for its time; nothing when it is not followed or does not answer.
    pub async fn catch_up(&self) {
        let Some(steering) = &self.steering else { return };
        let Ok(url) = steering.base.join("/_sandbox/clock") else { return };
        let Ok((_, body)) = exchange(steering.http.get(url)).await else { return };
        if let Ok(leader) = serde_json::from_slice::<LeaderClock>(&body) {
            self.clock.follow(leader.offset_us);
        }
    }

    /// Makes the sandbox tell us of every step of its clock, and takes its time of now.
    async fn follow(&self) -> Result<(), HubError> {
        let Some(steering) = &self.steering else { return Ok(()) };
        let unreadable = |error: url::ParseError| HubError::Unreadable(error.to_string());
        let url = steering.base.join("/_sandbox/clock/followers").map_err(unreadable)?;
        let own = serde_json::json!({ "url": self.address("/_clock") });
        let (status, body) = exchange(steering.http.post(url).json(&own)).await?;
        if !status.is_success() {
            let detail = String::from_utf8_lossy(&body).chars().take(200).collect();
            return Err(HubError::Refused { status: status.as_u16(), code: String::new(), detail });
        }
        self.catch_up().await;
        Ok(())
    }
}

impl RunningShop {
    /// The shop itself: for tests and for a program that runs it in its own process.
    pub fn shop(&self) -> &Arc<Shop> {
        &self.shop
    }

    /// Stops taking requests, waits a little for open ones, and forgets everything.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let aborter = task.abort_handle();
            if tokio::time::timeout(STOP_PATIENCE, task).await.is_err() {
                aborter.abort();
            }
        }
    }

    async fn serve(shop: Arc<Shop>, listener: TcpListener, addr: SocketAddr) -> Result<Self, StartError> {
        let stop = CancellationToken::new();
        let service = pages::router(Arc::clone(&shop)).into_make_service_with_connect_info::<SocketAddr>();
        let told = stop.clone();
        let task = tokio::spawn(async move {
            let served = axum::serve(listener, service).with_graceful_shutdown(told.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::error!(%error, "the shop stopped serving");
            }
        });
        let running = Self { addr, public_url: shop.public_url.clone(), shop, stop, task: Some(task) };
        running.shop.follow().await.map_err(StartError::Follow)?;
        tracing::info!(address = %addr, url = %running.public_url, "the demo shop is open");
        Ok(running)
    }
}

impl Drop for RunningShop {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Registers for events; the hub may still be starting.
async fn register(hub: &HubClient, events_url: &Url) -> Result<EventSecret, StartError> {
    let key = format!("shop-{}", random_token());
    let registering = async {
        loop {
            match hub.register_endpoint(events_url, &key).await {
                Ok(secret) => return Ok(secret),
                Err(HubError::Unreachable(_) | HubError::Refused { status: 503, .. }) => {
                    tokio::time::sleep(HUB_PAUSE).await;
                }
                Err(error) => return Err(StartError::Register(error)),
            }
        }
    };
    let too_late = StartError::Register(HubError::Unreachable("it did not come up in time".into()));
    tokio::time::timeout(HUB_PATIENCE, registering).await.unwrap_or(Err(too_late))
}
