//! What a change means outside the session: the ledger's lines, the notice, the receipt, the schedule.

use std::fmt::Write as _;

use simulation::decimal::Decimal;
use simulation::inbox::Message as Mail;
use simulation::ledger::Entry;
use simulation::{Timestamp, World};

use super::attempt::{Attempt, Hold, Part};
use super::cards::Behaviour;
use super::charge::{Charge, State};
use super::course::{Course, Verdict, Waiting};
use super::create::seconds_after;
use super::page::labels::{self, Labels};
use super::page::money;
use super::session::{Ending, Origin, Prepared, Session, Stored};
use super::{AvalPay, Due, PROVIDER, Place, notice, random, transaction};
use crate::instant;

/// Seconds until a hold that nobody captured is released (§11).
const HOLD_S: i64 = 30 * 24 * 60 * 60;
/// AV-U79: the reason of a transfer whose payer never came back, and of a payment that was never confirmed (AV-U35).
const TOO_LATE: &str = "?5";

impl AvalPay {
    /// The next outcome scripted for a reference.
    pub(super) fn next_scripted(&mut self, reference: &str) -> Option<Course> {
        self.scripts.get_mut(reference)?.pop_front()
    }

    /// Makes an attempt in an open session; the caller has asked whether it takes one. A scripted outcome goes before
    /// the card's own.
    pub(super) fn begin_attempt(
        &mut self,
        request_id: u64,
        prepared: Prepared,
        scripted: Option<Course>,
        world: &mut dyn World,
    ) {
        let now = world.now();
        let Some(session) = self.sessions.get(&request_id) else { return };
        let settings = self.settings_of(session);
        let (reference, until) = (session.order.reference.clone(), session.order.expires_at);
        let (shares, currency) = (session.unpaid_shares(), session.order.currency().to_owned());
        let (is_check_in, needs_confirmation) = (session.order.check_in, session.order.needs_confirmation);
        let course = confirmed(scripted.unwrap_or(prepared.course), needs_confirmation);
        let mut scripted = scripted;
        let mut parts = Vec::new();
        for (index, share) in shares {
            let (amount, currency) = (share.amount.total, share.amount.currency.clone());
            let own = prepared.typed.map_or(prepared.course, |typed| typed.course(amount, &currency));
            let course = scripted.take().or_else(|| self.next_scripted(&reference)).unwrap_or(own);
            let charge = self.new_charge(amount, currency, course, world);
            parts.push(Part { index, share, charge });
        }
        let mut attempt = Attempt {
            charge: self.new_charge(prepared.amount, currency, course, world),
            id: random::hex(world, 16),
            instrument: prepared.instrument.clone(),
            installments: prepared.installments,
            started_at: now,
            parts,
            hold: is_check_in.then(|| Hold {
                held: prepared.amount,
                captured: None,
                releases_at: seconds_after(now, HOLD_S),
            }),
            actions: Vec::new(),
        };
        attempt.send(&settings, until, now);
        let Some(session) = self.sessions.get_mut(&request_id) else { return };
        let number = session.attempts.len();
        let is_paid = attempt.verdict().is_some_and(|verdict| !verdict.is_denied());
        self.transactions.extend(attempt_places(&attempt, request_id, number));
        session.charged_card = prepared.typed;
        session.begin(attempt, &settings, now);
        if prepared.saves_card {
            session.card_to_save = Some(prepared);
        }
        if is_paid {
            self.save_card(request_id, world);
        }
        self.book_last(request_id, now, world);
        self.after_change(request_id, world);
    }

    /// Stores a card that nothing is charged on. AV-U80: every published card is stored but the one that breaks.
    pub(super) fn tokenize(
        &mut self,
        request_id: u64,
        prepared: Prepared,
        scripted: Option<Course>,
        world: &mut dyn World,
    ) {
        let Some(session) = self.sessions.get_mut(&request_id) else { return };
        let breaks = prepared.typed.is_some_and(|typed| typed.card.behaviour == Behaviour::Exception);
        let verdict = match scripted {
            Some(Course::Decided(verdict) | Course::Pending { then: verdict, .. }) => verdict,
            None if breaks => prepared_verdict(&prepared),
            None => Verdict::Approved,
        };
        if verdict.is_approved() {
            session.card_to_save = Some(prepared);
            self.save_card(request_id, world);
        } else {
            let settings = self.settings_of(&self.sessions[&request_id]);
            if let Some(session) = self.sessions.get_mut(&request_id) {
                session.refuse_card(verdict.reason(), &settings, world.now());
            }
        }
        self.after_change(request_id, world);
    }

    /// Decides the attempt in flight; `false` when there is none. What was paid may still wait for the merchant's word.
    pub(super) fn conclude_attempt(
        &mut self,
        request_id: u64,
        verdict: Verdict,
        at: Timestamp,
        world: &mut dyn World,
    ) -> bool {
        let Some(settings) = self.sessions.get(&request_id).map(|session| self.settings_of(session)) else {
            return false;
        };
        let Some(session) = self.sessions.get_mut(&request_id) else { return false };
        let is_confirmed = session.in_flight().is_none_or(|attempt| attempt.charge.awaits_confirmation());
        if verdict.is_approved() && session.order.needs_confirmation && !is_confirmed {
            session.await_confirmation(verdict_too_late(), at);
        } else if !session.conclude(verdict, &settings, at) {
            return false;
        }
        if verdict.is_approved() {
            self.save_card(request_id, world);
        }
        self.book_last(request_id, at, world);
        self.after_change(request_id, world);
        true
    }

    /// Does what was due at `at` in a session.
    pub(super) fn session_due(&mut self, request_id: u64, at: Timestamp, world: &mut dyn World) {
        let Some(session) = self.sessions.get_mut(&request_id) else { return };
        if session.held().is_some() && session.ending().is_some() {
            self.release_hold(request_id, at, world);
            return;
        }
        match session.in_flight().map(|attempt| attempt.charge.state) {
            Some(State::InFlight { then, .. }) => {
                self.conclude_attempt(request_id, then, at, world);
            }
            Some(State::Queued | State::Decided(_) | State::Skipped) | None => {
                session.expire(at);
                self.after_change(request_id, world);
            }
        }
    }

    /// After any change: plans what comes next by itself, and tells the end of the session once.
    pub(super) fn after_change(&mut self, request_id: u64, world: &mut dyn World) {
        let Some(session) = self.sessions.get(&request_id) else { return };
        self.plan(Due::Session(request_id), session.due());
        self.announce_ending(request_id, world);
    }

    /// Puts the time at which something happens by itself in place of the one that was planned before.
    pub(super) fn plan(&mut self, what: Due, when: Option<Timestamp>) {
        if let Some(previous) = self.scheduled.remove(&what) {
            self.schedule.remove(&(previous, what));
        }
        if let Some(when) = when {
            self.schedule.insert((when, what));
            self.scheduled.insert(what, when);
        }
    }

    /// A new charge with the next number.
    pub(super) fn new_charge(
        &mut self,
        amount: Decimal,
        currency: String,
        course: Course,
        world: &mut dyn World,
    ) -> Charge {
        let number = self.next_reference();
        let authorization = random::authorization(world);
        Charge::queued(number, amount, currency, course, authorization, world.now())
    }

    /// The next number of a transaction.
    pub(super) fn next_reference(&mut self) -> u64 {
        let number = self.next_internal_reference;
        self.next_internal_reference += 1;
        number
    }

    fn announce_ending(&mut self, request_id: u64, world: &mut dyn World) {
        let Some(session) = self.sessions.get_mut(&request_id) else { return };
        let Some((ending, at)) = session.ending().filter(|_| !session.is_announced) else { return };
        session.is_announced = true;
        if ending == Ending::Approved && !session.order.is_subscription() {
            self.paid_references.insert((session.merchant.clone(), session.order.reference.clone()));
        }
        let is_dispersed = !session.order.shares.is_empty();
        if ending == Ending::PartlyPaid && is_dispersed {
            self.reverse_automatically(request_id, at, world);
        }
        if ending == Ending::Approved {
            self.start_recurrence(request_id, world);
        }
        let session = &self.sessions[&request_id];
        let Some(merchant) = self.merchant(&session.merchant) else { return };
        // AV-U78: the merchant was told a collect's end in its answer, unless that was pending.
        let is_answered = session.origin == Origin::Collect
            && session.attempts.last().is_none_or(|attempt| !attempt.charge.was_pending);
        if !is_answered && let Some(notice) = notice::about_ending(session, merchant, world.now()) {
            world.notify(notice);
        }
        if let Some(mail) = receipt(session, merchant.number, world.now()) {
            world.mail(mail);
        }
    }

    /// Stores the card that waits to be stored with its session's payment.
    fn save_card(&mut self, request_id: u64, world: &mut dyn World) {
        let Some(session) = self.sessions.get_mut(&request_id) else { return };
        let Some(Prepared {
            instrument: super::instrument::Instrument::Card(face), typed: Some(typed), ..
        }) = session.card_to_save.take()
        else {
            return;
        };
        let owner = session.payer.as_ref().map(super::person::Person::full_name).unwrap_or_default();
        let merchant = session.merchant.clone();
        if let Some(card) = self.vault.store(&merchant, owner, &face, typed, world) {
            let stored = Stored { at: world.now(), instrument: card.instrument() };
            session.store_card(stored);
        }
    }

    /// Lines of the ledger for what changed in the last attempt.
    pub(super) fn book_last(&mut self, request_id: u64, at: Timestamp, world: &mut dyn World) {
        let Some(session) = self.sessions.get_mut(&request_id) else { return };
        let (account, reference) = (session.merchant.clone(), session.order.reference.clone());
        let kind = if session.order.check_in { "hold" } else { "charge" };
        let Some(attempt) = session.attempts.last_mut() else { return };
        for charge in attempt.charges_mut() {
            book_change(charge, kind, &account, &reference, at, world);
        }
    }
}

/// A line of the ledger, if the charge's state is not the one that the ledger knows.
pub fn book_change(
    charge: &mut Charge,
    kind: &str,
    account: &str,
    reference: &str,
    at: Timestamp,
    world: &mut dyn World,
) {
    let state = charge.ledger_state();
    if let Some(state) = state.filter(|_| state != charge.booked) {
        world.book(Entry {
            provider: PROVIDER.into(),
            account: account.to_owned(),
            transaction: charge.internal_reference.to_string(),
            reference: reference.to_owned(),
            kind: kind.into(),
            state: state.into(),
            amount: charge.fixed(charge.amount),
            currency: charge.currency.clone(),
            at,
        });
        charge.booked = Some(state);
    }
}

/// Where the transactions of an attempt are found by their numbers.
fn attempt_places(attempt: &Attempt, request_id: u64, number: usize) -> Vec<(u64, Place)> {
    let place = |part| Place::Session { request_id, attempt: number, part };
    let parts = attempt.parts.iter().enumerate();
    let parts = parts.map(|(index, part)| (part.charge.internal_reference, place(Some(index))));
    parts.chain([(attempt.charge.internal_reference, place(None))]).collect()
}

/// What is approved at once waits for the merchant's word, when the session wants it.
fn confirmed(course: Course, needs_confirmation: bool) -> Course {
    match course {
        Course::Decided(verdict) if verdict.is_approved() && needs_confirmation => {
            Course::Pending { waiting: Waiting::Confirmation, then: verdict_too_late() }
        }
        course => course,
    }
}

/// How a wait for the payer or the merchant ends when nobody comes (AV-U35, AV-U79).
pub fn verdict_too_late() -> Verdict {
    Verdict::Rejected(TOO_LATE)
}

fn prepared_verdict(prepared: &Prepared) -> Verdict {
    match prepared.course {
        Course::Decided(verdict) | Course::Pending { then: verdict, .. } => verdict,
    }
}

/// The receipt of a finished session to the payer's address, when one is known (AV-4.2-07).
fn receipt(session: &Session, site_number: usize, now: Timestamp) -> Option<Mail> {
    let locked = session.order.payer.as_ref().and_then(|payer| payer.email.as_ref());
    let to = session.email.as_ref().or(locked)?.clone();
    let labels = labels::of(session.language);
    let order = &session.order;
    let heading = labels.session_heading(session);
    let mut text = format!("{}\n\n{heading}\n", labels.simulator_notice);
    let mut line = |label: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label}: {value}");
    };
    line(labels.session, &format!("S{}-T{site_number}", session.request_id));
    line(labels.reference, &order.reference);
    if let Some(amount) = &order.amount {
        line(labels.total, &money::with_currency(amount.total, &amount.currency));
    }
    if let Some(attempt) = session.attempts.last() {
        write_attempt(attempt, labels, session, &mut line);
    }
    Some(Mail {
        channel: "email".into(),
        provider: PROVIDER.into(),
        to,
        subject: format!("{} {}", labels.receipt_subject, order.reference),
        text,
        at: now,
    })
}

fn write_attempt(attempt: &Attempt, labels: &Labels, session: &Session, line: &mut impl FnMut(&str, &str)) {
    let charge = &attempt.charge;
    line(labels.message, charge.message(session.language));
    line(labels.method, &attempt.instrument.shown());
    line(labels.amount, &money::with_currency(charge.amount, &charge.currency));
    line(labels.transaction_date, &instant::for_people(charge.changed_at));
    line(labels.authorization, transaction::authorization(charge, &attempt.instrument));
    line(labels.receipt, &charge.receipt());
}
