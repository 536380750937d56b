//! Places where merchants receive events.

use payment::id::EndpointId;
use sqlx::FromRow;

use super::database::{Store, StoreError, instant, on, parsed};
use super::payments::page;
use super::rows::{Cursor, Endpoint, Page};

const INSERT: &str = "INSERT INTO event_endpoint (merchant_id, id, url, sealed_secret, idempotency_key, \
     disabled_reason, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const BY_ID: &str = "SELECT merchant_id, id, url, disabled_reason, created_at FROM event_endpoint \
     WHERE merchant_id = $1 AND id = $2";
const BY_KEY: &str = "SELECT merchant_id, id, url, disabled_reason, created_at FROM event_endpoint \
     WHERE merchant_id = $1 AND idempotency_key = $2";
const SECRET: &str = "SELECT sealed_secret FROM event_endpoint WHERE merchant_id = $1 AND id = $2";
const OLDER: &str = "SELECT merchant_id, id, url, disabled_reason, created_at FROM event_endpoint \
     WHERE merchant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
const NEWER: &str = "SELECT merchant_id, id, url, disabled_reason, created_at FROM event_endpoint \
     WHERE merchant_id = $1 AND id > $2 ORDER BY id ASC LIMIT $3";
const DELETE: &str = "DELETE FROM event_endpoint WHERE merchant_id = $1 AND id = $2";
const DROP_DELIVERIES: &str = "UPDATE delivery SET state = 'given_up', next_at = NULL, \
     last_result = 'endpoint deleted' WHERE merchant_id = $1 AND endpoint_id = $2 AND state = 'pending'";
const DISABLE: &str = "UPDATE event_endpoint SET disabled_reason = $3 WHERE merchant_id = $1 AND id = $2";

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
        on!(tx.link(), connection => {
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

    /// The sealed secret of an endpoint.
    pub async fn endpoint_secret(
        &self,
        merchant: &str,
        id: &EndpointId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut reader = self.read().await?;
        Ok(on!(reader.link(), connection => {
            sqlx::query_scalar(SECRET).bind(merchant).bind(id.as_str()).fetch_optional(connection).await?
        }))
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
        let gone = on!(tx.link(), connection => {
            sqlx::query(DELETE).bind(merchant).bind(id.as_str()).execute(connection).await?.rows_affected()
        });
        on!(tx.link(), connection => {
            sqlx::query(DROP_DELIVERIES).bind(merchant).bind(id.as_str()).execute(connection).await?;
        });
        tx.commit().await?;
        Ok(gone == 1)
    }

    /// Switches deliveries to an endpoint off, with the reason.
    pub async fn disable_endpoint(
        &self,
        merchant: &str,
        id: &EndpointId,
        reason: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link(), connection => {
            sqlx::query(DISABLE).bind(merchant).bind(id.as_str()).bind(reason).execute(connection).await?;
        });
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
