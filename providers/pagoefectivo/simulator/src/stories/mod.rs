//! Stories of the whole simulator, told through `handle` in a small world.

mod changing;
mod creating;
mod exchanges;
mod messages;
mod notices;
mod pages;
mod properties;
mod steering;
mod tokens;
mod vectors;

use std::collections::VecDeque;

use simulation::inbox::Message as Mail;
use simulation::ledger::Entry;
use simulation::strict_json::{self, Value};
use simulation::world::Canary;
use simulation::{
    Clock, Command, CommandError, NewAccount, NoticeOutcome, OutgoingNotice, Reply, Request, Simulator,
    Timestamp, World,
};

use crate::PagoEfectivo;
use crate::hash::Parts;
use crate::lima;

const ID_SERVICE: &str = "4821";
const ACCESS_KEY: &str = "Q0FTSEhVQkRFTU8yMDI2";
const SECRET_KEY: &str = "hub0Demo+Secret/Key1ForDocs2Only3Andes4x";
const START: &str = "2026-03-02T14:30:00Z";
const ORIGIN: &str = "https://pre1a.payment.pagoefectivo.pe";
const NOTICE_URL: &str = "https://pagos.andes-demo.example/hooks/pagoefectivo";
const ACCOUNT: &str = "andes";

/// A world that keeps what it is told, and whose chance can be chosen.
struct SmallWorld {
    clock: Clock,
    chance: u64,
    chosen: VecDeque<[u8; 16]>,
    notices: Vec<OutgoingNotice>,
    mails: Vec<Mail>,
    ledger: Vec<Entry>,
    verdicts: Vec<(String, bool, String)>,
}

impl World for SmallWorld {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn random(&mut self, bytes: &mut [u8]) {
        if bytes.len() == 16
            && let Some(chosen) = self.chosen.pop_front()
        {
            bytes.copy_from_slice(&chosen);
            return;
        }
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

    fn canary(&self, _number: &str) -> Option<Canary> {
        None
    }
}

/// The provider in its world, with one service whose credentials are those of the vectors.
struct Bench {
    provider: PagoEfectivo,
    world: SmallWorld,
    peer: String,
}

impl Bench {
    fn new() -> Self {
        Self::with_settings(&[])
    }

    fn with_settings(settings: &[(&str, &str)]) -> Self {
        let world = SmallWorld {
            clock: Clock::frozen(at(START)),
            chance: 7,
            chosen: VecDeque::new(),
            notices: Vec::new(),
            mails: Vec::new(),
            ledger: Vec::new(),
            verdicts: Vec::new(),
        };
        let mut bench = Self { provider: PagoEfectivo::new(), world, peer: "127.0.0.1:53122".into() };
        bench.open_account(ACCOUNT, settings);
        let merchant = &mut bench.provider.merchants[0];
        ID_SERVICE.clone_into(&mut merchant.id_service);
        ACCESS_KEY.clone_into(&mut merchant.access_key);
        SECRET_KEY.clone_into(&mut merchant.secret_key);
        bench
    }

    fn open_account(&mut self, name: &str, settings: &[(&str, &str)]) {
        let wanted = NewAccount {
            name: name.into(),
            notification_url: Some(NOTICE_URL.into()),
            settings: settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        };
        self.provider.open_account(wanted, &mut self.world).expect("an account");
    }

    fn set(&mut self, setting: &str, value: &str) {
        self.provider.merchants[0].set(setting, value).expect(setting);
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Request {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: headers.iter().map(|(name, value)| (name.to_lowercase(), (*value).to_owned())).collect(),
            body: body.to_vec(),
            peer: self.peer.clone(),
            origin: ORIGIN.into(),
        }
    }

    fn handle(&mut self, request: &Request) -> Reply {
        self.world.verdicts.clear();
        self.provider.handle(request, &mut self.world)
    }

    /// The body of an authorization of this moment.
    fn authorization(&self) -> String {
        let date_request = lima::write(self.world.now());
        let parts = Parts {
            id_service: ID_SERVICE,
            access_key: ACCESS_KEY,
            secret_key: &self.provider.merchants[0].secret_key,
            date_request: &date_request,
        };
        let hash = parts.hash();
        format!(
            r#"{{"accessKey":"{ACCESS_KEY}","idService":{ID_SERVICE},"dateRequest":"{date_request}","hashString":"{hash}"}}"#
        )
    }

    fn authorize_with(&mut self, body: &str) -> (u16, Value) {
        let request = self.request(
            "POST",
            "/v1/authorizations",
            &[("content-type", "application/json")],
            body.as_bytes(),
        );
        read(&self.handle(&request))
    }

    /// A token that is valid now.
    fn token(&mut self) -> String {
        let (status, answer) = self.authorize_with(&self.authorization());
        assert_eq!(status, 201, "{answer}");
        text_at(&answer, &["data", "token"])
    }

    /// A call with a token, its answer as it is.
    fn call_with(&mut self, token: &str, method: &str, path: &str, body: &str) -> Reply {
        let bearer = format!("Bearer {token}");
        let headers =
            [("content-type", "application/json"), ("origin", "web"), ("authorization", bearer.as_str())];
        let request = self.request(method, path, &headers, body.as_bytes());
        self.handle(&request)
    }

    /// A call with a fresh token.
    fn call(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let token = self.token();
        read(&self.call_with(&token, method, path, body))
    }

    /// Creates from [`order`] with other members put over it.
    fn create(&mut self, changes: &str) -> (u16, Value) {
        self.call("POST", "/v1/cips", &order(changes))
    }

    /// Creates a CIP and answers its number and the path of its page.
    fn cip(&mut self, changes: &str) -> (u64, String) {
        let (status, answer) = self.create(changes);
        assert_eq!(status, 201, "{answer}");
        let number = text_at(&answer, &["data", "cip"]).parse().expect("a number");
        let url = text_at(&answer, &["data", "cipUrl"]);
        (number, url.strip_prefix(ORIGIN).expect("on our origin").to_owned())
    }

    fn search(&mut self, number: u64) -> Value {
        let (status, answer) =
            self.call("POST", "/v1/cips/search", &format!(r#"{{"data":[{{"cip":{number}}}]}}"#));
        assert_eq!(status, 200, "{answer}");
        answer.at(&["data", "0"]).cloned().unwrap_or(Value::Null)
    }

    fn status(&mut self, number: u64) -> String {
        text_at(&self.search(number), &["status"])
    }

    fn advance(&mut self, seconds: i64) {
        let target = lima::seconds_after(self.world.now(), seconds);
        self.advance_to(target);
    }

    /// Moves the clock as the sandbox does, from one due thing to the next.
    fn advance_to(&mut self, target: Timestamp) {
        while let Some(due) = self.provider.next_due().filter(|due| *due <= target) {
            self.world.clock.advance_to(due);
            self.provider.wake(&mut self.world);
        }
        self.world.clock.advance_to(target);
    }

    fn steer(&mut self, name: &str, arguments: serde_json::Value) -> Result<serde_json::Value, CommandError> {
        self.provider.command(&Command { name: name.into(), arguments }, &mut self.world)
    }

    fn pay(&mut self, number: u64) {
        self.steer("pay", serde_json::json!({ "cip": number })).expect("paid");
    }

    /// Lets the oldest notice on its way end, as the sandbox does.
    fn deliver(&mut self, status: Option<u16>) -> OutgoingNotice {
        let notice = self.world.notices.remove(0);
        self.world.clock.advance_to(notice.due_at);
        let outcome = NoticeOutcome {
            at: self.world.now(),
            status,
            answer_start: String::new(),
            failure: status.is_none().then(|| "timed out".into()),
        };
        self.provider.notice_ended(&notice, &outcome, &mut self.world);
        notice
    }

    fn verdict(&self, rule: &str) -> Option<(bool, &str)> {
        let found = self.world.verdicts.iter().find(|(known, _, _)| known == rule);
        found.map(|(_, passed, detail)| (*passed, detail.as_str()))
    }
}

/// A plain order; `changes` is a JSON object whose members replace or add to it. One given as `null` goes away.
fn order(changes: &str) -> String {
    let mut order = strict_json::parse(
        br#"{"currency":"PEN","amount":149.90,"transactionCode":"WEB-2026-000417",
             "dateExpiry":"2026-03-04T23:59:00-05:00","paymentConcept":"Botas de prueba",
             "userEmail":"rosa.quispe@correo.example","userName":"Rosa",
             "userPhone":"951204477","userCodeCountry":"+51"}"#,
    )
    .expect("JSON");
    let changes = strict_json::parse(changes.as_bytes()).expect("JSON");
    for (name, value) in changes.members().expect("an object") {
        match (value, &mut order) {
            (Value::Null, Value::Object(members)) => members.retain(|(known, _)| known != name),
            (value, order) => order.set(name, value.clone()),
        }
    }
    order.to_text()
}

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

fn read(reply: &Reply) -> (u16, Value) {
    let body = if reply.body.is_empty() { Ok(Value::Null) } else { strict_json::parse(&reply.body) };
    (reply.status, body.expect("JSON"))
}

fn text_at(value: &Value, path: &[&str]) -> String {
    let found = value.at(path).unwrap_or_else(|| panic!("{path:?} in {value}"));
    found.as_str().map_or_else(|| found.to_text(), str::to_owned)
}

/// Code and field of every element of a refusal.
fn objections(answer: &Value) -> Vec<(String, String)> {
    let elements = answer.get("data").and_then(Value::items).unwrap_or_default();
    elements.iter().map(|element| (text_at(element, &["code"]), text_at(element, &["field"]))).collect()
}

fn one(code: &str, field: &str) -> Vec<(String, String)> {
    vec![(code.to_owned(), field.to_owned())]
}
