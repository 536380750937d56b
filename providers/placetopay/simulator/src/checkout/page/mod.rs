//! The hosted page at `processUrl` (§16): forms only, no script, one address per session.
//!
//! A POST that was carried out answers 303 to the page's address, so that a reload never repeats it; a POST
//! that was refused answers 422 with the form and a sentence beside each refused datum.

mod card_form;
pub mod labels;
pub mod money;
mod view;

use askama::Template;
use simulation::form::Form;
use simulation::{Reply, Request, World};

use super::account::Merchant;
use super::course::{Course, Verdict};
use super::person::is_email;
use super::route::Step;
use super::session::{Challenge, Session};
use super::texts::Language;
use super::{AvalPay, random};
use card_form::{Accepted, Errors, Values, is_locked};
use view::{
    CardPage, ChallengePage, EmailPage, Frame, MethodsPage, NotFoundPage, ResultPage, base, brand_names,
};

const STYLE: &str = include_str!("../../../templates/style.css");

/// The code that passes a 3-D Secure challenge (§16).
const CHALLENGE_CODE: &str = "12345";
/// AV-U64: reason of an attempt whose challenge was failed.
const CHALLENGE_FAILED: &str = "05";

/// Browsers apply `form-action` to the redirect that follows a form, and the merchant's address is anywhere.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action *; base-uri 'none'";

/// The stylesheet.
pub fn stylesheet() -> Reply {
    Reply::with_type(200, "text/css; charset=utf-8", STYLE.as_bytes().to_vec())
}

impl AvalPay {
    /// Answers one request of the payer's browser.
    pub(super) fn page(
        &mut self,
        request_id: u64,
        key: &str,
        step: Step,
        request: &Request,
        world: &mut dyn World,
    ) -> Reply {
        let known = self.sessions.get(&request_id).filter(|session| session.key == key);
        let merchant = known.and_then(|session| self.merchant(&session.merchant)).cloned();
        let (Some(session), Some(merchant)) = (known, merchant) else {
            return secured(render(404, &NotFoundPage { labels: labels::of(Language::Spanish) }));
        };
        let form = Form::read(&request.body);
        let reply = match step {
            Step::Show => show(session, &merchant, world),
            Step::Methods => show_methods(session, &merchant, world),
            Step::CardForm => show_card_form(session, &merchant, world),
            Step::Email => self.take_email(request_id, &form, &merchant, world),
            Step::Pay => self.take_card(request_id, &form, &merchant, world),
            Step::Challenge => self.take_challenge_code(request_id, &form, &merchant, world),
            Step::Abandon => self.give_up(request_id, world),
            Step::Language => self.take_language(request_id, &form),
        };
        secured(reply)
    }

    fn take_email(&mut self, request_id: u64, form: &Form, merchant: &Merchant, world: &dyn World) -> Reply {
        let Some(session) = self.sessions.get_mut(&request_id) else { return not_found() };
        if !session.takes_attempts() {
            return to_page(session);
        }
        let locked = session.order.payer.as_ref().and_then(|payer| payer.email.clone());
        let email = locked.unwrap_or_else(|| form.get("email").to_owned());
        if !is_email(&email) {
            let frame = Frame::of(session, merchant, "", world.now());
            let labels = frame.labels;
            let error = if email.is_empty() { labels.error_required } else { labels.error_email };
            return render(422, &EmailPage::new(frame, session, email, Some(error)));
        }
        session.email = Some(email);
        Reply::see_other(format!("{}/methods", base(session)))
    }

    fn take_card(
        &mut self,
        request_id: u64,
        form: &Form,
        merchant: &Merchant,
        world: &mut dyn World,
    ) -> Reply {
        let Some(session) = self.sessions.get_mut(&request_id) else { return not_found() };
        let token = form.get("form_token");
        let was_sent_before = session.spent_tokens.iter().any(|spent| spent == token);
        if was_sent_before || !may_pay(session) {
            return to_page(session);
        }
        let values = Values::typed(form, session);
        let refused = |errors: &Errors, error| {
            let frame = Frame::of(session, merchant, "card", world.now());
            render(422, &CardPage::new(frame, session, &merchant.settings, &values, errors, error))
        };
        let labels = labels::of(session.language);
        if token != session.form_token {
            return refused(&Errors::new(), Some(labels.error_stale_form));
        }
        let accepted = match card_form::judge(form, &values, session, &merchant.settings, labels, world) {
            Ok(accepted) => accepted,
            Err(errors) => return refused(&errors, None),
        };
        session.payer = Some(accepted.payer.clone());
        session.spend_form_token(random::hex(world, 16));
        self.pay(request_id, accepted, world);
        self.after_attempt(request_id)
    }

    /// A scripted outcome goes before the card's own behaviour, its challenge included.
    fn pay(&mut self, request_id: u64, accepted: Accepted, world: &mut dyn World) {
        let Accepted { card, installments, course, is_challenged, .. } = accepted;
        let Some(session) = self.sessions.get_mut(&request_id) else { return };
        let script = self.scripts.get_mut(&session.order.reference);
        match script.and_then(std::collections::VecDeque::pop_front) {
            Some(scripted) => self.begin_attempt(request_id, card, installments, scripted, world),
            None if is_challenged => {
                session.challenge = Some(Challenge { card, installments, course, wrong_codes: 0 });
            }
            None => self.begin_attempt(request_id, card, installments, course, world),
        }
    }

    fn take_challenge_code(
        &mut self,
        request_id: u64,
        form: &Form,
        merchant: &Merchant,
        world: &mut dyn World,
    ) -> Reply {
        let Some(session) = self.sessions.get_mut(&request_id) else { return not_found() };
        let Some(challenge) = session.challenge.clone() else { return to_page(session) };
        let is_right = form.get("challenge_code") == CHALLENGE_CODE;
        if !is_right && !session.count_wrong_code() {
            let frame = Frame::of(session, merchant, "", world.now());
            let error = Some(frame.labels.error_challenge);
            return render(422, &ChallengePage::new(frame, error));
        }
        let course =
            if is_right { challenge.course } else { Course::Decided(Verdict::Rejected(CHALLENGE_FAILED)) };
        self.begin_attempt(request_id, challenge.card, challenge.installments, course, world);
        self.after_attempt(request_id)
    }

    /// To the page; straight to the merchant when the session has ended and the result is to be skipped (§16).
    fn after_attempt(&self, request_id: u64) -> Reply {
        let Some(session) = self.sessions.get(&request_id) else { return not_found() };
        if session.ending().is_some() && session.order.skip_result == Some(true) {
            return Reply::see_other(session.order.return_url.clone());
        }
        to_page(session)
    }

    fn give_up(&mut self, request_id: u64, world: &mut dyn World) -> Reply {
        let now = world.now();
        let Some(session) = self.sessions.get_mut(&request_id) else { return not_found() };
        if !session.abandon(now) {
            return to_page(session);
        }
        let reply = Reply::see_other(session.order.give_up_url().to_owned());
        self.after_change(request_id, world);
        reply
    }

    fn take_language(&mut self, request_id: u64, form: &Form) -> Reply {
        let Some(session) = self.sessions.get_mut(&request_id) else { return not_found() };
        if let Some(language) = Language::of_code(form.get("language")) {
            session.language = language;
        }
        match form.get("step") {
            step @ ("methods" | "card") => Reply::see_other(format!("{}/{step}", base(session))),
            _ => to_page(session),
        }
    }
}

/// Whatever the session's state calls for.
fn show(session: &Session, merchant: &Merchant, world: &dyn World) -> Reply {
    let frame = Frame::of(session, merchant, "", world.now());
    let shows_result =
        session.ending().is_some() || (session.challenge.is_none() && !session.attempts.is_empty());
    if shows_result {
        return render(200, &ResultPage::new(frame, session));
    }
    if session.challenge.is_some() {
        return render(200, &ChallengePage::new(frame, None));
    }
    if session.email.is_none() {
        return render(200, &EmailPage::new(frame, session, known_email(session), None));
    }
    show_methods(session, merchant, world)
}

fn show_methods(session: &Session, merchant: &Merchant, world: &dyn World) -> Reply {
    if !may_pay(session) {
        return to_page(session);
    }
    let frame = Frame::of(session, merchant, "methods", world.now());
    let brands = brand_names(&session.order.brands(&merchant.settings.methods));
    render(200, &MethodsPage { frame, brands })
}

fn show_card_form(session: &Session, merchant: &Merchant, world: &dyn World) -> Reply {
    if !may_pay(session) {
        return to_page(session);
    }
    let frame = Frame::of(session, merchant, "card", world.now());
    let values = Values::prefilled(session);
    render(200, &CardPage::new(frame, session, &merchant.settings, &values, &Errors::new(), None))
}

/// Whether the card form is open: the session takes attempts, no challenge runs, the e-mail is given.
fn may_pay(session: &Session) -> bool {
    session.takes_attempts() && session.challenge.is_none() && session.email.is_some()
}

/// The address to offer on the first step: the payer's, else the buyer's unless the merchant wants it empty.
fn known_email(session: &Session) -> String {
    let order = &session.order;
    let payer = order.payer.as_ref().filter(|_| is_locked(session, "email"));
    let buyer = order.buyer.as_ref().filter(|_| order.no_buyer_fill != Some(true));
    payer.or(buyer).and_then(|person| person.email.clone()).unwrap_or_default()
}

fn to_page(session: &Session) -> Reply {
    Reply::see_other(base(session))
}

fn not_found() -> Reply {
    render(404, &NotFoundPage { labels: labels::of(Language::Spanish) })
}

fn render(status: u16, page: &impl Template) -> Reply {
    match page.render() {
        Ok(text) => Reply::html(status, text),
        // Writing a template into memory fails only when memory does.
        Err(error) => Reply::with_type(500, "text/plain; charset=utf-8", error.to_string().into_bytes()),
    }
}

fn secured(mut reply: Reply) -> Reply {
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        reply.headers.push((name.into(), value.into()));
    }
    reply
}
