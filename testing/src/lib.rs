//! What the tests of every crate share: both databases, Chromium, and evidence of what a passing test has shown.
//!
//! A *story* is a test that tells one journey. While it runs it notes what it shows: a requirement
//! ([`covers!`]), a vector ([`vector_used`]), pages seen in Chromium ([`chromium`]). When it passes, and
//! only then, the notes are written as one line of evidence; `evidence check` compares the lines of a whole
//! run with what the project promises.
//!
//! ```no_run
//! testing::both_databases! {
//!     async fn an_order_is_paid_once(database: testing::TestDatabase) {
//!         let paid_once = !database.url.is_empty();
//!         testing::covers!("AV-4-04");
//!         assert!(paid_once);
//!     }
//! }
//!
//! #[test]
//! fn a_digest_is_made_as_documented() {
//!     let _story = testing::story("a_digest_is_made_as_documented");
//!     testing::vector_used("signature-1", testing::Side::Client);
//! }
//! ```
//!
//! What is missing on a machine (PostgreSQL, Chromium) skips its stories with a line on standard error, and
//! fails them when the variable `CI` is set.

pub mod checks;
mod chromium;
mod cluster;
pub mod csv;
mod database;
pub mod evidence;
pub mod faults;
mod story;
mod waiting;

pub use chromium::{StoryBrowser, chromium};
pub use cluster::{Cluster, ClusterError, SERVER_VARIABLE};
pub use database::{DatabaseKind, DatabaseUnavailable, TestDatabase, story_of_several_processes, story_on};
pub use evidence::Side;
pub use story::{Story, Witness, story, vector_used, witness};
pub use waiting::until;

/// Makes of each story a module of two tests, `sqlite` and `postgres`, each with a fresh database, an own
/// runtime of two threads, and a line of evidence.
///
/// The story is written once, as a function of one [`TestDatabase`]; it must return nothing.
#[macro_export]
macro_rules! both_databases {
    ($( $(#[$meta:meta])* async fn $story:ident($database:ident: $type:ty) $body:block )+) => {$(
        $(#[$meta])*
        mod $story {
            #[allow(unused_imports, reason = "a story may need nothing of its surroundings")]
            use super::*;

            async fn story($database: $type) $body

            #[test]
            fn sqlite() {
                let name = ::core::concat!(::core::module_path!());
                $crate::story_on($crate::DatabaseKind::Sqlite, name, story);
            }

            #[test]
            fn postgres() {
                let name = ::core::concat!(::core::module_path!());
                $crate::story_on($crate::DatabaseKind::Postgres, name, story);
            }
        }
    )+};
}

/// Makes of each story a test on a fresh database of PostgreSQL, for what several processes of the hub do to each
/// other there. They are counted for neither database.
#[macro_export]
macro_rules! several_processes {
    ($( $(#[$meta:meta])* async fn $story:ident($database:ident: $type:ty) $body:block )+) => {$(
        $(#[$meta])*
        #[test]
        fn $story() {
            async fn story($database: $type) $body
            let name = ::core::concat!(::core::module_path!(), "::", ::core::stringify!($story));
            $crate::story_of_several_processes(name, story);
        }
    )+};
}

/// Notes that the running story shows requirements of the catalogue. It belongs directly after the
/// assertion that shows them, since what stands before may still fail.
///
/// Panics when no story is running on this thread; in a spawned task use a [`Witness`].
#[macro_export]
macro_rules! covers {
    ($($requirement:literal),+ $(,)?) => {{
        $( $crate::witness().covers($requirement); )+
    }};
}

/// Whether what is missing fails a test instead of skipping it: the variable `CI` is set and not `false`.
pub fn nothing_may_be_skipped() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false")
}

/// Says on standard error that something is skipped, past the test harness, which would swallow it.
pub(crate) fn say_skipped(what: &str, why: &dyn std::fmt::Display) {
    use std::io::Write;
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}: {why}");
}
