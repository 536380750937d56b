//! A provider's protocol as a state machine without I/O. One driver in the hub does the calls.

use crate::Timestamp;
use crate::account::Account;
use crate::entropy::Entropy;
use crate::notice::{NoticeReply, RawNotice, Reading, Verdict};
use crate::order::{Complaint, Order};
use crate::profile::Profile;
use crate::step::{Input, Memo, Step};
use crate::task::Task;

/// What a provider is given each time: time and chance of this one step.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Business time.
    pub now: Timestamp,
    /// Fresh chance.
    pub entropy: Entropy,
}

/// A provider's protocol. Implementations are pure: no async, no HTTP, no database, no clock, no chance.
pub trait Provider: Send + Sync {
    /// What is so of this provider.
    fn profile(&self) -> &'static Profile;

    /// What this provider would refuse in an order, before anything is written or sent.
    fn check(&self, order: &Order, account: &Account) -> Vec<Complaint>;

    /// The first step of a task.
    fn begin(&self, task: &Task, account: &Account, moment: Moment) -> Step;

    /// The next step, with what came of the last one.
    fn resume(&self, task: &Task, account: &Account, memo: &Memo, input: Input, moment: Moment) -> Step;

    /// Reads a notice: verdict, subject, facts. Never panics on any bytes.
    fn read_notice(&self, notice: &RawNotice, account: &Account, now: Timestamp) -> Reading;

    /// What the provider is answered for a verdict: 200 only for what is durable, 4xx for what is not genuine.
    fn reply_to(&self, verdict: Verdict) -> NoticeReply;
}
