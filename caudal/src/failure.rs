//! Why a command ends without having done its work, as one line and an exit code.

use std::fmt;

/// Why a command ends. Each kind has its exit code; 0 is for work that was done.
#[derive(Debug)]
pub enum Failure {
    /// The work was done and something was found: exit code 1.
    Findings(String),
    /// A flag, a file or a variable says something that cannot be: exit code 2. The text names it.
    Usage(String),
    /// The machine lacks something (database, port, key file, directory): exit code 3. The text has the cure.
    Environment(String),
}

impl Failure {
    /// The process's exit code.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Findings(_) => 1,
            Self::Usage(_) => 2,
            Self::Environment(_) => 3,
        }
    }

    /// A usage error.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// An environment error.
    pub fn environment(text: impl Into<String>) -> Self {
        Self::Environment(text.into())
    }
}

/// Always one line, whatever a library put into its message.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Findings(text) | Self::Usage(text) | Self::Environment(text)) = self;
        formatter.write_str(&one_line(text))
    }
}

impl std::error::Error for Failure {}

/// Joins lines and runs of blanks into one line.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_one_line() {
        let failure = Failure::usage("caudal.toml: expected\n  one of\n `a`");
        assert_eq!(failure.to_string(), "caudal.toml: expected one of `a`");
    }

    #[test]
    fn each_kind_has_its_exit_code() {
        let codes = [Failure::Findings(String::new()), Failure::usage(""), Failure::environment("")];
        assert_eq!(codes.map(|failure| failure.exit_code()), [1, 2, 3]);
    }
}
