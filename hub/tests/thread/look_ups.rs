//! How the probe's look-ups are spread over time, and what they leave to others.

use std::time::Duration;

use hub::settings::AccountLimits;
use testing::{TestDatabase, until};

use crate::stage::{ACCOUNT, Stage};

const ORDERS: usize = 20;
/// When the provider's usual cadence looks first, in seconds, and how much later at most.
const FIRST_S: u64 = 300;
const SPREAD_S: u64 = 30;

async fn with_orders(stage: &Stage) {
    for number in 0..ORDERS {
        stage.order(&format!("PEDIDO-{number}")).await;
    }
}

testing::both_databases! {
    async fn a_burst_of_orders_is_looked_up_bit_by_bit(database: TestDatabase) {
        // One first look-up a second.
        let limits = AccountLimits { calls_per_second: 50, ..AccountLimits::default() };
        let stage = Stage::tuned(&database, |settings| {
            settings.limits.insert(ACCOUNT.into(), limits);
        })
        .await;
        with_orders(&stage).await;
        stage.advance(FIRST_S + 10).await;
        let asked = stage.requests("query_session");
        assert!((1..ORDERS).contains(&asked), "{asked} of {ORDERS} are asked for halfway");
        stage.advance(SPREAD_S - 10 + 1).await;
        assert_eq!(stage.requests("query_session"), ORDERS);
    }

    async fn look_ups_leave_calls_for_creations(database: TestDatabase) {
        // Five look-ups a second at most.
        let limits = AccountLimits { calls_per_second: 10, ..AccountLimits::default() };
        let stage = Stage::tuned(&database, |settings| {
            settings.limits.insert(ACCOUNT.into(), limits);
        })
        .await;
        with_orders(&stage).await;
        // As long as nothing is called, calls are saved up again.
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.advance(FIRST_S + SPREAD_S + 1).await;
        let asked = stage.requests("query_session");
        assert!((1..ORDERS / 2).contains(&asked), "{asked} of {ORDERS} are asked for at once");
        for number in 0..4 {
            stage.order(&format!("NUEVO-{number}")).await;
        }
        until(Duration::from_secs(30), async || {
            stage.advance(1).await;
            (stage.requests("query_session") >= ORDERS).then_some(())
        })
        .await;
    }
}
