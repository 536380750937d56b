//! What the payer sends to pay: a card, a transfer, a 3-D Secure code.

use simulation::form::Form;
use simulation::{Reply, World};

use super::card_form::{self, Accepted, Errors, Values};
use super::labels::{self, Labels};
use super::transfer_form;
use super::view::{CardPage, ChallengePage, Frame, TransferPage, base};
use super::{Visit, bank_address, may_pay, not_found, render, to_page};
use crate::checkout::account::Merchant;
use crate::checkout::course::{Course, Verdict};
use crate::checkout::methods::Method;
use crate::checkout::person::Person;
use crate::checkout::session::{Challenge, Code, Prepared, Session};
use crate::checkout::{AvalPay, random};

/// The code that passes a 3-D Secure challenge, and the one-time passwords that pass (§16).
const CHALLENGE_CODES: [&str; 1] = ["12345"];
const PASSWORDS: [&str; 2] = ["123456", "000000"];
/// AV-U64: reason of an attempt whose challenge was failed.
const CHALLENGE_FAILED: &str = "05";

/// Whether a form may be read.
enum Freshness {
    /// It was sent before, or the session takes no attempt: back to the page.
    Spent,
    /// It is not the newest one: shown again with a sentence.
    Stale,
    /// It may.
    Fresh,
}

impl AvalPay {
    pub(super) fn take_card(
        &mut self,
        request_id: u64,
        form: &Form,
        merchant: &Merchant,
        visit: Visit,
        world: &mut dyn World,
    ) -> Reply {
        let Some(session) = self.sessions.get(&request_id) else { return not_found() };
        let values = Values::typed(form, session);
        let refused = |session: &Session, errors: &Errors, error| {
            let frame = Frame::of(session, merchant, "card", visit);
            render(422, &CardPage::new(frame, session, &merchant.settings, &values, errors, error))
        };
        let labels: &Labels = labels::of(session.language);
        match freshness(session, form) {
            Freshness::Spent => return to_page(session),
            Freshness::Stale => return refused(session, &Errors::new(), Some(labels.error_stale_form)),
            Freshness::Fresh => {}
        }
        let accepted = match card_form::judge(form, &values, session, &merchant.settings, labels, world) {
            Ok(accepted) => accepted,
            Err(errors) => return refused(session, &errors, None),
        };
        let Accepted { prepared, payer, challenge } = accepted;
        self.use_form(request_id, payer, world);
        self.pay(request_id, prepared, challenge, world);
        self.after_attempt(request_id, visit)
    }

    /// The transfer begins pending, and the browser goes on to the page of the bank (§16.1).
    pub(super) fn take_transfer(
        &mut self,
        request_id: u64,
        form: &Form,
        merchant: &Merchant,
        visit: Visit,
        world: &mut dyn World,
    ) -> Reply {
        let Some(session) = self.sessions.get(&request_id) else { return not_found() };
        let values = Values::typed(form, session);
        let refused = |session: &Session, errors: &Errors, error| {
            let frame = Frame::of(session, merchant, "pse", visit);
            render(422, &TransferPage::new(frame, session, &merchant.settings, &values, errors, error))
        };
        let labels: &Labels = labels::of(session.language);
        let offers_it = session.order.methods(&merchant.settings.methods).contains(&Method::Pse);
        match freshness(session, form) {
            Freshness::Spent => return to_page(session),
            Freshness::Stale => return refused(session, &Errors::new(), Some(labels.error_stale_form)),
            Freshness::Fresh if !offers_it => return to_page(session),
            Freshness::Fresh => {}
        }
        let key = random::hex(world, 16);
        let cus = random::digits(world, 9);
        let accepted = match transfer_form::judge(&values, session, &merchant.settings, labels, &key, &cus) {
            Ok(accepted) => accepted,
            Err(errors) => return refused(session, &errors, None),
        };
        self.use_form(request_id, accepted.payer, world);
        self.bank_keys.insert(key.clone(), request_id);
        let scripted = self.next_scripted(&self.sessions[&request_id].order.reference.clone());
        let was_scripted = scripted.is_some();
        self.begin_attempt(request_id, accepted.prepared, scripted, world);
        if was_scripted {
            self.after_attempt(request_id, visit)
        } else {
            Reply::see_other(bank_address(&key))
        }
    }

    pub(super) fn take_challenge_code(
        &mut self,
        request_id: u64,
        form: &Form,
        merchant: &Merchant,
        visit: Visit,
        world: &mut dyn World,
    ) -> Reply {
        let Some(session) = self.sessions.get_mut(&request_id) else { return not_found() };
        let Some(challenge) = session.challenge.clone() else { return to_page(session) };
        let right: &[&str] = match challenge.code {
            Code::ThreeDs => &CHALLENGE_CODES,
            Code::OneTimePassword => &PASSWORDS,
        };
        let is_right = right.contains(&form.get("challenge_code"));
        if !is_right && !session.count_wrong_code() {
            let frame = Frame::of(session, merchant, "", visit);
            let error = Some(frame.labels.error_challenge);
            return render(422, &ChallengePage::new(frame, challenge.code, error));
        }
        let failed = (!is_right).then_some(Course::Decided(Verdict::Rejected(CHALLENGE_FAILED)));
        self.carry_out(request_id, challenge.prepared, failed, world);
        self.after_attempt(request_id, visit)
    }

    /// A scripted outcome goes before the card's own behaviour, its challenge included.
    fn pay(&mut self, request_id: u64, prepared: Prepared, code: Option<Code>, world: &mut dyn World) {
        let Some(session) = self.sessions.get(&request_id) else { return };
        let reference = session.order.reference.clone();
        match (self.next_scripted(&reference), code) {
            (None, Some(code)) => {
                if let Some(session) = self.sessions.get_mut(&request_id) {
                    session.challenge = Some(Challenge { prepared, code, wrong_codes: 0 });
                }
            }
            (scripted, _) => self.carry_out(request_id, prepared, scripted, world),
        }
    }

    fn carry_out(
        &mut self,
        request_id: u64,
        prepared: Prepared,
        decided: Option<Course>,
        world: &mut dyn World,
    ) {
        let stores_only =
            self.sessions.get(&request_id).is_some_and(|session| session.order.is_subscription());
        if stores_only {
            self.tokenize(request_id, prepared, decided, world);
        } else {
            self.begin_attempt(request_id, prepared, decided, world);
        }
    }

    fn use_form(&mut self, request_id: u64, payer: Person, world: &mut dyn World) {
        let token = random::hex(world, 16);
        if let Some(session) = self.sessions.get_mut(&request_id) {
            session.payer = Some(payer);
            session.spend_form_token(token);
        }
    }

    /// To the page; straight to the merchant when the session has ended and the result is to be skipped (§16). Inside a
    /// lightbox the page says so and closes it.
    pub(super) fn after_attempt(&self, request_id: u64, visit: Visit) -> Reply {
        let Some(session) = self.sessions.get(&request_id) else { return not_found() };
        let skips = session.ending().is_some() && session.order.skip_result == Some(true);
        if skips && !visit.is_framed {
            return Reply::see_other(session.order.return_url.clone());
        }
        Reply::see_other(base(session))
    }
}

fn freshness(session: &Session, form: &Form) -> Freshness {
    let token = form.get("form_token");
    if session.spent_tokens.iter().any(|spent| spent == token) || !may_pay(session) {
        Freshness::Spent
    } else if token == session.form_token {
        Freshness::Fresh
    } else {
        Freshness::Stale
    }
}
