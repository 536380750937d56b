//! Places where merchants receive events.

use payment::Timestamp;
use payment::id::EndpointId;
use sqlx::FromRow;

use super::database::{Store, StoreError, instant, on, parsed};
use super::payments::page;
use super::rows::{Cursor, DeliveryTarget, Endpoint, Event, Page};

const INSERT: &str = "INSERT INTO event_endpoint (merchant_id, id, url, sealed_secret, idempotency_key, \
     disabled_reason, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const BY_ID: &str = "SELECT merchant_id, id, url, disabled_reason, created_at FROM event_endpoint \
     WHERE merchant_id = $1 AND id = $2";
const BY_KEY: &str = "SELECT merchant_id, id, url, disabled_reason, created_at FROM event_endpoint \
     WHERE merchant_id = $1 AND idempotency_key = $2";
const TARGET: &str = "SELECT merchant_id, id, url, disabled_reason, created_at, sealed_secret, \
     sealed_former_secret, former_until, failing_since FROM event_endpoint WHERE merchant_id = $1 AND id = $2";
const ROTATE: &str = "UPDATE event_endpoint SET sealed_secret = $3, sealed_former_secret = $4, former_until = $5, \
     rotation_key = $6 WHERE merchant_id = $1 AND id = $2 AND sealed_secret = $7";
const IS_ROTATED_BY: &str = "SELECT COUNT(*) FROM event_endpoint \
     WHERE merchant_id = $1 AND id = $2 AND rotation_key = $3";
const DROP_FORMER: &str = "UPDATE event_endpoint SET sealed_former_secret = NULL, former_until = NULL \
     WHERE former_until <= $1";
const OLDER: &str = "SELECT merchant_id, id, url, disabled_reason, created_at FROM event_endpoint \
     WHERE merchant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
const NEWER: &str = "SELECT merchant_id, id, url, disabled_reason, created_at FROM event_endpoint \
     WHERE merchant_id = $1 AND id > $2 ORDER BY id ASC LIMIT $3";
const DELETE: &str = "DELETE FROM event_endpoint WHERE merchant_id = $1 AND id = $2";
const DROP_DELIVERIES: &str = "UPDATE delivery SET state = 'given_up', next_at = NULL, claim = claim + 1, \
     last_result = 'endpoint deleted' WHERE merchant_id = $1 AND endpoint_id = $2 AND state = 'pending'";
const DISABLE: &str = "UPDATE event_endpoint SET disabled_reason = $3 \
     WHERE merchant_id = $1 AND id = $2 AND disabled_reason IS NULL";
const ENABLE: &str = "UPDATE event_endpoint SET disabled_reason = NULL, failing_since = NULL \
     WHERE merchant_id = $1 AND id = $2 AND disabled_reason IS NOT NULL";
const REVIVE_DELIVERIES: &str = "UPDATE delivery SET next_at = $3, tries = 0, claimed_until = 0, claim = claim + 1 \
     WHERE merchant_id = $1 AND endpoint_id = $2 AND state = 'pending'";

#[derive(FromRow)]
struct TargetRow {
    #[sqlx(flatten)]
    endpoint: EndpointRow,
    sealed_secret: Vec<u8>,
    sealed_former_secret: Option<Vec<u8>>,
    former_until: Option<i64>,
    failing_since: Option<i64>,
}

/// A new secret in the place of one that goes on signing for a while.
pub struct Rotation<'a> {
    /// The key of the request, so that the same request rotates once.
    pub key: &'a str,
    /// The sealed secret that is replaced: when another stands there by now, nothing is written.
    pub replaces: &'a [u8],
    /// The new one, sealed.
    pub sealed_secret: &'a [u8],
    /// The replaced one, sealed to its new place.
    pub sealed_former_secret: &'a [u8],
    /// Until when the replaced one signs (business time).
    pub former_until: Timestamp,
}

#[derive(FromRow)]
struct EndpointRow {
    merchant_id: String,
    id: String,
    url: String,
    disabled_reason: Option<String>,
    created_at: i64,
}

impl Store {
    /// Writes a new endpoint with its sealed secret.
    pub async fn insert_endpoint(
        &self,
        endpoint: &Endpoint,
        sealed_secret: &[u8],
        idempotency_key: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link()?, connection => {
            sqlx::query(INSERT)
                .bind(&endpoint.merchant_id)
                .bind(endpoint.id.as_str())
                .bind(endpoint.url.as_str())
                .bind(sealed_secret)
                .bind(idempotency_key)
                .bind(endpoint.disabled_reason.as_deref())
                .bind(endpoint.created_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        tx.commit().await
    }

    /// One endpoint.
    pub async fn endpoint(&self, merchant: &str, id: &EndpointId) -> Result<Option<Endpoint>, StoreError> {
        self.one_endpoint(BY_ID, merchant, id.as_str()).await
    }

    /// The endpoint that was created under an idempotency key.
    pub async fn endpoint_by_idempotency_key(
        &self,
        merchant: &str,
        key: &str,
    ) -> Result<Option<Endpoint>, StoreError> {
        self.one_endpoint(BY_KEY, merchant, key).await
    }

    /// An endpoint with what signs for it.
    pub async fn delivery_target(
        &self,
        merchant: &str,
        id: &EndpointId,
    ) -> Result<Option<DeliveryTarget>, StoreError> {
        let mut reader = self.read().await?;
        let row: Option<TargetRow> = on!(reader.link(), connection => {
            sqlx::query_as(TARGET).bind(merchant).bind(id.as_str()).fetch_optional(connection).await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// Replaces an endpoint's secret. False: another one stands there by now.
    pub async fn rotate_secret(
        &self,
        merchant: &str,
        id: &EndpointId,
        rotation: &Rotation<'_>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let written = on!(tx.link()?, connection => {
            sqlx::query(ROTATE)
                .bind(merchant)
                .bind(id.as_str())
                .bind(rotation.sealed_secret)
                .bind(rotation.sealed_former_secret)
                .bind(rotation.former_until.as_microsecond())
                .bind(rotation.key)
                .bind(rotation.replaces)
                .execute(connection)
                .await?
                .rows_affected()
        });
        tx.commit().await?;
        Ok(written == 1)
    }

    /// Whether the last rotation of an endpoint's secret was asked for under this key.
    pub async fn is_rotated_by(
        &self,
        merchant: &str,
        id: &EndpointId,
        key: &str,
    ) -> Result<bool, StoreError> {
        let mut reader = self.read().await?;
        let count: i64 = on!(reader.link(), connection => {
            sqlx::query_scalar(IS_ROTATED_BY)
                .bind(merchant)
                .bind(id.as_str())
                .bind(key)
                .fetch_one(connection)
                .await?
        });
        Ok(count == 1)
    }

    /// Drops the replaced secrets that no longer sign.
    pub async fn drop_former_secrets(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let dropped = on!(tx.link()?, connection => {
            sqlx::query(DROP_FORMER).bind(now.as_microsecond()).execute(connection).await?.rows_affected()
        });
        tx.commit().await?;
        Ok(dropped)
    }

    /// A merchant's endpoints, newest first.
    pub async fn endpoints(&self, merchant: &str, cursor: &Cursor) -> Result<Page<Endpoint>, StoreError> {
        let (query, edge) = match (&cursor.starting_after, &cursor.ending_before) {
            (_, Some(edge)) => (NEWER, edge.as_str()),
            (Some(edge), None) => (OLDER, edge.as_str()),
            (None, None) => (OLDER, "~"),
        };
        let mut reader = self.read().await?;
        let rows: Vec<EndpointRow> = on!(reader.link(), connection => {
            sqlx::query_as(query)
                .bind(merchant)
                .bind(edge)
                .bind(i64::from(cursor.limit) + 1)
                .fetch_all(connection)
                .await?
        });
        page(rows, cursor)
    }

    /// Removes an endpoint; what was on its way to it is given up. False: there was none.
    pub async fn delete_endpoint(&self, merchant: &str, id: &EndpointId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let gone = on!(tx.link()?, connection => {
            sqlx::query(DELETE).bind(merchant).bind(id.as_str()).execute(connection).await?.rows_affected()
        });
        on!(tx.link()?, connection => {
            sqlx::query(DROP_DELIVERIES).bind(merchant).bind(id.as_str()).execute(connection).await?;
        });
        tx.commit().await?;
        Ok(gone == 1)
    }

    /// Switches deliveries to an endpoint off, with the reason, and tells the merchant's other endpoints by
    /// `event`. False: it was off already, and nothing is told.
    pub async fn disable_endpoint(
        &self,
        merchant: &str,
        id: &EndpointId,
        reason: &str,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let disabled = on!(tx.link()?, connection => {
            sqlx::query(DISABLE)
                .bind(merchant)
                .bind(id.as_str())
                .bind(reason)
                .execute(connection)
                .await?
                .rows_affected()
        });
        if disabled == 0 {
            return Ok(false);
        }
        tx.insert_events(std::slice::from_ref(event)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Switches deliveries to an endpoint on again; what is still pending is due at `now`, with all its tries
    /// before it. An endpoint that is on stays as it is.
    pub async fn enable_endpoint(
        &self,
        merchant: &str,
        id: &EndpointId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let enabled = on!(tx.link()?, connection => {
            sqlx::query(ENABLE).bind(merchant).bind(id.as_str()).execute(connection).await?.rows_affected()
        });
        if enabled == 1 {
            on!(tx.link()?, connection => {
                sqlx::query(REVIVE_DELIVERIES)
                    .bind(merchant)
                    .bind(id.as_str())
                    .bind(now.as_microsecond())
                    .execute(connection)
                    .await?;
            });
        }
        tx.commit().await
    }

    async fn one_endpoint(
        &self,
        query: &'static str,
        merchant: &str,
        value: &str,
    ) -> Result<Option<Endpoint>, StoreError> {
        let mut reader = self.read().await?;
        let row: Option<EndpointRow> = on!(reader.link(), connection => {
            sqlx::query_as(query).bind(merchant).bind(value).fetch_optional(connection).await?
        });
        row.map(TryInto::try_into).transpose()
    }
}

impl TryFrom<TargetRow> for DeliveryTarget {
    type Error = StoreError;

    fn try_from(row: TargetRow) -> Result<Self, StoreError> {
        let former = match (row.sealed_former_secret, row.former_until) {
            (Some(sealed), Some(until)) => Some((sealed, instant(until)?)),
            (None, _) | (_, None) => None,
        };
        Ok(Self {
            endpoint: row.endpoint.try_into()?,
            sealed_secret: row.sealed_secret,
            former,
            failing_since: row.failing_since.map(instant).transpose()?,
        })
    }
}

impl TryFrom<EndpointRow> for Endpoint {
    type Error = StoreError;

    fn try_from(row: EndpointRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(&row.id, "endpoint")?,
            merchant_id: row.merchant_id,
            url: parsed(&row.url, "endpoint")?,
            disabled_reason: row.disabled_reason,
            created_at: instant(row.created_at)?,
        })
    }
}
