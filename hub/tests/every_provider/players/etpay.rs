//! ETpay: a transfer through the funnel.

use std::sync::Arc;

use etpay_client::EtPay;
use etpay_simulator::EtPay as Simulated;
use hub::store::Payment;
use payment::{Currency, Money, Status};
use serde_json::json;

use super::{Absence, Player};
use crate::support::stage::{Stage, order_of};

/// A payer of the test bank whose payment is done, and one whose account has not enough.
const PAYS: &str = "111111111";
const HAS_TOO_LITTLE: &str = "222222222";

pub fn player() -> Player {
    Player {
        provider: "etpay",
        protocol_file: "etpay/PROTOCOL.md",
        protocol: || Arc::new(EtPay),
        simulator: || Box::new(Simulated::new()),
        account: "tienda-etpay",
        open: |wanted| {
            wanted.settings.insert("success_url".into(), "http://tienda.localhost:4042/gracias".into());
            wanted.settings.insert("failure_url".into(), "http://tienda.localhost:4042/lo-sentimos".into());
        },
        order: |reference| order_of(reference, Money::new(24_990, Currency::Clp)),
        pay: |stage, payment| Box::pin(go_through_funnel(stage, payment, PAYS)),
        pay_unknown: |_, _| false,
        decline: (
            |stage, payment| Box::pin(go_through_funnel(stage, payment, HAS_TOO_LITTLE)),
            Status::Rejected,
        ),
        forge: |stage, payment| Box::pin(forge(stage, payment)),
        creation: "initialize_session",
        unknown: ("check_payment_status", "0.payment_status", || json!("confirming")),
        tells_state_before_charge: false,
        deliveries: 3,
        only_hints: false,
        probe_s: 15 * 60,
        expiry_s: 41 * 60,
        secrets: &["Cuenta Corriente 12345678", "111111111"],
        absences: &[Absence { hardship: "refund", number: "9.3", words: "D-16: no refund by API." }],
    }
}

async fn go_through_funnel(stage: &Stage, payment: &Payment, rut: &str) {
    let pay_url = payment.detail.pay_url.clone().expect("somewhere to pay");
    let address = stage.sandbox.address(stage.provider).expect("a port");
    let funnel = format!("http://{address}{}", pay_url.path());
    let steps: [(&str, &[(&str, &str)]); 5] = [
        ("bank", &[("bank", "cl_test")]),
        ("credentials", &[("rut", rut), ("password", "1111")]),
        ("account", &[]),
        ("dynamic-key", &[("dynamic_key", "11111111")]),
        ("second-factor", &[("second_factor", "12")]),
    ];
    assert_eq!(stage.browser.get(&funnel).send().await.expect("the funnel").status(), 200);
    for (step, form) in steps {
        let answer = stage.browser.post(format!("{funnel}/{step}")).form(form).send().await;
        let status = answer.expect("an answer").status().as_u16();
        assert!(matches!(status, 200 | 302 | 303), "{step}: {status}");
    }
}

async fn forge(stage: &Stage, payment: &Payment) {
    let session = payment.detail.provider_id.clone().expect("a session");
    for kind in ["other_key", "session_token_key", "alg_none", "alg_hs512", "changed_claims", "truncated"] {
        stage.command("attack", json!({ "session_token": session, "kind": kind }));
        stage.settle().await;
    }
}
