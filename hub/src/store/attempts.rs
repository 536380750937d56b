//! Attempts and the subjects by which providers name them.

use payment::Subject;
use payment::attempt::AttemptState;
use payment::id::{AttemptId, PaymentId};
use payment::step::Memo;
use sqlx::FromRow;

use super::database::{Store, StoreError, Tx, instant, on, parsed};
use super::rows::Attempt;

const INSERT: &str = "INSERT INTO attempt (merchant_id, id, payment_id, ordinal, account_id, reference, \
     provider_reference, state, memo, expires_at, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, '', $8, $9)";
const OF_PAYMENT: &str = "SELECT * FROM attempt WHERE merchant_id = $1 AND payment_id = $2 ORDER BY ordinal";
const BY_ID: &str = "SELECT * FROM attempt WHERE merchant_id = $1 AND id = $2";
const SET_STATE: &str = "UPDATE attempt SET state = $3, provider_reference = COALESCE($4, provider_reference) WHERE merchant_id = $1 AND id = $2";
const SET_MEMO: &str = "UPDATE attempt SET memo = $3 WHERE merchant_id = $1 AND id = $2";
const BEING_OPENED: &str = "SELECT payment_id, id FROM attempt WHERE merchant_id = $1 AND account_id = $2 \
     AND reference = $3 AND provider_reference IS NULL AND state = $4";
const INSERT_SUBJECT: &str = "INSERT INTO subject (merchant_id, account_id, kind, provider_reference, payment_id, \
     attempt_id) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
const FIND_SUBJECT: &str = "SELECT payment_id, attempt_id FROM subject \
     WHERE merchant_id = $1 AND account_id = $2 AND kind = $3 AND provider_reference = $4";

#[derive(FromRow)]
struct AttemptRow {
    merchant_id: String,
    id: String,
    payment_id: String,
    ordinal: i64,
    account_id: String,
    reference: String,
    provider_reference: Option<String>,
    state: String,
    expires_at: i64,
    created_at: i64,
}

impl Store {
    /// The attempts of a payment, first one first.
    pub async fn attempts(&self, merchant: &str, payment: &PaymentId) -> Result<Vec<Attempt>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<AttemptRow> = on!(reader.link(), connection => {
            sqlx::query_as(OF_PAYMENT).bind(merchant).bind(payment.as_str()).fetch_all(connection).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// One attempt.
    pub async fn attempt(&self, merchant: &str, id: &AttemptId) -> Result<Option<Attempt>, StoreError> {
        let mut reader = self.read().await?;
        let row: Option<AttemptRow> = on!(reader.link(), connection => {
            sqlx::query_as(BY_ID).bind(merchant).bind(id.as_str()).fetch_optional(connection).await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// The payment and attempt with a reference of ours, when the provider's answer to their creation is not here yet.
    pub async fn attempt_being_opened(
        &self,
        merchant: &str,
        account: &str,
        reference: &str,
    ) -> Result<Option<(PaymentId, AttemptId)>, StoreError> {
        let mut reader = self.read().await?;
        let row: Option<(String, String)> = on!(reader.link(), connection => {
            sqlx::query_as(BEING_OPENED)
                .bind(merchant)
                .bind(account)
                .bind(reference)
                .bind(AttemptState::Created.word())
                .fetch_optional(connection)
                .await?
        });
        row.map(|(payment, attempt)| Ok((parsed(&payment, "attempt")?, parsed(&attempt, "attempt")?)))
            .transpose()
    }

    /// The payment and attempt that a provider's reference is about.
    pub async fn find_subject(
        &self,
        merchant: &str,
        subject: &Subject,
    ) -> Result<Option<(PaymentId, AttemptId)>, StoreError> {
        let mut reader = self.read().await?;
        let row: Option<(String, String)> = on!(reader.link(), connection => {
            sqlx::query_as(FIND_SUBJECT)
                .bind(merchant)
                .bind(&subject.account)
                .bind(subject.kind.word())
                .bind(&subject.provider_reference)
                .fetch_optional(connection)
                .await?
        });
        row.map(|(payment, attempt)| Ok((parsed(&payment, "subject")?, parsed(&attempt, "subject")?)))
            .transpose()
    }
}

impl Tx {
    /// Writes a new attempt.
    pub async fn insert_attempt(&mut self, attempt: &Attempt) -> Result<(), StoreError> {
        on!(self.link(), connection => {
            sqlx::query(INSERT)
                .bind(&attempt.merchant_id)
                .bind(attempt.id.as_str())
                .bind(attempt.payment_id.as_str())
                .bind(i64::from(attempt.ordinal))
                .bind(&attempt.account_id)
                .bind(&attempt.reference)
                .bind(&attempt.state)
                .bind(attempt.expires_at.as_microsecond())
                .bind(attempt.created_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// The attempts of a payment, first one first.
    pub async fn attempts(
        &mut self,
        merchant: &str,
        payment: &PaymentId,
    ) -> Result<Vec<Attempt>, StoreError> {
        let rows: Vec<AttemptRow> = on!(self.link(), connection => {
            sqlx::query_as(OF_PAYMENT).bind(merchant).bind(payment.as_str()).fetch_all(connection).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Writes an attempt's state and, once known, the provider's own reference.
    pub async fn set_attempt_state(
        &mut self,
        merchant: &str,
        id: &AttemptId,
        state: &str,
        provider_reference: Option<&str>,
    ) -> Result<(), StoreError> {
        on!(self.link(), connection => {
            sqlx::query(SET_STATE)
                .bind(merchant)
                .bind(id.as_str())
                .bind(state)
                .bind(provider_reference)
                .execute(connection)
                .await?;
        });
        Ok(())
    }

    /// Writes what the client wants to remember until the answer.
    pub async fn set_memo(&mut self, merchant: &str, id: &AttemptId, memo: &Memo) -> Result<(), StoreError> {
        on!(self.link(), connection => {
            sqlx::query(SET_MEMO).bind(merchant).bind(id.as_str()).bind(&memo.0).execute(connection).await?;
        });
        Ok(())
    }

    /// Makes a provider's reference findable. The first telling stays.
    pub async fn insert_subject(
        &mut self,
        merchant: &str,
        subject: &Subject,
        payment: &PaymentId,
        attempt: &AttemptId,
    ) -> Result<(), StoreError> {
        on!(self.link(), connection => {
            sqlx::query(INSERT_SUBJECT)
                .bind(merchant)
                .bind(&subject.account)
                .bind(subject.kind.word())
                .bind(&subject.provider_reference)
                .bind(payment.as_str())
                .bind(attempt.as_str())
                .execute(connection)
                .await?;
        });
        Ok(())
    }
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = StoreError;

    fn try_from(row: AttemptRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(&row.id, "attempt")?,
            merchant_id: row.merchant_id,
            payment_id: parsed(&row.payment_id, "attempt")?,
            ordinal: u32::try_from(row.ordinal).map_err(|_| StoreError::Corrupt("attempt"))?,
            account_id: row.account_id,
            reference: row.reference,
            provider_reference: row.provider_reference,
            state: row.state,
            expires_at: instant(row.expires_at)?,
            created_at: instant(row.created_at)?,
        })
    }
}
