//! Cases: what a person has to look at.

use payment::id::PaymentId;

use super::database::{Store, StoreError, instant, on, parsed};
use super::rows::Case;
use super::sets::{Rows, Script};

const INSERT: &str = "INSERT INTO payment_case (merchant_id, payment_id, kind, id, opened_at) \
     {rows} ON CONFLICT DO NOTHING";
const OF_PAYMENT: &str = "SELECT id, payment_id, kind, opened_at FROM payment_case \
     WHERE merchant_id = $1 AND payment_id = $2 ORDER BY id";
pub(super) const OPEN: &str = "SELECT id, payment_id, kind, opened_at FROM payment_case \
     WHERE merchant_id = $1 ORDER BY id DESC LIMIT $2";

type CaseRow = (String, String, String, i64);

impl Store {
    /// The cases of a payment.
    pub async fn cases_of(&self, merchant: &str, payment: &PaymentId) -> Result<Vec<Case>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<CaseRow> = on!(reader.link(), connection => {
            sqlx::query_as(OF_PAYMENT).bind(merchant).bind(payment.as_str()).fetch_all(connection).await?
        });
        rows.into_iter().map(case).collect()
    }

    /// A merchant's open cases, newest first.
    pub async fn open_cases(&self, merchant: &str, limit: u32) -> Result<Vec<Case>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<CaseRow> = on!(reader.link(), connection => {
            sqlx::query_as(OPEN).bind(merchant).bind(i64::from(limit)).fetch_all(connection).await?
        });
        rows.into_iter().map(case).collect()
    }
}

impl<'a> Script<'a> {
    /// Opens cases; one of each kind per payment.
    pub(super) fn open_cases(&mut self, cases: &'a [(String, Case)]) {
        let rows = Rows::of(cases, |query, row| {
            query
                .bind(&row.0)
                .bind(row.1.payment_id.as_str())
                .bind(&row.1.kind)
                .bind(row.1.id.as_str())
                .bind(row.1.opened_at.as_microsecond())
        });
        self.add(INSERT, rows);
    }
}

fn case((id, payment_id, kind, opened_at): CaseRow) -> Result<Case, StoreError> {
    let payment_id: PaymentId = parsed(&payment_id, "case")?;
    Ok(Case { id: parsed(&id, "case")?, payment_id, kind, opened_at: instant(opened_at)? })
}
