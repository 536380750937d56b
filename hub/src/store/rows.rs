//! What the store gives and takes: records as the flow, the API and the pages see them.

use std::sync::Arc;

use payment::charges::Charges;
use payment::division::Part;
use payment::fact::{Outcome, Reason};
use payment::id::{AttemptId, CaseId, EndpointId, EventId, InstrumentId, NoticeId, OperationId, PaymentId};
use payment::movement::{Movement, Receipt};
use payment::operation::{OperationKind, OperationState};
use payment::step::Refusal;
use payment::summary::Certainty;
use payment::{Money, Order, Status, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

/// A payment among all merchants.
pub type PaymentKey = (String, PaymentId);
/// An attempt among all merchants.
pub type AttemptKey = (String, AttemptId);
/// An instrument among all merchants.
pub type InstrumentKey = (String, InstrumentId);

/// A payment as last summed up.
#[derive(Clone, Debug)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// Whose it is.
    pub merchant_id: String,
    /// The order to be paid. It never changes.
    pub order: Arc<Order>,
    /// The provider's id.
    pub provider: String,
    /// The provider account.
    pub account_id: String,
    /// The status word.
    pub status: Status,
    /// Whether it is sure.
    pub certainty: Certainty,
    /// Held, in minor units of the order's currency.
    pub authorized: Money,
    /// Taken.
    pub paid: Money,
    /// Given back.
    pub refunded: Money,
    /// Taken beyond the total.
    pub overpaid: Money,
    /// What the shopper was shown while the truth was open.
    pub told: Option<Outcome>,
    /// What the newest attempt's state rests on, for pages and the API.
    pub detail: PaymentDetail,
    /// The idempotency key it was created under.
    pub idempotency_key: String,
    /// When it can no longer be paid.
    pub expires_at: Timestamp,
    /// Grows by one at each change.
    pub version: i64,
    /// Business time of creation.
    pub created_at: Timestamp,
    /// Business time of the last change.
    pub updated_at: Timestamp,
}

/// What people and the API are shown beside the status; kept as JSON and never searched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentDetail {
    /// The reference minted for the newest attempt.
    #[serde(default)]
    pub provider_reference: Option<String>,
    /// The provider's own id of the newest attempt.
    #[serde(default)]
    pub provider_id: Option<String>,
    /// Where the shopper pays, while that is possible.
    #[serde(default)]
    pub pay_url: Option<Url>,
    /// What the shopper gives elsewhere to pay: the code of a cash payment. It stays when its time is over.
    #[serde(default)]
    pub pay_code: Option<String>,
    /// The provider's reason for the newest attempt's state.
    #[serde(default)]
    pub reason: Reason,
    /// The last movement's reason and state, where they say more than the attempt's (C-86).
    #[serde(default)]
    pub last_movement: Option<Movement>,
    /// What a receipt shows: of the approved charge, when there is one.
    #[serde(default)]
    pub receipt: Receipt,
    /// When the provider decided, when it has.
    #[serde(default)]
    pub decided_at: Option<Timestamp>,
    /// Why it could not be tried, when the status is failed.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// What was done with its money, first one first.
    #[serde(default)]
    pub operations: Vec<OperationLine>,
    /// The instrument that the provider was asked to keep, once it is kept.
    #[serde(default)]
    pub instrument: Option<InstrumentId>,
    /// Whether it is paid, and nobody has told yet what became of the keeping.
    #[serde(default)]
    pub awaits_instrument: bool,
    /// What became of each part of a divided total.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// Whether it ended partly paid, and what was collected is still to be given back, by the provider or by us.
    #[serde(default)]
    pub awaits_return: bool,
    /// The payment that began the recurrence of which this is a later charge.
    #[serde(default)]
    pub recurrence_of: Option<PaymentId>,
}

impl Payment {
    /// What was taken and not given back: what is with the merchant, and could still be refunded. Never below zero, even
    /// where a provider tells of more that was given back than was taken.
    pub fn kept(&self) -> Money {
        let left = self.paid.minor.saturating_sub(self.refunded.minor);
        Money::new(left.max(0), self.order.total.currency)
    }

    /// Of a divided payment, what is kept of it, and what of its total is missing.
    pub fn collected_and_missing(&self) -> Option<(Money, Money)> {
        let collected = self.kept();
        let missing = self.order.total.minor.saturating_sub(collected.minor).max(0);
        self.order.is_divided().then(|| (collected, Money::new(missing, collected.currency)))
    }

    /// Whether the provider is still to be asked although the payment is settled: about an operation, about an instrument
    /// that it was to keep, or about what was collected of a payment that ended partly paid.
    pub fn awaits_more(&self) -> bool {
        let PaymentDetail { awaits_instrument, awaits_return, operations, .. } = &self.detail;
        *awaits_instrument || *awaits_return || operations.iter().any(|line| line.state.is_open())
    }
}

/// A capture, release or refund, as people and the API are shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationLine {
    /// Its id.
    pub id: OperationId,
    /// What is done.
    pub kind: OperationKind,
    /// How much, in minor units of the payment's currency.
    pub amount: i64,
    /// Where it stands.
    pub state: OperationState,
    /// The provider's reason, where it gave one.
    #[serde(default)]
    pub reason: Reason,
    /// Business time at which it was begun.
    pub created_at: Timestamp,
}

/// A capture, release or refund.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What people are shown of it.
    pub line: OperationLine,
    /// Whose it is.
    pub merchant_id: String,
    /// The payment.
    pub payment_id: PaymentId,
    /// The attempt whose money it is.
    pub attempt_id: AttemptId,
    /// The provider account.
    pub account_id: String,
    /// The reference minted for it.
    pub reference: String,
    /// The provider's own reference, once known.
    pub provider_reference: Option<String>,
    /// The key under which the merchant asked for it.
    pub idempotency_key: String,
    /// Business time of the last change.
    pub updated_at: Timestamp,
}

/// An operation among all merchants.
pub type OperationKey = (String, OperationId);

/// An instrument that a provider keeps.
#[derive(Clone, Debug)]
pub struct Instrument {
    /// Its id.
    pub id: InstrumentId,
    /// Whose it is.
    pub merchant_id: String,
    /// The provider account.
    pub account_id: String,
    /// The provider's id.
    pub provider: String,
    /// The merchant's customer.
    pub customer: String,
    /// The payment with which it was kept.
    pub payment_id: PaymentId,
    /// The provider's own reference of the keeping.
    pub provider_reference: String,
    /// A digest of the token.
    pub digest: String,
    /// The token, sealed; gone when the instrument was removed.
    pub sealed_token: Option<Vec<u8>>,
    /// The brand's name.
    pub brand: Option<String>,
    /// First six digits.
    pub bin: Option<String>,
    /// Last four digits.
    pub last_four: Option<String>,
    /// Until when, `YYYY-MM`.
    pub valid_until: Option<String>,
    /// Where it stands.
    pub state: InstrumentState,
    /// The provider's own words for that.
    pub reason: Reason,
    /// Its charges, as far as they count.
    pub charges: Charges,
    /// Business time.
    pub created_at: Timestamp,
    /// Business time of the last change.
    pub updated_at: Timestamp,
}

/// Where an instrument stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstrumentState {
    /// It can be charged.
    Active,
    /// Different tokens were told for it: a person has to look, and it is not charged.
    Disputed,
    /// Its denials have ended it: it is not charged any more, and the next thing done with it is that the provider takes
    /// it away (AV-8.6).
    Removing,
    /// It was taken away.
    Removed,
}

impl InstrumentState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Active, Self::Disputed, Self::Removing, Self::Removed];

    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disputed => "disputed",
            Self::Removing => "removing",
            Self::Removed => "removed",
        }
    }
}

/// Why a payment could not be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A word of the API's closed list.
    pub code: String,
    /// The provider's code.
    #[serde(default)]
    pub provider_code: Option<String>,
    /// A sentence.
    pub detail: String,
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code.to_owned(),
            provider_code: refusal.provider_code.clone(),
            detail: refusal.detail.clone(),
        }
    }
}

/// One try at a provider.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// Whose it is.
    pub merchant_id: String,
    /// Its payment.
    pub payment_id: PaymentId,
    /// 1 for the first.
    pub ordinal: u32,
    /// The provider account.
    pub account_id: String,
    /// The reference minted for the provider.
    pub reference: String,
    /// The provider's own id, once known.
    pub provider_reference: Option<String>,
    /// The word of [`payment::attempt::AttemptState`].
    pub state: String,
    /// When it closes.
    pub expires_at: Timestamp,
    /// Business time.
    pub created_at: Timestamp,
}

/// A fact as it stands in the record.
#[derive(Clone, Debug)]
pub struct RecordedFact {
    /// The attempt it is about.
    pub attempt_id: AttemptId,
    /// The fact.
    pub fact: payment::Fact,
    /// How it reached us: the word of [`crate::flow::Source`].
    pub source: String,
    /// Business time at which it was written.
    pub recorded_at: Timestamp,
}

/// One call to a provider in the wire log; texts are masked before they are written.
#[derive(Clone, Debug)]
pub struct CallLine {
    /// Sorts by time.
    pub id: String,
    /// The attempt it served.
    pub attempt_id: AttemptId,
    /// The operation's name.
    pub operation: String,
    /// Method and address.
    pub request_line: String,
    /// Masked request body.
    pub request_body: String,
    /// A word of [`crate::outbound::CallOutcome`], or `started` while it runs.
    pub outcome: String,
    /// HTTP status, when answered.
    pub status: Option<i64>,
    /// Masked answer body.
    pub answer_body: String,
    /// Duration in microseconds of real time.
    pub duration_us: Option<i64>,
    /// Business time.
    pub started_at: Timestamp,
}

/// A notice with its verdict.
#[derive(Clone, Debug)]
pub struct NoticeLine {
    /// Its id.
    pub id: NoticeId,
    /// The account whose address it came to.
    pub account_id: String,
    /// The payment it is about, when known.
    pub payment_id: Option<PaymentId>,
    /// The word of [`payment::notice::Verdict`].
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// The peer.
    pub peer: String,
    /// Bytes of the body.
    pub body_bytes: i64,
    /// The HTTP status we answered.
    pub reply_status: i64,
    /// Business time.
    pub received_at: Timestamp,
}

/// A place where a merchant receives events.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub merchant_id: String,
    /// Where.
    pub url: Url,
    /// Why deliveries are off, when they are.
    pub disabled_reason: Option<String>,
    /// Business time.
    pub created_at: Timestamp,
}

/// An event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Whose it is.
    pub merchant_id: String,
    /// The payment it tells of; absent for a test event.
    pub payment_id: Option<PaymentId>,
    /// For example `payment.approved`.
    pub kind: String,
    /// The body as it is delivered, byte for byte.
    pub body: String,
    /// What changed in the payment; absent where it tells of something else.
    pub change: Option<StatusChange>,
    /// Business time.
    pub created_at: Timestamp,
}

/// What changed in a payment when an event told of it.
#[derive(Clone, Debug)]
pub struct StatusChange {
    /// The payment's version after the change.
    pub version: i64,
    /// The status it left, which may be the one it came to: sums change too.
    pub from: Status,
    /// The status it came to.
    pub to: Status,
    /// Sure or not.
    pub certainty: Certainty,
    /// How we learned: the word of [`crate::flow::Source`].
    pub source: String,
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The event.
    pub event_id: EventId,
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// `pending`, `delivered`, `given_up`.
    pub state: String,
    /// How many tries were made.
    pub tries: i64,
    /// When the next try is due (business time), while pending.
    pub next_at: Option<Timestamp>,
    /// What the last try met: an HTTP status or a word.
    pub last_result: Option<String>,
}

/// One try to deliver an event to an endpoint, as it is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTry {
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// Grows with every try of one event at one endpoint; a number may be left out.
    pub number: i64,
    /// Business time.
    pub at: Timestamp,
    /// An HTTP status or a few words.
    pub result: String,
    /// Duration in microseconds of real time.
    pub duration_us: i64,
    /// How the endpoint's answer begins, masked; empty without one.
    pub answer: String,
}

/// What is needed to deliver to an endpoint.
#[derive(Clone, Debug)]
pub struct DeliveryTarget {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its secret, sealed.
    pub sealed_secret: Vec<u8>,
    /// The secret before the last rotation, sealed, and until when it signs too (business time).
    pub former: Option<(Vec<u8>, Timestamp)>,
    /// Since when every try failed; absent while tries succeed.
    pub failing_since: Option<Timestamp>,
}

/// Which events are sent again.
#[derive(Clone, Debug)]
pub struct ResendFilter {
    /// Created at or after.
    pub created_from: Timestamp,
    /// Created before.
    pub created_before: Timestamp,
    /// Only this type.
    pub kind: Option<String>,
    /// Only to this endpoint.
    pub endpoint: Option<EndpointId>,
}

/// A case for a person.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// The payment.
    pub payment_id: PaymentId,
    /// The word of [`payment::case::CaseKind`].
    pub kind: String,
    /// Business time.
    pub opened_at: Timestamp,
}

/// A piece of due work: find out what became of an attempt.
#[derive(Clone, Debug)]
pub struct Work {
    /// Whose it is.
    pub merchant_id: String,
    /// The payment.
    pub payment_id: PaymentId,
    /// The attempt to resolve.
    pub attempt_id: AttemptId,
    /// Tries so far.
    pub tries: i64,
    /// Number of this claim: a writer with an older one is fenced off.
    pub claim: i64,
    /// Whether a notice brought it forward.
    pub is_asked_by_notice: bool,
}

/// Work to be written.
#[derive(Clone, Debug)]
pub struct NewWork {
    /// The payment.
    pub payment_id: PaymentId,
    /// The provider account.
    pub account_id: String,
    /// From when on it is due (business time).
    pub due_at: Timestamp,
}

/// A call to be written.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// The payment it serves.
    pub payment: PaymentKey,
    /// The line.
    pub line: CallLine,
    /// What may be done when its answer is lost; empty for a call that was written after it was made.
    pub after_lost: &'static str,
}

/// A fact to be appended.
#[derive(Clone, Debug)]
pub struct NewFact {
    /// The payment it is about.
    pub payment: PaymentKey,
    /// The fact.
    pub line: RecordedFact,
    /// Keyed fingerprint: the same fact has the same key.
    pub key: String,
    /// Its place among the payment's facts.
    pub ordinal: i64,
}

/// A provider's reference to be made findable.
#[derive(Clone, Debug)]
pub struct FoundSubject {
    /// Whose it is.
    pub merchant_id: String,
    /// The reference.
    pub subject: Subject,
    /// What it is about.
    pub payment_id: PaymentId,
    /// And which attempt.
    pub attempt_id: AttemptId,
}

/// An attempt with what its notices are verified by and compared with.
#[derive(Clone, Debug)]
pub struct KeyedAttempt {
    /// The attempt.
    pub attempt_id: AttemptId,
    /// The key, sealed, where it has one.
    pub sealed_key: Option<Vec<u8>>,
    /// The reference that was minted for it.
    pub reference: String,
    /// What was asked to be paid.
    pub total: Money,
}

/// What a notice is about.
#[derive(Clone, Debug)]
pub struct FoundAttempt {
    /// The payment.
    pub payment_id: PaymentId,
    /// The attempt.
    pub attempt_id: AttemptId,
    /// The reference that was minted for it.
    pub reference: String,
}

/// A notice to be written with its body.
#[derive(Clone, Debug)]
pub struct KeptNotice {
    /// Whose it is.
    pub merchant_id: String,
    /// The line.
    pub line: NoticeLine,
    /// The key under which it is the same notice again.
    pub repeat_key: Option<String>,
    /// Its sealed body.
    pub sealed_body: Vec<u8>,
}

/// Which payments a list shows.
#[derive(Clone, Debug, Default)]
pub struct PaymentFilter {
    /// Only this status.
    pub status: Option<Status>,
    /// Only this merchant reference.
    pub reference: Option<String>,
    /// Created at or after.
    pub created_from: Option<Timestamp>,
    /// Created before.
    pub created_before: Option<Timestamp>,
}

/// What a list of events is limited to.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only this kind.
    pub kind: Option<String>,
    /// Only of this payment.
    pub payment: Option<PaymentId>,
    /// Created at or after.
    pub created_from: Option<Timestamp>,
    /// Created before.
    pub created_before: Option<Timestamp>,
}

/// A page of a list, newest first.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Whether more follow in the direction asked.
    pub has_more: bool,
}

/// Where a page begins. At most one of the two is set.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// Older than the entry with this id.
    pub starting_after: Option<String>,
    /// Newer than the entry with this id.
    pub ending_before: Option<String>,
    /// 1 to 100.
    pub limit: u32,
}
