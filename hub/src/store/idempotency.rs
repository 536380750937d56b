//! Idempotency keys: the claim is written before the work, the answer after.

use std::collections::{BTreeMap, BTreeSet};

use payment::id::{EventId, PaymentId};
use payment::{Status, Timestamp};

use super::database::{Store, StoreError, Tx, fence, on};
use super::rows::{Event, StatusChange};
use super::sets::{Rows, Script};
use crate::fault::fault;

/// Which event `opening` of the payment in a claim tells its answer where none is written: see [`Event::is_answer`].
macro_rules! is_opening {
    () => {
        "opening.merchant_id = idempotency.merchant_id AND opening.payment_id = idempotency.payment_id \
         AND opening.version = 2 AND opening.source = 'answer' AND opening.to_status = 'requires_action'"
    };
}
pub(super) const CLAIM: &str = "INSERT INTO idempotency (merchant_id, route, key, fingerprint, claimed_at, payment_id) \
     {rows} ON CONFLICT DO NOTHING RETURNING merchant_id, route, key";
const READ: &str = concat!(
    "SELECT idempotency.merchant_id, idempotency.route, idempotency.key, fingerprint, claimed_at, status, sealed_body, \
     told.body, opening.body FROM ({rows}) AS v JOIN idempotency ON idempotency.merchant_id = v.column1 \
     AND idempotency.route = v.column2 AND idempotency.key = v.column3 \
     LEFT JOIN event told ON told.merchant_id = idempotency.merchant_id AND told.id = idempotency.event_id \
     LEFT JOIN event opening ON ",
    is_opening!()
);
const TAKE_OVER: &str = concat!(
    "UPDATE idempotency SET claimed_at = $5 WHERE merchant_id = $1 AND route = $2 AND key = $3 AND claimed_at = $4 \
     AND status IS NULL AND NOT EXISTS (SELECT 1 FROM event opening WHERE ",
    is_opening!(),
    ")"
);
const FINISH: &str = "UPDATE idempotency SET status = v.column4, sealed_body = v.column5, event_id = v.column6 \
     FROM ({rows}) AS v WHERE idempotency.merchant_id = v.column1 AND idempotency.route = v.column2 \
     AND idempotency.key = v.column3 AND idempotency.claimed_at <= v.column7";
/// HTTP status of the answers that such events tell.
const CREATED: u16 = 201;
const RELEASE: &str = "DELETE FROM idempotency \
     WHERE merchant_id = $1 AND route = $2 AND key = $3 AND claimed_at BETWEEN $4 AND $5 AND status IS NULL";
// No index tells of the age of keys: it would cost each request more than reading all of them costs now and then.
pub(super) const NEXT: &str = "SELECT merchant_id, route, key, claimed_at FROM idempotency \
     WHERE (merchant_id, route, key) > ($1, $2, $3) ORDER BY merchant_id, route, key LIMIT $4";
const FORGET: &str = "DELETE FROM idempotency WHERE (merchant_id, route, key, claimed_at) IN ({rows})";
/// Most keys that are read at once to see how old they are.
const READ_AT_ONCE: i64 = 1000;

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
    /// The payment that is created with it.
    pub payment_id: Option<PaymentId>,
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
            .bind(claim.payment_id.as_ref().map(PaymentId::as_str))
    })
}

impl Event {
    /// Whether it tells an answer with this HTTP status to the request that created its payment, so that none has to be written
    /// under the key: what the provider answered was the first that was learned of the payment, and its shopper may pay.
    pub(crate) fn is_answer(&self, status: u16) -> bool {
        let is_opening = |change: &StatusChange| {
            change.version == 2 && change.source == "answer" && change.to == Status::RequiresAction
        };
        let is_told =
            self.change.as_ref().is_some_and(is_opening) || fault!("leave_every_answer_to_its_event");
        status == CREATED && is_told
    }
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
        type Row = (
            String,
            String,
            String,
            String,
            i64,
            Option<i64>,
            Option<Vec<u8>>,
            Option<String>,
            Option<String>,
        );
        let bound = Rows::of(keys, |query, key| query.bind(&key.merchant_id).bind(&key.route).bind(&key.key));
        let rows = self.read_rows::<Row>(READ, bound).await?;
        let record =
            |(merchant_id, route, key, fingerprint, claimed_at, status, sealed, told, opening): Row| {
                let written = sealed.map(RecordedBody::Sealed).or(told.map(RecordedBody::OfEvent));
                let answer = match status {
                    Some(status) => u16::try_from(status).ok().zip(written),
                    None => opening.map(|event| (CREATED, RecordedBody::OfEvent(event))),
                };
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

    /// Forgets keys claimed before `before` (real time). It reads all keys, some at a time.
    pub async fn forget_idempotency_keys(&self, before: Timestamp) -> Result<u64, StoreError> {
        type Row = (String, String, String, i64);
        let (mut merchant, mut route, mut key) = <(String, String, String)>::default();
        let mut gone = 0;
        loop {
            let mut reader = self.read().await?;
            let keys: Vec<Row> = on!(reader.link(), connection => {
                sqlx::query_as(NEXT)
                    .bind(&merchant)
                    .bind(&route)
                    .bind(&key)
                    .bind(READ_AT_ONCE)
                    .fetch_all(connection)
                    .await?
            });
            drop(reader);
            let is_old = |(.., claimed_at): &&Row| *claimed_at < before.as_microsecond();
            let old = Rows::of(keys.iter().filter(is_old), |query, (merchant, route, key, claimed_at)| {
                query.bind(merchant).bind(route).bind(key).bind(*claimed_at)
            });
            if !old.is_empty() {
                let mut tx = self.begin().await?;
                gone += tx.count_rows(FORGET, old).await?;
                tx.commit().await?;
            }
            let Some(last) = keys.into_iter().next_back() else { return Ok(gone) };
            (merchant, route, key, _) = last;
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use testing::TestDatabase;

    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn claims(name: &str, count: i64, claimed_at: Timestamp) -> Vec<KeyClaim> {
        (0..count)
            .map(|number| KeyClaim {
                key: Key {
                    merchant_id: format!("tienda-{}", number % 3),
                    route: "/prueba".into(),
                    key: format!("{name}-{number}"),
                },
                fingerprint: "huella".into(),
                claimed_at,
                payment_id: None,
            })
            .collect()
    }

    testing::both_databases! {
        async fn keys_are_forgotten_by_their_age_however_many_there_are(database: TestDatabase) {
            let store = Store::connect(&database.url).await.expect("the database");
            store.migrate().await.expect("the schema");
            let now = Timestamp::UNIX_EPOCH + 24 * HOUR;
            let mut tx = store.begin().await.expect("a transaction");
            for claims in [claims("vieja", READ_AT_ONCE + 7, now - HOUR), claims("nueva", READ_AT_ONCE, now)] {
                for some in claims.chunks(200) {
                    let claimed = tx.claim_keys(&some.iter().collect::<Vec<_>>()).await.expect("claimed");
                    assert_eq!(claimed.len(), some.len());
                }
            }
            tx.commit().await.expect("written");
            // One that was taken over counts from then on.
            let taken = store.take_over_idempotency_key("tienda-0", "/prueba", "vieja-0", (now - HOUR).as_microsecond(), now);
            assert!(taken.await.expect("taken over"));

            assert_eq!(store.forget_idempotency_keys(now).await.expect("forgotten") as i64, READ_AT_ONCE + 6);
            assert_eq!(store.forget_idempotency_keys(now).await.expect("forgotten"), 0);
            let rest = store.forget_idempotency_keys(now + HOUR).await.expect("forgotten");
            assert_eq!(rest as i64, READ_AT_ONCE + 1);
            store.close().await;
        }
    }
}
