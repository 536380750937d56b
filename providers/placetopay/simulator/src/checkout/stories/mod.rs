//! Stories of the whole simulator, told through `handle` in a small world.

mod afterwards;
mod api;
mod bank_transfers;
mod driving;
mod guide;
mod lightbox;
mod machine;
mod notices;
mod page;
mod panel;
mod parts;
mod recurrences;
mod refusals;
mod stored_cards;
mod vectors;

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use simulation::inbox::Message as Mail;
use simulation::ledger::Entry;
use simulation::strict_json::{self, Value};
use simulation::world::Canary;
use simulation::{
    Clock, Command, CommandError, NewAccount, OutgoingNotice, Reply, Request, Simulator, Timestamp, World,
};

use super::AvalPay;
use super::create::seconds_after;
use crate::instant;

const LOGIN: &str = "7c1f0a93b5e24d6f8a0b1c2d3e4f5061";
const SECRET: &str = "Clave-Sandbox-00x";
const START: &str = "2026-03-14T15:15:31Z";
const ORIGIN: &str = "https://checkout.test.avalpaycenter.com";
const NOTICE_URL: &str = "http://shop.localhost:4052/avisos";
const ACCOUNT: &str = "libreria";

/// A world that keeps what it is told.
struct SmallWorld {
    clock: Clock,
    chance: u64,
    notices: Vec<OutgoingNotice>,
    mails: Vec<Mail>,
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

    fn mail(&mut self, message: Mail) {
        self.mails.push(message);
    }

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

/// The provider in its world, with one site whose credentials are those of the published vectors.
struct Bench {
    avalpay: AvalPay,
    world: SmallWorld,
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
            mails: Vec::new(),
            ledger: Vec::new(),
            verdicts: Vec::new(),
            canaries: BTreeMap::new(),
        };
        let mut bench = Self { avalpay: AvalPay::new(), world };
        bench.open_account(ACCOUNT, settings);
        let merchant = &mut bench.avalpay.merchants[0];
        merchant.login = LOGIN.into();
        merchant.secret_key = SECRET.into();
        bench
    }

    fn open_account(&mut self, name: &str, settings: &[(&str, &str)]) {
        let wanted = NewAccount {
            name: name.into(),
            notification_url: Some(NOTICE_URL.into()),
            settings: settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        };
        self.avalpay.open_account(wanted, &mut self.world).expect("an account");
    }

    fn request(&self, method: &str, path: &str, content_type: &str, body: Vec<u8>) -> Request {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: vec![("content-type".into(), content_type.into())],
            body,
            peer: "127.0.0.1:53122".into(),
            origin: ORIGIN.into(),
        }
    }

    fn handle(&mut self, request: &Request) -> Reply {
        self.world.verdicts.clear();
        self.avalpay.handle(request, &mut self.world)
    }

    fn post_text(&mut self, path: &str, body: &str) -> (u16, Value) {
        let request = self.request("POST", path, "application/json", body.as_bytes().to_vec());
        let reply = self.handle(&request);
        (reply.status, strict_json::parse(&reply.body).expect("JSON"))
    }

    /// A body with an `auth` of this moment in front of `members`.
    fn authenticated(&self, members: &str) -> String {
        self.authenticated_by(&digest::SHA256, members)
    }

    /// The same as the provider's PHP library writes it.
    fn authenticated_with_sha1(&self, members: &str) -> String {
        self.authenticated_by(&digest::SHA1_FOR_LEGACY_USE_ONLY, members)
    }

    fn authenticated_by(&self, algorithm: &'static digest::Algorithm, members: &str) -> String {
        let seed = instant::write(self.world.now());
        let hash = digest::digest(algorithm, format!("nonce-{seed}{seed}{SECRET}").as_bytes());
        let auth = Value::object([
            ("login", Value::text(LOGIN)),
            ("tranKey", Value::text(STANDARD.encode(hash))),
            ("nonce", Value::text(STANDARD.encode(format!("nonce-{seed}")))),
            ("seed", Value::text(seed)),
        ]);
        let separator = if members.is_empty() { "" } else { "," };
        format!(r#"{{"auth":{auth}{separator}{members}}}"#)
    }

    fn post(&mut self, path: &str, members: &str) -> (u16, Value) {
        let body = self.authenticated(members);
        self.post_text(path, &body)
    }

    /// Creates a session from [`order`] with other members put over it.
    fn create(&mut self, changes: &str) -> (u16, Value) {
        let members = order(changes);
        self.post("/api/session", &members)
    }

    /// Creates a session and answers its id and its page's path.
    fn session(&mut self, changes: &str) -> (u64, String) {
        let (status, answer) = self.create(changes);
        assert_eq!(status, 200, "{answer}");
        let id = answer.get("requestId").and_then(Value::as_i64).expect("a number").cast_unsigned();
        let url = text_at(&answer, &["processUrl"]);
        (id, url.strip_prefix(ORIGIN).expect("on our origin").to_owned())
    }

    fn query(&mut self, id: u64) -> Value {
        let (status, answer) = self.post(&format!("/api/session/{id}"), "");
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Status and reason of a session.
    fn status(&mut self, id: u64) -> (String, String) {
        let answer = self.query(id);
        (text_at(&answer, &["status", "status"]), text_at(&answer, &["status", "reason"]))
    }

    fn advance(&mut self, seconds: i64) {
        self.world.clock.advance_to(seconds_after(self.world.now(), seconds));
        self.avalpay.wake(&mut self.world);
    }

    fn steer(&mut self, name: &str, arguments: serde_json::Value) -> Result<serde_json::Value, CommandError> {
        self.avalpay.command(&Command { name: name.into(), arguments }, &mut self.world)
    }

    /// Status, reason and HTTP body of the notices sent so far.
    fn notices(&self) -> Vec<(String, String)> {
        let bodies = self.world.notices.iter().map(|notice| strict_json::parse(&notice.body).expect("JSON"));
        bodies
            .map(|body| (text_at(&body, &["status", "status"]), text_at(&body, &["status", "reason"])))
            .collect()
    }

    fn ledger(&self) -> Vec<&str> {
        self.world.ledger.iter().map(|entry| entry.state.as_str()).collect()
    }

    /// Kind, state and amount of the ledger's lines.
    fn movements(&self) -> Vec<(&str, &str, &str)> {
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

/// The members of a plain order; `changes` is a JSON object whose members replace or add to them. A member
/// given as `null` goes away.
fn order(changes: &str) -> String {
    let mut order = strict_json::parse(
        br#"{
            "locale": "es_CO",
            "buyer": {"documentType":"CC","document":"1093847561","name":"Mariana","surname":"Prueba Rueda",
                      "email":"mariana.prueba@correo.example","mobile":"3005550147"},
            "payment": {"reference":"CAR2026000871","description":"Tres libros y un mapa",
                        "amount":{"currency":"COP","total":119000,
                                  "taxes":[{"kind":"valueAddedTax","amount":19000,"base":100000}],
                                  "details":[{"kind":"subtotal","amount":100000}]}},
            "expiration": "2026-03-14T10:35:31-05:00",
            "returnUrl": "https://libreria.example/pagos/retorno/CAR2026000871",
            "ipAddress": "203.0.113.24",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"
        }"#,
    )
    .expect("JSON");
    let changes = strict_json::parse(changes.as_bytes()).expect("JSON");
    merge(&mut order, &changes);
    let text = order.to_text();
    text[1..text.len() - 1].to_owned()
}

fn merge(target: &mut Value, changes: &Value) {
    for (name, value) in changes.members().expect("an object") {
        match (value, target.at_mut(&[name.as_str()])) {
            (Value::Null, _) => {
                if let Value::Object(members) = target {
                    members.retain(|(known, _)| known != name);
                }
            }
            (Value::Object(_), Some(present @ Value::Object(_))) => merge(present, value),
            (_, _) => target.set(name, value.clone()),
        }
    }
}

fn text_at(value: &Value, path: &[&str]) -> String {
    let found = value.at(path).unwrap_or_else(|| panic!("{path:?} in {value}"));
    found.as_str().map_or_else(|| found.to_text(), str::to_owned)
}
