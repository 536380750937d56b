//! What becomes of an attempt, by who pays or by a script.

use std::sync::LazyLock;

use crate::funnel::Language;
use crate::table;

const TABLE: &str = include_str!("../data/payers.tsv");

/// The password of every payer of the test bank (§4.2).
pub const PASSWORD: &str = "1111";
/// ET-U14: what the two inputs after the account are: a dynamic key, and a coordinate as second factor.
pub const DYNAMIC_KEY: &str = "11111111";
/// ET-U14
pub const SECOND_FACTOR: &str = "12";
/// What the payer's account is called (§4.2).
pub const ACCOUNT: &str = "Cuenta Corriente 12345678";

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// The bank confirms at once.
    Success,
    /// Refused when the account is chosen.
    InsufficientFunds,
    /// Refused at the last step, whatever is typed.
    SecondFactor,
    /// The bank confirms after a while.
    Late,
    /// The funnel loses its backend; the money moved or not.
    SystemError {
        /// The truth.
        is_paid: bool,
    },
}

impl Course {
    /// Every course.
    pub const ALL: [Self; 6] = [
        Self::Success,
        Self::InsufficientFunds,
        Self::SecondFactor,
        Self::Late,
        Self::SystemError { is_paid: true },
        Self::SystemError { is_paid: false },
    ];

    /// Its word in scripts and in the table of payers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::InsufficientFunds => "insufficient_funds",
            Self::SecondFactor => "second_factor",
            Self::Late => "late",
            Self::SystemError { is_paid: true } => "system_error_paid",
            Self::SystemError { is_paid: false } => "system_error_unpaid",
        }
    }

    /// The course of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|course| course.word() == word)
    }
}

/// A payer whom the test bank knows. ET-U15: all but the first are this simulator's own convention.
#[derive(Debug)]
pub struct Payer {
    /// With its check digit.
    pub rut: &'static str,
    /// What becomes of this payer's attempts.
    pub course: Course,
    texts: [&'static str; 3],
}

impl Payer {
    /// What becomes of this payer's attempts, in words.
    pub fn text(&self, language: Language) -> &'static str {
        let [spanish, english, portuguese] = self.texts;
        language.pick(spanish, english, portuguese)
    }
}

/// Everybody whom the test bank knows.
pub fn payers() -> &'static [Payer] {
    static PAYERS: LazyLock<Vec<Payer>> = LazyLock::new(|| {
        table::rows(TABLE)
            .filter_map(|[rut, course, spanish, english, portuguese]| {
                let texts = [spanish, english, portuguese];
                Some(Payer { rut, course: Course::of_word(course)?, texts })
            })
            .collect()
    });
    &PAYERS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rut;

    #[test]
    fn every_line_is_a_payer_with_a_right_check_digit_and_every_course_has_one() {
        assert_eq!(payers().len(), table::count(TABLE));
        assert!(payers().iter().all(|payer| rut::read(payer.rut).as_deref() == Some(payer.rut)));
        assert!(Course::ALL.iter().all(|course| payers().iter().any(|payer| payer.course == *course)));
    }
}
