//! A yardstick: transaction A as it is written without much thought, one transaction a request, through sqlx.

use sqlx::postgres::{PgPool, PgPoolOptions};

use super::PAYLOAD;

/// Connections to the database, as many as the hub's.
const CONNECTIONS: u32 = 16;

const KEEP_EVENT: &str = "INSERT INTO payment_event (payment_id, kind, provider_event_id, payload) \
     VALUES ($1, 'approved', $2::uuid, $3::jsonb) ON CONFLICT DO NOTHING";
const LOCK: &str = "SELECT status, merchant_id FROM payment WHERE id = $1 FOR UPDATE";
const CHANGE: &str =
    "UPDATE payment SET status = $2, version = version + 1, updated_at = now() WHERE id = $1";
const TELL: &str = "INSERT INTO outbox (payment_id, merchant_id, topic, payload) \
     VALUES ($1, $2, 'payment.approved', $3::jsonb)";

/// The ceilings' database, through a pool.
#[derive(Clone)]
pub struct PerRequest {
    pool: PgPool,
    rows: i64,
}

impl PerRequest {
    /// Connects, at the first request.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(url: &str, rows: i64) -> Result<Self, sqlx::Error> {
        Ok(Self { pool: PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy(url)?, rows })
    }

    /// One transaction A about an event whose id is `event`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn apply(&self, session: i64, event: u128) -> Result<(), sqlx::Error> {
        let id = 1 + session % self.rows;
        let event = format!("{event:032x}");
        let mut transaction = self.pool.begin().await?;
        let keep = sqlx::query(KEEP_EVENT).bind(id).bind(event).bind(PAYLOAD);
        if keep.execute(&mut *transaction).await?.rows_affected() == 1 {
            let (status, merchant): (i32, i64) =
                sqlx::query_as(LOCK).bind(id).fetch_one(&mut *transaction).await?;
            sqlx::query(CHANGE).bind(id).bind(1 + (status + 1) % 3).execute(&mut *transaction).await?;
            sqlx::query(TELL).bind(id).bind(merchant).bind(PAYLOAD).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }
}
