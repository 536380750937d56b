//! A payment or pre-authorization at the portal, and the statuses it goes through (PROTOCOL.md 7).

use simulation::Timestamp;

use crate::authorizers::Authorizer;
use crate::course::Answer;
use crate::delivery::Deliveries;
use crate::instant;
use crate::order::{Order, Type};
use crate::page::labels::Language;

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `NOV`: created.
    New,
    /// `AGU`: waiting for the payer on the page.
    Waiting,
    /// `PEN`: waiting for the institution.
    Pending,
    /// `PPC`: authorized, waiting for the shop's confirmation.
    Unconfirmed,
    /// `PPN`: authorized and undone by the shop.
    Undone,
    /// `CON`
    Confirmed,
    /// `NEG`
    Denied,
    /// `ERR`. CA-U20: final for this transaction; who tries again creates another.
    Failed,
    /// `BLQ`
    Blocked,
    /// `EXP`
    Expired,
    /// `ABA`
    Abandoned,
    /// `CAN`
    Cancelled,
    /// `EST`: given back in full.
    Reversed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::New,
        Self::Waiting,
        Self::Pending,
        Self::Unconfirmed,
        Self::Undone,
        Self::Confirmed,
        Self::Denied,
        Self::Failed,
        Self::Blocked,
        Self::Expired,
        Self::Abandoned,
        Self::Cancelled,
        Self::Reversed,
    ];

    /// The three letters.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "NOV",
            Self::Waiting => "AGU",
            Self::Pending => "PEN",
            Self::Unconfirmed => "PPC",
            Self::Undone => "PPN",
            Self::Confirmed => "CON",
            Self::Denied => "NEG",
            Self::Failed => "ERR",
            Self::Blocked => "BLQ",
            Self::Expired => "EXP",
            Self::Abandoned => "ABA",
            Self::Cancelled => "CAN",
            Self::Reversed => "EST",
        }
    }

    /// Whether a card may still be tried.
    pub fn takes_card(self) -> bool {
        matches!(self, Self::New | Self::Waiting)
    }

    /// Whether one may follow the other.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::New => matches!(
                next,
                Self::Waiting
                    | Self::Confirmed
                    | Self::Denied
                    | Self::Failed
                    | Self::Pending
                    | Self::Unconfirmed
                    | Self::Blocked
                    | Self::Expired
            ),
            Self::Waiting => {
                Self::New.may_become(next) && next != Self::Waiting
                    || matches!(next, Self::Cancelled | Self::Abandoned)
            }
            Self::Pending => {
                matches!(next, Self::Confirmed | Self::Unconfirmed | Self::Denied | Self::Expired)
            }
            Self::Unconfirmed => matches!(next, Self::Confirmed | Self::Undone),
            Self::Confirmed => next == Self::Reversed,
            Self::Undone
            | Self::Denied
            | Self::Failed
            | Self::Blocked
            | Self::Expired
            | Self::Abandoned
            | Self::Cancelled
            | Self::Reversed => false,
        }
    }
}

/// By which interface it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// With the hosted page.
    Html,
    /// From server to server.
    Rest,
}

/// A capture of a pre-authorization, or the payment itself: what can be cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The number by which it is cancelled.
    pub esitef_usn: String,
    /// Minor units.
    pub amount: u64,
}

/// A transaction.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Its identifier.
    pub nit: String,
    /// The account's name.
    pub merchant: String,
    /// How it came.
    pub interface: Interface,
    /// What was asked for.
    pub order: Order,
    /// The portal's own number.
    pub esitef_usn: String,
    /// Where it stands.
    pub status: Status,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub changed_at: Timestamp,
    /// When the payer last did something on the page.
    pub seen_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// Seconds without a move until it counts as abandoned.
    pub idle_s: i64,
    /// The storage transaction, when a card is to be kept.
    pub nita: Option<String>,
    /// The authorizer that was paid with.
    pub authorizer: Option<&'static Authorizer>,
    /// What the acquirer said.
    pub answer: Option<Answer>,
    /// Cards that could not be used.
    pub wrong_cards: u32,
    /// Minor units that were confirmed, by a confirmation of a part.
    pub confirmed_amount: Option<u64>,
    /// What was captured of a pre-authorization.
    pub capture: Option<Capture>,
    /// Minor units given back.
    pub refunded: u64,
    /// The page's language.
    pub language: Language,
    /// Notices about it, oldest first.
    pub notices: Deliveries,
}

impl Transaction {
    /// Whether it is a pre-authorization.
    pub fn is_preauthorization(&self) -> bool {
        self.order.kind == Type::PreAuthorization
    }

    /// Minor units that were paid: the whole, or the part that was confirmed.
    pub fn amount(&self) -> u64 {
        self.confirmed_amount.unwrap_or(self.order.amount)
    }

    /// When it changes by itself next. CA-U47: what waits for a confirmation waits for ever.
    pub fn due(&self) -> Option<(Timestamp, Status)> {
        match self.status {
            Status::New => Some((self.expires_at, Status::Expired)),
            Status::Waiting => {
                let idle = instant::seconds_after(self.seen_at, self.idle_s);
                if idle < self.expires_at {
                    Some((idle, Status::Abandoned))
                } else {
                    Some((self.expires_at, Status::Expired))
                }
            }
            Status::Pending
            | Status::Unconfirmed
            | Status::Undone
            | Status::Confirmed
            | Status::Denied
            | Status::Failed
            | Status::Blocked
            | Status::Expired
            | Status::Abandoned
            | Status::Cancelled
            | Status::Reversed => None,
        }
    }

    /// The reference of a script: the order, or the shop's number.
    pub fn reference(&self) -> &str {
        let order = &self.order;
        order.order_id.as_deref().or(order.merchant_usn.as_deref()).unwrap_or(&self.nit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_moves_are_allowed() {
        let next = |status: Status| -> Vec<&str> {
            Status::ALL.into_iter().filter(|next| status.may_become(*next)).map(Status::word).collect()
        };
        assert_eq!(next(Status::New), ["AGU", "PEN", "PPC", "CON", "NEG", "ERR", "BLQ", "EXP"]);
        assert_eq!(next(Status::Waiting), ["PEN", "PPC", "CON", "NEG", "ERR", "BLQ", "EXP", "ABA", "CAN"]);
        assert_eq!(next(Status::Pending), ["PPC", "CON", "NEG", "EXP"]);
        assert_eq!(next(Status::Unconfirmed), ["PPN", "CON"]);
        assert_eq!(next(Status::Confirmed), ["EST"]);
        for status in [Status::Undone, Status::Denied, Status::Failed, Status::Reversed, Status::Cancelled] {
            assert_eq!(next(status), Vec::<&str>::new(), "{status:?}");
        }
    }
}
