//! The notice of payment: its attempts, and what a certifier sends in its place (§9, §12).

use serde_json::json;
use simulation::strict_json;

use super::{ACCOUNT, Bench, SECRET_KEY, at, text_at};
use crate::notice::{VARIANTS, sign};

fn paid(bench: &mut Bench) -> u64 {
    let (cip, _) = bench.cip("{}");
    bench.pay(cip);
    cip
}

#[test]
fn a_payment_moves_money_once_and_is_told() {
    let mut bench = Bench::new();
    let cip = paid(&mut bench);
    let entry = bench.world.ledger[0].clone();
    assert_eq!(
        (
            entry.kind.as_str(),
            entry.state.as_str(),
            entry.amount.as_str(),
            entry.currency.as_str(),
            entry.reference.as_str()
        ),
        ("charge", "approved", "149.90", "PEN", "WEB-2026-000417")
    );
    let notice = bench.deliver(Some(200));
    assert_eq!((notice.about.as_str(), notice.account.as_str()), (cip.to_string().as_str(), ACCOUNT));
    let body = strict_json::parse(&notice.body).expect("JSON");
    assert_eq!(text_at(&body, &["operationNumber"]), entry.transaction);
    assert_eq!(body.at(&["data", "cip"]).and_then(|cip| cip.as_str()), Some(cip.to_string().as_str()));
    assert_eq!(bench.world.notices.len(), 0, "after a 200 there is no second attempt");
}

#[test]
fn there_is_one_second_attempt_with_the_same_bytes_and_none_after_it() {
    let mut bench = Bench::new();
    for first in [None, Some(500), Some(201), Some(302), Some(404)] {
        paid(&mut bench);
        let one = bench.deliver(first);
        let failed_at = bench.world.clock.now();
        assert_eq!(bench.world.notices.len(), 1, "{first:?}");
        assert_eq!(bench.world.notices[0].due_at.as_second() - failed_at.as_second(), 300);
        let two = bench.deliver(Some(503));
        assert_eq!((one.body, one.headers), (two.body, two.headers));
        assert_eq!(bench.world.notices.len(), 0, "two in all");
    }
}

#[test]
fn other_numbers_of_attempts_are_a_setting() {
    let mut bench = Bench::with_settings(&[("notice_retries_s", "60,300,900")]);
    paid(&mut bench);
    let waits: Vec<i64> = (0..3)
        .map(|_| {
            bench.deliver(None);
            bench.world.notices[0].due_at.as_second() - bench.world.clock.now().as_second()
        })
        .collect();
    assert_eq!(waits, [60, 300, 900]);
    bench.deliver(None);
    assert!(bench.world.notices.is_empty());
    let mut bench = Bench::with_settings(&[("notice_retries_s", "")]);
    paid(&mut bench);
    bench.deliver(None);
    assert!(bench.world.notices.is_empty());
}

#[test]
fn every_attempt_is_kept_with_its_answer() {
    let mut bench = Bench::new();
    let cip = paid(&mut bench);
    bench.deliver(Some(503));
    bench.deliver(Some(200));
    let shown = bench.steer("cip", json!({ "cip": cip })).expect("known");
    let statuses: Vec<_> = shown["notices"][0]["attempts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|attempt| attempt["outcome"]["status"].clone())
        .collect();
    assert_eq!(statuses, [json!(503), json!(200)]);
}

#[test]
fn a_tampered_attempt_is_known_again_by_its_cip() {
    let mut bench = Bench::new();
    paid(&mut bench);
    bench.world.notices[0].body = b"{}".to_vec();
    bench.deliver(Some(400));
    assert_eq!(bench.world.notices.len(), 1, "the second attempt, with the genuine bytes");
    assert!(bench.world.notices[0].body.starts_with(br#"{"eventType":"cip.paid""#));
}

#[test]
fn an_outcome_belongs_to_the_notice_that_was_sent() {
    let mut bench = Bench::new();
    let cip = paid(&mut bench);
    bench.deliver(None);
    let second_attempt = bench.world.notices.remove(0);
    for (variant, status) in [("wrong_signature", 401), ("repeated", 200)] {
        bench.steer("notify", json!({ "cip": cip, "variant": variant })).expect("sent");
        bench.deliver(Some(status));
    }
    bench.world.notices.push(second_attempt);
    bench.deliver(Some(503));
    assert!(bench.world.notices.is_empty(), "two attempts in all");
    let shown = bench.steer("cip", json!({ "cip": cip })).expect("known");
    let statuses = |place: usize| -> Vec<_> {
        let attempts = shown["notices"][place]["attempts"].as_array().expect("a list");
        attempts.iter().map(|attempt| attempt["outcome"]["status"].clone()).collect()
    };
    assert_eq!(statuses(0), [json!(null), json!(503)]);
    assert_eq!((statuses(1), statuses(2)), (vec![json!(401)], vec![json!(200)]));
}

#[test]
fn a_notice_leaves_from_the_pool_in_turns_and_from_outside_on_request() {
    let _story = testing::story(
        "stories::notices::a_notice_leaves_from_the_pool_in_turns_and_from_outside_on_request",
    );
    let mut bench = Bench::with_settings(&[("notice_sources", "127.0.0.52,127.0.0.54")]);
    let cip = paid(&mut bench);
    for variant in ["repeated", "repeated", "outside_pool"] {
        bench.steer("notify", json!({ "cip": cip, "variant": variant })).expect("sent");
    }
    let sources: Vec<String> =
        bench.world.notices.iter().filter_map(|notice| notice.from).map(|from| from.to_string()).collect();
    assert_eq!(sources, ["127.0.0.52", "127.0.0.54", "127.0.0.52", "127.0.0.99"]);
    let guide = simulation::Simulator::guide(&bench.provider, at(super::START)).expect("a guide");
    let published = format!("{guide:?}");
    for address in
        ["127.0.0.52, 127.0.0.54", "52.41.2.36, 54.203.44.193", "52.7.185.65, 35.169.242.145, 34.196.98.7"]
    {
        assert!(published.contains(address), "{address} is not published");
    }
    testing::covers!("PE-31");
}

#[test]
fn every_variant_is_what_it_says() {
    let mut bench = Bench::with_settings(&[("notice_sources", "127.0.0.52")]);
    let cip = paid(&mut bench);
    let genuine = bench.deliver(Some(200));
    for (word, _) in VARIANTS.iter().filter(|(word, _)| *word != "genuine") {
        bench.steer("notify", json!({ "cip": cip, "variant": word })).expect(word);
        let copies = bench.world.notices.len();
        assert_eq!(copies, if *word == "concurrent" { 2 } else { 1 }, "{word}");
        let notice = bench.deliver(Some(500));
        bench.world.notices.clear();
        let signature =
            notice.headers.iter().find(|(name, _)| name == "PE-Signature").map(|(_, value)| value.clone());
        let is_right = signature.as_deref() == Some(sign(SECRET_KEY, &notice.body).as_str());
        let is_genuine_body = notice.body == genuine.body;
        let body = strict_json::parse(&notice.body).expect("JSON");
        let facts = [
            is_right,
            is_genuine_body,
            signature.is_some(),
            text_at(&body, &["data", "amount"]) == "149.90",
            text_at(&body, &["data", "cip"]) == cip.to_string(),
            text_at(&body, &["eventType"]) == "cip.paid",
            notice.from == genuine.from,
        ];
        let expected = match *word {
            "repeated" | "concurrent" => [true; 7],
            "other_operation" | "documented_members" | "unknown_member" | "wrong_currency" => {
                [true, false, true, true, true, true, true]
            }
            "unknown_event" => [true, false, true, true, true, false, true],
            "wrong_signature" => [false, true, true, true, true, true, true],
            "no_signature" => [false, true, false, true, true, true, true],
            "changed_body" => [false, false, true, false, true, true, true],
            "wrong_amount" => [true, false, true, false, true, true, true],
            "unknown_cip" => [true, false, true, true, false, true, true],
            "outside_pool" => [true, true, true, true, true, true, false],
            other => panic!("{other}"),
        };
        assert_eq!(facts, expected, "{word}");
    }
    assert_eq!(bench.world.ledger.len(), 1, "none of them moves money");
}

#[test]
fn a_strict_service_is_not_told_over_plain_http() {
    let mut bench = Bench::with_settings(&[("plain_http_notices", "refused")]);
    bench.set("notification_url", "http://shop.localhost:4052/avisos");
    let cip = paid(&mut bench);
    assert!(bench.world.notices.is_empty());
    let shown = bench.steer("cip", json!({ "cip": cip })).expect("known");
    let failure = &shown["notices"][0]["attempts"][0]["outcome"]["failure"];
    assert_eq!(failure, "not sent: the address is plain HTTP");
    assert_eq!(bench.world.ledger.len(), 1, "the money moved all the same");
    bench.set("notification_url", "https://shop.example/avisos");
    bench.steer("notify", json!({ "cip": cip, "variant": "repeated" })).expect("sent");
    assert_eq!(bench.world.notices.len(), 1);
}

#[test]
fn a_merchant_without_an_address_is_paid_and_not_told() {
    let mut bench = Bench::new();
    bench.set("notification_url", "");
    let cip = paid(&mut bench);
    assert_eq!((bench.world.notices.len(), bench.world.ledger.len()), (0, 1));
    assert!(bench.steer("notify", json!({ "cip": cip, "variant": "repeated" })).is_err());
}

#[test]
fn a_date_may_carry_a_fraction() {
    let mut bench = Bench::with_settings(&[("notice_fraction_digits", "7")]);
    paid(&mut bench);
    let body = strict_json::parse(&bench.deliver(Some(200)).body).expect("JSON");
    assert_eq!(text_at(&body, &["data", "paymentDate"]), "2026-03-02T09:30:00.0000000-05:00");
}
