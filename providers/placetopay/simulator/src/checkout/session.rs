//! A session and its state machine (§7.3). Nothing here tells anybody: the caller does.

use simulation::Timestamp;

use simulation::decimal::Decimal;
use simulation::strict_json::Value;

use super::account::{Profile, Settings};
use super::attempt::Attempt;
use super::cards::Typed;
use super::charge::{State, minus, sum};
use super::course::{Course, Verdict, Waiting};
use super::create::Order;
use super::dispersion::Share;
use super::instrument::Instrument;
use super::person::Person;
use super::texts::{Language, Message};

/// Wrong codes that end a 3-D Secure challenge.
pub const CHALLENGE_TRIES: u32 = 3;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Paid.
    Approved,
    /// The payer gave up: `?C`.
    Abandoned,
    /// Time ran out without an approval: `EX`.
    Expired,
    /// Attempts used up: `XN`.
    Exhausted,
    /// The merchant cancelled: `MC`.
    CancelledByMerchant,
    /// Part was paid when it expired, was given up or ran out of attempts: `PX` (AV-U24).
    PartlyPaid,
}

/// Who charges in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The payer, on the hosted page.
    Page,
    /// The merchant, with a token: one attempt and no page (§9).
    Collect,
}

/// A card that was stored, as the query tells it (§7.5).
#[derive(Clone, Debug)]
pub struct Stored {
    /// When.
    pub at: Timestamp,
    /// The instrument's name and value pairs.
    pub instrument: Value,
}

/// The status of a session as a query tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// `PENDING`, `APPROVED`, `REJECTED`, `APPROVED_PARTIAL` or `PARTIAL_EXPIRED`.
    pub word: &'static str,
    /// §7.3
    pub reason: &'static str,
    /// Its sentence.
    pub message: Message,
}

/// All that an attempt needs, once the payer's or the merchant's data is accepted.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What is charged.
    pub instrument: Instrument,
    /// Number of instalments.
    pub installments: u32,
    /// How much; zero when a card is only stored.
    pub amount: Decimal,
    /// The card's nature, which decides by amount; of a card only.
    pub typed: Option<Typed>,
    /// What happens, unless a script or the amount of a part decides.
    pub course: Course,
    /// Whether the card is to be stored when it was charged.
    pub saves_card: bool,
}

/// What the payer is asked for before a card is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The code of 3-D Secure.
    ThreeDs,
    /// A one-time password of the card's network.
    OneTimePassword,
}

/// A card that waits for a code of its payer. It is no attempt yet.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// What follows a right code.
    pub prepared: Prepared,
    /// Which code.
    pub code: Code,
    /// Wrong codes so far.
    pub wrong_codes: u32,
}

/// One session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The provider's number.
    pub request_id: u64,
    /// The account it belongs to.
    pub merchant: String,
    /// The secret part of its page's address, 32 hexadecimal characters.
    pub key: String,
    /// The page's address.
    pub process_url: String,
    /// Who charges.
    pub origin: Origin,
    /// What it is for.
    pub order: Order,
    /// When it was made.
    pub created_at: Timestamp,
    /// The payer as typed on the page.
    pub payer: Option<Person>,
    /// The payer's address, once given on the page's first step.
    pub email: Option<String>,
    /// The page's language.
    pub language: Language,
    /// Oldest first.
    pub attempts: Vec<Attempt>,
    /// Reasons of the cards that were refused to be stored; each counts as an attempt (§7.3).
    pub refused_cards: Vec<&'static str>,
    /// The card that was stored.
    pub stored: Option<Stored>,
    /// The nature of the card that was charged last, for a recurrence.
    pub charged_card: Option<Typed>,
    /// A card to be stored as soon as its payment is approved.
    pub card_to_save: Option<Prepared>,
    /// The challenge that runs.
    pub challenge: Option<Challenge>,
    /// Names the card form that may be sent next; a form sent twice carries a spent one.
    pub form_token: String,
    /// Form tokens that made an attempt.
    pub spent_tokens: Vec<String>,
    /// Whether its end has been told: notice and receipt are sent once.
    pub is_announced: bool,
    ending: Option<(Ending, Timestamp)>,
}

impl Session {
    /// A session that waits for its first attempt.
    pub fn open(
        request_id: u64,
        merchant: String,
        key: String,
        process_url: String,
        order: Order,
        form_token: String,
        now: Timestamp,
    ) -> Self {
        Self {
            request_id,
            merchant,
            key,
            process_url,
            language: Language::of_locale(&order.locale),
            email: None,
            order,
            created_at: now,
            payer: None,
            origin: Origin::Page,
            attempts: Vec::new(),
            refused_cards: Vec::new(),
            stored: None,
            charged_card: None,
            card_to_save: None,
            challenge: None,
            form_token,
            spent_tokens: Vec::new(),
            is_announced: false,
            ending: None,
        }
    }

    /// How and when it ended, if it has.
    pub fn ending(&self) -> Option<(Ending, Timestamp)> {
        self.ending
    }

    /// The attempt that is not decided yet: the last one or none.
    pub fn in_flight(&self) -> Option<&Attempt> {
        self.attempts.last().filter(|attempt| attempt.is_in_flight())
    }

    /// Whether another attempt may begin.
    pub fn takes_attempts(&self) -> bool {
        self.ending.is_none() && self.in_flight().is_none()
    }

    /// The next instant at which it changes by itself. AV-U16: while an attempt is in flight, its outcome is
    /// awaited and not the expiry. A hold is released after its end.
    pub fn due(&self) -> Option<Timestamp> {
        match (self.ending, self.in_flight()) {
            (Some(_), _) => self.held().and_then(|attempt| attempt.hold).map(|hold| hold.releases_at),
            (None, Some(attempt)) => attempt.charge.due(),
            (None, None) => Some(self.order.expires_at),
        }
    }

    /// The attempt whose hold is open.
    pub fn held(&self) -> Option<&Attempt> {
        self.attempts.last().filter(|attempt| attempt.is_held())
    }

    /// What was paid so far.
    pub fn paid(&self) -> Decimal {
        sum(self.attempts.iter().map(Attempt::paid))
    }

    /// What is still to be paid.
    pub fn remaining(&self) -> Decimal {
        minus(self.order.total(), self.paid())
    }

    /// AV-U81: the parts of a dispersion that nobody has paid yet, with their places in the order, which is what another
    /// attempt pays.
    pub fn unpaid_shares(&self) -> Vec<(usize, Share)> {
        let is_paid = |index: usize| {
            let mut parts = self.attempts.iter().flat_map(|attempt| &attempt.parts);
            parts.any(|part| part.index == index && part.charge.is_approved())
        };
        self.order.shares.iter().cloned().enumerate().filter(|(index, _)| !is_paid(*index)).collect()
    }

    /// Whether nobody has tried anything yet.
    pub fn is_untried(&self) -> bool {
        self.attempts.is_empty() && self.refused_cards.is_empty()
    }

    /// Its status. AV-U21: the reason after a rejected attempt depends on the profile. AV-U67: while an attempt is
    /// in flight a partly paid session is pending.
    pub fn status(&self, profile: Profile) -> Status {
        let of = |word, reason, message| Status { word, reason, message };
        match self.ending {
            Some((Ending::Approved, _)) => of("APPROVED", "00", Message::Approved),
            Some((Ending::Abandoned, _)) => of("REJECTED", "?C", Message::CancelledByUser),
            Some((Ending::Expired, _)) => of("REJECTED", "EX", Message::Expired),
            Some((Ending::Exhausted, _)) => of("REJECTED", "XN", Message::Rejected),
            Some((Ending::CancelledByMerchant, _)) => of("REJECTED", "MC", Message::CancelledByMerchant),
            Some((Ending::PartlyPaid, _)) => of("PARTIAL_EXPIRED", "PX", Message::PartialExpired),
            None if self.is_untried() => of("PENDING", "PC", Message::Active),
            None if self.in_flight().is_some() => of("PENDING", "PT", Message::Pending),
            None if !self.paid().is_zero() => of("APPROVED_PARTIAL", "P0", Message::Partial),
            None => match profile {
                Profile::Docs => of("PENDING", "PT", Message::Pending),
                Profile::Guide => of("PENDING", "PC", Message::Active),
            },
        }
    }

    /// Adds an attempt that was sent; the caller has asked [`Session::takes_attempts`].
    pub fn begin(&mut self, attempt: Attempt, settings: &Settings, at: Timestamp) {
        self.challenge = None;
        self.attempts.push(attempt);
        self.settle(settings, at);
    }

    /// Decides what is in flight of the last attempt; without one nothing happens and the answer is `false`.
    pub fn conclude(&mut self, verdict: Verdict, settings: &Settings, at: Timestamp) -> bool {
        let until = self.order.expires_at;
        let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.is_in_flight()) else {
            return false;
        };
        attempt.conclude(verdict, settings, until, at);
        self.settle(settings, at);
        true
    }

    /// The card was stored, which is all that a subscription is for.
    pub fn store_card(&mut self, stored: Stored) {
        let at = stored.at;
        self.challenge = None;
        self.stored = Some(stored);
        if self.order.is_subscription() {
            self.end(Ending::Approved, at);
        }
    }

    /// The card was refused to be stored.
    pub fn refuse_card(&mut self, reason: &'static str, settings: &Settings, at: Timestamp) {
        self.challenge = None;
        self.refused_cards.push(reason);
        self.settle(settings, at);
    }

    /// What was paid waits for the merchant's word until the session expires (AV-U35).
    pub fn await_confirmation(&mut self, otherwise: Verdict, at: Timestamp) {
        let due = Some(self.order.expires_at.max(at));
        self.wait_for(Waiting::Confirmation, due, otherwise, at);
    }

    /// The attempt in flight waits for something else from now on.
    pub fn wait_for(&mut self, waiting: Waiting, due: Option<Timestamp>, then: Verdict, at: Timestamp) {
        if let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.is_in_flight()) {
            attempt.charge.state = State::InFlight { waiting, due, then };
            attempt.charge.changed_at = at;
        }
    }

    /// The merchant does not confirm what was paid. AV-U22: the session ends as if its payer had left it.
    pub fn refuse_confirmation(&mut self, at: Timestamp) {
        if let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.charge.awaits_confirmation())
        {
            attempt.charge.decide(Verdict::Rejected("?C"), at);
            self.end(Ending::Abandoned, at);
        }
    }

    /// Time ran out; an attempt in flight holds it off (AV-U16).
    pub fn expire(&mut self, at: Timestamp) -> bool {
        self.end_if_idle(Ending::Expired, at)
    }

    /// The payer gives up. AV-U23: not while an attempt is in flight.
    pub fn abandon(&mut self, at: Timestamp) -> bool {
        self.end_if_idle(Ending::Abandoned, at)
    }

    /// It ends without anything having been charged.
    pub fn end_unpaid(&mut self, ending: Ending, at: Timestamp) {
        self.end(ending, at);
    }

    /// The merchant cancels: only without an approved attempt and without one in flight (§8).
    pub fn cancel(&mut self, at: Timestamp) -> bool {
        self.paid().is_zero() && self.end_if_idle(Ending::CancelledByMerchant, at)
    }

    /// A wrong 3-D Secure code; answers whether the challenge is lost.
    pub fn count_wrong_code(&mut self) -> bool {
        self.challenge.as_mut().is_some_and(|challenge| {
            challenge.wrong_codes += 1;
            challenge.wrong_codes >= CHALLENGE_TRIES
        })
    }

    /// Puts the next form token in place of the one that was used.
    pub fn spend_form_token(&mut self, next: String) {
        let spent = std::mem::replace(&mut self.form_token, next);
        self.spent_tokens.push(spent);
    }

    /// Whether what was decided ends the session.
    fn settle(&mut self, settings: &Settings, at: Timestamp) {
        if self.ending.is_some() || self.in_flight().is_some() {
            return;
        }
        let is_denied = |attempt: &&Attempt| attempt.verdict().is_some_and(|verdict| !verdict.is_approved());
        let denied = self.attempts.iter().filter(is_denied).count() + self.refused_cards.len();
        let is_only_try = self.origin == Origin::Collect && self.paid().is_zero();
        if !self.order.is_subscription() && self.remaining().is_zero() {
            self.end(Ending::Approved, at);
        } else if denied >= settings.attempts_limit as usize || is_only_try {
            self.end(Ending::Exhausted, at);
        } else if at >= self.order.expires_at {
            self.end(Ending::Expired, at);
        }
    }

    fn end_if_idle(&mut self, ending: Ending, at: Timestamp) -> bool {
        let may_end = self.takes_attempts();
        if may_end {
            self.end(ending, at);
        }
        may_end
    }

    /// AV-U24: whatever ends a partly paid session before the rest is paid leaves it partly paid.
    fn end(&mut self, ending: Ending, at: Timestamp) {
        let is_partly_paid = ending != Ending::Approved && !self.paid().is_zero();
        self.challenge = None;
        self.ending = Some((if is_partly_paid { Ending::PartlyPaid } else { ending }, at));
    }
}
