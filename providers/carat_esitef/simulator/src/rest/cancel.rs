//! Giving money back: creating a cancellation, its check at the shop, and carrying it out (PROTOCOL.md 9.10, 10).

use simulation::strict_json::Value;
use simulation::{Reply, Request, Timestamp, World};

use super::pay::read_number;
use super::{Body, envelope, read_body, view};
use crate::account::Merchant;
use crate::codes::Code;
use crate::effects::book;
use crate::order::{amount, text_at};
use crate::transaction::{Status, Transaction};
use crate::{CaratEsitef, identifiers, instant, notices};

/// Characters of the portal's own number.
const USN_LENGTH: usize = 15;

/// Cancellations kept at most; beyond that none is begun.
const CANCELLATIONS_LIMIT: usize = 200_000;

/// How a scripted cancellation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refund {
    /// Given back.
    Approved,
    /// The acquirer denies: code 257.
    Denied,
    /// The acquirer has not said: code 256; steering decides.
    Pending,
    /// The acquirer could not be reached: code 302.
    Failed,
}

impl Refund {
    /// A scripted outcome.
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "approved" => Self::Approved,
            "denied" => Self::Denied,
            "pending" => Self::Pending,
            "error" => Self::Failed,
            _ => return None,
        })
    }
}

/// Where a cancellation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Invalid,
    Pending,
    Confirmed,
    Denied,
    Failed,
}

/// A cancellation. CA-U48: it has a `nit` and a life of its own, and a view like a payment's.
#[derive(Clone, Debug)]
pub struct Cancellation {
    nit: String,
    merchant: String,
    payment: String,
    esitef_usn: String,
    state: State,
    amount: u64,
    ends_at: Timestamp,
    at: Option<Timestamp>,
}

impl Cancellation {
    /// The shop did not vouch for it: its `nit` is dead.
    pub fn invalidate(&mut self) {
        self.state = State::Invalid;
    }

    fn word(&self) -> &'static str {
        match self.state {
            State::New => "NOV",
            State::Invalid => "INV",
            State::Pending => "PEN",
            State::Confirmed => "CON",
            State::Denied => "NEG",
            State::Failed => "ERR",
        }
    }
}

impl CaratEsitef {
    /// Creates a cancellation. Its `nit` is not in the answer: it is posted to the shop's authenticity address first.
    pub(super) fn begin_cancellation(
        &mut self,
        merchant: &Merchant,
        body: &Value,
        world: &mut dyn World,
    ) -> Result<Reply, Code> {
        let usn = text_at(body, &["esitef_usn"], Code::USN_INVALID, &merchant.settings)?;
        let usn = usn.ok_or(Code::USN_MISSING)?;
        if usn.len() != USN_LENGTH || !usn.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Code::USN_INVALID);
        }
        if self.cancellations.len() >= CANCELLATIONS_LIMIT {
            return Err(Code::UNEXPECTED);
        }
        let payment = self.payment_by_usn(merchant, &usn)?;
        let cancellation = Cancellation {
            nit: identifiers::nit(world),
            merchant: merchant.name.clone(),
            payment: payment.nit.clone(),
            esitef_usn: usn,
            state: State::New,
            amount: 0,
            ends_at: instant::seconds_after(world.now(), merchant.settings.nit_life_s),
            at: None,
        };
        let order = &payment.order;
        let mut parameters = vec![("nit".to_owned(), cancellation.nit.clone())];
        parameters.extend(order.order_id.clone().map(|order_id| ("pedido".to_owned(), order_id)));
        parameters.extend(order.merchant_usn.clone().map(|number| ("nsu".to_owned(), number)));
        parameters.push(("codigoLoja".to_owned(), merchant.id.clone()));
        let url = merchant.settings.authenticity_url.as_ref();
        let question = notices::outgoing(merchant, url, &cancellation.nit, parameters, 0, world);
        let question = question.ok_or(Code::AUTHENTICITY)?;
        self.cancellations.insert(cancellation.nit.clone(), cancellation);
        world.ask_before_answer(question);
        // Said in place of this once the shop has answered.
        Err(Code::AUTHENTICITY)
    }

    /// Carries a cancellation out: all that is left, or a part.
    pub(super) fn cancel(
        &mut self,
        merchant: &Merchant,
        nit: &str,
        request: &Request,
        world: &mut dyn World,
    ) -> Result<Reply, Code> {
        let now = world.now();
        let cancellation = self.cancellation_of(merchant, nit).ok_or(Code::NOT_FOUND)?;
        match cancellation.state {
            State::New if cancellation.ends_at > now => {}
            State::New => return Err(Code::WRONG_STATUS),
            State::Invalid => return Err(Code::AUTHENTICITY),
            State::Pending | State::Confirmed | State::Denied | State::Failed => return Err(Code::FINISHED),
        }
        let body = match request.body.as_slice() {
            [] => Body(Value::object::<&str>([])),
            _ => read_body(request)?,
        };
        let payment = self.owned(merchant, &cancellation.payment)?;
        let left = paid(payment).saturating_sub(payment.refunded);
        let wanted = match text_at(&body, &["amount"], Code::AMOUNT_INVALID, &merchant.settings)? {
            Some(text) => amount(&text, &merchant.settings).ok_or(Code::AMOUNT_INVALID)?,
            None => left,
        };
        if payment.status != Status::Confirmed || wanted == 0 || wanted > left {
            return Err(if wanted > left { Code::AMOUNT_INVALID } else { Code::WRONG_STATUS });
        }
        match body.get("card") {
            None if merchant.settings.cancels_with_card => return Err(Code::NUMBER_MISSING),
            card => self.judge_same_card(merchant, payment, card)?,
        }
        let reference = payment.reference().to_owned();
        let scripted =
            self.refund_scripts.get_mut(&reference).and_then(std::collections::VecDeque::pop_front);
        if let Some(cancellation) = self.cancellations.get_mut(nit) {
            cancellation.amount = wanted;
        }
        let code = self.end_cancellation(nit, scripted.unwrap_or(Refund::Approved), world);
        let view = self.cancellations.get(nit).map(|cancellation| self.cancellation_view(cancellation));
        let status = if code == Code::OK { 200 } else { 400 };
        Ok(envelope(status, code, view.map(|view| ("cancellation", view))))
    }

    /// What the acquirer says, and what follows.
    pub(crate) fn end_cancellation(&mut self, nit: &str, refund: Refund, world: &mut dyn World) -> Code {
        let now = world.now();
        let Some(cancellation) = self.cancellations.get_mut(nit) else { return Code::NOT_FOUND };
        let (state, booked, code) = match refund {
            Refund::Approved => (State::Confirmed, "approved", Code::OK),
            Refund::Denied => (State::Denied, "rejected", Code::REVERSAL_DENIED),
            Refund::Pending => (State::Pending, "pending", Code::REVERSAL_PENDING),
            Refund::Failed => (State::Failed, "rejected", Code::COMMUNICATION),
        };
        cancellation.state = state;
        cancellation.at = Some(now);
        let (payment, wanted) = (cancellation.payment.clone(), cancellation.amount);
        let Some(transaction) = self.transactions.get_mut(&payment) else { return Code::NOT_FOUND };
        let is_whole = wanted == paid(transaction) && transaction.refunded == 0;
        book(transaction, if is_whole { "reversal" } else { "refund" }, booked, wanted, now, world);
        if state == State::Confirmed {
            transaction.refunded += wanted;
            if transaction.refunded == paid(transaction) {
                self.change(&payment, Status::Reversed, now, world);
            }
        }
        code
    }

    /// Whether a cancellation waits for the acquirer.
    pub(crate) fn is_cancellation_pending(&self, nit: &str) -> bool {
        self.cancellations.get(nit).is_some_and(|cancellation| cancellation.state == State::Pending)
    }

    pub(super) fn cancellation_of(&self, merchant: &Merchant, nit: &str) -> Option<&Cancellation> {
        self.cancellations.get(nit).filter(|cancellation| cancellation.merchant == merchant.name)
    }

    pub(super) fn cancellation_view(&self, cancellation: &Cancellation) -> Value {
        let mut view = Value::object::<&str>([]);
        view::put(&mut view, "status", Some(cancellation.word()));
        view::put(&mut view, "nit", Some(&cancellation.nit));
        view::put(&mut view, "esitef_usn", Some(&cancellation.esitef_usn));
        if let Some(payment) = self.transactions.get(&cancellation.payment) {
            view::put(&mut view, "order_id", payment.order.order_id.as_deref());
            view::put(&mut view, "merchant_usn", payment.order.merchant_usn.as_deref());
            let authorizer = payment.authorizer.map(|authorizer| authorizer.id.to_string());
            view::put(&mut view, "authorizer_id", authorizer.as_deref());
        }
        if let Some(at) = cancellation.at {
            view::put(&mut view, "amount", Some(&cancellation.amount.to_string()));
            view::put(&mut view, "authorizer_date", Some(&instant::rest(at)));
        }
        view
    }

    /// A card that is sent with a cancellation or a capture must be the one that paid.
    pub(super) fn judge_same_card(
        &self,
        merchant: &Merchant,
        payment: &Transaction,
        card: Option<&Value>,
    ) -> Result<(), Code> {
        let Some(card) = card.filter(|card| !card.is_null()) else { return Ok(()) };
        let face = match card.get("token").and_then(Value::as_str) {
            Some(_) if card.get("number").is_some() => return Err(Code::NUMBER_AND_TOKEN),
            Some(token) => {
                let of_shop = self.vault.of_merchant(&merchant.name);
                let stored =
                    of_shop.into_iter().find(|stored| stored.hash == token).ok_or(Code::HASH_INVALID)?;
                (stored.bin.clone(), stored.last_four.clone())
            }
            None => {
                let number = read_number(card, &merchant.settings)?.number;
                (number.bin(), number.last_four())
            }
        };
        let paid = payment.answer.as_ref().map(|answer| (answer.bin.clone(), answer.last_four.clone()));
        if paid == Some(face) { Ok(()) } else { Err(Code::OTHER_CARD) }
    }

    /// What can be cancelled under a number: a confirmed payment, or the capture of a pre-authorization. A
    /// pre-authorization's own number, or one that is not confirmed, fails the check.
    fn payment_by_usn(&self, merchant: &Merchant, usn: &str) -> Result<&Transaction, Code> {
        let of_shop = || self.transactions.values().filter(|known| known.merchant == merchant.name);
        let captured =
            of_shop().find(|known| known.capture.as_ref().is_some_and(|capture| capture.esitef_usn == usn));
        if let Some(captured) = captured {
            return Ok(captured);
        }
        let payment = of_shop().find(|known| known.esitef_usn == usn).ok_or(Code::NOT_FOUND)?;
        let may_be_cancelled = payment.status == Status::Confirmed && !payment.is_preauthorization();
        may_be_cancelled.then_some(payment).ok_or(Code::AUTHENTICITY)
    }
}

/// Minor units that were taken.
fn paid(payment: &Transaction) -> u64 {
    payment.capture.as_ref().map_or(payment.amount(), |capture| capture.amount)
}
