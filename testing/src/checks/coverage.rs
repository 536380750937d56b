//! The coverage tables: every requirement is shown by a test that passed, or says why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Report, Tables, files_named, walk};
use crate::csv::{Table, TableError};
use crate::evidence::{Entry, Outcome};

/// A table in `docs/coverage/` begins with this and names the `requirements.csv` it is built from.
const SOURCE_MARK: &str = "<!-- source: ";

/// Compares or writes every table of `docs/coverage/`. Each names its catalogue in its first line, and each
/// catalogue below `providers/` must be named by one table.
pub(super) fn check(root: &Path, entries: &[Entry], tables: Tables, report: &mut Report) {
    let passed: Vec<&Entry> = entries.iter().filter(|entry| entry.outcome == Outcome::Passed).collect();
    let tests = names_of_functions(root);
    let mut catalogues: BTreeSet<PathBuf> =
        files_named(&root.join("providers"), "requirements.csv").into_iter().collect();
    let mut known = BTreeSet::new();
    if catalogues.is_empty() {
        report.finding("there is no requirements.csv below providers/");
    }
    for document in walk(&root.join("docs/coverage")) {
        let committed = std::fs::read_to_string(&document).unwrap_or_default();
        let Some(source) = source_of(&committed) else {
            report.finding(format!("{} does not begin with {SOURCE_MARK:?}", document.display()));
            continue;
        };
        catalogues.remove(&root.join(source));
        let requirements = match Table::read(&root.join(source)).and_then(|table| requirements(&table)) {
            Ok(requirements) => requirements,
            Err(error) => {
                report.finding(format!("{source}: {error}"));
                continue;
            }
        };
        let name = document.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let rebuilt = build(&name, source, &requirements, &passed, &tests, report);
        known.extend(requirements.into_iter().map(|requirement| requirement.id));
        settle(&document, &committed, &rebuilt, tables, report);
    }
    for catalogue in catalogues {
        report.finding(format!("no table in docs/coverage names {}", catalogue.display()));
    }
    for unknown in passed.iter().flat_map(|entry| &entry.covers).collect::<BTreeSet<_>>() {
        if !known.contains(unknown) {
            report.finding(format!("a test covers {unknown}, which no requirements.csv has"));
        }
    }
}

/// One row of a catalogue.
struct Requirement {
    id: String,
    requirement: String,
    who: String,
    verify: String,
    kind: String,
    reason: String,
}

/// Why no test of ours shows a requirement: a closed list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// `person`: somebody has to look or to sign.
    Person,
    /// `provider side TEST`: the provider's own conduct, shown by that test of its simulator.
    ProviderSide(String),
    /// `not contracted`: an option of the provider that is not offered.
    NotContracted,
    /// `open issue N`: not reached yet.
    OpenIssue(u32),
    /// `later issue`: not reached yet, and of an issue that is not filed yet.
    LaterIssue,
}

impl FromStr for Reason {
    type Err = String;

    fn from_str(text: &str) -> Result<Reason, String> {
        if let Some(test) = text.strip_prefix("provider side ") {
            return Ok(Reason::ProviderSide(test.trim().to_owned()));
        }
        if let Some(number) = text.strip_prefix("open issue ") {
            return number
                .parse()
                .map(Reason::OpenIssue)
                .map_err(|_| format!("{number:?} is no issue's number"));
        }
        match text {
            "person" => Ok(Reason::Person),
            "not contracted" => Ok(Reason::NotContracted),
            "later issue" => Ok(Reason::LaterIssue),
            other => Err(format!("{other:?} is not in the closed list of reasons")),
        }
    }
}

impl Reason {
    /// What rows are counted under.
    fn group(&self) -> String {
        match self {
            Reason::Person => "person".to_owned(),
            Reason::ProviderSide(_) => "provider side".to_owned(),
            Reason::NotContracted => "not contracted".to_owned(),
            Reason::OpenIssue(number) => format!("open issue {number}"),
            Reason::LaterIssue => "later issue".to_owned(),
        }
    }
}

fn source_of(document: &str) -> Option<&str> {
    document.lines().next()?.strip_prefix(SOURCE_MARK)?.strip_suffix(" -->")
}

fn requirements(table: &Table) -> Result<Vec<Requirement>, TableError> {
    let mut places = [0; 6];
    let columns = ["id", "requirement", "who", "verify", "kind", "reason"];
    for (place, column) in places.iter_mut().zip(columns) {
        *place = table.column(column)?;
    }
    let read = |row: &Vec<String>| {
        let [id, requirement, who, verify, kind, reason] = places.map(|place| row[place].trim().to_owned());
        Requirement { id, requirement, who, verify, kind, reason }
    };
    Ok(table.rows.iter().map(read).collect())
}

/// Builds the text of a table and reports what is wrong with its rows.
fn build(
    name: &str,
    source: &str,
    requirements: &[Requirement],
    passed: &[&Entry],
    tests: &BTreeSet<String>,
    report: &mut Report,
) -> String {
    let mut totals: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut rows = String::new();
    for row in requirements {
        if !ids.insert(&row.id) {
            report.finding(format!("{source}: {} is there twice", row.id));
        }
        let (group, result) = judge(row, passed, tests).unwrap_or_else(|finding| {
            report.finding(format!("{}: {finding}", row.id));
            ("unsettled".to_owned(), format!("**{finding}**"))
        });
        *totals.entry(group).or_default() += 1;
        let cells =
            [&row.id, &row.requirement, &row.who, &row.verify, &row.kind, &result].map(|cell| escape(cell));
        // Writing to a String cannot fail.
        let _ = writeln!(rows, "| {} |", cells.join(" | "));
    }
    let totals: Vec<String> = totals.iter().map(|(group, count)| format!("{group} {count}")).collect();
    let totals = format!("{} requirements: {}", requirements.len(), totals.join(", "));
    report.figure(format!("coverage of {name}: {totals}"));
    format!(
        "{SOURCE_MARK}{source} -->\n# Coverage: {name}\n\nWritten by `scripts/test --write` from the tests that \
         passed; not to be edited by hand.\n\n{totals}.\n\n| id | requirement | who | verify | kind | result \
         |\n|---|---|---|---|---|---|\n{rows}"
    )
}

/// The group a row is counted under and the text of its last cell, or what is wrong with it.
fn judge(row: &Requirement, passed: &[&Entry], tests: &BTreeSet<String>) -> Result<(String, String), String> {
    let covering: Vec<&&Entry> = passed.iter().filter(|entry| entry.covers.contains(&row.id)).collect();
    let sentences: BTreeSet<&str> = covering.iter().map(|entry| entry.sentence()).collect();
    if row.reason.is_empty() {
        if covering.is_empty() {
            return Err("no test covers it and no reason is given".to_owned());
        }
        if asks_for_browser(&row.verify) && !covering.iter().any(|entry| seen_in_browser(entry)) {
            return Err(
                "it is to be verified in a browser, and no covering test saw a page in one".to_owned()
            );
        }
        let list = sentences.iter().map(|sentence| format!("`{sentence}`")).collect::<Vec<_>>().join(", ");
        return Ok(("covered".to_owned(), format!("covered by {list}")));
    }
    if let Some(sentence) = sentences.first() {
        return Err(format!("the reason {:?} is stale, since {sentence} covers it", row.reason));
    }
    let reason: Reason = row.reason.parse()?;
    if let Reason::ProviderSide(test) = &reason
        && !tests.contains(test)
    {
        return Err(format!("its reason names the test {test:?}, which is not there"));
    }
    Ok((reason.group(), row.reason.clone()))
}

/// The catalogue writes `B: …` or `B and T: …` where a browser has to see it.
fn asks_for_browser(verify: &str) -> bool {
    verify == "B" || verify.starts_with("B:") || verify.starts_with("B ")
}

fn seen_in_browser(entry: &Entry) -> bool {
    entry.browsers.iter().any(|browser| browser.pages > 0)
}

fn settle(document: &Path, committed: &str, rebuilt: &str, tables: Tables, report: &mut Report) {
    if committed == rebuilt {
        return;
    }
    match tables {
        Tables::Check => report.finding(format!(
            "{} is not what this run would write; `scripts/test --write` writes it",
            document.display()
        )),
        Tables::Write => match std::fs::write(document, rebuilt) {
            Ok(()) => report.figure(format!("wrote {}", document.display())),
            Err(error) => report.finding(format!("{}: {error}", document.display())),
        },
    }
}

/// The names of all functions in the providers' sources, among which a reason's test must be.
fn names_of_functions(root: &Path) -> BTreeSet<String> {
    let sources = walk(&root.join("providers")).into_iter();
    let sources = sources.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut names = BTreeSet::new();
    for text in sources.filter_map(|path| std::fs::read_to_string(path).ok()) {
        for line in text.lines() {
            let after =
                line.trim_start().strip_prefix("async ").unwrap_or(line.trim_start()).strip_prefix("fn ");
            if let Some((name, _)) = after.and_then(|after| after.split_once(['(', '<'])) {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

fn escape(cell: &str) -> String {
    cell.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::BrowserUse;

    fn row(verify: &str, reason: &str) -> Requirement {
        let word = |text: &str| text.to_owned();
        Requirement {
            id: word("XX-1"),
            requirement: word("It works."),
            who: word("hub"),
            verify: word(verify),
            kind: word("must"),
            reason: word(reason),
        }
    }

    fn covering(pages: usize) -> Entry {
        let mut entry = Entry::new("stories::it_works", None, Outcome::Passed);
        entry.covers.insert("XX-1".to_owned());
        entry.browsers.push(BrowserUse {
            version: String::new(),
            javascript: true,
            pages,
            screenshots: Vec::new(),
        });
        entry
    }

    fn judged(row: &Requirement, entries: &[&Entry]) -> Result<(String, String), String> {
        judge(row, entries, &["a_simulated_refusal".to_owned()].into())
    }

    #[test]
    fn a_row_with_a_test_names_the_test() {
        let outcome = judged(&row("T: trace", ""), &[&covering(0)]);
        assert_eq!(outcome, Ok(("covered".to_owned(), "covered by `it_works`".to_owned())));
    }

    #[test]
    fn a_row_without_a_test_and_without_a_reason_is_a_finding() {
        assert!(judged(&row("T: trace", ""), &[]).is_err());
    }

    #[test]
    fn a_row_with_a_test_and_a_reason_has_a_stale_reason() {
        let finding = judged(&row("T: trace", "person"), &[&covering(0)]).expect_err("stale");
        assert!(finding.contains("stale"), "{finding}");
    }

    #[test]
    fn a_row_for_the_browser_needs_a_page_in_a_browser() {
        assert!(judged(&row("B: the page shows it", ""), &[&covering(0)]).is_err());
        assert!(judged(&row("B and T: both", ""), &[&covering(0)]).is_err());
        assert!(judged(&row("B: the page shows it", ""), &[&covering(1)]).is_ok());
    }

    #[test]
    fn the_list_of_reasons_is_closed() {
        let group = |reason: &str| judged(&row("T", reason), &[]).map(|(group, _)| group);
        assert_eq!(group("person"), Ok("person".to_owned()));
        assert_eq!(group("not contracted"), Ok("not contracted".to_owned()));
        assert_eq!(group("open issue 5"), Ok("open issue 5".to_owned()));
        assert_eq!(group("provider side a_simulated_refusal"), Ok("provider side".to_owned()));
        for refused in
            ["later", "open issue", "open issue five", "provider side", "provider side nothing_there"]
        {
            assert!(group(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_table_that_was_edited_by_hand_is_a_finding_and_is_rewritten_when_asked() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
        };
        write(
            "providers/x/requirements.csv",
            "id,requirement,who,verify,kind,reason\nXX-1,Works.,hub,T,must,\n",
        );
        write("docs/coverage/x.md", "<!-- source: providers/x/requirements.csv -->\nmine\n");
        let run = |tables| {
            let mut report = Report::default();
            check(root.path(), &[covering(0)], tables, &mut report);
            report
        };
        assert_eq!(run(Tables::Check).findings.len(), 1);
        assert_eq!(run(Tables::Write).findings, Vec::<String>::new());
        let report = run(Tables::Check);
        assert_eq!(report.findings, Vec::<String>::new());
        assert_eq!(report.figures, ["coverage of x: 1 requirements: covered 1"]);
    }

    #[test]
    fn a_covered_id_that_no_catalogue_has_is_a_finding() {
        let root = tempfile::tempdir().expect("a folder");
        let mut report = Report::default();
        check(root.path(), &[covering(0)], Tables::Check, &mut report);
        assert!(report.findings.iter().any(|finding| finding.contains("XX-1")), "{:?}", report.findings);
    }
}
