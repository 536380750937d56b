//! What the command line says when something is wrong, and with which exit code; what it prints when all is well.

mod support;

use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;
use support::{MASTER_KEY, Place, Running};

/// SHA-256 of `sk_only_for_tests`.
const KEY_SHA256: &str = "8b3e6e3a2e0041c6ab31bc2be300804298754bfc04b690e700b33a515487e658";

#[test]
fn a_wrong_flag_or_command_is_told_in_one_line() {
    let place = Place::with("");
    place.run(&["serve", "--prot", "1"]).fails_with(2, &["--prot", "caudal --help"]);
    place.run(&["sevre"]).fails_with(2, &["sevre"]);
    place.run(&[]).fails_with(2, &["a command is missing", "serve"]);
    place.run(&["demo", "--port", "65536"]).fails_with(2, &["65536", "--port"]);
    place.run(&["demo", "--tour", "--fresh"]).fails_with(2, &["--tour", "--fresh"]);
    place.run(&["completions", "cmd"]).fails_with(2, &["cmd"]);
}

#[test]
fn an_unknown_key_is_told_with_file_line_and_key() {
    let place = Place::with("[hub]\nlisen = \"127.0.0.1:1\"\n");
    place.run(&["serve"]).fails_with(2, &["caudal.toml: line 2:", "`lisen`"]);
    place.run(&["sandbox"]).fails_with(2, &["caudal.toml: line 2:", "`lisen`"]);
    place.run(&["doctor"]).fails_with(2, &["caudal.toml: line 2:", "`lisen`"]);
}

#[test]
fn a_variable_for_no_key_is_told_with_its_name() {
    let place = Place::sound("");
    place.run_with("CAUDAL_HUB__LISEN", "x", &["serve"]).fails_with(2, &["CAUDAL_HUB__LISEN", "`lisen`"]);
    place.run_with("CAUDAL_LOG", "=,=", &["migrate"]).fails_with(2, &["CAUDAL_LOG"]);
}

#[test]
fn a_missing_file_is_told_with_its_name() {
    let place = Place::with("");
    place.run(&["serve", "--config", "nowhere.toml"]).fails_with(2, &["nowhere.toml"]);
    place.run(&["serve"]).fails_with(2, &["caudal.toml", "keys.master_key_file", "--new-master-key"]);
}

#[test]
fn an_unreadable_key_file_is_the_machines_lack() {
    let place = Place::sound("");
    std::fs::remove_file(place.path("master.key")).expect("removed");
    place.run(&["serve"]).fails_with(3, &["keys.master_key_file", "master.key"]);
    place.write("master.key", "short", 0o600);
    place.run(&["serve"]).fails_with(2, &["keys.master_key", "64 hex digits"]);
}

#[test]
fn a_wrong_database_is_told_without_its_password() {
    let place = Place::sound("");
    let with = |url: &str| place.run_with("CAUDAL_DATABASE__URL", url, &["migrate"]);
    with("mysql://u:hunter-two@localhost/d").fails_with(2, &["database.url"]);
    with("sqlite:").fails_with(2, &["database.url"]);
    with("sqlite:/nowhere/at/all/caudal.db").fails_with(3, &["database"]);
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let unreachable = with(&format!("postgres://u:hunter-two@{closed}/d"));
    unreachable.fails_with(3, &["database cannot be used", "start it"]);
    assert!(!unreachable.errors.contains("hunter-two"), "{}", unreachable.errors);
    place.run(&["demo", "--database", "mysql://u@h/d"]).fails_with(2, &["--database"]);
}

#[test]
fn a_port_in_use_is_told_with_its_number() {
    let place = Place::sound("");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let port = address.port().to_string();
    let serve = place.run_with("CAUDAL_HUB__LISTEN", &address.to_string(), &["serve"]);
    serve.fails_with(3, &[&port, "hub"]);
    place.run(&["sandbox", "--port", &port]).fails_with(3, &[&port, "steering"]);
    place.run(&["demo", "--data", "here", "--port", &port]).fails_with(3, &[&port, "hub"]);
}

#[test]
fn production_refuses_what_is_only_good_for_tests() {
    let production = "[hub]\nenvironment = \"production\"\npublic_url = \"https://pay.example\"\n";
    let merchant = "[merchants.shop]\nname = \"Shop\"\n";
    let inline = Place::with(&format!("{production}[keys]\nmaster_key = \"{MASTER_KEY}\"\n{merchant}"));
    inline.run(&["serve"]).fails_with(2, &["keys.master_key", "master_key_file"]);
    let followed = format!("{production}[clock]\nfollow = \"http://127.0.0.1:4041\"\n{merchant}");
    Place::with(&followed).run(&["serve"]).fails_with(2, &["clock.follow"]);
    let private = format!("{production}[events]\nallow_private_targets = true\n{merchant}");
    Place::with(&private).run(&["serve"]).fails_with(2, &["events.allow_private_targets"]);
    let plain = production.replace("https://", "http://");
    Place::with(&format!("{plain}{merchant}")).run(&["serve"]).fails_with(2, &["hub.public_url", "https"]);
}

#[test]
fn a_demo_never_empties_a_database_that_it_was_given() {
    let place = Place::with("");
    let run =
        place.run(&["demo", "--fresh", "--port", "0", "--data", "here", "--database", "sqlite:kept.db"]);
    run.fails_with(2, &["--fresh", "--database"]);
}

#[test]
fn the_configuration_in_force_is_printed_without_its_secrets() {
    let place = Place::with(&format!("[keys]\nmaster_key = \"{MASTER_KEY}\"\n"));
    let run = place.run_with("CAUDAL_EVENTS__TIMEOUT_MS", "2500", &["serve", "--print-config"]);
    let printed = run.succeeds();
    assert!(printed.contains("timeout_ms = 2500") && printed.contains("[hidden]"), "{printed}");
    assert!(!printed.contains(MASTER_KEY), "{printed}");
}

#[test]
fn the_default_configuration_is_one_and_is_explained() {
    let place = Place::with("");
    let printed = place.run(&["serve", "--print-default-config"]).succeeds().to_owned();
    assert!(printed.contains("\n[hub]\n") && printed.contains("# A merchant."), "{printed}");
    let copied = Place::with(&printed);
    copied.run_with("CAUDAL_KEYS__MASTER_KEY", MASTER_KEY, &["migrate"]).succeeds();
}

#[test]
fn migrating_twice_changes_nothing_the_second_time() {
    let place = Place::sound("");
    let migrate =
        || -> Value { serde_json::from_str(place.run(&["migrate", "--json"]).succeeds()).expect("JSON") };
    let (first, second) = (migrate(), migrate());
    assert_eq!(first["schema_before"], 0);
    assert!(first["schema_after"].as_i64().is_some_and(|version| version > 0), "{first}");
    assert_eq!(second["schema_before"], first["schema_after"]);
    assert_eq!(second["schema_after"], first["schema_after"]);
}

#[test]
fn the_doctor_finds_a_key_that_others_may_read() {
    let place = Place::sound("");
    let well: Value = serde_json::from_str(place.run(&["doctor", "--json"]).succeeds()).expect("JSON");
    assert_eq!(well["passed"], true, "{well}");
    place.write("master.key", MASTER_KEY, 0o644);
    let ill = place.run(&["doctor", "--json"]);
    ill.fails_with(3, &["keys.master_key_file", "chmod 600"]);
    let report: Value = serde_json::from_str(&ill.output).expect("JSON");
    assert!(report["passed"] == false && report["checks"][0]["result"] == "fail", "{report}");
}

#[test]
fn the_doctor_makes_keys() {
    let place = Place::with("");
    let made: Value =
        serde_json::from_str(place.run(&["doctor", "--new-api-key", "--json"]).succeeds()).expect("JSON");
    assert!(made["key"].as_str().is_some_and(|key| key.starts_with("sk_")), "{made}");
    assert_eq!(made["sha256"].as_str().map(str::len), Some(64), "{made}");
    let key = place.run(&["doctor", "--new-master-key"]).succeeds().trim().to_owned();
    assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
    assert_ne!(place.run(&["doctor", "--new-master-key"]).succeeds().trim(), key);
}

#[test]
fn help_version_and_completions_are_no_errors() {
    let place = Place::with("");
    assert!(place.run(&["--version"]).succeeds().starts_with("caudal 0."));
    assert!(place.run(&["serve", "--help"]).succeeds().contains("--print-default-config"));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(place.run(&["completions", shell]).succeeds().contains("caudal"), "{shell}");
    }
}

#[test]
fn a_hub_that_is_told_to_stop_ends_well_and_has_logged_as_json() {
    let place = Place::sound("");
    let mut command = place.command(&["serve"]);
    // A port that was free a moment ago; the hub says in its log where it listens.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    command.env("CAUDAL_HUB__LISTEN", free.to_string());
    let running = Running::start(command);
    wait_until_it_answers(free);
    let ended = running.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(!ended.errors.contains(MASTER_KEY));
    let lines: Vec<Value> =
        ended.errors.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert!(lines.iter().any(|line| line["message"] == "the hub is open"), "{}", ended.errors);
}

#[test]
fn a_sandbox_says_where_it_is_and_ends_when_told() {
    let place = Place::with("");
    let mut running = Running::start(place.command(&["sandbox", "--port", "0", "--json"]));
    let told: Value = serde_json::from_str(&running.line()).expect("a line of JSON");
    assert!(told["steering"].as_str().is_some_and(|address| address.starts_with("127.0.0.1:")), "{told}");
    assert!(told["providers"].as_array().is_some_and(|providers| !providers.is_empty()), "{told}");
    assert_eq!(running.terminate().code, Some(0));
}

#[test]
fn a_sandbox_behind_tls_writes_the_authority_to_trust() {
    let place = Place::with("");
    let mut running =
        Running::start(place.command(&["sandbox", "--port", "0", "--json", "--tls", "authority.pem"]));
    let told: Value = serde_json::from_str(&running.line()).expect("a line of JSON");
    let origins: Vec<&str> = told["providers"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|provider| provider["origin"].as_str())
        .collect();
    assert!(!origins.is_empty() && origins.iter().all(|origin| origin.starts_with("https://")), "{told}");
    let authority = std::fs::read_to_string(place.path("authority.pem")).expect("a file");
    assert!(authority.starts_with("-----BEGIN CERTIFICATE-----"), "{authority}");
    assert!(!authority.contains("PRIVATE KEY"), "its key is nobody's");
    assert_eq!(running.terminate().code, Some(0));

    let nowhere = ["sandbox", "--port", "0", "--tls", "nowhere/authority.pem"];
    place.run(&nowhere).fails_with(3, &["nowhere/authority.pem", "cannot be written"]);
}

/// A hub whose workers are elsewhere takes everything and delivers nothing; whoever works delivers it.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_without_workers_leaves_its_work_to_others() {
    let inbox = TcpListener::bind("127.0.0.1:0").expect("a port");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let place = Place::sound(&format!(
        "[events]\nallow_private_targets = true\n[merchants.shop]\nname = \"Shop\"\n\
         [[merchants.shop.api_keys]]\nname = \"test\"\nsha256 = \"{KEY_SHA256}\"\n"
    ));
    let mut command = place.command(&["serve", "--without-workers"]);
    command.env("CAUDAL_HUB__LISTEN", free.to_string());
    let _hub = Running::start(command);
    tokio::task::block_in_place(|| wait_until_it_answers(free));
    let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
    let post = async |path: &str, body: Option<Value>| -> Value {
        let url = format!("http://{free}/v1/event_endpoints{path}");
        let request = http.post(url).bearer_auth("sk_only_for_tests").header("Idempotency-Key", "one");
        let request = body.iter().fold(request, |request, body| request.json(body));
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    };
    let url = format!("http://{}/events", inbox.local_addr().expect("an address"));
    let endpoint = post("", Some(serde_json::json!({ "url": url }))).await;
    post(&format!("/{}/test", endpoint["id"].as_str().expect("an id")), None).await;
    let ready = http.get(format!("http://{free}/readyz")).send().await.expect("an answer");
    assert_eq!(ready.status(), 200, "it is ready all the same");

    inbox.set_nonblocking(true).expect("a mode");
    // Longer than workers in this process would need: they are woken, and look twice a second besides.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(inbox.accept().is_err(), "a hub without workers has delivered");
    let _worker = Running::start(place.command(&["work"]));
    testing::until(Duration::from_secs(30), async || inbox.accept().ok()).await;
}

/// Asks the health page by hand: no client is needed for one line.
fn wait_until_it_answers(address: std::net::SocketAddr) {
    use std::io::{Read, Write};
    let ask = || -> std::io::Result<String> {
        let mut stream = std::net::TcpStream::connect(address)?;
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    for _ in 0..200 {
        if ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the hub does not answer at {address}");
}
