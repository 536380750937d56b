//! The API for payments: what merchants rely on.

mod support;

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use support::paper::{ID, Paper};
use support::{Api, KEY, account, hub_on, hub_with, order, serve, settings};
use testing::TestDatabase;
use tokio::net::TcpListener;

testing::both_databases! {
    async fn an_order_becomes_a_payment_that_can_be_read(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let created = api.post("/v1/payments", "k1", &order("PEDIDO-1")).await;
        assert_eq!(created.status, 201, "{}", created.text);
        assert_eq!(created.header("content-type"), "application/json");
        assert_eq!(created.header("idempotent-replayed"), "");
        let id = created.member("id");
        let reference = created.member("provider_reference");
        let token = hub.vault.page_token("status", id);
        let expected = json!({
            "id": id,
            "object": "payment",
            "reference": "PEDIDO-1",
            "amount": 11_900_000,
            "currency": "COP",
            "status": "requires_action",
            "certainty": "confirmed",
            "authorized": 0, "paid": 0, "refunded": 0, "overpaid": 0,
            "told": null,
            "description": "Dos lámparas",
            "provider": ID,
            "account": "papel",
            "provider_reference": reference,
            "provider_id": format!("P-{reference}"),
            "pay_url": format!("http://127.0.0.1:1/pay/P-{reference}"),
            "lightbox": null,
            "pay_code": null,
            "status_url": format!("http://caudal.localhost:4040/p/tienda/{id}/{token}"),
            "receipt": null,
            "reason": null,
            "last_try": null,
            "failure": null,
            "instrument": null,
            "kept_instrument": null,
            "recurrence": null,
            "recurrence_of": null,
            "operations": [],
            "division": null,
            "rest_of": null,
            "reversible_until": null,
            "decided_at": null,
            "expires_at": "2026-03-14T15:30:00Z",
            "created_at": "2026-03-14T15:00:00Z",
            "updated_at": "2026-03-14T15:00:00Z",
            "version": 2,
            "test": true,
        });
        assert_eq!(created.json, expected);
        let read = api.get(&format!("/v1/payments/{id}")).await;
        assert_eq!((read.status, &read.json), (200, &expected));

        hub.clock.advance(SignedDuration::from_mins(31));
        let late = api.get(&format!("/v1/payments/{id}")).await;
        assert_eq!(late.json["pay_url"], Value::Null, "an order past its time is not offered for payment");
    }

    async fn the_same_request_is_done_once_and_answered_as_often_as_asked(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let sound = order("PEDIDO-1");
        let together = futures_util::future::join_all((0..8).map(|_| api.post("/v1/payments", "k1", &sound))).await;
        let first: Vec<_> = together.iter().filter(|answer| answer.status == 201 && answer.header("idempotent-replayed").is_empty()).collect();
        assert_eq!(first.len(), 1, "exactly one request does the work");
        for answer in &together {
            if answer.status == 409 {
                answer.problem(409, "idempotency_running");
                assert!(!answer.header("retry-after").is_empty());
            } else {
                assert_eq!((answer.status, &answer.text), (201, &first[0].text));
            }
        }
        let again = api.post("/v1/payments", "k1", &sound).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
        assert_eq!(again.text, first[0].text, "the answer kept is the answer given, byte for byte");
        let list = api.get("/v1/payments").await;
        assert_eq!(list.json["data"].as_array().map(Vec::len), Some(1));
    }

    async fn a_key_gives_the_answer_that_was_given_whatever_has_become_of_the_payment(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        for (script, status) in [("nada", "requires_action"), ("wait", "pending")] {
            let mut order = order(&format!("PEDIDO-{script}"));
            order["description"] = json!(script);
            let created = api.post("/v1/payments", script, &order).await;
            assert_eq!((created.status, created.member("status")), (201, status), "{}", created.text);
            let kept = async || {
                let again = api.post("/v1/payments", script, &order).await;
                assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"), "{}", again.text);
                assert_eq!(again.text, created.text);
            };
            kept().await;
            if script == "wait" {
                continue;
            }
            let path = format!("/v1/payments/{}/cancel", created.member("id"));
            let cancelled = api.act(&path, &format!("{script}-2")).await;
            assert_eq!((cancelled.status, cancelled.member("status")), (200, "cancelled"), "{}", cancelled.text);
            kept().await;
        }
    }

    async fn a_refused_request_leaves_its_key_free(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let mut broken = order("PEDIDO-1");
        broken["amount"] = json!(0);
        api.post("/v1/payments", "k1", &broken).await.problem(422, "invalid_amount");
        let mended = api.post("/v1/payments", "k1", &order("PEDIDO-1")).await;
        assert_eq!(mended.status, 201, "{}", mended.text);
    }

    async fn a_refusal_of_the_provider_is_told_and_kept(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let cases = [("refuse", 502, "config_error", "contact"), ("decline", 402, "card_declined", "change_instrument")];
        for (script, status, code, advice) in cases {
            let mut scripted = order(&format!("PEDIDO-{script}"));
            scripted["description"] = json!(script);
            let refused = api.post("/v1/payments", script, &scripted).await;
            refused.problem(status, code);
            assert_eq!(refused.json["provider"], ID);
            assert_eq!(refused.json["provider_code"], "P-77");
            assert_eq!(refused.json["advice"], advice);
            assert_eq!(refused.json["instance"], "/v1/payments");
            let payment = api.get(&format!("/v1/payments/{}", refused.member("payment_id"))).await;
            assert_eq!((payment.member("status"), &payment.json["pay_url"]), ("failed", &Value::Null));
            assert_eq!(payment.json["failure"]["code"], code);

            let again = api.post("/v1/payments", script, &scripted).await;
            again.problem(status, code);
            assert_eq!(again.header("idempotent-replayed"), "true");
            assert_eq!(again.json["payment_id"], refused.json["payment_id"]);
            assert_ne!(again.json["request_id"], refused.json["request_id"]);
        }
    }

    async fn a_provider_that_cannot_be_reached_leaves_nothing_payable(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let mut calling = order("PEDIDO-1");
        calling["description"] = json!("call");
        let lost = api.post("/v1/payments", "k1", &calling).await;
        lost.problem(502, "provider_unreachable");
        let payment = api.get(&format!("/v1/payments/{}", lost.member("payment_id"))).await;
        assert_eq!((payment.member("status"), &payment.json["pay_url"]), ("failed", &Value::Null));
    }

    async fn a_key_whose_request_is_running_waits(database: TestDatabase) {
        let provider = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base_url = format!("http://{}/", provider.local_addr().expect("an address"));
        let accounts = vec![account("papel", "tienda", ID, &base_url)];
        let hub = hub_with(&database, settings(accounts), vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let mut calling = order("PEDIDO-1");
        calling["description"] = json!("call");

        let first = tokio::spawn({
            let (api, calling) = (api.clone(), calling.clone());
            async move { api.post("/v1/payments", "k1", &calling).await }
        });
        let (call, _) = provider.accept().await.expect("the provider is called");
        let running = api.post("/v1/payments", "k1", &calling).await;
        running.problem(409, "idempotency_running");
        assert_eq!(running.header("retry-after"), "1");
        let other = api.post("/v1/payments", "k1", &order("PEDIDO-2")).await;
        other.problem(422, "idempotency_key_reused");
        let same_order = api.post("/v1/payments", "k2", &calling).await;
        same_order.problem(409, "reference_used");
        assert_eq!(api.get("/v1/payments").await.json["data"].as_array().map(Vec::len), Some(1));

        drop((call, provider));
        first.await.expect("no panic").problem(502, "provider_unreachable");
        let after = api.post("/v1/payments", "k1", &calling).await;
        after.problem(502, "provider_unreachable");
        assert_eq!(after.header("idempotent-replayed"), "true");
    }

    async fn a_caller_who_hangs_up_changes_nothing(database: TestDatabase) {
        let provider = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base_url = format!("http://{}/", provider.local_addr().expect("an address"));
        let accounts = vec![account("papel", "tienda", ID, &base_url)];
        let hub = hub_with(&database, settings(accounts), vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let mut calling = order("PEDIDO-1");
        calling["description"] = json!("call");

        let first = tokio::spawn({
            let (api, calling) = (api.clone(), calling.clone());
            async move { api.post("/v1/payments", "k1", &calling).await }
        });
        let (call, _) = provider.accept().await.expect("the provider is called");
        first.abort();
        assert!(first.await.is_err(), "the caller has hung up");
        drop((call, provider));
        let answer = testing::until(std::time::Duration::from_secs(10), async || {
            let answer = api.post("/v1/payments", "k1", &calling).await;
            (answer.json["code"] != "idempotency_running").then_some(answer)
        })
        .await;
        answer.problem(502, "provider_unreachable");
        assert_eq!(answer.header("idempotent-replayed"), "true", "the answer was kept for the caller to come back");
    }

    async fn an_open_payment_is_cancelled_once(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let created = api.post("/v1/payments", "k1", &order("PEDIDO-1")).await;
        let path = format!("/v1/payments/{}/cancel", created.member("id"));
        let cancelled = api.act(&path, "k2").await;
        assert_eq!((cancelled.status, cancelled.member("status")), (200, "cancelled"));
        assert_eq!(cancelled.json["pay_url"], Value::Null);
        let again = api.act(&path, "k2").await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
        assert_eq!(again.text, cancelled.text);
        let anew = api.post(&path, "k3", &json!({})).await;
        assert_eq!((anew.status, anew.member("status")), (200, "cancelled"));
        let events = api.get("/v1/events?type=payment.cancelled").await;
        assert_eq!(events.json["data"].as_array().map(Vec::len), Some(1));

        let mut declined = order("PEDIDO-2");
        declined["description"] = json!("decline");
        let failed = api.post("/v1/payments", "k4", &declined).await;
        let answer = api.act(&format!("/v1/payments/{}/cancel", failed.member("payment_id")), "k5").await;
        answer.problem(409, "payment_not_open");
        // The same key on another payment is another request.
        api.act(&format!("/v1/payments/{}/cancel", failed.member("payment_id")), "k2").await.problem(422, "idempotency_key_reused");
    }

    async fn a_payment_is_asked_for_when_the_merchant_says_so(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let created = api.post("/v1/payments", "k1", &order("PEDIDO-1")).await;
        let id = created.member("id");
        let asked = api.act(&format!("/v1/payments/{id}/ask"), "k2").await;
        assert_eq!((asked.status, asked.member("id"), asked.member("status")), (200, id, "requires_action"));
        let unknown = format!("/v1/payments/pay_{}/ask", "0".repeat(32));
        api.act(&unknown, "k3").await.problem(404, "not_found");
        let mut declined = order("PEDIDO-2");
        declined["description"] = json!("decline");
        let failed = api.post("/v1/payments", "k4", &declined).await;
        let told = api.act(&format!("/v1/payments/{}/ask", failed.member("payment_id")), "k5").await;
        assert_eq!((told.status, told.member("status")), (200, "failed"), "there is nobody to ask");
    }

    async fn a_payment_that_did_not_end_partly_paid_has_no_rest(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let created = api.post("/v1/payments", "k1", &order("PEDIDO-1")).await;
        let path = format!("/v1/payments/{}/collect_rest", created.member("id"));
        api.act(&path, "k2").await.problem(409, "no_rest");
        let unknown = format!("/v1/payments/pay_{}/collect_rest", "0".repeat(32));
        api.act(&unknown, "k3").await.problem(404, "not_found");
    }

    async fn lists_go_by_pages_in_both_directions(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        for number in 1..=7 {
            hub.clock.advance(SignedDuration::from_mins(1));
            let created = api.post("/v1/payments", &format!("k{number}"), &order(&format!("PEDIDO-{number}"))).await;
            assert_eq!(created.status, 201, "{}", created.text);
        }
        let page = async |query: &str| {
            let answer = api.get(&format!("/v1/payments?{query}")).await;
            assert_eq!((answer.status, answer.member("object")), (200, "list"), "{}", answer.text);
            let entries = answer.json["data"].as_array().expect("a list").clone();
            let references: Vec<_> = entries.iter().map(|entry| entry["reference"].as_str().expect("text").replace("PEDIDO-", "")).collect();
            let edge = |entry: Option<&Value>| entry.and_then(|entry| entry["id"].as_str()).unwrap_or_default().to_owned();
            (references.concat(), answer.json["has_more"] == json!(true), edge(entries.first()), edge(entries.last()))
        };
        let (first, more, _, last_id) = page("limit=3").await;
        assert_eq!((first.as_str(), more), ("765", true));
        let (second, more, second_first_id, last_id) = page(&format!("limit=3&starting_after={last_id}")).await;
        assert_eq!((second.as_str(), more), ("432", true));
        let (third, more, ..) = page(&format!("limit=3&starting_after={last_id}")).await;
        assert_eq!((third.as_str(), more), ("1", false));
        let (back, more, ..) = page(&format!("limit=2&ending_before={second_first_id}")).await;
        assert_eq!((back.as_str(), more), ("65", true));
        assert_eq!(page("reference=PEDIDO-4").await.0, "4");
        assert_eq!(page("status=approved").await.0, "");
        assert_eq!(page("status=requires_action&limit=2").await.0, "76");
        assert_eq!(page("created[gte]=2026-03-14T15:03:00Z&created[lt]=2026-03-14T15:05:00Z").await.0, "43");
        assert_eq!(page("created%5Bgte%5D=2026-03-14T10:06:00-05:00").await.0, "76");
    }
}
