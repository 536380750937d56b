//! Endpoints that ask for time, are gone, fail for days; and their secrets.

use serde_json::{Value, json};
use testing::TestDatabase;

use crate::receiver::{Mood, Receiver, Stage};
use crate::support::FOREIGN_KEY;

const DAY_S: i64 = 86_400;

testing::both_databases! {
    async fn an_endpoint_that_asks_for_time_is_left_alone_until_then(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let shop = Receiver::start().await;
        let (endpoint, _) = stage.register(&shop, "k1").await;
        shop.next(Mood { retry_after: Some("120".into()), ..Mood::from(503) });
        stage.tell(&endpoint, "t1").await;
        stage.deliver().await;
        assert_eq!(shop.received().len(), 1);
        stage.advance(119).await;
        assert_eq!(shop.received().len(), 1, "the ladder's 5 s are shorter than what it asked for");
        stage.advance(1).await;
        assert_eq!(shop.received().len(), 2);

        // Nobody puts an event off for longer than the ladder's longest rung.
        shop.next(Mood { retry_after: Some("99999999".into()), ..Mood::from(429) });
        stage.tell(&endpoint, "t2").await;
        stage.deliver().await;
        stage.advance(DAY_S).await;
        assert_eq!(shop.received().len(), 4);
    }

    async fn an_endpoint_that_is_gone_is_disabled_and_the_others_are_told(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let (gone, other) = (Receiver::start().await, Receiver::start().await);
        let (endpoint, _) = stage.register(&gone, "k1").await;
        stage.register(&other, "k2").await;
        gone.usually(410);
        let event = stage.tell(&endpoint, "t1").await;
        stage.deliver().await;
        let path = format!("/v1/event_endpoints/{endpoint}");
        let disabled = stage.api.get(&path).await;
        assert_eq!(disabled.member("disabled_reason"), "The endpoint answered 410 Gone.");
        assert_eq!((gone.received().len(), other.kinds()), (1, vec!["event_endpoint.disabled".to_owned()]));
        let told: Value = serde_json::from_str(&other.received()[0].body).expect("JSON");
        assert_eq!(told["data"], json!({
            "object": "event_endpoint", "id": endpoint, "disabled_reason": "The endpoint answered 410 Gone.",
        }));
        stage.advance(10 * DAY_S).await;
        assert_eq!(gone.received().len(), 1, "nothing is sent to a disabled endpoint");
        let due = hub::workers::next_due(&stage.hub).await.expect("the store");
        assert_eq!(due, None, "and nothing is due there");

        // Enabled again, what waited comes, and once only.
        gone.usually(200);
        let enabled = stage.api.act(&format!("{path}/enable"), "e1").await;
        assert_eq!((enabled.status, &enabled.json["disabled_reason"]), (200, &Value::Null), "{}", enabled.text);
        stage.deliver().await;
        assert_eq!(gone.received().len(), 2);
        assert_eq!(gone.received()[1].id, event);
        assert_eq!(stage.deliveries(&event).await[0]["state"], "delivered");
        assert_eq!(stage.api.act(&format!("{path}/enable"), "e2").await.status, 200);
        stage.deliver().await;
        assert_eq!(gone.received().len(), 2);
        let unknown = format!("/v1/event_endpoints/whe_{}/enable", "0".repeat(32));
        stage.api.act(&unknown, "e3").await.problem(404, "not_found");
    }

    async fn an_endpoint_that_fails_for_five_days_is_disabled(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let (broken, other) = (Receiver::start().await, Receiver::start().await);
        let (endpoint, _) = stage.register(&broken, "k1").await;
        stage.register(&other, "k2").await;
        let path = format!("/v1/event_endpoints/{endpoint}");
        broken.usually(500);
        for day in 0..4 {
            stage.tell(&endpoint, &format!("t{day}")).await;
            stage.advance(DAY_S).await;
        }
        // One success begins the count anew.
        broken.next(200);
        stage.tell(&endpoint, "good").await;
        stage.advance(1).await;
        for day in 4..9 {
            assert_eq!(stage.api.get(&path).await.json["disabled_reason"], Value::Null, "day {day}");
            stage.tell(&endpoint, &format!("t{day}")).await;
            stage.deliver().await;
            stage.advance(DAY_S).await;
        }
        stage.tell(&endpoint, "last").await;
        stage.deliver().await;
        let disabled = stage.api.get(&path).await;
        assert_eq!(disabled.member("disabled_reason"), "Every try failed for five days.");
        assert_eq!(other.kinds(), ["event_endpoint.disabled"]);
    }

    async fn a_rotated_secret_signs_beside_the_former_one_for_a_day(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let shop = Receiver::start().await;
        let (endpoint, former) = stage.register(&shop, "k1").await;
        let path = format!("/v1/event_endpoints/{endpoint}/rotate_secret");
        let rotated = stage.api.act(&path, "r1").await;
        assert_eq!(rotated.status, 200, "{}", rotated.text);
        let current = rotated.member("secret").to_owned();
        assert_ne!(current, former);
        assert_eq!(stage.api.act(&path, "r1").await.text, rotated.text, "the same key rotates once");
        // Even when the answer was never kept, because the process died.
        let id = endpoint.parse().expect("an id");
        let redone = hub::flow::manage_endpoints::rotate_secret(&stage.hub, "tienda", &id, "r1").await;
        let redone = redone.expect("the same secret");
        assert_eq!(secrecy::ExposeSecret::expose_secret(&redone.secret), current);

        stage.tell(&endpoint, "t1").await;
        stage.deliver().await;
        stage.advance(DAY_S - 1).await;
        stage.tell(&endpoint, "t2").await;
        stage.deliver().await;
        for received in shop.received() {
            assert!(received.is_signed_by(&current) && received.is_signed_by(&former), "{received:?}");
            assert_eq!(received.signature.split(' ').count(), 2);
        }
        stage.advance(1).await;
        hub::workers::sweep(&stage.hub).await.expect("swept");
        stage.tell(&endpoint, "t3").await;
        stage.deliver().await;
        let last = shop.received().pop().expect("a third event");
        assert!(last.is_signed_by(&current) && !last.is_signed_by(&former), "{last:?}");
        let target = stage.hub.store.delivery_target("tienda", &id).await.expect("read").expect("a target");
        assert!(target.former.is_none(), "the former secret is dropped");
    }

    async fn nobody_else_manages_an_endpoint(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let shop = Receiver::start().await;
        let (endpoint, secret) = stage.register(&shop, "k1").await;
        let event = stage.tell(&endpoint, "t1").await;
        let stranger = crate::support::Api::new(&stage.api.url("/"), FOREIGN_KEY);
        for act in ["rotate_secret", "enable", "test"] {
            let path = format!("/v1/event_endpoints/{endpoint}/{act}");
            stranger.act(&path, "x1").await.problem(404, "not_found");
        }
        stranger.get(&format!("/v1/events/{event}/deliveries")).await.problem(404, "not_found");
        stage.deliver().await;
        assert!(shop.received()[0].is_signed_by(&secret));
    }
}
