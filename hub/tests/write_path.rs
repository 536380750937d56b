//! The write path: what waits together is written together, and nobody pays for another's trouble.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;

use futures_util::future::join_all;
use hub::flow::writer::MOST_WAITING;
use hub::flow::{Known, Source, apply_facts};
use hub::store::{Key, KeyClaim, StoreError};
use hub::{Hub, flow};
use payment::id::{AttemptId, PaymentId};
use support::paper::{self, Paper};
use support::{Api, KEY, account, hub_on, hub_with, order, serve, settings};
use testing::TestDatabase;

/// Calls that the provider takes side by side, and how long each takes: what the account is capable of.
const PLACES: usize = 8;
const CALL: Duration = Duration::from_millis(500);
/// How long twice as much is asked for.
const OVERLOAD: Duration = Duration::from_secs(5);

fn claim(hub: &Hub, number: usize) -> KeyClaim {
    KeyClaim {
        key: Key { merchant_id: "tienda".into(), route: "/prueba".into(), key: format!("llave-{number}") },
        fingerprint: "huella".into(),
        claimed_at: hub.clock.real_now(),
        payment_id: None,
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

    async fn of_requests_at_once_under_one_key_one_order_is_taken_and_nothing_is_left_of_the_others(database: TestDatabase) {
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let sent = (0..60).map(|number| {
            let api = api.clone();
            async move {
                let key = format!("llave-{}", number % 15);
                api.post("/v1/payments", &key, &order(&format!("PEDIDO-{number}"))).await
            }
        });
        let answers = join_all(sent).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 15);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.problem(422, "idempotency_key_reused");
        }
        let late = api.post("/v1/payments", "llave-0", &order("PEDIDO-60")).await;
        late.problem(422, "idempotency_key_reused");
        for (table, rows) in [("idempotency", 15), ("payment", 15), ("attempt", 15), ("work", 15), ("event", 15)] {
            assert_eq!(database.count(table).await.expect("a count"), rows, "{table}");
        }
    }

    async fn at_twice_its_capacity_the_hub_does_what_it_can_and_turns_the_rest_away(database: TestDatabase) {
        let provider = SlowProvider::start().await;
        let mut settings = settings(vec![account("papel", "tienda", paper::ID, &provider.url)]);
        settings.limits.entry("papel".into()).or_default().calls_at_once = PLACES;
        let hub = hub_with(&database, settings, vec![Arc::new(Paper)]).await;
        let api = Api::new(&serve(&hub).await, KEY);
        let ask = |number: usize| {
            let api = api.clone();
            async move {
                let reference = format!("PEDIDO-{number}");
                let mut order = order(&reference);
                order["description"] = "call".into();
                let began = Instant::now();
                (api.post("/v1/payments", &reference, &order).await, began.elapsed(), reference)
            }
        };
        let between = CALL / u32::try_from(2 * PLACES).expect("few");
        let (began, mut asked) = (Instant::now(), Vec::new());
        while began.elapsed() < OVERLOAD {
            asked.push(tokio::spawn(ask(asked.len())));
            tokio::time::sleep(between).await;
        }
        let offered = asked.len();
        let answers: Vec<_> = join_all(asked).await.into_iter().map(|answer| answer.expect("no panic")).collect();
        let capable = began.elapsed().as_millis() / CALL.as_millis() * PLACES as u128;

        let (done, turned_away): (Vec<_>, Vec<_>) = answers.iter().partition(|(answer, ..)| answer.status == 201);
        assert!(done.len() as u128 * 10 >= capable * 7, "{} of {capable} that can be done", done.len());
        assert!(turned_away.len() * 5 > offered, "{} of {offered} turned away", turned_away.len());
        for (answer, waited, reference) in turned_away {
            answer.problem(503, "provider_unavailable");
            assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
            assert!(*waited < 2 * OVERLOAD, "nobody waits long to be turned away: {waited:?}");
            let known = hub.store.payment_by_reference("tienda", reference).await.expect("the store");
            assert!(known.is_none(), "nothing was written for {reference}");
        }
        assert_eq!(provider.calls(), done.len(), "each that was done was asked for once");
        assert!(provider.most_at_once() <= PLACES);
        let (after, ..) = ask(offered).await;
        assert_eq!(after.status, 201, "{}", after.text);
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

/// A provider that takes its time for each call.
struct SlowProvider {
    url: String,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    calls: AtomicUsize,
    under_way: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl SlowProvider {
    async fn start() -> Self {
        let counts = Arc::<Counts>::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let answer = async |State(counts): State<Arc<Counts>>| {
            counts.calls.fetch_add(1, Ordering::SeqCst);
            let under_way = counts.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            counts.most_at_once.fetch_max(under_way, Ordering::SeqCst);
            tokio::time::sleep(CALL).await;
            counts.under_way.fetch_sub(1, Ordering::SeqCst);
            "done"
        };
        let router = Router::new().fallback(post(answer)).with_state(Arc::clone(&counts));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, counts }
    }

    fn calls(&self) -> usize {
        self.counts.calls.load(Ordering::SeqCst)
    }

    fn most_at_once(&self) -> usize {
        self.counts.most_at_once.load(Ordering::SeqCst)
    }
}
