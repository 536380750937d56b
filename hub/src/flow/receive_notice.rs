//! Takes a notice: reads it in memory, has it written with its verdict and effects in one transaction, answers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use payment::account::Account;
use payment::fact::{Fact, FactKind};
use payment::id::{AttemptId, NoticeId, PaymentId};
use payment::notice::{ClaimedAttempt, Keys, NoticeReply, RawNotice, Reading, Verdict};
use payment::provider::Provider;
use payment::recurrence::Recurred;
use payment::task::Target;
use payment::{Subject, Timestamp};
use secrecy::SecretString;

use crate::fault::fault;
use crate::flow::apply_facts::{Known, Source, attempt_key_place, touch};
use crate::flow::recurring::{recurred_facts, reference_of};
use crate::metrics::NOTICE_RECEIVED;
use crate::notice_memory::Bounded;
use crate::state::Hub;
use crate::store::{
    Aggregate, AttemptKey, Changes, FoundAttempt, KeptNotice, NoticeLine, PaymentKey, StoreError, UnderWay,
};

/// Most kept notices of an account that are read from the record when its first one comes.
const RECORD_READ: u32 = 1000;

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
    let mut reading = if is_expected || fault!("take_notices_from_anywhere") {
        read(hub, account, protocol.as_ref(), &notice, now).await?
    } else {
        Reading::of(Verdict::Outside, "from an address that the account takes no notices from")
    };
    if fault!("skip_signature_check") {
        reading.verdict = Verdict::Valid;
    }
    let verdict = take(hub, account, protocol, reading, &notice, peer, now).await?;
    metrics::counter!(
        NOTICE_RECEIVED,
        "provider" => account.provider.clone(),
        "verdict" => verdict.word()
    )
    .increment(1);
    Ok(Some(protocol.reply_to(verdict)))
}

/// Reads a notice with the account's keys, and with the key of the attempt that it claims to be about where each has one.
async fn read(
    hub: &Hub,
    account: &Account,
    protocol: &dyn Provider,
    notice: &RawNotice,
    now: Timestamp,
) -> Result<Reading, StoreError> {
    let panicked = || {
        tracing::error!(account = account.id, "the notice reader panicked");
        Reading::of(Verdict::Unreadable, "the reader failed")
    };
    // A reader never panics; should it all the same, the notice is kept as unreadable and the hub goes on.
    let claimed = catch_unwind(AssertUnwindSafe(|| protocol.claimed_subject(notice, account)));
    let Ok(claimed) = claimed else { return Ok(panicked()) };
    let attempt = match claimed.filter(|_| !fault!("believe_borrowed_signatures")) {
        Some(subject) => claimed_attempt(hub, account, &subject).await?,
        None => None,
    };
    let keys = Keys { account, attempt: attempt.as_ref() };
    let read = catch_unwind(AssertUnwindSafe(|| protocol.read_notice(notice, keys, now)));
    Ok(read.unwrap_or_else(|_| panicked()))
}

/// The attempt that a subject is about, with its key where it has one.
async fn claimed_attempt(
    hub: &Hub,
    account: &Account,
    subject: &Subject,
) -> Result<Option<ClaimedAttempt>, StoreError> {
    let Some(keyed) = hub.store.claimed_attempt(&account.merchant, subject).await? else {
        return Ok(None);
    };
    let key = match &keyed.sealed_key {
        Some(sealed) => {
            let key = hub.vault.open_text(&attempt_key_place(&keyed.attempt_id), sealed);
            Some(SecretString::from(key.map_err(|_| StoreError::Corrupt("attempt key"))?))
        }
        None => None,
    };
    let target = Target {
        reference: keyed.reference,
        provider_reference: subject.provider_reference.clone(),
        total: keyed.total,
        movements: Vec::new(),
        awaited_instrument: None,
    };
    Ok(Some(ClaimedAttempt { key, target }))
}

/// Has the notice written with its effects; its verdict comes after that is durable. What changes nothing and is
/// above its account's bounds is not written.
async fn take(
    hub: &Hub,
    account: &Account,
    protocol: &Arc<dyn Provider>,
    reading: Reading,
    notice: &RawNotice,
    peer: IpAddr,
    now: Timestamp,
) -> Result<Verdict, StoreError> {
    learn_what_was_kept(hub, account, now).await?;
    let mut is_kept = None;
    if !reading.verdict.is_genuine() && !fault!("keep_every_notice") {
        let may_keep = hub.notice_memory.may_keep(&account.id, Bounded::Unverified, now);
        // A hint about something of ours makes us ask, however many come: that they are written is bounded alone.
        if !may_keep && !is_hint(&reading) {
            return Ok(reading.verdict);
        }
        is_kept = Some(may_keep);
    }
    let is_repeated = |key: &String| hub.notice_memory.was_taken(&account.id, key);
    if reading.verdict == Verdict::Valid
        && reading.repeat_key.as_ref().is_some_and(is_repeated)
        && !fault!("take_notices_twice")
    {
        if !hub.notice_memory.may_keep(&account.id, Bounded::Idle, now) {
            return Ok(Verdict::Repeated);
        }
        is_kept = Some(true);
    }
    let verdict = reading.verdict;
    let id = NoticeId::new(now, hub.entropy());
    let sealed_body = hub.vault.seal(&format!("notice/body/{id}"), &notice.body);
    let arrival = Arrival {
        merchant_id: account.merchant.clone(),
        account_id: account.id.clone(),
        id,
        reading,
        is_kept,
        peer,
        body_bytes: i64::try_from(notice.body.len()).unwrap_or(i64::MAX),
        sealed_body: sealed_body.map_err(|_| StoreError::Corrupt("notice"))?,
        received_at: now,
        protocol: Arc::clone(protocol),
    };
    if fault!("answer_before_durable") {
        return Ok(verdict);
    }
    hub.writer.submit(arrival).await
}

/// The bounds hold over restarts: what was kept before this process began counts.
async fn learn_what_was_kept(hub: &Hub, account: &Account, now: Timestamp) -> Result<(), StoreError> {
    let Some(since) = hub.notice_memory.unknown_since(&account.id, now) else { return Ok(()) };
    let record = hub.store.kept_notices_since(&account.merchant, &account.id, since, RECORD_READ).await?;
    let bounded = |word: &str| {
        let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.word() == word)?;
        Bounded::of(verdict)
    };
    let record = record.into_iter().filter_map(|(at, word)| Some((at, bounded(&word)?)));
    hub.notice_memory.learn(&account.id, record);
    Ok(())
}

/// A notice that was read and waits to be judged by what is known here, and written.
pub struct Arrival {
    /// Whose account it came to.
    pub merchant_id: String,
    /// The account.
    pub account_id: String,
    /// Its id.
    pub id: NoticeId,
    reading: Reading,
    /// Whether it is kept, when that was decided before it was judged.
    is_kept: Option<bool>,
    peer: IpAddr,
    body_bytes: i64,
    sealed_body: Vec<u8>,
    received_at: Timestamp,
    protocol: Arc<dyn Provider>,
}

impl Arrival {
    fn is_believed(&self) -> bool {
        self.reading.verdict.is_genuine() || is_hint(&self.reading) || fault!("skip_signature_check")
    }

    /// What it says it is about, if it is believed.
    pub(super) fn believed_subject(&self) -> Option<&Subject> {
        self.reading.subject.as_ref().filter(|_| self.is_believed())
    }

    /// Which reference of ours it names, if it is believed.
    pub(super) fn believed_reference(&self) -> Option<&str> {
        self.reading.reference.as_deref().filter(|_| self.is_believed())
    }

    /// What it tells of a charge that the provider has repeated by itself, if it is believed.
    pub(super) fn recurred(&self) -> Option<&Recurred> {
        let facts = self.reading.observations.iter().flat_map(|observation| &observation.facts);
        let mut recurred = facts.filter_map(|fact| match &fact.kind {
            FactKind::Recurred(recurred) => Some(recurred),
            _ => None,
        });
        recurred.next().filter(|_| self.is_believed())
    }

    /// Our reference of the attempt whose provider repeats the charge by itself, if it tells of such a charge.
    pub(super) fn recurring_reference(&self) -> Option<&str> {
        self.recurred().and_then(|_| self.believed_reference())
    }

    /// Our reference of the attempt to whose operation it hands something over, if it is believed.
    pub(super) fn handed_to(&self) -> Option<&str> {
        self.reading
            .handover
            .as_ref()
            .filter(|_| self.is_believed())
            .map(|handover| handover.reference.as_str())
    }

    /// The verdict, with what was found that it is about.
    pub(super) fn judge(&self, found: Option<&Found>) -> Judged {
        let mut judged = Judged {
            verdict: self.reading.verdict,
            reason: self.reading.reason,
            found: found.cloned(),
            is_kept: true,
        };
        let is_ours = match (&judged.found, &self.reading.reference) {
            // The payment of a repeated charge is known by the reference that began the recurrence, and by the charge's own.
            (Some(Found::Known(attempt)), Some(reference)) if self.recurred().is_some() => {
                let own = self.recurred().map(|recurred| reference_of(reference, recurred));
                own.is_some_and(|own| attempt.reference == own)
            }
            (Some(Found::Known(attempt) | Found::BeingOpened(attempt)), Some(reference)) => {
                attempt.reference == *reference || fault!("believe_any_reference")
            }
            (Some(_), _) => true,
            (None, _) => false,
        };
        if (judged.verdict == Verdict::Valid || is_hint(&self.reading)) && !is_ours {
            judged.verdict = Verdict::UnknownReference;
            judged.reason = if judged.found.is_some() {
                "the reference is not that of the attempt"
            } else {
                "about something that this account does not know"
            };
        }
        judged
    }

    /// The key by which it is the same notice again (merchant, account, key, notice), when it is to be taken.
    pub(super) fn key_to_take<'a>(&'a self, judged: &Judged) -> Option<(&'a str, &'a str, &'a str, &'a str)> {
        let key = self.reading.repeat_key.as_deref().filter(|_| judged.verdict == Verdict::Valid)?;
        Some((&self.merchant_id, &self.account_id, key, self.id.as_str()))
    }

    /// Decides whether it is kept. Whoever recorded a genuine notice can send it again and again.
    pub(super) fn decide_to_keep(&self, hub: &Hub, judged: &mut Judged) {
        judged.is_kept = self.is_kept.unwrap_or_else(|| match Bounded::of(judged.verdict) {
            Some(Bounded::Idle) => {
                hub.notice_memory.may_keep(&self.account_id, Bounded::Idle, self.received_at)
            }
            Some(Bounded::Unverified) | None => true,
        });
    }

    /// The payment that it changes, when it has facts to tell, or whether our own answer is here has to be known.
    pub(super) fn locks(&self, judged: &Judged) -> Option<PaymentKey> {
        let found = judged.effective()?;
        let has_facts = self.reading.observations.iter().any(|observation| !observation.facts.is_empty());
        let tells = judged.verdict == Verdict::Valid && has_facts;
        let is_early = matches!(found, Found::BeingOpened(_));
        (tells || is_early).then(|| (self.merchant_id.clone(), found.payment_id().clone()))
    }

    /// The facts that it may tell.
    pub(super) fn told(
        &self,
        judged: &Judged,
        aggregates: &BTreeMap<PaymentKey, Aggregate>,
    ) -> Option<Known> {
        let found = judged.effective().filter(|_| judged.verdict == Verdict::Valid)?;
        let facts = self.facts();
        if facts.is_empty() {
            return None;
        }
        let (payment, attempt) = (found.payment_id().clone(), found.attempt_id().clone());
        let aggregate = aggregates.get(&(self.merchant_id.clone(), payment.clone()));
        let facts = recurred_facts(facts, aggregate?.payment.order.total);
        let about = Known::about(self.merchant_id.clone(), payment, attempt, Source::Notice);
        Some(Known { facts, tokens: self.reading.tokens.clone(), ..about })
    }

    /// What it causes beside its facts: that it is kept, that the provider is asked, what is handed over.
    pub(super) fn take_effect(
        &self,
        judged: &Judged,
        aggregates: &mut BTreeMap<PaymentKey, Aggregate>,
        changes: &mut Changes,
        now: Timestamp,
    ) {
        if judged.is_kept {
            changes.notices.push(self.kept(judged));
        }
        let Some(found) = judged.effective() else { return };
        if let (Found::UnderWay(operation), Some(handover)) = (found, &self.reading.handover) {
            changes.handed_over.push((
                self.merchant_id.clone(),
                self.account_id.clone(),
                operation.reference.clone(),
                handover.value.clone(),
            ));
        }
        if self.reading.ask {
            self.ask(found, aggregates, changes, now);
        }
    }

    fn ask(
        &self,
        found: &Found,
        aggregates: &mut BTreeMap<PaymentKey, Aggregate>,
        changes: &mut Changes,
        now: Timestamp,
    ) {
        let attempt: AttemptKey = (self.merchant_id.clone(), found.attempt_id().clone());
        let payment = (self.merchant_id.clone(), found.payment_id().clone());
        // Under the payment's lock our own answer either is here by now or sees the mark when it comes.
        if matches!(found, Found::BeingOpened(_))
            && let Some(aggregate) = aggregates.get_mut(&payment)
        {
            let is_open = aggregate
                .attempts
                .iter()
                .any(|known| known.id == *found.attempt_id() && known.provider_reference.is_some());
            if !is_open {
                aggregate.noticed.insert(found.attempt_id().clone());
                changes.noticed.insert(attempt);
                touch(&mut aggregate.payment, changes, now);
                return;
            }
        }
        changes.brought_forward.insert(attempt, now);
    }

    /// Remembers, now that it is durable, that it was taken.
    pub(super) fn remember(&self, hub: &Hub, verdict: Option<Verdict>) {
        if let (Some(Verdict::Valid | Verdict::Repeated), Some(key)) = (verdict, &self.reading.repeat_key) {
            hub.notice_memory.remember_taken(&self.account_id, key);
        }
    }

    fn facts(&self) -> Vec<Fact> {
        self.reading.observations.iter().flat_map(|observation| observation.facts.clone()).collect()
    }

    fn kept(&self, judged: &Judged) -> KeptNotice {
        let line = NoticeLine {
            id: self.id.clone(),
            account_id: self.account_id.clone(),
            payment_id: judged.found.as_ref().map(|found| found.payment_id().clone()),
            verdict: judged.verdict.word().to_owned(),
            reason: judged.reason.to_owned(),
            peer: self.peer.to_string(),
            body_bytes: self.body_bytes,
            reply_status: self.protocol.reply_to(judged.verdict).status.into(),
            received_at: self.received_at,
        };
        KeptNotice {
            merchant_id: self.merchant_id.clone(),
            line,
            repeat_key: self.reading.repeat_key.clone(),
            sealed_body: self.sealed_body.clone(),
        }
    }
}

/// What a notice is about, as it was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// An attempt that the provider is known to have.
    Known(FoundAttempt),
    /// An attempt that is still being opened: the notice overtook our own answer.
    BeingOpened(FoundAttempt),
    /// An operation whose call is under way.
    UnderWay(UnderWay),
    /// The attempt whose provider repeats the charge by itself, of which this is a later one that nobody told of before.
    Recurs(FoundAttempt),
}

impl Found {
    const fn payment_id(&self) -> &PaymentId {
        match self {
            Self::Known(attempt) | Self::BeingOpened(attempt) | Self::Recurs(attempt) => &attempt.payment_id,
            Self::UnderWay(operation) => &operation.payment_id,
        }
    }

    const fn attempt_id(&self) -> &AttemptId {
        match self {
            Self::Known(attempt) | Self::BeingOpened(attempt) | Self::Recurs(attempt) => &attempt.attempt_id,
            Self::UnderWay(operation) => &operation.attempt_id,
        }
    }
}

/// The verdict on a notice, with what it is about.
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: &'static str,
    /// What it is about.
    pub found: Option<Found>,
    /// Whether it is kept.
    pub is_kept: bool,
}

impl Judged {
    /// What it is about, when it has any effect.
    fn effective(&self) -> Option<&Found> {
        self.found.as_ref().filter(|_| has_effect(self.verdict))
    }

    /// The attempt that began the recurrence of which it tells a charge that nobody told of before.
    pub(super) fn recurs(&self) -> Option<&FoundAttempt> {
        match self.effective().filter(|_| self.verdict == Verdict::Valid)? {
            Found::Recurs(attempt) => Some(attempt),
            Found::Known(_) | Found::BeingOpened(_) | Found::UnderWay(_) => None,
        }
    }

    /// It turned out to repeat another one.
    pub(super) const fn repeats(&mut self) {
        self.verdict = Verdict::Repeated;
        self.reason = "the same notice was taken before";
    }
}

/// A notice without a signature that its client takes for a reason to ask, or for a piece of our own call that the provider
/// judges itself: its facts, if it has any, are not believed.
const fn is_hint(reading: &Reading) -> bool {
    matches!(reading.verdict, Verdict::Unsigned) && (reading.ask || reading.handover.is_some())
}

/// What marks a test is not signed: a real notice altered to look like one still makes us ask. What is never signed makes us
/// ask where its client says so.
const fn has_effect(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Valid | Verdict::Test | Verdict::Unsigned => true,
        Verdict::Repeated
        | Verdict::Forged
        | Verdict::Unverifiable
        | Verdict::Unreadable
        | Verdict::UnknownReference
        | Verdict::Outside => false,
    }
}
