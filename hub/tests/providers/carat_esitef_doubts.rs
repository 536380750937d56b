//! Carat e-SiTef: what comes twice, at once, late or from somebody else, and answers that are lost.

use hub::flow::{self, CreateError, NewOperation, NewPayment, OperateError, SupplyError};
use hub::store::{InstrumentState, Payment};
use payment::fact::FactKind;
use payment::operation::{OperationError, OperationKind, OperationState};
use payment::{Money, Status};
use simulation::hardship::RequestFault;
use testing::TestDatabase;

use super::carat_esitef::{notify, order, stage_with};
use super::carat_esitef_cards::{charge, create, keep_card, operate, the_card, type_card};
use crate::support::stage::{MERCHANT, Stage};

const VISA: &str = "4000000000000044";
/// Another published card that is approved.
const MASTERCARD: &str = "5000000000000001";
/// Longer than a cancellation is taken to be pending at the portal, in seconds.
const PAST_A_CANCELLATION_S: u64 = 25 * 3600;

async fn paid(stage: &Stage, reference: &str) -> Payment {
    let payment = stage.order(reference).await;
    type_card(stage, &payment, VISA).await.expect("it is paid");
    stage.settle().await;
    payment
}

fn refunds(stage: &Stage, payment: &Payment) -> usize {
    stage.charges(payment).iter().filter(|entry| entry.kind != "charge").count()
}

/// The portal's name of the keeping that was begun with a payment.
async fn nita(stage: &Stage, payment: &Payment) -> String {
    let facts = stage.hub.store.recorded_facts(MERCHANT, &payment.id).await.expect("facts");
    let named = facts.iter().find_map(|recorded| match &recorded.fact.kind {
        FactKind::Instrument(telling) => Some(telling.provider_reference.clone()),
        _ => None,
    });
    named.expect("a keeping was begun")
}

async fn state_of(stage: &Stage, payment: &Payment) -> OperationState {
    stage.now(payment).await.detail.operations.last().expect("an operation").state
}

testing::both_databases! {
    async fn of_two_cards_typed_at_once_one_is_paid_with(database: TestDatabase) {
        let stage = stage_with(&database, &[("flow", "rest")]).await;
        let payment = stage.order("PEDIDO-41").await;
        let (one, other) =
            tokio::join!(type_card(&stage, &payment, VISA), type_card(&stage, &payment, MASTERCARD));
        let turned_away = [&one, &other].into_iter().filter(|end| matches!(end, Err(SupplyError::NotWaiting(_))));
        assert_eq!(turned_away.count(), 1, "{one:?} {other:?}");
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stage.requests("pay"), 1);
    }

    async fn a_refund_asked_for_again_under_its_key_is_done_once(database: TestDatabase) {
        let stage = stage_with(&database, &[("flow", "rest")]).await;
        let payment = paid(&stage, "PEDIDO-42").await;
        for _ in 0..3 {
            let part = operate(&stage, &payment, OperationKind::Refund, Some(4000)).await.expect("a part");
            assert_eq!(part.refunded.minor, 4000);
        }
        assert_eq!(refunds(&stage, &payment), 1);
    }

    async fn refunds_asked_for_at_once_give_back_no_more_than_was_taken(database: TestDatabase) {
        let stage = stage_with(&database, &[("flow", "rest")]).await;
        let payment = paid(&stage, "PEDIDO-43").await;
        let ask = |key: &str| {
            let kind = OperationKind::Refund;
            let wanted = NewOperation { kind, amount: Some(11_900), idempotency_key: key.to_owned() };
            let (hub, id) = (stage.hub.clone(), payment.id.clone());
            async move { flow::operate(&hub, MERCHANT, &id, wanted).await }
        };
        let (one, other) = tokio::join!(ask("one"), ask("other"));
        let done = [&one, &other].into_iter().filter(|end| end.is_ok()).count();
        assert_eq!(done, 1, "{one:?} {other:?}");
        stage.settle().await;
        let stands = stage.now(&payment).await;
        assert_eq!((stands.status, stands.refunded), (Status::Refunded, Money::new(11_900, stands.paid.currency)));
        assert_eq!(refunds(&stage, &payment), 1);
        let more = operate(&stage, &payment, OperationKind::Refund, None).await;
        assert!(matches!(more, Err(OperateError::NotAllowed(OperationError::NothingLeft))), "{more:?}");
    }

    async fn a_refund_whose_answer_is_lost_is_found_and_not_sent_again(database: TestDatabase) {
        let stage = stage_with(&database, &[("flow", "rest")]).await;
        let payment = paid(&stage, "PEDIDO-44").await;
        stage.spoil_request("cancel", RequestFault::ResetAfterEffect);
        let asked = operate(&stage, &payment, OperationKind::Refund, None).await.expect("it is looked for");
        assert!(asked.detail.operations[0].state != OperationState::Refused, "{asked:?}");
        stage.advance(PAST_A_CANCELLATION_S).await;
        let stands = stage.now(&payment).await;
        assert_eq!((stands.refunded.minor, state_of(&stage, &payment).await), (11_900, OperationState::Done));
        assert_eq!((refunds(&stage, &payment), stage.requests("cancel")), (1, 1));
    }

    async fn a_refund_that_never_reached_the_portal_is_known_not_to_be_done(database: TestDatabase) {
        let stage = stage_with(&database, &[("flow", "rest")]).await;
        let payment = paid(&stage, "PEDIDO-45").await;
        stage.spoil_request("cancel", RequestFault::ResetBeforeEffect);
        let asked = operate(&stage, &payment, OperationKind::Refund, None).await.expect("it is looked for");
        assert_eq!(asked.refunded.minor, 0);
        stage.advance(PAST_A_CANCELLATION_S).await;
        assert_eq!(state_of(&stage, &payment).await, OperationState::Refused);
        assert_eq!(stage.now(&payment).await.status, Status::Approved);
        let wanted =
            NewOperation { kind: OperationKind::Refund, amount: None, idempotency_key: "anew".into() };
        let anew = flow::operate(&stage.hub, MERCHANT, &payment.id, wanted).await.expect("a refund");
        assert_eq!(anew.refunded.minor, 11_900);
        assert_eq!(refunds(&stage, &payment), 1);
    }

    async fn another_token_for_the_same_card_disputes_it_and_nothing_is_charged(database: TestDatabase) {
        let stage = stage_with(&database, &[]).await;
        let payment = keep_card(&stage, "PEDIDO-46").await;
        let card = the_card(&stage).await;
        let forged = [
            ("nita", nita(&stage, &payment).await),
            ("status", "CON".to_owned()),
            ("hash", format!("{}==", "x".repeat(86))),
            ("bin", "400000".to_owned()),
            ("final", "0044".to_owned()),
            ("autorizadora", "1".to_owned()),
        ];
        let form: Vec<(&str, &str)> = forged.iter().map(|(name, value)| (*name, value.as_str())).collect();
        notify(&stage, "storage", &form).await;
        stage.settle().await;
        let found = stage.hub.store.instrument(MERCHANT, &card.id).await.expect("read").expect("the card");
        assert_eq!(found.state, InstrumentState::Disputed);
        let wanted = NewPayment {
            order: payment::Order {
                instrument: Some(card.id.clone()),
                is_shopper_away: true,
                ..order("MENSAL-46")
            },
            account_id: None,
            idempotency_key: "key-MENSAL-46".into(),
        };
        let refused = flow::create_payment(&stage.hub, &stage.merchant(), wanted).await;
        assert!(matches!(refused, Err(CreateError::Complaints(_))), "{refused:?}");
        assert_eq!(stage.requests("pay_at_once"), 0);
    }

    async fn a_card_that_was_removed_is_charged_no_more_and_its_token_is_gone(database: TestDatabase) {
        let stage = stage_with(&database, &[]).await;
        keep_card(&stage, "PEDIDO-47").await;
        let card = the_card(&stage).await;
        charge(&stage, "MENSAL-47").await;
        let removed = flow::remove_instrument(&stage.hub, MERCHANT, &card.id).await.expect("removed");
        assert_eq!((removed.state, removed.sealed_token), (InstrumentState::Removed, None));
        let wanted = NewPayment {
            order: payment::Order {
                instrument: Some(card.id.clone()),
                is_shopper_away: true,
                ..order("MENSAL-48")
            },
            account_id: None,
            idempotency_key: "key-MENSAL-48".into(),
        };
        let refused = flow::create_payment(&stage.hub, &stage.merchant(), wanted).await;
        assert!(matches!(refused, Err(CreateError::Complaints(_))), "{refused:?}");
        assert_eq!(stage.requests("pay_at_once"), 1);
    }

    async fn somebody_else_s_card_is_charged_for_nobody(database: TestDatabase) {
        let stage = stage_with(&database, &[]).await;
        keep_card(&stage, "PEDIDO-49").await;
        let card = the_card(&stage).await;
        let wanted = NewPayment {
            order: payment::Order {
                instrument: Some(card.id.clone()),
                customer: Some("cliente-8".into()),
                is_shopper_away: true,
                ..order("MENSAL-49")
            },
            account_id: None,
            idempotency_key: "key-MENSAL-49".into(),
        };
        let refused = flow::create_payment(&stage.hub, &stage.merchant(), wanted).await;
        assert!(matches!(refused, Err(CreateError::Complaints(_))), "{refused:?}");
        let kept = create(&stage, "PEDIDO-50", |order| order.keep_instrument = true).await;
        assert_eq!(kept.status, Status::RequiresAction);
    }
}
