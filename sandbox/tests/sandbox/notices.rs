//! Notices to merchants, whole and spoilt.

use sandbox::{CraftedNotice, NoticeState, SteeringError, TargetError};
use serde_json::{Value, json};
use simulation::journal::Direction;

use crate::setting::{Merchant, add, at, client, open_account, open_account_with, pay, sandbox, until, url};

const BODY: &str = r#"{"id":1,"status":{"status":"APPROVED"},"amount":1.50,"signature":"sha1:00ff"}"#;

fn notice(fault: Value) -> Value {
    json!({ "notice": { "fault": fault } })
}

#[tokio::test]
async fn a_notice_arrives_byte_for_byte_and_its_outcome_is_kept() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    // A name that the system's resolver need not know.
    open_account(&sandbox, "shop", &format!("http://shop.localhost:{port}/notices"));
    pay(&sandbox, "shop").await.expect("an answer");
    until("delivery", || sandbox.steering.notices()[0].state == NoticeState::Delivered).await;
    assert_eq!(merchant.bodies(), [BODY]);
    assert_eq!(merchant.headers(0)["x-signature"], "0a1b");
    assert_eq!(merchant.headers(0)["content-type"], "application/json");

    let delivery = &sandbox.steering.notices()[0].deliveries[0];
    assert_eq!((delivery.status, delivery.answer_start.as_str()), (Some(202), "gracias"));
    let entry = sandbox.steering.latest_journal(1).remove(0);
    assert_eq!((entry.direction, entry.status, entry.body.text.as_str()), (Direction::Out, Some(202), BODY));
}

#[tokio::test]
async fn a_lost_notice_never_leaves() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    open_account(&sandbox, "shop", &format!("http://127.0.0.1:{port}/notices"));
    add(&sandbox, json!({ "notice": { "status": "APPROVED", "fault": "lost" } }));
    pay(&sandbox, "shop").await.expect("an answer");
    pay(&sandbox, "shop").await.expect("an answer");
    until("the second notice", || merchant.bodies().len() == 1).await;
    assert!(merchant.bodies()[0].starts_with(r#"{"id":2"#));
    sandbox.steering.advance(86_400).await.expect("a day passes");
    assert_eq!(merchant.bodies().len(), 1);
    assert_eq!(sandbox.steering.notices()[0].state, NoticeState::Lost);
}

#[tokio::test]
async fn a_late_notice_waits_for_the_business_clock() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    open_account(&sandbox, "shop", &format!("http://127.0.0.1:{port}/notices"));
    add(&sandbox, notice(json!({ "late": { "seconds": 90 } })));
    pay(&sandbox, "shop").await.expect("an answer");
    sandbox.steering.advance(89).await.expect("almost");
    assert_eq!(merchant.bodies().len(), 0);
    sandbox.steering.advance(1).await.expect("there");
    assert_eq!(merchant.bodies(), [BODY]);
    assert_eq!(sandbox.steering.notices()[0].deliveries[0].at, at("2026-03-14T15:01:30Z"));
}

#[tokio::test]
async fn a_doubled_notice_arrives_as_often_as_asked_with_the_same_bytes() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    open_account(&sandbox, "shop", &format!("http://127.0.0.1:{port}/notices"));
    add(&sandbox, notice(json!({ "doubled": { "deliveries": 10 } })));
    pay(&sandbox, "shop").await.expect("an answer");
    until("ten deliveries", || sandbox.steering.notices()[0].deliveries.len() == 10).await;
    assert_eq!(merchant.bodies(), vec![BODY; 10]);
}

#[tokio::test]
async fn a_reordered_notice_leaves_after_the_next_one_of_its_account() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    for account in ["shop", "other"] {
        open_account(&sandbox, account, &format!("http://127.0.0.1:{port}/notices"));
    }
    add(&sandbox, notice(json!("reordered")));
    let ids = || -> Vec<Value> {
        let parse = |body: String| serde_json::from_str::<Value>(&body).expect("JSON")["id"].clone();
        merchant.bodies().into_iter().map(parse).collect()
    };
    pay(&sandbox, "shop").await.expect("an answer");
    pay(&sandbox, "other").await.expect("an answer");
    until("the other account's notice", || ids() == [json!(2)]).await;
    sandbox.steering.advance(60).await.expect("time alone does not let it go");
    assert_eq!(ids(), [json!(2)]);
    pay(&sandbox, "shop").await.expect("an answer");
    until("both", || ids() == [json!(2), json!(3), json!(1)]).await;
}

#[tokio::test]
async fn a_tampered_notice_keeps_its_signature_and_a_forged_one_its_content() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    open_account(&sandbox, "shop", &format!("http://127.0.0.1:{port}/notices"));
    add(&sandbox, notice(json!({ "tampered": { "member": "status.status", "value": "REJECTED" } })));
    pay(&sandbox, "shop").await.expect("an answer");
    until("the tampered one", || merchant.bodies().len() == 1).await;
    assert_eq!(merchant.bodies()[0], BODY.replace("APPROVED", "REJECTED"));
    add(&sandbox, notice(json!("forged_signature")));
    pay(&sandbox, "shop").await.expect("an answer");
    until("the forged one", || merchant.bodies().len() == 2).await;
    assert_eq!(merchant.bodies()[1], BODY.replace("\"id\":1", "\"id\":2").replace("sha1:00ff", "sha1:11aa"));
}

#[tokio::test]
async fn a_notice_is_sent_again_with_the_same_bytes() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    open_account(&sandbox, "shop", &format!("http://127.0.0.1:{port}/notices"));
    add(&sandbox, notice(json!("lost")));
    pay(&sandbox, "shop").await.expect("an answer");
    let id = sandbox.steering.notices()[0].id.clone();
    for sent in 1..=2 {
        let notice = sandbox.steering.resend(&id).await.expect("sent");
        assert_eq!((notice.state, notice.deliveries.len()), (NoticeState::Delivered, sent));
    }
    assert_eq!(merchant.bodies(), [BODY, BODY]);
    assert_eq!(
        sandbox.steering.resend("notice-99").await.expect_err("unknown"),
        SteeringError::UnknownNotice("notice-99".into())
    );
}

#[tokio::test]
async fn a_crafted_notice_goes_out_as_written_even_if_it_is_no_text() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    let crafted = CraftedNotice {
        provider: "toypay".into(),
        url: format!("http://127.0.0.1:{port}/notices"),
        body_base64: Some("eyBicm9rZW4=".into()),
        headers: vec![("X-Forged".into(), "yes".into())],
        ..CraftedNotice::default()
    };
    let notice = sandbox.steering.send_crafted(crafted).await.expect("sent");
    assert_eq!((notice.state, notice.hardship.as_deref()), (NoticeState::Delivered, Some("crafted")));
    assert_eq!(merchant.bodies(), ["{ broken"]);
    assert_eq!(merchant.headers(0)["x-forged"], "yes");
}

#[tokio::test]
async fn nothing_is_sent_to_public_addresses() {
    let sandbox = sandbox().await;
    let target = "http://198.51.100.7/notices";
    open_account(&sandbox, "shop", target);
    pay(&sandbox, "shop").await.expect("an answer");
    until("a refusal", || sandbox.steering.notices()[0].state == NoticeState::Refused).await;
    let failure = sandbox.steering.notices()[0].deliveries[0].failure.clone().expect("a reason");
    assert!(failure.contains("198.51.100.7 is not a private address"), "{failure}");

    let crafted = CraftedNotice { provider: "toypay".into(), url: target.into(), ..CraftedNotice::default() };
    let refused = sandbox.steering.send_crafted(crafted).await.expect_err("refused");
    assert_eq!(refused, SteeringError::Target(TargetError::NotPrivate("198.51.100.7".into())));
    assert!(matches!(sandbox.steering.follow(target).await, Err(SteeringError::Target(_))));
}

#[tokio::test]
async fn redirects_are_reported_and_not_followed() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    open_account(&sandbox, "shop", &format!("http://127.0.0.1:{port}/elsewhere"));
    pay(&sandbox, "shop").await.expect("an answer");
    until("an answer", || !sandbox.steering.notices()[0].deliveries.is_empty()).await;
    assert_eq!(sandbox.steering.notices()[0].deliveries[0].status, Some(307));
    assert!(merchant.bodies().is_empty());
}

#[tokio::test]
async fn a_merchant_that_is_not_there_is_a_failure_with_a_reason() {
    let sandbox = sandbox().await;
    let port = {
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        gone.local_addr().expect("bound").port()
    };
    open_account(&sandbox, "shop", &format!("http://127.0.0.1:{port}/notices"));
    pay(&sandbox, "shop").await.expect("an answer");
    until("a failure", || sandbox.steering.notices()[0].state == NoticeState::Failed).await;
    let delivery = sandbox.steering.notices()[0].deliveries[0].clone();
    assert_eq!(delivery.status, None);
    assert!(delivery.failure.is_some_and(|why| why.contains("refused")));
}

#[tokio::test]
async fn steering_shows_notices_over_http() {
    let (_, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    open_account(&sandbox, "shop", &format!("http://127.0.0.1:{port}/notices"));
    pay(&sandbox, "shop").await.expect("an answer");
    until("delivery", || sandbox.steering.notices()[0].state == NoticeState::Delivered).await;
    let base = format!("http://{}/_sandbox/notices", sandbox.steering_address());
    let listed: Value = client().get(&base).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(listed["notices"][0]["state"], "delivered");
    let id = listed["notices"][0]["id"].as_str().expect("an id");
    let again: Value = client()
        .post(format!("{base}/{id}/resend"))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(again["deliveries"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_simulator_hears_how_its_notice_fared_and_tries_again_by_its_own_rule() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    // The merchant answers with a redirect, which is followed by nobody.
    let url = format!("http://127.0.0.1:{port}/elsewhere");
    open_account_with(&sandbox, "shop", &url, &[("tries", "3")]);
    pay(&sandbox, "shop").await.expect("an answer");
    sandbox.steering.advance(3_600).await.expect("an hour passes");
    let tries: Vec<_> = sandbox.steering.notices().iter().map(|notice| notice.deliveries[0].at).collect();
    assert_eq!(tries, ["15:00:00", "15:01:00", "15:02:00"].map(|time| at(&format!("2026-03-14T{time}Z"))));
    assert!(merchant.bodies().is_empty());
}

#[tokio::test]
async fn a_simulator_hears_neither_of_lost_notices_nor_of_those_that_steering_repeats() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    open_account_with(&sandbox, "shop", &format!("http://127.0.0.1:{port}/elsewhere"), &[("tries", "9")]);
    add(&sandbox, notice(json!("lost")));
    pay(&sandbox, "shop").await.expect("an answer");
    let id = sandbox.steering.notices()[0].id.clone();
    sandbox.steering.resend(&id).await.expect("sent");
    sandbox.steering.advance(3_600).await.expect("an hour passes");
    assert_eq!(sandbox.steering.notices().len(), 1, "nothing was queued anew");
    assert!(merchant.bodies().is_empty());
}

#[tokio::test]
async fn a_merchant_is_asked_in_the_middle_of_its_own_call_and_the_answer_waits_for_it() {
    let (merchant, port) = Merchant::start().await;
    for (path, status, asked) in [("notices", "Some(202)", 1), ("elsewhere", "Some(307)", 1)] {
        let sandbox = sandbox().await;
        open_account(&sandbox, "shop", &format!("http://127.0.0.1:{port}/{path}"));
        let answer = client().get(url(&sandbox, "/ask")).send().await.expect("an answer");
        assert_eq!(answer.text().await.expect("a text"), format!(r#"{{"status":{status}}}"#));
        assert_eq!(merchant.bodies(), ["really?"; 1][..asked]);
        assert!(sandbox.steering.notices().is_empty(), "a question is no notice");
        let entries = sandbox.steering.latest_journal(2);
        let directions: Vec<_> = entries.iter().map(|entry| entry.direction).collect();
        assert_eq!(
            directions,
            [Direction::In, Direction::Out],
            "newest first, the answer after the question"
        );
        assert_eq!(entries[0].verdicts.len(), 1);
    }
}

#[tokio::test]
async fn a_notice_leaves_from_the_address_that_the_simulator_names() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    let url = format!("http://127.0.0.1:{port}/notices");
    open_account_with(&sandbox, "shop", &url, &[("from", "127.0.0.52")]);
    open_account(&sandbox, "other", &url);
    for account in ["shop", "other", "shop"] {
        pay(&sandbox, account).await.expect("an answer");
        until("delivery", || sandbox.steering.clock().idle).await;
    }
    let callers: Vec<String> = merchant.callers().iter().map(|caller| caller.ip().to_string()).collect();
    assert_eq!(callers, ["127.0.0.52", "127.0.0.1", "127.0.0.52"]);
}
