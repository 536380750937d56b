//! The hub's public API, as a merchant calls it, and as the tour's second witness.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{ask, below};

/// The hub's API with one merchant's key.
#[derive(Clone)]
pub struct HubApi {
    http: reqwest::Client,
    base: Url,
    key: SecretString,
}

/// What is read of a payment.
#[derive(Clone, Debug, Deserialize)]
pub struct PaymentSeen {
    /// The hub's id.
    pub id: String,
    /// The merchant's reference.
    pub reference: String,
    /// The provider.
    pub provider: String,
    /// The provider account.
    pub account: String,
    /// The reference that the provider got.
    #[serde(default)]
    pub provider_reference: Option<String>,
    /// The provider's own id.
    #[serde(default)]
    pub provider_id: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// The status word.
    pub status: String,
    /// The order's total, in minor units.
    pub amount: i64,
    /// What was paid, in minor units.
    pub paid: i64,
    /// What was given back.
    pub refunded: i64,
    /// What was paid beyond the order's total.
    pub overpaid: i64,
    /// What the shopper gives elsewhere to pay.
    #[serde(default)]
    pub pay_code: Option<String>,
    /// When it can no longer be paid.
    pub expires_at: jiff::Timestamp,
    /// Where the shopper pays, while that is possible.
    #[serde(default)]
    pub pay_url: Option<Url>,
    /// Grows with each change.
    pub version: i64,
    /// When it last changed.
    pub updated_at: jiff::Timestamp,
}

/// A card that a provider keeps for a customer.
#[derive(Clone, Debug, Deserialize)]
pub struct InstrumentSeen {
    /// The hub's id.
    pub id: String,
    /// `active` once it can be charged.
    pub state: String,
    /// The end of its number.
    #[serde(default)]
    pub last_four: Option<String>,
}

#[derive(Deserialize)]
struct PageOf<T> {
    data: Vec<T>,
}

impl HubApi {
    /// The API at an address.
    pub fn new(http: reqwest::Client, base: Url, key: SecretString) -> Self {
        Self { http, base, key }
    }

    /// Asks for a payment.
    pub async fn create(&self, idempotency_key: &str, order: &Value) -> anyhow::Result<PaymentSeen> {
        let request = self.post(&["v1", "payments"], idempotency_key).json(order);
        ask("asking the hub for a payment", request).await
    }

    /// Takes a payment back.
    pub async fn cancel(&self, id: &str, idempotency_key: &str) -> anyhow::Result<PaymentSeen> {
        let request = self.post(&["v1", "payments", id, "cancel"], idempotency_key);
        ask("taking a payment back", request).await
    }

    /// Gives back all that was taken.
    pub async fn refund(&self, id: &str, idempotency_key: &str) -> anyhow::Result<PaymentSeen> {
        let request = self.post(&["v1", "payments", id, "refund"], idempotency_key).json(&json!({}));
        ask("giving a payment back", request).await
    }

    /// The cards that are kept for a customer, newest first.
    pub async fn instruments(&self, customer: &str) -> anyhow::Result<Vec<InstrumentSeen>> {
        let request = self.get(&["v1", "instruments"]).query(&[("customer", customer)]);
        let page: PageOf<InstrumentSeen> = ask("asking the hub for kept cards", request).await?;
        Ok(page.data)
    }

    /// The payment of an order, when the hub has one.
    pub async fn by_reference(&self, reference: &str) -> anyhow::Result<Option<PaymentSeen>> {
        let request = self.get(&["v1", "payments"]).query(&[("reference", reference)]);
        let page: PageOf<PaymentSeen> = ask("asking the hub about an order", request).await?;
        Ok(page.data.into_iter().find(|payment| payment.reference == reference))
    }

    /// The newest payment, when there is one.
    pub async fn newest(&self) -> anyhow::Result<Option<PaymentSeen>> {
        let request = self.get(&["v1", "payments"]).query(&[("limit", "1")]);
        let page: PageOf<PaymentSeen> = ask("asking the hub for its newest payment", request).await?;
        Ok(page.data.into_iter().next())
    }

    fn get(&self, path: &[&str]) -> reqwest::RequestBuilder {
        self.http.get(below(&self.base, path)).bearer_auth(self.key.expose_secret())
    }

    fn post(&self, path: &[&str], idempotency_key: &str) -> reqwest::RequestBuilder {
        let request = self.http.post(below(&self.base, path)).bearer_auth(self.key.expose_secret());
        request.header("Idempotency-Key", idempotency_key)
    }
}
