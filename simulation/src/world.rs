//! The world a simulator lives in, and what a simulator is.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::accounts::{Account, NewAccount};
use crate::clock::Timestamp;
use crate::exchange::{Reply, Request};
use crate::guide::Guide;
use crate::inbox::Message;
use crate::ledger::Entry;

/// A notice that a simulator wants sent to a merchant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OutgoingNotice {
    /// The account whose merchant is told.
    pub account: String,
    /// The provider's own key of what the notice is about (a requestId), used by hardships and steering.
    pub about: String,
    /// Where it goes.
    pub url: String,
    /// Business time before which it is not sent.
    pub due_at: Timestamp,
    /// Header names and values in order, content type included.
    pub headers: Vec<(String, String)>,
    /// The body, written once: a repeated delivery sends the same bytes.
    pub body: Vec<u8>,
    /// The address of this machine that it leaves from, for providers that are known by theirs (127.0.0.52);
    /// any when `None`.
    #[serde(default)]
    pub from: Option<IpAddr>,
}

/// How a notice fared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeOutcome {
    /// Business time at which it left.
    pub at: Timestamp,
    /// The merchant's HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// How the answer's body begins, masked.
    pub answer_start: String,
    /// Why there was no answer.
    pub failure: Option<String>,
}

/// What the simulator sees and touches while it works. Everything it does to the outside passes here.
pub trait World {
    /// Business time.
    fn now(&self) -> Timestamp;
    /// Where this provider is reached by browsers on this machine (`http://toypay.localhost:4042`), for addresses that it
    /// hands out before anybody called; empty where it is mounted nowhere.
    fn origin(&self) -> String {
        String::new()
    }
    /// Fills `bytes` from the sandbox's seeded chance.
    fn random(&mut self, bytes: &mut [u8]);
    /// Queues a notice. Hardships (lost, late, doubled…) are applied by the sandbox, not here.
    fn notify(&mut self, notice: OutgoingNotice);
    /// Asks a merchant before the request being handled is answered. What `handle` returns is then dropped, and
    /// [`Simulator::answer_after`] says what is answered once the merchant has answered or failed to. One question
    /// a request; a world that cannot wait sends it as a notice.
    fn ask_before_answer(&mut self, question: OutgoingNotice) {
        self.notify(question);
    }
    /// Puts a mail or text message for a shopper into the inbox.
    fn mail(&mut self, message: Message);
    /// Writes a line of the provider's ledger: what really happened to the money.
    fn book(&mut self, entry: Entry);
    /// Notes a verdict about the exchange being answered, for the journal
    /// (`rule` such as `expiration_within_certified_range`, `passed`, and a sentence).
    fn verdict(&mut self, rule: &str, passed: bool, detail: &str);
    /// Whether `number` was declared through steering as a canary that acts as the named test card.
    fn canary(&self, number: &str) -> Option<Canary>;
}

/// A card number declared through steering for the hunt for leaks; it behaves like a published test card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// The name under which the journal mentions it.
    pub id: String,
    /// The published test card whose behaviour it takes.
    pub acts_as: String,
}

/// A steering command for one provider: a name and its arguments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Command {
    /// For example `resolve_pending`.
    pub name: String,
    /// The arguments as JSON; the simulator checks them.
    #[serde(default)]
    pub arguments: serde_json::Value,
}

/// Why a steering command was refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct CommandError(pub String);

/// One provider's server as a state machine. No sockets, no clock and no chance of its own.
pub trait Simulator: Send {
    /// The provider's id, for example `avalpay`.
    fn provider(&self) -> &'static str;

    /// The name of the operation that a request asks for (`create_session`, `page`, …), for hardships and journal.
    fn operation(&self, request: &Request) -> &'static str;

    /// The account a request speaks for, when that can be told without judging it.
    fn account_of(&self, request: &Request) -> Option<String>;

    /// Registers an account and answers it with the credentials it issued.
    fn open_account(&mut self, wanted: NewAccount, world: &mut dyn World) -> Result<Account, CommandError>;

    /// The accounts, credentials included (the sandbox is no secret keeper: they open nothing real).
    fn accounts(&self) -> Vec<Account>;

    /// Answers one request and does its effect.
    fn handle(&mut self, request: &Request, world: &mut dyn World) -> Reply;

    /// The next instant at which something happens by itself (an expiry, a pending payment resolved).
    fn next_due(&self) -> Option<Timestamp>;

    /// Does all that is due at `world.now()`.
    fn wake(&mut self, world: &mut dyn World);

    /// The steering commands this simulator knows, each with one line of help, for the steering page.
    fn commands(&self) -> &'static [(&'static str, &'static str)];

    /// Carries out one steering command and answers with a JSON value.
    fn command(
        &mut self,
        command: &Command,
        world: &mut dyn World,
    ) -> Result<serde_json::Value, CommandError>;

    /// Drops all state but the accounts.
    fn reset(&mut self);

    /// Hears how a notice fared, once for each that it queued; what a provider does then (another try, later)
    /// it queues anew. A notice lost by a hardship is believed to have arrived, and a repetition by steering
    /// is not the provider's doing: neither is told.
    fn notice_ended(&mut self, notice: &OutgoingNotice, outcome: &NoticeOutcome, world: &mut dyn World) {
        let _ = (notice, outcome, world);
    }

    /// Answers the request in the middle of which it asked a merchant ([`World::ask_before_answer`]). In between
    /// it may have been asked anything else.
    fn answer_after(
        &mut self,
        question: &OutgoingNotice,
        outcome: &NoticeOutcome,
        world: &mut dyn World,
    ) -> Reply {
        let _ = (question, outcome, world);
        Reply::with_type(500, "text/plain; charset=utf-8", b"nothing was asked".to_vec())
    }

    /// Documentation, test data and requests to try, at this business time; `None` when there is no guide.
    fn guide(&self, now: Timestamp) -> Option<Guide> {
        let _ = now;
        None
    }

    /// The test card numbers that the provider publishes. The journal takes them for cards even where
    /// their check digit is wrong.
    fn published_cards(&self) -> Vec<String> {
        Vec::new()
    }
}
