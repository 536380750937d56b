//! Calls to a provider that is slow, silent, busy, gone or of another time.

use std::time::{Duration, Instant};

use hub::flow::{CancelError, CreateError, cancel_payment};
use hub::limits::{BreakerState, HoldCause};
use hub::settings::{AccountLimits, Settings};
use payment::Status;
use simulation::hardship::{NoticeFault, RequestFault};
use testing::TestDatabase;

use crate::stage::{ACCOUNT, APPROVED_CARD, MERCHANT, Stage};

fn limited(change: impl FnOnce(&mut AccountLimits)) -> impl FnOnce(&mut Settings) {
    move |settings| change(settings.limits.entry(ACCOUNT.into()).or_default())
}

/// In the order of their words: calls of the same instant have no order.
async fn outcomes(stage: &Stage, payment: &hub::store::Payment) -> Vec<String> {
    let calls = stage.hub.store.calls(MERCHANT, &payment.id).await.expect("calls");
    let mut outcomes: Vec<String> = calls.into_iter().map(|call| call.outcome).collect();
    outcomes.sort();
    outcomes
}

async fn written(stage: &Stage, reference: &str) -> bool {
    let known = stage.hub.store.payment_by_reference(MERCHANT, reference).await.expect("the store");
    known.is_some()
}

testing::both_databases! {
    async fn how_a_call_ended_is_told_apart_in_the_wire_log(database: TestDatabase) {
        let stage = Stage::tuned(&database, limited(|limits| {
            (limits.task_ms, limits.breaker_failures) = (1_500, 50);
        })).await;
        let payment = stage.order("PEDIDO-41").await;
        let table = [
            (RequestFault::TimeOutAfterEffect { hold_ms: 4_000 }, "timed_out"),
            (RequestFault::ResetAfterEffect, "connection_broken"),
            (RequestFault::Truncated, "half_answered"),
            (RequestFault::Huge { bytes: 4 * 1024 * 1024 }, "too_large"),
            (RequestFault::HttpStatus { status: 502, retry_after: None, after_effect: false }, "provider_fault"),
            (RequestFault::HtmlPage, "answered"),
        ];
        let mut expected = vec!["answered".to_owned()];
        for (fault, outcome) in table {
            stage.spoil_request("query_session", fault);
            stage.come_back(&payment).await;
            expected.push(outcome.to_owned());
            expected.sort();
            assert_eq!(outcomes(&stage, &payment).await, expected);
        }
        assert_eq!(stage.now(&payment).await.version, payment.version, "none of them tells anything");
    }

    async fn what_was_never_sent_is_told_apart_too(database: TestDatabase) {
        type Change = fn(&mut Settings);
        let table: [(Change, &str); 3] = [
            (|settings| settings.accounts[0].base_url = "http://provider.invalid".parse().expect("a URL"), "no_name"),
            (|settings| settings.accounts[0].base_url.set_scheme("https").expect("a scheme"), "no_tls"),
            (|settings| settings.accounts[0].base_url.set_port(Some(1)).expect("a port"), "no_connection"),
        ];
        for (tune, outcome) in table {
            let database = TestDatabase::fresh(database.kind).await.expect("a database");
            let stage = Stage::tuned(&database, tune).await;
            let unreachable = stage.try_order("PEDIDO-42").await;
            let Err(CreateError::Unreachable { payment }) = unreachable else { panic!("{unreachable:?}") };
            assert_eq!(payment.status, Status::Failed);
            assert_eq!(outcomes(&stage, &payment).await, [outcome; 2]);
        }
    }

    async fn a_provider_that_asks_for_patience_is_left_alone_and_callers_are_told(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-43").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        let busy = RequestFault::HttpStatus { status: 429, retry_after: Some(3), after_effect: false };
        stage.spoil_request("query_session", busy);
        stage.come_back(&payment).await;
        assert_eq!(outcomes(&stage, &payment).await, ["answered", "throttled"]);
        let asked = stage.requests("query_session");
        assert_eq!(stage.come_back(&payment).await, 303, "the shopper goes on");
        let held = stage.try_order("PEDIDO-44").await;
        let Err(CreateError::Held { held, .. }) = held else { panic!("{held:?}") };
        assert_eq!(held.cause, HoldCause::Paused);
        assert!((1..=3).contains(&held.retry_after_s()), "{held:?}");
        assert!(!written(&stage, "PEDIDO-44").await, "nothing was written");
        let cancelled = cancel_payment(&stage.hub, MERCHANT, &payment.id).await;
        assert!(matches!(cancelled, Err(CancelError::Held(_))), "{cancelled:?}");
        assert_eq!((stage.requests("query_session"), stage.requests("create_session")), (asked, 1));
        tokio::time::sleep(held.retry_after + Duration::from_millis(50)).await;
        stage.come_back(&payment).await;
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        stage.order("PEDIDO-44").await;
    }

    async fn a_breaker_refuses_creations_before_anything_is_written(database: TestDatabase) {
        let stage = Stage::tuned(&database, limited(|limits| {
            (limits.breaker_failures, limits.breaker_rest_ms) = (2, 1_500);
        })).await;
        for _ in 0..2 {
            stage.spoil_request("create_session", RequestFault::ResetBeforeEffect);
        }
        let unreachable = stage.try_order("PEDIDO-45").await;
        assert!(matches!(unreachable, Err(CreateError::Unreachable { .. })), "{unreachable:?}");
        let gate = stage.hub.limits.gate(ACCOUNT);
        assert_eq!(gate.view().breaker, BreakerState::Open);
        let held = stage.try_order("PEDIDO-46").await;
        let Err(CreateError::Held { held, .. }) = held else { panic!("{held:?}") };
        assert_eq!(held.cause, HoldCause::BreakerOpen);
        assert_eq!(stage.requests("create_session"), 2);
        assert!(!written(&stage, "PEDIDO-46").await, "nothing was written");
        tokio::time::sleep(held.retry_after + Duration::from_millis(50)).await;
        stage.order("PEDIDO-46").await;
        assert_eq!(gate.view().breaker, BreakerState::Closed);
    }

    async fn a_creation_ends_within_its_budget_and_sends_nothing_after_it(database: TestDatabase) {
        let stage = Stage::tuned(&database, limited(|limits| limits.task_ms = 1_000)).await;
        stage.spoil_request("create_session", RequestFault::TimeOutBeforeEffect { hold_ms: 6_000 });
        let started = Instant::now();
        let unreachable = stage.try_order("PEDIDO-47").await;
        let Err(CreateError::Unreachable { payment }) = unreachable else { panic!("{unreachable:?}") };
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        assert_eq!(outcomes(&stage, &payment).await, ["not_sent", "timed_out"]);
        assert_eq!(stage.requests("create_session"), 1, "no time was left to begin anew");
    }

    async fn a_clock_that_is_off_is_told_and_corrected_once(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let payment = stage.order("PEDIDO-48").await;
        stage.spoil_notice(NoticeFault::Lost);
        stage.pay(&payment, APPROVED_CARD).await;
        stage.hub.clock.advance(jiff::SignedDuration::from_mins(10));
        stage.come_back(&payment).await;
        assert_eq!(stage.requests("query_session"), 2, "refused by its clock, then asked by its clock");
        stage.settle().await;
        stage.expect(&payment, Status::Approved, 1).await;
        let (skew_ms, _) = stage.hub.limits.gate(ACCOUNT).view().skew.expect("a difference");
        assert!((skew_ms + 600_000).abs() <= 1_500, "{skew_ms}");
    }
}
