//! ETpay: sessions whose notices are signed with a key of their own, and believed.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use etpay_client::EtPay;
use etpay_simulator::EtPay as Simulated;
use hub::settings::ConsoleAccess;
use hub::store::Payment;
use payment::account::Environment;
use payment::{Currency, Money, Order, Status};
use serde_json::json;
use simulation::NewAccount;
use simulation::hardship::{NoticeFault, RequestFault};
use testing::TestDatabase;

use crate::support::stage::{Cast, MERCHANT, Stage, order_of};

/// A payer of the test bank whose payment is done.
const PAYS: &str = "111111111";
/// One whose account has not enough.
const HAS_TOO_LITTLE: &str = "222222222";

fn order(reference: &str) -> Order {
    order_of(reference, Money::new(24_990, Currency::Clp))
}

async fn stage(database: &TestDatabase) -> Stage {
    let cast = Cast {
        protocol: Arc::new(EtPay),
        simulator: Box::new(Simulated::new()),
        account: "tienda-etpay",
        order,
    };
    let pages = |wanted: &mut NewAccount| {
        wanted.settings.insert("success_url".into(), "http://tienda.localhost:4042/gracias".into());
        wanted.settings.insert("failure_url".into(), "http://tienda.localhost:4042/lo-sentimos".into());
    };
    Stage::build(database, cast, pages, Environment::Test, |_| {}).await
}

/// Goes through the funnel without scripts, up to the end that the payer's RUT stands for.
async fn go_through_funnel(stage: &Stage, payment: &Payment, rut: &str) {
    let pay_url = payment.detail.pay_url.clone().expect("somewhere to pay");
    let funnel =
        format!("http://{}{}", stage.sandbox.address(stage.provider).expect("a port"), pay_url.path());
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

fn session(payment: &Payment) -> String {
    payment.detail.provider_id.clone().expect("a session")
}

testing::both_databases! {
    async fn a_transfer_is_approved_by_its_signed_notice_and_nobody_is_asked(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-1").await;
        assert_eq!(payment.status, Status::RequiresAction);
        go_through_funnel(&stage, &payment, PAYS).await;
        stage.settle().await;
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stands.paid, Money::new(24_990, Currency::Clp));
        assert_eq!(stage.verdicts().await, ["valid"]);
        assert_eq!(stage.requests("check_payment_status"), 0, "a verified notice is believed");
        testing::covers!("ET-01", "ET-23");
    }

    async fn a_return_proves_nothing_and_leads_to_the_same_place_after_every_end(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-11").await;
        let journal = stage.sandbox.steering.journal(0, Some("etpay"), 1000);
        let creation = journal.iter().find(|entry| entry.operation == "initialize_session").expect("a creation");
        let body = serde_json::to_value(&creation.body).expect("JSON");
        let body: serde_json::Value =
            serde_json::from_str(body["text"].as_str().expect("a text")).expect("JSON");
        assert_eq!(body["payment_completed_url"], body["payment_cancellation_url"], "both addresses are one");
        let attempts = stage.hub.store.attempts(MERCHANT, &payment.id).await.expect("attempts");
        assert_eq!((attempts.len(), &body["merchant_order_id"]), (1, &json!(attempts[0].reference)));
        testing::covers!("ET-09");
        // The success address opened by hand, with nothing paid and nothing told.
        stage.come_back(&payment).await;
        stage.settle().await;
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
        testing::covers!("ET-18");
        go_through_funnel(&stage, &payment, HAS_TOO_LITTLE).await;
        stage.settle().await;
        stage.come_back(&payment).await;
        stage.expect(&payment, Status::Rejected, 0).await;
        let registered = format!("{}/notices/etpay/tienda-etpay", stage.hub_url);
        let opened = stage.sandbox.steering.accounts()["etpay"][0].clone();
        assert_eq!(opened.notification_url, Some(registered));
        assert_eq!(stage.verdicts().await, ["valid"], "it was posted there, and taken");
        testing::covers!("ET-17", "ET-20");
    }

    async fn the_attempt_s_payment_token_is_kept_and_shown_to_the_operator(database: TestDatabase) {
        let sha256 = digest(&SHA256, b"una clave de operador").as_ref().try_into().expect("32 bytes");
        let console = ConsoleAccess { user: "operadora".into(), password_sha256: sha256 };
        let cast =
            Cast { protocol: Arc::new(EtPay), simulator: Box::new(Simulated::new()), account: "tienda-etpay", order };
        let stage =
            Stage::build(&database, cast, |_| {}, Environment::Test, |settings| settings.console = Some(console)).await;
        let payment = stage.order("PEDIDO-12").await;
        go_through_funnel(&stage, &payment, PAYS).await;
        stage.settle().await;
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        let attempt = stage.command("attempt", json!({ "session_token": session(&payment) }));
        let payment_token = attempt["payment_token"].as_str().expect("a token");
        let kept = stands.detail.last_movement.expect("the charge").provider_reference;
        assert_eq!(kept, payment_token);
        let page = format!("{}/console/{MERCHANT}/payments/{}", stage.hub_url, payment.id);
        let asked = stage.browser.get(page).basic_auth("operadora", Some("una clave de operador")).send().await;
        let html = asked.expect("the console").text().await.expect("a page");
        assert!(html.contains(payment_token), "the console shows it");
        testing::covers!("ET-26");
    }

    async fn a_refused_transfer_is_told_and_costs_nothing(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-2").await;
        go_through_funnel(&stage, &payment, HAS_TOO_LITTLE).await;
        stage.settle().await;
        stage.expect(&payment, Status::Rejected, 0).await;
    }

    async fn a_lost_notice_is_found_by_the_probe(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-3").await;
        for _ in 0..3 {
            stage.spoil_notice(NoticeFault::Lost);
        }
        go_through_funnel(&stage, &payment, PAYS).await;
        stage.settle().await;
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction, "nobody has told");
        stage.advance(15 * 60).await;
        stage.expect(&payment, Status::Approved, 1).await;
        assert!(stage.requests("check_payment_status") >= 1);
    }

    async fn a_notice_that_comes_twice_has_one_effect(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-4").await;
        stage.spoil_notice(NoticeFault::Doubled { deliveries: 2 });
        go_through_funnel(&stage, &payment, PAYS).await;
        stage.settle().await;
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stands.overpaid.minor, 0);
        let mut verdicts = stage.verdicts().await;
        verdicts.sort_unstable();
        assert_eq!(verdicts, ["repeated", "valid"]);
    }

    async fn forged_notices_change_nothing(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-5").await;
        stage.order("PEDIDO-6").await;
        let kinds = [
            "other_key", "session_token_key", "other_session", "alg_none", "alg_hs512", "alg_rs256",
            "changed_claims", "truncated", "padded",
        ];
        for kind in kinds {
            stage.command("attack", json!({ "session_token": session(&payment), "kind": kind }));
            stage.settle().await;
            assert_eq!(stage.now(&payment).await.status, Status::RequiresAction, "{kind}");
        }
        let verdicts = stage.verdicts().await;
        assert_eq!(verdicts.len(), kinds.len());
        assert!(verdicts.iter().all(|verdict| verdict == "forged" || verdict == "unreadable"), "{verdicts:?}");
        testing::covers!("ET-22", "ET-24");
    }

    async fn a_signed_notice_that_says_other_than_the_order_settles_nothing(database: TestDatabase) {
        let stage = stage(&database).await;
        for (number, kind) in ["wrong_amount", "wrong_currency", "wrong_order"].into_iter().enumerate() {
            let payment = stage.order(&format!("PEDIDO-7{number}")).await;
            stage.command("attack", json!({ "session_token": session(&payment), "kind": kind }));
            stage.settle().await;
            let stands = stage.now(&payment).await;
            assert!(stands.status.is_open() && stands.paid.minor == 0, "{kind}: {}", stands.status);
            let cases = stage.hub.store.cases_of(MERCHANT, &payment.id).await.expect("cases");
            let is_told = cases.iter().any(|case| case.kind == "conflict");
            assert_eq!(is_told, kind != "wrong_order", "{kind}: a notice of another order is about something else");
        }
    }

    async fn a_status_that_is_not_the_word_for_paid_is_not_paid(database: TestDatabase) {
        let stage = stage(&database).await;
        for (number, kind) in ["status_true_as_text", "status_one", "status_upper_case"].into_iter().enumerate() {
            let payment = stage.order(&format!("PEDIDO-6{number}")).await;
            stage.command("attack", json!({ "session_token": session(&payment), "kind": kind }));
            stage.settle().await;
            assert_eq!(stage.now(&payment).await.paid.minor, 0, "{kind}");
        }
    }

    async fn a_session_of_which_nobody_tells_expires_by_the_hub_s_own_clock(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-8").await;
        for _ in 0..3 {
            stage.spoil_notice(NoticeFault::Lost);
        }
        stage.advance(29 * 60).await;
        assert!(stage.now(&payment).await.status.is_open());
        stage.advance(12 * 60).await;
        assert!(!stage.now(&payment).await.status.is_open());
        stage.expect(&payment, stage.now(&payment).await.status, 0).await;
    }

    async fn a_lost_creation_is_begun_anew_and_charged_once(database: TestDatabase) {
        let stage = stage(&database).await;
        stage.spoil_request("initialize_session", RequestFault::ResetAfterEffect);
        let payment = stage.order("PEDIDO-9").await;
        go_through_funnel(&stage, &payment, PAYS).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stage.requests("initialize_session"), 2);
    }

    async fn no_key_of_a_session_stands_in_the_record_in_clear(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-10").await;
        let calls = stage.hub.store.calls(MERCHANT, &payment.id).await.expect("calls");
        let subject = payment::Subject {
            account: stage.account.into(),
            kind: payment::subject::SubjectKind::Attempt,
            provider_reference: session(&payment),
        };
        let keyed =
            stage.hub.store.claimed_attempt(MERCHANT, &subject).await.expect("the store").expect("a key");
        let (attempt, sealed) = (keyed.attempt_id, keyed.sealed_key.expect("its key"));
        let key = stage.hub.vault.open(&format!("attempt/key/{attempt}"), &sealed).expect("our own seal");
        let key = String::from_utf8(key).expect("text");
        assert_eq!(key.len(), 64, "the signature token");
        assert!(!String::from_utf8_lossy(&sealed).contains(&key));
        for call in &calls {
            assert!(!call.answer_body.contains(&key) && !call.request_body.contains(&key), "{}", call.answer_body);
        }
        assert!(calls.iter().any(|call| call.answer_body.contains("signature_token")), "the answer is there, masked");
        testing::covers!("ET-13");
    }
}
