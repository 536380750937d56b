//! A demo that runs, and what a browser does on its pages.

use std::time::Duration;

use browser::Page;
use serde_json::{Value, json};
use url::Url;

use super::{Place, Running};

/// The provider's public test cards: approved, declined, under review until somebody decides.
pub const APPROVED_CARD: &str = "4110760000000081";
pub const REJECTED_CARD: &str = "4110760000000016";
pub const REVIEWED_CARD: &str = "36545400000701";

/// A running demo with the addresses that it told.
pub struct Demo {
    running: Running,
    told: Value,
    place: Place,
    http: reqwest::Client,
}

impl Demo {
    pub fn start() -> Demo {
        Demo::with(&[])
    }

    /// The same with further arguments.
    pub fn with(more: &[&str]) -> Demo {
        let place = Place::with("");
        let arguments = ["demo", "--json", "--port", "0", "--data", "here"];
        let mut running = Running::start(place.command(&[&arguments, more].concat()));
        let line = tokio::task::block_in_place(|| running.line());
        let Ok(told) = serde_json::from_str(&line) else {
            let ended = tokio::task::block_in_place(|| running.terminate());
            panic!("{line:?} is not what the demo tells; it ended with {:?}: {}", ended.code, ended.errors);
        };
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
        Demo { running, told, place, http }
    }

    /// Ends it, which has to go well.
    pub fn stop(self) {
        let ended = tokio::task::block_in_place(|| self.running.terminate());
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
    }

    /// A party's address for browsers: `shop`, `hub` or `steering`.
    pub fn url(&self, party: &str) -> Url {
        self.told[party].as_str().and_then(|text| text.parse().ok()).expect("an address")
    }

    /// A path at a party, by address: names under localhost are for browsers.
    fn at(&self, party: &str, path: &str) -> Url {
        let mut url = self.url(party).join(path).expect("a path");
        url.set_ip_host([127, 0, 0, 1].into()).expect("an address");
        url
    }

    fn key(&self) -> String {
        std::fs::read_to_string(self.place.path("here/api.key")).expect("the key").trim().to_owned()
    }

    pub async fn json(&self, party: &str, path: &str) -> Value {
        let asked = self.http.get(self.at(party, path)).bearer_auth(self.key());
        asked.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// POST to a path of the steering port.
    pub async fn steer(&self, path: &str, body: Value) -> Value {
        let answer = self.http.post(self.at("steering", path)).json(&body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap_or_default());
        answer.json().await.expect("JSON")
    }

    /// An address of the merchant's console, with the operator's name and password in it.
    pub fn console_url(&self, rest: &str) -> String {
        let password =
            std::fs::read_to_string(self.place.path("here/console.password")).expect("the password");
        let mut url = self.url("hub").join("/console/tienda").expect("a path");
        url.set_username("demo").expect("a name");
        url.set_password(Some(password.trim())).expect("a password");
        format!("{url}{rest}")
    }

    /// Moves the clock.
    pub async fn advance(&self, seconds: u64) {
        self.steer("/_sandbox/clock/advance", json!({ "seconds": seconds })).await;
    }

    /// Spoils what a provider does so many times.
    pub async fn spoil(&self, on: Value, count: u32) {
        let rule = json!({ "provider": "avalpay", "on": on, "times": { "count": count } });
        self.steer("/_sandbox/hardships", rule).await;
    }

    /// How many requests of an operation were about a payment's session.
    pub async fn asked(&self, operation: &str, payment: &Value) -> usize {
        let session = payment["provider_id"].as_str().expect("a session");
        let journal = self.json("steering", "/_sandbox/journal?limit=1000").await;
        let entries = journal["entries"].as_array().expect("entries").iter();
        let about = |entry: &&Value| {
            entry["operation"] == operation
                && entry["address"].as_str().is_some_and(|address| address.ends_with(session))
        };
        entries.filter(about).count()
    }

    /// A command to the provider's simulator.
    pub async fn command(&self, name: &str, arguments: Value) -> Value {
        let url = self.at("steering", "/_sandbox/providers/avalpay/command");
        let answer = self.http.post(url).json(&json!({ "name": name, "arguments": arguments })).send().await;
        let answer = answer.expect("an answer");
        assert!(answer.status().is_success(), "{name}: {}", answer.text().await.unwrap_or_default());
        answer.json().await.expect("JSON")
    }

    /// Asks the hub for a payment: status and answer.
    pub async fn create(&self, key: &str, order: &Value) -> (u16, Value) {
        self.post("/v1/payments", key, order).await
    }

    /// Asks the hub's API for something; its status and document.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(self.at("hub", path)).bearer_auth(self.key());
        let answer = request.header("Idempotency-Key", key).json(body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// The hub's payment for an order of the shop.
    pub async fn payment(&self, reference: &str) -> Value {
        let page = self.json("hub", &format!("/v1/payments?reference={reference}")).await;
        page["data"][0].clone()
    }

    /// What the provider was sent to open a session with a reference, as the sandbox's journal has it.
    pub async fn creations(&self, reference: &str) -> Vec<Value> {
        let journal = self.json("steering", "/_sandbox/journal?limit=1000").await;
        let entries = journal["entries"].as_array().expect("entries").iter();
        let creations = entries.filter(|entry| entry["operation"] == "create_session");
        let bodies = creations.map(|entry| entry["body"]["text"].as_str().expect("a body"));
        let bodies = bodies.map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
        bodies.filter(|body| body["payment"]["reference"] == reference).collect()
    }
}

/// The host of the page shown.
pub fn host(page: &Page) -> String {
    let url: Url = page.url().parse().expect("an address");
    url.host_str().unwrap_or_default().to_owned()
}

/// From the shop's first page to the filled checkout, with the first product in the cart.
pub async fn fill_checkout(page: &Page, shop: &Url) {
    page.goto(shop.as_str()).await.expect("the shop");
    page.submit(".product button").await.expect("the cart");
    page.submit("a[href='/checkout']").await.expect("the checkout");
    fill_buyer(page).await;
}

/// A buyer whom every rule takes.
pub async fn fill_buyer(page: &Page) {
    page.select("#document_type", "CC").await.expect("a kind of document");
    for (field, text) in [
        ("#document_number", "1010101010"),
        ("#name", "Persona"),
        ("#surname", "De Prueba"),
        ("#email", "persona@correo.example"),
        ("#mobile", "3005550147"),
    ] {
        page.type_text(field, text).await.expect(field);
    }
    for choice in ["#own-card-yes", "#accept_terms", "#accept_data"] {
        page.click(choice).await.expect(choice);
    }
}

/// The same buyer in an order of the API.
pub fn buyer() -> Value {
    json!({
        "name": "Persona",
        "surname": "De Prueba",
        "document": { "country": "CO", "type": "CC", "number": "1010101010" },
        "email": "persona@correo.example",
        "mobile": "3005550147",
    })
}

/// The same person in the card form, which asks whose the card is where the order does not tell.
pub async fn type_holder(page: &Page) {
    for (field, text) in [
        ("#holder_name", "Persona"),
        ("#holder_surname", "De Prueba"),
        ("#document", "1010101010"),
        ("#mobile", "3005550147"),
    ] {
        page.type_text(field, text).await.expect(field);
    }
    page.select("#document_type", "CC").await.expect("a kind");
}

/// From the provider's first page to the card form.
pub async fn open_card_form(page: &Page) {
    page.submit("#email-form button").await.expect("the methods");
    page.submit("#method-card").await.expect("the card form");
}

/// Fills the card form and sends it.
pub async fn pay(page: &Page, card: &str) {
    for (field, text) in [("#card_number", card), ("#expiry", "12/49"), ("#cvv", "123")] {
        page.type_text(field, text).await.expect(field);
    }
    page.submit("#card-form button").await.expect("the result");
}

/// From the provider's result back to the shop; answers with the order's reference.
pub async fn return_to(page: &Page, shop: &Url) -> String {
    page.submit("#return").await.expect("the way back");
    let back = page.wait_for_url(|url| url.starts_with(shop.as_str())).await.expect("the order's page");
    let path = back.parse::<Url>().expect("an address").path().to_owned();
    path.split('/').nth(2).expect("a reference").to_owned()
}
