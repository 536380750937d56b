//! Goals 1, 2, 4, 5, 10 and 11: notices, each of which is durable before it is answered.

use crate::companion::PER_REQUEST;
use crate::goals::{Engine, Quantity};
use crate::load::{self, Load, Pace};
use crate::processor::Usage;
use crate::provider::NOTICES;
use crate::report::Row;
use crate::rounds::stage::Stage;
use crate::rounds::{Course, described};
use crate::works::{Kind, Notices};

/// Connections side by side.
const CONNECTIONS: usize = 64;
/// Notices a second at which latency is looked at.
const CALM: f64 = 2000.0;

/// As many notices as go.
pub fn run(course: &mut Course, stage: &mut Stage) -> anyhow::Result<()> {
    let spans = course.spans;
    let shape = spans.shape(CONNECTIONS, Pace::Closed);
    let (hub, watched, engine) = (stage.hub.address(), stage.watched, stage.engine);
    let notices = genuine(stage);
    let load = || load::run(hub, notices(hub, NOTICES), shape, &watched);
    let measured = if course.asks(&[1, 2]) {
        let [single, batch] = stage.ceiling.names();
        let ceiling = &mut stage.ceiling;
        let pair = course.pair(&watched, || ceiling.single(spans.ceiling), load)?;
        let most = stage.ceiling.batch(spans.ceiling)?;
        for (name, figure) in [(single, pair.before), (single, pair.after), (batch, most)] {
            course.report.note_ceiling(name, figure);
        }
        let row = Row::judged(engine, Quantity::NoticesToSingle, pair.ratio(), &pair.usage);
        course.report.add(pair.complete(row));
        let share = pair.load.per_second() / most;
        let row = Row::judged(engine, Quantity::NoticesToBatch, share, &pair.usage);
        let row = Row { hub: Some(pair.load.per_second()), ceiling: Some([most, most]), ..row };
        course.report.add(described(row, &pair.load));
        pair.load
    } else {
        load()?
    };
    stage.capacity = Some(measured.per_second());
    if course.goals.contains(&10) {
        let memory = stage.hub.memory_mb()?;
        let row = Row::judged(engine, Quantity::LoadedMemory, memory, &measured.usage);
        course.report.add(described(row, &measured));
    }
    if course.goals.contains(&11) {
        cost(course, stage, &measured)?;
    }
    Ok(())
}

/// Notices at a rate that leaves the hub time, whether earlier ones are answered or not.
pub fn latency(course: &mut Course, stage: &Stage) -> anyhow::Result<()> {
    stage.ceiling.age()?;
    let shape = course.spans.shape(CONNECTIONS, Pace::PerSecond(CALM));
    let hub = stage.hub.address();
    let load = load::run(hub, genuine(stage)(hub, NOTICES), shape, &stage.watched)?;
    for (quantity, per_mille) in [(Quantity::NoticeMedian, 500), (Quantity::NoticeTail, 990)] {
        let figure = load.latency.per_mille_ms(per_mille).unwrap_or(f64::INFINITY);
        let row = Row::judged(stage.engine, quantity, figure, &load.usage);
        course.report.add(described(Row { hub: Some(load.per_second()), ..row }, &load));
    }
    Ok(())
}

/// Notices at half of what goes at the most.
pub fn latency_at_half(course: &mut Course, stage: &Stage) -> anyhow::Result<()> {
    let hub = stage.hub.address();
    let run = |pace| {
        let shape = course.spans.shape(CONNECTIONS, pace);
        load::run(hub, genuine(stage)(hub, NOTICES), shape, &stage.watched)
    };
    let capacity = match stage.capacity {
        Some(capacity) => capacity,
        None => run(Pace::Closed)?.per_second(),
    };
    stage.ceiling.age()?;
    let load = run(Pace::PerSecond((capacity / 2.0).max(1.0)))?;
    let figure = load.latency.per_mille_ms(990).unwrap_or(f64::INFINITY);
    let row = Row::judged(stage.engine, Quantity::NoticeTailAtHalf, figure, &load.usage);
    course.report.add(described(Row { hub: Some(load.per_second()), ..row }, &load));
    Ok(())
}

/// Processor time of a notice, as a share of that of one transaction a request through sqlx on PostgreSQL.
fn cost(course: &mut Course, stage: &Stage, measured: &Load) -> anyhow::Result<()> {
    let Usage { hub, database, .. } = measured.usage;
    let each_us = measured.usage.each_us(hub + database, measured.done);
    if stage.engine == Engine::Postgres {
        course.yardstick_us = Some(yardstick_us(course, stage)?);
    }
    let Some(yardstick_us) = course.yardstick_us else {
        course.report.leave_out("goal 11 on SQLite: its yardstick was not taken".into());
        return Ok(());
    };
    let ratio = each_us / yardstick_us;
    let row = Row::judged(stage.engine, Quantity::NoticeCost, ratio, &measured.usage);
    let row = Row { hub: Some(each_us), ceiling: Some([yardstick_us; 2]), ..row };
    course.report.add(described(row, measured));
    Ok(())
}

fn yardstick_us(course: &mut Course, stage: &Stage) -> anyhow::Result<f64> {
    let server = stage.companion.address();
    let shape = course.spans.shape(CONNECTIONS, Pace::Closed);
    // The hub rests meanwhile; the companion is the server.
    let load = load::run(server, genuine(stage)(server, PER_REQUEST), shape, &stage.watched)?;
    let Usage { companion, database, .. } = load.usage;
    let each_us = load.usage.each_us(companion + database, load.done);
    course.report.note_ceiling("one sqlx transaction a request", load.per_second());
    let row = Row::shown(stage.engine, "sqlx, one transaction each, us", each_us, &load.usage);
    course.report.add(described(Row { hub: None, ..row }, &load));
    anyhow::ensure!(load.done > 0, "the yardstick of goal 11 answered nothing");
    Ok(each_us)
}

/// Makes loads of genuine notices about the stage's sessions.
fn genuine(stage: &Stage) -> impl Fn(std::net::SocketAddr, &'static str) -> Notices + use<> {
    let sessions = stage.sessions.clone();
    move |server, path| Notices { sessions: sessions.clone(), kind: Kind::Genuine, server, path }
}
