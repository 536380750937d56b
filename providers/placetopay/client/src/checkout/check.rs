//! What a certifiable merchant must not send (AV-4.4, AV-4.7), found before anything is written or sent.
//!
//! Rules that hold whatever the provider are the order's own. What the provider only cuts to its limits
//! (names of items, a street) is no reason to lose a sale and is let through.

use payment::Currency;
use payment::order::{Complaint, ExtraField, Order, Tax};

use super::divided;
use super::person::{self, Role};

/// Keywords of extra fields that mean something to the provider or its plugins (PROTOCOL.md 6.5).
const RESERVED_KEYWORDS: [&str; 11] = [
    "_accountNumber",
    "userAgent",
    "fingerprint",
    "sourcePlatform",
    "tokenizationID",
    "trazabilyCode",
    "transactionCycle",
    "RequestId",
    "PartnerAuthCode",
    "_processUrl_",
    "_session_",
];

/// Longest code of a payment method, in characters.
const LONGEST_METHOD: usize = 20;

/// Every complaint about an order. AV-U12: that the total is the sum of its parts is assumed to be the
/// merchant's affair; the provider checks it no more than we do.
pub fn order(order: &Order) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    currency(order.total.currency, &mut complaints);
    people(order, &mut complaints);
    taxes(&order.taxes, &mut complaints);
    extra(&order.extra, &mut complaints);
    methods(&order.methods, &mut complaints);
    divided::check(order, &mut complaints);
    complaints
}

fn currency(currency: Currency, complaints: &mut Vec<Complaint>) {
    if !matches!(currency, Currency::Cop | Currency::Usd) {
        let detail = "Aval Pay charges COP, and USD where the site is enabled for it.";
        complaints.push(Complaint::new("total.currency", "unsupported_currency", detail));
    }
}

/// The buyer may be left out, and is complete when not (AV-4.7-01). The payer is sent only when the shopper
/// said that the instrument is his own, and is then the buyer (AV-4.7-17 to -19): it locks the form.
fn people(order: &Order, complaints: &mut Vec<Complaint>) {
    if let Some(buyer) = &order.buyer {
        person::check(Role::Buyer, "buyer", buyer, complaints);
    }
    if let Some(payer) = &order.payer {
        if order.buyer.as_ref() != Some(payer) {
            let detail = "A payer is sent only when the shopper owns the instrument, and equals the buyer.";
            complaints.push(Complaint::new("payer", "invalid_value", detail));
        }
        person::check(Role::Buyer, "payer", payer, complaints);
    }
    if let Some(shipping) = &order.shipping {
        person::check(Role::Recipient, "shipping", shipping, complaints);
    }
}

/// Kind, value and base of each tax are sent (AV-1-02).
fn taxes(taxes: &[Tax], complaints: &mut Vec<Complaint>) {
    for (index, tax) in taxes.iter().enumerate() {
        if tax.base.is_none() {
            let detail = "Aval Pay wants the base on which a tax is computed.";
            complaints.push(Complaint::new(format!("taxes[{index}].base"), "missing", detail));
        }
    }
}

/// Of two fields of one name the provider keeps the first and drops the other in silence.
fn extra(fields: &[ExtraField], complaints: &mut Vec<Complaint>) {
    for (index, field) in fields.iter().enumerate() {
        let param = format!("extra[{index}].keyword");
        let is_reserved = RESERVED_KEYWORDS.iter().any(|word| word.eq_ignore_ascii_case(&field.keyword));
        if field.keyword.trim().is_empty() {
            complaints.push(Complaint::new(param, "missing", "An extra field has a name."));
        } else if is_reserved {
            let detail = "The provider uses this name for something else.";
            complaints.push(Complaint::new(param, "invalid_value", detail));
        } else if fields[..index].iter().any(|earlier| earlier.keyword == field.keyword) {
            let detail = "This name is taken by an earlier field, and the provider would drop this one.";
            complaints.push(Complaint::new(param, "invalid_value", detail));
        }
    }
}

/// Methods travel as one text with commas between.
fn methods(methods: &[String], complaints: &mut Vec<Complaint>) {
    for (index, method) in methods.iter().enumerate() {
        let is_code = (1..=LONGEST_METHOD).contains(&method.len())
            && method.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_code {
            let detail = "A method is the provider's code: letters, digits and `_`.";
            complaints.push(Complaint::new(format!("methods[{index}]"), "invalid_value", detail));
        }
    }
}

#[cfg(test)]
pub mod tests {
    use payment::Money;
    use payment::order::{Language, Shopper, Shown, TaxKind};
    use payment::person::{Document, Person};

    use super::*;

    fn buyer() -> Person {
        Person {
            name: Some("María José".into()),
            surname: Some("Ñandú Prueba".into()),
            document: Some(Document { country: "CO".into(), kind: "CC".into(), number: "1093847561".into() }),
            email: Some("maria.prueba@correo.example".into()),
            mobile: Some("3005550147".into()),
            ..Person::default()
        }
    }

    pub fn sound() -> Order {
        Order {
            reference: "PRUEBA-1".into(),
            total: Money::new(11_900_000, Currency::Cop),
            description: Some("Tres libros".into()),
            taxes: vec![Tax {
                kind: TaxKind::ValueAddedTax,
                amount: Money::new(1_900_000, Currency::Cop),
                base: Some(Money::new(10_000_000, Currency::Cop)),
            }],
            details: vec![],
            items: vec![],
            buyer: Some(buyer()),
            payer: None,
            shipping: None,
            expires_at: None,
            return_url: None,
            language: Language::Es,
            methods: vec!["visa".into(), "pse".into()],
            extra: vec![ExtraField {
                keyword: "Numero_matrícula".into(),
                value: "7".into(),
                shown: Shown::Both,
            }],
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

    fn complaints(change: impl FnOnce(&mut Order)) -> Vec<(String, String)> {
        let mut changed = sound();
        change(&mut changed);
        order(&changed).into_iter().map(|complaint| (complaint.param, complaint.code)).collect()
    }

    fn one(param: &str, code: &str) -> Vec<(String, String)> {
        vec![(param.to_owned(), code.to_owned())]
    }

    #[test]
    fn a_sound_order_has_no_complaint_with_or_without_a_buyer() {
        let _story = testing::story("a_sound_order_has_no_complaint_with_or_without_a_buyer");
        assert_eq!(complaints(|_| {}), []);
        assert_eq!(complaints(|order| order.buyer = None), []);
        assert_eq!(complaints(|order| order.description = None), []);
        assert_eq!(complaints(|order| order.taxes.clear()), []);
        testing::covers!("AV-4.7-03");
    }

    #[test]
    fn only_the_currencies_of_the_site_are_taken() {
        let changed = complaints(|order| {
            order.total.currency = Currency::Pen;
            order.taxes.clear();
        });
        assert_eq!(changed, one("total.currency", "unsupported_currency"));
    }

    #[test]
    fn a_payer_is_the_buyer_or_is_not_sent() {
        assert_eq!(complaints(|order| order.payer = Some(buyer())), []);
        let other = Person { name: Some("Otra Persona".into()), ..buyer() };
        assert_eq!(complaints(|order| order.payer = Some(other)), one("payer", "invalid_value"));
        let alone = complaints(|order| order.payer = order.buyer.take());
        assert_eq!(alone, one("payer", "invalid_value"));
    }

    #[test]
    fn a_buyer_is_complete_or_is_not_sent() {
        let _story = testing::story("a_buyer_is_complete_or_is_not_sent");
        type Break = fn(&mut Person);
        let table: [(&str, Break); 5] = [
            ("buyer.name", |buyer| buyer.name = None),
            ("buyer.surname", |buyer| buyer.surname = None),
            ("buyer.document", |buyer| buyer.document = None),
            ("buyer.email", |buyer| buyer.email = Some("  ".into())),
            ("buyer.mobile", |buyer| buyer.mobile = None),
        ];
        for (param, break_it) in table {
            let found = complaints(|order| break_it(order.buyer.as_mut().expect("a buyer")));
            assert_eq!(found, one(param, "missing"));
        }
        testing::covers!("AV-4.7-01");
    }

    #[test]
    fn a_tax_has_its_base() {
        let _story = testing::story("a_tax_has_its_base");
        assert_eq!(complaints(|order| order.taxes[0].base = None), one("taxes[0].base", "missing"));
        testing::covers!("AV-1-02");
    }

    #[test]
    fn names_of_extra_fields_that_the_provider_uses_or_drops_are_refused() {
        for keyword in ["userAgent", "requestid", "_processUrl_"] {
            let found = complaints(|order| order.extra[0].keyword = keyword.into());
            assert_eq!(found, one("extra[0].keyword", "invalid_value"), "{keyword}");
        }
        let twice = complaints(|order| order.extra.push(order.extra[0].clone()));
        assert_eq!(twice, one("extra[1].keyword", "invalid_value"));
        let unnamed = complaints(|order| order.extra[0].keyword = " ".into());
        assert_eq!(unnamed, one("extra[0].keyword", "missing"));
    }

    #[test]
    fn a_method_that_would_break_the_list_is_refused() {
        for method in ["", "visa,pse", "visa pse", "Tarjeta de crédito"] {
            let found = complaints(|order| order.methods = vec![method.into()]);
            assert_eq!(found, one("methods[0]", "invalid_value"), "{method}");
        }
    }
}
