//! `caudal demo`: the whole of it on this machine, with orders in every state, or a tour of orders with every provider.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use secrecy::SecretString;
use serde_json::json;

use crate::command_line::DemoOptions;
use crate::failure::Failure;
use crate::screen::Paint;
use crate::stage::{Places, Stage, StageSettings, console_user};
use crate::{configuration, screen, seeds, signals, tour};

/// The SQLite file in the data directory.
const DATABASE_FILE: &str = "demo.db";
/// What `--fresh` forgets; nothing else in the directory is touched.
const FORGOTTEN: [&str; 6] =
    [DATABASE_FILE, "demo.db-wal", "demo.db-shm", "master.key", "api.key", "console.password"];

/// Shows it all until told to stop, or runs the tour.
///
/// # Errors
/// [`Failure`]; the tour fails with findings when the three witnesses disagree.
pub async fn run(options: DemoOptions, started: Instant) -> Result<(), Failure> {
    if let Some(database) = &options.database {
        configuration::database_address("--database", database)?;
    }
    if options.tour { run_tour(&options, started).await } else { run_demo(&options).await }
}

async fn run_demo(options: &DemoOptions) -> Result<(), Failure> {
    let data = match &options.data {
        Some(data) => data.clone(),
        None => usual_data()?,
    };
    make_directory(&data)?;
    if options.fresh {
        forget(&data, options.database.is_some())?;
    }
    let stop = signals::stop_on_signal()?;
    let stage = Stage::start(stage_settings(options, &data)).await?;
    let planted = tokio::select! {
        planted = prepare(&stage.places) => planted,
        () = stop.cancelled() => return stage.stop().await,
    };
    match planted {
        Ok(planted) => tell(&stage, &data, planted, options.json),
        Err(failure) => {
            stage.stop().await?;
            return Err(failure);
        }
    }
    stop.cancelled().await;
    stage.stop().await
}

async fn run_tour(options: &DemoOptions, started: Instant) -> Result<(), Failure> {
    // Removed when it is dropped: all that the tour found stands in its report, unless something was found.
    let made = tempfile::Builder::new().prefix("caudal-tour-").tempdir();
    let made = made.map_err(|error| Failure::environment(format!("no directory for the tour: {error}")))?;
    let data = options.data.clone().unwrap_or_else(|| made.path().to_owned());
    make_directory(&data)?;
    let stop = signals::stop_on_signal()?;
    let stage = Stage::start(stage_settings(options, &data)).await?;
    let outcome = tokio::select! {
        outcome = tour::run(&stage.places, started, options.json) => outcome,
        () = stop.cancelled() => Err(Failure::Findings("the tour was stopped".to_owned())),
    };
    let stopped = stage.stop().await;
    if outcome.is_err() {
        let kept = options.data.clone().unwrap_or_else(|| made.keep());
        if !options.json {
            screen::line(format!("The hub's data stays in {}", kept.display()));
        }
    }
    outcome.and(stopped)
}

fn stage_settings<'a>(options: &DemoOptions, data: &'a Path) -> StageSettings<'a> {
    let usual = || format!("sqlite:{}?mode=rwc", data.join(DATABASE_FILE).display());
    let database = SecretString::from(options.database.clone().unwrap_or_else(usual));
    StageSettings { data, database, first_port: options.port, lightbox: options.lightbox }
}

fn usual_data() -> Result<PathBuf, Failure> {
    let from =
        |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = from("XDG_DATA_HOME").or_else(|| Some(from("HOME")?.join(".local/share")));
    let base =
        base.ok_or_else(|| Failure::environment("there is no home directory: name one with --data"))?;
    Ok(base.join("caudal/demo"))
}

fn make_directory(data: &Path) -> Result<(), Failure> {
    // Its owner's alone: it holds keys, and orders with names in them.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.map_err(|error| {
        Failure::environment(format!("{} cannot be made ({error}): name another with --data", data.display()))
    })
}

fn forget(data: &Path, is_elsewhere: bool) -> Result<(), Failure> {
    if is_elsewhere {
        let text = "--fresh forgets the data directory only: with --database name an empty database instead";
        return Err(Failure::usage(text));
    }
    for name in FORGOTTEN {
        let path = data.join(name);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Failure::environment(format!("{} cannot be removed ({error})", path.display())));
            }
        }
    }
    Ok(())
}

/// Seeds an empty hub, and answers with their number. A hub with a past is brought to its own time: its records may
/// be ahead of a sandbox that has just begun.
async fn prepare(places: &Places) -> Result<usize, Failure> {
    let failed = |error: anyhow::Error| Failure::environment(format!("{error:#}"));
    match places.hub.newest().await.map_err(failed)? {
        None => seeds::plant(places).await.map_err(failed),
        Some(newest) => {
            let now = places.steering.now().await.map_err(failed)?;
            if newest.updated_at > now {
                places.steering.advance_to(newest.updated_at).await.map_err(failed)?;
            }
            Ok(0)
        }
    }
}

fn tell(stage: &Stage, data: &Path, planted: usize, is_json: bool) {
    let places = &stage.places;
    let (user, password) = (console_user(), &stage.console_password);
    if is_json {
        screen::json(&json!({
            "shop": places.shop_url,
            "hub": places.hub_url,
            "console": { "url": console(places), "user": user, "password_file": data.join("console.password") },
            "steering": places.steering_url,
            "data": data,
            "seeds": planted,
        }));
        return;
    }
    let paint = Paint::for_output();
    screen::line("");
    screen::line(format!(
        "  Shop       {}   buy something; every page of the provider lists its test cards",
        paint.bold(places.shop_url.as_str())
    ));
    screen::line(format!("  Console    {}   user {user}, password {password}", paint.bold(&console(places))));
    screen::line(format!(
        "  Sandbox    {}   move the clock, spoil notices, see the provider's ledger",
        paint.bold(places.steering_url.as_str())
    ));
    screen::line(format!(
        "  API        {}openapi.json   the key is in {}",
        places.hub_url,
        data.join("api.key").display()
    ));
    screen::line("");
    screen::line(format!("  Data is kept in {}", data.display()));
    if planted > 0 {
        screen::line(format!("  {planted} payments in different states were made for you to look at."));
    } else {
        screen::line(
            "  Payments of an earlier demo were kept. Those still open belong to a sandbox that has forgotten them;",
        );
        screen::line("  --fresh begins anew.");
    }
    screen::line(paint.faint("  No money moves here: the provider is a simulator. Ctrl-C ends it."));
}

fn console(places: &Places) -> String {
    format!("{}console", places.hub_url)
}
