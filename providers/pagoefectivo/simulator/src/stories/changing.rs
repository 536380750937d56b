//! Query, change, deletion, and what time does to a CIP (§5 to §7).

use simulation::strict_json::Value;

use super::{Bench, objections, one, text_at};

#[test]
fn a_cip_goes_through_its_states() {
    let mut bench = Bench::new();
    let (cip, _) = bench.cip(r#"{"dateExpiry":"2026-03-02T10:30:00-05:00"}"#);
    assert_eq!(bench.status(cip), "22");
    bench.advance(3_599);
    assert_eq!(bench.status(cip), "22");
    bench.advance(1);
    assert_eq!(bench.status(cip), "21", "expired at its very instant");
    let path = format!("/v1/cips/{cip}");
    assert_eq!(bench.call("DELETE", &path, "").0, 400, "only a generated one is deleted");
    let (status, answer) = bench.call("PATCH", &path, r#"{"DateExpiry":"2026-03-02 11:00:00-0500"}"#);
    assert_eq!((status, answer.get("data").expect("data").to_text()), (200, "{}".to_owned()));
    assert_eq!(bench.status(cip), "22", "a later date revives it");
    bench.pay(cip);
    assert_eq!(bench.status(cip), "23");
    for (method, body) in [("PATCH", r#"{"dateExpiry":"2026-03-02T20:00:00-05:00"}"#), ("DELETE", "")] {
        let (status, answer) = bench.call(method, &path, body);
        assert_eq!((status, objections(&answer)), (400, one("113", "cip")), "{method}");
    }
}

#[test]
fn a_cip_that_expires_tells_nobody() {
    let _story = testing::story("stories::changing::a_cip_that_expires_tells_nobody");
    let mut bench = Bench::new();
    let (cip, _) = bench.cip(r#"{"dateExpiry":"2026-03-02T10:30:00-05:00"}"#);
    let (removed, _) = bench.cip("{}");
    assert_eq!(bench.call("DELETE", &format!("/v1/cips/{removed}"), "").0, 200);
    assert_eq!(
        bench.call("PATCH", &format!("/v1/cips/{cip}"), r#"{"dateExpiry":"2026-03-02T11:00:00-05:00"}"#).0,
        200
    );
    bench.advance(30 * 24 * 3_600);
    assert_eq!((bench.status(cip).as_str(), bench.status(removed).as_str()), ("21", "25"));
    assert_eq!(bench.world.notices.len(), 0, "neither creation, change, expiry nor deletion");
    assert!(bench.world.ledger.is_empty());
    testing::covers!("PE-35");
}

#[test]
fn what_cannot_be_paid_is_refused_at_the_centre() {
    let mut bench = Bench::new();
    let (expired, _) = bench.cip(r#"{"dateExpiry":"2026-03-02T10:30:00-05:00"}"#);
    let (removed, _) = bench.cip("{}");
    let (paid, _) = bench.cip("{}");
    bench.call("DELETE", &format!("/v1/cips/{removed}"), "");
    bench.pay(paid);
    bench.advance(3_600);
    for (cip, state) in [(expired, "expired"), (removed, "removed"), (paid, "paid")] {
        let refused = bench.steer("pay", serde_json::json!({ "cip": cip })).expect_err(state);
        assert!(refused.0.contains(state), "{}", refused.0);
    }
    assert_eq!((bench.world.ledger.len(), bench.world.notices.len()), (1, 1), "money moved once");
}

#[test]
fn a_centre_that_took_the_money_in_time_may_tell_it_late() {
    let mut bench = Bench::new();
    let (cip, _) = bench.cip(r#"{"dateExpiry":"2026-03-02T10:30:00-05:00"}"#);
    bench.advance(4_000);
    assert_eq!(bench.status(cip), "21");
    for wrong in ["2026-03-02T15:30:00Z", "2026-03-02T14:29:59Z", "2026-03-02T15:40:00Z"] {
        let refused = bench.steer("pay", serde_json::json!({ "cip": cip, "paid_at": wrong }));
        assert!(refused.is_err(), "{wrong}");
    }
    bench.steer("pay", serde_json::json!({ "cip": cip, "paid_at": "2026-03-02T15:29:59Z" })).expect("paid");
    let found = bench.search(cip);
    assert_eq!(text_at(&found, &["status"]), "23");
    assert_eq!(text_at(&found, &["datePayment"]), "2026-03-02T10:29:59-05:00");
    assert_eq!(bench.world.notices.len(), 1);
}

#[test]
fn a_change_knows_the_window_and_needs_a_date() {
    let mut bench = Bench::new();
    let (cip, page) = bench.cip("{}");
    let path = format!("/v1/cips/{cip}");
    for (body, code) in [
        ("{}", "112"),
        (r#"{"dateExpiry":null}"#, "112"),
        (r#"{"dateExpiry":"2026-03-02T09:39:59-05:00"}"#, "113"),
        (r#"{"dateExpiry":"2026-09-02T09:30:01-05:00"}"#, "113"),
    ] {
        let (status, answer) = bench.call("PATCH", &path, body);
        assert_eq!((status, objections(&answer)), (400, one(code, "dateExpiry")), "{body}");
    }
    for unknown in ["/v1/cips/1", "/v1/cips/x", "/v1/cips/999999999999999"] {
        let (status, answer) = bench.call("PATCH", unknown, r#"{"dateExpiry":"2026-03-06T20:00:00-05:00"}"#);
        assert_eq!((status, objections(&answer)), (400, one("113", "cip")), "{unknown}");
    }
    assert_eq!(bench.call("PATCH", &path, r#"{"dateExpiry":"2026-03-06T20:00:00-05:00"}"#).0, 200);
    let found = bench.search(cip);
    assert_eq!(text_at(&found, &["dateExpiry"]), "2026-03-06T20:00:00-05:00");
    assert_eq!(format!("/{}.html", text_at(&found, &["token"])), page, "number and page stay");
}

#[test]
fn a_search_answers_what_is_known_in_the_order_asked() {
    let mut bench = Bench::new();
    let (first, _) = bench.cip("{}");
    let (second, _) = bench.cip("{}");
    let body = format!(r#"{{"Data":[{{"Cip":"{second}"}},{{"cip":1}},{{"cip":{first}}}]}}"#);
    let (status, answer) = bench.call("POST", "/v1/cips/search", &body);
    let found: Vec<String> = answer
        .get("data")
        .and_then(Value::items)
        .expect("an array")
        .iter()
        .map(|cip| text_at(cip, &["cip"]))
        .collect();
    assert_eq!((status, found), (200, vec![second.to_string(), first.to_string()]));
    let many = vec![r#"{"cip":1}"#; 101].join(",");
    for (body, code, field) in [
        ("{}".to_owned(), "112", "data"),
        (r#"{"data":{}}"#.to_owned(), "113", "data"),
        (format!(r#"{{"data":[{many}]}}"#), "113", "data"),
        (r#"{"data":[{}]}"#.to_owned(), "112", "cip"),
        (r#"{"data":[7]}"#.to_owned(), "112", "cip"),
        (r#"{"data":[{"cip":"12a"}]}"#.to_owned(), "113", "cip"),
        (r#"{"data":[{"cip":1.5}]}"#.to_owned(), "113", "cip"),
    ] {
        let (status, answer) = bench.call("POST", "/v1/cips/search", &body);
        assert_eq!((status, objections(&answer)), (400, one(code, field)), "{body}");
    }
    assert_eq!(
        bench.call("POST", "/v1/cips/search", r#"{"data":[]}"#).1.get("data").expect("data").to_text(),
        "[]"
    );
}
