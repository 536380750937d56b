//! Secrets come from files and variables; written into the configuration itself only in development.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Largest secret file, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// The three ways in which a secret can be given under one key.
#[derive(Default)]
pub struct Sources {
    /// The key as the configuration writes it, without `_file` and `_env`.
    pub key: String,
    /// Written into the configuration.
    pub inline: Option<Vec<String>>,
    /// `…_file`.
    pub file: Option<PathBuf>,
    /// `…_env`.
    pub variable: Option<String>,
}

/// Where secrets are looked for, and how strictly.
pub struct SecretReader<'a> {
    /// The directory from which relative files are meant.
    pub directory: &'a Path,
    /// The environment's variables.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether secrets in the configuration itself are refused.
    pub is_production: bool,
}

impl SecretReader<'_> {
    /// The secrets given under a key, newest first: one a line of a file or variable, so that several can
    /// be in force while one is rotated. `None` when the key is given in no way.
    ///
    /// # Errors
    /// [`Failure::Usage`] when it is given in two ways, is empty, or stands in a production configuration;
    /// [`Failure::Environment`] when the file or the variable is not there, or others may read the file.
    pub fn read(&self, sources: &Sources) -> Result<Option<Vec<String>>, Failure> {
        let key = &sources.key;
        let ways = usize::from(sources.inline.is_some())
            + usize::from(sources.file.is_some())
            + usize::from(sources.variable.is_some());
        if ways > 1 {
            let text = format!("{key}: give one of {key}, {key}_file and {key}_env");
            return Err(Failure::usage(text));
        }
        let secrets = if let Some(inline) = &sources.inline {
            if self.is_production {
                let text =
                    format!("{key}: no secret stands in a production file: use {key}_file or {key}_env");
                return Err(Failure::usage(text));
            }
            inline.clone()
        } else if let Some(file) = &sources.file {
            lines(&self.text_of(key, file)?)
        } else if let Some(variable) = &sources.variable {
            let text = (self.variable)(variable).ok_or_else(|| {
                Failure::environment(format!("{key}_env: the variable {variable} is not set: set it"))
            })?;
            lines(&text)
        } else {
            return Ok(None);
        };
        if secrets.is_empty() || secrets.iter().any(String::is_empty) {
            return Err(Failure::usage(format!("{key}: the secret is empty")));
        }
        Ok(Some(secrets))
    }

    /// The path of a secret's file.
    pub fn path(&self, file: &Path) -> PathBuf {
        self.directory.join(file)
    }

    fn text_of(&self, key: &str, file: &Path) -> Result<String, Failure> {
        let path = self.path(file);
        refuse_open_file(&format!("{key}_file"), &path)?;
        let cannot = |reason: String| {
            let shown = path.display();
            Failure::environment(format!(
                "{key}_file: {shown} cannot be read ({reason}): make it, readable by this user"
            ))
        };
        let size = std::fs::metadata(&path).map_err(|error| cannot(error.to_string()))?.len();
        if size > MAX_FILE {
            return Err(cannot(format!("{size} bytes are no secret")));
        }
        std::fs::read_to_string(&path).map_err(|error| cannot(error.to_string()))
    }
}

/// Refuses a file that others than its owner may read. One that is not there is told by whoever reads it.
fn refuse_open_file(key: &str, path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    match crate::keys::is_readable_by_others(path) {
        Ok(true) => Err(Failure::environment(format!("{key}: others may read {shown}: chmod 600 {shown}"))),
        Ok(false) | Err(_) => Ok(()),
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sources: Sources, is_production: bool) -> Result<Option<Vec<String>>, Failure> {
        let variable = |name: &str| (name == "SET").then(|| "new\nold\n".to_owned());
        let reader = SecretReader { directory: Path::new("/nowhere"), variable: &variable, is_production };
        reader.read(&Sources { key: "keys.master_key".into(), ..sources })
    }

    #[test]
    fn a_rotated_secret_has_a_line_for_each_that_is_in_force() {
        let sources = Sources { variable: Some("SET".into()), ..Sources::default() };
        assert_eq!(read(sources, true).ok().flatten(), Some(vec!["new".into(), "old".into()]));
    }

    #[test]
    fn a_secret_in_the_file_itself_is_refused_in_production_only() {
        let inline = || Sources { inline: Some(vec!["x".into()]), ..Sources::default() };
        assert!(
            matches!(read(inline(), true), Err(Failure::Usage(text)) if text.starts_with("keys.master_key: no secret"))
        );
        assert!(matches!(read(inline(), false), Ok(Some(_))));
    }

    #[test]
    fn a_missing_file_or_variable_is_the_machines_lack() {
        for sources in [
            Sources { variable: Some("UNSET".into()), ..Sources::default() },
            Sources { file: Some("key".into()), ..Sources::default() },
        ] {
            assert!(matches!(read(sources, true), Err(Failure::Environment(_))));
        }
    }

    #[test]
    fn two_ways_at_once_and_nothing_at_all_are_refused() {
        let both =
            Sources { inline: Some(vec!["x".into()]), variable: Some("SET".into()), ..Sources::default() };
        assert!(matches!(read(both, false), Err(Failure::Usage(_))));
        let empty = Sources { inline: Some(vec![String::new()]), ..Sources::default() };
        assert!(matches!(read(empty, false), Err(Failure::Usage(_))));
        assert!(matches!(read(Sources::default(), true), Ok(None)));
    }
}
