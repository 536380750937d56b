//! The program's parts as processes of their own: sandbox, hub and workers, from one configuration file.

mod support;

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use support::{MASTER_KEY, Place, Running};

/// SHA-256 of `sk_only_for_tests`.
const KEY: &str = "sk_only_for_tests";
const KEY_SHA256: &str = "8b3e6e3a2e0041c6ab31bc2be300804298754bfc04b690e700b33a515487e658";

testing::both_databases! {
    async fn a_hub_and_a_sandbox_of_their_own_take_an_order_to_its_expiry(database: testing::TestDatabase) {
        let place = Place::with("");
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
        let mut sandbox = Running::start(place.command(&["sandbox", "--port", "0", "--json"]));
        let told: Value = serde_json::from_str(&sandbox.line()).expect("a line of JSON");
        let steering = format!("http://{}", told["steering"].as_str().expect("an address"));
        let provider = format!("http://{}/", told["providers"][0]["address"].as_str().expect("an address"));
        let hub = free_address();

        let wanted = json!({
            "provider": "avalpay",
            "name": "main",
            "notification_url": format!("http://{hub}/notices/avalpay/main"),
        });
        let opened = post(&http, &format!("{steering}/_sandbox/accounts"), &wanted).await;
        let credential = |name: &str| opened["credentials"][name].as_str().expect(name).to_owned();
        place.write("master.key", MASTER_KEY, 0o600);
        place.write("secret.key", &credential("secret_key"), 0o600);
        let configuration = configuration(&hub, &database.url, &steering, &provider, &credential("login"));
        place.write("caudal.toml", &configuration, 0o600);
        place.run(&["doctor"]).succeeds();

        // The one that serves also works; another one that only works is no harm to it.
        let serving = Running::start(place.command(&["serve"]));
        let working = Running::start(place.command(&["work"]));
        let order = json!({
            "reference": "PEDIDO-1",
            "amount": 11_900_000,
            "currency": "COP",
            "shopper": { "ip": "203.0.113.24", "user_agent": "Prueba/1.0" },
        });
        let payments = format!("http://{hub}/v1/payments");
        testing::until(Duration::from_secs(30), async || {
            http.get(format!("http://{hub}/readyz")).send().await.ok().filter(|answer| answer.status().is_success())
        })
        .await;
        let created = http.post(&payments).bearer_auth(KEY).header("Idempotency-Key", "one").json(&order);
        let created = created.send().await.expect("an answer");
        assert_eq!(created.status(), 201, "{}", created.text().await.unwrap_or_default());
        let created: Value = created.json().await.expect("JSON");
        assert_eq!(created["status"], "requires_action", "{created}");

        post(&http, &format!("{steering}/_sandbox/clock/advance"), &json!({ "seconds": 40 * 60 })).await;
        let id = created["id"].as_str().expect("an id");
        testing::until(Duration::from_secs(20), async || {
            let asked = http.get(format!("{payments}/{id}")).bearer_auth(KEY).send().await.expect("an answer");
            let payment: Value = asked.json().await.expect("JSON");
            (payment["status"] == "expired").then_some(())
        })
        .await;
        for running in [working, serving, sandbox] {
            let ended = tokio::task::block_in_place(|| running.terminate());
            assert_eq!(ended.code, Some(0), "{}", ended.errors);
            assert!(!ended.errors.contains(KEY) && !ended.errors.contains(&credential("secret_key")));
        }
    }
}

#[test]
fn a_hub_whose_sandbox_is_not_there_says_so() {
    let place = Place::sound("[clock]\nfollow = \"http://127.0.0.1:1\"\n");
    place.run(&["serve"]).fails_with(3, &["clock.follow", "127.0.0.1:1", "start the sandbox first"]);
}

fn configuration(hub: &str, database: &str, steering: &str, provider: &str, login: &str) -> String {
    format!(
        "[hub]\nlisten = \"{hub}\"\npublic_url = \"http://{hub}\"\npoll_ms = 50\n\
         [database]\nurl = \"{database}\"\n[keys]\nmaster_key_file = \"master.key\"\n[clock]\nfollow = \"{steering}\"\n\
         [merchants.shop]\nname = \"Tienda de prueba\"\n\
         [[merchants.shop.api_keys]]\nname = \"test\"\nsha256 = \"{KEY_SHA256}\"\n\
         [accounts.main]\nmerchant = \"shop\"\nprovider = \"avalpay\"\nenvironment = \"test\"\nbase_url = \"{provider}\"\n\
         [accounts.main.settings]\nlogin = \"{login}\"\nsecret_key_file = \"secret.key\"\n"
    )
}

async fn post(http: &reqwest::Client, url: &str, body: &Value) -> Value {
    let answer = http.post(url).json(body).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{url}: {}", answer.text().await.unwrap_or_default());
    answer.json().await.expect("JSON")
}

/// An address that was free a moment ago.
fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.expect("a port").to_string()
}
