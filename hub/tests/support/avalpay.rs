//! Aval Pay as the stories meet it: its account, its cards, an order, and its page.

use std::sync::Arc;

use hub::store::Payment;
use payment::order::{Order, Tax, TaxKind};
use payment::person::{Document, Person};
use payment::{Currency, Money};
use placetopay_client::checkout::AvalPay;
use placetopay_simulator::AvalPay as Simulated;

use super::stage::{Cast, Stage, between, order_of};

/// The provider account of the stories.
pub const ACCOUNT: &str = "tienda-avalpay";
/// The provider of the stories.
pub const PROVIDER: &str = "avalpay";
/// A test card that is approved.
pub const APPROVED_CARD: &str = "4110760000000081";
/// A test card that is denied.
pub const DENIED_CARD: &str = "4110760000000016";
/// A test card that is pending for a while and then approved.
pub const PENDING_CARD: &str = "4110760000000073";

/// Aval Pay, played by its simulator, with orders of the story's own.
pub fn cast(order: fn(&str) -> Order) -> Cast {
    Cast { protocol: Arc::new(AvalPay), simulator: Box::new(Simulated::new()), account: ACCOUNT, order }
}

/// An order of 119000 COP with IVA.
pub fn order(reference: &str) -> Order {
    Order {
        taxes: vec![Tax {
            kind: TaxKind::ValueAddedTax,
            amount: Money::new(1_900_000, Currency::Cop),
            base: Some(Money::new(10_000_000, Currency::Cop)),
        }],
        buyer: Some(Person {
            name: Some("Mariana".into()),
            surname: Some("Prueba".into()),
            document: Some(Document { country: "CO".into(), kind: "CC".into(), number: "1093847561".into() }),
            email: Some("compradora@correo.example".into()),
            mobile: Some("3005550147".into()),
            ..Person::default()
        }),
        ..order_of(reference, Money::new(11_900_000, Currency::Cop))
    }
}

/// Walks through the provider's page without scripts and types a card in its form, with what else that asks. Answers the
/// page's last status.
pub async fn type_card(stage: &Stage, payment: &Payment, card: &str, more: &[(&str, &str)]) -> u16 {
    let page = payment.detail.pay_url.clone().expect("somewhere to pay").to_string();
    let email = [("email", "compradora@correo.example")];
    stage.browser.post(format!("{page}/email")).form(&email).send().await.expect("the e-mail step");
    let form = stage.browser.get(format!("{page}/card")).send().await.expect("the card form");
    let token = between(&form.text().await.expect("a page"), "name=\"form_token\" value=\"", "\"");
    let mut fields = vec![
        ("form_token", token.as_str()),
        ("card_number", card),
        ("expiry", "11/30"),
        ("cvv", "123"),
        ("installments", "1"),
        ("holder_name", "Mariana"),
        ("holder_surname", "Prueba"),
        ("document_type", "CC"),
        ("document", "1093847561"),
        ("mobile", "3005550147"),
    ];
    fields.extend(more);
    let answer =
        stage.browser.post(format!("{page}/card")).form(&fields).send().await.expect("the card step");
    answer.status().as_u16()
}
