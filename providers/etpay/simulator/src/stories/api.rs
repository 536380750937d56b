//! Sessions opened and refused.

use simulation::Simulator;
use simulation::strict_json::Value;
use testing::covers;

use super::driving::visible;
use super::{API_TOKEN, Bench, CODE, ORDER_ID, order, text_at};

#[test]
fn a_session_has_two_fresh_tokens_even_for_the_same_order() {
    let _story = testing::story("stories::api::a_session_has_two_fresh_tokens_even_for_the_same_order");
    let mut bench = Bench::new();
    let (status, answer) = bench.initialize("{}");
    assert_eq!(status, 200);
    let names: Vec<&str> =
        answer.members().expect("an object").iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["token", "signature_token", "terms_url"]);
    assert_eq!(text_at(&answer, &["terms_url"]), "https://pmt-sandbox.etpay.com/terms");
    let second = bench.session("{}");
    let tokens = [
        text_at(&answer, &["token"]),
        text_at(&answer, &["signature_token"]),
        second.token.clone(),
        second.signature_token.clone(),
    ];
    for (index, token) in tokens.iter().enumerate() {
        assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{token}");
        assert!(!tokens[..index].contains(token), "{token} is fresh");
    }
    covers!("ET-11", "ET-12");
    assert!(bench.world.notices.is_empty() && bench.world.ledger.is_empty());
}

#[test]
fn a_session_is_opened_by_post_at_its_path_and_nowhere_else() {
    let _story = testing::story("stories::api::a_session_is_opened_by_post_at_its_path_and_nowhere_else");
    let mut bench = Bench::new();
    for (method, path) in [
        ("GET", "/session/initialize"),
        ("PUT", "/session/initialize"),
        ("OPTIONS", "/session/initialize"),
        ("POST", "/session"),
        ("POST", "/session/initialise"),
        ("POST", "//session/initialize"),
        ("POST", "/v1/session/initialize"),
        ("POST", "/"),
    ] {
        let request = bench.request(method, path, "application/json", order("{}").as_bytes());
        assert_eq!(bench.handle(&request).status, 404, "{method} {path}");
    }
    assert!(bench.etpay.sessions.is_empty());
    for path in ["/session/initialize", "/session/initialize/"] {
        let request = bench.request("POST", path, "application/json", order("{}").as_bytes());
        assert_eq!(
            (bench.handle(&request).status, bench.etpay.operation(&request)),
            (200, "initialize_session")
        );
    }
    covers!("ET-04");
}

#[test]
fn every_content_type_is_taken_as_long_as_the_body_is_json() {
    let mut bench = Bench::new();
    for kind in ["", "application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"] {
        let request = bench.request("POST", "/session/initialize", kind, order("{}").as_bytes());
        assert_eq!(bench.handle(&request).status, 200, "{kind}");
        assert_eq!(bench.verdict("content_type_json"), Some(kind.starts_with("application/json")));
    }
}

#[test]
fn unknown_codes_and_wrong_tokens_open_nothing() {
    let _story = testing::story("stories::api::unknown_codes_and_wrong_tokens_open_nothing");
    let mut bench = Bench::new();
    let other = bench.open_account("other", &[]);
    let others_token = &other.credentials["merchant_api_token"];
    for changes in [
        r#"{"merchant_code":"cl_nobody"}"#.to_owned(),
        r#"{"merchant_code":"CL_ANDES_DEMO"}"#.to_owned(),
        r#"{"merchant_code":7}"#.to_owned(),
    ] {
        let (status, answer) = bench.initialize(&changes);
        assert_eq!((status, text_at(&answer, &["message"]).as_str()), (401, "Unauthorized"), "{changes}");
    }
    covers!("ET-06");
    for token in [format!("\"{others_token}\""), format!("\"{}\"", "0".repeat(64)), "7".to_owned()] {
        let (status, answer) = bench.initialize(&format!(r#"{{"merchant_api_token":{token}}}"#));
        assert_eq!((status, text_at(&answer, &["message"]).as_str()), (401, "Unauthorized"), "{token}");
    }
    assert!(bench.etpay.sessions.is_empty());
    covers!("ET-07");
}

#[test]
fn the_secret_under_its_wrong_name_is_refused_by_the_right_one() {
    let mut bench = Bench::new();
    let (status, answer) =
        bench.initialize(&format!(r#"{{"merchant_api_token":null,"merchant_api_key":"{API_TOKEN}"}}"#));
    assert_eq!((status, text_at(&answer, &["message"]).as_str()), (400, "merchant_api_token is required"));
    assert_eq!(bench.verdict("token_by_its_name"), Some(false));
}

#[test]
fn an_order_id_is_alphanumeric_within_64_characters_where_the_rule_is_strict() {
    let _story = testing::story(
        "stories::api::an_order_id_is_alphanumeric_within_64_characters_where_the_rule_is_strict",
    );
    let id_of = |text: &str| format!(r#"{{"merchant_order_id":"{text}"}}"#);
    let mut strict = Bench::with_settings(&[("order_id", "strict")]);
    let mut lenient = Bench::new();
    for (text, by_strict, by_lenient) in [
        ("a".repeat(64), 200, 200),
        ("a".repeat(65), 400, 400),
        ("A1".to_owned(), 200, 200),
        ("ANDES-2026-000417".to_owned(), 400, 200),
        ("demo_etpay_01".to_owned(), 400, 200),
        ("orden 1".to_owned(), 400, 400),
        ("orden/1".to_owned(), 400, 400),
        ("ordén1".to_owned(), 400, 400),
    ] {
        assert_eq!(strict.initialize(&id_of(&text)).0, by_strict, "strict {text}");
        assert_eq!(lenient.initialize(&id_of(&text)).0, by_lenient, "lenient {text}");
    }
    covers!("ET-08");
}

#[test]
fn amounts_are_whole_positive_and_plain() {
    let mut bench = Bench::new();
    for (amount, digits) in
        [("24990", "24990"), ("\"24990\"", "24990"), ("1", "1"), ("999999999999999", "999999999999999")]
    {
        let session = bench.session(&format!(r#"{{"order_amount":{amount}}}"#));
        bench.pay(&session);
        assert_eq!(text_at(&bench.list(&session)[0], &["merchant_amount"]), digits);
        assert_eq!(bench.world.ledger.last().map(|entry| entry.amount.as_str()), Some(digits));
    }
    for amount in [
        "0",
        "-1",
        "24990.5",
        "24990.00",
        "2.4e4",
        "1E3",
        "\"24.990\"",
        "\"24,990\"",
        "\" 1\"",
        "\"007\"",
        "\"1e3\"",
        "\"+1\"",
        "true",
        "[1]",
        "{}",
        "1000000000000000",
        "\"０\"",
    ] {
        let (status, answer) = bench.initialize(&format!(r#"{{"order_amount":{amount}}}"#));
        assert_eq!(
            (status, text_at(&answer, &["message"]).as_str()),
            (400, "order_amount is invalid"),
            "{amount}"
        );
    }
}

#[test]
fn every_refusal_names_its_field() {
    let mut bench = Bench::new();
    for (changes, message) in [
        (r#"{"merchant_code":null}"#, "merchant_code is required"),
        (r#"{"merchant_code":""}"#, "merchant_code is required"),
        (r#"{"merchant_api_token":null}"#, "merchant_api_token is required"),
        (r#"{"merchant_order_id":null}"#, "merchant_order_id is required"),
        (r#"{"merchant_order_id":""}"#, "merchant_order_id is required"),
        (r#"{"merchant_order_id":417}"#, "merchant_order_id is invalid"),
        (r#"{"order_amount":null}"#, "order_amount is required"),
        (r#"{"order_amount":""}"#, "order_amount is required"),
        (r#"{"customer_email":7}"#, "customer_email is invalid"),
        (r#"{"customer_phone":5512345678}"#, "customer_phone is invalid"),
        (r#"{"metadata":{}}"#, "metadata is invalid"),
        (r#"{"metadata":[{"name":"a","value":"b"}]}"#, "metadata is invalid"),
        (r#"{"metadata":[{"name":"a","value":"b","show":"true"}]}"#, "metadata is invalid"),
        (r#"{"metadata":[{"name":"a","value":1,"show":true}]}"#, "metadata is invalid"),
        (r#"{"user_bank_code":[]}"#, "user_bank_code is invalid"),
        (r#"{"user_rut":"11.111.111-1"}"#, "user_rut is invalid"),
        (r#"{"is_rut_block":"yes"}"#, "is_rut_block is invalid"),
        (r#"{"is_rut_block":1}"#, "is_rut_block is invalid"),
        (r#"{"payment_completed_url":"/ok"}"#, "payment_completed_url is invalid"),
        (r#"{"payment_cancellation_url":"javascript:alert(1)"}"#, "payment_cancellation_url is invalid"),
        (r#"{"payment_webhook_url":"http:// shop"}"#, "payment_webhook_url is invalid"),
        (r#"{"concat":"&&&&&&&&&"}"#, "concat is invalid"),
    ] {
        let (status, answer) = bench.initialize(changes);
        assert_eq!((status, text_at(&answer, &["message"]).as_str()), (400, message), "{changes}");
    }
    for body in
        ["", "[]", "null", "{", r#"{"order_amount":1,"order_amount":2}"#, "merchant_code=x", "{\"a\":\u{1}}"]
    {
        let (status, answer) = bench.post("/session/initialize", body);
        assert_eq!((status, text_at(&answer, &["message"]).as_str()), (400, "Invalid JSON"), "{body}");
    }
    assert!(bench.etpay.sessions.is_empty());
}

#[test]
fn optional_fields_may_be_absent_null_or_empty_and_unknown_ones_are_ignored() {
    let mut bench = Bench::new();
    for changes in [
        r#"{"customer_email":"","user_bank_code":"","user_rut":"","is_rut_block":"","concat":"","payment_webhook_url":""}"#,
        r#"{"is_rut_block":true,"user_bank_code":"cl_bank_of_tomorrow","target_flow":"codi"}"#,
        r#"{"a_field_of_tomorrow":{"a":[1]}}"#,
    ] {
        assert_eq!(bench.initialize(changes).0, 200, "{changes}");
    }
    assert_eq!(bench.verdict("members_known"), Some(false));
    let with_null = order("{}").replace('}', r#","metadata":null,"user_rut":null}"#);
    assert_eq!(bench.post("/session/initialize", &with_null).0, 200);
}

#[test]
fn a_disabled_merchant_is_turned_away_until_it_is_active_again() {
    let mut bench = Bench::with_settings(&[("state", "disabled")]);
    let (status, answer) = bench.initialize("{}");
    assert_eq!((status, text_at(&answer, &["message"]).as_str()), (403, "Merchant disabled"));
    assert_eq!(bench.query(r#""merchant_order_id":"A1""#).0, 403);
    let active = serde_json::json!({ "account": "andes", "setting": "state", "value": "active" });
    bench.steer("set_account", active).expect("active");
    assert_eq!(bench.initialize("{}").0, 200);
}

#[test]
fn a_call_from_a_browser_is_answered_and_noted() {
    let mut bench = Bench::new();
    for (name, value) in [
        ("origin", "https://andes-demo.example"),
        ("referer", "https://andes-demo.example/pago"),
        ("sec-fetch-mode", "cors"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"),
    ] {
        let mut request =
            bench.request("POST", "/session/initialize", "application/json", order("{}").as_bytes());
        request.headers.push((name.into(), value.into()));
        assert_eq!(bench.handle(&request).status, 200);
        assert_eq!(bench.verdict("called_by_server"), Some(false), "{name}");
    }
    bench.initialize("{}");
    assert_eq!(bench.verdict("called_by_server"), Some(true));
}

#[test]
fn environments_have_four_values_of_their_own_and_share_nothing() {
    let _story = testing::story("stories::api::environments_have_four_values_of_their_own_and_share_nothing");
    let mut bench = Bench::new();
    let names = ["sandbox", "preproduction", "production"];
    let accounts: Vec<_> = names
        .iter()
        .map(|name| bench.open_account(&format!("shop {name}"), &[("environment", name)]))
        .collect();
    for field in ["merchant_code", "merchant_api_token", "api_url", "pmt_url"] {
        let values: Vec<&String> = accounts.iter().map(|account| &account.credentials[field]).collect();
        assert!(values.iter().all(|value| !value.is_empty()), "{field}");
        let is_distinct = values[0] != values[1] && values[1] != values[2] && values[0] != values[2];
        assert!(is_distinct, "{field}: {values:?}");
    }
    assert_eq!(accounts[1].credentials["api_url"], "http://etpay.localhost:4053/preproduction");
    assert_eq!(accounts[1].credentials["pmt_url"], "http://pmt-etpay.localhost:4053/preproduction");
    covers!("ET-27");
    for (at_home, account) in accounts.iter().enumerate() {
        for (place, prefix) in ["", "/preproduction", "/production"].iter().enumerate() {
            let code = Value::text(&account.credentials["merchant_code"]);
            let token = Value::text(&account.credentials["merchant_api_token"]);
            let body =
                order(&Value::object([("merchant_code", code), ("merchant_api_token", token)]).to_text());
            let expected = if place == at_home { 200 } else { 401 };
            let (status, answer) = bench.post(&format!("{prefix}/session/initialize"), &body);
            assert_eq!(status, expected, "{} at {prefix}", names[at_home]);
            if let Some(token) = answer.get("token").and_then(Value::as_str) {
                assert_eq!(bench.get(&format!("{prefix}/session/{token}")).status, 200);
                let elsewhere = if prefix.is_empty() { "/production" } else { "" };
                assert_eq!(bench.get(&format!("{elsewhere}/session/{token}")).status, 404);
            }
        }
    }
    covers!("ET-29");
}

#[test]
fn the_test_bank_is_offered_in_the_sandbox_only() {
    let mut bench = Bench::new();
    bench.open_account("live", &[("environment", "production")]);
    let live = bench.etpay.merchants[1].clone();
    let body = order(&format!(
        r#"{{"merchant_code":"{}","merchant_api_token":"{}","user_bank_code":"CL_TEST"}}"#,
        live.code, live.api_token
    ));
    let (_, answer) = bench.post("/production/session/initialize", &body);
    let (_, page) = bench.open(&format!("/production/session/{}", text_at(&answer, &["token"])));
    assert!(!page.contains("cl_test") && page.contains("cl_estado"));
    assert_eq!(text_at(&answer, &["terms_url"]), "http://pmt-etpay.localhost:4053/production/terms");
}

#[test]
fn api_and_funnel_are_two_sites_where_names_can_be_told_apart() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    let mut api = bench.request("POST", "/session/initialize", "", order("{}").as_bytes());
    let mut page = bench.request("GET", &session.page, "", b"");
    for (origin, of_api, of_page) in [
        ("http://etpay.localhost:4053", 200, 404),
        ("http://pmt-etpay.localhost:4053", 404, 200),
        ("http://127.0.0.1:4053", 200, 200),
    ] {
        api.origin = origin.into();
        page.origin = origin.into();
        assert_eq!((bench.handle(&api).status, bench.handle(&page).status), (of_api, of_page), "{origin}");
    }
}

#[test]
fn the_profile_guide_answers_as_the_integration_page_alone_would_have_it() {
    let mut bench = Bench::with_settings(&[("profile", "guide"), ("country", "MX")]);
    let (status, answer) = bench.initialize(r#"{"order_amount":1500.50}"#);
    assert_eq!(status, 200);
    let names: Vec<&str> =
        answer.members().expect("an object").iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["session_token", "signature_token"]);
    assert_eq!(bench.verdict("basic_fields_only"), Some(true));
    assert_eq!(bench.initialize(r#"{"merchant_order_id":"A-1"}"#).0, 400);
    assert_eq!(bench.initialize(r#"{"order_amount":1500.505}"#).0, 400);
    let (status, _) = bench.query(&format!(r#""merchant_order_id":"{ORDER_ID}""#));
    assert_eq!(status, 404);
}

#[test]
fn accounts_are_told_apart_and_survive_a_reset() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    let first = bench.open_account("a-b", &[]);
    let second = bench.open_account("a_b", &[]);
    assert_ne!(first.credentials["merchant_code"], second.credentials["merchant_code"]);
    let again = simulation::NewAccount { name: "a_b".into(), ..simulation::NewAccount::default() };
    assert!(bench.etpay.open_account(again, &mut bench.world).is_err());
    bench.etpay.reset();
    assert_eq!(bench.etpay.accounts().len(), 3);
    assert_eq!(bench.get(&session.page).status, 404);
    assert_eq!(bench.etpay.next_due(), None);
    let request = bench.request("POST", "/session/initialize", "", order("{}").as_bytes());
    assert_eq!(bench.etpay.account_of(&request).as_deref(), Some("andes"));
}

#[test]
fn no_secret_stands_in_a_page() {
    let mut bench = Bench::new();
    let session = bench.session("{}");
    let mut pages = vec![bench.open(&session.page).1];
    bench.pay(&session);
    pages.push(bench.open(&format!("{}/result", session.page)).1);
    pages.push(bench.open(&session.page).1);
    for page in pages {
        assert!(
            !page.contains(API_TOKEN) && !page.contains(&session.signature_token) && !page.contains(CODE)
        );
        assert!(visible(&page).contains("Comercio de prueba"));
    }
}
