//! Puts a hub together and runs it: database, server, workers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hub::flow::AgreementError;
use hub::store::{Store, StoreError};
use hub::{Clock, Hub, Providers, Settings, server, workers};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::commands::backup::known_schema;
use crate::failure::{Failure, one_line};
use crate::web;

/// How long a sandbox whose clock is followed may take to answer.
const FOLLOW_PATIENCE: Duration = Duration::from_secs(10);
const FOLLOW_PAUSE: Duration = Duration::from_millis(200);
/// How long a database that cannot be used at once is tried again.
const OPENING_PATIENCE: Duration = Duration::from_secs(2);
const OPENING_PAUSE: Duration = Duration::from_millis(100);

/// Connects to the database. Of two processes that start together on one SQLite file, one may find it locked: it
/// looks again.
///
/// # Errors
/// [`Failure`] without the address, which may hold a password.
pub async fn connect(database: &SecretString) -> Result<Store, Failure> {
    patiently(async || Store::connect(database.expose_secret()).await).await
}

/// Brings the schema up to date. Of two processes that start together, one may find the tables just made: it looks
/// again.
///
/// # Errors
/// [`Failure::Environment`] with the cure.
pub async fn migrate(store: &Store) -> Result<(), Failure> {
    let schema = patiently(async || store.schema_version().await).await?;
    // Not tried: a migration that is refused midway would keep its lock on PostgreSQL.
    if schema > Store::newest_schema() {
        return known_schema("the database", schema);
    }
    patiently(async || store.migrate().await).await
}

/// Connects to the database and brings its schema up to date.
///
/// # Errors
/// [`Failure::Environment`] with the cure.
pub async fn open(database: &SecretString) -> Result<Store, Failure> {
    let store = connect(database).await?;
    migrate(&store).await?;
    store.try_writing().await.map_err(|error| database_failure(&error))?;
    Ok(store)
}

async fn patiently<T>(mut open: impl AsyncFnMut() -> Result<T, StoreError>) -> Result<T, Failure> {
    let deadline = Instant::now() + OPENING_PATIENCE;
    loop {
        match open().await {
            Ok(opened) => return Ok(opened),
            Err(error) if Instant::now() > deadline => return Err(database_failure(&error)),
            Err(StoreError::UnknownAddress) => return Err(database_failure(&StoreError::UnknownAddress)),
            Err(error) => tracing::debug!(%error, "the database cannot be used yet"),
        }
        tokio::time::sleep(OPENING_PAUSE).await;
    }
}

/// What is told of a database that does not work.
pub fn database_failure(error: &StoreError) -> Failure {
    let text = one_line(&error.to_string());
    if error.is_full() {
        return Failure::environment(format!(
            "the database has no room left ({text}): make room on its disk"
        ));
    }
    match error {
        StoreError::UnknownAddress => Failure::usage(format!("database.url: {text}")),
        StoreError::Migration(_) => Failure::environment(format!(
            "the database's schema cannot be brought up to date ({text}): use the program that made it, or a newer one"
        )),
        StoreError::Query(_)
        | StoreError::Set(_)
        | StoreError::SetsAlone
        | StoreError::Corrupt(_)
        | StoreError::Busy
        | StoreError::Together(_) => Failure::environment(format!(
            "the database cannot be used ({text}): start it, and check database.url and its permissions"
        )),
    }
}

/// A hub on real time, which may be moved by the sandbox that it follows.
///
/// # Errors
/// [`Failure`] when the machine has no certificates to trust.
pub fn hub(settings: Settings, providers: Providers, store: Store) -> Result<Arc<Hub>, Failure> {
    Hub::new(settings, providers, Clock::real(), store)
        .map_err(|error| Failure::environment(error.to_string()))
}

/// Adds what was newly agreed upon with providers to the record.
///
/// # Errors
/// [`Failure::Usage`] when a value changed without an agreement of its own.
pub async fn note_agreements(hub: &Hub) -> Result<(), Failure> {
    hub::flow::note_agreements(hub).await.map_err(|error| match error {
        AgreementError::NotAgreed { .. } => Failure::usage(error.to_string()),
        AgreementError::Store(error) => database_failure(&error),
    })
}

/// Where the workers of a hub that serves are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// In its own process.
    Here,
    /// In processes of their own (`caudal work`) on the same database.
    Elsewhere,
}

/// Serves API, notices and pages, and works, until told to stop; what has begun is finished first.
///
/// # Errors
/// [`Failure::Environment`] when the port fails or the followed clock cannot be reached.
pub async fn serve(
    hub: &Arc<Hub>,
    listener: TcpListener,
    workers: Workers,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let (working_hub, work_ends) = (Arc::clone(hub), stop.clone());
    let working = tokio::spawn(async move {
        match workers {
            Workers::Here => {
                // Workers that end on a defect end the whole process, so that its supervisor starts it again.
                let _end = work_ends.clone().drop_guard();
                workers::run(working_hub, work_ends).await;
            }
            Workers::Elsewhere => {}
        }
    });
    let serving = tokio::spawn(server::serve(Arc::clone(hub), listener, stop.clone()));
    let following = follow_clock(hub).await;
    if following.is_err() {
        stop.cancel();
    }
    let served = serving.await;
    // However the server ended, the workers are to end too.
    stop.cancel();
    let worked = working.await;
    hub.store.close().await;
    following?;
    served
        .map_err(|error| panicked(&error))?
        .map_err(|error| Failure::environment(format!("the port failed: {error}")))?;
    worked.map_err(|error| panicked(&error))
}

/// Works until told to stop.
///
/// # Errors
/// [`Failure::Environment`] when a worker panics.
pub async fn work(hub: &Arc<Hub>, stop: CancellationToken) -> Result<(), Failure> {
    let worked = tokio::spawn(workers::run(Arc::clone(hub), stop)).await;
    hub.store.close().await;
    worked.map_err(|error| panicked(&error))
}

/// The error's own text is not told: it has the message of the panic, which may hold data.
fn panicked(_: &tokio::task::JoinError) -> Failure {
    Failure::environment("a part of the hub ended on a defect of its own: see the log")
}

/// Asks the sandbox whose clock is followed to tell this hub of every move. Test set-ups only.
async fn follow_clock(hub: &Hub) -> Result<(), Failure> {
    let Some(steering) = hub.settings.clock_follow.as_ref().filter(|_| !hub.settings.is_production) else {
        return Ok(());
    };
    let cannot = |reason: String| {
        Failure::environment(format!(
            "clock.follow: {steering} does not take this hub ({reason}): start the sandbox first"
        ))
    };
    let client = web::client(false).map_err(|error| cannot(error.to_string()))?;
    let followers = crate::clients::below(steering, &["_sandbox", "clock", "followers"]);
    let own = json!({ "url": crate::clients::below(&hub.settings.public_url, &["_clock"]) });
    let asking = async {
        loop {
            let answer = client.post(followers.clone()).json(&own).send().await;
            match answer.and_then(reqwest::Response::error_for_status) {
                Ok(_) => return Ok::<(), std::convert::Infallible>(()),
                Err(error) => tracing::debug!(%error, "the followed clock does not answer yet"),
            }
            tokio::time::sleep(FOLLOW_PAUSE).await;
        }
    };
    match tokio::time::timeout(FOLLOW_PATIENCE, asking).await {
        Ok(Ok(())) => Ok(()),
        Err(_) => Err(cannot(format!("no answer within {} s", FOLLOW_PATIENCE.as_secs()))),
    }
}
