//! What PagoEfectivo would refuse in an order, found before anything is written or sent.

use payment::Account;
use payment::order::{Complaint, Order};

use crate::account::limits;
use crate::{create, payer};

/// Longest additional data, in characters.
const LONGEST_ADDITIONAL: usize = 200;

/// Every complaint about an order.
pub fn order(order: &Order, account: &Account) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    amount(order, account, &mut complaints);
    payer::check(order, account, &mut complaints);
    if !order.methods.is_empty() {
        let detail = "PagoEfectivo's codes are paid wherever the payer wants to: there is nothing to limit.";
        complaints.push(Complaint::new("methods[0]", "invalid_value", detail));
    }
    if create::additional_data(order).is_some_and(|told| told.chars().count() > LONGEST_ADDITIONAL) {
        let detail =
            format!("Written as name=value;… all of it has {LONGEST_ADDITIONAL} characters at most.");
        complaints.push(Complaint::new("extra", "too_long", detail));
    }
    complaints
}

/// The bounds that were agreed, and the least that is ever taken (PE-17, PE-19, PE-20).
fn amount(order: &Order, account: &Account, complaints: &mut Vec<Complaint>) {
    let Some(limits) = limits(account, order.total.currency) else {
        let detail = format!(
            "This account does not charge {}, or has a maximum that was not agreed.",
            order.total.currency
        );
        complaints.push(Complaint::new("total.currency", "unsupported_currency", detail));
        return;
    };
    if order.total.minor < limits.least.minor || order.total.minor > limits.most.minor {
        let (least, most) = (limits.least.to_text(), limits.most);
        let detail = format!("This account charges {least} to {most}.");
        complaints.push(Complaint::new("total.minor", "invalid_amount", detail));
    }
}

#[cfg(test)]
pub mod tests {
    use payment::order::{ExtraField, Language, Shopper, Shown};
    use payment::person::{Address, Document, Person};
    use payment::{Currency, Money};

    use super::*;
    use crate::account::tests::{account, account_with};
    use crate::account::{MAXIMUM_USD, MAXIMUM_USD_AGREEMENT, MINIMUM_PEN, SMS_AGREEMENT, SMS_REMINDERS};

    /// An order with which nothing is wrong.
    pub fn sound() -> Order {
        let buyer = Person {
            name: Some("Rosa".into()),
            surname: Some("Quispe Mamani".into()),
            document: Some(Document { country: "PE".into(), kind: "DNI".into(), number: "45127790".into() }),
            email: Some("rosa.quispe@correo.example".into()),
            mobile: Some("951204477".into()),
            address: Some(Address { country: "PE".into(), ..Address::default() }),
            is_company: false,
        };
        Order {
            reference: "000417".into(),
            total: Money::new(14_990, Currency::Pen),
            description: Some("Botas de montaña talla 42".into()),
            taxes: vec![],
            details: vec![],
            items: vec![],
            buyer: Some(buyer),
            payer: None,
            shipping: None,
            expires_at: None,
            return_url: None,
            language: Language::Es,
            methods: vec![],
            extra: vec![ExtraField { keyword: "tienda".into(), value: "07".into(), shown: Shown::Nowhere }],
            customer: None,
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

    fn complaints_about(order: &Order, account: &Account) -> Vec<(String, String)> {
        let complaints = super::order(order, account).into_iter();
        complaints.map(|complaint| (complaint.param, complaint.code)).collect()
    }

    fn charging(minor: i64, currency: Currency) -> Vec<(String, String)> {
        let order = Order { total: Money::new(minor, currency), ..sound() };
        let agreed = [(MAXIMUM_USD, "50000"), (MAXIMUM_USD_AGREEMENT, "Acta 7")];
        complaints_about(&order, &account_with(&agreed))
    }

    #[test]
    fn a_sound_order_has_no_complaint_with_and_without_a_buyer() {
        assert_eq!(complaints_about(&sound(), &account()), []);
        assert_eq!(complaints_about(&Order { buyer: None, ..sound() }, &account()), []);
    }

    #[test]
    fn an_amount_is_above_the_least_and_not_above_what_was_agreed() {
        let _story = testing::story("an_amount_is_above_the_least_and_not_above_what_was_agreed");
        let table = [
            (Currency::Pen, 100, false),
            (Currency::Pen, 101, true),
            (Currency::Pen, 1_000_000, true),
            (Currency::Pen, 1_000_001, false),
            (Currency::Usd, 50, false),
            (Currency::Usd, 51, true),
            (Currency::Usd, 50_000, true),
            (Currency::Usd, 50_001, false),
        ];
        for (currency, minor, is_taken) in table {
            let expected = [("total.minor".to_owned(), "invalid_amount".to_owned())];
            let expected = if is_taken { &[][..] } else { &expected[..] };
            assert_eq!(charging(minor, currency), expected, "{minor} {currency}");
        }
        let raised = account_with(&[(MINIMUM_PEN, "20000")]);
        assert_eq!(complaints_about(&sound(), &raised)[0].0, "total.minor");
        testing::covers!("PE-17", "PE-19", "PE-20");
    }

    #[test]
    fn a_currency_with_a_maximum_that_was_not_agreed_is_not_charged() {
        let expected = [("total.currency".to_owned(), "unsupported_currency".to_owned())];
        let dollars = Order { total: Money::new(5000, Currency::Usd), ..sound() };
        assert_eq!(complaints_about(&dollars, &account_with(&[(MAXIMUM_USD, "50000")])), expected);
        assert_eq!(complaints_about(&dollars, &account()), []);
        assert_eq!(charging(5000, Currency::Cop), expected);
    }

    #[test]
    fn each_broken_rule_is_told_by_its_member() {
        type Break = fn(&mut Order);
        fn buyer(order: &mut Order) -> &mut Person {
            order.buyer.as_mut().expect("a buyer")
        }
        let table: [(&str, &str, Break); 5] = [
            ("buyer.email", "invalid_value", |order| buyer(order).email = Some("rosa".into())),
            ("buyer.document.number", "invalid_value", |order| {
                buyer(order).document.as_mut().expect("one").number = "4512-7790".into();
            }),
            ("buyer.mobile", "invalid_value", |order| buyer(order).mobile = Some("51951204477".into())),
            ("methods[0]", "invalid_value", |order| order.methods.push("bcp".into())),
            ("extra", "too_long", |order| order.extra[0].value = "x".repeat(200)),
        ];
        let reminding = account_with(&[(SMS_REMINDERS, "pe"), (SMS_AGREEMENT, "Acta 7")]);
        for (param, code, break_it) in table {
            let mut broken = sound();
            break_it(&mut broken);
            assert_eq!(complaints_about(&broken, &reminding), [(param.to_owned(), code.to_owned())]);
        }
        // A number that nobody calls is nobody's business.
        let mut unheard = sound();
        buyer(&mut unheard).mobile = Some("51951204477".into());
        assert_eq!(complaints_about(&unheard, &account()), []);
    }
}
