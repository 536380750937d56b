//! The providers whose histories are told: their simulators without ports, one ledger, the notices that wait, and what
//! shoppers do with what they are given. What is so of one of them alone stands in a file of its own below.

mod aval_pay;
mod et_pay;
mod pago_efectivo;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hub::Clock;
use payment::account::{Account, Environment};
use payment::profile::SettingKind;
use payment::step::Request as Sent;
use payment::{Provider as Protocol, Status, Timestamp};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use secrecy::SecretString;
use simulation::inbox::Message;
use simulation::ledger::Entry;
use simulation::strict_json::{self, Value};
use simulation::world::Canary;
use simulation::{Command, NewAccount, OutgoingNotice, Reply, Request, Simulator, World};
use url::Url;

pub use self::aval_pay::Card;
use crate::plan::Forgery;

/// Where notices go is never looked at: the histories deliver them.
const NOTICES: &str = "http://caudal.localhost:4040/notices";

/// Which provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Cards on a hosted page, notices that make the hub ask.
    #[default]
    AvalPay,
    /// Codes paid in cash, access tokens, creations that are never repeated, notices that are believed.
    PagoEfectivo,
    /// Transfers, a key of its own for each session, notices that are believed.
    EtPay,
}

impl Part {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::AvalPay, Self::PagoEfectivo, Self::EtPay];

    /// Its id.
    pub fn id(self) -> &'static str {
        self.protocol().profile().id
    }

    /// The client that the hub speaks through.
    pub fn protocol(self) -> Arc<dyn Protocol> {
        match self {
            Self::AvalPay => Arc::new(placetopay_client::checkout::AvalPay),
            Self::PagoEfectivo => Arc::new(pagoefectivo_client::PagoEfectivo),
            Self::EtPay => Arc::new(etpay_client::EtPay),
        }
    }

    fn simulator(self) -> Box<dyn Simulator> {
        match self {
            Self::AvalPay => Box::new(placetopay_simulator::checkout::AvalPay::new()),
            Self::PagoEfectivo => Box::new(pagoefectivo_simulator::PagoEfectivo::new()),
            Self::EtPay => Box::new(etpay_simulator::EtPay::new()),
        }
    }

    /// Where its port would be.
    const fn origin(self) -> &'static str {
        match self {
            Self::AvalPay => "http://avalpay.localhost:4051",
            Self::PagoEfectivo => "http://pagoefectivo.localhost:4052",
            Self::EtPay => "http://etpay.localhost:4053",
        }
    }

    /// The merchant's account at it.
    pub fn account_of(self, merchant: &str) -> String {
        format!("{merchant}-{}", self.id())
    }

    /// The provider of an account.
    pub fn of_account(account: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| account.ends_with(&format!("-{}", part.id())))
    }

    fn at(url: &Url) -> Self {
        let is_there = |part: &Self| address(part.origin()).origin() == url.origin();
        Self::ALL.into_iter().find(is_there).unwrap_or_default()
    }

    /// The currency of its orders.
    pub const fn currency(self) -> &'static str {
        match self {
            Self::AvalPay => "COP",
            Self::PagoEfectivo => "PEN",
            Self::EtPay => "CLP",
        }
    }

    /// What a drawn amount comes to, in minor units that it takes.
    pub const fn minor(self, amount: i64) -> i64 {
        match self {
            Self::AvalPay => amount * 100,
            Self::PagoEfectivo | Self::EtPay => amount,
        }
    }

    /// Whether an order may end so many minutes ahead.
    pub const fn takes_life(self, minutes: i64) -> bool {
        match self {
            Self::AvalPay | Self::PagoEfectivo => true,
            Self::EtPay => minutes >= 30,
        }
    }

    /// Whether every return of the shopper makes the hub ask, or only one to an open payment.
    pub const fn asks_on_every_return(self) -> bool {
        matches!(self, Self::AvalPay)
    }

    /// Whether a payment that had ended in this way may turn out to be something else: a failure that our own clock told, or
    /// that the provider takes back.
    pub fn may_become(self, before: Status, after: Status) -> bool {
        match self {
            Self::AvalPay => (before, after) == (Status::Approved, Status::Reversed),
            Self::PagoEfectivo => {
                before == Status::Expired && matches!(after, Status::Approved | Status::Cancelled)
            }
            Self::EtPay => {
                (before == Status::Expired && !after.is_open())
                    || (before == Status::Rejected && after == Status::Approved)
            }
        }
    }

    /// What the hub may say in the end of what stands so at the provider.
    pub fn may_end(self, session: &Session, is_charged: bool, is_refunded: bool) -> &'static [Status] {
        match self {
            Self::AvalPay => aval_pay::may_end(session, is_charged, is_refunded),
            Self::PagoEfectivo => pago_efectivo::may_end(session),
            Self::EtPay => et_pay::may_end(session),
        }
    }

    /// Whether a creation that may have been done is never repeated.
    pub const fn holds_lost_creations(self) -> bool {
        matches!(self, Self::PagoEfectivo)
    }

    /// Most notices of one session that have an effect.
    pub const fn notices_of_a_session(self) -> usize {
        match self {
            Self::AvalPay | Self::PagoEfectivo => 1,
            // A failure that is taken back is told too.
            Self::EtPay => 2,
        }
    }

    /// What a forger is told.
    pub const fn reply_to(self, forgery: Forgery) -> u16 {
        match self {
            Self::AvalPay => aval_pay::reply_to(forgery),
            Self::PagoEfectivo => pago_efectivo::reply_to(forgery),
            Self::EtPay => et_pay::reply_to(forgery),
        }
    }

    /// What a forger makes of a genuine notice.
    pub fn forge(self, notice: &mut OutgoingNotice, forgery: Forgery, other_reference: &str) {
        match self {
            Self::AvalPay => aval_pay::forge(notice, forgery, other_reference),
            Self::PagoEfectivo => pago_efectivo::forge(notice, forgery, other_reference),
            Self::EtPay => et_pay::forge(notice, forgery, other_reference),
        }
    }
}

/// How a provider says that a session stands.
#[derive(Clone, Debug)]
pub struct Session {
    /// The provider's number or token.
    pub id: String,
    /// The merchant's reference.
    pub reference: String,
    /// Status word and reason.
    pub status: (String, String),
}

/// Who pays with a card that the provider takes for its approved test card.
#[derive(Clone, Debug)]
pub struct Payer {
    /// The card's number.
    pub number: &'static str,
    /// The code on its back.
    pub code: &'static str,
}

/// All providers.
pub struct Provider {
    simulators: BTreeMap<Part, Box<dyn Simulator>>,
    clock: Clock,
    chance: StdRng,
    /// What really happened to money.
    pub ledger: Vec<Entry>,
    /// Notices to be sent, oldest first.
    pub notices: VecDeque<OutgoingNotice>,
    /// Who pays instead of the usual shopper, if anybody does.
    pub payer: Option<Payer>,
    /// References whose charge was given back.
    refunded: BTreeSet<String>,
    /// What was opened: the provider, and where it is paid if it has a page.
    opened: BTreeMap<String, (Part, Option<Url>)>,
}

impl Provider {
    /// Providers with an account for each merchant, and the accounts as the hub knows them: by the same names.
    pub fn open(clock: Clock, seed: u64, merchants: &[String]) -> (Self, Vec<Account>) {
        let mut provider = Self {
            simulators: Part::ALL.map(|part| (part, part.simulator())).into(),
            clock,
            chance: StdRng::seed_from_u64(seed),
            ledger: Vec::new(),
            notices: VecDeque::new(),
            payer: None,
            refunded: BTreeSet::new(),
            opened: BTreeMap::new(),
        };
        let each = |part: Part| merchants.iter().map(move |merchant| (part, merchant));
        let accounts = Part::ALL.into_iter().flat_map(each);
        let accounts = accounts.map(|(part, merchant)| provider.open_account(part, merchant)).collect();
        (provider, accounts)
    }

    fn open_account(&mut self, part: Part, merchant: &str) -> Account {
        let settings = match part {
            Part::AvalPay | Part::PagoEfectivo => BTreeMap::new(),
            Part::EtPay => et_pay::account_settings(),
        };
        let id = part.account_of(merchant);
        let wanted = NewAccount { name: id.clone(), notification_url: Some(NOTICES.to_owned()), settings };
        let opened = self.act(part, |simulator, world| simulator.open_account(wanted, world));
        let issued = opened.map(|account| account.credentials).unwrap_or_default();
        let (mut credentials, mut secrets) = (BTreeMap::new(), BTreeMap::new());
        for setting in part.protocol().profile().settings {
            let Some(value) = issued.get(setting.name).cloned() else { continue };
            match setting.kind {
                SettingKind::Credential => {
                    credentials.insert(setting.name.to_owned(), value);
                }
                SettingKind::Secret => {
                    secrets.insert(setting.name.to_owned(), vec![SecretString::from(value)]);
                }
                SettingKind::OneOf(_) | SettingKind::Number { .. } | SettingKind::Text => {}
            }
        }
        Account {
            id,
            merchant: merchant.to_owned(),
            provider: part.id().to_owned(),
            environment: Environment::Test,
            base_url: address(part.origin()),
            credentials,
            secrets,
            settings: BTreeMap::new(),
        }
    }

    /// Answers a call of the hub.
    pub fn answer(&mut self, sent: &Sent) -> Reply {
        let part = Part::at(&sent.url);
        let request = request_of(part, sent);
        let mut reply = self.act(part, |simulator, world| simulator.handle(&request, world));
        self.note_opened(part, sent, &reply.body);
        if part == Part::AvalPay {
            reply.body = self.with_refunds(reply.body);
        }
        reply
    }

    fn note_opened(&mut self, part: Part, sent: &Sent, answer: &[u8]) {
        let Ok(tree) = strict_json::parse(answer) else { return };
        let opened = match part {
            Part::AvalPay => aval_pay::opened(sent, &tree),
            Part::PagoEfectivo => pago_efectivo::opened(sent, &tree).map(|cip| (cip, None)),
            Part::EtPay => et_pay::opened(sent, &tree).map(|session| (session, None)),
        };
        if let Some((session, page)) = opened {
            self.opened.insert(session, (part, page));
        }
    }

    /// The session that a call is about, when it is about one.
    pub fn session_of(sent: &Sent) -> Option<String> {
        match Part::at(&sent.url) {
            Part::AvalPay => aval_pay::session_of(sent),
            Part::PagoEfectivo => pago_efectivo::session_of(sent),
            Part::EtPay => et_pay::session_of(sent),
        }
    }

    /// What proves that a call is the merchant's: nobody may keep it.
    pub fn proofs_of(sent: &Sent) -> Vec<String> {
        let bearer = sent.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let bearer = bearer.and_then(|(_, value)| value.strip_prefix("Bearer ")).map(ToOwned::to_owned);
        let Ok(tree) = strict_json::parse(&sent.body) else { return bearer.into_iter().collect() };
        let members: [&[&str]; 3] = [&["auth", "tranKey"], &["auth", "nonce"], &["hashString"]];
        let members = members.into_iter().filter_map(|member| tree.at(member).and_then(Value::as_str));
        members.map(ToOwned::to_owned).chain(bearer).collect()
    }

    /// The secrets that an answer gives: nobody may keep them in plain text either.
    pub fn secrets_in(sent: &Sent, reply: &Reply) -> Vec<String> {
        let Ok(tree) = strict_json::parse(&reply.body) else { return Vec::new() };
        let member: &[&str] = match sent.operation {
            "authorize" => &["data", "token"],
            "initialize_session" => &["signature_token"],
            _ => return Vec::new(),
        };
        tree.at(member).and_then(Value::as_str).map(ToOwned::to_owned).into_iter().collect()
    }

    /// The account that a call is made for, by what proves it.
    pub fn account_of(&self, sent: &Sent) -> Option<String> {
        let part = Part::at(&sent.url);
        self.simulators[&part].account_of(&request_of(part, sent))
    }

    /// A shopper pays what was opened, as far as that lets them.
    pub fn pay(&mut self, session: &str, card: Card) {
        match self.opened.get(session).cloned() {
            Some((Part::AvalPay, Some(page))) => self.pay_on_page(&page, card),
            Some((Part::PagoEfectivo, _)) => self.pay_cip(session),
            Some((Part::EtPay, _)) => self.decide(session, card.is_approved()),
            Some((Part::AvalPay, None)) | None => {}
        }
    }

    /// Somebody pays what was opened under a reference, although nobody told them of it.
    pub fn pay_what_nobody_knows(&mut self, reference: &str) {
        let is_ours = |session: &Session| session.reference == reference;
        let sessions = self.sessions_of(Part::PagoEfectivo);
        if let Some(session) = sessions.into_iter().find(is_ours) {
            self.pay_cip(&session.id);
        }
    }

    /// A shopper gives up.
    pub fn abandon(&mut self, session: &str) {
        match self.opened.get(session).cloned() {
            Some((Part::AvalPay, Some(page))) => self.abandon_page(&page),
            Some((Part::EtPay, _)) => self.decide(session, false),
            Some((Part::AvalPay | Part::PagoEfectivo, _)) | None => {}
        }
    }

    /// Decides the attempt in flight of a session; without one nothing happens.
    pub fn decide(&mut self, session: &str, is_approved: bool) {
        let Some((part, _)) = self.opened.get(session) else { return };
        let command = match part {
            Part::AvalPay => aval_pay::decision(session, is_approved),
            Part::PagoEfectivo => return,
            Part::EtPay => et_pay::decision(session, is_approved),
        };
        // A session without an attempt in flight refuses.
        let _ = self.act(*part, |simulator, world| simulator.command(&command, world));
    }

    /// Gives back what was charged under a reference, if anything was and the provider can.
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

    /// The sessions of all, newest first; each simulator shows two hundred at most.
    pub fn sessions(&mut self) -> Vec<Session> {
        Part::ALL.into_iter().flat_map(|part| self.sessions_of(part)).collect()
    }

    fn sessions_of(&mut self, part: Part) -> Vec<Session> {
        let name = if part == Part::PagoEfectivo { "cips" } else { "sessions" };
        let command = Command { name: name.into(), arguments: serde_json::json!({}) };
        let listed = self.act(part, |simulator, world| simulator.command(&command, world));
        let listed = listed.unwrap_or_default();
        let read = match part {
            Part::AvalPay => aval_pay::session,
            Part::PagoEfectivo => pago_efectivo::session,
            Part::EtPay => et_pay::session,
        };
        listed[name].as_array().into_iter().flatten().map(read).collect()
    }

    /// Does what is due by itself.
    pub fn wake(&mut self) {
        for part in Part::ALL {
            self.act(part, |simulator, world| simulator.wake(world));
        }
    }

    /// When something happens next by itself.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.simulators.values().filter_map(|simulator| simulator.next_due()).min()
    }

    fn act<R>(&mut self, part: Part, act: impl FnOnce(&mut dyn Simulator, &mut dyn World) -> R) -> R {
        let Self { simulators, clock, chance, ledger, notices, payer, .. } = self;
        let simulator = simulators.get_mut(&part).expect("every provider takes part");
        let payer = payer.as_ref();
        act(simulator.as_mut(), &mut Surroundings { now: clock.now(), chance, ledger, notices, payer })
    }
}

/// The world of the simulator while it acts.
struct Surroundings<'a> {
    now: Timestamp,
    chance: &'a mut StdRng,
    ledger: &'a mut Vec<Entry>,
    notices: &'a mut VecDeque<OutgoingNotice>,
    payer: Option<&'a Payer>,
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

    fn canary(&self, number: &str) -> Option<Canary> {
        let is_payer = self.payer.is_some_and(|payer| payer.number == number);
        let acts_as = Card::Approved.number().to_owned();
        is_payer.then(|| Canary { id: "the payer's own".to_owned(), acts_as })
    }
}

fn request_of(part: Part, sent: &Sent) -> Request {
    let headers = sent.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    request(part, sent.method, &sent.url, headers.collect(), sent.body.to_vec())
}

fn request(part: Part, method: &str, url: &Url, headers: Vec<(String, String)>, body: Vec<u8>) -> Request {
    Request {
        method: method.to_owned(),
        path: url.path().to_owned(),
        query: url.query().unwrap_or_default().to_owned(),
        headers,
        body,
        peer: "127.0.0.1:53122".to_owned(),
        origin: part.origin().to_owned(),
    }
}

fn address(text: &str) -> Url {
    Url::parse(text).expect("an address of the simulator's own")
}

/// The text of a member.
fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}
