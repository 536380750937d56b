//! Finds the shortest history that still fails: the prefix up to the failure, and of that what cannot be left out.

use crate::plan::Operation;
use crate::run::{Violation, tell};

/// A history that fails, and nothing in it that could be left out.
#[derive(Clone, Debug)]
pub struct Shortest {
    /// The places of its operations in the history as it was drawn.
    pub kept: Vec<usize>,
    /// How long the prefix was up to the step that failed.
    pub prefix: usize,
    /// How it fails.
    pub violation: Violation,
}

/// Shortens a history that fails, by telling so many others at most.
pub fn shorten(seed: u64, operations: &[Operation], violation: Violation, most_tries: usize) -> Shortest {
    let fails = |kept: &[usize]| {
        let chosen: Vec<Operation> = kept.iter().map(|index| operations[*index].clone()).collect();
        tell(seed, &chosen).err()
    };
    let prefix = (violation.step + 1).min(operations.len());
    let mut shortest = Shortest { kept: (0..prefix).collect(), prefix, violation };
    let mut tries = 0;
    let mut size = (prefix / 2).max(1);
    loop {
        let mut has_shrunk = false;
        // From the end: what comes last depends on the rest and not the other way round.
        let mut end = shortest.kept.len();
        while end > 0 && tries < most_tries {
            let begin = end.saturating_sub(size);
            let mut fewer = shortest.kept.clone();
            fewer.drain(begin..end);
            tries += 1;
            if let Some(violation) = fails(&fewer) {
                // It may fail earlier now.
                fewer.truncate(violation.step + 1);
                end = begin.min(fewer.len());
                shortest = Shortest { kept: fewer, violation, ..shortest };
                has_shrunk = true;
            } else {
                end = begin;
            }
        }
        if tries >= most_tries || (size == 1 && !has_shrunk) {
            return shortest;
        }
        size = (size / 2).max(1);
    }
}
