//! `caudal backup`: one file with the whole database, made while the hub serves.

use std::fs::File;
use std::path::Path;

use hub::store::Store;
use secrecy::ExposeSecret;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::command_line::BackupOptions;
use crate::failure::Failure;
use crate::{assembly, configuration, postgres, registry, screen};

/// Writes the backup. It appears under its name only when it is whole and on disk.
///
/// # Errors
/// [`Failure::Environment`] when there is no database or no room for it, or the file is there already.
pub async fn run(options: &BackupOptions) -> Result<(), Failure> {
    let configuration = configuration::load(options.configuration.config.as_deref(), &registry::providers())?;
    let address = configuration.database.expose_secret();
    refuse_existing(&options.file)?;
    let source = Store::file_of(address).map_err(|error| assembly::database_failure(&error))?;
    if let Some(missing) = source.as_deref().filter(|file| !file.exists()) {
        let text = format!("{}: there is no database to back up: check database.url", missing.display());
        return Err(Failure::environment(text));
    }
    let part = part_beside(&options.file)?;
    let store = assembly::connect(&configuration.database).await?;
    let copied = copy(&store, part.path(), &options.file).await;
    store.close().await;
    let (schema, is_sqlite) = copied?;
    if !is_sqlite {
        postgres::dump(address, part.path()).await?;
    }
    let bytes = publish(part, &options.file)?;
    let shown = options.file.display();
    if options.json {
        let database = if is_sqlite { "sqlite" } else { "postgres" };
        let file = options.file.to_string_lossy();
        screen::json(&json!({ "file": file, "bytes": bytes, "schema": schema, "database": database }));
    } else {
        screen::line(format!("{shown} holds the whole database: {bytes} bytes, schema {schema}."));
        screen::line("What is sealed in it opens with the master key only: keep that apart, and keep it.");
    }
    Ok(())
}

/// The schema's version, and whether the copy was made.
async fn copy(store: &Store, part: &Path, file: &Path) -> Result<(i64, bool), Failure> {
    let schema = store.schema_version().await.map_err(|error| assembly::database_failure(&error))?;
    known_schema("the database", schema)?;
    let copied = store.copy_into(part).await.map_err(|error| match error.is_full() {
        true => no_room_for(file),
        false => assembly::database_failure(&error),
    });
    Ok((schema, copied?))
}

/// What is told of a disk that is too small for a backup.
fn no_room_for(file: &Path) -> Failure {
    let shown = file.display();
    Failure::environment(format!(
        "{shown}: no room left for the backup: make room there, or name another place"
    ))
}

/// Refuses a database that is none of ours or newer than this program.
///
/// # Errors
/// [`Failure::Environment`] with the cure.
pub fn known_schema(what: &str, schema: i64) -> Result<(), Failure> {
    let newest = Store::newest_schema();
    match schema {
        0 => Err(Failure::environment(format!("{what} holds no payments of Caudal: name another"))),
        newer if newer > newest => Err(Failure::environment(format!(
            "{what} has schema {newer}, newer than this program's {newest}: use the program that made it, or a newer one"
        ))),
        _ => Ok(()),
    }
}

/// Refuses to write over anything.
///
/// # Errors
/// [`Failure::Environment`] with the cure.
pub fn refuse_existing(file: &Path) -> Result<(), Failure> {
    if file.symlink_metadata().is_ok() {
        let shown = file.display();
        return Err(Failure::environment(format!("{shown} is there already: move it away, or name another")));
    }
    Ok(())
}

/// A file for its owner alone beside the one that it becomes.
///
/// # Errors
/// [`Failure::Environment`] when the directory takes no file.
pub fn part_beside(file: &Path) -> Result<NamedTempFile, Failure> {
    let directory = directory_of(file);
    tempfile::Builder::new().prefix(".caudal-part-").tempfile_in(directory).map_err(|error| {
        let shown = directory.display();
        Failure::environment(format!("{shown} takes no file ({error}): make it, writable by this user"))
    })
}

/// Makes a part durable and gives it its name. Answers its size in bytes.
///
/// # Errors
/// [`Failure::Environment`] when the disk refuses or another file has taken the name.
pub fn publish(part: NamedTempFile, file: &Path) -> Result<u64, Failure> {
    let cannot = |error: std::io::Error| {
        let shown = file.display();
        Failure::environment(format!("{shown} cannot be written ({error}): check disk and permissions"))
    };
    // Opened anew: whoever filled it may have put another file in its place.
    let written = File::open(part.path()).map_err(cannot)?;
    written.sync_all().map_err(cannot)?;
    let bytes = written.metadata().map_err(cannot)?.len();
    part.persist_noclobber(file).map_err(|refused| cannot(refused.error))?;
    File::open(directory_of(file)).and_then(|directory| directory.sync_all()).map_err(cannot)?;
    Ok(bytes)
}

fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}
