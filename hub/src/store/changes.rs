//! What one transaction writes about payments, gathered first, so that each table is written in sets.

use std::collections::{BTreeMap, BTreeSet};

use payment::Timestamp;
use payment::step::Memo;

use super::attempts::ChangedAttempt;
use super::database::{StoreError, Tx};
use super::idempotency::KeyAnswer;
use super::instruments::TokenKey;
use super::operations::HandedOver;
use super::rows::{
    Attempt, AttemptKey, CallLine, Case, Event, FoundSubject, Instrument, KeptNotice, NewCall, NewFact,
    NewWork, Operation, OperationKey, Payment, PaymentKey,
};
use super::sets::Script;

/// Changes to be written together. What can change twice in one transaction is kept by its key: the last word counts.
#[derive(Debug, Default)]
pub struct Changes {
    /// New attempts.
    pub attempts: Vec<Attempt>,
    /// What clients want to remember until the answer.
    pub memos: BTreeMap<AttemptKey, Memo>,
    /// Calls, before they are made or after.
    pub calls: Vec<NewCall>,
    /// Calls that were written before they were made, as they ended.
    pub finished_calls: Vec<(PaymentKey, CallLine)>,
    /// Facts to append.
    pub facts: Vec<NewFact>,
    /// Providers' references to make findable.
    pub subjects: Vec<FoundSubject>,
    /// Attempts that changed.
    pub changed_attempts: BTreeMap<AttemptKey, ChangedAttempt>,
    /// Operations, begun or as they stand now.
    pub operations: BTreeMap<OperationKey, Operation>,
    /// What notices hand over to operations.
    pub handed_over: Vec<HandedOver>,
    /// Instruments, new or as they stand now.
    pub instruments: BTreeMap<TokenKey, Instrument>,
    /// Payments that changed.
    pub payments: BTreeMap<PaymentKey, Payment>,
    /// Those of them that were open and are not any more, or are again.
    pub turned: BTreeSet<PaymentKey>,
    /// Events, for every endpoint of their merchants.
    pub events: Vec<Event>,
    /// Cases of merchants.
    pub cases: Vec<(String, Case)>,
    /// Notices to keep.
    pub notices: Vec<KeptNotice>,
    /// Work to write, or to write anew.
    pub scheduled: BTreeMap<AttemptKey, NewWork>,
    /// Attempts that a notice came for while they were being opened.
    pub noticed: BTreeSet<AttemptKey>,
    /// Work to be done earlier, and from when on.
    pub brought_forward: BTreeMap<AttemptKey, Timestamp>,
    /// Attempts that are settled: their work ends, whatever else is written about it.
    pub settled: BTreeSet<AttemptKey>,
    /// Answers to keep under the keys of requests, in the order of the keys.
    pub answers: Vec<KeyAnswer>,
}

impl Changes {
    /// Adds others, which are about other payments.
    pub fn append(&mut self, other: Self) {
        let Self {
            attempts,
            mut memos,
            calls,
            finished_calls,
            facts,
            subjects,
            mut changed_attempts,
            mut operations,
            handed_over,
            mut instruments,
            mut payments,
            mut turned,
            events,
            cases,
            notices,
            mut scheduled,
            mut noticed,
            mut brought_forward,
            mut settled,
            answers,
        } = other;
        self.attempts.extend(attempts);
        self.memos.append(&mut memos);
        self.calls.extend(calls);
        self.finished_calls.extend(finished_calls);
        self.facts.extend(facts);
        self.subjects.extend(subjects);
        self.changed_attempts.append(&mut changed_attempts);
        self.operations.append(&mut operations);
        self.handed_over.extend(handed_over);
        self.instruments.append(&mut instruments);
        self.payments.append(&mut payments);
        self.turned.append(&mut turned);
        self.events.extend(events);
        self.cases.extend(cases);
        self.notices.extend(notices);
        self.scheduled.append(&mut scheduled);
        self.noticed.append(&mut noticed);
        self.brought_forward.append(&mut brought_forward);
        self.settled.append(&mut settled);
        self.answers.extend(answers);
    }

    /// The memos of attempts that are there already.
    fn memos_of_others(&self) -> impl Iterator<Item = (&AttemptKey, &Memo)> {
        let is_new = move |key: &AttemptKey| {
            self.attempts.iter().any(|attempt| attempt.id == key.1 && attempt.merchant_id == key.0)
        };
        self.memos.iter().filter(move |(key, _)| !is_new(key))
    }

    /// Whether new attempts are written once and that is all.
    fn leaves_new_attempts_alone(&self) -> bool {
        let is_changed = |attempt: &Attempt| {
            self.changed_attempts.contains_key(&(attempt.merchant_id.clone(), attempt.id.clone()))
        };
        !self.attempts.iter().any(is_changed)
    }
}

impl Tx {
    /// Writes changes, each table in a set.
    pub async fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        self.run(&changes.script(self.is_postgres())?).await
    }
}

impl Changes {
    /// What writes them.
    pub(super) fn script(&self, is_postgres: bool) -> Result<Script<'_>, StoreError> {
        let mut script = Script::default();
        script.insert_attempts(&self.attempts, &self.memos, self.leaves_new_attempts_alone());
        script.set_memos(self.memos_of_others());
        script.insert_calls(&self.calls);
        script.finish_calls(&self.finished_calls);
        script.insert_facts(&self.facts)?;
        script.insert_subjects(&self.subjects);
        script.change_attempts(&self.changed_attempts);
        script.write_operations(&self.operations)?;
        script.hand_over(&self.handed_over);
        script.write_instruments(&self.instruments)?;
        script.update_payments(&self.payments, &self.turned)?;
        script.insert_events(&self.events);
        script.deliver_to_all(&self.events, is_postgres);
        script.open_cases(&self.cases);
        script.insert_notices(&self.notices);
        script.schedule_work(self.scheduled.iter().filter(|(key, _)| !self.settled.contains(*key)));
        script.mark_noticed(self.noticed.difference(&self.settled));
        script
            .bring_work_forward(self.brought_forward.iter().filter(|(key, _)| !self.settled.contains(*key)));
        script.end_work_of(&self.settled);
        script.finish_keys(&self.answers);
        Ok(script)
    }
}
