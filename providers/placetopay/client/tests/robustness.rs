//! Whatever arrives, nothing panics, and nothing that is not a session becomes a payment's result.

use std::collections::BTreeMap;

use payment::account::Environment;
use payment::fact::{FactKind, Outcome};
use payment::notice::{Keys, RawNotice};
use payment::provider::Moment;
use payment::step::{Answer, Input, Learned, Memo, Step};
use payment::task::Target;
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
    let colon = APPROVED.match_indices("\":").nth(nth)?.0 + 2;
    let mut stream = serde_json::Deserializer::from_str(&APPROVED[colon..]).into_iter::<serde_json::Value>();
    stream.next()?.ok()?;
    Some(format!("{}{spoilt}{}", &APPROVED[..colon], &APPROVED[colon + stream.byte_offset()..]))
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
