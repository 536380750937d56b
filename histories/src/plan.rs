//! Operations, and how a seed draws them.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::provider::{Card, Part};

/// One thing that happens. Those that concern an order, a notice or a call name one of the latest by a number that
/// is read modulo how many there are, so that any operation may be left out of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A merchant asks for an order to be paid.
    Order {
        /// Which merchant.
        merchant: usize,
        /// At which provider.
        part: Part,
        /// What it costs, in units that fit each provider.
        amount: i64,
        /// Minutes until it expires; none, the usual life.
        minutes: Option<i64>,
    },
    /// The merchant sends the request of an order again, letter by letter.
    Repeat(usize),
    /// The merchant sends the same request with another amount under the same key.
    Misuse(usize),
    /// The merchant uses the reference of an order again, under another key.
    Reuse(usize),
    /// The merchant takes a payment back.
    Cancel(usize),
    /// The shopper comes back to the hub, or reloads what was there.
    Return(usize),
    /// The shopper pays at the provider.
    Pay(usize, Card),
    /// Somebody pays what was made at the provider, whether the merchant was told of it or not.
    PayUnseen(usize),
    /// The shopper gives up on the provider's page.
    Abandon(usize),
    /// The provider decides an attempt that is in flight.
    Decide {
        /// Of which order.
        order: usize,
        /// How.
        is_approved: bool,
    },
    /// The provider gives a charge back, as its panel can, and tells nobody.
    Refund(usize),
    /// What becomes of one of the notices that wait to be sent.
    Notice(usize, Sending),
    /// A notice that was delivered before comes again.
    Replay(usize),
    /// Somebody writes a notice of their own.
    Forge(usize, Forgery),
    /// What happens to one of the provider's next calls.
    Hardship(Hardship),
    /// Nobody listens at the provider for some calls.
    Outage,
    /// How a merchant's endpoint treats one of its next events.
    Mood {
        /// Which merchant.
        merchant: usize,
        /// How.
        mood: Mood,
    },
    /// The workers look up what is due, at most so many.
    Work(u32),
    /// The workers deliver what is due, at most so many.
    Deliver(u32),
    /// The second happens while the answer to the first one's call of the provider is on its way; where there is no
    /// call, after it. Whatever else would run at once would make a seed tell another history each time.
    Within(Box<Operation>, Box<Operation>),
    /// Time passes, in seconds.
    Wait(i64),
    /// The hub dies at one of its next points of a commit or a call, after so many others.
    Die(u32),
    /// The hub is stopped and started.
    Restart,
    /// Whatever spoils calls and deliveries ends, notices that wait are delivered or lost, and time passes until nothing
    /// is due any more.
    Settle {
        /// Whether the notices that wait, and those to come, are lost.
        is_silent: bool,
    },
}

/// How a genuine notice is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Once.
    Once,
    /// Twice.
    Twice,
    /// Never.
    Lost,
}

/// What somebody makes of the newest genuine notice that they have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Another outcome under the old signature.
    Outcome,
    /// Another signature.
    Signature,
    /// No signature.
    Unsigned,
    /// Sent to the address of another account.
    Account,
    /// The reference of another payment, which no signature covers.
    Reference,
    /// Half of the bytes.
    Half,
}

/// What happens to one call to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hardship {
    /// Nobody listens.
    NoConnection,
    /// No answer in time; the provider did what was asked, or not.
    TimeOut {
        /// Whether it did.
        is_done: bool,
    },
    /// The connection breaks; the provider did what was asked, or not.
    Reset {
        /// Whether it did.
        is_done: bool,
    },
    /// The connection breaks within the answer.
    HalfAnswer,
    /// Another status; the provider did what was asked, or not.
    Status {
        /// HTTP status.
        status: u16,
        /// Whether it did.
        is_done: bool,
        /// `Retry-After`, in seconds.
        retry_after_s: Option<u32>,
    },
    /// A web page in place of the answer.
    WebPage,
    /// No bytes in place of the answer.
    Empty,
    /// `null` in place of the answer.
    Null,
    /// Every number is a text and every text a number.
    WrongTypes,
    /// A status that nobody knows.
    StrangeStatus,
    /// While the answer is on its way the shopper pays, and the notice of that is there first.
    Overtaken(Card),
}

/// How an endpoint treats one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Answers another status and forgets the event.
    Refuse {
        /// HTTP status.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after_s: Option<u32>,
    },
    /// Takes the event and does not answer in time.
    TakeInSilence,
    /// Cannot be reached.
    Away,
}

/// Merchants of a history.
pub const MERCHANTS: usize = 2;
const MINUTES: [i64; 3] = [10, 17, 30];
const PARTS: [Part; 4] = [Part::AvalPay, Part::AvalPay, Part::PagoEfectivo, Part::EtPay];
const WAITS_S: [i64; 10] = [1, 2, 5, 40, 70, 95, 130, 310, 1900, 90_000];
const CARDS: [Card; 9] = [
    Card::Approved,
    Card::Approved,
    Card::Approved,
    Card::Denied,
    Card::PendingApproved,
    Card::PendingDenied,
    Card::Reviewed,
    Card::SlowApproved,
    Card::Broken,
];

/// Draws the operations of a history; it always ends settled.
pub fn draw(seed: u64, steps: usize) -> Vec<Operation> {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut operations: Vec<Operation> = (0..steps.max(1) - 1).map(|_| operation(&mut chance)).collect();
    operations.push(Operation::Settle { is_silent: chance.random() });
    operations
}

fn operation(chance: &mut StdRng) -> Operation {
    let which = chance.random_range(0..8);
    match chance.random_range(0..1000) {
        0..170 => order(chance),
        170..210 => Operation::Repeat(which),
        210..216 => Operation::Misuse(which),
        216..222 => Operation::Reuse(which),
        222..252 => Operation::Cancel(which),
        252..312 => Operation::Return(which),
        312..440 => Operation::Pay(which, one_of(chance, &CARDS)),
        440..452 => Operation::PayUnseen(which),
        452..472 => Operation::Abandon(which),
        472..492 => Operation::Decide { order: which, is_approved: chance.random() },
        492..502 => Operation::Refund(which),
        502..582 => Operation::Notice(which, sending(chance)),
        582..592 => Operation::Replay(which),
        592..617 => Operation::Forge(which, forgery(chance)),
        617..702 => Operation::Hardship(hardship(chance)),
        702..707 => Operation::Outage,
        707..737 => Operation::Mood { merchant: merchant(chance), mood: mood(chance) },
        737..807 => Operation::Work(one_of(chance, &[1, 4, 32])),
        807..867 => Operation::Deliver(one_of(chance, &[1, 8, 64])),
        867..897 => Operation::Within(Box::new(of_the_hub(chance)), Box::new(of_the_hub(chance))),
        897..957 => Operation::Wait(one_of(chance, &WAITS_S)),
        957..992 => Operation::Die(chance.random_range(0..14)),
        992..997 => Operation::Restart,
        _ => Operation::Settle { is_silent: chance.random() },
    }
}

fn order(chance: &mut StdRng) -> Operation {
    let part = one_of(chance, &PARTS);
    let minutes = chance.random_bool(0.5).then(|| one_of(chance, &MINUTES));
    let minutes = minutes.filter(|minutes| part.takes_life(*minutes));
    Operation::Order { merchant: merchant(chance), part, amount: chance.random_range(1000..500_000), minutes }
}

/// Something that may be under way in the hub while another thing is.
fn of_the_hub(chance: &mut StdRng) -> Operation {
    // Few numbers, so that both often concern the same order.
    let which = chance.random_range(0..2);
    match chance.random_range(0..9) {
        0 => Operation::Repeat(which),
        1 => Operation::Cancel(which),
        2 | 3 => Operation::Return(which),
        4 => Operation::Notice(which, Sending::Once),
        5 => Operation::Work(4),
        6 => order(chance),
        7 => Operation::Wait(one_of(chance, &[70, 130])),
        _ => Operation::Deliver(8),
    }
}

fn merchant(chance: &mut StdRng) -> usize {
    chance.random_range(0..MERCHANTS)
}

fn sending(chance: &mut StdRng) -> Sending {
    one_of(chance, &[Sending::Once, Sending::Once, Sending::Twice, Sending::Lost])
}

fn forgery(chance: &mut StdRng) -> Forgery {
    use Forgery::{Account, Half, Outcome, Reference, Signature, Unsigned};
    one_of(chance, &[Outcome, Signature, Unsigned, Account, Reference, Half])
}

fn hardship(chance: &mut StdRng) -> Hardship {
    let is_done = chance.random();
    match chance.random_range(0..12) {
        0 => Hardship::NoConnection,
        1 | 2 => Hardship::TimeOut { is_done },
        3 => Hardship::Reset { is_done },
        4 => Hardship::HalfAnswer,
        5 => Hardship::Status { status: one_of(chance, &[500, 502, 503]), is_done, retry_after_s: None },
        6 => {
            let retry_after_s = one_of(chance, &[None, Some(1), Some(30), Some(7200)]);
            Hardship::Status { status: 429, is_done: false, retry_after_s }
        }
        7 => one_of(chance, &[Hardship::WebPage, Hardship::Empty, Hardship::Null]),
        8 => Hardship::WrongTypes,
        9 => Hardship::StrangeStatus,
        _ => Hardship::Overtaken(one_of(chance, &CARDS)),
    }
}

fn mood(chance: &mut StdRng) -> Mood {
    match chance.random_range(0..4) {
        0 => Mood::Refuse { status: 500, retry_after_s: None },
        1 => Mood::Refuse { status: 503, retry_after_s: Some(120) },
        2 => Mood::TakeInSilence,
        _ => Mood::Away,
    }
}

fn one_of<T: Copy>(chance: &mut StdRng, list: &[T]) -> T {
    list[chance.random_range(0..list.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_operations_again_and_a_shorter_history_is_a_prefix() {
        assert_eq!(draw(7, 300), draw(7, 300));
        assert_ne!(draw(7, 300), draw(8, 300));
        assert_eq!(draw(7, 300)[..99], draw(7, 100)[..99]);
    }

    #[test]
    fn every_kind_of_operation_is_drawn() {
        let name = |operation: &Operation| {
            let text = format!("{operation:?}");
            text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
        };
        let drawn: std::collections::BTreeSet<String> = draw(1, 20_000).iter().map(name).collect();
        assert_eq!(drawn.len(), 24, "{drawn:?}");
    }
}
