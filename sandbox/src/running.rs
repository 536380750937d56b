//! Starting and stopping a sandbox.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use simulation::Clock;
use simulation::card::{KnownNumbers, RunKey};
use simulation::journal::Journal;
use simulation::masking::Masker;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Mount, SandboxConfig};
use crate::state::{Provider, Records, State};
use crate::steering::{Steering, router};
use crate::targets::Clients;
use crate::tls::{Identity, IdentityError};
use crate::travel::Followers;
use crate::{due, listener};

/// Real time for open connections and deliveries to end after the stop.
const LONGEST_FAREWELL: Duration = Duration::from_secs(5);

/// Starts sandboxes.
pub struct Sandbox;

/// A sandbox that runs until it is shut down or dropped.
pub struct RunningSandbox {
    /// All that can be seen and done, in-process.
    pub steering: Steering,
    state: Arc<State>,
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be had.
    #[error("cannot listen on {address} for {what}: {source}")]
    Listen {
        /// The provider's id, or `steering`.
        what: String,
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// One provider is mounted twice.
    #[error("the provider {0} is mounted twice")]
    ProviderTwice(String),
    /// The providers' certificate cannot be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The HTTP client for notices cannot be built.
    #[error("the client for notices cannot be built: {0}")]
    Client(#[from] reqwest::Error),
}

impl Sandbox {
    /// Binds all ports, then serves them in the background.
    pub async fn start(config: SandboxConfig) -> Result<RunningSandbox, StartError> {
        let clients = Clients::new(config.allowed_targets, config.notice_timeout)?;
        // The first port that was asked for: if it is taken, that is what has to be told.
        let (steering_listener, steering_address) = bind("steering", config.steering).await?;
        let mut known = KnownNumbers::default();
        let mut seen = BTreeSet::new();
        let (mut providers, mut listeners) = (Vec::new(), Vec::new());
        for Mount { simulator, address, public_scheme } in config.mounts {
            let id = simulator.provider();
            if !seen.insert(id) {
                return Err(StartError::ProviderTwice(id.to_owned()));
            }
            for number in simulator.published_cards() {
                known.publish(&number);
            }
            let (listener, bound) = bind(id, address).await?;
            listeners.push(listener);
            let scheme = if config.tls { "https" } else { public_scheme };
            providers.push(Provider::new(simulator, bound, scheme, config.seed));
        }
        let names: Vec<String> = providers.iter().map(Provider::host).collect();
        let identity = config.tls.then(|| Identity::make(&names)).transpose()?;

        let masker = Masker::new(RunKey::generate(), known);
        let limits = config.limits;
        let journal = Journal::new(limits.journal_entries, limits.journal_body_bytes, masker);
        let state = Arc::new(State {
            clock: config.clock,
            seed: config.seed,
            limits,
            allowed_targets: config.allowed_targets,
            providers,
            steering_address,
            followers: Followers::default(),
            clients,
            identity,
            due_changed: Notify::new(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            records: Mutex::new(Records::new(journal)),
        });

        for (place, listener) in listeners.into_iter().enumerate() {
            state.tasks.spawn(listener::serve(Arc::clone(&state), place, listener));
        }
        state.tasks.spawn(due::keep_time(Arc::clone(&state)));
        let steering = Steering::new(Arc::clone(&state));
        let pages = router(steering.clone(), config.steering_hosts);
        let stop = state.stop.clone();
        state.tasks.spawn(async move {
            let served =
                axum::serve(steering_listener, pages).with_graceful_shutdown(stop.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::error!(%error, "the steering port failed");
            }
        });
        for warning in steering.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(RunningSandbox { steering, state })
    }
}

impl RunningSandbox {
    /// Where a provider listens.
    pub fn address(&self, provider: &str) -> Option<SocketAddr> {
        self.state.provider(provider).map(|provider| provider.address)
    }

    /// Where steering listens.
    pub fn steering_address(&self) -> SocketAddr {
        self.state.steering_address
    }

    /// The certificate, in PEM, that a client of the providers has to trust; none when they speak no TLS.
    pub fn authority_pem(&self) -> Option<&str> {
        self.state.identity.as_ref().map(|identity| identity.authority_pem.as_str())
    }

    /// The business clock; to be moved through [`Steering::advance`] only, so that followers keep up.
    pub fn clock(&self) -> &Clock {
        &self.state.clock
    }

    /// Stops listening, ends what is open and waits for it, a few seconds at most.
    pub async fn shut_down(self) {
        self.state.stop.cancel();
        self.state.tasks.close();
        if tokio::time::timeout(LONGEST_FAREWELL, self.state.tasks.wait()).await.is_err() {
            tracing::warn!("the sandbox stops with connections still open");
        }
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        self.state.stop.cancel();
    }
}

async fn bind(what: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    bound.await.map_err(|source| StartError::Listen { what: what.to_owned(), address, source })
}
