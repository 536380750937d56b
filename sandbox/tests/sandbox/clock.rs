//! Time travel with simulators, notices and followers.

use sandbox::{Mount, Sandbox, SteeringError, TravelError};
use serde_json::json;
use simulation::{Clock, Command};

use crate::setting::{Follower, Merchant, START, add, at, config, open_account, pay, sandbox, until};
use crate::toy::Toy;

fn later(text: &str) -> Command {
    Command { name: "later".into(), arguments: json!({ "at": text }) }
}

#[tokio::test]
async fn the_clock_stops_at_everything_that_is_due_in_its_order() {
    let (merchant, port) = Merchant::start().await;
    let sandbox = sandbox().await;
    let (follower, url) = Follower::start(&["2026-03-14T15:20:00Z", "2026-03-14T15:40:00Z"]).await;
    sandbox.steering.follow(&url).await.expect("taken in");
    sandbox.steering.command("toypay", &later("2026-03-14T15:10:00Z")).expect("queued");
    sandbox.steering.command("toypay", &later("2026-03-14T17:00:00Z")).expect("queued");
    open_account(&sandbox, "shop", &format!("http://127.0.0.1:{port}/notices"));
    add(&sandbox, json!({ "notice": { "fault": { "late": { "seconds": 1_800 } } } }));
    pay(&sandbox, "shop").await.expect("an answer");

    let arrival = sandbox.steering.advance(3_600).await.expect("an hour passes");
    assert_eq!((arrival.from, arrival.now, arrival.hops), (at(START), at("2026-03-14T16:00:00Z"), 4));
    assert_eq!(arrival.offset_us, 3_600_000_000);
    assert!(arrival.dropped.is_empty());

    let woken: Vec<_> =
        sandbox.steering.ledger(None, None).into_iter().filter(|line| line.transaction == "later").collect();
    assert_eq!(woken.len(), 1, "what is due at five is not done at four");
    assert_eq!(woken[0].at, at("2026-03-14T15:10:00Z"), "done at its own time, not at the journey's end");
    let hops: Vec<_> = follower.done();
    assert_eq!(
        hops,
        [at("2026-03-14T15:20:00Z"), at("2026-03-14T15:40:00Z")].map(|due| (due, due)),
        "the follower too did each thing at its own time"
    );
    assert_eq!(sandbox.steering.notices()[0].deliveries[0].at, at("2026-03-14T15:30:00Z"));
    assert_eq!(merchant.bodies().len(), 1, "arrived before the clock moved on");
    assert_eq!(follower.now(), at("2026-03-14T16:00:00Z"));
}

#[tokio::test]
async fn a_new_follower_is_told_the_time_at_once() {
    let sandbox = sandbox().await;
    sandbox.steering.advance(600).await.expect("ten minutes pass");
    let (follower, url) = Follower::start(&[]).await;
    sandbox.steering.follow(&url).await.expect("taken in");
    assert_eq!(follower.now(), at("2026-03-14T15:10:00Z"));
    assert_eq!(sandbox.steering.clock().followers, Some(vec![url]));
}

#[tokio::test]
async fn a_follower_that_went_away_is_dropped_and_named() {
    let sandbox = sandbox().await;
    let (follower, url) = Follower::start(&[]).await;
    sandbox.steering.follow(&url).await.expect("taken in");
    follower.stop_answering();
    let arrival = sandbox.steering.advance(60).await.expect("the journey goes on");
    assert_eq!((arrival.now, arrival.dropped), (at("2026-03-14T15:01:00Z"), vec![url]));
    assert_eq!(sandbox.steering.clock().followers, Some(Vec::new()));
}

#[tokio::test]
async fn a_follower_that_is_not_there_is_not_taken_in() {
    let sandbox = sandbox().await;
    let refused = sandbox.steering.follow("http://127.0.0.1:1/clock").await.expect_err("nobody there");
    assert!(matches!(refused, SteeringError::Travel(TravelError::Unreachable(_))), "{refused}");
}

#[tokio::test]
async fn a_follower_that_never_rests_stops_the_journey_with_its_name() {
    let sandbox = sandbox().await;
    let (follower, url) = Follower::start(&[]).await;
    sandbox.steering.follow(&url).await.expect("taken in");
    follower.never_rest();
    let stopped = sandbox.steering.advance(60).await.expect_err("no rest");
    assert_eq!(stopped, SteeringError::Travel(TravelError::Restless { who: url, now: at(START) }));
}

#[tokio::test]
async fn the_clock_does_not_go_back() {
    let sandbox = sandbox().await;
    let refused = sandbox.steering.advance_to(at("2026-03-14T14:00:00Z")).await.expect_err("the past");
    assert_eq!(refused, SteeringError::Travel(TravelError::InThePast { now: at(START) }));
    assert!(sandbox.steering.advance(u64::MAX).await.is_err());
    assert_eq!(sandbox.clock().now(), at(START));
}

#[tokio::test]
async fn due_things_happen_by_themselves_when_time_flows() {
    let mut config = config();
    config.clock = Clock::real();
    let sandbox = Sandbox::start(config).await.expect("a sandbox");
    let soon = sandbox.clock().now().checked_add(jiff::SignedDuration::from_millis(150)).expect("soon");
    sandbox.steering.command("toypay", &later(&soon.to_string())).expect("queued");
    until("the charge", || sandbox.steering.ledger(None, None).len() == 1).await;
    assert!(sandbox.steering.ledger(None, None)[0].at >= soon);
}

#[tokio::test]
async fn a_simulator_that_stays_due_does_not_starve_the_port() {
    let mut config = config();
    config.mounts = vec![Mount::on_loopback(Box::new(Toy { stays_due: true, ..Toy::default() }), 0)];
    let sandbox = Sandbox::start(config).await.expect("a sandbox");
    assert_eq!(pay(&sandbox, "shop").await.expect("an answer").status(), 200);
}
