//! The demo as a person starts it: what it plants, what it keeps, and what it keeps to its owner.

mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;
use support::{Place, Running};
use url::Url;

/// Thirty payments, by where they stand once the providers' pages were left.
const PLANTED: [(&str, usize); 8] = [
    ("approved", 9),
    ("cancelled", 4),
    ("expired", 4),
    ("failed", 1),
    ("pending", 1),
    ("refunded", 1),
    ("rejected", 3),
    ("requires_action", 7),
];
/// By who is to charge them.
const BY_PROVIDER: [(&str, usize); 4] =
    [("avalpay", 12), ("carat_esitef", 6), ("etpay", 6), ("pagoefectivo", 6)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demo_plants_payments_with_every_provider_and_keeps_them_until_it_begins_anew() {
    let _story =
        testing::story("a_demo_plants_payments_with_every_provider_and_keeps_them_until_it_begins_anew");
    let place = Place::with("");
    let first = statuses_of(&place, &[]).await;
    assert_eq!(first.len(), 30, "{first:?}");
    assert_eq!(counted(first.values().map(|(status, _)| status)), PLANTED);
    assert_eq!(counted(first.values().map(|(_, provider)| provider)), BY_PROVIDER);

    // Read while it ran: nothing that it wrote holds a secret that the sandbox issued.
    testing::covers!("PE-44");
    let again = statuses_of(&place, &[]).await;
    assert_eq!(again, first, "the same payments, where they stood");
    let anew = statuses_of(&place, &["--fresh"]).await;
    assert_eq!(anew.len(), 30);
    assert!(anew.keys().all(|id| !first.contains_key(id)), "all of them are new");

    let mode = |name: &str| std::fs::metadata(place.path(name)).expect(name).permissions().mode() & 0o777;
    assert_eq!(mode("here"), 0o700);
    for key in ["here/master.key", "here/api.key", "here/console.password"] {
        assert_eq!(mode(key), 0o600, "{key}");
    }
}

/// What the sandbox issued that is secret: keys of accounts, at least as long as a key is.
async fn issued_secrets(client: &reqwest::Client, told: &Value) -> Vec<String> {
    let mut url: Url = told["steering"].as_str().and_then(|text| text.parse().ok()).expect("an address");
    url.set_ip_host([127, 0, 0, 1].into()).expect("an address");
    let asked = client.get(url.join("/_sandbox/accounts").expect("a path")).send().await;
    let accounts: Value = asked.expect("an answer").json().await.expect("JSON");
    let mut secrets = Vec::new();
    gather(&accounts, &mut secrets);
    secrets
}

fn gather(value: &Value, secrets: &mut Vec<String>) {
    const SECRET: [&str; 5] = ["secret_key", "access_key", "merchant_api_token", "tran_key", "merchant_key"];
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if SECRET.contains(&name.as_str()) => secrets.push(text.to_owned()),
                    _ => gather(member, secrets),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, secrets)),
        _ => {}
    }
}

fn counted<'a>(words: impl Iterator<Item = &'a String>) -> Vec<(&'a str, usize)> {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *counted.entry(word).or_default() += 1;
    }
    counted.into_iter().collect()
}

/// Starts a demo, reads its payments through the public API, and ends it.
async fn statuses_of(place: &Place, more: &[&str]) -> BTreeMap<String, (String, String)> {
    let arguments = [&["demo", "--json", "--port", "0", "--data", "here"], more].concat();
    let mut running = Running::start(place.command(&arguments));
    let line = tokio::task::block_in_place(|| running.line());
    let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    let mut url: Url = told["hub"].as_str().and_then(|text| text.parse().ok()).expect("an address");
    url.set_ip_host([127, 0, 0, 1].into()).expect("an address");
    let key = std::fs::read_to_string(place.path("here/api.key")).expect("the key");
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
    let asked = client.get(url.join("/v1/payments?limit=100").expect("a path")).bearer_auth(key.trim());
    let page: Value = asked.send().await.expect("an answer").json().await.expect("JSON");
    let kept = issued_secrets(&client, &told).await;
    assert!(kept.len() >= 9, "the sandbox has issued secrets: {}", kept.len());
    for entry in std::fs::read_dir(place.path("here")).expect("the directory") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file");
        for secret in &kept {
            let holds = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!holds, "{} holds a secret of a provider's account", path.display());
        }
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let payments = page["data"].as_array().expect("payments").iter();
    let statuses = payments
        .map(|payment| (text(&payment["id"]), (text(&payment["status"]), text(&payment["provider"]))))
        .collect();
    let ended = tokio::task::block_in_place(|| running.terminate());
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    statuses
}
