//! Faults on requests: what the client sees, what the provider did, what the journal says.

use std::time::{Duration, Instant};

use sandbox::RunningSandbox;
use serde_json::{Value, json};
use simulation::journal::{Answer, Effect, Entry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::setting::{add, client, config, pay, sandbox, url};
use crate::toy::PUBLISHED;

fn request(fault: Value) -> Value {
    json!({ "request": { "operation": "pay", "fault": fault } })
}

fn charges(sandbox: &RunningSandbox) -> usize {
    sandbox.steering.ledger(Some("toypay"), None).len()
}

fn last_entry(sandbox: &RunningSandbox) -> Entry {
    sandbox.steering.latest_journal(1).remove(0)
}

/// Sends a payment over a bare connection and answers with all bytes until the end, and how it ended.
async fn raw_pay(sandbox: &RunningSandbox) -> (String, std::io::Result<()>) {
    let address = sandbox.address("toypay").expect("mounted");
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
    stream
        .write_all(b"POST /pay HTTP/1.1\r\nHost: toypay.localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        .await
        .expect("sent");
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await.map(|_| ());
    (String::from_utf8_lossy(&bytes).into_owned(), end)
}

#[tokio::test]
async fn without_hardships_requests_are_answered_and_journalled() {
    let sandbox = sandbox().await;
    let answer = pay(&sandbox, "shop").await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let entry = last_entry(&sandbox);
    assert_eq!((entry.effect, entry.answer, entry.status), (Effect::Committed, Answer::Sent, Some(200)));
    assert_eq!((entry.operation.as_str(), entry.account.as_deref()), ("pay", Some("shop")));
    assert_eq!(entry.tls_version, None);
    assert!(entry.peer.starts_with("127.0.0.1:"), "{}", entry.peer);
    assert!(entry.body.text.contains("ORDER-1"), "{}", entry.body.text);
    assert_eq!(charges(&sandbox), 1);
}

#[tokio::test]
async fn a_reset_before_the_effect_leaves_nothing_and_one_after_it_leaves_the_charge() {
    let sandbox = sandbox().await;
    for (fault, effect, charged) in
        [("reset_before_effect", Effect::None, 0), ("reset_after_effect", Effect::Committed, 1)]
    {
        add(&sandbox, request(json!(fault)));
        let (bytes, end) = raw_pay(&sandbox).await;
        assert_eq!(bytes, "", "{fault}");
        let error = end.expect_err("not closed politely");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{fault}");
        let entry = last_entry(&sandbox);
        assert_eq!((entry.effect, entry.answer), (effect, Answer::Withheld), "{fault}");
        assert!(entry.hardship.is_some_and(|name| name.ends_with(fault)));
        assert_eq!(charges(&sandbox), charged, "{fault}");
    }
    pay(&sandbox, "shop").await.expect("both were used up");
}

#[tokio::test]
async fn a_time_out_is_a_silence_that_ends_before_or_after_the_effect() {
    let sandbox = sandbox().await;
    for (fault, effect, charged) in
        [("time_out_before_effect", Effect::None, 0), ("time_out_after_effect", Effect::Committed, 1)]
    {
        add(&sandbox, request(json!({ fault: { "hold_ms": 150 } })));
        let started = Instant::now();
        let (bytes, end) = raw_pay(&sandbox).await;
        assert!(started.elapsed() >= Duration::from_millis(150), "{fault}: closed at once");
        assert_eq!((bytes.as_str(), end.is_ok()), ("", true), "{fault}");
        let entry = last_entry(&sandbox);
        assert_eq!((entry.effect, entry.answer), (effect, Answer::Withheld), "{fault}");
        assert_eq!(charges(&sandbox), charged, "{fault}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_finds_its_charge_in_the_journal_at_once() {
    let sandbox = sandbox().await;
    add(&sandbox, request(json!({ "time_out_after_effect": { "hold_ms": 60_000 } })));
    let impatient = client().post(url(&sandbox, "/pay")).timeout(Duration::from_millis(100)).send().await;
    assert!(impatient.expect_err("no answer").is_timeout());
    let entry = last_entry(&sandbox);
    assert_eq!((entry.effect, entry.answer, entry.status), (Effect::Committed, Answer::Withheld, Some(200)));
    assert_eq!(charges(&sandbox), 1);
}

#[tokio::test]
async fn a_delayed_answer_comes_late_and_whole() {
    let sandbox = sandbox().await;
    add(&sandbox, request(json!({ "delay": { "ms": 120 } })));
    let started = Instant::now();
    let answer: Value = pay(&sandbox, "shop").await.expect("an answer").json().await.expect("JSON");
    assert!(started.elapsed() >= Duration::from_millis(120));
    assert_eq!(answer["status"], "APPROVED");
}

#[tokio::test]
async fn another_status_may_come_with_or_without_the_effect() {
    let sandbox = sandbox().await;
    add(&sandbox, request(json!({ "http_status": { "status": 429, "retry_after": 30 } })));
    let answer = pay(&sandbox, "shop").await.expect("an answer");
    assert_eq!((answer.status().as_u16(), charges(&sandbox)), (429, 0));
    assert_eq!(answer.headers()["retry-after"], "30");
    assert_eq!(last_entry(&sandbox).effect, Effect::None);

    add(&sandbox, request(json!({ "http_status": { "status": 500, "after_effect": true } })));
    let answer = pay(&sandbox, "shop").await.expect("an answer");
    assert_eq!((answer.status().as_u16(), charges(&sandbox)), (500, 1));
    let entry = last_entry(&sandbox);
    assert_eq!((entry.effect, entry.answer, entry.status), (Effect::Committed, Answer::Altered, Some(500)));
}

#[tokio::test]
async fn answers_are_spoilt_in_every_way_that_was_seen_in_the_field() {
    let sandbox = sandbox().await;
    let spoilt = async |fault: Value| {
        add(&sandbox, request(fault));
        pay(&sandbox, "shop").await.expect("an answer").text().await.expect("a body")
    };
    assert!(spoilt(json!("html_page")).await.starts_with("<!doctype html>"));
    assert_eq!(spoilt(json!("empty_body")).await, "");
    assert_eq!(spoilt(json!("null_json")).await, "null");
    assert_eq!(spoilt(json!("wrong_types")).await, r#"{"id":"4","amount":"1.50","status":8,"card":0}"#);
    let tampered = spoilt(json!({ "tampered": { "member": "status", "value": "UNHEARD_OF" } })).await;
    assert_eq!(tampered, r#"{"id":5,"amount":1.50,"status":"UNHEARD_OF","card":""}"#);
    let dripped = spoilt(json!({ "slow_drip": { "ms_per_byte": 1 } })).await;
    assert!(dripped.ends_with(r#""card":""}"#), "{dripped}");
    let huge = spoilt(json!({ "huge": { "bytes": 3_000_000 } })).await;
    assert_eq!(huge.len(), 3_000_000 + r#"{"padding":""}"#.len());
    serde_json::from_str::<Value>(&huge).expect("huge, but JSON");
    assert_eq!(charges(&sandbox), 7, "every spoilt answer had its effect");
}

#[tokio::test]
async fn a_truncated_answer_promises_more_than_it_brings() {
    let sandbox = sandbox().await;
    add(&sandbox, request(json!("truncated")));
    let (bytes, _) = raw_pay(&sandbox).await;
    let (head, body) = bytes.split_once("\r\n\r\n").expect("a head and a body");
    let whole = r#"{"id":1,"amount":1.50,"status":"APPROVED","card":""}"#;
    assert!(head.to_lowercase().contains(&format!("content-length: {}", whole.len())), "{head}");
    assert_eq!(body, &whole[..whole.len() / 2]);
}

#[tokio::test]
async fn too_large_bodies_are_refused_before_the_simulator_sees_them() {
    let mut config = config();
    config.limits.body_bytes = 100;
    let sandbox = sandbox::Sandbox::start(config).await.expect("a sandbox");
    let answer = client().post(url(&sandbox, "/pay")).body("x".repeat(101)).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), charges(&sandbox)), (413, 0));
    let entry = last_entry(&sandbox);
    assert_eq!((entry.operation.as_str(), entry.effect, entry.status), ("unread", Effect::None, Some(413)));
}

#[tokio::test]
async fn a_canary_arrives_and_is_nowhere_in_the_journal() {
    const CANARY: &str = "4929000000000012";
    let sandbox = sandbox().await;
    sandbox.steering.declare_canary("canary-a", CANARY, PUBLISHED).expect("declared");
    let order = json!({ "card": { "number": CANARY, "cvv": "90817" }, "note": format!("n.º {CANARY} y {PUBLISHED}") });
    client()
        .post(url(&sandbox, &format!("/pay?number={CANARY}&memo={CANARY}&cvv=90817")))
        .header("referer", format!("http://shop.localhost/{CANARY}"))
        .header("authorization", "Bearer a-secret-of-a-test")
        .json(&order)
        .send()
        .await
        .expect("an answer");

    let answer = client().get(format!("http://{}/_sandbox/journal", sandbox.steering_address())).send().await;
    let journal = answer.expect("an answer").text().await.expect("a body");
    assert!(
        journal.contains("canary-a") && journal.contains("card_is_known"),
        "the canary arrived: {journal}"
    );
    let entry = last_entry(&sandbox);
    assert!(entry.verdicts[0].passed, "the simulator knew the canary: {:?}", entry.verdicts);
    for secret in [CANARY, PUBLISHED, "90817", "a-secret-of-a-test"] {
        assert!(!journal.contains(secret), "{secret} is in {journal}");
    }
}

#[tokio::test]
async fn links_take_the_name_under_which_the_port_was_called() {
    let sandbox = sandbox().await;
    let port = sandbox.address("toypay").expect("mounted").port();
    let host = format!("toypay.localhost:{port}");
    let answer = client().get(url(&sandbox, "/hello")).header("host", &host).send().await.expect("an answer");
    assert_eq!(answer.text().await.expect("a body"), format!("<p>/hello at http://{host}</p>"));
}

#[tokio::test]
async fn a_seed_replays_chance() {
    let chance = async || {
        let sandbox = sandbox().await;
        let answer = client().get(url(&sandbox, "/random")).send().await.expect("an answer");
        answer.text().await.expect("a body")
    };
    assert_eq!(chance().await, chance().await);
}

#[tokio::test]
async fn a_stopped_sandbox_gives_its_ports_back() {
    let sandbox = sandbox().await;
    let address = sandbox.address("toypay").expect("mounted");
    pay(&sandbox, "shop").await.expect("an answer");
    sandbox.shut_down().await;
    tokio::net::TcpListener::bind(address).await.expect("the port is free");
}
