//! Master keys are changed while the hub serves: nothing sealed is lost, and the old key can go.

mod support;

use std::sync::Arc;

use hub::flow::{KeyUse, key_use, rotate_keys};
use hub::store::Store;
use hub::vault::Vault;
use hub::{Clock, Hub, Providers};
use secrecy::SecretString;
use support::paper::Paper;
use support::{Api, KEY, account, order, paper, serve, settings, start};
use testing::TestDatabase;
use url::Url;

/// Payments of a story: with their endpoint and notices more than one batch.
const PAYMENTS: usize = 130;

fn keys(digits: &str) -> SecretString {
    let lines: Vec<String> = digits.chars().map(|digit| digit.to_string().repeat(64)).collect();
    SecretString::from(lines.join("\n"))
}

/// A hub with a ring of these keys, newest first, on a database that others use too.
async fn hub_with_keys(database: &TestDatabase, digits: &str) -> Arc<Hub> {
    let store = Store::connect(&database.url).await.expect("a store");
    store.migrate().await.expect("the schema");
    let account = account("papel", "tienda", paper::ID, "http://127.0.0.1:1/");
    let settings = hub::Settings { master_key: keys(digits), ..settings(vec![account]) };
    Hub::new(settings, Providers::new(vec![Arc::new(Paper)]), Clock::frozen(start()), store).expect("a hub")
}

async fn uses(hub: &Hub, digits: &str) -> KeyUse {
    key_use(&hub.store, &Vault::new(&keys(digits)).expect("a ring")).await.expect("counted")
}

/// The path and query of an address, for a hub on another port.
fn path_of(url: &str) -> String {
    url.parse::<Url>().expect("an address").path().to_owned()
}

async fn notify(base: &Url, body: String) {
    let url = base.join("/notices/paper/papel").expect("an address");
    let posted = Api::new(base, KEY).client.post(url).body(body).send().await.expect("an answer");
    assert!(posted.status().as_u16() < 500, "{}", posted.status());
}

testing::both_databases! {
    async fn keys_are_changed_while_the_hub_serves_and_the_old_one_can_go(database: TestDatabase) {
        // What the first key sealed: answers, a secret, notices.
        let old = hub_with_keys(&database, "1").await;
        let base = serve(&old).await;
        let api = Api::new(&base, KEY);
        let wanted = serde_json::json!({ "url": "http://127.0.0.1:1/events" });
        let endpoint = api.post("/v1/event_endpoints", "endpoint", &wanted).await;
        assert_eq!(endpoint.status, 201, "{}", endpoint.text);
        let (mut first_answers, mut cancellations) = (Vec::new(), Vec::new());
        for number in 0..PAYMENTS {
            let answer = api.post("/v1/payments", &format!("key-{number}"), &order(&format!("PEDIDO-{number}"))).await;
            assert_eq!(answer.status, 201, "{}", answer.text);
            let cancellation = format!("/v1/payments/{}/cancel", answer.member("id"));
            first_answers.push(answer.text);
            let cancelled = api.act(&cancellation, &format!("cancel-{number}")).await;
            assert_eq!(cancelled.status, 200, "{}", cancelled.text);
            cancellations.push((cancellation, cancelled.text));
            notify(&base, format!("{{\"aviso\":{number}}}")).await;
        }
        let sealed = uses(&old, "1").await;
        assert!(sealed.current > 260 && sealed.older == 0 && sealed.unknown == 0, "{sealed:?}");

        // The new key comes first: it seals what is new, and the old one still opens.
        let both = hub_with_keys(&database, "21").await;
        let base = serve(&both).await;
        let api = Api::new(&base, KEY);
        let replayed = api.post("/v1/payments", "key-0", &order("PEDIDO-0")).await;
        assert_eq!(replayed.text, first_answers[0], "the same key gives the same answer");
        let (cancellation, told) = &cancellations[0];
        assert_eq!(api.act(cancellation, "cancel-0").await.text, *told, "one that is sealed too");
        api.post("/v1/payments", "key-0", &order("OTRO")).await.problem(422, "idempotency_key_reused");
        assert_eq!(uses(&both, "21").await, KeyUse { current: 0, older: sealed.current, unknown: 0 });

        // The change of keys goes on beside those who write.
        let vault = Vault::new(&keys("21")).expect("a ring");
        let writing = async {
            for number in 0..20 {
                let answer = api.post("/v1/payments", &format!("new-{number}"), &order(&format!("NUEVO-{number}"))).await;
                assert_eq!(answer.status, 201, "{}", answer.text);
                let path = format!("/v1/payments/{}/cancel", answer.member("id"));
                assert_eq!(api.act(&path, &format!("end-{number}")).await.status, 200);
            }
        };
        let (rotated, ()) = tokio::join!(rotate_keys(&both.store, &vault), writing);
        let rotated = rotated.expect("rotated");
        assert_eq!((rotated.rewrapped, rotated.unopened), (sealed.current, 0), "{rotated:?}");
        assert_eq!(uses(&both, "21").await, KeyUse { current: sealed.current + 20, older: 0, unknown: 0 });
        let again = rotate_keys(&both.store, &vault).await.expect("rotated");
        assert_eq!(again.rewrapped, 0, "what is done is not done twice");

        // While the old key stands in the ring, old addresses of pages hold and old keys are known.
        let status_url = serde_json::from_str::<serde_json::Value>(&first_answers[1]).expect("JSON");
        let status_path = path_of(status_url["status_url"].as_str().expect("an address"));
        assert_eq!(api.get(&status_path).await.status, 200);
        assert_eq!(api.post("/v1/payments", "key-1", &order("PEDIDO-1")).await.text, first_answers[1]);
        let (cancellation, told) = &cancellations[1];
        assert_eq!(api.act(cancellation, "cancel-1").await.text, *told);

        // Without the old key everything sealed still opens; its fingerprints and addresses have ended with it.
        let new = hub_with_keys(&database, "2").await;
        let base = serve(&new).await;
        let api = Api::new(&base, KEY);
        let again = api.post("/v1/event_endpoints", "endpoint", &wanted).await;
        again.problem(422, "idempotency_key_reused");
        assert_eq!(api.post("/v1/payments", "new-0", &order("NUEVO-0")).await.status, 201);
        for notice in new.store.latest_notices("tienda", 500).await.expect("notices") {
            let sealed = new.store.sealed_notice_body("tienda", notice.id.as_str()).await.expect("read");
            let body = new.vault.open(&format!("notice/body/{}", notice.id), &sealed.expect("kept")).expect("it opens");
            assert!(body.starts_with(b"{\"aviso\":"));
        }
        let id = endpoint.member("id").parse().expect("an id");
        let target = new.store.delivery_target("tienda", &id).await.expect("read").expect("an endpoint");
        new.vault.open(&format!("event_endpoint/secret/{id}"), &target.sealed_secret).expect("the secret opens");
        assert_eq!(api.get(&status_path).await.status, 404);
    }

    async fn a_change_of_keys_that_is_stopped_midway_is_finished_by_the_next_one(database: TestDatabase) {
        let old = hub_with_keys(&database, "1").await;
        let base = serve(&old).await;
        for number in 0..3 * PAYMENTS {
            notify(&base, format!("{{\"aviso\":{number}}}")).await;
        }
        let sealed = uses(&old, "21").await.older;
        let vault = Vault::new(&keys("21")).expect("a ring");
        // As soon as a batch is over, the change is dropped where it stands.
        tokio::select! {
            rotated = rotate_keys(&old.store, &vault) => panic!("it was not stopped: {rotated:?}"),
            () = async { while uses(&old, "21").await.current == 0 {} } => {}
        }
        let midway = uses(&old, "21").await;
        assert!(midway.older > 0 && midway.current + midway.older == sealed && midway.unknown == 0, "{midway:?}");
        let rest = rotate_keys(&old.store, &vault).await.expect("rotated");
        assert_eq!((rest.rewrapped, rest.unopened), (midway.older, 0));
        assert_eq!(uses(&old, "2").await, KeyUse { current: sealed, older: 0, unknown: 0 });
    }

    async fn what_no_key_opens_is_left_and_told(database: TestDatabase) {
        let lost = hub_with_keys(&database, "1").await;
        let base = serve(&lost).await;
        notify(&base, "{}".to_owned()).await;
        let vault = Vault::new(&keys("23")).expect("a ring");
        let rotated = rotate_keys(&lost.store, &vault).await.expect("rotated");
        assert_eq!((rotated.rewrapped, rotated.unopened), (0, 1));
        assert_eq!(uses(&lost, "23").await, KeyUse { current: 0, older: 0, unknown: 1 });
        assert_eq!(uses(&lost, "1").await, KeyUse { current: 1, older: 0, unknown: 0 });
    }
}
