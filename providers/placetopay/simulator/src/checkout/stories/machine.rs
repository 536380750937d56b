//! The state machine of a session, driven by cards, clock and steering.

use serde_json::json;
use simulation::Simulator;
use simulation::strict_json::Value;
use testing::covers;

use super::driving::{A_CARD, DENIED_CARD, PENDING_CARD};
use super::{Bench, text_at};

fn is(status: &str, reason: &str) -> (String, String) {
    (status.into(), reason.into())
}

#[test]
fn a_session_goes_from_active_to_approved() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    assert_eq!(bench.status(id), is("PENDING", "PC"));
    bench.pay(&page, A_CARD);
    assert_eq!(bench.status(id), is("APPROVED", "00"));
    assert_eq!(bench.ledger(), ["approved"]);
    let entry = &bench.world.ledger[0];
    assert_eq!(
        (
            entry.amount.as_str(),
            entry.currency.as_str(),
            entry.transaction.as_str(),
            entry.reference.as_str()
        ),
        ("119000.00", "COP", "990398", "CAR2026000871")
    );
    assert_eq!(bench.avalpay.next_due(), None);
}

#[test]
fn a_rejected_card_leaves_the_session_pending() {
    let _story = testing::story("checkout::stories::machine::a_rejected_card_leaves_the_session_pending");
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.pay(&page, DENIED_CARD);
    assert_eq!(bench.status(id), is("PENDING", "PT"));
    assert!(bench.notices().is_empty());
    bench.pay(&page, A_CARD);
    assert_eq!(bench.status(id), is("APPROVED", "00"));
    covers!("AV-4.2-04");
    assert_eq!(bench.ledger(), ["rejected", "approved"]);
}

#[test]
fn the_reason_after_a_rejection_depends_on_the_profile() {
    let mut bench = Bench::with_settings(&[("profile", "guide")]);
    let (id, page) = bench.session("{}");
    bench.pay(&page, DENIED_CARD);
    assert_eq!(bench.status(id), is("PENDING", "PC"));
}

#[test]
fn ten_rejected_attempts_end_a_session() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    for _ in 0..9 {
        bench.pay(&page, DENIED_CARD);
    }
    assert_eq!(bench.status(id), is("PENDING", "PT"));
    bench.pay(&page, DENIED_CARD);
    assert_eq!(bench.status(id), is("REJECTED", "XN"));
    assert_eq!(bench.notices(), [is("REJECTED", "XN")]);
    assert_eq!(bench.open(&format!("{page}/card")).0, 303);
}

#[test]
fn the_attempts_limit_is_a_setting() {
    let mut bench = Bench::with_settings(&[("attempts_limit", "1")]);
    let (id, page) = bench.session("{}");
    bench.pay(&page, DENIED_CARD);
    assert_eq!(bench.status(id), is("REJECTED", "XN"));
}

#[test]
fn a_session_expires_by_the_clock() {
    let _story = testing::story("checkout::stories::machine::a_session_expires_by_the_clock");
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    let expiry = "2026-03-14T15:35:31Z".parse().expect("a timestamp");
    assert_eq!(bench.avalpay.next_due(), Some(expiry));
    bench.advance(1_199);
    assert_eq!(bench.status(id), is("PENDING", "PC"));
    bench.advance(1);
    assert_eq!(bench.status(id), is("REJECTED", "EX"));
    assert_eq!(bench.open(&format!("{page}/card")).0, 303);
    assert!(bench.open(&page).1.contains("El proceso de pago ha expirado"));
    covers!("AV-2-03");
    assert_eq!(bench.notices(), [is("REJECTED", "EX")]);
    assert!(bench.ledger().is_empty());
}

#[test]
fn a_session_that_was_never_tried_expires_in_silence_by_the_guide() {
    let mut bench = Bench::with_settings(&[("profile", "guide")]);
    let (id, _) = bench.session("{}");
    bench.advance(1_200);
    assert_eq!(bench.status(id), is("REJECTED", "EX"));
    assert!(bench.notices().is_empty());
    let (_, tried) = bench.session(r#"{"expiration":null}"#);
    bench.pay(&tried, DENIED_CARD);
    bench.advance(1_800);
    assert_eq!(bench.notices(), [is("REJECTED", "EX")]);
}

#[test]
fn a_pending_card_is_decided_by_the_clock() {
    let _story = testing::story("checkout::stories::machine::a_pending_card_is_decided_by_the_clock");
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.pay(&page, PENDING_CARD);
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["status", "reason"]), "PT");
    assert_eq!(text_at(&answer, &["payment", "0", "status", "status"]), "PENDING");
    assert_eq!(text_at(&answer, &["payment", "0", "status", "reason"]), "?-");
    covers!("AV-4.3-01");
    bench.advance(59);
    assert_eq!(bench.status(id), is("PENDING", "PT"));
    bench.advance(1);
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["status", "status"]), "APPROVED");
    assert_eq!(
        text_at(&answer, &["payment", "0", "receipt"]),
        text_at(&answer, &["payment", "0", "internalReference"])
    );
    assert_eq!(bench.ledger(), ["pending", "approved"]);
    assert_eq!(bench.notices(), [is("APPROVED", "00")]);
    covers!("AV-4.5-01");
}

#[test]
fn a_pending_card_may_be_rejected_and_tried_again() {
    let mut bench = Bench::with_settings(&[("pending_seconds", "5")]);
    let (id, page) = bench.session("{}");
    bench.pay(&page, "4048370000000037");
    bench.advance(5);
    assert_eq!(bench.status(id), is("PENDING", "PT"));
    bench.pay(&page, A_CARD);
    assert_eq!(bench.status(id), is("APPROVED", "00"));
}

#[test]
fn a_manual_review_waits_for_a_person() {
    let mut bench = Bench::new();
    let (id, page) = bench.session(r#"{"expiration":"2026-03-14T10:25:31-05:00"}"#);
    bench.pay(&page, "36545400000701");
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "status", "reason"]), "?*");
    bench.advance(1_000_000);
    assert_eq!(bench.status(id), is("PENDING", "PT"));
    bench.steer("resolve_pending", json!({ "request_id": id, "outcome": "approved" })).expect("resolved");
    assert_eq!(bench.status(id), is("APPROVED", "00"));
    assert!(bench.steer("resolve_pending", json!({ "request_id": id, "outcome": "approved" })).is_err());
}

#[test]
fn a_slow_card_answers_after_three_minutes() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.pay(&page, "4110760000000115");
    bench.advance(179);
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "status", "status"]), "PENDING");
    bench.advance(1);
    assert_eq!(text_at(&bench.query(id), &["payment", "0", "status", "status"]), "REJECTED");
}

#[test]
fn an_attempt_in_flight_at_expiry_decides_the_session() {
    let mut bench = Bench::with_settings(&[("pending_seconds", "3600")]);
    let (approved, page) = bench.session("{}");
    bench.pay(&page, PENDING_CARD);
    let (rejected, page) = bench.session("{}");
    bench.pay(&page, "4048370000000037");
    bench.advance(1_300);
    assert_eq!(bench.status(approved), is("PENDING", "PT"));
    bench.advance(2_300);
    assert_eq!(bench.status(approved), is("APPROVED", "00"));
    assert_eq!(bench.status(rejected), is("REJECTED", "EX"));
    assert_eq!(bench.notices(), [is("APPROVED", "00"), is("REJECTED", "EX")]);
}

#[test]
fn an_exception_is_failed_or_rejected_as_set_and_the_session_stays_open() {
    for (setting, word) in [("failed", "FAILED"), ("rejected", "REJECTED")] {
        let mut bench = Bench::with_settings(&[("exception", setting)]);
        let (id, page) = bench.session("{}");
        bench.pay(&page, "4110760000000065");
        let answer = bench.query(id);
        assert_eq!(text_at(&answer, &["payment", "0", "status", "status"]), word);
        assert_eq!(text_at(&answer, &["payment", "0", "status", "reason"]), "XH");
        assert_eq!(text_at(&answer, &["status", "status"]), "PENDING");
    }
}

#[test]
fn a_script_decides_the_next_attempts_of_a_reference() {
    let mut bench = Bench::new();
    let script = json!({ "reference": "CAR2026000871", "outcomes": ["rejected:51", "approved"] });
    bench.steer("script", script).expect("scripted");
    let (id, page) = bench.session("{}");
    bench.pay(&page, A_CARD);
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["payment", "0", "status", "reason"]), "51");
    assert_eq!(text_at(&answer, &["payment", "0", "status", "message"]), "Negada, fondos insuficientes");
    bench.pay(&page, DENIED_CARD);
    assert_eq!(bench.status(id), is("APPROVED", "00"));
}

#[test]
fn a_session_with_an_attempt_in_flight_is_neither_cancelled_nor_abandoned() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.pay(&page, PENDING_CARD);
    let (status, answer) = bench.post(&format!("/api/session/{id}/cancel"), "");
    assert_eq!((status, text_at(&answer, &["status", "reason"]).as_str()), (400, "action_not_allowed"));
    let (_, html) = bench.open(&page);
    assert!(!html.contains("id=\"abandon\""));
    let request =
        bench.request("POST", &format!("{page}/abandon"), "application/x-www-form-urlencoded", vec![]);
    bench.handle(&request);
    assert_eq!(bench.status(id), is("PENDING", "PT"));
}

#[test]
fn the_list_of_sessions_tells_their_states() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.pay(&page, A_CARD);
    let listed = bench.steer("sessions", json!({})).expect("listed");
    assert_eq!(listed["sessions"][0]["request_id"], id);
    assert_eq!(listed["sessions"][0]["status"], "APPROVED");
    assert_eq!(listed["sessions"][0]["attempts"][0]["status"], "APPROVED");
    assert!(!listed.to_string().contains(A_CARD));
}

#[test]
fn a_forgotten_session_takes_its_transactions_with_it() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.pay(&page, A_CARD);
    let number = text_at(&bench.query(id), &["payment", "0", "internalReference"]);
    bench.post("/api/reverse", &format!(r#""internalReference":{number}"#));
    assert_eq!(bench.avalpay.transactions.len(), 2);
    bench.avalpay.forget(id);
    assert!(bench.avalpay.transactions.is_empty());
    let (_, answer) = bench.post("/api/reverse", &format!(r#""internalReference":{number}"#));
    assert_eq!(text_at(&answer, &["status", "message"]), "No existe la transacción que busca");
}

#[test]
fn a_reset_forgets_everything_but_the_accounts() {
    let mut bench = Bench::new();
    let (id, page) = bench.session("{}");
    bench.avalpay.reset();
    assert_eq!(bench.avalpay.next_due(), None);
    assert_eq!(bench.open(&page).0, 404);
    let (status, _) = bench.post(&format!("/api/session/{id}"), "");
    assert_eq!(status, 404);
    assert_eq!(bench.session("{}").0, id);
}

#[test]
fn a_card_below_two_hundred_dollars_is_approved_in_pesos_too() {
    let mut bench = Bench::new();
    for (currency, total, status) in [
        ("COP", "119000", "APPROVED"),
        ("COP", "900000", "PENDING"),
        ("USD", "199.99", "APPROVED"),
        ("USD", "200", "PENDING"),
    ] {
        let (id, page) = bench
            .session(&format!(r#"{{"payment":{{"amount":{{"currency":"{currency}","total":{total}}}}}}}"#));
        bench.pay(&page, "4110760000000057");
        let answer = bench.query(id);
        assert_eq!(text_at(&answer, &["status", "status"]), status, "{currency} {total}");
        let reason = answer.at(&["payment", "0", "status", "reason"]).and_then(Value::as_str);
        assert_eq!(reason == Some("61"), status == "PENDING");
    }
}
