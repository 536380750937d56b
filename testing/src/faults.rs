//! The list of planted faults: which tests must turn red when a promise of the product is broken.
//!
//! `faults.toml` in the root is the list, `hub::fault!("name")` the place where a fault stands. The feature
//! `faults` of the hub compiles them in. Only the hub's dev-dependency on itself switches it on, so the
//! programs of `cargo test` have the faults, asleep until `CAUDAL_FAULT` names one, and the product has none.

use std::path::Path;

use serde::Deserialize;

/// One way to break the product.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// As it stands in `fault!("…")`.
    pub name: String,
    /// Which promise is broken, in a sentence.
    pub why: String,
    /// The tests it must turn red, each as `package path::of::the::test`.
    pub tests: Vec<String>,
}

/// Why the list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FaultsError {
    /// The file cannot be read.
    #[error("faults.toml: {0}")]
    Read(#[from] std::io::Error),
    /// The file is not what it should be.
    #[error("faults.toml: {0}")]
    Format(#[from] toml::de::Error),
    /// An entry is not what it should be.
    #[error("faults.toml, {fault}: {reason}")]
    Entry {
        /// The fault's name.
        fault: String,
        /// What is wrong.
        reason: String,
    },
}

impl Fault {
    /// The tests it must turn red, as (package, path of the test).
    pub fn tests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tests.iter().filter_map(|test| test.split_once(' '))
    }
}

/// Reads the list at `root`.
///
/// # Errors
/// [`FaultsError`].
pub fn read(root: &Path) -> Result<Vec<Fault>, FaultsError> {
    parse(&std::fs::read_to_string(root.join("faults.toml"))?)
}

/// A tenth of the faults, at least one, chosen by a seed: the same seed chooses the same.
pub fn sample(faults: &[Fault], seed: &str) -> Vec<Fault> {
    let mut chosen: Vec<&Fault> = faults.iter().collect();
    chosen.sort_by_key(|fault| fingerprint(&[seed, &fault.name]));
    chosen.truncate(faults.len().div_ceil(10));
    chosen.into_iter().cloned().collect()
}

fn parse(text: &str) -> Result<Vec<Fault>, FaultsError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct List {
        #[serde(default)]
        fault: Vec<Fault>,
    }
    let faults = toml::from_str::<List>(text)?.fault;
    for (index, fault) in faults.iter().enumerate() {
        let wrong =
            |reason: &str| FaultsError::Entry { fault: fault.name.clone(), reason: reason.to_owned() };
        if faults[..index].iter().any(|earlier| earlier.name == fault.name) {
            return Err(wrong("it is there twice"));
        }
        if fault.tests.is_empty() {
            return Err(wrong("it names no test"));
        }
        if fault.tests().count() != fault.tests.len() {
            return Err(wrong("a test is written as `package path::of::the::test`"));
        }
        if fault.why.trim().is_empty() {
            return Err(wrong("it does not say which promise it breaks"));
        }
    }
    Ok(faults)
}

/// FNV-1a, for an order that depends on nothing but the words.
fn fingerprint(words: &[&str]) -> u64 {
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(count: usize) -> Vec<Fault> {
        let fault = |number| Fault {
            name: format!("fault_{number}"),
            why: "A promise.".to_owned(),
            tests: vec!["hub a_test".to_owned()],
        };
        (0..count).map(fault).collect()
    }

    #[test]
    fn a_sample_is_a_tenth_and_follows_the_seed() {
        let all = faults(31);
        assert_eq!(sample(&all, "a").len(), 4);
        assert_eq!(sample(&all, "a"), sample(&all, "a"));
        let seeds = ["a", "b", "c", "d", "e"].map(|seed| sample(&all, seed));
        assert!(seeds.iter().any(|other| other != &seeds[0]));
        assert_eq!(sample(&faults(3), "a").len(), 1);
        assert!(sample(&[], "a").is_empty());
    }

    #[test]
    fn an_entry_says_what_it_breaks_and_what_notices() {
        let entry = |name: &str, tests: &str, why: &str| {
            format!("[[fault]]\nname = {name:?}\nwhy = {why:?}\ntests = {tests}\n")
        };
        let good = entry("skip", r#"["hub stories::forged::sqlite"]"#, "A forged notice changes nothing.");
        let read = parse(&good).expect("a good list");
        assert_eq!(read[0].tests().collect::<Vec<_>>(), [("hub", "stories::forged::sqlite")]);
        for bad in [
            entry("skip", "[]", "why"),
            entry("skip", r#"["stories::forged"]"#, "why"),
            entry("skip", r#"["hub forged"]"#, " "),
            format!("{good}{good}"),
            good.replace("tests", "test"),
        ] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }
}
