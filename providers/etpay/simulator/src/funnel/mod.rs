//! The payment funnel at `{pmt_url}/session/{session_token}` (§4): forms only, no script, one address per session.
//!
//! A POST that was carried out answers by a redirect to the session's address, so that a reload never repeats it; one
//! that was refused answers 422 with the form and a sentence. A session that is over answers 410 (ET-U18, ET-U19).
//! The pages may be shown in a frame of the merchant's page (§9.1).

mod labels;
mod money;
mod steps;
mod view;

use askama::Template;
use simulation::form::Form;
use simulation::{Reply, Request, World};

use crate::account::{Country, Environment, Merchant};
use crate::conduct::Check;
use crate::route::Step;
use crate::session::{Session, Stage};
use crate::{EtPay, redirect};
use view::{FinishedPage, Frame, NotFoundPage, ResultPage, TermsPage, base};

const STYLE: &str = include_str!("../../templates/etpay.css");

/// Browsers apply `form-action` to the redirect that follows a form, and the merchant's address is anywhere.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action *; base-uri 'none'";

/// A language of the funnel. The provider's own pages are in Spanish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `es`
    Spanish,
    /// `pt`
    Portuguese,
    /// `en`
    English,
}

impl Language {
    /// Every language, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Spanish, Self::Portuguese, Self::English];

    /// ISO 639-1.
    pub fn code(self) -> &'static str {
        self.pick("es", "en", "pt")
    }

    /// The language of a code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The one of three that is in this language.
    pub fn pick<T>(self, spanish: T, english: T, portuguese: T) -> T {
        match self {
            Self::Spanish => spanish,
            Self::English => english,
            Self::Portuguese => portuguese,
        }
    }
}

/// The stylesheet.
pub fn stylesheet() -> Reply {
    Reply::with_type(200, "text/css; charset=utf-8", STYLE.as_bytes().to_vec())
}

/// The terms that `terms_url` leads to.
pub fn terms() -> Reply {
    secured(render(200, &TermsPage { labels: labels::of(Language::Spanish) }))
}

impl EtPay {
    /// Answers one request of the payer's browser.
    pub(crate) fn funnel(
        &mut self,
        environment: Environment,
        token: &str,
        step: Step,
        request: &Request,
        world: &mut dyn World,
    ) -> Reply {
        let known = self
            .by_token
            .get(token)
            .copied()
            .filter(|id| self.sessions.get(id).is_some_and(|session| session.environment == environment));
        // ET-U18: a token that nobody knows.
        let Some(id) = known else { return not_found() };
        if step == Step::Show {
            self.note_opening(id, request, world);
        }
        let form = Form::read(&request.body);
        let reply = match step {
            Step::Show => self.show(id, world),
            Step::Result => self.show_result(id, world),
            Step::Return => self.send_back(id, world),
            Step::Cancel => self.cancel(id, world),
            Step::Language => self.take_language(id, &form),
            Step::Bank => self.take_bank(id, &form, world),
            Step::Credentials => self.take_credentials(id, &form, world),
            Step::Account => self.take_account(id, world),
            Step::DynamicKey => self.take_dynamic_key(id, &form, world),
            Step::SecondFactor => self.take_second_factor(id, &form, world),
            Step::Method => self.take_method(id, &form, world),
            Step::Transfer => self.take_transfer(id, &form, world),
            Step::BankDecides => self.take_decision(id, &form, world),
        };
        secured(reply)
    }

    /// The first visit begins the attempt; the address must be the one that was handed out (ET-F1).
    fn note_opening(&mut self, id: u64, request: &Request, world: &mut dyn World) {
        let is_unchanged = request.query.is_empty();
        world.verdict(
            "funnel_address_unchanged",
            is_unchanged,
            "nothing is appended to the session's address",
        );
        let now = world.now();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.payment_token.is_none() {
            session.note(now, "the funnel was opened");
        }
        let name = session.merchant.clone();
        self.conduct_of(&name).see(Check::FunnelAddress, is_unchanged, "the funnel was opened");
        self.name_attempt(id, world);
    }

    fn show(&mut self, id: u64, world: &dyn World) -> Reply {
        let Some((session, merchant)) = self.session_and_merchant(id) else { return not_found() };
        let frame = || Frame::of(session, merchant, world.now());
        match (session.stage, session.country) {
            (Stage::Choosing, Country::Chile) => render(200, &view::banks(frame(), session, None)),
            (Stage::Choosing, Country::Mexico) => match session.method {
                None => render(200, &view::methods(frame(), None)),
                Some(method) => {
                    render(200, &view::transfer_form(frame(), session, method, &Form::default(), &[]))
                }
            },
            (Stage::Credentials, _) => render(200, &view::credentials(frame(), session, None, None)),
            (Stage::Account, _) => render(200, &view::accounts(frame())),
            (Stage::DynamicKey, _) => render(200, &view::dynamic_key(frame(), None)),
            (Stage::SecondFactor, _) => render(200, &view::second_factor(frame(), None)),
            (Stage::Transfer, _) => render(200, &view::transfer(frame(), session)),
            (Stage::Confirming { .. } | Stage::Lost { .. } | Stage::Ended, _) => {
                render(410, &FinishedPage::new(frame(), session, merchant))
            }
        }
    }

    fn show_result(&mut self, id: u64, world: &dyn World) -> Reply {
        let Some((session, merchant)) = self.session_and_merchant(id) else { return not_found() };
        let frame = Frame::of(session, merchant, world.now());
        match session.stage {
            Stage::Ended | Stage::Confirming { .. } => {
                render(200, &ResultPage::new(frame, session, merchant))
            }
            Stage::Lost { .. } => render(410, &FinishedPage::new(frame, session, merchant)),
            Stage::Choosing
            | Stage::Credentials
            | Stage::Account
            | Stage::DynamicKey
            | Stage::SecondFactor
            | Stage::Transfer => Reply::see_other(base(session)),
        }
    }

    /// Back to the merchant, as often as somebody asks: the address tells nothing new.
    fn send_back(&mut self, id: u64, world: &mut dyn World) -> Reply {
        let Some((session, merchant)) = self.session_and_merchant(id) else { return not_found() };
        match redirect::address(session, merchant) {
            Some(location) => {
                self.after_redirect(id, world);
                redirect::reply(location)
            }
            None if session.is_open() => Reply::see_other(base(session)),
            None => {
                let frame = Frame::of(session, merchant, world.now());
                render(410, &FinishedPage::new(frame, session, merchant))
            }
        }
    }

    fn take_language(&mut self, id: u64, form: &Form) -> Reply {
        let Some(session) = self.sessions.get_mut(&id) else { return not_found() };
        if let Some(language) = Language::of_code(form.get("language")) {
            session.language = language;
        }
        to_page(session)
    }

    fn session_and_merchant(&self, id: u64) -> Option<(&Session, &Merchant)> {
        let session = self.sessions.get(&id)?;
        Some((session, self.merchant(&session.merchant)?))
    }
}

/// Where a session is shown: its address while it is open, its result afterwards.
fn to_page(session: &Session) -> Reply {
    if session.is_open() {
        Reply::see_other(base(session))
    } else {
        Reply::see_other(format!("{}/result", base(session)))
    }
}

fn not_found() -> Reply {
    secured(render(404, &NotFoundPage { labels: labels::of(Language::Spanish) }))
}

fn render(status: u16, page: &impl Template) -> Reply {
    match page.render() {
        Ok(text) => Reply::html(status, text),
        // Writing a template into memory fails only when memory does.
        Err(error) => Reply::with_type(500, "text/plain; charset=utf-8", error.to_string().into_bytes()),
    }
}

fn secured(mut reply: Reply) -> Reply {
    if reply.headers.iter().any(|(name, _)| name == "content-security-policy") {
        return reply;
    }
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
