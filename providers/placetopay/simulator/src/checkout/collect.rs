//! Charging a stored card: `POST /api/collect`, answered at once (§9).

use simulation::decimal::Decimal;
use simulation::strict_json::Value;
use simulation::{Reply, Request, Timestamp, World};

use super::account::Repetition;
use super::create::{self, Order};
use super::instrument::Instrument;
use super::objection::Objection;
use super::refusal::{Reason, Refusal};
use super::session::{Ending, Origin, Prepared, Session};
use super::texts::Language;
use super::{AvalPay, echo, judge};

/// Within this time a charge of the same reference and amount is the same charge (§9.2).
const REPETITION_S: i64 = 24 * 60 * 60;
/// The address of the page that an answer names as `returnUrl` when none was sent.
const HOME: &str = "/home";
/// Instalments when none are sent.
const ONE: u32 = 1;

/// What makes a collect the same as an earlier one: account, reference, amount and currency.
pub type Key = (String, String, String, String);

impl AvalPay {
    pub(super) fn collect(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        let now = world.now();
        let (merchant, body) = match self.authenticate(request, world) {
            Ok(known) => known,
            Err(refused) => return refused,
        };
        let settings = self.merchants[merchant].settings.clone();
        let language = self.language_at(merchant, &body);
        judge::collect(&body, world);
        let home = format!("{}{HOME}", request.origin);
        let order = create::read_collect(&body, &settings, home, caller(request), now);
        let instrument = body.get("instrument").and_then(|instrument| instrument.get("token"));
        let name = self.merchants[merchant].name.clone();
        let read = order.and_then(|order| {
            let installments = installments(instrument)?;
            if let Some(first) = self.collected_before(&name, &order, now) {
                return self.repeat(first, settings.repetition);
            }
            let card = self.vault.find(&name, instrument).cloned();
            let card = match card {
                Err(refusal) if refusal.reason == Reason::Word("XN") && !settings.unknown_token_fails => {
                    return Ok(self.refuse_collect(&name, order, request, world));
                }
                card => card?,
            };
            let typed = card.typed;
            let prepared = Prepared {
                instrument: Instrument::Card(card.face),
                installments,
                amount: order.total(),
                typed: Some(typed),
                course: typed.course(order.total(), order.currency()),
                saves_card: false,
            };
            Ok(self.charge_token(&name, order, prepared, request, world))
        });
        match read {
            Ok(request_id) => {
                let session = &self.sessions[&request_id];
                Reply::json(200, echo::queried(session, &settings, now).to_text())
            }
            Err(refusal) => {
                world.verdict("collect_accepted", false, &refusal.objection.text(Language::English));
                refusal.reply(language, now)
            }
        }
    }

    fn charge_token(
        &mut self,
        merchant: &str,
        order: Order,
        prepared: Prepared,
        request: &Request,
        world: &mut dyn World,
    ) -> u64 {
        let key = key(merchant, &order);
        world.verdict("collect_accepted", true, &order.reference);
        let request_id = self.open_collect(merchant, order, request, world);
        self.collected.insert(key, (world.now(), request_id));
        let reference = self.sessions[&request_id].order.reference.clone();
        let scripted = self.next_scripted(&reference);
        self.begin_attempt(request_id, prepared, scripted, world);
        request_id
    }

    /// AV-U75: with the setting `rejected`, a token that is no good makes a session that ended at once.
    fn refuse_collect(
        &mut self,
        merchant: &str,
        order: Order,
        request: &Request,
        world: &mut dyn World,
    ) -> u64 {
        let request_id = self.open_collect(merchant, order, request, world);
        let now = world.now();
        if let Some(session) = self.sessions.get_mut(&request_id) {
            session.end_unpaid(Ending::Exhausted, now);
        }
        self.after_change(request_id, world);
        request_id
    }

    fn open_collect(
        &mut self,
        merchant: &str,
        order: Order,
        request: &Request,
        world: &mut dyn World,
    ) -> u64 {
        let mut session = self.new_session(merchant, order, request, world);
        session.origin = Origin::Collect;
        session.payer.clone_from(&session.order.payer);
        let request_id = session.request_id;
        self.forget_oldest();
        self.sessions.insert(request_id, session);
        request_id
    }

    fn collected_before(&self, merchant: &str, order: &Order, now: Timestamp) -> Option<u64> {
        let (at, request_id) = self.collected.get(&key(merchant, order)).copied()?;
        let is_same = now.as_second() - at.as_second() < REPETITION_S;
        (is_same && self.sessions.contains_key(&request_id)).then_some(request_id)
    }

    fn repeat(&self, first: u64, repetition: Repetition) -> Result<u64, Refusal> {
        match repetition {
            Repetition::FirstAnswer => Ok(first),
            Repetition::Refused => Err(Refusal::request(Objection::RepeatedCollect)),
        }
    }
}

impl Session {
    /// The page that a collect has too, though nobody is sent there.
    pub fn is_collect(&self) -> bool {
        self.origin == Origin::Collect
    }
}

/// What makes this collect the same as another.
pub fn key(merchant: &str, order: &Order) -> Key {
    let total: Decimal = order.total();
    (merchant.to_owned(), order.reference.clone(), total.to_minimal(), order.currency().to_owned())
}

/// Who called: what stands in for the shopper's address and browser when the request tells none (§9.2).
fn caller(request: &Request) -> (String, String) {
    let address = request.peer.rsplit_once(':').map_or(request.peer.as_str(), |(address, _)| address);
    (address.trim_matches(['[', ']']).to_owned(), request.header("user-agent").unwrap_or("none").to_owned())
}

/// A number, or the text of one, as the PHP library sends it.
fn installments(token: Option<&Value>) -> Result<u32, Refusal> {
    let Some(sent) = token.and_then(|token| token.get("installments")).filter(|sent| !sent.is_null()) else {
        return Ok(ONE);
    };
    let text = sent.number_text().or_else(|| sent.as_str()).unwrap_or_default();
    let number = text.parse().ok().filter(|number| (1..=super::page::MOST_INSTALLMENTS).contains(number));
    number.ok_or_else(|| Refusal::request(Objection::Invalid("instrument.token.installments".to_owned())))
}
