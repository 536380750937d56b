//! A panic tells where it happened, and nothing of what was being worked on.

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use support::paper::Paper;
use support::{Api, KEY, hub_on, serve};
use testing::TestDatabase;

/// Stands in the notice that the reader breaks on.
const CANARY: &str = "canary-4f1d-in-a-notice";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("the log").clone()).expect("text")
    }
}

testing::both_databases! {
    async fn a_panic_over_a_notice_tells_nothing_of_it(database: TestDatabase) {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
        // Both stories of this program share one process: whichever comes second keeps the first one's log.
        let is_first = tracing::subscriber::set_global_default(subscriber.finish()).is_ok();
        hub::panics::tell_places_only();
        let hub = hub_on(&database, vec![Arc::new(Paper)]).await;
        let base = serve(&hub).await;
        let url = base.join("/notices/paper/papel").expect("an address");
        let body = format!("panic {CANARY}");
        let posted = Api::new(&base, KEY).client.post(url).body(body).send().await.expect("an answer");
        assert!(!posted.text().await.expect("a body").contains(CANARY));

        let panicking = tokio::spawn(async move { panic!("at work on {CANARY}") }).await;
        assert!(panicking.is_err());
        if is_first {
            let told = log.text();
            assert!(told.contains("paper.rs:") && told.contains("panics.rs:"), "the places are told: {told}");
            assert!(told.contains("the notice reader panicked"), "{told}");
            assert!(!told.contains(CANARY), "{told}");
        }
        let kept = hub.store.latest_notices("tienda", 10).await.expect("notices");
        assert_eq!(kept.len(), 1, "the notice itself is kept, sealed");
        assert!(!format!("{kept:?}").contains(CANARY));
    }
}
