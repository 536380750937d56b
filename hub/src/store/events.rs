//! Events: written in the transaction that causes them.

use payment::id::{EndpointId, EventId, PaymentId};
use payment::{Entropy, Timestamp};
use sqlx::FromRow;

use super::database::{Store, StoreError, Tx, instant, on, parsed};
use super::payments::{certainty_of, page};
use super::rows::{Cursor, Event, EventFilter, Page, ResendFilter, StatusChange};
use super::sets::{Rows, Script};

const INSERT: &str = "INSERT INTO event (merchant_id, id, payment_id, kind, body, version, from_status, to_status, certainty, \
     source, created_at) {rows}";
const DELIVER_TO_ALL_SQLITE: &str = "INSERT INTO delivery (merchant_id, event_id, endpoint_id, state, tries, next_at, \
     claimed_until, claim) SELECT e.merchant_id, v.column2, e.id, 'pending', 0, v.column3, 0, 0 \
     FROM ({rows}) AS v JOIN event_endpoint e ON e.merchant_id = v.column1 AND e.disabled_reason IS NULL";
// The lock makes who deletes an endpoint wait, and then see the delivery to give up.
const DELIVER_TO_ALL_POSTGRES: &str = "INSERT INTO delivery (merchant_id, event_id, endpoint_id, state, tries, next_at, \
     claimed_until, claim) SELECT e.merchant_id, v.column2, e.id, 'pending', 0, v.column3, 0, 0 \
     FROM ({rows}) AS v JOIN event_endpoint e ON e.merchant_id = v.column1 AND e.disabled_reason IS NULL \
     FOR KEY SHARE OF e";
const DELIVER_TO_ONE: &str = "INSERT INTO delivery (merchant_id, event_id, endpoint_id, state, tries, next_at, \
     claimed_until, claim) VALUES ($1, $2, $4, 'pending', 0, $3, 0, 0)";
const RESEND: &str = "INSERT INTO delivery (merchant_id, event_id, endpoint_id, state, tries, next_at, \
     claimed_until, claim) SELECT merchant_id, $2, id, 'pending', 0, $3, 0, 0 FROM event_endpoint \
     WHERE merchant_id = $1 AND disabled_reason IS NULL \
     ON CONFLICT (merchant_id, event_id, endpoint_id) DO UPDATE \
     SET state = 'pending', tries = 0, next_at = excluded.next_at, claimed_until = 0, claim = delivery.claim + 1";
const MATCHING: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM event e JOIN event_endpoint p \
     ON p.merchant_id = e.merchant_id AND p.disabled_reason IS NULL \
     WHERE e.merchant_id = $1 AND e.id >= $2 AND e.created_at >= $3 AND e.created_at < $4 \
     AND (e.kind = $5 OR ($5 IS NULL AND e.kind <> 'endpoint.test')) AND ($6 IS NULL OR p.id = $6) \
     LIMIT $7) AS matching";
const RESEND_MATCHING: &str = "INSERT INTO delivery (merchant_id, event_id, endpoint_id, state, tries, next_at, \
     claimed_until, claim) SELECT e.merchant_id, e.id, p.id, 'pending', 0, $7, 0, 0 FROM event e \
     JOIN event_endpoint p ON p.merchant_id = e.merchant_id AND p.disabled_reason IS NULL \
     WHERE e.merchant_id = $1 AND e.id >= $2 AND e.created_at >= $3 AND e.created_at < $4 \
     AND (e.kind = $5 OR ($5 IS NULL AND e.kind <> 'endpoint.test')) AND ($6 IS NULL OR p.id = $6) \
     ON CONFLICT (merchant_id, event_id, endpoint_id) DO UPDATE \
     SET state = 'pending', tries = 0, next_at = excluded.next_at, claimed_until = 0, claim = delivery.claim + 1";
const BY_ID: &str = "SELECT * FROM event WHERE merchant_id = $1 AND id = $2";
pub(super) const OF_PAYMENT: &str =
    "SELECT * FROM event WHERE merchant_id = $1 AND payment_id = $2 ORDER BY id";
pub(super) const OLDER: &str = "SELECT * FROM event WHERE merchant_id = $1 AND id < $2 \
     AND ($3 IS NULL OR kind = $3) AND ($4 IS NULL OR payment_id = $4) \
     AND created_at >= $5 AND created_at < $6 ORDER BY id DESC LIMIT $7";
pub(super) const NEWER: &str = "SELECT * FROM event WHERE merchant_id = $1 AND id > $2 \
     AND ($3 IS NULL OR kind = $3) AND ($4 IS NULL OR payment_id = $4) \
     AND created_at >= $5 AND created_at < $6 ORDER BY id ASC LIMIT $7";

#[derive(FromRow)]
struct EventRow {
    merchant_id: String,
    id: String,
    payment_id: Option<String>,
    kind: String,
    body: String,
    version: Option<i64>,
    from_status: Option<String>,
    to_status: Option<String>,
    certainty: Option<String>,
    source: Option<String>,
    created_at: i64,
}

impl Store {
    /// One event.
    pub async fn event(&self, merchant: &str, id: &EventId) -> Result<Option<Event>, StoreError> {
        let mut reader = self.read().await?;
        let row: Option<EventRow> = on!(reader.link(), connection => {
            sqlx::query_as(BY_ID).bind(merchant).bind(id.as_str()).fetch_optional(connection).await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// A merchant's events, newest first.
    pub async fn events(
        &self,
        merchant: &str,
        filter: &EventFilter,
        cursor: &Cursor,
    ) -> Result<Page<Event>, StoreError> {
        let (query, edge) = match (&cursor.starting_after, &cursor.ending_before) {
            (_, Some(edge)) => (NEWER, edge.as_str()),
            (Some(edge), None) => (OLDER, edge.as_str()),
            (None, None) => (OLDER, "~"),
        };
        let from = filter.created_from.map_or(i64::MIN, Timestamp::as_microsecond);
        let before = filter.created_before.map_or(i64::MAX, Timestamp::as_microsecond);
        let mut reader = self.read().await?;
        let rows: Vec<EventRow> = on!(reader.link(), connection => {
            sqlx::query_as(query)
                .bind(merchant)
                .bind(edge)
                .bind(filter.kind.as_deref())
                .bind(filter.payment.as_ref().map(PaymentId::as_str))
                .bind(from)
                .bind(before)
                .bind(i64::from(cursor.limit) + 1)
                .fetch_all(connection)
                .await?
        });
        page(rows, cursor)
    }

    /// The events of a payment, oldest first.
    pub async fn events_of(&self, merchant: &str, payment: &PaymentId) -> Result<Vec<Event>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<EventRow> = on!(reader.link(), connection => {
            sqlx::query_as(OF_PAYMENT).bind(merchant).bind(payment.as_str()).fetch_all(connection).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Writes an event that no payment's change caused (a test), for all endpoints or one.
    pub async fn insert_event(
        &self,
        event: &Event,
        only_endpoint: Option<&EndpointId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        match only_endpoint {
            Some(endpoint) => tx.insert_event_for(event, endpoint, now).await?,
            None => tx.insert_events(std::slice::from_ref(event)).await?,
        }
        tx.commit().await
    }

    /// Makes an event due again at every endpoint of its merchant. Answers how many deliveries that are.
    pub async fn resend_event(
        &self,
        merchant: &str,
        id: &EventId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let deliveries = on!(tx.link()?, connection => {
            sqlx::query(RESEND)
                .bind(merchant)
                .bind(id.as_str())
                .bind(now.as_microsecond())
                .execute(connection)
                .await?
                .rows_affected()
        });
        tx.commit().await?;
        Ok(deliveries)
    }
}

impl Store {
    /// Makes events due again at endpoints that are not disabled. Answers how many deliveries that are, or nothing
    /// when they would be more than `limit`: then nothing is written.
    pub async fn resend_events(
        &self,
        merchant: &str,
        filter: &ResendFilter,
        limit: u32,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        // Ids sort by the instant they were made: the list begins there instead of at the merchant's first event.
        let first = EventId::new(filter.created_from, Entropy::new([0; 32]));
        let mut tx = self.begin().await?;
        let (from, before) = (filter.created_from.as_microsecond(), filter.created_before.as_microsecond());
        let (kind, endpoint) = (filter.kind.as_deref(), filter.endpoint.as_ref().map(EndpointId::as_str));
        let matching: i64 = on!(tx.link()?, connection => {
            sqlx::query_scalar(MATCHING)
                .bind(merchant)
                .bind(first.as_str())
                .bind(from)
                .bind(before)
                .bind(kind)
                .bind(endpoint)
                .bind(i64::from(limit) + 1)
                .fetch_one(connection)
                .await?
        });
        if matching > i64::from(limit) {
            return Ok(None);
        }
        let deliveries = on!(tx.link()?, connection => {
            sqlx::query(RESEND_MATCHING)
                .bind(merchant)
                .bind(first.as_str())
                .bind(from)
                .bind(before)
                .bind(kind)
                .bind(endpoint)
                .bind(now.as_microsecond())
                .execute(connection)
                .await?
                .rows_affected()
        });
        tx.commit().await?;
        Ok(Some(deliveries))
    }
}

impl Tx {
    /// Writes events and their deliveries to every endpoint of their merchants, due when they were made.
    pub(super) async fn insert_events(&mut self, events: &[Event]) -> Result<(), StoreError> {
        let mut script = Script::default();
        script.insert_events(events);
        script.deliver_to_all(events, self.is_postgres());
        self.run(&script).await
    }

    /// Writes an event for one endpoint alone, due now.
    pub async fn insert_event_for(
        &mut self,
        event: &Event,
        endpoint: &EndpointId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut script = Script::default();
        script.insert_events(std::slice::from_ref(event));
        self.run(&script).await?;
        on!(self.link()?, connection => {
            sqlx::query(DELIVER_TO_ONE)
                .bind(&event.merchant_id)
                .bind(event.id.as_str())
                .bind(now.as_microsecond())
                .bind(endpoint.as_str())
                .execute(connection)
                .await?;
        });
        Ok(())
    }
}

impl<'a> Script<'a> {
    /// Writes events.
    pub(super) fn insert_events(&mut self, events: &'a [Event]) {
        let rows = Rows::of(events, |query, event| {
            let change = event.change.as_ref();
            query
                .bind(&event.merchant_id)
                .bind(event.id.as_str())
                .bind(event.payment_id.as_ref().map(PaymentId::as_str))
                .bind(&event.kind)
                .bind(&event.body)
                .bind(change.map(|change| change.version))
                .bind(change.map(|change| change.from.word()))
                .bind(change.map(|change| change.to.word()))
                .bind(change.map(|change| change.certainty.word()))
                .bind(change.map(|change| change.source.as_str()))
                .bind(event.created_at.as_microsecond())
        });
        self.add(INSERT, rows);
    }

    /// Writes that events are to be delivered to every endpoint of their merchants, from when they were made on.
    pub(super) fn deliver_to_all(&mut self, events: &'a [Event], is_postgres: bool) {
        let deliver = if is_postgres { DELIVER_TO_ALL_POSTGRES } else { DELIVER_TO_ALL_SQLITE };
        let rows = Rows::of(events, |query, event| {
            query.bind(&event.merchant_id).bind(event.id.as_str()).bind(event.created_at.as_microsecond())
        });
        self.add(deliver, rows);
    }
}

impl TryFrom<EventRow> for Event {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let change = match (row.version, row.from_status, row.to_status, row.certainty, row.source) {
            (Some(version), Some(from), Some(to), Some(certainty), Some(source)) => Some(StatusChange {
                version,
                from: parsed(&from, "event")?,
                to: parsed(&to, "event")?,
                certainty: certainty_of(&certainty)?,
                source,
            }),
            (None, None, None, None, None) => None,
            _ => return Err(StoreError::Corrupt("event")),
        };
        Ok(Self {
            id: parsed(&row.id, "event")?,
            merchant_id: row.merchant_id,
            payment_id: row.payment_id.map(|id| parsed(&id, "event")).transpose()?,
            kind: row.kind,
            body: row.body,
            change,
            created_at: instant(row.created_at)?,
        })
    }
}
