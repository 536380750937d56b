//! The attempts of a session as one list, whichever shape the provider writes a dispersion in (PROTOCOL.md 7.6).
//!
//! AV-U26: with a parent that holds the parts that were reached, as assumed; or flat, the parts one beside the other, as
//! the guide counts them. A parent whose parts are told is no attempt of its own: its money is theirs.

use super::transaction::Transaction;
use super::wire::Part;

/// The attempts of a session.
pub struct Attempts {
    list: Vec<Transaction>,
    has_unreadable: bool,
}

impl Attempts {
    pub fn of(payment: &Part<Vec<Part<Transaction>>>) -> Self {
        let mut attempts = Self { list: Vec::new(), has_unreadable: matches!(payment, Part::Unreadable) };
        for part in payment.read().into_iter().flatten() {
            match part {
                Part::Read(transaction) => attempts.add(transaction),
                Part::Absent | Part::Unreadable => attempts.has_unreadable = true,
            }
        }
        attempts
    }

    fn add(&mut self, transaction: &Transaction) {
        match transaction.parts() {
            Part::Absent => self.list.push(transaction.clone()),
            Part::Unreadable => self.has_unreadable = true,
            Part::Read(parts) => {
                for part in parts {
                    match part {
                        Part::Read(part) => self.list.push(part),
                        Part::Absent | Part::Unreadable => self.has_unreadable = true,
                    }
                }
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Transaction> + Clone {
        self.list.iter()
    }

    /// Whether there is one in a shape that is not documented.
    pub const fn has_unreadable(&self) -> bool {
        self.has_unreadable
    }

    /// The list is newest first, but the dates say so themselves; of equal dates the first in the list.
    pub fn newest(&self) -> Option<&Transaction> {
        self.iter().reduce(
            |newest, other| {
                if other.decided_at() > newest.decided_at() { other } else { newest }
            },
        )
    }
}
