//! Aval Pay: a card in the hosted page.

use std::sync::Arc;

use hub::store::Payment;
use payment::{Currency, Money, Status};
use placetopay_client::checkout::AvalPay;
use placetopay_simulator::AvalPay as Simulated;
use serde_json::json;
use simulation::hardship::NoticeFault;

use super::{Player, order_of};
use crate::support::stage::{Stage, between};

const APPROVED_CARD: &str = "4110760000000081";
const DENIED_CARD: &str = "4110760000000016";
/// Declined cards after which the provider closes a session.
const ATTEMPTS_LIMIT: usize = 10;

pub fn player() -> Player {
    Player {
        provider: "avalpay",
        protocol_file: "placetopay/checkout/PROTOCOL.md",
        protocol: || Arc::new(AvalPay),
        simulator: || Box::new(Simulated::new()),
        account: "tienda-avalpay",
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
    let page = payment.detail.pay_url.clone().expect("somewhere to pay").to_string();
    let email = [("email", "compradora@correo.example")];
    stage.browser.post(format!("{page}/email")).form(&email).send().await.expect("the e-mail step");
    let form = stage.browser.get(format!("{page}/card")).send().await.expect("the card form");
    let token = between(&form.text().await.expect("a page"), "name=\"form_token\" value=\"", "\"");
    let fields = [
        ("form_token", token.as_str()),
        ("card_number", card),
        ("expiry", "11/30"),
        ("cvv", "123"),
        ("installments", "1"),
        ("holder_name", "Mariana"),
        ("holder_surname", "Prueba"),
        ("document_type", "CC"),
        ("document", "1093847561"),
        ("mobile", "3005550147"),
    ];
    let answer =
        stage.browser.post(format!("{page}/card")).form(&fields).send().await.expect("the card step");
    assert!(!answer.status().is_client_error(), "{}", answer.status());
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
