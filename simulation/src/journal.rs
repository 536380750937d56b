//! The journal: what passed through the sandbox, in order, fit to be read by anybody.
//!
//! Recording masks; nothing unmasked is ever kept. The journal is a ring: the oldest entries go first.

use std::collections::VecDeque;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::masking::{MaskedBody, Masker};

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the simulated provider.
    In,
    /// From the simulated provider to a merchant.
    Out,
}

/// What became of a request at the simulator, apart from what its sender was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The simulator never saw it (and never sees a notice that goes out).
    None,
    /// The simulator handled it, whatever it decided.
    Committed,
}

/// What the other side was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The answer that the simulator wrote went back.
    Sent,
    /// No answer went back.
    Withheld,
    /// Another answer went back than the simulator wrote.
    Altered,
}

/// One judgement about an exchange by the provider's rule book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The rule's name.
    pub rule: String,
    /// Whether it held.
    pub passed: bool,
    /// A sentence.
    pub detail: String,
}

/// An exchange as it happened, before masking. Handed over to [`Journal::record`] and not kept.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Business time at its start.
    pub business_at: Timestamp,
    /// The machine's time at its start.
    pub real_at: Timestamp,
    /// Which way the request went.
    pub direction: Direction,
    /// The simulated provider.
    pub provider: String,
    /// The account it spoke for, when that is known.
    pub account: Option<String>,
    /// The operation's name; `notice` for what goes out.
    pub operation: String,
    /// The other side: an address for what comes in, a URL's host and port for what goes out.
    pub peer: String,
    /// `TLSv1.2` or `TLSv1.3`; `None` on plain HTTP.
    pub tls_version: Option<String>,
    /// Upper-case method.
    pub method: String,
    /// Path and query of what came in, the whole URL of what went out.
    pub address: String,
    /// Lower-case names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// The answer's status, when there was one.
    pub status: Option<u16>,
    /// The answer's headers, in order.
    pub answer_headers: Vec<(String, String)>,
    /// The answer's bytes: as sent, or what would have been sent when it was withheld.
    pub answer_body: Vec<u8>,
    /// Microseconds until the answer was decided.
    pub duration_us: u64,
    /// Judgements.
    pub verdicts: Vec<Verdict>,
    /// The hardship applied: its id and its name.
    pub hardship: Option<String>,
    /// What the simulator did.
    pub effect: Effect,
    /// What the other side was told.
    pub answer: Answer,
    /// Why nothing came back, for what went out.
    pub failure: Option<String>,
}

/// One exchange as it is kept. Members as in [`Exchange`], masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Counts from 1 and never goes back, not even by a reset.
    pub sequence: u64,
    /// Business time at its start.
    pub business_at: Timestamp,
    /// The machine's time at its start.
    pub real_at: Timestamp,
    /// Which way the request went.
    pub direction: Direction,
    /// The simulated provider.
    pub provider: String,
    /// The account it spoke for.
    pub account: Option<String>,
    /// The operation's name.
    pub operation: String,
    /// The other side.
    pub peer: String,
    /// `None` on plain HTTP.
    pub tls_version: Option<String>,
    /// Upper-case method.
    pub method: String,
    /// Path and query, or URL, masked.
    pub address: String,
    /// Headers in order, masked.
    pub headers: Vec<(String, String)>,
    /// The request's body.
    pub body: MaskedBody,
    /// The answer's status.
    pub status: Option<u16>,
    /// The answer's headers, masked.
    pub answer_headers: Vec<(String, String)>,
    /// The answer's body.
    pub answer_body: MaskedBody,
    /// Microseconds until the answer was decided.
    pub duration_us: u64,
    /// Judgements.
    pub verdicts: Vec<Verdict>,
    /// The hardship applied.
    pub hardship: Option<String>,
    /// What the simulator did.
    pub effect: Effect,
    /// What the other side was told.
    pub answer: Answer,
    /// Why nothing came back.
    pub failure: Option<String>,
}

/// A bounded list of masked exchanges.
#[derive(Debug)]
pub struct Journal {
    entries: VecDeque<Entry>,
    capacity: usize,
    kept_body_bytes: usize,
    last_sequence: u64,
    masker: Masker,
}

impl Journal {
    /// A journal of at most `capacity` entries with at most `kept_body_bytes` of text per body.
    pub fn new(capacity: usize, kept_body_bytes: usize, masker: Masker) -> Self {
        Self {
            entries: VecDeque::new(),
            capacity: capacity.max(1),
            kept_body_bytes,
            last_sequence: 0,
            masker,
        }
    }

    /// Masks an exchange and keeps it; answers with its sequence.
    pub fn record(&mut self, exchange: Exchange) -> u64 {
        self.last_sequence += 1;
        let entry = self.masked(self.last_sequence, exchange);
        if self.entries.len() == self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.last_sequence
    }

    /// At most `limit` entries after `sequence`, oldest first, of one provider or of all.
    pub fn after(&self, sequence: u64, provider: Option<&str>, limit: usize) -> Vec<Entry> {
        self.entries
            .iter()
            .skip_while(|entry| entry.sequence <= sequence)
            .filter(|entry| provider.is_none_or(|wanted| entry.provider == wanted))
            .take(limit)
            .cloned()
            .collect()
    }

    /// The last `limit` entries, newest first.
    pub fn latest(&self, limit: usize) -> Vec<Entry> {
        self.entries.iter().rev().take(limit).cloned().collect()
    }

    /// The sequence of the newest entry ever recorded; 0 before the first.
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// Forgets all entries; the sequence goes on.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The masker, to teach it numbers and to mask texts that go elsewhere.
    pub fn masker_mut(&mut self) -> &mut Masker {
        &mut self.masker
    }

    /// The masker.
    pub fn masker(&self) -> &Masker {
        &self.masker
    }

    fn masked(&self, sequence: u64, exchange: Exchange) -> Entry {
        let masker = &self.masker;
        let headers = |list: &[(String, String)]| {
            list.iter().map(|(name, value)| (name.clone(), masker.header(name, value))).collect()
        };
        let body = |list: &[(String, String)], bytes: &[u8]| {
            let content_type = list.iter().find(|(name, _)| name == "content-type");
            masker.body(content_type.map_or("", |(_, value)| value), bytes, self.kept_body_bytes)
        };
        let verdict = |verdict: Verdict| Verdict { detail: masker.text(&verdict.detail), ..verdict };
        Entry {
            sequence,
            business_at: exchange.business_at,
            real_at: exchange.real_at,
            direction: exchange.direction,
            account: exchange.account.map(|account| masker.text(&account)),
            provider: exchange.provider,
            operation: exchange.operation,
            peer: exchange.peer,
            tls_version: exchange.tls_version,
            method: exchange.method,
            address: masker.address(&exchange.address),
            headers: headers(&exchange.headers),
            body: body(&exchange.headers, &exchange.body),
            status: exchange.status,
            answer_headers: headers(&exchange.answer_headers),
            answer_body: body(&exchange.answer_headers, &exchange.answer_body),
            duration_us: exchange.duration_us,
            verdicts: exchange.verdicts.into_iter().map(verdict).collect(),
            hardship: exchange.hardship,
            effect: exchange.effect,
            answer: exchange.answer,
            failure: exchange.failure.map(|failure| masker.text(&failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{KnownNumbers, RunKey};

    const CANARY: &str = "4999999999999999";

    fn journal(capacity: usize) -> Journal {
        let mut known = KnownNumbers::default();
        known.declare_canary(CANARY, "canary-a");
        Journal::new(capacity, 10_000, Masker::new(RunKey::generate(), known))
    }

    fn exchange(provider: &str) -> Exchange {
        let json = ("content-type".to_owned(), "application/json".to_owned());
        Exchange {
            business_at: Timestamp::UNIX_EPOCH,
            real_at: Timestamp::UNIX_EPOCH,
            direction: Direction::In,
            provider: provider.into(),
            account: None,
            operation: "pay".into(),
            peer: "127.0.0.1:1".into(),
            tls_version: None,
            method: "POST".into(),
            address: format!("/pay/{CANARY}?number={CANARY}&x={CANARY}"),
            headers: vec![
                json.clone(),
                ("referer".into(), format!("/a/{CANARY}")),
                ("cookie".into(), format!("n={CANARY}")),
            ],
            body: format!(r#"{{"card":{{"number":"{CANARY}"}},"echo":"{CANARY}"}}"#).into_bytes(),
            status: Some(200),
            answer_headers: vec![json],
            answer_body: format!(r#"{{"you_sent":"{CANARY}"}}"#).into_bytes(),
            duration_us: 1,
            verdicts: vec![Verdict {
                rule: "card".into(),
                passed: false,
                detail: format!("{CANARY} is unknown"),
            }],
            hardship: None,
            effect: Effect::Committed,
            answer: Answer::Sent,
            failure: Some(format!("could not send {CANARY}")),
        }
    }

    #[test]
    fn a_canary_is_named_but_never_written() {
        let mut journal = journal(10);
        journal.record(exchange("toypay"));
        let text = serde_json::to_string(&journal.after(0, None, 10)).expect("serializable");
        assert!(text.contains("canary-a"), "the canary arrived: {text}");
        assert!(!text.contains(CANARY), "{text}");
    }

    #[test]
    fn the_oldest_entries_go_first_and_sequences_go_on() {
        let mut journal = journal(2);
        for provider in ["a", "b", "a"] {
            journal.record(exchange(provider));
        }
        let sequences = |entries: Vec<Entry>| entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>();
        assert_eq!(sequences(journal.after(0, None, 10)), [2, 3]);
        assert_eq!(sequences(journal.after(2, None, 10)), [3]);
        assert_eq!(sequences(journal.after(0, Some("a"), 10)), [3]);
        assert_eq!(sequences(journal.after(0, None, 1)), [2]);
        assert_eq!(sequences(journal.latest(1)), [3]);
        journal.clear();
        assert_eq!(journal.record(exchange("a")), 4);
    }
}
