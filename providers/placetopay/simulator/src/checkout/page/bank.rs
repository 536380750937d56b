//! The mock of the payer's bank: how a transfer ends and why, chosen by hand (§16.1).

use simulation::form::Form;
use simulation::{Reply, Request, World};

use super::labels;
use super::view::{BankPage, base};
use super::{Visit, not_found, render, secured};
use crate::checkout::AvalPay;
use crate::checkout::account::ExceptionState;
use crate::checkout::attempt::Attempt;
use crate::checkout::banks::{self, BankState};
use crate::checkout::charge::State;
use crate::checkout::course::{Verdict, Waiting};
use crate::checkout::create::seconds_after;

impl AvalPay {
    /// The session of a bank's page.
    pub(in crate::checkout) fn session_at_bank(&self, key: &str) -> Option<u64> {
        self.bank_keys.get(key).copied()
    }

    /// Shows the bank's page, or carries out what was chosen on it.
    pub(in crate::checkout) fn bank(
        &mut self,
        key: &str,
        decides: bool,
        request: &Request,
        world: &mut dyn World,
    ) -> Reply {
        let Some(request_id) = self.session_at_bank(key) else { return secured(not_found()) };
        let reply = if decides {
            self.decide_at_bank(request_id, key, request, world)
        } else {
            self.show_bank(request_id, key, 200, "", "", &[])
        };
        secured(reply)
    }

    fn decide_at_bank(
        &mut self,
        request_id: u64,
        key: &str,
        request: &Request,
        world: &mut dyn World,
    ) -> Reply {
        let Some(session) = self.sessions.get(&request_id) else { return not_found() };
        let waits = session.in_flight().is_some_and(|attempt| waits_at(attempt, key));
        if !waits {
            return self.show_bank(request_id, key, 200, "", "", &[]);
        }
        let form = Form::read(&request.body);
        let labels = labels::of(session.language);
        let takes_any = self.settings_of(session).takes_any_reason;
        let (state, reason) = (BankState::of_word(form.get("state")), banks::outcome(form.get("reason")));
        let mut errors = Vec::new();
        if state.is_none() {
            errors.push(("state", labels.error_bank_state));
        }
        if reason.is_none_or(|reason| !takes_any && state.is_some_and(|state| reason.state != state)) {
            errors.push(("reason", labels.error_bank_reason));
        }
        match (state, reason) {
            (Some(state), Some(outcome)) if errors.is_empty() => {
                self.end_at_bank(request_id, state, outcome.code, world);
                self.after_attempt(request_id, Visit { now: world.now(), is_framed: false })
            }
            _ => self.show_bank(request_id, key, 422, form.get("state"), form.get("reason"), &errors),
        }
    }

    /// AV-U47: what each choice means. AV-U76: how long a transfer stays pending that the bank left so.
    pub(in crate::checkout) fn end_at_bank(
        &mut self,
        request_id: u64,
        state: BankState,
        code: &'static str,
        world: &mut dyn World,
    ) {
        let now = world.now();
        let Some(settings) = self.sessions.get(&request_id).map(|session| self.settings_of(session)) else {
            return;
        };
        let verdict = match (state, code) {
            (BankState::Approved, "00") => Verdict::Approved,
            (BankState::Approved, code) => Verdict::ApprovedAs(code),
            (BankState::Declined, code) => Verdict::Rejected(code),
            (BankState::Failed, code) if settings.bank_failure == ExceptionState::Failed => {
                Verdict::Failed(code)
            }
            (BankState::Failed, code) => Verdict::Rejected(code),
            (BankState::Pending, code) => {
                let (waiting, due) = if code == Waiting::Review.reason() {
                    (Waiting::Review, None)
                } else {
                    (Waiting::Bank, Some(seconds_after(now, settings.transfer_s)))
                };
                if let Some(session) = self.sessions.get_mut(&request_id) {
                    session.wait_for(waiting, due, Verdict::Approved, now);
                }
                self.after_change(request_id, world);
                return;
            }
        };
        self.conclude_attempt(request_id, verdict, now, world);
    }

    fn show_bank(
        &self,
        request_id: u64,
        key: &str,
        status: u16,
        state: &str,
        reason: &str,
        errors: &[(&'static str, &'static str)],
    ) -> Reply {
        let Some(session) = self.sessions.get(&request_id) else { return not_found() };
        let is_this =
            |attempt: &&Attempt| attempt.instrument.transfer().is_some_and(|transfer| transfer.key == key);
        let Some(attempt) = session.attempts.iter().find(is_this) else { return not_found() };
        let bank = attempt.instrument.transfer().map(|transfer| transfer.bank.name);
        let page = BankPage::new(
            session,
            attempt,
            bank.unwrap_or_default(),
            (key, base(session)),
            waits_at(attempt, key),
            (state, reason),
            errors,
        );
        render(status, &page)
    }
}

/// Whether an attempt waits for the payer at the bank's page with this key.
fn waits_at(attempt: &Attempt, key: &str) -> bool {
    attempt.instrument.transfer().is_some_and(|transfer| transfer.key == key)
        && matches!(attempt.charge.state, State::InFlight { waiting: Waiting::BankPage, .. })
}
