//! Commands, and the guide.

use serde_json::json;
use simulation::Simulator;

use super::driving::location;
use super::{API_TOKEN, Bench, ORDER_ID};

#[test]
fn a_script_goes_before_what_the_payer_would_lead_to() {
    let mut bench = Bench::new();
    let outcomes = ["insufficient_funds", "second_factor", "late", "system_error_unpaid", "success"];
    bench
        .steer("script", json!({ "account": "andes", "merchant_order_id": ORDER_ID, "outcomes": outcomes }))
        .expect("scripted");
    let mut states = Vec::new();
    for _ in 0..6 {
        let session = bench.session("{}");
        bench.pay_as(&session, "222222222");
        let shown = bench.steer("attempt", json!({ "session_token": session.token })).expect("an attempt");
        states.push(shown["state"].as_str().expect("a word").to_owned());
    }
    assert_eq!(states, ["error", "error", "confirming", "system_error", "success", "error"]);
}

#[test]
fn a_script_decides_in_mexico_too() {
    let mut bench = Bench::with_settings(&[("country", "MX")]);
    bench
        .steer(
            "script",
            json!({ "account": "andes", "merchant_order_id": ORDER_ID, "outcomes": ["success"] }),
        )
        .expect("scripted");
    let session = bench.session(r#"{"target_flow":"codi","customer_phone":"5512345678"}"#);
    let reply = bench.step(&session, "transfer-form", &[]);
    assert_eq!(location(&reply), format!("{}/result", session.page));
    assert_eq!(bench.statuses(&session), ["success"]);
}

#[test]
fn the_bank_decides_by_command_wherever_the_payer_stands() {
    let mut bench = Bench::new();
    for (rut, outcome, state) in
        [("", "success", "success"), ("", "error", "error"), ("444444444", "error", "error")]
    {
        let session = bench.session("{}");
        if !rut.is_empty() {
            bench.pay_as(&session, rut);
        }
        let decided = bench.steer("decide", json!({ "session_token": session.token, "outcome": outcome }));
        assert_eq!(decided.expect("decided")["state"], state);
        assert_eq!(bench.told(&session).len(), 1);
    }
}

#[test]
fn sessions_are_listed_newest_first_by_account() {
    let mut bench = Bench::new();
    let (first, second) = (bench.session("{}"), bench.session("{}"));
    bench.open(&second.page);
    let listed = bench.steer("sessions", json!({ "account": "andes" })).expect("a list");
    assert_eq!(listed["sessions"][0]["session_token"], second.token);
    assert_eq!(
        (&listed["sessions"][0]["state"], &listed["sessions"][1]["state"]),
        (&json!("open"), &json!("created"))
    );
    assert_eq!(
        listed["sessions"][1]["funnel"],
        format!("https://pmt-sandbox.etpay.com/session/{}", first.token)
    );
    assert_eq!(
        bench.steer("sessions", json!({ "account": "nobody" })).expect("a list")["sessions"],
        json!([])
    );
    assert!(!listed.to_string().contains(&first.signature_token));
}

#[test]
fn another_token_voids_the_old_one_at_once() {
    let mut bench = Bench::new();
    let account = bench.steer("rotate_token", json!({ "account": "andes" })).expect("rotated");
    let token = account["account"]["credentials"]["merchant_api_token"].as_str().expect("a token").to_owned();
    assert!(token != API_TOKEN && token.len() == 64);
    assert_eq!(bench.initialize("{}").0, 401);
    assert_eq!(bench.initialize(&format!(r#"{{"merchant_api_token":"{token}"}}"#)).0, 200);
}

#[test]
fn wrong_commands_are_refused() {
    let mut bench = Bench::new();
    for (name, arguments) in [
        ("dance", json!({})),
        ("attempt", json!({})),
        ("attempt", json!({ "payment_token": "unheard" })),
        ("decide", json!({ "session_token": "unheard", "outcome": "success" })),
        ("resend_notice", json!({ "session_token": "unheard" })),
        ("script", json!({ "account": "andes", "merchant_order_id": "A", "outcomes": ["paid"] })),
        ("script", json!({ "account": "nobody", "merchant_order_id": "A", "outcomes": [] })),
        ("set_account", json!({ "account": "andes", "setting": "environment", "value": "production" })),
        ("set_account", json!({ "account": "andes", "setting": "country", "value": "PE" })),
        ("set_account", json!({ "account": "nobody", "setting": "country", "value": "CL" })),
        ("certification", json!({ "account": "nobody" })),
        ("rotate_token", json!(null)),
        ("sessions", json!({ "all": true })),
    ] {
        assert!(bench.steer(name, arguments.clone()).is_err(), "{name} {arguments}");
    }
    let session = bench.session("{}");
    assert!(
        bench.steer("resend_notice", json!({ "session_token": session.token })).is_err(),
        "nothing to tell yet"
    );
}

#[test]
fn the_guide_lists_what_may_be_typed_and_requests_that_work() {
    let mut bench = Bench::new();
    let guide = bench.etpay.guide(bench.world.clock.now()).expect("a guide");
    let payers = &guide.test_data[0];
    assert_eq!(payers.rows[0][..2], ["111111111".to_owned(), "1111".to_owned()]);
    for table in guide.test_data.iter().chain(guide.chapters.iter().flat_map(|chapter| &chapter.tables)) {
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.title);
    }
    let mut token = String::new();
    for example in guide.requests.clone() {
        let body = example.body.replace("{{session.response.body.$.token}}", &token);
        let (status, answer) = bench.post(&example.path, &body);
        assert_eq!(status, 200, "{}: {answer}", example.name);
        if example.name == "session" {
            token = super::text_at(&answer, &["token"]);
        }
    }
    assert_eq!(super::EtPay::new().guide(bench.world.clock.now()).map(|guide| guide.requests.len()), Some(4));
}
