//! An order of the shop, and the one rule by which it becomes paid.

use url::Url;

use crate::Timestamp;
use crate::catalogue::Cart;
use crate::hub_client::{Lightbox, PaymentDocument};
use crate::language::Language;
use crate::market::Market;

/// An order.
#[derive(Clone, Debug)]
pub struct Order {
    /// The shop's reference: letters and digits, unique.
    pub reference: String,
    /// The unguessable part of the order page's address.
    pub token: String,
    /// Whose browser placed it.
    pub visitor: String,
    /// The language it was placed in.
    pub language: Language,
    /// What was bought.
    pub cart: Cart,
    /// Where, which says for how much.
    pub market: Market,
    /// The id of the means of payment that was chosen.
    pub means: String,
    /// When.
    pub created_at: Timestamp,
    /// Version of the conditions that were accepted (AV-12.5-06).
    pub accepted_terms: &'static str,
    /// The hub would not have it: there is no payment, and there will be none.
    pub is_refused: bool,
    /// What the hub last said that agrees with this order.
    pub payment: Option<PaymentDocument>,
    /// Set once, and never again.
    pub paid: Option<Paid>,
    /// What the hub said that does not agree with this order: nothing is delivered on such a word.
    pub mismatch: Option<Mismatch>,
}

/// When and how the shop learned that an order is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    /// When.
    pub at: Timestamp,
    /// By what.
    pub learned_by: Source,
}

/// How a word about a payment reached the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A verified event, by its id.
    Event(String),
    /// The hub's answer to a call of the shop.
    Answer,
}

/// How a word of the hub differs from the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is about another payment than the one that was made for this order.
    Payment,
    /// It names another amount.
    Amount,
    /// It names another currency.
    Currency,
}

/// Where an order stands, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The shopper has still to pay.
    Waiting,
    /// The bank or the gateway is finding out; also every word we do not know.
    Pending,
    /// Paid.
    Approved,
    /// Declined.
    Rejected,
    /// It could not be tried.
    Failed,
    /// Not paid in time.
    Expired,
    /// Taken back.
    Cancelled,
    /// Paid in part, and the rest can still be paid.
    PartlyPaid,
    /// Paid in part, and the time for the rest is over.
    PartlyExpired,
    /// Paid and given back.
    GivenBack,
    /// Disputed by the card's holder.
    Disputed,
}

impl State {
    /// The state behind a status word of the hub. A word we do not know is pending, never paid.
    pub fn of_status(word: &str) -> Self {
        match word {
            "created" | "requires_action" => Self::Waiting,
            "approved" => Self::Approved,
            "rejected" => Self::Rejected,
            "failed" => Self::Failed,
            "expired" => Self::Expired,
            "cancelled" => Self::Cancelled,
            "partially_approved" => Self::PartlyPaid,
            "partially_expired" => Self::PartlyExpired,
            "reversed" | "partially_refunded" | "refunded" | "returned" => Self::GivenBack,
            "disputed" => Self::Disputed,
            _ => Self::Pending,
        }
    }

    /// Whether more is to come.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Waiting | Self::Pending | Self::PartlyPaid => true,
            Self::Approved
            | Self::Rejected
            | Self::Failed
            | Self::Expired
            | Self::Cancelled
            | Self::PartlyExpired
            | Self::GivenBack
            | Self::Disputed => false,
        }
    }
}

impl Mismatch {
    /// The word in the inbox.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Amount => "amount",
            Self::Currency => "currency",
        }
    }
}

impl Source {
    /// The word in the inbox.
    pub fn word(&self) -> String {
        match self {
            Self::Event(id) => format!("event {id}"),
            Self::Answer => "answer".to_owned(),
        }
    }
}

impl Order {
    /// Where it stands.
    pub fn state(&self) -> State {
        match &self.payment {
            Some(payment) => State::of_status(&payment.status),
            None if self.is_refused => State::Failed,
            None => State::Waiting,
        }
    }

    /// What it costs, in minor units.
    pub fn gross(&self) -> i64 {
        self.cart.totals(self.market).gross
    }

    /// What was taken and what is missing, where it is paid in parts.
    pub fn collected_and_missing(&self) -> Option<(i64, i64)> {
        let payment = self.payment.as_ref()?;
        let is_in_parts = matches!(self.state(), State::PartlyPaid | State::PartlyExpired);
        let division = payment.division.filter(|_| is_in_parts)?;
        Some((division.collected, division.missing))
    }

    /// How its page opens in a frame over the shop's own, while it can be paid.
    pub fn lightbox(&self) -> Option<(&Url, &Lightbox)> {
        let lightbox = self.payment.as_ref()?.lightbox.as_ref()?;
        Some((self.pay_url()?, lightbox))
    }

    /// The address of its page.
    pub fn page(&self) -> String {
        format!("/orders/{}/{}", self.reference, self.token)
    }

    /// Where the shopper can pay or try again, while that is possible.
    pub fn pay_url(&self) -> Option<&Url> {
        self.payment.as_ref().filter(|_| self.state().is_open())?.pay_url.as_ref()
    }

    /// What the shopper gives elsewhere to pay, while that is possible.
    pub fn pay_code(&self) -> Option<&str> {
        self.payment.as_ref().filter(|_| self.state().is_open())?.pay_code.as_deref()
    }

    /// Takes a word of the hub. It counts only when it agrees with what the shop itself recorded: this
    /// payment, this amount, this currency; an older word than the last one changes nothing. The first
    /// sure approval makes the order paid; the second one finds it paid.
    pub fn learn(&mut self, word: PaymentDocument, source: Source, now: Timestamp) {
        if let Some(mismatch) = self.disagreement(&word) {
            self.mismatch = Some(mismatch);
            return;
        }
        if self.payment.as_ref().is_some_and(|known| known.version > word.version) {
            return;
        }
        let is_sure = word.certainty != "unknown";
        self.payment = Some(word);
        if self.state() == State::Approved && is_sure && self.paid.is_none() {
            self.paid = Some(Paid { at: now, learned_by: source });
        }
    }

    fn disagreement(&self, word: &PaymentDocument) -> Option<Mismatch> {
        let is_another = self.payment.as_ref().is_some_and(|known| known.id != word.id);
        if is_another || word.reference != self.reference {
            Some(Mismatch::Payment)
        } else if word.currency != self.market.currency() {
            Some(Mismatch::Currency)
        } else if word.amount != self.gross() {
            Some(Mismatch::Amount)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::catalogue::PRODUCTS;

    fn order() -> Order {
        let mut cart = Cart::default();
        cart.add(&PRODUCTS[0], 1);
        Order {
            reference: "T1".into(),
            token: "t".into(),
            visitor: "v".into(),
            language: Language::Es,
            cart,
            market: Market::Colombia,
            means: "tarjeta".into(),
            created_at: at(0),
            accepted_terms: "1",
            is_refused: false,
            payment: None,
            paid: None,
            mismatch: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_773_500_400 + second).expect("a time")
    }

    fn word(status: &str, version: i64, changes: Value) -> PaymentDocument {
        let mut document = json!({"id": "pay_1", "reference": "T1", "amount": 11_900_000, "currency": "COP",
            "status": status, "certainty": "confirmed", "version": version});
        for (name, value) in changes.as_object().expect("an object") {
            document[name] = value.clone();
        }
        serde_json::from_value(document).expect("a document")
    }

    #[test]
    fn an_order_is_paid_once_however_often_it_is_said() {
        let mut order = order();
        order.learn(word("pending", 1, json!({})), Source::Answer, at(1));
        assert!(order.paid.is_none());
        order.learn(word("approved", 2, json!({})), Source::Event("m1".into()), at(2));
        order.learn(word("approved", 2, json!({})), Source::Event("m2".into()), at(3));
        order.learn(word("approved", 3, json!({})), Source::Answer, at(4));
        assert_eq!(order.paid, Some(Paid { at: at(2), learned_by: Source::Event("m1".into()) }));
    }

    #[test]
    fn a_word_that_disagrees_delivers_nothing() {
        let table = [
            (json!({"amount": 11_899_999}), Mismatch::Amount),
            (json!({"amount": 119_000}), Mismatch::Amount),
            (json!({"currency": "USD"}), Mismatch::Currency),
            (json!({"reference": "T2"}), Mismatch::Payment),
        ];
        for (change, expected) in table {
            let mut order = order();
            order.learn(word("approved", 1, change), Source::Answer, at(1));
            assert_eq!(order.mismatch, Some(expected));
            assert!(order.paid.is_none() && order.state() == State::Waiting);
        }
        let mut order = order();
        order.learn(word("pending", 1, json!({})), Source::Answer, at(1));
        order.learn(word("approved", 9, json!({"id": "pay_2"})), Source::Answer, at(2));
        assert_eq!((order.mismatch, order.paid), (Some(Mismatch::Payment), None));
    }

    #[test]
    fn an_older_word_changes_nothing() {
        let mut order = order();
        order.learn(word("refunded", 5, json!({})), Source::Answer, at(1));
        order.learn(word("approved", 4, json!({})), Source::Answer, at(2));
        assert_eq!(order.state(), State::GivenBack);
        assert!(order.paid.is_none());
    }

    #[test]
    fn only_a_sure_approval_is_paid() {
        for status in ["requires_action", "pending", "rejected", "partially_approved", "refunded", "novelty"]
        {
            let mut order = order();
            order.learn(word(status, 1, json!({})), Source::Answer, at(1));
            assert!(order.paid.is_none(), "{status}");
        }
        let mut order = order();
        order.learn(word("approved", 1, json!({"certainty": "unknown"})), Source::Answer, at(1));
        assert!(order.paid.is_none());
        order.learn(word("approved", 2, json!({})), Source::Answer, at(2));
        assert!(order.paid.is_some());
    }
}
