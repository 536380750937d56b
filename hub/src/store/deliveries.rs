//! Deliveries of events: claimed under a lease, acknowledged or put off.

use payment::Timestamp;
use payment::id::{EndpointId, EventId};
use sqlx::FromRow;

use super::database::{Link, Store, StoreError, Tx, fence, instant, on, parsed};
use super::rows::{Delivery, DeliveryTry};
use crate::crash::crash_point;

// Each endpoint's deliveries wait in a line, and only the first few of a line are ever under way: those that are
// keep their place until they are done. So a slow endpoint holds up nobody but itself.
pub(super) const CLAIM_SQLITE: &str = "UPDATE delivery SET claimed_until = $3, claim = claim + 1, tries = tries + 1 \
     WHERE rowid IN (SELECT d.rowid FROM event_endpoint e CROSS JOIN delivery d \
     ON d.rowid IN (SELECT line.rowid FROM delivery line WHERE line.merchant_id = e.merchant_id \
     AND line.endpoint_id = e.id AND line.next_at <= $1 ORDER BY line.next_at, line.event_id LIMIT $5) \
     WHERE e.disabled_reason IS NULL AND d.claimed_until <= $2 \
     ORDER BY d.next_at, d.event_id LIMIT $4) \
     RETURNING merchant_id, event_id, endpoint_id, tries, claim";
pub(super) const CLAIM_POSTGRES: &str = "UPDATE delivery SET claimed_until = $3, claim = claim + 1, tries = tries + 1 \
     WHERE (merchant_id, event_id, endpoint_id) IN (SELECT d.merchant_id, d.event_id, d.endpoint_id \
     FROM event_endpoint e CROSS JOIN LATERAL (SELECT line.event_id FROM delivery line \
     WHERE line.merchant_id = e.merchant_id AND line.endpoint_id = e.id AND line.next_at <= $1 \
     ORDER BY line.next_at, line.event_id LIMIT $5) head JOIN delivery d ON d.merchant_id = e.merchant_id \
     AND d.event_id = head.event_id AND d.endpoint_id = e.id \
     WHERE e.disabled_reason IS NULL AND d.next_at <= $1 AND d.claimed_until <= $2 \
     ORDER BY d.next_at, d.event_id LIMIT $4 FOR UPDATE OF d SKIP LOCKED) \
     RETURNING merchant_id, event_id, endpoint_id, tries, claim";
const DELIVERED: &str = "UPDATE delivery SET state = 'delivered', next_at = NULL, last_result = $5 \
     WHERE merchant_id = $1 AND event_id = $2 AND endpoint_id = $3 AND claim <= $4";
const PUT_OFF: &str = "UPDATE delivery SET next_at = $6, claimed_until = 0, last_result = $5 \
     WHERE merchant_id = $1 AND event_id = $2 AND endpoint_id = $3 AND claim <= $4";
const GIVE_UP: &str = "UPDATE delivery SET state = 'given_up', next_at = NULL, last_result = $5 \
     WHERE merchant_id = $1 AND event_id = $2 AND endpoint_id = $3 AND claim <= $4";
const LOG: &str = "INSERT INTO delivery_try (merchant_id, event_id, endpoint_id, number, at, result, duration_us, answer) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const WORKS_AGAIN: &str = "UPDATE event_endpoint SET failing_since = NULL \
     WHERE merchant_id = $1 AND id = $2 AND failing_since IS NOT NULL";
const BEGINS_TO_FAIL: &str = "UPDATE event_endpoint SET failing_since = $3 \
     WHERE merchant_id = $1 AND id = $2 AND failing_since IS NULL";
pub(super) const OF_EVENT: &str = "SELECT event_id, endpoint_id, state, tries, next_at, last_result FROM delivery \
     WHERE merchant_id = $1 AND event_id = $2 ORDER BY endpoint_id";
const TRIES: &str = "SELECT endpoint_id, number, at, result, duration_us, answer FROM delivery_try \
     WHERE merchant_id = $1 AND event_id = $2 ORDER BY at DESC, number DESC LIMIT $3";
const FORGET_TRIES: &str = "DELETE FROM delivery_try WHERE (merchant_id, event_id, endpoint_id, number) IN \
     (SELECT merchant_id, event_id, endpoint_id, number FROM delivery_try WHERE at < $1 LIMIT $2)";
pub(super) const NEXT: &str = "SELECT MIN((SELECT MIN(next_at) FROM delivery WHERE merchant_id = e.merchant_id \
     AND endpoint_id = e.id AND next_at IS NOT NULL)) FROM event_endpoint e WHERE e.disabled_reason IS NULL";

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
struct TryRow {
    endpoint_id: String,
    number: i64,
    at: i64,
    result: String,
    duration_us: i64,
    answer: String,
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
    /// Claims deliveries that are due, oldest first; of each endpoint at most `at_once` are under way.
    pub async fn claim_deliveries(
        &self,
        now: Timestamp,
        real_now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
        at_once: u32,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let mut tx = self.begin().await?;
        let (now, real, until) =
            (now.as_microsecond(), real_now.as_microsecond(), lease_until.as_microsecond());
        type Row = (String, String, String, i64, i64);
        let rows: Vec<Row> = match tx.link()? {
            Link::Sqlite(connection) => {
                sqlx::query_as(CLAIM_SQLITE)
                    .bind(now)
                    .bind(real)
                    .bind(until)
                    .bind(i64::from(limit))
                    .bind(i64::from(at_once))
                    .fetch_all(connection)
                    .await?
            }
            Link::Postgres(connection) => {
                sqlx::query_as(CLAIM_POSTGRES)
                    .bind(now)
                    .bind(real)
                    .bind(until)
                    .bind(i64::from(limit))
                    .bind(i64::from(at_once))
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

    /// Logs a claimed try and writes what came of it. A claim that was taken over is logged and changes nothing.
    pub async fn finish_delivery(
        &self,
        delivery: &ClaimedDelivery,
        outcome: &DeliveryOutcome,
        made: &DeliveryTry,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.log_try(delivery, made).await?;
        let is_ours = on!(tx.link()?, connection => {
            let text = match outcome {
                DeliveryOutcome::Delivered => DELIVERED,
                DeliveryOutcome::PutOff(_) => PUT_OFF,
                DeliveryOutcome::GivenUp => GIVE_UP,
            };
            let mut query = sqlx::query(text)
                .bind(&delivery.merchant_id)
                .bind(delivery.event_id.as_str())
                .bind(delivery.endpoint_id.as_str())
                .bind(fence(delivery.claim))
                .bind(&made.result);
            if let DeliveryOutcome::PutOff(next_at) = outcome {
                query = query.bind(next_at.as_microsecond());
            }
            query.execute(connection).await?.rows_affected() == 1
        });
        if is_ours {
            tx.note_health(delivery, *outcome == DeliveryOutcome::Delivered, made.at).await?;
        }
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

    /// The newest `limit` tries to deliver an event, newest first.
    pub async fn delivery_tries(
        &self,
        merchant: &str,
        event: &EventId,
        limit: u32,
    ) -> Result<Vec<DeliveryTry>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<TryRow> = on!(reader.link(), connection => {
            sqlx::query_as(TRIES)
                .bind(merchant)
                .bind(event.as_str())
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Forgets at most `limit` tries that were made before an instant. Answers how many there were.
    pub async fn forget_delivery_tries(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let forgotten = on!(tx.link()?, connection => {
            sqlx::query(FORGET_TRIES)
                .bind(before.as_microsecond())
                .bind(i64::from(limit))
                .execute(connection)
                .await?
                .rows_affected()
        });
        tx.commit().await?;
        Ok(forgotten)
    }

    /// When the next delivery to an endpoint that is not disabled is due.
    pub async fn next_delivery_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut reader = self.read().await?;
        let next: Option<i64> = on!(reader.link(), connection => {
            sqlx::query_scalar(NEXT).fetch_one(connection).await?
        });
        next.map(instant).transpose()
    }
}

impl Tx {
    async fn log_try(&mut self, delivery: &ClaimedDelivery, made: &DeliveryTry) -> Result<(), StoreError> {
        on!(self.link()?, connection => {
            sqlx::query(LOG)
                .bind(&delivery.merchant_id)
                .bind(delivery.event_id.as_str())
                .bind(delivery.endpoint_id.as_str())
                .bind(delivery.claim)
                .bind(made.at.as_microsecond())
                .bind(&made.result)
                .bind(made.duration_us)
                .bind(&made.answer)
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// Notes since when an endpoint fails; one that never does is not written to.
    async fn note_health(
        &mut self,
        delivery: &ClaimedDelivery,
        is_healthy: bool,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        on!(self.link()?, connection => {
            let text = if is_healthy { WORKS_AGAIN } else { BEGINS_TO_FAIL };
            let mut query =
                sqlx::query(text).bind(&delivery.merchant_id).bind(delivery.endpoint_id.as_str());
            if !is_healthy {
                query = query.bind(at.as_microsecond());
            }
            query.execute(connection).await?;
        });
        Ok(())
    }
}

impl TryFrom<TryRow> for DeliveryTry {
    type Error = StoreError;

    fn try_from(row: TryRow) -> Result<Self, StoreError> {
        Ok(Self {
            endpoint_id: parsed(&row.endpoint_id, "delivery try")?,
            number: row.number,
            at: instant(row.at)?,
            result: row.result,
            duration_us: row.duration_us,
            answer: row.answer,
        })
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
