//! The wire between the hub and its partners: calls reach the simulator, events reach inboxes, and what is to go wrong
//! goes wrong.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hub::crash::rehearsal;
use hub::outbound::{CallOutcome, Carried, EndpointAnswer, Posted, Transport};
use hub::{Clock, Hub, flow};
use payment::notice::{NoticeReply, RawNotice};
use payment::step::{Answer, Request};
use simulation::strict_json::{self, Value};
use simulation::{OutgoingNotice, Reply};
use tokio::sync::oneshot;
use url::Url;

use crate::plan::{Hardship, MERCHANTS, Mood};
use crate::provider::{Card, Part, Provider};
use crate::rests::Rests;

/// Where notices come from.
pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 52));
/// Proofs of calls that are looked for in the hub's records.
const PROOFS_KEPT: usize = 60;
/// What a gateway in front of a provider may say in its place.
const WEB_PAGE: &str = "<!doctype html><title>Service unavailable</title><p>Service unavailable";

/// An event as an endpoint got it.
#[derive(Clone, Debug)]
pub struct Received {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub timestamp_s: i64,
    /// `webhook-signature`.
    pub signature: String,
    /// The body.
    pub body: String,
}

/// The wire.
pub struct Wire(Mutex<State>);

/// What is at its ends, and what will go wrong.
pub struct State {
    /// The provider.
    pub provider: Provider,
    /// The hub's end, for notices that come while a call is under way.
    pub hub: Weak<Hub>,
    /// What happens to the next calls.
    pub hardships: VecDeque<Hardship>,
    /// How endpoints treat their next events.
    pub moods: [VecDeque<Mood>; MERCHANTS],
    /// What each merchant's endpoint got.
    pub inboxes: [Vec<Received>; MERCHANTS],
    /// The sessions that calls were about since somebody looked.
    pub asked: Vec<String>,
    /// Calls so far.
    pub calls: usize,
    /// Notices that have left, the latest last.
    pub seen: Vec<OutgoingNotice>,
    /// The sessions whose end the hub was told, and took.
    pub noticed: BTreeSet<String>,
    /// What proved the latest calls.
    pub proofs: VecDeque<String>,
    /// Who asked to be left alone, or did not answer.
    pub rests: Rests,
    /// What happens while the answer to the next call is on its way.
    pub meanwhile: Option<Meanwhile>,
    /// What must not be.
    pub findings: Vec<String>,
}

/// Something that happens while an answer is on its way: it is told to begin, and tells when it has ended.
pub struct Meanwhile {
    /// Tells it to begin.
    pub begin: oneshot::Sender<()>,
    /// Tells of its end.
    pub end: oneshot::Receiver<()>,
}

impl Wire {
    /// A wire on which all is well.
    pub fn new(provider: Provider) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            provider,
            hub: Weak::new(),
            hardships: VecDeque::new(),
            moods: Default::default(),
            inboxes: Default::default(),
            asked: Vec::new(),
            calls: 0,
            seen: Vec::new(),
            noticed: BTreeSet::new(),
            proofs: VecDeque::new(),
            rests: Rests::default(),
            meanwhile: None,
            findings: Vec::new(),
        })))
    }

    /// What is at its ends. Never held while anything is awaited.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a genuine notice to the hub, and answers what that says.
    pub async fn notify(&self, notice: &OutgoingNotice) -> Option<NoticeReply> {
        let reply = self.hand_over(&notice.account, notice).await?;
        if reply.status == 200 {
            self.state().noticed.insert(notice.about.clone());
        }
        Some(reply)
    }

    /// Hands any notice to the hub at the address of an account, and answers what that says. None: no hub is there, or it
    /// died of it.
    pub async fn hand_over(&self, account: &str, notice: &OutgoingNotice) -> Option<NoticeReply> {
        let hub = self.state().hub.upgrade()?;
        let raw = RawNotice {
            method: "POST".to_owned(),
            route: String::new(),
            query: String::new(),
            headers: notice.headers.clone(),
            body: notice.body.clone(),
        };
        // In a task of its own, as the server does it.
        let (account, part) = (account.to_owned(), Part::of_account(account)?);
        let taking =
            tokio::spawn(async move { flow::receive_notice(&hub, part.id(), &account, raw, PEER).await });
        let reply = taking.await.ok()?.ok()?;
        reply.filter(|_| rehearsal::died_at().is_none())
    }

    /// The shopper pays while an answer is on its way, and the notice of that overtakes it.
    async fn overtake(&self, session: &str, card: Card) {
        let notices = {
            let mut state = self.state();
            let before = state.provider.notices.len();
            state.provider.pay(session, card);
            state.provider.notices.split_off(before)
        };
        for notice in notices {
            self.notify(&notice).await;
            self.state().seen.push(notice);
        }
    }

    async fn carry(&self, sent: &Request, clock: &Clock) -> Result<Carried, CallOutcome> {
        let session = Provider::session_of(sent);
        let now = clock.real_now();
        let (hardship, account, reply) = {
            let mut state = self.state();
            state.calls += 1;
            state.asked.extend(session.clone());
            state.proofs.extend(Provider::proofs_of(sent));
            while state.proofs.len() > PROOFS_KEPT {
                state.proofs.pop_front();
            }
            let account = state.provider.account_of(sent).unwrap_or_default();
            let untimely = state.rests.judge_call(&account, sent.operation, now);
            state.findings.extend(untimely);
            let hardship = state.hardships.pop_front();
            let is_done = hardship.is_none_or(reaches);
            let reply = is_done.then(|| state.provider.answer(sent));
            let given = reply.as_ref().map(|reply| Provider::secrets_in(sent, reply));
            state.proofs.extend(given.into_iter().flatten());
            (hardship, account, reply)
        };
        if let (Some(Hardship::Overtaken(card)), Some(session)) = (hardship, &session) {
            self.overtake(session, card).await;
        }
        // Whoever else wants an access token waits for this one, and its answer does not wait for them.
        let meanwhile = if sent.operation == "authorize" { None } else { self.state().meanwhile.take() };
        if let Some(Meanwhile { begin, end }) = meanwhile {
            // Whoever waited for the beginning tells of the end, or is gone with it.
            let _ = begin.send(());
            let _ = end.await;
        }
        let reply = spoil(hardship, reply);
        self.state().rests.note_answer(&account, reply.as_ref().ok(), now);
        let reply = reply?;
        let retry_after = reply.headers.iter().find(|(name, _)| name == "retry-after");
        let retry_after = retry_after.and_then(|(_, value)| value.parse().ok()).map(Duration::from_secs);
        let content_type = reply.headers.iter().find(|(name, _)| name == "content-type");
        let answer = Answer {
            status: reply.status,
            content_type: content_type.map(|(_, value)| value.clone()).unwrap_or_default(),
            body: reply.body,
            received_at: clock.now(),
            provider_date: None,
            handed_over: None,
        };
        Ok((answer, retry_after))
    }

    fn take(&self, url: &Url, headers: &[(&str, String)], body: String) -> Posted {
        let mut state = self.state();
        let state = &mut *state;
        let Some(merchant) = merchant_of(url) else { return Posted::Failed("no connection") };
        let mood = state.moods[merchant].pop_front();
        let header = |name: &str| {
            let found = headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let timestamp_s = header("webhook-timestamp").parse().unwrap_or(0);
        let untimely = state.rests.judge_post(&header("webhook-id"), timestamp_s);
        state.findings.extend(untimely);
        let answered = |status, retry_after_s: Option<u32>| {
            let retry_after = retry_after_s.map(|seconds| seconds.to_string());
            Posted::Answered(EndpointAnswer { status, retry_after, beginning: Vec::new() })
        };
        let outcome = match mood {
            Some(Mood::Away) => return Posted::Failed("no connection"),
            Some(Mood::Refuse { status, retry_after_s }) => {
                state.rests.note_refusal(header("webhook-id"), timestamp_s, retry_after_s);
                return answered(status, retry_after_s);
            }
            Some(Mood::TakeInSilence) => Posted::Failed("timed out"),
            None => answered(200, None),
        };
        state.inboxes[merchant].push(Received {
            id: header("webhook-id"),
            timestamp_s,
            signature: header("webhook-signature"),
            body,
        });
        outcome
    }
}

impl Transport for Wire {
    fn call<'a>(
        &'a self,
        request: &'a Request,
        _timeout: Duration,
        clock: &'a Clock,
    ) -> BoxFuture<'a, Result<Carried, CallOutcome>> {
        self.carry(request, clock).boxed()
    }

    fn post<'a>(
        &'a self,
        url: &'a Url,
        headers: &'a [(&'a str, String)],
        body: String,
    ) -> BoxFuture<'a, Posted> {
        async move { self.take(url, headers, body) }.boxed()
    }
}

/// The address of a merchant's endpoint.
pub fn endpoint_of(merchant: usize) -> Url {
    let text = format!("http://tienda.localhost:4042/events/{merchant}");
    Url::parse(&text).expect("an address of the histories' own")
}

fn merchant_of(url: &Url) -> Option<usize> {
    let merchant = url.path().strip_prefix("/events/")?.parse().ok()?;
    (merchant < MERCHANTS).then_some(merchant)
}

/// Whether the provider does what it is asked under this hardship.
const fn reaches(hardship: Hardship) -> bool {
    match hardship {
        Hardship::NoConnection => false,
        Hardship::TimeOut { is_done } | Hardship::Reset { is_done } | Hardship::Status { is_done, .. } => {
            is_done
        }
        Hardship::HalfAnswer
        | Hardship::WebPage
        | Hardship::Empty
        | Hardship::Null
        | Hardship::WrongTypes
        | Hardship::StrangeStatus
        | Hardship::Overtaken(_) => true,
    }
}

/// What the hub gets of an answer under a hardship.
fn spoil(hardship: Option<Hardship>, reply: Option<Reply>) -> Result<Reply, CallOutcome> {
    match hardship {
        Some(Hardship::NoConnection) => return Err(CallOutcome::NoConnection),
        Some(Hardship::TimeOut { .. }) => return Err(CallOutcome::TimedOut),
        Some(Hardship::Reset { .. }) => return Err(CallOutcome::ConnectionBroken),
        Some(Hardship::HalfAnswer) => return Err(CallOutcome::HalfAnswered),
        Some(Hardship::Status { status, retry_after_s, .. }) => {
            let mut reply = Reply::with_type(status, "text/plain; charset=utf-8", b"Not now".to_vec());
            let wish = retry_after_s.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
            reply.headers.extend(wish);
            return Ok(reply);
        }
        Some(
            Hardship::WebPage
            | Hardship::Empty
            | Hardship::Null
            | Hardship::WrongTypes
            | Hardship::StrangeStatus
            | Hardship::Overtaken(_),
        )
        | None => {}
    }
    let Some(reply) = reply else { return Err(CallOutcome::NoConnection) };
    Ok(match hardship {
        Some(Hardship::WebPage) => Reply::html(200, WEB_PAGE),
        Some(Hardship::Empty) => Reply { body: Vec::new(), ..reply },
        Some(Hardship::Null) => Reply { body: b"null".to_vec(), ..reply },
        Some(Hardship::WrongTypes) => changed(reply, other_types),
        Some(Hardship::StrangeStatus) => changed(reply, |mut tree| {
            let places: [&[&str]; 3] =
                [&["status", "status"], &["data", "0", "status"], &["0", "payment_status"]];
            for place in places {
                if let Some(status) = tree.at_mut(place) {
                    *status = Value::text("EN_TRAMITE");
                }
            }
            tree
        }),
        Some(
            Hardship::NoConnection
            | Hardship::TimeOut { .. }
            | Hardship::Reset { .. }
            | Hardship::HalfAnswer
            | Hardship::Status { .. }
            | Hardship::Overtaken(_),
        )
        | None => reply,
    })
}

fn changed(reply: Reply, change: impl FnOnce(Value) -> Value) -> Reply {
    match strict_json::parse(&reply.body) {
        Ok(tree) => Reply { body: change(tree).to_text().into_bytes(), ..reply },
        Err(_) => reply,
    }
}

/// Numbers as texts, and texts as the numbers of their letters.
fn other_types(value: Value) -> Value {
    match value {
        Value::Number(digits) => Value::Text(digits),
        Value::Text(text) => Value::from(text.chars().count() as u64),
        Value::Array(items) => Value::array(items.into_iter().map(other_types)),
        Value::Object(members) => {
            Value::object(members.into_iter().map(|(key, member)| (key, other_types(member))))
        }
        Value::Null | Value::Bool(_) => value,
    }
}
