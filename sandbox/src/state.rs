//! What a running sandbox holds, and the one way to let a simulator act.
//!
//! Locks are taken in one order: a provider's machine first, then the records. Neither is held across
//! an `await`.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use serde::Serialize;
use simulation::hardship::Hardships;
use simulation::inbox::Message;
use simulation::journal::{Journal, Verdict};
use simulation::ledger::Entry;
use simulation::world::Canary;
use simulation::{Clock, OutgoingNotice, Simulator, Timestamp, World};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Limits;
use crate::notices::Notices;
use crate::targets::{AllowedTargets, Clients};
use crate::tls::Identity;
use crate::travel::Followers;

/// All of a running sandbox.
pub struct State {
    pub clock: Clock,
    pub seed: u64,
    pub limits: Limits,
    pub allowed_targets: AllowedTargets,
    pub providers: Vec<Provider>,
    pub steering_address: SocketAddr,
    pub followers: Followers,
    pub clients: Clients,
    /// The providers' certificate, when they speak TLS.
    pub identity: Option<Identity>,
    /// Rung when something may have become due, or due earlier.
    pub due_changed: Notify,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
    pub records: Mutex<Records>,
}

/// A mounted simulator.
pub struct Provider {
    pub id: &'static str,
    pub address: SocketAddr,
    pub public_scheme: &'static str,
    machine: Mutex<Machine>,
}

/// A simulator and its own chance, so that one provider's traffic does not shift another's.
pub struct Machine {
    pub simulator: Box<dyn Simulator>,
    chance: StdRng,
}

/// What was written down, and what waits.
pub struct Records {
    pub journal: Journal,
    pub ledger: VecDeque<Entry>,
    pub inbox: VecDeque<Message>,
    pub notices: Notices,
    pub hardships: Hardships,
    /// Counts everything that happened; equal counts mean that nothing did in between.
    pub activity: u64,
    /// Ledger lines that had to go; a witness says what it forgot.
    pub ledger_lines_dropped: u64,
    canaries: Arc<BTreeMap<String, Canary>>,
}

/// A provider as the steering port shows it.
#[derive(Clone, Debug, Serialize)]
pub struct ProviderStatus {
    /// The provider's id.
    pub id: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// A name for browsers: a site of its own on this machine.
    pub origin: String,
    /// Whether `/guides/{id}` shows its guide.
    pub has_guide: bool,
    /// When something happens next by itself.
    pub next_due_at: Option<Timestamp>,
    /// Steering commands with their help.
    pub commands: BTreeMap<&'static str, &'static str>,
}

impl Provider {
    pub fn new(
        mut simulator: Box<dyn Simulator>,
        address: SocketAddr,
        scheme: &'static str,
        seed: u64,
    ) -> Self {
        let id = simulator.as_mut().provider();
        let chance = StdRng::seed_from_u64(seed ^ name_hash(id));
        Self { id, address, public_scheme: scheme, machine: Mutex::new(Machine { simulator, chance }) }
    }

    /// The machine, whatever happened to those who held it before.
    pub fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name for browsers: a site of its own on this machine.
    pub fn host(&self) -> String {
        format!("{}.localhost", self.id.replace('_', "-"))
    }

    /// Where browsers reach it.
    pub fn origin(&self) -> String {
        format!("{}://{}:{}", self.public_scheme, self.host(), self.address.port())
    }

    pub fn status(&self, now: Timestamp) -> ProviderStatus {
        let machine = self.machine();
        ProviderStatus {
            id: self.id.to_owned(),
            address: self.address,
            origin: self.origin(),
            has_guide: machine.simulator.guide(now).is_some(),
            next_due_at: machine.simulator.next_due(),
            commands: machine.simulator.commands().iter().copied().collect(),
        }
    }
}

impl Records {
    pub fn new(journal: Journal) -> Self {
        Self {
            journal,
            ledger: VecDeque::new(),
            inbox: VecDeque::new(),
            notices: Notices::default(),
            hardships: Hardships::default(),
            activity: 0,
            ledger_lines_dropped: 0,
            canaries: Arc::default(),
        }
    }

    pub fn canaries(&self) -> &BTreeMap<String, Canary> {
        &self.canaries
    }

    pub fn declare_canary(&mut self, number: String, canary: Canary) {
        self.journal.masker_mut().known_mut().declare_canary(&number, &canary.id);
        Arc::make_mut(&mut self.canaries).insert(number, canary);
    }

    /// Forgets what happened. Sequences, canaries and the clock go on.
    pub fn clear(&mut self) {
        self.journal.clear();
        self.ledger.clear();
        self.inbox.clear();
        self.notices.clear();
        self.hardships.clear();
        self.ledger_lines_dropped = 0;
        self.activity += 1;
    }
}

impl State {
    /// The records, whatever happened to those who held them before.
    pub fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.id == id)
    }

    /// Lets a simulator act in its world, then does what it asked for. The caller holds its machine, so
    /// that effects and their records have one order, and rings [`State::due_changed`] unless it looks at
    /// what is due itself.
    pub fn act<R>(
        &self,
        provider: &Provider,
        machine: &mut Machine,
        act: impl FnOnce(&mut dyn Simulator, &mut dyn World) -> R,
    ) -> (R, Vec<Verdict>) {
        let Acted { outcome, verdicts, question } = self.act_asking(provider, machine, act);
        if let Some(question) = question {
            // Nobody waits for an answer here, so that it is a notice like any other.
            let now = self.clock.now();
            let records = &mut *self.records();
            records.notices.queue(provider.id, question, now, &mut records.hardships, self.limits.notices);
        }
        (outcome, verdicts)
    }

    /// [`State::act`], with the question that the simulator wants a merchant to be asked before it answers.
    pub fn act_asking<R>(
        &self,
        provider: &Provider,
        machine: &mut Machine,
        act: impl FnOnce(&mut dyn Simulator, &mut dyn World) -> R,
    ) -> Acted<R> {
        let canaries = Arc::clone(&self.records().canaries);
        let mut gathering = Gathering {
            now: self.clock.now(),
            origin: provider.origin(),
            chance: &mut machine.chance,
            canaries: &canaries,
            notices: Vec::new(),
            messages: Vec::new(),
            entries: Vec::new(),
            verdicts: Vec::new(),
            question: None,
        };
        let outcome = act(machine.simulator.as_mut(), &mut gathering);
        let Gathering { now, notices, messages, entries, verdicts, question, .. } = gathering;

        let mut records = self.records();
        let records = &mut *records;
        records.activity += 1;
        for entry in entries {
            records.ledger_lines_dropped +=
                push_bounded(&mut records.ledger, entry, self.limits.ledger_lines);
        }
        for message in messages {
            push_bounded(&mut records.inbox, message, self.limits.inbox_messages);
        }
        for notice in notices {
            records.notices.queue(provider.id, notice, now, &mut records.hardships, self.limits.notices);
        }
        Acted { outcome, verdicts, question }
    }
}

/// What a simulator did, and what it wants to know first.
pub struct Acted<R> {
    pub outcome: R,
    pub verdicts: Vec<Verdict>,
    /// What a merchant is asked before the request is answered.
    pub question: Option<OutgoingNotice>,
}

/// Appends, and drops the oldest beyond `limit`; answers how many were dropped.
fn push_bounded<T>(list: &mut VecDeque<T>, item: T, limit: usize) -> u64 {
    list.push_back(item);
    let mut dropped = 0;
    while list.len() > limit {
        list.pop_front();
        dropped += 1;
    }
    dropped
}

/// FNV-1a: stable over versions and machines, which the standard library's hasher does not promise.
fn name_hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The world as one act of a simulator sees it: wishes are gathered and fulfilled afterwards.
struct Gathering<'a> {
    now: Timestamp,
    origin: String,
    chance: &'a mut StdRng,
    canaries: &'a BTreeMap<String, Canary>,
    notices: Vec<OutgoingNotice>,
    messages: Vec<Message>,
    entries: Vec<Entry>,
    verdicts: Vec<Verdict>,
    question: Option<OutgoingNotice>,
}

impl World for Gathering<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn origin(&self) -> String {
        self.origin.clone()
    }

    fn random(&mut self, bytes: &mut [u8]) {
        self.chance.fill_bytes(bytes);
    }

    fn notify(&mut self, notice: OutgoingNotice) {
        self.notices.push(notice);
    }

    fn ask_before_answer(&mut self, question: OutgoingNotice) {
        self.question = Some(question);
    }

    fn mail(&mut self, message: Message) {
        self.messages.push(message);
    }

    fn book(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    fn verdict(&mut self, rule: &str, passed: bool, detail: &str) {
        self.verdicts.push(Verdict { rule: rule.into(), passed, detail: detail.into() });
    }

    fn canary(&self, number: &str) -> Option<Canary> {
        self.canaries.get(number).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_list_drops_its_oldest_and_counts_them() {
        let mut list = VecDeque::new();
        let dropped: u64 = (0..5).map(|item| push_bounded(&mut list, item, 3)).sum();
        assert_eq!((list, dropped), (VecDeque::from([2, 3, 4]), 2));
    }

    #[test]
    fn the_seed_of_a_provider_does_not_move() {
        assert_eq!(name_hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(name_hash("a"), 0xaf63_dc4c_8601_ec8c);
    }
}
