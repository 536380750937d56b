//! Aval Pay: a card in the hosted page.

use std::sync::Arc;

use hub::store::Payment;
use payment::{Currency, Money, Status};
use placetopay_client::checkout::AvalPay;
use placetopay_simulator::AvalPay as Simulated;
use serde_json::json;
use simulation::hardship::NoticeFault;

use super::Player;
use crate::support::avalpay::{ACCOUNT, APPROVED_CARD, DENIED_CARD, PROVIDER, type_card};
use crate::support::stage::{Stage, order_of};

/// Declined cards after which the provider closes a session.
const ATTEMPTS_LIMIT: usize = 10;

pub fn player() -> Player {
    Player {
        provider: PROVIDER,
        protocol_file: "placetopay/checkout/PROTOCOL.md",
        protocol: || Arc::new(AvalPay),
        simulator: || Box::new(Simulated::new()),
        account: ACCOUNT,
        open: |_| {},
        order: |reference| order_of(reference, Money::new(11_900_000, Currency::Cop)),
        pay: |stage, payment| Box::pin(pay(stage, payment, APPROVED_CARD)),
        pay_unknown: |_, _| false,
        decline: (|stage, payment| Box::pin(decline(stage, payment)), Status::Rejected),
        forge: |stage, payment| Box::pin(forge(stage, payment)),
        creation: "create_session",
        unknown: ("query_session", "status.status", || json!("MANUAL")),
        tells_state_before_charge: true,
        deliveries: 1,
        only_hints: false,
        probe_s: 10 * 60,
        expiry_s: 31 * 60,
        secrets: &[APPROVED_CARD],
        absences: &[],
    }
}

async fn pay(stage: &Stage, payment: &Payment, card: &str) {
    let status = type_card(stage, payment, card, &[]).await;
    assert!(!(400..500).contains(&status), "{status}");
}

async fn decline(stage: &Stage, payment: &Payment) {
    for _ in 0..ATTEMPTS_LIMIT {
        pay(stage, payment, DENIED_CARD).await;
    }
}

/// A genuine notice with another signature.
async fn forge(stage: &Stage, payment: &Payment) {
    stage.spoil_notice(NoticeFault::ForgedSignature);
    pay(stage, payment, APPROVED_CARD).await;
}
