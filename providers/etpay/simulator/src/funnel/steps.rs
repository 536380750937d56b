//! What each form of the funnel does (§4.1, §4.6).

use simulation::form::Form;
use simulation::{Reply, World};

use super::view::{self, Frame};
use super::{not_found, render, to_page};
use crate::api::is_phone;
use crate::course::{self, Course};
use crate::order::Method;
use crate::reasons::Reason;
use crate::session::{Outcome, Session, Stage};
use crate::{EtPay, banks, redirect, rut, tokens};

/// Digits of a CLABE before its check digit, and of the reference that a transfer carries. The first three are no bank's.
const CLABE_PREFIX: &str = "999180";
const CLABE_RANDOM_DIGITS: usize = 11;
const REFERENCE_DIGITS: usize = 7;

impl EtPay {
    /// The payer's bank; it may be changed as long as nothing was typed in.
    pub(super) fn take_bank(&mut self, id: u64, form: &Form, world: &mut dyn World) -> Reply {
        let now = world.now();
        let Some((session, merchant)) = self.session_and_merchant(id) else { return not_found() };
        if !matches!(session.stage, Stage::Choosing | Stage::Credentials) {
            return to_page(session);
        }
        let Some(bank) = banks::find(form.get("bank"), session.country, session.environment) else {
            let frame = Frame::of(session, merchant, now);
            let error = Some(frame.labels.error_bank);
            return render(422, &view::banks(frame, session, error));
        };
        self.change(id, |session| {
            session.bank = Some(bank);
            session.note(now, format!("bank chosen: {}", bank.code));
            session.enter(Stage::Credentials);
        })
    }

    /// RUT and password. ET-U16: a RUT of a wrong form is refused by the form and counts for nothing.
    pub(super) fn take_credentials(&mut self, id: u64, form: &Form, world: &mut dyn World) -> Reply {
        let now = world.now();
        let Some((session, merchant)) = self.session_and_merchant(id) else { return not_found() };
        if session.stage != Stage::Credentials {
            return to_page(session);
        }
        let locked = session.order.rut.as_deref().filter(|_| session.order.is_rut_locked);
        let typed = locked.unwrap_or_else(|| form.get("rut")).to_owned();
        let refused = |session: &Session, pick: fn(&super::labels::Labels) -> &'static str| {
            let frame = Frame::of(session, merchant, now);
            let error = pick(frame.labels);
            render(422, &view::credentials(frame, session, Some(&typed), Some(error)))
        };
        let Some(rut) = rut::read(&typed) else { return refused(session, |labels| labels.error_rut) };
        let payer = course::payers().iter().find(|payer| payer.rut == rut);
        let is_known = payer.is_some() && form.get("password") == course::PASSWORD;
        let reply = refused(session, |labels| labels.error_credentials);
        if !is_known {
            return self.count_refusal(id, Reason::Credentials, "RUT or password refused", reply, world);
        }
        let own = payer.map_or(Course::Success, |payer| payer.course);
        let course = self.next_scripted(id).unwrap_or(own);
        self.change(id, |session| {
            session.rut = Some(rut);
            session.course = Some(course);
            session.note(now, "RUT and password taken");
            session.enter(Stage::Account);
        })
    }

    /// The account is confirmed; here the bank sees whether there is enough on it.
    pub(super) fn take_account(&mut self, id: u64, world: &mut dyn World) -> Reply {
        let now = world.now();
        let Some(session) = self.sessions.get_mut(&id) else { return not_found() };
        if session.stage != Stage::Account {
            return to_page(session);
        }
        session.account = Some(course::ACCOUNT);
        session.note(now, "account chosen");
        if session.course == Some(Course::InsufficientFunds) {
            return self.settle_and_show(id, Course::InsufficientFunds, world);
        }
        self.change(id, |session| session.enter(Stage::DynamicKey))
    }

    /// The first input of the approval.
    pub(super) fn take_dynamic_key(&mut self, id: u64, form: &Form, world: &mut dyn World) -> Reply {
        let now = world.now();
        let Some((session, merchant)) = self.session_and_merchant(id) else { return not_found() };
        if session.stage != Stage::DynamicKey {
            return to_page(session);
        }
        if form.get("dynamic_key") != course::DYNAMIC_KEY {
            let frame = Frame::of(session, merchant, now);
            let error = Some(frame.labels.error_code);
            let reply = render(422, &view::dynamic_key(frame, error));
            return self.count_refusal(id, Reason::SecondFactor, "dynamic key refused", reply, world);
        }
        self.change(id, |session| {
            session.note(now, "dynamic key taken");
            session.enter(Stage::SecondFactor);
        })
    }

    /// The last input: the bank decides.
    pub(super) fn take_second_factor(&mut self, id: u64, form: &Form, world: &mut dyn World) -> Reply {
        let now = world.now();
        let Some((session, merchant)) = self.session_and_merchant(id) else { return not_found() };
        if session.stage != Stage::SecondFactor {
            return to_page(session);
        }
        let course = session.course.unwrap_or(Course::Success);
        if course != Course::SecondFactor && form.get("second_factor") != course::SECOND_FACTOR {
            let frame = Frame::of(session, merchant, now);
            let error = Some(frame.labels.error_code);
            let reply = render(422, &view::second_factor(frame, error));
            return self.count_refusal(id, Reason::SecondFactor, "second factor refused", reply, world);
        }
        self.settle_and_show(id, course, world)
    }

    /// SPEI or CoDi, or neither again, where the merchant has not chosen.
    pub(super) fn take_method(&mut self, id: u64, form: &Form, world: &mut dyn World) -> Reply {
        let now = world.now();
        let Some((session, merchant)) = self.session_and_merchant(id) else { return not_found() };
        if session.stage != Stage::Choosing || session.order.method.is_some() {
            return to_page(session);
        }
        let chosen = Method::of_word(form.get("method"));
        if chosen.is_none() && form.get("method") != "none" {
            let frame = Frame::of(session, merchant, now);
            let error = Some(frame.labels.error_method);
            return render(422, &view::methods(frame, error));
        }
        self.change(id, |session| {
            session.method = chosen;
            session.note(now, format!("method chosen: {}", chosen.map_or("none", Method::word)));
        })
    }

    /// Whom SPEI or CoDi reaches (ET-U21).
    pub(super) fn take_transfer(&mut self, id: u64, form: &Form, world: &mut dyn World) -> Reply {
        let now = world.now();
        let Some((session, merchant)) = self.session_and_merchant(id) else { return not_found() };
        let Some(method) = session.method.filter(|_| session.stage == Stage::Choosing) else {
            return to_page(session);
        };
        let frame = Frame::of(session, merchant, now);
        let labels = frame.labels;
        let bank = banks::find(form.get("bank"), session.country, session.environment);
        let mut errors = Vec::new();
        match method {
            Method::Spei => {
                if bank.is_none() {
                    errors.push(("bank", labels.error_bank));
                }
                if !is_email(form.get("email")) {
                    errors.push(("email", labels.error_email));
                }
            }
            Method::Codi if !is_phone(form.get("phone")) => errors.push(("phone", labels.error_phone)),
            Method::Codi => {}
        }
        if !errors.is_empty() {
            return render(422, &view::transfer_form(frame, session, method, form, &errors));
        }
        if let Some(course) = self.next_scripted(id) {
            return self.settle_and_show(id, course, world);
        }
        let place = format!("{CLABE_PREFIX}{}", tokens::digits(world, CLABE_RANDOM_DIGITS));
        let clabe = format!("{place}{}", clabe_check_digit(&place));
        let reference = tokens::digits(world, REFERENCE_DIGITS);
        self.change(id, |session| {
            session.bank = bank.or(session.bank);
            session.transfer = Some((clabe, reference));
            session.note(now, format!("{} requested", method.word()));
            session.enter(Stage::Transfer);
        })
    }

    /// This simulator's own buttons: what the payer's bank does with the transfer.
    pub(super) fn take_decision(&mut self, id: u64, form: &Form, world: &mut dyn World) -> Reply {
        let now = world.now();
        let Some(session) = self.sessions.get(&id) else { return not_found() };
        if session.stage != Stage::Transfer {
            return to_page(session);
        }
        match form.get("decision") {
            "confirm" => self.conclude(id, Outcome::Success, now, world),
            "refuse" => self.conclude(id, Outcome::Error(Reason::Bank), now, world),
            "late" => self.settle(id, Course::Late, world),
            _ => {}
        }
        self.sessions.get(&id).map_or_else(not_found, to_page)
    }

    /// The payer gives up: the attempt ends at once, and the browser goes to the failure address (§4.5).
    pub(super) fn cancel(&mut self, id: u64, world: &mut dyn World) -> Reply {
        let now = world.now();
        let Some(session) = self.sessions.get_mut(&id) else { return not_found() };
        if !session.is_open() {
            return to_page(session);
        }
        session.note(now, "cancelled by the payer");
        self.conclude(id, Outcome::Error(Reason::Cancelled), now, world);
        self.leave(id, world)
    }

    /// A funnel that lost its backend sends the browser away at once; any other shows how it ended.
    fn settle_and_show(&mut self, id: u64, course: Course, world: &mut dyn World) -> Reply {
        self.settle(id, course, world);
        match course {
            Course::SystemError { .. } => self.leave(id, world),
            Course::Success | Course::InsufficientFunds | Course::SecondFactor | Course::Late => {
                self.sessions.get(&id).map_or_else(not_found, to_page)
            }
        }
    }

    /// Straight to the merchant; to the result where no address is known.
    fn leave(&mut self, id: u64, world: &mut dyn World) -> Reply {
        let Some((session, merchant)) = self.session_and_merchant(id) else { return not_found() };
        let Some(location) = redirect::address(session, merchant) else { return to_page(session) };
        self.after_redirect(id, world);
        redirect::reply(location)
    }

    /// A refused input: the form again, or the end when it was one too many.
    fn count_refusal(
        &mut self,
        id: u64,
        reason: Reason,
        text: &str,
        again: Reply,
        world: &mut dyn World,
    ) -> Reply {
        let now = world.now();
        let Some(session) = self.sessions.get_mut(&id) else { return not_found() };
        session.note(now, text);
        if !session.count_failure() {
            return again;
        }
        self.conclude(id, Outcome::Error(reason), now, world);
        self.sessions.get(&id).map_or_else(not_found, to_page)
    }

    fn next_scripted(&mut self, id: u64) -> Option<Course> {
        let session = self.sessions.get(&id)?;
        let key = (session.merchant.clone(), session.order.id.clone());
        self.scripts.get_mut(&key)?.pop_front()
    }

    fn change(&mut self, id: u64, change: impl FnOnce(&mut Session)) -> Reply {
        let Some(session) = self.sessions.get_mut(&id) else { return not_found() };
        change(session);
        to_page(session)
    }
}

/// Something before and after one `@`, with a point in what follows.
fn is_email(text: &str) -> bool {
    let is_plain = !text.contains(char::is_whitespace) && text.matches('@').count() == 1;
    is_plain
        && text.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.split('.').count() > 1 && host.split('.').all(|label| !label.is_empty())
        })
}

/// The last digit of a Mexican account number: weights 3, 7, 1, each product by ten.
fn clabe_check_digit(digits: &str) -> u32 {
    let weighted = digits.bytes().zip([3, 7, 1].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit - b'0') * weight % 10).sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clabe_ends_in_its_check_digit() {
        // The example of the Mexican banks' association.
        assert_eq!(clabe_check_digit("03218000011835971"), 9);
        assert_eq!(clabe_check_digit("00000000000000000"), 0);
    }

    #[test]
    fn an_email_has_a_name_and_a_host() {
        assert!(is_email("ana.prueba@correo.example"));
        for text in ["", "@", "a@b", "a@.example", "a b@c.example", "a@b@c.example", "@c.example"] {
            assert!(!is_email(text), "{text}");
        }
    }
}
