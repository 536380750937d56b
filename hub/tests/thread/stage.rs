//! The stage with Aval Pay on it: its cards, its page, its order.

use std::sync::Arc;

use hub::flow::{self, NewPayment};
use hub::settings::Settings;
use hub::store::Payment;
use payment::account::Environment;
use payment::order::{Language, Order, Shopper, Tax, TaxKind};
use payment::person::{Document, Person};
use payment::{Currency, Money};
use placetopay_client::checkout::AvalPay;
use placetopay_simulator::AvalPay as Simulated;
use simulation::NewAccount;
use testing::TestDatabase;

use crate::support::stage::Cast;
pub use crate::support::stage::{MERCHANT, Stage, between};

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

fn cast() -> Cast {
    Cast { protocol: Arc::new(AvalPay), simulator: Box::new(Simulated::new()), account: ACCOUNT, order }
}

impl Stage {
    /// Sets everything up on a fresh database.
    pub async fn on(database: &TestDatabase) -> Self {
        Self::with(database, |_| {}, Environment::Test).await
    }

    /// The same, with an account of the provider that is set up otherwise.
    pub async fn with(
        database: &TestDatabase,
        change: impl FnOnce(&mut NewAccount),
        environment: Environment,
    ) -> Self {
        Self::build(database, cast(), change, environment, |_| {}).await
    }

    /// The same, with settings of the hub that are otherwise.
    pub async fn tuned(database: &TestDatabase, tune: impl FnOnce(&mut Settings)) -> Self {
        Self::build(database, cast(), |_| {}, Environment::Test, tune).await
    }

    /// The same, with an account whose settings at the hub are these.
    pub async fn set(database: &TestDatabase, settings: &[(&str, &str)], environment: Environment) -> Self {
        let tune = |tuned: &mut Settings| {
            for (name, value) in settings {
                tuned.accounts[0].settings.insert((*name).to_owned(), (*value).to_owned());
            }
        };
        Self::build(database, cast(), |_| {}, environment, tune).await
    }

    /// Creates a payment of an order that is changed a little.
    pub async fn create(&self, reference: &str, change: impl FnOnce(&mut Order)) -> Payment {
        let mut order = order(reference);
        change(&mut order);
        let wanted = NewPayment { order, account_id: None, idempotency_key: format!("key-{reference}") };
        flow::create_payment(&self.hub, &self.merchant(), wanted).await.expect("a payment")
    }

    /// Pays in the hosted page, without scripts, and answers the page's last status.
    pub async fn pay(&self, payment: &Payment, card: &str) -> u16 {
        self.pay_part(payment, card, None).await
    }

    /// The same, of a payment in parts so much, as the page takes it.
    pub async fn pay_part(&self, payment: &Payment, card: &str, amount: Option<&str>) -> u16 {
        let page = payment.detail.pay_url.clone().expect("somewhere to pay").to_string();
        let email = [("email", "compradora@correo.example")];
        self.browser.post(format!("{page}/email")).form(&email).send().await.expect("the e-mail step");
        let form = self.browser.get(format!("{page}/card")).send().await.expect("the card form");
        let html = form.text().await.expect("a page");
        let token = between(&html, "name=\"form_token\" value=\"", "\"");
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
        fields.extend(amount.map(|amount| ("amount", amount)));
        let answer =
            self.browser.post(format!("{page}/card")).form(&fields).send().await.expect("the card step");
        answer.status().as_u16()
    }
}

/// An order of 119000 COP with IVA.
pub fn order(reference: &str) -> Order {
    Order {
        reference: reference.into(),
        total: Money::new(11_900_000, Currency::Cop),
        description: Some("Tres cuadernos de prueba".into()),
        taxes: vec![Tax {
            kind: TaxKind::ValueAddedTax,
            amount: Money::new(1_900_000, Currency::Cop),
            base: Some(Money::new(10_000_000, Currency::Cop)),
        }],
        details: vec![],
        items: vec![],
        buyer: Some(Person {
            name: Some("Mariana".into()),
            surname: Some("Prueba".into()),
            document: Some(Document { country: "CO".into(), kind: "CC".into(), number: "1093847561".into() }),
            email: Some("compradora@correo.example".into()),
            mobile: Some("3005550147".into()),
            ..Person::default()
        }),
        payer: None,
        shipping: None,
        expires_at: None,
        return_url: None,
        language: Language::Es,
        methods: vec![],
        extra: vec![],
        customer: None,
        keep_instrument: false,
        instrument: None,
        is_shopper_away: false,
        instalments: None,
        allow_partial: false,
        dispersion: vec![],
        recurrence: None,
        rest_of: None,
        shopper: Shopper {
            ip: "203.0.113.24".parse().expect("an address"),
            user_agent: "Mozilla/5.0 (prueba)".into(),
        },
    }
}
