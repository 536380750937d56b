//! The provider whose histories are told: its simulator without a port, its ledger, the notices that wait, and its page
//! as a shopper goes through it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hub::Clock;
use payment::account::{Account, Environment};
use payment::step::Request as Sent;
use payment::{Provider as Protocol, Timestamp};
use placetopay_client::checkout::AvalPay as Client;
use placetopay_simulator::checkout::AvalPay as Simulated;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use secrecy::SecretString;
use serde_json::json;
use simulation::inbox::Message;
use simulation::ledger::Entry;
use simulation::strict_json::{self, Value};
use simulation::world::Canary;
use simulation::{Command, NewAccount, OutgoingNotice, Reply, Request, Simulator, World};
use url::Url;

use crate::plan::Forgery;

/// The provider's id.
pub const ID: &str = "avalpay";
/// Where its port would be.
const ORIGIN: &str = "http://avalpay.localhost:4051";
/// Where its notices go is never looked at: the histories deliver them.
const NOTICES: &str = "http://caudal.localhost:4040/notices";
/// Who pays.
const SHOPPER: [(&str, &str); 8] = [
    ("expiry", "11/30"),
    ("cvv", "123"),
    ("installments", "1"),
    ("holder_name", "Mariana"),
    ("holder_surname", "Prueba"),
    ("document_type", "CC"),
    ("document", "1093847561"),
    ("mobile", "3005550147"),
];

/// A public test card, by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// Approved at once.
    Approved,
    /// Declined at once; the session stays open.
    Denied,
    /// Decided by a bank after a while.
    PendingApproved,
    /// The same, declined.
    PendingDenied,
    /// Reviewed until somebody decides.
    Reviewed,
    /// Approved after three minutes.
    SlowApproved,
    /// The network fails.
    Broken,
}

impl Card {
    /// Every card.
    pub const ALL: [Self; 7] = [
        Self::Approved,
        Self::Denied,
        Self::PendingApproved,
        Self::PendingDenied,
        Self::Reviewed,
        Self::SlowApproved,
        Self::Broken,
    ];

    /// Its number.
    pub const fn number(self) -> &'static str {
        match self {
            Self::Approved => "4110760000000081",
            Self::Denied => "4110760000000016",
            Self::PendingApproved => "4110760000000073",
            Self::PendingDenied => "4048370000000037",
            Self::Reviewed => "4532034637206853",
            Self::SlowApproved => "4110760000000024",
            Self::Broken => "4110760000000065",
        }
    }
}

/// How the provider says that a session stands.
#[derive(Clone, Debug)]
pub struct Session {
    /// The provider's number.
    pub id: String,
    /// The merchant's reference.
    pub reference: String,
    /// Status word and reason.
    pub status: (String, String),
}

/// The provider.
pub struct Provider {
    simulator: Simulated,
    clock: Clock,
    chance: StdRng,
    /// What really happened to money.
    pub ledger: Vec<Entry>,
    /// Notices to be sent, oldest first.
    pub notices: VecDeque<OutgoingNotice>,
    /// References whose charge was given back.
    refunded: BTreeSet<String>,
    /// The page of each session, by the session's number.
    pages: BTreeMap<String, Url>,
}

/// The client that the hub speaks through.
pub fn protocol() -> Arc<dyn Protocol> {
    Arc::new(Client)
}

impl Provider {
    /// A provider with an account for each name, and the accounts as the hub knows them: by the same names.
    pub fn open(clock: Clock, seed: u64, merchants: &[String]) -> (Self, Vec<Account>) {
        let mut provider = Self {
            simulator: Simulated::new(),
            clock,
            chance: StdRng::seed_from_u64(seed),
            ledger: Vec::new(),
            notices: VecDeque::new(),
            refunded: BTreeSet::new(),
            pages: BTreeMap::new(),
        };
        let accounts = merchants.iter().map(|merchant| provider.open_account(merchant)).collect();
        (provider, accounts)
    }

    fn open_account(&mut self, merchant: &str) -> Account {
        let wanted = NewAccount {
            name: merchant.to_owned(),
            notification_url: Some(NOTICES.to_owned()),
            settings: BTreeMap::new(),
        };
        let opened = self.act(|simulator, world| simulator.open_account(wanted, world));
        let issued = opened.map(|account| account.credentials).unwrap_or_default();
        let issued = |name: &str| issued.get(name).cloned().unwrap_or_default();
        Account {
            id: merchant.to_owned(),
            merchant: merchant.to_owned(),
            provider: ID.to_owned(),
            environment: Environment::Test,
            base_url: address(ORIGIN),
            credentials: BTreeMap::from([("login".into(), issued("login"))]),
            secrets: BTreeMap::from([("secret_key".into(), vec![SecretString::from(issued("secret_key"))])]),
            settings: BTreeMap::new(),
        }
    }

    /// Answers a call of the hub.
    pub fn answer(&mut self, sent: &Sent) -> Reply {
        let headers = sent.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let request = request(sent.method, &sent.url, headers.collect(), sent.body.to_vec());
        let mut reply = self.act(|simulator, world| simulator.handle(&request, world));
        if Self::session_of(sent).is_none() {
            self.note_page(&reply.body);
        }
        reply.body = self.with_refunds(reply.body);
        reply
    }

    fn note_page(&mut self, created: &[u8]) {
        let Ok(tree) = strict_json::parse(created) else { return };
        let id = tree.get("requestId").and_then(Value::number_text);
        let page = tree.get("processUrl").and_then(Value::as_str).and_then(|text| text.parse().ok());
        if let (Some(id), Some(page)) = (id, page) {
            self.pages.insert(id.to_owned(), page);
        }
    }

    /// Where a session is paid.
    pub fn page_of(&self, session: &str) -> Option<Url> {
        self.pages.get(session).cloned()
    }

    /// The session that a call is about, when it is about one.
    pub fn session_of(sent: &Sent) -> Option<String> {
        let segments: Vec<&str> = sent.url.path_segments()?.collect();
        let after = segments.iter().position(|segment| *segment == "session")?;
        segments.get(after + 1).map(|id| (*id).to_owned())
    }

    /// What proves that a call is the merchant's: nobody may keep it.
    pub fn proofs_of(sent: &Sent) -> Vec<String> {
        let Ok(tree) = strict_json::parse(&sent.body) else { return Vec::new() };
        let members = ["tranKey", "nonce"].map(|name| tree.at(&["auth", name]).and_then(Value::as_str));
        members.into_iter().flatten().map(ToOwned::to_owned).collect()
    }

    /// The account that a call is made for, by its login; the account of the other merchant has another.
    pub fn account_of(&self, sent: &Sent) -> Option<String> {
        let headers = sent.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        self.simulator.account_of(&request(sent.method, &sent.url, headers.collect(), sent.body.to_vec()))
    }

    /// A shopper pays on the page, as far as it lets them.
    pub fn pay(&mut self, page: &Url, card: Card) {
        let page = page.as_str().trim_end_matches('/');
        self.step("POST", &format!("{page}/email"), &[("email", "compradora@correo.example")]);
        let form = self.step("GET", &format!("{page}/card"), &[]);
        let html = String::from_utf8_lossy(&form.body).into_owned();
        // Without a form the session takes no attempt.
        let Some(token) = between(&html, "name=\"form_token\" value=\"", "\"") else { return };
        let mut fields = vec![("form_token", token), ("card_number", card.number())];
        fields.extend(SHOPPER);
        self.step("POST", &format!("{page}/card"), &fields);
    }

    /// A shopper gives up on the page.
    pub fn abandon(&mut self, page: &Url) {
        let page = page.as_str().trim_end_matches('/');
        self.step("POST", &format!("{page}/abandon"), &[]);
    }

    fn step(&mut self, method: &'static str, page: &str, fields: &[(&str, &str)]) -> Reply {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = vec![("content-type".into(), "application/x-www-form-urlencoded".into())];
        let request = request(method, &address(page), headers, form.into_bytes());
        self.act(|simulator, world| simulator.handle(&request, world))
    }

    /// Decides the attempt in flight of a session; without one nothing happens.
    pub fn decide(&mut self, session: &str, is_approved: bool) {
        let outcome = if is_approved { "approved" } else { "rejected" };
        let id: u64 = session.parse().unwrap_or(0);
        let command = Command {
            name: "resolve_pending".into(),
            arguments: json!({ "request_id": id, "outcome": outcome }),
        };
        // A session without an attempt in flight refuses.
        let _ = self.act(|simulator, world| simulator.command(&command, world));
    }

    /// Gives back what was charged under a reference, if anything was.
    pub fn refund(&mut self, reference: &str) {
        let Some(charge) = self.charges(reference).first().map(|charge| (*charge).clone()) else { return };
        if self.refunded.insert(reference.to_owned()) {
            let at = self.clock.now();
            self.ledger.push(Entry { kind: "refund".into(), at, ..charge });
        }
    }

    /// Whether what was charged under a reference was given back.
    pub fn is_refunded(&self, reference: &str) -> bool {
        self.refunded.contains(reference)
    }

    /// The approved charges under a reference.
    pub fn charges(&self, reference: &str) -> Vec<&Entry> {
        let is_charge = |entry: &&Entry| {
            entry.reference == reference && entry.kind == "charge" && entry.state == "approved"
        };
        self.ledger.iter().filter(is_charge).collect()
    }

    /// The sessions, newest first; the simulator shows two hundred at most.
    pub fn sessions(&mut self) -> Vec<Session> {
        let command = Command { name: "sessions".into(), arguments: json!({}) };
        let listed = self.act(|simulator, world| simulator.command(&command, world)).unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let sessions = listed["sessions"].as_array().into_iter().flatten();
        sessions
            .map(|session| Session {
                id: session["request_id"].to_string(),
                reference: text(&session["reference"]),
                status: (text(&session["status"]), text(&session["reason"])),
            })
            .collect()
    }

    /// What a forger is told (PROTOCOL.md 14.1).
    pub const fn reply_to(forgery: Forgery) -> u16 {
        match forgery {
            Forgery::Outcome | Forgery::Signature | Forgery::Unsigned | Forgery::Account => 401,
            Forgery::Reference => 404,
            Forgery::Half => 400,
        }
    }

    /// What a forger makes of a genuine notice.
    pub fn forge(body: &[u8], forgery: Forgery, other_reference: &str) -> Vec<u8> {
        if forgery == Forgery::Half {
            return body[..body.len() / 2].to_vec();
        }
        let Ok(mut tree) = strict_json::parse(body) else { return body.to_vec() };
        let was_approved = tree.at(&["status", "status"]).and_then(Value::as_str) == Some("APPROVED");
        let outcome = if was_approved { "REJECTED" } else { "APPROVED" };
        let (member, value): (&[&str], &str) = match forgery {
            Forgery::Outcome => (&["status", "status"], outcome),
            Forgery::Signature => (&["signature"], "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"),
            Forgery::Unsigned => (&["signature"], ""),
            Forgery::Reference => (&["reference"], other_reference),
            Forgery::Account | Forgery::Half => return body.to_vec(),
        };
        if let Some(place) = tree.at_mut(member) {
            *place = Value::text(value);
        }
        tree.to_text().into_bytes()
    }

    /// Does what is due by itself.
    pub fn wake(&mut self) {
        self.act(|simulator, world| simulator.wake(world));
    }

    /// When something happens next by itself.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.simulator.next_due()
    }

    fn act<R>(&mut self, act: impl FnOnce(&mut Simulated, &mut dyn World) -> R) -> R {
        let Self { simulator, clock, chance, ledger, notices, .. } = self;
        act(simulator, &mut Surroundings { now: clock.now(), chance, ledger, notices })
    }

    /// An answer as the provider gives it once a charge was given back: it marks the charge and says no more.
    fn with_refunds(&self, body: Vec<u8>) -> Vec<u8> {
        if self.refunded.is_empty() {
            return body;
        }
        let Ok(mut tree) = strict_json::parse(&body) else { return body };
        let count = tree.get("payment").and_then(Value::items).map_or(0, <[Value]>::len);
        for index in (0..count).map(|index| index.to_string()) {
            let text = |path: &[&str]| tree.at(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            let is_charge = text(&["payment", &index, "status", "status"]) == "APPROVED";
            let is_refunded = self.refunded.contains(&text(&["payment", &index, "reference"]));
            if let (true, true, Some(mark)) =
                (is_charge, is_refunded, tree.at_mut(&["payment", &index, "refunded"]))
            {
                *mark = Value::Bool(true);
            }
        }
        tree.to_text().into_bytes()
    }
}

/// The world of the simulator while it acts.
struct Surroundings<'a> {
    now: Timestamp,
    chance: &'a mut StdRng,
    ledger: &'a mut Vec<Entry>,
    notices: &'a mut VecDeque<OutgoingNotice>,
}

impl World for Surroundings<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn random(&mut self, bytes: &mut [u8]) {
        self.chance.fill_bytes(bytes);
    }

    fn notify(&mut self, notice: OutgoingNotice) {
        self.notices.push_back(notice);
    }

    fn mail(&mut self, _message: Message) {}

    fn book(&mut self, entry: Entry) {
        self.ledger.push(entry);
    }

    fn verdict(&mut self, _rule: &str, _passed: bool, _detail: &str) {}

    fn canary(&self, _number: &str) -> Option<Canary> {
        None
    }
}

fn request(method: &str, url: &Url, headers: Vec<(String, String)>, body: Vec<u8>) -> Request {
    Request {
        method: method.to_owned(),
        path: url.path().to_owned(),
        query: url.query().unwrap_or_default().to_owned(),
        headers,
        body,
        peer: "127.0.0.1:53122".to_owned(),
        origin: ORIGIN.to_owned(),
    }
}

fn address(text: &str) -> Url {
    Url::parse(text).expect("an address of the simulator's own")
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}
