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
use crate::state::Hub;
use crate::store::{NoticeLine, StoreError};

/// Unverified notices kept per account and hour; what comes above it is answered and counted only.
const UNVERIFIED_KEPT_PER_HOUR: i64 = 200;

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
    let mut judged = judge(hub, account, protocol, &notice, now).await?;
    let reply = take(hub, account, protocol, &notice, &mut judged, peer, now).await?;
    metrics::counter!(
        "caudal_notice_received_total",
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
        unreadable()
    });
    let is_believed = reading.verdict.is_genuine() || fault!("skip_signature_check");
    let found = match &reading.subject {
        Some(subject) => hub.store.find_subject(&account.merchant, subject).await?,
        None => None,
    };
    let mut judged = Judged {
        verdict: if fault!("skip_signature_check") { Verdict::Valid } else { reading.verdict },
        reason: reading.reason,
        found: found.filter(|_| is_believed),
        facts: reading.observations.into_iter().flat_map(|observation| observation.facts).collect(),
        ask: reading.ask,
        repeat_key: reading.repeat_key,
    };
    if judged.verdict == Verdict::Valid {
        let is_ours = match (&judged.found, &reading.reference) {
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

fn unreadable() -> Reading {
    Reading {
        verdict: Verdict::Unreadable,
        reason: "the reader failed",
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
    if !judged.verdict.is_genuine() {
        let since = now - jiff::SignedDuration::from_hours(1);
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
    tx.insert_notice(merchant, &line, judged.repeat_key.as_deref(), Some(&sealed)).await?;
    // What marks a test is not signed: a real notice altered to look like one still makes us ask.
    if matches!(judged.verdict, Verdict::Valid | Verdict::Test)
        && let Some((payment, attempt)) = &judged.found
    {
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
            apply_in(hub, &mut tx, &known).await?;
        }
        if judged.ask {
            tx.bring_work_forward(merchant, attempt, now).await?;
        }
    }
    if fault!("answer_before_durable") {
        return Ok(reply);
    }
    crash_point!("notice.before_commit");
    tx.commit().await?;
    crash_point!("notice.after_commit");
    Ok(reply)
}
