//! What a shopper can be limited to beforehand: one bank, and in Mexico one way to pay (PROTOCOL.md 3.4, 9.2).

use std::sync::LazyLock;

use payment::Account;
use payment::account::Environment;

use crate::account::{TARGET_FLOW, TARGET_FLOWS};
use crate::country::Country;

/// One method of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A bank, by its code as it is published.
    Bank(&'static str),
    /// A way to pay in Mexico.
    Flow(&'static str),
}

/// What an order's methods mean to a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The bank that the funnel begins with.
    pub bank: Option<&'static str>,
    /// The way to pay that the funnel begins with.
    pub flow: Option<&'static str>,
}

impl Method {
    /// The method that a code names, in whatever case. ET-U12: the provider would show all banks for a code that it does
    /// not know, so such a code is none. Test banks are for test environments.
    pub fn named(code: &str, account: &Account) -> Option<Self> {
        let country = Country::of(account);
        let flow = flows(country).find(|flow| flow.eq_ignore_ascii_case(code));
        let is_meant = |bank: &&Bank| {
            bank.code.eq_ignore_ascii_case(code)
                && bank.country == country.word()
                && (!bank.is_test || account.environment != Environment::Production)
        };
        flow.map(Self::Flow).or_else(|| BANKS.iter().find(is_meant).map(|bank| Self::Bank(bank.code)))
    }
}

impl Choice {
    /// What an order's methods choose; where they say nothing, the account's setting chooses the way to pay.
    pub fn of(methods: &[String], account: &Account) -> Self {
        let setting = account.setting(TARGET_FLOW).unwrap_or_default();
        let mut choice = Self { bank: None, flow: flows(Country::of(account)).find(|flow| *flow == setting) };
        for method in methods.iter().filter_map(|code| Method::named(code, account)) {
            match method {
                Method::Bank(code) => choice.bank = Some(code),
                Method::Flow(flow) => choice.flow = Some(flow),
            }
        }
        choice
    }
}

/// The ways to pay that a country has, apart from choosing there.
fn flows(country: Country) -> impl Iterator<Item = &'static str> {
    let is_there = country == Country::Mexico;
    TARGET_FLOWS.iter().skip(1).copied().filter(move |_| is_there)
}

struct Bank {
    code: &'static str,
    country: &'static str,
    is_test: bool,
}

const TABLE: &str = include_str!("banks.tsv");

static BANKS: LazyLock<Vec<Bank>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(row).collect());

fn row(line: &'static str) -> Option<Bank> {
    let mut cells = line.split('\t');
    let (code, country, used) = (cells.next()?, cells.next()?, cells.next()?);
    Some(Bank { code, country, is_test: used == "test" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::tests::account;
    use crate::country::COUNTRY;

    fn of_country(country: Country) -> Account {
        let settings = [(COUNTRY.to_owned(), country.word().to_owned())].into();
        Account { settings, ..account() }
    }

    #[test]
    fn a_method_is_a_bank_or_a_way_to_pay_of_the_account_s_own_country() {
        let (chile, mexico) = (of_country(Country::Chile), of_country(Country::Mexico));
        assert_eq!(Method::named("CL_BCI", &chile), Some(Method::Bank("cl_bci")));
        assert_eq!(Method::named("mx_bbva", &mexico), Some(Method::Bank("MX_BBVA")));
        assert_eq!(Method::named("SPEI", &mexico), Some(Method::Flow("spei")));
        for (code, account) in
            [("spei", &chile), ("mx_bbva", &chile), ("cl_bci", &mexico), ("payer", &mexico), ("", &chile)]
        {
            assert_eq!(Method::named(code, account), None, "{code}");
        }
        assert_eq!(BANKS.len(), TABLE.lines().count() - 1);
    }

    #[test]
    fn a_test_bank_is_for_tests() {
        let production = Account { environment: Environment::Production, ..account() };
        assert_eq!(Method::named("cl_test", &account()), Some(Method::Bank("CL_TEST")));
        assert_eq!(Method::named("cl_test", &production), None);
    }

    #[test]
    fn an_order_s_methods_go_before_the_account_s_setting() {
        let mut mexico = of_country(Country::Mexico);
        mexico.settings.insert(TARGET_FLOW.to_owned(), "codi".to_owned());
        assert_eq!(Choice::of(&[], &mexico), Choice { bank: None, flow: Some("codi") });
        let methods = ["spei".to_owned(), "mx_azteca".to_owned()];
        assert_eq!(Choice::of(&methods, &mexico), Choice { bank: Some("MX_AZTECA"), flow: Some("spei") });
        mexico.settings.insert(TARGET_FLOW.to_owned(), "payer".to_owned());
        assert_eq!(Choice::of(&[], &mexico), Choice::default());
        let mut chile = of_country(Country::Chile);
        chile.settings.insert(TARGET_FLOW.to_owned(), "codi".to_owned());
        assert_eq!(Choice::of(&[], &chile), Choice::default());
    }
}
