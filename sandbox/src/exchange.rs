//! One request to a provider: the hardship around it, the simulator in the middle, the journal after it.

use std::time::Instant;

use simulation::hardship::{RequestFault, RequestSeen};
use simulation::journal::{Answer, Direction, Effect, Exchange, Verdict};
use simulation::{NoticeOutcome, OutgoingNotice, Reply, Request};

use crate::alteration;
use crate::notices::ask;
use crate::state::{Acted, Provider, State};

/// How the listener treats the connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Writes the answer.
    Send(Reply),
    /// Waits, then writes the answer.
    Delay { reply: Reply, ms: u64 },
    /// Resets the connection.
    Reset,
    /// Keeps silent, then closes.
    Hold { ms: u64 },
    /// Writes half of the answer under the length of all of it, then closes.
    Truncate(Reply),
    /// Writes a JSON answer of about so many bytes.
    Huge { bytes: u64 },
    /// Writes the answer byte by byte.
    Drip { reply: Reply, ms_per_byte: u64 },
}

/// Handles a request and journals it, with the version of TLS that it came by. The journal is written before
/// anything is sent or withheld, so that a client that hangs up does not take the evidence with it.
pub async fn exchange(state: &State, provider: &Provider, request: &Request, tls: Option<&str>) -> Conduct {
    match begin(state, provider, request, tls) {
        Begun::Done(conduct) => conduct,
        Begun::Asks(interrupted) => {
            let outcome = ask(state, provider.id, &interrupted.question).await;
            interrupted.go_on(state, provider, &outcome)
        }
    }
}

/// How far a request came at once.
enum Begun {
    Done(Conduct),
    Asks(Box<Interrupted>),
}

/// A request in the middle of which a merchant is asked something. The simulator is free for others meanwhile.
struct Interrupted {
    record: Exchange,
    fault: Option<RequestFault>,
    question: OutgoingNotice,
    started: Instant,
}

/// The machine is held until the journal is written, so that both have one order.
fn begin(state: &State, provider: &Provider, request: &Request, tls: Option<&str>) -> Begun {
    let started = Instant::now();
    let mut record = blank_record(state, provider, request);
    record.tls_version = tls.map(str::to_owned);
    let mut machine = provider.machine();
    record.operation = machine.simulator.operation(request).to_owned();
    record.account = machine.simulator.account_of(request);

    let body = String::from_utf8_lossy(&request.body);
    let hardship = state.records().hardships.take_for_request(&RequestSeen {
        provider: provider.id,
        operation: &record.operation,
        account: record.account.as_deref(),
        address: &record.address,
        body: &body,
    });
    let fault = hardship.map(|(id, fault)| {
        record.hardship = Some(format!("{id} {}", fault.name()));
        fault
    });
    if !fault.as_ref().is_none_or(happens) {
        return Begun::Done(end(state, record, fault, None, started));
    }
    let Acted { outcome: reply, verdicts, question } =
        state.act_asking(provider, &mut machine, |simulator, world| simulator.handle(request, world));
    record.effect = Effect::Committed;
    record.verdicts = verdicts;
    match question {
        None => Begun::Done(end(state, record, fault, Some(reply), started)),
        Some(question) => Begun::Asks(Box::new(Interrupted { record, fault, question, started })),
    }
}

impl Interrupted {
    fn go_on(mut self, state: &State, provider: &Provider, outcome: &NoticeOutcome) -> Conduct {
        let mut machine = provider.machine();
        let (reply, verdicts) = state.act(provider, &mut machine, |simulator, world| {
            simulator.answer_after(&self.question, outcome, world)
        });
        self.record.verdicts.extend(verdicts);
        end(state, self.record, self.fault, Some(reply), self.started)
    }
}

fn end(
    state: &State,
    mut record: Exchange,
    fault: Option<RequestFault>,
    reply: Option<Reply>,
    started: Instant,
) -> Conduct {
    let (conduct, answer) = conduct(fault, reply.clone());
    record.answer = answer;
    let written = match &conduct {
        Conduct::Send(sent) | Conduct::Delay { reply: sent, .. } | Conduct::Drip { reply: sent, .. } => {
            Some(sent.clone())
        }
        Conduct::Truncate(whole) => Some(whole.clone()),
        Conduct::Reset | Conduct::Hold { .. } | Conduct::Huge { .. } => reply,
    };
    if let Some(written) = written {
        record.status = Some(written.status);
        record.answer_headers = written.headers;
        record.answer_body = written.body;
    }
    record.duration_us = started.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
    let mut records = state.records();
    records.activity += 1;
    records.journal.record(record);
    state.due_changed.notify_one();
    conduct
}

/// Journals a request whose body could not be read, and answers it.
pub fn refuse_unread(state: &State, provider: &Provider, request: &Request, status: u16, why: &str) -> Reply {
    let reply = Reply::with_type(status, "text/plain; charset=utf-8", why.as_bytes().to_vec());
    let mut record = blank_record(state, provider, request);
    record.operation = "unread".into();
    record.status = Some(status);
    record.answer_headers = reply.headers.clone();
    record.answer_body = reply.body.clone();
    record.verdicts = vec![Verdict { rule: "request_readable".into(), passed: false, detail: why.into() }];
    state.records().journal.record(record);
    reply
}

/// Whether the simulator sees the request under this fault.
fn happens(fault: &RequestFault) -> bool {
    match fault {
        RequestFault::ResetBeforeEffect | RequestFault::TimeOutBeforeEffect { .. } => false,
        RequestFault::HttpStatus { after_effect, .. } => *after_effect,
        RequestFault::Delay { .. }
        | RequestFault::ResetAfterEffect
        | RequestFault::TimeOutAfterEffect { .. }
        | RequestFault::HtmlPage
        | RequestFault::EmptyBody
        | RequestFault::Truncated
        | RequestFault::Huge { .. }
        | RequestFault::WrongTypes
        | RequestFault::NullJson
        | RequestFault::SlowDrip { .. }
        | RequestFault::Tampered { .. } => true,
    }
}

/// What is done with the connection, and what that means to the client.
fn conduct(fault: Option<RequestFault>, reply: Option<Reply>) -> (Conduct, Answer) {
    let altered = |reply| (Conduct::Send(reply), Answer::Altered);
    match (fault, reply) {
        (None, Some(reply)) => (Conduct::Send(reply), Answer::Sent),
        (Some(RequestFault::Delay { ms }), Some(reply)) => (Conduct::Delay { reply, ms }, Answer::Sent),
        (Some(RequestFault::SlowDrip { ms_per_byte }), Some(reply)) => {
            (Conduct::Drip { reply, ms_per_byte }, Answer::Sent)
        }
        (Some(RequestFault::ResetBeforeEffect | RequestFault::ResetAfterEffect), _) => {
            (Conduct::Reset, Answer::Withheld)
        }
        (
            Some(
                RequestFault::TimeOutBeforeEffect { hold_ms } | RequestFault::TimeOutAfterEffect { hold_ms },
            ),
            _,
        ) => (Conduct::Hold { ms: hold_ms }, Answer::Withheld),
        (Some(RequestFault::HttpStatus { status, retry_after, .. }), _) => {
            altered(alteration::other_status(status, retry_after))
        }
        (Some(RequestFault::HtmlPage), _) => altered(alteration::html_page()),
        (Some(RequestFault::EmptyBody), Some(reply)) => altered(alteration::with_body(&reply, Vec::new())),
        (Some(RequestFault::NullJson), Some(reply)) => {
            altered(alteration::with_body(&reply, b"null".to_vec()))
        }
        (Some(RequestFault::WrongTypes), Some(reply)) => altered(alteration::wrong_types(&reply)),
        (Some(RequestFault::Tampered { member, value }), Some(reply)) => {
            altered(alteration::with_body(&reply, alteration::tampered(&reply.body, &member, &value)))
        }
        (Some(RequestFault::Truncated), Some(reply)) => (Conduct::Truncate(reply), Answer::Altered),
        (Some(RequestFault::Huge { bytes }), _) => (Conduct::Huge { bytes }, Answer::Altered),
        // Without a reply and without a fault that forbids one, there is nothing to say.
        (
            None
            | Some(
                RequestFault::Delay { .. }
                | RequestFault::SlowDrip { .. }
                | RequestFault::EmptyBody
                | RequestFault::NullJson
                | RequestFault::WrongTypes
                | RequestFault::Tampered { .. }
                | RequestFault::Truncated,
            ),
            None,
        ) => (Conduct::Reset, Answer::Withheld),
    }
}

fn blank_record(state: &State, provider: &Provider, request: &Request) -> Exchange {
    let address = if request.query.is_empty() {
        request.path.clone()
    } else {
        format!("{}?{}", request.path, request.query)
    };
    Exchange {
        business_at: state.clock.now(),
        real_at: state.clock.real_now(),
        direction: Direction::In,
        provider: provider.id.to_owned(),
        account: None,
        operation: String::new(),
        peer: request.peer.clone(),
        tls_version: None,
        method: request.method.clone(),
        address,
        headers: request.headers.clone(),
        body: request.body.clone(),
        status: None,
        answer_headers: Vec::new(),
        answer_body: Vec::new(),
        duration_us: 0,
        verdicts: Vec::new(),
        hardship: None,
        effect: Effect::None,
        answer: Answer::Sent,
        failure: None,
    }
}
