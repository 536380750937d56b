//! The attack kit, and what is seen of a merchant's conduct.

use serde_json::{Value, json};

use super::{Bench, Opened, payment_of, unverified};
use crate::attack::Kind;
use crate::conduct::Check;
use crate::jwt;

fn attacked(bench: &mut Bench, session: &Opened, kind: Kind) -> String {
    let arguments = json!({ "session_token": session.token, "kind": kind.word() });
    bench.steer("attack", arguments).expect("sent");
    let notice = bench.world.notices.last().expect("a notice");
    assert_ne!(notice.about, session.token);
    payment_of(&notice.body)
}

fn result_of(bench: &mut Bench, id: &str) -> String {
    let report = bench.steer("certification", json!({ "account": "andes" })).expect("a report");
    let checks = report["checks"].as_array().expect("checks").clone();
    let check = checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("{id} in {report}"));
    check["result"].as_str().expect("a word").to_owned()
}

#[test]
fn forged_notices_do_not_hold_and_the_others_do() {
    let mut bench = Bench::new();
    let (session, _other) = (bench.session("{}"), bench.session("{}"));
    for kind in Kind::ALL {
        let token = attacked(&mut bench, &session, kind);
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3, "{kind:?}");
        let claims = unverified(&token);
        let holds = jwt::sign(&claims, &session.signature_token) == token;
        assert_eq!(holds, kind.check() != Check::Forged, "{kind:?}");
        assert_eq!(claims.get("session_token").and_then(|text| text.as_str()), Some(session.token.as_str()));
    }
    assert!(bench.world.ledger.is_empty() && bench.list(&session).is_empty(), "an attack is no payment");
}

#[test]
fn a_stranger_s_key_needs_a_stranger() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    for arguments in [
        json!({ "session_token": session.token, "kind": "other_session" }),
        json!({ "session_token": session.token, "kind": "unheard" }),
        json!({ "session_token": "unheard", "kind": "alg_none" }),
    ] {
        assert!(bench.steer("attack", arguments.clone()).is_err(), "{arguments}");
    }
}

#[test]
fn a_merchant_s_conduct_becomes_the_table_of_checks() {
    let mut bench = Bench::new();
    assert_eq!(result_of(&mut bench, "ET-S1"), "not_seen");
    let paid = bench.session("{}");
    bench.pay(&paid);
    bench.answer_notice(Some(200));
    bench.steer("resend_notice", json!({ "session_token": paid.token })).expect("sent");
    bench.answer_notice(Some(200));
    let failed = bench.session("{}");
    bench.pay_as(&failed, "222222222");
    bench.answer_notice(Some(500));
    bench.list(&paid);
    attacked(&mut bench, &paid, Kind::NoAlgorithm);
    bench.answer_notice(Some(401));
    attacked(&mut bench, &paid, Kind::WrongAmount);
    bench.answer_notice(Some(200));
    for (id, result) in [
        ("ET-S1", "passed"),
        ("ET-S2", "passed"),
        ("ET-S3", "passed"),
        ("ET-F1", "passed"),
        ("ET-N1", "passed"),
        ("ET-N2", "failed"),
        ("ET-N3", "passed"),
        ("ET-N4", "to_look_at"),
        ("ET-N5", "passed"),
        ("ET-N6", "not_seen"),
        ("ET-Q1", "passed"),
        ("ET-R2", "seen_by_the_merchant_only"),
    ] {
        assert_eq!(result_of(&mut bench, id), result, "{id}");
    }
    attacked(&mut bench, &paid, Kind::OtherKey);
    bench.answer_notice(Some(200));
    assert_eq!(result_of(&mut bench, "ET-N3"), "failed");
    bench.initialize(r#"{"order_amount":0}"#);
    assert_eq!(result_of(&mut bench, "ET-S1"), "failed");
}

#[test]
fn the_evidence_lists_every_ended_attempt() {
    let mut bench = Bench::new();
    let paid = bench.session("{}");
    bench.pay(&paid);
    let failed = bench.session("{}");
    bench.pay_as(&failed, "333333333");
    let report = bench.steer("certification", json!({ "account": "andes" })).expect("a report");
    let evidence = report["evidence"].as_array().expect("lines");
    let outcomes: Vec<&Value> = evidence.iter().map(|line| &line["outcome"]).collect();
    assert_eq!(outcomes, ["success", "ET_SECOND_FACTOR_REJECTED"]);
    assert_eq!(evidence[0]["date"], "02-03-2026 11:00:00");
    assert!(
        evidence.iter().all(|line| line["payment_token"].as_str().is_some_and(|token| token.len() == 64))
    );
    assert!(!report.to_string().contains(&paid.signature_token));
}
