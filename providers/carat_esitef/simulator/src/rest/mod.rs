//! The REST interface: authentication, envelope, and the calls (PROTOCOL.md 9).

pub mod cancel;
mod cards;
mod create;
mod pay;
mod preauthorize;
mod query;
mod view;

use std::ops::Deref;

use aws_lc_rs::digest;
use simulation::strict_json::{self, Value};
use simulation::{NoticeOutcome, OutgoingNotice, Reply, Request, Timestamp, World};

use crate::CaratEsitef;
use crate::account::Merchant;
use crate::codes::Code;
use crate::route::Rest;

/// Characters of an idempotency key.
const IDEMPOTENCY_KEY_LIMIT: usize = 80;
/// Answers kept under idempotency keys; beyond that no further key is kept.
const ANSWERS_KEPT: usize = 100_000;

/// An answer that is given again under the same key.
#[derive(Clone, Debug)]
pub struct KeptAnswer {
    /// A digest of the request, which held a card.
    request: Vec<u8>,
    reply: Reply,
}

/// A token of the card maintenance. CA-U55: it is used once, within the life of a `nit`.
#[derive(Clone, Debug)]
pub struct MaintenanceToken {
    merchant: String,
    ends_at: Timestamp,
}

/// Why a call is refused. CA-U22: the pairs of HTTP status and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    code: Code,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        let status = match code {
            Code::KEY_MISSING | Code::KEY_INVALID | Code::MERCHANT_MISSING | Code::MERCHANT_INVALID => 401,
            Code::SHOP_INACTIVE | Code::NO_PERMISSION => 403,
            Code::NOT_FOUND => 404,
            _ => 400,
        };
        Self { status, code }
    }
}

/// The envelope of a refusal.
pub fn refuse(status: u16, code: Code) -> Reply {
    envelope(status, code, [])
}

/// The envelope: `code` as text, `message`, and what goes with them.
fn envelope(status: u16, code: Code, members: impl IntoIterator<Item = (&'static str, Value)>) -> Reply {
    let head = [("code", Value::text(code.0.to_string())), ("message", Value::text(code.message()))];
    Reply::json(status, Value::object(head.into_iter().chain(members)).to_text())
}

impl CaratEsitef {
    pub(super) fn rest(&mut self, call: Rest, request: &Request, world: &mut dyn World) -> Reply {
        let answered = match self.authenticate(request) {
            Ok(merchant) => self.answer(call, &merchant, request, world),
            Err(code) => Err(code),
        };
        answered.unwrap_or_else(|code| {
            let Refusal { status, code } = code.into();
            world.verdict("rest_accepted", false, &format!("{} {}", code.0, code.message()));
            refuse(status, code)
        })
    }

    fn authenticate(&self, request: &Request) -> Result<Merchant, Code> {
        let id = request.header("merchant_id").filter(|id| !id.is_empty()).ok_or(Code::MERCHANT_MISSING)?;
        let key = request.header("merchant_key").filter(|key| !key.is_empty()).ok_or(Code::KEY_MISSING)?;
        let merchant = self.merchant_by_id(id).ok_or(Code::MERCHANT_INVALID)?;
        if merchant.key != key {
            return Err(Code::KEY_INVALID);
        }
        if merchant.settings.is_active { Ok(merchant.clone()) } else { Err(Code::SHOP_INACTIVE) }
    }

    fn answer(
        &mut self,
        call: Rest,
        merchant: &Merchant,
        request: &Request,
        world: &mut dyn World,
    ) -> Result<Reply, Code> {
        match call {
            Rest::Create => self.create_transaction(merchant, &*read_body(request)?, world),
            Rest::List => self.list_transactions(merchant, request),
            Rest::Query(nit) => self.query_transaction(merchant, &nit, world.now()),
            Rest::Pay(nit) => self.pay_transaction(merchant, &nit, &*read_body(request)?, world),
            Rest::PayAtOnce => self.once(merchant, request, world, |portal, world| {
                portal.pay_at_once(merchant, &*read_body(request)?, world)
            }),
            Rest::Confirm(nit) => self.confirm(merchant, &nit, request, world),
            Rest::QueryCard(nit) => self.query_card(merchant, &nit, &*read_body(request)?, world),
            Rest::StoreCard => self.store_card(merchant, &*read_body(request)?, world),
            Rest::ListCards => self.list_cards(merchant, request, world.now()),
            Rest::ChangeCard(token) => self.change_card(merchant, &token, request, world.now()),
            Rest::NewToken => self.new_token(merchant, world),
            Rest::BeginCancellation => self.begin_cancellation(merchant, &*read_body(request)?, world),
            Rest::Cancel(nit) => self.cancel(merchant, &nit, request, world),
            Rest::Preauthorize(nit) => self.preauthorize(merchant, &nit, &*read_body(request)?, world),
            Rest::Capture(nit) => self.once(merchant, request, world, |portal, world| {
                portal.capture(merchant, &nit, &*read_body(request)?, world)
            }),
        }
    }

    /// Answers a call once under its idempotency key: the same request again gets the same answer and does nothing.
    /// CA-U24: another request under the same key is refused.
    fn once(
        &mut self,
        merchant: &Merchant,
        request: &Request,
        world: &mut dyn World,
        act: impl FnOnce(&mut Self, &mut dyn World) -> Result<Reply, Code>,
    ) -> Result<Reply, Code> {
        let Some(key) = request.header("idempotency_key") else { return act(self, world) };
        if key.is_empty() || key.len() > IDEMPOTENCY_KEY_LIMIT {
            return Err(Code::PARAMETER_INVALID);
        }
        let place = (merchant.name.clone(), key.to_owned());
        let digest =
            digest::digest(&digest::SHA256, &[request.path.as_bytes(), b"\n", &request.body].concat());
        let digest = digest.as_ref().to_vec();
        if let Some(kept) = self.answers.get(&place) {
            world.verdict("idempotency_key_repeated", kept.request == digest, "the same key came again");
            return if kept.request == digest {
                Ok(kept.reply.clone())
            } else {
                Err(Code::INVALID_OPERATION)
            };
        }
        let reply = act(self, world)?;
        if self.answers.len() < ANSWERS_KEPT {
            self.answers.insert(place, KeptAnswer { request: digest, reply: reply.clone() });
        }
        Ok(reply)
    }

    /// Goes on with a cancellation or a token whose check the shop has answered, or not.
    pub(super) fn go_on_after_check(
        &mut self,
        question: &OutgoingNotice,
        outcome: &NoticeOutcome,
        world: &mut dyn World,
    ) -> Reply {
        let is_confirmed = outcome.status == Some(200);
        world.verdict("authenticity_confirmed", is_confirmed, &format!("answered {:?}", outcome.status));
        if is_confirmed {
            return envelope(201, Code::OK, []);
        }
        if let Some(cancellation) = self.cancellations.get_mut(&question.about) {
            cancellation.invalidate();
        }
        self.tokens.remove(&question.about);
        refuse(400, Code::AUTHENTICITY)
    }
}

/// A body that may hold a card: wiped from memory when dropped.
struct Body(Value);

impl Deref for Body {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

fn read_body(request: &Request) -> Result<Body, Code> {
    if request.body.is_empty() {
        return Err(Code::JSON_MISSING);
    }
    let body = Body(strict_json::parse(&request.body).map_err(|_| Code::JSON_INVALID)?);
    if body.members().is_some() { Ok(body) } else { Err(Code::MALFORMED) }
}
