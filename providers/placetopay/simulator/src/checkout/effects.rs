//! What a change means outside the session: the ledger's lines, the notice, the receipt, the schedule.

use std::fmt::Write as _;

use simulation::inbox::Message as Mail;
use simulation::ledger::Entry;
use simulation::{Timestamp, World};

use super::account::ExceptionState;
use super::attempt::{Attempt, CardFace, State};
use super::course::{Course, SLOW_ANSWER_S, Verdict, Waiting};
use super::create::seconds_after;
use super::page::labels::{self, Labels};
use super::page::money;
use super::session::{Ending, Session};
use super::{AvalPay, PROVIDER, notice, random};
use crate::instant;

impl AvalPay {
    /// Makes an attempt in an open session; the caller has asked whether it takes one.
    pub(super) fn begin_attempt(
        &mut self,
        request_id: u64,
        card: CardFace,
        installments: u32,
        course: Course,
        world: &mut dyn World,
    ) {
        let now = world.now();
        let Some(settings) = self.sessions.get(&request_id).map(|session| self.settings_of(session)) else {
            return;
        };
        let state = match course {
            Course::Decided(verdict) => State::Decided(outcome(verdict, settings.exception)),
            Course::Pending { waiting, then } => {
                let due = match waiting {
                    Waiting::Bank => Some(seconds_after(now, settings.pending_s)),
                    Waiting::SlowAnswer => Some(seconds_after(now, SLOW_ANSWER_S)),
                    Waiting::Review => None,
                };
                State::InFlight { waiting, due, then: outcome(then, settings.exception) }
            }
        };
        let attempt = Attempt {
            internal_reference: self.next_internal_reference,
            id: random::hex(world, 16),
            card,
            installments,
            started_at: now,
            changed_at: now,
            state,
            was_pending: matches!(state, State::InFlight { .. }),
            authorization: (state == State::Decided(Verdict::Approved)).then(|| random::authorization(world)),
        };
        self.next_internal_reference += 1;
        let Some(session) = self.sessions.get_mut(&request_id) else { return };
        session.begin(attempt, settings.attempts_limit);
        book_last(session, now, world);
        self.after_change(request_id, world);
    }

    /// Decides the attempt in flight; `false` when there is none.
    pub(super) fn conclude_attempt(
        &mut self,
        request_id: u64,
        verdict: Verdict,
        at: Timestamp,
        world: &mut dyn World,
    ) -> bool {
        let Some(limit) =
            self.sessions.get(&request_id).map(|session| self.settings_of(session).attempts_limit)
        else {
            return false;
        };
        let authorization = random::authorization(world);
        let Some(session) = self.sessions.get_mut(&request_id) else { return false };
        if !session.conclude(verdict, authorization, limit, at) {
            return false;
        }
        book_last(session, at, world);
        self.after_change(request_id, world);
        true
    }

    /// Does what was due at `at` in a session.
    pub(super) fn come_due(&mut self, request_id: u64, at: Timestamp, world: &mut dyn World) {
        let Some(session) = self.sessions.get_mut(&request_id) else { return };
        match session.in_flight().map(|attempt| attempt.state) {
            Some(State::InFlight { then, .. }) => {
                self.conclude_attempt(request_id, then, at, world);
            }
            Some(State::Decided(_)) | None => {
                session.expire(at);
                self.after_change(request_id, world);
            }
        }
    }

    /// After any change: plans what comes next by itself, and tells the end of the session once.
    pub(super) fn after_change(&mut self, request_id: u64, world: &mut dyn World) {
        let Some(session) = self.sessions.get(&request_id) else { return };
        let due = session.due();
        if let Some(previous) = self.scheduled.remove(&request_id) {
            self.schedule.remove(&(previous, request_id));
        }
        if let Some(due) = due {
            self.schedule.insert((due, request_id));
            self.scheduled.insert(request_id, due);
        }
        self.announce_ending(request_id, world);
    }

    fn announce_ending(&mut self, request_id: u64, world: &mut dyn World) {
        let Some(session) = self.sessions.get_mut(&request_id) else { return };
        let Some((ending, _)) = session.ending().filter(|_| !session.is_announced) else { return };
        session.is_announced = true;
        if ending == Ending::Approved {
            self.paid_references.insert((session.merchant.clone(), session.order.reference.clone()));
        }
        let session = &self.sessions[&request_id];
        let Some(merchant) = self.merchant(&session.merchant) else { return };
        if let Some(notice) = notice::about_ending(session, merchant, world.now()) {
            world.notify(notice);
        }
        if let Some(mail) = receipt(session, merchant.number, world.now()) {
            world.mail(mail);
        }
    }
}

/// AV-U50: an exception ends failed or rejected, as the site is set.
fn outcome(verdict: Verdict, exception: ExceptionState) -> Verdict {
    match (verdict, exception) {
        (Verdict::Failed(reason), ExceptionState::Rejected) => Verdict::Rejected(reason),
        (Verdict::Approved | Verdict::Rejected(_) | Verdict::Failed(_), _) => verdict,
    }
}

/// One line of the ledger for the last attempt as it stands.
fn book_last(session: &Session, at: Timestamp, world: &mut dyn World) {
    let Some(attempt) = session.attempts.last() else { return };
    let state = match attempt.state {
        State::InFlight { .. } => "pending",
        State::Decided(Verdict::Approved) => "approved",
        State::Decided(Verdict::Rejected(_) | Verdict::Failed(_)) => "rejected",
    };
    world.book(Entry {
        provider: PROVIDER.into(),
        account: session.merchant.clone(),
        transaction: attempt.internal_reference.to_string(),
        reference: session.order.reference.clone(),
        kind: "charge".into(),
        state: state.into(),
        amount: session.order.amount.fixed_total(),
        currency: session.order.amount.currency.clone(),
        at,
    });
}

/// The receipt of a finished session to the payer's address, when one is known (AV-4.2-07).
fn receipt(session: &Session, site_number: usize, now: Timestamp) -> Option<Mail> {
    let locked = session.order.payer.as_ref().and_then(|payer| payer.email.as_ref());
    let to = session.email.as_ref().or(locked)?.clone();
    let labels = labels::of(session.language);
    let order = &session.order;
    let heading = labels.session_heading(session.ending().map(|(ending, _)| ending));
    let mut text = format!("{}\n\n{heading}\n", labels.simulator_notice);
    let mut line = |label: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label}: {value}");
    };
    line(labels.session, &format!("S{}-T{site_number}", session.request_id));
    line(labels.reference, &order.reference);
    line(labels.total, &money::with_currency(order.amount.total, &order.amount.currency));
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
    line(labels.message, attempt.message(session.language));
    line(
        labels.method,
        &format!("{} **** {}", attempt.card.brand.name().to_uppercase(), attempt.card.last_four),
    );
    line(labels.transaction_date, &instant::for_people(attempt.changed_at));
    line(labels.authorization, attempt.authorization());
    line(labels.receipt, &attempt.receipt());
}
