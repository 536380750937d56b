//! Events and their endpoints.

mod support;

use std::sync::Arc;

use serde_json::{Value, json};
use support::paper::Paper;
use support::{Api, KEY, hub_on, hub_with, order, serve, settings};
use testing::TestDatabase;

testing::both_databases! {
    async fn a_change_is_told_by_an_event_with_the_payment_s_document(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let url = json!({ "url": "http://127.0.0.1:1/events" });
        let endpoint = api.post("/v1/event_endpoints", "k1", &url).await;
        assert_eq!(endpoint.status, 201, "{}", endpoint.text);
        let created = api.post("/v1/payments", "k2", &order("PEDIDO-1")).await;
        hub.clock.advance(jiff::SignedDuration::from_secs(1));
        api.act(&format!("/v1/payments/{}/cancel", created.member("id")), "k3").await;

        let events = api.get(&format!("/v1/events?payment={}", created.member("id"))).await;
        let newest = &events.json["data"][0];
        assert_eq!(newest["type"], "payment.cancelled");
        assert_eq!(newest["payment"], created.json["id"]);
        assert_eq!(newest["deliveries"], Value::Null);
        let payment = api.get(&format!("/v1/payments/{}", created.member("id"))).await;
        assert_eq!(newest["data"], payment.json);

        let at = newest["created_at"].as_str().expect("an instant");
        for (created, kind) in [("gte", "payment.cancelled"), ("lt", "payment.requires_action")] {
            let limited = api.get(&format!("/v1/events?created[{created}]={at}")).await;
            let kinds: Vec<_> = limited.json["data"].as_array().expect("events").iter().map(|event| &event["type"]).collect();
            assert_eq!(kinds, [kind], "{created} {at}");
        }

        let event = api.get(&format!("/v1/events/{}", newest["id"].as_str().expect("an id"))).await;
        let deliveries = event.json["deliveries"].as_array().expect("deliveries");
        assert_eq!(deliveries.len(), 1);
        assert_eq!(deliveries[0]["endpoint"], endpoint.json["id"]);
        assert_eq!((&deliveries[0]["state"], &deliveries[0]["tries"]), (&json!("pending"), &json!(0)));
    }

    async fn the_secret_of_an_endpoint_is_told_with_its_creation_only(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let url = json!({ "url": "http://127.0.0.1:1/events" });
        let created = api.post("/v1/event_endpoints", "k1", &url).await;
        let secret = created.member("secret");
        assert!(standardwebhooks::Webhook::new(secret).is_ok(), "the standard's own library takes the secret");
        let again = api.post("/v1/event_endpoints", "k1", &url).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
        assert_eq!(again.text, created.text);
        let id = created.member("id");
        for path in [format!("/v1/event_endpoints/{id}"), "/v1/event_endpoints".to_owned()] {
            let answer = api.get(&path).await;
            assert_eq!(answer.status, 200);
            assert!(answer.text.contains(id) && !answer.text.contains(secret), "{}", answer.text);
        }
        let other = api.post("/v1/event_endpoints", "k2", &url).await;
        assert_ne!(other.member("secret"), secret);

        assert_eq!(api.delete(&format!("/v1/event_endpoints/{id}")).await.status, 204);
        api.get(&format!("/v1/event_endpoints/{id}")).await.problem(404, "not_found");
        api.delete(&format!("/v1/event_endpoints/{id}")).await.problem(404, "not_found");
        assert_eq!(api.get("/v1/event_endpoints").await.json["data"].as_array().map(Vec::len), Some(1));
    }

    async fn an_endpoint_is_tried_alone_and_an_event_is_sent_again(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let mut ids = Vec::new();
        for port in 1..=2 {
            let url = json!({ "url": format!("http://127.0.0.1:{port}/events") });
            let created = api.post("/v1/event_endpoints", &format!("k{port}"), &url).await;
            ids.push(created.member("id").to_owned());
        }
        let path = format!("/v1/event_endpoints/{}/test", ids[0]);
        let tried = api.act(&path, "t1").await;
        assert_eq!((tried.status, tried.member("type")), (202, "endpoint.test"), "{}", tried.text);
        assert_eq!(tried.json["data"], json!({ "object": "event_endpoint", "id": ids[0] }));
        assert_eq!(api.act(&path, "t1").await.text, tried.text, "the same key tries once");
        let event = format!("/v1/events/{}", tried.member("id"));
        let read = api.get(&event).await;
        let deliveries = read.json["deliveries"].as_array().expect("deliveries");
        assert_eq!(deliveries.iter().map(|delivery| &delivery["endpoint"]).collect::<Vec<_>>(), [&json!(ids[0])]);

        let resent = api.act(&format!("{event}/resend"), "r1").await;
        assert_eq!(resent.status, 202, "{}", resent.text);
        let expected = json!({ "object": "event_resend", "event": tried.json["id"], "deliveries": 2 });
        assert_eq!(resent.json, expected);
        assert_eq!(api.get(&event).await.json["deliveries"].as_array().map(Vec::len), Some(2));
    }

    async fn a_merchant_has_a_bounded_number_of_endpoints(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let url = json!({ "url": "http://127.0.0.1:1/events" });
        for number in 0..16 {
            let created = api.post("/v1/event_endpoints", &format!("k{number}"), &url).await;
            assert_eq!(created.status, 201, "{}", created.text);
        }
        api.post("/v1/event_endpoints", "k16", &url).await.problem(422, "too_many_endpoints");
    }

    async fn in_production_events_go_over_https_to_public_addresses_only(database: TestDatabase) {
        let mut production = settings(vec![]);
        production.is_production = true;
        production.events.allow_private_targets = false;
        let hub = hub_with(&database, production, vec![]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        for url in ["http://tienda.example/e", "https://127.0.0.1/e", "https://10.0.0.1/e", "https://[::1]/e"] {
            let answer = api.post("/v1/event_endpoints", "k", &json!({ "url": url })).await;
            assert_eq!(answer.problem(422, "invalid_value"), Some("url"), "{url}");
        }
        let taken = api.post("/v1/event_endpoints", "k", &json!({ "url": "https://tienda.example/e" })).await;
        assert_eq!(taken.status, 201, "{}", taken.text);
    }
}
