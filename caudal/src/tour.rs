//! The tour: six orders walked to their end without a browser, and three witnesses who must agree about each.

mod report;
mod scene;
mod stories;
mod witnesses;

use std::time::Instant;

use self::report::Report;
use self::scene::Scene;
use crate::failure::Failure;
use crate::screen;
use crate::screen::Paint;
use crate::stage::Places;

/// Walks all stories, and prints each step and the final table, or one JSON document.
///
/// # Errors
/// [`Failure::Findings`] when a story did not go as told, or the witnesses disagree.
pub async fn run(places: &Places, started: Instant, is_json: bool) -> Result<(), Failure> {
    let paint = Paint::for_output();
    let mut report = Report::new(started);
    for (number, story) in (1..).zip(stories::ALL) {
        if !is_json {
            screen::line(format!("\n{} {}", paint.bold(&format!("{number}.")), paint.bold(story.title)));
        }
        let mut scene = Scene::new(places, report.known(), !is_json);
        let told = Box::pin((story.tell)(&mut scene)).await;
        let closed = scene.close(told).await;
        if let (Some(trouble), false) = (&closed.trouble, is_json) {
            screen::line(format!("   {} {trouble}", paint.bad("✗")));
        }
        report.add(story, closed);
    }
    report.show(is_json);
    if report.is_passed() {
        return Ok(());
    }
    Err(Failure::Findings("the tour did not go as told: see the table".to_owned()))
}
