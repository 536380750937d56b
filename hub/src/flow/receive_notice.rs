//! Takes a notice: verifies it in memory, writes it with its verdict and effects in one transaction, answers.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use payment::Timestamp;
use payment::account::Account;
use payment::fact::Fact;
use payment::id::{AttemptId, NoticeId, PaymentId};
use payment::notice::{NoticeReply, RawNotice, Reading, Verdict};
use payment::provider::Provider;

use crate::crash::crash_point;
use crate::fault::fault;
use crate::flow::apply_facts::{Known, Source, apply_in};
use crate::metrics::NOTICE_RECEIVED;
use crate::state::Hub;
use crate::store::{Attempt, NoticeLine, StoreError, Tx};

/// Unverified notices kept per account and hour; what comes above it is answered and counted only.
pub const UNVERIFIED_KEPT_PER_HOUR: i64 = 200;
/// The same for genuine ones that change nothing: repeated, tests, about what we do not know.
pub const IDLE_KEPT_PER_HOUR: i64 = 200;

/// Takes a notice that came to an account's address. None: there is no such address.
pub async fn receive_notice(
    hub: &Arc<Hub>,
    provider: &str,
    account: &str,
    notice: RawNotice,
    peer: IpAddr,
) -> Result<Option<NoticeReply>, StoreError> {
    let Some((account, protocol)) = hub.account(account).filter(|(account, _)| account.provider == provider)
    else {
        return Ok(None);
    };
    let _busy = hub.busy();
    let now = hub.clock.now();
    let is_expected = hub.limits.gate(&account.id).limits().takes_notices_from(peer);
    let mut judged = if is_expected || fault!("take_notices_from_anywhere") {
        judge(hub, account, protocol, &notice, now).await?
    } else {
        Judged::from(not_read(Verdict::Outside, "from an address that the account takes no notices from"))
    };
    let reply = take(hub, account, protocol, &notice, &mut judged, peer, now).await?;
    metrics::counter!(
        NOTICE_RECEIVED,
        "provider" => account.provider.clone(),
        "verdict" => judged.verdict.word()
    )
    .increment(1);
    if matches!(judged.verdict, Verdict::Valid | Verdict::Test) {
        hub.wake.notify_waiters();
    }
    Ok(Some(reply))
}

/// A reading, completed by what the store knows.
struct Judged {
    verdict: Verdict,
    reason: &'static str,
    found: Option<(PaymentId, AttemptId)>,
    /// The attempt that was found is still being opened: the notice overtook our own answer.
    is_early: bool,
    facts: Vec<Fact>,
    ask: bool,
    repeat_key: Option<String>,
}

async fn judge(
    hub: &Hub,
    account: &Account,
    protocol: &Arc<dyn Provider>,
    notice: &RawNotice,
    now: Timestamp,
) -> Result<Judged, StoreError> {
    // A reader never panics; should it all the same, the notice is kept as unreadable and the hub goes on.
    let read = catch_unwind(AssertUnwindSafe(|| protocol.read_notice(notice, account, now)));
    let reading = read.unwrap_or_else(|_| {
        tracing::error!(account = account.id, "the notice reader panicked");
        not_read(Verdict::Unreadable, "the reader failed")
    });
    let is_believed = reading.verdict.is_genuine() || fault!("skip_signature_check");
    let found = match &reading.subject {
        Some(subject) => hub.store.find_subject(&account.merchant, subject).await?,
        None => None,
    };
    let found = found.filter(|_| is_believed);
    let early = match (&found, &reading.reference) {
        (None, Some(reference)) if is_believed => {
            hub.store.attempt_being_opened(&account.merchant, &account.id, reference).await?
        }
        (Some(_) | None, _) => None,
    };
    let reference = reading.reference.clone();
    let mut judged = Judged::from(reading);
    if fault!("skip_signature_check") {
        judged.verdict = Verdict::Valid;
    }
    judged.is_early = early.is_some();
    judged.found = found.or(early);
    if judged.verdict == Verdict::Valid {
        let is_ours = match (&judged.found, &reference) {
            (Some((_, attempt)), Some(reference)) => {
                let attempt = hub.store.attempt(&account.merchant, attempt).await?;
                let is_same = attempt.is_some_and(|attempt| attempt.reference == *reference);
                is_same || fault!("believe_any_reference")
            }
            (Some(_), None) => true,
            (None, _) => false,
        };
        if !is_ours {
            judged.verdict = Verdict::UnknownReference;
            judged.reason = if judged.found.is_some() {
                "the reference is not that of the attempt"
            } else {
                "about something that this account does not know"
            };
        }
    }
    Ok(judged)
}

impl From<Reading> for Judged {
    fn from(reading: Reading) -> Self {
        Self {
            verdict: reading.verdict,
            reason: reading.reason,
            found: None,
            is_early: false,
            facts: reading.observations.into_iter().flat_map(|observation| observation.facts).collect(),
            ask: reading.ask,
            repeat_key: reading.repeat_key,
        }
    }
}

/// What nothing is known of.
fn not_read(verdict: Verdict, reason: &'static str) -> Reading {
    Reading {
        verdict,
        reason,
        subject: None,
        reference: None,
        observations: Vec::new(),
        ask: false,
        repeat_key: None,
    }
}

/// Writes the notice and its effects; answers only after that is durable.
async fn take(
    hub: &Hub,
    account: &Account,
    protocol: &Arc<dyn Provider>,
    notice: &RawNotice,
    judged: &mut Judged,
    peer: IpAddr,
    now: Timestamp,
) -> Result<NoticeReply, StoreError> {
    let merchant = account.merchant.as_str();
    let since = now - jiff::SignedDuration::from_hours(1);
    if !judged.verdict.is_genuine() && !fault!("keep_every_notice") {
        let kept = hub.store.unverified_since(merchant, &account.id, since, UNVERIFIED_KEPT_PER_HOUR).await?;
        if kept >= UNVERIFIED_KEPT_PER_HOUR {
            return Ok(protocol.reply_to(judged.verdict));
        }
    }
    let id = NoticeId::new(now, hub.entropy());
    let sealed = hub.vault.seal(&format!("notice/body/{id}"), &notice.body);
    let sealed = sealed.map_err(|_| StoreError::Corrupt("notice"))?;
    let mut tx = hub.store.begin().await?;
    if judged.verdict == Verdict::Valid
        && let Some(key) = &judged.repeat_key
        && !tx.take_notice(merchant, &account.id, key, id.as_str()).await?
        && !fault!("take_notices_twice")
    {
        judged.verdict = Verdict::Repeated;
        judged.reason = "the same notice was taken before";
    }
    let reply = protocol.reply_to(judged.verdict);
    // Whoever recorded a genuine notice can send it again and again.
    let is_kept = match judged.verdict {
        Verdict::Valid => true,
        Verdict::Forged | Verdict::Unsigned | Verdict::Unreadable | Verdict::Outside => true,
        Verdict::Test | Verdict::Repeated | Verdict::UnknownReference => {
            let kept = tx.idle_notices_since(merchant, &account.id, since, IDLE_KEPT_PER_HOUR).await?;
            kept < IDLE_KEPT_PER_HOUR
        }
    };
    let line = NoticeLine {
        id,
        account_id: account.id.clone(),
        payment_id: judged.found.as_ref().map(|(payment, _)| payment.clone()),
        verdict: judged.verdict.word().to_owned(),
        reason: judged.reason.to_owned(),
        peer: peer.to_string(),
        body_bytes: i64::try_from(notice.body.len()).unwrap_or(i64::MAX),
        reply_status: i64::from(reply.status),
        received_at: now,
    };
    if is_kept {
        tx.insert_notice(merchant, &line, judged.repeat_key.as_deref(), Some(&sealed)).await?;
    }
    take_effect(hub, &mut tx, merchant, judged, now).await?;
    if fault!("answer_before_durable") {
        return Ok(reply);
    }
    crash_point!("notice.before_commit");
    tx.commit().await?;
    crash_point!("notice.after_commit");
    Ok(reply)
}

/// What a notice causes: facts that it may tell, and that the provider is asked.
async fn take_effect(
    hub: &Hub,
    tx: &mut Tx,
    merchant: &str,
    judged: &mut Judged,
    now: Timestamp,
) -> Result<(), StoreError> {
    // What marks a test is not signed: a real notice altered to look like one still makes us ask.
    let (Verdict::Valid | Verdict::Test, Some((payment, attempt))) = (judged.verdict, judged.found.clone())
    else {
        return Ok(());
    };
    if judged.verdict == Verdict::Valid && !judged.facts.is_empty() {
        let known = Known {
            merchant_id: merchant.to_owned(),
            payment_id: payment.clone(),
            attempt_id: attempt.clone(),
            source: Source::Notice,
            facts: std::mem::take(&mut judged.facts),
            failure: None,
            calls: Vec::new(),
        };
        apply_in(hub, tx, &known).await?;
    }
    if !judged.ask {
        return Ok(());
    }
    if judged.is_early {
        // Under the payment's lock the answer either is here by now or sees the mark when it comes.
        tx.lock_payment(merchant, &payment).await?;
        let attempts = tx.attempts(merchant, &payment).await?;
        let is_open = |found: &Attempt| found.id == attempt && found.provider_reference.is_some();
        if !attempts.iter().any(is_open) {
            return tx.mark_noticed(merchant, &attempt).await;
        }
    }
    tx.bring_work_forward(merchant, &attempt, now).await
}
