//! Where a task stands between two of its calls: the memo, which holds no secret.

use payment::fact::{Fact, Reason};
use payment::step::Memo;
use serde::{Deserialize, Serialize};

/// What is remembered between two calls. The first call of a task remembers nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stage {
    /// The seed is of the provider's clock, so that it is corrected once only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_its_clock: bool,
    /// Which of several charges is being given back, from 0.
    pub nth: usize,
    /// What became of those before it.
    pub facts: Vec<Fact>,
    /// Whether the session is being looked at, after an answer that does not tell.
    pub is_search: bool,
    /// Whether this charge's reversal is sent for the second time.
    pub is_again: bool,
    /// The words in which the provider said that there is nothing to give back.
    pub denial: Option<Reason>,
}

impl Stage {
    /// A first call, made anew by the provider's clock.
    pub fn by_its_clock() -> Self {
        Self { by_its_clock: true, ..Self::default() }
    }

    /// Whether nothing was sent before that may have had an effect.
    pub fn is_untouched(&self) -> bool {
        *self == Self { by_its_clock: self.by_its_clock, ..Self::default() }
    }

    /// The memo that says so.
    pub fn memo(&self) -> Memo {
        if *self == Self::default() {
            return Memo::default();
        }
        Memo(serde_json::to_string(self).unwrap_or_default())
    }

    /// What a memo says. None: it is none of ours.
    pub fn of(memo: &Memo) -> Option<Self> {
        if memo.0.is_empty() {
            return Some(Self::default());
        }
        memo.0.starts_with('{').then(|| serde_json::from_str(&memo.0).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memo_is_read_back_as_it_was_written_and_nothing_else_is_read() {
        let table = [
            Stage::default(),
            Stage::by_its_clock(),
            Stage { nth: 2, is_search: true, denial: Some(Reason::default()), ..Stage::default() },
        ];
        for stage in table {
            assert_eq!(Stage::of(&stage.memo()), Some(stage));
        }
        assert_eq!(Stage::default().memo(), Memo::default());
        for memo in ["{", "[]", r#"{"stage":"init"}"#, "0"] {
            assert_eq!(Stage::of(&Memo(memo.into())), None, "{memo}");
        }
    }
}
