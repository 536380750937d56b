//! The truth is found when notices and answers are lost.

use payment::Status;
use payment::account::Environment;
use simulation::hardship::{NoticeFault, RequestFault};
use testing::{TestDatabase, covers};

use crate::stage::{APPROVED_CARD, MERCHANT, Stage};

testing::both_databases! {
    async fn a_lost_notice_is_found_on_return(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-11").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        stage.settle().await;
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
        stage.come_back(&payment).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        assert!(stage.verdicts().await.is_empty(), "no notice arrived");
        covers!("AV-4-05", "AV-4.3-03");
    }

    async fn a_lost_notice_is_found_by_the_probe(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-12").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        stage.advance(4 * 60).await;
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction, "too early to ask");
        stage.advance(2 * 60).await;
        stage.expect(&payment, Status::Approved, 1).await;
        covers!("AV-4.6-01");
        let asked = stage.requests("query_session");
        stage.advance(48 * 3600).await;
        assert_eq!(stage.requests("query_session"), asked, "what is final is not asked again");
        covers!("AV-4-07");
    }

    async fn the_probe_asks_every_quarter_of_an_hour_while_the_account_is_certified(database: TestDatabase) {
        let stage = Stage::with(&database, |_| {}, Environment::Certification).await;
        let payment = stage.order("PEDIDO-13").await;
        let mut asked = Vec::new();
        for _ in 0..29 {
            stage.advance(60).await;
            asked.push(stage.requests("query_session"));
        }
        assert_eq!(asked.last(), Some(&1), "one question in 29 minutes: {asked:?}");
        let first = asked.iter().position(|count| *count == 1).expect("it was asked") + 1;
        assert_eq!(first, 15, "after a quarter of an hour");
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
        covers!("AV-4.6-03");
    }

    async fn the_probe_asks_every_day_in_production_while_the_truth_is_open(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-14").await;
        stage.pay(&payment, "36545400000701").await;
        stage.come_back(&payment).await;
        assert_eq!(stage.now(&payment).await.status, Status::Pending, "a manual review is open for days");
        stage.advance(40 * 60).await;
        let before = stage.requests("query_session");
        stage.advance(24 * 3600).await;
        assert_eq!(stage.requests("query_session"), before + 1);
        stage.advance(24 * 3600).await;
        assert_eq!(stage.requests("query_session"), before + 2);
        covers!("AV-4.6-02");
    }

    async fn an_expiry_whose_notice_is_lost_is_found_just_after_it(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-15").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.advance(6 * 60).await;
        stage.advance(25 * 60).await;
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
        stage.advance(2 * 60).await;
        stage.expect(&payment, Status::Expired, 0).await;
    }

    async fn a_creation_whose_answer_is_lost_begins_anew_and_can_be_paid_once(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        stage.spoil_request("create_session", RequestFault::ResetAfterEffect);
        let payment = stage.order("PEDIDO-16").await;
        assert_eq!(stage.requests("create_session"), 2);
        let journal = serde_json::to_value(stage.sandbox.steering.journal(0, None, 100)).expect("JSON");
        let first = journal.as_array().expect("a list").iter().find(|entry| entry["operation"] == "create_session");
        let first = first.expect("the first creation");
        assert_eq!((first["effect"].as_str(), first["answer"].as_str()), (Some("committed"), Some("withheld")));
        stage.pay(&payment, APPROVED_CARD).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn a_provider_that_cannot_be_reached_leaves_a_failed_payment_and_nothing_to_pay(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        stage.spoil_request("create_session", RequestFault::ResetBeforeEffect);
        stage.spoil_request("create_session", RequestFault::ResetBeforeEffect);
        let unreachable = stage.try_order("PEDIDO-17").await;
        let Err(hub::flow::CreateError::Unreachable { payment }) = unreachable else {
            panic!("{unreachable:?}");
        };
        assert_eq!(payment.status, Status::Failed);
        assert_eq!(payment.detail.failure.as_ref().map(|failure| failure.code.as_str()), Some("provider_unreachable"));
        stage.settle().await;
        stage.expect(&payment, Status::Failed, 0).await;
        // The same request again is answered with the same payment, another one with the reference is refused.
        let again = stage.try_order("PEDIDO-17").await.expect("the same payment");
        assert_eq!(again.id, payment.id);
        let mut other = hub::flow::NewPayment {
            order: crate::stage::order("PEDIDO-17"),
            account_id: None,
            idempotency_key: "another key".into(),
        };
        other.order.total.minor = 1_000_000;
        other.order.taxes.clear();
        let used = hub::flow::create_payment(&stage.hub, &stage.merchant(), other).await;
        assert!(matches!(used, Err(hub::flow::CreateError::ReferenceUsed(id)) if id == payment.id));
        covers!("AV-4.7-14");
    }

    async fn a_silent_provider_is_asked_again_after_growing_waits(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-18").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        for _ in 0..2 {
            stage.spoil_request("query_session", RequestFault::ResetBeforeEffect);
        }
        stage.advance(5 * 60 + 30).await;
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
        stage.advance(38).await;
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
        stage.advance(76).await;
        stage.expect(&payment, Status::Approved, 1).await;
        let calls = stage.hub.store.calls(MERCHANT, &payment.id).await.expect("calls");
        let outcomes: Vec<&str> = calls.iter().map(|call| call.outcome.as_str()).collect();
        assert_eq!(outcomes, ["answered", "connection_broken", "connection_broken", "answered"]);
    }
}
