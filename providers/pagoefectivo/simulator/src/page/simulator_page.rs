//! The simulator of payments that the provider lends to developers (§12).
//!
//! PE-U53: its screens are ours. One enters a CIP, sees what it is, pays it, and watches the notice, every
//! attempt and the merchant's answers; then sends the notices that a receiver has to stand.

use askama::Template;
use simulation::form::Form;
use simulation::{Reply, Request, Timestamp, World};

use super::labels::{self, Labels};
use super::words::{self, Tongue};
use super::{LanguageLink, channels, language_links, query, render, state_name};
use crate::PagoEfectivo;
use crate::api::cip_number;
use crate::cip::{Cip, State};
use crate::effects::Hindrance;
use crate::lima;
use crate::notice::{Notice, SIGNATURE_HEADER, VARIANTS, Variant};
use crate::route::PAYMENT_SIMULATOR;
use crate::settings::Environment;

#[derive(Template)]
#[template(path = "payment_simulator.html")]
struct SimulatorPage {
    labels: &'static Labels,
    language: &'static str,
    languages: Vec<LanguageLink>,
    address: &'static str,
    asked: String,
    problem: Option<&'static str>,
    cip: Option<CipView>,
    channels: Vec<&'static str>,
    variants: Vec<(&'static str, &'static str)>,
}

struct CipView {
    number: u64,
    facts: Vec<(&'static str, String)>,
    is_payable: bool,
    is_paid: bool,
    page: String,
    notices: Vec<NoticeView>,
}

struct NoticeView {
    name: &'static str,
    from: Option<String>,
    signature: String,
    body: String,
    attempts: Vec<AttemptView>,
}

struct AttemptView {
    ordinal: usize,
    at: String,
    result: String,
    answer: String,
    class: &'static str,
}

impl PagoEfectivo {
    pub(crate) fn payment_simulator(&self, request: &Request, world: &mut dyn World) -> Reply {
        let query = query(request);
        self.simulator_page(200, query.get("cip"), Tongue::of(query.get("lang")), None, world.now())
    }

    pub(crate) fn take_payment(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        let form = Form::read(&request.body);
        let (asked, tongue) = (form.get("cip"), Tongue::of(form.get("lang")));
        let Some(channel) = channels::named(form.get("channel")) else {
            let problem = labels::of(tongue).problem_channel;
            return self.simulator_page(422, asked, tongue, Some(problem), world.now());
        };
        let now = world.now();
        let paid = match self.testable(asked) {
            Ok(number) => self.pay(number, channel.name, now, world),
            Err(why) => Err(why),
        };
        self.answer_form(paid, asked, tongue, now)
    }

    pub(crate) fn take_notice(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        let form = Form::read(&request.body);
        let (asked, tongue) = (form.get("cip"), Tongue::of(form.get("lang")));
        let told = match (self.testable(asked), Variant::of_word(form.get("variant"))) {
            (Ok(number), Some(variant)) => self.tell(number, variant, world),
            (Ok(_), None) => Err(Hindrance::NotPaid),
            (Err(why), _) => Err(why),
        };
        self.answer_form(told, asked, tongue, world.now())
    }

    /// The CIP of a form, when it is of the test environment; production knows no simulator of payments.
    fn testable(&self, asked: &str) -> Result<u64, Hindrance> {
        let cip = cip_number(asked).and_then(|number| self.cips.get(&number)).ok_or(Hindrance::Unknown)?;
        let merchant = self.merchant(&cip.merchant).ok_or(Hindrance::Unknown)?;
        match merchant.settings.environment {
            Environment::Test => Ok(cip.number),
            Environment::Production => Err(Hindrance::Unknown),
        }
    }

    fn answer_form(&self, done: Result<(), Hindrance>, asked: &str, tongue: Tongue, now: Timestamp) -> Reply {
        let labels = labels::of(tongue);
        let problem = match done {
            Ok(()) => {
                let number = cip_number(asked).unwrap_or_default();
                return Reply::see_other(format!("{PAYMENT_SIMULATOR}?cip={number}&lang={}", tongue.code()));
            }
            Err(Hindrance::Unknown) => labels.problem_unknown,
            Err(Hindrance::NotPayable(_)) => labels.problem_not_payable,
            Err(Hindrance::NotPaid) => labels.problem_not_paid,
            Err(Hindrance::NoAddress) => labels.problem_no_address,
            Err(Hindrance::PlainHttp) => labels.problem_plain_http,
            Err(Hindrance::TooMany) => labels.problem_too_many,
        };
        self.simulator_page(422, asked, tongue, Some(problem), now)
    }

    fn simulator_page(
        &self,
        status: u16,
        asked: &str,
        tongue: Tongue,
        problem: Option<&'static str>,
        now: Timestamp,
    ) -> Reply {
        let labels = labels::of(tongue);
        let cip = self.testable(asked).ok().and_then(|number| self.cips.get(&number));
        let is_unknown = cip.is_none() && !asked.is_empty();
        let shown: String = asked.chars().take(14).filter(char::is_ascii_digit).collect();
        let page = SimulatorPage {
            labels,
            language: tongue.code(),
            languages: language_links(&format!("{PAYMENT_SIMULATOR}?cip={shown}&"), tongue),
            address: PAYMENT_SIMULATOR,
            problem: problem.or(is_unknown.then_some(labels.problem_unknown)),
            cip: cip.map(|cip| view(cip, self.service_name(cip), labels, tongue, now)),
            asked: shown,
            channels: channels::all().map(|channel| channel.name).collect(),
            variants: VARIANTS
                .into_iter()
                .filter(|(_, variant)| *variant != Variant::Genuine)
                .map(|(word, variant)| (word, labels.variant(variant)))
                .collect(),
        };
        let is_found = cip.is_some() || asked.is_empty();
        render(if status == 200 && !is_found { 404 } else { status }, &page)
    }

    fn service_name(&self, cip: &Cip) -> String {
        self.merchant(&cip.merchant).map_or_else(String::new, |merchant| {
            format!("{} ({})", merchant.settings.merchant_name, merchant.id_service)
        })
    }
}

fn view(cip: &Cip, service: String, labels: &'static Labels, tongue: Tongue, now: Timestamp) -> CipView {
    let state = cip.state(now);
    let mut facts = vec![
        (labels.fact_service, service),
        (labels.fact_state, state_name(state, labels).to_owned()),
        (labels.amount, words::amount(&cip.order.currency, cip.order.amount)),
        (labels.pay_before, words::deadline(cip.expires_at, tongue)),
        (labels.fact_transaction, cip.order.transaction_code.clone()),
    ];
    if let Some(payment) = &cip.payment {
        facts.push((labels.fact_paid_at, words::deadline(payment.at, tongue)));
        facts.push((labels.fact_channel, payment.channel.clone()));
        facts.push((labels.fact_operation, payment.operation_number.clone()));
    }
    CipView {
        number: cip.number,
        facts,
        is_payable: state == State::Generated,
        is_paid: state == State::Paid,
        page: format!("/{}.html?lang={}", cip.guid, tongue.code()),
        notices: cip.notices.iter().rev().map(|notice| notice_view(notice, labels)).collect(),
    }
}

fn notice_view(notice: &Notice, labels: &'static Labels) -> NoticeView {
    let attempts = notice.attempts.iter().enumerate().map(|(place, attempt)| {
        let outcome = attempt.outcome.as_ref();
        let status = outcome.and_then(|outcome| outcome.status);
        AttemptView {
            ordinal: place + 1,
            at: lima::write(outcome.map_or(attempt.due_at, |outcome| outcome.at)),
            result: match (outcome, status) {
                (None, _) => labels.attempt_waits.to_owned(),
                (Some(_), Some(status)) => format!("HTTP {status}"),
                (Some(outcome), None) => outcome.failure.clone().unwrap_or_default(),
            },
            answer: outcome.map(|outcome| outcome.answer_start.clone()).unwrap_or_default(),
            class: match (outcome, status) {
                (None, _) => "waiting",
                (Some(_), Some(200)) => "received",
                (Some(_), Some(_) | None) => "failed",
            },
        }
    });
    NoticeView {
        name: labels.variant(notice.variant),
        from: notice.from.map(|from| from.to_string()),
        signature: if notice.signature.is_empty() {
            String::new()
        } else {
            format!("{SIGNATURE_HEADER}: {}", notice.signature)
        },
        body: String::from_utf8_lossy(&notice.body).into_owned(),
        attempts: attempts.collect(),
    }
}
