//! A session and its state machine (§7.3). Nothing here tells anybody: the caller does.

use simulation::Timestamp;

use super::account::Profile;
use super::attempt::{Attempt, CardFace, State};
use super::course::{Course, Verdict};
use super::create::Order;
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
}

/// The status of a session as a query tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// `PENDING`, `APPROVED` or `REJECTED`.
    pub word: &'static str,
    /// §7.3
    pub reason: &'static str,
    /// Its sentence.
    pub message: Message,
}

/// A card that waits for the payer's 3-D Secure code. It is no attempt yet.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The card.
    pub card: CardFace,
    /// Number of instalments.
    pub installments: u32,
    /// What follows a right code.
    pub course: Course,
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
            attempts: Vec::new(),
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
    /// awaited and not the expiry.
    pub fn due(&self) -> Option<Timestamp> {
        match (self.ending, self.in_flight().map(|attempt| attempt.state)) {
            (Some(_), _) => None,
            (None, Some(State::InFlight { due, .. })) => due,
            (None, Some(State::Decided(_)) | None) => Some(self.order.expires_at),
        }
    }

    /// Its status. AV-U21: the reason after a rejected attempt depends on the profile.
    pub fn status(&self, profile: Profile) -> Status {
        let of = |word, reason, message| Status { word, reason, message };
        match self.ending {
            Some((Ending::Approved, _)) => of("APPROVED", "00", Message::Approved),
            Some((Ending::Abandoned, _)) => of("REJECTED", "?C", Message::CancelledByUser),
            Some((Ending::Expired, _)) => of("REJECTED", "EX", Message::Expired),
            Some((Ending::Exhausted, _)) => of("REJECTED", "XN", Message::Rejected),
            Some((Ending::CancelledByMerchant, _)) => of("REJECTED", "MC", Message::CancelledByMerchant),
            None if self.attempts.is_empty() => of("PENDING", "PC", Message::Active),
            None if self.in_flight().is_some() => of("PENDING", "PT", Message::Pending),
            None => match profile {
                Profile::Docs => of("PENDING", "PT", Message::Pending),
                Profile::Guide => of("PENDING", "PC", Message::Active),
            },
        }
    }

    /// Adds an attempt; the caller has asked [`Session::takes_attempts`]. One that is decided at once counts at once.
    pub fn begin(&mut self, attempt: Attempt, attempts_limit: u32) {
        let at = attempt.changed_at;
        let verdict = attempt.verdict();
        self.challenge = None;
        self.attempts.push(attempt);
        if let Some(verdict) = verdict {
            self.settle(verdict, attempts_limit, at);
        }
    }

    /// Decides the attempt in flight; without one nothing happens and the answer is `false`.
    pub fn conclude(
        &mut self,
        verdict: Verdict,
        authorization: String,
        attempts_limit: u32,
        at: Timestamp,
    ) -> bool {
        let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.is_in_flight()) else {
            return false;
        };
        attempt.decide(verdict, authorization, at);
        self.settle(verdict, attempts_limit, at);
        true
    }

    /// Time ran out; an attempt in flight holds it off (AV-U16).
    pub fn expire(&mut self, at: Timestamp) -> bool {
        self.end_if_idle(Ending::Expired, at)
    }

    /// The payer gives up. AV-U23: not while an attempt is in flight.
    pub fn abandon(&mut self, at: Timestamp) -> bool {
        self.end_if_idle(Ending::Abandoned, at)
    }

    /// The merchant cancels: only without an approved attempt and without one in flight (§8).
    pub fn cancel(&mut self, at: Timestamp) -> bool {
        self.end_if_idle(Ending::CancelledByMerchant, at)
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

    fn settle(&mut self, verdict: Verdict, attempts_limit: u32, at: Timestamp) {
        let denied = self
            .attempts
            .iter()
            .filter(|attempt| matches!(attempt.verdict(), Some(Verdict::Rejected(_) | Verdict::Failed(_))));
        let is_exhausted = denied.count() >= attempts_limit as usize;
        match verdict {
            Verdict::Approved => self.end(Ending::Approved, at),
            Verdict::Rejected(_) | Verdict::Failed(_) if is_exhausted => self.end(Ending::Exhausted, at),
            Verdict::Rejected(_) | Verdict::Failed(_) if at >= self.order.expires_at => {
                self.end(Ending::Expired, at);
            }
            Verdict::Rejected(_) | Verdict::Failed(_) => {}
        }
    }

    fn end_if_idle(&mut self, ending: Ending, at: Timestamp) -> bool {
        let may_end = self.takes_attempts();
        if may_end {
            self.end(ending, at);
        }
        may_end
    }

    fn end(&mut self, ending: Ending, at: Timestamp) {
        self.challenge = None;
        self.ending = Some((ending, at));
    }
}
