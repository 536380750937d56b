//! Answers that are no answers: nothing is believed, and the hub asks again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use payment::{Status, summary::Certainty};
use serde_json::json;
use simulation::hardship::{NoticeFault, RequestFault};
use testing::TestDatabase;

use crate::stage::{ACCOUNT, APPROVED_CARD, MERCHANT, Stage};

const PATIENCE: Duration = Duration::from_secs(20);

testing::both_databases! {
    async fn an_answer_that_is_no_answer_changes_nothing_and_is_asked_for_again(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-31").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        let faults = [
            RequestFault::HtmlPage,
            RequestFault::EmptyBody,
            RequestFault::NullJson,
            RequestFault::Truncated,
            RequestFault::WrongTypes,
            RequestFault::Huge { bytes: 4 * 1024 * 1024 },
            RequestFault::HttpStatus { status: 500, retry_after: None, after_effect: false },
            RequestFault::ResetAfterEffect,
        ];
        for fault in faults {
            let told = format!("{fault:?}");
            stage.spoil_request("query_session", fault);
            stage.come_back(&payment).await;
            let stands = stage.now(&payment).await;
            assert_eq!((stands.status, stands.version), (Status::RequiresAction, payment.version), "{told}");
        }
        stage.come_back(&payment).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn a_provider_slower_than_its_time_out_keeps_no_shopper_and_is_asked_again(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-30").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        stage.spoil_request("query_session", RequestFault::Delay { ms: 10_500 });
        assert_eq!(stage.come_back(&payment).await, 303, "the shopper goes on before the answer");
        let asked = testing::until(PATIENCE, async || (stage.hub.busy.load(Ordering::SeqCst) == 0).then_some(()));
        asked.await;
        assert_eq!(stage.now(&payment).await.version, payment.version);
        stage.come_back(&payment).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn a_failed_authentication_is_never_a_rejected_payment(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-32").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        stage.command("set_account", json!({ "account": ACCOUNT, "setting": "state", "value": "inactive" }));
        stage.come_back(&payment).await;
        let stands = stage.now(&payment).await;
        assert_eq!((stands.status, stands.version), (Status::RequiresAction, payment.version));
        stage.command("set_account", json!({ "account": ACCOUNT, "setting": "state", "value": "active" }));
        stage.come_back(&payment).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn an_unknown_status_is_kept_and_shown_and_is_never_paid(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-33").await;
        for word in ["MANUAL", "DISPUTE", "UNKNOWN", "REFUNDED", "aprobado", ""] {
            let value = json!(word);
            stage.spoil_request("query_session", RequestFault::Tampered { member: "status.status".into(), value });
            stage.come_back(&payment).await;
            let stands = stage.now(&payment).await;
            assert!(stands.paid.is_zero() && stands.status.is_open(), "{word}: {:?}", stands.status);
        }
        let stands = stage.now(&payment).await;
        assert_eq!(stands.certainty, Certainty::Unknown);
        stage.pay(&payment, APPROVED_CARD).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn an_answer_about_another_order_is_not_believed(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-34").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        let value = json!("OTROPEDIDO");
        let member = "request.payment.reference".to_owned();
        stage.spoil_request("query_session", RequestFault::Tampered { member, value });
        stage.come_back(&payment).await;
        let stands = stage.now(&payment).await;
        assert!(stands.paid.is_zero());
        assert_eq!(stands.certainty, Certainty::Unknown);
        let cases = stage.hub.store.cases_of(MERCHANT, &payment.id).await.expect("cases");
        assert_eq!(cases.iter().map(|case| case.kind.as_str()).collect::<Vec<_>>(), ["conflict"]);
    }

    async fn nothing_secret_stands_in_the_wire_log(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let canary = "4929804463622139";
        stage.sandbox.steering.declare_canary("canary-1", canary, APPROVED_CARD).expect("a canary");
        let payment = stage.order("PEDIDO-35").await;
        stage.pay(&payment, canary).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        let journal = serde_json::to_string(&stage.sandbox.steering.journal(0, None, 1000)).expect("JSON");
        assert!(journal.contains("canary-1"), "the canary arrived at the provider");
        let calls = stage.hub.store.calls(MERCHANT, &payment.id).await.expect("calls");
        let text = format!("{calls:?}");
        assert!(text.contains("\\\"tranKey\\\":\\\"***\\\""), "{text}");
        assert!(!text.contains(canary));
        let secret = stage.sandbox.steering.accounts()["avalpay"][0].credentials["secret_key"].clone();
        assert!(!text.contains(&secret));
    }
}
