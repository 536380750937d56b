//! Whole lives: order, session, notice, look-up, event delivered, with the workers in the hub's own process.

use std::time::{Duration, Instant};

use crate::companion::{Companion, INBOX, PAY};
use crate::goals::Engine;
use crate::hub::{Hub, Workers};
use crate::load::{self, Pace, Shape};
use crate::processor::{Sample, Watched};
use crate::report::Row;
use crate::rounds::{Course, described};
use crate::web;
use crate::works::Lives;

/// Connections that create and notify.
const CONNECTIONS: usize = 32;
/// How long the last events may take once nothing new comes.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Lives from the first order to the last event.
pub fn run(course: &mut Course, engine: Engine, watched: Watched, database: &str) -> anyhow::Result<()> {
    let companion = Companion::start(None)?;
    let (program, place, provider) = (&course.program, &course.place, companion.address());
    let hub = Hub::start(program, place, engine, database, provider, Workers::Here)?;
    hub.tell(&format!("http://{provider}{INBOX}/1"))?;
    web::post(provider, PAY, "", "")?;
    let watched = Watched { hub: Some(hub.id()), companion: Some(companion.id()), ..watched };
    let spans = course.spans;
    // No warm-up: whatever was begun has to end.
    let shape = Shape { warm_up: Duration::ZERO, ..spans.shape(CONNECTIONS, Pace::Closed) };
    let (began, before) = (Instant::now(), Sample::take(&watched)?);
    let load = load::run(hub.address(), Lives { hub: hub.address() }, shape, &watched)?;
    let told = wait_until_told(&companion, load.done)?;
    let (took, usage) = (began.elapsed(), before.until(&Sample::take(&watched)?));
    let row = Row::shown(engine, "whole lives a second", told as f64 / took.as_secs_f64(), &usage);
    let row = described(row, &load);
    let missing = load.done.saturating_sub(told);
    let trouble = (missing > 0).then(|| format!("{missing} of {} not told in time", load.done));
    course.report.add(Row { trouble: trouble.or(row.trouble.clone()), ..row });
    Ok(())
}

fn wait_until_told(companion: &Companion, wanted: u64) -> anyhow::Result<u64> {
    let began = Instant::now();
    loop {
        let told = companion.told()?.approved;
        if told >= wanted || began.elapsed() > PATIENCE {
            return Ok(told);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
