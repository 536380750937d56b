//! The provider does its work and the answer is lost: what it committed is found out, and nothing is done twice.

use hub::flow::cancel_payment;
use payment::Status;
use simulation::hardship::{NoticeFault, RequestFault};
use testing::TestDatabase;

use crate::stage::{APPROVED_CARD, MERCHANT, PROVIDER, Stage};

/// The provider holds the connection so long before it closes it, in milliseconds.
const HELD: RequestFault = RequestFault::TimeOutAfterEffect { hold_ms: 100 };

testing::both_databases! {
    async fn a_cancellation_whose_answer_is_lost_is_found_out_and_not_sent_again(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-61").await;
        stage.spoil_request("cancel_session", HELD);
        let cancelled = cancel_payment(&stage.hub, MERCHANT, &payment.id).await.expect("cancelled");
        assert_eq!(cancelled.status, Status::Cancelled);
        assert_eq!(committed_and_withheld(&stage, "cancel_session"), [true]);
        stage.settle().await;
        stage.expect(&payment, Status::Cancelled, 0).await;
    }

    async fn a_look_up_whose_answer_is_lost_is_repeated_until_it_tells(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-62").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        stage.spoil_request("query_session", HELD);
        stage.come_back(&payment).await;
        assert_eq!(committed_and_withheld(&stage, "query_session"), [true]);
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction, "nothing was told");
        stage.advance(6 * 60).await;
        stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(committed_and_withheld(&stage, "query_session"), [true, false]);
    }
}

/// For each request of an operation, whether it had its effect and no answer went back.
fn committed_and_withheld(stage: &Stage, operation: &str) -> Vec<bool> {
    let journal =
        serde_json::to_value(stage.sandbox.steering.journal(0, Some(PROVIDER), 1000)).expect("JSON");
    let entries = journal.as_array().expect("a list").iter();
    let of_operation = entries.filter(|entry| entry["operation"] == operation);
    of_operation.map(|entry| entry["effect"] == "committed" && entry["answer"] == "withheld").collect()
}
