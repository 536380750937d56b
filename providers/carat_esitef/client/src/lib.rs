//! Carat e-SiTef as pure code: card payments on the portal's page or on our own, cards that the portal keeps and charges
//! again, and what is done with money afterwards. Its notices are not signed; queries tell what is so.

mod account;
mod answer;
mod authorizers;
mod call;
mod check;
mod codes;
mod dates;
mod form;
mod identifiers;
mod notice;
mod open;
mod operate;
mod pay;
mod profile;
mod query;
mod reasons;
mod stage;
mod statuses;
mod storefront;
mod told;
mod wire;

use payment::account::Account;
use payment::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::order::{Complaint, Order};
use payment::provider::{Moment, Provider};
use payment::step::{Answer, Input, Memo, Refusal, Step};
use payment::subject::SubjectKind;
use payment::task::Task;
use payment::{Storefront, Subject, Timestamp};

use crate::stage::Stage;

pub use account::{
    AUTHORIZERS, FLOW, FLOWS, HOMOLOGATION, HTML_URL, INSTALMENT_TYPE, MERCHANT_ID, MERCHANT_KEY,
    NIT_LIFE_MINUTES, POSTPONE_CONFIRMATION, PRODUCTION, PROFILE, Profile, REST_URL,
};
pub use authorizers::{Authorizer, Kind, authorizer, authorizers};
pub use dates::instant;
pub use form::decoded;
pub use identifiers::{amount, is_hash, is_merchant_usn, is_nit, is_nita, is_nsua};
pub use open::{page_url, store_identification};
pub use reasons::{ReasonText, reason_text, reason_texts};
pub use statuses::{StatusText, may_become, status_texts};
pub use storefront::storefront;

/// Carat e-SiTef, as the hub drives it. It has no state: everything comes with the task and the account.
#[derive(Clone, Copy, Debug, Default)]
pub struct CaratEsitef;

impl Provider for CaratEsitef {
    fn profile(&self) -> &'static payment::profile::Profile {
        &profile::PROFILE
    }

    fn storefront(&self) -> Option<&'static Storefront> {
        Some(storefront())
    }

    fn check(&self, order: &Order, account: &Account) -> Vec<Complaint> {
        check::order(order, account)
    }

    fn default_life_s(&self, account: &Account) -> i64 {
        account::nit_life_s(account)
    }

    fn absence_proves_after_s(&self) -> Option<i64> {
        Some(profile::CANCELLATION_OVER_AFTER_S)
    }

    fn begin(&self, task: &Task, account: &Account, _moment: Moment) -> Step {
        let step = match task {
            Task::Authorize(authorization) => open::begin(authorization, account),
            Task::ChargeStored(authorization) => pay::charge(authorization, account, 1),
            Task::Pay(supply) => pay::begin(supply, account),
            Task::LookUp(target) => query::begin(target, account),
            Task::Operate(act) => operate::begin(act, account),
            Task::Withdraw(_) | Task::Invalidate(_) => Err(has_none(task)),
        };
        step.unwrap_or_else(|refusal| Step::Refused(*refusal))
    }

    fn resume(&self, task: &Task, account: &Account, memo: &Memo, input: Input, _moment: Moment) -> Step {
        let Some(stage) = Stage::of(memo) else {
            return Step::Unclear { cause: "the memo is none of this client's".to_owned() };
        };
        match input {
            Input::Answer(answer) => resume_answered(task, account, stage, &answer),
            Input::Lost { maybe_sent } => resume_lost(task, account, stage, maybe_sent),
        }
    }

    fn claimed_subject(&self, notice: &RawNotice, account: &Account) -> Option<Subject> {
        notice::claimed_subject(notice, account)
    }

    fn read_notice(&self, notice: &RawNotice, keys: Keys<'_>, now: Timestamp) -> Reading {
        notice::read(notice, keys, now)
    }

    fn reply_to(&self, verdict: Verdict) -> NoticeReply {
        notice::reply_to(verdict)
    }
}

fn resume_answered(task: &Task, account: &Account, stage: Stage, answer: &Answer) -> Step {
    match (task, stage) {
        // Whatever is answered, what was learned before stands.
        (_, Stage::AskForStorage { observations }) => Step::Learned(observations.into()),
        (Task::Authorize(authorization), Stage::Init) => open::read_init(answer, authorization, account),
        (Task::Authorize(authorization) | Task::ChargeStored(authorization), Stage::Create) => {
            open::read_create(answer, authorization, account)
        }
        (Task::ChargeStored(authorization), Stage::Charge { tries }) => {
            pay::charged(answer, authorization, account, tries)
        }
        (Task::Pay(supply), Stage::Pay) => pay::read(answer, supply, account),
        (Task::Pay(supply), Stage::Find { tries }) => pay::found(answer, supply, account, tries),
        (Task::LookUp(target), _) => query::read(answer, target, account),
        (Task::Operate(act), stage) => operate::resume(answer, act, account, stage),
        (Task::Authorize(_) | Task::ChargeStored(_) | Task::Pay(_), _) => {
            Step::Unclear { cause: "an answer to no call of this task".to_owned() }
        }
        (Task::Withdraw(_) | Task::Invalidate(_), _) => Step::Refused(*has_none(task)),
    }
}

/// After a lost answer: what is allowed then, and else that it is lost. What was never sent needs no search.
fn resume_lost(task: &Task, account: &Account, stage: Stage, maybe_sent: bool) -> Step {
    let lost = if maybe_sent { "no whole answer came" } else { "nothing could be sent" };
    let lost = || Step::Unclear { cause: lost.to_owned() };
    let is_search = matches!(stage, Stage::Find { .. } | Stage::FindCancellation { .. });
    match (task, stage) {
        (_, Stage::AskForStorage { observations }) => Step::Learned(observations.into()),
        _ if !maybe_sent && !is_search => lost(),
        (Task::Operate(act), stage) => operate::resume_lost(act, account, &stage).unwrap_or_else(lost),
        (task, stage) => pay::resume_lost(task, account, &stage).unwrap_or_else(lost),
    }
}

/// A transaction that nobody has paid ends by itself, and no call ends it before. A kept card is switched off by a call that
/// wants a token of one use, which reaches the authenticity address without the name of any attempt (PROTOCOL.md 9.7, 10.1).
/// CA-U27, CA-U55: what that call is assumed to be is therefore not needed here.
fn has_none(task: &Task) -> Box<Refusal> {
    Box::new(Refusal::unsupported(match task {
        Task::Invalidate(_) => "Carat's kept cards are switched off at the portal's administration site.",
        _ => "Carat has no way to take an unpaid transaction back: it ends by itself.",
    }))
}

/// The subject of a transaction's facts.
fn subject(account: &Account, nit: &str) -> Subject {
    Subject { account: account.id.clone(), kind: SubjectKind::Attempt, provider_reference: nit.to_owned() }
}
