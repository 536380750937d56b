//! What is to be done at a provider.

use url::Url;

use crate::Timestamp;
use crate::card::{Card, SecurityCode};
use crate::instrument::StoredInstrument;
use crate::money::Money;
use crate::movement::Movement;
use crate::operation::OperationKind;
use crate::order::Order;

/// What is to be done at a provider. Further tasks come with the providers that have them; matching without a
/// wildcard shows then every place that has to decide.
#[derive(Debug)]
pub enum Task {
    /// Let the shopper pay: the shopper is present.
    Authorize(Box<Authorization>),
    /// Charge a kept instrument: the shopper is away.
    ChargeStored(Box<Authorization>),
    /// Pay with what the shopper has typed on our own page, for an attempt that waits for it.
    Pay(Box<Supply>),
    /// Ask what became of an attempt.
    LookUp(Target),
    /// Take back what is not yet paid.
    Withdraw(Target),
    /// Capture, release or refund.
    Operate(Box<Act>),
    /// Take away a kept instrument.
    Invalidate(StoredInstrument),
}

/// What [`Task::Authorize`] and [`Task::ChargeStored`] need.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// The reference minted for this attempt by the provider's rule.
    pub reference: String,
    /// The order to be paid.
    pub order: Order,
    /// When the attempt closes.
    pub expires_at: Timestamp,
    /// Where the provider sends the shopper back: an address of the hub that names this attempt.
    pub return_url: Url,
    /// Our own page where the shopper types a card, or the code of a kept one, for providers without a page.
    pub card_url: Url,
    /// Where the provider posts notices of this account, for providers that are told so with the order.
    pub notice_url: Url,
    /// The instrument to charge: always there in a [`Task::ChargeStored`].
    pub instrument: Option<StoredInstrument>,
}

/// What a [`Task::Pay`] needs.
#[derive(Debug)]
pub struct Supply {
    /// The attempt that waits for it.
    pub target: Target,
    /// The order to be paid.
    pub order: Order,
    /// What the shopper has typed.
    pub supplied: Supplied,
}

/// What a shopper has typed on our own page.
#[derive(Debug)]
pub enum Supplied {
    /// A card.
    Card(Card),
    /// The security code of a kept card.
    Code(StoredInstrument, SecurityCode),
}

/// An attempt that the provider knows.
#[derive(Clone, Debug)]
pub struct Target {
    /// The reference minted for this attempt.
    pub reference: String,
    /// The provider's own reference.
    pub provider_reference: String,
    /// What was asked to be paid, to compare with what the provider tells.
    pub total: Money,
    /// What is known of its money: empty while none has moved.
    pub movements: Vec<Movement>,
    /// The provider's reference of the instrument that it was asked to keep, while nobody has told what became of it.
    pub awaited_instrument: Option<String>,
}

/// What a [`Task::Operate`] needs.
#[derive(Clone, Debug)]
pub struct Act {
    /// What is to be done.
    pub kind: OperationKind,
    /// A reference minted for this operation by the provider's rule, for providers that take one as their own key.
    pub reference: String,
    /// The attempt.
    pub target: Target,
    /// The movement that it is done with: a hold or a charge.
    pub movement: Movement,
    /// How much.
    pub amount: Money,
    /// Whether that is all there is left.
    pub is_whole: bool,
    /// Whether the same was begun before, and nobody heard what became of it.
    pub is_repeated: bool,
}
