//! Whatever arrives, nothing panics, and nothing but a signed success, or a list that holds one, becomes a payment.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use etpay_client::{EtPay, Token};
use payment::account::Environment;
use payment::fact::{FactKind, Outcome};
use payment::movement::MovementState;
use payment::notice::{ClaimedAttempt, Keys, RawNotice, Reading};
use payment::provider::Moment;
use payment::step::{Answer, Input, Memo, Step};
use payment::task::Target;
use payment::{Account, Currency, Entropy, Money, Observation, Provider, Task, Timestamp};
use proptest::prelude::*;

const KEY: &str = "clave-de-la-sesion";

/// A whole attempt, paid, to be spoilt.
const PAID: &str = r#"{"payment_token":"pago1","session_token":"sesion1","merchant_order_id":"PRUEBA1","merchant_amount":24990,"merchant_currency":"CLP","user_bank":"Banco de prueba","user_rut":"111111111","user_account":"Cuenta Corriente 12345678","payment_status":"success","payment_date":"02-03-2026 11:05:07","validationWeb":true,"validationMail":false,"reason":"","code":"","confirmated_at":"","iat":1772460309}"#;

/// What may stand in the place of a member.
const SPOILT: [&str; 16] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1e400",
    "24990.0",
    "24990.001",
    "\"\"",
    "\"SUCCESS\"",
    "\"true\"",
    "[\"success\"]",
    "{}",
    "[[[]]]",
    "\"\\u0000\"",
];

fn answered(status: u16, body: &[u8]) -> Vec<Observation> {
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
    let task = Task::LookUp(target());
    match EtPay.resume(&task, &account(), &Memo::default(), Input::Answer(answer), moment) {
        Step::Learned(learned) => learned.observations,
        Step::Refused(_) | Step::Unclear { .. } | Step::Call(_) => Vec::new(),
    }
}

fn noticed(body: &[u8]) -> Reading {
    let notice = RawNotice {
        method: "POST".into(),
        route: String::new(),
        query: String::new(),
        headers: vec![],
        body: body.to_vec(),
    };
    let (account, attempt) =
        (account(), ClaimedAttempt { key: Some(KEY.to_owned().into()), target: target() });
    let _ = EtPay.claimed_subject(&notice, &account);
    EtPay.read_notice(&notice, Keys { account: &account, attempt: Some(&attempt) }, now())
}

fn signed(claims: &str) -> String {
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    format!(r#"{{"payment":"{signed}.{signature}"}}"#)
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

proptest! {
    #[test]
    fn any_bytes_are_survived_and_are_no_payment(status in 100u16..600, body in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(is_unpaid(&answered(status, &body)));
        let reading = noticed(&body);
        prop_assert!(!reading.verdict.is_genuine() && is_unpaid(&reading.observations));
    }

    #[test]
    fn any_text_is_survived_as_a_token(text in "[A-Za-z0-9_.=-]{0,120}|.{0,40}") {
        let token = Token::parse(&text);
        prop_assert!(token.is_none_or(|token| !token.is_signed_with(&KEY.to_owned().into())));
        let body = serde_json::json!({ "payment": text }).to_string();
        prop_assert!(!noticed(body.as_bytes()).verdict.is_genuine());
    }

    #[test]
    fn a_truncated_list_is_unclear(length in 0..PAID.len() + 1) {
        let body = format!("[{PAID}]");
        prop_assert!(answered(200, &body.as_bytes()[..length]).is_empty());
    }

    #[test]
    fn a_spoilt_member_of_a_list_pays_the_right_sum_or_nothing(place in 0usize..16, spoilt in prop::sample::select(SPOILT.to_vec())) {
        let body = format!("[{}]", with_spoilt_value(place, spoilt).expect("a member"));
        let (moved, is_ended) = paid(&answered(200, body.as_bytes()));
        prop_assert!(moved.iter().all(|amount| *amount == target().total), "{}", body);
        prop_assert_eq!(!moved.is_empty(), is_ended, "{}", body);
        if body.contains("\"payment_status\":") && !body.contains("\"payment_status\":\"success\"") {
            prop_assert_eq!(is_ended, body.contains("\"payment_status\":true"), "{}", body);
        }
    }

    #[test]
    fn a_spoilt_claim_under_a_right_signature_never_panics_and_pays_only_by_a_status_that_says_so(
        place in 0usize..16, spoilt in prop::sample::select(SPOILT.to_vec()),
    ) {
        let claims = with_spoilt_value(place, spoilt).expect("a member");
        let (moved, is_ended) = paid(&noticed(signed(&claims).as_bytes()).observations);
        prop_assert_eq!(!moved.is_empty(), is_ended, "{}", claims);
        if !claims.contains("\"payment_status\":\"success\"") {
            prop_assert_eq!(is_ended, claims.contains("\"payment_status\":true"), "{}", claims);
        }
    }

    #[test]
    fn a_flipped_byte_of_a_notice_is_never_genuine(place in 0usize..2000, flip in 1u8..=255) {
        let whole = signed(PAID);
        let begin = whole.find("ey").expect("the token");
        let end = whole.len() - 2;
        let mut body = whole.into_bytes();
        let place = begin + place % (end - begin);
        body[place] ^= flip;
        prop_assert!(!noticed(&body).verdict.is_genuine());
    }

    #[test]
    fn a_flipped_byte_of_a_list_never_panics_and_never_pays_another_sum(place in 0..PAID.len(), byte in any::<u8>()) {
        let mut body = format!("[{PAID}]").into_bytes();
        body[place + 1] = byte;
        let (moved, _) = paid(&answered(200, &body));
        prop_assert!(moved.iter().all(|amount| *amount == target().total));
    }
}

#[test]
fn the_unspoilt_ones_are_payments() {
    let expected = (vec![target().total], true);
    assert_eq!(paid(&answered(200, format!("[{PAID}]").as_bytes())), expected);
    assert_eq!(paid(&noticed(signed(PAID).as_bytes()).observations), expected);
}

#[test]
fn a_notice_and_the_query_tell_the_very_same_facts() {
    let without_iat = PAID.replace(",\"iat\":1772460309", "");
    let asked = answered(200, format!("[{without_iat}]").as_bytes());
    assert_eq!(noticed(signed(PAID).as_bytes()).observations, asked);
}

#[test]
fn every_status_of_http_but_200_is_no_payment() {
    for status in (100..600).filter(|status| *status != 200) {
        assert!(answered(status, format!("[{PAID}]").as_bytes()).is_empty(), "{status}");
    }
}

#[test]
fn a_deep_or_huge_answer_is_no_payment() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(is_unpaid(&answered(200, deep.as_bytes())));
    assert!(!noticed(deep.as_bytes()).verdict.is_genuine());
    let huge = format!("[{}]", PAID.replace("Banco de prueba", &"A".repeat(2_000_000)));
    let observations = answered(200, huge.as_bytes());
    let longest = serde_json::to_string(&observations).expect("JSON").len();
    assert!(longest < 10_000, "{longest}");
}

/// The claims with the value behind their nth colon replaced.
fn with_spoilt_value(nth: usize, spoilt: &str) -> Option<String> {
    let colon = PAID.match_indices("\":").nth(nth)?.0 + 2;
    let mut stream = serde_json::Deserializer::from_str(&PAID[colon..]).into_iter::<serde_json::Value>();
    stream.next()?.ok()?;
    Some(format!("{}{spoilt}{}", &PAID[..colon], &PAID[colon + stream.byte_offset()..]))
}

fn now() -> Timestamp {
    "2026-03-02T14:30:00Z".parse().expect("a time")
}

fn target() -> Target {
    Target {
        reference: "PRUEBA1".into(),
        provider_reference: "sesion1".into(),
        total: Money::new(24_990, Currency::Clp),
        movements: Vec::new(),
        awaited_instrument: None,
    }
}

fn account() -> Account {
    Account {
        id: "andes".into(),
        merchant: "andes".into(),
        provider: "etpay".into(),
        environment: Environment::Test,
        base_url: "https://api.example".parse().expect("an address"),
        credentials: BTreeMap::new(),
        secrets: BTreeMap::new(),
        settings: BTreeMap::new(),
    }
}
