//! Providers as demo and tour meet them: a file for each, with its accounts, its seeds and its stories.

mod avalpay;
mod etpay;
mod pagoefectivo;

use shop::market::Market;

use crate::seeds::Seed;
use crate::tour::Story;

/// A provider as demo and tour meet it.
pub struct Shown {
    /// Its id.
    pub provider: &'static str,
    /// The host name of its simulated API.
    pub host: &'static str,
    /// The host name of the pages where its payers pay.
    pub pages: &'static str,
    /// The accounts that the shop has with it, one for each market.
    pub accounts: &'static [ShownAccount],
    /// What is planted for a demo.
    pub seeds: &'static [Seed],
    /// What a tour walks through.
    pub stories: &'static [Story],
}

/// An account of the shop.
pub struct ShownAccount {
    /// Where the shop sells by it.
    pub market: Market,
    /// Whether its shoppers pay by card.
    pub is_card: bool,
    /// What it is opened with at the provider.
    pub opened_with: &'static [(&'static str, &'static str)],
    /// What the hub is told of it beside its credentials.
    pub settings: &'static [(&'static str, &'static str)],
}

/// Every provider that is shown: the shop's first market is that of the first one.
pub const ALL: [&Shown; 3] = [&avalpay::SHOWN, &pagoefectivo::SHOWN, &etpay::SHOWN];

/// Every account with its provider.
pub fn accounts() -> impl Iterator<Item = (&'static Shown, &'static ShownAccount)> {
    ALL.into_iter().flat_map(|shown| shown.accounts.iter().map(move |account| (shown, account)))
}
