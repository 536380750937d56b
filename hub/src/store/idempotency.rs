//! Idempotency keys: the claim is written before the work, the answer after.

use std::collections::{BTreeMap, BTreeSet};

use payment::Timestamp;
use payment::id::EventId;

use super::database::{Store, StoreError, Tx, fence, on};
use super::sets::{Rows, Script};

pub(super) const CLAIM: &str = "INSERT INTO idempotency (merchant_id, route, key, fingerprint, claimed_at) \
     {rows} ON CONFLICT DO NOTHING RETURNING merchant_id, route, key";
const READ: &str = "SELECT i.merchant_id, i.route, i.key, i.fingerprint, i.claimed_at, i.status, i.sealed_body, e.body \
     FROM ({rows}) AS v JOIN idempotency i ON i.merchant_id = v.column1 AND i.route = v.column2 \
     AND i.key = v.column3 LEFT JOIN event e ON e.merchant_id = i.merchant_id AND e.id = i.event_id";
const TAKE_OVER: &str = "UPDATE idempotency SET claimed_at = $5 \
     WHERE merchant_id = $1 AND route = $2 AND key = $3 AND claimed_at = $4 AND status IS NULL";
const FINISH: &str = "UPDATE idempotency SET status = v.column4, sealed_body = v.column5, event_id = v.column6 \
     FROM ({rows}) AS v WHERE idempotency.merchant_id = v.column1 AND idempotency.route = v.column2 \
     AND idempotency.key = v.column3 AND idempotency.claimed_at <= v.column7";
const RELEASE: &str = "DELETE FROM idempotency \
     WHERE merchant_id = $1 AND route = $2 AND key = $3 AND claimed_at BETWEEN $4 AND $5 AND status IS NULL";
const FORGET: &str = "DELETE FROM idempotency WHERE claimed_at < $1";

/// A key as it stands in the record.
#[derive(Clone, Debug)]
pub struct IdempotencyRecord {
    /// Keyed fingerprint of the first request.
    pub fingerprint: String,
    /// When it was claimed, microseconds of real time.
    pub claimed_at: i64,
    /// The stored answer, once there is one: HTTP status and body.
    pub answer: Option<(u16, RecordedBody)>,
}

/// The body of an answer as it is found.
#[derive(Clone, Debug)]
pub enum RecordedBody {
    /// Sealed.
    Sealed(Vec<u8>),
    /// The document that this body of an event tells.
    OfEvent(String),
}

/// A key of one route of a merchant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Whose it is.
    pub merchant_id: String,
    /// The template of the route's path.
    pub route: String,
    /// The key itself.
    pub key: String,
}

/// A key to be claimed.
#[derive(Clone, Debug)]
pub struct KeyClaim {
    /// The key.
    pub key: Key,
    /// Keyed fingerprint of the request.
    pub fingerprint: String,
    /// Real time.
    pub claimed_at: Timestamp,
}

/// An answer to be kept under a key.
#[derive(Clone, Debug)]
pub struct KeyAnswer {
    /// The key.
    pub key: Key,
    /// When its claim was made, by which it is known: one that was taken over since has a later one.
    pub claimed_at: Timestamp,
    /// HTTP status.
    pub status: u16,
    /// The answer's body.
    pub body: KeptBody,
}

/// The body of an answer as it is kept.
#[derive(Clone, Debug)]
pub enum KeptBody {
    /// Sealed.
    Sealed(Vec<u8>),
    /// The document that an event tells of, which is written once. Events are kept for longer than keys.
    OfEvent(EventId),
}

impl KeptBody {
    fn sealed(&self) -> Option<&[u8]> {
        match self {
            Self::Sealed(body) => Some(body),
            Self::OfEvent(_) => None,
        }
    }

    const fn event(&self) -> Option<&EventId> {
        match self {
            Self::Sealed(_) => None,
            Self::OfEvent(id) => Some(id),
        }
    }
}

/// The rows of claims.
pub(super) fn claim_rows<'a>(claims: &[&'a KeyClaim]) -> Rows<'a> {
    Rows::of(claims.iter().copied(), |query, claim| {
        query
            .bind(&claim.key.merchant_id)
            .bind(&claim.key.route)
            .bind(&claim.key.key)
            .bind(&claim.fingerprint)
            .bind(claim.claimed_at.as_microsecond())
    })
}

impl Tx {
    /// Claims keys. Answers with those that were free and are claimed now.
    pub(super) async fn claim_keys(&mut self, claims: &[&KeyClaim]) -> Result<BTreeSet<Key>, StoreError> {
        let rows = self.read_rows::<(String, String, String)>(CLAIM, claim_rows(claims)).await?;
        Ok(rows.into_iter().map(|(merchant_id, route, key)| Key { merchant_id, route, key }).collect())
    }

    /// Keys as they stand in the record.
    pub(crate) async fn read_keys(
        &mut self,
        keys: &[&Key],
    ) -> Result<BTreeMap<Key, IdempotencyRecord>, StoreError> {
        type Row = (String, String, String, String, i64, Option<i64>, Option<Vec<u8>>, Option<String>);
        let bound = Rows::of(keys, |query, key| query.bind(&key.merchant_id).bind(&key.route).bind(&key.key));
        let rows = self.read_rows::<Row>(READ, bound).await?;
        let record = |(merchant_id, route, key, fingerprint, claimed_at, status, sealed, event): Row| {
            let body = sealed.map(RecordedBody::Sealed).or(event.map(RecordedBody::OfEvent));
            let answer = status.and_then(|status| u16::try_from(status).ok()).zip(body);
            (Key { merchant_id, route, key }, IdempotencyRecord { fingerprint, claimed_at, answer })
        };
        Ok(rows.into_iter().map(record).collect())
    }
}

impl<'a> Script<'a> {
    /// Stores the answers under keys. A claim that was taken over changes nothing.
    pub(super) fn finish_keys(&mut self, answers: &'a [KeyAnswer]) {
        let rows = Rows::of(answers, |query, answer| {
            query
                .bind(&answer.key.merchant_id)
                .bind(&answer.key.route)
                .bind(&answer.key.key)
                .bind(i64::from(answer.status))
                .bind(answer.body.sealed())
                .bind(answer.body.event().map(EventId::as_str))
                .bind(fence(answer.claimed_at.as_microsecond()))
        });
        self.add(FINISH, rows);
    }
}

impl Store {
    /// Takes a claim over from a process that died. False: somebody else was quicker.
    pub async fn take_over_idempotency_key(
        &self,
        merchant: &str,
        route: &str,
        key: &str,
        claimed_at: i64,
        real_now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let taken = on!(tx.link()?, connection => {
            sqlx::query(TAKE_OVER)
                .bind(merchant)
                .bind(route)
                .bind(key)
                .bind(claimed_at)
                .bind(real_now.as_microsecond())
                .execute(connection)
                .await?
                .rows_affected()
        });
        tx.commit().await?;
        Ok(taken == 1)
    }

    /// Forgets a claim whose work never began. One that was taken over stays, and so does one of another request.
    pub async fn release_idempotency_key(
        &self,
        merchant: &str,
        route: &str,
        key: &str,
        claimed_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link()?, connection => {
            sqlx::query(RELEASE)
                .bind(merchant)
                .bind(route)
                .bind(key)
                .bind(claimed_at.as_microsecond())
                .bind(fence(claimed_at.as_microsecond()))
                .execute(connection)
                .await?;
        });
        tx.commit().await
    }

    /// Forgets keys claimed before `before` (real time).
    pub async fn forget_idempotency_keys(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let gone = on!(tx.link()?, connection => {
            sqlx::query(FORGET).bind(before.as_microsecond()).execute(connection).await?.rows_affected()
        });
        tx.commit().await?;
        Ok(gone)
    }
}
