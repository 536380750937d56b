//! PlacetoPay Checkout as Aval Pay sells it: the shopper pays on the provider's page, in a session that we
//! create, ask for and may cancel; a signed notice tells when it ended.

mod answer;
mod attempts;
mod call;
mod cancel;
mod check;
mod collect;
mod create;
mod divided;
mod documents;
mod instrument;
mod invalidate;
mod lightbox;
mod notice;
mod order;
mod person;
mod policy;
mod profile;
mod reasons;
mod removal;
mod reverse;
mod session;
mod stage;
mod storefront;
mod transaction;
mod wire;

use payment::account::Account;
use payment::division::PartialPolicy;
use payment::fact::Reason;
use payment::instrument::RemovalRule;
use payment::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::operation::Operations;
use payment::order::{Complaint, Order};
use payment::profile::Profile;
use payment::provider::{Moment, Provider};
use payment::step::{Answer, Call, Input, Memo, Refusal, Step};
use payment::task::Task;
use payment::{Subject, Timestamp};
use url::Url;

pub use create::SKIP_RESULT;
pub use policy::{PANEL_CHECK_DAYS, PARTIAL_PAYMENTS, REVERSALS};
pub use reasons::{Level, ReasonText, reason_text, reason_texts};
pub use storefront::{LOGO_URL, storefront};

use self::profile::PROFILE;
use self::stage::Stage;
use crate::authentication::CLOCK_REFUSED;

/// Aval Pay, as the hub drives it. It has no state: everything comes with the task and the account.
#[derive(Clone, Copy, Debug, Default)]
pub struct AvalPay;

impl Provider for AvalPay {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn storefront(&self) -> Option<&'static payment::Storefront> {
        Some(storefront())
    }

    fn check(&self, order: &Order, _account: &Account) -> Vec<Complaint> {
        check::order(order)
    }

    fn keeps_without_charge(&self) -> bool {
        true
    }

    fn reversal_deadline(&self, charged_at: Timestamp) -> Option<Timestamp> {
        reverse::deadline(charged_at)
    }

    fn operations(&self, account: &Account) -> Operations {
        policy::operations(account)
    }

    fn partial_policy(&self, account: &Account) -> PartialPolicy {
        policy::partial(account)
    }

    fn panel_check_days(&self, account: &Account) -> u32 {
        policy::panel_check_days(account)
    }

    // The parts of a mixed payment stay where they are (PROTOCOL.md 7.6).
    fn gives_parts_back(&self, order: &Order) -> bool {
        !order.dispersion.is_empty()
    }

    fn lightbox(&self, order: &Order, account: &Account) -> Option<Url> {
        lightbox::script(order, &account.base_url)
    }

    fn removal_rule(&self, reason: &Reason) -> RemovalRule {
        removal::rule(reason)
    }

    fn begin(&self, task: &Task, account: &Account, moment: Moment) -> Step {
        let step = match task {
            // In one click or without the shopper, a kept card is charged in the same way (AV-8.1-01).
            Task::Authorize(authorization) if authorization.instrument.is_some() => {
                collect::begin(authorization, account, moment)
            }
            Task::Authorize(authorization) => create::begin(authorization, account, moment),
            Task::ChargeStored(authorization) => collect::begin(authorization, account, moment),
            Task::LookUp(target) => session::begin(target, account, moment),
            Task::Withdraw(target) => cancel::begin(target, account, moment),
            Task::Operate(act) => reverse::begin(act, account, moment),
            Task::Invalidate(stored) => invalidate::begin(stored, account, moment),
            Task::Pay(_) => Err(has_no_form()),
        };
        step.unwrap_or_else(|refusal| Step::Refused(*refusal))
    }

    fn resume(&self, task: &Task, account: &Account, memo: &Memo, input: Input, moment: Moment) -> Step {
        let Some(stage) = Stage::of(memo) else {
            return Step::Unclear { cause: "the memo is none of this client's".to_owned() };
        };
        let provider_date = match &input {
            Input::Answer(answer) => answer.provider_date,
            Input::Lost { .. } => None,
        };
        let is_first = stage == Stage::default();
        let step = match (task, &input) {
            (Task::Operate(act), _) => reverse::resume(act, account, stage, &input, moment),
            (_, Input::Answer(answer)) => read(task, account, answer),
            (_, Input::Lost { maybe_sent }) => {
                let cause = if *maybe_sent { "no whole answer came" } else { "nothing could be sent" };
                Step::Unclear { cause: cause.to_owned() }
            }
        };
        match (&step, provider_date) {
            (Step::Refused(refusal), Some(now)) if is_about_our_clock(refusal) && is_first => {
                with_memo(self.begin(task, account, Moment { now, ..moment }), Stage::by_its_clock().memo())
            }
            _ => step,
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

/// What an answer to a task's only call makes known.
fn read(task: &Task, account: &Account, answer: &Answer) -> Step {
    match task {
        Task::Authorize(authorization) if authorization.instrument.is_some() => {
            collect::read(answer, authorization, account)
        }
        Task::Authorize(authorization) => create::read(answer, authorization, account),
        Task::ChargeStored(authorization) => collect::read(answer, authorization, account),
        Task::LookUp(target) => session::read(answer, target, account),
        Task::Withdraw(target) => cancel::read(answer, target, account),
        Task::Invalidate(stored) => invalidate::read(answer, stored, account),
        Task::Pay(_) | Task::Operate(_) => Step::Refused(*has_no_form()),
    }
}

/// Cards are typed on the provider's page only.
fn has_no_form() -> Box<Refusal> {
    Box::new(Refusal::unsupported("Aval Pay takes cards on its own page only."))
}

/// Whether a request was refused only because its seed is more than five minutes off (PROTOCOL.md 3.4). It had no
/// effect then, so that the same may be asked once more with the provider's own time, which its answer tells.
fn is_about_our_clock(refusal: &Refusal) -> bool {
    refusal.provider_code.as_deref() == Some(CLOCK_REFUSED)
}

fn with_memo(step: Step, memo: Memo) -> Step {
    match step {
        Step::Call(call) => Step::Call(Box::new(Call { memo, ..*call })),
        Step::Learned(_) | Step::Refused(_) | Step::Unclear { .. } => step,
    }
}

#[cfg(test)]
mod tests {
    use payment::Currency;
    use payment::Entropy;
    use payment::account::Environment;

    use super::*;
    use crate::authentication::{LOGIN, SECRET_KEY};

    #[test]
    fn a_lost_answer_is_never_taken_for_an_outcome() {
        let account = Account {
            id: "tienda".into(),
            merchant: "tienda".into(),
            provider: "avalpay".into(),
            environment: Environment::Test,
            base_url: "https://checkout.example".parse().expect("an address"),
            credentials: [].into(),
            secrets: [].into(),
            settings: [].into(),
        };
        let target = payment::task::Target {
            reference: "PRUEBA1".into(),
            provider_reference: "508817".into(),
            total: payment::Money::new(11_900_000, Currency::Cop),
            movements: Vec::new(),
            awaited_instrument: None,
        };
        let moment =
            Moment { now: "2026-03-14T15:15:30Z".parse().expect("a time"), entropy: Entropy::new([0; 32]) };
        for task in [Task::LookUp(target.clone()), Task::Withdraw(target)] {
            for maybe_sent in [true, false] {
                let lost = Input::Lost { maybe_sent };
                let step = AvalPay.resume(&task, &account, &Memo::default(), lost, moment);
                assert!(matches!(step, Step::Unclear { .. }));
            }
        }
    }

    #[test]
    fn a_seed_refused_for_its_time_is_made_anew_by_the_provider_s_clock_and_only_once() {
        let account = Account {
            id: "tienda".into(),
            merchant: "tienda".into(),
            provider: "avalpay".into(),
            environment: Environment::Test,
            base_url: "https://checkout.example".parse().expect("an address"),
            credentials: [(LOGIN.to_owned(), "sitio".to_owned())].into(),
            secrets: [(SECRET_KEY.to_owned(), vec!["Clave-Sandbox-00x".to_owned().into()])].into(),
            settings: [].into(),
        };
        let task = Task::LookUp(payment::task::Target {
            reference: "PRUEBA1".into(),
            provider_reference: "508817".into(),
            total: payment::Money::new(11_900_000, Currency::Cop),
            movements: Vec::new(),
            awaited_instrument: None,
        });
        let now: Timestamp = "2026-03-14T15:25:30Z".parse().expect("a time");
        let moment = Moment { now, entropy: Entropy::new([3; 32]) };
        let refused = |message: &str, provider_date: Option<&str>| {
            let body = format!(
                r#"{{"status":{{"status":"FAILED","reason":401,"message":"Autenticación fallida {message}"}}}}"#
            );
            Input::Answer(payment::step::Answer {
                status: 401,
                content_type: "application/json".into(),
                body: body.into_bytes(),
                received_at: now,
                provider_date: provider_date.map(|date| date.parse().expect("a time")),
                handed_over: None,
            })
        };
        let date = Some("2026-03-14T15:15:30Z");
        let next = |memo: &Memo, input| AvalPay.resume(&task, &account, memo, input, moment);
        let Step::Call(call) = next(&Memo::default(), refused("103", date)) else { panic!("no second try") };
        let body = String::from_utf8(call.request.body.to_vec()).expect("a text");
        assert!(body.contains("2026-03-14T10:15:30-05:00"), "{body}");
        assert!(matches!(next(&call.memo, refused("103", date)), Step::Refused(_)), "once only");
        assert!(
            matches!(next(&Memo::default(), refused("103", None)), Step::Refused(_)),
            "no date, no guess"
        );
        assert!(matches!(next(&Memo::default(), refused("102", date)), Step::Refused(_)), "another reason");
    }
}
