//! Golden exchanges: for each file of `exchanges/client/`, the client makes exactly those requests out of that task, and reads
//! in those answers, or in that notice, exactly those facts.
//!
//! A file begins with what it shows and where it is from, then settings one a line, then parts that begin with `--- `.
//! `request` and `answer` follow each other as the calls do; `answer recorded FILE` is the one of a file one folder up, so that
//! both sides are held to the same bytes, and `lost sent` or `lost unsent` stand for an answer that never comes. JSON is
//! compared byte for byte after the white space between its members is taken away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use carat_esitef_client::CaratEsitef;
use payment::account::Environment;
use payment::card::{Card, SecurityCode, TypedCard};
use payment::instrument::StoredInstrument;
use payment::movement::Movement;
use payment::notice::{ClaimedAttempt, Keys, RawNotice};
use payment::operation::OperationKind;
use payment::provider::Moment;
use payment::step::{AfterLost, Answer, Call, Input, Request, Step};
use payment::task::{Act, Authorization, Supplied, Supply, Target};
use payment::{Account, Entropy, Money, Order, Provider, Task, Timestamp};
use secrecy::ExposeSecret;
use serde_json::json;

const KEY: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
const TOKEN: &str =
    "++//ACVKb5S53gMoTXKXvOEGK1B1mr/kCS5TeJ3C5wwxVnugxeoPNFl+o8jtEjdcgabL8BU6X4SpzvMYPWKHrA==";

#[test]
fn every_exchange_is_made_and_read_as_written() {
    let _story = testing::story("every_exchange_is_made_and_read_as_written");
    let files = files();
    assert!(files.len() >= 30, "{} exchanges found", files.len());
    for file in files {
        let exchange = Exchange::read(&file);
        if exchange.settings.contains_key("task") { exchange.check_task() } else { exchange.check_notice() }
    }
    // Creations with and without storage, in both interfaces, and charges of a stored card by REST.
    testing::covers!("CA-03", "CA-11", "CA-12", "CA-13", "CA-18", "CA-42", "CA-49");
    // The query for a storage notice, and notices with what nobody knows.
    testing::covers!("CA-28", "CA-31", "CA-33", "CA-51", "CA-55");
}

#[test]
fn a_charge_of_a_stored_card_holds_nothing_of_the_card_but_its_token() {
    let _story = testing::story("a_charge_of_a_stored_card_holds_nothing_of_the_card_but_its_token");
    let mut charges = 0;
    for file in files() {
        let exchange = Exchange::read(&file);
        if exchange.settings.get("task").is_none_or(|task| task != "charge stored") {
            continue;
        }
        charges += 1;
        for call in exchange.calls() {
            let body = String::from_utf8_lossy(&call.request.body).into_owned();
            for member in ["number", "expiry_date", "security_code"] {
                assert!(!body.contains(&format!("\"{member}\"")), "{}: {body}", exchange.name);
            }
            if call.request.operation == "charge_stored" {
                assert!(body.contains(TOKEN) && call.request.url.path().ends_with("/v2/payments"));
            }
            // The memo is written down, and headers stand in no log.
            assert!(!call.memo.0.contains(TOKEN) && !call.memo.0.contains(KEY), "{}", exchange.name);
        }
    }
    assert!(charges >= 5);
    testing::covers!("CA-43", "CA-44", "CA-45");
}

#[test]
fn nothing_of_a_card_stands_in_a_memo_a_debug_text_or_a_learned_fact() {
    let _story = testing::story("nothing_of_a_card_stands_in_a_memo_a_debug_text_or_a_learned_fact");
    let mut paid = 0;
    for file in files() {
        let exchange = Exchange::read(&file);
        let Some(card) = exchange.settings.get("card") else { continue };
        paid += 1;
        let number = card.split(' ').next().expect("a number");
        for call in exchange.calls() {
            assert!(!call.memo.0.contains(number), "{}", exchange.name);
            assert!(!format!("{call:?}").contains(number), "{}", exchange.name);
        }
        assert!(!exchange.part("outcome").contains(number), "{}", exchange.name);
    }
    assert!(paid >= 4);
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
    /// Heading and text, in order.
    parts: Vec<(String, String)>,
}

impl Exchange {
    fn read(path: &Path) -> Self {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut lines = text.lines().peekable();
        let remarks: Vec<&str> =
            std::iter::from_fn(|| lines.next_if(|line| line.starts_with("# "))).collect();
        assert!(remarks.iter().any(|line| line.starts_with("# Source: ")), "{name} names no source");
        let mut exchange = Self { name, settings: BTreeMap::new(), parts: Vec::new() };
        for line in lines {
            if let Some(heading) = line.strip_prefix("--- ") {
                exchange.parts.push((heading.to_owned(), String::new()));
            } else if let Some((_, text)) = exchange.parts.last_mut() {
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

    /// The part whose heading begins with a word.
    fn part(&self, word: &str) -> &str {
        self.optional(word).unwrap_or_else(|| panic!("{} lacks the part {word}", self.name))
    }

    fn optional(&self, word: &str) -> Option<&str> {
        let of = |(heading, _): &&(String, String)| heading.split(' ').next() == Some(word);
        self.parts.iter().find(of).map(|(_, text)| text.as_str())
    }

    fn now(&self) -> Timestamp {
        self.setting("now").parse().expect("the setting now")
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now(), entropy: Entropy::new([0; 32]) }
    }

    fn stored(&self) -> StoredInstrument {
        let token = self.settings.get("token").map_or(TOKEN, String::as_str);
        StoredInstrument {
            id: format!("ins_{}", "0".repeat(32)).parse().expect("an id"),
            provider_reference: "Z9a8b7c6d5e4f3g2h9a8b7c6d5e4f3g2h9a8b7c6d5e4f3g2h9a8b7c6d5e4f3g2h".into(),
            token: token.to_owned().into(),
            brand: Some("Visa".into()),
        }
    }

    fn order(&self) -> Order {
        serde_json::from_str(self.part("order")).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn authorization(&self) -> Box<Authorization> {
        let order = self.order();
        assert_eq!(order.check(self.now()), [], "{}", self.name);
        assert_eq!(CaratEsitef.check(&order, &self.account()), [], "{}", self.name);
        Box::new(Authorization {
            reference: self.setting("reference").to_owned(),
            instrument: order.instrument.is_some().then(|| self.stored()),
            order,
            expires_at: "2026-03-14T15:45:31Z".parse().expect("an expiry"),
            return_url: "https://pagos.example/r/loja/att_1".parse().expect("an address"),
            card_url: "https://pagos.example/c/loja/att_1".parse().expect("an address"),
            notice_url: "https://pagos.example/notices/carat_esitef/loja".parse().expect("an address"),
        })
    }

    fn supplied(&self) -> Supplied {
        if let Some(code) = self.settings.get("code") {
            let code = SecurityCode::read(&code.clone().into()).expect("a security code");
            return Supplied::Code(self.stored(), code);
        }
        let mut fields = self.setting("card").split(' ').map(str::to_owned);
        let mut field = || fields.next().expect("number, expiry and code").into();
        let typed =
            TypedCard { number: field(), expiry: field(), security_code: field(), holder: "PRUEBA".into() };
        Supplied::Card(Card::read(typed, self.now()).expect("a card"))
    }

    fn task(&self) -> Task {
        match self.setting("task") {
            "authorize" => Task::Authorize(self.authorization()),
            "charge stored" => Task::ChargeStored(self.authorization()),
            "pay" => Task::Pay(Box::new(Supply {
                target: self.target(),
                order: self.order(),
                supplied: self.supplied(),
            })),
            "look up" => Task::LookUp(self.target()),
            "withdraw" => Task::Withdraw(self.target()),
            "invalidate" => Task::Invalidate(self.stored()),
            operation => {
                let kind = OperationKind::ALL.into_iter().find(|kind| kind.word() == operation);
                let target = self.target();
                Task::Operate(Box::new(Act {
                    kind: kind.unwrap_or_else(|| panic!("{}: no task {operation}", self.name)),
                    reference: "20260009".into(),
                    movement: target.movements.first().expect("a movement").clone(),
                    amount: money(self.setting("amount")),
                    is_whole: self.setting("is_whole") == "true",
                    is_repeated: false,
                    target,
                }))
            }
        }
    }

    fn target(&self) -> Target {
        let movements: Vec<Movement> = self
            .optional("movements")
            .map_or_else(Vec::new, |text| serde_json::from_str(text).expect("movements"));
        Target {
            reference: self.setting("reference").to_owned(),
            provider_reference: self.setting("nit").to_owned(),
            total: money(self.setting("total")),
            movements,
            awaited_instrument: self.settings.get("awaited").cloned(),
        }
    }

    /// All calls that the task makes, with the answers of the file.
    fn calls(&self) -> Vec<Call> {
        self.drive().0
    }

    /// Drives the task as the hub's driver would: after a lost answer only what is allowed then is done.
    fn drive(&self) -> (Vec<Call>, Step) {
        let (task, account) = (self.task(), self.account());
        let mut calls: Vec<Call> = Vec::new();
        let mut inputs = self.parts.iter().filter_map(|part| self.input(part));
        let mut step = CaratEsitef.begin(&task, &account, self.moment());
        loop {
            let Step::Call(call) = step else {
                assert!(inputs.next().is_none(), "{}: it ends before its last answer", self.name);
                return (calls, step);
            };
            let input = inputs.next().unwrap_or_else(|| panic!("{}: one call too many: {call:?}", self.name));
            let is_lost = matches!(input, Input::Lost { .. });
            step = CaratEsitef.resume(&task, &account, &call.memo, input, self.moment());
            if is_lost && matches!(step, Step::Call(_)) {
                let allows = matches!(call.on_lost, AfterLost::Search | AfterLost::RepeatSame);
                assert!(allows, "{}: no call may follow the loss of {}", self.name, call.request.operation);
            }
            calls.push(*call);
        }
    }

    fn input(&self, (heading, text): &(String, String)) -> Option<Input> {
        let words: Vec<&str> = heading.split(' ').collect();
        let (status, body) = match words[..] {
            ["lost", "sent"] => return Some(Input::Lost { maybe_sent: true }),
            ["lost", "unsent"] => return Some(Input::Lost { maybe_sent: false }),
            ["answer", "recorded", file] => {
                let recorded = Self::read(&folder().join("..").join(file));
                let of = |(heading, _): &&(String, String)| heading.starts_with("answer ");
                let (heading, text) = recorded.parts.iter().find(of).expect("an answer").clone();
                (heading.trim_start_matches("answer ").to_owned(), text)
            }
            ["answer", status] => (status.to_owned(), text.clone()),
            _ => return None,
        };
        Some(Input::Answer(Answer {
            status: status.parse().expect("a status code"),
            content_type: "application/json".to_owned(),
            body: body.trim_end().as_bytes().to_vec(),
            received_at: self.now(),
            provider_date: None,
            handed_over: self.settings.get("handed_over").cloned(),
        }))
    }

    fn check_task(&self) {
        let (calls, step) = self.drive();
        let expected: Vec<String> = self
            .parts
            .iter()
            .filter(|(heading, _)| heading == "request")
            .map(|(_, text)| {
                let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
                format!("{}\n\n{}", head.trim_end(), without_white_space(body))
            })
            .collect();
        let made: Vec<String> = calls.iter().map(|call| written(&call.request)).collect();
        assert_eq!(made, expected, "{}:\n{}", self.name, made.join("\n---\n"));
        self.compare(&match step {
            Step::Learned(learned) => {
                assert!(learned.attempt_key.is_none() && learned.tokens.is_empty(), "{}", self.name);
                json!({ "learned": learned.observations })
            }
            Step::Refused(refusal) => json!({ "refused": {
                "code": refusal.code, "provider_code": refusal.provider_code, "detail": refusal.detail,
                "advice": refusal.advice, "complaints": refusal.complaints,
            }}),
            Step::Unclear { cause } => json!({
                "unclear": cause, "after": calls.last().map(|call| call.on_lost),
            }),
            Step::Call(_) => json!("another call"),
        });
    }

    fn check_notice(&self) {
        let account = self.account();
        let notice = self.notice();
        let claimed = CaratEsitef.claimed_subject(&notice, &account);
        // The hub knows the one attempt of the file, by transaction or by storage transaction.
        let known = claimed.as_ref().filter(|subject| {
            [self.setting("nit"), self.setting("nita")].contains(&subject.provider_reference.as_str())
        });
        let attempt = known.map(|_| ClaimedAttempt { key: None, target: self.target() });
        let keys = Keys { account: &account, attempt: attempt.as_ref() };
        let reading = CaratEsitef.read_notice(&notice, keys, self.now());
        let reply = CaratEsitef.reply_to(reading.verdict);
        assert!(reply.body.is_empty(), "{}", self.name);
        for token in &reading.tokens {
            assert_eq!(token.value.expose_secret(), TOKEN, "{}: kept as it was sent", self.name);
        }
        let digests: Vec<&str> = reading.tokens.iter().map(|token| token.digest.as_str()).collect();
        self.compare(&json!({
            "verdict": reading.verdict, "reason": reading.reason, "subject": reading.subject,
            "reference": reading.reference, "observations": reading.observations, "ask": reading.ask,
            "repeat_key": reading.repeat_key, "tokens": digests,
            "handover": reading.handover.map(|handed| json!([handed.reference, handed.value])),
            "reply": reply.status,
        }));
    }

    fn notice(&self) -> RawNotice {
        let body = match self.settings.get("recorded") {
            Some(file) => Self::read(&folder().join("..").join(file)).part("notice").to_owned(),
            None => self.part("notice").to_owned(),
        };
        RawNotice {
            method: "POST".to_owned(),
            route: self.setting("route").to_owned(),
            query: String::new(),
            headers: vec![(
                "content-type".to_owned(),
                "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            )],
            body: body.trim_end().as_bytes().to_vec(),
        }
    }

    fn compare(&self, outcome: &serde_json::Value) {
        let expected: serde_json::Value = serde_json::from_str(self.part("outcome"))
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let outcome_text = serde_json::to_string_pretty(outcome).expect("JSON");
        assert_eq!(*outcome, expected, "{}:\n{outcome_text}", self.name);
    }

    /// The account of the dossier's examples, with the settings that the file names.
    fn account(&self) -> Account {
        let settings = self.settings.get("settings").map_or("", String::as_str);
        let settings = settings.split_whitespace().map(|setting| {
            let (name, value) = setting.split_once('=').expect("a name and a value");
            (name.to_owned(), value.to_owned())
        });
        Account {
            id: "loja".to_owned(),
            merchant: "loja".to_owned(),
            provider: "carat_esitef".to_owned(),
            environment: Environment::Test,
            base_url: "https://esitef-homologacao.softwareexpress.com.br".parse().expect("an address"),
            credentials: [("merchant_id".to_owned(), "lojadeexemplo1".to_owned())].into(),
            secrets: [("merchant_key".to_owned(), vec![KEY.to_owned().into()])].into(),
            settings: settings.collect(),
        }
    }
}

fn money(text: &str) -> Money {
    let (currency, amount) = text.split_once(' ').expect("currency and amount");
    Money::from_text(amount, currency.parse().expect("a currency")).expect("an amount")
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
