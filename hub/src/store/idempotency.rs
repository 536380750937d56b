//! Idempotency keys: the claim is written before the work, the answer after.

use payment::Timestamp;

use super::database::{Store, StoreError, on};
use crate::crash::crash_point;

const CLAIM: &str = "INSERT INTO idempotency (merchant_id, route, key, fingerprint, claimed_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const READ: &str = "SELECT fingerprint, claimed_at, status, sealed_body FROM idempotency \
     WHERE merchant_id = $1 AND route = $2 AND key = $3";
const TAKE_OVER: &str = "UPDATE idempotency SET claimed_at = $5 \
     WHERE merchant_id = $1 AND route = $2 AND key = $3 AND claimed_at = $4 AND status IS NULL";
const FINISH: &str = "UPDATE idempotency SET status = $4, sealed_body = $5 \
     WHERE merchant_id = $1 AND route = $2 AND key = $3";
const RELEASE: &str = "DELETE FROM idempotency \
     WHERE merchant_id = $1 AND route = $2 AND key = $3 AND status IS NULL";
const FORGET: &str = "DELETE FROM idempotency WHERE claimed_at < $1";

/// A key as it stands in the record.
#[derive(Clone, Debug)]
pub struct IdempotencyRecord {
    /// Keyed fingerprint of the first request.
    pub fingerprint: String,
    /// When it was claimed, microseconds of real time.
    pub claimed_at: i64,
    /// The stored answer, its body sealed, once there is one.
    pub answer: Option<(u16, Vec<u8>)>,
}

impl Store {
    /// Claims a key. None: it was free and is ours now.
    pub async fn claim_idempotency_key(
        &self,
        merchant: &str,
        route: &str,
        key: &str,
        fingerprint: &str,
        real_now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let mut tx = self.begin().await?;
        let claimed = on!(tx.link(), connection => {
            sqlx::query(CLAIM)
                .bind(merchant)
                .bind(route)
                .bind(key)
                .bind(fingerprint)
                .bind(real_now.as_microsecond())
                .execute(connection)
                .await?
                .rows_affected()
        });
        if claimed == 1 {
            crash_point!("key.before_claim");
            tx.commit().await?;
            crash_point!("key.after_claim");
            return Ok(None);
        }
        type Row = (String, i64, Option<i64>, Option<Vec<u8>>);
        let (fingerprint, claimed_at, status, body): Row = on!(tx.link(), connection => {
            sqlx::query_as(READ).bind(merchant).bind(route).bind(key).fetch_one(connection).await?
        });
        tx.commit().await?;
        let answer = match (status.and_then(|status| u16::try_from(status).ok()), body) {
            (Some(status), Some(body)) => Some((status, body)),
            (Some(_), None) | (None, _) => None,
        };
        Ok(Some(IdempotencyRecord { fingerprint, claimed_at, answer }))
    }

    /// Takes a claim over from a process that died. False: somebody else was quicker.
    pub async fn take_over_idempotency_key(
        &self,
        merchant: &str,
        route: &str,
        key: &str,
        claimed_at: i64,
        real_now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let taken = on!(tx.link(), connection => {
            sqlx::query(TAKE_OVER)
                .bind(merchant)
                .bind(route)
                .bind(key)
                .bind(claimed_at)
                .bind(real_now.as_microsecond())
                .execute(connection)
                .await?
                .rows_affected()
        });
        tx.commit().await?;
        Ok(taken == 1)
    }

    /// Stores the answer under a key.
    pub async fn finish_idempotency_key(
        &self,
        merchant: &str,
        route: &str,
        key: &str,
        status: u16,
        sealed_body: &[u8],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link(), connection => {
            sqlx::query(FINISH)
                .bind(merchant)
                .bind(route)
                .bind(key)
                .bind(i64::from(status))
                .bind(sealed_body)
                .execute(connection)
                .await?;
        });
        crash_point!("key.before_answer");
        tx.commit().await?;
        crash_point!("key.after_answer");
        Ok(())
    }

    /// Forgets a claim whose work never began.
    pub async fn release_idempotency_key(
        &self,
        merchant: &str,
        route: &str,
        key: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link(), connection => {
            sqlx::query(RELEASE).bind(merchant).bind(route).bind(key).execute(connection).await?;
        });
        tx.commit().await
    }

    /// Forgets keys claimed before `before` (real time).
    pub async fn forget_idempotency_keys(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let gone = on!(tx.link(), connection => {
            sqlx::query(FORGET).bind(before.as_microsecond()).execute(connection).await?.rows_affected()
        });
        tx.commit().await?;
        Ok(gone)
    }
}
