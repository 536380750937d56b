//! What becomes of the work of an instance that was killed, or that froze and comes back.

use reqwest::Method;
use simulation::hardship::{RequestFault, Times};
use testing::TestDatabase;

use crate::parties::{order, pay};
use crate::world::{Answer, LOOK_UP, Setting, World, ask};

/// Longer than an instance takes to be frozen or killed once it holds what the story wants it to hold.
const SHORT_LEASE: Setting = Setting { lease_s: Some("3"), drain_ms: None };
/// Beyond the first look-up, in seconds.
const FIRST_LOOK_UP_S: i64 = 400;
/// Beyond the next try of a delivery, and of a look-up that told nothing, in seconds.
const NEXT_TRY_S: i64 = 60;
/// Orders whose work is under way when an instance dies: fewer than are looked up side by side.
const ORDERS: usize = 3;

testing::several_processes! {
    async fn what_a_killed_instance_held_is_done_by_another_and_each_payment_is_charged_once(database: TestDatabase) {
        let mut world = a_world_in_which_the_first_instance_holds_all(&database).await;
        world.front.keep_notices();
        let references: Vec<String> = (1..=ORDERS).map(|number| format!("PEDIDO-{number}")).collect();
        let mut payments = Vec::new();
        for reference in &references {
            payments.push(world.create(0, reference).await);
        }
        let silence = RequestFault::TimeOutBeforeEffect { hold_ms: 60_000 };
        world.provider.spoil(LOOK_UP, silence, Times::Forever);
        world.let_pass(FIRST_LOOK_UP_S, &[0]).await;
        let holds_all = || world.journal(LOOK_UP).len() >= ORDERS && world.inbox.posts().len() >= ORDERS;
        world.until("held", async || holds_all().then_some(())).await;

        world.instances[0].signal("KILL");
        assert_eq!(world.instances[0].end().await, None, "it was killed");
        for payment in &payments {
            pay(&world.http, payment).await;
        }
        world.provider.sandbox.steering.clear_hardships();
        world.inbox.refuse_held();
        world.instances[1].signal("CONT");
        world.tell_time(1).await;
        world.until_told(&references, "approved").await;

        assert_eq!(world.provider.charges(), ORDERS);
        world.until_at_rest(1).await;
        for reference in &references {
            let [payment] = &world.payments(1, reference).await[..] else { panic!("one payment of {reference}") };
            assert_eq!((&payment["status"], &payment["paid"]), (&"approved".into(), &11_900_000.into()));
            assert_eq!(world.inbox.told(reference, "approved").ids, 1, "{reference} was told by several events");
        }
        let posts = world.inbox.posts();
        for held in posts.iter().filter(|post| !post.was_taken) {
            assert!(posts.iter().any(|post| post.was_taken && post.id == held.id), "{held:?} was never delivered");
        }
    }

    async fn what_a_frozen_instance_writes_late_changes_nothing(database: TestDatabase) {
        let world = a_world_in_which_the_first_instance_holds_all(&database).await;
        let payment = world.create(0, "PEDIDO-1").await;
        let silence = RequestFault::TimeOutBeforeEffect { hold_ms: 300 };
        world.provider.spoil(LOOK_UP, silence, Times::Count(1));
        world.let_pass(FIRST_LOOK_UP_S, &[0]).await;
        let seen = || (world.journal(LOOK_UP).len(), world.inbox.posts().len());
        world.until("held", async || (seen().0 > 0 && seen().1 > 0).then_some(())).await;

        // The first one freezes with a look-up and a delivery under way. Both fail, which it learns when it wakes.
        world.instances[0].signal("STOP");
        let (look_ups, posts) = seen();
        world.inbox.refuse_held();
        world.instances[1].signal("CONT");
        world.tell_time(1).await;
        let done_once_more = (look_ups + 1, posts + 1);
        world.until("taken over", async || (seen() == done_once_more).then_some(())).await;
        world.until_at_rest(1).await;
        assert!(world.inbox.posts().last().is_some_and(|post| post.was_taken));

        world.instances[0].signal("CONT");
        world.until_at_rest(0).await;
        // Were it believed that both failed, both would come again now.
        world.let_pass(NEXT_TRY_S, &[0, 1]).await;
        for place in [0, 1] {
            world.until_at_rest(place).await;
        }
        assert_eq!(seen(), done_once_more, "the late writer was believed\n{}", world.logs());

        pay(&world.http, &payment).await;
        world.until_told(&["PEDIDO-1".to_owned()], "approved").await;
        for place in [0, 1] {
            world.until_at_rest(place).await;
        }
        assert_eq!((world.provider.charges(), world.inbox.told("PEDIDO-1", "approved").ids), (1, 1));
    }

    async fn an_instance_that_freezes_amid_a_transaction_holds_nobody_up(database: TestDatabase) {
        let mut world = World::with(&database.url, SHORT_LEASE).await;
        world.front.keep_notices();
        world.instances[0].variables.push((hub::crash::FREEZE_VARIABLE, "look_up.before_commit"));
        world.start(0).await;
        world.start(1).await;
        world.register().await;
        world.instances[1].signal("STOP");
        let payment = world.create(0, "PEDIDO-1").await;
        pay(&world.http, &payment).await;
        world.let_pass(FIRST_LOOK_UP_S, &[]).await;
        // It may freeze before it has answered.
        let _telling = tokio::spawn(world.telling_time(0));
        world.until("frozen", async || world.instances[0].is_stopped().then_some(())).await;

        // It holds the lock of the payment, until the database ends its transaction.
        world.instances[1].signal("CONT");
        world.tell_time(1).await;
        world.until_told(&["PEDIDO-1".to_owned()], "approved").await;
        world.instances[0].signal("CONT");
        for place in [0, 1] {
            world.until_ready(place).await;
            world.until_at_rest(place).await;
            assert_eq!(world.payments(place, "PEDIDO-1").await[0]["status"], "approved");
        }
        assert_eq!((world.provider.charges(), world.inbox.told("PEDIDO-1", "approved").ids), (1, 1));
    }

    async fn a_creation_that_froze_does_not_undo_what_another_instance_made_of_it(database: TestDatabase) {
        let mut world = World::with(&database.url, SHORT_LEASE).await;
        world.front.keep_notices();
        // When it wakes, its time for the task is over, and it can only find that it failed.
        world.instances[0].variables.push(("CAUDAL_ACCOUNTS__MAIN__LIMITS__TASK_MS", "1000"));
        world.start(0).await;
        world.start(1).await;
        world.register().await;
        let silence = RequestFault::TimeOutBeforeEffect { hold_ms: 1_000 };
        world.provider.spoil("create_session", silence, Times::Count(1));
        let late = tokio::spawn(asked(world.http.clone(), world.instances[0].address.clone()));
        world.until("asked", async || (world.journal("create_session").len() == 1).then_some(())).await;
        world.instances[0].signal("STOP");
        let payment = world
            .until("created by the other", async || {
                let answer = asked(world.http.clone(), world.instances[1].address.clone()).await;
                assert!(answer.status == 201 || answer.body["code"] == "idempotency_running", "{answer:?}");
                (answer.status == 201).then_some(answer.body)
            })
            .await;
        assert_eq!(payment["status"], "requires_action");

        world.instances[0].signal("CONT");
        let late = late.await.expect("no panic");
        assert_eq!((late.status, &late.body["id"]), (201, &payment["id"]), "{late:?}");
        world.until_at_rest(0).await;
        for instance in &world.instances {
            let again = asked(world.http.clone(), instance.address.clone()).await;
            assert_eq!((again.status, &again.body), (201, &payment), "the answer that was given first is given again");
        }
        pay(&world.http, &payment).await;
        world.let_pass(FIRST_LOOK_UP_S, &[0, 1]).await;
        world.until_told(&["PEDIDO-1".to_owned()], "approved").await;
        assert_eq!(world.inbox.told("PEDIDO-1", "failed").times, 0);
        assert_eq!((world.provider.charges(), world.inbox.told("PEDIDO-1", "approved").ids), (1, 1));
    }
}

/// Asks for the payment of the story.
async fn asked(http: reqwest::Client, address: String) -> Answer {
    let order = order("PEDIDO-1");
    let answer = ask(&http, &address, Method::POST, "/v1/payments", Some("one"), &order).await;
    answer.expect("an answer")
}

/// The second instance is there and sleeps, and the inbox answers nobody.
async fn a_world_in_which_the_first_instance_holds_all(database: &TestDatabase) -> World {
    let world = World::with_both(&database.url, SHORT_LEASE).await;
    world.instances[1].signal("STOP");
    world.inbox.hold();
    world
}
