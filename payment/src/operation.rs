//! What a merchant has done with money that was held or taken: captures, releases, refunds, and their rules.

use serde::{Deserialize, Serialize};

use crate::money::Money;

/// What is done with money that was held or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Take what is held.
    Capture,
    /// Let go of what is held.
    Release,
    /// Give back what was taken, by whatever way the provider has: a reversal before settlement, a refund after it.
    Refund,
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// Under way.
    Started,
    /// The provider has taken it and decides later.
    Pending,
    /// It is done.
    Done,
    /// The provider refused, or it could not be sent: nothing was done.
    Refused,
    /// It may have been done: the answer was lost, and nothing has told since.
    Unknown,
}

/// Which parts of an amount a provider takes an operation for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portion {
    /// All of it or nothing.
    Whole,
    /// Any part, again and again.
    Any,
}

/// What a provider can do with money that was held or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations {
    /// Captures.
    pub capture: Option<Portion>,
    /// Releases, of all that is held.
    pub release: bool,
    /// Refunds and reversals.
    pub refund: Option<Portion>,
}

/// The sums that decide what may be done, in the currency of the payment.
#[derive(Clone, Copy, Debug)]
pub struct Sums {
    /// Held and not yet taken or let go.
    pub authorized: Money,
    /// Taken.
    pub paid: Money,
    /// Given back.
    pub refunded: Money,
    /// Captures and releases under way or unknown.
    pub leaving_hold: Money,
    /// Refunds under way or unknown.
    pub being_refunded: Money,
}

/// Why an operation is not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationError {
    /// The provider, or the method, has no such operation.
    Unsupported,
    /// There is nothing to do it with.
    NothingLeft,
    /// The amount is not above zero.
    InvalidAmount,
    /// More than there is.
    TooMuch {
        /// What is left.
        left: Money,
    },
    /// The provider does it with all of it only.
    OnlyWhole {
        /// All of it.
        whole: Money,
    },
    /// Another operation on the same money is not finished.
    Busy,
}

impl OperationKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Capture, Self::Release, Self::Refund];

    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Refund => "refund",
        }
    }
}

impl OperationState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Started, Self::Pending, Self::Done, Self::Refused, Self::Unknown];

    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the money it is about may still move by it.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Started | Self::Pending | Self::Unknown => true,
            Self::Done | Self::Refused => false,
        }
    }
}

impl Operations {
    /// A provider that has none of them.
    pub const NONE: Self = Self { capture: None, release: false, refund: None };

    /// The amount of an operation that may begin; without `wanted`, of all that is left.
    ///
    /// # Errors
    /// Why it may not begin.
    pub fn amount(
        &self,
        kind: OperationKind,
        wanted: Option<Money>,
        sums: &Sums,
    ) -> Result<Money, OperationError> {
        let (portion, there, under_way) = match kind {
            OperationKind::Capture => (self.capture, sums.authorized, sums.leaving_hold),
            OperationKind::Release => {
                (self.release.then_some(Portion::Whole), sums.authorized, sums.leaving_hold)
            }
            OperationKind::Refund => {
                let kept = sums.paid.minor.saturating_sub(sums.refunded.minor).max(0);
                (self.refund, Money::new(kept, sums.paid.currency), sums.being_refunded)
            }
        };
        let portion = portion.ok_or(OperationError::Unsupported)?;
        let left = Money::new(there.minor.saturating_sub(under_way.minor).max(0), there.currency);
        if there.minor <= 0 {
            return Err(OperationError::NothingLeft);
        }
        if left.minor == 0 || (portion == Portion::Whole && under_way.minor > 0) {
            return Err(OperationError::Busy);
        }
        let amount = wanted.unwrap_or(left);
        if amount.minor <= 0 || amount.currency != left.currency {
            return Err(OperationError::InvalidAmount);
        }
        if amount.minor > left.minor {
            return Err(OperationError::TooMuch { left });
        }
        if portion == Portion::Whole && amount != left {
            return Err(OperationError::OnlyWhole { whole: left });
        }
        Ok(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::currency::Currency;

    const fn brl(minor: i64) -> Money {
        Money::new(minor, Currency::Brl)
    }

    fn sums(authorized: i64, paid: i64, refunded: i64, leaving_hold: i64, being_refunded: i64) -> Sums {
        Sums {
            authorized: brl(authorized),
            paid: brl(paid),
            refunded: brl(refunded),
            leaving_hold: brl(leaving_hold),
            being_refunded: brl(being_refunded),
        }
    }

    #[test]
    fn no_more_is_given_back_than_was_taken_whatever_is_under_way() {
        use OperationError::{Busy, InvalidAmount, NothingLeft, OnlyWhole, TooMuch, Unsupported};
        use OperationKind::{Capture, Refund, Release};
        let any = Operations { capture: Some(Portion::Any), release: true, refund: Some(Portion::Any) };
        let whole =
            Operations { capture: Some(Portion::Whole), release: false, refund: Some(Portion::Whole) };
        let table = [
            (any, Refund, None, sums(0, 100, 0, 0, 0), Ok(brl(100))),
            (any, Refund, None, sums(0, 100, 30, 0, 20), Ok(brl(50))),
            (any, Refund, Some(brl(50)), sums(0, 100, 30, 0, 20), Ok(brl(50))),
            (any, Refund, Some(brl(51)), sums(0, 100, 30, 0, 20), Err(TooMuch { left: brl(50) })),
            (any, Refund, Some(brl(0)), sums(0, 100, 0, 0, 0), Err(InvalidAmount)),
            (any, Refund, Some(brl(-1)), sums(0, 100, 0, 0, 0), Err(InvalidAmount)),
            (any, Refund, Some(Money::new(1, Currency::Usd)), sums(0, 100, 0, 0, 0), Err(InvalidAmount)),
            (any, Refund, None, sums(0, 100, 100, 0, 0), Err(NothingLeft)),
            (any, Refund, None, sums(0, 100, 0, 0, 100), Err(Busy)),
            (any, Refund, None, sums(0, 0, 0, 0, 0), Err(NothingLeft)),
            (whole, Refund, Some(brl(99)), sums(0, 100, 0, 0, 0), Err(OnlyWhole { whole: brl(100) })),
            (whole, Refund, None, sums(0, 100, 0, 0, 10), Err(Busy)),
            (any, Capture, Some(brl(60)), sums(100, 0, 0, 0, 0), Ok(brl(60))),
            (any, Capture, None, sums(100, 0, 0, 100, 0), Err(Busy)),
            (any, Release, None, sums(100, 0, 0, 0, 0), Ok(brl(100))),
            (any, Release, Some(brl(60)), sums(100, 0, 0, 0, 0), Err(OnlyWhole { whole: brl(100) })),
            (whole, Release, None, sums(100, 0, 0, 0, 0), Err(Unsupported)),
            (Operations::NONE, Capture, None, sums(100, 0, 0, 0, 0), Err(Unsupported)),
        ];
        for (operations, kind, wanted, sums, expected) in table {
            assert_eq!(operations.amount(kind, wanted, &sums), expected, "{kind:?} {wanted:?} {sums:?}");
        }
    }

    #[test]
    fn the_words_are_those_of_the_wire() {
        for kind in OperationKind::ALL {
            assert_eq!(serde_json::to_value(kind).ok(), Some(kind.word().into()));
        }
        for state in OperationState::ALL {
            assert_eq!(serde_json::to_value(state).ok(), Some(state.word().into()));
            assert_eq!(state.is_open(), !matches!(state.word(), "done" | "refused"));
        }
    }
}
