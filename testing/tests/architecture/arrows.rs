//! Which crate may know which: arrows point down only.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::sources::{self, assert_none};

/// What the crates of a folder may depend on, apart from their tests. `*` stands for any crate of ours but
/// the ones for tests.
fn arrows(folder: &str) -> Option<&'static [&'static str]> {
    match folder.split('/').collect::<Vec<_>>()[..] {
        ["payment" | "simulation" | "shop" | "browser"] => Some(&[]),
        ["providers", _, "client"] | ["hub"] => Some(&["payment"]),
        ["providers", _, "simulator"] | ["sandbox"] => Some(&["simulation"]),
        ["certifier" | "testing"] => Some(&["browser"]),
        ["caudal" | "bench" | "histories"] => Some(&["*"]),
        _ => None,
    }
}

/// Crates that only tests, the certifier and the measurements may use.
const FOR_TESTS: [&str; 4] = ["testing", "browser", "bench", "histories"];

/// Crates of others that do I/O, own a clock or own chance: not for code that is pure by promise.
const IMPURE: [&str; 12] = [
    "tokio",
    "tokio-util",
    "axum",
    "hyper",
    "hyper-util",
    "reqwest",
    "sqlx",
    "rand",
    "getrandom",
    "tempfile",
    "tracing",
    "config",
];

/// Crates that may not be compiled into anything: one library for TLS, one for cryptography, one for time.
const BANNED: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "ring", "chrono"];

#[test]
fn dependencies_point_down_only() {
    let members = members();
    let mut findings = Vec::new();
    for member in members.values() {
        let Some(allowed) = arrows(&member.folder) else {
            findings
                .push(format!("{} is a new folder: say in this test what it may depend on", member.folder));
            continue;
        };
        for dependency in member.dependencies.iter().filter_map(|name| members.get(name)) {
            let any = allowed == ["*"] && !FOR_TESTS.contains(&dependency.folder.as_str());
            if !any && !allowed.contains(&dependency.folder.as_str()) {
                findings.push(format!("{} depends on {}", member.folder, dependency.folder));
            }
        }
    }
    assert_none(&findings, "only the arrows of ARCHITECTURE.md are allowed:");
}

#[test]
fn the_vocabulary_and_the_clients_do_no_input_or_output() {
    let mut findings = Vec::new();
    for member in members().values().filter(|member| is_pure(&member.folder)) {
        for dependency in member.dependencies.iter().filter(|name| IMPURE.contains(&name.as_str())) {
            findings.push(format!("{} depends on {dependency}", member.folder));
        }
    }
    let calls = [
        "std::fs",
        "TcpStream",
        "UdpSocket",
        "ToSocketAddrs",
        "std::process",
        "std::env::",
        "::now(",
        "thread::sleep",
        "RandomState",
    ];
    for source in sources::rust().iter().filter(|source| !source.is_test() && is_pure(&source.path)) {
        for (number, line) in source.product_lines() {
            for call in calls.iter().filter(|call| line.contains(**call)) {
                findings.push(format!("{}:{number} uses {call}", source.path));
            }
        }
    }
    assert_none(
        &findings,
        "payment and the providers' clients take time and chance as input, and do no I/O:",
    );
}

#[test]
fn inside_the_hub_arrows_point_down_too() {
    let above = ["crate::api", "crate::notices", "crate::pages"];
    let mut findings = Vec::new();
    for source in sources::rust().iter().filter(|source| !source.is_test()) {
        let Some(path) = source.path.strip_prefix("hub/src/") else { continue };
        let store = path.starts_with("store/") || path == "store.rs";
        let flow = path.starts_with("flow/") || path == "flow.rs";
        for (number, line) in source.product_lines() {
            let climbs = (store || flow) && above.iter().any(|layer| line.contains(layer));
            if climbs || store && line.contains("crate::flow") {
                findings.push(format!("{}:{number} {}", source.path, line.trim()));
            }
        }
    }
    assert_none(&findings, "api, notices and pages know flow; flow knows store; never the other way:");
}

#[test]
fn the_product_is_built_without_faults() {
    let tree = tree(&["--package", "caudal", "--edges", "no-dev", "--format", "{p} [{f}]"]);
    let hub: Vec<&str> = tree.lines().filter(|line| line.starts_with("hub v")).collect();
    assert!(!hub.is_empty(), "the product has no hub:\n{tree}");
    assert!(hub.iter().all(|line| !line.contains("faults")), "{hub:?}");
}

#[test]
fn one_library_for_tls_and_one_for_cryptography_are_compiled() {
    let tree = tree(&["--workspace", "--edges", "all", "--format", "{p}"]);
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"rustls") && names.contains(&"aws-lc-rs"), "{names:?}");
    let found: Vec<String> =
        BANNED.iter().filter(|name| names.contains(name)).map(ToString::to_string).collect();
    assert_none(&found, "deny.toml bans these:");
}

fn is_pure(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    parts[0] == "payment" || matches!(parts[..], ["providers", _, "client", ..])
}

struct Member {
    folder: String,
    /// The names of what it depends on apart from its tests, ours and others'.
    dependencies: Vec<String>,
}

/// The crates of the workspace by name.
fn members() -> BTreeMap<String, Member> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON from cargo");
    let packages = metadata["packages"].as_array().expect("packages");
    let members: BTreeMap<String, Member> = packages.iter().map(member).collect();
    assert!(members.len() >= 10, "{:?}", members.keys());
    members
}

fn member(package: &Value) -> (String, Member) {
    let manifest = package["manifest_path"].as_str().expect("a manifest");
    let folder = std::path::Path::new(manifest).parent().expect("a folder");
    let folder = folder.strip_prefix(sources::root()).expect("a folder of the workspace");
    let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
    let dependencies = dependencies
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
        .collect();
    let name = package["name"].as_str().expect("a name").to_owned();
    (name, Member { folder: folder.to_str().expect("a name in Unicode").to_owned(), dependencies })
}

fn tree(arguments: &[&str]) -> String {
    cargo(&[&["tree", "--offline", "--prefix", "none"], arguments].concat())
}

fn cargo(arguments: &[&str]) -> String {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let told =
        Command::new(program).args(arguments).current_dir(sources::root()).output().expect("cargo runs");
    assert!(told.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).expect("text from cargo")
}
