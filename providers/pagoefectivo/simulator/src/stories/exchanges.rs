//! Every file of `exchanges/` is played: the same request under the same circumstances gets the same answer.
//!
//! `given:` lines say what came before: `cip` (the one of 11-create), `paid` at 16:04:37Z, `removed` at 15:00:00Z,
//! `setting NAME=VALUE`, `failure OPERATION`, `notice VARIANT`. `{token}` stands for a valid token.

use std::path::Path;

use serde_json::json;
use simulation::strict_json;

use super::{Bench, at};

const CIP: u64 = 30_418_826;
const CREATED_AT: &str = "2026-03-02T14:31:12Z";
const REMOVED_AT: &str = "2026-03-02T15:00:00Z";
const PAID_AT: &str = "2026-03-02T16:04:37Z";

/// A file, taken apart.
struct Recorded {
    name: String,
    now: String,
    given: Vec<String>,
    sections: Vec<(String, String)>,
}

#[test]
fn every_recorded_exchange_is_answered_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exchanges");
    let mut requests = 0;
    let mut notices = 0;
    for file in std::fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        if path.extension().is_none_or(|ending| ending != "http") {
            continue;
        }
        let recorded = take_apart(&path);
        match recorded.section("request") {
            Some((_, request)) => {
                requests += 1;
                play_request(&recorded, request);
            }
            None => {
                notices += 1;
                play_notice(&recorded);
            }
        }
    }
    assert!(requests >= 25 && notices >= 10, "{requests} requests and {notices} notices were read");
}

fn play_request(recorded: &Recorded, request: &str) {
    let name = &recorded.name;
    let mut bench = set_up(recorded);
    bench.advance_to(at(&recorded.now));
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let mut lines = head.lines();
    let (method, url) = lines.next().and_then(|line| line.split_once(' ')).expect("a request line");
    let path = url.strip_prefix("https://pre1a.services.pagoefectivo.pe").expect("the API's host");
    let token = if head.contains("{token}") { bench.token() } else { String::new() };
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.replace("{token}", &token)))
        .collect();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = bench.request(method, path, &headers, body.trim().as_bytes());
    // What is made now gets the recorded token, number and page.
    bench.world.chosen = [guid("6f0c2c52-8a77-4d7e-9a54-1f4f6d0b7c11")].into();
    if path == "/v1/cips" {
        bench.world.chosen = [number(CIP, 8), guid("6B1D0F3E-2A94-4C7B-9E58-D3F0A1C47B62")].into();
    }
    let reply = bench.handle(&request);
    let (status, answer) = recorded.section("answer").expect("an answer");
    assert_eq!(reply.status.to_string(), status, "{name}");
    let written = String::from_utf8(reply.body).expect("UTF-8");
    if answer.trim().is_empty() {
        assert_eq!(written, "", "{name}");
    } else {
        let expected = strict_json::parse(answer.trim().as_bytes()).expect(name).to_text();
        assert_eq!(written, expected, "{name}");
    }
}

fn play_notice(recorded: &Recorded) {
    let name = &recorded.name;
    let bench = set_up(recorded);
    let (_, notice) = recorded.section("notice").expect("a notice");
    let (head, body) = notice.split_once("\n\n").expect("headers and a body");
    let sent = bench.world.notices.last().expect(name);
    let headers: Vec<String> = sent.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(headers, head.lines().collect::<Vec<_>>(), "{name}");
    assert_eq!(String::from_utf8_lossy(&sent.body), body.trim_end(), "{name}");
}

fn set_up(recorded: &Recorded) -> Bench {
    let mut bench = Bench::new();
    for given in &recorded.given {
        let (word, rest) = given.split_once(' ').unwrap_or((given, ""));
        match word {
            "cip" => {
                bench.advance_to(at(CREATED_AT));
                let token = bench.token();
                bench.world.chosen = [number(CIP, 8), guid("6B1D0F3E-2A94-4C7B-9E58-D3F0A1C47B62")].into();
                let body = super::order("{}");
                let reply = bench.call_with(&token, "POST", "/v1/cips", &body);
                assert_eq!(reply.status, 201);
            }
            "paid" => {
                bench.advance_to(at(PAID_AT));
                bench.world.chosen = [number(7_781_204, 7)].into();
                bench.pay(CIP);
            }
            "removed" => {
                bench.advance_to(at(REMOVED_AT));
                let (status, _) = bench.call("DELETE", &format!("/v1/cips/{CIP}"), "");
                assert_eq!(status, 200);
            }
            "setting" => {
                let (setting, value) = rest.split_once('=').expect("NAME=VALUE");
                bench.set(setting, value);
            }
            "failure" => {
                bench
                    .steer("fail_next", json!({ "account": super::ACCOUNT, "operation": rest }))
                    .expect("planned");
            }
            "notice" => {
                bench.steer("notify", json!({ "cip": CIP, "variant": rest })).expect("sent");
            }
            other => panic!("{}: `{other}` is not known", recorded.name),
        }
    }
    bench
}

impl Recorded {
    /// The rest of a section's first line, and its lines.
    fn section(&self, name: &str) -> Option<(&str, &str)> {
        let found = self.sections.iter().find(|(head, _)| head.split(' ').next() == Some(name));
        found.map(|(head, text)| (head.strip_prefix(name).unwrap_or_default().trim(), text.as_str()))
    }
}

fn take_apart(path: &Path) -> Recorded {
    let text = std::fs::read_to_string(path).expect("a text");
    let mut parts = text.split("\n--- ");
    let head = parts.next().unwrap_or_default();
    let values = |key: &str| -> Vec<String> {
        let prefix = format!("{key}: ");
        head.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
    };
    let sections = parts.map(|part| {
        let (head, text) = part.split_once('\n').unwrap_or((part, ""));
        (head.to_owned(), text.to_owned())
    });
    Recorded {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        now: values("now").concat(),
        given: values("given"),
        sections: sections.collect(),
    }
}

/// The chance that makes a number of so many digits.
fn number(wanted: u64, digits: u32) -> [u8; 16] {
    u128::from(wanted - 10_u64.pow(digits - 1)).to_be_bytes()
}

/// The chance that makes a GUID.
fn guid(text: &str) -> [u8; 16] {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).expect("hexadecimal").to_be_bytes()
}
