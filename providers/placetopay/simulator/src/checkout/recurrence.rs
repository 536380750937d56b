//! Recurrences that the provider runs (AV-U43: nothing can be asked about them by API): later charges by the clock, tried again where that makes sense, told by a
//! notice of their own, and ended in the merchant's panel only (§6.7, §14.4).

use jiff::ToSpan as _;
use jiff::civil::Date;
use simulation::decimal::Decimal;
use simulation::{Timestamp, World};

use super::attempt::Attempt;
use super::cards::Typed;
use super::course::Course;
use super::effects::book_change;
use super::instrument::Instrument;
use super::notice::{self, RecurringCharge};
use super::recurring::Terms;
use super::{AvalPay, Due, Place, random};
use crate::instant;

/// AV-U77: the hour of the day at which the provider charges, in Colombian time.
const CHARGE_HOUR: i8 = 3;
/// A charge that was denied is tried again on this many days.
const LATER_TRIES: u32 = 3;
/// AV-U82: the reasons that another day may mend: a lack of balance.
const MENDABLE: [&str; 1] = ["51"];

/// Why no more charges come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The merchant ended it in the panel.
    Cancelled,
    /// Every charge that was agreed is made.
    Finished,
    /// A charge was denied too often, or for good.
    Denied,
}

/// One recurrence.
#[derive(Clone, Debug)]
pub struct Recurrence {
    /// Counted from 1.
    pub number: u64,
    /// The session of the first charge.
    pub request_id: u64,
    /// What was agreed. Nothing of it changes.
    pub terms: Terms,
    /// How much each time.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// The card.
    pub instrument: Instrument,
    /// What it does.
    pub typed: Typed,
    /// Number of instalments.
    pub installments: u32,
    /// Which charge is next, the first one being 1.
    pub next: i64,
    /// How often it was tried.
    pub tries: u32,
    /// When something happens next.
    pub due: Option<Timestamp>,
    /// Every later charge, oldest first, each try one.
    pub charges: Vec<Attempt>,
    /// How it ended.
    pub end: Option<End>,
}

impl AvalPay {
    /// A recurrence begins with the approval of its first charge.
    pub(super) fn start_recurrence(&mut self, request_id: u64, world: &mut dyn World) {
        let Some(session) = self.sessions.get(&request_id) else { return };
        let (Some(terms), Some(typed), Some(attempt)) =
            (session.order.recurring.clone(), session.charged_card, session.attempts.last())
        else {
            return;
        };
        let number = self.recurrences.len() as u64 + 1;
        let day = terms.day_of(2);
        self.recurrences.push(Recurrence {
            number,
            request_id,
            terms,
            amount: session.order.total(),
            currency: session.order.currency().to_owned(),
            instrument: attempt.instrument.clone(),
            typed,
            installments: attempt.installments,
            next: 2,
            tries: 0,
            due: None,
            charges: Vec::new(),
            end: None,
        });
        self.plan_charge(number, day, world.now());
    }

    /// Does what is due: a charge, or the decision of the one in flight.
    pub(super) fn recurrence_due(&mut self, number: u64, at: Timestamp, world: &mut dyn World) {
        let Some(recurrence) = self.recurrence(number) else { return };
        let settings = self.sessions.get(&recurrence.request_id).map(|session| self.settings_of(session));
        let is_in_flight = recurrence.charges.last().is_some_and(Attempt::is_in_flight);
        if !is_in_flight {
            self.charge_again(number, at, world);
            return;
        }
        let Some(settings) = settings else { return };
        if let Some(attempt) =
            self.recurrence_mut(number).and_then(|recurrence| recurrence.charges.last_mut())
            && let super::charge::State::InFlight { then, .. } = attempt.charge.state
        {
            attempt.conclude(then, &settings, at, at);
        }
        self.after_charge(number, at, world);
    }

    /// Ends a recurrence, as only the merchant's panel can; `false` when it has ended.
    pub(super) fn cancel_recurrence(&mut self, number: u64) -> bool {
        let Some(recurrence) = self.recurrence_mut(number).filter(|recurrence| recurrence.end.is_none())
        else {
            return false;
        };
        recurrence.end = Some(End::Cancelled);
        // A charge on its way is still decided.
        if !recurrence.charges.last().is_some_and(Attempt::is_in_flight) {
            recurrence.due = None;
            self.plan(Due::Recurrence(number), None);
        }
        true
    }

    pub(super) fn recurrence(&self, number: u64) -> Option<&Recurrence> {
        self.recurrences.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    pub(super) fn recurrence_mut(&mut self, number: u64) -> Option<&mut Recurrence> {
        self.recurrences.get_mut(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    fn charge_again(&mut self, number: u64, at: Timestamp, world: &mut dyn World) {
        let Some(recurrence) = self.recurrence(number).filter(|recurrence| recurrence.end.is_none()) else {
            return;
        };
        let (amount, currency, typed) = (recurrence.amount, recurrence.currency.clone(), recurrence.typed);
        let request_id = recurrence.request_id;
        let Some(session) = self.sessions.get(&request_id) else { return };
        let (reference, settings) = (session.order.reference.clone(), self.settings_of(session));
        let course: Course =
            self.next_scripted(&reference).unwrap_or_else(|| typed.course(amount, &currency));
        let charge = self.new_charge(amount, currency, course, world);
        let internal_reference = charge.internal_reference;
        let id = random::hex(world, 16);
        let Some(recurrence) = self.recurrence_mut(number) else { return };
        let mut attempt = Attempt {
            charge,
            id,
            instrument: recurrence.instrument.clone(),
            installments: recurrence.installments,
            started_at: at,
            parts: Vec::new(),
            hold: None,
            actions: Vec::new(),
        };
        attempt.send(&settings, Timestamp::MAX, at);
        recurrence.tries += 1;
        let place = Place::Recurrence { number, charge: recurrence.charges.len() };
        recurrence.charges.push(attempt);
        self.transactions.insert(internal_reference, place);
        self.after_charge(number, at, world);
    }

    /// Books the newest charge; when it is decided, plans what follows and tells the merchant.
    fn after_charge(&mut self, number: u64, at: Timestamp, world: &mut dyn World) {
        let Some(recurrence) = self.recurrence(number) else { return };
        let Some(session) = self.sessions.get(&recurrence.request_id) else { return };
        let (account, reference) = (session.merchant.clone(), session.order.reference.clone());
        let Some(recurrence) = self.recurrence_mut(number) else { return };
        let Some(attempt) = recurrence.charges.last_mut() else { return };
        book_change(&mut attempt.charge, "charge", &account, &reference, at, world);
        let Some(verdict) = attempt.verdict() else {
            recurrence.due = attempt.charge.due();
            let due = recurrence.due;
            self.plan(Due::Recurrence(number), due);
            return;
        };
        let tries = recurrence.tries;
        if verdict.is_approved() {
            recurrence.next += 1;
            recurrence.tries = 0;
            let day = recurrence.terms.day_of(recurrence.next);
            self.plan_charge(number, day, at);
        } else if MENDABLE.contains(&verdict.reason()) && tries <= LATER_TRIES {
            let day = instant::day(at).checked_add(1.day()).ok();
            self.plan_charge(number, day, at);
        } else {
            recurrence.end.get_or_insert(End::Denied);
            recurrence.due = None;
            self.plan(Due::Recurrence(number), None);
        }
        self.tell_charge(number, tries, world);
    }

    /// AV-U74: every decided try is told, at the address that was given for it.
    fn tell_charge(&self, number: u64, tries: u32, world: &mut dyn World) {
        let Some(recurrence) = self.recurrence(number) else { return };
        let Some(url) = recurrence.terms.notification_url.clone() else { return };
        let Some(session) = self.sessions.get(&recurrence.request_id) else { return };
        let Some(merchant) = self.merchant(&session.merchant) else { return };
        let Some(charge) = recurrence.charges.last().map(|attempt| &attempt.charge) else { return };
        let told = RecurringCharge {
            internal_reference: charge.internal_reference,
            status: charge.word(),
            reason: charge.reason(),
            message: charge.message(self.session_language(recurrence.request_id)),
            at: charge.changed_at,
            reference: &session.order.reference,
            tries,
            is_enabled: recurrence.end.is_none(),
        };
        world.notify(notice::about_recurring_charge(&told, merchant, url, world.now()));
    }

    /// Plans a charge for a day; without one the recurrence is finished. A day that is past is charged at once.
    fn plan_charge(&mut self, number: u64, day: Option<Date>, at: Timestamp) {
        let Some(recurrence) = self.recurrence_mut(number) else { return };
        if day.is_none() {
            recurrence.end.get_or_insert(End::Finished);
        }
        let is_over = recurrence.end.is_some();
        let due = day.and_then(|day| instant::at_hour(day, CHARGE_HOUR)).map(|due| due.max(at));
        recurrence.due = due.filter(|_| !is_over);
        let due = recurrence.due;
        self.plan(Due::Recurrence(number), due);
    }
}
