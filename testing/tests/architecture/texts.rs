//! What may be written where: SQL, the names of providers, sizes and names of files.

use crate::sources::{self, Source, assert_none};

/// The most lines a Rust file may have; about 500 are meant.
const LONGEST_FILE: usize = 700;

/// Where SQL is at home: the hub's store, what makes the databases of the tests, and what the store is measured
/// against.
const HOME_OF_SQL: [&str; 4] = ["hub/src/store", "hub/migrations/", "testing/", "bench/src/ceilings/"];

/// Words for a provider or its product, in lower case.
const PROVIDERS: [&str; 8] =
    ["pagoefectivo", "placetopay", "avalpay", "aval pay", "aval_pay", "etpay", "carat", "esitef"];

#[test]
fn sql_is_written_in_the_store_only() {
    let mut findings = Vec::new();
    for source in sources::rust() {
        if HOME_OF_SQL.iter().any(|home| source.path.starts_with(home)) {
            continue;
        }
        for (index, line) in source.text.lines().enumerate() {
            if !line.trim_start().starts_with("//") && is_sql(line) {
                findings.push(format!("{}:{} {}", source.path, index + 1, line.trim()));
            }
        }
    }
    assert_none(&findings, "SQL belongs under hub/src/store; tests and seeds use the public API:");
}

#[test]
fn only_the_providers_folder_and_the_registry_name_a_provider() {
    let mut findings = Vec::new();
    for source in sources::all().iter().filter(|source| !may_name_a_provider(source)) {
        let lines: Vec<(usize, &str)> = match source.ending() {
            "rs" => source.product_lines().collect(),
            _ => source.text.lines().enumerate().map(|(index, line)| (index + 1, line)).collect(),
        };
        for (number, line) in lines {
            let line = line.to_lowercase();
            if PROVIDERS.iter().any(|provider| contains_word(&line, provider)) {
                findings.push(format!("{}:{number} {}", source.path, line.trim()));
            }
        }
    }
    assert_none(
        &findings,
        "outside providers/, the registry and the shown providers of caudal, and the providers of bench and histories \
         nothing names a provider:",
    );
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let sources = sources::rust();
    let long = sources.iter().filter(|source| source.text.lines().count() > LONGEST_FILE);
    let findings: Vec<String> =
        long.map(|source| format!("{} has {} lines", source.path, source.text.lines().count())).collect();
    assert_none(&findings, &format!("a Rust file has at most {LONGEST_FILE} lines:"));
}

#[test]
fn nothing_is_left_to_be_done_later() {
    // Put together here, so that this file does not hold what it forbids.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"], ["unimplemented", "!("], ["todo", "!("]];
    let marks = marks.map(|halves| halves.concat());
    let mut findings = Vec::new();
    for source in sources::all().iter().filter(|source| source.path != "Cargo.lock") {
        for (index, line) in source.text.lines().enumerate() {
            if marks.iter().any(|mark| contains_word(line, mark)) {
                findings.push(format!("{}:{} {}", source.path, index + 1, line.trim()));
            }
        }
    }
    assert_none(&findings, "what is not done is an issue, not a mark in a file:");
}

#[test]
fn names_say_what_a_thing_is() {
    let empty_names = ["manager", "helper", "helpers", "util", "utils", "common", "misc"];
    let mut findings = Vec::new();
    for source in sources::rust() {
        let stem = |part: &str| part.trim_end_matches(".rs").to_owned();
        if source.path.split('/').map(stem).any(|part| empty_names.contains(&part.as_str())) {
            findings.push(source.path);
        }
    }
    assert_none(&findings, "these names say nothing:");
}

#[test]
fn a_test_that_holds_a_story_returns_nothing() {
    let begin = ["testing::", "story("].concat();
    let mut findings = Vec::new();
    for source in sources::rust().iter().filter(|source| source.text.contains(&begin)) {
        let mut is_test = false;
        for (index, line) in source.text.lines().enumerate() {
            let line = line.trim();
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
            if is_test && line.contains("fn ") {
                is_test = false;
                if line.contains("->") {
                    findings.push(format!("{}:{} {line}", source.path, index + 1));
                }
            }
        }
    }
    assert_none(&findings, "an Err does not look like a failure to the story that a test holds:");
}

fn may_name_a_provider(source: &Source) -> bool {
    let path = source.path.as_str();
    let folders = ["providers/", "docs/", "testing/"];
    let manifest = path.ends_with("Cargo.toml") || path == "Cargo.lock";
    source.is_test()
        || manifest
        || path == "caudal/src/registry.rs"
        || path.starts_with("caudal/src/shown/")
        || path == "caudal/src/shown.rs"
        || path == "bench/src/provider.rs"
        || path.starts_with("histories/src/")
        || path == "faults.toml"
        || source.ending() == "md"
        || folders.iter().any(|folder| path.starts_with(folder))
}

/// Whether a line of Rust holds a statement or runs one. Our statements are written in capitals; whoever
/// writes them small is found by the words that no prose has side by side.
fn is_sql(line: &str) -> bool {
    let statements = [
        ("SELECT ", ""),
        ("INSERT INTO ", ""),
        ("DELETE FROM ", ""),
        ("UPDATE ", " SET "),
        ("CREATE TABLE ", ""),
    ];
    let quoted = line.contains('"');
    let capitals = statements.iter().any(|(begin, then)| line.contains(begin) && line.contains(then));
    let small = ["insert into ", "delete from ", "select * from ", "create table "];
    line.contains("sqlx::query") || quoted && (capitals || small.iter().any(|words| line.contains(words)))
}

/// Whether `word` stands in `line` and is not a part of a longer word.
fn contains_word(line: &str, word: &str) -> bool {
    let letter = |character: Option<char>| character.is_some_and(char::is_alphabetic);
    let may_go_on = !word.ends_with(char::is_alphabetic);
    line.match_indices(word).any(|(at, _)| {
        let begins = !letter(line[..at].chars().next_back());
        let ends = !letter(line[at + word.len()..].chars().next());
        begins && (ends || may_go_on)
    })
}

#[test]
fn the_rules_of_this_file_find_what_they_look_for() {
    let shouted =
        [["\"SEL", "ECT id FROM payment\""].concat(), ["\"UP", "DATE payment SET a = 1\""].concat()];
    assert!(shouted.iter().all(|line| is_sql(line)));
    assert!(!is_sql("let text = \"UPDATE your card\";"));
    assert!(contains_word("the placetopay_client crate", "placetopay"));
    assert!(!contains_word("a caratteristica", "carat"));
}
