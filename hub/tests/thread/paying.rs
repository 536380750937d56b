//! Paying, being declined, leaving.

use payment::Status;
use serde_json::json;
use testing::{TestDatabase, covers};

use crate::stage::{APPROVED_CARD, DENIED_CARD, MERCHANT, PENDING_CARD, Stage};

testing::both_databases! {
    async fn an_order_paid_in_the_hosted_page_is_approved_exactly_once_by_its_notice(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-1").await;
        assert_eq!(payment.status, Status::RequiresAction);
        covers!("AV-4.3-02");
        stage.pay(&payment, APPROVED_CARD).await;
        stage.settle().await;
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stands.paid, payment.order.total);
        assert_eq!(stands.detail.receipt.last_four.as_deref(), Some("0081"));
        assert!(stands.detail.receipt.authorization.is_some());
        assert!(stands.detail.pay_url.is_none(), "what is paid can no longer be paid");
        assert_eq!(stage.verdicts().await, ["valid"]);
        covers!("AV-4.5-01", "AV-4.5-04", "AV-4.3-07");
        // The shopper comes back after the notice: one more question, no second effect.
        let asked = stage.requests("query_session");
        stage.come_back(&payment).await;
        stage.settle().await;
        assert_eq!(stage.requests("query_session"), asked + 1);
        covers!("AV-4-04");
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn a_rejected_card_leaves_the_order_open_and_the_next_card_pays_it(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-2").await;
        stage.pay(&payment, DENIED_CARD).await;
        stage.come_back(&payment).await;
        let open = stage.now(&payment).await;
        assert_eq!(open.status, Status::RequiresAction, "a rejected card does not reject the session");
        let last = open.detail.last_movement.clone().expect("the rejected attempt");
        assert_eq!(last.reason.code, "05");
        assert!(open.detail.pay_url.is_some());
        covers!("AV-4.2-03");
        stage.pay(&payment, APPROVED_CARD).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        covers!("AV-4.2-02");
    }

    async fn a_pending_card_is_resolved_by_the_notice_that_follows(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-3").await;
        stage.pay(&payment, PENDING_CARD).await;
        stage.come_back(&payment).await;
        assert_eq!(stage.now(&payment).await.status, Status::Pending);
        stage.advance(61).await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn an_order_nobody_pays_expires(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-4").await;
        stage.advance(29 * 60).await;
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
        stage.advance(2 * 60).await;
        stage.expect(&payment, Status::Expired, 0).await;
        covers!("AV-2-03");
    }

    async fn a_payment_taken_back_by_the_merchant_can_no_longer_be_paid(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-5").await;
        let cancelled = hub::flow::cancel_payment(&stage.hub, MERCHANT, &payment.id).await.expect("cancelled");
        assert_eq!(cancelled.status, Status::Cancelled);
        stage.settle().await;
        stage.expect(&payment, Status::Cancelled, 0).await;
        let again = hub::flow::cancel_payment(&stage.hub, MERCHANT, &payment.id).await.expect("the same");
        assert_eq!(again.version, stage.now(&payment).await.version);
    }

    async fn a_paid_payment_is_not_taken_back(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-6").await;
        stage.spoil_notice(simulation::hardship::NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        // The hub does not know yet that it is paid: the provider refuses, and the hub finds out why.
        let refused = hub::flow::cancel_payment(&stage.hub, MERCHANT, &payment.id).await;
        assert!(matches!(refused, Err(hub::flow::CancelError::NotOpen(Status::Approved))), "{refused:?}");
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn a_merchant_that_answers_late_gets_the_same_event_again_until_it_takes_it(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-7").await;
        stage.settle().await;
        stage.mood(&[500, 302]);
        stage.pay(&payment, APPROVED_CARD).await;
        stage.settle().await;
        assert!(stage.told(&payment).iter().all(|event| event.kind != "payment.approved"));
        stage.advance(10).await;
        assert!(stage.told(&payment).iter().all(|event| event.kind != "payment.approved"), "a redirect is no yes");
        stage.advance(400).await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn a_test_notice_is_answered_and_changes_nothing(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-8").await;
        stage.command("send_test_notice", json!({ "account": crate::stage::ACCOUNT }));
        stage.settle().await;
        assert_eq!(stage.verdicts().await, ["test"]);
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction);
    }
}
