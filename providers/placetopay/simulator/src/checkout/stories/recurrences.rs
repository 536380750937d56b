//! Recurrences that the provider runs.

use serde_json::json;
use simulation::Simulator as _;
use simulation::strict_json::{self, Value};
use testing::covers;

use super::driving::{A_CARD, PENDING_CARD};
use super::{ACCOUNT, Bench, NOTICE_URL, SECRET, text_at};
use crate::checkout::account::Signature;
use crate::checkout::notice::sign;

const RECURRING_URL: &str = "http://shop.localhost:4052/recurrentes";
const DAY_S: i64 = 24 * 3_600;

fn recurring(members: &str) -> String {
    format!(
        r#"{{"payment":{{"recurring":{{"periodicity":"D","interval":1,"maxPeriods":4,"notificationUrl":"{RECURRING_URL}"{members}}}}}}}"#
    )
}

fn script(bench: &mut Bench, outcomes: &[&str]) {
    bench.steer("script", json!({ "reference": "CAR2026000871", "outcomes": outcomes })).expect("scripted");
}

/// Bodies of the notices to the recurrence's own address.
fn told(bench: &Bench) -> Vec<Value> {
    let own = bench.world.notices.iter().filter(|notice| notice.url == RECURRING_URL);
    own.map(|notice| strict_json::parse(&notice.body).expect("JSON")).collect()
}

fn state(bench: &mut Bench) -> serde_json::Value {
    bench.steer("recurrences", json!({})).expect("listed")["recurrences"][0].clone()
}

#[test]
fn later_charges_come_by_the_clock_and_are_told_at_their_own_address() {
    let _story = testing::story(
        "checkout::stories::recurrences::later_charges_come_by_the_clock_and_are_told_at_their_own_address",
    );
    let mut bench = Bench::new();
    let (id, page) = bench.session(&recurring(""));
    let answer = bench.query(id);
    assert_eq!(text_at(&answer, &["request", "payment", "recurring", "maxPeriods"]), "4");
    bench.pay(&page, A_CARD);
    let first: Vec<&str> = bench.world.notices.iter().map(|notice| notice.url.as_str()).collect();
    assert_eq!(first, [NOTICE_URL], "the first charge is notified like any session");
    assert_eq!(state(&mut bench)["due"], "2026-03-15T08:00:00Z");
    bench.advance(10 * DAY_S);
    let told = told(&bench);
    assert_eq!(told.len(), 3, "four charges, the first one included");
    covers!("AV-11.1-01");
    let members: Vec<&str> =
        told[0].members().expect("an object").iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(members, ["status", "internalReference", "reference", "signature", "recurring"]);
    assert_eq!(
        text_at(&told[0], &["status"]),
        r#"{"status":"APPROVED","reason":"00","message":"Aprobada","date":"2026-03-15T03:00:00-05:00"}"#
    );
    assert_eq!(text_at(&told[0], &["recurring"]), r#"{"tries":1,"enabled":1}"#);
    assert_eq!(text_at(&told[2], &["recurring"]), r#"{"tries":1,"enabled":0}"#, "the last one");
    let number: u64 = text_at(&told[0], &["internalReference"]).parse().expect("a number");
    assert_eq!(
        text_at(&told[0], &["signature"]),
        sign(Signature::Sha1, number, "APPROVED", "2026-03-15T03:00:00-05:00", SECRET)
    );
    assert!(
        told.iter()
            .all(|body| text_at(body, &["reference"]) == "CAR2026000871" && body.get("requestId").is_none())
    );
    covers!("AV-11.1-02");
    let days: Vec<String> = bench.world.ledger.iter().map(|entry| entry.at.to_string()).collect();
    assert_eq!(days[1..], ["2026-03-15T08:00:00Z", "2026-03-16T08:00:00Z", "2026-03-17T08:00:00Z"]);
    assert_eq!(bench.movements().len(), 4);
    assert_eq!(state(&mut bench)["state"], "finished");
    assert_eq!(bench.avalpay.next_due(), None);
    assert_eq!(bench.query(id).at(&["payment", "1"]), None, "later charges stand in no session");
}

#[test]
fn a_recurrence_ends_with_its_last_day() {
    let mut bench = Bench::new();
    let terms = r#","nextPayment":"2026-03-20","dueDate":"2026-03-21""#;
    let (_, page) = bench.session(&recurring(terms).replace("\"maxPeriods\":4", "\"maxPeriods\":-1"));
    bench.pay(&page, A_CARD);
    bench.advance(365 * DAY_S);
    assert_eq!(bench.movements().len(), 3);
    assert_eq!(state(&mut bench)["state"], "finished");
}

#[test]
fn a_first_charge_that_is_denied_starts_nothing() {
    let mut bench = Bench::with_settings(&[("attempts_limit", "1")]);
    script(&mut bench, &["rejected:51"]);
    let (_, page) = bench.session(&recurring(""));
    bench.pay(&page, A_CARD);
    bench.advance(10 * DAY_S);
    assert_eq!(bench.ledger(), ["rejected"]);
    assert!(bench.avalpay.recurrences.is_empty());
}

#[test]
fn a_lack_of_balance_is_tried_again_on_three_days_and_any_other_denial_ends_it() {
    let mut bench = Bench::new();
    let (_, page) = bench.session(&recurring("").replace("\"interval\":1", "\"interval\":30"));
    bench.pay(&page, A_CARD);
    script(
        &mut bench,
        &[
            "rejected:51",
            "rejected:51",
            "approved",
            "rejected:51",
            "rejected:51",
            "rejected:51",
            "rejected:51",
        ],
    );
    bench.advance(120 * DAY_S);
    let tries: Vec<String> = told(&bench).iter().map(|body| text_at(body, &["recurring"])).collect();
    assert_eq!(
        tries,
        [
            r#"{"tries":1,"enabled":1}"#,
            r#"{"tries":2,"enabled":1}"#,
            r#"{"tries":3,"enabled":1}"#,
            r#"{"tries":1,"enabled":1}"#,
            r#"{"tries":2,"enabled":1}"#,
            r#"{"tries":3,"enabled":1}"#,
            r#"{"tries":4,"enabled":0}"#
        ]
    );
    assert_eq!(state(&mut bench)["state"], "denied");

    let mut bench = Bench::new();
    let (_, page) = bench.session(&recurring(""));
    bench.pay(&page, A_CARD);
    script(&mut bench, &["rejected:43"]);
    bench.advance(10 * DAY_S);
    assert_eq!(bench.ledger(), ["approved", "rejected"]);
    assert_eq!(text_at(&told(&bench)[0], &["recurring"]), r#"{"tries":1,"enabled":0}"#);
}

#[test]
fn a_pending_charge_is_told_when_it_is_decided() {
    let mut bench = Bench::new();
    let (_, page) = bench.session(&recurring("").replace("\"maxPeriods\":4", "\"maxPeriods\":2"));
    bench.pay(&page, PENDING_CARD);
    bench.advance(60);
    bench.advance(DAY_S);
    assert_eq!(bench.ledger(), ["pending", "approved", "pending", "approved"]);
    assert_eq!(text_at(&told(&bench)[0], &["status", "date"]), "2026-03-15T03:01:00-05:00");
}

#[test]
fn a_later_charge_is_reversed_by_its_number() {
    let mut bench = Bench::new();
    let (_, page) = bench.session(&recurring(""));
    bench.pay(&page, A_CARD);
    bench.advance(DAY_S);
    let number = text_at(&told(&bench)[0], &["internalReference"]);
    let (status, answer) =
        bench.post("/api/transaction", &format!(r#""internalReference":{number},"action":"reverse""#));
    assert_eq!((status, text_at(&answer, &["status", "status"]).as_str()), (200, "APPROVED"));
    assert_eq!(bench.movements().last(), Some(&("reversal", "approved", "119000.00")));
}

#[test]
fn a_recurrence_is_ended_in_the_panel_only_and_its_amount_never_changes() {
    let _story = testing::story(
        "checkout::stories::recurrences::a_recurrence_is_ended_in_the_panel_only_and_its_amount_never_changes",
    );
    let mut bench = Bench::new();
    let (id, page) = bench.session(&recurring("").replace("\"maxPeriods\":4", "\"maxPeriods\":-1"));
    bench.pay(&page, A_CARD);
    let (status, answer) = bench.post(&format!("/api/session/{id}/cancel"), "");
    assert_eq!((status, text_at(&answer, &["status", "reason"]).as_str()), (400, "action_not_allowed"));
    for path in ["/api/recurring/1", "/api/recurring/1/cancel", &format!("/api/session/{id}/recurring")] {
        let (status, answer) = bench.post(path, r#""payment":{"amount":{"currency":"COP","total":1}}"#);
        assert_eq!((status, text_at(&answer, &["status", "reason"]).as_str()), (404, "NA"), "{path}");
    }
    bench.advance(2 * DAY_S);
    let amounts: Vec<&str> = bench.movements().into_iter().map(|(_, _, amount)| amount).collect();
    assert_eq!(amounts, ["119000.00"; 3]);
    let (_, html) = bench.open(&format!("/panel/{ACCOUNT}/recurrences"));
    assert!(!html.contains("name=\"amount\"") && html.contains("no se pueden cambiar"));
    covers!("AV-11.2-07");
    bench.send(&html, "cancel-1", &[]);
    bench.advance(10 * DAY_S);
    assert_eq!(bench.movements().len(), 3);
    assert_eq!(state(&mut bench)["state"], "cancelled");
    covers!("AV-11.2-06");
    assert!(bench.steer("cancel_recurrence", json!({ "number": 1 })).is_err());
}
