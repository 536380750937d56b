//! The project's own files, as the tests beside this one read them.

use std::path::{Path, PathBuf};

/// Folders in which nothing of ours is written by hand.
const NOT_OURS: [&str; 4] = ["target", "results", ".git", "node_modules"];

/// A text file of the project.
pub struct Source {
    /// Relative to the root, with `/` between its parts.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// The ending of the file's name, without the dot.
    pub fn ending(&self) -> &str {
        Path::new(&self.path).extension().and_then(|ending| ending.to_str()).unwrap_or_default()
    }

    /// Whether the file belongs to tests as a whole.
    pub fn is_test(&self) -> bool {
        self.path.starts_with("testing/") || self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// The lines of a Rust file that the product is made of, numbered from 1: without comments, and without
    /// the tests, which stand last in a file.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests_begin = self.text.find("#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        let lines = self.text[..tests_begin].lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// All text files of the project, sorted by path.
pub fn all() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for item in std::fs::read_dir(&folder).expect("a folder of the project").flatten() {
            let path = item.path();
            let name = item.file_name().to_string_lossy().into_owned();
            if path.is_dir() && !NOT_OURS.contains(&name.as_str()) {
                folders.push(path);
            } else if path.is_file() {
                sources.extend(source(path));
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(sources.len() > 30, "only {} files were found", sources.len());
    sources
}

/// All Rust files of the project, sorted by path.
pub fn rust() -> Vec<Source> {
    all().into_iter().filter(|source| source.ending() == "rs").collect()
}

/// Fails with the whole list unless it is empty.
#[track_caller]
pub fn assert_none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}\n{}", findings.join("\n"));
}

/// Pictures and other files that are no text are none of these tests' concern.
fn source(path: PathBuf) -> Option<Source> {
    let text = std::fs::read_to_string(&path).ok()?;
    let path = path.strip_prefix(root()).ok()?.to_str()?.to_owned();
    Some(Source { path, text })
}
