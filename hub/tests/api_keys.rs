//! API keys: which open the door, and to whose things.

mod support;

use std::sync::Arc;

use support::paper::Paper;
use support::{Api, FOREIGN_KEY, KEY, REVOKED_KEY, hub_on, order, serve};
use testing::TestDatabase;

testing::both_databases! {
    async fn wrong_revoked_and_malformed_keys_open_nothing(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let base = serve(&hub).await;
        let owner = Api::new(&base, KEY);
        let before = owner.everything().await;
        for key in [REVOKED_KEY, "sk_prueba_tienda_0000000000000002", "sk_", "", "tienda", &KEY[..KEY.len() - 1]] {
            let api = Api::new(&base, key);
            for path in ["/v1/payments", "/v1/events", "/v1/event_endpoints"] {
                let answer = api.get(path).await;
                answer.problem(401, "unauthorized");
                assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"caudal\"");
                assert!(key.is_empty() || !answer.text.contains(&format!("\"{key}\"")), "the key is told back");
            }
            // Who is not known is not told either what else is wrong.
            api.post("/v1/payments", "", &order("PEDIDO-1")).await.problem(401, "unauthorized");
            api.post("/v1/payments", "k", &order("PEDIDO-1")).await.problem(401, "unauthorized");
        }
        let client = &owner.client;
        for header in ["Basic c2tfOg==", "Bearer", KEY] {
            let request = client.get(owner.url("/v1/payments")).header("authorization", header);
            owner.send(request).await.problem(401, "unauthorized");
        }
        assert_eq!(owner.everything().await, before);
    }

    async fn a_foreign_key_sees_and_moves_nothing_of_ours(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let base = serve(&hub).await;
        let (owner, stranger) = (Api::new(&base, KEY), Api::new(&base, FOREIGN_KEY));
        let url = serde_json::json!({ "url": "http://127.0.0.1:1/events" });
        let endpoint = owner.post("/v1/event_endpoints", "endpoint", &url).await;
        let payment = owner.post("/v1/payments", "payment", &order("PEDIDO-1")).await;
        let events = owner.get("/v1/events").await;
        let (payment, endpoint) = (payment.member("id"), endpoint.member("id"));
        let event = events.json["data"][0]["id"].as_str().expect("an event");
        let before = owner.everything().await;

        assert_eq!(stranger.everything().await[0]["data"], serde_json::json!([]));
        assert_eq!(stranger.everything().await[1]["data"], serde_json::json!([]));
        assert_eq!(stranger.everything().await[2]["data"], serde_json::json!([]));
        for path in [format!("/v1/payments/{payment}"), format!("/v1/events/{event}"), format!("/v1/event_endpoints/{endpoint}")] {
            stranger.get(&path).await.problem(404, "not_found");
        }
        stranger.act(&format!("/v1/payments/{payment}/cancel"), "k1").await.problem(404, "not_found");
        stranger.act(&format!("/v1/events/{event}/resend"), "k2").await.problem(404, "not_found");
        stranger.act(&format!("/v1/event_endpoints/{endpoint}/test"), "k3").await.problem(404, "not_found");
        stranger.delete(&format!("/v1/event_endpoints/{endpoint}")).await.problem(404, "not_found");
        assert_eq!(stranger.get(&format!("/v1/payments?starting_after={payment}")).await.status, 200);

        // The same reference is free for another merchant.
        let same = stranger.post("/v1/payments", "k4", &order("PEDIDO-1")).await;
        assert_eq!(same.status, 201, "{}", same.text);
        assert_ne!(same.member("id"), payment);
        assert_eq!(owner.everything().await, before);
    }
}
