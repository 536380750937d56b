//! The stage with Aval Pay on it.

use hub::flow::{self, NewPayment};
use hub::settings::Settings;
use hub::store::Payment;
use payment::account::Environment;
use payment::order::Order;
use simulation::NewAccount;
use testing::TestDatabase;

pub use crate::support::avalpay::{ACCOUNT, APPROVED_CARD, DENIED_CARD, PENDING_CARD, PROVIDER, order};
use crate::support::avalpay::{cast, type_card};
pub use crate::support::stage::{MERCHANT, Stage};

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
        Self::build(database, cast(order), change, environment, |_| {}).await
    }

    /// The same, with settings of the hub that are otherwise.
    pub async fn tuned(database: &TestDatabase, tune: impl FnOnce(&mut Settings)) -> Self {
        Self::build(database, cast(order), |_| {}, Environment::Test, tune).await
    }

    /// The same, with an account whose settings at the hub are these.
    pub async fn set(database: &TestDatabase, settings: &[(&str, &str)], environment: Environment) -> Self {
        let tune = |tuned: &mut Settings| {
            for (name, value) in settings {
                tuned.accounts[0].settings.insert((*name).to_owned(), (*value).to_owned());
            }
        };
        Self::build(database, cast(order), |_| {}, environment, tune).await
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
        let amount = amount.map(|amount| ("amount", amount));
        type_card(self, payment, card, amount.as_slice()).await
    }
}
