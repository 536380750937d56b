//! What ETpay would refuse in an order, or drop in silence, found before anything is written or sent.

use payment::order::{Complaint, ExtraField, Order};
use payment::person::Person;
use payment::{Account, Money};

use crate::country::Country;
use crate::methods::Method;
use crate::rut;

/// The Chilean identity document, as orders name it.
pub const RUT: &str = "RUT";

/// How many digits a Mexican telephone number has.
const PHONE_DIGITS: usize = 10;

/// Every complaint about an order.
pub fn order(order: &Order, account: &Account) -> Vec<Complaint> {
    let country = Country::of(account);
    let mut complaints = Vec::new();
    total(order.total, country, &mut complaints);
    for (param, person) in [("buyer", &order.buyer), ("payer", &order.payer)] {
        if let Some(person) = person {
            self::person(param, person, country, &mut complaints);
        }
    }
    methods(order, account, &mut complaints);
    extra(&order.extra, &mut complaints);
    complaints
}

/// ET-U05: in Mexico too an amount is assumed to have no centavos.
fn total(total: Money, country: Country, complaints: &mut Vec<Complaint>) {
    let currency = country.currency();
    if total.currency != currency {
        let detail = format!("This account charges {currency}.");
        complaints.push(Complaint::new("total.currency", "unsupported_currency", detail));
    } else if total.to_json_digits().contains('.') {
        let detail = "ETpay charges whole pesos.";
        complaints.push(Complaint::new("total.minor", "invalid_amount", detail));
    }
}

fn person(param: &str, person: &Person, country: Country, complaints: &mut Vec<Complaint>) {
    let mut refuse = |member: &str, detail: &str| {
        complaints.push(Complaint::new(format!("{param}.{member}"), "invalid_value", detail));
    };
    if person.email.as_ref().is_some_and(|email| !is_email(email)) {
        refuse("email", "An e-mail address has a name and a host.");
    }
    match country {
        Country::Chile => {
            let document =
                person.document.as_ref().filter(|document| document.kind.eq_ignore_ascii_case(RUT));
            if document.is_some_and(|document| rut::normal(&document.number).is_none()) {
                refuse("document.number", "The check digit is not that of the RUT.");
            }
        }
        Country::Mexico => {
            let is_number = |mobile: &String| {
                mobile.len() == PHONE_DIGITS && mobile.bytes().all(|byte| byte.is_ascii_digit())
            };
            if person.mobile.as_ref().is_some_and(|mobile| !is_number(mobile)) {
                refuse("mobile", "A Mexican number has 10 digits.");
            }
        }
    }
}

fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace)
    })
}

/// A session begins with one bank and one way to pay at most. Banks are chosen for persons only (PROTOCOL.md 9.2).
fn methods(order: &Order, account: &Account, complaints: &mut Vec<Complaint>) {
    let is_company = [&order.buyer, &order.payer].into_iter().flatten().any(|person| person.is_company);
    let mut taken: Vec<Method> = Vec::new();
    for (index, code) in order.methods.iter().enumerate() {
        let detail = match Method::named(code, account) {
            None => "This account's ETpay knows no such bank and no such way to pay.",
            Some(Method::Bank(_)) if is_company => "ETpay's banks are chosen beforehand for persons only.",
            Some(method) if taken.iter().any(|other| is_same_kind(*other, method)) => {
                "ETpay takes one bank and one way to pay."
            }
            Some(method) => {
                taken.push(method);
                continue;
            }
        };
        complaints.push(Complaint::new(format!("methods[{index}]"), "invalid_value", detail));
    }
}

const fn is_same_kind(one: Method, other: Method) -> bool {
    matches!((one, other), (Method::Bank(_), Method::Bank(_)) | (Method::Flow(_), Method::Flow(_)))
}

fn extra(fields: &[ExtraField], complaints: &mut Vec<Complaint>) {
    for (index, field) in fields.iter().enumerate() {
        if field.keyword.trim().is_empty() {
            let param = format!("extra[{index}].keyword");
            complaints.push(Complaint::new(param, "missing", "An extra field has a name."));
        }
    }
}

#[cfg(test)]
mod tests {
    use payment::Currency;
    use payment::order::{Language, Shopper, Shown};
    use payment::person::Document;

    use super::*;
    use crate::account::tests::account;
    use crate::country::COUNTRY;

    fn buyer() -> Person {
        Person {
            name: Some("Rocío".into()),
            document: Some(Document {
                country: "CL".into(),
                kind: "RUT".into(),
                number: "11.111.111-1".into(),
            }),
            email: Some("rocio.paine@correo.example".into()),
            mobile: Some("912345678".into()),
            ..Person::default()
        }
    }

    fn sound() -> Order {
        Order {
            reference: "PRUEBA-1".into(),
            total: Money::new(24_990, Currency::Clp),
            description: None,
            taxes: vec![],
            details: vec![],
            items: vec![],
            buyer: Some(buyer()),
            payer: Some(buyer()),
            shipping: None,
            expires_at: None,
            return_url: None,
            language: Language::Es,
            methods: vec!["cl_bci".into()],
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

    fn mexico() -> Account {
        Account { settings: [(COUNTRY.to_owned(), "mx".to_owned())].into(), ..account() }
    }

    fn mexican() -> Order {
        let buyer = Person { document: None, mobile: Some("5512345678".into()), ..buyer() };
        Order {
            total: Money::new(150_000, Currency::Mxn),
            buyer: Some(buyer),
            payer: None,
            methods: vec!["spei".into(), "mx_bbva".into()],
            ..sound()
        }
    }

    type Break = fn(&mut Order);

    fn refused(base: Order, account: &Account, break_it: Break) -> Vec<(String, String)> {
        let mut broken = base;
        break_it(&mut broken);
        order(&broken, account).into_iter().map(|complaint| (complaint.param, complaint.code)).collect()
    }

    #[test]
    fn a_sound_order_has_no_complaint_in_either_country() {
        assert_eq!(refused(sound(), &account(), |_| {}), []);
        assert_eq!(refused(mexican(), &mexico(), |_| {}), []);
        assert_eq!(refused(sound(), &account(), |order| (order.buyer, order.payer) = (None, None)), []);
    }

    #[test]
    fn each_broken_rule_is_told_by_its_member() {
        let table: [(&str, &str, Break); 8] = [
            ("total.currency", "unsupported_currency", |order| order.total.currency = Currency::Mxn),
            ("buyer.email", "invalid_value", |order| {
                order.buyer.as_mut().expect("one").email = Some("rocio".into())
            }),
            ("payer.email", "invalid_value", |order| {
                order.payer.as_mut().expect("one").email = Some("a@b@c".into())
            }),
            ("buyer.document.number", "invalid_value", |order| {
                order.buyer.as_mut().expect("one").document.as_mut().expect("one").number =
                    "11.111.111-2".into();
            }),
            ("methods[0]", "invalid_value", |order| order.methods[0] = "spei".into()),
            ("methods[0]", "invalid_value", |order| order.buyer.as_mut().expect("one").is_company = true),
            ("methods[1]", "invalid_value", |order| order.methods.push("cl_itau".into())),
            ("extra[0].keyword", "missing", |order| order.extra[0].keyword = " ".into()),
        ];
        for (param, code, break_it) in table {
            assert_eq!(refused(sound(), &account(), break_it), [(param.to_owned(), code.to_owned())]);
        }
    }

    #[test]
    fn mexico_has_rules_of_its_own() {
        let table: [(&str, &str, Break); 4] = [
            ("total.currency", "unsupported_currency", |order| order.total.currency = Currency::Clp),
            ("total.minor", "invalid_amount", |order| order.total.minor = 150_050),
            ("buyer.mobile", "invalid_value", |order| {
                order.buyer.as_mut().expect("one").mobile = Some("551234567".into())
            }),
            ("methods[2]", "invalid_value", |order| order.methods.push("codi".into())),
        ];
        for (param, code, break_it) in table {
            assert_eq!(refused(mexican(), &mexico(), break_it), [(param.to_owned(), code.to_owned())]);
        }
    }
}
