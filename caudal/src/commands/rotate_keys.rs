//! `caudal rotate-keys`: gives every sealed value to the first master key, while the hub serves.

use hub::flow;
use hub::vault::Vault;
use serde_json::json;

use crate::command_line::RotateKeysOptions;
use crate::failure::Failure;
use crate::{assembly, configuration, registry, screen};

/// Rotates, then says what still needs an older key.
///
/// # Errors
/// [`Failure::Findings`] when a value opens with no key that is given; [`Failure`] of configuration or database.
pub async fn run(options: &RotateKeysOptions) -> Result<(), Failure> {
    let configuration = configuration::load(options.configuration.config.as_deref(), &registry::providers())?;
    let vault = Vault::new(&configuration.settings.master_key)
        .map_err(|error| Failure::usage(format!("keys.master_key: {error}")))?;
    let store = assembly::open(&configuration.database).await?;
    let rotated = flow::rotate_keys(&store, &vault).await;
    let left = flow::key_use(&store, &vault).await;
    store.close().await;
    let rotated = rotated.map_err(|error| assembly::database_failure(&error))?;
    let left = left.map_err(|error| assembly::database_failure(&error))?;
    let first = vault.key_ids().next().map(|id| id.to_string()).unwrap_or_default();
    if options.json {
        screen::json(&json!({
            "key": first,
            "rewrapped": rotated.rewrapped,
            "changed_meanwhile": rotated.changed_meanwhile,
            "current": left.current,
            "older": left.older,
            "unknown": left.unknown,
        }));
    } else {
        screen::line(format!("{} sealed values went over to master key {first}.", rotated.rewrapped));
        let older = match left.older {
            0 => format!(
                "All {} need this key alone: see docs/operating/keys.md for when the older ones may go.",
                left.current
            ),
            older => format!(
                "{older} were written by an older key meanwhile: give every process the new key first, then run this again."
            ),
        };
        screen::line(older);
    }
    match left.unknown + rotated.unopened {
        0 => Ok(()),
        lost => Err(Failure::Findings(format!(
            "{lost} sealed values open with no key that is given: add the key that sealed them"
        ))),
    }
}
