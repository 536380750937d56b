//! Golden exchanges: for each file beside PROTOCOL.md, the client makes exactly that request out of that task, and
//! reads in that answer, or in that notice, exactly those facts.
//!
//! A file begins with what it shows and where it is from, then settings one a line, then parts that begin
//! with `--- `. JSON is compared byte for byte after the white space between its members is taken away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use payment::account::Environment;
use payment::fact::Reason;
use payment::id::InstrumentId;
use payment::instrument::StoredInstrument;
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::notice::{Keys, RawNotice};
use payment::operation::OperationKind;
use payment::provider::Moment;
use payment::step::{Answer, Call, Input, Step};
use payment::task::{Act, Authorization, Target};
use payment::{Account, Entropy, Money, Order, Provider, Task, Timestamp};
use placetopay_client::checkout::AvalPay;
use serde_json::json;

#[test]
fn every_exchange_is_made_and_read_as_written() {
    let _story = testing::story("every_exchange_is_made_and_read_as_written");
    let files = files();
    assert!(files.len() >= 60, "{} exchanges found", files.len());
    for file in files {
        let exchange = Exchange::read(&file);
        if exchange.parts.contains_key("notice") {
            exchange.check_notice();
        } else {
            exchange.check_call();
        }
    }
    // Members of the create requests above: reference, currency and total; address, browser, expiry and
    // return address; taxes inside the amount; extra fields unchanged; buyer with or without payer.
    testing::covers!("AV-1-01", "AV-1-03", "AV-2-02", "AV-3-02", "AV-4.7-02", "AV-4.7-04", "AV-5-01");
    // Charges of kept cards: by token or subtoken and never by a card; payer, payment, address and browser complete; the
    // parts of a dispersion with their four members. A short list of parts: what is not in it was not charged.
    testing::covers!("AV-8.2-02", "AV-8.5-01", "AV-8.5-02", "AV-8.5-04", "AV-8.5-05", "AV-8.5-06");
    testing::covers!("AV-10.3-02");
    testing::covers!("AV-4.4-10", "AV-4.4-12", "AV-4.7-18", "AV-4.7-19");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../checkout/exchanges")
}

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the folder of exchanges");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "http")).collect();
    files.sort();
    files
}

/// One file.
struct Exchange {
    name: String,
    settings: BTreeMap<String, String>,
    /// By the first word of their heading; `answer` keeps its status code as the setting `status`.
    parts: BTreeMap<String, String>,
}

impl Exchange {
    fn read(path: &Path) -> Self {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).expect("an exchange");
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
        let nonce = self.setting("nonce");
        let mut bytes = [0; 32];
        for (byte, place) in bytes.iter_mut().zip((0..nonce.len()).step_by(2)) {
            *byte = u8::from_str_radix(&nonce[place..place + 2], 16).expect("hexadecimal digits");
        }
        Moment { now: self.now(), entropy: Entropy::new(bytes) }
    }

    fn task(&self) -> Task {
        match self.setting("task") {
            "authorize" | "charge stored" => {
                let order: Order = serde_json::from_str(self.part("order")).expect("an order");
                assert_eq!(AvalPay.check(&order, &account()), [], "{}", self.name);
                let authorization = Box::new(Authorization {
                    reference: self.setting("reference").to_owned(),
                    expires_at: self.setting("expires_at").parse().expect("an expiry"),
                    return_url: self.setting("return_url").parse().expect("an address"),
                    card_url: "https://pagos.example/c/andes/att_1".parse().expect("an address"),
                    notice_url: "https://pagos.example/notices/avalpay/tienda".parse().expect("an address"),
                    instrument: order_instrument(&order).map(|id| self.stored(id)),
                    order,
                });
                match self.setting("task") {
                    "authorize" => Task::Authorize(authorization),
                    _ => Task::ChargeStored(authorization),
                }
            }
            "invalidate" => Task::Invalidate(self.stored(any_instrument())),
            "give back" => self.give_back(),
            "look up" => Task::LookUp(self.target()),
            "withdraw" => Task::Withdraw(self.target()),
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
            awaited_instrument: self.settings.get("awaited").cloned(),
        }
    }

    fn stored(&self, id: InstrumentId) -> StoredInstrument {
        let (token, provider_reference) = (self.setting("token").to_owned().into(), "508817".to_owned());
        StoredInstrument { id, provider_reference, token, brand: None }
    }

    /// Gives the whole of one charge back.
    fn give_back(&self) -> Task {
        let (reference, at) = self.setting("charge").split_once(' ').expect("a charge and its instant");
        let mut target = self.target();
        let movement = Movement {
            kind: MovementKind::Charge,
            provider_reference: reference.to_owned(),
            parent: None,
            amount: target.total,
            state: MovementState::Approved,
            at: at.parse().expect("a time"),
            reason: Reason::default(),
            receipt: Receipt::default(),
        };
        target.movements.push(movement.clone());
        let (amount, reference) = (target.total, "01KM3Q9T2X7ZREV".to_owned());
        let kind = OperationKind::Refund;
        Task::Operate(Box::new(Act {
            kind,
            reference,
            target,
            movement,
            amount,
            is_whole: true,
            is_repeated: false,
        }))
    }

    fn check_call(&self) {
        let task = self.task();
        let call = match AvalPay.begin(&task, &account(), self.moment()) {
            Step::Call(call) => call,
            other => panic!("{}: {other:?}", self.name),
        };
        assert_eq!(written(&call), self.expected_request(), "{}", self.name);
        let answer = Answer {
            status: self.setting("answer_status").parse().expect("a status code"),
            content_type: "application/json".to_owned(),
            body: self.part("answer").trim_end().as_bytes().to_vec(),
            received_at: self.now(),
            provider_date: None,
            handed_over: None,
        };
        let step = AvalPay.resume(&task, &account(), &call.memo, Input::Answer(answer), self.moment());
        self.compare(&match step {
            Step::Learned(learned) => json!({ "learned": learned.observations }),
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
        let reading = AvalPay.read_notice(&notice, Keys::of(&account()), self.now());
        let reply = AvalPay.reply_to(reading.verdict);
        self.compare(&json!({
            "verdict": reading.verdict, "reason": reading.reason, "subject": reading.subject,
            "reference": reading.reference, "observations": reading.observations, "ask": reading.ask,
            "reply": reply.status,
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
}

fn order_instrument(order: &Order) -> Option<InstrumentId> {
    order.instrument.clone()
}

fn any_instrument() -> InstrumentId {
    format!("ins_{}1", "0".repeat(31)).parse().expect("an id")
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

/// The account of the dossier's vectors.
fn account() -> Account {
    Account {
        id: "libreria".to_owned(),
        merchant: "libreria".to_owned(),
        provider: "avalpay".to_owned(),
        environment: Environment::Test,
        base_url: "https://checkout.test.avalpaycenter.com".parse().expect("an address"),
        credentials: [("login".to_owned(), "7c1f0a93b5e24d6f8a0b1c2d3e4f5061".to_owned())].into(),
        secrets: [("secret_key".to_owned(), vec!["Clave-Sandbox-00x".to_owned().into()])].into(),
        settings: BTreeMap::new(),
    }
}
