//! A hub, the sandbox's provider and a merchant, as processes; and the account that owns nothing, since root ignores
//! permission bits and reserves.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Ended, MASTER_KEY, Place, Running};

pub const KEY: &str = "sk_only_for_tests";
/// SHA-256 of [`KEY`].
const KEY_SHA256: &str = "8b3e6e3a2e0041c6ab31bc2be300804298754bfc04b690e700b33a515487e658";
/// The provider's public test card that is approved.
const APPROVED_CARD: &str = "4110760000000081";
/// The account that owns nothing.
const NOBODY: u32 = 65534;
/// How long a hub may take to be ready.
const READY_PATIENCE: Duration = Duration::from_secs(30);

/// A hub, the sandbox's provider and a merchant, as processes.
pub struct Business {
    pub place: Place,
    pub http: reqwest::Client,
    pub hub: String,
    steering: String,
    _sandbox: Running,
}

impl Business {
    pub async fn with(database: &str) -> Business {
        let place = Place::with("");
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).cookie_store(true);
        let http = http.build().expect("a client");
        let mut sandbox = Running::start(place.command(&["sandbox", "--port", "0", "--json"]));
        let told: Value = serde_json::from_str(&sandbox.line()).expect("a line of JSON");
        let steering = told["steering"].as_str().expect("an address").to_owned();
        let provider = told["providers"][0]["address"].as_str().expect("an address");
        let hub = free_address();
        let wanted = json!({
            "provider": "avalpay",
            "name": "main",
            "notification_url": format!("http://{hub}/notices/avalpay/main"),
        });
        let opening = http.post(format!("http://{steering}/_sandbox/accounts")).json(&wanted);
        let opened: Value = opening.send().await.expect("an answer").json().await.expect("JSON");
        let credential = |name: &str| opened["credentials"][name].as_str().expect(name).to_owned();
        place.write("master.key", MASTER_KEY, 0o600);
        place.write("secret.key", &credential("secret_key"), 0o600);
        let login = credential("login");
        let configuration = format!(
            "[hub]\nlisten = \"{hub}\"\npublic_url = \"http://{hub}\"\npoll_ms = 50\n\
             [database]\nurl = \"{database}\"\n[keys]\nmaster_key_file = \"master.key\"\n\
             [merchants.shop]\nname = \"Tienda de prueba\"\n\
             [[merchants.shop.api_keys]]\nname = \"test\"\nsha256 = \"{KEY_SHA256}\"\n\
             [accounts.main]\nmerchant = \"shop\"\nprovider = \"avalpay\"\nenvironment = \"test\"\n\
             base_url = \"http://{provider}/\"\n\
             [accounts.main.settings]\nlogin = \"{login}\"\nsecret_key_file = \"secret.key\"\n"
        );
        place.write("caudal.toml", &configuration, 0o600);
        Business { place, http, hub, steering, _sandbox: sandbox }
    }

    /// Serves, on another database where one is named, and waits until it is ready.
    pub async fn serve(&self, database: Option<&str>) -> Running {
        let mut command = self.place.command(&["serve"]);
        if let Some(database) = database {
            command.env("CAUDAL_DATABASE__URL", database);
        }
        self.start(command).await
    }

    /// Starts what serves, and waits until it is ready.
    pub async fn start(&self, command: Command) -> Running {
        self.start_logging_to(command, Stdio::piped()).await
    }

    /// Starts what serves with its log in a place, and waits until it is ready.
    pub async fn start_logging_to(&self, mut command: Command, log: Stdio) -> Running {
        // A planted fault is meant for the hub, wherever it runs.
        if let Some(fault) = std::env::var_os("CAUDAL_FAULT") {
            command.env("CAUDAL_FAULT", fault);
        }
        let running = Running::start_logging_to(command, log);
        testing::until(READY_PATIENCE, async || {
            let ready = self.http.get(format!("http://{}/readyz", self.hub)).send().await.ok()?;
            ready.status().is_success().then_some(())
        })
        .await;
        running
    }

    /// Asks for a payment; the reference is the key as well.
    pub async fn ask(&self, reference: &str) -> reqwest::Response {
        let order = json!({
            "reference": reference,
            "amount": 11_900_000,
            "currency": "COP",
            "shopper": { "ip": "203.0.113.24", "user_agent": "Prueba/1.0" },
        });
        let request = self.http.post(format!("http://{}/v1/payments", self.hub)).bearer_auth(KEY);
        request.header("Idempotency-Key", reference).json(&order).send().await.expect("an answer")
    }

    pub async fn create(&self, reference: &str) -> Value {
        let answer = self.ask(reference).await;
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert_eq!(status, 201, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Cancels a payment; its id is the key as well.
    pub async fn cancel(&self, payment: &Value) -> Value {
        let id = payment["id"].as_str().expect("an id");
        let address = format!("http://{}/v1/payments/{id}/cancel", self.hub);
        let request = self.http.post(address).bearer_auth(KEY).header("Idempotency-Key", id);
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    pub async fn payment(&self, id: &str) -> Value {
        let asked = self.http.get(format!("http://{}/v1/payments/{id}", self.hub)).bearer_auth(KEY);
        asked.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// Pays in the provider's page, without scripts; answers the page that tells the result.
    pub async fn pay(&self, payment: &Value) -> String {
        self.pay_with(payment, APPROVED_CARD).await
    }

    /// The same with this card.
    pub async fn pay_with(&self, payment: &Value, card: &str) -> String {
        let page = payment["pay_url"].as_str().unwrap_or_else(|| panic!("nowhere to pay: {payment}"));
        let read = async |request: reqwest::RequestBuilder| {
            request.send().await.expect("the provider answers").text().await.expect("a page")
        };
        let buyer = [("email", "compradora@correo.example")];
        read(self.http.post(format!("{page}/email")).form(&buyer)).await;
        let form = read(self.http.get(format!("{page}/card"))).await;
        let token = between(&form, "name=\"form_token\" value=\"", "\"");
        let fields = [
            ("form_token", token),
            ("card_number", card),
            ("expiry", "11/49"),
            ("cvv", "123"),
            ("installments", "1"),
            ("holder_name", "Mariana"),
            ("holder_surname", "Prueba"),
            ("document_type", "CC"),
            ("document", "1093847561"),
            ("mobile", "3005550147"),
        ];
        read(self.http.post(format!("{page}/card")).form(&fields)).await
    }

    /// Goes back to the hub from the provider's result.
    pub async fn come_back(&self, result: &str) -> reqwest::Response {
        let url = between(between(result, "<a id=\"return\"", ">"), "href=\"", "\"");
        let url = url.replace("&amp;", "&").replace("&#38;", "&");
        self.http.get(url).send().await.expect("an answer")
    }

    /// Approved charges in the provider's ledger.
    pub async fn charges(&self) -> usize {
        let asked = self.http.get(format!("http://{}/_sandbox/ledger", self.steering)).send().await;
        let ledger: Value = asked.expect("an answer").json().await.expect("JSON");
        let lines = ledger["lines"].as_array().expect("lines");
        lines.iter().filter(|line| line["state"] == "approved" && line["kind"] == "charge").count()
    }

    /// Has the sandbox take a number for a test card, and name it in its journal.
    pub async fn declare_canary(&self, id: &str, number: &str, acts_as: &str) {
        let canary = json!({ "id": id, "number": number, "acts_as": acts_as });
        let declaring = self.http.post(format!("http://{}/_sandbox/canaries", self.steering)).json(&canary);
        assert_eq!(declaring.send().await.expect("an answer").status(), 201);
    }

    /// The provider's record of traffic.
    pub async fn journal(&self) -> String {
        let asked =
            self.http.get(format!("http://{}/_sandbox/journal?limit=1000", self.steering)).send().await;
        asked.expect("an answer").text().await.expect("text")
    }

    /// Gives the directory and the files in it to the account that owns nothing, so that it can serve from there.
    pub fn give_to_nobody(&self) {
        give_to_nobody(&self.place.path(""), 0o700);
        for name in ["caudal.toml", "master.key", "secret.key"] {
            give_to_nobody(&self.place.path(name), 0o600);
        }
    }
}

pub fn id_of(payment: &Value) -> &str {
    payment["id"].as_str().expect("an id")
}

/// The text between two others.
fn between<'text>(text: &'text str, before: &str, after: &str) -> &'text str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).expect("an end").0
}

/// An address that was free a moment ago.
pub fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.expect("a port").to_string()
}

pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").expect("ourselves").uid() == 0
}

pub fn give_to_nobody(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    if is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("given");
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

/// The program, as the account that owns nothing where the tests run as root.
pub fn command_of_nobody(place: &Place, arguments: &[&str]) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = place.command(arguments);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

pub fn as_nobody(place: &Place, arguments: &[&str]) -> Ended {
    Ended::after(command_of_nobody(place, arguments))
}
