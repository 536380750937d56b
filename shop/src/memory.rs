//! All that the shop knows: carts, drafts, orders, events. In memory only, bounded, gone when it stops.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use rand::Rng;
use serde::Serialize;
use subtle::ConstantTimeEq;

use crate::Timestamp;
use crate::catalogue::Cart;
use crate::hub_client::PaymentDocument;
use crate::market::Market;
use crate::order::{Order, Source};
use crate::placing::Draft;

/// Most visitors, drafts, orders or events remembered; the oldest is forgotten first.
pub const MAX_REMEMBERED: usize = 20_000;
const REFERENCE_LENGTH: usize = 12;
/// Digits and capitals without the ones that people mix up.
const REFERENCE_LETTERS: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The shop's memory.
#[derive(Default)]
pub struct Memory {
    carts: Bounded<String, Cart>,
    drafts: Bounded<String, Arc<Draft>>,
    orders: Bounded<String, Order>,
    events: Bounded<String, ReceivedEvent>,
    /// Messages that were not taken as events.
    pub refused: Refused,
}

/// An event that was verified.
#[derive(Clone, Debug, Serialize)]
pub struct ReceivedEvent {
    /// The id under which it is known again.
    pub id: String,
    /// For example `payment.approved`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it was first received.
    pub received_at: Timestamp,
    /// The hub's payment, when it is about one.
    pub payment: Option<String>,
    /// The merchant's reference, when it is about a payment.
    pub reference: Option<String>,
    /// The status it tells.
    pub status: Option<String>,
    /// The payment's version that it tells of: events may come in another order than they happened in.
    pub version: Option<i64>,
    /// Whether the reference is that of an order of this shop.
    pub is_own_order: bool,
    /// How often it came again after the first time.
    pub repeats: u64,
}

/// Messages at the event address that were not taken, counted.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Refused {
    /// No signature held.
    pub forged: u64,
    /// Signed, but too far from the shop's clock.
    pub stale: u64,
    /// Signed, and not to be read.
    pub unreadable: u64,
}

impl Memory {
    /// A visitor's cart.
    pub fn cart(&self, visitor: &str) -> Cart {
        self.carts.get(visitor).cloned().unwrap_or_default()
    }

    /// Keeps a visitor's cart.
    pub fn set_cart(&mut self, visitor: &str, cart: Cart) {
        self.carts.insert(visitor.to_owned(), cart);
    }

    /// Prepares one possible order of what is in the cart now, under a token that its form carries: the
    /// total that the shopper sees is the total that is sent, and one form makes one order at most.
    pub fn prepare(&mut self, visitor: &str, cart: Cart, market: Market) -> (String, Arc<Draft>) {
        let token = random_token();
        let draft =
            Arc::new(Draft::new(visitor.to_owned(), random_reference(), random_token(), cart, market));
        self.drafts.insert(token.clone(), Arc::clone(&draft));
        (token, draft)
    }

    /// The draft of a form, when the same visitor asked for it.
    pub fn draft(&self, visitor: &str, token: &str) -> Option<Arc<Draft>> {
        self.drafts.get(token).filter(|draft| draft.visitor == visitor).cloned()
    }

    /// Keeps a new order.
    pub fn place(&mut self, order: Order) {
        self.orders.insert(order.reference.clone(), order);
    }

    /// Notes that the hub would not have an order.
    pub fn refuse(&mut self, reference: &str) {
        if let Some(order) = self.orders.get_mut(reference) {
            order.is_refused = true;
        }
    }

    /// An order by its page's address.
    pub fn order(&self, reference: &str, token: &str) -> Option<&Order> {
        let order = self.orders.get(reference)?;
        bool::from(order.token.as_bytes().ct_eq(token.as_bytes())).then_some(order)
    }

    /// A visitor's orders, newest first.
    pub fn orders_of<'a>(&'a self, visitor: &'a str) -> impl Iterator<Item = &'a Order> {
        self.orders.newest_first().filter(move |order| order.visitor == visitor)
    }

    /// All orders, newest first.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.newest_first()
    }

    /// All events, newest first.
    pub fn events(&self) -> impl Iterator<Item = &ReceivedEvent> {
        self.events.newest_first()
    }

    /// Takes a word of the hub about one of our orders; whether there is such an order.
    pub fn learn(&mut self, word: PaymentDocument, source: Source, now: Timestamp) -> bool {
        let order = self.orders.get_mut(&word.reference);
        let is_known = order.is_some();
        if let Some(order) = order {
            order.learn(word, source, now);
        }
        is_known
    }

    /// Notes a verified event. `false`: the same one was noted before, and nothing else is to be done.
    pub fn note_event(&mut self, event: ReceivedEvent) -> bool {
        if let Some(known) = self.events.get_mut(&event.id) {
            known.repeats += 1;
            return false;
        }
        self.events.insert(event.id.clone(), event);
        true
    }

    /// Notes whether an event was about an order of ours.
    pub fn note_owner(&mut self, id: &str, is_own_order: bool) {
        if let Some(event) = self.events.get_mut(id) {
            event.is_own_order = is_own_order;
        }
    }
}

/// 128 bits of chance as 32 hex digits: visitors, forms, order pages.
pub fn random_token() -> String {
    let bytes: [u8; 16] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random_reference() -> String {
    let mut chance = rand::rng();
    let letters = std::iter::repeat_with(|| {
        char::from(REFERENCE_LETTERS[chance.random_range(0..REFERENCE_LETTERS.len())])
    });
    std::iter::once('T').chain(letters.take(REFERENCE_LENGTH - 1)).collect()
}

/// A map that forgets its oldest entry when it grows beyond [`MAX_REMEMBERED`].
struct Bounded<K, V> {
    entries: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash, V> Bounded<K, V> {
    fn insert(&mut self, key: K, value: V) {
        if self.entries.insert(key.clone(), value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }

    fn get<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.entries.get(key)
    }

    fn get_mut<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.entries.get_mut(key)
    }

    fn newest_first(&self) -> impl Iterator<Item = &V> {
        self.order.iter().rev().filter_map(|key| self.entries.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_letters_and_digits_and_do_not_repeat() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            let reference = random_reference();
            assert!(reference.len() == 12 && reference.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert!(seen.insert(reference));
        }
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut bounded = Bounded::default();
        for number in 0..=MAX_REMEMBERED {
            bounded.insert(number, number);
        }
        assert_eq!(bounded.get(&0), None);
        assert_eq!(bounded.get(&1), Some(&1));
        assert_eq!(bounded.newest_first().next(), Some(&MAX_REMEMBERED));
    }

    #[test]
    fn a_draft_belongs_to_the_visitor_who_asked_for_it() {
        let mut memory = Memory::default();
        let (token, _) = memory.prepare("one", Cart::default(), Market::Colombia);
        assert!(memory.draft("one", &token).is_some());
        assert!(memory.draft("other", &token).is_none());
    }
}
