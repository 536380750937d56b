//! Carat e-SiTef: cards typed on the hub's own page, cards that the portal keeps, and what is done with money afterwards.

use hub::flow::{self, NewOperation, NewPayment, OperateError, SupplyError, Typed};
use hub::store::{Instrument, InstrumentState, Payment};
use payment::card::{Card, SecurityCode, TypedCard};
use payment::operation::{OperationKind, OperationState};
use payment::order::Order;
use payment::{Money, Status};
use serde_json::json;
use simulation::hardship::{NoticeFault, RequestFault};
use testing::TestDatabase;

use super::carat_esitef::{order, pay_on_page, stage_with};
use crate::support::stage::{MERCHANT, Stage};

/// Whose cards are kept.
pub const CUSTOMER: &str = "cliente-7";

/// Creates a payment of an order that is changed a little.
pub async fn create(stage: &Stage, reference: &str, change: impl FnOnce(&mut Order)) -> Payment {
    let mut order = order(reference);
    change(&mut order);
    let wanted = NewPayment { order, account_id: None, idempotency_key: format!("key-{reference}") };
    flow::create_payment(&stage.hub, &stage.merchant(), wanted).await.expect("a payment")
}

/// The shopper types a card on the hub's own page.
pub async fn type_card(stage: &Stage, payment: &Payment, number: &str) -> Result<Payment, SupplyError> {
    let typed = TypedCard {
        number: number.to_owned().into(),
        expiry: "12/30".to_owned().into(),
        security_code: "123".to_owned().into(),
        holder: "Ana Prueba".into(),
    };
    let card = Card::read(typed, stage.hub.clock.now()).expect("a card");
    supply(stage, payment, Typed::Card(card)).await
}

pub async fn supply(stage: &Stage, payment: &Payment, typed: Typed) -> Result<Payment, SupplyError> {
    let attempt = stage.attempt(payment).await;
    flow::supply_card(&stage.hub, MERCHANT, &attempt, typed).await
}

/// Pays on the portal's page with a card that is kept.
pub async fn keep_card(stage: &Stage, reference: &str) -> Payment {
    let payment = create(stage, reference, |order| order.keep_instrument = true).await;
    pay_on_page(stage, &payment).await;
    stage.settle().await;
    payment
}

pub async fn instruments(stage: &Stage) -> Vec<Instrument> {
    stage.hub.store.instruments_of(MERCHANT, CUSTOMER).await.expect("instruments")
}

pub async fn the_card(stage: &Stage) -> Instrument {
    let mut kept = instruments(stage).await;
    assert_eq!(kept.len(), 1, "one card is kept");
    kept.remove(0)
}

/// Charges the kept card while the shopper is away.
pub async fn charge(stage: &Stage, reference: &str) -> Payment {
    let card = the_card(stage).await;
    create(stage, reference, |order| {
        order.instrument = Some(card.id.clone());
        order.is_shopper_away = true;
    })
    .await
}

pub fn set(stage: &Stage, setting: &str, value: &str) {
    stage.command("set_account", json!({ "account": stage.account, "setting": setting, "value": value }));
}

pub async fn operate(
    stage: &Stage,
    payment: &Payment,
    kind: OperationKind,
    amount: Option<i64>,
) -> Result<Payment, OperateError> {
    let idempotency_key = format!("op-{}-{amount:?}", kind.word());
    let result =
        flow::operate(&stage.hub, MERCHANT, &payment.id, NewOperation { kind, amount, idempotency_key })
            .await;
    stage.settle().await;
    result
}

testing::both_databases! {
    async fn a_card_typed_on_the_hub_s_page_is_charged_at_once(database: TestDatabase) {
        let stage = stage_with(&database, &[("flow", "rest")]).await;
        let payment = stage.order("PEDIDO-21").await;
        assert_eq!(payment.status, Status::RequiresAction);
        assert!(type_card(&stage, &payment, "4000000000000044").await.is_ok());
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        let calls = stage.hub.store.calls(MERCHANT, &payment.id).await.expect("calls");
        assert!(calls.iter().any(|call| call.operation == "pay"));
        for call in &calls {
            let line = format!("{call:?}");
            assert!(!line.contains("4000000000000044") && !line.contains("\"123\"") && !line.contains("1230"), "{line}");
        }
        assert!(type_card(&stage, &payment, "4000000000000044").await.is_err(), "it waits for nothing any more");
    }

    async fn a_denied_card_is_told_and_costs_nothing(database: TestDatabase) {
        let stage = stage_with(&database, &[("flow", "rest")]).await;
        let payment = stage.order("NEGADO-22").await;
        assert!(type_card(&stage, &payment, "4000000000000044").await.is_ok());
        stage.settle().await;
        stage.expect(&payment, Status::Rejected, 0).await;
    }

    async fn a_payment_whose_answer_is_lost_is_looked_up_and_never_sent_again(database: TestDatabase) {
        let stage = stage_with(&database, &[("flow", "rest")]).await;
        let payment = stage.order("PEDIDO-23").await;
        stage.spoil_request("pay", RequestFault::ResetAfterEffect);
        assert!(type_card(&stage, &payment, "4000000000000044").await.is_ok());
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stage.requests("pay"), 1);
        assert!(stage.requests("query_transaction") >= 1);
    }

    async fn a_card_is_kept_once_whichever_notice_comes_first(database: TestDatabase) {
        let stage = stage_with(&database, &[]).await;
        let payment = keep_card(&stage, "PEDIDO-24").await;
        stage.expect(&payment, Status::Approved, 1).await;
        let card = the_card(&stage).await;
        assert_eq!((card.state, card.last_four.as_deref()), (InstrumentState::Active, Some("0044")));
        set(&stage, "notice_order", "storage_first");
        set(&stage, "extra_parameters", "random");
        let again = keep_card(&stage, "PEDIDO-25").await;
        stage.expect(&again, Status::Approved, 1).await;
        let same = the_card(&stage).await;
        assert_eq!((same.state, &same.digest), (InstrumentState::Active, &card.digest));
        testing::covers!("CA-23");
        assert!(!format!("{same:?}").contains("4000000000000044"));
    }

    async fn a_lost_storage_notice_is_asked_for(database: TestDatabase) {
        let stage = stage_with(&database, &[]).await;
        set(&stage, "notice_order", "storage_first");
        set(&stage, "notice_attempts", "1");
        stage.spoil_notice(NoticeFault::Lost);
        let payment = keep_card(&stage, "PEDIDO-26").await;
        stage.advance(20 * 60).await;
        stage.expect(&payment, Status::Approved, 1).await;
        assert!(stage.requests("query_storage") >= 1);
        assert_eq!(the_card(&stage).await.state, InstrumentState::Active);
        testing::covers!("CA-50", "CA-59", "CA-61");
    }

    async fn a_kept_card_is_charged_while_the_shopper_is_away(database: TestDatabase) {
        let stage = stage_with(&database, &[]).await;
        keep_card(&stage, "PEDIDO-27").await;
        let payment = charge(&stage, "MENSAL-1").await;
        stage.settle().await;
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stands.detail.pay_url, None, "nobody has to do anything");
        testing::covers!("CA-01", "CA-42", "CA-49");
    }

    async fn a_charge_whose_answer_is_lost_is_repeated_under_its_key_and_charged_once(database: TestDatabase) {
        let stage = stage_with(&database, &[]).await;
        keep_card(&stage, "PEDIDO-28").await;
        stage.spoil_request("pay_at_once", RequestFault::ResetAfterEffect);
        let payment = charge(&stage, "MENSAL-2").await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stage.requests("pay_at_once"), 2);
    }

    async fn when_the_code_is_wanted_the_shopper_is_led_back_to_type_it(database: TestDatabase) {
        let stage = stage_with(&database, &[]).await;
        keep_card(&stage, "PEDIDO-29").await;
        set(&stage, "code_required", "yes");
        let payment = charge(&stage, "MENSAL-3").await;
        assert_eq!(payment.status, Status::RequiresAction);
        assert!(payment.detail.pay_url.is_some(), "a link to the hub's own page");
        testing::covers!("CA-47");
        let code = SecurityCode::read(&"123".to_owned().into()).expect("a code");
        assert!(supply(&stage, &payment, Typed::Code(code)).await.is_ok());
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn an_issuer_that_wants_the_code_declines_and_the_merchant_is_told(database: TestDatabase) {
        let stage = stage_with(&database, &[]).await;
        keep_card(&stage, "PEDIDO-30").await;
        set(&stage, "issuer_accepts_no_code", "no");
        let payment = charge(&stage, "MENSAL-4").await;
        stage.settle().await;
        stage.expect(&payment, Status::Rejected, 0).await;
        testing::covers!("CA-48");
    }

    async fn money_is_given_back_by_the_name_that_comes_in_the_middle_of_the_call(database: TestDatabase) {
        let stage = stage_with(&database, &[("flow", "rest")]).await;
        let payment = stage.order("PEDIDO-31").await;
        assert!(type_card(&stage, &payment, "4000000000000044").await.is_ok());
        let part = operate(&stage, &payment, OperationKind::Refund, Some(4000)).await.expect("a part");
        assert_eq!((part.status, part.refunded.minor), (Status::PartiallyRefunded, 4000));
        let all = operate(&stage, &payment, OperationKind::Refund, None).await.expect("the rest");
        assert_eq!((all.status, all.refunded), (Status::Refunded, Money::new(11_900, all.paid.currency)));
        assert!(all.detail.operations.iter().all(|done| done.state == OperationState::Done));
        // What the portal tells of it by its own status is the same refund.
        stage.advance(30 * 60).await;
        assert_eq!(stage.now(&payment).await.refunded.minor, 11_900);
        let given_back: Vec<_> =
            stage.charges(&payment).into_iter().filter(|entry| entry.kind != "charge").collect();
        assert_eq!(given_back.len(), 2, "{given_back:?}");
    }

    async fn without_the_check_nothing_is_given_back(database: TestDatabase) {
        let stage = stage_with(&database, &[("flow", "rest")]).await;
        let payment = stage.order("PEDIDO-32").await;
        assert!(type_card(&stage, &payment, "4000000000000044").await.is_ok());
        stage.settle().await;
        // The portal asks at an address that is none of the account's.
        set(&stage, "authenticity_url", &format!("{}/notices/outra/loja/authenticity", stage.hub_url));
        let refused = operate(&stage, &payment, OperationKind::Refund, None).await;
        assert!(matches!(refused, Err(OperateError::Refused { .. })), "{refused:?}");
        assert_eq!(stage.now(&payment).await.refunded.minor, 0);
        assert!(stage.charges(&payment).iter().all(|entry| entry.kind == "charge"));
    }

    async fn what_is_held_is_captured_or_let_go(database: TestDatabase) {
        let stage = stage_with(&database, &[("flow", "rest"), ("postpone_confirmation", "yes")]).await;
        let payment = stage.order("PEDIDO-33").await;
        assert!(type_card(&stage, &payment, "4000000000000044").await.is_ok());
        stage.settle().await;
        let held = stage.now(&payment).await;
        assert_eq!((held.status, held.authorized.minor, held.paid.minor), (Status::Authorized, 11_900, 0));
        let taken = operate(&stage, &payment, OperationKind::Capture, None).await.expect("a capture");
        assert_eq!((taken.status, taken.authorized.minor, taken.paid.minor), (Status::Approved, 0, 11_900));
        let other = stage.order("PEDIDO-34").await;
        assert!(type_card(&stage, &other, "4000000000000044").await.is_ok());
        let freed = operate(&stage, &other, OperationKind::Release, None).await.expect("a release");
        assert_eq!((freed.status, freed.authorized.minor, freed.paid.minor), (Status::Cancelled, 0, 0));
    }
}
