//! PlacetoPay Checkout as Aval Pay sells it: the shopper pays on the provider's page, in a session that we
//! create, ask for and may cancel; a signed notice tells when it ended.

mod answer;
mod call;
mod cancel;
mod check;
mod create;
mod documents;
mod notice;
mod order;
mod person;
mod reasons;
mod session;
mod storefront;
mod transaction;
mod wire;

use payment::account::Account;
use payment::notice::{Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::order::{Complaint, Order};
use payment::profile::{
    CLEAR_ALPHABET, Cadence, LifeRule, Profile, QueryPolicy, ReferenceRule, Setting, SettingKind,
};
use payment::provider::{Moment, Provider};
use payment::step::{Call, Input, Memo, Refusal, Step};
use payment::task::Task;
use payment::{Currency, Timestamp};

pub use reasons::{Level, ReasonText, reason_text, reason_texts};
pub use storefront::{LOGO_URL, storefront};

use crate::authentication::{CLOCK_REFUSED, DIGEST, DIGESTS, LOGIN, SECRET_KEY};

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

    fn begin(&self, task: &Task, account: &Account, moment: Moment) -> Step {
        let step = match task {
            Task::Authorize(authorization) => create::begin(authorization, account, moment),
            Task::LookUp(target) => session::begin(target, account, moment),
            Task::Withdraw(target) => cancel::begin(target, account, moment),
            Task::ChargeStored(_) | Task::Pay(_) | Task::Operate(_) | Task::Invalidate(_) => Err(has_none()),
        };
        step.unwrap_or_else(|refusal| Step::Refused(*refusal))
    }

    fn resume(&self, task: &Task, account: &Account, memo: &Memo, input: Input, moment: Moment) -> Step {
        let answer = match input {
            Input::Answer(answer) => answer,
            Input::Lost { maybe_sent } => {
                let cause = if maybe_sent { "no whole answer came" } else { "nothing could be sent" };
                return Step::Unclear { cause: cause.to_owned() };
            }
        };
        let step = match task {
            Task::Authorize(authorization) => create::read(&answer, authorization, account),
            Task::LookUp(target) => session::read(&answer, target, account),
            Task::Withdraw(target) => cancel::read(&answer, target, account),
            Task::ChargeStored(_) | Task::Pay(_) | Task::Operate(_) | Task::Invalidate(_) => {
                Step::Refused(*has_none())
            }
        };
        match (&step, answer.provider_date) {
            (Step::Refused(refusal), Some(now)) if is_about_our_clock(refusal) && *memo != by_its_clock() => {
                with_memo(self.begin(task, account, Moment { now, ..moment }), by_its_clock())
            }
            _ => step,
        }
    }

    fn read_notice(&self, notice: &RawNotice, keys: Keys<'_>, _now: Timestamp) -> Reading {
        notice::read(notice, keys.account)
    }

    fn reply_to(&self, verdict: Verdict) -> NoticeReply {
        notice::reply_to(verdict)
    }
}

/// What this client does not do.
fn has_none() -> Box<Refusal> {
    Box::new(Refusal::unsupported("This account has no such operation."))
}

/// Whether a request was refused only because its seed is more than five minutes off (PROTOCOL.md 3.4). It had no
/// effect then, so that the same may be asked once more with the provider's own time, which its answer tells.
fn is_about_our_clock(refusal: &Refusal) -> bool {
    refusal.provider_code.as_deref() == Some(CLOCK_REFUSED)
}

/// Remembers that the seed is of the provider's clock, so that it is corrected once only.
fn by_its_clock() -> Memo {
    Memo(r#"{"seed":"provider_clock"}"#.to_owned())
}

fn with_memo(step: Step, memo: Memo) -> Step {
    match step {
        Step::Call(call) => Step::Call(Box::new(Call { memo, ..*call })),
        Step::Learned(_) | Step::Refused(_) | Step::Unclear { .. } => step,
    }
}

/// What is so of Aval Pay.
static PROFILE: Profile = Profile {
    id: "avalpay",
    brand: "Aval Pay",
    countries: &["CO"],
    currencies: &[Currency::Cop, Currency::Usd],
    zone: "America/Bogota",
    // At most 32 letters and digits (AV-4.4-02, AV-4.4-03), a new one for each session (AV-4.7-14).
    reference: ReferenceRule { length: 26, alphabet: CLEAR_ALPHABET },
    // AV-2-01. The provider itself only asks for five minutes.
    life: LifeRule { shortest_s: 10 * MINUTE, longest_s: 30 * MINUTE, default_s: 30 * MINUTE },
    query: QueryPolicy {
        // AV-4-04.
        on_every_return: true,
        // AV-4.6-02; the first one and the one after the expiry, since a lost notice is never sent again.
        usual: Cadence { first_after_s: 5 * MINUTE, every_s: 24 * HOUR, after_expiry_s: Some(2 * MINUTE) },
        // AV-4.6-03.
        certification: Cadence { first_after_s: 15 * MINUTE, every_s: 15 * MINUTE, after_expiry_s: None },
        // A bank may leave an attempt undecided for days (AV-4.3-01).
        grace_s: 7 * 24 * HOUR,
        // It tells that a session's time ran out.
        own_expiry_s: None,
    },
    settings: SETTINGS,
    operations: payment::operation::Operations::NONE,
    keeps_instruments: false,
    masked_members: MASKED_MEMBERS,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

const SETTINGS: &[Setting] = &[
    Setting { name: LOGIN, kind: SettingKind::Credential, help: "The site's identifier, 32 characters." },
    Setting {
        name: SECRET_KEY,
        kind: SettingKind::Secret,
        help: "The site's secret key (tranKey in the provider's panel); several while it is being changed.",
    },
    Setting {
        name: DIGEST,
        kind: SettingKind::OneOf(DIGESTS),
        help: "Digest of the authentication; sha1 only for a site that the provider has not moved yet.",
    },
];

/// What proves a request, and what tells about people.
const MASKED_MEMBERS: &[&str] = &[
    "tranKey",
    "nonce",
    "signature",
    "document",
    "surname",
    "email",
    "mobile",
    "phone",
    "street",
    "token",
    "subtoken",
];

#[cfg(test)]
mod tests {
    use payment::Entropy;
    use payment::account::Environment;

    use super::*;

    #[test]
    fn the_probe_s_cadences_are_those_of_the_guide() {
        let _story = testing::story("the_probe_s_cadences_are_those_of_the_guide");
        let policy = AvalPay.profile().query;
        assert!(policy.on_every_return);
        assert_eq!((policy.usual.every_s, policy.certification.every_s), (86_400, 900));
        let life = AvalPay.profile().life;
        assert_eq!((life.shortest_s, life.longest_s, life.default_s), (600, 1800, 1800));
    }

    #[test]
    fn a_minted_reference_is_short_and_alphanumeric_and_never_the_same() {
        let _story = testing::story("a_minted_reference_is_short_and_alphanumeric_and_never_the_same");
        let rule = AvalPay.profile().reference;
        let now = "2026-03-14T15:15:30Z".parse().expect("a time");
        let minted: Vec<String> = (0..50).map(|byte| rule.mint(now, Entropy::new([byte; 32]))).collect();
        for reference in &minted {
            assert!(reference.len() <= 32 && reference.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        // The alphabet has 32 letters, so that bytes 32 apart choose the same one.
        let distinct: std::collections::BTreeSet<&String> = minted[..32].iter().collect();
        assert_eq!(distinct.len(), 32);
        testing::covers!("AV-4.4-02", "AV-4.4-03", "AV-4.7-15");
    }

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
