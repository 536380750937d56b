//! Goal 9: events that wait are delivered: claimed, signed, posted, acknowledged.

use std::time::{Duration, Instant};

use crate::companion::{Companion, INBOX};
use crate::goals::{Engine, Quantity};
use crate::hub::{Hub, Workers};
use crate::load::{self, Pace, Shape};
use crate::processor::{Sample, Usage, Watched};
use crate::report::Row;
use crate::rounds::Course;
use crate::rounds::stage::Ceiling;
use crate::works::Creations;

/// Endpoints of the merchant. A few deliveries to each are under way at once, so that it takes several to keep the
/// workers busy; each event goes to all of them.
const ENDPOINTS: usize = 16;
/// Connections that make the payments whose events wait.
const CREATORS: usize = 32;
/// How long the first may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nothing may arrive after that before everything has.
const SILENCE: Duration = Duration::from_millis(1500);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Has events wait, then lets workers deliver them.
pub fn run(
    course: &mut Course,
    ceiling: &mut Ceiling,
    watched: Watched,
    database: &str,
) -> anyhow::Result<()> {
    let (engine, spans) = (ceiling.engine(), course.spans);
    let companion = Companion::start(None)?;
    let hub = hub_with_endpoints(course, engine, database, &companion)?;
    let shape = Shape { warm_up: Duration::ZERO, ..spans.shape(CREATORS, Pace::Closed) };
    let made = load::run(hub.address(), Creations { hub: hub.address() }, shape, &watched)?;
    let before = ceiling.single(spans.ceiling)?;
    let workers = hub.start_workers()?;
    let watched = Watched { hub: Some(workers.id()), companion: Some(companion.id()), ..watched };
    let (arrived, span, usage) = arrivals(&companion, &watched, spans.load)?;
    drop(workers);
    let after = ceiling.single(spans.ceiling)?;
    let [single, _] = ceiling.names();
    for figure in [before, after] {
        course.report.note_ceiling(single, figure);
    }
    let rate = arrived as f64 / span.as_secs_f64().max(1e-3);
    let row = Row::judged(engine, Quantity::DeliveriesToSingle, rate / f64::midpoint(before, after), &usage);
    let mut row = Row { hub: Some(rate), ceiling: Some([before, after]), trouble: made.trouble(), ..row };
    row.details.insert("hub_us_each", usage.each_us(usage.hub, arrived));
    row.details.insert("database_us_each", usage.each_us(usage.database, arrived));
    course.report.add(row);
    Ok(())
}

fn hub_with_endpoints(
    course: &Course,
    engine: Engine,
    database: &str,
    companion: &Companion,
) -> anyhow::Result<Hub> {
    let provider = companion.address();
    let hub = Hub::start(&course.program, &course.place, engine, database, provider, Workers::Nowhere)?;
    for endpoint in 0..ENDPOINTS {
        hub.tell(&format!("http://{provider}{INBOX}/{endpoint}"))?;
    }
    Ok(hub)
}

/// How many arrive from the first one on, in a span or until nothing comes any more.
fn arrivals(
    companion: &Companion,
    watched: &Watched,
    span: Duration,
) -> anyhow::Result<(u64, Duration, Usage)> {
    let mut last = (Instant::now(), 0);
    let mut first = None;
    loop {
        let (now, events) = (Instant::now(), companion.told()?.events);
        if events > last.1 {
            last = (now, events);
            if first.is_none() {
                first = Some((now, events, Sample::take(watched)?));
            }
        }
        let is_over = first.as_ref().is_some_and(|(begin, _, _)| begin.elapsed() > span);
        let silence = if first.is_some() { SILENCE } else { PATIENCE };
        if is_over || last.0.elapsed() > silence {
            break;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let Some((begin, already, sample)) = first else {
        return Ok((0, span, Usage::default()));
    };
    let usage = sample.until(&Sample::take(watched)?);
    Ok((last.1 - already, last.0 - begin, usage))
}
