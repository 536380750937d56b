//! What else a shopper is about to pay, told on the pages from which a payment is begun (AV-4.3-04 to -06).

use std::sync::Arc;

use payment::Money;
use url::Url;

use crate::flow::others_pending;
use crate::state::Hub;
use crate::store::{Payment, StoreError};

/// Another payment of the same customer that is pending.
pub(super) struct Other {
    /// The merchant's reference.
    pub(super) reference: String,
    /// What is to be paid.
    pub(super) total: Money,
    /// What to quote to the merchant.
    pub(super) authorization: Option<String>,
    /// Where to go on with it, while that is possible.
    pub(super) pay_url: Option<Url>,
    /// Where it is told how it stands.
    pub(super) status_url: Url,
}

impl Other {
    /// The newest other one beside a payment, as long as that one can be paid. One is reason enough to stop and think; more
    /// would push the form out of sight.
    pub(super) async fn all(hub: &Arc<Hub>, payment: &Payment) -> Result<Vec<Self>, StoreError> {
        let now = hub.clock.now();
        if !payment.status.is_open() || payment.told.is_some() || now >= payment.expires_at {
            return Ok(Vec::new());
        }
        let found = others_pending(hub, payment).await?;
        Ok(found.into_iter().take(1).map(|other| Self::of(hub, other)).collect())
    }

    fn of(hub: &Hub, payment: Payment) -> Self {
        let is_payable = hub.clock.now() < payment.expires_at;
        Self {
            status_url: hub.status_url(&payment.merchant_id, &payment.id),
            reference: payment.order.reference.clone(),
            total: payment.order.total,
            authorization: payment.detail.receipt.authorization,
            pay_url: payment.detail.pay_url.filter(|_| is_payable),
        }
    }

    /// One whose free texts would be markup if they were not escaped.
    #[cfg(test)]
    pub(super) fn sample() -> Self {
        let url = || Url::parse("http://pago.localhost/?a=%22%3E").expect("an address");
        Self {
            reference: "<xss>".into(),
            total: Money::new(11_900_000, payment::Currency::Cop),
            authorization: Some("<xss>".into()),
            pay_url: Some(url()),
            status_url: url(),
        }
    }
}
