//! Facts: appended, never changed.

use payment::Timestamp;
use payment::id::{AttemptId, PaymentId};

use super::database::{Store, StoreError, Tx, from_json, instant, on, parsed, to_json};
use super::rows::RecordedFact;

const INSERT: &str = "INSERT INTO fact (merchant_id, payment_id, attempt_id, fact_key, body, source, ordinal, \
     recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
const OF_PAYMENT: &str = "SELECT attempt_id, body, source, recorded_at FROM fact \
     WHERE merchant_id = $1 AND payment_id = $2 ORDER BY ordinal";

type FactRow = (String, String, String, i64);

impl Store {
    /// All facts about a payment, in the order in which they were learned.
    pub async fn recorded_facts(
        &self,
        merchant: &str,
        payment: &PaymentId,
    ) -> Result<Vec<RecordedFact>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<FactRow> = on!(reader.link(), connection => {
            sqlx::query_as(OF_PAYMENT).bind(merchant).bind(payment.as_str()).fetch_all(connection).await?
        });
        rows.into_iter().map(recorded).collect()
    }
}

impl Tx {
    /// All facts about a payment.
    pub async fn recorded_facts(
        &mut self,
        merchant: &str,
        payment: &PaymentId,
    ) -> Result<Vec<RecordedFact>, StoreError> {
        let rows: Vec<FactRow> = on!(self.link(), connection => {
            sqlx::query_as(OF_PAYMENT).bind(merchant).bind(payment.as_str()).fetch_all(connection).await?
        });
        rows.into_iter().map(recorded).collect()
    }

    /// Appends a fact; the same fact again changes nothing.
    pub async fn insert_fact(
        &mut self,
        merchant: &str,
        payment: &PaymentId,
        fact: &RecordedFact,
        key: &str,
        ordinal: i64,
    ) -> Result<(), StoreError> {
        let body = to_json(&fact.fact, "fact")?;
        on!(self.link(), connection => {
            sqlx::query(INSERT)
                .bind(merchant)
                .bind(payment.as_str())
                .bind(fact.attempt_id.as_str())
                .bind(key)
                .bind(body)
                .bind(&fact.source)
                .bind(ordinal)
                .bind(fact.recorded_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        Ok(())
    }
}

fn recorded((attempt, body, source, recorded_at): FactRow) -> Result<RecordedFact, StoreError> {
    let attempt_id: AttemptId = parsed(&attempt, "fact")?;
    let recorded_at: Timestamp = instant(recorded_at)?;
    Ok(RecordedFact { attempt_id, fact: from_json(&body, "fact")?, source, recorded_at })
}
