//! Providers as demo and tour meet them: a file for each, with its accounts, its seeds and its stories.

mod avalpay;
mod carat_esitef;
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
    /// Where each kind of its notices goes: the setting that it is opened with, and what is added to the account's usual
    /// address. Empty, all go to that address.
    pub notice_routes: &'static [(&'static str, &'static str)],
    /// The accounts that the merchant has with it: one for each market of the shop, and others.
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
    /// The word of an account that the shop does not offer: orders name it through the API.
    pub apart: Option<&'static str>,
    /// Whether its shoppers pay by card.
    pub is_card: bool,
    /// Whether the shop lets shoppers keep a card by it.
    pub keeps_cards: bool,
    /// Whether the shop lets shoppers pay in parts by it.
    pub takes_parts: bool,
    /// The ways among which shoppers choose in a shop that opens the provider's page in a frame.
    pub choices: &'static [ShownChoice],
    /// What it is opened with at the provider.
    pub opened_with: &'static [(&'static str, &'static str)],
    /// What the hub is told of it beside its credentials.
    pub settings: &'static [(&'static str, &'static str)],
}

/// A way of paying by an account.
pub struct ShownChoice {
    /// Its word.
    pub word: &'static str,
    /// The label of the provider's storefront by which it is called.
    pub label: &'static str,
    /// The provider's method codes.
    pub methods: &'static [&'static str],
    /// Whether it asks for a card.
    pub is_card: bool,
}

impl ShownAccount {
    /// The word by which it is found: its market's, or its own.
    pub fn word(&self) -> &'static str {
        self.apart.unwrap_or_else(|| self.market.word())
    }
}

/// Every provider that is shown: the shop's first market is that of the first one.
pub const ALL: [&Shown; 4] = [&avalpay::SHOWN, &pagoefectivo::SHOWN, &etpay::SHOWN, &carat_esitef::SHOWN];

/// Every account with its provider.
pub fn accounts() -> impl Iterator<Item = (&'static Shown, &'static ShownAccount)> {
    ALL.into_iter().flat_map(|shown| shown.accounts.iter().map(move |account| (shown, account)))
}
