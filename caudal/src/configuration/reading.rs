//! Reads the file and lays the environment's overrides over it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::file::File;
use crate::failure::Failure;

/// Variables with this prefix and [`SEPARATOR`] between the parts of a key override the file.
const PREFIX: &str = "CAUDAL_";
const SEPARATOR: &str = "__";
/// Read when no file is named, where it is there.
const USUAL_FILE: &str = "caudal.toml";
/// Largest configuration file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// What was read, and the directory from which its relative paths are meant.
pub struct Reading {
    pub file: File,
    pub directory: PathBuf,
    /// How the origin is called in messages.
    pub name: String,
}

/// Reads the named file, or the usual one where it is there, and applies the overrides.
///
/// # Errors
/// [`Failure::Usage`] naming the file or variable, the line and the key.
pub fn read(
    named: Option<&Path>,
    overrides: impl Iterator<Item = (String, String)>,
) -> Result<Reading, Failure> {
    let usual = Path::new(USUAL_FILE);
    let path = named.or_else(|| usual.exists().then_some(usual));
    let mut table = Table::new();
    let mut name = "the environment".to_owned();
    let mut directory = PathBuf::from(".");
    if let Some(path) = path {
        name = path.display().to_string();
        directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")).into();
        let text = text_of(path)?;
        toml::from_str::<File>(&text).map_err(|error| refused(&name, &text, &error))?;
        table = toml::from_str(&text).map_err(|error| refused(&name, &text, &error))?;
    }
    let mut overrides: Vec<_> = overrides.filter_map(|(variable, text)| key(&variable, text)).collect();
    overrides.sort();
    for (variable, path, text) in overrides {
        table = overridden(&table, &variable, &path, &text)?;
    }
    let file = File::deserialize(Value::Table(table))
        .map_err(|error| Failure::usage(format!("{name}: {}", error.message())))?;
    Ok(Reading { file, directory, name })
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let cannot = |error: std::io::Error| Failure::usage(format!("{shown}: cannot be read: {error}"));
    let size = std::fs::metadata(path).map_err(cannot)?.len();
    if size > MAX_FILE {
        return Err(Failure::usage(format!("{shown}: {size} bytes are no configuration")));
    }
    std::fs::read_to_string(path).map_err(cannot)
}

fn refused(name: &str, text: &str, error: &toml::de::Error) -> Failure {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let place = line.map_or_else(String::new, |line| format!(" line {line}:"));
    Failure::usage(format!("{name}:{place} {}", error.message()))
}

/// The key that a variable overrides. `CAUDAL_LOG` and others without a separator are no settings.
fn key(variable: &str, text: String) -> Option<(String, Vec<String>, String)> {
    let rest = variable.strip_prefix(PREFIX)?;
    if !rest.contains(SEPARATOR) {
        return None;
    }
    let path = rest.split(SEPARATOR).map(str::to_lowercase).collect();
    Some((variable.to_owned(), path, text))
}

/// A variable has no type: its text is taken as text where the key wants text, else as the TOML value it spells.
fn overridden(table: &Table, variable: &str, path: &[String], text: &str) -> Result<Table, Failure> {
    let spelled = toml::from_str::<Table>(&format!("value = {text}"));
    let spelled = spelled.ok().and_then(|mut table| table.remove("value"));
    let mut refusal = String::new();
    for value in std::iter::once(Value::String(text.to_owned())).chain(spelled) {
        let mut changed = table.clone();
        if !put(&mut changed, path, value) {
            let key = path.join(".");
            return Err(Failure::usage(format!("{variable}: {key} is no key, a part of it is a value")));
        }
        match File::deserialize(Value::Table(changed.clone())) {
            Ok(_) => return Ok(changed),
            Err(error) => error.message().clone_into(&mut refusal),
        }
    }
    Err(Failure::usage(format!("{variable}: {refusal}")))
}

fn put(table: &mut Table, path: &[String], value: Value) -> bool {
    match path {
        [] => false,
        [last] => {
            table.insert(last.clone(), value);
            true
        }
        [first, rest @ ..] => {
            match table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new())) {
                Value::Table(inner) => put(inner, rest, value),
                _ => false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(text: &str, overrides: &[(&str, &str)]) -> Result<File, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.toml");
        std::fs::write(&path, text).expect("written");
        let overrides = overrides.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let reading = read(Some(&path), overrides).map_err(|failure| failure.to_string());
        let shown = format!("{}/", folder.path().display());
        reading.map(|reading| reading.file).map_err(|text| text.replace(&shown, ""))
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_line_and_key() {
        let refusal = read_with("[hub]\npoll_ms = 5\nlisen = \"x\"\n", &[]).err().expect("refused");
        assert!(refusal.starts_with("test.toml: line 3: unknown field `lisen`, expected"), "{refusal}");
    }

    #[test]
    fn a_wrong_type_is_refused_with_its_line() {
        let refusal = read_with("[hub]\npoll_ms = \"often\"\n", &[]).err().expect("refused");
        assert!(refusal.starts_with("test.toml: line 2: invalid type"), "{refusal}");
    }

    #[test]
    fn a_variable_overrides_a_key_of_any_type() {
        let overrides = [
            ("CAUDAL_HUB__LISTEN", "127.0.0.1:9"),
            ("CAUDAL_HUB__POLL_MS", "7"),
            ("CAUDAL_HUB__TRUSTED_PROXIES", "[\"10.0.0.1\"]"),
            ("CAUDAL_MERCHANTS__SHOP__NAME", "42"),
            ("CAUDAL_LOG", "debug"),
            ("HOME", "/root"),
        ];
        let file = read_with("[hub]\npoll_ms = 5\n", &overrides).unwrap_or_else(|text| panic!("{text}"));
        assert_eq!((file.hub.listen.as_str(), file.hub.poll_ms), ("127.0.0.1:9", 7));
        assert_eq!(file.hub.trusted_proxies, ["10.0.0.1"]);
        assert_eq!(file.merchants["shop"].name, "42");
    }

    #[test]
    fn a_variable_for_no_key_is_refused_with_its_name() {
        let refusal = read_with("", &[("CAUDAL_HUB__LISEN", "x")]).err().expect("refused");
        assert!(refusal.starts_with("CAUDAL_HUB__LISEN: unknown field `lisen`"), "{refusal}");
        let refusal = read_with("", &[("CAUDAL_HUB__LISTEN__PORT", "1")]).err().expect("refused");
        assert!(refusal.starts_with("CAUDAL_HUB__LISTEN__PORT:"), "{refusal}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let refusal =
            read(Some(Path::new("/nowhere/caudal.toml")), std::iter::empty()).err().expect("refused");
        assert!(refusal.to_string().starts_with("/nowhere/caudal.toml: cannot be read"), "{refusal}");
    }
}
