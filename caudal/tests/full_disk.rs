//! A disk that is full: the hub says so, loses nothing that it acknowledged, and goes on by itself when there is room.
//!
//! The disks are small ones in memory, which root may mount; the program runs as an account without root's reserves.

mod support;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::business::{Business, as_nobody, command_of_nobody, give_to_nobody, id_of, is_root};
use support::{Ended, Place};
use testing::{DatabaseKind, TestDatabase};

/// Room for the tables and a few hundred payments.
const DISK_KB: u32 = 8 * 1024;
/// How long anything may take on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a request that met the full disk midway claimed is free again after this, in seconds.
const LEASE_S: &str = "1";
/// Payments before the disk is full.
const BEFORE: usize = 5;
/// More payments than the room that is left in files takes.
const UNTIL_FULL: usize = 400;

/// A small disk in memory. It is gone when this value is dropped.
struct Disk {
    path: PathBuf,
}

impl Disk {
    /// Mounts one that everybody may write to. None, with a line on standard error, where that takes more rights.
    ///
    /// # Panics
    /// When it cannot be mounted and nothing may be skipped.
    fn mount(path: PathBuf, kilobytes: u32) -> Option<Disk> {
        std::fs::create_dir(&path).expect("a mount point");
        let options = format!("size={kilobytes}k,mode=0777");
        let mounting =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path).output();
        let mounted = mounting.expect("mount runs");
        if mounted.status.success() {
            return Some(Disk { path });
        }
        let why = String::from_utf8_lossy(&mounted.stderr).into_owned();
        assert!(!testing::nothing_may_be_skipped(), "a small disk is needed, which root may mount: {why}");
        let _ = writeln!(std::io::stderr(), "SKIPPED a full disk: {why}");
        None
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("ballast");
        let zeros = [0; 4096];
        while ballast.write_all(&zeros).is_ok() {}
    }

    /// Gives it back.
    fn empty(&self) {
        std::fs::remove_file(self.ballast()).expect("removed");
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that still holds a file there must not keep it. What fails here leaves a mount behind, and
        // the folder that cannot be removed tells of it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).stderr(Stdio::null()).status();
    }
}

/// A folder that is gone when it is dropped, after the disks in it.
fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::Builder::new().prefix("caudal-disk-").tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    folder
}

/// Puts the tables of a database on the disk; answers the database's address.
async fn on_disk(database: &TestDatabase, disk: &Disk) -> String {
    match database.kind {
        DatabaseKind::Sqlite => format!("sqlite:{}", disk.path.join("caudal.db").display()),
        DatabaseKind::Postgres => {
            let tables = disk.path.join("tables");
            std::fs::create_dir(&tables).expect("a folder");
            if is_root() {
                let given = Command::new("chown").arg("postgres").arg(&tables).status();
                assert!(given.expect("chown runs").success());
            }
            let shown = tables.display();
            database
                .execute(&format!("CREATE TABLESPACE small LOCATION '{shown}'"))
                .await
                .expect("a tablespace");
            let (_, name) = database.url.rsplit_once('/').expect("a name");
            let (name, _) = name.split_once('?').unwrap_or((name, ""));
            let choose = format!("ALTER DATABASE {name} SET default_tablespace = small");
            database.execute(&choose).await.expect("chosen");
            database.url.clone()
        }
    }
}

async fn ready(business: &Business) -> (u16, Value) {
    let answer =
        business.http.get(format!("http://{}/readyz", business.hub)).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Asks for payments until one is refused for want of room; answers the refused reference. What was answered before is
/// added to what was `taken`.
async fn until_refused(business: &Business, taken: &mut Vec<Value>) -> String {
    for number in 0..UNTIL_FULL {
        let reference = format!("LLENO-{number}");
        let answer = business.ask(&reference).await;
        if answer.status() == 201 {
            taken.push(answer.json().await.expect("JSON"));
            continue;
        }
        let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(answer.status(), 503);
        assert_eq!(
            (header("content-type").as_str(), header("retry-after").as_str()),
            ("application/problem+json", "10")
        );
        let problem: Value = answer.json().await.expect("JSON");
        assert_eq!(problem["code"], "database_full", "{problem}");
        return reference;
    }
    panic!("{UNTIL_FULL} payments found room");
}

testing::both_databases! {
    async fn a_full_disk_is_told_loses_nothing_and_heals_by_itself(database: TestDatabase) {
        let folder = folder();
        let Some(disk) = Disk::mount(folder.path().join("disk"), DISK_KB) else { return };
        let url = on_disk(&database, &disk).await;
        let business = Business::with(&url).await;
        business.give_to_nobody();
        let serve = || {
            let mut command = command_of_nobody(&business.place, &["serve"]);
            command.env(hub::crash::LEASE_VARIABLE, LEASE_S);
            command
        };
        let serving = business.start(serve()).await;
        let mut taken = Vec::new();
        for number in 0..BEFORE {
            taken.push(business.create(&format!("ANTES-{number}")).await);
        }

        disk.fill();
        let refused = until_refused(&business, &mut taken).await;
        let (status, told) = ready(&business).await;
        assert_eq!((status, told["database"].as_str()), (503, Some("full")), "{told}");
        // What is there can be read, and what is paid meanwhile is charged at the provider whether we have room or not.
        assert_eq!(business.payment(id_of(&taken[0])).await["id"], taken[0]["id"]);
        let result = business.pay(&taken[0]).await;
        assert_eq!(business.charges().await, 1);
        assert_eq!(business.come_back(&result).await.status(), 503);
        assert_eq!(business.payment(id_of(&taken[0])).await["status"], "requires_action");
        // A hub that is killed now finds everything again.
        drop(serving);

        disk.empty();
        let serving = business.start(serve()).await;
        let late = testing::until(PATIENCE, async || {
            let answer = business.ask(&refused).await;
            if answer.status() == 201 { answer.json::<Value>().await.ok() } else { None }
        })
        .await;
        assert_eq!(late["status"], "requires_action", "{late}");
        for payment in &taken {
            assert_eq!(business.payment(id_of(payment)).await["reference"], payment["reference"]);
        }
        assert!(business.come_back(&result).await.status().is_success());
        assert_eq!(business.payment(id_of(&taken[0])).await["status"], "approved");
        assert_eq!(business.charges().await, 1);
        assert_eq!(tokio::task::block_in_place(|| serving.terminate()).code, Some(0));
    }
}

testing::both_databases! {
    async fn a_backup_that_finds_no_room_says_so_and_leaves_nothing_behind(database: TestDatabase) {
        let place = Place::sound("");
        give_to_nobody(&place.path(""), 0o700);
        give_to_nobody(&place.path("caudal.toml"), 0o600);
        give_to_nobody(&place.path("master.key"), 0o600);
        let Some(disk) = Disk::mount(place.path("disk"), 64) else { return };
        let url = match database.kind {
            DatabaseKind::Sqlite => "sqlite:caudal.db".to_owned(),
            DatabaseKind::Postgres => database.url.clone(),
        };
        let run = |arguments: &[&str]| -> Ended {
            let mut command = command_of_nobody(&place, arguments);
            command.env("CAUDAL_DATABASE__URL", &url);
            Ended::after(command)
        };
        tokio::task::block_in_place(|| run(&["migrate"])).succeeds();
        disk.fill();
        let refused = tokio::task::block_in_place(|| run(&["backup", "disk/copy"]));
        match database.kind {
            DatabaseKind::Sqlite => refused.fails_with(3, &["disk/copy", "make room"]),
            DatabaseKind::Postgres => refused.fails_with(3, &["pg_dump", "No space left", "cure what it names"]),
        }
        let left = std::fs::read_dir(&disk.path).expect("the disk");
        let left: Vec<_> = left.map(|entry| entry.expect("an entry").file_name()).collect();
        assert_eq!(left, ["ballast"], "only what was there before");
        tokio::task::block_in_place(|| run(&["backup", "copy"])).succeeds();
        tokio::task::block_in_place(|| run(&["doctor"])).succeeds();
    }

    async fn a_log_that_finds_no_room_stops_nothing(database: TestDatabase) {
        let business = Business::with(&database.url).await;
        let mut command = business.place.command(&["serve"]);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a disk that is always full");
        command.env("CAUDAL_LOG", "debug");
        let serving = business.start_logging_to(command, full.into()).await;
        let payment = business.create("SIN-REGISTRO").await;
        let result = business.pay(&payment).await;
        assert!(business.come_back(&result).await.status().is_success());
        assert_eq!(business.payment(id_of(&payment)).await["status"], "approved");
        assert_eq!(tokio::task::block_in_place(|| serving.terminate()).code, Some(0));
    }
}

#[test]
fn a_hub_that_starts_on_a_full_disk_says_so() {
    let place = Place::sound("");
    let Some(disk) = Disk::mount(place.path("disk"), 64) else { return };
    give_to_nobody(&place.path(""), 0o700);
    give_to_nobody(&place.path("caudal.toml"), 0o600);
    give_to_nobody(&place.path("master.key"), 0o600);
    place.write(
        "caudal.toml",
        &std::fs::read_to_string(place.path("caudal.toml"))
            .expect("text")
            .replace("sqlite:caudal.db", "sqlite:disk/caudal.db"),
        0o600,
    );
    give_to_nobody(&place.path("caudal.toml"), 0o600);
    disk.fill();
    for command in ["serve", "work", "migrate"] {
        as_nobody(&place, &[command]).fails_with(3, &["no room left", "make room"]);
    }
}
