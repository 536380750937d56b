//! Logs: for people on a terminal, as JSON elsewhere; always on standard error, never with a secret.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::command_line::LogFormat;
use crate::failure::Failure;

/// The variable that says what is logged, for example `info` or `hub=debug,warn`.
pub const FILTER_VARIABLE: &str = "CAUDAL_LOG";

/// Starts logging. `usual` is what is logged when [`FILTER_VARIABLE`] does not say.
///
/// # Errors
/// [`Failure::Usage`] for a filter that is none.
pub fn start(format: LogFormat, usual: &str) -> Result<(), Failure> {
    let wanted = std::env::var(FILTER_VARIABLE).ok().filter(|text| !text.is_empty());
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(usual))
        .map_err(|error| Failure::usage(format!("{FILTER_VARIABLE}: {error}")))?;
    let is_json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    // A line that cannot be written, to a full disk for example, is lost. Told of on standard error, as is usual, it
    // would end the task that logs.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    // A second start in one process keeps the first logger, which is what is wanted.
    let _ = if is_json {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    };
    hub::panics::tell_places_only();
    Ok(())
}
