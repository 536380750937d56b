//! Goal 8: notices that change nothing, as many as go, beside HTTP that verifies them without a database.

use crate::companion::BARE;
use crate::goals::Quantity;
use crate::load::{self, Pace, Shape};
use crate::provider::NOTICES;
use crate::report::Row;
use crate::rounds::Course;
use crate::rounds::stage::Stage;
use crate::works::{Kind, Notices};

/// Connections side by side.
const CONNECTIONS: usize = 64;

/// Forged ones, then one that is repeated.
pub fn run(course: &mut Course, stage: &Stage) -> anyhow::Result<()> {
    let shape = course.spans.shape(CONNECTIONS, Pace::Closed);
    let bare_shape = Shape { measured: course.spans.ceiling, ..shape };
    let (hub, companion, watched) = (stage.hub.address(), stage.companion.address(), stage.watched);
    let notices = |kind, server, path| Notices { sessions: stage.sessions.clone(), kind, server, path };
    for (kind, quantity) in
        [(Kind::Forged, Quantity::ForgedToBare), (Kind::Repeated, Quantity::RepeatedToBare)]
    {
        let bare =
            || Ok(load::run(companion, notices(kind, companion, BARE), bare_shape, &watched)?.per_second());
        let load = || load::run(hub, notices(kind, hub, NOTICES), shape, &watched);
        let pair = course.pair(&watched, bare, load)?;
        for figure in [pair.before, pair.after] {
            course.report.note_ceiling("HTTP without a database", figure);
        }
        let row = Row::judged(stage.engine, quantity, pair.ratio(), &pair.usage);
        course.report.add(pair.complete(row));
    }
    Ok(())
}
