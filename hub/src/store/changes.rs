//! What one transaction writes about payments, gathered first, so that each table is written in sets.

use std::collections::{BTreeMap, BTreeSet};

use payment::Timestamp;
use payment::step::Memo;

use super::database::{StoreError, Tx};
use super::instruments::TokenKey;
use super::operations::HandedOver;
use super::rows::{
    Attempt, AttemptKey, CallLine, Case, Event, FoundSubject, HistoryLine, Instrument, KeptNotice, NewCall,
    NewFact, NewWork, Operation, OperationKey, Payment, PaymentKey,
};

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
    /// States of attempts and, once known, the providers' own references.
    pub attempt_states: BTreeMap<AttemptKey, (String, Option<String>)>,
    /// Keys by which notices about attempts are verified, sealed.
    pub attempt_keys: BTreeMap<AttemptKey, Vec<u8>>,
    /// Operations, begun or as they stand now.
    pub operations: BTreeMap<OperationKey, Operation>,
    /// What notices hand over to operations.
    pub handed_over: Vec<HandedOver>,
    /// Instruments, new or as they stand now.
    pub instruments: BTreeMap<TokenKey, Instrument>,
    /// Payments that changed.
    pub payments: BTreeMap<PaymentKey, Payment>,
    /// Lines of histories.
    pub history: Vec<(PaymentKey, HistoryLine)>,
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
}

impl Changes {
    /// The memos of attempts that are there already.
    fn memos_of_others(&self) -> Vec<(&AttemptKey, &Memo)> {
        let is_new = |key: &AttemptKey| {
            self.attempts.iter().any(|attempt| attempt.id == key.1 && attempt.merchant_id == key.0)
        };
        self.memos.iter().filter(|(key, _)| !is_new(key)).collect()
    }
}

impl Tx {
    /// Writes changes, table by table in one order.
    pub async fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        self.insert_attempts(&changes.attempts, &changes.memos).await?;
        self.set_memos(&changes.memos_of_others()).await?;
        self.insert_calls(&changes.calls).await?;
        self.finish_calls(&changes.finished_calls).await?;
        self.insert_facts(&changes.facts).await?;
        self.insert_subjects(&changes.subjects).await?;
        self.set_attempt_states(&pairs(&changes.attempt_states)).await?;
        self.set_attempt_keys(&pairs(&changes.attempt_keys)).await?;
        self.write_operations(&changes.operations.values().collect::<Vec<_>>()).await?;
        self.hand_over(&changes.handed_over).await?;
        self.write_instruments(&changes.instruments.values().collect::<Vec<_>>()).await?;
        self.update_payments(&changes.payments.values().collect::<Vec<_>>()).await?;
        self.insert_history(&changes.history).await?;
        self.insert_events(&changes.events).await?;
        self.open_cases(&changes.cases).await?;
        self.insert_notices(&changes.notices).await?;
        self.schedule_work(&pairs(&changes.scheduled)).await?;
        self.mark_noticed(&changes.noticed.iter().collect::<Vec<_>>()).await?;
        self.bring_work_forward(&pairs(&changes.brought_forward)).await?;
        self.end_work_of(&changes.settled.iter().collect::<Vec<_>>()).await
    }
}

fn pairs<K, V>(map: &BTreeMap<K, V>) -> Vec<(&K, &V)> {
    map.iter().collect()
}
