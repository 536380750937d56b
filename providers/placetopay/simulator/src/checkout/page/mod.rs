//! The hosted page at `processUrl` (§16): forms only, one address per session, complete without any script.
//!
//! A POST that was carried out answers 303 to the page's address, so that a reload never repeats it; a POST
//! that was refused answers 422 with the form and a sentence beside each refused datum. Inside a lightbox the page
//! loads one small script, which tells the merchant's page how it ended (§15).

mod bank;
mod card_form;
pub mod labels;
pub mod money;
mod paying;
mod transfer_form;
mod view;
mod view_forms;
mod view_result;
pub mod view_words;

use askama::Template;
use simulation::form::Form;
use simulation::{Reply, Request, Timestamp, World};

use super::AvalPay;
use super::account::Merchant;
use super::methods::Method;
use super::person::is_email;
use super::route::{Asset, Step};
use super::session::Session;
use super::texts::Language;
pub use card_form::MOST_INSTALLMENTS;
use card_form::{Errors, Values, is_locked};
use view::{
    CardPage, ChallengePage, EmailPage, Frame, MethodsPage, NotFoundPage, ResultPage, TransferPage, base,
};

const STYLE: &str = include_str!("../../../templates/style.css");
const ICON: &str = include_str!("../../../templates/icon.svg");
const LIGHTBOX: &str = include_str!("../../../templates/lightbox.js");
const FRAME: &str = include_str!("../../../templates/frame.js");

/// Browsers apply `form-action` to the redirect that follows a form, and the merchant's address is anywhere.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action *; base-uri 'none'";
/// What a page in a lightbox may do besides: load the script by which it speaks to the merchant's.
const SCRIPT_POLICY: &str = "; script-src 'self'";

/// One look at a page.
#[derive(Clone, Copy)]
pub struct Visit {
    /// Business time.
    pub now: Timestamp,
    /// Whether the page stands in a lightbox, as the browser says.
    pub is_framed: bool,
}

/// A file that is the same for everybody. Merchants' pages anywhere load the lightbox, from the host of the pages (AV-U44).
pub fn asset(asset: Asset) -> Reply {
    let script = "text/javascript; charset=utf-8";
    match asset {
        Asset::Style => Reply::with_type(200, "text/css; charset=utf-8", STYLE.as_bytes().to_vec()),
        Asset::Icon => Reply::with_type(200, "image/svg+xml", ICON.as_bytes().to_vec()),
        Asset::Frame => Reply::with_type(200, script, FRAME.as_bytes().to_vec()),
        Asset::Lightbox => {
            let mut reply = Reply::with_type(200, script, LIGHTBOX.as_bytes().to_vec());
            reply.headers.push(("cross-origin-resource-policy".into(), "cross-origin".into()));
            reply
        }
    }
}

impl Visit {
    fn of(request: &Request, world: &dyn World) -> Self {
        Self { now: world.now(), is_framed: request.header("sec-fetch-dest") == Some("iframe") }
    }
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
            return secured(not_found());
        };
        let visit = Visit::of(request, world);
        let form = Form::read(&request.body);
        let reply = match step {
            Step::Show => show(session, &merchant, visit),
            Step::Methods => show_methods(session, &merchant, visit),
            Step::CardForm => show_card_form(session, &merchant, visit),
            Step::TransferForm => show_transfer_form(session, &merchant, visit),
            Step::Email => self.take_email(request_id, &form, &merchant, visit),
            Step::Pay => self.take_card(request_id, &form, &merchant, visit, world),
            Step::Transfer => self.take_transfer(request_id, &form, &merchant, visit, world),
            Step::Challenge => self.take_challenge_code(request_id, &form, &merchant, visit, world),
            Step::Abandon => self.give_up(request_id, world),
            Step::Language => self.take_language(request_id, &form),
        };
        if visit.is_framed { scripted(secured(reply)) } else { secured(reply) }
    }

    fn take_email(&mut self, request_id: u64, form: &Form, merchant: &Merchant, visit: Visit) -> Reply {
        let Some(session) = self.sessions.get_mut(&request_id) else { return not_found() };
        if !session.takes_attempts() {
            return to_page(session);
        }
        let locked = session.order.payer.as_ref().and_then(|payer| payer.email.clone());
        let email = locked.unwrap_or_else(|| form.get("email").to_owned());
        if !is_email(&email) {
            let frame = Frame::of(session, merchant, "", visit);
            let labels = frame.labels;
            let error = if email.is_empty() { labels.error_required } else { labels.error_email };
            return render(422, &EmailPage::new(frame, session, email, Some(error)));
        }
        session.email = Some(email);
        Reply::see_other(format!("{}/methods", base(session)))
    }

    fn give_up(&mut self, request_id: u64, world: &mut dyn World) -> Reply {
        let now = world.now();
        let Some(session) = self.sessions.get_mut(&request_id) else { return not_found() };
        if session.is_collect() || !session.abandon(now) {
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
            step @ ("methods" | "card" | "pse") => Reply::see_other(format!("{}/{step}", base(session))),
            _ => to_page(session),
        }
    }
}

/// Whatever the session's state calls for.
fn show(session: &Session, merchant: &Merchant, visit: Visit) -> Reply {
    let frame = Frame::of(session, merchant, "", visit);
    let shows_result = session.is_collect()
        || session.ending().is_some()
        || (session.challenge.is_none() && !session.is_untried());
    if shows_result {
        return render(200, &ResultPage::new(frame, session, merchant));
    }
    if let Some(challenge) = &session.challenge {
        return render(200, &ChallengePage::new(frame, challenge.code, None));
    }
    if session.email.is_none() {
        return render(200, &EmailPage::new(frame, session, known_email(session), None));
    }
    show_methods(session, merchant, visit)
}

fn show_methods(session: &Session, merchant: &Merchant, visit: Visit) -> Reply {
    if !may_pay(session) {
        return to_page(session);
    }
    let frame = Frame::of(session, merchant, "methods", visit);
    let methods = session.order.methods(&merchant.settings.methods);
    render(200, &MethodsPage::new(frame, session, &methods))
}

fn show_card_form(session: &Session, merchant: &Merchant, visit: Visit) -> Reply {
    if !may_pay(session) {
        return to_page(session);
    }
    let frame = Frame::of(session, merchant, "card", visit);
    let values = Values::prefilled(session);
    render(200, &CardPage::new(frame, session, &merchant.settings, &values, &Errors::new(), None))
}

fn show_transfer_form(session: &Session, merchant: &Merchant, visit: Visit) -> Reply {
    let offers_it = session.order.methods(&merchant.settings.methods).contains(&Method::Pse);
    if !may_pay(session) || !offers_it {
        return to_page(session);
    }
    let frame = Frame::of(session, merchant, "pse", visit);
    let values = Values::prefilled(session);
    render(200, &TransferPage::new(frame, session, &merchant.settings, &values, &Errors::new(), None))
}

/// Whether a form is open: the session takes attempts, no challenge runs, the e-mail is given.
fn may_pay(session: &Session) -> bool {
    session.takes_attempts()
        && session.challenge.is_none()
        && session.email.is_some()
        && !session.is_collect()
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

/// Where a bank's page of a transfer lives.
fn bank_address(key: &str) -> String {
    format!("{}/{key}", super::route::BANK_PREFIX)
}

pub(super) fn not_found() -> Reply {
    render(404, &NotFoundPage { labels: labels::of(Language::Spanish) })
}

pub(super) fn render(status: u16, page: &impl Template) -> Reply {
    match page.render() {
        Ok(text) => Reply::html(status, text),
        // Writing a template into memory fails only when memory does.
        Err(error) => Reply::with_type(500, "text/plain; charset=utf-8", error.to_string().into_bytes()),
    }
}

pub(super) fn secured(mut reply: Reply) -> Reply {
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

fn scripted(mut reply: Reply) -> Reply {
    for (name, value) in &mut reply.headers {
        if name == "content-security-policy" {
            value.push_str(SCRIPT_POLICY);
        }
    }
    reply
}
