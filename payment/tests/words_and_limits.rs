//! The words that reach stores, wires and pages, and the limits of an order, one by one.

use std::collections::{BTreeMap, BTreeSet};

use payment::attempt::AttemptState;
use payment::fact::{Outcome, Reason};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::notice::Verdict;
use payment::order::{Item, Language, MAX_LINES, MAX_MINOR, Order, Shopper, Tax, TaxKind};
use payment::profile::{CLEAR_ALPHABET, ReferenceRule};
use payment::step::{Answer, Request};
use payment::subject::SubjectKind;
use payment::{Account, Currency, Entropy, Money, Status, Timestamp, account::Environment};
use secrecy::{ExposeSecret, SecretString};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

#[test]
fn every_word_is_itself_and_no_two_are_the_same() {
    let attempts = [
        (AttemptState::Created, "created", false),
        (AttemptState::Open, "open", false),
        (AttemptState::InProgress, "in_progress", false),
        (AttemptState::PartlyPaid, "partly_paid", false),
        (AttemptState::Unrecognized, "unrecognized", false),
        (AttemptState::Unanswered, "unanswered", false),
        (AttemptState::AskedAgain, "asked_again", false),
        (AttemptState::Ended(Outcome::Failed), "failed", true),
        (AttemptState::Ended(Outcome::Expired), "expired", true),
        (AttemptState::Ended(Outcome::Cancelled), "cancelled", true),
        (AttemptState::Ended(Outcome::Rejected), "rejected", true),
        (AttemptState::Ended(Outcome::PartiallyExpired), "partially_expired", true),
        (AttemptState::Ended(Outcome::Approved), "approved", true),
    ];
    for (state, word, is_final) in attempts {
        assert_eq!((state.word(), state.is_final()), (word, is_final));
    }
    let verdicts: Vec<(&str, bool)> =
        Verdict::ALL.iter().map(|verdict| (verdict.word(), verdict.is_genuine())).collect();
    let expected = [
        ("valid", true),
        ("test", true),
        ("repeated", true),
        ("forged", false),
        ("unsigned", false),
        ("unverifiable", false),
        ("unreadable", false),
        ("unknown_reference", true),
        ("outside", false),
    ];
    assert_eq!(verdicts, expected);
    assert_eq!(SubjectKind::Attempt.word(), "attempt");
    assert_eq!(SubjectKind::Instrument.word(), "instrument");
    assert_eq!(SubjectKind::RecurringCharge.word(), "recurring_charge");
}

#[test]
fn every_status_reads_back_and_says_whether_it_is_open() {
    let open = ["created", "requires_action", "pending", "partially_approved"];
    let words: BTreeSet<&str> = Status::ALL.iter().map(|status| status.word()).collect();
    assert_eq!(words.len(), Status::ALL.len());
    for status in Status::ALL {
        assert_eq!(status.word().parse(), Ok(status));
        assert_eq!(status.to_string(), status.word());
        assert_eq!(status.is_open(), open.contains(&status.word()), "{status}");
        assert_eq!(serde_json::to_string(&status).expect("JSON"), format!("\"{}\"", status.word()));
    }
    assert!("paid".parse::<Status>().is_err());
}

#[test]
fn amounts_show_their_currency_and_their_sign() {
    assert_eq!(Money::new(11_900_000, Currency::Cop).to_string(), "COP 119000.00");
    assert_eq!(Money::new(-5, Currency::Usd).to_text(), "-0.05");
    assert_eq!(Money::zero(Currency::Clp).to_text(), "0");
    assert!(Money::zero(Currency::Clp).is_zero() && !Money::new(1, Currency::Clp).is_zero());
    let known = "XTS".parse::<Currency>().expect_err("unknown").to_string();
    assert!(known.contains("COP") && known.contains("UYU"), "{known}");
}

#[test]
fn exponents_are_read_as_written_and_bounded() {
    let read = |text: &str| Money::from_json_digits(text, Currency::Usd).map(|money| money.minor).ok();
    let table = [
        ("1e+2", Some(10_000)),
        ("1e002", Some(10_000)),
        ("1e-00002", Some(1)),
        ("1e", None),
        ("1e+", None),
        ("1ex", None),
        ("1e0999", None),
        ("0e999", Some(0)),
        ("0e1000", None),
        ("1e1000", None),
    ];
    for (text, expected) in table {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn an_account_tells_its_credentials_and_hides_its_secrets() {
    let secret = |text: &str| SecretString::from(text.to_owned());
    let account = Account {
        id: "tienda".into(),
        merchant: "tienda".into(),
        provider: "prueba".into(),
        environment: Environment::Test,
        base_url: "http://proveedor.localhost/".parse().expect("a URL"),
        credentials: BTreeMap::from([("login".into(), "abc".into())]),
        secrets: BTreeMap::from([("secret_key".into(), vec![secret("new-one"), secret("old-one")])]),
        settings: BTreeMap::from([("digest".into(), "sha1".into())]),
    };
    assert_eq!((account.credential("login"), account.credential("other")), ("abc", ""));
    assert_eq!(account.secret("secret_key").map(|secret| secret.expose_secret()), Some("new-one"));
    assert_eq!(account.secrets("secret_key").len(), 2);
    assert!(account.secret("other").is_none() && account.secrets("other").is_empty());
    assert_eq!((account.setting("digest"), account.setting("other")), (Some("sha1"), None));
    let shown = format!("{account:?}");
    assert!(shown.contains("abc") && !shown.contains("new-one") && !shown.contains("old-one"), "{shown}");
}

#[test]
fn requests_and_answers_show_neither_headers_nor_bodies() {
    let request = Request {
        operation: "create",
        method: "POST",
        url: "http://proveedor.localhost/api".parse().expect("a URL"),
        headers: vec![("authorization", "canary-header".into())],
        body: b"canary-body".to_vec().into(),
        timeout_ms: 1000,
        needs_token: false,
    };
    let shown = format!("{request:?}");
    assert!(shown.contains("create") && shown.contains("body_bytes: 11"), "{shown}");
    let answer = Answer {
        status: 200,
        content_type: "text/plain".into(),
        body: b"canary-answer".to_vec(),
        received_at: at("2026-03-14T15:00:00Z"),
        provider_date: None,
        handed_over: None,
    };
    let told = format!("{answer:?}");
    assert!(told.contains("status: 200") && told.contains("body_bytes: 13"), "{told}");
    assert!(!shown.contains("canary") && !told.contains("canary"));
}

#[test]
fn of_two_tellings_alike_in_state_instant_and_amount_the_same_one_always_stands() {
    let telling = |code: &str| Movement {
        kind: MovementKind::Charge,
        provider_reference: "1".into(),
        parent: None,
        amount: Money::new(100, Currency::Cop),
        state: MovementState::Approved,
        at: at("2026-03-14T15:00:00Z"),
        reason: Reason { code: code.into(), ..Reason::default() },
        receipt: Receipt::default(),
    };
    let (one, other) = (telling("00"), telling("11"));
    assert!(other.stands_over(&one) && !one.stands_over(&other));
    assert!(!one.stands_over(&one.clone()), "a repetition changes nothing");
}

#[test]
fn a_reference_begins_with_its_instant_in_full() {
    let rule = ReferenceRule { length: 26, alphabet: CLEAR_ALPHABET };
    let mint = |text: &str| rule.mint(at(text), Entropy::new([3; 32]));
    let (early, late) = (mint("2026-03-14T15:00:00.001Z"), mint("2026-03-14T15:00:00.002Z"));
    assert_eq!(early[8..], late[8..]);
    assert!(early < late);
    let heads: BTreeSet<String> = ["2026-03-14T15:00:00Z", "2026-03-14T15:00:01Z", "2026-03-14T16:00:00Z"]
        .map(|text| mint(text)[..8].to_owned())
        .into();
    assert_eq!(heads.len(), 3);
    let second = mint("2026-03-14T15:00:00.033Z");
    assert_eq!(
        early[..6],
        second[..6],
        "a thirty-second part of a second apart changes the last places only"
    );
}

#[test]
fn the_limits_of_an_order_hold_to_the_last_unit() {
    let now = at("2026-03-14T15:00:00Z");
    let told = |change: &dyn Fn(&mut Order)| {
        let mut order = order();
        change(&mut order);
        order.check(now).into_iter().map(|complaint| complaint.param).collect::<Vec<_>>()
    };
    let tax = |minor: i64| {
        move |order: &mut Order| {
            let amount = Money::new(minor, Currency::Cop);
            order.taxes.push(Tax { kind: TaxKind::ValueAddedTax, amount, base: None });
        }
    };
    let items = |count: usize, quantity: u32| {
        move |order: &mut Order| {
            let price = Money::new(1, Currency::Cop);
            let item = Item { sku: None, name: "x".into(), is_digital: false, quantity, price, tax: None };
            order.items = vec![item; count];
        }
    };
    let nothing: Vec<String> = vec![];
    assert_eq!(told(&|order| order.total.minor = MAX_MINOR), nothing);
    assert_eq!(told(&|order| order.total.minor = 1), nothing);
    assert_eq!(told(&tax(0)), nothing);
    assert_eq!(told(&tax(MAX_MINOR)), nothing);
    assert_eq!(told(&tax(-1)), ["taxes[0].amount"]);
    assert_eq!(told(&tax(MAX_MINOR + 1)), ["taxes[0].amount"]);
    assert_eq!(told(&items(MAX_LINES, 1)), nothing);
    assert_eq!(told(&items(MAX_LINES + 1, 1)), ["items"]);
    assert_eq!(told(&items(1, 0)), ["items[0].quantity"]);
    assert_eq!(told(&|order| order.reference = "x".repeat(64)), nothing);
    assert_eq!(told(&|order| order.reference = "x".repeat(65)), ["reference"]);
    assert_eq!(told(&|order| order.reference = "ñ".repeat(64)), nothing);
}

fn order() -> Order {
    Order {
        reference: "PEDIDO-1".into(),
        total: Money::new(100, Currency::Cop),
        description: None,
        taxes: vec![],
        details: vec![],
        items: vec![],
        buyer: None,
        payer: None,
        shipping: None,
        expires_at: None,
        return_url: None,
        language: Language::Es,
        methods: vec![],
        extra: vec![],
        customer: None,
        keep_instrument: false,
        instrument: None,
        is_shopper_away: false,
        instalments: None,
        allow_partial: false,
        dispersion: vec![],
        recurrence: None,
        rest_of: None,
        shopper: Shopper { ip: "203.0.113.24".parse().expect("an address"), user_agent: "Prueba/1.0".into() },
    }
}
