//! What the portal would refuse in an order, found before anything is written or sent.

use payment::order::{Complaint, Order};
use payment::{Account, Money};

use crate::account::{self, Profile};
use crate::authorizers::{Authorizer, Kind, authorizer};
use crate::open::{WAYS, identification_number};
use crate::profile::PROFILE;

/// Every complaint about an order.
pub fn order(order: &Order, account: &Account) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    total(order.total, &mut complaints);
    let most = Profile::of(account).most_instalments();
    if order.instalments.is_some_and(|count| count > most) {
        complaints.push(Complaint::new("instalments", "invalid_value", format!("At most {most}.")));
    }
    let chosen = methods(order, account, &mut complaints);
    // Code 84: what is not kept is refused as soon as it is named (PROTOCOL.md 2.7, 8.2). CA-U10: what the payer chooses on
    // the page is paid, and not kept.
    if order.keep_instrument && chosen.is_some_and(|chosen| !chosen.is_kept) {
        let detail = "Cards of this brand are not kept.";
        complaints.push(Complaint::new("keep_instrument", "invalid_value", detail));
    }
    if chosen.is_some_and(|chosen| chosen.kind == Kind::Voucher) && identification_number(order).is_none() {
        let detail = "A voucher is paid with under its owner's tax number (CPF).";
        complaints.push(Complaint::new("payer.document", "missing", detail));
    }
    complaints
}

fn total(total: Money, complaints: &mut Vec<Complaint>) {
    if !PROFILE.currencies.contains(&total.currency) {
        let detail = "Carat charges BRL and ARS.";
        complaints.push(Complaint::new("total.currency", "unsupported_currency", detail));
    } else if !account::is_writable(total) {
        let detail = "An amount has at most eleven digits.";
        complaints.push(Complaint::new("total.minor", "invalid_amount", detail));
    }
}

/// One brand at most, and on the portal's page ways of paying. CA-U57: a brand that the shop lacks is refused.
fn methods(order: &Order, account: &Account, complaints: &mut Vec<Complaint>) -> Option<&'static Authorizer> {
    let has_page = !account::takes_cards(account) && order.instrument.is_none();
    let mut chosen: Option<&'static Authorizer> = None;
    for (index, code) in order.methods.iter().enumerate() {
        let detail = match authorizer(code) {
            None if WAYS.contains(&code.as_str()) && has_page => continue,
            None if WAYS.contains(&code.as_str()) => {
                "Only the portal's own page is narrowed to credit or debit."
            }
            None => "No brand has this number.",
            Some(_) if chosen.is_some() => "One brand at most.",
            Some(brand) if !brand.is_paid_with() => "Only cards are paid with here.",
            Some(brand) if !account::has_authorizer(account, brand.number) => {
                "The shop does not take this brand."
            }
            Some(brand) => {
                chosen = Some(brand);
                continue;
            }
        };
        complaints.push(Complaint::new(format!("methods[{index}]"), "invalid_value", detail));
    }
    chosen
}

#[cfg(test)]
pub mod tests {
    use payment::Currency;
    use payment::order::{Language, Shopper};
    use payment::person::{Document, Person};

    use super::*;
    use crate::account::tests::{account, account_with};

    /// An order without any fault.
    pub fn sound() -> Order {
        Order {
            reference: "PEDIDO 54321".into(),
            total: Money::new(11_900, Currency::Brl),
            description: None,
            taxes: vec![],
            details: vec![],
            items: vec![],
            buyer: None,
            payer: None,
            shipping: None,
            expires_at: None,
            return_url: None,
            language: Language::Pt,
            methods: vec![],
            extra: vec![],
            customer: Some("cliente-7".into()),
            keep_instrument: false,
            instrument: None,
            is_shopper_away: false,
            instalments: None,
            allow_partial: false,
            dispersion: vec![],
            recurrence: None,
            rest_of: None,
            shopper: Shopper { ip: [203, 0, 113, 24].into(), user_agent: "Prueba/1.0".into() },
        }
    }

    fn params(order: &Order, account: &Account) -> Vec<String> {
        super::order(order, account).into_iter().map(|complaint| complaint.param).collect()
    }

    fn with_methods(methods: &[&str]) -> Order {
        Order { methods: methods.iter().map(|code| (*code).to_owned()).collect(), ..sound() }
    }

    #[test]
    fn amounts_have_eleven_digits_of_two_currencies() {
        let of =
            |minor, currency| params(&Order { total: Money::new(minor, currency), ..sound() }, &account());
        assert_eq!(of(99_999_999_999, Currency::Brl), [""; 0]);
        assert_eq!(of(1, Currency::Ars), [""; 0]);
        assert_eq!(of(100_000_000_000, Currency::Brl), ["total.minor"]);
        assert_eq!(of(100, Currency::Usd), ["total.currency"]);
    }

    #[test]
    fn one_brand_that_the_shop_takes_is_named_at_most() {
        let few = account_with(&[("authorizers", "1,2"), ("flow", "page")]);
        let rest = account_with(&[("flow", "rest")]);
        let table: [(&[&str], &Account, &[&str]); 8] = [
            (&["1"], &few, &[]),
            (&["1", "CRD"], &few, &[]),
            (&["41"], &few, &["methods[0]"]),
            (&["1", "2"], &few, &["methods[1]"]),
            (&["440"], &account(), &["methods[0]"]),
            (&["x"], &account(), &["methods[0]"]),
            (&["CRD"], &rest, &["methods[0]"]),
            (&["286"], &rest, &[]),
        ];
        for (methods, account, expected) in table {
            assert_eq!(params(&with_methods(methods), account), expected, "{methods:?}");
        }
    }

    #[test]
    fn storage_is_offered_for_what_is_kept_only() {
        let _story = testing::story("storage_is_offered_for_what_is_kept_only");
        let document = Document { country: "BR".into(), kind: "CPF".into(), number: "123.456.789-09".into() };
        let payer = Some(Person { document: Some(document), ..Person::default() });
        for row in crate::authorizers::authorizers().iter().filter(|row| row.is_paid_with()) {
            let wanted = Order { keep_instrument: true, payer: payer.clone(), ..with_methods(&[row.number]) };
            let complaints = params(&wanted, &account());
            assert_eq!(complaints.is_empty(), row.is_kept, "{}", row.name);
        }
        let any = Order { keep_instrument: true, ..sound() };
        assert_eq!(params(&any, &account()), [""; 0], "the payer may choose what is kept");
    }

    #[test]
    fn vouchers_want_a_tax_number_and_instalments_have_two_digits() {
        assert_eq!(params(&with_methods(&["224"]), &account()), ["payer.document"]);
        let in_parts = |count| Order { instalments: Some(count), ..sound() };
        assert_eq!(params(&in_parts(99), &account()), [""; 0]);
        assert_eq!(params(&in_parts(12), &account_with(&[("profile", "guide")])), ["instalments"]);
    }
}
