//! Facts: appended, never changed.

use payment::Timestamp;
use payment::id::{AttemptId, PaymentId};

use super::database::{Store, StoreError, Tx, from_json, instant, on, parsed, to_json};
use super::rows::{NewFact, PaymentKey, RecordedFact};
use super::sets::Rows;

const INSERT: &str = "INSERT INTO fact (merchant_id, payment_id, attempt_id, fact_key, body, source, ordinal, \
     recorded_at) {rows} ON CONFLICT DO NOTHING";
const OF_PAYMENTS: &str = "SELECT fact.merchant_id, fact.payment_id, fact.attempt_id, fact.body, fact.source, \
     fact.recorded_at FROM ({rows}) AS v JOIN fact ON fact.merchant_id = v.column1 \
     AND fact.payment_id = v.column2 ORDER BY fact.ordinal";
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
    /// The facts about payments, of each in the order in which they were learned.
    pub(super) async fn facts_of(
        &mut self,
        keys: &[&PaymentKey],
    ) -> Result<Vec<(PaymentKey, RecordedFact)>, StoreError> {
        type Row = (String, String, String, String, String, i64);
        let bound = Rows::of(keys, |query, key| query.bind(&key.0).bind(key.1.as_str()));
        let rows = self.read_rows::<Row>(OF_PAYMENTS, bound).await?;
        let fact = |(merchant, payment, attempt, body, source, at): Row| {
            Ok(((merchant, parsed(&payment, "fact")?), recorded((attempt, body, source, at))?))
        };
        rows.into_iter().map(fact).collect()
    }

    /// Appends facts; the same fact again changes nothing.
    pub(super) async fn insert_facts(&mut self, facts: &[NewFact]) -> Result<(), StoreError> {
        let mut rows = Vec::with_capacity(facts.len());
        for new in facts {
            rows.push((new, to_json(&new.line.fact, "fact")?));
        }
        let bound = Rows::of(&rows, |query, row| {
            query
                .bind(&row.0.payment.0)
                .bind(row.0.payment.1.as_str())
                .bind(row.0.line.attempt_id.as_str())
                .bind(&row.0.key)
                .bind(&row.1)
                .bind(&row.0.line.source)
                .bind(row.0.ordinal)
                .bind(row.0.line.recorded_at.as_microsecond())
        });
        self.write_rows(INSERT, bound).await
    }
}

fn recorded((attempt, body, source, recorded_at): FactRow) -> Result<RecordedFact, StoreError> {
    let attempt_id: AttemptId = parsed(&attempt, "fact")?;
    let recorded_at: Timestamp = instant(recorded_at)?;
    Ok(RecordedFact { attempt_id, fact: from_json(&body, "fact")?, source, recorded_at })
}
