//! Who waits for whom: a slow endpoint, a busy account.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hub::store::{Changes, ClaimedDelivery, DeliveryOutcome, DeliveryTry, NewWork, Work};
use jiff::SignedDuration;
use payment::id::{AttemptId, EventId, PaymentId};
use testing::TestDatabase;
use tokio_util::sync::CancellationToken;

use crate::receiver::{Receiver, Stage};
use crate::support::paper::Paper;
use crate::support::{Api, KEY, account, hub_with, order, serve, settings};

/// Longer than the patience of the story: an endpoint that hangs does so until its end.
const TIMEOUT_MS: u64 = 60_000;
const PATIENCE: Duration = Duration::from_secs(20);
/// Payments that wait for their providers.
const PENDING: u32 = 100_000;
/// What a creation, a list and a claim take together at most, on a machine under load: reading what waits would take longer.
const A_MOMENT: Duration = Duration::from_secs(5);

testing::both_databases! {
    async fn a_hanging_endpoint_delays_no_other(database: TestDatabase) {
        let mut patient = settings(vec![account("papel", "tienda", crate::support::paper::ID, "http://127.0.0.1:1/")]);
        patient.events.timeout_ms = TIMEOUT_MS;
        let hub = hub_with(&database, patient, vec![Arc::new(Paper)]).await;
        let stage = Stage { api: Api::new(&serve(&hub).await, KEY), hub };
        let (hanging, prompt) = (Receiver::start().await, Receiver::start().await);
        hanging.hang();
        let (slow, _) = stage.register(&hanging, "k1").await;
        let (quick, _) = stage.register(&prompt, "k2").await;
        // More of the slow one's than all that is delivered side by side, and due before the others.
        write_events(&stage, &slow, 300).await;
        stage.hub.clock.advance(SignedDuration::from_secs(1));
        write_events(&stage, &quick, 100).await;

        let shutdown = CancellationToken::new();
        let workers = tokio::spawn(hub::workers::run(Arc::clone(&stage.hub), shutdown.clone()));
        testing::until(PATIENCE, async || (prompt.received().len() >= 100).then_some(())).await;
        assert_eq!(prompt.received().len(), 100);
        let under_way = u32::try_from(hanging.received().len()).expect("few");
        assert!(under_way <= hub::flow::deliver_event::AT_ONCE_PER_ENDPOINT, "{under_way} at once");
        workers.abort();
    }

    async fn a_delivery_that_was_taken_over_is_acknowledged_by_its_new_owner_only(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let shop = Receiver::start().await;
        let (endpoint, _) = stage.register(&shop, "k1").await;
        let event = stage.tell(&endpoint, "t1").await;
        // The first owner's lease is over at once; the second takes over.
        let real_now = stage.hub.clock.real_now();
        let first = claim_delivery(&stage, real_now).await;
        let second = claim_delivery(&stage, real_now + SignedDuration::from_secs(60)).await;
        assert_eq!((first.tries, second.tries), (1, 2));
        let made = |claimed: &ClaimedDelivery, result: &str| DeliveryTry {
            endpoint_id: claimed.endpoint_id.clone(),
            number: claimed.claim,
            at: stage.hub.clock.now(),
            result: result.into(),
            duration_us: 1,
            answer: String::new(),
        };
        let store = &stage.hub.store;
        store.finish_delivery(&first, &DeliveryOutcome::GivenUp, &made(&first, "late")).await.expect("fenced off");
        assert_eq!(stage.deliveries(&event).await[0]["state"], "pending");
        store.finish_delivery(&second, &DeliveryOutcome::Delivered, &made(&second, "200")).await.expect("taken");
        let delivery = &stage.deliveries(&event).await[0];
        assert_eq!((&delivery["state"], &delivery["last_result"]), (&"delivered".into(), &"200".into()));
        assert_eq!(delivery["log"].as_array().map(Vec::len), Some(2), "both tries were made, and are told");
    }

    async fn a_new_payment_is_looked_up_before_thousands_of_old_ones(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let start = stage.hub.clock.now();
        let accounts = [("tienda", "papel"), ("otra", "papel-otra")];
        write_work(&stage, accounts[0], 3000, start).await;
        // All were looked up before, and told nothing.
        for work in claim(&stage, 3000, 3000, &accounts).await {
            stage.hub.store.release_work(&work, start).await.expect("released");
        }
        let later = start + SignedDuration::from_secs(60);
        let of_the_same = write_work(&stage, accounts[0], 1, later).await;
        let of_another = write_work(&stage, accounts[1], 1, later).await;
        stage.hub.clock.advance(SignedDuration::from_secs(60));

        let first = claim(&stage, 16, 4, &accounts).await;
        let ids: Vec<_> = first.iter().map(|work| work.attempt_id.clone()).collect();
        assert!(ids.contains(&of_the_same[0]), "new work of the account with the backlog");
        assert!(ids.contains(&of_another[0]), "work of an account without a backlog");
        assert_eq!(first.len(), 6, "one new and four old ones of the first account, one of the other");
        assert_eq!(claim(&stage, 16, 4, &accounts).await.len(), 0, "those under way keep their places");
        let old = first.iter().find(|work| work.tries > 1).expect("an old one");
        stage.hub.store.end_work(old).await.expect("ended");
        assert_eq!(claim(&stage, 16, 4, &accounts).await.len(), 1, "the next of the line moves up");
    }

    async fn a_hundred_thousand_pending_payments_do_not_delay_a_new_one(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let create = async |reference: &str| {
            let created = stage.api.post("/v1/payments", reference, &order(reference)).await;
            assert_eq!(created.status, 201, "{}", created.text);
            created.member("id").to_owned()
        };
        create("PEDIDO-1").await;
        database.copy_payments(PENDING).await.expect("copies");
        // All of them are due by now, and of the same account as the new one, which comes due last.
        stage.hub.clock.advance(SignedDuration::from_mins(2));
        let began = Instant::now();
        let new = create("PEDIDO-2").await;
        let page = stage.api.get("/v1/payments?status=requires_action").await;
        assert_eq!(page.json["data"][0]["id"], new.as_str(), "{}", page.text);
        stage.hub.clock.advance(SignedDuration::from_mins(6));
        let first = claim(&stage, 32, 4, &[("tienda", "papel")]).await;
        let took = began.elapsed();
        let attempt = stage.hub.store.attempts("tienda", &new.parse().expect("an id")).await;
        let attempt = attempt.expect("attempts").remove(0).id;
        assert_eq!(first.len(), 6, "two new and four old ones");
        assert!(first.iter().any(|work| work.attempt_id == attempt), "the new one is looked up at once");
        assert!(took < A_MOMENT, "{took:?}");
        // Every one of them is counted, and what it may cost: 119,000 pesos for eight minutes, and for six the new one.
        let told = stage.api.get("/metrics").await;
        let pending = PENDING + 2;
        let at_risk = 119_000 * (u64::from(PENDING + 1) * 480 + 360);
        for line in [
            format!("caudal_payments_pending{{provider=\"paper\",age_bucket=\"under_1h\"}} {pending}"),
            format!("caudal_money_at_risk{{provider=\"paper\",currency=\"COP\"}} {at_risk}.00"),
        ] {
            assert!(told.text.lines().any(|told| told == line), "{line} is not in {}", told.text);
        }
    }

    async fn accounts_take_turns(database: TestDatabase) {
        let stage = Stage::on(&database).await;
        let start = stage.hub.clock.now();
        let accounts = [("tienda", "papel"), ("otra", "papel-otra")];
        write_work(&stage, accounts[0], 50, start).await;
        let later = start + SignedDuration::from_secs(60);
        write_work(&stage, accounts[1], 50, later).await;
        stage.hub.clock.advance(SignedDuration::from_secs(60));
        let claimed = claim(&stage, 6, 4, &accounts).await;
        let of = |merchant: &str| claimed.iter().filter(|work| work.merchant_id == merchant).count();
        assert_eq!((of("tienda"), of("otra")), (3, 3));
        let due = stage.hub.store.next_work_at(&accounts[1..]).await.expect("the store");
        assert_eq!(due, Some(later), "only the accounts that are asked for count");
    }
}

async fn write_events(stage: &Stage, endpoint: &str, count: usize) {
    let endpoint = endpoint.parse().expect("an id");
    let now = stage.hub.clock.now();
    let mut tx = stage.hub.store.begin().await.expect("a transaction");
    for _ in 0..count {
        let event = hub::store::Event {
            id: EventId::new(now, stage.hub.entropy()),
            merchant_id: "tienda".into(),
            payment_id: None,
            kind: "endpoint.test".into(),
            body: r#"{"type":"endpoint.test"}"#.into(),
            change: None,
            created_at: now,
        };
        tx.insert_event_for(&event, &endpoint, now).await.expect("an event");
    }
    tx.commit().await.expect("committed");
}

async fn write_work(
    stage: &Stage,
    (merchant, account): (&str, &str),
    count: usize,
    due_at: payment::Timestamp,
) -> Vec<AttemptId> {
    let entropy = || stage.hub.entropy();
    let mut attempts = Vec::new();
    let mut changes = Changes::default();
    for _ in 0..count {
        let (payment_id, attempt) = (PaymentId::new(due_at, entropy()), AttemptId::new(due_at, entropy()));
        let work = NewWork { payment_id, account_id: account.to_owned(), due_at };
        changes.scheduled.insert((merchant.to_owned(), attempt.clone()), work);
        attempts.push(attempt);
    }
    let mut tx = stage.hub.store.begin().await.expect("a transaction");
    tx.write(&changes).await.expect("scheduled");
    tx.commit().await.expect("committed");
    attempts
}

async fn claim_delivery(stage: &Stage, lease_until: payment::Timestamp) -> ClaimedDelivery {
    let (now, real_now) = (stage.hub.clock.now(), stage.hub.clock.real_now());
    let claimed = stage.hub.store.claim_deliveries(now, real_now, lease_until, 1, 1).await;
    claimed.expect("claimed").pop().expect("a delivery")
}

async fn claim(stage: &Stage, limit: u32, at_once: u32, accounts: &[(&str, &str)]) -> Vec<Work> {
    let (now, real_now) = (stage.hub.clock.now(), stage.hub.clock.real_now());
    let until = real_now + SignedDuration::from_secs(60);
    stage.hub.store.claim_work(now, real_now, until, limit, at_once, accounts).await.expect("claimed")
}
