//! The tour: each provider's orders walked to their ends without a browser, and three witnesses who must agree about each.

mod report;
mod scene;
mod witnesses;

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use self::report::Report;
pub use self::scene::{Paid, Scene, refused, shown_answer};
pub use self::witnesses::{Expected, Sum};
use crate::failure::Failure;
use crate::screen;
use crate::screen::Paint;
use crate::shown;
use crate::stage::Places;

/// One story: it places one order in the shop, and says how that has to end.
pub struct Story {
    /// A word for machines.
    pub name: &'static str,
    /// A line for people.
    pub title: &'static str,
    /// Tells it.
    pub tell: for<'a> fn(&'a mut Scene) -> Telling<'a>,
}

/// A story being told.
pub type Telling<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Expected>> + 'a>>;

/// Paid once, and approved.
pub const PAID: Expected =
    Expected { status: "approved", charges: 1, declined: 0, refunds: 0, sum: Sum::Each };
/// Nobody paid.
pub const UNPAID: Expected =
    Expected { status: "expired", charges: 0, declined: 0, refunds: 0, sum: Sum::Each };

/// Walks all stories, and prints each step and the final table, or one JSON document.
///
/// # Errors
/// [`Failure::Findings`] when a story did not go as told, or the witnesses disagree.
pub async fn run(places: &Places, started: Instant, is_json: bool) -> Result<(), Failure> {
    let paint = Paint::for_output();
    let mut report = Report::new(started);
    let stories =
        shown::ALL.into_iter().flat_map(|shown| shown.stories.iter().map(move |story| (shown, story)));
    for (number, (shown, story)) in (1..).zip(stories) {
        if !is_json {
            let title = format!("{}: {}", shown.provider, story.title);
            screen::line(format!("\n{} {}", paint.bold(&format!("{number}.")), paint.bold(&title)));
        }
        let mut scene = Scene::new(places, shown, report.known(), !is_json);
        let told = Box::pin((story.tell)(&mut scene)).await;
        let closed = scene.close(told).await;
        if let (Some(trouble), false) = (&closed.trouble, is_json) {
            screen::line(format!("   {} {trouble}", paint.bad("✗")));
        }
        report.add(shown, story, closed);
    }
    report.show(is_json);
    if report.is_passed() {
        return Ok(());
    }
    Err(Failure::Findings("the tour did not go as told: see the table".to_owned()))
}
