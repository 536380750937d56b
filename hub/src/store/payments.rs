//! Payments: written by `flow` only, read by everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payment::id::PaymentId;
use payment::summary::Certainty;
use payment::{Currency, Money, Timestamp};

use super::database::{Link, Store, StoreError, Tx, from_json, instant, on, parsed, to_json};
use super::direct::record;
use super::rows::{Cursor, Page, Payment, PaymentFilter, PaymentKey};
use super::sets::{Rows, Script};

/// How a new payment is written: the columns are those of [`New::bind`].
macro_rules! insert_payment {
    () => {
        "INSERT INTO payment (merchant_id, id, reference, idempotency_key, provider, account_id, \
         customer, order_json, currency, amount, authorized, paid, refunded, overpaid, status, is_open, \
         certainty, told, detail_json, expires_at, version, created_at, updated_at)"
    };
}
pub(super) use insert_payment;

const INSERT: &str = concat!(insert_payment!(), " {rows} ON CONFLICT DO NOTHING RETURNING id");
/// How a payment is changed: the columns are those of [`Changed::bind`].
macro_rules! update_payment {
    ($more:literal) => {
        concat!(
            "UPDATE payment SET authorized = v.column3, paid = v.column4, refunded = v.column5, \
             overpaid = v.column6, status = v.column7, certainty = v.column8, told = v.column9, detail_json = v.column10, \
             version = v.column11, updated_at = v.column12",
            $more,
            " FROM ({rows}) AS v WHERE payment.merchant_id = v.column1 AND payment.id = v.column2"
        )
    };
}
/// What indexes go by is not written while it stays: SQLite would take the payment out of them and put it in again.
const UPDATE: &str = update_payment!("");
const UPDATE_TURNED: &str = update_payment!(", is_open = v.column13");
const BY_ID: &str = "SELECT * FROM payment WHERE merchant_id = $1 AND id = $2";
const BY_KEYS: &str = "SELECT payment.* FROM ({rows}) AS v JOIN payment \
     ON payment.merchant_id = v.column1 AND payment.id = v.column2 ORDER BY payment.merchant_id, payment.id";
const BY_KEYS_LOCKED: &str = "SELECT payment.* FROM ({rows}) AS v JOIN payment \
     ON payment.merchant_id = v.column1 AND payment.id = v.column2 ORDER BY payment.merchant_id, payment.id \
     FOR UPDATE OF payment";
const BY_REFERENCES: &str = "SELECT payment.* FROM ({rows}) AS v JOIN payment \
     ON payment.merchant_id = v.column1 AND payment.reference = v.column2";
pub(super) const BY_REFERENCE: &str = "SELECT * FROM payment WHERE merchant_id = $1 AND reference = $2";
/// A merchant's payments before an id, newest first.
macro_rules! older {
    ($status:literal) => {
        concat!(
            "SELECT * FROM payment WHERE merchant_id = $1 AND id < $2 AND ",
            $status,
            " AND ($4 IS NULL OR reference = $4) AND created_at >= $5 AND created_at < $6 ORDER BY id DESC LIMIT $7"
        )
    };
}
/// A merchant's payments after an id, oldest first.
macro_rules! newer {
    ($status:literal) => {
        concat!(
            "SELECT * FROM payment WHERE merchant_id = $1 AND id > $2 AND ",
            $status,
            " AND ($4 IS NULL OR reference = $4) AND created_at >= $5 AND created_at < $6 ORDER BY id ASC LIMIT $7"
        )
    };
}
pub(super) const OLDER: &str = older!("$3 IS NULL");
pub(super) const OLDER_OPEN: &str = older!("is_open = 1 AND status = $3");
pub(super) const OLDER_CLOSED: &str = older!("is_open = 0 AND status = $3");
pub(super) const NEWER: &str = newer!("$3 IS NULL");
const NEWER_OPEN: &str = newer!("is_open = 1 AND status = $3");
const NEWER_CLOSED: &str = newer!("is_open = 0 AND status = $3");
/// A customer's open payments, newest first.
pub(super) const OPEN_OF_CUSTOMER: &str = "SELECT * FROM payment WHERE merchant_id = $1 AND customer = $2 \
     AND is_open = 1 ORDER BY id DESC LIMIT $3";
/// Open payments by the second in which they were created: what is read does not grow with a burst of orders. They are found
/// merchant by merchant, since each one's open payments lie together; what the planners know of merchants does not lead them
/// there.
macro_rules! open_payments {
    ($those:literal) => {
        concat!(
            "WITH RECURSIVE merchant(id) AS (SELECT MIN(merchant_id) FROM payment \
             UNION ALL SELECT (SELECT MIN(merchant_id) FROM payment WHERE merchant_id > merchant.id) FROM merchant \
             WHERE merchant.id IS NOT NULL) \
             SELECT provider, currency, created_at / 1000000 AS second, COUNT(*), CAST(SUM(amount) AS BIGINT) \
             FROM merchant CROSS JOIN ",
            $those,
            " GROUP BY provider, currency, created_at / 1000000"
        )
    };
}
pub(super) const OPEN_SQLITE: &str = open_payments!(
    "payment INDEXED BY payment_open WHERE payment.merchant_id = merchant.id AND payment.is_open = 1"
);
pub(super) const OPEN_POSTGRES: &str = open_payments!(
    "LATERAL (SELECT * FROM payment WHERE payment.merchant_id = merchant.id AND payment.is_open = 1 OFFSET 0) AS open"
);

/// Sorts after every id: where a list begins when nothing else is said.
const AFTER_ALL: &str = "~";

record! {
    struct PaymentRow {
        merchant_id: String,
        id: String,
        idempotency_key: String,
        provider: String,
        account_id: String,
        order_json: String,
        currency: String,
        authorized: i64,
        paid: i64,
        refunded: i64,
        overpaid: i64,
        status: String,
        certainty: String,
        told: Option<String>,
        detail_json: String,
        expires_at: i64,
        version: i64,
        created_at: i64,
        updated_at: i64,
    }
}

/// Open payments of one provider, currency and age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCount {
    /// The provider's id.
    pub provider: String,
    /// ISO 4217.
    pub currency: String,
    /// `under_5m`, `under_1h`, `under_1d`, `over_1d`.
    pub age_bucket: &'static str,
    /// How many.
    pub count: i64,
    /// Their totals, minor units.
    pub minor: i64,
    /// Their totals times their ages, in minor units times seconds.
    pub minor_seconds: i128,
}

impl Store {
    /// A payment of a merchant.
    pub async fn payment(&self, merchant: &str, id: &PaymentId) -> Result<Option<Payment>, StoreError> {
        let mut reader = self.read().await?;
        let row: Option<PaymentRow> = on!(reader.link(), connection => {
            sqlx::query_as(BY_ID).bind(merchant).bind(id.as_str()).fetch_optional(connection).await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// A payment of a merchant by the merchant's reference.
    pub async fn payment_by_reference(
        &self,
        merchant: &str,
        reference: &str,
    ) -> Result<Option<Payment>, StoreError> {
        let mut reader = self.read().await?;
        let row: Option<PaymentRow> = on!(reader.link(), connection => {
            sqlx::query_as(BY_REFERENCE).bind(merchant).bind(reference).fetch_optional(connection).await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// A merchant's payments, newest first.
    pub async fn payments(
        &self,
        merchant: &str,
        filter: &PaymentFilter,
        cursor: &Cursor,
    ) -> Result<Page<Payment>, StoreError> {
        let (older, newer) = match filter.status.map(payment::Status::is_open) {
            None => (OLDER, NEWER),
            Some(true) => (OLDER_OPEN, NEWER_OPEN),
            Some(false) => (OLDER_CLOSED, NEWER_CLOSED),
        };
        let (query, edge) = match (&cursor.starting_after, &cursor.ending_before) {
            (_, Some(edge)) => (newer, edge.as_str()),
            (Some(edge), None) => (older, edge.as_str()),
            (None, None) => (older, AFTER_ALL),
        };
        let from = filter.created_from.map_or(i64::MIN, Timestamp::as_microsecond);
        let before = filter.created_before.map_or(i64::MAX, Timestamp::as_microsecond);
        let status = filter.status.map(payment::Status::word);
        let limit = i64::from(cursor.limit);
        let mut reader = self.read().await?;
        let rows: Vec<PaymentRow> = on!(reader.link(), connection => {
            sqlx::query_as(query)
                .bind(merchant)
                .bind(edge)
                .bind(status)
                .bind(filter.reference.as_deref())
                .bind(from)
                .bind(before)
                .bind(limit + 1)
                .fetch_all(connection)
                .await?
        });
        page(rows, cursor)
    }

    /// The newest open payments of a merchant's customer, newest first.
    pub async fn open_payments_of(
        &self,
        merchant: &str,
        customer: &str,
        limit: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<PaymentRow> = on!(reader.link(), connection => {
            sqlx::query_as(OPEN_OF_CUSTOMER)
                .bind(merchant)
                .bind(customer)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The open payments by provider, currency and age, for the gauges.
    pub async fn pending_by_age(&self, now: Timestamp) -> Result<Vec<PendingCount>, StoreError> {
        let mut reader = self.read().await?;
        let rows: Vec<(String, String, i64, i64, i64)> = match reader.link() {
            Link::Sqlite(connection) => sqlx::query_as(OPEN_SQLITE).fetch_all(connection).await?,
            Link::Postgres(connection) => sqlx::query_as(OPEN_POSTGRES).fetch_all(connection).await?,
        };
        let mut counts: Vec<PendingCount> = Vec::new();
        for (provider, currency, second, count, amount) in rows {
            let age_s = now.as_second().saturating_sub(second).max(0);
            let age_bucket = bucket(age_s);
            let at_risk = i128::from(amount) * i128::from(age_s);
            let same = |known: &&mut PendingCount| {
                known.provider == provider && known.currency == currency && known.age_bucket == age_bucket
            };
            if let Some(known) = counts.iter_mut().find(same) {
                known.count += count;
                known.minor = known.minor.saturating_add(amount);
                known.minor_seconds += at_risk;
            } else {
                let (minor, minor_seconds) = (amount, at_risk);
                counts.push(PendingCount { provider, currency, age_bucket, count, minor, minor_seconds });
            }
        }
        Ok(counts)
    }
}

impl Tx {
    /// Writes new payments. Answers with the ids of those whose reference was free.
    pub(crate) async fn insert_payments(
        &mut self,
        payments: &[&Payment],
    ) -> Result<Vec<PaymentId>, StoreError> {
        let new = payments.iter().map(|payment| New::of(payment)).collect::<Result<Vec<_>, _>>()?;
        let rows = Rows::of(new, |query, new| new.bind(query));
        let inserted = self.read_rows::<(String,)>(INSERT, rows).await?;
        inserted.into_iter().map(|(id,)| parsed(&id, "payment")).collect()
    }

    /// The payments with these references of merchants.
    pub(crate) async fn payments_by_references(
        &mut self,
        references: &[(&str, &str)],
    ) -> Result<Vec<Payment>, StoreError> {
        let bound = Rows::of(references, |query, row| query.bind(row.0).bind(row.1));
        let rows = self.read_rows::<PaymentRow>(BY_REFERENCES, bound).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Payments, locked in the order of their keys until the transaction ends: one writer per payment.
    pub(super) async fn lock_payments(&mut self, keys: &[&PaymentKey]) -> Result<Vec<Payment>, StoreError> {
        // The write transaction of SQLite is the lock itself.
        let text = if self.is_postgres() { BY_KEYS_LOCKED } else { BY_KEYS };
        let bound = Rows::of(keys, |query, key| query.bind(&key.0).bind(key.1.as_str()));
        let rows = self.read_rows::<PaymentRow>(text, bound).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl<'a> Script<'a> {
    /// Writes what changes in payments, of which some `turned` from open to closed or back.
    pub(super) fn update_payments(
        &mut self,
        payments: &'a BTreeMap<PaymentKey, Payment>,
        turned: &'a BTreeSet<PaymentKey>,
    ) -> Result<(), StoreError> {
        let (others, turned): (Vec<_>, Vec<_>) = payments.iter().partition(|(key, _)| !turned.contains(*key));
        let changed = |(_, payment): (&'a PaymentKey, &'a Payment)| Changed::of(payment);
        let others = others.into_iter().map(changed).collect::<Result<Vec<_>, _>>()?;
        self.add_apart(UPDATE, Rows::of(others, |query, changed| changed.bind(query)));
        let turned = turned.into_iter().map(changed).collect::<Result<Vec<_>, _>>()?;
        let rows = Rows::of(turned, |query, changed| {
            let is_open = i64::from(changed.payment.status.is_open());
            changed.bind(query).bind(is_open)
        });
        self.add_apart(UPDATE_TURNED, rows);
        Ok(())
    }
}

/// A new payment, with its JSON columns written out.
pub(super) struct New<'a> {
    order: String,
    changed: Changed<'a>,
}

impl<'a> New<'a> {
    pub(super) fn of(payment: &'a Payment) -> Result<Self, StoreError> {
        Ok(Self { order: to_json(&*payment.order, "order")?, changed: Changed::of(payment)? })
    }

    pub(super) fn bind(self, query: Rows<'a>) -> Rows<'a> {
        let Self { order, changed: Changed { payment, told, detail } } = self;
        query
            .bind(&payment.merchant_id)
            .bind(payment.id.as_str())
            .bind(&payment.order.reference)
            .bind(&payment.idempotency_key)
            .bind(&payment.provider)
            .bind(&payment.account_id)
            .bind(payment.order.customer.as_deref())
            .bind(order)
            .bind(payment.order.total.currency.code())
            .bind(payment.order.total.minor)
            .bind(payment.authorized.minor)
            .bind(payment.paid.minor)
            .bind(payment.refunded.minor)
            .bind(payment.overpaid.minor)
            .bind(payment.status.word())
            .bind(i64::from(payment.status.is_open()))
            .bind(payment.certainty.word())
            .bind(told)
            .bind(detail)
            .bind(payment.expires_at.as_microsecond())
            .bind(payment.version)
            .bind(payment.created_at.as_microsecond())
            .bind(payment.updated_at.as_microsecond())
    }
}

/// What changes in a payment, with its JSON columns written out.
struct Changed<'a> {
    payment: &'a Payment,
    told: Option<String>,
    detail: String,
}

impl<'a> Changed<'a> {
    fn bind(self, query: Rows<'a>) -> Rows<'a> {
        let Self { payment, told, detail } = self;
        query
            .bind(&payment.merchant_id)
            .bind(payment.id.as_str())
            .bind(payment.authorized.minor)
            .bind(payment.paid.minor)
            .bind(payment.refunded.minor)
            .bind(payment.overpaid.minor)
            .bind(payment.status.word())
            .bind(payment.certainty.word())
            .bind(told)
            .bind(detail)
            .bind(payment.version)
            .bind(payment.updated_at.as_microsecond())
    }

    fn of(payment: &'a Payment) -> Result<Self, StoreError> {
        Ok(Self {
            payment,
            told: payment.told.map(|told| to_json(&told, "told")).transpose()?,
            detail: to_json(&payment.detail, "payment detail")?,
        })
    }
}

impl TryFrom<PaymentRow> for Payment {
    type Error = StoreError;

    fn try_from(row: PaymentRow) -> Result<Self, StoreError> {
        let currency: Currency = parsed(&row.currency, "payment")?;
        let money = |minor| Money::new(minor, currency);
        Ok(Self {
            id: parsed(&row.id, "payment")?,
            merchant_id: row.merchant_id,
            order: Arc::new(from_json(&row.order_json, "order")?),
            provider: row.provider,
            account_id: row.account_id,
            status: parsed(&row.status, "payment")?,
            certainty: certainty_of(&row.certainty)?,
            authorized: money(row.authorized),
            paid: money(row.paid),
            refunded: money(row.refunded),
            overpaid: money(row.overpaid),
            told: row.told.map(|told| from_json(&told, "told")).transpose()?,
            detail: from_json(&row.detail_json, "payment detail")?,
            idempotency_key: row.idempotency_key,
            expires_at: instant(row.expires_at)?,
            version: row.version,
            created_at: instant(row.created_at)?,
            updated_at: instant(row.updated_at)?,
        })
    }
}

pub(super) fn certainty_of(word: &str) -> Result<Certainty, StoreError> {
    [Certainty::Confirmed, Certainty::Unknown]
        .into_iter()
        .find(|certainty| certainty.word() == word)
        .ok_or(StoreError::Corrupt("certainty"))
}

fn bucket(age_s: i64) -> &'static str {
    match age_s {
        ..300 => "under_5m",
        300..3600 => "under_1h",
        3600..86_400 => "under_1d",
        86_400.. => "over_1d",
    }
}

/// Cuts the one row too many and brings the rows into newest-first order.
pub(super) fn page<R, T>(mut rows: Vec<R>, cursor: &Cursor) -> Result<Page<T>, StoreError>
where
    R: TryInto<T, Error = StoreError>,
{
    let limit = usize::try_from(cursor.limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    if cursor.ending_before.is_some() {
        rows.reverse();
    }
    let data = rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Page { data, has_more })
}
