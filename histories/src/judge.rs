//! The judge: what must hold of every payment after every step, and what must hold once nothing is due any more.

use std::collections::{BTreeMap, BTreeSet};

use hub::flow::deliver_event::signature;
use hub::flow::history::{HistoryLine, history};
use hub::store::{Attempt, Case, Event, Payment, RecordedFact};
use payment::attempt::Attempt as PureAttempt;
use payment::case::CaseKind;
use payment::id::PaymentId;
use payment::{Status, Summary};
use secrecy::ExposeSecret;

use crate::clients::{self, merchant_id};
use crate::plan::MERCHANTS;
use crate::provider::{Card, Part, Session};
use crate::world::{ENDPOINT_SECRET, Order, World};

/// Everything that the hub has recorded of a payment.
#[derive(Debug)]
struct Record {
    payment: Payment,
    attempts: Vec<Attempt>,
    facts: Vec<RecordedFact>,
    history: Vec<HistoryLine>,
    events: Vec<Event>,
    cases: Vec<Case>,
}

impl World {
    /// Judges the orders that the step has touched.
    pub async fn judge_touched(&self) {
        let asked = {
            let mut state = self.wire.state();
            state.findings.drain(..).for_each(|finding| self.find(finding));
            std::mem::take(&mut state.asked)
        };
        let asked: Vec<usize> =
            asked.iter().filter_map(|session| self.sessions.borrow().get(session).copied()).collect();
        let mut touched = std::mem::take(&mut *self.touched.borrow_mut());
        touched.extend(asked);
        for index in touched {
            self.judge_order(index).await;
        }
    }

    /// Judges one order. Answers with its record, when there is a payment.
    async fn judge_order(&self, index: usize) -> Option<Record> {
        let order = self.orders.borrow()[index].clone();
        let record = match self.record(&order).await {
            Ok(Some(record)) => record,
            Ok(None) => {
                if order.payment.is_some() {
                    self.find(format!("the payment of {} is gone", order.reference));
                }
                return None;
            }
            Err(error) => {
                self.find(format!("the record of {} cannot be read: {error}", order.reference));
                return None;
            }
        };
        let mut findings = Vec::new();
        record.judge_sums(&mut findings);
        record.judge_history(order.part, &mut findings);
        record.judge_events(&mut findings);
        self.judge_money(&record, &mut findings);
        let judged = (record.payment.version, record.facts.len(), record.history.len());
        let (version, facts, lines) = order.judged;
        if judged.0 < version || judged.1 < facts || judged.2 < lines {
            findings.push(format!("something is lost: {:?} stood there and now {judged:?}", order.judged));
        }
        for finding in findings {
            self.find(format!("{}: {finding}", order.reference));
        }
        self.note((judged, record.payment.status.word()));
        self.remember(index, &record, judged);
        Some(record)
    }

    fn remember(&self, index: usize, record: &Record, judged: (i64, usize, usize)) {
        let order = &mut self.orders.borrow_mut()[index];
        order.judged = judged;
        order.payment = Some(record.payment.id.clone());
        if let Some(newest) = record.attempts.last() {
            order.attempt = Some(newest.id.clone());
            order.attempt_reference = Some(newest.reference.clone());
            if let Some(session) = &newest.provider_reference {
                order.session = Some(session.clone());
                self.sessions.borrow_mut().insert(session.clone(), index);
            }
        }
    }

    async fn record(&self, order: &Order) -> Result<Option<Record>, hub::store::StoreError> {
        let (store, merchant) = (&self.store, merchant_id(order.merchant));
        let Some(payment) = store.payment_by_reference(&merchant, &order.reference).await? else {
            return Ok(None);
        };
        let id = payment.id.clone();
        let events = store.events_of(&merchant, &id).await?;
        Ok(Some(Record {
            history: history(&payment, &events),
            payment,
            attempts: store.attempts(&merchant, &id).await?,
            facts: store.recorded_facts(&merchant, &id).await?,
            events,
            cases: store.cases_of(&merchant, &id).await?,
        }))
    }

    /// Everything that the hub has recorded of all orders, as text.
    pub async fn records_as_text(&self) -> String {
        let mut text = String::new();
        let orders = self.orders.borrow().clone();
        for order in orders {
            let record = self.record(&order).await.expect("the record can be read");
            text.push_str(&format!("{record:#?}\n"));
            let Some(Record { payment, .. }) = record else { continue };
            let merchant = merchant_id(order.merchant);
            let mut calls = self.store.calls(&merchant, &payment.id).await.expect("calls");
            // Real time: no two runs have the same.
            calls.iter_mut().for_each(|call| call.duration_us = None);
            let notices = self.store.notices_of(&merchant, &payment.id).await.expect("notices");
            text.push_str(&format!("{calls:#?}\n{notices:#?}\n"));
        }
        text
    }

    /// Nobody is charged twice, and the hub never tells of money that did not move.
    fn judge_money(&self, record: &Record, findings: &mut Vec<String>) {
        let state = self.wire.state();
        let mut charged = 0;
        for attempt in &record.attempts {
            let charges = state.provider.charges(&attempt.reference);
            if charges.len() > 1 {
                findings.push(format!("charged {} times: {charges:?}", charges.len()));
            }
            charged += i64::try_from(charges.len()).unwrap_or(i64::MAX) * record.payment.order.total.minor;
            if record.payment.refunded.minor > 0 && !state.provider.is_refunded(&attempt.reference) {
                findings.push("given back according to the hub alone".to_owned());
            }
        }
        if record.payment.paid.minor > charged {
            findings.push(format!("{} paid and {charged} charged", record.payment.paid));
        }
    }

    /// Judges everything, once nothing is due any more.
    pub async fn judge_settled(&self) {
        let sessions = self.wire.state().provider.sessions();
        let sessions: BTreeMap<String, Session> =
            sessions.into_iter().map(|session| (session.id.clone(), session)).collect();
        let count = self.orders.borrow().len();
        let mut events: [BTreeMap<String, String>; MERCHANTS] = Default::default();
        for index in 0..count {
            let Some(record) = self.judge_order(index).await else { continue };
            let order = self.orders.borrow()[index].clone();
            if let Some(finding) = self.disagreement(order.part, &record, &sessions) {
                self.find(format!("{}: {finding}", order.reference));
            }
            self.judge_traces(&order, &record, &sessions).await;
            let bodies = record.events.into_iter().map(|event| (event.id.to_string(), event.body));
            events[order.merchant].extend(bodies);
        }
        for (merchant, events) in events.iter().enumerate() {
            self.judge_inbox(merchant, events);
            self.judge_visibility(merchant).await;
        }
    }

    /// What hub and provider disagree about in the end.
    fn disagreement(
        &self,
        part: Part,
        record: &Record,
        sessions: &BTreeMap<String, Session>,
    ) -> Option<String> {
        let payment = &record.payment;
        let newest = record.attempts.last()?;
        let has_case = |kind: CaseKind| record.cases.iter().any(|case| case.kind == kind.word());
        let state = self.wire.state();
        let Some(session) = newest.provider_reference.as_ref().and_then(|id| sessions.get(id)) else {
            let is_given_up = payment.status == Status::Failed && payment.detail.pay_url.is_none();
            // What may exist at the provider is held until its time is over, and a person is told of it.
            let is_held = part.holds_lost_creations()
                && payment.status == Status::Expired
                && has_case(CaseKind::PossibleOrphan);
            return (!is_given_up && !is_held).then(|| format!("{} and never opened", payment.status));
        };
        // A person has to look: the hub asks no more, unless a notice tells it to.
        if has_case(CaseKind::Unresolved) && payment.status.is_open() && !state.noticed.contains(&session.id)
        {
            return None;
        }
        let is_charged = !state.provider.charges(&newest.reference).is_empty();
        let is_refunded = state.provider.is_refunded(&newest.reference);
        let (word, reason) = (session.status.0.as_str(), session.status.1.as_str());
        if !part.may_end(session, is_charged, is_refunded).contains(&payment.status) {
            let cases: Vec<&str> = record.cases.iter().map(|case| case.kind.as_str()).collect();
            return Some(format!("{} and {word} {reason} at the provider, cases {cases:?}", payment.status));
        }
        let is_paid = payment.paid == payment.order.total;
        (is_paid != is_charged).then(|| format!("{} paid, charged: {is_charged}", payment.paid))
    }

    /// Every event arrived at least once, as it is recorded and signed, and nothing else arrived.
    fn judge_inbox(&self, merchant: usize, events: &BTreeMap<String, String>) {
        let inbox = self.wire.state().inboxes[merchant].clone();
        let mut arrived = BTreeSet::new();
        for received in &inbox {
            let expected = signature(ENDPOINT_SECRET, &received.id, received.timestamp_s, &received.body);
            if received.signature != expected {
                self.find(format!("event {} is not signed", received.id));
            }
            match events.get(&received.id) {
                Some(body) if *body == received.body => {}
                Some(_) => self.find(format!("event {} came with another body", received.id)),
                None => self.find(format!("event {} is not of this merchant", received.id)),
            }
            self.note((&received.id, &received.body));
            arrived.insert(received.id.as_str());
        }
        if let Some(missing) = events.keys().find(|id| !arrived.contains(id.as_str())) {
            self.find(format!("event {missing} was never delivered: {}", events[missing]));
        }
    }

    /// A merchant sees its own payments and nobody else's.
    async fn judge_visibility(&self, merchant: usize) {
        let listed = clients::get(self.router(), merchant, "/v1/payments?limit=100").await;
        let listed: BTreeSet<PaymentId> = listed.json["data"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|payment| payment["id"].as_str()?.parse().ok())
            .collect();
        let orders = self.orders.borrow().clone();
        for order in orders.iter().rev().take(100) {
            let Some(payment) = &order.payment else { continue };
            let is_own = order.merchant == merchant;
            if listed.contains(payment) && !is_own {
                self.find(format!("{} is listed for another merchant", order.reference));
            }
            if !is_own {
                let read = clients::get(self.router(), merchant, &format!("/v1/payments/{payment}")).await;
                if read.status != 404 {
                    self.find(format!("{} is shown to another merchant", order.reference));
                }
            }
        }
    }

    /// A notice that was taken left its trace, and no card number and nothing that proves a call is kept or told.
    async fn judge_traces(&self, order: &Order, record: &Record, sessions: &BTreeMap<String, Session>) {
        let merchant = merchant_id(order.merchant);
        let calls = self.store.calls(&merchant, &record.payment.id).await.unwrap_or_default();
        let notices = self.store.notices_of(&merchant, &record.payment.id).await.unwrap_or_default();
        let state = self.wire.state();
        let taken = notices.iter().filter(|notice| notice.verdict == "valid").count();
        let is_noticed = order.session.as_ref().is_some_and(|session| state.noticed.contains(session));
        // The provider tells the end of each session once, of those too that were lost while they were opened; a hub
        // that dies may have taken a notice without saying so.
        let newest = record.attempts.last().map(|attempt| attempt.reference.as_str());
        let ends = sessions.values().filter(|session| Some(session.reference.as_str()) == newest).count();
        if taken > ends * order.part.notices_of_a_session() || (is_noticed && taken == 0) {
            self.find(format!("{}: {taken} notices have an effect, told: {is_noticed}", order.reference));
        }
        let hub = self.hub();
        let secrets = hub.settings.accounts.iter().flat_map(|account| account.secrets.values().flatten());
        let secrets: Vec<&str> = secrets.map(ExposeSecret::expose_secret).collect();
        let proofs = state.proofs.iter().map(String::as_str);
        let hidden = Card::ALL.iter().map(|card| card.number()).chain(secrets).chain(proofs);
        let mut texts: Vec<String> = record.events.iter().map(|event| event.body.clone()).collect();
        texts.extend(calls.iter().map(|call| format!("{call:?}")));
        texts.extend(notices.iter().map(|notice| format!("{notice:?}")));
        texts.push(format!("{:?} {:?}", record.payment, record.facts));
        let text = texts.join("\n");
        for secret in hidden {
            if text.contains(secret) {
                self.find(format!("{} holds a secret in plain text", order.reference));
            }
        }
    }
}

impl Record {
    /// Status and sums are those of the facts, whatever order they came in.
    fn judge_sums(&self, findings: &mut Vec<String>) {
        let pure = self.attempts.iter().map(|attempt| {
            let facts = self.facts.iter().filter(|fact| fact.attempt_id == attempt.id);
            PureAttempt { ordinal: attempt.ordinal, facts: facts.map(|fact| fact.fact.clone()).collect() }
        });
        let pure: Vec<PureAttempt> = pure.collect();
        let Summary { status, certainty, authorized, paid, refunded, overpaid, told, cases, .. } =
            payment::summary(self.payment.order.total, &pure);
        let expected = (status, certainty, authorized, paid, refunded, overpaid, told);
        let kept = &self.payment;
        let stands = (
            kept.status,
            kept.certainty,
            kept.authorized,
            kept.paid,
            kept.refunded,
            kept.overpaid,
            kept.told,
        );
        if stands != expected {
            findings.push(format!("its facts say {expected:?} and it says {stands:?}"));
        }
        let has_case = |kind: &CaseKind| self.cases.iter().any(|case| case.kind == kind.word());
        if let Some(missing) = cases.iter().find(|kind| !has_case(kind)) {
            findings.push(format!("there is no case {missing:?}"));
        }
        let facts: BTreeSet<_> = self.facts.iter().map(|fact| (&fact.attempt_id, fact.fact.key())).collect();
        if facts.len() != self.facts.len() {
            findings.push("a fact is recorded twice".to_owned());
        }
    }

    /// The history leads to the status without a gap, and nothing that is final changes but for money given back.
    fn judge_history(&self, part: Part, findings: &mut Vec<String>) {
        let mut before: Option<&HistoryLine> = None;
        for line in &self.history {
            let follows = match before {
                None => line.from.is_none() && line.version == 1,
                Some(before) => line.from == Some(before.to) && line.version > before.version,
            };
            if !follows {
                findings.push(format!("its history has a gap before {line:?}"));
            }
            if let Some(before) = before
                && before.to != line.to
                && !before.to.is_open()
                && !part.may_become(before.to, line.to)
            {
                findings.push(format!("{} was final and became {}", before.to, line.to));
            }
            before = Some(line);
        }
        let last = before.map(|line| (line.to, line.certainty));
        if last != Some((self.payment.status, self.payment.certainty)) {
            findings.push(format!("it is {} and its history ends in {last:?}", self.payment.status));
        }
    }

    /// Every line of the history but the first has one event, which tells what it says and what is new.
    fn judge_events(&self, findings: &mut Vec<String>) {
        const NEWS: [&str; 6] = ["status", "certainty", "authorized", "paid", "refunded", "overpaid"];
        let told = self.events.iter().map(|event| {
            let body: serde_json::Value = serde_json::from_str(&event.body).unwrap_or_default();
            let news = NEWS.map(|member| body["data"][member].to_string());
            (body["data"]["version"].as_i64().unwrap_or(0), (event.kind.clone(), news))
        });
        let told: BTreeMap<i64, (String, [String; 6])> = told.collect();
        let lines = self.history.iter().skip(1).map(|line| (line.version, format!("payment.{}", line.to)));
        let is_told = told.iter().map(|(version, (kind, _))| (*version, kind.clone())).eq(lines);
        if !is_told || self.events.len() != told.len() {
            findings.push(format!("its events tell {told:?} and its history {:?}", self.history));
        }
        let news: Vec<_> = told.values().map(|(_, news)| news).collect();
        if let Some(same) = news.windows(2).find(|pair| pair[0] == pair[1]) {
            findings.push(format!("an event tells nothing new: {:?}", same[1]));
        }
    }
}
