//! A CIP, the payment code: what was ordered, what became of it (§7).

use simulation::Timestamp;
use simulation::strict_json::Value;

use crate::lima;
use crate::messages::Message;
use crate::notice::Notice;
use crate::order::Order;

/// Where a CIP stands. In the provider's Spanish one that was paid is "cancelado": its debt is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Payable.
    Generated,
    /// Paid, for good.
    Paid,
    /// Its time has passed; a later date revives it.
    Expired,
    /// Deleted by the merchant, for good.
    Removed,
}

impl State {
    /// `status`. PE-U30: 23 is paid; PE-U31: 21 is expired; PE-U32: 25 is deleted. Only 22 was ever seen.
    pub fn number(self) -> u32 {
        match self {
            Self::Generated => 22,
            Self::Paid => 23,
            Self::Expired => 21,
            Self::Removed => 25,
        }
    }

    /// `statusName`, with its final dot. PE-U32: the name of a deleted one is ours.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generated => "Generado.",
            Self::Paid => "Cancelado.",
            Self::Expired => "Expirado.",
            Self::Removed => "Eliminado.",
        }
    }

    /// A word for steering.
    pub fn word(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Paid => "paid",
            Self::Expired => "expired",
            Self::Removed => "removed",
        }
    }
}

/// A payment at a centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// When the centre took the money.
    pub at: Timestamp,
    /// The centre's channel, as the page names it.
    pub channel: String,
    /// The centre's number, as the notice tells it.
    pub operation_number: String,
}

/// A CIP.
#[derive(Clone, Debug)]
pub struct Cip {
    /// Its number.
    pub number: u64,
    /// The account.
    pub merchant: String,
    /// Upper-case GUID of its page.
    pub guid: String,
    /// What was asked for.
    pub order: Order,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; a change moves it.
    pub expires_at: Timestamp,
    /// Its payment.
    pub payment: Option<Payment>,
    /// When it was deleted.
    pub removed_at: Option<Timestamp>,
    /// When the reminder goes out; none when it did, or when its life is too short for one.
    pub reminder_at: Option<Timestamp>,
    /// Whether the time of the reminder has come and gone.
    pub is_reminded: bool,
    /// The page's address, as the creation answered it.
    pub url: String,
    /// What was told to the payer, or why it was not.
    pub messages: Vec<Message>,
    /// What was told to the merchant.
    pub notices: Vec<Notice>,
}

impl Cip {
    /// Its state at an instant. It expires by the clock alone, and nobody is told (§7.4).
    pub fn state(&self, now: Timestamp) -> State {
        if self.payment.is_some() {
            State::Paid
        } else if self.removed_at.is_some() {
            State::Removed
        } else if now >= self.expires_at {
            State::Expired
        } else {
            State::Generated
        }
    }

    /// What a creation answers (§4.8).
    pub fn created(&self) -> Value {
        Value::object([
            ("cip", Value::from(self.number)),
            ("currency", Value::text(&self.order.currency)),
            ("amount", Value::number(self.order.amount.to_minimal())),
            ("transactionCode", Value::text(&self.order.transaction_code)),
            ("dateExpiry", Value::text(lima::write(self.expires_at))),
            ("cipUrl", Value::text(&self.url)),
        ])
    }

    /// What a search answers (§5.2).
    pub fn found(&self, now: Timestamp) -> Value {
        let state = self.state(now);
        let date =
            |at: Option<Timestamp>| Value::text(at.map_or_else(|| lima::UNSET.to_owned(), lima::write));
        Value::object([
            ("cip", Value::from(self.number)),
            ("transactionCode", Value::text(&self.order.transaction_code)),
            ("amount", Value::number(self.order.amount.to_minimal())),
            ("currency", Value::text(&self.order.currency)),
            ("status", Value::from(state.number())),
            ("statusName", Value::text(state.name())),
            ("dateCreation", date(Some(self.created_at))),
            ("dateExpiry", date(Some(self.expires_at))),
            ("datePayment", date(self.payment.as_ref().map(|payment| payment.at))),
            ("dateRemoval", date(self.removed_at)),
            ("token", Value::text(&self.guid)),
        ])
    }
}
