//! Living in a sandbox's time.

mod support;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use support::*;
use url::Url;

#[derive(Clone, Default)]
struct Leader {
    offset_us: Arc<AtomicI64>,
    followers: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Leader {
    async fn start(&self) -> Url {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url =
            Url::parse(&format!("http://{}/", listener.local_addr().expect("an address"))).expect("a URL");
        let router = Router::new()
            .route("/_sandbox/clock", get(clock))
            .route("/_sandbox/clock/followers", post(follow))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }
}

async fn clock(State(leader): State<Leader>) -> Json<Value> {
    Json(json!({"now": "2026-03-14T15:00:00Z", "offset_us": leader.offset_us.load(Ordering::SeqCst)}))
}

async fn follow(State(leader): State<Leader>, Json(body): Json<Value>) -> Json<Value> {
    leader.followers.lock().expect("not poisoned").push(body["url"].as_str().expect("an address").into());
    Json(json!({}))
}

const HOUR_US: i64 = 3_600_000_000;

#[tokio::test]
async fn the_shop_registers_takes_the_leader_s_time_and_each_later_step() {
    let hub = TinyHub::start().await;
    let leader = Leader::default();
    leader.offset_us.store(HOUR_US, Ordering::SeqCst);
    let shop = open_shop(&hub, Some(leader.start().await)).await;
    let clock = at(&shop, "/_clock");
    assert_eq!(*leader.followers.lock().expect("not poisoned"), std::slice::from_ref(&clock));
    let read = || async {
        let answer: Value =
            browser().get(&clock).send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!((&answer["next_due_at"], &answer["idle"]), (&Value::Null, &json!(true)));
        answer["now"].as_str().expect("text").parse::<shop::Timestamp>().expect("a time")
    };
    let before = read().await;
    let step = json!({"offset_us": 25 * HOUR_US, "now": "2026-03-15T16:00:00Z"});
    let answer = browser().post(&clock).json(&step).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(read().await.duration_since(before).as_hours() >= 23);
}

#[tokio::test]
async fn an_event_from_a_hub_that_was_moved_first_is_taken_after_a_look_at_the_leader() {
    let hub = TinyHub::start().await;
    let leader = Leader::default();
    let shop = open_shop(&hub, Some(leader.start().await)).await;
    buy(&shop, &hub, &browser()).await;
    let payment = hub.decide(&json!({"status": "approved"}));
    let ahead = shop.shop().clock.now() + jiff::SignedDuration::from_hours(24);
    leader.offset_us.store(24 * HOUR_US, Ordering::SeqCst);
    assert_eq!(send(&shop, event("evt_1", &payment, ahead)).await, 200);
    assert_eq!(inbox(&shop).await["paid"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_shop_in_real_time_has_no_clock_to_set() {
    let hub = TinyHub::start().await;
    let shop = open_shop(&hub, None).await;
    let step = json!({"offset_us": HOUR_US});
    let answer = browser().post(at(&shop, "/_clock")).json(&step).send().await.expect("an answer");
    assert_eq!(answer.status(), 404);
}
