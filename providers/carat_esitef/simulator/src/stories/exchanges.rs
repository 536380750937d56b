//! Every exchange of the provider's folder, sent to the simulator and compared with its answer.
//!
//! Identifiers that the portal makes are compared by their length, everything else to the letter.

use std::path::Path;

use simulation::form::Form;
use simulation::strict_json::{self, Value};

use super::{Bench, CARD, CHECK_URL, STORAGE_URL, STORED, text_at};

/// Members that the portal makes by chance or by counting.
const MADE: [&str; 12] = [
    "nit",
    "nita",
    "nsua",
    "nsuesitef",
    "esitef_usn",
    "token",
    "hash",
    "authorization_number",
    "sitef_usn",
    "host_usn",
    "recurrency_tid",
    "url",
];
/// Members whose text is the portal's own layout.
const LAYOUT: [&str; 2] = ["customer_receipt", "merchant_receipt"];

#[derive(Default)]
struct Golden {
    given: String,
    request: Vec<String>,
    status: u16,
    answer: String,
    notice: Option<(String, String)>,
}

#[test]
fn every_exchange_is_answered_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exchanges");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = file.path();
        if path.extension().is_none_or(|ending| ending != "http") {
            continue;
        }
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        play(&read(&std::fs::read_to_string(&path).expect("text")), &name);
        seen += 1;
    }
    assert!(seen >= 13, "{seen} exchanges were found");
}

fn play(golden: &Golden, name: &str) {
    let mut bench = Bench::new();
    let replaced = prepare(&mut bench, &golden.given);
    let head = &golden.request[0];
    let (method, url) = head.split_once(' ').expect("a method");
    let path = url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).expect("a path");
    let blank = golden.request.iter().position(String::is_empty).expect("a blank line");
    let body = golden.request[blank + 1..].join("\n");
    let swap = |text: &str| replaced.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    let headers: Vec<(String, String)> = golden.request[1..blank]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), swap(value)))
        .collect();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = bench.request(method, &swap(&path), &headers, swap(&body).as_bytes());
    let reply = bench.handle(&request);
    let text = String::from_utf8(reply.body).expect("UTF-8");
    assert_eq!(reply.status, golden.status, "{name}: {text}");
    match strict_json::parse(golden.answer.as_bytes()) {
        Ok(expected) => compare("", &expected, &strict_json::parse(text.as_bytes()).expect("JSON"), name),
        Err(_) => assert_eq!(text, golden.answer, "{name}"),
    }
    if let Some((kind, expected)) = &golden.notice {
        let url = if kind == "storage" { STORAGE_URL } else { CHECK_URL };
        compare_forms(&swap(expected), &bench, url, name);
    }
}

/// Brings the portal to where the exchange begins; answers which texts of the file stand for which of its own.
fn prepare(bench: &mut Bench, given: &str) -> Vec<(String, String)> {
    let nit = "1234567890abcdef".repeat(4);
    let usn = "260314000000014".to_owned();
    let mut replaced = vec![("lojadeexemplo1".to_owned(), bench.merchant_id.clone())];
    let key = "0123456789ABCDEF".repeat(4);
    if given != "another key" {
        replaced.push((key, bench.merchant_key.clone()));
    }
    match given {
        "" | "another key" => {}
        "a payment by REST" => replaced.push((nit, bench.rest_payment(r#""merchant_usn":"20260001""#))),
        "a paid payment by REST" | "a cancellation" => {
            let own = bench.rest_payment(r#""merchant_usn":"20260001""#);
            let (_, answer) = bench.rest_pay(&own, CARD);
            let own_usn = text_at(&answer, &["payment", "esitef_usn"]);
            if given == "a cancellation" {
                bench.rest("POST", "v1/cancellations", &format!(r#"{{"esitef_usn":"{own_usn}"}}"#));
                let own = bench.last(CHECK_URL).get("nit").to_owned();
                replaced.push(("fedcba0987654321".repeat(4), own));
            }
            replaced.extend([(nit, own), (usn, own_usn)]);
        }
        "a stored card" => {
            let created = bench.created(STORED);
            bench.pay_on_page(&created, &[]);
            let told = bench.last(STORAGE_URL);
            let sample = std::iter::once([0xFB, 0xEF, 0xFF].as_slice());
            let rest: Vec<u8> =
                (0..61_u32).map(|place| u8::try_from(place * 37 % 256).expect("a byte")).collect();
            let sample: Vec<u8> = sample.flatten().copied().chain(rest).collect();
            let sample = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, sample);
            replaced.push((sample, told.get("hash").to_owned()));
            replaced.push((format!("Z{}", "9a8b7c6d5e4f3g2h".repeat(4)), told.get("nita").to_owned()));
        }
        other => panic!("nothing is known of {other:?}"),
    }
    replaced
}

fn compare(member: &str, expected: &Value, answered: &Value, name: &str) {
    match (expected, answered) {
        (Value::Object(expected), Value::Object(answered)) => {
            let names = |members: &[(String, Value)]| -> Vec<String> {
                members.iter().map(|(name, _)| name.clone()).collect()
            };
            assert_eq!(names(answered), names(expected), "{name}");
            for ((member, expected), (_, answered)) in expected.iter().zip(answered) {
                compare(member, expected, answered, name);
            }
        }
        (Value::Text(_), Value::Text(text)) if LAYOUT.contains(&member) => assert!(!text.is_empty()),
        // The page's address depends on where the portal is reached.
        (Value::Text(expected), Value::Text(text)) if member == "url" => {
            let tail = |text: &str| text.split_once("/e-sitef/").map(|(_, tail)| tail.len());
            assert_eq!(tail(text), tail(expected), "{name}: {text}");
        }
        (Value::Text(expected), Value::Text(text)) if MADE.contains(&member) => {
            assert_eq!(text.len(), expected.len(), "{name}: {member} {text}");
        }
        (expected, answered) => assert_eq!(answered, expected, "{name}: {member}"),
    }
}

fn compare_forms(expected: &str, bench: &Bench, url: &str, name: &str) {
    let body = bench.world.notices.iter().rfind(|notice| notice.url == url).expect("a notice").body.clone();
    let names = |text: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(text).into_owned();
        text.split('&').filter_map(|pair| Some(pair.split_once('=')?.0.to_owned())).collect()
    };
    assert_eq!(names(&body), names(expected.as_bytes()), "{name}");
    let (told, wanted) = (Form::read(&body), Form::read(expected.as_bytes()));
    for member in names(&body) {
        if MADE.contains(&member.as_str()) {
            assert_eq!(told.get(&member).len(), wanted.get(&member).len(), "{name}: {member}");
        } else {
            assert_eq!(told.get(&member), wanted.get(&member), "{name}: {member}");
        }
    }
}

fn read(text: &str) -> Golden {
    let mut golden = Golden::default();
    let mut section = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("--- ") {
            section = title.to_owned();
            if let Some(status) = title.strip_prefix("answer ") {
                golden.status = status.parse().expect("a status");
            }
            if let Some(kind) = title.strip_prefix("notice ") {
                golden.notice = Some((kind.to_owned(), String::new()));
            }
        } else if section.is_empty() {
            golden.given = line.strip_prefix("given: ").map_or(golden.given, str::to_owned);
        } else if section == "request" {
            golden.request.push(line.to_owned());
        } else if section.starts_with("answer") {
            golden.answer.push_str(line);
        } else if let Some((_, form)) = &mut golden.notice {
            form.push_str(line);
        }
    }
    golden
}
