//! The lines that passing stories leave behind, and where they are kept.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::DatabaseKind;

/// One story's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// `package::path::name` of the story.
    pub story: String,
    /// The database it ran on, if any.
    pub database: Option<DatabaseKind>,
    /// How it ended. A story that failed leaves no line.
    pub outcome: Outcome,
    /// The requirement ids it covers.
    pub covers: BTreeSet<String>,
    /// The vectors it used.
    pub vectors: BTreeSet<VectorUse>,
    /// What it did in Chromium, one item a browser.
    pub browsers: Vec<BrowserUse>,
}

/// How a story ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All its assertions held.
    Passed,
    /// Something it needs is not on the machine.
    Skipped,
}

/// The use of one row of a `vectors.tsv`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VectorUse {
    /// The id in the row's first column.
    pub row: String,
    /// Who used it.
    pub side: Side,
}

/// The two sides that know a protocol independently of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The hub's client of the provider.
    Client,
    /// The provider's simulator.
    Simulator,
}

/// What a story did in one Chromium.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserUse {
    /// As Chromium calls itself.
    pub version: String,
    /// Whether scripts ran.
    pub javascript: bool,
    /// Documents shown.
    pub pages: usize,
    /// Pictures written.
    pub screenshots: Vec<PathBuf>,
}

impl Entry {
    /// The line of a story that has noted nothing.
    pub fn new(story: &str, database: Option<DatabaseKind>, outcome: Outcome) -> Entry {
        Entry {
            story: full_name(story),
            database,
            outcome,
            covers: BTreeSet::new(),
            vectors: BTreeSet::new(),
            browsers: Vec::new(),
        }
    }

    /// The crate it belongs to.
    pub fn package(&self) -> &str {
        self.story.split("::").next().unwrap_or(&self.story)
    }

    /// The last part of the story's name, which is its sentence.
    pub fn sentence(&self) -> &str {
        self.story.rsplit("::").next().unwrap_or(&self.story)
    }
}

/// The folder of this run: `CAUDAL_EVIDENCE_DIR`, or `evidence/local` in the target directory.
pub fn directory() -> PathBuf {
    match std::env::var_os("CAUDAL_EVIDENCE_DIR").filter(|named| !named.is_empty()) {
        Some(named) => PathBuf::from(named),
        None => target_directory().join("evidence/local"),
    }
}

/// Where a story's screenshot of that name belongs.
pub fn screenshot(name: &str) -> PathBuf {
    directory().join("screenshots").join(name).with_extension("png")
}

/// Appends a line to this test program's file in the folder of a run, which is made when it is missing.
///
/// # Errors
/// When the folder or the file cannot be written.
pub fn append(folder: &Path, entry: &Entry) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join(program_name()).with_extension("jsonl");
    let mut line = serde_json::to_string(entry)?;
    line.push('\n');
    // One write of one short line, so that stories on several threads do not mix.
    std::fs::OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}

/// Reads the lines of a run, in the order of the programs' names.
///
/// # Errors
/// When the folder cannot be read, or a line is none.
pub fn read(folder: &Path) -> std::io::Result<Vec<Entry>> {
    let mut files = Vec::new();
    for item in std::fs::read_dir(folder)? {
        let path = item?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    let mut entries = Vec::new();
    for file in files {
        for line in std::fs::read_to_string(file)?.lines() {
            entries.push(serde_json::from_str(line)?);
        }
    }
    Ok(entries)
}

fn full_name(story: &str) -> String {
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_else(|_| program_name());
    let crate_name = package.replace('-', "_");
    match story.strip_prefix(&format!("{crate_name}::")) {
        Some(path) => format!("{package}::{path}"),
        None => format!("{package}::{story}"),
    }
}

fn program_name() -> String {
    let program = std::env::current_exe().unwrap_or_default();
    program.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Cargo marks its target directory with a `CACHEDIR.TAG`; test programs live below it.
fn target_directory() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    marked.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"), Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_is_named_after_its_package_once() {
        assert_eq!(full_name("testing::evidence::a_story"), "testing::evidence::a_story");
        assert_eq!(full_name("stories::a_story"), "testing::stories::a_story");
    }

    #[test]
    fn the_sentence_of_a_story_is_the_last_part_of_its_name() {
        let entry = Entry::new("stories::a_lost_notice_is_found", None, Outcome::Passed);
        assert_eq!(entry.sentence(), "a_lost_notice_is_found");
    }

    #[test]
    fn a_line_that_is_none_is_an_error_and_not_a_missing_story() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("broken.jsonl"), "{\"story\":\"cut").expect("a file");
        assert!(read(folder.path()).is_err());
    }
}
