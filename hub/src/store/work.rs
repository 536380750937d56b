//! Due work: find out what became of an attempt.

use std::collections::BTreeSet;

use payment::Timestamp;

use super::database::{Link, Store, StoreError, fence, instant, on, parsed, to_json};
use super::rows::{AttemptKey, NewWork, Work};
use super::sets::{Rows, Script};
use crate::crash::crash_point;
use crate::fault::fault;

const SCHEDULE: &str = "INSERT INTO work (merchant_id, attempt_id, payment_id, account_id, is_repeat, due_at, \
     claimed_until, claim, tries, cause) {rows} \
     ON CONFLICT (merchant_id, attempt_id) DO UPDATE SET due_at = excluded.due_at";
const BRING_FORWARD: &str = "UPDATE work SET due_at = v.column3, claimed_until = 0, claim = claim + 1, \
     cause = 'notice', tries = 0, is_repeat = 0 FROM ({rows}) AS v \
     WHERE work.merchant_id = v.column1 AND work.attempt_id = v.column2";
const MARK_NOTICED: &str = "UPDATE work SET cause = 'notice' FROM ({rows}) AS v \
     WHERE work.merchant_id = v.column1 AND work.attempt_id = v.column2";
const DONE: &str = "DELETE FROM work WHERE (merchant_id, attempt_id) IN ({rows})";
// Each account has two lines, of what was never looked up or is asked for by a notice, and of the rest. Only the
// first few of a line are ever under way: those that are keep their place until they are done. Then the accounts
// take turns. PostgreSQL knows neither how many accounts nor how many rows come of them: the inner locks make it look up
// each row by its key, and never read the whole table.
pub(super) const CLAIM_SQLITE: &str = "UPDATE work SET claimed_until = $3, claim = claim + 1, tries = tries + 1 \
     WHERE (merchant_id, attempt_id) IN (SELECT merchant_id, attempt_id FROM (SELECT w.merchant_id, w.attempt_id, \
     w.due_at, w.claimed_until, ROW_NUMBER() OVER \
     (PARTITION BY w.merchant_id, w.account_id ORDER BY w.is_repeat, w.due_at, w.attempt_id) AS turn \
     FROM json_each($6) a CROSS JOIN (SELECT 0 AS is_repeat UNION ALL SELECT 1) lane CROSS JOIN work w \
     ON (w.merchant_id, w.attempt_id) IN (SELECT line.merchant_id, line.attempt_id FROM work line WHERE line.merchant_id = a.value ->> 0 \
     AND line.account_id = a.value ->> 1 AND line.is_repeat = lane.is_repeat AND line.due_at <= $1 \
     ORDER BY line.due_at, line.attempt_id LIMIT $5)) \
     WHERE claimed_until <= $2 ORDER BY turn, due_at LIMIT $4) \
     RETURNING merchant_id, payment_id, attempt_id, tries, claim, cause";
pub(super) const CLAIM_POSTGRES: &str = "UPDATE work SET claimed_until = $3, claim = claim + 1, tries = tries + 1 \
     WHERE (merchant_id, attempt_id) IN (SELECT w.merchant_id, w.attempt_id FROM (SELECT head.*, ROW_NUMBER() OVER \
     (PARTITION BY head.merchant_id, head.account_id ORDER BY head.is_repeat, head.due_at, head.attempt_id) AS turn \
     FROM jsonb_array_elements($6::jsonb) AS a(value) CROSS JOIN (VALUES (0), (1)) AS lane(is_repeat) \
     CROSS JOIN LATERAL (SELECT line.merchant_id, line.account_id, line.is_repeat, line.due_at, line.attempt_id \
     FROM work line WHERE line.merchant_id = a.value ->> 0 AND line.account_id = a.value ->> 1 \
     AND line.is_repeat = lane.is_repeat AND line.due_at <= $1 \
     ORDER BY line.due_at, line.attempt_id LIMIT $5) head) ranked \
     CROSS JOIN LATERAL (SELECT merchant_id, attempt_id, due_at FROM work \
     WHERE merchant_id = ranked.merchant_id AND attempt_id = ranked.attempt_id \
     AND due_at <= $1 AND claimed_until <= $2 FOR UPDATE SKIP LOCKED) w ORDER BY ranked.turn, w.due_at LIMIT $4) \
     RETURNING merchant_id, payment_id, attempt_id, tries, claim, cause";
const RELEASE: &str = "UPDATE work SET due_at = $4, claimed_until = 0, cause = 'probe', is_repeat = 1 \
     WHERE merchant_id = $1 AND attempt_id = $2 AND claim <= $3";
const DONE_BY_CLAIM: &str = "DELETE FROM work WHERE merchant_id = $1 AND attempt_id = $2 AND claim <= $3";
pub(super) const NEXT_SQLITE: &str = "SELECT MIN((SELECT MIN(due_at) FROM work WHERE merchant_id = a.value ->> 0 \
     AND account_id = a.value ->> 1 AND is_repeat = lane.is_repeat)) \
     FROM json_each($1) a CROSS JOIN (SELECT 0 AS is_repeat UNION ALL SELECT 1) lane";
pub(super) const NEXT_POSTGRES: &str = "SELECT MIN((SELECT MIN(due_at) FROM work WHERE merchant_id = a.value ->> 0 \
     AND account_id = a.value ->> 1 AND is_repeat = lane.is_repeat)) \
     FROM jsonb_array_elements($1::jsonb) AS a(value) CROSS JOIN (VALUES (0), (1)) AS lane(is_repeat)";

/// A provider account as work knows it: its merchant and its id.
pub type WorkAccount<'a> = (&'a str, &'a str);

impl Store {
    /// Claims work of these accounts that is due, under a lease in real time. The accounts take turns, in each the
    /// new work is before what was looked up before, and of both at most `at_once` are under way.
    pub async fn claim_work(
        &self,
        now: Timestamp,
        real_now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
        at_once: u32,
        accounts: &[WorkAccount<'_>],
    ) -> Result<Vec<Work>, StoreError> {
        let accounts = to_json(&accounts, "account")?;
        let at_once = if fault!("let_one_account_take_all") { u32::MAX } else { at_once };
        let mut tx = self.begin().await?;
        let (now, real, until) =
            (now.as_microsecond(), real_now.as_microsecond(), lease_until.as_microsecond());
        type Row = (String, String, String, i64, i64, String);
        let rows: Vec<Row> = match tx.link()? {
            Link::Sqlite(connection) => {
                sqlx::query_as(CLAIM_SQLITE)
                    .bind(now)
                    .bind(real)
                    .bind(until)
                    .bind(i64::from(limit))
                    .bind(i64::from(at_once))
                    .bind(&accounts)
                    .fetch_all(connection)
                    .await?
            }
            Link::Postgres(connection) => {
                sqlx::query_as(CLAIM_POSTGRES)
                    .bind(now)
                    .bind(real)
                    .bind(until)
                    .bind(i64::from(limit))
                    .bind(i64::from(at_once))
                    .bind(&accounts)
                    .fetch_all(connection)
                    .await?
            }
        };
        if !rows.is_empty() {
            crash_point!("probe.before_claim");
        }
        tx.commit().await?;
        if !rows.is_empty() {
            crash_point!("probe.after_claim");
        }
        let work = |(merchant_id, payment_id, attempt_id, tries, claim, cause): Row| {
            Ok(Work {
                merchant_id,
                payment_id: parsed(&payment_id, "work")?,
                attempt_id: parsed(&attempt_id, "work")?,
                tries,
                claim,
                is_asked_by_notice: cause == "notice",
            })
        };
        rows.into_iter().map(work).collect()
    }

    /// Gives claimed work back, due again later. A claim that was taken over changes nothing.
    pub async fn release_work(&self, work: &Work, due_at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link()?, connection => {
            sqlx::query(RELEASE)
                .bind(&work.merchant_id)
                .bind(work.attempt_id.as_str())
                .bind(fence(work.claim))
                .bind(due_at.as_microsecond())
                .execute(connection)
                .await?;
        });
        tx.commit().await
    }

    /// Ends claimed work that has nothing more to find out.
    pub async fn end_work(&self, work: &Work) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        on!(tx.link()?, connection => {
            sqlx::query(DONE_BY_CLAIM)
                .bind(&work.merchant_id)
                .bind(work.attempt_id.as_str())
                .bind(fence(work.claim))
                .execute(connection)
                .await?;
        });
        tx.commit().await
    }

    /// When the next work of these accounts is due.
    pub async fn next_work_at(&self, accounts: &[WorkAccount<'_>]) -> Result<Option<Timestamp>, StoreError> {
        let accounts = to_json(&accounts, "account")?;
        let mut reader = self.read().await?;
        let next: Option<i64> = match reader.link() {
            Link::Sqlite(connection) => {
                sqlx::query_scalar(NEXT_SQLITE).bind(&accounts).fetch_one(connection).await?
            }
            Link::Postgres(connection) => {
                sqlx::query_scalar(NEXT_POSTGRES).bind(&accounts).fetch_one(connection).await?
            }
        };
        next.map(instant).transpose()
    }
}

impl<'a> Script<'a> {
    /// Writes that attempts are to be resolved, from an instant on.
    pub(super) fn schedule_work(
        &mut self,
        scheduled: impl IntoIterator<Item = (&'a AttemptKey, &'a NewWork)>,
    ) {
        let rows = Rows::of(scheduled, |query, (key, work)| {
            query
                .bind(&key.0)
                .bind(key.1.as_str())
                .bind(work.payment_id.as_str())
                .bind(&work.account_id)
                .bind(0_i64)
                .bind(work.due_at.as_microsecond())
                .bind(0_i64)
                .bind(0_i64)
                .bind(0_i64)
                .bind("probe")
        });
        self.add(SCHEDULE, rows);
    }

    /// Remembers that notices came while attempts were being opened.
    pub(super) fn mark_noticed(&mut self, attempts: impl IntoIterator<Item = &'a AttemptKey>) {
        let rows = Rows::of(attempts, |query, key| query.bind(&key.0).bind(key.1.as_str()));
        self.add(MARK_NOTICED, rows);
    }

    /// Makes the work of attempts due, taking it from whoever claims it. Nothing where it is settled.
    pub(super) fn bring_work_forward(
        &mut self,
        due: impl IntoIterator<Item = (&'a AttemptKey, &'a Timestamp)>,
    ) {
        let rows = Rows::of(due, |query, (key, due_at)| {
            query.bind(&key.0).bind(key.1.as_str()).bind(due_at.as_microsecond())
        });
        self.add(BRING_FORWARD, rows);
    }

    /// Attempts are settled: nothing else is written of their work.
    pub(super) fn end_work_of(&mut self, attempts: &'a BTreeSet<AttemptKey>) {
        let rows = Rows::of(attempts, |query, key| query.bind(&key.0).bind(key.1.as_str()));
        self.add_apart(DONE, rows);
    }
}
