//! Attempts and the subjects by which providers name them.

use std::collections::BTreeMap;

use payment::attempt::AttemptState;
use payment::fact::Outcome;
use payment::id::{AttemptId, PaymentId};
use payment::step::Memo;
use payment::{Money, Order, Subject};
use sqlx::FromRow;

use super::database::{Store, StoreError, Tx, from_json, instant, on, parsed};
use super::direct::{FromDirect, record};
use super::facts::recorded;
use super::rows::{Attempt, AttemptKey, FoundAttempt, FoundSubject, KeyedAttempt, PaymentKey, RecordedFact};
use super::sets::{Rows, Script};
use crate::fault::fault;

const INSERT: &str = "INSERT INTO attempt (merchant_id, id, payment_id, ordinal, account_id, reference, \
     provider_reference, state, memo, expires_at, created_at) {rows}";
const OF_PAYMENT: &str = "SELECT * FROM attempt WHERE merchant_id = $1 AND payment_id = $2 ORDER BY ordinal";
const BY_ID: &str = "SELECT * FROM attempt WHERE merchant_id = $1 AND id = $2";
const OF_PAYMENTS: &str = "SELECT attempt.*, work.cause, fact.ordinal AS fact_ordinal, fact.body, fact.source, \
     fact.recorded_at FROM ({rows}) AS v JOIN attempt ON attempt.merchant_id = v.column1 \
     AND attempt.payment_id = v.column2 LEFT JOIN work ON work.merchant_id = attempt.merchant_id \
     AND work.attempt_id = attempt.id LEFT JOIN fact ON fact.merchant_id = attempt.merchant_id \
     AND fact.payment_id = attempt.payment_id AND fact.attempt_id = attempt.id ORDER BY attempt.ordinal";
const CHANGE: &str = "UPDATE attempt SET state = COALESCE(v.column3, state), \
     provider_reference = COALESCE(v.column4, provider_reference), sealed_key = COALESCE(v.column5, sealed_key) \
     FROM ({rows}) AS v WHERE attempt.merchant_id = v.column1 AND attempt.id = v.column2";
const CLAIMED: &str = "SELECT attempt.id, attempt.sealed_key, attempt.reference, payment.amount, payment.currency \
     FROM subject JOIN attempt ON attempt.merchant_id = subject.merchant_id AND attempt.id = subject.attempt_id \
     JOIN payment ON payment.merchant_id = attempt.merchant_id AND payment.id = attempt.payment_id \
     WHERE subject.merchant_id = $1 AND subject.account_id = $2 AND subject.kind = $3 \
     AND subject.provider_reference = $4";
const SET_MEMO: &str = "UPDATE attempt SET memo = v.column3 FROM ({rows}) AS v \
     WHERE attempt.merchant_id = v.column1 AND attempt.id = v.column2";
const THAT_RECUR: &str = "SELECT v.column1, attempt.payment_id, attempt.id, attempt.reference, payment.order_json \
     FROM ({rows}) AS v JOIN attempt ON attempt.merchant_id = v.column2 AND attempt.account_id = v.column3 \
     AND attempt.reference = v.column4 JOIN payment ON payment.merchant_id = attempt.merchant_id \
     AND payment.id = attempt.payment_id";
const INSERT_SUBJECT: &str = "INSERT INTO subject (merchant_id, account_id, kind, provider_reference, payment_id, \
     attempt_id) {rows} ON CONFLICT DO NOTHING";
const NAMED: &str = "WITH v AS ({rows}) SELECT v.column1, 'opening', attempt.payment_id, attempt.id, attempt.reference \
     FROM v JOIN attempt ON attempt.merchant_id = v.column2 AND attempt.account_id = v.column3 \
     AND attempt.reference = v.column4 WHERE attempt.provider_reference IS NULL AND attempt.state <> v.column8 \
     UNION ALL SELECT v.column1, 'known', subject.payment_id, subject.attempt_id, attempt.reference \
     FROM v JOIN subject ON subject.merchant_id = v.column2 AND subject.account_id = v.column5 \
     AND subject.kind = v.column6 AND subject.provider_reference = v.column7 \
     JOIN attempt ON attempt.merchant_id = subject.merchant_id AND attempt.id = subject.attempt_id";

record! {
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
}

/// An attempt with one of its facts.
#[derive(FromRow)]
struct ToldRow {
    #[sqlx(flatten)]
    attempt: AttemptRow,
    cause: Option<String>,
    fact_ordinal: Option<i64>,
    body: Option<String>,
    source: Option<String>,
    recorded_at: Option<i64>,
}

impl FromDirect for ToldRow {
    fn from_direct(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            attempt: AttemptRow::from_direct(row)?,
            cause: row.get("cause")?,
            fact_ordinal: row.get("fact_ordinal")?,
            body: row.get("body")?,
            source: row.get("source")?,
            recorded_at: row.get("recorded_at")?,
        })
    }
}

/// An attempt and something that was learned of it, in its place among all that was learned of the payment.
pub(super) struct ToldAttempt {
    /// The attempt.
    pub attempt: Attempt,
    /// Whether a notice wants to be asked for.
    pub is_noticed: bool,
    /// What was learned, if anything was.
    pub fact: Option<(i64, RecordedFact)>,
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

    /// The attempt that a provider's reference is about.
    pub async fn claimed_attempt(
        &self,
        merchant: &str,
        subject: &Subject,
    ) -> Result<Option<KeyedAttempt>, StoreError> {
        type Row = (String, Option<Vec<u8>>, String, i64, String);
        let mut reader = self.read().await?;
        let row: Option<Row> = on!(reader.link(), connection => {
            sqlx::query_as(CLAIMED)
                .bind(merchant)
                .bind(&subject.account)
                .bind(subject.kind.word())
                .bind(&subject.provider_reference)
                .fetch_optional(connection)
                .await?
        });
        let keyed = |(id, sealed_key, reference, amount, currency): Row| {
            let total = Money::new(amount, parsed(&currency, "payment")?);
            Ok(KeyedAttempt { attempt_id: parsed(&id, "attempt")?, sealed_key, reference, total })
        };
        row.map(keyed).transpose()
    }
}

impl<'a> Script<'a> {
    /// Writes new attempts, with what clients want to remember of them until the answer. `are_apart`: nothing else is
    /// written about them.
    pub(super) fn insert_attempts(
        &mut self,
        attempts: &'a [Attempt],
        memos: &'a BTreeMap<AttemptKey, Memo>,
        are_apart: bool,
    ) {
        let rows = Rows::of(attempts, |query, attempt| {
            let memo = memos.get(&(attempt.merchant_id.clone(), attempt.id.clone()));
            query
                .bind(&attempt.merchant_id)
                .bind(attempt.id.as_str())
                .bind(attempt.payment_id.as_str())
                .bind(i64::from(attempt.ordinal))
                .bind(&attempt.account_id)
                .bind(&attempt.reference)
                .bind(None::<&str>)
                .bind(&attempt.state)
                .bind(memo.map_or("", |memo| memo.0.as_str()))
                .bind(attempt.expires_at.as_microsecond())
                .bind(attempt.created_at.as_microsecond())
        });
        if are_apart {
            self.add_apart(INSERT, rows);
        } else {
            self.add(INSERT, rows);
        }
    }

    /// Writes what changes in attempts.
    pub(super) fn change_attempts(&mut self, changed: &'a BTreeMap<AttemptKey, ChangedAttempt>) {
        let rows =
            Rows::of(changed, |query, (key, ChangedAttempt { state, provider_reference, sealed_key })| {
                query
                    .bind(&key.0)
                    .bind(key.1.as_str())
                    .bind(state.as_deref())
                    .bind(provider_reference.as_deref())
                    .bind(sealed_key.as_deref())
            });
        self.add(CHANGE, rows);
    }

    /// Writes what clients want to remember until the answer.
    pub(super) fn set_memos(&mut self, memos: impl IntoIterator<Item = (&'a AttemptKey, &'a Memo)>) {
        let rows =
            Rows::of(memos, |query, (key, memo)| query.bind(&key.0).bind(key.1.as_str()).bind(&memo.0));
        self.add(SET_MEMO, rows);
    }

    /// Makes providers' references findable. The first telling stays.
    pub(super) fn insert_subjects(&mut self, subjects: &'a [FoundSubject]) {
        let rows = Rows::of(subjects, |query, row| {
            query
                .bind(&row.merchant_id)
                .bind(&row.subject.account)
                .bind(row.subject.kind.word())
                .bind(&row.subject.provider_reference)
                .bind(row.payment_id.as_str())
                .bind(row.attempt_id.as_str())
        });
        self.add(INSERT_SUBJECT, rows);
    }
}

impl Tx {
    /// The attempts of payments, of each the first one first, with what was learned of them. PostgreSQL reads them once
    /// their payments are locked, as they are then.
    pub(super) async fn attempts_of(&mut self, keys: &[&PaymentKey]) -> Result<Vec<ToldAttempt>, StoreError> {
        let bound = Rows::of(keys, |query, key| query.bind(&key.0).bind(key.1.as_str()));
        let rows = self.read_rows::<ToldRow>(OF_PAYMENTS, bound).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The attempts that notices name, as they stand at one moment: by the provider's reference, and by ours those whose
    /// creation is not answered yet, or never was.
    pub(crate) async fn named_attempts(&mut self, asked: &[Naming<'_>]) -> Result<Vec<Named>, StoreError> {
        type Row = (i64, String, String, String, String);
        let bound = Rows::of(asked, |query, naming| {
            let subject = naming.subject;
            query
                .bind(i64::try_from(naming.place).unwrap_or(i64::MAX))
                .bind(naming.merchant_id)
                .bind(naming.account_id)
                .bind(naming.reference)
                .bind(subject.map(|subject| subject.account.as_str()))
                .bind(subject.map(|subject| subject.kind.word()))
                .bind(subject.map(|subject| subject.provider_reference.as_str()))
                .bind(FAILED)
        });
        let named = |(place, how, payment, attempt, reference): Row| {
            let (payment_id, attempt_id) = (parsed(&payment, "subject")?, parsed(&attempt, "subject")?);
            Ok(Named {
                place: usize::try_from(place).map_err(|_| StoreError::Corrupt("subject"))?,
                is_being_opened: how == "opening",
                attempt: FoundAttempt { payment_id, attempt_id, reference },
            })
        };
        self.read_rows::<Row>(NAMED, bound).await?.into_iter().map(named).collect()
    }
}

impl Tx {
    /// The attempts of accounts with references of ours whose provider repeats the charge by itself: by the place of the
    /// asked (merchant, account, reference) in the list.
    pub(crate) async fn attempts_that_recur(
        &mut self,
        asked: &[(usize, &str, &str, &str)],
    ) -> Result<Vec<(usize, FoundAttempt)>, StoreError> {
        type Row = (i64, String, String, String, String);
        let bound = Rows::of(asked, |query, row| {
            query.bind(i64::try_from(row.0).unwrap_or(i64::MAX)).bind(row.1).bind(row.2).bind(row.3)
        });
        let mut recurring = Vec::new();
        for (place, payment, attempt, reference, order) in self.read_rows::<Row>(THAT_RECUR, bound).await? {
            let order: Order = from_json(&order, "order")?;
            if order.recurrence.is_some() || fault!("repeat_any_order") {
                let place = usize::try_from(place).map_err(|_| StoreError::Corrupt("attempt"))?;
                let (payment_id, attempt_id) = (parsed(&payment, "attempt")?, parsed(&attempt, "attempt")?);
                recurring.push((place, FoundAttempt { payment_id, attempt_id, reference }));
            }
        }
        Ok(recurring)
    }
}

/// What changes in an attempt; what is absent stays.
#[derive(Debug, Default)]
pub struct ChangedAttempt {
    /// Its state.
    pub state: Option<String>,
    /// The provider's own reference, once known.
    pub provider_reference: Option<String>,
    /// The key by which notices about it are verified, sealed.
    pub sealed_key: Option<Vec<u8>>,
}

/// The state of an attempt that never came to be at the provider.
const FAILED: &str = AttemptState::Ended(Outcome::Failed).word();

/// How a notice names an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Naming<'a> {
    /// Its place in a list.
    pub place: usize,
    /// Whose account it came for.
    pub merchant_id: &'a str,
    /// The account.
    pub account_id: &'a str,
    /// By our reference.
    pub reference: Option<&'a str>,
    /// By the provider's.
    pub subject: Option<&'a Subject>,
}

/// An attempt that a notice names.
#[derive(Clone, Debug)]
pub struct Named {
    /// The notice's place in the list.
    pub place: usize,
    /// Whether the provider is not known to have it yet.
    pub is_being_opened: bool,
    /// The attempt.
    pub attempt: FoundAttempt,
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

impl TryFrom<ToldRow> for ToldAttempt {
    type Error = StoreError;

    fn try_from(row: ToldRow) -> Result<Self, StoreError> {
        let ToldRow { attempt, cause, fact_ordinal, body, source, recorded_at } = row;
        let fact = match (fact_ordinal, body, source, recorded_at) {
            (Some(ordinal), Some(body), Some(source), Some(at)) => {
                Some((ordinal, recorded((attempt.id.clone(), body, source, at))?))
            }
            _ => None,
        };
        let is_noticed = cause.is_some_and(|cause| cause == "notice");
        Ok(Self { attempt: attempt.try_into()?, is_noticed, fact })
    }
}
