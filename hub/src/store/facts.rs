//! Facts: appended, never changed.

use payment::Timestamp;
use payment::id::{AttemptId, PaymentId};

use super::database::{Store, StoreError, from_json, instant, on, parsed, to_json};
use super::rows::{NewFact, RecordedFact};
use super::sets::{Rows, Script};

const INSERT: &str = "INSERT INTO fact (merchant_id, payment_id, attempt_id, fact_key, body, source, ordinal, \
     recorded_at) {rows} ON CONFLICT DO NOTHING";
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

impl<'a> Script<'a> {
    /// Appends facts; the same fact again changes nothing.
    pub(super) fn insert_facts(&mut self, facts: &'a [NewFact]) -> Result<(), StoreError> {
        let body = |new: &'a NewFact| Ok((new, to_json(&new.line.fact, "fact")?));
        let rows = Rows::of(
            facts.iter().map(body).collect::<Result<Vec<_>, StoreError>>()?,
            |query, (new, body)| {
                query
                    .bind(&new.payment.0)
                    .bind(new.payment.1.as_str())
                    .bind(new.line.attempt_id.as_str())
                    .bind(&new.key)
                    .bind(body)
                    .bind(&new.line.source)
                    .bind(new.ordinal)
                    .bind(new.line.recorded_at.as_microsecond())
            },
        );
        self.add(INSERT, rows);
        Ok(())
    }
}

/// A fact as it stands in the record.
pub(super) fn recorded((attempt, body, source, recorded_at): FactRow) -> Result<RecordedFact, StoreError> {
    let attempt_id: AttemptId = parsed(&attempt, "fact")?;
    let recorded_at: Timestamp = instant(recorded_at)?;
    Ok(RecordedFact { attempt_id, fact: from_json(&body, "fact")?, source, recorded_at })
}
