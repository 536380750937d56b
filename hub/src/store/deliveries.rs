//! Deliveries of events: claimed under a lease, acknowledged or put off.

use payment::Timestamp;
use payment::id::{EndpointId, EventId};
use sqlx::FromRow;

use super::database::{Link, Store, StoreError, instant, on, parsed};
use super::rows::Delivery;
use crate::crash::crash_point;

const CLAIM_SQLITE: &str = "UPDATE delivery SET claimed_until = $3, claim = claim + 1, tries = tries + 1 \
     WHERE (merchant_id, event_id, endpoint_id) IN (SELECT merchant_id, event_id, endpoint_id FROM delivery \
     WHERE next_at <= $1 AND claimed_until <= $2 ORDER BY next_at, event_id LIMIT $4) \
     RETURNING merchant_id, event_id, endpoint_id, tries, claim";
const CLAIM_POSTGRES: &str = "UPDATE delivery SET claimed_until = $3, claim = claim + 1, tries = tries + 1 \
     WHERE (merchant_id, event_id, endpoint_id) IN (SELECT merchant_id, event_id, endpoint_id FROM delivery \
     WHERE next_at <= $1 AND claimed_until <= $2 ORDER BY next_at, event_id LIMIT $4 FOR UPDATE SKIP LOCKED) \
     RETURNING merchant_id, event_id, endpoint_id, tries, claim";
const DELIVERED: &str = "UPDATE delivery SET state = 'delivered', next_at = NULL, last_result = $5 \
     WHERE merchant_id = $1 AND event_id = $2 AND endpoint_id = $3 AND claim = $4";
const PUT_OFF: &str = "UPDATE delivery SET next_at = $5, claimed_until = 0, last_result = $6 \
     WHERE merchant_id = $1 AND event_id = $2 AND endpoint_id = $3 AND claim = $4";
const GIVE_UP: &str = "UPDATE delivery SET state = 'given_up', next_at = NULL, last_result = $5 \
     WHERE merchant_id = $1 AND event_id = $2 AND endpoint_id = $3 AND claim = $4";
const OF_EVENT: &str = "SELECT event_id, endpoint_id, state, tries, next_at, last_result FROM delivery \
     WHERE merchant_id = $1 AND event_id = $2 ORDER BY endpoint_id";
const NEXT: &str = "SELECT MIN(next_at) FROM delivery WHERE next_at IS NOT NULL";

/// A delivery that this process may make until its lease ends.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    /// Whose event.
    pub merchant_id: String,
    /// The event.
    pub event_id: EventId,
    /// Where to.
    pub endpoint_id: EndpointId,
    /// Which try this is, from 1.
    pub tries: i64,
    /// Number of this claim: a writer with an older one is fenced off.
    pub claim: i64,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The endpoint took it.
    Delivered,
    /// Try again then (business time).
    PutOff(Timestamp),
    /// No further try.
    GivenUp,
}

#[derive(FromRow)]
struct DeliveryRow {
    event_id: String,
    endpoint_id: String,
    state: String,
    tries: i64,
    next_at: Option<i64>,
    last_result: Option<String>,
}

impl Store {
    /// Claims deliveries that are due, oldest first.
    pub async fn claim_deliveries(
        &self,
        now: Timestamp,
        real_now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let mut tx = self.begin().await?;
        let (now, real, until) =
            (now.as_microsecond(), real_now.as_microsecond(), lease_until.as_microsecond());
        type Row = (String, String, String, i64, i64);
        let rows: Vec<Row> = match tx.link() {
            Link::Sqlite(connection) => {
                sqlx::query_as(CLAIM_SQLITE)
                    .bind(now)
                    .bind(real)
                    .bind(until)
                    .bind(i64::from(limit))
                    .fetch_all(connection)
                    .await?
            }
            Link::Postgres(connection) => {
                sqlx::query_as(CLAIM_POSTGRES)
                    .bind(now)
                    .bind(real)
                    .bind(until)
                    .bind(i64::from(limit))
                    .fetch_all(connection)
                    .await?
            }
        };
        if !rows.is_empty() {
            crash_point!("delivery.before_claim");
        }
        tx.commit().await?;
        if !rows.is_empty() {
            crash_point!("delivery.after_claim");
        }
        let claimed = |(merchant_id, event_id, endpoint_id, tries, claim): Row| {
            Ok(ClaimedDelivery {
                merchant_id,
                event_id: parsed(&event_id, "delivery")?,
                endpoint_id: parsed(&endpoint_id, "delivery")?,
                tries,
                claim,
            })
        };
        rows.into_iter().map(claimed).collect()
    }

    /// Writes what came of a claimed try. A claim that was taken over writes nothing.
    pub async fn finish_delivery(
        &self,
        delivery: &ClaimedDelivery,
        outcome: &DeliveryOutcome,
        result: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link(), connection => {
            let text = match outcome {
                DeliveryOutcome::Delivered => DELIVERED,
                DeliveryOutcome::PutOff(_) => PUT_OFF,
                DeliveryOutcome::GivenUp => GIVE_UP,
            };
            let mut query = sqlx::query(text)
                .bind(&delivery.merchant_id)
                .bind(delivery.event_id.as_str())
                .bind(delivery.endpoint_id.as_str())
                .bind(delivery.claim);
            if let DeliveryOutcome::PutOff(next_at) = outcome {
                query = query.bind(next_at.as_microsecond());
            }
            query.bind(result).execute(connection).await?;
        });
        crash_point!("delivery.before_acknowledgement");
        tx.commit().await?;
        crash_point!("delivery.after_acknowledgement");
        Ok(())
    }

    /// The deliveries of an event.
    pub async fn deliveries_of(&self, merchant: &str, event: &EventId) -> Result<Vec<Delivery>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<DeliveryRow> = on!(reader.link(), connection => {
            sqlx::query_as(OF_EVENT).bind(merchant).bind(event.as_str()).fetch_all(connection).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// When the next delivery is due.
    pub async fn next_delivery_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut reader = self.read().await?;
        let next: Option<i64> = on!(reader.link(), connection => {
            sqlx::query_scalar(NEXT).fetch_one(connection).await?
        });
        next.map(instant).transpose()
    }
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = StoreError;

    fn try_from(row: DeliveryRow) -> Result<Self, StoreError> {
        Ok(Self {
            event_id: parsed(&row.event_id, "delivery")?,
            endpoint_id: parsed(&row.endpoint_id, "delivery")?,
            state: row.state,
            tries: row.tries,
            next_at: row.next_at.map(instant).transpose()?,
            last_result: row.last_result,
        })
    }
}
