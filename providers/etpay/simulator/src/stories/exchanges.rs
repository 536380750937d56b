//! Every file of `exchanges/` is what this side answers, tells or leads to.

use std::path::Path;

use simulation::Timestamp;
use simulation::strict_json::{self, Value};

use super::driving::location;
use super::{Bench, NOTICE_URL, Opened, payment_of, unverified};
use crate::jwt;

const TOKEN: &str = "kT4vQm9ZrX2cLb7NwHs1JdPy6GfAe8UoRi3VxKz5MnBt0CqWjYhSlDgEuIaFpO1a";
const SIGNATURE_TOKEN: &str = "Zr8Lw2Qe5Ty1Ui7Op3As9Df4Gh6Jk0Lz5Xc2Vb8Nm1Qw7Er3Ty9Ui4Op6As0DfGh";
const PAID: &str = "pB7xN2mK9vC4zL1qW8sE5rT6yU3iO0aDfGhJkPlMnQwErTyUiOpAsDfGhJkLzXcV";
const CANCELLED: &str = "qC8yO3nL0wD5aM2rX9tF6sU7zV4jP1bEgHiKlQmNoRxFsUzVjPqBtEgHiKlMaYdW";

struct Exchange {
    name: String,
    head: Vec<(String, String)>,
    parts: Vec<(String, String)>,
}

impl Exchange {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a text file");
        let (head, rest) = text.split_once("\n\n").expect("a head");
        let pairs = head.lines().filter(|line| !line.starts_with('#'));
        let pairs = pairs.map(|line| line.split_once(": ").expect("name: value"));
        let parts = rest.strip_prefix("--- ").expect("a part").split("\n--- ");
        Self {
            name: path.file_name().expect("a name").to_string_lossy().into_owned(),
            head: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            parts: parts
                .map(|part| part.split_once('\n').expect("a title and a text"))
                .map(|(title, text)| (title.to_owned(), text.trim_end().to_owned()))
                .collect(),
        }
    }

    fn head(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn part(&self, begin: &str) -> Option<(&str, &str)> {
        let found = self.parts.iter().find(|(title, _)| title.starts_with(begin));
        found.map(|(title, text)| (title.as_str(), text.as_str()))
    }

    /// The provider as the head says that it is.
    fn bench(&self) -> Bench {
        let settings: Vec<(&str, &str)> =
            self.head("settings").into_iter().map(|pair| pair.split_once('=').expect("name=value")).collect();
        Bench::with_settings(&settings)
    }
}

#[test]
fn every_exchange_is_what_this_provider_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exchanges");
    let mut seen = 0;
    let files = std::fs::read_dir(folder).expect("the folder of exchanges").flatten().map(|item| item.path());
    for path in files.filter(|path| path.extension().is_some_and(|ending| ending == "http")) {
        let exchange = Exchange::read(&path);
        let mut bench = exchange.bench();
        let given = exchange.head("given").map(|given| arrange(&mut bench, given));
        if exchange.part("request").is_some() {
            answers(&exchange, &mut bench, given.is_some());
        }
        if let Some((_, notice)) = exchange.part("notice") {
            tells(&exchange, &bench, notice, given.is_some());
        }
        if let (Some((_, address)), Some(session)) = (exchange.part("location"), &given) {
            let reply = bench.get(&format!("{}/return", session.page));
            assert_eq!((reply.status, location(&reply)), (302, address), "{}", exchange.name);
        }
        seen += 1;
    }
    assert!(seen >= 22, "only {seen} exchanges were read");
}

/// A session of the published example, and what happened to it.
fn arrange(bench: &mut Bench, given: &str) -> Opened {
    let (state, at) = given.split_once(' ').unwrap_or((given, ""));
    let payment = if state == "cancelled" { CANCELLED } else { PAID };
    bench.script_tokens(&[TOKEN, SIGNATURE_TOKEN, payment]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exchanges");
    let example = Exchange::read(&folder.join("01-initialize.http"));
    let (_, request) = example.part("request").expect("a request");
    let (_, body) = request.split_once("\n\n").expect("a body");
    let (status, _) = bench.post("/session/initialize", body);
    assert_eq!(status, 200);
    let page = format!("/session/{TOKEN}");
    let session = Opened { token: TOKEN.into(), signature_token: SIGNATURE_TOKEN.into(), page: page.clone() };
    bench.open(&page);
    if let Ok(at) = at.parse::<Timestamp>() {
        bench.world.clock.advance_to(at);
    }
    let script = serde_json::json!({ "account": "andes", "merchant_order_id": "ANDES-2026-000417", "outcomes": ["system_error_paid"] });
    match state {
        "opened" => {}
        "paid" => bench.pay(&session),
        "lost" => {
            bench.steer("script", script).expect("scripted");
            bench.pay_as(&session, "111111111");
        }
        "cancelled" => {
            bench.enter_bank(&session, "111111111");
            bench.step(&session, "cancel-form", &[]);
        }
        other => panic!("unknown state {other}"),
    }
    session
}

fn answers(exchange: &Exchange, bench: &mut Bench, is_arranged: bool) {
    let (_, request) = exchange.part("request").expect("a request");
    let (head, body) = request.split_once("\n\n").expect("a body");
    let line = head.lines().next().expect("a request line");
    let path = line.strip_prefix("POST https://api-sandbox.etpay.com").expect("a path");
    if !is_arranged {
        bench.script_tokens(&[TOKEN, SIGNATURE_TOKEN]);
    }
    let (status, answer) = bench.post(path, body);
    let (title, expected) = exchange.part("answer").expect("an answer");
    assert_eq!(title, format!("answer {status}"), "{}", exchange.name);
    let expected = strict_json::parse(expected.as_bytes()).expect("JSON");
    assert_eq!(answer.to_text(), expected.to_text(), "{}", exchange.name);
}

fn tells(exchange: &Exchange, bench: &Bench, notice: &str, is_arranged: bool) {
    let expected = strict_json::parse(notice.as_bytes()).expect("JSON");
    let token = payment_of(notice.as_bytes());
    if is_arranged {
        let sent = bench.world.notices.last().expect("a notice");
        assert_eq!(String::from_utf8_lossy(&sent.body), expected.to_text(), "{}", exchange.name);
        assert_eq!((sent.url.as_str() == NOTICE_URL, sent.about.as_str()), (false, TOKEN));
    }
    let claims: Value = unverified(&token);
    let is_ours = jwt::sign(&claims, SIGNATURE_TOKEN) == token;
    assert_eq!(Some(if is_ours { "valid" } else { "forged" }), exchange.head("verdict"), "{}", exchange.name);
}
