//! The wire log: calls to providers, masked before they are written.

use payment::id::PaymentId;
use sqlx::FromRow;

use super::database::{Store, StoreError, Tx, instant, on, parsed};
use super::rows::CallLine;

const INSERT: &str = "INSERT INTO provider_call (merchant_id, payment_id, id, attempt_id, operation, request_line, \
     request_body, after_lost, outcome, http_status, answer_body, duration_us, started_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
const FINISH: &str = "UPDATE provider_call SET outcome = $4, http_status = $5, answer_body = $6, duration_us = $7 \
     WHERE merchant_id = $1 AND payment_id = $2 AND id = $3";
const OF_PAYMENT: &str = "SELECT id, attempt_id, operation, request_line, request_body, outcome, http_status, \
     answer_body, duration_us, started_at FROM provider_call WHERE merchant_id = $1 AND payment_id = $2 ORDER BY id";

#[derive(FromRow)]
struct CallRow {
    id: String,
    attempt_id: String,
    operation: String,
    request_line: String,
    request_body: String,
    outcome: String,
    http_status: Option<i64>,
    answer_body: String,
    duration_us: Option<i64>,
    started_at: i64,
}

impl Store {
    /// The calls made for a payment, oldest first.
    pub async fn calls(&self, merchant: &str, payment: &PaymentId) -> Result<Vec<CallLine>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<CallRow> = on!(reader.link(), connection => {
            sqlx::query_as(OF_PAYMENT).bind(merchant).bind(payment.as_str()).fetch_all(connection).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Tx {
    /// Writes a call, before it is made or after.
    pub async fn insert_call(
        &mut self,
        merchant: &str,
        payment: &PaymentId,
        call: &CallLine,
        after_lost: &str,
    ) -> Result<(), StoreError> {
        on!(self.link(), connection => {
            sqlx::query(INSERT)
                .bind(merchant)
                .bind(payment.as_str())
                .bind(&call.id)
                .bind(call.attempt_id.as_str())
                .bind(&call.operation)
                .bind(&call.request_line)
                .bind(&call.request_body)
                .bind(after_lost)
                .bind(&call.outcome)
                .bind(call.status)
                .bind(&call.answer_body)
                .bind(call.duration_us)
                .bind(call.started_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// Writes what came of a call that was written before it was made.
    pub async fn finish_call(
        &mut self,
        merchant: &str,
        payment: &PaymentId,
        call: &CallLine,
    ) -> Result<(), StoreError> {
        on!(self.link(), connection => {
            sqlx::query(FINISH)
                .bind(merchant)
                .bind(payment.as_str())
                .bind(&call.id)
                .bind(&call.outcome)
                .bind(call.status)
                .bind(&call.answer_body)
                .bind(call.duration_us)
                .execute(connection)
                .await?;
        });
        Ok(())
    }
}

impl TryFrom<CallRow> for CallLine {
    type Error = StoreError;

    fn try_from(row: CallRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            attempt_id: parsed(&row.attempt_id, "call")?,
            operation: row.operation,
            request_line: row.request_line,
            request_body: row.request_body,
            outcome: row.outcome,
            status: row.http_status,
            answer_body: row.answer_body,
            duration_us: row.duration_us,
            started_at: instant(row.started_at)?,
        })
    }
}
