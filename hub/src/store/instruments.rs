//! Instruments that providers keep for the merchants' customers.

use std::collections::{BTreeMap, BTreeSet};

use payment::id::InstrumentId;

use super::database::{Store, StoreError, Tx, from_json, instant, on, parsed, to_json};
use super::direct::record;
use super::rows::{Instrument, InstrumentKey, InstrumentState};
use super::sets::{Rows, Script};

/// Most instruments of a customer in one answer: more is not a customer's.
pub const MAX_OF_CUSTOMER: i64 = 100;

const UPSERT: &str = "INSERT INTO instrument (merchant_id, id, account_id, provider, customer, payment_id, \
     provider_reference, digest, sealed_token, brand, bin, last_four, valid_until, state, reason, charges, \
     created_at, updated_at) \
     {rows} ON CONFLICT (merchant_id, id) DO UPDATE SET state = excluded.state, reason = excluded.reason, \
     charges = excluded.charges, sealed_token = excluded.sealed_token, updated_at = excluded.updated_at";
const COLUMNS: &str = "instrument.merchant_id, instrument.id, instrument.account_id, instrument.provider, \
     instrument.customer, instrument.payment_id, instrument.provider_reference, instrument.digest, \
     instrument.sealed_token, instrument.brand, instrument.bin, instrument.last_four, instrument.valid_until, \
     instrument.state, instrument.reason, instrument.charges, instrument.created_at, instrument.updated_at";
const BY_ID: &str = "SELECT {columns} FROM instrument WHERE merchant_id = $1 AND id = $2";
pub(super) const OF_CUSTOMER: &str = "SELECT {columns} FROM instrument \
     WHERE merchant_id = $1 AND customer = $2 ORDER BY id DESC LIMIT $3";
const BY_TOKEN: &str = "SELECT instrument.* FROM ({rows}) AS v JOIN instrument \
     ON instrument.merchant_id = v.column1 AND instrument.account_id = v.column2 \
     AND instrument.customer = v.column3 AND instrument.digest = v.column4";
const BY_KEYS: &str = "SELECT instrument.* FROM ({rows}) AS v JOIN instrument \
     ON instrument.merchant_id = v.column1 AND instrument.id = v.column2 \
     ORDER BY instrument.merchant_id, instrument.id";
const BY_KEYS_LOCKED: &str = "SELECT instrument.* FROM ({rows}) AS v JOIN instrument \
     ON instrument.merchant_id = v.column1 AND instrument.id = v.column2 \
     ORDER BY instrument.merchant_id, instrument.id FOR UPDATE OF instrument";

record! {
    struct InstrumentRow {
        merchant_id: String,
        id: String,
        account_id: String,
        provider: String,
        customer: String,
        payment_id: String,
        provider_reference: String,
        digest: String,
        sealed_token: Option<Vec<u8>>,
        brand: Option<String>,
        bin: Option<String>,
        last_four: Option<String>,
        valid_until: Option<String>,
        state: String,
        reason: String,
        charges: String,
        created_at: i64,
        updated_at: i64,
    }
}

/// What makes two tellings the same instrument: merchant, account, customer, digest of the token.
pub type TokenKey = (String, String, String, String);

impl Store {
    /// One instrument.
    pub async fn instrument(
        &self,
        merchant: &str,
        id: &InstrumentId,
    ) -> Result<Option<Instrument>, StoreError> {
        let text = BY_ID.replace("{columns}", COLUMNS);
        let mut reader = self.read().await?;
        let row: Option<InstrumentRow> = on!(reader.link(), connection => {
            sqlx::query_as(sqlx::AssertSqlSafe(text))
                .bind(merchant)
                .bind(id.as_str())
                .fetch_optional(connection)
                .await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// A customer's instruments, newest first.
    pub async fn instruments_of(
        &self,
        merchant: &str,
        customer: &str,
    ) -> Result<Vec<Instrument>, StoreError> {
        let text = OF_CUSTOMER.replace("{columns}", COLUMNS);
        let mut reader = self.read().await?;
        let rows: Vec<InstrumentRow> = on!(reader.link(), connection => {
            sqlx::query_as(sqlx::AssertSqlSafe(text))
                .bind(merchant)
                .bind(customer)
                .bind(MAX_OF_CUSTOMER)
                .fetch_all(connection)
                .await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl<'a> Script<'a> {
    /// Writes instruments, or their states anew.
    pub(super) fn write_instruments(
        &mut self,
        instruments: &'a BTreeMap<TokenKey, Instrument>,
    ) -> Result<(), StoreError> {
        let texts = |row: &'a Instrument| {
            Ok((row, to_json(&row.reason, "instrument")?, to_json(&row.charges, "instrument")?))
        };
        let instruments = instruments.values().map(texts).collect::<Result<Vec<_>, StoreError>>()?;
        let rows = Rows::of(instruments, |query, (row, reason, charges)| {
            query
                .bind(&row.merchant_id)
                .bind(row.id.as_str())
                .bind(&row.account_id)
                .bind(&row.provider)
                .bind(&row.customer)
                .bind(row.payment_id.as_str())
                .bind(&row.provider_reference)
                .bind(&row.digest)
                .bind(row.sealed_token.as_deref())
                .bind(row.brand.as_deref())
                .bind(row.bin.as_deref())
                .bind(row.last_four.as_deref())
                .bind(row.valid_until.as_deref())
                .bind(row.state.word())
                .bind(reason)
                .bind(charges)
                .bind(row.created_at.as_microsecond())
                .bind(row.updated_at.as_microsecond())
        });
        self.add(UPSERT, rows);
        Ok(())
    }
}

impl Tx {
    /// The instruments that have these tokens.
    pub(crate) async fn instruments_by_token(
        &mut self,
        keys: &[&TokenKey],
    ) -> Result<Vec<Instrument>, StoreError> {
        let bound = Rows::of(keys, |query, key| query.bind(&key.0).bind(&key.1).bind(&key.2).bind(&key.3));
        let rows = self.read_rows::<InstrumentRow>(BY_TOKEN, bound).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Instruments, locked in the order of their keys until the transaction ends: one writer per instrument. They are
    /// locked after the payments that the transaction locks.
    pub(crate) async fn lock_instruments(
        &mut self,
        keys: &BTreeSet<InstrumentKey>,
    ) -> Result<Vec<Instrument>, StoreError> {
        // The write transaction of SQLite is the lock itself.
        let text = if self.is_postgres() { BY_KEYS_LOCKED } else { BY_KEYS };
        let keys: Vec<&InstrumentKey> = keys.iter().collect();
        let bound = Rows::of(&keys, |query, key| query.bind(&key.0).bind(key.1.as_str()));
        let rows = self.read_rows::<InstrumentRow>(text, bound).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Instrument {
    /// What it is known by among all merchants.
    pub fn key(&self) -> InstrumentKey {
        (self.merchant_id.clone(), self.id.clone())
    }

    /// What makes it the same instrument when it is told again.
    pub fn token_key(&self) -> TokenKey {
        (self.merchant_id.clone(), self.account_id.clone(), self.customer.clone(), self.digest.clone())
    }
}

impl TryFrom<InstrumentRow> for Instrument {
    type Error = StoreError;

    fn try_from(row: InstrumentRow) -> Result<Self, StoreError> {
        let state = InstrumentState::ALL.into_iter().find(|state| state.word() == row.state);
        Ok(Self {
            id: parsed(&row.id, "instrument")?,
            merchant_id: row.merchant_id,
            account_id: row.account_id,
            provider: row.provider,
            customer: row.customer,
            payment_id: parsed(&row.payment_id, "instrument")?,
            provider_reference: row.provider_reference,
            digest: row.digest,
            sealed_token: row.sealed_token,
            brand: row.brand,
            bin: row.bin,
            last_four: row.last_four,
            valid_until: row.valid_until,
            state: state.ok_or(StoreError::Corrupt("instrument"))?,
            reason: from_json(&row.reason, "instrument")?,
            charges: from_json(&row.charges, "instrument")?,
            created_at: instant(row.created_at)?,
            updated_at: instant(row.updated_at)?,
        })
    }
}
