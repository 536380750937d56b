//! The rest of a payment that ended partly paid: a payment of its own, under a new reference (AV-9.2-02).

use payment::division::PartialPolicy;
use payment::id::PaymentId;
use payment::order::MAX_REFERENCE;
use payment::{Money, Order, Status};

use crate::fault::fault;
use crate::flow::create_payment::{CreateError, NewPayment, create_payment};
use crate::settings::Merchant;
use crate::state::Hub;
use crate::store::{Cursor, Payment, PaymentFilter, StoreError};

/// Most payments of one rest, those that came to nothing included.
const MOST: usize = 99;

/// Why there is no payment of a rest.
#[derive(Debug)]
pub enum RestError {
    /// There is no such payment.
    NotFound,
    /// It did not end partly paid, or nothing of it is left with the merchant.
    NoRest(Status),
    /// What was collected of this account's payments is given back.
    IsReturned,
    /// This payment of the rest is open, or has collected something: it goes on there.
    Asked(PaymentId),
    /// It was not created.
    Create {
        /// Why.
        error: CreateError,
        /// What is missing.
        missing: Money,
    },
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for RestError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Asks for what is missing. Of one rest there is at most one payment that can be paid: its reference says so.
pub async fn collect_rest(
    hub: &Hub,
    merchant: &Merchant,
    id: &PaymentId,
    idempotency_key: &str,
) -> Result<Payment, RestError> {
    let first = hub.store.payment(&merchant.id, id).await?.ok_or(RestError::NotFound)?;
    let collected = first.kept().minor;
    if first.status != Status::PartiallyExpired || collected == 0 || !first.order.allow_partial {
        return Err(RestError::NoRest(first.status));
    }
    let (account, provider) = hub.account(&first.account_id).ok_or(RestError::NotFound)?;
    if provider.partial_policy(account) == PartialPolicy::Return {
        return Err(RestError::IsReturned);
    }
    for nth in 2..MOST {
        let reference = nth_reference(&first.order.reference, nth);
        if let Some(known) = by_reference(hub, merchant, &reference).await? {
            let is_repeated = known.idempotency_key == idempotency_key;
            let came_to_nothing = !known.status.is_open() && known.paid.minor == 0;
            if !is_repeated && (!came_to_nothing || known.order.rest_of.as_ref() != Some(id)) {
                return Err(RestError::Asked(known.id));
            }
            if !is_repeated {
                continue;
            }
        }
        let missing = Money::new(first.order.total.minor - collected, first.order.total.currency);
        let wanted = NewPayment {
            order: rest_of(&first, reference, missing),
            account_id: Some(first.account_id.clone()),
            idempotency_key: idempotency_key.to_owned(),
        };
        return match create_payment(hub, merchant, wanted).await {
            // Somebody else asked in this very moment.
            Err(CreateError::ReferenceUsed(id)) => Err(RestError::Asked(id)),
            created => created.map_err(|error| RestError::Create { error, missing }),
        };
    }
    Err(RestError::NoRest(first.status))
}

fn rest_of(first: &Payment, reference: String, total: Money) -> Order {
    Order {
        reference,
        total,
        items: Vec::new(),
        expires_at: None,
        rest_of: (!fault!("forget_whose_rest_it_is")).then(|| first.id.clone()),
        ..(*first.order).clone()
    }
}

/// The reference of the nth payment of an order, counted from the first.
fn nth_reference(reference: &str, nth: usize) -> String {
    let end = format!("-{nth}");
    let kept: String = reference.chars().take(MAX_REFERENCE - end.len()).collect();
    kept + &end
}

async fn by_reference(
    hub: &Hub,
    merchant: &Merchant,
    reference: &str,
) -> Result<Option<Payment>, StoreError> {
    let filter = PaymentFilter { reference: Some(reference.to_owned()), ..PaymentFilter::default() };
    let cursor = Cursor { starting_after: None, ending_before: None, limit: 1 };
    Ok(hub.store.payments(&merchant.id, &filter, &cursor).await?.data.pop())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_of_a_rest_is_no_longer_than_any_other() {
        assert_eq!(nth_reference("PEDIDO-1", 2), "PEDIDO-1-2");
        let longest = "ñ".repeat(MAX_REFERENCE);
        assert_eq!(nth_reference(&longest, 12).chars().count(), MAX_REFERENCE);
        assert!(nth_reference(&longest, 12).ends_with("ñ-12"));
    }
}
