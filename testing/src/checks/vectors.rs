//! Whether every vector of every protocol was used by both sides that know the protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Report, files_named};
use crate::Side;
use crate::csv::Table;
use crate::evidence::{Entry, Outcome};

/// Every row of every `vectors.tsv` below `providers/` must have been used by client and simulator, and
/// nothing but a row may have been used. A row is known by the text of its first column. A provider without a
/// folder `client/` has no client yet: its rows are used by its simulator alone, and the figures say so.
pub(super) fn check(root: &Path, entries: &[Entry], report: &mut Report) {
    let providers = root.join("providers");
    let mut rows = BTreeMap::new();
    for file in files_named(&providers, "vectors.tsv") {
        let provider = file.strip_prefix(&providers).ok().and_then(|path| path.components().next());
        let provider =
            provider.map(|name| name.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
        let lacks_client = !providers.join(&provider).join("client").is_dir();
        match Table::read(&file) {
            Ok(table) => {
                for row in table.rows {
                    let id = row.into_iter().next().unwrap_or_default();
                    let without = lacks_client.then(|| provider.clone());
                    if rows.insert(id.clone(), without).is_some() {
                        report.finding(format!("{}: the vector {id} is there twice", file.display()));
                    }
                }
            }
            Err(error) => report.finding(format!("{}: {error}", file.display())),
        }
    }
    compare(&rows, entries, report);
}

/// Rows by their id, each with the name of its provider where that has no client.
type Rows = BTreeMap<String, Option<String>>;

fn compare(rows: &Rows, entries: &[Entry], report: &mut Report) {
    if rows.is_empty() {
        report.finding("there is no vectors.tsv with a row below providers/");
    }
    let passed = entries.iter().filter(|entry| entry.outcome == Outcome::Passed);
    let uses: BTreeSet<_> = passed.flat_map(|entry| &entry.vectors).collect();
    let used_by = |side| -> BTreeSet<&String> {
        uses.iter().filter(|used| used.side == side).map(|used| &used.row).collect()
    };
    let (client, simulator) = (used_by(Side::Client), used_by(Side::Simulator));
    report.figure(figure(rows, &client, &simulator));
    for (row, without_client) in rows {
        if without_client.is_none() && !client.contains(row) {
            report.finding(format!("the vector {row} is not used by the client"));
        }
        if !simulator.contains(row) {
            report.finding(format!("the vector {row} is not used by the simulator"));
        }
    }
    for unknown in client.union(&simulator).filter(|row| !rows.contains_key(**row)) {
        report.finding(format!("a test used the vector {unknown}, which no vectors.tsv has"));
    }
}

fn figure(rows: &Rows, client: &BTreeSet<&String>, simulator: &BTreeSet<&String>) -> String {
    let whole = rows.iter().filter(|(_, without_client)| without_client.is_none());
    let (both, of_both) = whole.fold((0, 0), |(used, all), (row, _)| {
        (used + usize::from(client.contains(row) && simulator.contains(row)), all + 1)
    });
    let mut text = format!("vectors: {both} of {of_both} used by client and simulator");
    let providers: BTreeSet<&String> = rows.values().flatten().collect();
    for provider in providers {
        let own = rows.iter().filter(|(_, without_client)| without_client.as_ref() == Some(provider));
        let (used, all) =
            own.fold((0, 0), |(used, all), (row, _)| (used + usize::from(simulator.contains(row)), all + 1));
        text.push_str(&format!("; {provider} has no client yet: {used} of {all} used by its simulator"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::VectorUse;

    fn findings(rows: &[&str], uses: &[(&str, Side)]) -> Vec<String> {
        reported(rows.iter().map(|row| ((*row).to_owned(), None)).collect(), uses).findings
    }

    fn reported(rows: Rows, uses: &[(&str, Side)]) -> Report {
        let mut entry = Entry::new("a", None, Outcome::Passed);
        entry.vectors =
            uses.iter().map(|(row, side)| VectorUse { row: (*row).to_owned(), side: *side }).collect();
        let mut report = Report::default();
        compare(&rows, &[entry], &mut report);
        report
    }

    #[test]
    fn a_row_of_a_provider_without_a_client_is_used_by_its_simulator_and_the_figures_say_so() {
        let rows = || Rows::from([("1".into(), None), ("2".into(), Some("newpay".into()))]);
        let report = reported(rows(), &[("1", Side::Client), ("1", Side::Simulator), ("2", Side::Simulator)]);
        assert_eq!(report.findings, Vec::<String>::new());
        assert_eq!(
            report.figures,
            [
                "vectors: 1 of 1 used by client and simulator; newpay has no client yet: 1 of 1 used by its simulator"
            ]
        );
        let report = reported(rows(), &[("1", Side::Client), ("1", Side::Simulator)]);
        assert_eq!(report.findings, ["the vector 2 is not used by the simulator"]);
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
