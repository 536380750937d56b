//! What a change means outside the session: the ledger's lines, the notice, the schedule.

use simulation::ledger::Entry;
use simulation::{NoticeOutcome, OutgoingNotice, Timestamp, World};

use crate::account::{Merchant, Timing};
use crate::attack;
use crate::conduct::Check;
use crate::course::Course;
use crate::instant::seconds_after;
use crate::reasons::Reason;
use crate::session::{Ending, Outcome, Session, Stage};
use crate::{EtPay, PROVIDER, claims, jwt, notice};

/// Seconds after which a funnel that lost its backend knows the truth.
const RECOVERY_S: i64 = 60;
/// How long a notice that follows the redirect waits for one, and how far it then stays behind it.
const LONGEST_WAIT_FOR_REDIRECT_S: i64 = 60;
const BEHIND_REDIRECT_S: i64 = 2;

impl EtPay {
    /// The bank has decided, or nobody will any more.
    pub(crate) fn conclude(&mut self, id: u64, outcome: Outcome, at: Timestamp, world: &mut dyn World) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let late = match session.stage {
            Stage::Confirming { .. } if outcome == Outcome::Success => Some(at),
            _ => None,
        };
        let through = session.ending.map(|ending| ending.at).or(session.attempted_at).unwrap_or(at);
        let was_lost = matches!(session.stage, Stage::Lost { .. });
        session.ending = Some(Ending { outcome, at: through, confirmed_late_at: late });
        session.enter(Stage::Ended);
        self.name_attempt(id, world);
        if !was_lost {
            self.book(id, if outcome == Outcome::Success { "approved" } else { "rejected" }, world);
        }
        self.tell_ending(id, !was_lost, world);
    }

    /// The bank confirms what had failed here already (§8): the same attempt, now paid. ET-U42: told by another notice.
    pub(crate) fn confirm_late(&mut self, id: u64, world: &mut dyn World) -> bool {
        let now = world.now();
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        let Some(ending) = session.ending.filter(|ending| ending.outcome != Outcome::Success) else {
            return false;
        };
        session.ending = Some(Ending { outcome: Outcome::Success, confirmed_late_at: Some(now), ..ending });
        session.note(now, "late confirmation by the bank");
        self.book(id, "approved", world);
        self.tell_ending(id, true, world);
        true
    }

    /// Everything was typed in: what becomes of it.
    pub(crate) fn settle(&mut self, id: u64, course: Course, world: &mut dyn World) {
        let now = world.now();
        self.name_attempt(id, world);
        match course {
            Course::Success => self.conclude(id, Outcome::Success, now, world),
            Course::InsufficientFunds => self.conclude(id, Outcome::Error(Reason::Funds), now, world),
            Course::SecondFactor => self.conclude(id, Outcome::Error(Reason::SecondFactor), now, world),
            Course::Late => {
                let wait_s = self.settings_of(id).late_confirmation_s;
                let Some(session) = self.sessions.get_mut(&id) else { return };
                session.note(now, "the bank has not confirmed yet");
                session.attempted_at = Some(now);
                session.enter(Stage::Confirming { due: seconds_after(now, wait_s) });
                self.book(id, "pending", world);
                self.plan(id);
            }
            Course::SystemError { is_paid } => {
                let Some(session) = self.sessions.get_mut(&id) else { return };
                session.note(now, "the funnel lost its backend");
                session.attempted_at = Some(now);
                session.lost_at = Some(now);
                session.enter(Stage::Lost { due: seconds_after(now, RECOVERY_S), is_paid });
                self.book(id, if is_paid { "approved" } else { "rejected" }, world);
                self.plan(id);
            }
        }
    }

    /// Does what was due at `at`.
    pub(crate) fn come_due(&mut self, id: u64, at: Timestamp, world: &mut dyn World) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.notice_due.is_some_and(|due| due <= at) {
            session.notice_due = None;
            self.send_notice(id, world.now(), world);
            self.plan(id);
            return;
        }
        match session.stage {
            Stage::Confirming { .. } => self.conclude(id, Outcome::Success, at, world),
            Stage::Lost { is_paid: true, .. } => self.conclude(id, Outcome::Success, at, world),
            Stage::Lost { is_paid: false, .. } => {
                self.conclude(id, Outcome::Error(Reason::System), at, world);
            }
            Stage::Choosing
            | Stage::Credentials
            | Stage::Account
            | Stage::DynamicKey
            | Stage::SecondFactor
            | Stage::Transfer => {
                session.note(at, "the time of the session is over");
                self.conclude(id, Outcome::Error(Reason::Expired), at, world);
            }
            Stage::Ended => self.plan(id),
        }
    }

    /// The browser was sent back: a notice that waited for that may go.
    pub(crate) fn after_redirect(&mut self, id: u64, world: &mut dyn World) {
        let now = world.now();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.note(now, "the browser was sent back to the merchant");
        if session.notice_due.take().is_some() {
            self.send_notice(id, seconds_after(now, BEHIND_REDIRECT_S), world);
            self.plan(id);
        }
    }

    /// Queues the notice about the ending, the same token each time.
    pub(crate) fn send_notice(&mut self, id: u64, due_at: Timestamp, world: &mut dyn World) -> bool {
        let Some(session) = self.sessions.get(&id) else { return false };
        let (Some(token), Some(merchant)) = (session.told.as_deref(), self.merchant(&session.merchant))
        else {
            return false;
        };
        let Some(outgoing) = notice::outgoing(session, merchant, token, due_at) else { return false };
        world.notify(outgoing);
        true
    }

    /// Hears how a delivery ended, and plans the next one.
    pub(crate) fn hear_of_notice(
        &mut self,
        notice: &OutgoingNotice,
        outcome: &NoticeOutcome,
        world: &mut dyn World,
    ) {
        if let Some(kind) = attack::kind_of(&notice.about) {
            return self.conduct_of(&notice.account).hear_of_attack(kind, outcome.status);
        }
        let Some(id) = self.by_token.get(&notice.about).copied() else { return };
        let profile = self.settings_of(id).profile;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let now = world.now();
        let answered = outcome.status.map_or("no answer".to_owned(), |status| status.to_string());
        session.note(now, format!("notice delivered: {answered}"));
        let is_current =
            session.told.as_deref().is_some_and(|token| notice::body(profile, token) == notice.body);
        if !is_current {
            return;
        }
        let was_taken = session.deliveries.contains(&Some(notice::TAKEN));
        session.deliveries.push(outcome.status);
        let is_taken = outcome.status == Some(notice::TAKEN);
        let is_paid = session.ending.is_some_and(|ending| ending.outcome == Outcome::Success);
        let failed = session.deliveries.len();
        let check = if is_paid { Check::SuccessNotice } else { Check::FailureNotice };
        let account = session.merchant.clone();
        let conduct = self.conduct_of(&account);
        conduct.see(check, is_taken, format!("answered {answered}"));
        if was_taken {
            conduct.see(Check::RepeatedNotice, is_taken, format!("a repeat answered {answered}"));
        }
        if !is_taken
            && !was_taken
            && let Some(pause_s) = notice::pause_after(failed, profile)
        {
            self.send_notice(id, seconds_after(outcome.at, pause_s).max(now), world);
        }
    }

    /// Plans what comes next by itself.
    pub(crate) fn plan(&mut self, id: u64) {
        if let Some(previous) = self.scheduled.remove(&id) {
            self.schedule.remove(&(previous, id));
        }
        if let Some(due) = self.sessions.get(&id).and_then(Session::due) {
            self.schedule.insert((due, id));
            self.scheduled.insert(id, due);
        }
    }

    /// Signs what there is to tell, once, and tells it by notice unless the funnel had lost its backend.
    fn tell_ending(&mut self, id: u64, is_notified: bool, world: &mut dyn World) {
        let now = world.now();
        let Some(session) = self.sessions.get(&id) else { return };
        let Some(merchant) = self.merchant(&session.merchant).cloned() else { return };
        let Some(token) = told(session, &merchant, now) else { return };
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.told = Some(token);
        session.deliveries.clear();
        let state = session.state();
        session.note(now, format!("ended: {state}"));
        let is_behind = merchant.settings.timing == Timing::AfterRedirect;
        if is_notified && is_behind {
            session.notice_due = Some(seconds_after(now, LONGEST_WAIT_FOR_REDIRECT_S));
        } else if is_notified {
            self.send_notice(id, now, world);
        }
        self.note_evidence(id);
        self.plan(id);
    }

    fn book(&self, id: u64, state: &str, world: &mut dyn World) {
        let Some(session) = self.sessions.get(&id) else { return };
        world.book(Entry {
            provider: PROVIDER.into(),
            account: session.merchant.clone(),
            transaction: session.payment_token.clone().unwrap_or_default(),
            reference: session.order.id.clone(),
            kind: "charge".into(),
            state: state.into(),
            amount: session.order.amount.clone(),
            currency: session.country.currency().into(),
            at: world.now(),
        });
    }
}

/// The token about an ending, signed now with the session's own key (§6.1).
fn told(session: &Session, merchant: &Merchant, now: Timestamp) -> Option<String> {
    let claims = claims::signed_at(claims::about(session, merchant)?, now.as_second());
    Some(jwt::sign(&claims, &session.signature_token))
}
