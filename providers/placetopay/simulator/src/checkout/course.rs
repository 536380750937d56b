//! The course of an attempt: decided at once, or pending and decided later.

use super::reasons::{self, Group};

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Paid: `00`.
    Approved,
    /// Paid with another reason of §7.8: `11`.
    ApprovedAs(&'static str),
    /// Of a dispersion only: some parts were paid, then one was denied with this reason (§7.6).
    PartlyApproved(&'static str),
    /// Denied with a reason of §7.8.
    Rejected(&'static str),
    /// Broken on the way, with a reason of §7.8.
    Failed(&'static str),
}

impl Verdict {
    /// Whether all of it was paid.
    pub fn is_approved(self) -> bool {
        matches!(self, Self::Approved | Self::ApprovedAs(_))
    }

    /// Whether none of it was paid.
    pub fn is_denied(self) -> bool {
        matches!(self, Self::Rejected(_) | Self::Failed(_))
    }

    /// The reason of §7.8.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Approved => "00",
            Self::ApprovedAs(reason)
            | Self::PartlyApproved(reason)
            | Self::Rejected(reason)
            | Self::Failed(reason) => reason,
        }
    }
}

/// What a pending attempt waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The bank or the network; ends after the account's `pending_seconds` (AV-U49).
    Bank,
    /// A person at the provider; ends by steering only.
    Review,
    /// An answer that takes [`SLOW_ANSWER_S`].
    SlowAnswer,
    /// The payer, who was sent to the bank's page (§16.1).
    BankPage,
    /// The merchant's word (§11.2).
    Confirmation,
}

/// Seconds until a slow card answers (§18).
pub const SLOW_ANSWER_S: i64 = 180;

impl Waiting {
    /// The reason that a pending transaction carries.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Bank | Self::SlowAnswer | Self::BankPage => "?-",
            Self::Review => "?*",
            Self::Confirmation => "PT",
        }
    }
}

/// What happens to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Decided at once.
    Decided(Verdict),
    /// Pending, then decided.
    Pending {
        /// What it waits for.
        waiting: Waiting,
        /// How it ends.
        then: Verdict,
    },
}

impl Course {
    /// A scripted outcome: `approved`, `rejected`, `rejected:51`, `failed`, `pending_approved`,
    /// `pending_rejected`, `review_approved`, `review_rejected`, `slow_approved`, `slow_rejected`.
    pub fn of_word(word: &str) -> Option<Self> {
        const DENIED: Verdict = Verdict::Rejected("05");
        let pending = |waiting, then| Some(Self::Pending { waiting, then });
        match word {
            "approved" => Some(Self::Decided(Verdict::Approved)),
            "rejected" => Some(Self::Decided(DENIED)),
            "failed" => Some(Self::Decided(Verdict::Failed("XH"))),
            "pending_approved" => pending(Waiting::Bank, Verdict::Approved),
            "pending_rejected" => pending(Waiting::Bank, DENIED),
            "review_approved" => pending(Waiting::Review, Verdict::Approved),
            "review_rejected" => pending(Waiting::Review, DENIED),
            "slow_approved" => pending(Waiting::SlowAnswer, Verdict::Approved),
            "slow_rejected" => pending(Waiting::SlowAnswer, DENIED),
            other => {
                let reason = reasons::find(other.strip_prefix("rejected:")?)?;
                (reason.group == Group::Rejected).then_some(Self::Decided(Verdict::Rejected(reason.code)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripted_words_become_courses_and_other_words_do_not() {
        assert_eq!(Course::of_word("rejected:51"), Some(Course::Decided(Verdict::Rejected("51"))));
        assert_eq!(
            Course::of_word("pending_approved"),
            Some(Course::Pending { waiting: Waiting::Bank, then: Verdict::Approved })
        );
        for word in ["", "paid", "rejected:00", "rejected:zz", "APPROVED"] {
            assert_eq!(Course::of_word(word), None, "{word}");
        }
    }
}
