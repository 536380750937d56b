//! The rounds: what is measured on each database, in which order.

mod creations;
mod deliveries;
mod floods;
mod lives;
mod notices;
mod stage;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::ceilings::{Sqlite, pgbench};
use crate::goals::Engine;
use crate::load::{Load, Pace, Shape};
use crate::postgres::Postgres;
use crate::processor::{Sample, Usage, Watched};
use crate::report::{MOST_OTHER, Report, Row};
use crate::rounds::stage::{Ceiling, Stage};

/// How long things are measured.
#[derive(Clone, Copy, Debug)]
pub struct Spans {
    /// Of a load, before it counts.
    pub warm_up: Duration,
    /// Of a load.
    pub load: Duration,
    /// Of a ceiling.
    pub ceiling: Duration,
    /// Payments of a ceiling's database.
    pub rows: u64,
    /// Of the whole run: no round begins later, so that it ends a little after.
    pub whole: Duration,
    /// Of all repetitions together.
    pub repetitions: Duration,
    /// How many times a figure is taken that is near its gate. An odd number: the one in the middle counts.
    pub takes: usize,
}

/// As the figures of a release are taken.
pub const FULL: Spans = Spans {
    warm_up: Duration::from_secs(1),
    load: Duration::from_secs(4),
    ceiling: Duration::from_secs(3),
    rows: 1_000_000,
    whole: Duration::from_secs(265),
    repetitions: Duration::from_secs(25),
    takes: 3,
};

/// To see whether it works.
pub const QUICK: Spans = Spans {
    warm_up: Duration::from_millis(300),
    load: Duration::from_secs(1),
    ceiling: Duration::from_secs(1),
    rows: 20_000,
    whole: Duration::from_secs(120),
    repetitions: Duration::ZERO,
    takes: 1,
};

impl Spans {
    /// The shape of a load.
    pub const fn shape(&self, connections: usize, pace: Pace) -> Shape {
        Shape { connections, pace, warm_up: self.warm_up, measured: self.load }
    }
}

/// A run under way.
pub struct Course {
    /// How long things are measured.
    pub spans: Spans,
    /// The goals that are asked for.
    pub goals: BTreeSet<u8>,
    /// Whether whole lives are shown too, which no goal asks for.
    pub shows_lives: bool,
    /// The hub's program.
    pub program: PathBuf,
    /// Where databases and logs are kept.
    pub place: PathBuf,
    /// When it began.
    pub began: Instant,
    /// What is left for repetitions.
    pub repetitions: Duration,
    /// Processor time of one transaction a request through sqlx, in microseconds, once it is known.
    pub yardstick_us: Option<f64>,
    /// What came of it.
    pub report: Report,
}

/// Measures everything that is asked for.
///
/// # Errors
/// When something does not start, or a ceiling cannot be measured.
pub fn run(course: &mut Course) -> anyhow::Result<()> {
    let rows = course.spans.rows;
    // PostgreSQL first: the yardstick of goal 11 is taken there.
    if course.wants(Engine::Postgres) {
        let server = Postgres::start(&course.place)?;
        pgbench::prepare(&server, rows)?;
        let names = ["hub", "events", "lives"];
        for name in names {
            server.make_database(name, None)?;
        }
        let watched = Watched { database: Some(server.id()), ..Watched::default() };
        let databases = names.map(|name| server.url(name));
        on_engine(course, Ceiling::Postgres { server, rows }, watched, &databases)?;
    }
    if course.wants(Engine::Sqlite) {
        let ceiling = Ceiling::Sqlite(Box::new(Sqlite::prepare(&course.place.join("ceiling.db"), rows)?));
        let at = |name| format!("sqlite:{}", course.place.join(name).display());
        let databases = ["hub.db", "events.db", "lives.db"].map(at);
        on_engine(course, ceiling, Watched::default(), &databases)?;
    }
    Ok(())
}

fn on_engine(
    course: &mut Course,
    ceiling: Ceiling,
    watched: Watched,
    [hub, events, lives]: &[String; 3],
) -> anyhow::Result<()> {
    let engine = ceiling.engine();
    let mut stage = Stage::set(course, ceiling, watched, hub)?;
    let rate = match engine {
        Engine::Postgres => 1,
        Engine::Sqlite => 2,
    };
    if course.may_begin(engine, &[rate, 10, 11]) {
        notices::run(course, &mut stage)?;
    }
    if course.may_begin(engine, &[4]) {
        notices::latency(course, &stage)?;
    }
    if course.may_begin(engine, &[5]) {
        notices::latency_at_half(course, &stage)?;
    }
    if course.may_begin(engine, &[6]) {
        creations::latency(course, &stage)?;
    }
    if course.may_begin(engine, &[7]) {
        creations::rate(course, &mut stage)?;
    }
    if course.may_begin(engine, &[8]) {
        floods::run(course, &stage)?;
    }
    // The ceiling holds the database's server, which has to stay.
    let mut ceiling = stage.strike();
    if engine == Engine::Postgres && course.may_begin(engine, &[9]) {
        deliveries::run(course, &mut ceiling, watched, events)?;
    }
    if course.shows_lives && course.has_time() {
        lives::run(course, engine, watched, lives)?;
    }
    Ok(())
}

impl Course {
    /// Whether any goal that is asked for is measured on a database.
    fn wants(&self, engine: Engine) -> bool {
        let elsewhere: &[u8] = match engine {
            Engine::Postgres => &[2],
            Engine::Sqlite => &[1, 9],
        };
        self.shows_lives || self.goals.iter().any(|goal| !elsewhere.contains(goal))
    }

    /// Whether one of these goals is asked for.
    fn asks(&self, goals: &[u8]) -> bool {
        goals.iter().any(|goal| self.goals.contains(goal))
    }

    fn has_time(&self) -> bool {
        self.began.elapsed() < self.spans.whole
    }

    /// Whether a round for these goals is asked for and there is time. What there is no time for is noted.
    fn may_begin(&mut self, engine: Engine, goals: &[u8]) -> bool {
        if !self.asks(goals) {
            return false;
        }
        if !self.has_time() {
            let asked = goals.iter().filter(|goal| self.goals.contains(goal)).map(ToString::to_string);
            let asked = asked.collect::<Vec<_>>().join(", ");
            self.report.leave_out(format!("goals {asked} on {}: no time was left", engine.name()));
            return false;
        }
        true
    }

    /// Measures a load between two measurements of its ceiling, once more if strangers disturbed it.
    fn pair(
        &mut self,
        watched: &Watched,
        mut ceiling: impl FnMut() -> anyhow::Result<f64>,
        mut load: impl FnMut() -> anyhow::Result<Load>,
    ) -> anyhow::Result<Pair> {
        let began = Instant::now();
        let mut pair = Pair::measure(watched, &mut ceiling, &mut load)?;
        let took = began.elapsed();
        if pair.usage.other > MOST_OTHER && took <= self.repetitions {
            self.repetitions -= took;
            let again = Pair::measure(watched, &mut ceiling, &mut load)?;
            if again.usage.other < pair.usage.other {
                pair = again;
            }
        }
        Ok(pair)
    }
}

/// A load between two measurements of its ceiling.
struct Pair {
    before: f64,
    load: Load,
    after: f64,
    /// The load's usage, with the worst disturbance of all three spans.
    usage: Usage,
}

impl Pair {
    fn measure(
        watched: &Watched,
        ceiling: &mut dyn FnMut() -> anyhow::Result<f64>,
        load: &mut dyn FnMut() -> anyhow::Result<Load>,
    ) -> anyhow::Result<Pair> {
        let mut span = || -> anyhow::Result<(f64, Usage)> {
            let begin = Sample::take(watched)?;
            let figure = ceiling()?;
            Ok((figure, begin.until(&Sample::take(watched)?)))
        };
        let (before, usage_before) = span()?;
        let load = load()?;
        let (after, usage_after) = span()?;
        let usage = load.usage.worse(usage_before).worse(usage_after);
        Ok(Pair { before, load, after, usage })
    }

    /// What the ceiling was around the load.
    fn ceiling(&self) -> f64 {
        f64::midpoint(self.before, self.after)
    }

    /// The load as a share of its ceiling.
    fn ratio(&self) -> f64 {
        self.load.per_second() / self.ceiling()
    }

    /// Completes a row with what was measured.
    fn complete(&self, row: Row) -> Row {
        let ceiling = Some([self.before, self.after]);
        described(Row { hub: Some(self.load.per_second()), ceiling, ..row }, &self.load)
    }
}

/// Adds to a row what else is known of its load.
fn described(mut row: Row, load: &Load) -> Row {
    row.trouble = load.trouble();
    let usage = &load.usage;
    let mut note = |name, figure: Option<f64>| {
        if let Some(figure) = figure {
            row.details.insert(name, figure);
        }
    };
    note("per_second", Some(load.per_second()));
    note("p50_ms", load.latency.per_mille_ms(500));
    note("p99_ms", load.latency.per_mille_ms(990));
    note("longest_ms", load.latency.per_mille_ms(1000));
    note("hub_us_each", Some(usage.each_us(usage.hub, load.done)));
    note("database_us_each", Some(usage.each_us(usage.database, load.done)));
    row
}
