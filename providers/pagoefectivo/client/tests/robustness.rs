//! Whatever arrives, nothing panics, and nothing but a signed notice of payment, or a search that finds the CIP paid,
//! becomes a payment.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use pagoefectivo_client::PagoEfectivo;
use payment::account::Environment;
use payment::fact::{FactKind, Outcome};
use payment::movement::MovementState;
use payment::notice::{Keys, RawNotice, Reading};
use payment::order::{Language, Order, Shopper};
use payment::provider::Moment;
use payment::step::{Answer, Input, Memo, Step};
use payment::task::{Authorization, Target};
use payment::{Account, Currency, Entropy, Money, Observation, Provider, Task, Timestamp};
use proptest::prelude::*;

const KEY: &str = "hub0Demo+Secret/Key1ForDocs2Only3Andes4x";

/// A whole notice, to be spoilt.
const NOTICE: &str = r#"{"eventType":"cip.paid","operationNumber":"7781204","data":{"cip":"30418826","currency":"PEN","amount":149.90,"paymentDate":"2026-03-02T11:04:37-05:00","transactionCode":"PRUEBA1"}}"#;

/// A whole answer to a search, paid, to be spoilt.
const FOUND: &str = r#"{"code":100,"message":"Solicitud exitosa.","data":[{"cip":30418826,"transactionCode":"PRUEBA1","amount":149.9,"currency":"PEN","status":23,"statusName":"Cancelado.","dateCreation":"2026-03-02T09:31:12-05:00","dateExpiry":"2026-03-04T23:59:00-05:00","datePayment":"2026-03-02T11:04:37-05:00","dateRemoval":"1900-01-01T00:00:00-05:00","token":"6B1D0F3E"}]}"#;

/// A whole answer to a creation, to be spoilt.
const CREATED: &str = r#"{"code":100,"message":"Solicitud exitosa.","data":{"cip":30418826,"currency":"PEN","amount":149.9,"transactionCode":"PRUEBA1","dateExpiry":"2026-03-04T23:59:00-05:00","cipUrl":"https://pre1a.payment.pagoefectivo.pe/6B1D0F3E.html"}}"#;

/// What may stand in the place of a member.
const SPOILT: [&str; 20] = [
    "null",
    "true",
    "0",
    "1",
    "22",
    "23",
    "-1",
    "1e300",
    "149.900",
    "149.901",
    "\"\"",
    "\"CIP.PAID\"",
    "\"cip.paid\"",
    "\"Cancelado.\"",
    "\"USD\"",
    "[\"cip.paid\"]",
    "{}",
    "[[[]]]",
    "\"\\u0000\"",
    "\"9999-12-31T23:59:59-05:00\"",
];

fn resumed(task: &Task, status: u16, body: &[u8]) -> Step {
    let answer = Answer {
        status,
        content_type: String::new(),
        body: body.to_vec(),
        received_at: now(),
        provider_date: None,
        handed_over: None,
    };
    let moment = Moment { now: now(), entropy: Entropy::new([7; 32]) };
    PagoEfectivo.resume(task, &account(), &Memo::default(), Input::Answer(answer), moment)
}

fn learned(step: Step) -> Vec<Observation> {
    match step {
        Step::Learned(learned) => learned.observations,
        Step::Refused(_) | Step::Unclear { .. } | Step::Call(_) => Vec::new(),
    }
}

fn found(status: u16, body: &[u8]) -> Vec<Observation> {
    learned(resumed(&Task::LookUp(target()), status, body))
}

fn created(status: u16, body: &[u8]) -> Vec<Observation> {
    learned(resumed(&authorize(), status, body))
}

fn noticed(body: &[u8], signature: &str) -> Reading {
    let notice = RawNotice {
        method: "POST".into(),
        route: String::new(),
        query: String::new(),
        headers: vec![("pe-signature".into(), signature.into())],
        body: body.to_vec(),
    };
    let _ = PagoEfectivo.claimed_subject(&notice, &account());
    PagoEfectivo.read_notice(&notice, Keys::of(&account()), now())
}

fn signed(body: &[u8]) -> Reading {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes()), body);
    let signature: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    noticed(body, &signature)
}

/// What was paid, by approved movements, and whether an end says so.
fn paid(observations: &[Observation]) -> (Vec<Money>, bool) {
    let kinds = || observations.iter().flat_map(|observation| &observation.facts).map(|fact| &fact.kind);
    let moved = kinds().filter_map(|kind| match kind {
        FactKind::Moved(movement) if movement.state == MovementState::Approved => Some(movement.amount),
        _ => None,
    });
    let is_ended = kinds()
        .any(|kind| matches!(kind, FactKind::Ended(ending) if ending.outcome >= Outcome::PartiallyExpired));
    (moved.collect(), is_ended)
}

fn is_unpaid(observations: &[Observation]) -> bool {
    paid(observations) == (Vec::new(), false)
}

/// A text with the value behind its nth colon replaced; objects and lists are replaced whole.
fn with_spoilt_value(whole: &str, nth: usize, spoilt: &str) -> Option<String> {
    let colon = whole.match_indices("\":").nth(nth)?.0 + 2;
    let mut stream = serde_json::Deserializer::from_str(&whole[colon..]).into_iter::<serde_json::Value>();
    stream.next()?.ok()?;
    Some(format!("{}{spoilt}{}", &whole[..colon], &whole[colon + stream.byte_offset()..]))
}

proptest! {
    #[test]
    fn any_bytes_are_survived_and_are_no_payment(status in 100u16..600, body in prop::collection::vec(any::<u8>(), 0..400), signature in ".{0,70}") {
        prop_assert!(is_unpaid(&found(status, &body)));
        prop_assert!(created(status, &body).is_empty());
        let _ = resumed(&Task::Withdraw(target()), status, &body);
        let answer = Answer { status, content_type: String::new(), body: body.clone(), received_at: now(), provider_date: None, handed_over: None };
        prop_assert!(PagoEfectivo.read_token(&account(), &answer).is_none());
        prop_assert!(!noticed(&body, &signature).verdict.is_genuine());
        prop_assert!(is_unpaid(&signed(&body).observations));
    }

    #[test]
    fn a_truncated_answer_or_notice_is_no_payment(length in 0..NOTICE.len()) {
        prop_assert!(found(200, &FOUND.as_bytes()[..length]).is_empty());
        prop_assert!(created(201, &CREATED.as_bytes()[..length]).is_empty());
        prop_assert!(is_unpaid(&signed(&NOTICE.as_bytes()[..length]).observations));
    }

    #[test]
    fn a_spoilt_member_of_a_search_pays_the_right_sum_or_nothing(place in 0usize..14, spoilt in prop::sample::select(SPOILT.to_vec())) {
        let body = with_spoilt_value(FOUND, place, spoilt).expect("a member");
        let (moved, is_ended) = paid(&found(200, body.as_bytes()));
        prop_assert!(moved.iter().all(|amount| *amount == target().total), "{}", body);
        prop_assert_eq!(!moved.is_empty(), is_ended, "{}", body);
        if !body.contains("\"status\":23") && !body.contains("Cancelado.") {
            prop_assert!(!is_ended, "{}", body);
        }
    }

    #[test]
    fn a_spoilt_member_of_a_notice_pays_only_when_it_says_paid(place in 0usize..8, spoilt in prop::sample::select(SPOILT.to_vec())) {
        let body = with_spoilt_value(NOTICE, place, spoilt).expect("a member");
        let reading = signed(body.as_bytes());
        let (moved, is_ended) = paid(&reading.observations);
        prop_assert_eq!(!moved.is_empty(), is_ended, "{}", body);
        if !body.contains("\"eventType\":\"cip.paid\"") {
            prop_assert!(!is_ended, "{}", body);
        }
        // What is no payment must never stand in the place of one that comes later.
        prop_assert_eq!(is_ended, reading.repeat_key.is_some_and(|key| !key.contains('|')), "{}", body);
    }

    #[test]
    fn a_spoilt_member_of_a_creation_opens_our_own_cip_or_none(place in 0usize..9, spoilt in prop::sample::select(SPOILT.to_vec())) {
        let body = with_spoilt_value(CREATED, place, spoilt).expect("a member");
        for fact in created(201, body.as_bytes()).into_iter().flat_map(|seen| seen.facts) {
            let FactKind::Opened(opening) = fact.kind else { panic!("{body}") };
            prop_assert_eq!(opening.pay_code.as_deref(), Some(&*opening.provider_reference));
            prop_assert!(opening.expires_at <= now() + jiff::SignedDuration::from_hours(24));
        }
    }

    #[test]
    fn a_changed_byte_of_a_notice_is_never_genuine(place in 0..NOTICE.len(), flip in 1u8..=255) {
        let signature = "3f39e4706897ec3e4556dd64291b917746b9a887a9bbeffb982d09e67983eaba";
        let mut body = NOTICE.as_bytes().to_vec();
        body[place] ^= flip;
        prop_assert!(!noticed(&body, signature).verdict.is_genuine());
    }

    #[test]
    fn a_changed_byte_of_a_search_never_panics_and_never_pays_another_sum(place in 0..FOUND.len(), byte in any::<u8>()) {
        let mut body = FOUND.as_bytes().to_vec();
        body[place] = byte;
        let (moved, _) = paid(&found(200, &body));
        prop_assert!(moved.iter().all(|amount| *amount == target().total));
    }
}

#[test]
fn the_unspoilt_ones_are_what_they_say() {
    let expected = (vec![target().total], true);
    assert_eq!(paid(&found(200, FOUND.as_bytes())), expected);
    assert_eq!(paid(&signed(NOTICE.as_bytes()).observations), expected);
    assert_eq!(created(201, CREATED.as_bytes()).len(), 1);
}

#[test]
fn a_notice_and_the_query_tell_of_one_and_the_same_payment() {
    let _story = testing::story("a_notice_and_the_query_tell_of_one_and_the_same_payment");
    let charge = |observations: Vec<Observation>| {
        let kinds = observations.into_iter().flat_map(|seen| seen.facts).map(|fact| fact.kind);
        let mut charges = kinds.filter_map(|kind| match kind {
            FactKind::Moved(charge) => {
                Some((charge.kind, charge.provider_reference, charge.amount, charge.at))
            }
            _ => None,
        });
        charges.next()
    };
    let noticed = charge(signed(NOTICE.as_bytes()).observations);
    assert!(noticed.is_some());
    assert_eq!(noticed, charge(found(200, FOUND.as_bytes())));
    let other_operation = NOTICE.replace("7781204", "7781205");
    assert_eq!(noticed, charge(signed(other_operation.as_bytes()).observations));
}

#[test]
fn every_status_of_http_but_a_success_is_no_payment_and_no_cip() {
    for status in (100..600).filter(|status| ![200, 201].contains(status)) {
        assert!(found(status, FOUND.as_bytes()).is_empty(), "{status}");
        assert!(created(status, CREATED.as_bytes()).is_empty(), "{status}");
    }
}

#[test]
fn a_deep_or_huge_answer_is_no_payment() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(found(200, deep.as_bytes()).is_empty());
    assert!(!signed(deep.as_bytes()).verdict.is_genuine());
    let huge = FOUND.replace("Cancelado.", &"A".repeat(2_000_000));
    let longest = serde_json::to_string(&found(200, huge.as_bytes())).expect("JSON").len();
    assert!(longest < 10_000, "{longest}");
    let elements = format!("{}{}", "{\"field\":\"amount\"},".repeat(100_000), "{}");
    let refusal = format!(r#"{{"code":"111","data":[{elements}]}}"#);
    assert!(format!("{:?}", resumed(&authorize(), 400, refusal.as_bytes())).len() < 10_000);
}

fn now() -> Timestamp {
    "2026-03-02T17:00:00Z".parse().expect("a time")
}

fn target() -> Target {
    Target {
        reference: "PRUEBA1".into(),
        provider_reference: "30418826".into(),
        total: Money::new(14_990, Currency::Pen),
        movements: Vec::new(),
        awaited_instrument: None,
    }
}

fn authorize() -> Task {
    let order = Order {
        reference: "000417".into(),
        total: target().total,
        description: None,
        taxes: vec![],
        details: vec![],
        items: vec![],
        buyer: None,
        payer: None,
        shipping: None,
        expires_at: None,
        return_url: None,
        language: Language::Es,
        methods: vec![],
        extra: vec![],
        customer: None,
        keep_instrument: false,
        instrument: None,
        is_shopper_away: false,
        instalments: None,
        allow_partial: false,
        dispersion: vec![],
        recurrence: None,
        rest_of: None,
        shopper: Shopper { ip: [203, 0, 113, 24].into(), user_agent: "Prueba/1.0".into() },
    };
    Task::Authorize(Box::new(Authorization {
        reference: "PRUEBA1".into(),
        order,
        expires_at: now() + jiff::SignedDuration::from_hours(24),
        return_url: "https://pagos.example/r/andes/att_1".parse().expect("an address"),
        card_url: "https://pagos.example/c/andes/att_1".parse().expect("an address"),
        notice_url: "https://pagos.example/notices/pagoefectivo/tienda".parse().expect("an address"),
        instrument: None,
    }))
}

fn account() -> Account {
    Account {
        id: "andes".into(),
        merchant: "andes".into(),
        provider: "pagoefectivo".into(),
        environment: Environment::Test,
        base_url: "https://api.example".parse().expect("an address"),
        credentials: BTreeMap::new(),
        secrets: [("secret_key".to_owned(), vec![KEY.into()])].into(),
        settings: BTreeMap::new(),
    }
}
