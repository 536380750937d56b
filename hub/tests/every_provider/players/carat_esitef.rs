//! Carat e-SiTef: a card on the portal's page.

use std::sync::Arc;

use carat_esitef_client::CaratEsitef;
use carat_esitef_simulator::CaratEsitef as Simulated;
use hub::store::Payment;
use payment::{Currency, Money, Status};
use serde_json::json;

use super::Player;
use crate::support::stage::{Stage, between, order_of};

/// A published card of the vendor's, which is approved.
const CARD: &str = "4000000000000044";

pub fn player() -> Player {
    Player {
        provider: "carat_esitef",
        protocol_file: "carat_esitef/PROTOCOL.md",
        protocol: || Arc::new(CaratEsitef),
        simulator: || Box::new(Simulated::new()),
        account: "loja-carat",
        open: |wanted| {
            let url = wanted.notification_url.take().expect("an address");
            wanted.notification_url = Some(format!("{url}/status"));
            wanted.settings.insert("storage_url".into(), format!("{url}/storage"));
            wanted.settings.insert("authenticity_url".into(), format!("{url}/authenticity"));
        },
        order: |reference| order_of(reference, Money::new(11_900, Currency::Brl)),
        pay: |stage, payment| Box::pin(pay(stage, payment)),
        pay_unknown: |_, _| false,
        decline: (|stage, payment| Box::pin(decline(stage, payment)), Status::Rejected),
        forge: |stage, payment| Box::pin(forge(stage, payment)),
        creation: "init",
        unknown: ("query_transaction", "payment.status", || json!("XYZ")),
        tells_state_before_charge: false,
        deliveries: 4,
        only_hints: true,
        probe_s: 6 * 60,
        expiry_s: 35 * 60,
        secrets: &[CARD],
        absences: &[],
    }
}

/// Goes through the portal's page without scripts.
async fn pay(stage: &Stage, payment: &Payment) {
    let pay_url = payment.detail.pay_url.clone().expect("somewhere to pay");
    let portal = format!("http://{}", stage.sandbox.address(stage.provider).expect("a port"));
    let page = format!("{portal}{}?{}", pay_url.path(), pay_url.query().expect("the transaction"));
    let answer = stage.browser.get(page).send().await.expect("the page");
    assert_eq!(answer.status(), 200);
    let form = between(&answer.text().await.expect("a page"), "id=\"card-form\"", "</form>");
    let action = between(&form, "action=\"", "\"");
    let typed = [
        ("esitef-cardnumber", CARD),
        ("esitef-cardexpirydate", "1230"),
        ("esitef-cardsecuritycode", "123"),
        ("esitef-cardholder", "Ana Prueba"),
    ];
    let answer = stage.browser.post(format!("{portal}{action}")).form(&typed).send().await;
    assert_eq!(answer.expect("an answer").status(), 302, "{form}");
}

/// The acquirer denies the next try, whatever the card.
async fn decline(stage: &Stage, payment: &Payment) {
    let reference = payment.detail.provider_reference.clone().expect("a reference");
    stage.command("script", json!({ "reference": reference, "outcomes": ["denied"] }));
    pay(stage, payment).await;
}

/// Notices of other transactions and numbers, one that says two things, and one at another address.
async fn forge(stage: &Stage, payment: &Payment) {
    let nit = payment.detail.provider_id.clone().expect("a transaction");
    let reference = payment.detail.provider_reference.clone().expect("a reference");
    let unknown = "f".repeat(64);
    let others: [(&str, &[(&str, &str)]); 5] = [
        ("status", &[("nit", &unknown), ("nsu", &reference), ("status", "CON")]),
        ("status", &[("nit", &nit), ("nsu", "1"), ("status", "CON")]),
        ("status", &[("nit", &nit), ("status", "CON"), ("status", "NEG")]),
        ("storage", &[("nita", &unknown), ("nsu", &reference), ("status", "CON")]),
        ("outro", &[("nit", &nit), ("nsu", &reference), ("status", "CON")]),
    ];
    for (route, form) in others {
        let url = format!("{}/notices/{}/{}/{route}", stage.hub_url, stage.provider, stage.account);
        let status = stage.browser.post(url).form(form).send().await.expect("an answer").status();
        assert!(status.is_client_error(), "{route} {form:?}: {status}");
        stage.settle().await;
    }
}
