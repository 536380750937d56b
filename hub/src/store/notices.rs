//! Notices with their verdicts.

use payment::Timestamp;
use payment::id::PaymentId;
use sqlx::FromRow;

use super::database::{Store, StoreError, Tx, instant, on, parsed};
use super::rows::NoticeLine;

const INSERT: &str = "INSERT INTO notice (merchant_id, id, account_id, payment_id, verdict, reason, peer, \
     repeat_key, body_bytes, sealed_body, reply_status, received_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const TAKE: &str = "INSERT INTO notice_taken (merchant_id, account_id, repeat_key, notice_id) \
     VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const COLUMNS_OF_PAYMENT: &str = "SELECT id, account_id, payment_id, verdict, reason, peer, body_bytes, \
     reply_status, received_at FROM notice WHERE merchant_id = $1 AND payment_id = $2 ORDER BY id";
const LATEST: &str = "SELECT id, account_id, payment_id, verdict, reason, peer, body_bytes, \
     reply_status, received_at FROM notice WHERE merchant_id = $1 ORDER BY id DESC LIMIT $2";
/// Counts no further than the cap needs.
const UNVERIFIED_SINCE: &str = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM notice WHERE merchant_id = $1 \
     AND account_id = $2 AND received_at >= $3 AND sealed_body IS NOT NULL \
     AND verdict IN ('forged', 'unsigned', 'unreadable', 'outside') LIMIT $4) AS kept";
const IDLE_SINCE: &str = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM notice WHERE merchant_id = $1 \
     AND account_id = $2 AND received_at >= $3 AND sealed_body IS NOT NULL \
     AND verdict IN ('test', 'repeated', 'unknown_reference') LIMIT $4) AS kept";
const SEALED_BODY: &str = "SELECT sealed_body FROM notice WHERE merchant_id = $1 AND id = $2";

#[derive(FromRow)]
struct NoticeRow {
    id: String,
    account_id: String,
    payment_id: Option<String>,
    verdict: String,
    reason: String,
    peer: String,
    body_bytes: i64,
    reply_status: i64,
    received_at: i64,
}

impl Store {
    /// The notices about a payment, oldest first.
    pub async fn notices_of(
        &self,
        merchant: &str,
        payment: &PaymentId,
    ) -> Result<Vec<NoticeLine>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<NoticeRow> = on!(reader.link(), connection => {
            sqlx::query_as(COLUMNS_OF_PAYMENT).bind(merchant).bind(payment.as_str()).fetch_all(connection).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// A merchant's latest notices, newest first.
    pub async fn latest_notices(&self, merchant: &str, limit: u32) -> Result<Vec<NoticeLine>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<NoticeRow> = on!(reader.link(), connection => {
            sqlx::query_as(LATEST).bind(merchant).bind(i64::from(limit)).fetch_all(connection).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// How many notices that nobody vouches for were kept whole for an account since `since`, up to `cap`.
    pub async fn unverified_since(
        &self,
        merchant: &str,
        account: &str,
        since: Timestamp,
        cap: i64,
    ) -> Result<i64, StoreError> {
        let mut reader = self.read().await?;
        Ok(on!(reader.link(), connection => {
            sqlx::query_scalar(UNVERIFIED_SINCE)
                .bind(merchant)
                .bind(account)
                .bind(since.as_microsecond())
                .bind(cap)
                .fetch_one(connection)
                .await?
        }))
    }

    /// The sealed body of a notice, when it was kept.
    pub async fn sealed_notice_body(&self, merchant: &str, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut reader = self.read().await?;
        let row: Option<(Option<Vec<u8>>,)> = on!(reader.link(), connection => {
            sqlx::query_as(SEALED_BODY).bind(merchant).bind(id).fetch_optional(connection).await?
        });
        Ok(row.and_then(|(body,)| body))
    }
}

impl Tx {
    /// Writes a notice with its verdict and, where it is kept, its sealed body.
    pub async fn insert_notice(
        &mut self,
        merchant: &str,
        notice: &NoticeLine,
        repeat_key: Option<&str>,
        sealed_body: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        on!(self.link(), connection => {
            sqlx::query(INSERT)
                .bind(merchant)
                .bind(notice.id.as_str())
                .bind(&notice.account_id)
                .bind(notice.payment_id.as_ref().map(PaymentId::as_str))
                .bind(&notice.verdict)
                .bind(&notice.reason)
                .bind(&notice.peer)
                .bind(repeat_key)
                .bind(notice.body_bytes)
                .bind(sealed_body)
                .bind(notice.reply_status)
                .bind(notice.received_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// How many genuine notices that change nothing were kept for an account since `since`, up to `cap`.
    pub async fn idle_notices_since(
        &mut self,
        merchant: &str,
        account: &str,
        since: Timestamp,
        cap: i64,
    ) -> Result<i64, StoreError> {
        Ok(on!(self.link(), connection => {
            sqlx::query_scalar(IDLE_SINCE)
                .bind(merchant)
                .bind(account)
                .bind(since.as_microsecond())
                .bind(cap)
                .fetch_one(connection)
                .await?
        }))
    }

    /// Takes a notice's key. False: the same notice was taken before.
    pub async fn take_notice(
        &mut self,
        merchant: &str,
        account: &str,
        repeat_key: &str,
        notice_id: &str,
    ) -> Result<bool, StoreError> {
        let taken = on!(self.link(), connection => {
            sqlx::query(TAKE)
                .bind(merchant)
                .bind(account)
                .bind(repeat_key)
                .bind(notice_id)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(taken == 1)
    }
}

impl TryFrom<NoticeRow> for NoticeLine {
    type Error = StoreError;

    fn try_from(row: NoticeRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(&row.id, "notice")?,
            account_id: row.account_id,
            payment_id: row.payment_id.map(|id| parsed(&id, "notice")).transpose()?,
            verdict: row.verdict,
            reason: row.reason,
            peer: row.peer,
            body_bytes: row.body_bytes,
            reply_status: row.reply_status,
            received_at: instant(row.received_at)?,
        })
    }
}
