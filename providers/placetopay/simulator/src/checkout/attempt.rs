//! One attempt to pay a session: a single charge, or the parts of a dispersion one after another (§7.2, §7.6).

use simulation::Timestamp;
use simulation::decimal::Decimal;

use super::account::Settings;
use super::charge::{Charge, State, minus, sum};
use super::course::Verdict;
use super::dispersion::Share;
use super::instrument::Instrument;

/// A part of a dispersion.
#[derive(Clone, Debug)]
pub struct Part {
    /// Which of the order's shares it pays.
    pub index: usize,
    /// Who gets it.
    pub share: Share,
    /// Its charge.
    pub charge: Charge,
}

/// What a check-in holds (§11).
#[derive(Clone, Copy, Debug)]
pub struct Hold {
    /// The amount held, as the newest reauthorization has it.
    pub held: Decimal,
    /// What was captured; zero when it was released; nothing while it is open.
    pub captured: Option<Decimal>,
    /// When it is released by itself.
    pub releases_at: Timestamp,
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The charge; of a dispersion, the summary of its parts.
    pub charge: Charge,
    /// The provider's other key, 32 hexadecimal characters.
    pub id: String,
    /// What is charged.
    pub instrument: Instrument,
    /// Number of instalments.
    pub installments: u32,
    /// When it was made.
    pub started_at: Timestamp,
    /// The parts of a dispersion, in the order of charging.
    pub parts: Vec<Part>,
    /// What is held, of a check-in.
    pub hold: Option<Hold>,
    /// Numbers of the actions on it.
    pub actions: Vec<u64>,
}

impl Attempt {
    /// Every number by which it is found: its own, those of its parts, those of the actions on it.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        let parts = self.parts.iter().map(|part| part.charge.internal_reference);
        parts.chain(self.actions.iter().copied()).chain([self.charge.internal_reference])
    }

    /// Whether it is not decided yet.
    pub fn is_in_flight(&self) -> bool {
        self.charge.is_in_flight()
    }

    /// The verdict, when there is one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.charge.verdict()
    }

    /// What of it was paid.
    pub fn paid(&self) -> Decimal {
        if self.parts.is_empty() {
            return if self.charge.is_approved() { self.charge.amount } else { Decimal::ZERO };
        }
        sum(self.parts.iter().filter(|part| part.charge.is_approved()).map(|part| part.charge.amount))
    }

    /// Whether it holds an amount that is neither captured nor released.
    pub fn is_held(&self) -> bool {
        self.charge.is_approved() && self.hold.is_some_and(|hold| hold.captured.is_none())
    }

    /// What may still be given back of it: of a check-in what was captured, or all that is held.
    pub fn left(&self) -> Decimal {
        match self.hold {
            Some(hold) if self.charge.is_approved() => {
                minus(hold.captured.unwrap_or(hold.held), self.charge.given_back)
            }
            Some(_) => Decimal::ZERO,
            None if self.parts.is_empty() => self.charge.left(),
            None => sum(self.parts.iter().map(|part| part.charge.left())),
        }
    }

    /// Sends it: the charge, or part after part until one waits or is denied.
    pub fn send(&mut self, settings: &Settings, until: Timestamp, now: Timestamp) {
        if self.parts.is_empty() {
            self.charge.send(settings, until, now);
        } else {
            self.send_parts(settings, until, now);
        }
    }

    /// Decides what is in flight; a dispersion then goes on with its next part.
    pub fn conclude(&mut self, verdict: Verdict, settings: &Settings, until: Timestamp, at: Timestamp) {
        match self.parts.iter_mut().find(|part| part.charge.is_in_flight()) {
            Some(part) => {
                part.charge.decide(verdict, at);
                self.send_parts(settings, until, at);
            }
            None => self.charge.decide(verdict, at),
        }
    }

    /// Every charge that money may move by: the parts of a dispersion, else the one.
    pub fn charges_mut(&mut self) -> Vec<&mut Charge> {
        if self.parts.is_empty() {
            vec![&mut self.charge]
        } else {
            self.parts.iter_mut().map(|part| &mut part.charge).collect()
        }
    }

    fn send_parts(&mut self, settings: &Settings, until: Timestamp, now: Timestamp) {
        let mut is_denied = false;
        for part in &mut self.parts {
            if is_denied {
                part.charge.state = State::Skipped;
                part.charge.changed_at = now;
                continue;
            }
            if part.charge.state == State::Queued {
                part.charge.send(settings, until, now);
            }
            match part.charge.verdict() {
                None => break,
                Some(verdict) => is_denied = !verdict.is_approved(),
            }
        }
        self.summarise(now);
    }

    /// The parent says what its parts say together; authorization and receipt are those of the first.
    fn summarise(&mut self, now: Timestamp) {
        let waiting = self.parts.iter().find(|part| part.charge.is_in_flight());
        let denied =
            self.parts.iter().find_map(|part| part.charge.verdict().filter(|verdict| !verdict.is_approved()));
        let is_any_paid = self.parts.iter().any(|part| part.charge.is_approved());
        self.charge.changed_at = now;
        self.charge.was_pending |= waiting.is_some();
        self.charge.state = match (waiting, denied) {
            (Some(part), _) => part.charge.state,
            (None, None) => State::Decided(Verdict::Approved),
            (None, Some(verdict)) if is_any_paid => State::Decided(Verdict::PartlyApproved(verdict.reason())),
            (None, Some(verdict)) => State::Decided(verdict),
        };
        if let Some(first) = self.parts.first() {
            self.charge.authorization.clone_from(&first.charge.authorization);
        }
    }
}
