//! Creating a session: what is sent, and what the answer means (PROTOCOL.md 6).

use payment::fact::{Fact, FactKind, Observation, Opening, Telling};
use payment::instrument::KeepingState;
use payment::order::{Complaint, Language, Order};
use payment::provider::Moment;
use payment::step::{Advice, AfterLost, Answer, Refusal, Step};
use payment::task::Authorization;
use payment::{Account, Subject};
use serde::{Deserialize, Serialize};
use url::Url;

use super::answer::{self, Status, Unusable};
use super::call::{self, Operation};
use super::instrument::telling;
use super::order::{Buyer, ExtraField, Payment, Subscription};
use super::session::subject;
use super::wire::{Part, Scalar};
use crate::authentication::{Authentication, local_date, written_date};

/// A session that nobody was sent to is inert, so that a lost answer allows a fresh start.
const CREATE: Operation =
    Operation { name: "create_session", timeout_ms: 15_000, on_lost: AfterLost::FreshStart };

/// Setting: whether the provider's own page of the result is left out.
pub const SKIP_RESULT: &str = "skip_result";

/// Longest return address, in characters.
const LONGEST_URL: usize = 255;

pub fn begin(authorization: &Authorization, account: &Account, moment: Moment) -> Result<Step, Box<Refusal>> {
    if authorization.return_url.as_str().len() > LONGEST_URL {
        return Err(Box::new(Refusal {
            code: "too_long",
            provider_code: None,
            detail: format!("The return address has more than {LONGEST_URL} characters."),
            complaints: Vec::new(),
            advice: Advice::ChangeRequest,
        }));
    }
    is_for_later(&authorization.order, moment)?;
    let body = CreateSession::new(authorization, account, Authentication::new(account, moment)?);
    call::step(CREATE, account, &["session"], &body)
}

pub fn read(answer: &Answer, authorization: &Authorization, account: &Account) -> Step {
    let created = match answer::read::<Created>(answer) {
        Ok(created) => created,
        Err(unusable) => return unusable.into(),
    };
    let status = created.status.read().cloned().unwrap_or_default();
    let (Some("OK"), Some(id)) = (status.status.text(), created.request_id.id()) else {
        return Unusable::Unclear("the answer names no created session").into();
    };
    let kind = match process_url(&created.process_url, account) {
        Some(pay_url) => FactKind::Opened(Opening {
            provider_reference: id.to_owned(),
            pay_url: Some(pay_url),
            pay_code: None,
            expires_at: authorization.expires_at,
        }),
        // It exists, and nobody can be sent to it.
        None => FactKind::NotOpened(Telling { reason: status.told() }),
    };
    let at = status.date().unwrap_or(answer.received_at);
    let subject: Subject = subject(account, id);
    // Asked to keep the card, it will tell what became of that with the session.
    let keeping = authorization
        .order
        .keep_instrument
        .then(|| Fact::new(at, telling(id, KeepingState::Begun, status.told())));
    let facts = std::iter::once(Fact::new(at, kind)).chain(keeping).collect();
    Step::Learned(vec![Observation { subject, facts }].into())
}

/// A recurrence goes on after today, in the provider's country (AV-11.2-04).
fn is_for_later(order: &Order, moment: Moment) -> Result<(), Box<Refusal>> {
    let today = local_date(moment.now);
    let Some(recurrence) = order.recurrence.as_ref() else { return Ok(()) };
    let next = recurrence.next.filter(|next| *next <= today).map(|_| "recurrence.next");
    let until = recurrence.until.filter(|until| *until <= today).map(|_| "recurrence.until");
    let detail = "A day after today.";
    let complaints: Vec<Complaint> = [next, until]
        .into_iter()
        .flatten()
        .map(|param| Complaint::new(param, "invalid_value", detail))
        .collect();
    if complaints.is_empty() {
        return Ok(());
    }
    let detail = "The recurrence would go on in the past.".to_owned();
    let (code, advice) = ("invalid_value", Advice::ChangeRequest);
    Err(Box::new(Refusal { code, provider_code: None, detail, complaints, advice }))
}

/// Where the shopper pays: an address of the web, and an encrypted one when the account's own is.
fn process_url(written: &Scalar, account: &Account) -> Option<Url> {
    let url: Url = written.text()?.parse().ok()?;
    let is_fit = match url.scheme() {
        "https" => true,
        "http" => account.base_url.scheme() == "http",
        _ => false,
    };
    (is_fit && url.has_host()).then_some(url)
}

#[derive(Deserialize)]
struct Created {
    #[serde(default)]
    status: Part<Status>,
    #[serde(default, rename = "requestId")]
    request_id: Scalar,
    #[serde(default, rename = "processUrl")]
    process_url: Scalar,
}

/// The body, in the order of the provider's own examples. Who leaves comes back to the same address as who pays: we ask
/// anyway, and need not assume what an absent `cancelUrl` means (AV-U07).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateSession<'a> {
    auth: Authentication,
    locale: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer: Option<Buyer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<Buyer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<Payment<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<Subscription<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<ExtraField<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    payment_method: String,
    expiration: String,
    return_url: &'a str,
    cancel_url: &'a str,
    ip_address: String,
    user_agent: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    skip_result: bool,
}

impl<'a> CreateSession<'a> {
    fn new(authorization: &'a Authorization, account: &Account, auth: Authentication) -> Self {
        let (order, reference) = (&authorization.order, &authorization.reference);
        let is_enrolment = order.is_enrolment();
        Self {
            auth,
            locale: locale(order.language),
            buyer: order.buyer.as_ref().map(Buyer::new),
            payer: order.payer.as_ref().map(Buyer::new),
            payment: (!is_enrolment).then(|| Payment::new(authorization)),
            subscription: is_enrolment.then(|| Subscription::new(reference, order)),
            fields: order.extra.iter().map(ExtraField::new).collect(),
            payment_method: order.methods.join(","),
            expiration: written_date(authorization.expires_at),
            return_url: authorization.return_url.as_str(),
            cancel_url: authorization.return_url.as_str(),
            ip_address: order.shopper.ip.to_string(),
            user_agent: &order.shopper.user_agent,
            skip_result: account.setting(SKIP_RESULT) == Some("yes"),
        }
    }
}

/// The language of the page and of the messages (PROTOCOL.md 5).
pub const fn locale(language: Language) -> &'static str {
    match language {
        Language::Es => "es_CO",
        Language::Pt => "pt_BR",
        Language::En => "en_US",
    }
}
