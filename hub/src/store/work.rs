//! Due work: find out what became of an attempt.

use payment::Timestamp;
use payment::id::{AttemptId, PaymentId};

use super::database::{Link, Store, StoreError, Tx, instant, on, parsed};
use super::rows::Work;
use crate::crash::crash_point;

const SCHEDULE: &str = "INSERT INTO work (merchant_id, attempt_id, payment_id, due_at, claimed_until, claim, tries, cause) \
     VALUES ($1, $2, $3, $4, 0, 0, 0, 'probe') ON CONFLICT (merchant_id, attempt_id) DO UPDATE SET due_at = excluded.due_at";
const BRING_FORWARD: &str = "UPDATE work SET due_at = $3, claimed_until = 0, claim = claim + 1, cause = 'notice', tries = 0 \
     WHERE merchant_id = $1 AND attempt_id = $2";
const DONE: &str = "DELETE FROM work WHERE merchant_id = $1 AND attempt_id = $2";
const CLAIM_SQLITE: &str = "UPDATE work SET claimed_until = $3, claim = claim + 1, tries = tries + 1 \
     WHERE (merchant_id, attempt_id) IN (SELECT merchant_id, attempt_id FROM work \
     WHERE due_at <= $1 AND claimed_until <= $2 ORDER BY due_at, attempt_id LIMIT $4) \
     RETURNING merchant_id, payment_id, attempt_id, tries, claim, cause";
const CLAIM_POSTGRES: &str = "UPDATE work SET claimed_until = $3, claim = claim + 1, tries = tries + 1 \
     WHERE (merchant_id, attempt_id) IN (SELECT merchant_id, attempt_id FROM work \
     WHERE due_at <= $1 AND claimed_until <= $2 ORDER BY due_at, attempt_id LIMIT $4 FOR UPDATE SKIP LOCKED) \
     RETURNING merchant_id, payment_id, attempt_id, tries, claim, cause";
const RELEASE: &str = "UPDATE work SET due_at = $4, claimed_until = 0, cause = 'probe' \
     WHERE merchant_id = $1 AND attempt_id = $2 AND claim = $3";
const DONE_BY_CLAIM: &str = "DELETE FROM work WHERE merchant_id = $1 AND attempt_id = $2 AND claim = $3";
const NEXT: &str = "SELECT MIN(due_at) FROM work";

impl Store {
    /// Claims work that is due, oldest first, under a lease in real time.
    pub async fn claim_work(
        &self,
        now: Timestamp,
        real_now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Work>, StoreError> {
        let mut tx = self.begin().await?;
        let (now, real, until) =
            (now.as_microsecond(), real_now.as_microsecond(), lease_until.as_microsecond());
        type Row = (String, String, String, i64, i64, String);
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
            crash_point!("probe.before_claim");
        }
        tx.commit().await?;
        if !rows.is_empty() {
            crash_point!("probe.after_claim");
        }
        let work = |(merchant_id, payment_id, attempt_id, tries, claim, cause): Row| {
            Ok(Work {
                merchant_id,
                payment_id: parsed(&payment_id, "work")?,
                attempt_id: parsed(&attempt_id, "work")?,
                tries,
                claim,
                is_asked_by_notice: cause == "notice",
            })
        };
        rows.into_iter().map(work).collect()
    }

    /// Gives claimed work back, due again later. A claim that was taken over changes nothing.
    pub async fn release_work(&self, work: &Work, due_at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link(), connection => {
            sqlx::query(RELEASE)
                .bind(&work.merchant_id)
                .bind(work.attempt_id.as_str())
                .bind(work.claim)
                .bind(due_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        tx.commit().await
    }

    /// Ends claimed work that has nothing more to find out.
    pub async fn end_work(&self, work: &Work) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link(), connection => {
            sqlx::query(DONE_BY_CLAIM)
                .bind(&work.merchant_id)
                .bind(work.attempt_id.as_str())
                .bind(work.claim)
                .execute(connection)
                .await?;
        });
        tx.commit().await
    }

    /// When the next work is due.
    pub async fn next_work_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut reader = self.read().await?;
        let next: Option<i64> = on!(reader.link(), connection => {
            sqlx::query_scalar(NEXT).fetch_one(connection).await?
        });
        next.map(instant).transpose()
    }
}

impl Tx {
    /// Writes that an attempt is to be resolved, from `due_at` on.
    pub async fn schedule_work(
        &mut self,
        merchant: &str,
        payment: &PaymentId,
        attempt: &AttemptId,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        on!(self.link(), connection => {
            sqlx::query(SCHEDULE)
                .bind(merchant)
                .bind(attempt.as_str())
                .bind(payment.as_str())
                .bind(due_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// Makes an attempt's work due at `due_at`, taking it from whoever claims it. Nothing when it is settled.
    pub async fn bring_work_forward(
        &mut self,
        merchant: &str,
        attempt: &AttemptId,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        on!(self.link(), connection => {
            sqlx::query(BRING_FORWARD)
                .bind(merchant)
                .bind(attempt.as_str())
                .bind(due_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// An attempt is settled.
    pub async fn end_work_of(&mut self, merchant: &str, attempt: &AttemptId) -> Result<(), StoreError> {
        on!(self.link(), connection => {
            sqlx::query(DONE).bind(merchant).bind(attempt.as_str()).execute(connection).await?;
        });
        Ok(())
    }
}
