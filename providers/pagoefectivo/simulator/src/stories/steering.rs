//! Steering: commands, accounts, failures on purpose, and forgetting.

use serde_json::json;
use simulation::{NewAccount, Simulator};

use super::{ACCOUNT, Bench, order, text_at};

#[test]
fn commands_say_why_they_are_refused() {
    let mut bench = Bench::new();
    let (cip, _) = bench.cip("{}");
    for (name, arguments) in [
        ("pay", json!({ "cip": 1 })),
        ("pay", json!({})),
        ("pay", json!({ "cip": cip, "much": true })),
        ("notify", json!({ "cip": cip, "variant": "repeated" })),
        ("notify", json!({ "cip": cip, "variant": "loud" })),
        ("cip", json!({ "cip": 1 })),
        ("set_account", json!({ "account": "nobody", "setting": "state", "value": "active" })),
        ("set_account", json!({ "account": ACCOUNT, "setting": "state", "value": "open" })),
        ("fail_next", json!({ "account": ACCOUNT, "operation": "dance" })),
        ("fail_next", json!({ "account": ACCOUNT, "operation": "create_cip", "times": 0 })),
        ("revoke_tokens", json!({ "account": "nobody" })),
        ("dance", json!({})),
    ] {
        let refused = bench.steer(name, arguments.clone()).expect_err(&format!("{name} {arguments}"));
        assert!(!refused.0.is_empty());
    }
}

#[test]
fn an_operation_fails_before_or_after_its_effect() {
    let mut bench = Bench::new();
    let token = bench.token();
    for (after_effect, made) in [(false, 0), (true, 1)] {
        let wanted = json!({ "account": ACCOUNT, "operation": "create_cip", "times": 1, "after_effect": after_effect });
        bench.steer("fail_next", wanted).expect("planned");
        let reply = bench.call_with(&token, "POST", "/v1/cips", &order("{}"));
        assert_eq!(reply.status, 500);
        assert_eq!(reply.body, r#"{"code":"166","message":"Error interno del servidor."}"#.as_bytes());
        assert_eq!(bench.provider.cips.len(), made);
    }
    assert_eq!(bench.call_with(&token, "POST", "/v1/cips", &order("{}")).status, 201);
    bench.steer("fail_next", json!({ "account": ACCOUNT, "operation": "authorize" })).expect("planned");
    assert_eq!(bench.authorize_with(&bench.authorization()).0, 500);
    assert_eq!(bench.authorize_with(&bench.authorization()).0, 201);
}

#[test]
fn a_secret_is_changed_and_the_old_one_is_void() {
    let mut bench = Bench::new();
    let old = bench.authorization();
    let shown = bench.steer("rotate_secret", json!({ "account": ACCOUNT })).expect("rotated");
    assert_ne!(shown["account"]["credentials"]["secret_key"], super::SECRET_KEY);
    assert_eq!(bench.authorize_with(&old).0, 400);
    assert_eq!(bench.authorize_with(&bench.authorization()).0, 201);
}

#[test]
fn a_reset_forgets_all_but_the_accounts() {
    let mut bench = Bench::new();
    let token = bench.token();
    let (cip, _) = bench.cip("{}");
    let accounts = format!("{:?}", bench.provider.accounts());
    bench.provider.reset();
    assert_eq!(format!("{:?}", bench.provider.accounts()), accounts);
    assert_eq!(bench.provider.next_due(), None);
    assert_eq!(bench.call_with(&token, "POST", "/v1/cips", &order("{}")).status, 401);
    assert!(bench.search(cip).is_null());
}

#[test]
fn accounts_need_names_of_their_own_and_known_settings() {
    let mut bench = Bench::new();
    for (name, setting) in [("", "state"), (ACCOUNT, "state"), ("other", "colour")] {
        let wanted = NewAccount {
            name: name.into(),
            notification_url: None,
            settings: [(setting.to_owned(), "active".to_owned())].into(),
        };
        assert!(bench.provider.open_account(wanted, &mut bench.world).is_err(), "{name} {setting}");
    }
    assert_eq!(bench.provider.accounts().len(), 1);
}

#[test]
fn the_list_shows_the_newest_first() {
    let mut bench = Bench::new();
    let (first, _) = bench.cip("{}");
    let (second, _) = bench.cip("{}");
    bench.pay(first);
    let shown = bench.steer("cips", json!({})).expect("a list");
    let list: Vec<_> = shown["cips"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|cip| {
            (cip["cip"].as_u64().expect("a number"), cip["state"].as_str().expect("a word").to_owned())
        })
        .collect();
    assert_eq!(list, [(second, "generated".to_owned()), (first, "paid".to_owned())]);
}

#[test]
fn the_guide_holds_requests_that_work() {
    let bench = &mut Bench::new();
    let guide = bench.provider.guide(bench.world.clock.now()).expect("a guide");
    let token = guide.requests.iter().find(|example| example.name == "token").expect("a token");
    let (status, answer) = bench.authorize_with(&token.body);
    assert_eq!(status, 201, "{answer}");
    let token = text_at(&answer, &["data", "token"]);
    let create = guide.requests.iter().find(|example| example.name == "crear").expect("a creation");
    assert_eq!(bench.call_with(&token, "POST", &create.path, &create.body).status, 201);
    assert!(!format!("{guide:?}").contains(super::SECRET_KEY), "no secret stands in it");
    for table in guide.test_data.iter().chain(guide.chapters.iter().flat_map(|chapter| &chapter.tables)) {
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.title);
    }
}
