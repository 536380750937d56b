//! What a merchant decides about its money: where charges are given back, and what becomes of a payment that ends partly paid
//! (AV-6.1-01, AV-9.2-02, AV-10.2-02).

use payment::Account;
use payment::division::PartialPolicy;
use payment::operation::Operations;

use super::profile::PROFILE;

/// The setting that says where charges are given back.
pub const REVERSALS: &str = "reversals";
/// The setting that says for how many days a charge is looked at again.
pub const PANEL_CHECK_DAYS: &str = "panel_check_days";
/// The setting that says what becomes of what was collected.
pub const PARTIAL_PAYMENTS: &str = "partial_payments";

/// What the account does by API: of one whose charges are given back in the panel, nothing.
pub fn operations(account: &Account) -> Operations {
    match account.setting(REVERSALS) {
        Some("console") => Operations::NONE,
        _ => PROFILE.operations,
    }
}

/// What is done with what was collected.
pub fn partial(account: &Account) -> PartialPolicy {
    match account.setting(PARTIAL_PAYMENTS) {
        Some("return") => PartialPolicy::Return,
        _ => PartialPolicy::Collect,
    }
}

/// For how many days a charge is looked at again.
pub fn panel_check_days(account: &Account) -> u32 {
    account.setting(PANEL_CHECK_DAYS).and_then(|days| days.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use payment::account::Environment;

    use super::*;

    fn account(name: &str, value: &str) -> Account {
        Account {
            id: "tienda".into(),
            merchant: "tienda".into(),
            provider: "avalpay".into(),
            environment: Environment::Test,
            base_url: "https://checkout.example".parse().expect("an address"),
            credentials: [].into(),
            secrets: [].into(),
            settings: [(name.to_owned(), value.to_owned())].into(),
        }
    }

    #[test]
    fn a_merchant_gives_back_by_api_or_in_the_panel() {
        let _story = testing::story("a_merchant_gives_back_by_api_or_in_the_panel");
        assert_eq!(operations(&account("login", "x")), PROFILE.operations);
        assert_eq!(operations(&account(REVERSALS, "api")), PROFILE.operations);
        assert_eq!(operations(&account(REVERSALS, "console")), Operations::NONE);
        testing::covers!("AV-6.1-01");
    }

    #[test]
    fn what_is_not_set_is_collected_and_never_looked_at_again() {
        let bare = account("login", "x");
        assert_eq!((partial(&bare), panel_check_days(&bare)), (PartialPolicy::Collect, 0));
        assert_eq!(partial(&account(PARTIAL_PAYMENTS, "return")), PartialPolicy::Return);
        assert_eq!(panel_check_days(&account(PANEL_CHECK_DAYS, "7")), 7);
    }
}
