//! PagoEfectivo as pure code: a CIP is created, the payer pays it in cash or at a bank with its number, and a signed
//! notice tells of the payment; a query tells it again, and nobody tells that a CIP expired.

mod account;
mod answer;
mod call;
mod check;
mod create;
mod delete;
mod lima;
mod notice;
mod notice_addresses;
mod payer;
mod profile;
mod reasons;
mod search;
mod signature;
mod statuses;
mod storefront;
mod token;
mod wire;

use std::net::IpAddr;

use payment::account::Account;
use payment::agreement::{Agreement, SettingComplaint};
use payment::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::order::{Complaint, Order};
use payment::profile::Profile;
use payment::provider::{Moment, Provider};
use payment::step::{Answer, Input, Memo, Refusal, Request, Step};
use payment::subject::SubjectKind;
use payment::task::Task;
use payment::token::AccessToken;
use payment::{Storefront, Subject, Timestamp};

pub use account::{
    ACCESS_KEY, ADMIN_EMAIL, DECLARED_ADDRESSES, DEFAULT_LIFE_MINUTES, ID_SERVICE, MAXIMUM_PEN,
    MAXIMUM_PEN_AGREEMENT, MAXIMUM_USD, MAXIMUM_USD_AGREEMENT, MINIMUM_PEN, MINIMUM_USD, SECRET_KEY,
    SMS_AGREEMENT, SMS_REMINDERS,
};
pub use notice_addresses::notice_addresses;
pub use reasons::{ReasonText, reason_text, reason_texts};
pub use signature::{hash_string, is_signed_with};
pub use statuses::{StatusText, status_texts};
pub use storefront::storefront;

/// PagoEfectivo, as the hub drives it. It has no state: everything comes with the task and the account.
#[derive(Clone, Copy, Debug, Default)]
pub struct PagoEfectivo;

impl Provider for PagoEfectivo {
    fn profile(&self) -> &'static Profile {
        &profile::PROFILE
    }

    fn storefront(&self) -> Option<&'static Storefront> {
        Some(storefront())
    }

    fn check(&self, order: &Order, account: &Account) -> Vec<Complaint> {
        check::order(order, account)
    }

    fn check_account(&self, account: &Account) -> Vec<SettingComplaint> {
        account::check(account)
    }

    fn notice_addresses(&self, account: &Account) -> Vec<IpAddr> {
        notice_addresses::notice_addresses(&account.base_url).collect()
    }

    fn agreements(&self, account: &Account) -> Vec<Agreement> {
        account::agreements(account)
    }

    fn default_life_s(&self, account: &Account) -> i64 {
        account::default_life_s(account)
    }

    fn begin(&self, task: &Task, account: &Account, moment: Moment) -> Step {
        let step = match task {
            Task::Authorize(authorization) => create::begin(authorization, account, moment.now),
            Task::LookUp(target) => search::begin(target, account),
            Task::Withdraw(target) => delete::begin(target, account),
            Task::ChargeStored(_) | Task::Pay(_) | Task::Operate(_) | Task::Invalidate(_) => Err(has_none()),
        };
        step.unwrap_or_else(|refusal| Step::Refused(*refusal))
    }

    fn resume(&self, task: &Task, account: &Account, _memo: &Memo, input: Input, _moment: Moment) -> Step {
        let answer = match input {
            Input::Answer(answer) => answer,
            Input::Lost { maybe_sent } => {
                let cause = if maybe_sent { "no whole answer came" } else { "nothing could be sent" };
                return Step::Unclear { cause: cause.to_owned() };
            }
        };
        match task {
            Task::Authorize(authorization) => create::read(&answer, authorization, account),
            Task::LookUp(target) => search::read(&answer, target, account),
            Task::Withdraw(target) => delete::read(&answer, target, account),
            Task::ChargeStored(_) | Task::Pay(_) | Task::Operate(_) | Task::Invalidate(_) => {
                Step::Refused(*has_none())
            }
        }
    }

    fn claimed_subject(&self, notice: &RawNotice, account: &Account) -> Option<Subject> {
        notice::claimed_subject(notice, account)
    }

    fn read_notice(&self, notice: &RawNotice, keys: Keys<'_>, now: Timestamp) -> Reading {
        notice::read(notice, keys, now)
    }

    fn token_request(&self, account: &Account, moment: Moment) -> Option<Request> {
        token::request(account, moment.now)
    }

    fn read_token(&self, _account: &Account, answer: &Answer) -> Option<AccessToken> {
        token::read(answer)
    }

    fn reply_to(&self, verdict: Verdict) -> NoticeReply {
        notice::reply_to(verdict)
    }
}

/// Cash is neither kept nor given back by this way.
fn has_none() -> Box<Refusal> {
    Box::new(Refusal::unsupported("PagoEfectivo has no such operation."))
}

/// The subject of a CIP's facts.
fn subject(account: &Account, cip: &str) -> Subject {
    Subject { account: account.id.clone(), kind: SubjectKind::Attempt, provider_reference: cip.to_owned() }
}

#[cfg(test)]
mod tests {
    use payment::task::Target;
    use payment::{Currency, Entropy, Money};

    use super::*;
    use crate::account::tests::account;

    #[test]
    fn a_lost_answer_is_never_taken_for_an_outcome() {
        let target = Target {
            reference: "PRUEBA1".into(),
            provider_reference: "30418826".into(),
            total: Money::new(14_990, Currency::Pen),
            movements: Vec::new(),
            awaited_instrument: None,
        };
        let moment =
            Moment { now: "2026-03-02T14:30:00Z".parse().expect("a time"), entropy: Entropy::new([0; 32]) };
        for task in [Task::LookUp(target.clone()), Task::Withdraw(target)] {
            for maybe_sent in [true, false] {
                let lost = Input::Lost { maybe_sent };
                let step = PagoEfectivo.resume(&task, &account(), &Memo::default(), lost, moment);
                assert!(matches!(step, Step::Unclear { .. }));
            }
        }
    }
}
