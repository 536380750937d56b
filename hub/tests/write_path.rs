//! The write path: what waits together is written together, and nobody pays for another's trouble.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use hub::flow::writer::MOST_WAITING;
use hub::flow::{Known, Source, apply_facts};
use hub::store::{Key, KeyClaim, StoreError};
use hub::{Hub, flow};
use payment::id::{AttemptId, PaymentId};
use support::paper::Paper;
use support::{Api, KEY, hub_on, order, serve};
use testing::TestDatabase;

fn claim(hub: &Hub, number: usize) -> KeyClaim {
    KeyClaim {
        key: Key { merchant_id: "tienda".into(), route: "/prueba".into(), key: format!("llave-{number}") },
        fingerprint: "huella".into(),
        claimed_at: hub.clock.real_now(),
    }
}

/// News of an attempt without any content, as after an answer that told nothing.
fn news(payment_id: &PaymentId, attempt_id: &AttemptId) -> Known {
    Known::about("tienda".into(), payment_id.clone(), attempt_id.clone(), Source::Probe)
}

testing::both_databases! {
    async fn an_operation_that_fails_harms_none_that_waits_with_it(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let now = hub.clock.now();
        let nobody = news(&PaymentId::new(now, hub.entropy()), &AttemptId::new(now, hub.entropy()));
        let claims = join_all((0..40).map(|number| hub.writer.submit(claim(&hub, number))));
        // While somebody writes, everything else waits, and then goes together.
        let holder = hub.store.begin().await.expect("a transaction");
        let release = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(holder);
        };
        let (claimed, refused, ()) = tokio::join!(claims, apply_facts(&hub, nobody), release);
        assert!(claimed.iter().all(|claimed| matches!(claimed, Ok(None))), "{claimed:?}");
        assert!(matches!(refused, Err(StoreError::Together(_))), "{refused:?}");
        let again = join_all((0..40).map(|number| hub.writer.submit(claim(&hub, number)))).await;
        assert!(again.iter().all(|known| matches!(known, Ok(Some(_)))), "each claim is durable");
    }

    async fn orders_at_once_under_one_reference_make_one_payment(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let sent = (0..60).map(|number| {
            let api = api.clone();
            async move {
                let reference = format!("PEDIDO-{}", number % 15);
                api.post("/v1/payments", &format!("llave-{number}"), &order(&reference)).await
            }
        });
        let answers = join_all(sent).await;
        let created: BTreeSet<&str> =
            answers.iter().filter(|answer| answer.status == 201).map(|answer| answer.member("reference")).collect();
        assert_eq!((created.len(), answers.iter().filter(|answer| answer.status == 201).count()), (15, 15));
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.problem(409, "reference_used");
        }
    }

    async fn what_comes_while_too_much_waits_is_turned_away_and_nothing_that_waits_is_lost(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let created = api.post("/v1/payments", "llave", &order("PEDIDO-1")).await;
        let payment: PaymentId = created.member("id").parse().expect("an id");
        let attempt = hub.store.attempts("tienda", &payment).await.expect("attempts").remove(0);
        // Somebody holds the payment: what is to be written about it waits, and everything behind it.
        let mut holder = hub.store.begin().await.expect("a transaction");
        let held = holder.lock_aggregates(&BTreeSet::from([("tienda".to_owned(), payment.clone())])).await;
        assert_eq!(held.expect("the payment").len(), 1);
        let mut held_up = Vec::new();
        for _ in 0..hub.store.writers() {
            let (hub, news) = (Arc::clone(&hub), news(&payment, &attempt.id));
            held_up.push(tokio::spawn(async move { flow::apply_facts(&hub, news).await }));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut waiting = Vec::new();
        let turned_away = loop {
            let mut submitted = Box::pin(hub.writer.submit(claim(&hub, waiting.len())));
            match futures_util::poll!(&mut submitted) {
                Poll::Pending => waiting.push(submitted),
                Poll::Ready(answer) => break answer,
            }
            assert!(waiting.len() <= MOST_WAITING, "the queue has no end");
        };
        assert!(matches!(turned_away, Err(StoreError::Busy)), "{turned_away:?}");
        let turned_away = api.post("/v1/payments", "otra", &order("PEDIDO-2")).await;
        turned_away.problem(503, "overloaded");
        assert_ne!(turned_away.header("retry-after"), "");
        drop(holder);
        let waited = join_all(waiting).await;
        assert!(waited.iter().all(|claimed| matches!(claimed, Ok(None))), "{waited:?}");
        for applied in join_all(held_up).await {
            assert_eq!(applied.expect("no panic").expect("applied").id, payment);
        }
        let again = api.post("/v1/payments", "otra", &order("PEDIDO-2")).await;
        assert_eq!(again.status, 201, "{}", again.text);
    }
}
