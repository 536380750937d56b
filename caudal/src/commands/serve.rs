//! `caudal serve`: the hub, with its workers unless they are elsewhere.

use crate::assembly::Workers;
use crate::command_line::ServeOptions;
use crate::failure::Failure;
use crate::{assembly, configuration, ports, registry, screen, signals};

/// Serves until it is told to stop, or prints a configuration.
///
/// # Errors
/// [`Failure`] of configuration, database or port.
pub async fn run(options: &ServeOptions) -> Result<(), Failure> {
    let providers = registry::providers();
    let named = options.configuration.config.as_deref();
    if options.print_default_config {
        screen::line(configuration::default_text(&providers).trim_end());
        return Ok(());
    }
    if options.print_config {
        screen::line(configuration::shown(named, &providers)?.trim_end());
        return Ok(());
    }
    let configuration = configuration::load(named, &providers)?;
    let stop = signals::stop_on_signal()?;
    let listener = ports::listen("hub", configuration.listen).await?;
    let store = assembly::open(&configuration.database).await?;
    tracing::info!(address = %configuration.listen, url = %configuration.settings.public_url, "the hub is open");
    let hub = assembly::hub(configuration.settings, providers, store)?;
    assembly::note_agreements(&hub).await?;
    let workers = if options.without_workers { Workers::Elsewhere } else { Workers::Here };
    assembly::serve(&hub, listener, workers, stop).await
}
