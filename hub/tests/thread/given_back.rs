//! Charges that are given back: by API until eight in the evening, by the network after it, in the provider's own panel.

use hub::flow::{self, AskCause, NewOperation, OperateError};
use hub::store::Payment;
use payment::account::Environment;
use payment::operation::{OperationError, OperationKind, OperationState};
use payment::{Status, Timestamp};
use serde_json::json;
use simulation::hardship::RequestFault;
use testing::{TestDatabase, covers};

use crate::stage::{ACCOUNT, APPROVED_CARD, MERCHANT, Stage};

/// From the beginning of the stories, ten in the morning in Bogota, to one past eight in the evening.
const TO_AFTER_EIGHT_S: u64 = 10 * 60 * 60 + 60;
const DAY_S: u64 = 24 * 60 * 60;

async fn paid(stage: &Stage, reference: &str) -> Payment {
    let payment = stage.order(reference).await;
    stage.pay(&payment, APPROVED_CARD).await;
    stage.settle().await;
    stage.expect(&payment, Status::Approved, 1).await
}

async fn refund(stage: &Stage, payment: &Payment, key: &str) -> Result<Payment, OperateError> {
    let wanted = NewOperation { kind: OperationKind::Refund, amount: None, idempotency_key: key.to_owned() };
    let refunded = flow::operate(&stage.hub, MERCHANT, &payment.id, wanted).await;
    stage.settle().await;
    refunded
}

async fn cases(stage: &Stage, payment: &Payment) -> Vec<String> {
    let cases = stage.hub.store.cases_of(MERCHANT, &payment.id).await.expect("cases");
    cases.into_iter().map(|case| case.kind).collect()
}

/// The provider's own number of the charge.
async fn internal_reference(stage: &Stage, payment: &Payment) -> u64 {
    let movement = stage.now(payment).await.detail.last_movement.expect("a charge");
    movement.provider_reference.trim_end_matches("-reversal").parse().expect("a number")
}

/// How often the provider was asked for sessions.
fn looks(stage: &Stage) -> usize {
    stage.requests("query_session")
}

testing::both_databases! {
    async fn a_charge_is_given_back_by_api_until_eight_in_the_evening(database: TestDatabase) {
        let stage = Stage::with(&database, |_| {}, Environment::Certification).await;
        let payment = paid(&stage, "REVERSO-1").await;
        let document = flow::document::payment_document(&stage.hub, &payment);
        let eight: Timestamp = "2026-03-15T01:00:00Z".parse().expect("a time");
        assert_eq!(document.reversible_until, Some(eight));
        let done = refund(&stage, &payment, "r1").await.expect("given back");
        assert_eq!((done.status, done.refunded), (Status::Reversed, payment.paid));
        assert_eq!(flow::document::payment_document(&stage.hub, &done).reversible_until, None);
        covers!("AV-6.1-02");
        let again = refund(&stage, &payment, "r2").await;
        assert!(matches!(again, Err(OperateError::NotAllowed(OperationError::NothingLeft))));
        stage.expect(&payment, Status::Reversed, 2).await;
    }

    async fn a_reversal_whose_answer_is_lost_gives_back_once(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        for (reference, fault) in
            [("REVERSO-2", RequestFault::ResetAfterEffect), ("REVERSO-3", RequestFault::ResetBeforeEffect)]
        {
            let payment = paid(&stage, reference).await;
            stage.spoil_request("transaction", fault);
            let done = refund(&stage, &payment, reference).await.expect("given back");
            assert_eq!(done.status, Status::Reversed, "{reference}");
            let calls = stage.hub.store.calls(MERCHANT, &payment.id).await.expect("calls");
            assert!(calls.iter().any(|call| call.operation == "reverse" && call.status.is_none()), "one was lost");
            stage.expect(&payment, Status::Reversed, 2).await;
        }
    }

    async fn a_reversal_of_which_nobody_tells_is_asked_for_again_and_gives_back_once(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        // Neither the answer nor the session tells: not even afterwards.
        let hidden = json!({ "account": ACCOUNT, "setting": "refunded_flag", "value": "hidden" });
        stage.command("set_account", hidden);
        for (reference, fault) in
            [("REVERSO-5", RequestFault::ResetAfterEffect), ("REVERSO-6", RequestFault::ResetBeforeEffect)]
        {
            let payment = paid(&stage, reference).await;
            stage.spoil_request("transaction", fault);
            stage.spoil_request("query_session", RequestFault::ResetBeforeEffect);
            let asked = refund(&stage, &payment, reference).await.expect("told");
            assert_eq!(asked.detail.operations[0].state, OperationState::Unknown, "{reference}");
            stage.advance(60).await;
            let stands = stage.expect(&payment, Status::Reversed, 2).await;
            assert_eq!(stands.detail.operations[0].state, OperationState::Done, "{reference}");
            assert_eq!(cases(&stage, &payment).await, Vec::<String>::new(), "{reference}");
        }
    }

    async fn after_eight_it_is_a_case_and_the_network_settles_it_the_next_day(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = paid(&stage, "REVERSO-4").await;
        stage.advance(TO_AFTER_EIGHT_S).await;
        let refused = refund(&stage, &payment, "r1").await.expect("told");
        assert_eq!(refused.status, Status::Approved);
        assert_eq!(refused.detail.operations[0].state, OperationState::Refused);
        assert_eq!(cases(&stage, &payment).await, ["reversal_refused"]);
        let number = internal_reference(&stage, &payment).await;
        stage.command("request_late_reversal", json!({ "internal_reference": number }));
        stage.advance(DAY_S).await;
        let attempt = stage.attempt(&payment).await;
        let asked = flow::ask_now(&stage.hub, MERCHANT, &attempt, AskCause::Person).await.expect("told");
        assert_eq!((asked.status, asked.refunded), (Status::Reversed, payment.paid));
        covers!("AV-6.2-02");
    }

    async fn what_is_given_back_in_the_panel_is_found_within_a_day_where_the_merchant_wants_that(database: TestDatabase) {
        let settings = [("panel_check_days", "2"), ("reversals", "console")];
        let stage = Stage::set(&database, &settings, Environment::Test).await;
        let (found, kept) = (paid(&stage, "PANEL-1").await, paid(&stage, "PANEL-2").await);
        let refused = refund(&stage, &found, "r1").await;
        assert!(matches!(refused, Err(OperateError::NotAllowed(OperationError::Unsupported))), "in the panel only");
        let number = internal_reference(&stage, &found).await;
        stage.command("reverse_in_panel", json!({ "internal_reference": number }));
        stage.settle().await;
        assert_eq!(stage.now(&found).await.status, Status::Approved, "nobody tells");
        let before = looks(&stage);
        stage.advance(DAY_S).await;
        stage.expect(&found, Status::Reversed, 2).await;
        assert_eq!(looks(&stage), before + 2, "each was asked for once");
        stage.advance(DAY_S).await;
        assert_eq!(looks(&stage), before + 3, "what was given back is asked for no more");
        stage.advance(10 * DAY_S).await;
        assert_eq!(looks(&stage), before + 3, "nor is what was looked at for as long as was asked");
        stage.expect(&kept, Status::Approved, 1).await;
    }

    async fn a_settled_payment_is_asked_for_no_more_in_a_certification(database: TestDatabase) {
        let stage = Stage::set(&database, &[("panel_check_days", "2")], Environment::Certification).await;
        let payment = paid(&stage, "PANEL-3").await;
        let before = looks(&stage);
        for _ in 0..3 {
            stage.advance(DAY_S).await;
        }
        assert_eq!(looks(&stage), before);
        stage.expect(&payment, Status::Approved, 1).await;
    }
}
