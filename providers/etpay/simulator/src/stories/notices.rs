//! Notices, redirects, and truths that come late.

use serde_json::json;
use simulation::strict_json::Value;
use testing::covers;

use super::driving::{PAYER, location};
use super::{Bench, NOTICE_URL, ORDER_ID, Opened, claims_of, payment_of, text_at, unverified};
use crate::jwt;

const OWN_URLS: &str = r#"{"payment_completed_url":"https://a.example/ok?o=1","payment_cancellation_url":"https://a.example/no#x",
    "payment_webhook_url":"http://hooks.localhost/etpay"}"#;

fn token_in(address: &str) -> String {
    address.split_once("jwt=").expect("a token").1.split('#').next().unwrap_or_default().to_owned()
}

fn ending_of(bench: &Bench, session: &Opened) -> Value {
    bench.told(session).pop().expect("a notice")
}

#[test]
fn a_payment_is_told_once_by_a_token_signed_with_the_session_s_own_key() {
    let _story = testing::story(
        "stories::notices::a_payment_is_told_once_by_a_token_signed_with_the_session_s_own_key",
    );
    let mut bench = Bench::new();
    let session = bench.session("{}");
    let other = bench.session("{}");
    bench.advance(307);
    bench.pay(&session);
    bench.answer_notice(Some(200));
    bench.advance(20_000);
    assert_eq!(bench.told(&session).len(), 1);
    let notice = bench.world.notices[0].clone();
    assert_eq!((notice.url.as_str(), notice.about.as_str()), (NOTICE_URL, session.token.as_str()));
    assert_eq!(notice.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    covers!("ET-19");
    let token = payment_of(&notice.body);
    let claims = claims_of(&token, &session.signature_token);
    assert_ne!(jwt::sign(&claims, &other.signature_token), token);
    assert_ne!(jwt::sign(&claims, &session.token), token);
    covers!("ET-23");
    let names: Vec<&str> = claims.members().expect("claims").iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names.join(" "),
        "payment_token session_token merchant_order_id merchant_amount merchant_currency user_bank user_rut \
         user_account payment_status payment_date validationWeb validationMail reason code confirmated_at iat"
    );
    for (name, text) in [
        ("session_token", session.token.as_str()),
        ("merchant_order_id", ORDER_ID),
        ("merchant_amount", "24990"),
        ("merchant_currency", "CLP"),
        ("user_bank", "Banco de prueba"),
        ("user_rut", PAYER),
        ("user_account", "Cuenta Corriente 12345678"),
        ("payment_status", "success"),
        ("payment_date", "02-03-2026 11:05:07"),
        ("validationWeb", "true"),
        ("reason", ""),
        ("code", ""),
        ("confirmated_at", ""),
        ("iat", "1772460307"),
    ] {
        assert_eq!(text_at(&claims, &[name]), text, "{name}");
    }
}

#[test]
fn a_failure_is_told_as_well() {
    let _story = testing::story("stories::notices::a_failure_is_told_as_well");
    let mut bench = Bench::new();
    let mut told = Vec::new();
    for (rut, code) in [("222222222", "ET_INSUFFICIENT_FUNDS"), ("333333333", "ET_SECOND_FACTOR_REJECTED")] {
        let session = bench.session("{}");
        bench.pay_as(&session, rut);
        let claims = ending_of(&bench, &session);
        assert_eq!(text_at(&claims, &["payment_status"]), "error");
        assert_eq!(text_at(&claims, &["code"]), code);
        assert_eq!(text_at(&claims, &["user_account"]), "");
        assert_eq!(bench.statuses(&session), ["error"]);
        told.push(text_at(&claims, &["payment_token"]));
    }
    assert_eq!(bench.world.notices.len(), 2);
    covers!("ET-21");
    assert!(told[0].len() == 64 && told[0] != told[1]);
    assert_eq!(bench.ledger(), ["rejected", "rejected"]);
}

#[test]
fn the_payment_token_names_an_attempt_whose_steps_can_be_read() {
    let _story =
        testing::story("stories::notices::the_payment_token_names_an_attempt_whose_steps_can_be_read");
    let mut bench = Bench::new();
    let session = bench.session("{}");
    bench.pay(&session);
    bench.answer_notice(Some(200));
    let named = text_at(&ending_of(&bench, &session), &["payment_token"]);
    let attempt = bench.steer("attempt", json!({ "payment_token": named })).expect("an attempt");
    let steps: Vec<&str> =
        attempt["log"].as_array().expect("steps").iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(
        steps,
        [
            "the funnel was opened",
            "bank chosen: cl_test",
            "RUT and password taken",
            "account chosen",
            "dynamic key taken",
            "ended: success",
            "notice delivered: 200",
        ]
    );
    assert_eq!(attempt["deliveries"], json!([200]));
    assert!(!attempt.to_string().contains(&session.signature_token));
    covers!("ET-25");
}

#[test]
fn the_older_claims_have_a_boolean_status() {
    let mut bench = Bench::with_settings(&[("claims", "older")]);
    let (paid, failed) = (bench.session("{}"), bench.session("{}"));
    bench.pay(&paid);
    bench.pay_as(&failed, "222222222");
    assert_eq!(ending_of(&bench, &paid).get("payment_status"), Some(&Value::Bool(true)));
    assert_eq!(ending_of(&bench, &failed).get("payment_status"), Some(&Value::Bool(false)));
    assert_eq!(text_at(&bench.list(&paid)[0], &["payment_process"]), "auto");
}

#[test]
fn the_profile_guide_tells_the_least() {
    let mut bench = Bench::with_settings(&[("profile", "guide")]);
    let (_, answer) = bench.initialize("{}");
    let token = text_at(&answer, &["session_token"]);
    let key = text_at(&answer, &["signature_token"]);
    bench.pay(&Opened { page: format!("/session/{token}"), token, signature_token: key.clone() });
    let body = simulation::strict_json::parse(&bench.world.notices[0].body).expect("JSON");
    let claims = claims_of(&text_at(&body, &["jwt"]), &key);
    let names: Vec<&str> = claims.members().expect("claims").iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["merchant_order_id", "merchant_amount", "payment_status", "payment_token", "session_token", "iat"]
    );
}

#[test]
fn a_notice_that_is_not_answered_200_comes_three_times_with_the_same_bytes() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    bench.pay(&session);
    let start = bench.world.clock.now();
    for (answer, after_s) in [(Some(500), Some(60)), (None, Some(360)), (Some(204), None)] {
        let before = bench.world.notices.len();
        bench.answer_notice(answer);
        let next = bench.world.notices.get(before);
        let due_s = next.map(|notice| notice.due_at.as_second() - start.as_second());
        assert_eq!(due_s, after_s, "after {answer:?}");
        if let Some(due_s) = due_s {
            bench.advance(due_s - (bench.world.clock.now().as_second() - start.as_second()));
        }
    }
    assert_eq!(bench.world.notices.len(), 3);
    assert!(bench.world.notices.iter().all(|notice| notice.body == bench.world.notices[0].body));
}

#[test]
fn a_notice_that_was_taken_is_not_repeated_and_a_later_truth_has_its_own_deliveries() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    bench.advance(1_800);
    bench.answer_notice(Some(200));
    bench.steer("resend_notice", json!({ "session_token": session.token })).expect("sent");
    bench.answer_notice(Some(500));
    assert_eq!(bench.world.notices.len(), 2, "it had been taken");
    bench
        .steer("decide", json!({ "session_token": session.token, "outcome": "success" }))
        .expect("confirmed");
    bench.answer_notice(Some(500));
    assert_eq!(bench.world.notices.len(), 4, "the late confirmation comes again");
    let pause_s = bench.world.notices[3].due_at.as_second() - bench.world.clock.now().as_second();
    assert_eq!(pause_s, 60);
}

#[test]
fn the_profile_guide_has_the_pauses_that_the_catalogue_proposes() {
    let mut bench = Bench::with_settings(&[("profile", "guide")]);
    let (_, answer) = bench.initialize("{}");
    let token = text_at(&answer, &["session_token"]);
    bench.pay(&Opened { page: format!("/session/{token}"), token, signature_token: String::new() });
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let before = bench.world.notices.len();
        bench.answer_notice(Some(503));
        if let Some(notice) = bench.world.notices.get(before) {
            let pause_s = notice.due_at.as_second() - bench.world.clock.now().as_second();
            pauses.push(pause_s);
            bench.advance(pause_s);
        }
    }
    assert_eq!(pauses, [60, 300, 900]);
}

#[test]
fn a_notice_may_follow_the_redirect_or_not_wait_for_it_for_ever() {
    let mut bench = Bench::with_settings(&[("notice", "after_redirect")]);
    let (returning, leaving) = (bench.session("{}"), bench.session("{}"));
    bench.pay(&returning);
    assert!(bench.world.notices.is_empty());
    bench.get(&format!("{}/return", returning.page));
    let due_s = bench.world.notices[0].due_at.as_second() - bench.world.clock.now().as_second();
    assert_eq!(due_s, 2);
    bench.pay(&leaving);
    bench.advance(59);
    assert!(bench.told(&leaving).is_empty());
    bench.advance(1);
    assert_eq!(bench.told(&leaving).len(), 1);
    bench.get(&format!("{}/return", leaving.page));
    assert_eq!(bench.world.notices.len(), 2);
}

#[test]
fn browser_and_notice_go_to_the_session_s_own_addresses_each_on_its_own() {
    let mut bench = Bench::new();
    let session = bench.session(OWN_URLS);
    bench.pay(&session);
    assert_eq!(bench.world.notices[0].url, "http://hooks.localhost/etpay");
    let reply = bench.get(&format!("{}/return", session.page));
    assert_eq!(reply.status, 302);
    let token = payment_of(&bench.world.notices[0].body);
    assert_eq!(location(&reply), format!("https://a.example/ok?o=1&jwt={token}"));
    let failed = bench.session(r#"{"payment_completed_url":"https://a.example/ok","concat":"&"}"#);
    let reply = bench.step(&failed, "cancel-form", &[]);
    assert!(
        location(&reply).starts_with("https://andes-demo.example/lo-sentimos&jwt="),
        "{}",
        location(&reply)
    );
    assert_eq!(bench.world.notices[1].url, NOTICE_URL);
}

#[test]
fn without_any_address_the_browser_stays_and_nobody_is_told() {
    let mut bench = Bench::with_settings(&[("success_url", ""), ("failure_url", "")]);
    let no_address = json!({ "account": "andes", "setting": "notification_url", "value": "" });
    bench.steer("set_account", no_address).expect("set");
    let session = bench.session("{}");
    bench.pay(&session);
    assert!(bench.world.notices.is_empty());
    let (status, page) = bench.open(&format!("{}/result", session.page));
    assert_eq!((status, page.contains("id=\"return\"")), (200, false));
    assert_eq!(bench.get(&format!("{}/return", session.page)).status, 410);
    assert!(bench.steer("resend_notice", json!({ "session_token": session.token })).is_err());
    let cancelled = bench.session("{}");
    let reply = bench.step(&cancelled, "cancel-form", &[]);
    assert_eq!(location(&reply), format!("{}/result", cancelled.page));
}

#[test]
fn a_session_fails_when_its_time_is_over() {
    let mut bench = Bench::new();
    let (untouched, begun) = (bench.session(OWN_URLS), bench.session("{}"));
    bench.enter_bank(&begun, PAYER);
    bench.advance(1_799);
    assert!(bench.world.notices.is_empty());
    bench.advance(1);
    for session in [&untouched, &begun] {
        let claims = ending_of(&bench, session);
        assert_eq!(text_at(&claims, &["code"]), "ET_SESSION_EXPIRED");
        assert_eq!(text_at(&claims, &["payment_token"]).len(), 64);
        assert_eq!(text_at(&claims, &["payment_date"]), "02-03-2026 11:30:00");
        let (status, page) = bench.open(&session.page);
        assert_eq!((status, page.contains("id=\"return\"")), (410, true));
    }
    let reply = bench.get(&format!("{}/return", untouched.page));
    let address = location(&reply);
    assert!(address.starts_with("https://a.example/no?jwt=") && address.ends_with("#x"), "{address}");
    claims_of(&token_in(address), &untouched.signature_token);
}

#[test]
fn a_bank_that_hesitates_confirms_later() {
    let mut bench = Bench::new();
    let session = bench.session(OWN_URLS);
    let reply = bench.pay_as(&session, "444444444");
    assert_eq!(location(&reply), format!("{}/result", session.page));
    let (_, page) = bench.open(&format!("{}/result", session.page));
    assert!(page.contains("class=\"outcome confirming\""));
    assert_eq!(location(&bench.get(&format!("{}/return", session.page))), "https://a.example/ok?o=1");
    assert!(bench.list(&session).is_empty() && bench.world.notices.is_empty());
    bench.advance(299);
    assert!(bench.world.notices.is_empty());
    bench.advance(1);
    let claims = ending_of(&bench, &session);
    for (name, text) in [
        ("payment_status", "success"),
        ("payment_date", "02-03-2026 11:00:00"),
        ("confirmated_at", "02-03-2026 11:05:00"),
        ("validationWeb", "false"),
        ("validationMail", "true"),
    ] {
        assert_eq!(text_at(&claims, &[name]), text, "{name}");
    }
    assert_eq!(bench.ledger(), ["pending", "approved"]);
}

#[test]
fn a_funnel_that_loses_its_backend_says_so_with_the_public_key_and_tells_nobody() {
    let mut bench = Bench::new();
    for (rut, truth, booked) in [("555555555", "success", "approved"), ("666666666", "error", "rejected")] {
        bench.world.ledger.clear();
        let session = bench.session(OWN_URLS);
        let reply = bench.pay_as(&session, rut);
        assert_eq!(reply.status, 302);
        assert!(location(&reply).starts_with("https://a.example/no?jwt="), "{}", location(&reply));
        let claims = claims_of(&token_in(location(&reply)), &session.token);
        let names: Vec<&str> =
            claims.members().expect("claims").iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["session_token", "system_error", "iat"]);
        assert!(bench.list(&session).is_empty(), "not known yet");
        assert_eq!(bench.open(&format!("{}/result", session.page)).0, 410);
        bench.advance(60);
        assert_eq!(bench.statuses(&session), [truth]);
        assert_eq!(bench.ledger(), [booked]);
        let again = bench.get(&format!("{}/return", session.page));
        assert_eq!(unverified(&token_in(location(&again))), claims);
    }
    assert!(bench.world.notices.is_empty());
}

#[test]
fn an_attempt_has_its_name_though_nobody_looked_at_the_pages() {
    let mut bench = Bench::new();
    for rut in ["444444444", "555555555"] {
        let session = bench.session("{}");
        for (step, body) in [
            ("bank", "bank=cl_test".to_owned()),
            ("credentials", format!("rut={rut}&password=1111")),
            ("account", String::new()),
            ("dynamic-key", "dynamic_key=11111111".to_owned()),
            ("second-factor", "second_factor=12".to_owned()),
        ] {
            let request = bench.request("POST", &format!("{}/{step}", session.page), "", body.as_bytes());
            bench.handle(&request);
        }
        bench.advance(300);
        let named = text_at(&bench.list(&session)[0], &["payment_token"]);
        assert!(bench.world.ledger.iter().all(|entry| entry.transaction == named), "{rut}");
        bench.world.ledger.clear();
    }
}

#[test]
fn a_failure_may_turn_out_to_be_paid() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    bench.advance(1_800);
    bench.answer_notice(Some(200));
    bench.advance(600);
    let decided = bench.steer("decide", json!({ "session_token": session.token, "outcome": "success" }));
    assert_eq!(decided.expect("confirmed")["state"], "success");
    let claims = ending_of(&bench, &session);
    assert_eq!(text_at(&claims, &["payment_status"]), "success");
    assert_eq!(text_at(&claims, &["payment_date"]), "02-03-2026 11:30:00");
    assert_eq!(text_at(&claims, &["confirmated_at"]), "02-03-2026 11:40:00");
    let told = bench.told(&session);
    assert_eq!(told[0].get("payment_token"), told[1].get("payment_token"));
    assert_eq!(
        (bench.statuses(&session), bench.ledger()),
        (vec!["success".to_owned()], vec!["rejected", "approved"])
    );
    for outcome in ["success", "error", "maybe"] {
        let again = json!({ "session_token": session.token, "outcome": outcome });
        assert!(bench.steer("decide", again).is_err(), "{outcome}");
    }
}

#[test]
fn a_notice_that_fails_is_not_repeated_on_behalf_of_an_older_truth() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    bench.advance(1_800);
    let old = bench.world.notices.len() - 1;
    bench
        .steer("decide", json!({ "session_token": session.token, "outcome": "success" }))
        .expect("confirmed");
    let notice = bench.world.notices[old].clone();
    bench.world.notices.push(notice);
    let before = bench.world.notices.len();
    bench.answer_notice(Some(500));
    assert_eq!(bench.world.notices.len(), before);
}
