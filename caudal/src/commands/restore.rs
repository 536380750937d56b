//! `caudal restore`: fills an empty database from a backup.

use std::io::Read;
use std::path::{Path, PathBuf};

use hub::store::Store;
use secrecy::ExposeSecret;
use serde_json::json;

use super::backup::{known_schema, part_beside, publish, refuse_existing};
use crate::command_line::RestoreOptions;
use crate::configuration::Configuration;
use crate::failure::Failure;
use crate::{assembly, configuration, postgres, registry, screen};

/// What a backup of SQLite begins with.
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";
/// What a backup of PostgreSQL begins with.
const POSTGRES_MAGIC: &[u8] = b"PGDMP";

/// Restores into the configured database, which has to be empty.
///
/// # Errors
/// [`Failure::Environment`] when the backup is unsound or newer, or something is there already; [`Failure::Usage`] when
/// it is of the other kind of database.
pub async fn run(options: &RestoreOptions) -> Result<(), Failure> {
    let configuration = configuration::load(options.configuration.config.as_deref(), &registry::providers())?;
    let address = configuration.database.expose_secret();
    let target = Store::file_of(address).map_err(|error| assembly::database_failure(&error))?;
    let schema = match (kind_of(&options.file)?, target) {
        (Kind::Sqlite, Some(target)) => into_file(&options.file, &target).await?,
        (Kind::Postgres, None) => into_server(&options.file, &configuration).await?,
        (Kind::Sqlite, None) => return Err(other_kind(&options.file, "SQLite")),
        (Kind::Postgres, Some(_)) => return Err(other_kind(&options.file, "PostgreSQL")),
    };
    let shown = options.file.to_string_lossy();
    if options.json {
        screen::json(&json!({ "file": shown, "schema": schema }));
    } else {
        screen::line(format!("The database is as {shown} has it, schema {schema}."));
        screen::line("`caudal serve` asks the providers about every payment that was open then.");
    }
    Ok(())
}

enum Kind {
    Sqlite,
    Postgres,
}

fn kind_of(file: &Path) -> Result<Kind, Failure> {
    let shown = file.display();
    let mut head = Vec::new();
    std::fs::File::open(file).and_then(|opened| opened.take(16).read_to_end(&mut head)).map_err(|error| {
        Failure::environment(format!(
            "{shown} cannot be read ({error}): name a file that `caudal backup` made"
        ))
    })?;
    if head == SQLITE_MAGIC {
        Ok(Kind::Sqlite)
    } else if head.starts_with(POSTGRES_MAGIC) {
        Ok(Kind::Postgres)
    } else {
        Err(Failure::environment(format!("{shown} is no backup: name a file that `caudal backup` made")))
    }
}

fn other_kind(file: &Path, kind: &str) -> Failure {
    let shown = file.display();
    Failure::usage(format!("{shown} is a backup of {kind}: set database.url to such a database"))
}

async fn into_file(backup: &Path, target: &Path) -> Result<i64, Failure> {
    refuse_existing(target)?;
    for ending in ["-wal", "-shm", "-journal"] {
        // A leftover journal would be played into the restored file.
        let mut beside = target.as_os_str().to_owned();
        beside.push(ending);
        refuse_existing(&PathBuf::from(beside))?;
    }
    let shown = backup.display();
    let part = part_beside(target)?;
    std::fs::copy(backup, part.path()).map_err(|error| {
        Failure::environment(format!("{shown} cannot be copied ({error}): check disk and permissions"))
    })?;
    // The backup's own mode came along.
    crate::keys::make_owner_only(part.path())
        .map_err(|error| Failure::environment(format!("{}: {error}: check permissions", target.display())))?;
    let found = Store::inspect(part.path()).await.map_err(|error| assembly::database_failure(&error))?;
    if !found.is_sound {
        return Err(Failure::environment(format!("{shown} is damaged: take another backup")));
    }
    known_schema(&shown.to_string(), found.schema_version)?;
    publish(part, target)?;
    Ok(found.schema_version)
}

async fn into_server(backup: &Path, configuration: &Configuration) -> Result<i64, Failure> {
    let schema = postgres::schema_in(backup).await?;
    known_schema(&backup.display().to_string(), schema)?;
    let store = assembly::connect(&configuration.database).await?;
    let is_empty = store.is_empty().await;
    store.close().await;
    if !is_empty.map_err(|error| assembly::database_failure(&error))? {
        let text = "the database is not empty: make another one, or drop its tables by hand";
        return Err(Failure::environment(text));
    }
    postgres::restore(configuration.database.expose_secret(), backup).await?;
    Ok(schema)
}
