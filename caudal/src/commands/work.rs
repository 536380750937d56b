//! `caudal work`: the workers without the API, as many processes as wanted beside the ones that serve.

use crate::command_line::ConfigurationOptions;
use crate::failure::Failure;
use crate::{assembly, configuration, registry, signals};

/// Works until it is told to stop.
///
/// # Errors
/// [`Failure`] of configuration or database.
pub async fn run(options: &ConfigurationOptions) -> Result<(), Failure> {
    let providers = registry::providers();
    let configuration = configuration::load(options.config.as_deref(), &providers)?;
    let stop = signals::stop_on_signal()?;
    let store = assembly::open(&configuration.database).await?;
    let hub = assembly::hub(configuration.settings, providers, store)?;
    assembly::note_agreements(&hub).await?;
    tracing::info!("the workers look for work");
    assembly::work(&hub, stop).await
}
