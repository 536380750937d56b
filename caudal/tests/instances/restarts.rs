//! Restarts under load: of the instances one after the other, and of their database.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use testing::{Cluster, ClusterError, TestDatabase};
use tokio::task::JoinHandle;

use crate::parties::{order, pay};
use crate::world::{Answer, Setting, World, ask};

/// Clients side by side.
const CLIENTS: usize = 4;
/// Between two requests of a client.
const BREATH: Duration = Duration::from_millis(20);

testing::several_processes! {
    async fn a_rolling_restart_under_load_fails_no_request_and_loses_no_event(database: TestDatabase) {
        let setting = Setting { drain_ms: Some("2000"), lease_s: None };
        let mut world = World::with_both(&database.url, setting).await;
        until_trusted(&world, 0).await;
        until_trusted(&world, 1).await;
        let load = Load::begin(&world.http, &[&world.front.address], Temper::Strict);
        for place in [0, 1] {
            load.until_more(&world).await;
            let before = world.instances[place].process_id();
            world.instances[place].signal("TERM");
            assert_eq!(world.instances[place].end().await, Some(0), "{}", world.logs());
            load.until_more(&world).await;
            world.start(place).await;
            assert_ne!(world.instances[place].process_id(), before);
            until_trusted(&world, place).await;
        }
        load.until_more(&world).await;
        let made = load.end().await;
        let served = world.front.served();
        assert!(served.iter().all(|count| *count > CLIENTS), "{served:?}");

        is_whole(&world, &made).await;
    }

    async fn a_database_that_is_restarted_under_load_costs_patience_and_nothing_else(_unused: TestDatabase) {
        let cluster = tokio::task::spawn_blocking(Cluster::start).await.expect("no panic");
        let cluster = cluster.expect("a cluster of its own");
        let database = TestDatabase::fresh_on(&cluster).await.expect("a database");
        let setting = Setting { lease_s: Some("2"), drain_ms: None };
        let world = World::with_both(&database.url, setting).await;
        let processes: Vec<_> = world.instances.iter().map(|instance| instance.process_id()).collect();
        let addresses = [world.instances[0].address.as_str(), world.instances[1].address.as_str()];
        let load = Load::begin(&world.http, &addresses, Temper::Patient);
        load.until_more(&world).await;
        for _ in 0..3 {
            database.cut_connections().await.expect("cut");
            load.until_more(&world).await;
        }
        let refused = load.refused();
        let cluster = apart(cluster, Cluster::crash).await;
        world.until("told that it is away", async || (load.refused() > refused).then_some(())).await;
        for address in addresses {
            let ready = ask(&world.http, address, Method::GET, "/readyz", None, &Value::Null).await;
            let ready = ready.expect("an answer");
            assert_eq!((ready.status, &ready.body["database"]), (503, &"unreachable".into()));
        }
        let _cluster = apart(cluster, Cluster::recover).await;
        for place in [0, 1] {
            until_trusted(&world, place).await;
        }
        load.until_more(&world).await;
        let made = load.end().await;
        let alive: Vec<_> = world.instances.iter().map(|instance| instance.process_id()).collect();
        assert_eq!(alive, processes, "no instance was started again");
        is_whole(&world, &made).await;
        // It is removed while there is a server to remove it.
        drop((world, database));
    }
}

/// Does something to a cluster that takes its time.
async fn apart(mut cluster: Cluster, act: fn(&mut Cluster) -> Result<(), ClusterError>) -> Cluster {
    let acting = tokio::task::spawn_blocking(move || act(&mut cluster).map(|()| cluster));
    acting.await.expect("no panic").expect("the cluster obeys")
}

/// What was acknowledged is there and can be paid, and nothing was doubled.
async fn is_whole(world: &World, made: &[Made]) {
    for (number, made) in made.iter().enumerate() {
        let [payment] = &world.payments(number % 2, &made.reference).await[..] else {
            panic!("one payment of {}", made.reference)
        };
        assert_eq!(payment["id"], made.payment["id"]);
    }
    let references: Vec<String> = made.iter().map(|made| made.reference.clone()).collect();
    world.until_told(&references, "requires_action").await;
    let paid = &made[made.len() - 2..];
    for made in paid {
        pay(&world.http, &made.payment).await;
    }
    let paid = &references[references.len() - 2..];
    world.until_told(paid, "approved").await;
    assert_eq!(world.provider.charges(), paid.len());
    for reference in &references {
        assert_eq!(world.inbox.told(reference, "requires_action").ids, 1, "{reference}");
    }
    for reference in paid {
        assert_eq!(world.inbox.told(reference, "approved").ids, 1, "{reference}");
    }
}

async fn until_trusted(world: &World, place: usize) {
    world.until("trusted by the proxy", async || world.front.trusts(place).then_some(())).await;
}

/// What a client makes of an answer that is no success.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Temper {
    /// It is a failure.
    Strict,
    /// A 503, or a 409 about its own first request, that says when to come again is none: it does, with the same key.
    Patient,
}

/// A payment that was acknowledged to a client.
#[derive(Clone)]
struct Made {
    reference: String,
    payment: Value,
}

/// Clients that create payments and read them back, all the while.
struct Load {
    notes: Arc<Notes>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Notes {
    is_over: AtomicBool,
    made: Mutex<Vec<Made>>,
    failures: Mutex<Vec<String>>,
    refused: AtomicUsize,
}

impl Load {
    fn begin(http: &reqwest::Client, addresses: &[&str], temper: Temper) -> Load {
        let notes = Arc::<Notes>::default();
        let client = |number: usize| {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            let client = Client { number, http: http.clone(), addresses, temper, notes: Arc::clone(&notes) };
            tokio::spawn(client.run())
        };
        Load { clients: (0..CLIENTS).map(client).collect(), notes: Arc::clone(&notes) }
    }

    /// Waits until each client had time for some more payments.
    async fn until_more(&self, world: &World) {
        let wanted = self.made() + 3 * CLIENTS;
        world
            .until("more payments", async || {
                self.judge();
                (self.made() >= wanted).then_some(())
            })
            .await;
    }

    /// Ends the load; answers the payments that were acknowledged.
    async fn end(self) -> Vec<Made> {
        self.notes.is_over.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.await.expect("a client ends");
        }
        let failures = self.notes.failures.lock().expect("failures").clone();
        assert_eq!(failures, Vec::<String>::new());
        self.notes.made.lock().expect("payments").clone()
    }

    fn judge(&self) {
        let failures = self.notes.failures.lock().expect("failures").clone();
        assert_eq!(failures, Vec::<String>::new());
    }

    fn made(&self) -> usize {
        self.notes.made.lock().expect("payments").len()
    }

    fn refused(&self) -> usize {
        self.notes.refused.load(Ordering::SeqCst)
    }
}

struct Client {
    number: usize,
    http: reqwest::Client,
    addresses: Vec<String>,
    temper: Temper,
    notes: Arc<Notes>,
}

impl Client {
    async fn run(self) {
        for turn in 0.. {
            if self.notes.is_over.load(Ordering::SeqCst) {
                return;
            }
            let reference = format!("C{}-{turn}", self.number);
            let order = order(&reference);
            let Some(payment) = self.until_done(Method::POST, "/v1/payments", Some(&reference), &order).await
            else {
                return;
            };
            let path = format!("/v1/payments/{}", payment["id"].as_str().unwrap_or_default());
            let Some(read) = self.until_done(Method::GET, &path, None, &Value::Null).await else { return };
            if read["reference"] != *reference {
                self.fail(format!("{path}: {read}"));
            }
            self.notes.made.lock().expect("payments").push(Made { reference, payment });
            tokio::time::sleep(BREATH).await;
        }
    }

    /// A success's document; none after a failure, which is noted.
    async fn until_done(&self, method: Method, path: &str, key: Option<&str>, body: &Value) -> Option<Value> {
        for turn in self.number.. {
            let address = &self.addresses[turn % self.addresses.len()];
            match ask(&self.http, address, method.clone(), path, key, body).await {
                Ok(answer) if answer.status < 300 => return Some(answer.body),
                Ok(answer) if self.temper == Temper::Patient && asks_for_patience(&answer) => {
                    self.notes.refused.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(5 * BREATH).await;
                }
                Ok(answer) => {
                    self.fail(format!("{method} {path} at {address}: {answer:?}"));
                    return None;
                }
                Err(error) => {
                    self.fail(format!("{method} {path} at {address}: {error:?}"));
                    return None;
                }
            }
        }
        None
    }

    fn fail(&self, what: String) {
        self.notes.failures.lock().expect("failures").push(what);
    }
}

fn asks_for_patience(answer: &Answer) -> bool {
    let is_patience = answer.status == 503 || answer.body["code"] == "idempotency_running";
    is_patience && answer.retry_after.as_ref().is_some_and(|seconds| seconds.parse::<u32>().is_ok())
}
