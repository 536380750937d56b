//! The charges of one kept instrument, as far as they count: those under way, and how the others have ended since the last
//! approval (AV-8.6, C-68). Pure, and independent of the order and repetition in which their ends are told.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::id::PaymentId;
use crate::instrument::{ChargeEnd, RemovalRule, STRIKES, has_to_be_removed};

/// The charges of a kept instrument that count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Charges(Vec<Charge>);

/// One charge. Ordered by when it was decided; those under way stand first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Charge {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decided: Option<Decided>,
    payment: PaymentId,
}

/// How a charge was decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Decided {
    /// When, by the provider.
    pub at: Timestamp,
    /// The provider's own reference of it, or ours of its attempt.
    pub reference: String,
    /// And how.
    pub end: ChargeEnd,
}

impl Charges {
    /// A payment is about to charge the instrument.
    pub fn begin(&mut self, payment: PaymentId) {
        self.settle(&payment, true, Vec::new());
    }

    /// All that is known of what a payment charged: whether something is still under way, or its outcome unknown, and how
    /// the rest was decided. It takes the place of what was known before.
    pub fn settle(&mut self, payment: &PaymentId, is_under_way: bool, decided: Vec<Decided>) {
        self.0.retain(|charge| charge.payment != *payment);
        let counted = decided.into_iter().filter(|decided| decided.end != NOTHING).map(Some);
        let entries = counted.chain(is_under_way.then_some(None));
        self.0.extend(entries.map(|decided| Charge { decided, payment: payment.clone() }));
        self.0.sort();
        self.forget();
    }

    /// Whether the instrument has to be taken away, by the charges that were decided.
    pub fn has_to_be_removed(&self) -> bool {
        has_to_be_removed(self.ends())
    }

    /// Whether another charge may begin. One that is under way may be denied, so that it counts like a denial: however many
    /// go side by side, the instrument meets no more denials in a row than it outlives, but one.
    pub fn may_begin(&self) -> bool {
        let under_way = self.0.iter().filter(|charge| charge.decided.is_none()).count();
        let denied = self.ends().fold(0, |denied, end| match end {
            ChargeEnd::Approved => 0,
            ChargeEnd::Denied(RemovalRule::NoStrike) => denied,
            ChargeEnd::Denied(RemovalRule::Strike | RemovalRule::AtOnce) => denied + 1,
        });
        denied + under_way < STRIKES
    }

    fn ends(&self) -> impl Iterator<Item = ChargeEnd> {
        self.0.iter().filter_map(|charge| charge.decided.as_ref()).map(|decided| decided.end)
    }

    /// What was decided before the last approval counts no more: strikes begin anew with it. What ends an instrument at
    /// once is kept, whenever it was said.
    fn forget(&mut self) {
        let is_approval = |charge: &Charge| {
            charge.decided.as_ref().is_some_and(|decided| decided.end == ChargeEnd::Approved)
        };
        let Some(last) = self.0.iter().rposition(is_approval) else { return };
        let mut place = 0;
        self.0.retain(|charge| {
            let is_late = place >= last;
            place += 1;
            let ends_it = ChargeEnd::Denied(RemovalRule::AtOnce);
            charge.decided.as_ref().is_none_or(|decided| is_late || decided.end == ends_it)
        });
    }
}

/// A fault on the way says nothing about the instrument.
const NOTHING: ChargeEnd = ChargeEnd::Denied(RemovalRule::NoStrike);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Entropy;
    use ChargeEnd::{Approved, Denied};
    use RemovalRule::{AtOnce, NoStrike, Strike};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_770_000_000 + second).expect("a time")
    }

    fn payment(number: u8) -> PaymentId {
        PaymentId::new(at(0), Entropy::new([number; 32]))
    }

    fn decided(second: i64, end: ChargeEnd) -> Vec<Decided> {
        vec![Decided { at: at(second), reference: second.to_string(), end }]
    }

    /// The charges after these ends were told in this order, of payments that all had begun.
    fn told(ends: &[(u8, ChargeEnd)]) -> Charges {
        let mut charges = Charges::default();
        for (number, _) in ends {
            charges.begin(payment(*number));
        }
        for (number, end) in ends {
            charges.settle(&payment(*number), false, decided(i64::from(*number), *end));
        }
        charges
    }

    #[test]
    fn the_order_and_repetition_in_which_ends_are_told_change_nothing() {
        let ends = [
            (1, Denied(Strike)),
            (2, Approved),
            (3, Denied(Strike)),
            (4, Denied(NoStrike)),
            (5, Approved),
            (6, Denied(Strike)),
            (7, Denied(Strike)),
        ];
        let expected = told(&ends);
        assert!(!expected.has_to_be_removed() && expected.may_begin());
        for turn in 0..ends.len() {
            let mut other = ends;
            other.rotate_left(turn);
            assert_eq!(told(&other), expected);
            other.reverse();
            assert_eq!(told(&[other, other].concat()), expected);
        }
    }

    #[test]
    fn the_third_denial_in_a_row_ends_an_instrument_and_an_approval_begins_anew() {
        let three = [(1, Denied(Strike)), (2, Denied(NoStrike)), (3, Denied(Strike)), (4, Denied(Strike))];
        assert!(told(&three).has_to_be_removed());
        assert!(!told(&three[..3]).has_to_be_removed());
        let with_approval = [(1, Denied(Strike)), (2, Denied(Strike)), (3, Approved), (4, Denied(Strike))];
        assert!(!told(&with_approval).has_to_be_removed());
        assert!(told(&[(1, Denied(AtOnce)), (2, Approved), (3, Approved)]).has_to_be_removed());
    }

    #[test]
    fn what_is_under_way_counts_like_a_denial() {
        let mut charges = told(&[(1, Denied(Strike))]);
        charges.begin(payment(2));
        assert!(charges.may_begin());
        charges.begin(payment(3));
        assert!(!charges.may_begin(), "both may be denied");
        charges.settle(&payment(2), false, decided(2, Approved));
        assert!(charges.may_begin(), "one denial counts no more");
        charges.begin(payment(4));
        charges.begin(payment(5));
        assert!(!charges.may_begin());
        charges.settle(&payment(5), false, Vec::new());
        assert!(charges.may_begin(), "what came to nothing counts no more");
    }

    #[test]
    fn what_is_kept_does_not_grow_with_the_years() {
        let mut charges = Charges::default();
        for second in 0..1000 {
            let number = payment(u8::try_from(second % 250).expect("small"));
            charges.begin(number.clone());
            let end = if second % 3 == 0 { Approved } else { Denied(Strike) };
            charges.settle(&number, false, decided(second, end));
            assert!(charges.0.len() <= 3, "{charges:?}");
        }
    }

    #[test]
    fn the_same_is_read_as_was_written() {
        let mut charges = told(&[(1, Approved), (2, Denied(Strike))]);
        charges.begin(payment(3));
        let text = serde_json::to_string(&charges).expect("JSON");
        assert_eq!(serde_json::from_str::<Charges>(&text).ok(), Some(charges));
    }
}
