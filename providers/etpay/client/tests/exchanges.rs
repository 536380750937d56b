//! Golden exchanges: for each file of `exchanges/client/`, the client makes exactly that request out of that task, and reads in
//! that answer, or in that notice, exactly those facts.
//!
//! A file begins with what it shows and where it is from, then settings one a line, then parts that begin with `--- `.
//! `recorded` names a file one folder up whose answer or notice is read, so that both sides are held to the same bytes.
//! JSON is compared byte for byte after the white space between its members is taken away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etpay_client::EtPay;
use payment::account::Environment;
use payment::notice::{ClaimedAttempt, Keys, RawNotice};
use payment::provider::Moment;
use payment::step::{Answer, Call, Input, Step};
use payment::task::{Authorization, Target};
use payment::{Account, Currency, Entropy, Money, Order, Provider, Task, Timestamp};
use secrecy::ExposeSecret;
use serde_json::json;

#[test]
fn every_exchange_is_made_and_read_as_written() {
    let _story = testing::story("every_exchange_is_made_and_read_as_written");
    let files = files();
    assert!(files.len() >= 30, "{} exchanges found", files.len());
    for file in files {
        let exchange = Exchange::read(&file);
        match exchange.settings.contains_key("task") {
            true => exchange.check_call(),
            false => exchange.check_notice(),
        }
    }
    // The first one: four fields and no fifth, as JSON, of which one is the order's total.
    testing::covers!("ET-05", "ET-10");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../exchanges/client")
}

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the folder of exchanges");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// One file.
struct Exchange {
    name: String,
    settings: BTreeMap<String, String>,
    /// By the first word of their heading; `answer` keeps its status code as the setting `answer_status`.
    parts: BTreeMap<String, String>,
}

impl Exchange {
    /// Reads a file, and what another one recorded.
    fn read(path: &Path) -> Self {
        let mut exchange = Self::read_alone(path);
        if let Some(recorded) = exchange.settings.get("recorded") {
            let recorded = Self::read_alone(&folder().join("..").join(recorded));
            for name in ["answer", "notice"] {
                if let Some(part) = recorded.parts.get(name) {
                    exchange.parts.insert(name.to_owned(), part.clone());
                }
            }
            if let Some(status) = recorded.settings.get("answer_status") {
                exchange.settings.insert("answer_status".to_owned(), status.clone());
            }
        }
        exchange
    }

    fn read_alone(path: &Path) -> Self {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut lines = text.lines().peekable();
        let remarks: Vec<&str> =
            std::iter::from_fn(|| lines.next_if(|line| line.starts_with("# "))).collect();
        assert!(remarks.iter().any(|line| line.starts_with("# Source: ")), "{name} names no source");
        let mut exchange = Self { name, settings: BTreeMap::new(), parts: BTreeMap::new() };
        let mut part: Option<String> = None;
        for line in lines {
            if let Some(heading) = line.strip_prefix("--- ") {
                let (word, rest) = heading.split_once(' ').unwrap_or((heading, ""));
                if !rest.is_empty() {
                    exchange.settings.insert(format!("{word}_status"), rest.to_owned());
                }
                exchange.parts.insert(word.to_owned(), String::new());
                part = Some(word.to_owned());
            } else if let Some(part) = &part {
                let text = exchange.parts.get_mut(part).expect("the part under way");
                text.push_str(line);
                text.push('\n');
            } else if let Some((key, value)) = line.split_once(": ") {
                exchange.settings.insert(key.to_owned(), value.to_owned());
            } else {
                assert!(line.is_empty(), "{}: {line}", exchange.name);
            }
        }
        exchange
    }

    fn setting(&self, name: &str) -> &str {
        self.settings.get(name).unwrap_or_else(|| panic!("{} lacks {name}", self.name))
    }

    fn part(&self, name: &str) -> &str {
        self.parts.get(name).unwrap_or_else(|| panic!("{} lacks the part {name}", self.name))
    }

    fn now(&self) -> Timestamp {
        self.setting("now").parse().expect("the setting now")
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now(), entropy: Entropy::new([0; 32]) }
    }

    fn task(&self) -> Task {
        match self.setting("task") {
            "authorize" => {
                let order: Order = serde_json::from_str(self.part("order")).expect("an order");
                assert_eq!(EtPay.check(&order, &self.account()), [], "{}", self.name);
                Task::Authorize(Box::new(Authorization {
                    reference: self.setting("reference").to_owned(),
                    order,
                    expires_at: self.setting("expires_at").parse().expect("an expiry"),
                    return_url: self.setting("return_url").parse().expect("an address"),
                    card_url: "https://pagos.example/c/andes/att_1".parse().expect("an address"),
                    notice_url: "https://pagos.example/notices/etpay/tienda".parse().expect("an address"),
                    instrument: None,
                }))
            }
            "look up" => Task::LookUp(self.target()),
            other => panic!("{}: no task {other}", self.name),
        }
    }

    fn target(&self) -> Target {
        let (currency, total) = self.setting("total").split_once(' ').expect("currency and amount");
        Target {
            reference: self.setting("reference").to_owned(),
            provider_reference: self.setting("session").to_owned(),
            total: Money::from_text(total, currency.parse().expect("a currency")).expect("an amount"),
            movements: Vec::new(),
            awaited_instrument: None,
        }
    }

    fn check_call(&self) {
        let (task, account) = (self.task(), self.account());
        let call = match EtPay.begin(&task, &account, self.moment()) {
            Step::Call(call) => call,
            other => panic!("{}: {other:?}", self.name),
        };
        if self.parts.contains_key("request") {
            assert_eq!(written(&call), self.expected_request(), "{}", self.name);
        }
        let answer = Answer {
            status: self.setting("answer_status").parse().expect("a status code"),
            content_type: "application/json".to_owned(),
            body: self.part("answer").trim_end().as_bytes().to_vec(),
            received_at: self.now(),
            provider_date: None,
            handed_over: None,
        };
        let step = EtPay.resume(&task, &account, &call.memo, Input::Answer(answer), self.moment());
        self.compare(&match step {
            Step::Learned(learned) => {
                let key = learned.attempt_key.as_ref().map(|key| key.expose_secret().to_owned());
                json!({ "learned": learned.observations, "key": key })
            }
            Step::Refused(refusal) => json!({ "refused": {
                "code": refusal.code, "provider_code": refusal.provider_code, "detail": refusal.detail,
                "advice": refusal.advice,
            }}),
            Step::Unclear { cause } => json!({ "unclear": cause }),
            Step::Call(_) => json!("another call"),
        });
    }

    fn check_notice(&self) {
        let notice = RawNotice {
            method: "POST".to_owned(),
            route: String::new(),
            query: String::new(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: self.part("notice").trim_end().as_bytes().to_vec(),
        };
        let account = self.account();
        let claimed = EtPay.claimed_subject(&notice, &account).expect("a session");
        let target = || Target {
            reference: "ANDES-2026-000417".into(),
            provider_reference: claimed.provider_reference.clone(),
            total: Money::new(24_990, Currency::Clp),
            movements: Vec::new(),
            awaited_instrument: None,
        };
        let key = self.settings.get("key");
        let attempt = key.map(|key| ClaimedAttempt { key: Some(key.clone().into()), target: target() });
        let keys = Keys { account: &account, attempt: attempt.as_ref() };
        let reading = EtPay.read_notice(&notice, keys, self.now());
        assert!(reading.subject.is_none_or(|subject| subject == claimed), "{}", self.name);
        let reply = EtPay.reply_to(reading.verdict);
        self.compare(&json!({
            "verdict": reading.verdict, "reason": reading.reason, "claims": claimed.provider_reference,
            "reference": reading.reference, "observations": reading.observations, "ask": reading.ask,
            "repeat_key": reading.repeat_key, "reply": reply.status,
        }));
    }

    fn compare(&self, outcome: &serde_json::Value) {
        let expected: serde_json::Value = serde_json::from_str(self.part("outcome"))
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let outcome_text = serde_json::to_string_pretty(outcome).expect("JSON");
        assert_eq!(*outcome, expected, "{}:\n{outcome_text}", self.name);
    }

    fn expected_request(&self) -> String {
        let (head, body) = self.part("request").split_once("\n\n").expect("a head and a body");
        format!("{head}\n\n{}", without_white_space(body))
    }

    /// The account of the dossier's examples, with the settings that the file names.
    fn account(&self) -> Account {
        let settings = self.settings.get("settings").map_or("", String::as_str).split_whitespace();
        let settings = settings.map(|setting| {
            let (name, value) = setting.split_once('=').expect("a name and a value");
            (name.to_owned(), value.to_owned())
        });
        let token = "7c1e0f5b2a9d48c6b3e17f60d4a25c98e1b70f3d6c5a4928b7e6d5c4f3a29180".to_owned();
        let credentials = [("merchant_code", "cl_andes_demo"), ("pmt_url", "https://pmt-sandbox.etpay.com/")];
        Account {
            id: "andes".to_owned(),
            merchant: "andes".to_owned(),
            provider: "etpay".to_owned(),
            environment: Environment::Test,
            base_url: "https://api-sandbox.etpay.com".parse().expect("an address"),
            credentials: credentials.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            secrets: [("merchant_api_token".to_owned(), vec![token.into()])].into(),
            settings: settings.collect(),
        }
    }
}

fn written(call: &Call) -> String {
    let request = &call.request;
    let headers: String = request.headers.iter().map(|(name, value)| format!("\n{name}: {value}")).collect();
    let body = std::str::from_utf8(&request.body).expect("UTF-8");
    format!("{} {}{headers}\n\n{body}", request.method, request.url)
}

/// Takes the white space outside of strings away.
fn without_white_space(json: &str) -> String {
    let (mut in_string, mut is_escaped) = (false, false);
    let keep = |letter: &char| {
        let is_kept = in_string || !letter.is_ascii_whitespace();
        if is_escaped {
            is_escaped = false;
        } else if *letter == '\\' {
            is_escaped = true;
        } else if *letter == '"' {
            in_string = !in_string;
        }
        is_kept
    };
    json.chars().filter(keep).collect()
}
