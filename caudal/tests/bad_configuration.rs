//! Bad input of every kind: one line that names what is wrong and says the cure, and an exit code: 2 for what is
//! written wrong, 3 for what the machine lacks. Nothing is begun before.

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::Value;
use support::business::{as_nobody, give_to_nobody};
use support::{MASTER_KEY, Place};

/// A configuration that would serve.
const SOUND: &str = "[hub]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"sqlite:caudal.db\"\n\
    [keys]\nmaster_key_file = \"master.key\"\n[merchants.shop]\nname = \"Shop\"\n\
    [accounts.main]\nmerchant = \"shop\"\nprovider = \"avalpay\"\nenvironment = \"test\"\n\
    base_url = \"https://provider.example\"\n\
    [accounts.main.settings]\nlogin = \"site\"\nsecret_key_file = \"secret.key\"\n";

/// A place with a sound configuration of which one text is replaced by another.
fn place(old: &str, new: &str) -> Place {
    assert!(SOUND.contains(old), "{old}");
    let place = Place::with(&SOUND.replace(old, new));
    place.write("master.key", MASTER_KEY, 0o600);
    place.write("secret.key", "Clave-Sandbox-00x", 0o600);
    place
}

/// Serves with one text of the sound configuration replaced, and sees it refused before anything is begun.
fn refused(old: &str, new: &str, code: i32, words: &[&str]) {
    let place = place(old, new);
    for command in ["serve", "work", "migrate", "doctor", "rotate-keys"] {
        place.run(&[command]).fails_with(code, words);
    }
    assert!(!place.path("caudal.db").exists(), "nothing was begun");
}

#[test]
fn what_these_tests_break_is_sound() {
    let place = place("", "");
    place.run(&["migrate"]).succeeds();
    place.run(&["doctor"]).succeeds();
}

#[test]
fn keys_that_are_not_known_are_named_wherever_they_stand() {
    refused("[hub]\n", "[hud]\n", 2, &["line 1", "`hud`", "expected one of", "hub"]);
    refused("[hub]\n", "[hub]\nlisen = \"x\"\n", 2, &["line 2", "`lisen`", "listen"]);
    refused("[keys]\n", "[keys]\nmaster = \"x\"\n", 2, &["line 6", "`master`", "master_key_file"]);
    refused("login =", "logging =", 2, &["accounts.main.settings.logging", "expected one of login"]);
    let limits = "[accounts.main.limits]\ncalls = 3\n[accounts.main.settings]\n";
    refused("[accounts.main.settings]\n", limits, 2, &["`calls`", "calls_at_once"]);
}

#[test]
fn what_is_no_configuration_is_told() {
    refused("[hub]", "[hub", 2, &["caudal.toml: line 1", "expected"]);
    refused("\"127.0.0.1:0\"", "4040", 2, &["line 2", "expected a string"]);
    let unreadable = place("", "");
    std::fs::write(unreadable.path("caudal.toml"), [0x5b, 0xff, 0x5d]).expect("written");
    unreadable.run(&["serve"]).fails_with(2, &["caudal.toml: cannot be read", "UTF-8"]);
    std::fs::write(unreadable.path("caudal.toml"), vec![b'#'; 1024 * 1024 + 1]).expect("written");
    unreadable.run(&["serve"]).fails_with(2, &["caudal.toml", "1048577 bytes are no configuration"]);
    std::fs::create_dir(unreadable.path("folder")).expect("a folder");
    unreadable.run(&["serve", "--config", "folder"]).fails_with(2, &["folder: cannot be read"]);
}

#[test]
fn combinations_that_are_not_safe_are_refused() {
    let hash = "8b3e6e3a2e0041c6ab31bc2be300804298754bfc04b690e700b33a515487e658";
    let keys = format!(
        "[merchants.shop]\nname = \"Shop\"\n[[merchants.shop.api_keys]]\nname = \"web\"\nsha256 = \"{hash}\"\n\
         [merchants.other]\nname = \"Other\"\n[[merchants.other.api_keys]]\nname = \"web\"\nsha256 = \"{hash}\"\n"
    );
    let cure = "--new-api-key";
    refused(
        "[merchants.shop]\nname = \"Shop\"\n",
        &keys,
        2,
        &["merchants.shop.api_keys", "merchants.other", cure],
    );
    let given = format!("master_key = \"{MASTER_KEY}\"\nmaster_key_file");
    refused("master_key_file", &given, 2, &["keys.master_key", "give one of"]);
    let real = "environment = \"production\"\nbase_url";
    let words = ["accounts.main.environment", "hub.environment", "set that"];
    refused("environment = \"test\"\nbase_url", real, 2, &words);
    refused(
        "merchant = \"shop\"",
        "merchant = \"nobody\"",
        2,
        &["accounts.main.merchant", "no [merchants.nobody]"],
    );
}

#[test]
fn production_refuses_what_is_only_good_for_tests() {
    let production = "[hub]\nenvironment = \"production\"\npublic_url = \"https://pay.example\"\n";
    let with = |more: &str| format!("{more}{production}");
    refused(
        "[hub]\n",
        &with("[clock]\nfollow = \"http://127.0.0.1:1\"\n"),
        2,
        &["clock.follow", "take it out"],
    );
    let private = with("[events]\nallow_private_targets = true\n");
    refused("[hub]\n", &private, 2, &["events.allow_private_targets", "take it out"]);
    let plain = production.replace("https", "http");
    refused("[hub]\n", &plain, 2, &["hub.public_url", "use https"]);
    let place = place("[hub]\n", production);
    let run = |old: &str, new: &str| {
        place.write("caudal.toml", &SOUND.replace("[hub]\n", production).replace(old, new), 0o600);
        place.run(&["serve"])
    };
    run("https://provider", "http://provider").fails_with(2, &["accounts.main.base_url", "use https"]);
    let typed = "0123456789abcdef".repeat(4);
    let inline = format!("master_key = \"{typed}\"");
    let file = "master_key_file = \"master.key\"";
    run(file, &inline).fails_with(2, &["keys.master_key", "use keys.master_key_file"]);
    let secret = "secret_key = \"Clave-Sandbox-00x\"";
    let words = ["accounts.main.settings.secret_key", "use accounts.main.settings.secret_key_file"];
    run("secret_key_file = \"secret.key\"", secret).fails_with(2, &words);
    let password = "url = \"postgres://u:hunter-two@localhost/d\"";
    let told = run("url = \"sqlite:caudal.db\"", password);
    told.fails_with(2, &["database.url", "use database.url_file"]);
    assert!(!told.errors.contains("hunter-two"));
    run("[merchants.shop]\nname = \"Shop\"\n", "").fails_with(2, &["merchants", "at least one"]);
    place.write("master.key", &typed, 0o600);
    run("", "").fails_with(2, &["keys.master_key", "not random", "--new-master-key"]);
}

#[test]
fn a_secret_file_that_others_may_read_is_refused_whichever_it_is() {
    let place = place("url = \"sqlite:caudal.db\"\n", "url_file = \"url\"\n");
    place.write("url", "sqlite:caudal.db", 0o600);
    let files = [
        ("master.key", "keys.master_key_file", MASTER_KEY),
        ("secret.key", "accounts.main.settings.secret_key_file", "Clave-Sandbox-00x"),
        ("url", "database.url_file", "sqlite:caudal.db"),
    ];
    for (name, key, text) in files {
        for mode in [0o640, 0o604, 0o644, 0o660] {
            place.write(name, text, mode);
            let cure = format!("chmod 600 ./{name}");
            for command in ["serve", "migrate", "doctor"] {
                place.run(&[command]).fails_with(3, &[key, "others may read", &cure]);
            }
        }
        place.write(name, text, 0o400);
    }
    assert!(!place.path("caudal.db").exists(), "nothing was begun");
    place.run(&["migrate"]).succeeds();
}

#[test]
fn a_secret_that_is_not_there_is_told_by_file_or_variable() {
    let gone = place("", "");
    std::fs::remove_file(gone.path("secret.key")).expect("removed");
    let key = "accounts.main.settings.secret_key_file";
    gone.run(&["serve"]).fails_with(3, &[key, "secret.key", "make it, readable by this user"]);
    gone.write("secret.key", "\n \n", 0o600);
    gone.run(&["serve"]).fails_with(2, &["accounts.main.settings.secret_key", "empty"]);
    gone.write("secret.key", &"x".repeat(64 * 1024 + 1), 0o600);
    gone.run(&["serve"]).fails_with(3, &["secret.key", "65537 bytes are no secret"]);
    let variable = "secret_key_env = \"NOT_SET_ANYWHERE\"";
    refused("secret_key_file = \"secret.key\"", variable, 3, &["NOT_SET_ANYWHERE", "is not set", "set it"]);
    refused("secret_key_file = \"secret.key\"", "", 2, &["accounts.main.settings.secret_key", "missing"]);
}

#[test]
fn a_secret_of_somebody_else_is_told_with_its_cure() {
    if !support::business::is_root() {
        return;
    }
    let place = place("", "");
    give_to_nobody(&place.path(""), 0o700);
    give_to_nobody(&place.path("caudal.toml"), 0o600);
    give_to_nobody(&place.path("master.key"), 0o600);
    let key = "accounts.main.settings.secret_key_file";
    as_nobody(&place, &["serve"]).fails_with(3, &[key, "Permission denied", "readable by this user"]);
    give_to_nobody(&place.path("secret.key"), 0o600);
    as_nobody(&place, &["migrate"]).succeeds();
}

#[test]
fn a_database_file_that_is_none_or_cannot_be_written_is_told() {
    let broken = place("", "");
    broken.write("caudal.db", &"no database at all, but long enough to be looked at ".repeat(20), 0o600);
    broken
        .run(&["serve"])
        .fails_with(3, &["the database cannot be used", "not a database", "check database.url"]);
    let place = place("", "");
    place.run(&["migrate"]).succeeds();
    give_to_nobody(&place.path(""), 0o700);
    for name in ["caudal.toml", "master.key", "secret.key"] {
        give_to_nobody(&place.path(name), 0o600);
    }
    give_to_nobody(&place.path("caudal.db"), 0o400);
    as_nobody(&place, &["serve"]).fails_with(3, &["the database cannot be used", "read", "permissions"]);
}

#[test]
fn an_address_that_cannot_be_listened_at_is_told() {
    let elsewhere = "listen = \"203.0.113.9:4040\"";
    let place = place("listen = \"127.0.0.1:0\"", elsewhere);
    place.run(&["serve"]).fails_with(3, &["203.0.113.9:4040", "hub"]);
    refused("\"127.0.0.1:0\"", "\"localhost\"", 2, &["hub.listen", "127.0.0.1:4040"]);
}

#[test]
fn the_doctor_compares_the_providers_clock_with_ours() {
    let provider = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/", provider.local_addr().expect("an address"));
    let dates = ["Sat, 14 Mar 2020 15:00:00 GMT", "Sat, 14 Mar 2099 15:00:00 GMT"];
    let answering = std::thread::spawn(move || {
        for date in dates {
            let (mut stream, _) = provider.accept().expect("a caller");
            let mut head = [0; 1024];
            assert!(stream.read(&mut head).expect("a request") > 0);
            write!(stream, "HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n")
                .expect("written");
        }
    });
    let place = place("https://provider.example", &address);
    for (word, cure) in [("behind ours", "NTP"), ("ahead of ours", "NTP"), ("does not answer", "base_url")] {
        let report: Value = serde_json::from_str(place.run(&["doctor", "--json"]).succeeds()).expect("JSON");
        let checks = report["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["name"] == "provider").expect("the provider's check");
        assert_eq!(check["result"], "warning");
        assert!(
            check["found"].to_string().contains(word) && check["cure"].to_string().contains(cure),
            "{check}"
        );
    }
    answering.join().expect("nobody panics");
}
