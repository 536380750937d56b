//! What is printed while it is measured, and the file that keeps it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::goals::{self, Bound, Engine, Quantity, Verdict};
use crate::machine::{Machine, Tree};
use crate::processor::Usage;

/// More of one processor used by strangers than this, in per cent, and a figure says more about them.
pub const MOST_OTHER: f64 = 15.0;

/// Everything about one run.
#[derive(Serialize)]
pub struct Report {
    /// The day, in UTC.
    pub date: String,
    /// The profile of the programs: `release` or `debug`.
    pub profile: &'static str,
    /// What was measured.
    pub tree: Tree,
    /// Where.
    pub machine: Machine,
    /// The ceilings as they were measured, by name: every rate a second, in order.
    pub ceilings: BTreeMap<String, Vec<f64>>,
    /// The figures.
    pub rows: Vec<Row>,
    /// What was asked for and not measured, and why.
    pub left_out: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// One figure.
#[derive(Serialize)]
pub struct Row {
    /// The goal's number; none for what is shown without being judged.
    pub goal: Option<u8>,
    /// On which database.
    pub engine: Engine,
    /// What the figure is.
    pub what: &'static str,
    /// What the hub did, in the unit of its ceiling.
    pub hub: Option<f64>,
    /// The ceiling before and after, where there is one.
    pub ceiling: Option<[f64; 2]>,
    /// The figure that is judged.
    pub figure: f64,
    /// What fails the run.
    pub gate: Option<Bound>,
    /// What is to be reached.
    pub target: Option<Bound>,
    /// How it stands.
    pub verdict: Option<Verdict>,
    /// Per cent of one processor that the host gave to others, the worst of all spans of this figure.
    pub steal: f64,
    /// Per cent of one processor that strangers used, the worst likewise.
    pub other: f64,
    /// Requests that failed, in words.
    pub trouble: Option<String>,
    /// Further figures of the same run.
    pub details: BTreeMap<&'static str, f64>,
}

impl Row {
    /// A figure that a goal demands.
    pub fn judged(engine: Engine, quantity: Quantity, figure: f64, usage: &Usage) -> Row {
        let demand = goals::demand(engine, quantity);
        Row {
            goal: demand.map(|demand| demand.goal),
            gate: demand.and_then(|demand| demand.gate),
            target: demand.and_then(|demand| demand.target),
            verdict: demand.map(|demand| demand.judge(figure)),
            ..Row::shown(engine, quantity.name(), figure, usage)
        }
    }

    /// A figure that no goal demands.
    pub fn shown(engine: Engine, what: &'static str, figure: f64, usage: &Usage) -> Row {
        Row {
            goal: None,
            engine,
            what,
            hub: None,
            ceiling: None,
            figure,
            gate: None,
            target: None,
            verdict: None,
            steal: usage.steal,
            other: usage.other,
            trouble: None,
            details: BTreeMap::new(),
        }
    }

    /// As a line of the table.
    fn line(&self) -> String {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let ceiling = self.ceiling.map(|[before, after]| format!("{} / {}", short(before), short(after)));
        let mut line = format!(
            "{:>4} {:<10} {:<31} {:>8} {:>15} {:>8} {:>7} {:>7}  {:<11} {:>5.0} {:>5.0}",
            or_dash(self.goal.map(|goal| goal.to_string())),
            self.engine.name(),
            self.what,
            or_dash(self.hub.map(short)),
            or_dash(ceiling),
            short(self.figure),
            or_dash(self.gate.map(|gate| gate.to_string())),
            or_dash(self.target.map(|target| target.to_string())),
            self.verdict.map_or("-", Verdict::word),
            self.steal,
            self.other,
        );
        if self.other > MOST_OTHER {
            line.push_str("  disturbed");
        }
        if let Some(trouble) = &self.trouble {
            // Writing to a text does not fail.
            let _ = write!(line, "  {trouble}");
        }
        line
    }
}

impl Report {
    /// What stands above the table.
    pub fn heading(&self) -> String {
        let Machine { cores, processor, kernel, fsync_us, folder } = &self.machine;
        let changed = if self.tree.is_changed { " with changes" } else { "" };
        format!(
            "{} {} commit {}{changed}\n{cores} x {processor}, Linux {kernel}, fsync {fsync_us:.0} us in {folder}\n\n{}",
            self.date,
            self.profile,
            self.tree.commit.get(..12).unwrap_or("unknown"),
            HEADINGS.as_str(),
        )
    }

    /// Adds a figure and prints its line.
    pub fn add(&mut self, row: Row) {
        print_line(&row.line());
        self.rows.push(row);
    }

    /// Notes a ceiling.
    pub fn note_ceiling(&mut self, name: &str, per_second: f64) {
        self.ceilings.entry(name.to_owned()).or_default().push(per_second.round());
    }

    /// Notes what was not measured.
    pub fn leave_out(&mut self, what: String) {
        print_line(&format!("     not measured: {what}"));
        self.left_out.push(what);
    }

    /// Whether every gate was measured and passed.
    pub fn passes(&self) -> bool {
        self.left_out.is_empty() && self.rows.iter().all(|row| row.verdict != Some(Verdict::Failed))
    }

    /// What stands below the table.
    pub fn ending(&self) -> String {
        let count = |verdict| self.rows.iter().filter(|row| row.verdict == Some(verdict)).count();
        let mut text = format!("\n{:.0} s. ", self.seconds);
        let (reached, missed, failed) =
            (count(Verdict::Reached), count(Verdict::Short), count(Verdict::Failed));
        let _ = write!(
            text,
            "Targets reached: {reached}; gate passed, target not: {missed}; gate failed: {failed}"
        );
        if !self.left_out.is_empty() {
            let _ = write!(text, "; not measured: {}", self.left_out.len());
        }
        let disturbed = self.rows.iter().filter(|row| row.other > MOST_OTHER).count();
        if disturbed > 0 {
            let _ = write!(
                text,
                "\nDisturbed by other processes: {disturbed} figures. Run again on a quiet machine."
            );
        }
        text.push('\n');
        for (name, rates) in &self.ceilings {
            let rates: Vec<_> = rates.iter().map(|rate| short(*rate)).collect();
            let _ = write!(text, "\nceiling {name}, a second: {}", rates.join(" "));
        }
        text
    }

    /// Keeps it in a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Writes one line. A reader that has gone away is no error of ours.
pub fn print_line(text: &str) {
    use std::io::Write;
    let mut output = std::io::stdout().lock();
    // Where nobody reads there is nobody to tell.
    let _ = writeln!(output, "{text}");
    let _ = output.flush();
}

static HEADINGS: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    format!(
        "{:>4} {:<10} {:<31} {:>8} {:>15} {:>8} {:>7} {:>7}  {:<11} {:>5} {:>5}",
        "goal", "on", "what", "hub", "ceiling b / a", "figure", "gate", "target", "", "steal", "other"
    )
});

/// As many digits as mean something.
fn short(number: f64) -> String {
    match number.abs() {
        large if large >= 10_000.0 => format!("{:.1}k", number / 1000.0),
        large if large >= 100.0 => format!("{number:.0}"),
        large if large >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rows: Vec<Row>) -> Report {
        let machine = Machine {
            cores: 2,
            processor: "Example".into(),
            kernel: "6.0".into(),
            fsync_us: 63.4,
            folder: "/tmp".into(),
        };
        Report {
            date: "2026-03-14".into(),
            profile: "release",
            tree: Tree { commit: "0123456789abcdef".into(), is_changed: true },
            machine,
            ceilings: BTreeMap::new(),
            rows,
            left_out: Vec::new(),
            seconds: 200.4,
        }
    }

    fn row(figure: f64) -> Row {
        let usage = Usage { other: 20.0, ..Usage::default() };
        let row = Row::judged(Engine::Sqlite, Quantity::NoticesToSingle, figure, &usage);
        Row { ceiling: Some([9_812.0, 10_250.0]), hub: Some(27_900.0), ..row }
    }

    #[test]
    fn a_line_shows_hub_ceiling_bounds_and_who_disturbed() {
        let line = row(2.78).line();
        let words: Vec<&str> = line.split_whitespace().collect();
        let expected =
            "2 SQLite notices / one commit each 27.9k 9812 / 10.2k 2.78 >= 1.8 >= 2.7 reached 0 20 disturbed";
        assert_eq!(words, expected.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn a_failed_gate_and_a_figure_that_is_missing_fail_the_run() {
        assert!(report(vec![row(1.8)]).passes());
        assert!(!report(vec![row(1.8), row(1.7)]).passes());
        let mut lacking = report(vec![row(3.0)]);
        lacking.leave_out("goal 4: no time".into());
        assert!(!lacking.passes());
        assert!(lacking.ending().contains("not measured: 1"));
        assert!(lacking.ending().contains("Disturbed by other processes: 1"));
    }

    #[test]
    fn the_file_holds_commit_machine_ceilings_and_rows() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results/2026-03-14.json");
        let mut kept = report(vec![row(2.78)]);
        kept.note_ceiling("S", 9_811.7);
        kept.write(&path).expect("written");
        let text = std::fs::read_to_string(path).expect("it");
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read["tree"]["commit"], "0123456789abcdef");
        assert_eq!(read["machine"]["fsync_us"], 63.4);
        assert_eq!(read["ceilings"]["S"][0], 9812.0);
        assert_eq!(read["rows"][0]["verdict"], "reached");
        assert_eq!(read["rows"][0]["gate"]["at_least"], 1.8);
    }
}
