//! The steering port as JSON, its errors and its guards.

use sandbox::{Mount, RunningSandbox, Sandbox, StartError};
use serde_json::{Value, json};

use crate::setting::{client, config, pay, sandbox};
use crate::toy::Toy;

fn address(sandbox: &RunningSandbox, path: &str) -> String {
    format!("http://{}/_sandbox/{path}", sandbox.steering_address())
}

async fn read(sandbox: &RunningSandbox, path: &str) -> Value {
    let answer = client().get(address(sandbox, path)).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.expect("JSON")
}

async fn post(sandbox: &RunningSandbox, path: &str, body: &Value) -> (u16, Value) {
    let answer = client().post(address(sandbox, path)).json(body).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[tokio::test]
async fn status_says_what_this_is_and_where_providers_are() {
    let sandbox = sandbox().await;
    let status = read(&sandbox, "status").await;
    assert_eq!(status["volatile"], true);
    assert_eq!(status["seed"], 7);
    assert_eq!(status["warnings"], json!([]));
    let provider = &status["providers"][0];
    assert_eq!(provider["id"], "toypay");
    let port = sandbox.address("toypay").expect("mounted").port();
    assert_eq!(provider["origin"], format!("http://toypay.localhost:{port}"));
    assert_eq!(provider["commands"]["later"], "Hace un cargo en el instante dado.");
}

#[tokio::test]
async fn a_port_beyond_loopback_is_pointed_out() {
    let mut config = config();
    config.steering = ([0, 0, 0, 0], 0).into();
    let sandbox = Sandbox::start(config).await.expect("a sandbox");
    let warnings = sandbox.steering.warnings();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("steering listens on 0.0.0.0:"), "{warnings:?}");
}

#[tokio::test]
async fn accounts_are_opened_and_listed_with_credentials() {
    let sandbox = sandbox().await;
    let wanted = json!({ "provider": "toypay", "name": "shop", "settings": { "signature": "sha256" } });
    let (status, account) = post(&sandbox, "accounts", &wanted).await;
    assert_eq!((status, &account["settings"]["signature"]), (201, &json!("sha256")));
    let port = sandbox.address("toypay").expect("mounted").port();
    assert_eq!(account["credentials"]["address"], format!("http://toypay.localhost:{port}"));
    assert_eq!(read(&sandbox, "accounts").await["accounts"]["toypay"], json!([account]));

    let (status, problem) = post(&sandbox, "accounts", &wanted).await;
    assert_eq!((status, &problem["code"]), (422, &json!("refused_by_simulator")));
}

#[tokio::test]
async fn hardships_are_added_listed_and_removed() {
    let sandbox = sandbox().await;
    let rule = json!({ "provider": "toypay", "times": "forever", "on": { "notice": { "fault": "lost" } } });
    let (status, added) = post(&sandbox, "hardships", &rule).await;
    assert_eq!((status, &added["id"]), (201, &json!("hardship-1")));
    assert_eq!(read(&sandbox, "hardships").await["hardships"], json!([added]));
    for status in [204, 404] {
        let answer =
            client().delete(address(&sandbox, "hardships/hardship-1")).send().await.expect("an answer");
        assert_eq!(answer.status(), status);
    }
    post(&sandbox, "hardships", &rule).await;
    client().delete(address(&sandbox, "hardships")).send().await.expect("an answer");
    assert_eq!(read(&sandbox, "hardships").await["hardships"], json!([]));
}

#[tokio::test]
async fn ledger_inbox_and_journal_are_read_by_their_filters() {
    let sandbox = sandbox().await;
    pay(&sandbox, "shop").await.expect("an answer");
    pay(&sandbox, "shop").await.expect("an answer");
    let count = |value: &Value| value.as_array().map(Vec::len);
    assert_eq!(count(&read(&sandbox, "ledger?provider=toypay&account=shop").await["lines"]), Some(2));
    assert_eq!(count(&read(&sandbox, "ledger?account=other").await["lines"]), Some(0));
    assert_eq!(count(&read(&sandbox, "inbox?to=buyer@shop.example").await["messages"]), Some(2));
    assert_eq!(count(&read(&sandbox, "inbox?to=nobody@shop.example").await["messages"]), Some(0));
    assert_eq!(read(&sandbox, "journal?after=1&limit=5").await["entries"][0]["sequence"], 2);
    assert_eq!(count(&read(&sandbox, "journal?provider=otherpay").await["entries"]), Some(0));
}

#[tokio::test]
async fn a_reset_forgets_all_but_accounts_and_the_clock() {
    let sandbox = sandbox().await;
    post(&sandbox, "accounts", &json!({ "provider": "toypay", "name": "shop" })).await;
    post(&sandbox, "hardships", &json!({ "provider": "toypay", "on": { "notice": { "fault": "lost" } } }))
        .await;
    pay(&sandbox, "shop").await.expect("an answer");
    post(&sandbox, "clock/advance", &json!({ "seconds": 60 })).await;
    assert_eq!(post(&sandbox, "reset", &Value::Null).await.0, 204);
    for (path, member) in
        [("ledger", "lines"), ("inbox", "messages"), ("journal", "entries"), ("hardships", "hardships")]
    {
        assert_eq!(read(&sandbox, path).await[member], json!([]), "{path}");
    }
    assert_eq!(read(&sandbox, "accounts").await["accounts"]["toypay"][0]["name"], "shop");
    assert_eq!(read(&sandbox, "clock").await["offset_us"], 60_000_000);
    let again: Value = pay(&sandbox, "shop").await.expect("an answer").json().await.expect("JSON");
    assert_eq!(again["id"], 1, "the simulator starts anew");
}

#[tokio::test]
async fn the_clock_is_moved_by_seconds_or_to_an_instant() {
    let sandbox = sandbox().await;
    let (_, arrival) = post(&sandbox, "clock/advance", &json!({ "seconds": 60 })).await;
    assert_eq!(arrival["now"], "2026-03-14T15:01:00Z");
    let (_, arrival) = post(&sandbox, "clock/advance", &json!({ "to": "2026-03-14T16:00:00Z" })).await;
    assert_eq!(arrival["now"], "2026-03-14T16:00:00Z");
    let (status, problem) = post(&sandbox, "clock/advance", &json!({ "to": "2026-03-14T15:00:00Z" })).await;
    assert_eq!((status, &problem["code"]), (422, &json!("clock_target")));
}

#[tokio::test]
async fn mistakes_are_answered_with_problem_details() {
    let sandbox = sandbox().await;
    let canary =
        |id: &str, number: &str| json!({ "id": id, "number": number, "acts_as": "4000000000000001" });
    for (path, body, status, code) in [
        ("accounts", json!({ "name": "x" }), 400, "invalid_request"),
        ("accounts", json!({ "provider": "toypay", "nam": "x" }), 400, "invalid_request"),
        ("accounts", json!({ "provider": "nopay", "name": "x" }), 404, "unknown_provider"),
        (
            "hardships",
            json!({ "provider": "toypay", "on": { "notice": { "fault": "odd" } } }),
            400,
            "invalid_request",
        ),
        (
            "hardships",
            json!({ "provider": "nopay", "on": { "notice": { "fault": "lost" } } }),
            404,
            "unknown_provider",
        ),
        ("notices/notice-1/resend", Value::Null, 404, "unknown_notice"),
        ("notices", json!({ "provider": "toypay", "url": "http://8.8.8.8/" }), 422, "target_not_allowed"),
        (
            "notices",
            json!({ "provider": "toypay", "url": "http://[::1]/", "body_base64": "*" }),
            400,
            "invalid_request",
        ),
        ("providers/toypay/command", json!({ "name": "fly" }), 422, "refused_by_simulator"),
        ("providers/nopay/command", json!({ "name": "fly" }), 404, "unknown_provider"),
        ("clock/advance", json!({ "seconds": -1 }), 400, "invalid_request"),
        ("clock/advance", json!({}), 400, "invalid_request"),
        ("clock/followers", json!({ "url": "ftp://127.0.0.1/" }), 422, "target_not_allowed"),
        ("canaries", canary("a", "4111"), 400, "invalid_request"),
        ("canaries", canary("", "4929000000000012"), 400, "invalid_request"),
        ("canaries", canary("4929000000000012", "4929000000000012"), 400, "invalid_request"),
        ("nowhere", Value::Null, 404, "not_found"),
        ("status", Value::Null, 405, "method_not_allowed"),
    ] {
        let (answered, problem) = post(&sandbox, path, &body).await;
        assert_eq!((answered, &problem["code"]), (status, &json!(code)), "{path} {body}: {problem}");
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    let (status, problem) = post(&sandbox, "accounts", &json!("x".repeat(2 * 1024 * 1024))).await;
    assert_eq!((status, &problem["code"]), (413, &json!("invalid_request")));
    let answer = client().get(address(&sandbox, "journal?limit=many")).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn a_declared_canary_is_listed_by_name_and_never_by_number() {
    let sandbox = sandbox().await;
    let wanted = json!({ "id": "canary-a", "number": "4929000000000012", "acts_as": "4000000000000001" });
    assert_eq!(post(&sandbox, "canaries", &wanted).await.0, 201);
    let listed = read(&sandbox, "canaries").await.to_string();
    assert!(listed.contains("canary-a") && !listed.contains("4929000000000012"), "{listed}");
}

#[tokio::test]
async fn pages_of_other_sites_cannot_steer() {
    let sandbox = sandbox().await;
    let reset = |name: &'static str, value: &'static str| {
        client().post(address(&sandbox, "reset")).header(name, value).send()
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://shop.localhost"),
        ("origin", "null"),
    ] {
        let refused = reset(name, value).await.expect("an answer");
        assert_eq!(refused.status(), 403, "{name}: {value}");
        let problem: Value = refused.json().await.expect("problem details");
        assert_eq!(problem["code"], "cross_site_request");
    }
    assert_eq!(reset("sec-fetch-site", "same-origin").await.expect("an answer").status(), 204);
    assert_eq!(reset("host", "evil.example").await.expect("an answer").status(), 421);
}

#[tokio::test]
async fn a_sandbox_that_cannot_start_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut with_taken_port = config();
    with_taken_port.steering = taken.local_addr().expect("bound");
    let Err(error) = Sandbox::start(with_taken_port).await else { panic!("started on a taken port") };
    assert!(error.to_string().contains("for steering"), "{error}");

    let mut twice = config();
    twice.mounts.push(Mount::on_loopback(Box::new(Toy::default()), 0));
    let Err(error) = Sandbox::start(twice).await else { panic!("started one provider twice") };
    assert!(matches!(error, StartError::ProviderTwice(_)), "{error}");
}
