//! The log of tries: what is kept of each, and for how long.

use serde_json::json;
use testing::TestDatabase;

use crate::receiver::{Mood, Receiver, Stage};

testing::both_databases! {
    async fn every_try_is_logged_with_what_the_endpoint_said(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let shop = Receiver::start().await;
        let (endpoint, _) = stage.register(&shop, "k1").await;
        shop.next(Mood { body: "no room for 4110760000000081".into(), ..Mood::from(503) });
        let event = stage.tell(&endpoint, "t1").await;
        stage.deliver().await;
        stage.advance(10).await;
        let resent = stage.api.act(&format!("/v1/events/{event}/resend"), "r1").await;
        assert_eq!(resent.status, 202, "{}", resent.text);
        stage.deliver().await;

        let deliveries = stage.deliveries(&event).await;
        assert_eq!(deliveries.len(), 1);
        let delivery = &deliveries[0];
        assert_eq!((&delivery["endpoint"], &delivery["state"]), (&json!(endpoint), &json!("delivered")));
        let log = delivery["log"].as_array().expect("a log");
        let results: Vec<_> = log.iter().map(|made| made["result"].as_str().expect("a result")).collect();
        assert_eq!(results, ["200", "200", "503"], "newest first");
        assert_eq!(log[2]["answer"], "no room for 411076***0081");
        assert_eq!(log[2]["at"], crate::support::START);
        assert!(log.iter().all(|made| made["duration_ms"].as_i64().is_some_and(|ms| ms >= 0)), "{log:?}");
    }

    async fn tries_are_forgotten_after_thirty_days(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let shop = Receiver::start().await;
        let (endpoint, _) = stage.register(&shop, "k1").await;
        let old = stage.tell(&endpoint, "t1").await;
        stage.deliver().await;
        stage.advance(hub::workers::TRIES_KEPT_S).await;
        let new = stage.tell(&endpoint, "t2").await;
        stage.deliver().await;
        hub::workers::sweep(&stage.hub).await.expect("swept");
        assert_eq!(stage.deliveries(&old).await[0]["log"].as_array().map(Vec::len), Some(1), "exactly 30 days");
        stage.advance(1).await;
        hub::workers::sweep(&stage.hub).await.expect("swept");
        assert_eq!(stage.deliveries(&old).await[0]["log"], json!([]));
        assert_eq!(stage.deliveries(&old).await[0]["state"], "delivered", "the delivery itself stays");
        assert_eq!(stage.deliveries(&new).await[0]["log"].as_array().map(Vec::len), Some(1));
    }
}
