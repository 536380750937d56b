//! Banks and their codes (§3.4).

use std::sync::LazyLock;

use crate::account::{Country, Environment};
use crate::table;

const TABLE: &str = include_str!("../data/banks.tsv");

/// A bank of the funnel.
#[derive(Debug, PartialEq, Eq)]
pub struct Bank {
    /// Lower case.
    pub code: &'static str,
    /// Where payers may have it.
    pub country: Country,
    /// The name that `user_bank` carries.
    pub name: &'static str,
}

static BANKS: LazyLock<Vec<Bank>> = LazyLock::new(|| {
    table::rows(TABLE)
        .filter_map(|[code, country, name]| Some(Bank { code, country: Country::of_code(country)?, name }))
        .collect()
});

/// The banks that a funnel offers. The test bank is one of the sandbox only.
pub fn offered(country: Country, environment: Environment) -> Vec<&'static Bank> {
    let fits = |bank: &&Bank| {
        bank.country == country && (environment == Environment::Sandbox || !bank.code.ends_with("_test"))
    };
    BANKS.iter().filter(fits).collect()
}

/// The offered bank of a code, in whatever case it is written.
pub fn find(code: &str, country: Country, environment: Environment) -> Option<&'static Bank> {
    offered(country, environment).into_iter().find(|bank| bank.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_bank() {
        assert_eq!(BANKS.len(), table::count(TABLE));
    }

    #[test]
    fn codes_are_read_in_any_case_and_the_test_bank_stays_in_the_sandbox() {
        let name = |code, country, environment| find(code, country, environment).map(|bank| bank.name);
        assert_eq!(name("CL_TEST", Country::Chile, Environment::Sandbox), Some("Banco de prueba"));
        assert_eq!(name("CL_TEST", Country::Chile, Environment::Production), None);
        assert_eq!(name("Mx_Bbva", Country::Mexico, Environment::Production), Some("BBVA"));
        assert_eq!(name("mx_bbva", Country::Chile, Environment::Sandbox), None);
    }
}
