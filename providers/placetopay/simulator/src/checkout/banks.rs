//! The banks of PSE and what the mock of their page offers, read from `data/` (§16.1).

use std::sync::LazyLock;

const BANKS_TABLE: &str = include_str!("../../data/banks.tsv");
const OUTCOMES_TABLE: &str = include_str!("../../data/bank_outcomes.tsv");

/// A bank of the list.
#[derive(Debug, PartialEq, Eq)]
pub struct Bank {
    /// Its code, four digits.
    pub code: &'static str,
    /// Its name as the list shows it.
    pub name: &'static str,
}

/// The states that the mock offers, in the order of its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BankState {
    /// Aprobada
    Approved,
    /// Pendiente
    Pending,
    /// Declinada
    Declined,
    /// Fallido
    Failed,
}

impl BankState {
    /// Every state, in the order of the list.
    pub const ALL: [Self; 4] = [Self::Approved, Self::Pending, Self::Declined, Self::Failed];

    /// The word in the form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Pending => "pending",
            Self::Declined => "declined",
            Self::Failed => "failed",
        }
    }

    /// The state of a form's word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A reason that the mock offers.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The reason's code (§7.8).
    pub code: &'static str,
    /// Its name in the list.
    pub name: &'static str,
    /// AV-U47: the state under which it may be chosen.
    pub state: BankState,
}

impl Outcome {
    /// `APPROVED_TRANSACTION (00)`
    pub fn label(&self) -> String {
        format!("{} ({})", self.name, self.code)
    }
}

/// Every bank, in the order of the list.
pub fn all() -> &'static [Bank] {
    &BANKS
}

/// The bank with this code.
pub fn find(code: &str) -> Option<&'static Bank> {
    BANKS.iter().find(|bank| bank.code == code)
}

/// Every reason, in the guide's order.
pub fn outcomes() -> &'static [Outcome] {
    &OUTCOMES
}

/// The reason with this code.
pub fn outcome(code: &str) -> Option<&'static Outcome> {
    OUTCOMES.iter().find(|outcome| outcome.code == code)
}

static BANKS: LazyLock<Vec<Bank>> = LazyLock::new(|| {
    rows(BANKS_TABLE)
        .filter_map(|line| line.split_once('\t').map(|(code, name)| Bank { code, name }))
        .collect()
});
static OUTCOMES: LazyLock<Vec<Outcome>> =
    LazyLock::new(|| rows(OUTCOMES_TABLE).filter_map(read_outcome).collect());

fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.starts_with('#')).skip(1)
}

fn read_outcome(line: &'static str) -> Option<Outcome> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [code, name, state] = columns.try_into().ok()?;
    Some(Outcome { code, name, state: BankState::of_word(state)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkout::reasons;

    #[test]
    fn every_row_of_both_tables_is_read() {
        assert_eq!(all().len(), rows(BANKS_TABLE).count());
        assert_eq!(outcomes().len(), rows(OUTCOMES_TABLE).count());
        assert!(all().iter().any(|bank| bank.name == "BANCO UNION COLOMBIANO"));
    }

    #[test]
    fn every_reason_of_the_mock_has_its_sentence() {
        for outcome in outcomes() {
            assert!(reasons::find(outcome.code).is_some(), "{}", outcome.code);
        }
    }
}
