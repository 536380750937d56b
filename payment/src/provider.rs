//! A provider's protocol as a state machine without I/O. One driver in the hub does the calls.

use std::net::IpAddr;

use url::Url;

use crate::Timestamp;
use crate::account::Account;
use crate::agreement::{Agreement, SettingComplaint};
use crate::division::PartialPolicy;
use crate::entropy::Entropy;
use crate::fact::Reason;
use crate::instrument::RemovalRule;
use crate::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use crate::operation::Operations;
use crate::order::{Complaint, Order};
use crate::profile::Profile;
use crate::step::{Answer, Input, Memo, Request, Step};
use crate::storefront::Storefront;
use crate::subject::Subject;
use crate::task::Task;
use crate::token::AccessToken;

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

    /// What shops and pages show about it, where it has texts.
    fn storefront(&self) -> Option<&'static Storefront> {
        None
    }

    /// What this provider would refuse in an order, before anything is written or sent.
    fn check(&self, order: &Order, account: &Account) -> Vec<Complaint>;

    /// What is wrong with an account's configuration beyond each setting's own form: nothing is begun with it.
    fn check_account(&self, _account: &Account) -> Vec<SettingComplaint> {
        Vec::new()
    }

    /// From where the provider sends its notices to this account, where it says so; empty, from anywhere.
    fn notice_addresses(&self, _account: &Account) -> Vec<IpAddr> {
        Vec::new()
    }

    /// What of this account was agreed upon with the provider and may change by another agreement only.
    fn agreements(&self, _account: &Account) -> Vec<Agreement> {
        Vec::new()
    }

    /// How long an attempt of this account lives when its order does not say, in seconds: within the profile's life.
    fn default_life_s(&self, _account: &Account) -> i64 {
        self.profile().life.default_s
    }

    /// How long after a capture, release or refund of all there is a look-up that tells nothing of it proves that it was
    /// not done, in seconds. None: it proves nothing, and a person has to look when the answer was lost.
    fn absence_proves_after_s(&self) -> Option<i64> {
        None
    }

    /// Whether an instrument can be kept with nothing to be paid.
    fn keeps_without_charge(&self) -> bool {
        false
    }

    /// Until when the provider gives a charge back when it is asked to; later a person has to arrange it. None: always.
    fn reversal_deadline(&self, _charged_at: Timestamp) -> Option<Timestamp> {
        None
    }

    /// What this account can do with money that was held or taken, by its settings.
    fn operations(&self, _account: &Account) -> Operations {
        self.profile().operations
    }

    /// What this account wants done with what was collected of a payment that ended partly paid.
    fn partial_policy(&self, _account: &Account) -> PartialPolicy {
        PartialPolicy::default()
    }

    /// Whether the provider itself gives back what was collected of this order when it ends partly paid.
    fn gives_parts_back(&self, _order: &Order) -> bool {
        false
    }

    /// For how many days after a charge this account's provider is asked once a day whether somebody gave it back in the
    /// provider's own panel, of which nothing else tells. Nought: it is not asked.
    fn panel_check_days(&self, _account: &Account) -> u32 {
        0
    }

    /// The script that opens the provider's page in a frame over the shop's own, where what this order is paid with leads no
    /// further. None: the shopper is redirected.
    fn lightbox(&self, _order: &Order, _account: &Account) -> Option<Url> {
        None
    }

    /// What a denial of a kept instrument's charge, by the reason of its movement, means for the instrument. It depends
    /// on nothing that could be configured.
    fn removal_rule(&self, _reason: &Reason) -> RemovalRule {
        RemovalRule::NoStrike
    }

    /// The first step of a task.
    fn begin(&self, task: &Task, account: &Account, moment: Moment) -> Step;

    /// The next step, with what came of the last one.
    fn resume(&self, task: &Task, account: &Account, memo: &Memo, input: Input, moment: Moment) -> Step;

    /// Which attempt a notice says it is about, for providers that sign with a key of each attempt, or whose notices are
    /// compared with what was asked for: by it the hub finds both, and it is believed for nothing else. Never panics on
    /// any bytes.
    fn claimed_subject(&self, _notice: &RawNotice, _account: &Account) -> Option<Subject> {
        None
    }

    /// Reads a notice: verdict, subject, facts. Never panics on any bytes.
    fn read_notice(&self, notice: &RawNotice, keys: Keys<'_>, now: Timestamp) -> Reading;

    /// The call that gets an access token for the account, for providers whose calls need one.
    fn token_request(&self, _account: &Account, _moment: Moment) -> Option<Request> {
        None
    }

    /// Reads the answer to [`Provider::token_request`]. None: it gives no token.
    fn read_token(&self, _account: &Account, _answer: &Answer) -> Option<AccessToken> {
        None
    }

    /// What the provider is answered for a verdict: 200 only for what is durable, 4xx for what is not genuine.
    fn reply_to(&self, verdict: Verdict) -> NoticeReply;
}
