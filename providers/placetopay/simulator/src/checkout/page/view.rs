//! What the templates show, and how it is gathered from a session.

use askama::Template;
use simulation::Timestamp;

use super::card_form::{Errors, MOST_INSTALLMENTS, Values, is_locked};
use super::labels::{self, Labels};
use super::money;
use crate::checkout::account::{Merchant, Settings};
use crate::checkout::attempt::Attempt;
use crate::checkout::cards::{self, Behaviour, Brand, Condition, TestCard, ThreeDs};
use crate::checkout::course::Verdict;
use crate::checkout::documents;
use crate::checkout::fields::DisplayOn;
use crate::checkout::route::PAGE_PREFIX;
use crate::checkout::session::{Ending, Session};
use crate::checkout::texts::Language;
use crate::instant;

/// What every page of a session has around its content.
pub struct Frame {
    /// The texts.
    pub labels: &'static Labels,
    /// The language's code.
    pub language: &'static str,
    /// Code, name and whether it is the present one.
    pub languages: Vec<(&'static str, &'static str, bool)>,
    /// The page's address without a step.
    pub base: String,
    /// The step that a change of language comes back to: empty, `methods` or `card`.
    pub step: &'static str,
    /// `$119.000,00 COP`
    pub total: String,
    /// Label and value of description, reference, request date and session.
    pub facts: Vec<(&'static str, String)>,
    /// Label and value of taxes, details and additional fields.
    pub lines: Vec<(String, String)>,
    /// Minutes left, while the session is open.
    pub minutes_left: Option<i64>,
    /// Where help is.
    pub help_email: String,
    /// Whether "No deseo continuar" is offered.
    pub may_give_up: bool,
}

/// The first step.
#[derive(Template)]
#[template(path = "email.html")]
pub struct EmailPage {
    /// Around it.
    pub frame: Frame,
    /// The address.
    pub email: Input,
}

/// The methods.
#[derive(Template)]
#[template(path = "methods.html")]
pub struct MethodsPage {
    /// Around it.
    pub frame: Frame,
    /// Names of the brands, one after another.
    pub brands: String,
}

/// The card form.
#[derive(Template)]
#[template(path = "card.html")]
pub struct CardPage {
    /// Around it.
    pub frame: Frame,
    /// Its inputs, in order.
    pub inputs: Vec<Input>,
    /// Names this form.
    pub form_token: String,
    /// A sentence above the form.
    pub error: Option<&'static str>,
    /// `Pagar $119.000,00`
    pub button: String,
    /// The test cards of the offered brands: number, brand, what it does.
    pub test_cards: Vec<(&'static str, &'static str, String)>,
}

/// The 3-D Secure challenge.
#[derive(Template)]
#[template(path = "challenge.html")]
pub struct ChallengePage {
    /// Around it.
    pub frame: Frame,
    /// The code.
    pub code: Input,
}

/// Where the session and its attempts stand.
#[derive(Template)]
#[template(path = "result.html")]
pub struct ResultPage {
    /// Around it.
    pub frame: Frame,
    /// About the session.
    pub heading: &'static str,
    /// Newest first.
    pub attempts: Vec<AttemptView>,
    /// Whether another attempt may be made.
    pub may_retry: bool,
    /// Whether an attempt is in flight.
    pub is_pending: bool,
    /// Where the receipt went, of a finished session.
    pub receipt_to: Option<String>,
    /// The merchant's address. AV-U46: nothing is added to it.
    pub return_url: String,
}

/// No such session.
#[derive(Template)]
#[template(path = "not_found.html")]
pub struct NotFoundPage {
    /// The texts.
    pub labels: &'static Labels,
}

/// One attempt on the result page.
pub struct AttemptView {
    /// 1 is the oldest.
    pub ordinal: usize,
    /// `Transacción Aprobada`
    pub heading: &'static str,
    /// `approved`, `rejected`, `pending`, `failed`: for the stylesheet and for tests.
    pub state: &'static str,
    /// Label and value.
    pub facts: Vec<(&'static str, String)>,
}

/// One input with its label and, when it was refused, a sentence.
pub struct Input {
    /// The member's name.
    pub name: &'static str,
    /// What stands above it.
    pub label: &'static str,
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
    pub choices: Vec<(String, String, bool)>,
}

impl Frame {
    /// Gathers what stands around a session's pages.
    pub fn of(session: &Session, merchant: &Merchant, step: &'static str, now: Timestamp) -> Self {
        let labels = labels::of(session.language);
        let order = &session.order;
        let is_on_result =
            session.attempts.last().is_some() && step.is_empty() && session.challenge.is_none();
        let is_capturing = session.takes_attempts() && !is_on_result;
        let mut facts = Vec::new();
        if let Some(description) = &order.description {
            facts.push((labels.description, description.clone()));
        }
        facts.push((labels.reference, order.reference.clone()));
        facts.push((labels.requested_at, instant::for_people(session.created_at)));
        facts.push((labels.session, format!("S{}-T{}", session.request_id, merchant.number)));
        let left_s = order.expires_at.as_second() - now.as_second();
        Self {
            labels,
            language: session.language.code(),
            languages: Language::ALL
                .map(|language| (language.code(), labels::name_of(language), language == session.language))
                .into(),
            base: base(session),
            step,
            total: money::with_currency(order.amount.total, &order.amount.currency),
            facts,
            lines: lines(session, labels, is_capturing),
            minutes_left: session
                .ending()
                .is_none()
                .then(|| left_s.max(0).unsigned_abs().div_ceil(60).cast_signed()),
            help_email: merchant.settings.help_email.clone(),
            may_give_up: session.takes_attempts(),
        }
    }
}

/// The address of a session's page.
pub fn base(session: &Session) -> String {
    format!("{PAGE_PREFIX}/{}/{}", session.request_id, session.key)
}

impl EmailPage {
    /// The first step with what is known of the address.
    pub fn new(frame: Frame, session: &Session, value: String, error: Option<&'static str>) -> Self {
        let mut email = Input::text("email", frame.labels.email, value, "email", "email");
        email.error = error;
        email.is_locked = is_locked(session, "email");
        Self { frame, email }
    }
}

impl CardPage {
    /// The form with its values and errors.
    pub fn new(
        frame: Frame,
        session: &Session,
        settings: &Settings,
        values: &Values,
        errors: &Errors,
        error: Option<&'static str>,
    ) -> Self {
        let labels = frame.labels;
        let brands = session.order.brands(&settings.methods);
        let mut inputs = inputs(labels, settings, values);
        for input in &mut inputs {
            input.is_locked = is_locked(session, input.name);
            input.error = errors.iter().find(|(name, _)| *name == input.name).map(|(_, sentence)| *sentence);
        }
        let amount = &session.order.amount;
        Self {
            inputs,
            form_token: session.form_token.clone(),
            error,
            button: format!("{} {}", labels.pay, money::text(amount.total, &amount.currency)),
            test_cards: cards::all()
                .iter()
                .filter(|card| brands.contains(&card.brand))
                .map(|card| (card.number, card.brand.name(), behaviour(card, labels)))
                .collect(),
            frame,
        }
    }
}

impl ChallengePage {
    /// The challenge, perhaps after a wrong code.
    pub fn new(frame: Frame, error: Option<&'static str>) -> Self {
        let mut code = Input::text(
            "challenge_code",
            frame.labels.challenge_code,
            String::new(),
            "one-time-code",
            "numeric",
        );
        code.error = error;
        Self { frame, code }
    }
}

impl ResultPage {
    /// The session as it stands.
    pub fn new(frame: Frame, session: &Session) -> Self {
        let attempts = session.attempts.iter().enumerate().rev();
        let locked = session.order.payer.as_ref().and_then(|payer| payer.email.clone());
        Self {
            heading: frame.labels.session_heading(session.ending().map(|(ending, _)| ending)),
            attempts: attempts
                .map(|(index, attempt)| attempt_view(index + 1, attempt, session, frame.labels))
                .collect(),
            may_retry: session.takes_attempts(),
            is_pending: session.in_flight().is_some(),
            receipt_to: session.ending().and_then(|_| session.email.clone().or(locked)),
            return_url: session.order.return_url.clone(),
            frame,
        }
    }
}

/// The names of brands, one after another.
pub fn brand_names(brands: &[Brand]) -> String {
    brands.iter().map(|brand| brand.name()).collect::<Vec<_>>().join(", ")
}

impl Input {
    fn text(
        name: &'static str,
        label: &'static str,
        value: String,
        autocomplete: &'static str,
        inputmode: &'static str,
    ) -> Self {
        Self {
            name,
            label,
            value,
            error: None,
            is_locked: false,
            autocomplete,
            inputmode,
            choices: Vec::new(),
        }
    }

    fn list(name: &'static str, label: &'static str, chosen: &str, choices: Vec<(String, String)>) -> Self {
        let choices = choices
            .into_iter()
            .map(|(value, label)| {
                let is_chosen = value == chosen;
                (value, label, is_chosen)
            })
            .collect();
        Self { choices, ..Self::text(name, label, chosen.to_owned(), "off", "text") }
    }
}

/// Number and code are always empty: they are never written back.
fn inputs(labels: &'static Labels, settings: &Settings, values: &Values) -> Vec<Input> {
    let installments =
        (1..=MOST_INSTALLMENTS).map(|number| (number.to_string(), number.to_string())).collect();
    let mut kinds = documents::offered_in(&settings.country);
    if let Some(known) = documents::find(&values.document_type)
        && !kinds.iter().any(|kind| kind.code == known.code)
    {
        kinds.push(known);
    }
    let mut types = vec![(String::new(), "—".to_owned())];
    types.extend(kinds.iter().map(|kind| (kind.code.to_owned(), kind.code.to_owned())));
    let text = |name, label, value: &str, autocomplete, inputmode| {
        Input::text(name, label, value.to_owned(), autocomplete, inputmode)
    };
    vec![
        text("card_number", labels.card_number, "", "cc-number", "numeric"),
        text("expiry", labels.expiry, &values.expiry, "cc-exp", "numeric"),
        text("cvv", labels.code, "", "cc-csc", "numeric"),
        Input::list("installments", labels.installments, &values.installments, installments),
        text("holder_name", labels.holder_name, &values.holder_name, "cc-given-name", "text"),
        text("holder_surname", labels.holder_surname, &values.holder_surname, "cc-family-name", "text"),
        Input::list("document_type", labels.document_type, &values.document_type, types),
        text("document", labels.document, &values.document, "off", "text"),
        text("mobile", labels.mobile, &values.mobile, "tel", "tel"),
    ]
}

fn lines(session: &Session, labels: &Labels, is_capturing: bool) -> Vec<(String, String)> {
    let amount = &session.order.amount;
    let shown = |number| money::text(number, &amount.currency);
    let mut lines = Vec::new();
    for detail in &amount.details {
        lines.push((labels::kind(&detail.kind, session.language).to_owned(), shown(detail.amount)));
    }
    for tax in &amount.taxes {
        let name = labels::kind(&tax.kind, session.language);
        let label = match tax.base {
            Some(base) => format!("{name} ({} {})", labels.base, shown(base)),
            None => name.to_owned(),
        };
        lines.push((label, shown(tax.amount)));
    }
    let is_approved = session.ending().is_some_and(|(ending, _)| ending == Ending::Approved);
    for field in session.order.fields.iter().chain(&session.order.payment_fields) {
        let is_shown = match field.display_on {
            DisplayOn::None => false,
            DisplayOn::Payment => is_capturing,
            DisplayOn::Receipt => !is_capturing,
            DisplayOn::Both => true,
            DisplayOn::Approved => !is_capturing && is_approved,
        };
        if let Some(value) = field.shown().filter(|_| is_shown) {
            lines.push((field.keyword.clone(), value));
        }
    }
    lines
}

/// Each datum that the guide's figure shows of an attempt (AV-4.2-05).
fn attempt_view(
    ordinal: usize,
    attempt: &Attempt,
    session: &Session,
    labels: &'static Labels,
) -> AttemptView {
    let (heading, state) = match attempt.verdict() {
        None => (labels.pending, "pending"),
        Some(Verdict::Approved) => (labels.approved, "approved"),
        Some(Verdict::Rejected(_)) => (labels.rejected, "rejected"),
        Some(Verdict::Failed(_)) => (labels.failed, "failed"),
    };
    let amount = &session.order.amount;
    let method = format!("{} **** {}", attempt.card.brand.name().to_uppercase(), attempt.card.last_four);
    AttemptView {
        ordinal,
        heading,
        state,
        facts: vec![
            (labels.started_at, instant::for_people(attempt.started_at)),
            (labels.state, heading.to_owned()),
            (labels.message, attempt.message(session.language).to_owned()),
            (labels.method, method),
            (labels.amount, money::with_currency(amount.total, &amount.currency)),
            (labels.transaction_date, instant::for_people(attempt.changed_at)),
            (labels.response_code, attempt.reason().to_owned()),
            (labels.authorization, attempt.authorization().to_owned()),
            (labels.receipt, attempt.receipt()),
            (labels.ip_address, session.order.ip_address.clone()),
        ],
    }
}

fn behaviour(card: &TestCard, labels: &Labels) -> String {
    let mut text = match card.behaviour {
        Behaviour::Approved => labels.does_approve,
        Behaviour::Denied => labels.does_deny,
        Behaviour::PendingApproved => labels.does_pend_then_approve,
        Behaviour::PendingRejected => labels.does_pend_then_reject,
        Behaviour::ReviewApproved => labels.does_review_then_approve,
        Behaviour::ReviewRejected => labels.does_review_then_reject,
        Behaviour::SlowApproved => labels.does_answer_late_approved,
        Behaviour::SlowRejected => labels.does_answer_late_rejected,
        Behaviour::Exception => labels.does_fail,
    }
    .to_owned();
    match card.condition {
        Condition::Always => {}
        Condition::BelowDollarLimit => text.push_str(&format!(" {}", labels.when_below_limit)),
        Condition::Typed { expiry, code } => {
            text.push_str(&format!(" {} {expiry}, {code}", labels.when_typed))
        }
    }
    match card.three_ds {
        ThreeDs::None => {}
        ThreeDs::Challenge => text.push_str(&format!(" · {}", labels.when_challenged)),
        ThreeDs::Silent(letter) => text.push_str(&format!(" · 3DS {letter}")),
    }
    text
}
