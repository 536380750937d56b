//! One payment's story: order, amounts, attempts, facts, history, wire log, notices, events, cases.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use payment::Money;
use payment::division::Part;
use payment::fact::Reason;
use payment::id::PaymentId;
use payment::person::Person;
use payment::summary::Certainty;
use serde::Serialize;

use super::super::frame::Frame;
use super::super::{page, trouble};
use super::operator::Operator;
use super::told::{fact_line, fact_word, reason_line, word_of};
use crate::flow::history::{HistoryLine, history};
use crate::settings::Merchant;
use crate::state::Hub;
use crate::store::{
    Attempt, CallLine, Case, Delivery, DeliveryTry, Event, Instrument, NoticeLine, Payment, RecordedFact,
    StoreError,
};

#[derive(Template)]
#[template(path = "console/story.html")]
struct StoryPage {
    frame: Frame,
    merchant_id: String,
    merchant_name: String,
    status_url: String,
    payment: Payment,
    /// The instrument that it charges, and the one that is kept since.
    charged: Option<Instrument>,
    kept: Option<Instrument>,
    attempts: Vec<Attempt>,
    facts: Vec<RecordedFact>,
    history: Vec<HistoryLine>,
    calls: Vec<CallLine>,
    notices: Vec<NoticeLine>,
    events: Vec<ToldEvent>,
    cases: Vec<Case>,
}

/// Most tries shown of one event.
const TRIES_SHOWN: u32 = 50;

/// An event with its deliveries and the tries that are still on record.
struct ToldEvent {
    event: Event,
    deliveries: Vec<Delivery>,
    tries: Vec<DeliveryTry>,
}

pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    operator: Operator,
    Path((merchant_id, payment_id)): Path<(String, String)>,
) -> Response {
    let merchant = hub.settings.merchant(&merchant_id);
    let (Some(merchant), Ok(id)) = (merchant, payment_id.parse::<PaymentId>()) else {
        return trouble::not_found(operator.language);
    };
    let frame = Frame::new(operator.language, &merchant.zone);
    match StoryPage::load(&hub, merchant, &id, frame).await {
        Ok(Some(story)) => page(StatusCode::OK, &story),
        Ok(None) => trouble::not_found(operator.language),
        Err(error) => trouble::unavailable(operator.language, &error),
    }
}

impl StoryPage {
    async fn load(
        hub: &Hub,
        merchant: &Merchant,
        id: &PaymentId,
        frame: Frame,
    ) -> Result<Option<Self>, StoreError> {
        let (store, merchant_id) = (&hub.store, merchant.id.as_str());
        let Some(payment) = store.payment(merchant_id, id).await? else { return Ok(None) };
        let charged = match &payment.order.instrument {
            Some(id) => store.instrument(merchant_id, id).await?,
            None => None,
        };
        let kept = match &payment.detail.instrument {
            Some(id) => store.instrument(merchant_id, id).await?,
            None => None,
        };
        let told = store.events_of(merchant_id, id).await?;
        let history = history(&payment, &told);
        let mut events = Vec::new();
        for event in told {
            let deliveries = store.deliveries_of(merchant_id, &event.id).await?;
            let tries = store.delivery_tries(merchant_id, &event.id, TRIES_SHOWN).await?;
            events.push(ToldEvent { event, deliveries, tries });
        }
        Ok(Some(Self {
            frame,
            merchant_id: merchant.id.clone(),
            merchant_name: merchant.name.clone(),
            status_url: hub.status_url(merchant_id, id).into(),
            payment,
            charged,
            kept,
            attempts: store.attempts(merchant_id, id).await?,
            facts: store.recorded_facts(merchant_id, id).await?,
            history,
            calls: store.calls(merchant_id, id).await?,
            notices: store.notices_of(merchant_id, id).await?,
            events,
            cases: store.cases_of(merchant_id, id).await?,
        }))
    }

    fn certainty(&self, certainty: &Certainty) -> &'static str {
        match certainty {
            Certainty::Confirmed => self.frame.text.confirmed,
            Certainty::Unknown => self.frame.text.unknown,
        }
    }

    /// An amount in the payment's currency.
    fn money(&self, minor: &i64) -> Money {
        Money::new(*minor, self.payment.order.total.currency)
    }

    /// What became of each part, where it is divided.
    fn parts(&self) -> Vec<Part> {
        let told = &self.payment.detail.parts;
        if !told.is_empty() || !self.payment.order.is_divided() {
            return told.clone();
        }
        payment::division::parts(&self.payment.order, &[])
    }

    fn told(&self, reason: &Reason) -> String {
        reason_line(reason)
    }

    /// The people of the order, each with what they are in it.
    fn people(&self) -> Vec<(&'static str, &Person)> {
        let (text, order) = (self.frame.text, &self.payment.order);
        let people =
            [(text.buyer, &order.buyer), (text.payer, &order.payer), (text.shipping, &order.shipping)];
        people.into_iter().filter_map(|(role, person)| Some((role, person.as_ref()?))).collect()
    }

    fn name_of(&self, person: &Person) -> String {
        let names = [person.name.as_deref(), person.surname.as_deref()];
        names.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The instruments that it has to do with, each with what it is to it.
    fn instruments(&self) -> Vec<(&'static str, &Instrument)> {
        let text = self.frame.text;
        let instruments = [(text.charged_instrument, &self.charged), (text.kept_instrument, &self.kept)];
        instruments.into_iter().filter_map(|(role, found)| Some((role, found.as_ref()?))).collect()
    }

    /// What an instrument is called by people.
    fn instrument_name(&self, instrument: &Instrument) -> String {
        let digits = instrument.last_four.as_ref().map(|digits| format!("**** {digits}"));
        let parts = [instrument.brand.clone(), digits, Some(self.told(&instrument.reason))];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }

    fn reason(&self) -> String {
        reason_line(&self.payment.detail.reason)
    }

    fn word(&self, value: &impl Serialize) -> String {
        word_of(value)
    }

    fn fact_word(&self, fact: &RecordedFact) -> &'static str {
        fact_word(&fact.fact.kind)
    }

    fn fact_line(&self, fact: &RecordedFact) -> String {
        fact_line(&fact.fact.kind)
    }

    /// The ordinal of the attempt with this id; empty for one that is not the payment's.
    fn ordinal(&self, id: &payment::id::AttemptId) -> String {
        let attempt = self.attempts.iter().find(|attempt| attempt.id == *id);
        attempt.map_or_else(String::new, |attempt| attempt.ordinal.to_string())
    }

    /// How a call came out: the HTTP status, or the word of the record.
    fn call_result(&self, call: &CallLine) -> String {
        call.status.map_or_else(|| call.outcome.clone(), |status| format!("HTTP {status}"))
    }

    fn milliseconds(&self, call: &CallLine) -> String {
        call.duration_us.map_or_else(String::new, |micros| format!("{} ms", micros / 1000))
    }

    /// What a try met, and how long it took.
    fn try_result(&self, made: &DeliveryTry) -> String {
        format!("{} · {} ms", made.result, made.duration_us / 1000)
    }
}

#[cfg(test)]
pub(in super::super) fn samples(language: payment::order::Language) -> Vec<String> {
    use super::sample;
    use crate::store::InstrumentState;

    let story = |payment: Payment, events: &[Event]| StoryPage {
        history: history(&payment, events),
        frame: Frame::sample(language),
        merchant_id: "uno".into(),
        merchant_name: "<xss>".into(),
        status_url: "http://caudal.localhost/p/uno/x".into(),
        payment,
        charged: None,
        kept: None,
        attempts: vec![],
        facts: vec![],
        calls: vec![],
        notices: vec![],
        events: vec![],
        cases: vec![],
    };
    let bare = story(sample::payment(payment::Status::Created), &[]);
    let event = sample::event();
    let full = story(sample::payment(payment::Status::Failed), std::slice::from_ref(&event));
    let full = StoryPage {
        charged: Some(sample::instrument(InstrumentState::Removing)),
        kept: Some(sample::instrument(InstrumentState::Active)),
        attempts: vec![sample::attempt()],
        facts: sample::recorded_facts(),
        calls: vec![sample::call(Some(200)), sample::call(None)],
        notices: vec![sample::notice("forged"), sample::notice("<xss>")],
        events: vec![ToldEvent {
            event,
            deliveries: vec![sample::delivery()],
            tries: vec![sample::delivery_try()],
        }],
        cases: vec![sample::case()],
        ..full
    };
    [bare, full].iter().map(|page| page.render().expect("it renders")).collect()
}
