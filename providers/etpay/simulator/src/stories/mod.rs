//! Stories of the whole simulator, told through `handle` in a small world.

mod api;
mod attacks;
mod driving;
mod exchanges;
mod notices;
mod page;
mod robustness;
mod status;
mod steering;
mod vectors;

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use simulation::inbox::Message as Mail;
use simulation::ledger::Entry;
use simulation::strict_json::{self, Value};
use simulation::world::Canary;
use simulation::{
    Clock, Command, CommandError, NewAccount, NoticeOutcome, OutgoingNotice, Reply, Request, Simulator,
    Timestamp, World,
};

use crate::instant::seconds_after;
use crate::tokens::ALPHABET;
use crate::{EtPay, jwt};

const CODE: &str = "cl_andes_demo";
const API_TOKEN: &str = "7c1e0f5b2a9d48c6b3e17f60d4a25c98e1b70f3d6c5a4928b7e6d5c4f3a29180";
const START: &str = "2026-03-02T14:00:00Z";
const ORIGIN: &str = "https://api-sandbox.etpay.com";
const PMT_URL: &str = "https://pmt-sandbox.etpay.com";
const NOTICE_URL: &str = "http://andes.localhost:4052/avisos";
const ACCOUNT: &str = "andes";
const ORDER_ID: &str = "ANDES2026000417";

/// A world that keeps what it is told.
struct SmallWorld {
    clock: Clock,
    chance: u64,
    /// Bytes that chance gives first.
    scripted: VecDeque<u8>,
    origin: String,
    notices: Vec<OutgoingNotice>,
    ledger: Vec<Entry>,
    verdicts: Vec<(String, bool, String)>,
}

impl World for SmallWorld {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn origin(&self) -> String {
        self.origin.clone()
    }

    fn random(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.chance =
                self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = self.scripted.pop_front().unwrap_or(self.chance.to_be_bytes()[0]);
        }
    }

    fn notify(&mut self, notice: OutgoingNotice) {
        self.notices.push(notice);
    }

    fn mail(&mut self, message: Mail) {
        panic!("the provider writes to nobody: {message:?}");
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

/// The provider in its world, with one merchant whose credentials are those of the published example.
struct Bench {
    etpay: EtPay,
    world: SmallWorld,
}

/// A session as its merchant knows it.
#[derive(Clone)]
struct Opened {
    token: String,
    signature_token: String,
    /// The path of its funnel.
    page: String,
}

impl Bench {
    fn new() -> Self {
        Self::with_settings(&[])
    }

    fn with_settings(settings: &[(&str, &str)]) -> Self {
        let world = SmallWorld {
            clock: Clock::frozen(START.parse().expect("a timestamp")),
            chance: 7,
            scripted: VecDeque::new(),
            origin: "http://etpay.localhost:4053".into(),
            notices: Vec::new(),
            ledger: Vec::new(),
            verdicts: Vec::new(),
        };
        let mut bench = Self { etpay: EtPay::new(), world };
        let addresses = [
            ("success_url", "https://andes-demo.example/gracias"),
            ("failure_url", "https://andes-demo.example/lo-sentimos"),
        ];
        bench.open_account(ACCOUNT, &[addresses.as_slice(), settings].concat());
        let merchant = &mut bench.etpay.merchants[0];
        merchant.code = CODE.into();
        merchant.api_token = API_TOKEN.into();
        merchant.pmt_url = PMT_URL.into();
        bench
    }

    fn open_account(&mut self, name: &str, settings: &[(&str, &str)]) -> simulation::Account {
        let wanted = NewAccount {
            name: name.into(),
            notification_url: Some(NOTICE_URL.into()),
            settings: settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        };
        self.etpay.open_account(wanted, &mut self.world).expect("an account")
    }

    /// Makes the next tokens be these.
    fn script_tokens(&mut self, tokens: &[&str]) {
        for character in tokens.iter().flat_map(|token| token.bytes()) {
            let place = ALPHABET.iter().position(|known| *known == character).expect("a letter or digit");
            self.world.scripted.push_back(u8::try_from(place).expect("a small number"));
        }
    }

    fn request(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Request {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let headers = match content_type {
            "" => Vec::new(),
            kind => vec![("content-type".to_owned(), kind.to_owned())],
        };
        Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers,
            body: body.to_vec(),
            peer: "127.0.0.1:53122".into(),
            origin: ORIGIN.into(),
        }
    }

    fn handle(&mut self, request: &Request) -> Reply {
        self.world.verdicts.clear();
        self.etpay.handle(request, &mut self.world)
    }

    fn post(&mut self, path: &str, body: &str) -> (u16, Value) {
        let request = self.request("POST", path, "application/json", body.as_bytes());
        let reply = self.handle(&request);
        (reply.status, strict_json::parse(&reply.body).expect("JSON"))
    }

    /// Asks for a session with the four base fields, and other members put over them.
    fn initialize(&mut self, changes: &str) -> (u16, Value) {
        self.post("/session/initialize", &order(changes))
    }

    /// Opens a session and answers its tokens.
    fn session(&mut self, changes: &str) -> Opened {
        let (status, answer) = self.initialize(changes);
        assert_eq!(status, 200, "{answer}");
        let token = text_at(&answer, &["token"]);
        let signature_token = text_at(&answer, &["signature_token"]);
        Opened { page: format!("/session/{token}"), token, signature_token }
    }

    /// Asks after a payment; `members` beside the token.
    fn query(&mut self, members: &str) -> (u16, Value) {
        let body = format!(r#"{{"merchant_api_token":"{API_TOKEN}",{members}}}"#);
        self.post("/merchant/check_payment_status", &body)
    }

    /// The list for a session.
    fn list(&mut self, session: &Opened) -> Vec<Value> {
        let (status, answer) = self.query(&format!(r#""session_token":"{}""#, session.token));
        assert_eq!(status, 200, "{answer}");
        answer.items().expect("a list").to_vec()
    }

    /// The statuses that a session's list shows.
    fn statuses(&mut self, session: &Opened) -> Vec<String> {
        self.list(session).iter().map(|element| text_at(element, &["payment_status"])).collect()
    }

    fn advance(&mut self, seconds: i64) {
        self.world.clock.advance_to(seconds_after(self.world.now(), seconds));
        self.etpay.wake(&mut self.world);
    }

    fn steer(&mut self, name: &str, arguments: serde_json::Value) -> Result<serde_json::Value, CommandError> {
        self.etpay.command(&Command { name: name.into(), arguments }, &mut self.world)
    }

    /// Lets the merchant answer the last notice that was queued.
    fn answer_notice(&mut self, status: Option<u16>) {
        let notice = self.world.notices.last().expect("a notice").clone();
        let outcome = NoticeOutcome {
            at: self.world.now(),
            status,
            answer_start: String::new(),
            failure: status.is_none().then(|| "no answer".to_owned()),
        };
        self.etpay.notice_ended(&notice, &outcome, &mut self.world);
    }

    /// The claims of the notices so far, whose signatures must hold.
    fn told(&self, session: &Opened) -> Vec<Value> {
        let ours = self.world.notices.iter().filter(|notice| notice.about == session.token);
        ours.map(|notice| claims_of(&payment_of(&notice.body), &session.signature_token)).collect()
    }

    fn ledger(&self) -> Vec<&str> {
        self.world.ledger.iter().map(|entry| entry.state.as_str()).collect()
    }

    fn verdict(&self, rule: &str) -> Option<bool> {
        self.world.verdicts.iter().find(|(known, _, _)| known == rule).map(|(_, passed, _)| *passed)
    }
}

/// The base fields with `changes`, a JSON object, put over them. A member given as `null` goes away.
fn order(changes: &str) -> String {
    let mut order = Value::object([
        ("merchant_code", Value::text(CODE)),
        ("merchant_api_token", Value::text(API_TOKEN)),
        ("merchant_order_id", Value::text(ORDER_ID)),
        ("order_amount", Value::number("24990")),
    ]);
    let changes = strict_json::parse(changes.as_bytes()).expect("JSON");
    for (name, value) in changes.members().expect("an object") {
        match (value, &mut order) {
            (Value::Null, Value::Object(members)) => members.retain(|(known, _)| known != name),
            _ => order.set(name, value.clone()),
        }
    }
    order.to_text()
}

/// The token inside a notice.
fn payment_of(body: &[u8]) -> String {
    let body = strict_json::parse(body).expect("JSON");
    assert_eq!(body.members().map(<[_]>::len), Some(1), "{body}");
    text_at(&body, &["payment"])
}

/// The claims of a token that must be signed with `key`.
fn claims_of(token: &str, key: &str) -> Value {
    let claims = unverified(token);
    assert_eq!(jwt::sign(&claims, key), token, "the signature holds");
    claims
}

/// The claims of a token, whoever signed it.
fn unverified(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("three parts");
    strict_json::parse(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

fn text_at(value: &Value, path: &[&str]) -> String {
    let found = value.at(path).unwrap_or_else(|| panic!("{path:?} in {value}"));
    found.as_str().map_or_else(|| found.to_text(), str::to_owned)
}
