//! Golden exchanges: for each file of `exchanges/client/`, the client makes exactly that request out of that task, and reads in
//! that answer, or in that notice, exactly those facts.
//!
//! A file begins with what it shows and where it is from, then settings one a line, then parts that begin with `--- `.
//! `recorded` names a file one folder up whose answer or notice is read, so that both sides are held to the same bytes.
//! JSON is compared byte for byte after the white space between its members is taken away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pagoefectivo_client::PagoEfectivo;
use payment::account::Environment;
use payment::notice::{Keys, RawNotice};
use payment::provider::Moment;
use payment::step::{AfterLost, Answer, Input, Request, Step};
use payment::task::{Authorization, Target};
use payment::{Account, Entropy, Money, Order, Provider, Task, Timestamp};
use secrecy::ExposeSecret;
use serde_json::json;

#[test]
fn every_exchange_is_made_and_read_as_written() {
    let _story = testing::story("every_exchange_is_made_and_read_as_written");
    let files = files();
    assert!(files.len() >= 30, "{} exchanges found", files.len());
    for file in files {
        let exchange = Exchange::read(&file);
        match exchange.settings.get("task").map(String::as_str) {
            Some("token") => exchange.check_token(),
            Some(_) => exchange.check_call(),
            None => exchange.check_notice(),
        }
    }
    // Creations with the order's amount, currency and payer's mail, an end in every one, and without mail none.
    testing::covers!("PE-12", "PE-16", "PE-24");
}

#[test]
fn every_environment_is_spoken_to_in_the_same_way() {
    let _story = testing::story("every_environment_is_spoken_to_in_the_same_way");
    let environments = [Environment::Test, Environment::Certification, Environment::Production];
    for file in files() {
        let exchange = Exchange::read(&file);
        let told = environments.map(|environment| {
            let account = Account { environment, ..exchange.account() };
            if exchange.settings.get("task").is_some_and(|task| task == "token") {
                format!(
                    "{:?}",
                    PagoEfectivo.token_request(&account, exchange.moment()).map(|request| request.body)
                )
            } else if exchange.settings.contains_key("task") {
                match PagoEfectivo.begin(&exchange.task(), &account, exchange.moment()) {
                    Step::Call(call) => written(&call.request),
                    other => panic!("{}: {other:?}", exchange.name),
                }
            } else {
                let notice = exchange.notice();
                format!("{:?}", PagoEfectivo.read_notice(&notice, Keys::of(&account), exchange.now()))
            }
        });
        assert!(told.iter().all(|one| *one == told[0]), "{}", exchange.name);
    }
    testing::covers!("PE-43");
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
                assert_eq!(PagoEfectivo.check(&order, &self.account()), [], "{}", self.name);
                Task::Authorize(Box::new(Authorization {
                    reference: self.setting("reference").to_owned(),
                    order,
                    expires_at: self.setting("expires_at").parse().expect("an expiry"),
                    return_url: self.setting("return_url").parse().expect("an address"),
                    card_url: "https://pagos.example/c/andes/att_1".parse().expect("an address"),
                    notice_url: "https://pagos.example/notices/pagoefectivo/tienda"
                        .parse()
                        .expect("an address"),
                    instrument: None,
                }))
            }
            "look up" => Task::LookUp(self.target()),
            "withdraw" => Task::Withdraw(self.target()),
            other => panic!("{}: no task {other}", self.name),
        }
    }

    fn target(&self) -> Target {
        let (currency, total) = self.setting("total").split_once(' ').expect("currency and amount");
        Target {
            reference: self.setting("reference").to_owned(),
            provider_reference: self.setting("cip").to_owned(),
            total: Money::from_text(total, currency.parse().expect("a currency")).expect("an amount"),
            movements: Vec::new(),
            awaited_instrument: None,
        }
    }

    fn check_call(&self) {
        let (task, account) = (self.task(), self.account());
        let call = match PagoEfectivo.begin(&task, &account, self.moment()) {
            Step::Call(call) => call,
            other => panic!("{}: {other:?}", self.name),
        };
        if self.parts.contains_key("request") {
            assert_eq!(written(&call.request), self.expected_request(), "{}", self.name);
        }
        assert!(call.request.needs_token, "{}", self.name);
        let on_lost = match task {
            Task::Authorize(_) => AfterLost::Adopt,
            Task::LookUp(_) => AfterLost::FreshStart,
            Task::Withdraw(_) => AfterLost::Search,
            other => panic!("{}: no exchange does {other:?}", self.name),
        };
        assert_eq!(call.on_lost, on_lost, "{}", self.name);
        let answer = self.answer();
        let step = PagoEfectivo.resume(&task, &account, &call.memo, Input::Answer(answer), self.moment());
        self.compare(&match step {
            Step::Learned(learned) => json!({ "learned": learned.observations }),
            Step::Refused(refusal) => json!({ "refused": {
                "code": refusal.code, "provider_code": refusal.provider_code, "detail": refusal.detail,
                "advice": refusal.advice, "complaints": refusal.complaints,
            }}),
            Step::Unclear { cause } => json!({ "unclear": cause }),
            Step::Call(_) => json!("another call"),
        });
    }

    fn check_token(&self) {
        let account = self.account();
        let request = PagoEfectivo.token_request(&account, self.moment()).expect("a request");
        assert_eq!(written(&request), self.expected_request(), "{}", self.name);
        assert!(!request.needs_token, "{}", self.name);
        let token = PagoEfectivo.read_token(&account, &self.answer());
        let value = token.as_ref().map(|token| token.value.expose_secret().to_owned());
        self.compare(&json!({ "token": value, "expires_at": token.map(|token| token.expires_at) }));
    }

    fn check_notice(&self) {
        let account = self.account();
        let reading = PagoEfectivo.read_notice(&self.notice(), Keys::of(&account), self.now());
        let reply = PagoEfectivo.reply_to(reading.verdict);
        self.compare(&json!({
            "verdict": reading.verdict, "reason": reading.reason, "subject": reading.subject,
            "reference": reading.reference, "observations": reading.observations, "ask": reading.ask,
            "repeat_key": reading.repeat_key, "reply": reply.status,
        }));
    }

    fn answer(&self) -> Answer {
        Answer {
            status: self.setting("answer_status").parse().expect("a status code"),
            content_type: "application/json".to_owned(),
            body: self.part("answer").trim_end().as_bytes().to_vec(),
            received_at: self.now(),
            provider_date: None,
            handed_over: None,
        }
    }

    /// A notice as it came: headers, an empty line, the body's bytes.
    fn notice(&self) -> RawNotice {
        let (head, body) = self.part("notice").split_once("\n\n").expect("a head and a body");
        let headers = head.lines().map(|line| {
            let (name, value) = line.split_once(": ").expect("a header");
            (name.to_ascii_lowercase(), value.to_owned())
        });
        RawNotice {
            method: "POST".to_owned(),
            route: String::new(),
            query: String::new(),
            headers: headers.collect(),
            body: body.trim_end().as_bytes().to_vec(),
        }
    }

    fn compare(&self, outcome: &serde_json::Value) {
        let expected: serde_json::Value = serde_json::from_str(self.part("outcome"))
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let outcome_text = serde_json::to_string_pretty(outcome).expect("JSON");
        assert_eq!(*outcome, expected, "{}:\n{outcome_text}", self.name);
    }

    fn expected_request(&self) -> String {
        let request = self.part("request");
        let (head, body) = request.split_once("\n\n").unwrap_or((request.trim_end(), ""));
        format!("{head}\n\n{}", without_white_space(body))
    }

    /// The account of the dossier's examples, with the settings that the file names.
    fn account(&self) -> Account {
        let agreed = "maximum_pen=1000000 maximum_pen_agreement=acta-7 maximum_usd=500000 maximum_usd_agreement=acta-7";
        let more = self.settings.get("settings").map_or("", String::as_str);
        let settings = agreed.split_whitespace().chain(more.split_whitespace()).map(|setting| {
            let (name, value) = setting.split_once('=').expect("a name and a value");
            (name.to_owned(), value.to_owned())
        });
        let secrets = [
            ("access_key", "Q0FTSEhVQkRFTU8yMDI2"),
            ("secret_key", "hub0Demo+Secret/Key1ForDocs2Only3Andes4x"),
        ];
        let secrets = secrets.map(|(name, value)| (name.to_owned(), vec![value.to_owned().into()]));
        Account {
            id: "andes".to_owned(),
            merchant: "andes".to_owned(),
            provider: "pagoefectivo".to_owned(),
            environment: Environment::Test,
            base_url: "https://pre1a.services.pagoefectivo.pe".parse().expect("an address"),
            credentials: [("id_service".to_owned(), "4821".to_owned())].into(),
            secrets: secrets.into(),
            settings: settings.collect(),
        }
    }
}

fn written(request: &Request) -> String {
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
