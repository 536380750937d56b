//! New payments, with the keys of the requests that ask for them.
//!
//! PostgreSQL takes both in one statement; and where nothing else is to be written, all that belongs to the payments too:
//! a transaction of its own that is one way to the database and back.

use std::collections::BTreeSet;

use payment::id::PaymentId;

use super::changes::Changes;
use super::database::{Store, StoreError, Tx, parsed};
use super::idempotency::{CLAIM, Key, KeyClaim, claim_rows};
use super::joint::Joint;
use super::payments::{New, insert_payment};
use super::rows::Payment;
use super::sets::{Rows, Script};
use crate::fault::fault;

/// Writes the payments whose keys are free, for PostgreSQL: the last two columns name the key that a payment needs.
const INSERT: &str = concat!(
    insert_payment!(),
    " SELECT column1, column2, column3, column4, column5, column6, column7, \
     column8, column9, column10, column11, column12, column13, column14, column15, column16, column17, column18, column19, \
     column20, column21, column22, column23 FROM ({rows}) AS v WHERE column24 IS NULL OR EXISTS (SELECT 1 FROM claimed \
     WHERE claimed.merchant_id = v.column1 AND claimed.route = v.column24 AND claimed.key = v.column25) \
     ON CONFLICT DO NOTHING RETURNING id"
);
/// What came of both.
const TOLD: &str = "SELECT merchant_id, route, key FROM claimed UNION ALL SELECT id, NULL, NULL FROM created";

/// What belongs to payments is written for those alone that were: the payment is in a column of its rows.
fn of_created(table: &str) -> Option<&'static str> {
    match table {
        _ if fault!("write_what_belongs_to_nothing") => Some(""),
        "provider_call" => Some("column2 IN (SELECT id FROM created)"),
        "attempt" | "work" => Some("column3 IN (SELECT id FROM created)"),
        _ => None,
    }
}

/// A new payment, and the key that has to be free for it, when it is claimed in the same go.
#[derive(Clone, Copy, Debug)]
pub struct KeyedPayment<'a> {
    /// The payment.
    pub payment: &'a Payment,
    /// The key.
    pub key: Option<&'a Key>,
}

/// What came of claims and new payments.
#[derive(Debug, Default)]
pub struct Begun {
    /// The keys that were free, and are claimed now.
    pub claimed: BTreeSet<Key>,
    /// The payments that are written.
    pub created: BTreeSet<PaymentId>,
}

/// A key that was claimed, or the id of a payment that was written.
type Row = (String, Option<String>, Option<String>);

impl Store {
    /// Claims keys and writes new payments with what belongs to them, in a transaction of its own of one of the
    /// [`Store::writers`]. `changes` are the attempts, calls and work of these payments and nothing
    /// else. There is at least one claim and one payment, and no key is claimed twice.
    ///
    /// # Errors
    /// [`StoreError::SetsAlone`] for a database that does not do that ([`Store::writes_at_once`]): nothing was written.
    pub(crate) async fn create_at_once(
        &self,
        writer: usize,
        claims: &[&KeyClaim],
        payments: &[KeyedPayment<'_>],
        changes: &Changes,
    ) -> Result<Begun, StoreError> {
        let lane = self.lane_of(writer).ok_or(StoreError::SetsAlone)?;
        let mut script = Script::default();
        script.insert_attempts(&changes.attempts, &changes.memos, true);
        script.insert_calls(&changes.calls);
        script.schedule_work(&changes.scheduled);
        let mut joint = joint(claims, payments)?;
        joint.add_script(script, of_created)?;
        begun(joint.commit_on::<Row>(lane).await?)
    }
}

impl Tx {
    /// Claims keys, and writes the new payments whose keys it could claim and whose references are free. No key is claimed
    /// twice.
    pub(crate) async fn begin_payments(
        &mut self,
        claims: &[&KeyClaim],
        payments: &[KeyedPayment<'_>],
    ) -> Result<Begun, StoreError> {
        if !claims.is_empty()
            && !payments.is_empty()
            && let Self::Postgres(open) = self
        {
            return begun(joint(claims, payments)?.read::<Row>(open).await?);
        }
        let claimed = self.claim_keys(claims).await?;
        let is_free = |keyed: &&KeyedPayment<'_>| keyed.key.is_none_or(|key| claimed.contains(key));
        let payments: Vec<&Payment> = payments.iter().filter(is_free).map(|keyed| keyed.payment).collect();
        let created = self.insert_payments(&payments).await?.into_iter().collect();
        Ok(Begun { claimed, created })
    }
}

/// Claims, and the payments whose keys are free.
fn joint<'a>(claims: &[&'a KeyClaim], payments: &[KeyedPayment<'a>]) -> Result<Joint<'a>, StoreError> {
    let new = |keyed: &KeyedPayment<'a>| Ok((New::of(keyed.payment)?, keyed.key));
    let new = payments.iter().map(new).collect::<Result<Vec<_>, StoreError>>()?;
    let rows = Rows::of(new, |query, (new, key)| {
        new.bind(query).bind(key.map(|key| key.route.as_str())).bind(key.map(|key| key.key.as_str()))
    });
    let mut joint = Joint::telling(TOLD);
    joint.add("claimed", CLAIM, claim_rows(claims));
    joint.add("created", INSERT, rows);
    Ok(joint)
}

fn begun(rows: Vec<Row>) -> Result<Begun, StoreError> {
    let mut begun = Begun::default();
    for row in rows {
        if let (merchant_id, Some(route), Some(key)) = row {
            begun.claimed.insert(Key { merchant_id, route, key });
        } else {
            begun.created.insert(parsed(&row.0, "payment")?);
        }
    }
    Ok(begun)
}
