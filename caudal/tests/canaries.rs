//! A card number, followed through everything that the hub keeps and says: it is nowhere.
//!
//! An empty hunt counts only when the hunter finds: the same hunt is first made where the number was put on purpose, in
//! every place and in every writing.

#[path = "support/parties.rs"]
mod parties;
mod support;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hub::store::{SealedColumn, SealedRowKey, Store};
use hub::vault::Vault;
use parties::{Part, Provider, free_address};
use secrecy::SecretString;
use serde_json::{Value, json};
use support::business::{Business, KEY, id_of};
use support::{MASTER_KEY, Place, Running};
use testing::{DatabaseKind, TestDatabase};

/// No card's number: declared to the sandbox, which takes it for the test card beside it.
const CANARY: &str = "4110767777777775";
const CANARY_ID: &str = "canary-a";
const ACTS_AS: &str = "4110760000000081";
/// A security code that nobody has, hunted for where it stands by itself.
const CODE: &str = "73914";
/// A published card of the provider that has no page of its own.
const CARAT_ACTS_AS: &str = "4000000000000044";
/// Sealed values looked at at once: more than there are.
const ALL: u32 = 1000;

/// Everything that a merchant was told, as it came.
type Inbox = Arc<Mutex<Vec<String>>>;

/// The ways in which a number may stand in bytes.
fn writings(number: &str) -> Vec<(&'static str, Vec<u8>)> {
    let groups: Vec<&str> = (0..4).map(|group| &number[group * 4..group * 4 + 4]).collect();
    let each = |write: fn(u8) -> String| number.bytes().map(write).collect::<String>().into_bytes();
    let mut writings = vec![
        ("plain", number.as_bytes().to_vec()),
        ("with blanks", groups.join(" ").into_bytes()),
        ("with hyphens", groups.join("-").into_bytes()),
        ("percent signs", each(|digit| format!("%{digit:02x}"))),
        ("escapes of JSON", each(|digit| format!("\\u{digit:04x}"))),
        ("hex", each(|digit| format!("{digit:02x}"))),
        ("UTF-16", number.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("backwards", number.bytes().rev().collect()),
    ];
    // Base64 has three writings, by what stands before; what a neighbour shares is cut off.
    for (before, cut) in [("", 0), ("x", 2), ("xx", 3)] {
        let written = STANDARD_NO_PAD.encode(format!("{before}{number}"));
        writings.push(("base64", written.as_bytes()[cut..written.len() - 2].to_vec()));
    }
    writings
}

/// The writings in which a number stands in a place.
fn found(place: &[u8], number: &str) -> BTreeSet<&'static str> {
    let stands = |needle: &[u8]| place.windows(needle.len()).any(|window| window == needle);
    writings(number).into_iter().filter(|(_, needle)| stands(needle)).map(|(writing, _)| writing).collect()
}

/// Whether the code stands in a place by itself: beside other letters and digits it is a part of something else.
fn holds_code(place: &[u8]) -> bool {
    let is_apart = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    place.windows(CODE.len()).enumerate().any(|(at, window)| {
        let before = at.checked_sub(1).and_then(|before| place.get(before));
        window == CODE.as_bytes() && is_apart(before) && is_apart(place.get(at + CODE.len()))
    })
}

/// Everything that a hub has kept and said, by place.
async fn everything(
    place: &Place,
    database: &TestDatabase,
    inbox: &Inbox,
    log: &str,
) -> Vec<(String, Vec<u8>)> {
    let mut places = vec![("the log".to_owned(), log.as_bytes().to_vec())];
    places.push(("events".to_owned(), inbox.lock().expect("the inbox").join("\n").into_bytes()));
    let store = Store::connect(&database.url).await.expect("the database");
    let vault = Vault::new(&SecretString::from(MASTER_KEY)).expect("a key");
    for column in SealedColumn::ALL {
        let none = SealedRowKey::default();
        for row in store.sealed_otherwise(column, b"no key", &none, ALL).await.expect("rows") {
            let plain = vault.open(&column.place(&row.key), &row.sealed).expect("it opens");
            places.push((format!("sealed in {}", column.name()), plain));
        }
    }
    store.close().await;
    match database.kind {
        DatabaseKind::Sqlite => {
            let copy = place.path("copy-of-all");
            tokio::task::block_in_place(|| place.run(&["backup", "copy-of-all"])).succeeds();
            places.push(("the database".to_owned(), std::fs::read(copy).expect("the copy")));
        }
        DatabaseKind::Postgres => {
            let dump = Command::new("pg_dump").args(["--inserts", "--dbname", &database.url]).output();
            let dump = dump.expect("pg_dump runs");
            assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
            places.push(("the database".to_owned(), dump.stdout));
        }
    }
    places
}

async fn metrics(business: &Business) -> Vec<u8> {
    metrics_of(&business.http, &business.hub).await
}

async fn metrics_of(http: &reqwest::Client, hub: &str) -> Vec<u8> {
    let asked = http.get(format!("http://{hub}/metrics")).send().await.expect("an answer");
    asked.bytes().await.expect("a body").to_vec()
}

/// A hub with a merchant whose inbox is open. All that it logs is kept.
async fn open(database: &TestDatabase) -> (Business, Running, Inbox) {
    let business = Business::with(&database.url).await;
    let log = std::fs::File::create(business.place.path("hub.log")).expect("a log");
    let mut command = business.place.command(&["serve"]);
    command.env("CAUDAL_EVENTS__ALLOW_PRIVATE_TARGETS", "true").env("CAUDAL_LOG", "trace,h2=info,hyper=info");
    let serving = business.start_logging_to(command, Stdio::from(log)).await;
    let (inbox, url) = open_inbox().await;
    let endpoint = ask(&business, "/v1/event_endpoints", "endpoint", &json!({ "url": url })).await;
    assert_eq!(endpoint.status(), 201);
    (business, serving, inbox)
}

/// A merchant's inbox, with its address.
async fn open_inbox() -> (Inbox, String) {
    let inbox = Inbox::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/events", listener.local_addr().expect("an address"));
    let receive =
        async |State(inbox): State<Inbox>, body: String| inbox.lock().expect("the inbox").push(body);
    let router = Router::new().route("/events", post(receive)).with_state(Arc::clone(&inbox));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (inbox, url)
}

async fn ask(business: &Business, path: &str, key: &str, body: &Value) -> reqwest::Response {
    let request = business.http.post(format!("http://{}{path}", business.hub)).bearer_auth(KEY);
    request.header("Idempotency-Key", key).json(body).send().await.expect("an answer")
}

async fn until_told(inbox: &Inbox, word: &str) {
    testing::until(std::time::Duration::from_secs(20), async || {
        inbox.lock().expect("the inbox").iter().any(|event| event.contains(word)).then_some(())
    })
    .await;
}

testing::both_databases! {
    async fn the_hunter_finds_a_number_wherever_it_was_put(database: TestDatabase) {
        let (business, serving, inbox) = open(&database).await;
        // A reference may have as many digits as a card, and goes everywhere that an order goes.
        let payment = business.create(CANARY).await;
        business.cancel(&payment).await;
        until_told(&inbox, CANARY).await;
        let notice = business.http.post(format!("http://{}/notices/avalpay/main", business.hub)).body(CANARY);
        notice.send().await.expect("an answer");
        let mut seen = metrics(&business).await;
        assert!(found(&seen, CANARY).is_empty());
        seen.extend_from_slice(CANARY.as_bytes());
        assert_eq!(found(&seen, CANARY), ["plain"].into());
        assert_eq!(tokio::task::block_in_place(|| serving.terminate()).code, Some(0));
        let places = everything(&business.place, &database, &inbox, &format!("reference={CANARY}")).await;
        for place in ["the log", "events", "the database", "sealed in notice.sealed_body", "sealed in idempotency.sealed_body"] {
            let is_found = |(name, bytes): &(String, Vec<u8>)| name == place && found(bytes, CANARY).contains("plain");
            assert!(places.iter().any(is_found), "{place}");
        }
        for (writing, written) in writings(CANARY) {
            let place = [b"before ", written.as_slice(), b" behind"].concat();
            assert!(found(&place, CANARY).contains(writing), "{writing}");
        }
        for before in ["", "a", "ab"] {
            let place = STANDARD_NO_PAD.encode(format!("{before}{CANARY} and more"));
            assert_eq!(found(place.as_bytes(), CANARY), ["base64"].into(), "{before}");
        }
    }

    async fn a_card_number_reaches_nothing_that_the_hub_keeps_or_says(database: TestDatabase) {
        let (business, serving, inbox) = open(&database).await;
        business.declare_canary(CANARY_ID, CANARY, ACTS_AS).await;
        let payment = business.create("LIMPIO").await;

        // The shopper pays with it, and writes it into addresses.
        let result = business.pay_with(&payment, CANARY).await;
        assert!(business.come_back(&result).await.status().is_success());
        let status = payment["status_url"].as_str().expect("an address");
        for address in [format!("{status}?card={CANARY}"), format!("{status}/{CANARY}"), format!("http://{}/{CANARY}", business.hub)] {
            business.http.get(address).header("referer", format!("http://shop.example/{CANARY}")).send().await.expect("an answer");
        }

        // The merchant sends it where it does not belong.
        let spaced = "4110 7677 7777 7775";
        for (number, member) in [
            ("description", json!(format!("tarjeta {CANARY}"))),
            ("description", json!(spaced)),
            ("extra", json!([{ "keyword": "Tarjeta", "value": CANARY }])),
            ("items", json!([{ "name": spaced, "quantity": 1, "price": 11_900_000 }])),
            ("card", json!({ "number": CANARY })),
            ("metadata", json!({ "card": CANARY })),
        ].into_iter().enumerate() {
            let mut order = json!({
                "reference": format!("SUCIO-{number}"),
                "amount": 11_900_000,
                "currency": "COP",
                "shopper": { "ip": "203.0.113.24", "user_agent": "Prueba/1.0" },
            });
            order[member.0] = member.1;
            let answer = ask(&business, "/v1/payments", &format!("sucio-{number}"), &order).await;
            let status = answer.status();
            let text = answer.text().await.expect("a body");
            assert!(status == 422 || status == 400, "{status} {text}");
            assert!(found(text.as_bytes(), CANARY).is_empty(), "the answer does not repeat it: {text}");
        }
        let wrong = business.http.get(format!("http://{}/v1/payments?reference={CANARY}", business.hub));
        wrong.bearer_auth(CANARY).send().await.expect("an answer");

        until_told(&inbox, "payment.approved").await;
        assert_eq!(business.payment(id_of(&payment)).await["status"], "approved");
        let journal = business.journal().await;
        assert!(journal.contains(CANARY_ID), "the number arrived at the provider");
        assert!(found(journal.as_bytes(), CANARY).is_empty());
        let seen = metrics(&business).await;
        assert_eq!(tokio::task::block_in_place(|| serving.terminate()).code, Some(0));
        let log = std::fs::read_to_string(business.place.path("hub.log")).expect("the log");
        assert!(log.contains("answered") && log.contains("/v1/payments"), "there is a log");
        let mut places = everything(&business.place, &database, &inbox, &log).await;
        places.push(("metrics".to_owned(), seen));
        assert!(places.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains("LIMPIO")));
        for (place, bytes) in &places {
            let writings = found(bytes, CANARY);
            assert!(writings.is_empty(), "{place} holds it: {writings:?}");
        }
    }

    async fn a_card_typed_on_the_hub_s_own_page_reaches_nothing_that_it_keeps_or_says(database: TestDatabase) {
        let hub = free_address().await;
        let provider = Provider::play(Part::Carat, &format!("http://{hub}/notices/carat_esitef/main")).await;
        provider.sandbox.steering.declare_canary(CANARY_ID, CANARY, CARAT_ACTS_AS).expect("a canary");
        let place = provider.place_of_a_hub(&hub, &database.url, "flow = \"rest\"\n");
        let log = std::fs::File::create(place.path("hub.log")).expect("a log");
        let mut command = place.command(&["serve"]);
        command.env("CAUDAL_LOG", "trace,h2=info,hyper=info");
        let serving = Running::start_logging_to(command, Stdio::from(log));
        let http = reqwest::Client::builder().timeout(std::time::Duration::from_secs(20));
        let http = http.redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        testing::until(std::time::Duration::from_secs(30), async || {
            let ready = http.get(format!("http://{hub}/readyz")).send().await.ok()?;
            ready.status().is_success().then_some(())
        })
        .await;
        let post = async |path: &str, key: &str, body: &Value| {
            let request = http.post(format!("http://{hub}{path}")).bearer_auth(KEY);
            let answer = request.header("Idempotency-Key", key).json(body).send().await.expect("an answer");
            (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
        };
        let (inbox, url) = open_inbox().await;
        assert_eq!(post("/v1/event_endpoints", "endpoint", &json!({ "url": url })).await.0, 201);
        let (status, payment) = post("/v1/payments", "LIMPIO-P", &Part::Carat.order("LIMPIO-P")).await;
        assert_eq!(status, 201, "{payment}");
        let page = payment["pay_url"].as_str().expect("the hub's own page").to_owned();
        assert!(page.contains("/c/"), "{page}");

        // Typed wrongly first, so that the page has every reason to show it again.
        let mut said = Vec::new();
        for (expiry, code) in [("13/30", CODE), ("12/30", "7"), ("12/30", CODE)] {
            let form = [("number", CANARY), ("expiry", expiry), ("code", code)];
            let answer = http.post(&page).form(&form).send().await.expect("an answer");
            said.push((format!("the page after {expiry} {code}"), answer.bytes().await.expect("a body").to_vec()));
        }
        http.get(format!("{page}?number={CANARY}&code={CODE}")).send().await.expect("an answer");
        until_told(&inbox, "payment.approved").await;
        let journal = serde_json::to_string(&provider.sandbox.steering.journal(0, None, 1000)).expect("JSON");
        assert!(journal.contains(CANARY_ID), "the number arrived at the provider");
        said.push(("metrics".to_owned(), metrics_of(&http, &hub).await));
        assert_eq!(tokio::task::block_in_place(|| serving.terminate()).code, Some(0));
        let log = std::fs::read_to_string(place.path("hub.log")).expect("the log");
        assert!(log.contains("answered"), "there is a log");
        let mut places = everything(&place, &database, &inbox, &log).await;
        assert!(places.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains("LIMPIO-P")));
        places.append(&mut said);
        for (place, bytes) in &places {
            let writings = found(bytes, CANARY);
            assert!(writings.is_empty(), "{place} holds the number: {writings:?}");
            assert!(!holds_code(bytes), "{place} holds the code");
        }
        // The hunter finds a code where there is one.
        for around in [format!("code={CODE}&"), format!("{{\"security_code\":\"{CODE}\"}}"), CODE.to_owned()] {
            assert!(holds_code(around.as_bytes()), "{around}");
        }
    }
}
