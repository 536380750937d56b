//! Stories of the whole simulator, told through `handle` in a small world.

mod api;
mod cancellations;
mod driving;
mod exchanges;
mod notices;
mod page;
mod robustness;
mod steering;
mod storage;
mod stored_cards;
mod vectors;

use std::collections::BTreeMap;

use simulation::form::Form;
use simulation::inbox::Message as Mail;
use simulation::ledger::Entry;
use simulation::strict_json::{self, Value};
use simulation::world::Canary;
use simulation::{
    Clock, Command, CommandError, NewAccount, NoticeOutcome, OutgoingNotice, Reply, Request, Simulator,
    Timestamp, World,
};

use crate::{CaratEsitef, instant};

const START: &str = "2026-03-14T15:15:31Z";
const ORIGIN: &str = "http://carat-esitef.localhost:4055";
const STATUS_URL: &str = "https://loja.example/avisos/status";
const STORAGE_URL: &str = "https://loja.example/avisos/guarda";
const CHECK_URL: &str = "https://loja.example/autenticidade";
const ACCOUNT: &str = "livraria";
const VISA: &str = "4000000000000044";

/// A world that keeps what it is told.
struct SmallWorld {
    clock: Clock,
    chance: u64,
    notices: Vec<OutgoingNotice>,
    questions: Vec<OutgoingNotice>,
    ledger: Vec<Entry>,
    verdicts: Vec<(String, bool, String)>,
    canaries: BTreeMap<String, Canary>,
}

impl World for SmallWorld {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn random(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.chance =
                self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = self.chance.to_be_bytes()[0];
        }
    }

    fn notify(&mut self, notice: OutgoingNotice) {
        self.notices.push(notice);
    }

    fn ask_before_answer(&mut self, question: OutgoingNotice) {
        self.questions.push(question);
    }

    fn mail(&mut self, _message: Mail) {}

    fn book(&mut self, entry: Entry) {
        self.ledger.push(entry);
    }

    fn verdict(&mut self, rule: &str, passed: bool, detail: &str) {
        self.verdicts.push((rule.to_owned(), passed, detail.to_owned()));
    }

    fn canary(&self, number: &str) -> Option<Canary> {
        self.canaries.get(number).cloned()
    }
}

/// The portal in its world, with one shop.
struct Bench {
    portal: CaratEsitef,
    world: SmallWorld,
    merchant_id: String,
    merchant_key: String,
    /// What the shop answers to a check.
    check_status: Option<u16>,
}

impl Bench {
    fn new() -> Self {
        Self::with_settings(&[])
    }

    fn with_settings(settings: &[(&str, &str)]) -> Self {
        let world = SmallWorld {
            clock: Clock::frozen(START.parse().expect("a timestamp")),
            chance: 7,
            notices: Vec::new(),
            questions: Vec::new(),
            ledger: Vec::new(),
            verdicts: Vec::new(),
            canaries: BTreeMap::new(),
        };
        let mut bench = Self {
            portal: CaratEsitef::new(),
            world,
            merchant_id: String::new(),
            merchant_key: String::new(),
            check_status: Some(200),
        };
        let (id, key) = bench.open_account(ACCOUNT, settings);
        (bench.merchant_id, bench.merchant_key) = (id, key);
        bench
    }

    fn open_account(&mut self, name: &str, settings: &[(&str, &str)]) -> (String, String) {
        let addresses = [("storage_url", STORAGE_URL), ("authenticity_url", CHECK_URL)];
        let settings =
            addresses.iter().chain(settings).map(|(name, value)| ((*name).into(), (*value).into()));
        let wanted = NewAccount {
            name: name.into(),
            notification_url: Some(STATUS_URL.into()),
            settings: settings.collect(),
        };
        let account = self.portal.open_account(wanted, &mut self.world).expect("an account");
        (account.credentials["merchant_id"].clone(), account.credentials["merchant_key"].clone())
    }

    fn set(&mut self, setting: &str, value: &str) {
        let arguments = serde_json::json!({ "account": ACCOUNT, "setting": setting, "value": value });
        self.steer("set_account", arguments).expect("a setting");
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Request {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: body.to_vec(),
            peer: "127.0.0.1:53122".into(),
            origin: ORIGIN.into(),
        }
    }

    /// Handles a request, a check in the middle of it included.
    fn handle(&mut self, request: &Request) -> Reply {
        self.world.verdicts.clear();
        let reply = self.portal.handle(request, &mut self.world);
        let Some(question) = self.world.questions.pop() else { return reply };
        let outcome = self.outcome(self.check_status);
        let reply = self.portal.answer_after(&question, &outcome, &mut self.world);
        self.world.notices.push(question);
        reply
    }

    fn outcome(&self, status: Option<u16>) -> NoticeOutcome {
        let failure = status.is_none().then(|| "connection refused".to_owned());
        NoticeOutcome { at: self.world.now(), status, answer_start: String::new(), failure }
    }

    /// POSTs a `request` to the HTML interface.
    fn init(&mut self, members: &str) -> Value {
        let body = simulation::form::write([("request", members)]);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let reply = self.handle(&self.request("POST", "/e-sitef/init/json.se", &headers, body.as_bytes()));
        assert_eq!(reply.status, 200);
        strict_json::parse(&reply.body).expect("JSON")
    }

    /// Creates a payment for the page from a plain order with `more` members.
    fn created(&mut self, more: &str) -> Value {
        let separator = if more.is_empty() { "" } else { "," };
        let id = self.merchant_id.clone();
        let answer = self.init(&format!(
            r#"{{"merchant_id":"{id}","amount":"11900","order_id":"12345","merchant_usn":"77"{separator}{more}}}"#
        ));
        assert_eq!(answer.get("responseCode").and_then(Value::as_i64), Some(0), "{answer}");
        answer
    }

    /// Calls the REST interface as the shop.
    fn rest(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        self.rest_with(method, path, body, &[])
    }

    fn rest_with(&mut self, method: &str, path: &str, body: &str, more: &[(&str, &str)]) -> (u16, Value) {
        let (id, key) = (self.merchant_id.clone(), self.merchant_key.clone());
        let mut headers = vec![("merchant_id", id.as_str()), ("merchant_key", key.as_str())];
        headers.extend_from_slice(more);
        let path = format!("/e-sitef/api/{path}");
        let reply = self.handle(&self.request(method, &path, &headers, body.as_bytes()));
        (reply.status, strict_json::parse(&reply.body).expect("JSON"))
    }

    /// Creates a payment by REST from a plain order with `more` members and answers its nit.
    fn rest_payment(&mut self, more: &str) -> String {
        let separator = if more.is_empty() { "" } else { "," };
        let body = format!(r#"{{"amount":"11900","order_id":"54321"{separator}{more}}}"#);
        let (status, answer) = self.rest("POST", "v1/transactions", &body);
        assert_eq!(status, 201, "{answer}");
        let name = if more.contains("preauthorization") { "pre_authorization" } else { "payment" };
        text_at(&answer, &[name, "nit"])
    }

    /// Pays a payment of the REST interface with a card.
    fn rest_pay(&mut self, nit: &str, card: &str) -> (u16, Value) {
        self.rest("POST", &format!("v1/payments/{nit}"), &format!(r#"{{"card":{card}}}"#))
    }

    fn status(&mut self, nit: &str) -> String {
        self.portal.transactions[nit].status.word().to_owned()
    }

    fn advance(&mut self, seconds: i64) {
        self.world.clock.advance_to(instant::seconds_after(self.world.now(), seconds));
        self.portal.wake(&mut self.world);
    }

    fn steer(&mut self, name: &str, arguments: serde_json::Value) -> Result<serde_json::Value, CommandError> {
        self.portal.command(&Command { name: name.into(), arguments }, &mut self.world)
    }

    /// The notices sent so far, as address and form.
    fn forms(&self) -> Vec<(&str, Form)> {
        self.world.notices.iter().map(|notice| (notice.url.as_str(), Form::read(&notice.body))).collect()
    }

    /// The statuses told at an address.
    fn told(&self, url: &str) -> Vec<String> {
        let forms = self.forms().into_iter().filter(|(to, _)| *to == url);
        forms.map(|(_, form)| form.get("status").to_owned()).collect()
    }

    /// The last notice at an address.
    fn last(&self, url: &str) -> Form {
        let (_, form) = self.forms().into_iter().rfind(|(to, _)| *to == url).expect("a notice");
        form
    }

    fn ledger(&self) -> Vec<(&str, &str, &str)> {
        self.world
            .ledger
            .iter()
            .map(|entry| (entry.kind.as_str(), entry.state.as_str(), entry.amount.as_str()))
            .collect()
    }

    fn verdict(&self, rule: &str) -> Option<bool> {
        self.world.verdicts.iter().find(|(known, _, _)| known == rule).map(|(_, passed, _)| *passed)
    }
}

/// The members that ask for the card to be kept.
const STORED: &str = r#""store_card":"true","additional_data":{"payer":{"store_identification":"PAYER_ID"}}"#;
/// A card as REST takes it.
const CARD: &str = r#"{"number":"4000000000000044","expiry_date":"1230","security_code":"123"}"#;

fn text_at(value: &Value, path: &[&str]) -> String {
    let found = value.at(path).unwrap_or_else(|| panic!("{path:?} in {value}"));
    found.as_str().map_or_else(|| found.to_text(), str::to_owned)
}
