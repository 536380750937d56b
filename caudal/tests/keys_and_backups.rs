//! Master keys, core dumps, backups: what an operator does, with the program as a process.

mod support;

use std::process::Command;

use serde_json::Value;
use support::business::{Business, as_nobody, give_to_nobody, id_of, is_root};
use support::{MASTER_KEY, Place, Running};
use testing::{DatabaseKind, TestDatabase};

/// The key that comes after [`MASTER_KEY`], as plainly invented.
const NEXT_MASTER_KEY: &str = "1b9c5d7e3f2a4b6c8d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f70819293a4b5c6d";
/// Payments made before a backup begins.
const SETTLED: usize = 12;

fn report(text: &str) -> Value {
    serde_json::from_str(text).expect("a line of JSON")
}

testing::both_databases! {
    async fn a_backup_made_under_load_restores_every_payment_made_before_it(database: TestDatabase) {
        let business = Business::with(&database.url).await;
        let serving = business.serve(None).await;
        let mut settled = Vec::new();
        for number in 0..SETTLED {
            settled.push(business.create(&format!("ANTES-{number}")).await);
        }
        let backup = async {
            let mut command = business.place.command(&["backup", "copy.caudal", "--json"]);
            let run = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
            run.await.expect("it ends")
        };
        let load = async {
            for number in 0..SETTLED {
                business.create(&format!("MIENTRAS-{number}")).await;
            }
        };
        let (made, ()) = tokio::join!(backup, load);
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(made.status.success(), "{said}");
        let told = report(&String::from_utf8_lossy(&made.stdout));
        assert_eq!(told["schema"], 1, "{told}");
        let mode = std::fs::metadata(business.place.path("copy.caudal")).expect("the backup");
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
        business.place.run(&["backup", "copy.caudal"]).fails_with(3, &["copy.caudal", "move it away"]);
        let mut before = Vec::new();
        for payment in &settled {
            before.push(business.payment(id_of(payment)).await);
        }
        assert_eq!(tokio::task::block_in_place(|| serving.terminate()).code, Some(0));

        let fresh = TestDatabase::fresh(database.kind).await.expect("another database");
        let restore = || business.place.run_with("CAUDAL_DATABASE__URL", &fresh.url, &["restore", "copy.caudal", "--json"]);
        let restored = tokio::task::block_in_place(restore);
        assert_eq!(report(restored.succeeds())["schema"], 1);
        let cure = match database.kind {
            DatabaseKind::Sqlite => "move it away",
            DatabaseKind::Postgres => "make another one",
        };
        tokio::task::block_in_place(restore).fails_with(3, &[cure]);

        let serving = business.serve(Some(&fresh.url)).await;
        for payment in &before {
            assert_eq!(business.payment(id_of(payment)).await, *payment);
        }
        let again = business.create("ANTES-0").await;
        assert_eq!(id_of(&again), id_of(&settled[0]), "the keys of requests came along, and open");
        assert_eq!(tokio::task::block_in_place(|| serving.terminate()).code, Some(0));
        assert!(!said.contains(MASTER_KEY));
    }

    async fn keys_are_changed_by_command_while_the_hub_serves(database: TestDatabase) {
        let business = Business::with(&database.url).await;
        let place = &business.place;
        let serving = business.serve(None).await;
        let first = business.create("UNO").await;
        let cancelled = business.cancel(&first).await;
        assert_eq!(tokio::task::block_in_place(|| serving.terminate()).code, Some(0));

        place.write("master.key", &format!("{NEXT_MASTER_KEY}\n{MASTER_KEY}\n"), 0o600);
        let serving = business.serve(None).await;
        let (doctor, rotated) = tokio::task::block_in_place(|| {
            (place.run(&["doctor", "--json"]), place.run(&["rotate-keys", "--json"]))
        });
        let looked = report(doctor.succeeds());
        let checks = looked["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["name"] == "master key").expect("the check of keys");
        assert!(check["result"] == "warning" && check["cure"].to_string().contains("rotate-keys"), "{check}");
        let told = report(rotated.succeeds());
        assert!(told["rewrapped"].as_u64() >= Some(1) && told["older"] == 0 && told["unknown"] == 0, "{told}");
        assert_eq!(id_of(&business.create("UNO").await), id_of(&first), "the answer is given again");
        assert_eq!(business.cancel(&first).await, cancelled, "and what was sealed opens");
        assert_eq!(tokio::task::block_in_place(|| serving.terminate()).code, Some(0));

        // The old key can go; without the new one nothing opens, and that is told.
        place.write("master.key", NEXT_MASTER_KEY, 0o600);
        tokio::task::block_in_place(|| place.run(&["doctor"])).succeeds();
        place.write("master.key", MASTER_KEY, 0o600);
        let lost = tokio::task::block_in_place(|| place.run(&["rotate-keys"]));
        lost.fails_with(1, &["open with no key that is given"]);
    }
}

testing::both_databases! {
    async fn a_database_or_backup_from_a_newer_program_is_refused(database: TestDatabase) {
        let place = Place::sound("");
        let run = |url: &str, arguments: &[&str]| {
            tokio::task::block_in_place(|| place.run_with("CAUDAL_DATABASE__URL", url, arguments))
        };
        run(&database.url, &["migrate"]).succeeds();
        let [no_copy, copy] = ["no-copy", "copy"];
        run(&database.url, &["backup", copy]).succeeds();
        database.pretend_schema(99).await.expect("changed");
        run(&database.url, &["migrate"]).fails_with(3, &["schema", "a newer one"]);
        run(&database.url, &["serve"]).fails_with(3, &["schema", "a newer one"]);
        run(&database.url, &["doctor"]).fails_with(1, &["cured"]);
        run(&database.url, &["backup", no_copy]).fails_with(3, &["schema 99", "newer one"]);
        assert!(!place.path(no_copy).exists());

        // A backup from such a program is refused too, before anything is written.
        let made = match database.kind {
            DatabaseKind::Sqlite => {
                let newer = TestDatabase::fresh(database.kind).await.expect("a database");
                place.run_with("CAUDAL_DATABASE__URL", &newer.url, &["migrate"]).succeeds();
                newer.pretend_schema(99).await.expect("changed");
                newer.execute(&format!("VACUUM INTO '{}'", place.path("newer").display())).await.is_ok()
            }
            DatabaseKind::Postgres => {
                let mut dump = Command::new("pg_dump");
                dump.args(["--format=custom", "--dbname", &database.url, "--file"]).arg(place.path("newer"));
                dump.status().expect("pg_dump runs").success()
            }
        };
        assert!(made, "there is a backup");
        let fresh = TestDatabase::fresh(database.kind).await.expect("another database");
        run(&fresh.url, &["restore", "newer"]).fails_with(3, &["schema 99", "newer one"]);
        run(&fresh.url, &["restore", copy]).succeeds();
    }
}

#[test]
fn a_backup_that_is_none_or_of_another_kind_is_refused() {
    let place = Place::sound("");
    place.run(&["backup", "copy"]).fails_with(3, &["caudal.db", "no database to back up"]);
    place.run(&["restore", "nowhere"]).fails_with(3, &["nowhere", "cannot be read"]);
    place.write("text", "not a backup at all, but long enough", 0o600);
    place.run(&["restore", "text"]).fails_with(3, &["text is no backup"]);
    place.write("empty", "SQLite format 3\0 and then nothing of the kind", 0o600);
    place.run(&["restore", "empty"]).fails_with(3, &["database"]);
    place.write("dump", "PGDMP and then nothing of the kind", 0o600);
    place.run(&["restore", "dump"]).fails_with(2, &["PostgreSQL", "database.url"]);
    place.run(&["migrate"]).succeeds();
    place.run(&["backup", "nowhere/copy"]).fails_with(3, &["nowhere", "takes no file"]);
    place.run(&["backup", "copy"]).succeeds();
    let url = "postgres://u@127.0.0.1:1/d";
    place
        .run_with("CAUDAL_DATABASE__URL", url, &["restore", "copy"])
        .fails_with(2, &["SQLite", "database.url"]);
    place.run(&["restore", "copy"]).fails_with(3, &["caudal.db", "move it away"]);
    std::fs::rename(place.path("caudal.db"), place.path("away.db")).expect("moved");
    place.write("caudal.db-wal", "left over", 0o600);
    place.run(&["restore", "copy"]).fails_with(3, &["caudal.db-wal", "move it away"]);
    std::fs::remove_file(place.path("caudal.db-wal")).expect("removed");
    place.run(&["restore", "copy"]).succeeds();
    assert_eq!(report(place.run(&["migrate", "--json"]).succeeds())["schema_before"], 1);
    let left = std::fs::read_dir(place.path("")).expect("the directory");
    let left = left.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    assert_eq!(left.filter(|name| name.starts_with(".caudal-part")).count(), 0, "no part is left behind");
}

#[test]
fn without_the_programs_of_postgres_a_backup_says_what_to_install() {
    let place = Place::sound("");
    place.write("dump", "PGDMP", 0o600);
    let mut command = place.command(&["restore", "dump"]);
    let command = command.env("PATH", "/nowhere").env("CAUDAL_DATABASE__URL", "postgres://u@127.0.0.1:1/d");
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("pg_restore cannot be run") && said.contains("install PostgreSQL"), "{said}");
}

#[test]
fn a_master_key_that_others_may_read_is_refused() {
    let place = Place::sound("");
    for mode in [0o640, 0o604, 0o620, 0o644] {
        place.write("master.key", MASTER_KEY, mode);
        for command in ["serve", "work", "migrate", "rotate-keys", "doctor"] {
            place.run(&[command]).fails_with(3, &["keys.master_key_file", "chmod 600"]);
        }
    }
    assert!(!place.path("caudal.db").exists(), "nothing was begun");
    place.write("master.key", MASTER_KEY, 0o400);
    place.run(&["migrate"]).succeeds();
    place.write("master.key", &format!("{MASTER_KEY}\n{MASTER_KEY}\n"), 0o600);
    place.run(&["migrate"]).fails_with(2, &["keys.master_key", "twice"]);
}

#[test]
fn a_process_that_holds_keys_leaves_no_core_dump() {
    let place = Place::with("");
    let mut running = Running::start(place.command(&["sandbox", "--port", "0", "--json"]));
    running.line();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.child.id())).expect("its limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("the limit");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    // Marked as not to be dumped, so its memory belongs to root alone, whoever runs it.
    use std::os::unix::fs::MetadataExt;
    let owner = std::fs::metadata(format!("/proc/{}/environ", running.child.id())).expect("its environment");
    assert_eq!(owner.uid(), 0);
    assert_eq!(running.terminate().code, Some(0));
}

/// Root ignores permission bits, so these run as somebody else where the tests run as root.
#[test]
fn a_key_of_somebody_else_and_a_read_only_directory_are_told_with_their_cure() {
    let place = Place::sound("");
    let directory = place.path("");
    let run = |arguments: &[&str]| as_nobody(&place, arguments);
    give_to_nobody(&directory, 0o755);
    // Still root's, and nobody may read it.
    let unreadable = run(&["migrate"]);
    if is_root() {
        unreadable.fails_with(3, &["keys.master_key_file", "cannot be read", "readable by this user"]);
    }
    give_to_nobody(&place.path("master.key"), 0o600);
    give_to_nobody(&directory, 0o555);
    run(&["migrate"]).fails_with(3, &["database", "permissions"]);
    give_to_nobody(&directory, 0o755);
    run(&["migrate"]).succeeds();
    give_to_nobody(&directory, 0o555);
    run(&["backup", "copy"]).fails_with(3, &["takes no file", "writable by this user"]);
    give_to_nobody(&directory, 0o755);
    run(&["backup", "copy"]).succeeds();
}
