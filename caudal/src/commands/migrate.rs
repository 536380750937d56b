//! `caudal migrate`: brings the database's schema up to date.

use hub::store::Store;
use serde_json::json;

use crate::command_line::MigrateOptions;
use crate::failure::Failure;
use crate::{assembly, configuration, registry, screen};

/// Migrates and says from where to where.
///
/// # Errors
/// [`Failure`] of the configuration or the database.
pub async fn run(options: &MigrateOptions) -> Result<(), Failure> {
    let configuration = configuration::load(options.configuration.config.as_deref(), &registry::providers())?;
    let store = assembly::connect(&configuration.database).await?;
    let before = store.schema_version().await.map_err(|error| assembly::database_failure(&error))?;
    assembly::migrate(&store).await?;
    let after = Store::newest_schema();
    store.close().await;
    if options.json {
        screen::json(&json!({ "schema_before": before, "schema_after": after }));
    } else if before == after {
        screen::line(format!("The schema is up to date: version {after}."));
    } else {
        screen::line(format!("The schema went from version {before} to {after}."));
    }
    Ok(())
}
