//! Whether the database had room for what was last written to it.
//!
//! Nobody can be asked how much room there is: the database may be elsewhere. So a hub that found none says so for a
//! while, and then lets itself be tried again. It is kept in the memory of one process; the next write tells it anew.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a write that found no room is held against the database.
const REMEMBERED: Duration = Duration::from_secs(10);

/// Remembers the last write that found no room.
#[derive(Default)]
pub struct Room {
    full_at: Mutex<Option<Instant>>,
}

impl Room {
    /// A write found no room.
    pub fn note_full(&self) {
        *self.full_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a write found no room lately.
    pub fn is_full(&self) -> bool {
        let full_at = *self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        full_at.is_some_and(|at| at.elapsed() < REMEMBERED)
    }
}
