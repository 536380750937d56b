//! The payment as merchants see it: the same document in answers of the API and in events.

use payment::account::Environment;
use payment::division::{Part, PartState, PartialPolicy};
use payment::fact::{Outcome, Reason};
use payment::id::EndpointId;
use payment::movement::{MovementState, Receipt};
use payment::operation::{OperationKind, OperationState};
use payment::order::Language;
use payment::recurrence::{Period, Recurrence};
use payment::summary::Certainty;
use payment::{Currency, Status, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;
use utoipa::ToSchema;

use crate::flow::{pending_message, words};
use crate::settings::{Contact, Merchant};
use crate::state::Hub;
use crate::store::{Failure, Instrument, InstrumentState, OperationLine, Payment};

/// The type of an event that a merchant asks for to try an endpoint.
pub const TEST_EVENT: &str = "endpoint.test";
/// The type of the event that tells a merchant's other endpoints that one of them was disabled.
pub const ENDPOINT_DISABLED_EVENT: &str = "event_endpoint.disabled";

/// The type of the event that tells of an instrument that a provider keeps now.
pub const INSTRUMENT_KEPT_EVENT: &str = "instrument.kept";
/// The type of the event that tells of an instrument for which different tokens were told: it is not charged.
pub const INSTRUMENT_DISPUTED_EVENT: &str = "instrument.disputed";
/// The type of the event that tells of an instrument that was taken away.
pub const INSTRUMENT_REMOVED_EVENT: &str = "instrument.removed";

/// A payment. Every member is always there; what is not known is null. Amounts are whole minor units of
/// `currency`; instants are UTC, RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PaymentDocument {
    /// Its id, `pay_…`.
    pub id: String,
    /// Always `payment`.
    pub object: &'static str,
    /// Your own reference.
    pub reference: String,
    /// What is to be paid.
    pub amount: i64,
    /// ISO 4217.
    #[schema(schema_with = words::currency)]
    pub currency: Currency,
    /// Where it stands. Grant value at `approved` only.
    #[schema(schema_with = words::status)]
    pub status: Status,
    /// Whether the status is sure. While it is `unknown` the hub goes on asking.
    #[schema(schema_with = words::certainty)]
    pub certainty: Certainty,
    /// Held and not yet taken.
    pub authorized: i64,
    /// Taken, before anything was given back.
    pub paid: i64,
    /// Given back.
    pub refunded: i64,
    /// Taken beyond `amount`.
    pub overpaid: i64,
    /// What the shopper was shown while the truth was open.
    #[schema(required = true, schema_with = words::outcome)]
    pub told: Option<Outcome>,
    /// What it is for.
    #[schema(required = true)]
    pub description: Option<String>,
    /// The provider.
    pub provider: String,
    /// The provider account.
    pub account: String,
    /// The reference under which the provider knows the newest attempt.
    #[schema(required = true)]
    pub provider_reference: Option<String>,
    /// The provider's own id of the newest attempt.
    #[schema(required = true)]
    pub provider_id: Option<String>,
    /// Where to send the shopper, while it can be paid.
    #[schema(required = true, value_type = Option<String>, format = Uri)]
    pub pay_url: Option<Url>,
    /// How the provider's page opens in a frame over your own; null where the shopper has to be sent to `pay_url`.
    #[schema(required = true)]
    pub lightbox: Option<LightboxDocument>,
    /// What the shopper gives at a counter, an agent or a bank to pay: the code of a cash payment.
    #[schema(required = true)]
    pub pay_code: Option<String>,
    /// A page for the shopper that tells where the payment stands.
    #[schema(value_type = String, format = Uri)]
    pub status_url: Url,
    /// What a receipt shows, once there is a charge.
    #[schema(required = true)]
    pub receipt: Option<ReceiptDocument>,
    /// The provider's reason for the newest attempt's state.
    #[schema(required = true)]
    pub reason: Option<ReasonDocument>,
    /// How the newest try at a charge came out, where the provider tells it apart: several may be made before a payment ends.
    #[schema(required = true)]
    pub last_try: Option<TryDocument>,
    /// Why it could not be tried, when the status is `failed`.
    #[schema(required = true)]
    pub failure: Option<FailureDocument>,
    /// The kept instrument that it charges.
    #[schema(required = true)]
    pub instrument: Option<String>,
    /// The instrument that the provider keeps since this payment, when it was asked to.
    #[schema(required = true)]
    pub kept_instrument: Option<String>,
    /// How the provider repeats the charge by itself, when it does.
    #[schema(required = true)]
    pub recurrence: Option<RecurrenceDocument>,
    /// The payment that began the recurrence, when this is a later charge of one.
    #[schema(required = true)]
    pub recurrence_of: Option<String>,
    /// Captures, releases and refunds, first one first.
    pub operations: Vec<OperationDocument>,
    /// How it is divided, when it is paid in parts or goes to several parties.
    #[schema(required = true)]
    pub division: Option<DivisionDocument>,
    /// The payment that ended partly paid, and whose rest this is.
    #[schema(required = true)]
    pub rest_of: Option<String>,
    /// Until when the provider gives it back when it is asked to, where it says so; later its network has to arrange it.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub reversible_until: Option<Timestamp>,
    /// When the provider decided, by its own telling; null while it has not.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// When it can no longer be paid.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Grows with each change: the higher one is the newer telling.
    pub version: i64,
    /// Whether it was made at a provider account for tests.
    pub test: bool,
}

/// How the provider's page opens in a frame over your own (docs/lightbox.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LightboxDocument {
    /// The provider's script, which opens `pay_url` in the frame.
    #[schema(value_type = String, format = Uri)]
    pub script_url: Url,
    /// Where to send the shopper when the frame is closed: the hub asks the provider, and leads on to your `return_url`.
    #[schema(value_type = String, format = Uri)]
    pub back_url: Url,
}

/// How a provider repeats a charge by itself. Each later charge is a payment of its own, with its events. Nothing of it can
/// be changed, and the API cannot end it: that is done at the place that `ended_in` names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecurrenceDocument {
    /// The period.
    #[schema(schema_with = words::period)]
    pub period: Period,
    /// Every how many periods.
    pub interval: u32,
    /// The day of the second charge, where the order named one.
    #[schema(required = true, value_type = Option<String>, format = Date)]
    pub next: Option<String>,
    /// How many charges there are at most; null, without end.
    #[schema(required = true)]
    pub most: Option<u32>,
    /// The last day on which it charges; null, without end.
    #[schema(required = true, value_type = Option<String>, format = Date)]
    pub until: Option<String>,
    /// Where it is ended: always `provider_panel`, the panel that the provider has for you.
    pub ended_in: &'static str,
}

/// Where a recurrence is ended (AV-11.2-06).
const PROVIDER_PANEL: &str = "provider_panel";

impl From<&Recurrence> for RecurrenceDocument {
    fn from(recurrence: &Recurrence) -> Self {
        let Recurrence { period, interval, next, most, until } = recurrence;
        Self {
            period: *period,
            interval: *interval,
            next: next.map(|day| day.to_string()),
            most: *most,
            until: until.map(|day| day.to_string()),
            ended_in: PROVIDER_PANEL,
        }
    }
}

/// What a receipt shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReceiptDocument {
    /// Authorization number, or the CUS of a bank transfer.
    #[schema(required = true)]
    pub authorization: Option<String>,
    /// The provider's receipt number.
    #[schema(required = true)]
    pub number: Option<String>,
    /// Method code as the provider writes it.
    #[schema(required = true)]
    pub method: Option<String>,
    /// Method name for people.
    #[schema(required = true)]
    pub method_name: Option<String>,
    /// Bank that issued the instrument.
    #[schema(required = true)]
    pub issuer: Option<String>,
    /// Last four digits of the card.
    #[schema(required = true)]
    pub last_four: Option<String>,
    /// Instalments.
    #[schema(required = true)]
    pub instalments: Option<u32>,
    /// The number of the party that it went to, where the money is dispersed.
    #[schema(required = true)]
    pub agreement: Option<String>,
}

/// How a payment is divided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DivisionDocument {
    /// What was taken and not given back.
    pub collected: i64,
    /// What of `amount` is missing.
    pub missing: i64,
    /// What the account's settings say of a payment that ends partly paid: `collect` the rest, or `return` what was collected.
    #[schema(schema_with = words::partial_policy)]
    pub policy: PartialPolicy,
    /// One for each party, in the order in which they are charged; of a payment in parts one for each charge, oldest first.
    pub parts: Vec<PartDocument>,
}

/// One part of a divided payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartDocument {
    /// How much.
    pub amount: i64,
    /// What became of it. What follows a denied part is `not_attempted`.
    #[schema(schema_with = words::part_state)]
    pub state: PartState,
    /// The number of the party that it goes to; null, your own site.
    #[schema(required = true)]
    pub agreement: Option<String>,
    /// The provider's own id of the charge.
    #[schema(required = true)]
    pub provider_id: Option<String>,
    /// The provider's reason.
    #[schema(required = true)]
    pub reason: Option<ReasonDocument>,
}

/// A capture, release or refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OperationDocument {
    /// Its id, `op_…`.
    pub id: String,
    /// `capture`, `release` or `refund`.
    #[schema(schema_with = words::operation_kind)]
    pub kind: OperationKind,
    /// How much, in minor units.
    pub amount: i64,
    /// Where it stands: `started`, `pending`, `done`, `refused`, or `unknown` while its answer is lost.
    #[schema(schema_with = words::operation_state)]
    pub state: OperationState,
    /// The provider's reason.
    #[schema(required = true)]
    pub reason: Option<ReasonDocument>,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A provider's reason, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReasonDocument {
    /// Status word.
    pub status: String,
    /// Code.
    pub code: String,
    /// Text.
    pub message: String,
}

/// One try at a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TryDocument {
    /// What became of it.
    #[schema(schema_with = words::try_state)]
    pub state: MovementState,
    /// The provider's reason, that of the bank.
    #[schema(required = true)]
    pub reason: Option<ReasonDocument>,
}

/// Why a payment could not be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FailureDocument {
    /// A word of the list of problem codes.
    pub code: String,
    /// The provider's code.
    #[schema(required = true)]
    pub provider_code: Option<String>,
    /// For people.
    pub detail: String,
}

/// The document of a payment.
pub fn payment_document(hub: &Hub, payment: &Payment) -> PaymentDocument {
    let detail = &payment.detail;
    let account = hub.settings.account(&payment.account_id);
    let is_payable = payment.status.is_open() && hub.clock.now() < payment.expires_at;
    PaymentDocument {
        id: payment.id.to_string(),
        object: "payment",
        reference: payment.order.reference.clone(),
        amount: payment.order.total.minor,
        currency: payment.order.total.currency,
        status: payment.status,
        certainty: payment.certainty,
        authorized: payment.authorized.minor,
        paid: payment.paid.minor,
        refunded: payment.refunded.minor,
        overpaid: payment.overpaid.minor,
        told: payment.told,
        description: payment.order.description.clone(),
        provider: payment.provider.clone(),
        account: payment.account_id.clone(),
        provider_reference: detail.provider_reference.clone(),
        provider_id: detail.provider_id.clone(),
        pay_url: detail.pay_url.clone().filter(|_| is_payable),
        lightbox: lightbox_document(hub, payment).filter(|_| is_payable),
        pay_code: detail.pay_code.clone(),
        status_url: hub.status_url(&payment.merchant_id, &payment.id),
        receipt: receipt_document(&detail.receipt),
        reason: reason_document(&detail.reason),
        last_try: detail
            .last_movement
            .as_ref()
            .map(|movement| TryDocument { state: movement.state, reason: reason_document(&movement.reason) }),
        failure: detail.failure.as_ref().map(failure_document),
        instrument: payment.order.instrument.as_ref().map(ToString::to_string),
        kept_instrument: detail.instrument.as_ref().map(ToString::to_string),
        recurrence: payment.order.recurrence.as_ref().map(Into::into),
        recurrence_of: detail.recurrence_of.as_ref().map(ToString::to_string),
        operations: detail.operations.iter().map(operation_document).collect(),
        division: division_document(hub, payment),
        rest_of: payment.order.rest_of.as_ref().map(ToString::to_string),
        reversible_until: reversible_until(hub, payment),
        decided_at: detail.decided_at,
        expires_at: payment.expires_at,
        created_at: payment.created_at,
        updated_at: payment.updated_at,
        version: payment.version,
        test: account.is_none_or(|account| account.environment != Environment::Production),
    }
}

/// A payment of a customer's that is still open after its provider was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PendingPaymentDocument {
    /// Always `pending_payment`.
    pub object: &'static str,
    /// The payment: its reference, its amount, and `pay_url` to go on with it while that is possible.
    pub payment: PaymentDocument,
    /// Whom the shopper asks about it.
    pub contact: ContactDocument,
    /// What to tell the shopper, in the language asked for.
    pub message: String,
}

/// Whom a shopper asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContactDocument {
    /// E-mail address.
    #[schema(required = true)]
    pub email: Option<String>,
    /// Telephone.
    #[schema(required = true)]
    pub phone: Option<String>,
}

/// The document of a payment that is pending.
pub fn pending_document(
    hub: &Hub,
    merchant: &Merchant,
    payment: &Payment,
    language: Language,
) -> PendingPaymentDocument {
    let Contact { email, phone } = merchant.contact.clone();
    PendingPaymentDocument {
        object: "pending_payment",
        payment: payment_document(hub, payment),
        contact: ContactDocument { email, phone },
        message: pending_message(merchant, payment, language),
    }
}

/// The document of a payment as JSON.
pub fn text(hub: &Hub, payment: &Payment) -> String {
    // There is nothing in it that JSON cannot write.
    serde_json::to_string(&payment_document(hub, payment)).unwrap_or_default()
}

/// The body of an event about a payment: what is signed and posted, byte for byte.
pub fn event_body(hub: &Hub, kind: &str, now: Timestamp, payment: &Payment) -> String {
    body(kind, now, &payment_document(hub, payment))
}

/// An instrument that a provider keeps for a customer of yours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InstrumentDocument {
    /// Its id, `ins_…`.
    pub id: String,
    /// Always `instrument`.
    pub object: &'static str,
    /// Your own id of the customer.
    pub customer: String,
    /// The provider.
    pub provider: String,
    /// The provider account.
    pub account: String,
    /// Whether it can be charged: `active`; not while it is `disputed`, waits to be taken away (`removing`), or is `removed`.
    #[schema(schema_with = words::instrument_state)]
    pub state: InstrumentState,
    /// The provider's own words for that.
    #[schema(required = true)]
    pub reason: Option<ReasonDocument>,
    /// The brand's name.
    #[schema(required = true)]
    pub brand: Option<String>,
    /// First six digits of the card, where the provider tells them.
    #[schema(required = true)]
    pub bin: Option<String>,
    /// Last four digits of the card.
    #[schema(required = true)]
    pub last_four: Option<String>,
    /// The last month in which it can be charged, `YYYY-MM`, where the provider tells it.
    #[schema(required = true)]
    pub valid_until: Option<String>,
    /// The payment with which it was kept.
    pub payment: String,
    /// When it was kept.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<&Instrument> for InstrumentDocument {
    fn from(instrument: &Instrument) -> Self {
        Self {
            id: instrument.id.to_string(),
            object: "instrument",
            customer: instrument.customer.clone(),
            provider: instrument.provider.clone(),
            account: instrument.account_id.clone(),
            state: instrument.state,
            reason: reason_document(&instrument.reason),
            brand: instrument.brand.clone(),
            bin: instrument.bin.clone(),
            last_four: instrument.last_four.clone(),
            valid_until: instrument.valid_until.clone(),
            payment: instrument.payment_id.to_string(),
            created_at: instrument.created_at,
            updated_at: instrument.updated_at,
        }
    }
}

/// The body of an event about an instrument.
pub fn instrument_event_body(kind: &str, now: Timestamp, instrument: &Instrument) -> String {
    body(kind, now, &InstrumentDocument::from(instrument))
}

/// The body of an event that tries an endpoint.
pub fn test_event_body(now: Timestamp, endpoint: &EndpointId) -> String {
    body(TEST_EVENT, now, &serde_json::json!({ "object": "event_endpoint", "id": endpoint.as_str() }))
}

/// The body of an event that tells that an endpoint was disabled, and why.
pub fn endpoint_disabled_body(now: Timestamp, endpoint: &EndpointId, reason: &str) -> String {
    let data = serde_json::json!({
        "object": "event_endpoint",
        "id": endpoint.as_str(),
        "disabled_reason": reason,
    });
    body(ENDPOINT_DISABLED_EVENT, now, &data)
}

/// The type of the event that tells of a status.
pub fn event_kind(status: Status) -> String {
    format!("payment.{}", status.word())
}

/// Every type of event.
pub fn event_kinds() -> Vec<String> {
    let mut kinds: Vec<_> = Status::ALL.into_iter().map(event_kind).collect();
    let others = [
        TEST_EVENT,
        ENDPOINT_DISABLED_EVENT,
        INSTRUMENT_KEPT_EVENT,
        INSTRUMENT_DISPUTED_EVENT,
        INSTRUMENT_REMOVED_EVENT,
    ];
    kinds.extend(others.map(ToOwned::to_owned));
    kinds
}

/// The document that the body of an event tells, byte for byte.
pub fn told_by(event_body: &str) -> Option<&str> {
    #[derive(Deserialize)]
    struct Told<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    serde_json::from_str::<Told<'_>>(event_body).ok().map(|told| told.data.get())
}

#[derive(Serialize)]
struct Body<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: Timestamp,
    data: &'a T,
}

fn body(kind: &str, timestamp: Timestamp, data: &impl Serialize) -> String {
    // Maps with text keys, texts and integers: there is nothing in it that JSON cannot write.
    serde_json::to_string(&Body { kind, timestamp, data }).unwrap_or_default()
}

/// For which orders there is one is the provider's to say.
fn lightbox_document(hub: &Hub, payment: &Payment) -> Option<LightboxDocument> {
    let (account, provider) = hub.account(&payment.account_id)?;
    payment.detail.pay_url.as_ref()?;
    let script_url = provider.lightbox(&payment.order, account)?;
    Some(LightboxDocument { script_url, back_url: hub.back_url(&payment.merchant_id, &payment.id) })
}

fn receipt_document(receipt: &Receipt) -> Option<ReceiptDocument> {
    if *receipt == Receipt::default() {
        return None;
    }
    let Receipt { authorization, number, method, method_name, issuer, last_four, instalments, agreement } =
        receipt.clone();
    Some(ReceiptDocument {
        authorization,
        number,
        method,
        method_name,
        issuer,
        last_four,
        instalments,
        agreement,
    })
}

fn division_document(hub: &Hub, payment: &Payment) -> Option<DivisionDocument> {
    let (collected, missing) = payment.collected_and_missing()?;
    let account = hub.account(&payment.account_id);
    let part = |part: &Part| PartDocument {
        amount: part.amount.minor,
        state: part.state,
        agreement: part.agreement.clone(),
        provider_id: part.provider_reference.clone(),
        reason: reason_document(&part.reason),
    };
    let mut parts: Vec<PartDocument> = payment.detail.parts.iter().map(part).collect();
    // Nobody has told anything yet.
    if parts.is_empty() {
        parts = payment::division::parts(&payment.order, &[]).iter().map(part).collect();
    }
    Some(DivisionDocument {
        collected: collected.minor,
        missing: missing.minor,
        policy: account
            .map_or_else(PartialPolicy::default, |(account, provider)| provider.partial_policy(account)),
        parts,
    })
}

/// Of what is with the merchant; an account whose charges are not given back by us has none.
fn reversible_until(hub: &Hub, payment: &Payment) -> Option<Timestamp> {
    let (account, provider) = hub.account(&payment.account_id)?;
    let charged_at = payment.detail.decided_at.filter(|_| payment.kept().minor > 0)?;
    provider.operations(account).refund?;
    provider.reversal_deadline(charged_at)
}

fn reason_document(reason: &Reason) -> Option<ReasonDocument> {
    if *reason == Reason::default() {
        return None;
    }
    let Reason { status, code, message } = reason.clone();
    Some(ReasonDocument { status, code, message })
}

fn operation_document(line: &OperationLine) -> OperationDocument {
    OperationDocument {
        id: line.id.to_string(),
        kind: line.kind,
        amount: line.amount,
        state: line.state,
        reason: reason_document(&line.reason),
        created_at: line.created_at,
    }
}

fn failure_document(failure: &Failure) -> FailureDocument {
    let Failure { code, provider_code, detail } = failure.clone();
    FailureDocument { code, provider_code, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_types_are_the_statuses_and_those_about_endpoints_and_instruments() {
        let kinds = event_kinds();
        assert_eq!(kinds.len(), Status::ALL.len() + 5);
        assert!(kinds.contains(&ENDPOINT_DISABLED_EVENT.to_owned()));
        assert!(kinds.contains(&"payment.approved".to_owned()));
        assert!(kinds.contains(&TEST_EVENT.to_owned()));
    }

    #[test]
    fn a_test_event_names_its_endpoint() {
        let id: EndpointId = format!("whe_{}", "0".repeat(32)).parse().expect("an id");
        let body = test_event_body("2026-03-14T15:00:00Z".parse().expect("time"), &id);
        let expected = format!(
            r#"{{"type":"endpoint.test","timestamp":"2026-03-14T15:00:00Z","data":{{"id":"{id}","object":"event_endpoint"}}}}"#
        );
        assert_eq!(body, expected);
    }

    #[test]
    fn a_receipt_and_a_reason_that_say_nothing_are_not_shown() {
        assert_eq!(receipt_document(&Receipt::default()), None);
        assert_eq!(reason_document(&Reason::default()), None);
        let receipt = Receipt { last_four: Some("1111".into()), ..Receipt::default() };
        assert!(receipt_document(&receipt).is_some());
    }
}
