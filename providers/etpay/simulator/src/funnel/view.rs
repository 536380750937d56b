//! What the templates show, and how it is gathered from a session.

use askama::Template;
use qrcodegen::{QrCode, QrCodeEcc};
use simulation::Timestamp;
use simulation::form::Form;

use super::Language;
use super::labels::{self, Labels};
use super::money;
use crate::account::{Country, Merchant};
use crate::course;
use crate::order::Method;
use crate::session::{Outcome, Session};
use crate::{banks, instant, redirect};

/// Light modules around a QR code.
const QR_MARGIN: i32 = 4;

/// What every page of a session has around its content.
pub struct Frame {
    /// The texts.
    pub labels: &'static Labels,
    /// The language's code.
    pub language: &'static str,
    /// Code, name and whether it is the present one.
    pub languages: Vec<(&'static str, &'static str, bool)>,
    /// The session's address, without the origin.
    pub base: String,
    /// The merchant's name.
    pub merchant: String,
    /// `$24.990 CLP`
    pub total: String,
    /// Label and value of order and metadata.
    pub facts: Vec<(String, String)>,
    /// Minutes left, while the session is open.
    pub minutes_left: Option<i64>,
    /// Where the terms are; Mexico has none.
    pub terms: Option<String>,
    /// Whether the payer may give up.
    pub may_cancel: bool,
}

/// One of several, as radio buttons.
#[derive(Template)]
#[template(path = "choice.html")]
pub struct ChoicePage {
    /// Around it.
    pub frame: Frame,
    /// What is chosen.
    pub heading: &'static str,
    /// The form's id and the last part of its address.
    pub action: &'static str,
    /// The member's name.
    pub name: &'static str,
    /// Value, label and whether it is marked.
    pub choices: Vec<(&'static str, &'static str, bool)>,
    /// Why the choice was refused.
    pub error: Option<&'static str>,
}

/// Inputs and a button.
#[derive(Template)]
#[template(path = "inputs.html")]
pub struct InputsPage {
    /// Around it.
    pub frame: Frame,
    /// What is asked for.
    pub heading: &'static str,
    /// A sentence below it.
    pub intro: &'static str,
    /// The form's id and the last part of its address.
    pub action: &'static str,
    /// The inputs in order.
    pub inputs: Vec<Input>,
    /// Why all of it was refused.
    pub error: Option<&'static str>,
    /// What a payer may type in, and what follows.
    pub test_data: Vec<(String, String)>,
    /// Offers the choice of a method again.
    pub may_change_method: bool,
}

/// In Mexico: where to pay, and the simulator's own buttons.
#[derive(Template)]
#[template(path = "transfer.html")]
pub struct TransferPage {
    /// Around it.
    pub frame: Frame,
    /// What to do.
    pub heading: &'static str,
    /// In a sentence.
    pub intro: &'static str,
    /// Label and value.
    pub facts: Vec<(&'static str, String)>,
    /// Size and path of a QR code.
    pub qr: Option<(i32, String)>,
}

/// How it ended.
#[derive(Template)]
#[template(path = "result.html")]
pub struct ResultPage {
    /// Around it.
    pub frame: Frame,
    /// `success`, `error`, `confirming`: for the stylesheet and for tests.
    pub state: &'static str,
    /// In words.
    pub heading: &'static str,
    /// Why, when it failed.
    pub reason: Option<&'static str>,
    /// Label and value.
    pub facts: Vec<(&'static str, String)>,
    /// Whether there is an address to go back to.
    pub may_return: bool,
}

/// A session that takes nothing any more.
#[derive(Template)]
#[template(path = "finished.html")]
pub struct FinishedPage {
    /// Around it.
    pub frame: Frame,
    /// Whether there is an address to go back to.
    pub may_return: bool,
}

/// No such session.
#[derive(Template)]
#[template(path = "not_found.html")]
pub struct NotFoundPage {
    /// The texts.
    pub labels: &'static Labels,
}

/// The terms.
#[derive(Template)]
#[template(path = "terms.html")]
pub struct TermsPage {
    /// The texts.
    pub labels: &'static Labels,
}

/// One input with its label and, when it was refused, a sentence.
pub struct Input {
    /// The member's name.
    pub name: &'static str,
    /// What stands above it.
    pub label: &'static str,
    /// `text`, `password`, `email`, `tel`.
    pub kind: &'static str,
    /// What it holds.
    pub value: String,
    /// Why it was refused.
    pub error: Option<&'static str>,
    /// Whether the merchant fixed it.
    pub is_locked: bool,
    /// The browser's word for what it is.
    pub autocomplete: &'static str,
    /// The keyboard to show.
    pub inputmode: &'static str,
    /// Choices of a list: value, label, whether chosen. Empty for a text.
    pub choices: Vec<(&'static str, &'static str, bool)>,
}

/// The address of a session's funnel, without the origin.
pub fn base(session: &Session) -> String {
    format!("{}/session/{}", session.environment.prefix(), session.token)
}

impl Frame {
    /// Gathers what stands around a session's pages.
    pub fn of(session: &Session, merchant: &Merchant, now: Timestamp) -> Self {
        let labels = labels::of(session.language);
        let order = &session.order;
        let mut facts = vec![(labels.order.to_owned(), order.id.clone())];
        let shown = order.metadata.iter().filter(|line| line.is_shown);
        facts.extend(shown.map(|line| (line.name.clone(), line.value.clone())));
        let left_s = session.expires_at.as_second() - now.as_second();
        let is_open = session.is_open();
        Self {
            labels,
            language: session.language.code(),
            languages: Language::ALL
                .map(|language| (language.code(), labels::name_of(language), language == session.language))
                .into(),
            base: base(session),
            merchant: merchant.settings.merchant_name.clone(),
            total: money::text(&order.amount, session.country),
            facts,
            minutes_left: is_open.then(|| left_s.max(0).unsigned_abs().div_ceil(60).cast_signed()),
            terms: (session.country == Country::Chile)
                .then(|| format!("{}/terms", session.environment.prefix())),
            may_cancel: is_open,
        }
    }
}

/// The banks, or the one that the merchant chose beforehand.
pub fn banks(frame: Frame, session: &Session, error: Option<&'static str>) -> ChoicePage {
    let labels = frame.labels;
    let (heading, offered) = match session.bank {
        Some(bank) => (labels.bank_chosen, vec![bank]),
        None => (labels.banks_heading, banks::offered(session.country, session.environment)),
    };
    let first = offered.first().map(|bank| bank.code);
    let choices = offered.iter().map(|bank| (bank.code, bank.name, Some(bank.code) == first)).collect();
    ChoicePage { frame, heading, action: "bank", name: "bank", choices, error }
}

/// SPEI and CoDi.
pub fn methods(frame: Frame, error: Option<&'static str>) -> ChoicePage {
    let labels = frame.labels;
    let choices = vec![(Method::Spei.word(), labels.spei, true), (Method::Codi.word(), labels.codi, false)];
    ChoicePage { frame, heading: labels.methods_heading, action: "method", name: "method", choices, error }
}

/// RUT and password. The password is never written back.
pub fn credentials(
    frame: Frame,
    session: &Session,
    typed: Option<&str>,
    error: Option<&'static str>,
) -> InputsPage {
    let labels = frame.labels;
    let known = session.order.rut.as_deref();
    let rut = typed.or(known).unwrap_or_default().to_owned();
    let mut rut = Input::text("rut", labels.rut, rut, "username");
    rut.is_locked = session.order.is_rut_locked && known.is_some();
    let mut password = Input::text("password", labels.password, String::new(), "current-password");
    password.kind = "password";
    let payers = course::payers();
    InputsPage {
        heading: labels.credentials_heading,
        intro: labels.credentials_intro,
        action: "credentials",
        inputs: vec![rut, password],
        error,
        test_data: payers
            .iter()
            .map(|payer| {
                let typed = format!("{} · {}", payer.rut, course::PASSWORD);
                (typed, payer.text(session.language).to_owned())
            })
            .collect(),
        may_change_method: false,
        frame,
    }
}

/// The payer's account.
pub fn accounts(frame: Frame) -> ChoicePage {
    let heading = frame.labels.account_heading;
    let choices = vec![("1", course::ACCOUNT, true)];
    ChoicePage { frame, heading, action: "account", name: "account", choices, error: None }
}

/// The first input of the approval.
pub fn dynamic_key(frame: Frame, error: Option<&'static str>) -> InputsPage {
    let labels = frame.labels;
    let mut input = Input::text("dynamic_key", labels.dynamic_key, String::new(), "one-time-code");
    input.inputmode = "numeric";
    InputsPage {
        heading: labels.dynamic_key_heading,
        intro: labels.dynamic_key_intro,
        action: "dynamic-key",
        inputs: vec![input],
        error,
        test_data: vec![(course::DYNAMIC_KEY.into(), labels.taken.into())],
        may_change_method: false,
        frame,
    }
}

/// The last one.
pub fn second_factor(frame: Frame, error: Option<&'static str>) -> InputsPage {
    let labels = frame.labels;
    let mut input = Input::text("second_factor", labels.second_factor, String::new(), "one-time-code");
    input.inputmode = "numeric";
    InputsPage {
        heading: labels.second_factor_heading,
        intro: labels.second_factor_intro,
        action: "second-factor",
        inputs: vec![input],
        error,
        test_data: vec![(course::SECOND_FACTOR.into(), labels.taken.into())],
        may_change_method: false,
        frame,
    }
}

/// Whom SPEI or CoDi reaches.
pub fn transfer_form(
    frame: Frame,
    session: &Session,
    method: Method,
    form: &Form,
    errors: &[(&str, &'static str)],
) -> InputsPage {
    let labels = frame.labels;
    let typed = |name: &str, known: Option<&String>| match form.get(name) {
        "" => known.cloned().unwrap_or_default(),
        typed => typed.to_owned(),
    };
    let (heading, intro, mut inputs) = match method {
        Method::Spei => {
            let mut email =
                Input::text("email", labels.email, typed("email", session.order.email.as_ref()), "email");
            (email.kind, email.inputmode) = ("email", "email");
            let bank = bank_list(session, form.get("bank"), labels);
            (labels.spei_heading, labels.spei_intro, vec![bank, email])
        }
        Method::Codi => {
            let mut phone =
                Input::text("phone", labels.phone, typed("phone", session.order.phone.as_ref()), "tel");
            (phone.kind, phone.inputmode) = ("tel", "tel");
            (labels.codi_heading, labels.codi_intro, vec![phone])
        }
    };
    for input in &mut inputs {
        input.error = errors.iter().find(|(name, _)| *name == input.name).map(|(_, sentence)| *sentence);
    }
    let may_change_method = session.order.method.is_none();
    InputsPage {
        frame,
        heading,
        intro,
        action: "transfer",
        inputs,
        error: None,
        test_data: Vec::new(),
        may_change_method,
    }
}

/// Where to pay, and the simulator's own buttons.
pub fn transfer(frame: Frame, session: &Session) -> TransferPage {
    let labels = frame.labels;
    let (clabe, reference) = session.transfer.clone().unwrap_or_default();
    let total = frame.total.clone();
    match session.method {
        Some(Method::Codi) => TransferPage {
            heading: labels.codi_wait_heading,
            intro: labels.codi_wait_intro,
            facts: vec![(labels.total, total.clone()), (labels.reference, reference.clone())],
            qr: qr(&format!("{clabe};{reference};{}", session.order.amount)),
            frame,
        },
        Some(Method::Spei) | None => TransferPage {
            heading: labels.spei_wait_heading,
            intro: labels.spei_wait_intro,
            facts: vec![
                (labels.clabe, clabe),
                (labels.total, total),
                (labels.reference, reference),
                (labels.bank, session.bank.map_or_else(String::new, |bank| bank.name.to_owned())),
            ],
            qr: None,
            frame,
        },
    }
}

impl ResultPage {
    /// How the session stands.
    pub fn new(frame: Frame, session: &Session, merchant: &Merchant) -> Self {
        let labels = frame.labels;
        let outcome = session.ending.map(|ending| ending.outcome);
        let (state, heading, reason) = match outcome {
            Some(Outcome::Success) => ("success", labels.success, None),
            Some(Outcome::Error(reason)) => ("error", labels.failure, Some(reason.text(session.language))),
            None => ("confirming", labels.confirming, None),
        };
        let mut facts = vec![(labels.total, frame.total.clone())];
        if let Some(bank) = session.bank {
            facts.push((labels.bank, bank.name.to_owned()));
        }
        if let Some(account) = session.account {
            facts.push((labels.account, account.to_owned()));
        }
        if let Some(ending) = session.ending {
            facts.push((labels.date, instant::write(ending.at, session.country)));
        }
        facts.push((labels.attempt, session.payment_token.clone().unwrap_or_default()));
        let may_return = redirect::address(session, merchant).is_some();
        Self { frame, state, heading, reason, facts, may_return }
    }
}

impl FinishedPage {
    /// A session that is over.
    pub fn new(frame: Frame, session: &Session, merchant: &Merchant) -> Self {
        Self { may_return: redirect::address(session, merchant).is_some(), frame }
    }
}

impl Input {
    fn text(name: &'static str, label: &'static str, value: String, autocomplete: &'static str) -> Self {
        Self {
            name,
            label,
            kind: "text",
            value,
            error: None,
            is_locked: false,
            autocomplete,
            inputmode: "text",
            choices: Vec::new(),
        }
    }
}

fn bank_list(session: &Session, chosen: &str, labels: &'static Labels) -> Input {
    let known = session.bank.map_or("", |bank| bank.code);
    let chosen = if chosen.is_empty() { known } else { chosen };
    let offered = banks::offered(session.country, session.environment);
    let mut choices = vec![("", "—", chosen.is_empty())];
    choices.extend(offered.iter().map(|bank| (bank.code, bank.name, bank.code == chosen)));
    Input { choices, ..Input::text("bank", labels.bank, chosen.to_owned(), "off") }
}

/// A QR code as the path of an SVG, one unit a module, with its margin; `None` for what is too long for one.
fn qr(text: &str) -> Option<(i32, String)> {
    use std::fmt::Write as _;
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            // Writing to a String cannot fail.
            let _ = write!(path, "M{} {}h1v1h-1z", x + QR_MARGIN, y + QR_MARGIN);
        }
    }
    Some((code.size() + 2 * QR_MARGIN, path))
}
