//! A provider on paper: the least protocol that a story of the API needs. The description of an order says what
//! happens to it: `refuse`, `decline`, `wait`, `call` (asks the account's address and opens when that
//! answers).

use payment::account::Account;
use payment::fact::{Ending, FactKind, Opening, Outcome, Reason, Telling};
use payment::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::order::{Complaint, Order};
use payment::profile::{CLEAR_ALPHABET, Cadence, LifeRule, Profile, QueryPolicy, ReferenceRule};
use payment::provider::{Moment, Provider};
use payment::step::{Advice, AfterLost, Call, Input, Memo, Refusal, Request};
use payment::subject::{Subject, SubjectKind};
use payment::task::{Authorization, Target};
use payment::{Currency, Fact, Observation, Step, Task, Timestamp};

/// The provider's id.
pub const ID: &str = "paper";
/// A reference that the provider's own rule refuses.
pub const UNWANTED_REFERENCE: &str = "NO-EN-PAPEL";

/// The provider.
pub struct Paper;

static PROFILE: Profile = Profile {
    id: ID,
    brand: "Papel",
    countries: &["CO", "CL"],
    currencies: &[Currency::Cop, Currency::Clp],
    zone: "America/Bogota",
    reference: ReferenceRule { length: 20, alphabet: CLEAR_ALPHABET },
    life: LifeRule { shortest_s: 300, longest_s: 86_400, default_s: 1800 },
    query: QueryPolicy {
        on_every_return: true,
        usual: Cadence { first_after_s: 300, every_s: 300, after_expiry_s: None },
        certification: Cadence { first_after_s: 60, every_s: 60, after_expiry_s: None },
        grace_s: 600,
        own_expiry_s: None,
    },
    settings: &[],
    operations: payment::operation::Operations::NONE,
    keeps_instruments: false,
    masked_members: &[],
};

impl Provider for Paper {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn check(&self, order: &Order, _: &Account) -> Vec<Complaint> {
        let unwanted = order.reference == UNWANTED_REFERENCE;
        let complaint = || Complaint::new("reference", "invalid_value", "Not on paper.");
        unwanted.then(complaint).into_iter().collect()
    }

    fn begin(&self, task: &Task, account: &Account, moment: Moment) -> Step {
        match task {
            Task::Authorize(authorization) => match authorization.order.description.as_deref() {
                Some("refuse") => refused("config_error", Advice::Contact),
                Some("decline") => refused("card_declined", Advice::ChangeInstrument),
                Some("wait") => waits(authorization, account, moment.now),
                Some("call") => call(account),
                Some(_) | None => opened(authorization, account, moment.now),
            },
            Task::LookUp(target) => {
                let reason = Reason::default();
                learned(account, target, moment.now, FactKind::Waiting(Telling { reason }))
            }
            Task::Withdraw(target) => {
                let ending = Ending { outcome: Outcome::Cancelled, reason: Reason::default() };
                learned(account, target, moment.now, FactKind::Ended(ending))
            }
            Task::ChargeStored(_) | Task::Pay(_) | Task::Operate(_) | Task::Invalidate(_) => {
                Step::Refused(Refusal::unsupported("Not on paper."))
            }
        }
    }

    fn resume(&self, task: &Task, account: &Account, _: &Memo, input: Input, moment: Moment) -> Step {
        match (task, input) {
            (Task::Authorize(authorization), Input::Answer(_)) => opened(authorization, account, moment.now),
            (_, Input::Answer(_) | Input::Lost { .. }) => Step::Unclear { cause: "lost".to_owned() },
        }
    }

    /// `panic` panics, `genuine` is signed about nothing we know, everything else is forged.
    fn read_notice(&self, notice: &RawNotice, keys: Keys<'_>, _: Timestamp) -> Reading {
        let (verdict, reason) = match notice.body.as_slice() {
            // A message put together from the notice, as a careless reader might.
            [b'p', b'a', b'n', b'i', b'c', ..] => panic!("no such notice: {}", notice.body.escape_ascii()),
            b"genuine" => (Verdict::Valid, "signed"),
            _ => (Verdict::Forged, "the signature does not hold"),
        };
        Reading {
            verdict,
            reason,
            subject: Some(subject(keys.account, "nothing we know")),
            reference: None,
            observations: vec![],
            ask: false,
            repeat_key: None,
            tokens: Vec::new(),
            handover: None,
        }
    }

    fn reply_to(&self, verdict: Verdict) -> NoticeReply {
        let (status, body) = if verdict.is_genuine() { (200, "TAKEN") } else { (401, "REFUSED") };
        NoticeReply { status, content_type: "text/plain", body }
    }
}

fn opened(authorization: &Authorization, account: &Account, now: Timestamp) -> Step {
    let provider_reference = format!("P-{}", authorization.reference);
    let opening = Opening {
        pay_url: account.base_url.join(&format!("pay/{provider_reference}")).ok(),
        provider_reference: provider_reference.clone(),
        pay_code: None,
        expires_at: authorization.expires_at,
    };
    let facts = vec![Fact::new(now, FactKind::Opened(opening))];
    Step::Learned(vec![Observation { subject: subject(account, &provider_reference), facts }].into())
}

fn waits(authorization: &Authorization, account: &Account, now: Timestamp) -> Step {
    let subject = subject(account, &format!("P-{}", authorization.reference));
    let waiting = Fact::new(now, FactKind::InProgress(Telling { reason: Reason::default() }));
    Step::Learned(vec![Observation { subject, facts: vec![waiting] }].into())
}

fn learned(account: &Account, target: &Target, now: Timestamp, kind: FactKind) -> Step {
    let subject = subject(account, &target.provider_reference);
    Step::Learned(vec![Observation { subject, facts: vec![Fact::new(now, kind)] }].into())
}

fn subject(account: &Account, provider_reference: &str) -> Subject {
    let (account, provider_reference) = (account.id.clone(), provider_reference.to_owned());
    Subject { account, kind: SubjectKind::Attempt, provider_reference }
}

fn refused(code: &'static str, advice: Advice) -> Step {
    let (provider_code, detail) = (Some("P-77".to_owned()), "Refused on paper.".to_owned());
    Step::Refused(Refusal { code, provider_code, detail, complaints: vec![], advice })
}

fn call(account: &Account) -> Step {
    let request = Request {
        operation: "open",
        method: "POST",
        url: account.base_url.clone(),
        headers: vec![],
        body: vec![].into(),
        timeout_ms: 5000,
        needs_token: false,
    };
    Step::Call(Box::new(Call { request, memo: Memo::default(), on_lost: AfterLost::FreshStart }))
}
