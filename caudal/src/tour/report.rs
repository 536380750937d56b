//! What the tour found: a table with a column for each witness, or one JSON document.

use std::time::Instant;

use payment::Money;
use serde::Serialize;

use super::Story;
use super::scene::{Closed, KnownSoFar, Step};
use super::witnesses::{Expected, Words};
use crate::screen::{self, Paint};
use crate::shown::Shown;

/// What the tour found so far.
pub struct Report {
    started: Instant,
    known: KnownSoFar,
    document: Document,
}

#[derive(Serialize)]
struct Document {
    /// Whether every story went as told and all witnesses agree.
    passed: bool,
    /// From the start of the process to the end of the first story, whose order is paid by then.
    first_paid_order_ms: Option<u128>,
    /// From the start of the process to the end of the tour.
    total_ms: u128,
    stories: Vec<StoryReport>,
}

#[derive(Serialize)]
struct StoryReport {
    provider: &'static str,
    name: &'static str,
    title: &'static str,
    passed: bool,
    reference: Option<String>,
    expected: Option<Expected>,
    witnesses: Option<Words>,
    trouble: Option<String>,
    steps: Vec<Step>,
}

impl Report {
    /// A report of a tour in a process that began at `started`.
    pub fn new(started: Instant) -> Self {
        let document =
            Document { passed: false, first_paid_order_ms: None, total_ms: 0, stories: Vec::new() };
        Self { started, known: KnownSoFar::default(), document }
    }

    /// What earlier stories left for later ones.
    pub fn known(&self) -> KnownSoFar {
        self.known.clone()
    }

    /// Takes a story that has ended.
    pub fn add(&mut self, shown: &Shown, story: &Story, closed: Closed) {
        let passed = closed.trouble.is_none();
        if passed && closed.expected.is_some_and(|expected| expected.charges > 0) {
            self.document.first_paid_order_ms.get_or_insert(self.started.elapsed().as_millis());
        }
        self.known = closed.known;
        self.document.stories.push(StoryReport {
            provider: shown.provider,
            name: story.name,
            title: story.title,
            passed,
            reference: closed.reference,
            expected: closed.expected,
            witnesses: closed.words,
            trouble: closed.trouble,
            steps: closed.steps,
        });
    }

    /// Whether every story went as told and all witnesses agree.
    pub fn is_passed(&self) -> bool {
        !self.document.stories.is_empty() && self.document.stories.iter().all(|story| story.passed)
    }

    /// Prints what was found.
    pub fn show(&mut self, is_json: bool) {
        self.document.passed = self.is_passed();
        self.document.total_ms = self.started.elapsed().as_millis();
        if is_json {
            screen::json(&self.document);
            return;
        }
        let paint = Paint::for_output();
        let heading = ["Order", "Provider's ledger", "Hub's API", "Shop's inbox"].map(str::to_owned);
        let rows: Vec<[String; 4]> = self.document.stories.iter().map(cells).collect();
        let widths = widths(&heading, &rows);
        screen::line("");
        screen::line(paint.bold(row(&heading, widths).trim_end()));
        for (story, cells) in self.document.stories.iter().zip(&rows) {
            let verdict = if story.passed { paint.good("agree") } else { paint.bad("DISAGREE") };
            screen::line(format!("{}{verdict}", row(cells, widths)));
        }
        screen::line("");
        if let Some(first) = self.document.first_paid_order_ms {
            let (first, total) = (seconds(first), seconds(self.document.total_ms));
            screen::line(format!("First paid order after {first}, all of it after {total}."));
        }
    }
}

/// The widest cell of each column, in characters.
fn widths(heading: &[String; 4], rows: &[[String; 4]]) -> [usize; 4] {
    std::array::from_fn(|column| {
        let cells = rows.iter().chain(std::iter::once(heading)).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    })
}

fn cells(story: &StoryReport) -> [String; 4] {
    let name = format!("{}: {}", story.provider, story.name.replace('_', " "));
    let Some(words) = &story.witnesses else {
        let silent = "-".to_owned();
        return [name, silent.clone(), silent.clone(), silent];
    };
    let amount = |minor: i64| Money::new(minor, words.currency).to_text();
    let declined = match words.provider.declined {
        0 => String::new(),
        declined => format!(", {declined} declined"),
    };
    let provider = match words.provider.approved {
        0 => format!("no charge{declined}"),
        1 if words.provider.refunds > 0 => {
            format!("1 charge, given back, {} left{declined}", amount(words.provider.paid))
        }
        1 => format!("1 charge {}{declined}", amount(words.provider.paid)),
        charges => format!("{charges} charges {}{declined}", amount(words.provider.paid)),
    };
    let hub = match words.hub.paid {
        0 => words.hub.status.clone(),
        paid if paid < words.amount => {
            format!("{} {} of {}", words.hub.status, amount(paid), amount(words.amount))
        }
        paid if words.hub.overpaid > 0 => {
            format!("{} {}, overpaid {}", words.hub.status, amount(paid), amount(words.hub.overpaid))
        }
        paid if words.hub.refunded > 0 => {
            format!("{} {} of {}", words.hub.status, amount(words.hub.refunded), amount(paid))
        }
        paid => format!("{} {}", words.hub.status, amount(paid)),
    };
    let shop = match words.shop.times_paid {
        0 => format!("not paid, {}", words.shop.status.as_deref().unwrap_or("heard nothing")),
        times if words.hub.refunded > 0 => {
            let status = words.shop.status.as_deref().unwrap_or("heard nothing more");
            format!("paid {times} time {}, {status}", amount(words.amount))
        }
        times => format!("paid {times} time {}", amount(words.amount)),
    };
    [name, provider, hub, shop]
}

fn row(cells: &[String; 4], widths: [usize; 4]) -> String {
    cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}  ")).collect()
}

fn seconds(milliseconds: u128) -> String {
    format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10)
}
