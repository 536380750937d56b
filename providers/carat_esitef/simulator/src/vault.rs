//! Cards that the portal keeps: number and expiry, encrypted, and never the security code (CA-04, CA-05, CA-06).

use std::collections::HashMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use simulation::{Timestamp, World};
use zeroize::Zeroizing;

use crate::authorizers::Authorizer;
use crate::cards::{CardNumber, Expiry};
use crate::identifiers;
use crate::instant;

/// Cards kept at most; beyond that none is taken.
const CARDS_LIMIT: usize = 100_000;
/// Years after its expiry that a stored card is deleted.
const KEPT_AFTER_EXPIRY_YEARS: i16 = 1;

/// A card's number, encrypted under the key of this run.
#[derive(Clone, Debug)]
pub struct Sealed {
    nonce: [u8; 12],
    text: Vec<u8>,
    /// `MMYY`, which a notice may not show and a charge needs.
    pub expiry: Expiry,
}

/// Whether a stored card may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// `ATV`
    Active,
    /// `INA`
    Inactive,
}

/// A card that is kept.
#[derive(Clone, Debug)]
pub struct StoredCard {
    /// Its identifier. CA-U04: the notice's `hash` and REST's `token` are the same text.
    pub hash: String,
    /// The account that keeps it.
    pub merchant: String,
    /// Whose it is, in the shop's words.
    pub customer: String,
    /// Its authorizer.
    pub authorizer: &'static Authorizer,
    /// The first six digits.
    pub bin: String,
    /// The last four digits.
    pub last_four: String,
    /// Whether it may be used.
    pub state: State,
    sealed: Sealed,
}

/// All stored cards, and the key that they are sealed with. The key lives as long as the simulator.
pub struct Vault {
    key: RandomizedNonceKey,
    cards: HashMap<String, StoredCard>,
}

/// A card about to be kept.
pub struct NewCard<'a> {
    /// The account.
    pub merchant: &'a str,
    /// Whose it is.
    pub customer: &'a str,
    /// Its authorizer.
    pub authorizer: &'static Authorizer,
    /// The number, sealed.
    pub sealed: Sealed,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Vault({} cards)", self.cards.len())
    }
}

impl Default for Vault {
    /// An empty vault under a key of its own.
    fn default() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(key.as_mut()).expect("the system gives random bytes");
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref());
        Self { key: key.expect("32 bytes are a key of AES-256"), cards: HashMap::new() }
    }
}

impl Vault {
    /// Seals a number; `None` when the cipher fails, which it does not for nineteen bytes.
    pub fn seal(&self, number: &CardNumber, expiry: Expiry) -> Option<Sealed> {
        // With room for the tag, so that the digits are never moved and left behind.
        let mut text = Vec::with_capacity(number.digits().len() + AES_256_GCM.tag_len());
        text.extend_from_slice(number.digits().as_bytes());
        let nonce = self.key.seal_in_place_append_tag(Aad::empty(), &mut text).ok()?;
        Some(Sealed { nonce: *nonce.as_ref(), text, expiry })
    }

    /// The number inside; `None` when it was sealed by another run.
    pub fn open(&self, sealed: &Sealed) -> Option<CardNumber> {
        let mut text = Zeroizing::new(sealed.text.clone());
        let nonce = Nonce::assume_unique_for_key(sealed.nonce);
        let plain = self.key.open_in_place(nonce, Aad::empty(), &mut text).ok()?;
        CardNumber::read(std::str::from_utf8(plain).ok()?)
    }

    /// Keeps a card, and answers its hash and whether the same customer had the same card already. CA-U17: then
    /// the hash is the old one.
    pub fn store(&mut self, new: NewCard<'_>, world: &mut dyn World) -> Option<(String, bool)> {
        let number = self.open(&new.sealed)?;
        let known = self.cards.values().find(|card| {
            card.merchant == new.merchant
                && card.customer == new.customer
                && self.open(&card.sealed).as_ref() == Some(&number)
        });
        if let Some(hash) = known.map(|card| card.hash.clone()) {
            if let Some(card) = self.cards.get_mut(&hash) {
                card.sealed = new.sealed;
                card.state = State::Active;
            }
            return Some((hash, true));
        }
        if self.cards.len() >= CARDS_LIMIT {
            return None;
        }
        let hash = identifiers::card_hash(world);
        let card = StoredCard {
            hash: hash.clone(),
            merchant: new.merchant.to_owned(),
            customer: new.customer.to_owned(),
            authorizer: new.authorizer,
            bin: number.bin(),
            last_four: number.last_four(),
            state: State::Active,
            sealed: new.sealed,
        };
        self.cards.insert(hash.clone(), card);
        Some((hash, false))
    }

    /// The card of a shop, unless it is gone: one year after its expiry it is deleted.
    pub fn find(&self, hash: &str, merchant: &str, now: Timestamp) -> Option<&StoredCard> {
        self.cards.get(hash).filter(|card| {
            let Expiry { month, year } = card.sealed.expiry;
            let last = Expiry { month, year: year + KEPT_AFTER_EXPIRY_YEARS };
            card.merchant == merchant && !last.is_before(instant::year_and_month(now))
        })
    }

    /// A card to change.
    pub fn find_mut(&mut self, hash: &str, merchant: &str, now: Timestamp) -> Option<&mut StoredCard> {
        self.find(hash, merchant, now)?;
        self.cards.get_mut(hash)
    }

    /// Takes a card away.
    pub fn remove(&mut self, hash: &str) -> Option<StoredCard> {
        self.cards.remove(hash)
    }

    /// Number and expiry of a stored card, to charge it.
    pub fn unseal(&self, card: &StoredCard) -> Option<(CardNumber, Expiry)> {
        Some((self.open(&card.sealed)?, card.sealed.expiry))
    }

    /// The cards of a shop, in the order of their hashes.
    pub fn of_merchant<'a>(&'a self, merchant: &'a str) -> Vec<&'a StoredCard> {
        let mut cards: Vec<_> = self.cards.values().filter(|card| card.merchant == merchant).collect();
        cards.sort_by(|one, other| one.hash.cmp(&other.hash));
        cards
    }
}

impl State {
    /// `ATV` or `INA`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "ATV",
            Self::Inactive => "INA",
        }
    }

    /// CA-U27: the words by which a stored card is switched on and off.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Inactive].into_iter().find(|state| state.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cards;

    #[test]
    fn what_is_kept_of_a_card_is_encrypted_and_opens_again() {
        let vault = Vault::default();
        let number = CardNumber::read(cards::all()[0].number).expect("a number");
        let sealed = vault.seal(&number, Expiry { month: 12, year: 2030 }).expect("sealed");
        assert!(!sealed.text.windows(6).any(|part| part == &number.digits().as_bytes()[..6]));
        assert!(!format!("{sealed:?}").contains(number.digits()));
        assert_eq!(vault.open(&sealed), Some(number));
        assert_eq!(Vault::default().open(&sealed), None, "another run has another key");
    }
}
