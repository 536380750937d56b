//! Open points of a protocol: each has an id in PROTOCOL.md and beside the constant that assumes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{self, Source, assert_none};

/// What follows an id in PROTOCOL.md when nothing is built on it yet.
const LATER: &str = "(open issue ";

#[test]
fn the_open_points_of_a_protocol_are_those_beside_the_constants() {
    let sources = sources::all();
    let protocols: Vec<&Source> = sources
        .iter()
        .filter(|source| is_provider(source) && source.path.ends_with("/PROTOCOL.md"))
        .collect();
    assert!(!protocols.is_empty(), "no provider has a PROTOCOL.md");
    let mut findings = Vec::new();
    let mut known = BTreeSet::new();
    for protocol in protocols {
        let open = open_points(&protocol.text);
        let written = ids_by_side(provider_of(protocol), &sources);
        for (id, later) in &open {
            known.insert(id.clone());
            let sides = written.get(id).map(Vec::as_slice).unwrap_or_default();
            if *later && !sides.is_empty() {
                findings.push(format!(
                    "{id} is marked as of a later issue in {}, but stands in {sides:?}",
                    protocol.path
                ));
            }
            if !*later && sides.is_empty() {
                findings.push(format!("{id} of {} stands beside no constant", protocol.path));
            }
        }
    }
    for source in sources.iter().filter(|source| is_provider(source) && source.ending() == "rs") {
        for id in ids(&source.text).into_iter().filter(|id| !known.contains(id)) {
            findings.push(format!("{} cites {id}, which no PROTOCOL.md has", source.path));
        }
    }
    assert_none(&findings, "open points and constants must be the same set:");
}

#[test]
fn an_id_is_read_wherever_it_stands() {
    let text = "| AV-U07 | the time | and AV-U14 (open issue 5), not AV-U1 nor xAV-U15.";
    let read: Vec<_> = open_points(text).into_iter().collect();
    assert_eq!(read, [("AV-U07".to_owned(), false), ("AV-U14".to_owned(), true)]);
}

fn is_provider(source: &Source) -> bool {
    source.path.starts_with("providers/")
}

/// `providers/NAME/` of a file below it.
fn provider_of(source: &Source) -> String {
    source.path.split('/').take(2).collect::<Vec<_>>().join("/") + "/"
}

/// The ids of a protocol, and whether any mention says that it is of a later issue.
fn open_points(protocol: &str) -> BTreeMap<String, bool> {
    let mut points = BTreeMap::new();
    for (id, rest) in mentions(protocol) {
        *points.entry(id.to_owned()).or_default() |=
            rest.trim_start_matches(['`', '*', ' ']).starts_with(LATER);
    }
    points
}

/// Where each id stands among the provider's Rust files.
fn ids_by_side(provider: String, sources: &[Source]) -> BTreeMap<String, Vec<&str>> {
    let mut written: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for source in
        sources.iter().filter(|source| source.path.starts_with(&provider) && source.ending() == "rs")
    {
        for id in ids(&source.text) {
            written.entry(id).or_default().push(&source.path);
        }
    }
    written
}

fn ids(text: &str) -> BTreeSet<String> {
    mentions(text).map(|(id, _)| id.to_owned()).collect()
}

/// Every id of the form `XX-U00` that is not a part of a longer word, with the text after it.
fn mentions(text: &str) -> impl Iterator<Item = (&str, &str)> {
    const LENGTH: usize = "XX-U00".len();
    text.match_indices("-U").filter_map(|(at, _)| {
        let start = at.checked_sub(2)?;
        let id = text.get(start..start + LENGTH)?;
        let rest = &text[start + LENGTH..];
        let shape = id[..2].bytes().all(|byte| byte.is_ascii_uppercase())
            && id[4..].bytes().all(|byte| byte.is_ascii_digit());
        let alone =
            !text[..start].ends_with(char::is_alphanumeric) && !rest.starts_with(char::is_alphanumeric);
        (shape && alone).then_some((id, rest))
    })
}
