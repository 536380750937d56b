//! Where a task stands between two of its calls: the memo, which holds no secret.

use payment::fact::Observation;
use payment::step::Memo;
use serde::{Deserialize, Serialize};

/// Which call is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// A transaction for the portal's page is made.
    Init,
    /// A transaction for our own page is made.
    Create,
    /// A stored card is charged in one call.
    Charge {
        /// How many times, this one included.
        tries: u32,
    },
    /// A transaction is paid.
    Pay,
    /// After an answer that does not tell, the transaction is looked up.
    Find {
        /// How many times, this one included.
        tries: u32,
    },
    /// A transaction is looked up because somebody wants to know.
    Query,
    /// What the look-up told is known; the storage's notice is asked for.
    AskForStorage {
        /// What was learned already.
        observations: Vec<Observation>,
    },
    /// A hold is confirmed or undone.
    Confirm,
    /// A cancellation is announced, and its name comes by a notice.
    BeginCancellation,
    /// A cancellation is made.
    Cancel {
        /// Its name.
        nit: String,
    },
    /// After an answer that does not tell, the cancellation is looked up.
    FindCancellation {
        /// Its name.
        nit: String,
        /// How many times, this one included.
        tries: u32,
    },
}

/// Most look-ups after a lost answer (PROTOCOL.md 12.3), and most repetitions of one call.
pub const MOST_TRIES: u32 = 3;

impl Stage {
    /// The memo that says so.
    pub fn memo(&self) -> Memo {
        Memo(serde_json::to_string(self).unwrap_or_default())
    }

    /// What a memo says. None: it is none of ours.
    pub fn of(memo: &Memo) -> Option<Self> {
        serde_json::from_str(&memo.0).ok()
    }
}
