//! Events of a span of time, sent again at one request.

use serde_json::{Value, json};
use testing::TestDatabase;

use crate::receiver::{Receiver, Stage};
use crate::support::order;

testing::both_databases! {
    async fn the_events_of_a_span_are_sent_again_once(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let (one, other) = (Receiver::start().await, Receiver::start().await);
        let (first, _) = stage.register(&one, "k1").await;
        stage.register(&other, "k2").await;
        for minute in 0..4 {
            stage.api.post("/v1/payments", &format!("p{minute}"), &order(&format!("PEDIDO-{minute}"))).await;
            stage.advance(60).await;
        }
        let sent = one.received();
        assert_eq!(other.received().len(), sent.len());
        assert!(sent.len() >= 4, "each payment is told of");

        // The second and third minute, to the first endpoint only.
        let span = json!({ "gte": "2026-03-14T15:01:00Z", "lt": "2026-03-14T15:03:00Z" });
        let wanted = json!({ "created": span, "endpoint": first });
        let resent = stage.api.post("/v1/events/resend", "r1", &wanted).await;
        let again = sent.iter().filter(|event| is_of(event, &["PEDIDO-1", "PEDIDO-2"])).count();
        assert_eq!(resent.status, 202, "{}", resent.text);
        assert_eq!(resent.json, json!({ "object": "bulk_resend", "deliveries": again }));
        assert_eq!(stage.api.post("/v1/events/resend", "r1", &wanted).await.text, resent.text);
        stage.deliver().await;
        assert_eq!(one.received().len(), sent.len() + again, "the same key sends once");
        assert!(one.received()[sent.len()..].iter().all(|event| is_of(event, &["PEDIDO-1", "PEDIDO-2"])));
        assert_eq!(other.received().len(), sent.len());

        // One type, to all endpoints; tests only when they are named.
        let test = stage.tell(&first, "t1").await;
        stage.deliver().await;
        let before = (one.received().len(), other.received().len());
        let span = json!({ "gte": "2026-03-14T00:00:00Z", "lt": "2026-03-15T00:00:00Z" });
        let none = json!({ "created": span, "type": "payment.refunded" });
        assert_eq!(stage.api.post("/v1/events/resend", "r2", &none).await.json["deliveries"], 0);
        let all = stage.api.post("/v1/events/resend", "r3", &json!({ "created": span })).await;
        assert_eq!(all.json["deliveries"], sent.len() * 2, "{}", all.text);
        stage.deliver().await;
        assert_eq!((one.received().len(), other.received().len()), (before.0 + sent.len(), before.1 + sent.len()));
        let tests = json!({ "created": span, "type": "endpoint.test" });
        assert_eq!(stage.api.post("/v1/events/resend", "r4", &tests).await.json["deliveries"], 2);
        stage.deliver().await;
        assert_eq!(one.received().last().map(|event| event.id.clone()), Some(test));
    }

    async fn a_wrong_span_is_refused_and_nothing_is_sent(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let shop = Receiver::start().await;
        stage.register(&shop, "k1").await;
        let (early, late) = ("2026-03-14T15:00:00Z", "2026-03-15T15:00:00Z");
        let created = json!({ "gte": early, "lt": late });
        let table = [
            (json!({ "created": { "gte": late, "lt": early } }), "created.lt"),
            (json!({ "created": { "gte": early, "lt": early } }), "created.lt"),
            (json!({ "created": { "gte": "ayer", "lt": late } }), "created.gte"),
            (json!({ "created": created, "type": "payment.lost" }), "type"),
            (json!({ "created": created, "endpoint": "whe_1" }), "endpoint"),
        ];
        for (body, param) in table {
            let answer = stage.api.post("/v1/events/resend", "r1", &body).await;
            assert_eq!(answer.problem(422, "invalid_value"), Some(param), "{body}");
        }
        let nobody = json!({ "created": created, "endpoint": format!("whe_{}", "0".repeat(32)) });
        stage.api.post("/v1/events/resend", "r1", &nobody).await.problem(404, "not_found");
        let events = stage.api.get("/v1/events").await;
        assert_eq!(events.json["data"], json!([]));
    }

    async fn a_span_that_holds_too_much_is_refused_as_a_whole(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let shop = Receiver::start().await;
        let (endpoint, _) = stage.register(&shop, "k1").await;
        for number in 0..4 {
            stage.tell(&endpoint, &format!("t{number}")).await;
        }
        stage.deliver().await;
        let filter = hub::store::ResendFilter {
            created_from: crate::support::start(),
            created_before: crate::support::start() + jiff::SignedDuration::from_secs(1),
            kind: Some("endpoint.test".into()),
            endpoint: None,
        };
        let now = stage.hub.clock.now();
        let resent = stage.hub.store.resend_events("tienda", &filter, 3, now).await.expect("the store");
        assert_eq!(resent, None);
        stage.deliver().await;
        assert_eq!(shop.received().len(), 4);
        let resent = stage.hub.store.resend_events("tienda", &filter, 4, now).await.expect("the store");
        assert_eq!(resent, Some(4));
        stage.deliver().await;
        assert_eq!(shop.received().len(), 8);
    }
}

/// Whether an event tells of a payment with one of these references.
fn is_of(event: &crate::receiver::Received, references: &[&str]) -> bool {
    let body: Value = serde_json::from_str(&event.body).expect("JSON");
    body["data"]["reference"].as_str().is_some_and(|reference| references.contains(&reference))
}
