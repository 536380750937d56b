//! PagoEfectivo: codes that are paid at a counter, tokens that are shared, and notices that are believed.

use std::sync::Arc;

use hub::flow::{self, CreateError};
use hub::limits::HoldCause;
use hub::store::Payment;
use pagoefectivo_client::PagoEfectivo;
use pagoefectivo_simulator::PagoEfectivo as Simulated;
use payment::account::Environment;
use payment::person::Person;
use payment::summary::Certainty;
use payment::{Currency, Money, Order, Status};
use serde_json::json;
use simulation::hardship::{NoticeFault, RequestFault};
use testing::TestDatabase;

use crate::support::stage::{Cast, MERCHANT, Stage, order_of};

const ACCOUNT: &str = "tienda-pagoefectivo";

pub fn order(reference: &str) -> Order {
    Order {
        description: Some("Botas de prueba talla 42".into()),
        buyer: Some(Person {
            name: Some("Rosa".into()),
            surname: Some("Prueba".into()),
            email: Some("rosa.prueba@correo.example".into()),
            ..Person::default()
        }),
        ..order_of(reference, Money::new(14_990, Currency::Pen))
    }
}

async fn stage(database: &TestDatabase) -> Stage {
    let cast = Cast {
        protocol: Arc::new(PagoEfectivo),
        simulator: Box::new(Simulated::new()),
        account: ACCOUNT,
        order,
    };
    Stage::build(database, cast, |_| {}, Environment::Test, |_| {}).await
}

fn cip(payment: &Payment) -> u64 {
    payment.detail.pay_code.as_deref().expect("a code").parse().expect("a number")
}

fn pay(stage: &Stage, cip: u64) {
    stage.command("pay", json!({ "cip": cip }));
}

/// Both attempts of the provider to tell of a payment come to nothing.
fn lose_notices(stage: &Stage) {
    stage.spoil_notice(NoticeFault::Lost);
    stage.spoil_notice(NoticeFault::Lost);
}

async fn cases(stage: &Stage, payment: &Payment) -> Vec<String> {
    let cases = stage.hub.store.cases_of(MERCHANT, &payment.id).await.expect("cases");
    cases.into_iter().map(|case| case.kind).collect()
}

testing::both_databases! {
    async fn a_code_paid_at_a_counter_is_approved_by_its_notice_and_nobody_is_asked(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-1").await;
        assert_eq!((payment.status, payment.detail.provider_id.clone()), (Status::RequiresAction, payment.detail.pay_code.clone()));
        pay(&stage, cip(&payment));
        stage.settle().await;
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stands.paid, Money::new(14_990, Currency::Pen));
        assert_eq!(stage.verdicts().await, ["valid"]);
        assert_eq!(stage.requests("search_cips"), 0, "a verified notice is believed");
        testing::covers!("PE-05", "PE-16", "PE-38");
    }

    async fn notices_from_elsewhere_than_the_provider_are_refused_and_change_nothing(database: TestDatabase) {
        let cast = Cast {
            protocol: Arc::new(PagoEfectivo),
            simulator: Box::new(Simulated::new()),
            account: ACCOUNT,
            order,
        };
        let elsewhere = |settings: &mut hub::Settings| {
            let notice_addresses = vec!["52.41.2.36".parse().expect("an address")];
            let limits = hub::settings::AccountLimits { notice_addresses, ..Default::default() };
            settings.limits.insert(ACCOUNT.into(), limits);
        };
        let stage = Stage::build(&database, cast, |_| {}, Environment::Test, elsewhere).await;
        let opened = stage.sandbox.steering.accounts()["pagoefectivo"][0].clone();
        let registered = format!("{}/notices/pagoefectivo/{ACCOUNT}", stage.hub_url);
        assert_eq!(opened.notification_url, Some(registered), "one address is registered");
        testing::covers!("PE-29");
        let payment = stage.order("PEDIDO-14").await;
        pay(&stage, cip(&payment));
        stage.settle().await;
        assert_eq!(stage.now(&payment).await.status, Status::RequiresAction, "a notice from elsewhere");
        assert_eq!(stage.verdicts().await, ["outside"]);
        testing::covers!("PE-30");
        stage.advance(20 * 60).await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn one_token_serves_many_codes_and_a_new_one_is_got_when_it_ends(database: TestDatabase) {
        let stage = stage(&database).await;
        stage.order("PEDIDO-2").await;
        stage.order("PEDIDO-3").await;
        assert_eq!(stage.requests("authorize"), 1);
        testing::covers!("PE-09");
        stage.advance(2 * 3600 + 5 * 60).await;
        stage.order("PEDIDO-4").await;
        assert_eq!(stage.requests("authorize"), 2);
        testing::covers!("PE-10");
    }

    async fn a_token_that_is_refused_in_the_middle_of_its_life_is_renewed_once(database: TestDatabase) {
        let stage = stage(&database).await;
        stage.order("PEDIDO-5").await;
        stage.command("revoke_tokens", json!({ "account": ACCOUNT }));
        let payment = stage.order("PEDIDO-6").await;
        assert_eq!(payment.status, Status::RequiresAction);
        assert_eq!((stage.requests("authorize"), stage.requests("create_cip")), (2, 3));
    }

    async fn whoever_was_taken_over_renews_no_token(database: TestDatabase) {
        let stage = stage(&database).await;
        let store = &stage.hub.store;
        let after = |seconds| stage.hub.clock.now() + jiff::SignedDuration::from_secs(seconds);
        let claim = async |from, until| {
            store.claim_token_renewal(MERCHANT, ACCOUNT, after(from), after(until)).await.expect("the store")
        };
        let token = async || store.access_token(MERCHANT, ACCOUNT).await.expect("the store");
        assert!(claim(0, 15).await && !claim(14, 29).await, "one renews it at a time");
        assert!(claim(15, 30).await, "whose time is over is taken over");
        store.write_access_token(MERCHANT, ACCOUNT, b"late", after(7200), after(15)).await.expect("the store");
        assert_eq!(token().await, None, "the late one writes nothing");
        store.release_token_renewal(MERCHANT, ACCOUNT, after(15)).await.expect("the store");
        assert!(!claim(16, 31).await, "nor does it end the other one's claim");
        store.write_access_token(MERCHANT, ACCOUNT, b"in time", after(7200), after(30)).await.expect("the store");
        assert_eq!(token().await, Some((b"in time".to_vec(), after(7200))));
        assert!(claim(16, 31).await, "what is written ends the claim");
    }

    async fn a_provider_that_gives_no_token_and_asks_for_patience_is_left_alone(database: TestDatabase) {
        let stage = stage(&database).await;
        let busy = RequestFault::HttpStatus { status: 429, retry_after: Some(60), after_effect: false };
        stage.spoil_request("authorize", busy);
        let unreachable = stage.try_order("PEDIDO-14").await;
        let Err(CreateError::Unreachable { payment }) = unreachable else { panic!("{unreachable:?}") };
        assert_eq!(payment.status, Status::Failed, "without a token nothing was sent");
        let held = stage.try_order("PEDIDO-15").await;
        let Err(CreateError::Held { held, .. }) = held else { panic!("{held:?}") };
        assert!(held.cause == HoldCause::Paused && held.retry_after_s() > 50, "{held:?}");
        assert_eq!(stage.requests("create_cip"), 0);
    }

    async fn a_lost_notice_is_found_by_the_probe(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-7").await;
        lose_notices(&stage);
        pay(&stage, cip(&payment));
        stage.settle().await;
        assert!(stage.now(&payment).await.status.is_open(), "nobody has told");
        stage.advance(24 * 3600 + 3600).await;
        stage.expect(&payment, Status::Approved, 1).await;
    }

    async fn notices_of_one_code_are_taken_once(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-8").await;
        pay(&stage, cip(&payment));
        for variant in ["repeated", "concurrent", "other_operation", "documented_members", "unknown_member"] {
            stage.command("notify", json!({ "cip": cip(&payment), "variant": variant }));
        }
        stage.settle().await;
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!((stands.paid.minor, stands.overpaid.minor), (14_990, 0));
        testing::covers!("PE-37", "PE-39");
    }

    async fn forged_notices_change_nothing(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-9").await;
        lose_notices(&stage);
        pay(&stage, cip(&payment));
        stage.settle().await;
        for variant in ["wrong_signature", "no_signature", "changed_body", "unknown_cip"] {
            stage.command("notify", json!({ "cip": cip(&payment), "variant": variant }));
            stage.settle().await;
            assert!(stage.now(&payment).await.status.is_open(), "{variant}");
        }
        let verdicts = stage.verdicts().await;
        assert!(!verdicts.iter().any(|verdict| verdict == "valid"), "{verdicts:?}");
    }

    async fn a_signed_notice_of_another_amount_is_not_believed_and_makes_us_ask(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-13").await;
        lose_notices(&stage);
        pay(&stage, cip(&payment));
        stage.settle().await;
        for variant in ["wrong_amount", "wrong_currency"] {
            stage.command("notify", json!({ "cip": cip(&payment), "variant": variant }));
            stage.settle().await;
        }
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!((stands.paid.minor, stands.overpaid.minor), (14_990, 0), "what the query tells");
        assert!(stage.requests("search_cips") >= 1);
        assert!(cases(&stage, &payment).await.contains(&"conflict".to_owned()));
    }

    async fn a_code_nobody_pays_expires_by_the_hub_s_own_clock_and_a_late_payment_is_taken_once(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-10").await;
        let life = payment.expires_at.duration_since(stage.hub.clock.now());
        let life = u64::try_from(life.as_secs()).expect("seconds ahead");
        stage.advance(life - 60).await;
        let paid_at = stage.hub.clock.now();
        assert!(stage.now(&payment).await.status.is_open());
        stage.advance(24 * 3600).await;
        stage.expect(&payment, Status::Expired, 0).await;
        testing::covers!("PE-36");
        stage.command("pay", json!({ "cip": cip(&payment), "paid_at": paid_at }));
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        // The provider itself had called it expired meanwhile.
        let mut cases = cases(&stage, &payment).await;
        cases.sort_unstable();
        assert_eq!(cases, ["conflict", "late_payment"]);
    }

    async fn a_creation_whose_answer_was_lost_is_held_and_found_by_its_notice(database: TestDatabase) {
        let stage = stage(&database).await;
        stage.spoil_request("create_cip", RequestFault::ResetAfterEffect);
        let payment = stage.order("PEDIDO-11").await;
        assert_eq!((payment.status, payment.certainty), (Status::Pending, Certainty::Unknown));
        assert_eq!((&payment.detail.pay_url, &payment.detail.pay_code), (&None, &None));
        assert_eq!(cases(&stage, &payment).await, ["possible_orphan"]);
        let again = stage.order("PEDIDO-11").await;
        assert_eq!(again.id, payment.id);
        assert_eq!(stage.requests("create_cip"), 1, "a second code for one order is never asked for");
        let listed = stage.command("cips", json!({}));
        let orphan = listed["cips"][0]["cip"].as_u64().expect("the code that nobody knows");
        pay(&stage, orphan);
        stage.settle().await;
        let stands = stage.expect(&payment, Status::Approved, 1).await;
        assert_eq!(stands.detail.pay_code, Some(orphan.to_string()));
    }

    async fn a_code_is_taken_back(database: TestDatabase) {
        let stage = stage(&database).await;
        let payment = stage.order("PEDIDO-12").await;
        let cancelled = flow::cancel_payment(&stage.hub, MERCHANT, &payment.id).await.expect("taken back");
        assert_eq!(cancelled.status, Status::Cancelled);
        stage.settle().await;
        stage.expect(&payment, Status::Cancelled, 0).await;
        assert_eq!(stage.requests("delete_cip"), 1);
    }
}
