//! PagoEfectivo: a code that is paid at a counter.

use std::sync::Arc;

use hub::store::Payment;
use pagoefectivo_client::PagoEfectivo;
use pagoefectivo_simulator::PagoEfectivo as Simulated;
use payment::order::Order;
use payment::person::Person;
use payment::{Currency, Money, Status};
use serde_json::json;
use simulation::hardship::NoticeFault;

use super::{Absence, Player};
use crate::support::stage::{Stage, order_of};

/// Deliveries by which the provider tells of a payment, all in all.
const DELIVERIES: usize = 2;

pub fn player() -> Player {
    Player {
        provider: "pagoefectivo",
        protocol_file: "pagoefectivo/PROTOCOL.md",
        protocol: || Arc::new(PagoEfectivo),
        simulator: || Box::new(Simulated::new()),
        account: "tienda-pagoefectivo",
        open: |_| {},
        order: |reference| Order {
            buyer: Some(Person { email: Some("rosa.prueba@correo.example".into()), ..Person::default() }),
            ..order_of(reference, Money::new(14_990, Currency::Pen))
        },
        pay: |stage, payment| Box::pin(async { pay(stage, payment) }),
        pay_unknown,
        decline: (|_, _| Box::pin(async {}), Status::RequiresAction),
        forge: |stage, payment| Box::pin(forge(stage, payment)),
        creation: "create_cip",
        // Number and name of the state disagree then.
        unknown: ("search_cips", "data.0.status", || json!(22)),
        tells_state_before_charge: false,
        deliveries: DELIVERIES,
        only_hints: false,
        probe_s: 20 * 60,
        expiry_s: 24 * 3600 + 20 * 60,
        secrets: &[],
        absences: &[
            Absence {
                hardship: "declined",
                number: "7.2",
                words: "Generated becomes paid, expired or deleted",
            },
            Absence {
                hardship: "refund",
                number: "7.3",
                words: "There is no refund and no reversal in this API",
            },
        ],
    }
}

fn pay(stage: &Stage, payment: &Payment) {
    let code: u64 = payment.detail.pay_code.as_deref().expect("a code").parse().expect("a number");
    stage.command("pay", json!({ "cip": code }));
}

/// Pays the code that the provider made for this payment and the hub knows nothing of, when there is one.
fn pay_unknown(stage: &Stage, payment: &Payment) -> bool {
    let listed = stage.command("cips", json!({}));
    let cips = listed["cips"].as_array().expect("a list");
    let reference = payment.detail.provider_reference.as_deref().expect("a reference");
    let Some(cip) = cips.iter().find(|cip| cip["transaction_code"] == reference) else { return false };
    stage.command("pay", json!({ "cip": cip["cip"] }));
    true
}

/// The code is paid, its own notices are lost, and forged ones come in their place.
async fn forge(stage: &Stage, payment: &Payment) {
    for _ in 0..DELIVERIES {
        stage.spoil_notice(NoticeFault::Lost);
    }
    pay(stage, payment);
    stage.settle().await;
    let code: u64 = payment.detail.pay_code.as_deref().expect("a code").parse().expect("a number");
    for variant in ["wrong_signature", "no_signature", "changed_body"] {
        stage.command("notify", json!({ "cip": code, "variant": variant }));
        stage.settle().await;
    }
}
