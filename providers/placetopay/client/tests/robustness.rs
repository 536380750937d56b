//! Whatever arrives, nothing panics, and nothing that is not a session becomes a payment's result.

use std::collections::BTreeMap;

use payment::account::Environment;
use payment::fact::{FactKind, Outcome, Reason};
use payment::instrument::StoredInstrument;
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::notice::{ClaimedAttempt, Keys, RawNotice, Verdict};
use payment::operation::OperationKind;
use payment::provider::Moment;
use payment::step::{AfterLost, Answer, Input, Learned, Memo, Step};
use payment::subject::SubjectKind;
use payment::task::{Act, Authorization, Target};
use payment::{Account, Currency, Entropy, Money, Provider, Task, Timestamp};
use placetopay_client::checkout::AvalPay;
use proptest::prelude::*;

/// A whole session, approved, to be spoilt.
const APPROVED: &str = r#"{"requestId":508817,"status":{"status":"APPROVED","reason":"00","message":"Aprobada","date":"2026-03-14T10:23:40-05:00"},"request":{"payment":{"reference":"PRUEBA1","amount":{"currency":"COP","total":119000}},"expiration":"2026-03-14T10:35:30-05:00"},"payment":[{"status":{"status":"APPROVED","reason":"00","message":"Aprobada","date":"2026-03-14T10:22:06-05:00"},"internalReference":990412,"reference":"PRUEBA1","amount":{"from":{"currency":"COP","total":119000},"to":{"currency":"COP","total":119000},"factor":1},"authorization":"718233","receipt":"900412771003","refunded":false,"processorFields":[{"keyword":"lastDigits","value":"0081"}]}]}"#;

/// What may stand in the place of a member.
const SPOILT: [&str; 12] = [
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "\"\"",
    "\"APPROVED\"",
    "[]",
    "{}",
    "[[[]]]",
    "119000.001",
    "\"\\u0000\"",
];

fn answered(status: u16, body: &[u8]) -> Step {
    let task = Task::LookUp(target());
    let received_at = now();
    let answer = Answer {
        status,
        content_type: String::new(),
        body: body.to_vec(),
        received_at,
        provider_date: None,
        handed_over: None,
    };
    let moment = Moment { now: now(), entropy: Entropy::new([7; 32]) };
    AvalPay.resume(&task, &account(), &Memo::default(), Input::Answer(answer), moment)
}

fn is_approved(step: &Step) -> bool {
    let Step::Learned(Learned { observations, .. }) = step else { return false };
    let mut facts = observations.iter().flat_map(|observation| &observation.facts);
    facts.any(|fact| matches!(&fact.kind, FactKind::Ended(ending) if ending.outcome == Outcome::Approved))
}

proptest! {
    #[test]
    fn any_bytes_are_survived_and_are_no_payment(status in 100u16..600, body in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(!is_approved(&answered(status, &body)));
        let notice = RawNotice {
            method: "POST".into(), route: String::new(), query: String::new(), headers: vec![], body,
        };
        prop_assert!(!AvalPay.read_notice(&notice, Keys::of(&account()), now()).verdict.is_genuine());
    }

    #[test]
    fn any_bytes_are_survived_by_every_task_and_move_no_money(
        status in 100u16..600, body in prop::collection::vec(any::<u8>(), 0..400), memo in ".{0,40}",
    ) {
        for task in every_task() {
            for memo in [Memo::default(), Memo(memo.clone())] {
                prop_assert!(!moves_money(&resumed(&task, &memo, status, &body)));
            }
        }
    }

    #[test]
    fn a_spoilt_dispersion_or_card_never_panics(place in 0usize..80, spoilt in prop::sample::select(SPOILT.to_vec())) {
        for whole in [DISPERSED, KEPT, RECURRING] {
            let Some(body) = spoilt_in(whole, place, spoilt) else { continue };
            for task in every_task() {
                let _ = resumed(&task, &Memo::default(), 200, body.as_bytes());
            }
            let body = body.into_bytes();
            let notice = RawNotice {
                method: "POST".into(), route: String::new(), query: String::new(), headers: vec![], body,
            };
            let reading = AvalPay.read_notice(&notice, Keys::of(&account()), now());
            prop_assert!(reading.observations.is_empty() || reading.verdict.is_genuine());
        }
    }

    #[test]
    fn a_truncated_answer_is_unclear(length in 0..APPROVED.len()) {
        let step = answered(200, &APPROVED.as_bytes()[..length]);
        let is_unclear = matches!(step, Step::Unclear { .. });
        prop_assert!(is_unclear);
    }

    #[test]
    fn a_spoilt_member_never_panics_and_another_sum_never_passes_unnoticed(
        place in 0usize..60, spoilt in prop::sample::select(SPOILT.to_vec()),
    ) {
        let Some(body) = with_spoilt_value(place, spoilt) else { return Ok(()) };
        let Step::Learned(Learned { observations, .. }) = answered(200, body.as_bytes()) else { return Ok(()) };
        let facts: Vec<&FactKind> =
            observations.iter().flat_map(|observation| &observation.facts).map(|fact| &fact.kind).collect();
        let has_other_sum = facts.iter().any(|kind| {
            matches!(kind, FactKind::Moved(movement) if movement.amount != target().total)
        });
        let is_noticed = facts.iter().any(|kind| matches!(kind, FactKind::Contradicted { .. }));
        prop_assert!(!has_other_sum || is_noticed, "{}", body);
    }

    #[test]
    fn a_flipped_byte_never_panics(place in 0..APPROVED.len(), byte in any::<u8>()) {
        let mut body = APPROVED.as_bytes().to_vec();
        body[place] = byte;
        let _ = answered(200, &body);
    }
}

#[test]
fn parts_within_parts_are_read_one_level_deep_only() {
    let deep = |levels: usize| {
        let open = r#"{"dispersion":["#.repeat(levels);
        format!("{open}{}", "]}".repeat(levels))
    };
    for levels in [2, 100, 50_000] {
        let body = APPROVED.replace("\"refunded\":false", &format!("\"dispersion\":[{}]", deep(levels)));
        assert!(!is_moved(&answered(200, body.as_bytes())), "{levels}");
    }
}

/// Whether anything is told to have moved.
fn is_moved(step: &Step) -> bool {
    let Step::Learned(Learned { observations, .. }) = step else { return false };
    let mut facts = observations.iter().flat_map(|observation| &observation.facts);
    facts.any(|fact| matches!(fact.kind, FactKind::Moved(_)))
}

/// Whether money is told to have moved, or a card to be kept, or to be gone.
fn moves_money(step: &Step) -> bool {
    let Step::Learned(Learned { observations, tokens, .. }) = step else { return false };
    let mut facts = observations.iter().flat_map(|observation| &observation.facts);
    let is_told = |fact: &payment::Fact| {
        matches!(fact.kind, FactKind::Moved(_) | FactKind::Ended(_) | FactKind::Instrument(_))
    };
    facts.any(is_told) || !tokens.is_empty()
}

/// A dispersion whose second part was denied, to be spoilt.
const DISPERSED: &str = r#"{"requestId":508817,"status":{"status":"PARTIAL_EXPIRED","reason":"PX","message":"x","date":"2026-03-14T10:23:40-05:00"},"request":{"payment":{"reference":"PRUEBA1","amount":{"currency":"COP","total":119000},"dispersion":[{"agreement":1}]},"expiration":"2026-03-14T10:35:30-05:00"},"payment":[{"status":{"status":"APPROVED_PARTIAL","reason":"51","message":"x","date":"2026-03-14T10:22:06-05:00"},"internalReference":1,"reference":"PRUEBA1","amount":{"from":{"currency":"COP","total":119000}},"dispersion":[{"status":{"status":"APPROVED","reason":"00","message":"x","date":"2026-03-14T10:22:06-05:00"},"internalReference":2,"amount":{"currency":"COP","total":100000},"agreement":4021,"agreementType":"MERCHANT","refunded":false},{"status":{"status":"REJECTED","reason":"51","message":"x","date":"2026-03-14T10:22:07-05:00"},"internalReference":3,"amount":{"from":{"currency":"COP","total":19000}},"agreement":null,"agreementType":"MERCHANT"}]}]}"#;

/// A card that is kept, to be spoilt.
const KEPT: &str = r#"{"requestId":508817,"status":{"status":"APPROVED","reason":"00","message":"x","date":"2026-03-14T10:23:40-05:00"},"request":{"subscription":{"reference":"PRUEBA1"}},"payment":null,"subscription":{"type":"token","status":{"status":"OK","reason":"00","message":"x","date":"2026-03-14T10:22:08-05:00"},"instrument":[{"keyword":"token","value":"73fbceff"},{"keyword":"subtoken","value":7741902836150081},{"keyword":"lastDigits","value":"0081"},{"keyword":"validUntil","value":"2030-11-30"}]}}"#;

/// The notice of a repeated charge, to be spoilt.
const RECURRING: &str = r#"{"status":{"status":"APPROVED","reason":"00","message":"x","date":"2026-04-14T03:00:12-05:00"},"internalReference":1700004455,"reference":"CAR2026000873","signature":"2b379707d0468a2a409c43157ac92ed75fce8a71","recurring":{"tries":1,"enabled":1}}"#;

#[test]
fn a_session_s_signature_makes_no_repeated_charge() {
    // The shopper's browser is given a session's notice in a lightbox; the two are signed alike.
    let read = |body: &str, attempt: Option<&ClaimedAttempt>| {
        let body = body.as_bytes().to_vec();
        let notice = RawNotice {
            method: "POST".into(),
            route: String::new(),
            query: String::new(),
            headers: vec![],
            body,
        };
        let claimed = AvalPay.claimed_subject(&notice, &account());
        (AvalPay.read_notice(&notice, Keys { account: &account(), attempt }, now()), claimed)
    };
    let (reading, claimed) = read(RECURRING, None);
    assert_eq!((reading.verdict, reading.observations.len()), (Verdict::Valid, 1));
    let claimed = claimed.expect("the session that it might be of");
    assert_eq!((claimed.kind, claimed.provider_reference.as_str()), (SubjectKind::Attempt, "1700004455"));
    let session = ClaimedAttempt { key: None, target: target() };
    let (reading, _) = read(RECURRING, Some(&session));
    assert_eq!((reading.verdict, reading.observations.len()), (Verdict::Forged, 0));
    let (_, claimed) = read(&RECURRING.replace("recurring", "other").replace("internalR", "r"), None);
    assert_eq!(claimed, None, "an ordinary notice is verified by the account alone");
}

fn every_task() -> Vec<Task> {
    let order: payment::Order = serde_json::from_str(
        r#"{"reference":"A","total":{"minor":11900000,"currency":"COP"},"description":"x","buyer":{"name":"Ana"},"shopper":{"ip":"203.0.113.24","user_agent":"x"}}"#,
    )
    .expect("an order");
    let id: payment::id::InstrumentId = format!("ins_{}", "0".repeat(32)).parse().expect("an id");
    let stored = || StoredInstrument {
        id: id.clone(),
        provider_reference: "508817".into(),
        token: "73fbceff".to_owned().into(),
        brand: None,
    };
    let authorization = |instrument| {
        let url: url::Url = "https://pagos.example/".parse().expect("an address");
        Box::new(Authorization {
            reference: "PRUEBA1".into(),
            order: order.clone(),
            expires_at: now(),
            return_url: url.clone(),
            card_url: url.clone(),
            notice_url: url,
            instrument,
        })
    };
    let movement = Movement {
        kind: MovementKind::Charge,
        provider_reference: "990412".into(),
        parent: None,
        amount: target().total,
        state: MovementState::Approved,
        at: now(),
        reason: Reason::default(),
        receipt: Receipt::default(),
    };
    let act = Act {
        kind: OperationKind::Refund,
        reference: "PRUEBA2".into(),
        target: Target { movements: vec![movement.clone()], ..target() },
        amount: movement.amount,
        movement,
        is_whole: true,
        is_repeated: false,
    };
    vec![
        Task::Authorize(authorization(None)),
        Task::Authorize(authorization(Some(stored()))),
        Task::ChargeStored(authorization(Some(stored()))),
        Task::LookUp(Target { awaited_instrument: Some("508817".into()), ..target() }),
        Task::Withdraw(target()),
        Task::Operate(Box::new(act)),
        Task::Invalidate(stored()),
    ]
}

fn resumed(task: &Task, memo: &Memo, status: u16, body: &[u8]) -> Step {
    let answer = Answer {
        status,
        content_type: String::new(),
        body: body.to_vec(),
        received_at: now(),
        provider_date: None,
        handed_over: None,
    };
    let moment = Moment { now: now(), entropy: Entropy::new([7; 32]) };
    AvalPay.resume(task, &account(), memo, Input::Answer(answer), moment)
}

#[test]
fn a_charge_is_never_sent_again_when_it_might_be_charged_again() {
    for task in every_task() {
        let Task::ChargeStored(authorization) = &task else { continue };
        let begin = |hours| {
            let now = authorization.expires_at + jiff::SignedDuration::from_hours(hours);
            let moment = Moment { now, entropy: Entropy::new([7; 32]) };
            AvalPay.begin(&task, &proved(), moment)
        };
        let Step::Call(call) = begin(23) else { panic!("no repetition within a day") };
        assert_eq!(call.on_lost, AfterLost::RepeatSame);
        assert!(matches!(begin(24), Step::Unclear { .. }));
        // What is lost is never taken for an outcome.
        for maybe_sent in [true, false] {
            let moment = Moment { now: now(), entropy: Entropy::new([7; 32]) };
            let step = AvalPay.resume(&task, &account(), &call.memo, Input::Lost { maybe_sent }, moment);
            assert!(matches!(step, Step::Unclear { .. }));
        }
    }
}

fn proved() -> Account {
    Account { credentials: [("login".to_owned(), "sitio".to_owned())].into(), ..account() }
}

#[test]
fn the_unspoilt_answer_is_an_approval() {
    assert!(is_approved(&answered(200, APPROVED.as_bytes())));
}

#[test]
fn a_deep_or_huge_answer_is_unclear() {
    let deep = format!("{{\"payment\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(matches!(answered(200, deep.as_bytes()), Step::Unclear { .. }));
    let huge = format!("{{\"status\":{{\"status\":\"{}\"}}}}", "A".repeat(2_000_000));
    assert!(matches!(answered(200, huge.as_bytes()), Step::Unclear { .. }));
}

#[test]
fn every_status_of_http_with_a_failed_envelope_is_no_payment() {
    let failed = APPROVED.replacen("APPROVED", "FAILED", 1);
    for status in 100..600 {
        assert!(!is_approved(&answered(status, failed.as_bytes())), "{status}");
    }
}

/// The answer with the value behind its nth colon replaced.
fn with_spoilt_value(nth: usize, spoilt: &str) -> Option<String> {
    spoilt_in(APPROVED, nth, spoilt)
}

fn spoilt_in(whole: &str, nth: usize, spoilt: &str) -> Option<String> {
    let colon = whole.match_indices("\":").nth(nth)?.0 + 2;
    let mut stream = serde_json::Deserializer::from_str(&whole[colon..]).into_iter::<serde_json::Value>();
    stream.next()?.ok()?;
    Some(format!("{}{spoilt}{}", &whole[..colon], &whole[colon + stream.byte_offset()..]))
}

fn now() -> Timestamp {
    "2026-03-14T15:23:41Z".parse().expect("a time")
}

fn target() -> Target {
    Target {
        reference: "PRUEBA1".into(),
        provider_reference: "508817".into(),
        total: Money::new(11_900_000, Currency::Cop),
        movements: Vec::new(),
        awaited_instrument: None,
    }
}

fn account() -> Account {
    Account {
        id: "tienda".into(),
        merchant: "tienda".into(),
        provider: "avalpay".into(),
        environment: Environment::Test,
        base_url: "https://checkout.example".parse().expect("an address"),
        credentials: BTreeMap::new(),
        secrets: [("secret_key".to_owned(), vec!["Clave-Sandbox-00x".to_owned().into()])].into(),
        settings: BTreeMap::new(),
    }
}
