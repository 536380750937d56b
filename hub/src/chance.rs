//! Chance: the machine's, or a sequence that a seed decides, so that a test can replay a run.

use std::sync::{Mutex, PoisonError};

use payment::Entropy;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// Where the hub draws identifiers, references, nonces and jitter from. Keys and what seals with them never come
/// from here.
pub struct Chance(Option<Mutex<StdRng>>);

impl Chance {
    /// The machine's own: nobody can foresee it.
    pub const fn of_the_machine() -> Self {
        Self(None)
    }

    /// A sequence that the seed decides: for tests alone.
    pub fn of_seed(seed: u64) -> Self {
        Self(Some(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Fresh bytes for one use.
    pub fn draw(&self) -> Entropy {
        let Some(sequence) = &self.0 else { return Entropy::new(rand::random()) };
        let mut bytes = [0; 32];
        sequence.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        Entropy::new(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_sequence_and_the_machine_never_does() {
        let drawn = |chance: &Chance| [*chance.draw().bytes(), *chance.draw().bytes()];
        let sequence = drawn(&Chance::of_seed(7));
        assert_eq!(sequence, drawn(&Chance::of_seed(7)));
        assert_ne!(sequence, drawn(&Chance::of_seed(8)));
        assert_ne!(sequence[0], sequence[1]);
        let machine = Chance::of_the_machine();
        assert_ne!(drawn(&machine), drawn(&machine));
    }
}
