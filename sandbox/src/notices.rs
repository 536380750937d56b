//! The outbox: notices that wait, leave, fail or are spoilt on purpose, and what merchants answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use simulation::hardship::{Hardships, NoticeFault, NoticeSeen};
use simulation::journal::{Answer, Direction, Effect, Exchange};
use simulation::{NoticeOutcome, OutgoingNotice, Timestamp};

use crate::alteration;
use crate::state::State;
use crate::targets::TargetError;

/// Bytes of a merchant's answer that are read.
const ANSWER_BYTES: usize = 16 * 1024;
/// Characters of a merchant's answer that are shown beside the notice.
const ANSWER_START_CHARACTERS: usize = 200;
/// A doubled notice is sent at most so often.
const MOST_DELIVERIES: u32 = 100;

/// Where a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    /// Queued until it is due.
    Waiting,
    /// Held by a hardship until the account's next notice has left.
    Held,
    /// On its way.
    Sending,
    /// A merchant answered, with whatever status.
    Delivered,
    /// No answer came.
    Failed,
    /// Lost on purpose: never sent.
    Lost,
    /// Its target is not allowed.
    Refused,
}

/// One try to deliver, as it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Business time at its start.
    pub at: Timestamp,
    /// The merchant's HTTP status.
    pub status: Option<u16>,
    /// Milliseconds of real time until the answer, or until it was given up.
    pub latency_ms: u64,
    /// How the answer's body begins, masked.
    pub answer_start: String,
    /// Why there was no answer.
    pub failure: Option<String>,
}

/// A notice as steering shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// For resending.
    pub id: String,
    /// The provider it comes from.
    pub provider: String,
    /// The account whose merchant is told; empty for a crafted one.
    pub account: String,
    /// What it is about.
    pub about: String,
    /// Where it goes.
    pub url: String,
    /// Business time at which it was queued.
    pub queued_at: Timestamp,
    /// Business time at which it is sent.
    pub due_at: Timestamp,
    /// Where it stands.
    pub state: NoticeState,
    /// The hardship applied: its id and its name.
    pub hardship: Option<String>,
    /// The body as it is sent, as text, masked.
    pub body: String,
    /// Every delivery so far.
    pub deliveries: Vec<Delivery>,
}

/// A notice written by hand through steering: anything, to anywhere allowed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CraftedNotice {
    /// The provider it pretends to come from.
    pub provider: String,
    /// Where it goes.
    pub url: String,
    /// Names and values in order; JSON content when empty.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body as text.
    #[serde(default)]
    pub body: String,
    /// The body as base64, for bytes that are no text; stands in for `body`.
    #[serde(default)]
    pub body_base64: Option<String>,
}

/// The notices of a sandbox, oldest first.
#[derive(Default)]
pub struct Notices {
    queue: Vec<Queued>,
    queued: u64,
    in_flight: usize,
}

struct Queued {
    id: String,
    provider: String,
    notice: OutgoingNotice,
    queued_at: Timestamp,
    state: NoticeState,
    hardship: Option<String>,
    copies: u32,
    deliveries: Vec<Delivery>,
}

/// What is needed to send one notice.
pub struct Parcel {
    pub id: String,
    provider: String,
    notice: OutgoingNotice,
    hardship: Option<String>,
    copies: u32,
    /// Whether the simulator hears how it ended; repetitions by steering are not its doing.
    is_own: bool,
}

impl Notices {
    /// Queues what a simulator wants sent, with the hardship that fits it, and answers with its id.
    pub fn queue(
        &mut self,
        provider: &str,
        mut notice: OutgoingNotice,
        now: Timestamp,
        hardships: &mut Hardships,
        limit: usize,
    ) -> String {
        let status = alteration::status_in(&notice.body);
        let taken = hardships.take_for_notice(&NoticeSeen {
            provider,
            account: &notice.account,
            about: &notice.about,
            status: status.as_deref(),
            body: &String::from_utf8_lossy(&notice.body),
        });
        let mut state = NoticeState::Waiting;
        let mut copies = 1;
        let hardship = taken.as_ref().map(|(id, fault)| format!("{id} {}", fault.name()));
        match taken.map(|(_, fault)| fault) {
            None => {}
            Some(NoticeFault::Lost) => state = NoticeState::Lost,
            Some(NoticeFault::Late { seconds }) => {
                notice.due_at = later(notice.due_at.max(now), seconds);
            }
            Some(NoticeFault::Doubled { deliveries }) => copies = deliveries.clamp(1, MOST_DELIVERIES),
            Some(NoticeFault::Reordered) => state = NoticeState::Held,
            Some(NoticeFault::Tampered { member, value }) => {
                notice.body = alteration::tampered(&notice.body, &member, &value);
            }
            Some(NoticeFault::ForgedSignature) => {
                alteration::forge_signature(&mut notice.headers, &mut notice.body);
            }
        }
        self.push(provider, notice, now, state, hardship, copies, limit)
    }

    /// Takes in a notice written by hand, to be sent at once; hardships do not touch it.
    pub fn take_crafted(
        &mut self,
        provider: &str,
        notice: OutgoingNotice,
        now: Timestamp,
        limit: usize,
    ) -> Option<Parcel> {
        let crafted = Some("crafted".to_owned());
        let id = self.push(provider, notice, now, NoticeState::Sending, crafted, 1, limit);
        self.take(&id)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one record, each of its own type")]
    fn push(
        &mut self,
        provider: &str,
        notice: OutgoingNotice,
        queued_at: Timestamp,
        state: NoticeState,
        hardship: Option<String>,
        copies: u32,
        limit: usize,
    ) -> String {
        self.queued += 1;
        let id = format!("notice-{}", self.queued);
        if self.queue.len() >= limit {
            // The oldest that is over goes; what still waits is never dropped in silence.
            let over = |queued: &Queued| match queued.state {
                NoticeState::Waiting | NoticeState::Held | NoticeState::Sending => false,
                NoticeState::Delivered | NoticeState::Failed | NoticeState::Lost | NoticeState::Refused => {
                    true
                }
            };
            if let Some(place) = self.queue.iter().position(over) {
                self.queue.remove(place);
            }
        }
        let provider = provider.to_owned();
        let deliveries = Vec::new();
        self.queue.push(Queued {
            id: id.clone(),
            provider,
            notice,
            queued_at,
            state,
            hardship,
            copies,
            deliveries,
        });
        id
    }

    /// The earliest instant at which a waiting notice is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.waiting().map(|queued| queued.notice.due_at).min()
    }

    /// Whether nothing is on its way.
    pub fn is_quiet(&self) -> bool {
        self.in_flight == 0
    }

    /// Takes all that is due at `now`, in order of its due time.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<Parcel> {
        let mut due: Vec<&mut Queued> = self
            .queue
            .iter_mut()
            .filter(|queued| queued.state == NoticeState::Waiting && queued.notice.due_at <= now)
            .collect();
        due.sort_by_key(|queued| queued.notice.due_at);
        let parcels: Vec<Parcel> = due
            .into_iter()
            .map(|queued| {
                queued.state = NoticeState::Sending;
                Parcel { is_own: true, ..queued.parcel(queued.copies) }
            })
            .collect();
        self.in_flight += parcels.len();
        parcels
    }

    /// Takes one notice to be sent now and once, whatever its state.
    pub fn take(&mut self, id: &str) -> Option<Parcel> {
        let queued = self.queue.iter_mut().find(|queued| queued.id == id)?;
        queued.state = NoticeState::Sending;
        self.in_flight += 1;
        Some(queued.parcel(1))
    }

    /// Writes down how a parcel's deliveries ended and lets go what was held behind it.
    fn finish(&mut self, parcel: &Parcel, state: NoticeState, deliveries: Vec<Delivery>, now: Timestamp) {
        self.in_flight = self.in_flight.saturating_sub(1);
        for queued in &mut self.queue {
            if queued.id == parcel.id {
                queued.state = state;
                queued.deliveries.extend_from_slice(&deliveries);
            } else if queued.state == NoticeState::Held
                && queued.provider == parcel.provider
                && queued.notice.account == parcel.notice.account
            {
                queued.state = NoticeState::Waiting;
                queued.notice.due_at = queued.notice.due_at.max(now);
            }
        }
    }

    /// All of them, oldest first, as `mask` lets their bodies be seen.
    pub fn list(&self, mask: impl Fn(&[u8]) -> String) -> Vec<Notice> {
        self.queue.iter().map(|queued| queued.shown(&mask)).collect()
    }

    /// One of them.
    pub fn get(&self, id: &str, mask: impl Fn(&[u8]) -> String) -> Option<Notice> {
        self.queue.iter().find(|queued| queued.id == id).map(|queued| queued.shown(&mask))
    }

    /// Forgets all; what is on its way still arrives.
    pub fn clear(&mut self) {
        self.queue.clear();
    }

    fn waiting(&self) -> impl Iterator<Item = &Queued> {
        self.queue.iter().filter(|queued| queued.state == NoticeState::Waiting)
    }
}

impl Queued {
    fn parcel(&self, copies: u32) -> Parcel {
        Parcel {
            id: self.id.clone(),
            provider: self.provider.clone(),
            notice: self.notice.clone(),
            hardship: self.hardship.clone(),
            copies,
            is_own: false,
        }
    }

    fn shown(&self, mask: impl Fn(&[u8]) -> String) -> Notice {
        Notice {
            id: self.id.clone(),
            provider: self.provider.clone(),
            account: self.notice.account.clone(),
            about: self.notice.about.clone(),
            url: self.notice.url.clone(),
            queued_at: self.queued_at,
            due_at: self.notice.due_at,
            state: self.state,
            hardship: self.hardship.clone(),
            body: mask(&self.notice.body),
            deliveries: self.deliveries.clone(),
        }
    }
}

/// Sends a parcel, all copies at once, and writes down what came of it.
pub async fn deliver(state: Arc<State>, parcel: Parcel) {
    let copies = (0..parcel.copies).map(|_| deliver_once(&state, &parcel));
    let ended = join_all(copies).await;
    let outcome = match ended.last() {
        Some((outcome, _)) => *outcome,
        None => NoticeState::Lost,
    };
    let deliveries: Vec<Delivery> = ended.into_iter().map(|(_, delivery)| delivery).collect();
    if parcel.is_own
        && let Some(last) = deliveries.last()
    {
        // Before the notice counts as ended, so that nobody finds the sandbox at rest in between.
        tell_simulator(&state, &parcel, last);
    }
    let now = state.clock.now();
    let mut records = state.records();
    records.activity += 1;
    records.notices.finish(&parcel, outcome, deliveries, now);
    state.due_changed.notify_one();
}

/// Asks a merchant what a simulator wants to know before it answers a request. No hardship touches a question.
pub async fn ask(state: &State, provider: &str, question: &OutgoingNotice) -> NoticeOutcome {
    let parcel = Parcel {
        id: String::new(),
        provider: provider.to_owned(),
        notice: question.clone(),
        hardship: None,
        copies: 1,
        is_own: false,
    };
    let (_, delivery) = deliver_once(state, &parcel).await;
    outcome_of(&delivery)
}

fn outcome_of(delivery: &Delivery) -> NoticeOutcome {
    NoticeOutcome {
        at: delivery.at,
        status: delivery.status,
        answer_start: delivery.answer_start.clone(),
        failure: delivery.failure.clone(),
    }
}

/// Lets the simulator hear how its notice fared; it may queue another.
fn tell_simulator(state: &State, parcel: &Parcel, delivery: &Delivery) {
    let Some(provider) = state.provider(&parcel.provider) else { return };
    let outcome = outcome_of(delivery);
    // A simulator that panics must not leave its notice on the way for ever.
    let told = catch_unwind(AssertUnwindSafe(|| {
        let mut machine = provider.machine();
        state.act(provider, &mut machine, |simulator, world| {
            simulator.notice_ended(&parcel.notice, &outcome, world);
        });
    }));
    if told.is_err() {
        tracing::error!(provider = provider.id, "a simulator panicked when it heard of its notice");
    }
}

async fn deliver_once(state: &State, parcel: &Parcel) -> (NoticeState, Delivery) {
    let (at, real_at, started) = (state.clock.now(), state.clock.real_now(), Instant::now());
    let answer = post(state, &parcel.notice).await;
    let latency = started.elapsed();
    let (outcome, answered, failure) = match answer {
        Ok(answered) => (NoticeState::Delivered, answered, None),
        Err(NotSent::Refused(why)) => (NoticeState::Refused, MerchantAnswer::default(), Some(why)),
        Err(NotSent::Failed(why)) => (NoticeState::Failed, MerchantAnswer::default(), Some(why)),
    };
    let mut records = state.records();
    let shown = records.journal.masker().body(answered.content_type(), &answered.body, usize::MAX).text;
    let delivery = Delivery {
        at,
        status: answered.status,
        latency_ms: millis(latency),
        answer_start: shown.chars().take(ANSWER_START_CHARACTERS).collect(),
        failure: failure.clone(),
    };
    records.journal.record(Exchange {
        business_at: at,
        real_at,
        direction: Direction::Out,
        provider: parcel.provider.clone(),
        account: Some(parcel.notice.account.clone()),
        operation: "notice".into(),
        peer: url::Url::parse(&parcel.notice.url)
            .map_or_else(|_| String::new(), |url| url.authority().to_owned()),
        tls_version: None,
        method: "POST".into(),
        address: parcel.notice.url.clone(),
        headers: lower_case(&parcel.notice.headers),
        body: parcel.notice.body.clone(),
        status: answered.status,
        answer_headers: answered.headers,
        answer_body: answered.body,
        duration_us: latency.as_micros().try_into().unwrap_or(u64::MAX),
        verdicts: Vec::new(),
        hardship: parcel.hardship.clone(),
        effect: Effect::None,
        answer: if answered.status.is_some() { Answer::Sent } else { Answer::Withheld },
        failure,
    });
    (outcome, delivery)
}

#[derive(Default)]
struct MerchantAnswer {
    status: Option<u16>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl MerchantAnswer {
    fn content_type(&self) -> &str {
        self.headers.iter().find(|(name, _)| name == "content-type").map_or("", |(_, value)| value)
    }
}

enum NotSent {
    Refused(String),
    Failed(String),
}

async fn post(state: &State, notice: &OutgoingNotice) -> Result<MerchantAnswer, NotSent> {
    let url =
        state.allowed_targets.check(&notice.url).map_err(|error| NotSent::Refused(error.to_string()))?;
    let client = state.clients.leaving_from(notice.from).map_err(|error| NotSent::Failed(causes(&error)))?;
    let mut request = client.post(url).body(notice.body.clone());
    for (name, value) in &notice.headers {
        request = request.header(name, value);
    }
    let mut response = request.send().await.map_err(|error| {
        // A name that resolves to a public address is refused only when the connection is made.
        if is_refusal(&error) { NotSent::Refused(causes(&error)) } else { NotSent::Failed(causes(&error)) }
    })?;
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let mut body = Vec::new();
    // A body that breaks off takes nothing from the status that was answered.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= ANSWER_BYTES {
            body.truncate(ANSWER_BYTES);
            break;
        }
    }
    Ok(MerchantAnswer { status: Some(response.status().as_u16()), headers, body })
}

fn is_refusal(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<TargetError>() || error.source().is_some_and(is_refusal)
}

/// An error with all that lies beneath it, in one line.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(beneath) = cause {
        let beneath_text = beneath.to_string();
        if !text.contains(&beneath_text) {
            text.push_str(": ");
            text.push_str(&beneath_text);
        }
        cause = beneath.source();
    }
    text
}

fn lower_case(headers: &[(String, String)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
}

fn later(at: Timestamp, seconds: u32) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_secs(i64::from(seconds))).unwrap_or(Timestamp::MAX)
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
