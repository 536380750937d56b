//! Bad input: each is answered by a clear problem, and nothing changes.

mod support;

use std::sync::Arc;

use serde_json::{Value, json};
use support::paper::{Paper, UNWANTED_REFERENCE};
use support::{Api, FOREIGN_KEY, KEY, hub_on, order, serve};
use testing::TestDatabase;

/// What a story begins with: a hub served, one payment there already.
async fn begin(database: &TestDatabase) -> (Api, Api) {
    let hub = hub_on(database, vec![Arc::new(Paper)]).await;
    let base = serve(&hub).await;
    let api = Api::new(&base, KEY);
    let first = api.post("/v1/payments", "first", &order("PEDIDO-1")).await;
    assert_eq!(first.status, 201, "{}", first.text);
    (api, Api::new(&base, FOREIGN_KEY))
}

/// An order with one change.
fn order_with(change: impl FnOnce(&mut Value)) -> Value {
    let mut order = order("PEDIDO-2");
    change(&mut order);
    order
}

testing::both_databases! {
    async fn json_that_cannot_be_read_is_refused_by_name(database: TestDatabase) {
        let (api, _) = begin(&database).await;
        let before = api.everything().await;
        let sound = order("PEDIDO-2").to_string();
        let nested = format!(r#"{{"reference":{}1{}}}"#, r#"{"a":"#.repeat(40), "}".repeat(40));
        let twice = sound.replacen('{', r#"{"amount":1,"#, 1);
        let twice_inside = sound.replace(r#""ip""#, r#""ip":"198.51.100.1","ip""#);
        let table: Vec<(Vec<u8>, u16, &str, Option<&str>)> = vec![
            (b"".to_vec(), 400, "malformed_json", None),
            (b"{".to_vec(), 400, "malformed_json", None),
            (sound.clone().into_bytes()[..sound.len() - 1].to_vec(), 400, "malformed_json", None),
            (format!("{sound}{sound}").into_bytes(), 400, "malformed_json", None),
            (b"reference=PEDIDO-2&amount=1".to_vec(), 400, "malformed_json", None),
            (b"\xff\xfe{}".to_vec(), 400, "malformed_json", None),
            (twice.into_bytes(), 400, "duplicate_member", Some("amount")),
            (twice_inside.into_bytes(), 400, "duplicate_member", Some("shopper.ip")),
            (nested.into_bytes(), 400, "nested_too_deep", None),
            ("[".repeat(100_000).into_bytes(), 400, "wrong_type", None),
            (b"[]".to_vec(), 400, "wrong_type", None),
            (vec![b' '; 256 * 1024 + 1], 413, "body_too_large", None),
        ];
        for (index, (body, status, code, param)) in table.into_iter().enumerate() {
            let answer = api.post_bytes("/v1/payments", &format!("unread-{index}"), body).await;
            let told = answer.problem(status, code);
            assert!(param.is_none() || told == param, "{}", answer.text);
        }
        assert_eq!(api.everything().await, before);
    }

    async fn members_of_a_wrong_type_or_value_are_named(database: TestDatabase) {
        let (api, _) = begin(&database).await;
        let before = api.everything().await;
        let set = |name: &'static str, value: Value| order_with(move |order| order[name] = value);
        let table: Vec<(Value, u16, &str, &str)> = vec![
            (set("amount", json!(119_000.5)), 422, "invalid_amount", "amount"),
            (set("amount", json!(119_000.0)), 422, "invalid_amount", "amount"),
            (set("amount", json!("11900000")), 422, "invalid_amount", "amount"),
            (set("amount", json!(0)), 422, "invalid_amount", "amount"),
            (set("amount", json!(-1)), 422, "invalid_amount", "amount"),
            (set("amount", json!(9_007_199_254_740_992_i64)), 422, "invalid_amount", "amount"),
            (set("amount", json!(u64::MAX)), 422, "invalid_amount", "amount"),
            (set("amount", json!(null)), 422, "invalid_amount", "amount"),
            (set("currency", json!("XTS")), 422, "unknown_currency", "currency"),
            (set("currency", json!("cop")), 422, "unknown_currency", "currency"),
            (set("currency", json!(170)), 400, "wrong_type", "currency"),
            (set("currency", json!("USD")), 422, "no_account", "account"),
            (set("account", json!("papel-otra")), 422, "no_account", "account"),
            (set("account", json!("ninguna")), 422, "no_account", "account"),
            (set("reference", json!("")), 422, "invalid_value", "reference"),
            (set("reference", json!("x".repeat(65))), 422, "too_long", "reference"),
            (set("reference", json!("a\u{0}b")), 422, "invalid_value", "reference"),
            (set("reference", json!("PEDIDO-1")), 409, "reference_used", "reference"),
            (set("reference", json!(UNWANTED_REFERENCE)), 422, "invalid_value", "reference"),
            (set("reference", json!(42)), 400, "wrong_type", "reference"),
            (set("surprise", json!(1)), 400, "unknown_member", "surprise"),
            (set("taxes", json!({})), 400, "wrong_type", "taxes"),
            (set("taxes", json!([{ "kind": "tithe", "amount": 1 }])), 422, "invalid_value", "taxes[0].kind"),
            (set("taxes", json!([{ "kind": "ice", "amount": 0.5 }])), 422, "invalid_amount", "taxes[0].amount"),
            (set("taxes", json!([{ "kind": "ice", "amount": -1 }])), 422, "invalid_amount", "taxes[0].amount"),
            (set("taxes", json!([{ "kind": "ice" }])), 400, "missing_member", "taxes[0].amount"),
            (set("shopper", json!(["203.0.113.24", "x"])), 400, "wrong_type", "shopper"),
            (set("shopper", json!({ "ip": "here", "user_agent": "x" })), 422, "invalid_value", "shopper.ip"),
            (set("shopper", json!({ "ip": "203.0.113.24" })), 400, "missing_member", "shopper.user_agent"),
            (set("expires_at", json!("mañana")), 422, "invalid_value", "expires_at"),
            (set("expires_at", json!("2026-03-14T14:00:00Z")), 422, "invalid_order", ""),
            (set("expires_at", json!("2027-03-14T15:00:00Z")), 422, "invalid_value", "expires_at"),
            (set("return_url", json!("/orders/1")), 422, "invalid_value", "return_url"),
            (set("return_url", json!("javascript:alert(1)")), 422, "invalid_value", "return_url"),
            (set("language", json!("fr")), 422, "invalid_value", "language"),
        ];
        for (index, (body, status, code, param)) in table.into_iter().enumerate() {
            let answer = api.post("/v1/payments", &format!("wrong-{index}"), &body).await;
            let told = answer.problem(status, code).unwrap_or_default();
            assert_eq!(told, param, "{body}: {}", answer.text);
        }
        assert_eq!(api.everything().await, before);
    }

    async fn several_faults_are_told_at_once(database: TestDatabase) {
        let (api, _) = begin(&database).await;
        let broken = order_with(|order| {
            order["amount"] = json!(0);
            order["description"] = json!("x".repeat(251));
        });
        let answer = api.post("/v1/payments", "several", &broken).await;
        answer.problem(422, "invalid_order");
        let errors = answer.json["errors"].as_array().expect("a list");
        let told: Vec<_> = errors.iter().map(|error| (error["param"].as_str(), error["code"].as_str())).collect();
        let expected = [(Some("description"), Some("too_long")), (Some("amount"), Some("invalid_amount"))];
        assert_eq!(told, expected, "{}", answer.text);
    }

    async fn a_body_of_another_kind_is_refused(database: TestDatabase) {
        let (api, _) = begin(&database).await;
        let before = api.everything().await;
        let headers = [
            ("content-type", "text/plain"),
            ("content-type", "application/json; charset=iso-8859-1"),
            ("x-nothing", "no content type at all"),
        ];
        for (name, value) in headers {
            let body = order("PEDIDO-2").to_string();
            let answer = api.send(api.request("/v1/payments", "kind").header(name, value).body(body)).await;
            answer.problem(415, "unsupported_media_type");
        }
        let request = api.request("/v1/payments", "kind").header("content-type", "application/json");
        let answer = api.send(request.header("content-encoding", "gzip").body("x")).await;
        answer.problem(415, "unsupported_media_type");
        assert_eq!(api.everything().await, before);
    }

    async fn every_post_needs_one_usable_idempotency_key(database: TestDatabase) {
        let (api, _) = begin(&database).await;
        let before = api.everything().await;
        let payment = before[0]["data"][0]["id"].as_str().expect("an id").to_owned();
        let paths = [
            "/v1/payments".to_owned(),
            format!("/v1/payments/{payment}/cancel"),
            "/v1/event_endpoints".to_owned(),
            format!("/v1/events/evt_{}/resend", "0".repeat(32)),
            format!("/v1/event_endpoints/whe_{}/test", "0".repeat(32)),
        ];
        let client = &api.client;
        for path in paths {
            let request = || client.post(api.url(&path)).bearer_auth(KEY);
            let missing = api.send(request()).await;
            assert_eq!(missing.problem(400, "idempotency_key_missing"), Some("Idempotency-Key"), "{path}");
            for key in ["", &"k".repeat(256)] {
                let answer = api.send(request().header("idempotency-key", key)).await;
                answer.problem(400, "idempotency_key_invalid");
            }
            let twice = request().header("idempotency-key", "a").header("idempotency-key", "b");
            api.send(twice).await.problem(400, "idempotency_key_invalid");
        }
        assert_eq!(api.everything().await, before);
    }

    async fn a_key_with_another_body_is_refused(database: TestDatabase) {
        let (api, other) = begin(&database).await;
        let before = api.everything().await;
        let answer = api.post("/v1/payments", "first", &order("PEDIDO-2")).await;
        assert_eq!(answer.problem(422, "idempotency_key_reused"), Some("Idempotency-Key"));
        // The same meaning in other bytes is another body.
        let respelt = serde_json::to_string_pretty(&order("PEDIDO-1")).expect("JSON");
        let answer = api.post_bytes("/v1/payments", "first", respelt.into_bytes()).await;
        answer.problem(422, "idempotency_key_reused");
        assert_eq!(api.everything().await, before);
        // Keys of another merchant are other keys.
        let foreign = other.post("/v1/payments", "first", &order("PEDIDO-2")).await;
        assert_eq!(foreign.status, 201, "{}", foreign.text);
    }

    async fn query_parameters_are_read_strictly(database: TestDatabase) {
        let (api, _) = begin(&database).await;
        let table = [
            ("/v1/payments?limit=0", "limit"),
            ("/v1/payments?limit=101", "limit"),
            ("/v1/payments?status=paid", "status"),
            ("/v1/payments?state=approved", "state"),
            ("/v1/payments?created[gte]=yesterday", "created[gte]"),
            ("/v1/events?created[lt]=yesterday", "created[lt]"),
            ("/v1/payments?created[gt]=2026-03-14T15:00:00Z", "created[gt]"),
            ("/v1/payments?reference=%00", "reference"),
            ("/v1/payments?starting_after=1", "starting_after"),
            ("/v1/events?type=payment.paid", "type"),
            ("/v1/events?payment=pay_1", "payment"),
            ("/v1/event_endpoints?limit=ten", "limit"),
        ];
        for (path, param) in table {
            assert_eq!(api.get(path).await.problem(400, "invalid_parameter"), Some(param), "{path}");
        }
    }

    async fn what_is_not_there_is_a_problem_too(database: TestDatabase) {
        let (api, _) = begin(&database).await;
        let nothing = "0".repeat(32);
        for path in [
            format!("/v1/payments/pay_{nothing}"),
            "/v1/payments/pay_1".to_owned(),
            "/v1/payments/%ff".to_owned(),
            format!("/v1/events/evt_{nothing}"),
            format!("/v1/event_endpoints/whe_{nothing}"),
            "/v1/refunds".to_owned(),
            "/v2/payments".to_owned(),
        ] {
            api.get(&path).await.problem(404, "not_found");
        }
        api.act(&format!("/v1/payments/pay_{nothing}/cancel"), "k1").await.problem(404, "not_found");
        api.act(&format!("/v1/events/evt_{nothing}/resend"), "k2").await.problem(404, "not_found");
        api.act(&format!("/v1/event_endpoints/whe_{nothing}/test"), "k3").await.problem(404, "not_found");
        api.delete(&format!("/v1/event_endpoints/whe_{nothing}")).await.problem(404, "not_found");
        let answer = api.delete("/v1/payments").await;
        answer.problem(405, "method_not_allowed");
        assert!(answer.header("allow").contains("POST"), "{:?}", answer.headers);
    }

    async fn an_action_takes_no_body_but_an_empty_object(database: TestDatabase) {
        let (api, _) = begin(&database).await;
        let before = api.everything().await;
        let payment = before[0]["data"][0]["id"].as_str().expect("an id").to_owned();
        let path = format!("/v1/payments/{payment}/cancel");
        let answer = api.post(&path, "body", &json!({ "reason": "none" })).await;
        assert_eq!(answer.problem(400, "unknown_member"), Some("reason"));
        let answer = api.send(api.request(&path, "body").body("please")).await;
        answer.problem(415, "unsupported_media_type");
        assert_eq!(api.everything().await, before);
    }

    async fn addresses_that_events_cannot_go_to_are_refused(database: TestDatabase) {
        let (api, _) = begin(&database).await;
        let before = api.everything().await;
        let long = format!("https://tienda.example/{}", "x".repeat(2048));
        for url in ["", "tienda.example", "ftp://tienda.example/", "https://a:b@tienda.example/", "https://tienda.example/#a", &long] {
            let answer = api.post("/v1/event_endpoints", "url", &json!({ "url": url })).await;
            assert_eq!(answer.problem(422, "invalid_value"), Some("url"), "{url}");
        }
        assert_eq!(api.everything().await, before);
    }
}
