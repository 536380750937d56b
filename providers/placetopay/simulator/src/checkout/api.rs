//! The three operations of a session: create, query, cancel (§6, §7, §8).

use simulation::strict_json::{self, Value};
use simulation::{Reply, Request, Timestamp, World};

use super::create::Order;
use super::refusal::Refusal;
use super::route::PAGE_PREFIX;
use super::session::Session;
use super::texts::{Language, is_locale};
use super::{AvalPay, Due, SESSIONS_KEPT, collect, create, echo, judge, random};
use crate::authentication::{self, Failure};

/// The login that a request names, whatever else is wrong with it.
pub fn login_of(request: &Request) -> Option<String> {
    let body = strict_json::parse(&request.body).ok()?;
    Some(body.at(&["auth", "login"])?.as_str()?.to_owned())
}

impl AvalPay {
    pub(super) fn create_session(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        let now = world.now();
        let (merchant, body) = match self.authenticate(request, world) {
            Ok(known) => known,
            Err(refused) => return refused,
        };
        let settings = self.merchants[merchant].settings.clone();
        let order = match create::read(&body, &settings, now) {
            Ok(order) => order,
            Err(refusal) => {
                world.verdict("create_accepted", false, &refusal.objection.text(Language::English));
                return refusal.reply(Language::of_locale(&create::locale(&body, &settings)), now);
            }
        };
        let merchant_name = self.merchants[merchant].name.clone();
        let is_reference_paid =
            self.paid_references.contains(&(merchant_name.clone(), order.reference.clone()));
        world.verdict("create_accepted", true, &order.reference);
        judge::creation(&body, &order, is_reference_paid, now, world);
        let session = self.new_session(&merchant_name, order, request, world);
        let request_id = session.request_id;
        let answer = echo::created(&session, now);
        self.forget_oldest();
        self.sessions.insert(request_id, session);
        self.after_change(request_id, world);
        Reply::json(200, answer.to_text())
    }

    /// A session with the next number, not yet known to anybody.
    pub(super) fn new_session(
        &mut self,
        merchant: &str,
        order: Order,
        request: &Request,
        world: &mut dyn World,
    ) -> Session {
        let request_id = self.next_request_id;
        self.next_request_id += 1;
        let key = random::hex(world, 16);
        let process_url = format!("{}{PAGE_PREFIX}/{request_id}/{key}", request.origin);
        let form_token = random::hex(world, 16);
        Session::open(request_id, merchant.to_owned(), key, process_url, order, form_token, world.now())
    }

    pub(super) fn query_session(
        &mut self,
        request_id: u64,
        request: &Request,
        world: &mut dyn World,
    ) -> Reply {
        let now = world.now();
        if let Err(refused) = self.judge_owner(request_id, request, world) {
            return refused;
        }
        let session = &self.sessions[&request_id];
        Reply::json(200, echo::queried(session, &self.settings_of(session), now).to_text())
    }

    pub(super) fn cancel_session(
        &mut self,
        request_id: u64,
        request: &Request,
        world: &mut dyn World,
    ) -> Reply {
        let now = world.now();
        if let Err(refused) = self.judge_owner(request_id, request, world) {
            return refused;
        }
        let Some(session) = self.sessions.get_mut(&request_id) else {
            return Refusal::unknown_session().reply(Language::Spanish, now);
        };
        if !session.cancel(now) {
            return Refusal::not_pending().reply(echo::api_language(session), now);
        }
        self.after_change(request_id, world);
        let session = &self.sessions[&request_id];
        Reply::json(200, echo::cancelled(session, &self.settings_of(session), now).to_text())
    }

    /// A path that is none of the API's: a service that is not simulated, or an address built wrongly.
    pub(super) fn unknown_path(&self, request: &Request, world: &mut dyn World) -> Reply {
        world.verdict("path_known", false, &format!("{} {}", request.method, request.path));
        Refusal::page_not_found().reply(self.language_of(request), world.now())
    }

    /// Who calls and what they sent; else the answer that turns them away. A body that is no JSON holds no
    /// `auth` that could be read (§3.4).
    pub(super) fn authenticate(
        &mut self,
        request: &Request,
        world: &mut dyn World,
    ) -> Result<(usize, Value), Reply> {
        let now = world.now();
        self.verify(request, now, world).map_err(|failure| {
            world.verdict("authentication", false, &failure.to_string());
            Refusal::from(failure).reply(self.language_of(request), now)
        })
    }

    fn verify(
        &mut self,
        request: &Request,
        now: Timestamp,
        world: &mut dyn World,
    ) -> Result<(usize, Value), Failure> {
        if !is_json(request) {
            return Err(Failure::Malformed);
        }
        let body = strict_json::parse(&request.body).map_err(|error| {
            world.verdict("json_well_formed", false, &error.to_string());
            Failure::Malformed
        })?;
        if body.members().is_none() {
            return Err(Failure::Malformed);
        }
        let presented = authentication::read(body.get("auth"))?;
        let index = self.merchants.iter().position(|merchant| merchant.login == presented.login);
        let site = index.map(|index| self.merchants[index].as_site());
        let digest = presented.verify(site, now)?;
        let index = index.ok_or(Failure::UnknownLogin)?;
        world.verdict("authentication", true, digest.word());
        let is_new = self.merchants[index].is_new_nonce(&presented.nonce, now);
        world.verdict(
            "nonce_new",
            is_new,
            if is_new { "first seen" } else { "used before inside the window" },
        );
        Ok((index, body))
    }

    /// Lets pass who asks for a session of its own; else the answer that turns them away.
    fn judge_owner(
        &mut self,
        request_id: u64,
        request: &Request,
        world: &mut dyn World,
    ) -> Result<(), Reply> {
        let (merchant, _) = self.authenticate(request, world)?;
        let merchant = &self.merchants[merchant];
        let refusal = match self.sessions.get(&request_id) {
            Some(session) if session.merchant == merchant.name => return Ok(()),
            Some(_) => Refusal::foreign_session(),
            None => Refusal::unknown_session(),
        };
        world.verdict("session_known", false, &format!("requestId {request_id}"));
        Err(refusal.reply(Language::of_locale(&merchant.settings.locale), world.now()))
    }

    /// The language of a refusal before anybody is known: the request's, the named site's, Spanish.
    fn language_of(&self, request: &Request) -> Language {
        let Ok(body) = strict_json::parse(&request.body) else { return Language::Spanish };
        let sent = body.get("locale").and_then(Value::as_str).filter(|text| is_locale(text));
        let login = body.at(&["auth", "login"]).and_then(Value::as_str);
        let site = self.merchants.iter().find(|merchant| Some(merchant.login.as_str()) == login);
        sent.or(site.map(|merchant| merchant.settings.locale.as_str()))
            .map_or(Language::Spanish, Language::of_locale)
    }

    pub(super) fn forget_oldest(&mut self) {
        if self.sessions.len() >= SESSIONS_KEPT
            && let Some(oldest) = self.sessions.keys().next().copied()
        {
            self.forget(oldest);
        }
    }

    /// Drops a session with all that is found by it.
    pub(super) fn forget(&mut self, request_id: u64) {
        let Some(session) = self.sessions.remove(&request_id) else { return };
        self.plan(Due::Session(request_id), None);
        self.collected.remove(&collect::key(&session.merchant, &session.order));
        for attempt in &session.attempts {
            attempt.numbers().for_each(|number| {
                self.transactions.remove(&number);
            });
            if let Some(transfer) = attempt.instrument.transfer() {
                self.bank_keys.remove(&transfer.key);
            }
        }
    }
}

fn is_json(request: &Request) -> bool {
    let kind = request.header("content-type").unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
