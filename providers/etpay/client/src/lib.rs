//! ETpay as pure code: the shopper pays by bank transfer in a session's funnel on the provider's pages; a notice
//! signed with that session's own key tells how it ended, and a query tells it again.

mod account;
mod answer;
mod call;
mod check;
mod claims;
mod country;
mod initialize;
mod jwt;
mod methods;
mod notice;
mod profile;
mod reasons;
mod rut;
mod status;
mod storefront;
mod wire;

use payment::account::Account;
use payment::agreement::SettingComplaint;
use payment::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::order::{Complaint, Order};
use payment::profile::Profile;
use payment::provider::{Moment, Provider};
use payment::step::{Advice, Input, Memo, Refusal, Step};
use payment::subject::SubjectKind;
use payment::task::Task;
use payment::{Storefront, Subject, Timestamp};

pub use account::{CUSTOMISATION, MERCHANT_API_TOKEN, MERCHANT_CODE, PMT_URL, TARGET_FLOW};
pub use country::{COUNTRY, Country};
pub use jwt::Token;
pub use reasons::{ReasonText, reason_text, reason_texts};
pub use storefront::storefront;

/// ETpay, as the hub drives it. It has no state: everything comes with the task and the account.
#[derive(Clone, Copy, Debug, Default)]
pub struct EtPay;

impl Provider for EtPay {
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
        let refused = account::pmt_url(account).err();
        refused
            .map(|refusal| SettingComplaint { setting: PMT_URL, detail: refusal.detail })
            .into_iter()
            .collect()
    }

    fn begin(&self, task: &Task, account: &Account, _moment: Moment) -> Step {
        let step = match task {
            Task::Authorize(authorization) => initialize::begin(authorization, account),
            Task::LookUp(target) => status::begin(target, account),
            Task::Withdraw(_) => Err(cannot_withdraw()),
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
            Task::Authorize(authorization) => initialize::read(&answer, authorization, account),
            Task::LookUp(target) => status::read(&answer, target, account),
            Task::Withdraw(_) => Step::Refused(*cannot_withdraw()),
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

    fn reply_to(&self, verdict: Verdict) -> NoticeReply {
        notice::reply_to(verdict)
    }
}

/// The subject of a session's facts.
fn subject(account: &Account, session_token: &str) -> Subject {
    Subject {
        account: account.id.clone(),
        kind: SubjectKind::Attempt,
        provider_reference: session_token.to_owned(),
    }
}

/// A transfer is pushed by its bank: nothing is kept, and nothing is given back by this way.
fn has_none() -> Box<Refusal> {
    Box::new(Refusal::unsupported("ETpay has no such operation."))
}

/// No operation ends a session: its payer does, or its time (PROTOCOL.md 4).
fn cannot_withdraw() -> Box<Refusal> {
    Box::new(Refusal {
        code: "unsupported_feature",
        provider_code: None,
        detail: "ETpay has no way to take a session back; it ends by itself.".to_owned(),
        complaints: Vec::new(),
        advice: Advice::ChangeRequest,
    })
}

#[cfg(test)]
mod tests {
    use payment::task::Target;
    use payment::{Currency, Entropy, Money};

    use super::*;
    use crate::account::tests::account;

    fn target() -> Target {
        Target {
            reference: "PRUEBA1".into(),
            provider_reference: "s".repeat(64),
            total: Money::new(24_990, Currency::Clp),
            movements: Vec::new(),
            awaited_instrument: None,
        }
    }

    fn moment() -> Moment {
        Moment { now: "2026-03-02T14:00:00Z".parse().expect("a time"), entropy: Entropy::new([0; 32]) }
    }

    #[test]
    fn a_lost_answer_is_never_taken_for_an_outcome() {
        for maybe_sent in [true, false] {
            let lost = Input::Lost { maybe_sent };
            let task = Task::LookUp(target());
            let step = EtPay.resume(&task, &account(), &Memo::default(), lost, moment());
            assert!(matches!(step, Step::Unclear { .. }));
        }
    }

    #[test]
    fn a_session_cannot_be_withdrawn_and_nothing_is_sent() {
        let step = EtPay.begin(&Task::Withdraw(target()), &account(), moment());
        assert!(matches!(step, Step::Refused(refusal) if refusal.code == "unsupported_feature"));
    }
}
