//! Whether every vector of every protocol was used by both sides that know the protocol.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Report, files_named};
use crate::Side;
use crate::csv::Table;
use crate::evidence::{Entry, Outcome};

/// Every row of every `vectors.tsv` below `providers/` must have been used by client and simulator, and
/// nothing but a row may have been used. A row is known by the text of its first column.
pub(super) fn check(root: &Path, entries: &[Entry], report: &mut Report) {
    let mut rows = BTreeSet::new();
    for file in files_named(&root.join("providers"), "vectors.tsv") {
        match Table::read(&file) {
            Ok(table) => {
                for row in table.rows {
                    let id = row.into_iter().next().unwrap_or_default();
                    if !rows.insert(id.clone()) {
                        report.finding(format!("{}: the vector {id} is there twice", file.display()));
                    }
                }
            }
            Err(error) => report.finding(format!("{}: {error}", file.display())),
        }
    }
    compare(&rows, entries, report);
}

fn compare(rows: &BTreeSet<String>, entries: &[Entry], report: &mut Report) {
    if rows.is_empty() {
        report.finding("there is no vectors.tsv with a row below providers/");
    }
    let passed = entries.iter().filter(|entry| entry.outcome == Outcome::Passed);
    let uses: BTreeSet<_> = passed.flat_map(|entry| &entry.vectors).collect();
    let used_by = |side| -> BTreeSet<&String> {
        uses.iter().filter(|used| used.side == side).map(|used| &used.row).collect()
    };
    let (client, simulator) = (used_by(Side::Client), used_by(Side::Simulator));
    let complete = rows.iter().filter(|row| client.contains(row) && simulator.contains(row)).count();
    report.figure(format!("vectors: {complete} of {} used by client and simulator", rows.len()));
    for row in rows {
        for (used, side) in [(&client, "client"), (&simulator, "simulator")] {
            if !used.contains(row) {
                report.finding(format!("the vector {row} is not used by the {side}"));
            }
        }
    }
    for unknown in client.union(&simulator).filter(|row| !rows.contains(**row)) {
        report.finding(format!("a test used the vector {unknown}, which no vectors.tsv has"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::VectorUse;

    fn findings(rows: &[&str], uses: &[(&str, Side)]) -> Vec<String> {
        let mut entry = Entry::new("a", None, Outcome::Passed);
        entry.vectors =
            uses.iter().map(|(row, side)| VectorUse { row: (*row).to_owned(), side: *side }).collect();
        let mut report = Report::default();
        compare(&rows.iter().map(|row| (*row).to_owned()).collect(), &[entry], &mut report);
        report.findings
    }

    #[test]
    fn a_row_used_by_both_sides_is_well() {
        assert!(findings(&["1"], &[("1", Side::Client), ("1", Side::Simulator)]).is_empty());
    }

    #[test]
    fn a_row_used_by_one_side_only_is_a_finding() {
        assert_eq!(findings(&["1"], &[("1", Side::Client)]), ["the vector 1 is not used by the simulator"]);
    }

    #[test]
    fn a_use_of_no_row_is_a_finding() {
        let uses = [("1", Side::Client), ("1", Side::Simulator), ("2", Side::Client)];
        assert_eq!(findings(&["1"], &uses), ["a test used the vector 2, which no vectors.tsv has"]);
    }
}
