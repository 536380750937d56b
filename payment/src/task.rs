//! What is to be done at a provider.

use url::Url;

use crate::Timestamp;
use crate::money::Money;
use crate::order::Order;

/// What is to be done at a provider. Further tasks (charges by token, captures, refunds…) come with the
/// providers that have them; matching without a wildcard shows then every place that has to decide.
#[derive(Clone, Debug)]
pub enum Task {
    /// Let the shopper pay: the shopper is present.
    Authorize(Box<Authorization>),
    /// Ask what became of an attempt.
    LookUp(Target),
    /// Take back what is not yet paid.
    Withdraw(Target),
}

/// What an [`Task::Authorize`] needs.
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
}
