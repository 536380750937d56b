//! The faults that stand in the product and the list of what they must turn red.

use std::collections::BTreeSet;

use testing::faults;

use crate::sources;

#[test]
fn every_planted_fault_is_listed_and_every_listed_fault_is_planted() {
    let listed: BTreeSet<String> =
        faults::read(sources::root()).expect("faults.toml").into_iter().map(|fault| fault.name).collect();
    let begin = ["fault", "!(\""].concat();
    let mut planted = BTreeSet::new();
    for source in sources::rust().iter().filter(|source| !source.path.starts_with("testing/")) {
        for (_, line) in source.product_lines() {
            for (at, _) in line.match_indices(&begin) {
                let name = line[at + begin.len()..].split('"').next().expect("a name");
                planted.insert(name.to_owned());
            }
        }
    }
    assert_eq!(planted, listed, "left: planted in the product; right: listed in faults.toml");
}

#[test]
fn a_fault_names_tests_that_are_there() {
    let sources = sources::rust();
    let mut missing = Vec::new();
    for fault in faults::read(sources::root()).expect("faults.toml") {
        for (package, test) in fault.tests() {
            let path = test.strip_suffix("::sqlite").or(test.strip_suffix("::postgres")).unwrap_or(test);
            let name = format!("fn {}(", path.rsplit("::").next().unwrap_or(path));
            if !sources.iter().any(|source| source.text.contains(&name)) {
                missing.push(format!("{}: {package} {test}", fault.name));
            }
        }
    }
    sources::assert_none(&missing, "faults.toml names tests that are not there:");
}
