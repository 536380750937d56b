//! Notices with their verdicts.

use std::collections::HashSet;

use payment::Timestamp;
use payment::id::PaymentId;
use sqlx::FromRow;

use super::database::{Store, StoreError, Tx, instant, on, parsed};
use super::rows::{KeptNotice, NoticeLine};
use super::sets::{Rows, Script};

const INSERT: &str = "INSERT INTO notice (merchant_id, id, account_id, payment_id, verdict, reason, peer, \
     repeat_key, body_bytes, sealed_body, reply_status, received_at) {rows}";
const TAKE: &str = "INSERT INTO notice_taken (merchant_id, account_id, repeat_key, notice_id) \
     {rows} ON CONFLICT DO NOTHING";
const TAKEN: &str = "SELECT v.column4 FROM ({rows}) AS v JOIN notice_taken t ON t.merchant_id = v.column1 \
     AND t.account_id = v.column2 AND t.repeat_key = v.column3 WHERE t.notice_id = v.column4";
pub(super) const COLUMNS_OF_PAYMENT: &str = "SELECT id, account_id, payment_id, verdict, reason, peer, body_bytes, \
     reply_status, received_at FROM notice WHERE merchant_id = $1 AND payment_id = $2 ORDER BY id";
pub(super) const LATEST: &str = "SELECT id, account_id, payment_id, verdict, reason, peer, body_bytes, \
     reply_status, received_at FROM notice WHERE merchant_id = $1 ORDER BY id DESC LIMIT $2";
pub(super) const KEPT_SINCE: &str = "SELECT received_at, verdict FROM notice WHERE merchant_id = $1 AND account_id = $2 \
     AND received_at >= $3 AND sealed_body IS NOT NULL AND verdict <> 'valid' ORDER BY received_at LIMIT $4";
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

    /// When the notices other than valid ones came that were kept whole for an account since `since`, with their
    /// verdicts; the oldest `limit` of them.
    pub async fn kept_notices_since(
        &self,
        merchant: &str,
        account: &str,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Timestamp, String)>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<(i64, String)> = on!(reader.link(), connection => {
            sqlx::query_as(KEPT_SINCE)
                .bind(merchant)
                .bind(account)
                .bind(since.as_microsecond())
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?
        });
        rows.into_iter().map(|(at, verdict)| Ok((instant(at)?, verdict))).collect()
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

impl<'a> Script<'a> {
    /// Writes notices with their verdicts and sealed bodies.
    pub(super) fn insert_notices(&mut self, notices: &'a [KeptNotice]) {
        let rows = Rows::of(notices, |query, row| {
            query
                .bind(&row.merchant_id)
                .bind(row.line.id.as_str())
                .bind(&row.line.account_id)
                .bind(row.line.payment_id.as_ref().map(PaymentId::as_str))
                .bind(&row.line.verdict)
                .bind(&row.line.reason)
                .bind(&row.line.peer)
                .bind(row.repeat_key.as_deref())
                .bind(row.line.body_bytes)
                .bind(&row.sealed_body)
                .bind(row.line.reply_status)
                .bind(row.line.received_at.as_microsecond())
        });
        self.add(INSERT, rows);
    }
}

impl Tx {
    /// Takes the keys of notices (merchant, account, key, notice). Answers with the notices that took theirs, now or
    /// before; those that are missing repeat another notice.
    pub(crate) async fn take_notices(
        &mut self,
        keys: &[(&str, &str, &str, &str)],
    ) -> Result<HashSet<String>, StoreError> {
        let mut sorted = keys.to_vec();
        sorted.sort_unstable();
        let bound = || Rows::of(&sorted, |query, row| query.bind(row.0).bind(row.1).bind(row.2).bind(row.3));
        // Most are new: then nothing has to be asked.
        let count = self.count_rows(TAKE, bound()).await?;
        if u64::try_from(keys.len()).is_ok_and(|keys| keys == count) {
            return Ok(keys.iter().map(|key| key.3.to_owned()).collect());
        }
        let taken = self.read_rows::<(String,)>(TAKEN, bound()).await?;
        Ok(taken.into_iter().map(|(id,)| id).collect())
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
