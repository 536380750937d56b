//! Captures, releases and refunds.

use std::collections::BTreeMap;

use payment::id::PaymentId;
use payment::operation::{OperationKind, OperationState};

use super::database::{Store, StoreError, Tx, instant, on, parsed, to_json};
use super::direct::record;
use super::rows::{Operation, OperationKey, OperationLine, PaymentKey};
use super::sets::{Rows, Script};

const UPSERT: &str = "INSERT INTO operation (merchant_id, id, payment_id, attempt_id, account_id, kind, amount, state, \
     reference, provider_reference, reason, idempotency_key, created_at, updated_at) {rows} \
     ON CONFLICT (merchant_id, id) DO UPDATE SET state = excluded.state, reason = excluded.reason, \
     provider_reference = COALESCE(excluded.provider_reference, operation.provider_reference), \
     updated_at = excluded.updated_at";
const OF_PAYMENTS: &str = "SELECT operation.* FROM ({rows}) AS v JOIN operation \
     ON operation.merchant_id = v.column1 AND operation.payment_id = v.column2 ORDER BY operation.id";
const HAND_OVER: &str = "UPDATE operation SET handed_over = v.column4 FROM ({rows}) AS v \
     WHERE operation.merchant_id = v.column1 AND operation.account_id = v.column2 \
     AND operation.reference = v.column3";
const HANDED_OVER: &str = "SELECT handed_over FROM operation \
     WHERE merchant_id = $1 AND account_id = $2 AND reference = $3";
const UNDER_WAY: &str = "SELECT v.column1, operation.reference, operation.payment_id, operation.attempt_id \
     FROM ({rows}) AS v JOIN attempt ON attempt.merchant_id = v.column2 AND attempt.account_id = v.column3 \
     AND attempt.reference = v.column4 JOIN operation ON operation.merchant_id = attempt.merchant_id \
     AND operation.payment_id = attempt.payment_id AND operation.attempt_id = attempt.id \
     AND operation.state = 'started' AND operation.handed_over IS NULL ORDER BY operation.id";

record! {
    struct OperationRow {
        merchant_id: String,
        id: String,
        payment_id: String,
        attempt_id: String,
        account_id: String,
        kind: String,
        amount: i64,
        state: String,
        reference: String,
        provider_reference: Option<String>,
        reason: String,
        idempotency_key: String,
        created_at: i64,
        updated_at: i64,
    }
}

/// What a notice hands over: merchant, account, the operation's reference, the value.
pub type HandedOver = (String, String, String, String);

/// An operation under way on an attempt that a notice names.
#[derive(Clone, Debug)]
pub struct UnderWay {
    /// The operation's reference.
    pub reference: String,
    /// Its payment.
    pub payment_id: PaymentId,
    /// Its attempt.
    pub attempt_id: payment::id::AttemptId,
}

impl Store {
    /// The operations of a payment, first one first.
    pub async fn operations(
        &self,
        merchant: &str,
        payment: &PaymentId,
    ) -> Result<Vec<Operation>, StoreError> {
        let mut tx = self.begin().await?;
        let operations = tx.operations_of(&[&(merchant.to_owned(), payment.clone())]).await?;
        tx.commit().await?;
        Ok(operations)
    }

    /// What a notice handed over to the operation with this reference.
    pub async fn handed_over(
        &self,
        merchant: &str,
        account: &str,
        reference: &str,
    ) -> Result<Option<String>, StoreError> {
        let mut reader = self.read().await?;
        let row: Option<(Option<String>,)> = on!(reader.link(), connection => {
            sqlx::query_as(HANDED_OVER)
                .bind(merchant)
                .bind(account)
                .bind(reference)
                .fetch_optional(connection)
                .await?
        });
        Ok(row.and_then(|(value,)| value))
    }
}

impl<'a> Script<'a> {
    /// Writes operations, or their states anew.
    pub(super) fn write_operations(
        &mut self,
        operations: &'a BTreeMap<OperationKey, Operation>,
    ) -> Result<(), StoreError> {
        let reason = |one: &'a Operation| Ok((one, to_json(&one.line.reason, "operation")?));
        let operations = operations.values().map(reason).collect::<Result<Vec<_>, StoreError>>()?;
        let rows = Rows::of(operations, |query, (operation, reason)| {
            query
                .bind(&operation.merchant_id)
                .bind(operation.line.id.as_str())
                .bind(operation.payment_id.as_str())
                .bind(operation.attempt_id.as_str())
                .bind(&operation.account_id)
                .bind(operation.line.kind.word())
                .bind(operation.line.amount)
                .bind(operation.line.state.word())
                .bind(&operation.reference)
                .bind(operation.provider_reference.as_deref())
                .bind(reason)
                .bind(&operation.idempotency_key)
                .bind(operation.line.created_at.as_microsecond())
                .bind(operation.updated_at.as_microsecond())
        });
        self.add(UPSERT, rows);
        Ok(())
    }

    /// Keeps what notices handed over.
    pub(super) fn hand_over(&mut self, handed_over: &'a [HandedOver]) {
        let rows =
            Rows::of(handed_over, |query, row| query.bind(&row.0).bind(&row.1).bind(&row.2).bind(&row.3));
        self.add(HAND_OVER, rows);
    }
}

impl Tx {
    /// The operations of payments, of each the first one first.
    pub(super) async fn operations_of(&mut self, keys: &[&PaymentKey]) -> Result<Vec<Operation>, StoreError> {
        let bound = Rows::of(keys, |query, key| query.bind(&key.0).bind(key.1.as_str()));
        let rows = self.read_rows::<OperationRow>(OF_PAYMENTS, bound).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The operations under way on attempts with references of ours (merchant, account, reference) that nothing was
    /// handed over to yet: by the place of the asked in the list.
    pub(crate) async fn operations_under_way(
        &mut self,
        asked: &[(usize, &str, &str, &str)],
    ) -> Result<Vec<(usize, UnderWay)>, StoreError> {
        type Row = (i64, String, String, String);
        let bound = Rows::of(asked, |query, row| {
            query.bind(i64::try_from(row.0).unwrap_or(i64::MAX)).bind(row.1).bind(row.2).bind(row.3)
        });
        let rows = self.read_rows::<Row>(UNDER_WAY, bound).await?;
        let under_way = |(place, reference, payment, attempt): Row| {
            let place = usize::try_from(place).map_err(|_| StoreError::Corrupt("operation"))?;
            let payment_id = parsed(&payment, "operation")?;
            Ok((place, UnderWay { reference, payment_id, attempt_id: parsed(&attempt, "operation")? }))
        };
        rows.into_iter().map(under_way).collect()
    }
}

impl TryFrom<OperationRow> for Operation {
    type Error = StoreError;

    fn try_from(row: OperationRow) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt("operation");
        let kind = OperationKind::ALL.into_iter().find(|kind| kind.word() == row.kind);
        let state = OperationState::ALL.into_iter().find(|state| state.word() == row.state);
        let line = OperationLine {
            id: parsed(&row.id, "operation")?,
            kind: kind.ok_or_else(corrupt)?,
            amount: row.amount,
            state: state.ok_or_else(corrupt)?,
            reason: serde_json::from_str(&row.reason).map_err(|_| corrupt())?,
            created_at: instant(row.created_at)?,
        };
        Ok(Self {
            line,
            merchant_id: row.merchant_id,
            payment_id: parsed(&row.payment_id, "operation")?,
            attempt_id: parsed(&row.attempt_id, "operation")?,
            account_id: row.account_id,
            reference: row.reference,
            provider_reference: row.provider_reference,
            idempotency_key: row.idempotency_key,
            updated_at: instant(row.updated_at)?,
        })
    }
}
