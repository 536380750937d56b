//! Takes an order: checks it, writes the payment, opens an attempt at the provider.

use std::collections::BTreeSet;
use std::sync::Arc;

use payment::account::Account;
use payment::fact::{FactKind, Reason, Telling};
use payment::id::{AttemptId, PaymentId};
use payment::instrument::StoredInstrument;
use payment::order::Complaint;
use payment::provider::Provider;
use payment::step::{AfterLost, Refusal, Step};
use payment::summary::Certainty;
use payment::task::Authorization;
use payment::{Fact, Money, Order, Status, Task, Timestamp};

use crate::crash::crash_point;
use crate::fault::fault;
use crate::flow::apply_facts::{Known, LoggedCall, Source, apply_facts};
use crate::flow::count_charges::NotCharged;
use crate::flow::drive_task::{Driven, End, Intent, Job, Prepared, after_lost_word, deadline, drive_task};
use crate::flow::idempotency::Keyed;
use crate::flow::keep_instruments::token_place;
use crate::flow::opened::Opened;
use crate::flow::query_policy::{OPENING_LEASE_S, first_watch, seconds};
use crate::limits::Held;
use crate::settings::Merchant;
use crate::state::Hub;
use crate::store::{
    Attempt, Changes, Failure, IdempotencyRecord, InstrumentState, KeyClaim, NewWork, Payment, PaymentDetail,
    StoreError,
};

/// How often an attempt is begun anew when its creation was lost and is inert.
const FRESH_STARTS: usize = 1;

/// What a merchant asks for.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// The order.
    pub order: Order,
    /// The provider account to use; absent, the merchant's first one that takes the currency.
    pub account_id: Option<String>,
    /// The key under which the merchant asks.
    pub idempotency_key: String,
}

/// Why there is no payment that can be paid.
#[derive(Debug)]
pub enum CreateError {
    /// The order is not sound. Nothing was written.
    Complaints(Vec<Complaint>),
    /// No account of this merchant fits. Nothing was written.
    NoAccount,
    /// The merchant's reference was used for this payment. Nothing was written.
    ReferenceUsed(PaymentId),
    /// The provider refused; the payment is `failed`.
    Refused {
        /// The payment.
        payment: Box<Payment>,
        /// The refusal.
        refusal: Refusal,
    },
    /// The account's calls have to wait. Nothing was written.
    Held {
        /// The provider.
        provider: String,
        /// Why, and until when.
        held: Held,
    },
    /// The provider could not be reached; nothing payable exists there, the payment is `failed`.
    Unreachable {
        /// The payment.
        payment: Box<Payment>,
    },
    /// The key of the request was claimed before. Nothing was written.
    KeyTaken(IdempotencyRecord),
    /// The account's calls have to wait, and whoever repeats a request is not to wait with them, or the order may be refused
    /// under the lock of the instrument that it charges: the key is to be claimed first. Nothing was written.
    NotAtOnce,
    /// So many charges of the instrument are under way that the next one might be one denial too many. Nothing was written.
    InstrumentUnderWay,
    /// The database took nothing of it: no payment and no claim.
    Unwritten(StoreError),
    /// The database failed.
    Store(StoreError),
}

/// A payment that was created.
pub struct Made {
    /// As it stands.
    pub payment: Payment,
    /// The answer, when it was kept under the key of the request already.
    pub kept: Kept,
}

/// An answer that was kept: HTTP status and body.
pub type Kept = Option<(u16, String)>;

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Takes an order. Nothing of it is lost when the caller goes on alone: the caller does not hang up on it.
pub async fn create_payment(
    hub: &Hub,
    merchant: &Merchant,
    wanted: NewPayment,
) -> Result<Payment, CreateError> {
    Ok(Box::pin(create(hub, merchant, &wanted, None)).await?.payment)
}

/// Takes an order, claims the key of its request together with what is written first, and keeps the answer together
/// with what is written last.
pub async fn create_keyed_payment(
    hub: &Hub,
    merchant: &Merchant,
    wanted: &NewPayment,
    keyed: Keyed,
) -> Result<Made, CreateError> {
    Box::pin(create(hub, merchant, wanted, Some(keyed))).await
}

async fn create(
    hub: &Hub,
    merchant: &Merchant,
    wanted: &NewPayment,
    keyed: Option<Keyed>,
) -> Result<Made, CreateError> {
    if keyed.is_some() && wanted.order.instrument.is_some() {
        return Err(CreateError::NotAtOnce);
    }
    let now = hub.clock.now();
    let stored = match stored_instrument(hub, &merchant.id, &wanted.order).await {
        Err(refused @ CreateError::Complaints(_)) => {
            return known_charge(hub, merchant, wanted, refused).await;
        }
        stored => stored?,
    };
    let (account, provider) = choose_account(hub, merchant, wanted, stored.as_ref())?;
    let expires_at = check(&wanted.order, account, provider.as_ref(), now)?;
    let (payment, attempt) = new_records(hub, merchant, wanted, account, provider, now, expires_at);
    let job = opening(hub, &payment, &attempt, account, provider, stored);
    let first = job.begin(hub);
    // Leave to call comes before anything is written: a provider that is not to be called leaves no payment.
    let prepared = match &keyed {
        None => prepare(hub, &job, &first).await?,
        Some(_) => prepare_at_once(hub, &job, &first)?,
    };
    let intent = match (&first, &prepared) {
        (Step::Call(call), Some(prepared)) => Some(job.intent(call, &prepared.line)),
        (Step::Call(_), None) | (Step::Learned(_) | Step::Refused(_) | Step::Unclear { .. }, _) => None,
    };
    let claim = keyed
        .as_ref()
        .map(|Keyed { claim, .. }| KeyClaim { payment_id: Some(payment.id.clone()), ..claim.clone() });
    let keyed = keyed.map(|keyed| Box::new((keyed, payment.clone(), attempt.clone())));
    let watched_at = first_watch(hub, &attempt);
    let creation = Creation { payment, attempt, watched_at, intent, claim };
    match hub.writer.submit(creation).await.map_err(CreateError::Unwritten)? {
        Created::Fresh => open(hub, &job, first, prepared, keyed).await,
        Created::Known(known) => {
            drop(prepared);
            let known = known_reference(wanted, *known)?;
            let payment = Box::pin(resume(hub, known)).await?;
            Ok(Made { payment, kept: None })
        }
        Created::KeyTaken(record) => Err(CreateError::KeyTaken(record)),
        Created::NotCharged(NotCharged::Gone) => Err(instrument_refused(CHARGED_NO_MORE)),
        Created::NotCharged(NotCharged::UnderWay) => Err(CreateError::InstrumentUnderWay),
    }
}

/// What a merchant is told of an instrument that is charged no more.
const CHARGED_NO_MORE: &str = "The instrument cannot be charged any more.";

fn instrument_refused(detail: &str) -> CreateError {
    CreateError::Complaints(vec![Complaint::new("instrument", "invalid_value", detail)])
}

/// An order whose instrument is not charged any more: a request that comes again is answered by its payment all the same.
async fn known_charge(
    hub: &Hub,
    merchant: &Merchant,
    wanted: &NewPayment,
    refused: CreateError,
) -> Result<Made, CreateError> {
    let known = hub.store.payment_by_reference(&merchant.id, &wanted.order.reference).await?;
    let Some(known) = known.filter(|_| !fault!("forget_known_charges")) else { return Err(refused) };
    Ok(Made { payment: known_reference(wanted, known)?, kept: None })
}

/// The job that opens an attempt at its provider.
fn opening(
    hub: &Hub,
    payment: &Payment,
    attempt: &Attempt,
    account: &Account,
    provider: &Arc<dyn Provider>,
    stored: Option<Stored>,
) -> Job {
    let authorization = Box::new(Authorization {
        reference: attempt.reference.clone(),
        order: (*payment.order).clone(),
        expires_at: attempt.expires_at,
        return_url: hub.return_url(&payment.merchant_id, &attempt.id),
        card_url: hub.card_url(&payment.merchant_id, &attempt.id),
        notice_url: hub.notice_url(account),
        instrument: stored.map(|stored| stored.instrument),
    });
    let task = match payment.order.is_shopper_away {
        true => Task::ChargeStored(authorization),
        false => Task::Authorize(authorization),
    };
    Job {
        merchant_id: payment.merchant_id.clone(),
        payment_id: payment.id.clone(),
        attempt_id: attempt.id.clone(),
        account: account.clone(),
        provider: Arc::clone(provider),
        task,
        deadline: deadline(hub, account),
    }
}

/// The first call, with leave to make it.
async fn prepare(hub: &Hub, job: &Job, first: &Step) -> Result<Option<Prepared>, CreateError> {
    match first {
        Step::Call(call) => {
            let held = |held| CreateError::Held { provider: job.account.provider.clone(), held };
            Ok(Some(Prepared {
                permit: job.admit(hub).await.map_err(held)?,
                line: job.line(hub, &call.request),
            }))
        }
        Step::Learned(_) | Step::Refused(_) | Step::Unclear { .. } => Ok(None),
    }
}

/// The first call, with leave to make it without waiting.
fn prepare_at_once(hub: &Hub, job: &Job, first: &Step) -> Result<Option<Prepared>, CreateError> {
    match first {
        Step::Call(call) => {
            let permit = job.admit_at_once(hub).ok_or(CreateError::NotAtOnce)?;
            Ok(Some(Prepared { permit, line: job.line(hub, &call.request) }))
        }
        Step::Learned(_) | Step::Refused(_) | Step::Unclear { .. } => Ok(None),
    }
}

/// A key that was claimed with a creation, and what was written then.
type KeyedCreation = Box<(Keyed, Payment, Attempt)>;

/// Opens the attempt, whose first call is committed when it is `prepared`.
async fn open(
    hub: &Hub,
    job: &Job,
    first: Step,
    prepared: Option<Prepared>,
    keyed: Option<KeyedCreation>,
) -> Result<Made, CreateError> {
    let mut driven = drive_task(hub, job, first, prepared).await?;
    for _ in 0..FRESH_STARTS {
        if !matches!(driven.end, End::Lost(AfterLost::FreshStart)) {
            break;
        }
        let again = drive_task(hub, job, job.begin(hub), None).await?;
        driven.calls.extend(again.calls);
        // A fresh start that is held leaves what was lost as it is.
        if !matches!(again.end, End::Held(_)) {
            driven.end = again.end;
        }
    }
    conclude(hub, job, driven, keyed).await
}

/// The same request came before. When its process died before it learned anything, the attempt is begun anew where what
/// it may have left at the provider is inert, and held where it is not; else the payment is answered as it stands.
async fn resume(hub: &Hub, known: Payment) -> Result<Payment, CreateError> {
    if fault!("leave_dead_creations") {
        return Ok(known);
    }
    let attempts = hub.store.attempts(&known.merchant_id, &known.id).await?;
    let Some(attempt) = attempts.last().filter(|attempt| is_unopened(&known, attempt)) else {
        return Ok(known);
    };
    let Some((account, provider)) = hub.account(&attempt.account_id) else { return Ok(known) };
    let stored = match stored_instrument(hub, &known.merchant_id, &known.order).await {
        // It is not sent any more; its work finds out what became of it.
        Err(CreateError::Complaints(_)) => return Ok(known),
        stored => stored?,
    };
    let job = opening(hub, &known, attempt, account, provider, stored);
    let intent = hub.store.last_intent(&known.merchant_id, attempt).await?;
    if let Some(word) = intent.filter(|word| word != after_lost_word(AfterLost::FreshStart)) {
        // Something may exist at the provider: it is held, or asked for again, and whoever asks is told so.
        let facts = match word == after_lost_word(AfterLost::RepeatSame) {
            true => vec![Fact::new(hub.clock.now(), FactKind::AskedAgain)],
            false => unanswered(hub),
        };
        return Ok(apply(hub, &job, facts, None, Vec::new()).await?);
    }
    let first = job.begin(hub);
    let Step::Call(call) = &first else {
        // So much time has passed that it can be begun no more.
        return Ok(Box::pin(open(hub, &job, first, None, None)).await?.payment);
    };
    let Some(prepared) = prepare(hub, &job, &first).await? else { return Ok(known) };
    let key = (known.merchant_id.clone(), known.id.clone());
    let mut tx = hub.store.begin().await?;
    let locked = tx.lock_aggregates(&BTreeSet::from([key.clone()])).await?.remove(&key);
    let locked = locked.ok_or(StoreError::Corrupt("payment"))?;
    let Some(attempt) = locked.attempts.last().filter(|attempt| is_unopened(&locked.payment, attempt)) else {
        return Ok(locked.payment);
    };
    let mut changes = Changes::default();
    let work = resolving(attempt, hub.clock.now() + seconds(OPENING_LEASE_S));
    changes.scheduled.insert((known.merchant_id.clone(), attempt.id.clone()), work);
    job.intent(call, &prepared.line).write(&mut changes);
    tx.write(&changes).await?;
    crash_point!("resume.before_commit");
    tx.commit().await?;
    crash_point!("resume.after_commit");
    Ok(Box::pin(open(hub, &job, first, Some(prepared), None)).await?.payment)
}

fn is_unopened(payment: &Payment, attempt: &Attempt) -> bool {
    payment.status == Status::Created && attempt.provider_reference.is_none()
}

/// A kept instrument, with its token at hand.
pub(super) struct Stored {
    /// The account that keeps it.
    account_id: String,
    /// The instrument.
    pub(super) instrument: StoredInstrument,
}

/// The kept instrument that an order charges.
pub(super) async fn stored_instrument(
    hub: &Hub,
    merchant: &str,
    order: &Order,
) -> Result<Option<Stored>, CreateError> {
    let Some(id) = &order.instrument else { return Ok(None) };
    let found = hub.store.instrument(merchant, id).await?;
    let found = found.filter(|instrument| Some(&instrument.customer) == order.customer.as_ref());
    let found = found.ok_or_else(|| instrument_refused("This customer has no such instrument."))?;
    let is_active = found.state == InstrumentState::Active || fault!("charge_what_is_being_removed");
    let Some(sealed) = found.sealed_token.as_deref().filter(|_| is_active) else {
        return Err(instrument_refused(CHARGED_NO_MORE));
    };
    let token = hub.vault.open_text(&token_place(id), sealed);
    Ok(Some(Stored {
        account_id: found.account_id,
        instrument: StoredInstrument {
            id: found.id,
            provider_reference: found.provider_reference,
            token: token.map_err(|_| StoreError::Corrupt("instrument"))?.into(),
            brand: found.brand,
        },
    }))
}

/// The account that is asked for; a kept instrument can be charged by the account that keeps it alone.
fn choose_account<'a>(
    hub: &'a Hub,
    merchant: &Merchant,
    wanted: &NewPayment,
    stored: Option<&Stored>,
) -> Result<(&'a Account, &'a Arc<dyn Provider>), CreateError> {
    let currency = wanted.order.total.currency;
    let keeper = stored.map(|stored| &stored.account_id);
    if let (Some(keeper), Some(wanted)) = (keeper, &wanted.account_id)
        && keeper != wanted
    {
        let detail = "The instrument is kept by another account.";
        return Err(CreateError::Complaints(vec![Complaint::new("account", "invalid_value", detail)]));
    }
    let chosen = match keeper.or(wanted.account_id.as_ref()) {
        Some(id) => hub.account(id).filter(|(account, _)| account.merchant == merchant.id),
        None => hub
            .settings
            .accounts_of(&merchant.id)
            .filter_map(|account| hub.account(&account.id))
            .find(|(_, provider)| provider.profile().currencies.contains(&currency)),
    };
    chosen.ok_or(CreateError::NoAccount)
}

/// Every rule that holds before anything is written. Answers when the attempt will close.
fn check(
    order: &Order,
    account: &Account,
    provider: &dyn Provider,
    now: Timestamp,
) -> Result<Timestamp, CreateError> {
    let life = provider.profile().life;
    let after = |seconds| now + jiff::SignedDuration::from_secs(seconds);
    let mut complaints = order.check(now);
    complaints.extend(provider.check(order, account));
    if !provider.profile().currencies.contains(&order.total.currency) {
        let detail = format!("This account does not take {}.", order.total.currency);
        complaints.push(Complaint::new("currency", "unsupported_currency", detail));
    }
    if (order.keep_instrument || order.instrument.is_some()) && !provider.profile().keeps_instruments {
        let param = if order.keep_instrument { "keep_instrument" } else { "instrument" };
        let detail = "The provider of this account keeps no instruments.";
        complaints.push(Complaint::new(param, "unsupported_feature", detail));
    }
    if order.is_enrolment() && !provider.keeps_without_charge() {
        let detail = "The provider of this account keeps an instrument only with a payment.";
        complaints.push(Complaint::new("total.minor", "invalid_amount", detail));
    }
    let expires_at = order.expires_at.unwrap_or_else(|| after(provider.default_life_s(account)));
    if expires_at < after(life.shortest_s) || expires_at > after(life.longest_s) {
        let (least, most) = (life.shortest_s / 60, life.longest_s / 60);
        let detail = format!("The expiry lies {least} to {most} minutes ahead.");
        complaints.push(Complaint::new("expires_at", "invalid_value", detail));
    }
    if complaints.is_empty() { Ok(expires_at) } else { Err(CreateError::Complaints(complaints)) }
}

fn new_records(
    hub: &Hub,
    merchant: &Merchant,
    wanted: &NewPayment,
    account: &Account,
    provider: &Arc<dyn Provider>,
    now: Timestamp,
    expires_at: Timestamp,
) -> (Payment, Attempt) {
    let reference = provider.profile().reference.mint(now, hub.entropy());
    let nothing = Money::zero(wanted.order.total.currency);
    let payment = Payment {
        id: PaymentId::new(now, hub.entropy()),
        merchant_id: merchant.id.clone(),
        order: Arc::new(wanted.order.clone()),
        provider: account.provider.clone(),
        account_id: account.id.clone(),
        status: Status::Created,
        certainty: Certainty::Confirmed,
        authorized: nothing,
        paid: nothing,
        refunded: nothing,
        overpaid: nothing,
        told: None,
        detail: PaymentDetail { provider_reference: Some(reference.clone()), ..PaymentDetail::default() },
        idempotency_key: wanted.idempotency_key.clone(),
        expires_at,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let attempt = Attempt {
        id: AttemptId::new(now, hub.entropy()),
        merchant_id: merchant.id.clone(),
        payment_id: payment.id.clone(),
        ordinal: 1,
        account_id: account.id.clone(),
        reference,
        provider_reference: None,
        state: payment::attempt::AttemptState::Created.word().to_owned(),
        expires_at,
        created_at: now,
    };
    (payment, attempt)
}

/// A payment to be written, with the intent of its first call.
pub struct Creation {
    /// The payment.
    pub payment: Payment,
    /// Its first attempt.
    pub attempt: Attempt,
    /// When the probe looks after it, whether it was opened or the process died with it.
    pub watched_at: Timestamp,
    /// The first call, when the provider wants one.
    pub intent: Option<Intent>,
    /// The claim of the request's key, when it is not claimed yet. Without the key nothing is written.
    pub claim: Option<KeyClaim>,
}

/// What came of a creation.
#[derive(Debug)]
pub enum Created {
    /// It is new.
    Fresh,
    /// The merchant's reference was there already.
    Known(Box<Payment>),
    /// The request's key was there already.
    KeyTaken(IdempotencyRecord),
    /// The instrument may not be charged.
    NotCharged(NotCharged),
}

impl Creation {
    /// Whether it charges a kept instrument.
    pub(super) fn is_charge(&self) -> bool {
        self.payment.order.instrument.is_some()
    }

    /// Adds what belongs to the payment to what is written: its attempt, the intent of the first call, and the work
    /// that finds out what became of it.
    pub(super) fn write(&self, changes: &mut Changes) {
        let Self { payment, attempt, watched_at, intent, claim: _ } = self;
        changes.attempts.push(attempt.clone());
        changes
            .scheduled
            .insert((payment.merchant_id.clone(), attempt.id.clone()), resolving(attempt, *watched_at));
        if let Some(intent) = intent {
            intent.write(changes);
        }
    }
}

/// The work that finds out what became of an attempt.
fn resolving(attempt: &Attempt, due_at: Timestamp) -> NewWork {
    NewWork { payment_id: attempt.payment_id.clone(), account_id: attempt.account_id.clone(), due_at }
}

/// A reference that was there already: of the same request, or of another one. A key can come again with another
/// order when its claim was given back.
fn known_reference(wanted: &NewPayment, known: Payment) -> Result<Payment, CreateError> {
    let is_same = known.idempotency_key == wanted.idempotency_key && *known.order == wanted.order;
    if is_same { Ok(known) } else { Err(CreateError::ReferenceUsed(known.id)) }
}

/// Writes what came of it.
async fn conclude(
    hub: &Hub,
    job: &Job,
    driven: Driven,
    keyed: Option<KeyedCreation>,
) -> Result<Made, CreateError> {
    let unkept = |payment| Made { payment, kept: None };
    match driven.end {
        End::Learned { facts, attempt_key, tokens } => {
            let known = Known { attempt_key, tokens, ..news(job, facts, None, driven.calls) };
            match keyed {
                Some(keyed) => {
                    let (keyed, payment, attempt) = *keyed;
                    Ok(hub.writer.submit(Opened::new(hub, known, keyed, payment, attempt)).await?)
                }
                None => Ok(unkept(apply_facts(hub, known).await?)),
            }
        }
        End::Refused(refusal) => {
            let failure = Failure::from(&refusal);
            let payment = apply(hub, job, not_opened(hub, &failure), Some(failure), driven.calls).await?;
            if is_overtaken(&payment) {
                return Ok(unkept(payment));
            }
            Err(CreateError::Refused { payment: Box::new(payment), refusal })
        }
        // Inert if it exists, or nothing was sent at all.
        End::Lost(AfterLost::FreshStart) | End::Held(_) => {
            let failure = unreachable_failure();
            let payment = apply(hub, job, not_opened(hub, &failure), Some(failure), driven.calls).await?;
            if is_overtaken(&payment) {
                return Ok(unkept(payment));
            }
            Err(CreateError::Unreachable { payment: Box::new(payment) })
        }
        // The provider takes the same again without doing it twice: the work row asks again until it answers.
        End::Lost(AfterLost::RepeatSame) => {
            let again = vec![Fact::new(hub.clock.now(), FactKind::AskedAgain)];
            Ok(unkept(apply(hub, job, again, None, driven.calls).await?))
        }
        // Something may exist at the provider: the payment stays open, and the work row finds out.
        End::Lost(AfterLost::Search | AfterLost::Adopt) => {
            Ok(unkept(apply(hub, job, unanswered(hub), None, driven.calls).await?))
        }
    }
}

/// Asks the same again, for an attempt whose creation was not answered and is safe by the provider's own key. Answers
/// the payment as it is known then; none when it cannot be asked.
pub(super) async fn repeat_creation(hub: &Hub, attempt: &Attempt) -> Result<Option<Payment>, StoreError> {
    let payment = hub.store.payment(&attempt.merchant_id, &attempt.payment_id).await?;
    let (Some(payment), Some((account, provider))) = (payment, hub.account(&attempt.account_id)) else {
        return Ok(None);
    };
    // An instrument that was taken away meanwhile has no token to ask with: a person has to look.
    let stored = match stored_instrument(hub, &attempt.merchant_id, &payment.order).await {
        Ok(stored) => stored,
        Err(CreateError::Store(error)) => return Err(error),
        Err(_) => return Ok(None),
    };
    let job = opening(hub, &payment, attempt, account, provider, stored);
    let driven = drive_task(hub, &job, job.begin(hub), None).await?;
    // That it is refused this time, or was not sent, says nothing of the first time.
    if matches!(driven.end, End::Held(_) | End::Refused(_) | End::Lost(_)) {
        return Ok(Some(apply(hub, &job, Vec::new(), None, driven.calls).await?));
    }
    match conclude(hub, &job, driven, None).await {
        Ok(made) => Ok(Some(made.payment)),
        Err(CreateError::Refused { payment, .. } | CreateError::Unreachable { payment }) => {
            Ok(Some(*payment))
        }
        Err(CreateError::Store(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether a creation that failed was taken over meanwhile, and what took it over did not fail.
fn is_overtaken(payment: &Payment) -> bool {
    payment.status != Status::Failed
}

async fn apply(
    hub: &Hub,
    job: &Job,
    facts: Vec<Fact>,
    failure: Option<Failure>,
    calls: Vec<LoggedCall>,
) -> Result<Payment, StoreError> {
    apply_facts(hub, news(job, facts, failure, calls)).await
}

fn news(job: &Job, facts: Vec<Fact>, failure: Option<Failure>, calls: Vec<LoggedCall>) -> Known {
    let (merchant, payment) = (job.merchant_id.clone(), job.payment_id.clone());
    let about = Known::about(merchant, payment, job.attempt_id.clone(), Source::Answer);
    Known { facts, failure, calls, ..about }
}

/// The fact that an attempt never came to be at the provider.
pub(super) fn not_opened(hub: &Hub, failure: &Failure) -> Vec<Fact> {
    let reason = Reason {
        status: String::new(),
        code: failure.provider_code.clone().unwrap_or_default(),
        message: failure.detail.clone(),
    };
    vec![Fact::new(hub.clock.now(), FactKind::NotOpened(Telling { reason }))]
}

/// The fact that something may have come to be at the provider, and no answer says so.
pub(super) fn unanswered(hub: &Hub) -> Vec<Fact> {
    vec![Fact::new(hub.clock.now(), FactKind::Unanswered)]
}

/// Why a payment failed whose provider could not be reached.
pub(super) fn unreachable_failure() -> Failure {
    Failure {
        code: "provider_unreachable".to_owned(),
        provider_code: None,
        detail: "The provider did not answer; nothing was opened there.".to_owned(),
    }
}
