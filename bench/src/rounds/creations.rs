//! Goals 6 and 7: payments created with a provider that answers at once.

use anyhow::Context;

use crate::goals::Quantity;
use crate::load::{self, Pace, Shape};
use crate::report::Row;
use crate::rounds::Course;
use crate::rounds::stage::Stage;
use crate::works::{BareCalls, Creations};

/// Connections side by side.
const CONNECTIONS: usize = 32;

/// What the hub adds to a call to the provider when nothing else happens.
pub fn latency(course: &mut Course, stage: &Stage) -> anyhow::Result<()> {
    let shape = course.spans.shape(1, Pace::Closed);
    let bare_shape = Shape { measured: course.spans.ceiling, ..shape };
    let (hub, provider, watched) = (stage.hub.address(), stage.companion.address(), stage.watched);
    let bare = || {
        let load = load::run(provider, BareCalls { provider }, bare_shape, &watched)?;
        load.latency.per_mille_ms(500).context("the provider answers nothing")
    };
    let pair = course.pair(&watched, bare, || load::run(hub, Creations { hub }, shape, &watched))?;
    let median = pair.load.latency.per_mille_ms(500).unwrap_or(f64::INFINITY);
    let row = Row::judged(stage.engine, Quantity::CreationAdded, median - pair.ceiling(), &pair.usage);
    course.report.add(Row { hub: Some(median), ..pair.complete(row) });
    Ok(())
}

/// As many payments as go. One take is a tenth off by chance, and the gate is as near.
pub fn rate(course: &mut Course, stage: &mut Stage) -> anyhow::Result<()> {
    let spans = course.spans;
    let shape = spans.shape(CONNECTIONS, Pace::Closed);
    let (hub, watched) = (stage.hub.address(), stage.watched);
    let [single, _] = stage.ceiling.names();
    let ceiling = &mut stage.ceiling;
    let mut load = || load::run(hub, Creations { hub }, shape, &watched);
    let mut pairs = Vec::new();
    for _ in 0..spans.takes {
        pairs.push(course.pair(&watched, || ceiling.single(spans.ceiling), &mut load)?);
    }
    pairs.sort_by(|one, other| one.ratio().total_cmp(&other.ratio()));
    let pair = pairs.swap_remove(spans.takes / 2);
    for figure in [pair.before, pair.after] {
        course.report.note_ceiling(single, figure);
    }
    let row = Row::judged(stage.engine, Quantity::CreationsToSingle, pair.ratio(), &pair.usage);
    course.report.add(pair.complete(row));
    Ok(())
}
