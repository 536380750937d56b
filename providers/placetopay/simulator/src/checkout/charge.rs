//! One movement of money asked of a processor: where it stands, and what of it was given back.

use simulation::Timestamp;
use simulation::decimal::{self, Decimal};

use super::account::{ExceptionState, Settings};
use super::course::{Course, SLOW_ANSWER_S, Verdict, Waiting};
use super::create::seconds_after;
use super::reasons;
use super::texts::Language;

/// What stands for an authorization when there is none.
pub const NO_AUTHORIZATION: &str = "000000";
/// Receipts of charges that were decided at once count on from here.
const RECEIPT_BASE: u64 = 900_410_000_000;

/// Where a charge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Of a dispersion: not yet sent.
    Queued,
    /// Sent and not decided.
    InFlight {
        /// What it waits for.
        waiting: Waiting,
        /// When it is decided by itself; never, when a person decides.
        due: Option<Timestamp>,
        /// How it is decided then.
        then: Verdict,
    },
    /// Decided.
    Decided(Verdict),
    /// Of a dispersion: never sent, because a part before it was denied.
    Skipped,
}

/// One charge.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The provider's key of the transaction.
    pub internal_reference: u64,
    /// How much.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// What the processor will do with it.
    pub course: Course,
    /// Its state.
    pub state: State,
    /// When its present state began.
    pub changed_at: Timestamp,
    /// Whether it was pending once: its receipt is then its own number (§7.2).
    pub was_pending: bool,
    /// What the processor calls it if it is approved.
    pub authorization: String,
    /// What was given back of it.
    pub given_back: Decimal,
    /// The state that the ledger knows.
    pub booked: Option<&'static str>,
}

impl Charge {
    /// A charge that is not yet sent.
    pub fn queued(
        internal_reference: u64,
        amount: Decimal,
        currency: String,
        course: Course,
        authorization: String,
        now: Timestamp,
    ) -> Self {
        Self {
            internal_reference,
            amount,
            currency,
            course,
            state: State::Queued,
            changed_at: now,
            was_pending: false,
            authorization,
            given_back: Decimal::ZERO,
            booked: None,
        }
    }

    /// Sends it: its course says what happens. `until` ends a wait for the payer or the merchant.
    pub fn send(&mut self, settings: &Settings, until: Timestamp, now: Timestamp) {
        self.changed_at = now;
        self.state = match self.course {
            Course::Decided(verdict) => State::Decided(outcome(verdict, settings.exception)),
            Course::Pending { waiting, then } => {
                let due = match waiting {
                    Waiting::Bank => Some(seconds_after(now, settings.pending_s)),
                    Waiting::SlowAnswer => Some(seconds_after(now, SLOW_ANSWER_S)),
                    Waiting::Review => None,
                    Waiting::BankPage | Waiting::Confirmation => Some(until),
                };
                State::InFlight { waiting, due, then: outcome(then, settings.exception) }
            }
        };
        self.was_pending = self.is_in_flight();
    }

    /// Whether it is sent and not decided.
    pub fn is_in_flight(&self) -> bool {
        matches!(self.state, State::InFlight { .. })
    }

    /// Whether it waits for the merchant's word.
    pub fn awaits_confirmation(&self) -> bool {
        matches!(self.state, State::InFlight { waiting: Waiting::Confirmation, .. })
    }

    /// When it is decided by itself.
    pub fn due(&self) -> Option<Timestamp> {
        match self.state {
            State::InFlight { due, .. } => due,
            State::Queued | State::Decided(_) | State::Skipped => None,
        }
    }

    /// The verdict, when there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        match self.state {
            State::Queued | State::InFlight { .. } => None,
            State::Decided(verdict) => Some(verdict),
            State::Skipped => Some(Verdict::Rejected("?C")),
        }
    }

    /// Whether it was paid.
    pub fn is_approved(&self) -> bool {
        self.verdict().is_some_and(Verdict::is_approved)
    }

    /// Decides it.
    pub fn decide(&mut self, verdict: Verdict, at: Timestamp) {
        self.state = State::Decided(verdict);
        self.changed_at = at;
    }

    /// `APPROVED`, `REJECTED`, `PENDING` …
    pub fn word(&self) -> &'static str {
        match self.state {
            State::Queued => "PENDING_PROCESS",
            State::InFlight { waiting: Waiting::Confirmation, .. } => "PENDING_CONFIRMATION",
            State::InFlight { .. } => "PENDING",
            State::Decided(Verdict::Approved | Verdict::ApprovedAs(_)) => "APPROVED",
            State::Decided(Verdict::PartlyApproved(_)) => "APPROVED_PARTIAL",
            State::Decided(Verdict::Rejected(_)) | State::Skipped => "REJECTED",
            State::Decided(Verdict::Failed(_)) => "FAILED",
        }
    }

    /// The reason of §7.8.
    pub fn reason(&self) -> &'static str {
        match self.state {
            State::Queued => Waiting::Bank.reason(),
            State::InFlight { waiting, .. } => waiting.reason(),
            State::Decided(verdict) => verdict.reason(),
            State::Skipped => "?C",
        }
    }

    /// The reason's sentence.
    pub fn message(&self, language: Language) -> &'static str {
        reasons::text(self.reason(), language)
    }

    /// The authorization, zeros when there is none.
    pub fn shown_authorization(&self) -> &str {
        let is_paid = self.verdict().is_some_and(|verdict| !verdict.is_denied());
        if is_paid { &self.authorization } else { NO_AUTHORIZATION }
    }

    /// The receipt's number.
    pub fn receipt(&self) -> String {
        let number = self.internal_reference;
        if self.was_pending { number.to_string() } else { (RECEIPT_BASE + number).to_string() }
    }

    /// What of an approved charge is still with the merchant.
    pub fn left(&self) -> Decimal {
        if self.is_approved() { minus(self.amount, self.given_back) } else { Decimal::ZERO }
    }

    /// AV-U52: whether all of it was given back.
    pub fn is_refunded(&self) -> bool {
        self.is_approved() && self.left().is_zero()
    }

    /// The amount with all decimals of its currency, for the ledger.
    pub fn fixed(&self, amount: Decimal) -> String {
        amount.to_fixed(decimal::exponent(&self.currency).unwrap_or(2))
    }

    /// What the ledger calls its state; a charge that was never sent is not in it.
    pub fn ledger_state(&self) -> Option<&'static str> {
        match self.state {
            State::Queued | State::Skipped => None,
            State::InFlight { .. } => Some("pending"),
            State::Decided(verdict) if verdict.is_approved() => Some("approved"),
            State::Decided(_) => Some("rejected"),
        }
    }
}

/// The sum; amounts of one payment never leave the range of decimals.
pub fn sum(amounts: impl IntoIterator<Item = Decimal>) -> Decimal {
    amounts.into_iter().fold(Decimal::ZERO, |sum, amount| sum.plus(amount).unwrap_or(sum))
}

/// The difference.
pub fn minus(from: Decimal, amount: Decimal) -> Decimal {
    from.minus(amount).unwrap_or(from)
}

/// AV-U50: an exception ends failed or rejected, as the site is set.
fn outcome(verdict: Verdict, exception: ExceptionState) -> Verdict {
    match (verdict, exception) {
        (Verdict::Failed(reason), ExceptionState::Rejected) => Verdict::Rejected(reason),
        (verdict, _) => verdict,
    }
}
