//! The world of one history: the hub in one of its lives, its partners, and what each of them knows.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use hub::chance::Chance;
use hub::crash::rehearsal;
use hub::outbound::Outbound;
use hub::store::{Endpoint, IN_MEMORY, Store};
use hub::{Clock, Hub, Providers, Settings, flow, server};
use jiff::SignedDuration;
use payment::Timestamp;
use payment::id::{AttemptId, EndpointId, PaymentId};
use simulation::OutgoingNotice;
use tokio::sync::oneshot;

use crate::clients::{self, Answer, merchant_id};
use crate::plan::{Forgery, Hardship, MERCHANTS, Operation, Sending};
use crate::provider::{Part, Provider};
use crate::wire::{Meanwhile, Wire, endpoint_of};

/// When a history begins.
const START: &str = "2026-03-14T15:00:00Z";
/// The secret by which every endpoint verifies its events.
pub const ENDPOINT_SECRET: &[u8] = b"a secret of the histories, 32 byt";
/// Most hardships, and most moods, that wait.
const SPOILED_LIMIT: usize = 4;
/// Calls that an outage spoils: more than a breaker lets through.
const OUTAGE_CALLS: usize = 7;
/// How long a hub is away that is started anew.
const RESTART: SignedDuration = SignedDuration::from_secs(16);
/// How long what a dead hub had under way may take to end, in real time.
const DYING_PATIENCE: Duration = Duration::from_secs(10);

/// The world.
pub struct World {
    pub clock: Clock,
    pub wire: Arc<Wire>,
    pub store: Store,
    seed: u64,
    settings: Settings,
    life: RefCell<Option<Life>>,
    lives: Cell<u64>,
    pub orders: RefCell<Vec<Order>>,
    /// The order of each session that the hub knows.
    pub sessions: RefCell<BTreeMap<String, usize>>,
    /// The orders that the running step concerns.
    pub touched: RefCell<BTreeSet<usize>>,
    findings: RefCell<Vec<String>>,
    /// Of everything that was seen: two runs of one seed have the same.
    pub digest: RefCell<DefaultHasher>,
    counter: Cell<u64>,
}

/// The hub, until it dies.
#[derive(Clone)]
struct Life {
    hub: Arc<Hub>,
    router: Router,
}

/// An order as its merchant and its shopper know it, and as it was last judged.
#[derive(Clone, Debug, Default)]
pub struct Order {
    pub merchant: usize,
    pub part: Part,
    pub reference: String,
    pub key: String,
    pub body: String,
    pub minor: i64,
    /// The answer that told of the payment.
    pub told: Option<String>,
    pub payment: Option<PaymentId>,
    /// Whether the merchant was told how it is paid.
    pub is_payable: bool,
    /// The provider's number of the session.
    pub session: Option<String>,
    /// The newest attempt, for its way back, and its reference.
    pub attempt: Option<AttemptId>,
    pub attempt_reference: Option<String>,
    /// Version, facts and lines of history when it was last judged.
    pub judged: (i64, usize, usize),
}

impl World {
    /// A world in which nothing has happened.
    pub async fn begin(seed: u64) -> Self {
        let start: Timestamp = START.parse().expect("an instant of the histories' own");
        let clock = Clock::by_hand(start);
        let merchants: Vec<String> = (0..MERCHANTS).map(merchant_id).collect();
        let (provider, accounts) = Provider::open(clock.clone(), seed, &merchants);
        let store = Store::connect(IN_MEMORY).await.expect("a database in memory");
        store.migrate().await.expect("the schema");
        let world = Self {
            clock,
            wire: Wire::new(provider),
            store,
            seed,
            settings: clients::settings(accounts),
            life: RefCell::default(),
            lives: Cell::new(0),
            orders: RefCell::default(),
            sessions: RefCell::default(),
            touched: RefCell::default(),
            findings: RefCell::default(),
            digest: RefCell::default(),
            counter: Cell::new(0),
        };
        rehearsal::begin(None);
        world.begin_life();
        world.open_endpoints().await;
        world
    }

    /// Starts the hub on the database as it is.
    fn begin_life(&self) {
        let number = self.lives.get() + 1;
        self.lives.set(number);
        let chance = Chance::of_seed(self.seed ^ number.rotate_left(48));
        let outbound = Outbound::over(Arc::<Wire>::clone(&self.wire), &self.settings.events);
        let providers = Providers::new(Part::ALL.map(Part::protocol).into());
        let (settings, clock, store) = (self.settings.clone(), self.clock.clone(), self.store.clone());
        let hub = Hub::with(settings, providers, clock, store, outbound, chance).expect("a hub");
        {
            let mut state = self.wire.state();
            state.hub = Arc::downgrade(&hub);
            state.rests.forget();
        }
        let router = server::router(Arc::clone(&hub));
        self.life.replace(Some(Life { hub, router }));
    }

    /// Ends the hub with all that it has under way, and starts it anew.
    pub async fn restart(&self) {
        self.life.replace(None);
        let began = Instant::now();
        while self.wire.state().hub.strong_count() > 0 {
            if began.elapsed() > DYING_PATIENCE {
                self.find("what the hub had under way does not end");
                break;
            }
            tokio::task::yield_now().await;
        }
        // By then nobody waits for what a dead hub had claimed to get an access token: in these histories no time passes for
        // those who wait.
        self.pass(RESTART).await;
        rehearsal::begin(None);
        self.begin_life();
    }

    /// Waits until the hub has done what it does for callers who were told to come again.
    pub async fn quiet(&self) {
        let (hub, began) = (self.hub(), Instant::now());
        while hub.busy.load(Ordering::SeqCst) > 0 && rehearsal::died_at().is_none() {
            if began.elapsed() > DYING_PATIENCE {
                return self.find("what the hub has under way does not end");
            }
            tokio::task::yield_now().await;
        }
    }

    async fn open_endpoints(&self) {
        let hub = self.hub();
        for merchant in 0..MERCHANTS {
            let endpoint = Endpoint {
                id: EndpointId::new(self.clock.now(), hub.entropy()),
                merchant_id: merchant_id(merchant),
                url: endpoint_of(merchant),
                disabled_reason: None,
                created_at: self.clock.now(),
            };
            let place = format!("event_endpoint/secret/{}", endpoint.id);
            let sealed = hub.vault.seal(&place, ENDPOINT_SECRET).expect("a sealed secret");
            self.store.insert_endpoint(&endpoint, &sealed, "history").await.expect("an endpoint");
        }
    }

    /// The hub of this life.
    pub fn hub(&self) -> Arc<Hub> {
        Arc::clone(&self.life.borrow().as_ref().expect("the hub lives").hub)
    }

    /// The routes of this life.
    pub fn router(&self) -> Router {
        self.life.borrow().as_ref().expect("the hub lives").router.clone()
    }

    /// Notes something that must not be.
    pub fn find(&self, what: impl Into<String>) {
        self.findings.borrow_mut().push(what.into());
    }

    /// The first thing noted that must not be.
    pub fn finding(&self) -> Option<String> {
        self.findings.borrow().first().cloned()
    }

    /// Adds something seen to the digest.
    pub fn note(&self, seen: impl Hash) {
        seen.hash(&mut *self.digest.borrow_mut());
    }

    /// Lets time pass for everybody.
    pub async fn pass(&self, time: SignedDuration) {
        self.clock.pass(time);
        tokio::time::advance(Duration::try_from(time).unwrap_or_default()).await;
        self.wire.state().provider.wake();
    }

    /// One of the latest orders, by a number; marks it as touched.
    fn order(&self, which: usize) -> Option<usize> {
        let last = self.orders.borrow().len().checked_sub(1)?;
        let index = last - which.min(last);
        self.touched.borrow_mut().insert(index);
        Some(index)
    }

    fn of_order<T>(&self, index: usize, read: impl FnOnce(&Order) -> T) -> T {
        read(&self.orders.borrow()[index])
    }

    fn count(&self) -> u64 {
        self.counter.set(self.counter.get() + 1);
        self.counter.get()
    }

    /// Performs one operation. One that names what is not there does nothing.
    pub fn perform<'a>(&'a self, operation: &'a Operation) -> LocalBoxFuture<'a, ()> {
        async move {
            match operation {
                Operation::Order { merchant, part, amount, minutes } => {
                    self.place_order(*merchant, *part, *amount, *minutes).await;
                }
                Operation::Repeat(_)
                | Operation::Misuse(_)
                | Operation::Reuse(_)
                | Operation::Cancel(_)
                | Operation::Return(_)
                | Operation::Pay(..)
                | Operation::PayUnseen(_)
                | Operation::Abandon(_)
                | Operation::Decide { .. }
                | Operation::Refund(_) => self.concern_order(operation).await,
                Operation::Notice(which, sending) => self.send_notice(*which, *sending).await,
                Operation::Replay(which) => self.replay(*which).await,
                Operation::Forge(which, forgery) => self.forge(*which, *forgery).await,
                Operation::Hardship(hardship) => {
                    let hardships = &mut self.wire.state().hardships;
                    if hardships.len() < SPOILED_LIMIT {
                        hardships.push_back(*hardship);
                    }
                }
                Operation::Outage => {
                    self.wire.state().hardships = [Hardship::NoConnection; OUTAGE_CALLS].into();
                }
                Operation::Mood { merchant, mood } => {
                    let moods = &mut self.wire.state().moods[*merchant];
                    if moods.len() < SPOILED_LIMIT {
                        moods.push_back(*mood);
                    }
                }
                Operation::Work(limit) => {
                    self.work(*limit).await;
                }
                Operation::Deliver(limit) => {
                    self.deliver(*limit).await;
                }
                Operation::Within(outer, inner) => self.perform_within(outer, inner).await,
                Operation::Wait(seconds) => self.pass(SignedDuration::from_secs(*seconds)).await,
                Operation::Die(arrivals) => rehearsal::begin(Some(*arrivals)),
                Operation::Restart => self.restart().await,
                Operation::Settle { is_silent } => self.settle(*is_silent).await,
            }
        }
        .boxed_local()
    }

    /// Performs one operation within the first call of another.
    async fn perform_within(&self, outer: &Operation, inner: &Operation) {
        let (begin, begun) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        self.wire.state().meanwhile = Some(Meanwhile { begin, end });
        let outer = async {
            self.perform(outer).await;
            // No call came: what waits for one goes on without.
            self.wire.state().meanwhile = None;
        };
        let inner = async {
            // An error says that there was no call, or that the hub died before.
            let _ = begun.await;
            self.perform(inner).await;
            let _ = ended.send(());
        };
        futures_util::join!(outer, inner);
    }

    async fn concern_order(&self, operation: &Operation) {
        let (Operation::Repeat(which)
        | Operation::Misuse(which)
        | Operation::Reuse(which)
        | Operation::Cancel(which)
        | Operation::Return(which)
        | Operation::Pay(which, _)
        | Operation::PayUnseen(which)
        | Operation::Abandon(which)
        | Operation::Decide { order: which, .. }
        | Operation::Refund(which)) = operation
        else {
            return;
        };
        let Some(index) = self.order(*which) else { return };
        let order = self.of_order(index, Clone::clone);
        match operation {
            Operation::Misuse(_) => {
                let minor = order.minor + 100;
                let body = order.body.replacen(&order.minor.to_string(), &minor.to_string(), 1);
                self.ask(index, &order.key, minor, body).await;
            }
            Operation::Reuse(_) => {
                let key = format!("{}-{}", order.reference, self.count());
                self.ask(index, &key, order.minor, order.body).await;
            }
            Operation::Cancel(_) => self.cancel(&order).await,
            Operation::Return(_) => self.come_back(&order).await,
            Operation::Pay(_, card) => {
                if let Some(session) = order.session.filter(|_| order.is_payable) {
                    self.wire.state().provider.pay(&session, *card);
                }
            }
            Operation::PayUnseen(_) => {
                if let Some(reference) = &order.attempt_reference {
                    self.wire.state().provider.pay_what_nobody_knows(reference);
                }
            }
            Operation::Abandon(_) => {
                if let Some(session) = order.session.filter(|_| order.is_payable) {
                    self.wire.state().provider.abandon(&session);
                }
            }
            Operation::Decide { is_approved, .. } => {
                if let Some(session) = &order.session {
                    self.wire.state().provider.decide(session, *is_approved);
                }
            }
            Operation::Refund(_) => self.refund(&order).await,
            _ => self.ask(index, &order.key, order.minor, order.body).await,
        }
    }

    async fn place_order(&self, merchant: usize, part: Part, amount: i64, minutes: Option<i64>) {
        let reference = format!("PEDIDO-{}", self.count());
        let minor = part.minor(amount);
        let expires_at = minutes.map(|minutes| self.clock.now() + SignedDuration::from_mins(minutes));
        let expires_at = expires_at.map(|at| at.to_string());
        let order = Order {
            merchant,
            part,
            key: format!("llave-{reference}"),
            body: clients::order_body(part, &reference, minor, expires_at).to_string(),
            reference,
            minor,
            ..Order::default()
        };
        let (key, body) = (order.key.clone(), order.body.clone());
        let index = {
            let mut orders = self.orders.borrow_mut();
            orders.push(order);
            orders.len() - 1
        };
        self.touched.borrow_mut().insert(index);
        self.ask(index, &key, minor, body).await;
    }

    /// Sends an order, and holds what the answer says against what was said before.
    async fn ask(&self, index: usize, key: &str, minor: i64, body: String) {
        let merchant = self.of_order(index, |order| order.merchant);
        let answer = clients::post(self.router(), merchant, "/v1/payments", key, body.clone()).await;
        if !self.judge_status("POST /v1/payments", &answer) {
            return;
        }
        let order = &mut self.orders.borrow_mut()[index];
        if let Some(told) = &order.told
            && key == order.key
            && body == order.body
            && (answer.status, answer.text.as_str()) != (201, told)
        {
            self.find(format!("{} was answered {told} and then {}", order.reference, answer.text));
        }
        if answer.status != 201 {
            return;
        }
        let member = |name: &str| answer.json[name].as_str().map(ToOwned::to_owned);
        let payment = member("id").and_then(|id| id.parse().ok());
        if order.payment.is_some() && order.payment != payment {
            self.find(format!("{} has a second payment: {}", order.reference, answer.text));
        }
        if answer.json["status"] == "created" {
            self.find(format!("{} is accepted and can be paid nowhere: {}", order.reference, answer.text));
        }
        if answer.json["amount"] != minor {
            self.find(format!("{} is about another amount than {minor}: {}", order.reference, answer.text));
        }
        order.payment = payment;
        order.session = member("provider_id").or_else(|| order.session.take());
        order.is_payable |= answer.json["pay_url"].is_string();
        (order.key, order.body, order.minor) = (key.to_owned(), body, minor);
        order.told = Some(answer.text);
    }

    async fn cancel(&self, order: &Order) {
        let Some(payment) = &order.payment else { return };
        let path = format!("/v1/payments/{payment}/cancel");
        let key = format!("anular-{}-{}", order.reference, self.count());
        let answer = clients::post(self.router(), order.merchant, &path, &key, String::new()).await;
        if self.judge_status("cancel", &answer)
            && answer.status == 200
            && answer.json["status"] != "cancelled"
        {
            self.find(format!("a cancellation was confirmed with {}", answer.text));
        }
    }

    async fn come_back(&self, order: &Order) {
        let Some(attempt) = &order.attempt else { return };
        let merchant = merchant_id(order.merchant);
        let account = order.part.account_of(&merchant);
        let url = self.hub().return_url(&merchant, attempt);
        let is_open = self.is_open(order).await;
        let calls = self.wire.state().calls;
        let answer = clients::visit(self.router(), url.path()).await;
        if !self.judge_status("return", &answer) {
            return;
        }
        let state = self.wire.state();
        let asks = order.part.asks_on_every_return() || is_open;
        let may_ask =
            asks && order.session.is_some() && !state.rests.may_hold(&account, self.clock.real_now());
        if may_ask && state.calls == calls {
            self.find(format!("the shopper of {} came back and nobody asked the provider", order.reference));
        }
    }

    async fn refund(&self, order: &Order) {
        let Some(payment) = order.payment.as_ref().filter(|_| order.part == Part::AvalPay) else { return };
        let attempts = self.store.attempts(&merchant_id(order.merchant), payment).await.unwrap_or_default();
        for attempt in attempts {
            self.wire.state().provider.refund(&attempt.reference);
        }
    }

    /// Whatever a history brings, the hub answers, and says what is wrong. False: it died, and nobody got an answer.
    fn judge_status(&self, what: &str, answer: &Answer) -> bool {
        if rehearsal::died_at().is_some() {
            return false;
        }
        self.note((what, answer.status, &answer.text));
        if answer.status == 500 || matches!(answer.status, 400 | 401 | 403 | 405 | 415) {
            self.find(format!("{what} was answered {}: {}", answer.status, answer.text));
        }
        true
    }

    async fn send_notice(&self, which: usize, sending: Sending) {
        let notice = {
            let notices = &mut self.wire.state().provider.notices;
            let Some(last) = notices.len().checked_sub(1) else { return };
            notices.remove(which.min(last))
        };
        let Some(notice) = notice else { return };
        match sending {
            Sending::Once => self.notify(&notice).await,
            Sending::Twice => {
                self.notify(&notice).await;
                self.notify(&notice).await;
            }
            Sending::Lost => {}
        }
        self.wire.state().seen.push(notice);
    }

    async fn replay(&self, which: usize) {
        let notice = {
            let state = self.wire.state();
            let Some(last) = state.seen.len().checked_sub(1) else { return };
            state.seen[last - which.min(last)].clone()
        };
        self.notify(&notice).await;
    }

    /// A genuine notice is told 200, unless it is about a session that the hub never learned of.
    pub async fn notify(&self, notice: &OutgoingNotice) {
        let known = self.sessions.borrow().get(&notice.about).copied();
        self.touched.borrow_mut().extend(known);
        let reply = self.wire.notify(notice).await;
        if rehearsal::died_at().is_some() {
            return;
        }
        self.note(("notice", &notice.about, reply.as_ref().map(|reply| reply.status)));
        if known.is_some() && reply.is_none_or(|reply| reply.status != 200) {
            self.find(format!("a genuine notice of session {} was not taken", notice.about));
        }
    }

    async fn forge(&self, which: usize, forgery: Forgery) {
        let (mut notice, calls) = {
            let state = self.wire.state();
            let Some(genuine) = state.provider.notices.back().or(state.seen.last()) else { return };
            (genuine.clone(), state.calls)
        };
        let touched = self.sessions.borrow().get(&notice.about).copied();
        self.touched.borrow_mut().extend(touched);
        let before = self.standing(touched).await;
        let other = self.another_reference(which, touched).await;
        let part = Part::of_account(&notice.account).unwrap_or_default();
        part.forge(&mut notice, forgery, &other);
        let account = match forgery {
            Forgery::Account => {
                let mut others = (0..MERCHANTS).map(|merchant| part.account_of(&merchant_id(merchant)));
                others.find(|id| *id != notice.account).unwrap_or_default()
            }
            Forgery::Outcome
            | Forgery::Signature
            | Forgery::Unsigned
            | Forgery::Reference
            | Forgery::Half => notice.account.clone(),
        };
        let reply = self.wire.hand_over(&account, &notice).await;
        if let Some(reply) = reply
            && reply.status != part.reply_to(forgery)
        {
            self.find(format!("a forged notice ({part:?} {forgery:?}) was told {}", reply.status));
        }
        if before != self.standing(touched).await || calls != self.wire.state().calls {
            self.find(format!("a forged notice ({forgery:?}) changed something"));
        }
    }

    /// Whether an order's payment is open.
    async fn is_open(&self, order: &Order) -> bool {
        let Some(payment) = &order.payment else { return false };
        let payment = self.store.payment(&merchant_id(order.merchant), payment).await;
        payment.ok().flatten().is_some_and(|payment| payment.status.is_open())
    }

    /// Status and version of an order's payment.
    async fn standing(&self, index: Option<usize>) -> Option<(payment::Status, i64)> {
        let (merchant, payment) = self.of_order(index?, |order| (order.merchant, order.payment.clone()));
        let payment = self.store.payment(&merchant_id(merchant), &payment?).await.ok()??;
        Some((payment.status, payment.version))
    }

    /// The reference of another payment at the provider, or one that nobody has.
    async fn another_reference(&self, which: usize, not: Option<usize>) -> String {
        let unknown = "OTRA0001".to_owned();
        let Some(last) = self.orders.borrow().len().checked_sub(1) else { return unknown };
        let index = last - which.min(last);
        if Some(index) == not {
            return unknown;
        }
        let (merchant, payment) = self.of_order(index, |order| (order.merchant, order.payment.clone()));
        let Some(payment) = payment else { return unknown };
        let attempts = self.store.attempts(&merchant_id(merchant), &payment).await.unwrap_or_default();
        attempts.last().map_or(unknown, |attempt| attempt.reference.clone())
    }

    /// The workers claim and look up what is due, one after the other. Answers how many look-ups were begun.
    pub async fn work(&self, limit: u32) -> usize {
        let mut begun = 0;
        for _ in 0..limit {
            let done = flow::probe_due(&self.hub(), 1).await;
            self.note(("work", done.as_ref().ok()));
            match self.count_or_find("look-ups", done) {
                0 => break,
                more => begun += more,
            }
        }
        begun
    }

    /// The workers claim and deliver what is due, one after the other. Answers how many deliveries were begun.
    pub async fn deliver(&self, limit: u32) -> usize {
        let mut begun = 0;
        for _ in 0..limit {
            let done = flow::deliver_due_events(&self.hub(), 1).await;
            self.note(("deliveries", done.as_ref().ok()));
            match self.count_or_find("deliveries", done) {
                0 => break,
                more => begun += more,
            }
        }
        begun
    }

    fn count_or_find(&self, what: &str, done: Result<usize, hub::store::StoreError>) -> usize {
        done.unwrap_or_else(|error| {
            if rehearsal::died_at().is_none() {
                self.find(format!("{what}: {error}"));
            }
            0
        })
    }
}
