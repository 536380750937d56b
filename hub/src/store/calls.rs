//! The wire log: calls to providers, masked before they are written.

use payment::Timestamp;
use payment::id::PaymentId;
use sqlx::FromRow;

use super::database::{Store, StoreError, instant, on, parsed};
use super::rows::{Attempt, CallLine, NewCall, PaymentKey};
use super::sets::{Rows, Script};

const INSERT: &str = "INSERT INTO provider_call (merchant_id, payment_id, id, attempt_id, operation, request_line, \
     request_body, after_lost, outcome, http_status, answer_body, duration_us, started_at) {rows}";
const FINISH: &str = "UPDATE provider_call SET outcome = v.column4, http_status = v.column5, \
     answer_body = v.column6, duration_us = v.column7 FROM ({rows}) AS v \
     WHERE provider_call.merchant_id = v.column1 AND provider_call.payment_id = v.column2 \
     AND provider_call.id = v.column3";
const OF_PAYMENT: &str = "SELECT id, attempt_id, operation, request_line, request_body, outcome, http_status, \
     answer_body, duration_us, started_at FROM provider_call WHERE merchant_id = $1 AND payment_id = $2 ORDER BY id";

const LAST_INTENT: &str = "SELECT after_lost FROM provider_call WHERE merchant_id = $1 AND payment_id = $2 \
     AND attempt_id = $3 AND after_lost <> '' ORDER BY id DESC LIMIT 1";

/// A look-up does nothing, so that nothing stands in what may follow when its answer is lost.
const LAST_LOOK_UP: &str = "SELECT started_at FROM provider_call WHERE merchant_id = $1 AND payment_id = $2 \
     AND after_lost = '' ORDER BY id DESC LIMIT 1";

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

    /// When a provider was last asked what became of a payment.
    pub async fn last_look_up(
        &self,
        merchant: &str,
        payment: &PaymentId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut reader = self.read().await?;
        let found: Option<i64> = on!(reader.link(), connection => {
            sqlx::query_scalar(LAST_LOOK_UP)
                .bind(merchant)
                .bind(payment.as_str())
                .fetch_optional(connection)
                .await?
        });
        found.map(instant).transpose()
    }

    /// What may be done when the answer to the last call is lost that was written for an attempt before it was made.
    pub async fn last_intent(&self, merchant: &str, attempt: &Attempt) -> Result<Option<String>, StoreError> {
        let mut reader = self.read().await?;
        Ok(on!(reader.link(), connection => {
            sqlx::query_scalar(LAST_INTENT)
                .bind(merchant)
                .bind(attempt.payment_id.as_str())
                .bind(attempt.id.as_str())
                .fetch_optional(connection)
                .await?
        }))
    }
}

impl<'a> Script<'a> {
    /// Writes calls, before they are made or after.
    pub(super) fn insert_calls(&mut self, calls: &'a [NewCall]) {
        let rows = Rows::of(calls, |query, row| {
            query
                .bind(&row.payment.0)
                .bind(row.payment.1.as_str())
                .bind(&row.line.id)
                .bind(row.line.attempt_id.as_str())
                .bind(&row.line.operation)
                .bind(&row.line.request_line)
                .bind(&row.line.request_body)
                .bind(row.after_lost)
                .bind(&row.line.outcome)
                .bind(row.line.status)
                .bind(&row.line.answer_body)
                .bind(row.line.duration_us)
                .bind(row.line.started_at.as_microsecond())
        });
        // What is finished was written in an earlier transaction.
        self.add_apart(INSERT, rows);
    }

    /// Writes what came of calls that were written before they were made.
    pub(super) fn finish_calls(&mut self, calls: &'a [(PaymentKey, CallLine)]) {
        let rows = Rows::of(calls, |query, row| {
            query
                .bind(&row.0.0)
                .bind(row.0.1.as_str())
                .bind(&row.1.id)
                .bind(&row.1.outcome)
                .bind(row.1.status)
                .bind(&row.1.answer_body)
                .bind(row.1.duration_us)
        });
        self.add(FINISH, rows);
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
