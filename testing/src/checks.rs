//! The checks over the evidence of a whole run: what must be there, beside every single test being green.

mod coverage;
mod runs;
mod vectors;

use std::path::{Path, PathBuf};

use crate::evidence::Entry;

/// What to do with the committed coverage tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// They must be as this run would write them.
    Check,
    /// Write them.
    Write,
}

/// What the checks say: lines of figures, and findings that fail the run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was counted, one line each.
    pub figures: Vec<String>,
    /// What is wrong, one line each; empty when all is well.
    pub findings: Vec<String>,
}

/// The crates that serve the tests; what their own tests show says nothing about the product.
const MACHINERY: [&str; 2] = ["testing", "browser"];

/// Runs all checks over a run's evidence for the checkout at `root`.
pub fn check(root: &Path, entries: &[Entry], tables: Tables) -> Report {
    let of_product = entries.iter().filter(|entry| !MACHINERY.contains(&entry.package()));
    let entries: Vec<Entry> = of_product.cloned().collect();
    let mut report = Report::default();
    runs::check_databases(&entries, &mut report);
    runs::check_browsers(&entries, &mut report);
    vectors::check(root, &entries, &mut report);
    coverage::check(root, &entries, tables, &mut report);
    report
}

impl Report {
    fn figure(&mut self, line: impl Into<String>) {
        self.figures.push(line.into());
    }

    fn finding(&mut self, line: impl Into<String>) {
        self.findings.push(line.into());
    }
}

/// All files of a name below a folder, sorted.
fn files_named(folder: &Path, name: &str) -> Vec<PathBuf> {
    walk(folder).into_iter().filter(|path| path.file_name().is_some_and(|found| found == name)).collect()
}

/// All files below a folder, sorted. A folder that cannot be read has none.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = item.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DatabaseKind;
    use crate::evidence::Outcome;

    #[test]
    fn the_tests_of_the_tests_are_no_evidence_of_the_product() {
        let root = tempfile::tempdir().expect("a folder");
        let entries = [DatabaseKind::Sqlite, DatabaseKind::Postgres]
            .map(|kind| Entry::new("testing::a_story", Some(kind), Outcome::Passed));
        let report = check(root.path(), &entries, Tables::Check);
        assert!(report.findings.contains(&"no story ran on a database".to_owned()), "{report:?}");
    }
}
