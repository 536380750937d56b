//! What the templates show, and how it is gathered from a session.

use askama::Template;

use super::Visit;
use super::card_form::is_locked;
use super::labels::{self, Labels};
use super::money;
use super::view_words::share_name;
use crate::checkout::account::Merchant;
use crate::checkout::amount::Amount;
use crate::checkout::attempt::Attempt;
use crate::checkout::banks::{self, BankState};
use crate::checkout::fields::DisplayOn;
use crate::checkout::methods::Method;
use crate::checkout::notice;
use crate::checkout::recurring::Periodicity;
use crate::checkout::route::{FRAME_SCRIPT, PAGE_PREFIX};
use crate::checkout::session::{Code, Ending, Session};
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
    /// The step that a change of language comes back to: empty, `methods`, `card` or `pse`.
    pub step: &'static str,
    /// What stands above the amount.
    pub total_label: &'static str,
    /// `$119.000,00 COP`; nothing where a card is only stored.
    pub total: Option<String>,
    /// Sentences about what kind of payment it is.
    pub notes: Vec<String>,
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
    /// The target of what leads out of the page: the whole window, where it stands in a lightbox.
    pub target: &'static str,
    /// The script by which it speaks to the merchant's page, where it stands in a lightbox.
    pub script: Option<&'static str>,
    /// What it says there.
    pub message: Option<String>,
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
    /// In order.
    pub methods: Vec<MethodView>,
}

/// One method.
pub struct MethodView {
    /// For tests and for the stylesheet: `card`, `pse`.
    pub id: &'static str,
    /// Its step.
    pub step: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What belongs to it.
    pub hint: String,
}

/// The form of a transfer.
#[derive(Template)]
#[template(path = "transfer.html")]
pub struct TransferPage {
    /// Around it.
    pub frame: Frame,
    /// Its inputs, in order.
    pub inputs: Vec<Input>,
    /// Names this form.
    pub form_token: String,
    /// A sentence above the form.
    pub error: Option<&'static str>,
}

/// The reasons of the bank's page that fit one state.
pub struct ReasonGroup {
    /// The state's name.
    pub name: &'static str,
    /// The state's word, for the stylesheet.
    pub word: &'static str,
    /// Code, label and whether chosen.
    pub reasons: Vec<(&'static str, String, bool)>,
}

/// The mock of a bank.
#[derive(Template)]
#[template(path = "bank.html")]
pub struct BankPage {
    /// The texts.
    pub labels: &'static Labels,
    /// The language's code.
    pub language: &'static str,
    /// The bank.
    pub bank: &'static str,
    /// Label and value of what is paid.
    pub facts: Vec<(&'static str, String)>,
    /// Its address.
    pub action: String,
    /// Where the payment goes on.
    pub back: String,
    /// Whether it still waits for a choice.
    pub is_open: bool,
    /// The states.
    pub state: Input,
    /// The reasons by state.
    pub reasons: Vec<ReasonGroup>,
    /// Why the reason was refused.
    pub reason_error: Option<&'static str>,
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
    /// Its heading.
    pub heading: &'static str,
    /// A sentence beneath it.
    pub text: Option<&'static str>,
    /// Whether the payer may have the card stored, and chose so.
    pub save_card: Option<bool>,
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
    /// What is asked for.
    pub text: &'static str,
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
    /// Which tone the heading has: `approved`, `rejected`, `pending`.
    pub state: &'static str,
    /// The last four digits of the card that was stored.
    pub stored: Option<String>,
    /// Why cards were refused to be stored, newest first.
    pub refused_cards: Vec<String>,
    /// Where the payer goes on at the bank.
    pub bank: Option<String>,
    /// What leads to another attempt, if one may be made.
    pub retry: Option<&'static str>,
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
    /// The parts of a dispersion: who, how much, state, reason.
    pub parts: Vec<(String, String, &'static str, String)>,
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
    pub fn of(session: &Session, merchant: &Merchant, step: &'static str, visit: Visit) -> Self {
        let labels = labels::of(session.language);
        let order = &session.order;
        let is_on_result = !session.is_untried() && step.is_empty() && session.challenge.is_none();
        let is_capturing = session.takes_attempts() && !is_on_result;
        let mut facts = Vec::new();
        if let Some(description) = &order.description {
            facts.push((labels.description, description.clone()));
        }
        facts.push((labels.reference, order.reference.clone()));
        facts.push((labels.requested_at, instant::for_people(session.created_at)));
        facts.push((labels.session, format!("S{}-T{}", session.request_id, merchant.number)));
        let left_s = order.expires_at.as_second() - visit.now.as_second();
        let shown = |amount: &Amount| money::with_currency(amount.total, &amount.currency);
        Self {
            labels,
            language: session.language.code(),
            languages: Language::ALL
                .map(|language| (language.code(), labels::name_of(language), language == session.language))
                .into(),
            base: base(session),
            step,
            total_label: labels.total,
            total: order.amount.as_ref().map(shown),
            notes: notes(session, labels),
            facts,
            lines: lines(session, labels, is_capturing),
            minutes_left: session
                .ending()
                .is_none()
                .then(|| left_s.max(0).unsigned_abs().div_ceil(60).cast_signed()),
            help_email: merchant.settings.help_email.clone(),
            may_give_up: session.takes_attempts() && !session.is_collect(),
            target: if visit.is_framed { "_top" } else { "_self" },
            script: visit.is_framed.then_some(FRAME_SCRIPT),
            message: visit.is_framed.then(|| lightbox_message(session, merchant)).flatten(),
        }
    }
}

/// What the page tells the merchant's page in a lightbox when the session has ended: the notification, or, where the
/// result is skipped, that the frame may close (§15).
fn lightbox_message(session: &Session, merchant: &Merchant) -> Option<String> {
    let payload = notice::for_lightbox(session, merchant)?;
    let skips = session.order.skip_result == Some(true);
    let (kind, stays) = if skips { ("close", false) } else { ("response", true) };
    Some(format!(r#"{{"type":"{kind}","preventClose":{stays},"payload":{payload}}}"#))
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

impl MethodsPage {
    /// The methods that are offered; cards are one choice, whatever their brands.
    pub fn new(frame: Frame, session: &Session, methods: &[Method]) -> Self {
        let labels = frame.labels;
        let brands: Vec<&str> = Method::brands(methods).into_iter().map(|brand| brand.name()).collect();
        let mut views = Vec::new();
        if !brands.is_empty() {
            let name = if session.order.is_subscription() { labels.store_card } else { labels.cards };
            views.push(MethodView { id: "card", step: "card", name, hint: brands.join(", ") });
        }
        if methods.contains(&Method::Pse) {
            let hint = labels.transfer_hint.to_owned();
            views.push(MethodView { id: "pse", step: "pse", name: labels.transfer, hint });
        }
        Self { frame, methods: views }
    }
}

impl BankPage {
    /// The mock, with what was chosen when that did not fit.
    pub fn new(
        session: &Session,
        attempt: &Attempt,
        bank: &'static str,
        (key, back): (&str, String),
        is_open: bool,
        (state, reason): (&str, &str),
        errors: &[(&'static str, &'static str)],
    ) -> Self {
        let labels = labels::of(session.language);
        let error_of =
            |name: &str| errors.iter().find(|(known, _)| *known == name).map(|(_, sentence)| *sentence);
        let name_of = |state: BankState| match state {
            BankState::Approved => labels.bank_approved,
            BankState::Pending => labels.bank_pending,
            BankState::Declined => labels.bank_declined,
            BankState::Failed => labels.bank_failed,
        };
        let states = BankState::ALL.map(|state| (state.word().to_owned(), name_of(state).to_owned()));
        let chosen_state = if state.is_empty() { BankState::Approved.word() } else { state };
        let mut input = Input::list("state", labels.bank_state, chosen_state, states.into());
        input.error = error_of("state");
        let chosen_reason = if reason.is_empty() { "00" } else { reason };
        let of_state = |state: BankState| {
            let reasons = banks::outcomes().iter().filter(move |outcome| outcome.state == state);
            reasons.map(|outcome| (outcome.code, outcome.label(), outcome.code == chosen_reason)).collect()
        };
        let charge = &attempt.charge;
        Self {
            labels,
            language: session.language.code(),
            bank,
            facts: vec![
                (labels.amount, money::with_currency(charge.amount, &charge.currency)),
                (labels.reference, session.order.reference.clone()),
                (
                    "CUS",
                    attempt.instrument.transfer().map(|transfer| transfer.cus.clone()).unwrap_or_default(),
                ),
            ],
            action: super::bank_address(key),
            back,
            is_open,
            state: input,
            reasons: BankState::ALL
                .into_iter()
                .map(|state| ReasonGroup {
                    name: name_of(state),
                    word: state.word(),
                    reasons: of_state(state),
                })
                .collect(),
            reason_error: error_of("reason"),
        }
    }
}

impl ChallengePage {
    /// The challenge, perhaps after a wrong code.
    pub fn new(frame: Frame, asked: Code, error: Option<&'static str>) -> Self {
        let labels = frame.labels;
        let (text, label) = match asked {
            Code::ThreeDs => (labels.challenge_text, labels.challenge_code),
            Code::OneTimePassword => (labels.password_text, labels.password),
        };
        let mut code = Input::text("challenge_code", label, String::new(), "one-time-code", "numeric");
        code.error = error;
        Self { frame, text, code }
    }
}

/// What the payer should know of the kind of payment.
fn notes(session: &Session, labels: &Labels) -> Vec<String> {
    let order = &session.order;
    let mut notes = Vec::new();
    if order.check_in {
        notes.push(labels.check_in_note.to_owned());
    }
    if order.allow_partial && session.ending().is_none() {
        notes.push(labels.partial_hint.to_owned());
    }
    if let Some(terms) = &order.recurring {
        let rhythm = match terms.periodicity {
            Periodicity::Day => labels.every_day,
            Periodicity::Month => labels.every_month,
            Periodicity::Year => labels.every_year,
        };
        let rhythm = rhythm.replacen("{}", &terms.interval.to_string(), 1);
        let rhythm = rhythm.replacen("{}", &terms.next_payment.to_string(), 1);
        notes.push(format!("{} {rhythm}.", labels.recurring_note));
    }
    notes
}

fn lines(session: &Session, labels: &Labels, is_capturing: bool) -> Vec<(String, String)> {
    let order = &session.order;
    let mut lines = Vec::new();
    if let Some(amount) = &order.amount {
        breakdown(amount, session.language, labels, &mut lines);
    }
    for share in &order.shares {
        lines.push((share_name(share, labels), money::text(share.amount.total, &share.amount.currency)));
        breakdown(&share.amount, session.language, labels, &mut lines);
    }
    if order.allow_partial || (!order.shares.is_empty() && !session.paid().is_zero()) {
        let shown = |amount| money::text(amount, order.currency());
        lines.push((labels.paid_so_far.to_owned(), shown(session.paid())));
        lines.push((labels.remaining.to_owned(), shown(session.remaining())));
    }
    let is_approved = session.ending().is_some_and(|(ending, _)| ending == Ending::Approved);
    for field in order.fields.iter().chain(&order.payment_fields) {
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

fn breakdown(amount: &Amount, language: Language, labels: &Labels, lines: &mut Vec<(String, String)>) {
    let shown = |number| money::text(number, &amount.currency);
    for detail in &amount.details {
        lines.push((labels::kind(&detail.kind, language).to_owned(), shown(detail.amount)));
    }
    for tax in &amount.taxes {
        let name = labels::kind(&tax.kind, language);
        let label = match tax.base {
            Some(base) => format!("{name} ({} {})", labels.base, shown(base)),
            None => name.to_owned(),
        };
        lines.push((label, shown(tax.amount)));
    }
}
