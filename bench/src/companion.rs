//! The companion: a process of its own that plays the provider, the merchant's inbox, and HTTP without a database.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::ceilings::PerRequest;
use crate::lifeline::Held;
use crate::machine;
use crate::provider::{self, Creation, EchoedPayment, Notice, Session};

/// Where it takes notices without a database.
pub const BARE: &str = "/bare";
/// Where it takes notices with one transaction each.
pub const PER_REQUEST: &str = "/per-request";
/// Where it opens sessions.
pub const SESSIONS: &str = "/api/session";
/// Below which it takes the hub's events, at as many endpoints as are wanted.
pub const INBOX: &str = "/inbox";
/// Where it says how many events it took, and how many of them told of an approved payment.
pub const TOLD: &str = "/told";
/// Where it is told that from now on every session is paid.
pub const PAY: &str = "/pay";

/// The hidden command by which the program runs its own companion.
pub const COMMAND: &str = "companion";

/// What the inbox has taken.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Told {
    /// Events of any kind.
    pub events: u64,
    /// Events that tell of an approved payment.
    pub approved: u64,
}

/// A running companion.
pub struct Companion {
    held: Held,
    address: SocketAddr,
}

impl Companion {
    /// Starts one. `ceilings` is the address of the ceilings' database with its number of payments.
    ///
    /// # Errors
    /// When this program cannot be started once more.
    pub fn start(ceilings: Option<(&str, u64)>) -> anyhow::Result<Companion> {
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut arguments = vec![COMMAND.to_owned(), address.to_string()];
        if let Some((url, rows)) = ceilings {
            arguments.extend([url.to_owned(), rows.to_string()]);
        }
        let own = std::env::current_exe().context("this program's own path")?;
        let held = Held::start("KILL", &own, &arguments, |command| {
            command.stderr(Stdio::inherit());
        })?;
        crate::web::until_answered(address, TOLD)?;
        Ok(Companion { held, address })
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.held.id()
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its inbox has taken.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn told(&self) -> anyhow::Result<Told> {
        Ok(serde_json::from_str(&crate::web::get(self.address, TOLD)?)?)
    }

    /// The sessions opened so far, in their order.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn sessions(&self) -> anyhow::Result<Vec<Session>> {
        let told = crate::web::get(self.address, "/sessions")?;
        let lines = told.lines().map(|line| {
            let (id, reference) = line.split_once(' ').context("a session without a reference")?;
            Ok(Session { id: id.parse()?, reference: reference.to_owned() })
        });
        lines.collect()
    }
}

struct Stage {
    address: SocketAddr,
    sessions: Mutex<Vec<EchoedPayment>>,
    is_paying: AtomicBool,
    events: AtomicU64,
    approved: AtomicU64,
    per_request: Option<PerRequest>,
}

impl Stage {
    /// A panic elsewhere leaves the list whole.
    fn sessions(&self) -> MutexGuard<'_, Vec<EchoedPayment>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until it is ended.
///
/// # Errors
/// When the port is taken, or the database's address is none.
pub fn serve(address: SocketAddr, ceilings: Option<(String, u64)>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let per_request = match ceilings {
            Some((url, rows)) => Some(PerRequest::new(&url, i64::try_from(rows)?)?),
            None => None,
        };
        let stage = Arc::new(Stage {
            address,
            sessions: Mutex::default(),
            is_paying: AtomicBool::new(false),
            events: AtomicU64::new(0),
            approved: AtomicU64::new(0),
            per_request,
        });
        let router = Router::new()
            .route(SESSIONS, post(open))
            .route(&format!("{SESSIONS}/{{id}}"), post(look_up))
            .route("/sessions", get(list))
            .route(BARE, post(bare))
            .route(PER_REQUEST, post(per_request_notice))
            .route(&format!("{INBOX}/{{endpoint}}"), post(receive))
            .route(TOLD, get(told_so_far))
            .route(PAY, post(pay))
            .with_state(stage);
        axum::serve(TcpListener::bind(address).await?, router).await?;
        Ok(())
    })
}

async fn open(State(stage): State<Arc<Stage>>, body: Bytes) -> Result<String, StatusCode> {
    let creation: Creation = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let mut sessions = stage.sessions();
    let id = sessions.len() as u64 + 1;
    let answer = provider::created(id, &creation.payment, &stage.address.to_string(), &now());
    sessions.push(creation.payment);
    Ok(answer)
}

async fn look_up(State(stage): State<Arc<Stage>>, Path(id): Path<usize>) -> Result<String, StatusCode> {
    let order = stage.sessions().get(id.wrapping_sub(1)).cloned().ok_or(StatusCode::NOT_FOUND)?;
    let is_paid = stage.is_paying.load(Ordering::Relaxed);
    let answer = if is_paid { provider::approved } else { provider::pending };
    Ok(answer(id as u64, &order, &now()))
}

async fn list(State(stage): State<Arc<Stage>>) -> String {
    let sessions = stage.sessions();
    let lines =
        sessions.iter().enumerate().map(|(index, order)| format!("{} {}\n", index + 1, order.reference));
    lines.collect()
}

async fn bare(body: Bytes) -> StatusCode {
    match Notice::verified(&body) {
        Some(_) => StatusCode::OK,
        None => StatusCode::UNAUTHORIZED,
    }
}

async fn per_request_notice(State(stage): State<Arc<Stage>>, body: Bytes) -> StatusCode {
    let (Some(notice), Some(database)) = (Notice::verified(&body), &stage.per_request) else {
        return StatusCode::UNAUTHORIZED;
    };
    let session = i64::try_from(notice.session).unwrap_or(0);
    match database.apply(session, notice.event()).await {
        Ok(()) => StatusCode::OK,
        Err(error) => {
            eprintln!("bench: the yardstick's database: {error}");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
}

async fn receive(State(stage): State<Arc<Stage>>, body: Bytes) -> StatusCode {
    match serde_json::from_slice::<Event>(&body) {
        Ok(event) => {
            stage.events.fetch_add(1, Ordering::Relaxed);
            if event.r#type == "payment.approved" {
                stage.approved.fetch_add(1, Ordering::Relaxed);
            }
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

async fn told_so_far(State(stage): State<Arc<Stage>>) -> Json<Told> {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Json(Told { events: count(&stage.events), approved: count(&stage.approved) })
}

async fn pay(State(stage): State<Arc<Stage>>) -> StatusCode {
    stage.is_paying.store(true, Ordering::Relaxed);
    StatusCode::OK
}

/// The provider's clock, as it writes it.
fn now() -> String {
    machine::now().to_string()
}
