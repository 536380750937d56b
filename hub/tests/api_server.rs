//! What surrounds the API: notices, health, metrics, the followed clock, the end.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hub::heartbeat::Worker;
use hub::server;
use serde_json::{Value, json};
use support::paper::{ID, Paper};
use support::{Api, KEY, account, hub_on, hub_with, order, serve, settings};
use testing::TestDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Posts a notice and gives status and body.
async fn notify(api: &Api, path: &str, body: Vec<u8>) -> (u16, String) {
    let answer = api.send(api.client.post(api.url(path)).body(body)).await;
    (answer.status, answer.text)
}

testing::both_databases! {
    async fn a_notice_is_answered_as_its_protocol_wants(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let path = "/notices/paper/papel";
        assert_eq!(notify(&api, path, b"genuine".to_vec()).await, (200, "TAKEN".to_owned()));
        assert_eq!(notify(&api, path, b"forged".to_vec()).await, (401, "REFUSED".to_owned()));
        assert_eq!(notify(&api, path, vec![]).await, (401, "REFUSED".to_owned()));
        assert_eq!(notify(&api, "/notices/paper/papel/a/route", b"genuine".to_vec()).await.0, 200);
        // A reader that panics is kept as unreadable, and the hub goes on.
        assert_eq!(notify(&api, path, b"panic".to_vec()).await, (401, "REFUSED".to_owned()));
        assert_eq!(notify(&api, path, b"genuine".to_vec()).await.0, 200);
        let kept = hub.store.latest_notices("tienda", 10).await.expect("notices");
        let verdicts: Vec<_> = kept.iter().rev().map(|notice| notice.verdict.as_str()).collect();
        let mut sorted = verdicts.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["forged", "forged", "unknown_reference", "unknown_reference", "unknown_reference", "unreadable"]);
        assert!(kept.iter().all(|notice| notice.peer == "127.0.0.1"));
    }

    async fn notices_without_an_address_or_beyond_the_limit_are_refused(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        for path in ["/notices/paper/ninguna", "/notices/other/papel", "/notices/paper"] {
            assert_eq!(notify(&api, path, b"genuine".to_vec()).await.0, 404, "{path}");
        }
        assert_eq!(notify(&api, "/notices/paper/papel", vec![b'x'; 64 * 1024 + 1]).await.0, 413);
        assert_eq!(hub.store.latest_notices("tienda", 10).await.expect("notices").len(), 0);
    }

    async fn a_notice_that_cannot_be_kept_is_not_acknowledged(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        hub.store.close().await;
        let request = api.client.post(api.url("/notices/paper/papel")).body("genuine");
        let answer = api.send(request).await;
        answer.problem(503, "database_unavailable");
        assert_eq!(answer.header("retry-after"), "5");
        api.get("/v1/payments").await.problem(503, "database_unavailable");
        let post = api.post("/v1/payments", "k1", &order("PEDIDO-1")).await;
        post.problem(503, "database_unavailable");
        assert_eq!(post.header("retry-after"), "1");
        assert_eq!(api.get("/healthz").await.status, 200);
        let ready = api.get("/readyz").await;
        assert_eq!((ready.status, ready.member("database")), (503, "unreachable"));
    }

    async fn the_peer_of_a_notice_is_believed_of_trusted_proxies_only(database: TestDatabase) {
        let mut behind_a_proxy = settings(vec![account("papel", "tienda", ID, "http://127.0.0.1:1/")]);
        behind_a_proxy.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
        let hub = hub_with(&database, behind_a_proxy, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let request = api.client.post(api.url("/notices/paper/papel")).body("genuine");
        assert_eq!(api.send(request.header("x-forwarded-for", "8.8.8.8, 198.51.100.7")).await.status, 200);
        let kept = hub.store.latest_notices("tienda", 10).await.expect("notices");
        assert_eq!(kept[0].peer, "198.51.100.7");
        // Metrics tell of money: a client from outside does not see them.
        let outside = api.client.get(api.url("/metrics")).header("x-forwarded-for", "8.8.8.8");
        api.send(outside).await.problem(404, "not_found");
    }

    async fn health_and_metrics_are_told(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        assert_eq!(api.get("/healthz").await.json, json!({ "status": "alive" }));
        let ready = api.get("/readyz").await;
        assert_eq!((ready.status, ready.json), (200, json!({ "status": "ready", "database": "ok", "schema": "ok", "workers": {}, "clock": "unknown" })));
        api.post("/v1/payments", "k1", &order("PEDIDO-1")).await;
        hub.clock.advance(jiff::SignedDuration::from_secs(100));
        let metrics = api.get("/metrics").await;
        assert!(metrics.header("content-type").starts_with("text/plain"));
        for line in [
            "caudal_payments_pending{provider=\"paper\",age_bucket=\"under_5m\"} 1",
            // COP 119000.00 for 100 seconds.
            "caudal_money_at_risk{provider=\"paper\",currency=\"COP\"} 11900000.00",
        ] {
            assert!(metrics.text.lines().any(|told| told == line), "{line} in\n{}", metrics.text);
        }
        let measured = "caudal_http_request_duration_seconds_count{method=\"POST\",route=\"/v1/payments\",status=\"201\"}";
        assert!(metrics.text.contains(measured), "{}", metrics.text);
        assert!(!metrics.text.contains("PEDIDO-1"));
    }

    async fn every_answer_has_a_fresh_request_id_and_strict_headers(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let mut ids = std::collections::BTreeSet::new();
        for path in ["/v1/payments", "/healthz", "/nothing", "/openapi.json", "/llms.txt", "/problems/not_found"] {
            let answer = api.get(path).await;
            assert!(answer.header("request-id").starts_with("req_"), "{path}");
            assert!(ids.insert(answer.header("request-id").to_owned()), "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    }

    async fn business_time_follows_only_where_it_is_told_to(database: TestDatabase) {
        let plain = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&plain).await, KEY);
        api.get("/_clock").await.problem(404, "not_found");

        let follow: url::Url = "http://127.0.0.1:1/".parse().expect("an address");
        let mut production = settings(vec![]);
        (production.is_production, production.clock_follow) = (true, Some(follow.clone()));
        let hub = hub_with(&database, production, vec![]).await;
        Api::new(&serve(&hub).await, KEY).get("/_clock").await.problem(404, "not_found");

        let mut following = settings(vec![account("papel", "tienda", ID, "http://127.0.0.1:1/")]);
        following.clock_follow = Some(follow);
        let hub = hub_with(&database, following, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let still = json!({ "now": "2026-03-14T15:00:00Z", "next_due_at": null, "idle": true });
        assert_eq!(api.get("/_clock").await.json, still);
        api.post("/v1/payments", "k1", &order("PEDIDO-1")).await;
        let waiting = api.get("/_clock").await;
        let next_due_at = waiting.member("next_due_at");
        assert!(next_due_at.starts_with("2026-03-14T15:05:"), "five minutes and a little chance: {next_due_at}");
        assert_eq!(waiting.json["idle"], json!(true));
        let step = json!({ "offset_us": 600_000_000_i64, "now": "2026-03-14T15:10:00Z" });
        let moved = api.post("/_clock", "", &step).await;
        assert_eq!((&moved.json["now"], &moved.json["idle"]), (&json!("2026-03-14T15:10:00Z"), &json!(false)));
        let back = api.post("/_clock", "", &json!({ "offset_us": 0, "now": "2026-03-14T15:00:00Z" })).await;
        assert_eq!(back.json["now"], "2026-03-14T15:10:00Z", "business time never goes back");
    }

    async fn a_worker_that_is_silent_is_told_by_readiness(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let shutdown = CancellationToken::new();
        let workers = tokio::spawn(hub::workers::run(Arc::clone(&hub), shutdown.clone()));
        let all_well = json!({ "delivery": "ok", "probe": "ok", "sweep": "ok" });
        testing::until(Duration::from_secs(10), async || {
            let ready = api.get("/readyz").await;
            (ready.status == 200 && ready.json["workers"] == all_well).then_some(())
        })
        .await;
        shutdown.cancel();
        workers.await.expect("the workers end");

        let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).expect("the machine ran a minute ago");
        hub.heartbeat.beat(Worker::Delivery, long_ago, Duration::from_secs(1));
        let ready = api.get("/readyz").await;
        assert_eq!((ready.status, ready.member("status")), (503, "not_ready"));
        assert_eq!(ready.json["workers"], json!({ "delivery": "silent", "probe": "ok", "sweep": "ok" }));
        hub.heartbeat.beat(Worker::Delivery, Instant::now(), Duration::from_secs(1));
        assert_eq!(api.get("/readyz").await.status, 200);
    }

    async fn a_hub_that_is_told_to_end_says_so_and_takes_requests_for_a_while(database: TestDatabase) {
        let mut patient = settings(vec![account("papel", "tienda", ID, "http://127.0.0.1:1/")]);
        patient.drain_ms = 2_000;
        let hub = hub_with(&database, patient, vec![Arc::new(Paper)]).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(server::serve(Arc::clone(&hub), listener, shutdown.clone()));
        let api = Api::new(&base.parse().expect("an address"), KEY);
        assert_eq!(api.get("/readyz").await.status, 200);
        assert_eq!(api.get("/v1/payments").await.header("connection"), "");

        let told = Instant::now();
        shutdown.cancel();
        testing::until(Duration::from_secs(1), async || {
            let ready = api.get("/readyz").await;
            (ready.status == 503 && ready.member("status") == "draining").then_some(())
        })
        .await;
        let listed = api.get("/v1/payments").await;
        assert_eq!((listed.status, listed.header("connection")), (200, "close"));
        serving.await.expect("the server ends").expect("well");
        assert!(told.elapsed() >= Duration::from_secs(2), "{:?}", told.elapsed());
        assert!(TcpStream::connect(base.trim_start_matches("http://")).await.is_err(), "nobody listens");
    }

    async fn shutdown_finishes_what_is_under_way(database: TestDatabase) {
        let provider = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base_url = format!("http://{}/", provider.local_addr().expect("an address"));
        let accounts = vec![account("papel", "tienda", ID, &base_url)];
        let hub = hub_with(&database, settings(accounts), vec![Arc::new(Paper)]).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(server::serve(Arc::clone(&hub), listener, shutdown.clone()));
        let api = Api::new(&format!("http://{address}").parse().expect("an address"), KEY);
        let mut calling = order("PEDIDO-1");
        calling["description"] = json!("call");
        let request = tokio::spawn(async move { api.post("/v1/payments", "k1", &calling).await });
        let (mut call, _) = provider.accept().await.expect("the provider is called");

        shutdown.cancel();
        let mut head = [0; 16];
        call.read_exact(&mut head).await.expect("the call's head");
        call.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.expect("answered");
        let answer = request.await.expect("no panic");
        assert_eq!((answer.status, answer.member("status")), (201, "requires_action"), "{}", answer.text);
        let ended = tokio::time::timeout(Duration::from_secs(10), serving).await;
        ended.expect("in time").expect("no panic").expect("an orderly end");
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }

    async fn what_is_no_http_is_answered_without_harm(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let base = serve(&hub).await;
        let address = base.socket_addrs(|| None).expect("an address")[0];
        for bytes in [&b"\x16\x03\x01\x02\x00"[..], b"GET\r\n\r\n", b"POST /v1/payments HTTP/1.1\r\ncontent-length: x\r\n\r\n"] {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            stream.write_all(bytes).await.expect("sent");
            stream.shutdown().await.expect("half closed");
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
        }
        let api = Api::new(&base, KEY);
        assert_eq!(api.get("/healthz").await.status, 200);
        assert_eq!(api.everything().await[0]["data"], Value::Array(vec![]));
    }
}
