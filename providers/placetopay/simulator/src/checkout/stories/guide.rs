//! The guide: what it lists, and that its requests do what they say.

use simulation::Simulator as _;
use simulation::guide::Example;
use simulation::strict_json::{self, Value};
use testing::covers;

use super::Bench;
use super::driving::A_CARD;
use crate::checkout::{banks, cards};

/// Sends an example with the answers of those before it put in.
fn send(bench: &mut Bench, example: &Example, answers: &[(String, Value)]) -> (u16, Value) {
    let mut text = format!("{}\n{}", example.path, example.body);
    while let Some((before, after)) = text.clone().split_once("{{") {
        let (named, rest) = after.split_once("}}").expect("an end");
        let (name, path) = named.split_once(".response.body.$.").expect("a path");
        let answer = &answers.iter().find(|(known, _)| known == name).expect(name).1;
        let path = path.replace('[', ".").replace(']', "");
        let parts: Vec<&str> = path.split('.').collect();
        let value = answer.at(&parts).unwrap_or_else(|| panic!("{path} in {answer}"));
        text = format!("{before}{}{rest}", value.as_str().map_or_else(|| value.to_text(), str::to_owned));
    }
    let (path, body) = text.split_once('\n').expect("a path");
    bench.post_text(path, body)
}

#[test]
fn every_request_of_the_guide_is_answered_well_in_its_order() {
    let mut bench = Bench::new();
    let guide = bench.avalpay.guide(bench.world.clock.now()).expect("a guide");
    let mut answers: Vec<(String, Value)> = Vec::new();
    for example in &guide.requests {
        let pays = [("query", "create"), ("query_subscription", "subscription")];
        if let Some((_, created)) = pays.into_iter().find(|(name, _)| *name == example.name) {
            let answer = &answers.iter().find(|(known, _)| known == created).expect("created before").1;
            let url = super::text_at(answer, &["processUrl"]);
            bench.pay(url.strip_prefix(super::ORIGIN).expect("on our origin"), A_CARD);
        }
        let (status, answer) = send(&mut bench, example, &answers);
        let is_second_reversal = example.name == "reverse_as_before";
        assert_eq!(status, if is_second_reversal { 400 } else { 200 }, "{}: {answer}", example.name);
        answers.push((example.name.clone(), answer));
    }
    assert_eq!(bench.verdict("authentication"), Some(true));
    assert_eq!(bench.world.ledger.len(), 3, "a payment, its reversal, a collect");
}

#[test]
fn the_guide_lists_the_test_data_and_every_row_is_whole() {
    let _story =
        testing::story("checkout::stories::guide::the_guide_lists_the_test_data_and_every_row_is_whole");
    let bench = Bench::new();
    let guide = bench.avalpay.guide(bench.world.clock.now()).expect("a guide");
    let listed =
        |text: &str| guide.test_data.iter().flat_map(|table| &table.rows).flatten().any(|cell| cell == text);
    assert!(cards::all().iter().all(|card| listed(card.number)));
    covers!("AV-7.1-02");
    assert!(banks::all().iter().all(|bank| listed(bank.name)));
    let tables = guide.chapters.iter().flat_map(|chapter| &chapter.tables).chain(&guide.test_data);
    for table in tables {
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.title);
        assert!(
            !table.rows.is_empty() && table.rows.iter().flatten().all(|cell| !cell.is_empty()),
            "{}",
            table.title
        );
    }
    for example in &guide.requests {
        let plain = example.body.replace("{{query.response.body.$.payment[0].internalReference}}", "1");
        assert!(strict_json::parse(plain.as_bytes()).is_ok(), "{}", example.name);
    }
}
