//! Whether the stories ran on both databases, and in Chromium.

use std::collections::BTreeSet;

use super::Report;
use crate::DatabaseKind;
use crate::evidence::{BrowserUse, Entry, Outcome};

/// The same stories must have passed on both databases, and there must be some.
pub(super) fn check_databases(entries: &[Entry], report: &mut Report) {
    for skipped in entries.iter().filter(|entry| entry.outcome == Outcome::Skipped) {
        let database = skipped.database.map(|kind| format!(" on {kind}")).unwrap_or_default();
        report.finding(format!("{}{database} was skipped", skipped.story));
    }
    let passed_on = |kind| -> Vec<&str> {
        let passed = entries.iter().filter(|entry| entry.outcome == Outcome::Passed);
        passed.filter(|entry| entry.database == Some(kind)).map(|entry| entry.story.as_str()).collect()
    };
    let (sqlite, postgres) = (passed_on(DatabaseKind::Sqlite), passed_on(DatabaseKind::Postgres));
    report.figure(format!("databases: sqlite {} stories, postgres {} stories", sqlite.len(), postgres.len()));
    if sqlite.is_empty() && postgres.is_empty() {
        report.finding("no story ran on a database");
    }
    for (kind, stories, others) in
        [(DatabaseKind::Sqlite, &sqlite, &postgres), (DatabaseKind::Postgres, &postgres, &sqlite)]
    {
        let distinct: BTreeSet<_> = stories.iter().collect();
        if distinct.len() != stories.len() {
            report.finding(format!("two stories on {kind} have the same name"));
        }
        for story in distinct {
            if !others.contains(story) {
                report.finding(format!("{story} passed on {kind} only"));
            }
        }
    }
}

/// Chromium must have shown pages with JavaScript on and off, and written pictures that are there.
pub(super) fn check_browsers(entries: &[Entry], report: &mut Report) {
    let browsers: Vec<&BrowserUse> = entries.iter().flat_map(|entry| &entry.browsers).collect();
    let versions: BTreeSet<&str> = browsers.iter().map(|browser| browser.version.as_str()).collect();
    let pages = |javascript: bool| -> usize {
        browsers.iter().filter(|browser| browser.javascript == javascript).map(|browser| browser.pages).sum()
    };
    let (scripted, unscripted) = (pages(true), pages(false));
    let screenshots: BTreeSet<_> = browsers.iter().flat_map(|browser| &browser.screenshots).collect();
    let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
    report.figure(format!(
        "chromium: {}, {scripted} pages with JavaScript, {unscripted} without, {} screenshots",
        if versions.is_empty() { "never started" } else { &versions },
        screenshots.len()
    ));
    for (count, what) in [
        (scripted, "page with JavaScript"),
        (unscripted, "page without JavaScript"),
        (screenshots.len(), "picture"),
    ] {
        if count == 0 {
            report.finding(format!("no {what} in Chromium"));
        }
    }
    for screenshot in screenshots {
        if !screenshot.is_file() {
            report.finding(format!("the picture {} is not there", screenshot.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(story: &str, database: DatabaseKind) -> Entry {
        Entry::new(story, Some(database), Outcome::Passed)
    }

    fn databases(entries: &[Entry]) -> Report {
        let mut report = Report::default();
        check_databases(entries, &mut report);
        report
    }

    #[test]
    fn the_same_stories_on_both_databases_are_well() {
        let report = databases(&[passed("a", DatabaseKind::Sqlite), passed("a", DatabaseKind::Postgres)]);
        assert_eq!(report.figures, ["databases: sqlite 1 stories, postgres 1 stories"]);
        assert_eq!(report.findings, Vec::<String>::new());
    }

    #[test]
    fn equal_counts_of_different_stories_are_not_enough() {
        let report = databases(&[passed("a", DatabaseKind::Sqlite), passed("b", DatabaseKind::Postgres)]);
        assert_eq!(report.findings.len(), 2);
    }

    #[test]
    fn no_story_at_all_is_a_finding() {
        assert_eq!(databases(&[]).findings, ["no story ran on a database"]);
    }

    #[test]
    fn a_skipped_story_is_a_finding() {
        let skipped = Entry::new("a", Some(DatabaseKind::Postgres), Outcome::Skipped);
        assert_eq!(databases(&[skipped]).findings.len(), 2);
    }

    #[test]
    fn a_picture_that_is_not_there_is_a_finding() {
        let mut entry = Entry::new("a", None, Outcome::Passed);
        let browser = |javascript| BrowserUse {
            version: "Chrome/156".to_owned(),
            javascript,
            pages: 3,
            screenshots: vec!["/nowhere/a.png".into()],
        };
        entry.browsers = vec![browser(true), browser(false)];
        let mut report = Report::default();
        check_browsers(&[entry], &mut report);
        assert_eq!(
            report.figures,
            ["chromium: Chrome/156, 3 pages with JavaScript, 3 without, 1 screenshots"]
        );
        assert_eq!(report.findings, ["the picture /nowhere/a.png is not there"]);
    }
}
