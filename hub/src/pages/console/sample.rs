//! Records for the samples of pages: every free text would be markup if it were not escaped.

use std::net::IpAddr;

use payment::charges::Charges;
use payment::division::{Part, PartState};
use payment::fact::{Ending, Opening, Outcome, Reason, Telling};
use payment::id::{AttemptId, CaseId, EndpointId, EventId, InstrumentId, NoticeId, PaymentId};
use payment::instrument::{InstrumentTelling, KeepingState};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::operation::{OperationKind, OperationState};
use payment::order::{Detail, DetailKind, ExtraField, Item, Language, Shopper, Shown, Tax, TaxKind};
use payment::person::{Document, Person};
use payment::recurrence::{Period, Recurred, Recurrence};
use payment::summary::Certainty;
use payment::{Currency, Entropy, Fact, FactKind, Money, Order, Status, Timestamp};
use url::Url;

use crate::store::{
    Attempt, CallLine, Case, Delivery, DeliveryTry, Event, Failure, Instrument, InstrumentState, NoticeLine,
    OperationLine, Payment, PaymentDetail, RecordedFact, StatusChange,
};

const CHANCE: Entropy = Entropy::new([7; 32]);

fn xss() -> String {
    "<xss>".into()
}

pub(super) fn at() -> Timestamp {
    "2026-03-14T15:00:00Z".parse().expect("a time")
}

fn total() -> Money {
    Money::new(11_900_000, Currency::Cop)
}

fn reason() -> Reason {
    Reason { status: "PENDING<xss>".into(), code: "?-<xss>".into(), message: xss() }
}

fn payment_id() -> PaymentId {
    PaymentId::new(at(), CHANCE)
}

fn attempt_id() -> AttemptId {
    AttemptId::new(at(), CHANCE)
}

fn person() -> Person {
    let document = Document { country: xss(), kind: xss(), number: xss() };
    Person {
        is_company: false,
        name: Some(xss()),
        surname: Some(xss()),
        document: Some(document),
        email: Some(xss()),
        mobile: Some(xss()),
        address: None,
    }
}

fn order() -> Order {
    let amount = Money::new(1_900_000, Currency::Cop);
    Order {
        reference: xss(),
        total: total(),
        description: Some(xss()),
        taxes: vec![Tax { kind: TaxKind::ValueAddedTax, amount, base: Some(total()) }],
        details: vec![Detail { kind: DetailKind::Subtotal, amount }],
        items: vec![Item {
            sku: Some(xss()),
            name: xss(),
            is_digital: false,
            quantity: 2,
            price: amount,
            tax: None,
        }],
        buyer: Some(person()),
        payer: Some(person()),
        shipping: None,
        expires_at: None,
        return_url: Url::parse("https://tienda.example/fin?x=%22%3E%3Cxss%3E").ok(),
        language: Language::Es,
        methods: vec![xss()],
        extra: vec![ExtraField { keyword: xss(), value: xss(), shown: Shown::Both }],
        customer: None,
        keep_instrument: false,
        instrument: None,
        is_shopper_away: false,
        instalments: None,
        allow_partial: false,
        dispersion: vec![],
        recurrence: Some(Recurrence {
            period: Period::Month,
            interval: 2,
            next: None,
            most: Some(12),
            until: None,
        }),
        rest_of: None,
        shopper: Shopper { ip: IpAddr::from([203, 0, 113, 24]), user_agent: xss() },
    }
}

fn movement() -> Movement {
    Movement {
        kind: MovementKind::Charge,
        provider_reference: "17<xss>".into(),
        parent: None,
        amount: total(),
        state: MovementState::Pending,
        at: at(),
        reason: reason(),
        receipt: receipt(),
    }
}

fn receipt() -> Receipt {
    Receipt {
        authorization: Some(xss()),
        number: Some(xss()),
        method: Some(xss()),
        method_name: Some(xss()),
        issuer: Some(xss()),
        last_four: Some(xss()),
        instalments: Some(3),
        agreement: Some(xss()),
    }
}

pub(in super::super) fn payment(status: Status) -> Payment {
    let minutes = |count| at() + jiff::SignedDuration::from_mins(count);
    Payment {
        id: payment_id(),
        merchant_id: "uno".into(),
        order: order().into(),
        provider: xss(),
        account_id: xss(),
        status,
        certainty: Certainty::Unknown,
        authorized: Money::zero(Currency::Cop),
        paid: total(),
        refunded: Money::zero(Currency::Cop),
        overpaid: Money::new(1, Currency::Cop),
        told: None,
        detail: PaymentDetail {
            provider_reference: Some(xss()),
            provider_id: Some(xss()),
            pay_url: Url::parse("http://pago.localhost/x?y=%22%3E%3Cxss%3E").ok(),
            pay_code: Some(xss()),
            reason: reason(),
            last_movement: Some(movement()),
            receipt: receipt(),
            decided_at: Some(minutes(2)),
            operations: vec![OperationLine {
                id: format!("op_{}", "0".repeat(32)).parse().expect("an id"),
                kind: OperationKind::Refund,
                amount: 100,
                state: OperationState::Unknown,
                reason: reason(),
                created_at: at(),
            }],
            instrument: format!("ins_{}", "0".repeat(32)).parse().ok(),
            awaits_instrument: false,
            parts: vec![part()],
            awaits_return: false,
            recurrence_of: Some(payment_id()),
            failure: Some(Failure { code: xss(), provider_code: Some(xss()), detail: xss() }),
        },
        idempotency_key: xss(),
        expires_at: minutes(30),
        version: 3,
        created_at: at(),
        updated_at: minutes(2),
    }
}

fn part() -> Part {
    Part {
        agreement: Some(xss()),
        amount: total(),
        state: PartState::ReversalRefused,
        provider_reference: Some(xss()),
        reason: reason(),
    }
}

pub(super) fn instrument(state: InstrumentState) -> Instrument {
    Instrument {
        id: InstrumentId::new(at(), CHANCE),
        merchant_id: "uno".into(),
        account_id: xss(),
        provider: xss(),
        customer: xss(),
        payment_id: payment_id(),
        provider_reference: xss(),
        digest: xss(),
        sealed_token: None,
        brand: Some(xss()),
        bin: Some(xss()),
        last_four: Some(xss()),
        valid_until: Some(xss()),
        state,
        reason: reason(),
        charges: Charges::default(),
        created_at: at(),
        updated_at: at(),
    }
}

pub(super) fn facts() -> Vec<Fact> {
    let telling = || Telling { reason: reason() };
    let opening = Opening {
        provider_reference: xss(),
        pay_url: Url::parse("http://pago.localhost/x").ok(),
        pay_code: Some(xss()),
        expires_at: at(),
    };
    let kinds = [
        FactKind::Opened(opening),
        FactKind::Waiting(telling()),
        FactKind::InProgress(telling()),
        FactKind::PartlyPaid(telling()),
        FactKind::Ended(Ending { outcome: Outcome::Rejected, reason: reason() }),
        FactKind::Moved(movement()),
        FactKind::Unrecognized(telling()),
        FactKind::Contradicted { detail: xss() },
        FactKind::NotOpened(telling()),
        FactKind::Unanswered,
        FactKind::AskedAgain,
        FactKind::Instrument(InstrumentTelling {
            provider_reference: xss(),
            state: KeepingState::Kept,
            digest: xss(),
            brand: Some(xss()),
            bin: Some(xss()),
            last_four: Some(xss()),
            valid_until: Some(xss()),
            reason: reason(),
        }),
        FactKind::Recurred(Recurred {
            provider_reference: xss(),
            state: MovementState::Approved,
            reason: reason(),
            tries: Some(1),
            has_more: Some(true),
        }),
        FactKind::TimedOut,
        FactKind::Told { outcome: Outcome::Rejected },
    ];
    kinds.into_iter().map(|kind| Fact::new(at(), kind)).collect()
}

pub(super) fn recorded_facts() -> Vec<RecordedFact> {
    let recorded = |fact| RecordedFact { attempt_id: attempt_id(), fact, source: xss(), recorded_at: at() };
    facts().into_iter().map(recorded).collect()
}

pub(super) fn attempt() -> Attempt {
    Attempt {
        id: attempt_id(),
        merchant_id: "uno".into(),
        payment_id: payment_id(),
        ordinal: 1,
        account_id: xss(),
        reference: xss(),
        provider_reference: Some(xss()),
        state: xss(),
        expires_at: at(),
        created_at: at(),
    }
}

pub(super) fn call(status: Option<i64>) -> CallLine {
    CallLine {
        id: "1".into(),
        attempt_id: attempt_id(),
        operation: xss(),
        request_line: xss(),
        request_body: "{\"a\":\"<xss>\"}".into(),
        outcome: xss(),
        status,
        answer_body: xss(),
        duration_us: status.map(|_| 12_345),
        started_at: at(),
    }
}

pub(super) fn notice(verdict: &str) -> NoticeLine {
    NoticeLine {
        id: NoticeId::new(at(), CHANCE),
        account_id: xss(),
        payment_id: Some(payment_id()),
        verdict: verdict.into(),
        reason: xss(),
        peer: xss(),
        body_bytes: 120,
        reply_status: 403,
        received_at: at(),
    }
}

pub(super) fn event() -> Event {
    Event {
        id: EventId::new(at(), CHANCE),
        merchant_id: "uno".into(),
        payment_id: Some(payment_id()),
        kind: xss(),
        body: "{\"type\":\"<xss>\"}".into(),
        change: Some(StatusChange {
            version: 2,
            from: Status::Created,
            to: Status::RequiresAction,
            certainty: Certainty::Confirmed,
            source: xss(),
        }),
        created_at: at(),
    }
}

pub(super) fn delivery() -> Delivery {
    Delivery {
        event_id: EventId::new(at(), CHANCE),
        endpoint_id: EndpointId::new(at(), CHANCE),
        state: xss(),
        tries: 2,
        next_at: Some(at()),
        last_result: Some(xss()),
    }
}

pub(super) fn delivery_try() -> DeliveryTry {
    DeliveryTry {
        endpoint_id: EndpointId::new(at(), CHANCE),
        number: 1,
        at: at(),
        result: xss(),
        duration_us: 12_345,
        answer: xss(),
    }
}

pub(super) fn case() -> Case {
    Case { id: CaseId::new(at(), CHANCE), payment_id: payment_id(), kind: xss(), opened_at: at() }
}
