//! The same thing comes to both instances at once, and much work comes to both at once.

use std::time::Duration;

use hub::flow::probe::AT_ONCE_PER_ACCOUNT;
use reqwest::Method;
use serde_json::Value;
use simulation::hardship::{RequestFault, Times};
use simulation::journal::Entry;
use testing::TestDatabase;

use crate::parties::{order, pay};
use crate::world::{Answer, LOOK_UP, Setting, World, ask};

/// How often the same request, and the same notice, comes at once.
const AT_ONCE: usize = 20;
/// How long the provider takes, in milliseconds.
const SLOW_MS: u64 = 300;
/// Look-ups that are due after the pause.
const BACKLOG: usize = 48;
/// Calls a second that each instance may make to the account.
const RATE: usize = 8;
/// How long a look-up takes in the story of the pause, in milliseconds.
const LOOK_UP_MS: u64 = 100;

testing::several_processes! {
    async fn an_order_and_a_notice_that_come_to_both_at_once_have_one_effect(database: TestDatabase) {
        let world = World::with_both(&database.url, Setting::default()).await;
        world.front.keep_notices();
        let slow = |operation: &str, times| {
            world.provider.spoil(operation, RequestFault::Delay { ms: SLOW_MS }, times);
        };
        slow("create_session", Times::Forever);
        let answers = at_once(&world, |http, address| async move {
            ask(&http, &address, Method::POST, "/v1/payments", Some("one"), &order("PEDIDO-1")).await
        })
        .await;
        let is_made = |answer: &&Answer| answer.status == 201;
        let created: Vec<&Value> = answers.iter().filter(is_made).map(|answer| &answer.body).collect();
        assert!(!created.is_empty(), "{answers:?}");
        for answer in &answers {
            let is_running = (answer.status, &answer.body["code"]) == (409, &"idempotency_running".into());
            assert!(is_running || answer.body["id"] == created[0]["id"], "{answer:?}");
        }
        assert_eq!(world.journal("create_session").len(), 1, "one session at the provider");
        for place in [0, 1] {
            let [payment] = &world.payments(place, "PEDIDO-1").await[..] else { panic!("one payment") };
            assert_eq!(payment["id"], created[0]["id"]);
        }

        pay(&world.http, created[0]).await;
        let notice = world.until("a notice", async || world.front.kept_notices().pop()).await;
        slow(LOOK_UP, Times::Forever);
        let answers = at_once(&world, |http, address| {
            let request = http.post(format!("http://{address}{}", notice.path)).headers(notice.headers.clone());
            let sending = request.body(notice.body.clone()).send();
            async move { sending.await.map(|answer| answer.status().as_u16()) }
        })
        .await;
        assert_eq!(answers, [200; AT_ONCE]);
        world.until_told(&["PEDIDO-1".to_owned()], "approved").await;
        for place in [0, 1] {
            world.until_at_rest(place).await;
        }
        assert_eq!(world.journal(LOOK_UP).len(), 1, "the notice was followed once");
        assert_eq!(world.provider.charges(), 1);
        for status in ["requires_action", "approved"] {
            let told = world.inbox.told("PEDIDO-1", status);
            assert_eq!((told.times, told.ids), (1, 1), "{status}");
        }
    }

    async fn after_a_pause_look_ups_come_a_few_at_a_time_and_at_the_account_s_rate(database: TestDatabase) {
        let mut world = World::with_both(&database.url, Setting::default()).await;
        world.front.keep_notices();
        for number in 0..BACKLOG {
            world.create(number % 2, &format!("PEDIDO-{number}")).await;
        }
        for instance in &mut world.instances {
            instance.signal("TERM");
            assert_eq!(instance.end().await, Some(0));
            instance.variables.push(("CAUDAL_ACCOUNTS__MAIN__LIMITS__CALLS_PER_SECOND", "8"));
        }
        world.provider.spoil(LOOK_UP, RequestFault::Delay { ms: LOOK_UP_MS }, Times::Forever);
        world.let_pass(900, &[]).await;
        for instance in &mut world.instances {
            instance.start();
        }
        world.until("all looked up", async || (world.journal(LOOK_UP).len() >= BACKLOG).then_some(())).await;
        let look_ups = world.journal(LOOK_UP);
        assert_eq!(look_ups.len(), BACKLOG, "each was looked up once");
        let at_once = most_within(&look_ups, Duration::from_millis(LOOK_UP_MS));
        let allowed = usize::try_from(AT_ONCE_PER_ACCOUNT).expect("few");
        assert!(at_once <= allowed, "{at_once} at once, whatever the number of instances");
        let a_second = most_within(&look_ups, Duration::from_secs(1));
        let instances = world.instances.len();
        assert!(a_second <= instances * (RATE + RATE), "{a_second} within a second");
        assert!(look_ups.iter().all(|look_up| look_up.status == Some(200)));
    }
}

/// Sends the same thing many times at once, half to each instance.
async fn at_once<T, F>(world: &World, send: impl Fn(reqwest::Client, String) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T, reqwest::Error>> + Send + 'static,
{
    let sending = (0..AT_ONCE).map(|number| {
        let address = world.instances[number % world.instances.len()].address.clone();
        tokio::spawn(send(world.http.clone(), address))
    });
    let mut answers = Vec::new();
    for sent in sending.collect::<Vec<_>>() {
        answers.push(sent.await.expect("no panic").expect("an answer"));
    }
    answers
}

/// The most entries of the journal that began within a time.
fn most_within(entries: &[Entry], time: Duration) -> usize {
    let time = jiff::SignedDuration::try_from(time).expect("short");
    let mut began: Vec<_> = entries.iter().map(|entry| entry.real_at).collect();
    began.sort();
    let within =
        |first: usize| began[first..].iter().take_while(|at| at.duration_since(began[first]) < time).count();
    (0..began.len()).map(within).max().unwrap_or(0)
}
