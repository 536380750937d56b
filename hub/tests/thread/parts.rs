//! Payments in parts, by several cards or among several sites: what is collected, what is missing, and what becomes of it.

use hub::flow::{self, NewOperation, RestError};
use hub::store::Payment;
use payment::account::Environment;
use payment::dispersion::{DispersionPart, Party};
use payment::operation::OperationKind;
use payment::order::Order;
use payment::{Currency, Money, Status};
use serde_json::{Value, json};
use simulation::hardship::RequestFault;
use testing::{TestDatabase, covers};

use crate::stage::{ACCOUNT, APPROVED_CARD, MERCHANT, Stage};

/// A test card that takes what is below 200 dollars.
const BELOW_200_DOLLARS: &str = "4110760000000057";
/// Beyond the end of a session, and the look after it.
const BEYOND_EXPIRY_S: u64 = 35 * 60;
/// Beyond the time in which the provider's own reversals are waited for.
const BEYOND_WAITING_S: u64 = 2 * 60 * 60;

fn in_parts(order: &mut Order) {
    order.allow_partial = true;
    order.taxes = vec![];
}

/// Three sites, the second too large for the card that takes less than 200 dollars.
fn dispersed(order: &mut Order) {
    let part = |agreement, minor| DispersionPart {
        agreement,
        party: Party::Merchant,
        amount: Money::new(minor, Currency::Cop),
        taxes: vec![],
        details: vec![],
    };
    order.taxes = vec![];
    order.total = Money::new(111_900_000, Currency::Cop);
    order.dispersion =
        vec![part(Some(4021), 10_000_000), part(Some(4022), 100_000_000), part(None, 1_900_000)];
}

/// The payment as merchants see it.
async fn document(stage: &Stage, payment: &Payment) -> Value {
    let stands = stage.now(payment).await;
    serde_json::to_value(flow::document::payment_document(&stage.hub, &stands)).expect("JSON")
}

fn states(document: &Value) -> Vec<&str> {
    let parts = document["division"]["parts"].as_array().expect("parts");
    parts.iter().filter_map(|part| part["state"].as_str()).collect()
}

async fn cases(stage: &Stage, payment: &Payment) -> Vec<String> {
    let cases = stage.hub.store.cases_of(MERCHANT, &payment.id).await.expect("cases");
    cases.into_iter().map(|case| case.kind).collect()
}

/// Approved movements of a kind in the provider's ledger, in minor units.
fn moved(stage: &Stage, payment: &Payment, kind: &str) -> Vec<String> {
    let entries = stage.charges(payment);
    let of_kind = entries.iter().filter(|entry| entry.kind == kind && entry.state == "approved");
    of_kind.map(|entry| entry.amount.clone()).collect()
}

/// A payment of which 50 000 of 119 000 were paid when its time ran out.
async fn ended_partly_paid(stage: &Stage, reference: &str) -> Payment {
    let payment = stage.create(reference, in_parts).await;
    assert_eq!(stage.pay_part(&payment, APPROVED_CARD, Some("50000")).await, 303);
    stage.advance(BEYOND_EXPIRY_S).await;
    payment
}

/// A dispersion of which the first part of three was paid when its time ran out.
async fn dispersed_and_ended(stage: &Stage, reference: &str) -> Payment {
    let payment = stage.create(reference, dispersed).await;
    assert_eq!(stage.pay(&payment, BELOW_200_DOLLARS).await, 303);
    stage.come_back(&payment).await;
    let told = document(stage, &payment).await;
    assert_eq!(told["status"], "partially_approved");
    assert_eq!(states(&told), ["approved", "rejected", "not_attempted"]);
    assert_eq!(told["division"]["missing"], 101_900_000);
    stage.advance(BEYOND_EXPIRY_S).await;
    payment
}

testing::both_databases! {
    async fn a_payment_in_parts_tells_what_is_collected_and_what_is_missing(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.create("PARTES-1", in_parts).await;
        let told = document(&stage, &payment).await;
        assert_eq!((&told["division"]["collected"], &told["division"]["missing"]), (&json!(0), &json!(11_900_000)));
        stage.pay_part(&payment, APPROVED_CARD, Some("50000")).await;
        stage.come_back(&payment).await;
        let told = document(&stage, &payment).await;
        assert_eq!(told["status"], "partially_approved");
        assert_eq!((&told["division"]["collected"], &told["division"]["missing"]), (&json!(5_000_000), &json!(6_900_000)));
        assert!(told["pay_url"].is_string(), "the rest is paid where the first part was");
        stage.pay_part(&payment, APPROVED_CARD, Some("69000")).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 2).await;
        let told = document(&stage, &payment).await;
        assert_eq!(states(&told), ["approved", "approved"]);
        assert_eq!((&told["division"]["collected"], &told["division"]["missing"]), (&json!(11_900_000), &json!(0)));
        let whole = stage.order("ENTERO-1").await;
        assert_eq!(document(&stage, &whole).await["division"], Value::Null);
    }

    async fn the_rest_of_a_payment_that_ended_partly_paid_is_collected_once(database: TestDatabase) {
        let stage = Stage::set(&database, &[("partial_payments", "collect")], Environment::Test).await;
        let payment = ended_partly_paid(&stage, "RESTO-1").await;
        stage.expect(&payment, Status::PartiallyExpired, 1).await;
        let collect = async |key: &str| flow::collect_rest(&stage.hub, &stage.merchant(), &payment.id, key).await;
        let rest = collect("resto-1").await.expect("a payment of the rest");
        assert_eq!((rest.order.reference.as_str(), rest.order.total.minor), ("RESTO-1-2", 6_900_000));
        assert_eq!(rest.order.rest_of.as_ref(), Some(&payment.id));
        assert_eq!(collect("resto-1").await.expect("the same").id, rest.id);
        assert!(matches!(collect("resto-2").await, Err(RestError::Asked(id)) if id == rest.id));
        // One that comes to nothing leaves room for another.
        stage.advance(BEYOND_EXPIRY_S).await;
        assert_eq!(stage.now(&rest).await.status, Status::Expired);
        let again = collect("resto-3").await.expect("another payment of the rest");
        assert_eq!(again.order.reference, "RESTO-1-3");
        assert_eq!(stage.pay_part(&again, APPROVED_CARD, Some("69000")).await, 303);
        stage.settle().await;
        stage.expect(&again, Status::Approved, 1).await;
        assert!(matches!(collect("resto-4").await, Err(RestError::Asked(id)) if id == again.id));
        assert_eq!(moved(&stage, &payment, "reversal"), Vec::<String>::new());
        covers!("AV-9.2-02");
        let whole = stage.order("ENTERO-2").await;
        let refused = flow::collect_rest(&stage.hub, &stage.merchant(), &whole.id, "resto-5").await;
        assert!(matches!(refused, Err(RestError::NoRest(Status::RequiresAction))));
    }

    async fn what_was_collected_is_given_back_where_the_merchant_wants_that(database: TestDatabase) {
        let stage = Stage::set(&database, &[("partial_payments", "return")], Environment::Test).await;
        // The answer is lost, and still it is given back once.
        stage.spoil_request("transaction", RequestFault::ResetAfterEffect);
        let payment = ended_partly_paid(&stage, "DEVUELTO-1").await;
        stage.advance(BEYOND_EXPIRY_S).await;
        assert_eq!(moved(&stage, &payment, "reversal"), ["50000.00"]);
        stage.expect(&payment, Status::Reversed, 2).await;
        assert_eq!(cases(&stage, &payment).await, Vec::<String>::new());
        let refused = flow::collect_rest(&stage.hub, &stage.merchant(), &payment.id, "resto-1").await;
        assert!(matches!(refused, Err(RestError::NoRest(_))));
        covers!("AV-9.2-02");
    }

    async fn a_return_that_the_network_refuses_is_tried_three_times_and_left_to_a_person(database: TestDatabase) {
        let stage = Stage::set(&database, &[("partial_payments", "return")], Environment::Test).await;
        let payment = stage.create("DEVUELTO-2", in_parts).await;
        let reference = payment.detail.provider_reference.clone().expect("a reference");
        let refusals = vec!["rejected"; 3];
        stage.command("script_actions", json!({ "reference": reference, "outcomes": refusals }));
        stage.pay_part(&payment, APPROVED_CARD, Some("50000")).await;
        stage.advance(BEYOND_EXPIRY_S).await;
        for _ in 0..4 {
            stage.advance(BEYOND_WAITING_S).await;
        }
        let stands = stage.now(&payment).await;
        assert_eq!((stands.status, stands.detail.operations.len()), (Status::PartiallyExpired, 3));
        assert_eq!(stage.requests("transaction"), 3);
        assert_eq!(cases(&stage, &payment).await, ["reversal_refused"]);
        let told = document(&stage, &payment).await;
        assert_eq!(states(&told), ["reversal_refused"]);
    }

    async fn the_provider_gives_back_what_was_paid_of_a_dispersion_and_the_order_begins_anew(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = dispersed_and_ended(&stage, "REPARTO-1").await;
        let stands = stage.expect(&payment, Status::Reversed, 2).await;
        assert_eq!(stands.refunded.minor, 10_000_000);
        assert_eq!(states(&document(&stage, &payment).await), ["given_back", "rejected", "not_attempted"]);
        assert_eq!(cases(&stage, &payment).await, Vec::<String>::new());
        let anew = stage.create("REPARTO-2", dispersed).await;
        assert_ne!(anew.detail.provider_reference, stands.detail.provider_reference, "a new reference");
        stage.pay(&anew, APPROVED_CARD).await;
        stage.come_back(&anew).await;
        stage.settle().await;
        stage.expect(&anew, Status::Approved, 3).await;
        assert_eq!(states(&document(&stage, &anew).await), ["approved"; 3]);
        covers!("AV-10.2-02");
    }

    async fn a_dispersion_that_is_not_given_back_is_a_case_from_which_it_is_sent_again(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let rejected = json!({ "account": ACCOUNT, "setting": "automatic_reversal", "value": "rejected" });
        stage.command("set_account", rejected);
        let payment = dispersed_and_ended(&stage, "REPARTO-3").await;
        stage.expect(&payment, Status::PartiallyExpired, 1).await;
        assert_eq!(cases(&stage, &payment).await, ["reversal_refused"]);
        assert_eq!(states(&document(&stage, &payment).await)[0], "reversal_refused");
        let wanted = NewOperation {
            kind: OperationKind::Refund,
            amount: None,
            idempotency_key: "devolver-otra-vez".into(),
        };
        let done = flow::operate(&stage.hub, MERCHANT, &payment.id, wanted).await.expect("given back");
        stage.settle().await;
        assert_eq!(done.status, Status::Reversed);
        assert_eq!(moved(&stage, &payment, "reversal"), ["100000.00"]);
    }

    async fn a_dispersion_that_is_not_given_back_is_sent_again_by_itself_where_the_merchant_wants_that(database: TestDatabase) {
        let stage = Stage::set(&database, &[("partial_payments", "return")], Environment::Test).await;
        let rejected = json!({ "account": ACCOUNT, "setting": "automatic_reversal", "value": "rejected" });
        stage.command("set_account", rejected);
        let payment = dispersed_and_ended(&stage, "REPARTO-4").await;
        stage.expect(&payment, Status::PartiallyExpired, 1).await;
        stage.advance(BEYOND_WAITING_S).await;
        stage.expect(&payment, Status::Reversed, 2).await;
        assert_eq!(moved(&stage, &payment, "reversal"), ["100000.00"]);
        covers!("AV-10.2-02");
    }
}
