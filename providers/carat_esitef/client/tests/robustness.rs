//! Whatever arrives, nothing panics, and nothing but the portal's own answer about our transaction becomes a payment.

use std::collections::BTreeMap;

use carat_esitef_client::{CaratEsitef, store_identification};
use payment::account::Environment;
use payment::card::{Card, TypedCard};
use payment::fact::{FactKind, Outcome};
use payment::instrument::{KeepingState, StoredInstrument};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::notice::{ClaimedAttempt, Keys, RawNotice, Reading, Verdict};
use payment::operation::OperationKind;
use payment::order::{Language, Order, Shopper};
use payment::provider::Moment;
use payment::step::{Answer, Input, Memo, Step};
use payment::task::{Act, Authorization, Supplied, Supply, Target};
use payment::{Account, Currency, Entropy, Money, Observation, Provider, Task, Timestamp};
use proptest::prelude::*;

const NIT: &str = "1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef";
const NITA: &str = "Z9a8b7c6d5e4f3g2h9a8b7c6d5e4f3g2h9a8b7c6d5e4f3g2h9a8b7c6d5e4f3g2h";
const HASH: &str = "%2B%2B%2F%2FACVKb5S53gMoTXKXvOEGK1B1mr%2FkCS5TeJ3C5wwxVnugxeoPNFl%2Bo8jtEjdcgabL8BU6X4SpzvMYPWKHrA%3D%3D";
const TOKEN: &str =
    "++//ACVKb5S53gMoTXKXvOEGK1B1mr/kCS5TeJ3C5wwxVnugxeoPNFl+o8jtEjdcgabL8BU6X4SpzvMYPWKHrA==";

/// A whole answer, paid, to be spoilt.
const PAID: &str = r#"{"code":"0","message":"OK. Transaction successful.","payment":{"authorizer_code":"000","authorizer_message":"Aprovada","status":"CON","nit":"1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef","order_id":"20260001","authorizer_id":"1","authorization_number":"020302","merchant_usn":"20260001","esitef_usn":"260314000000014","amount":"11900","payment_date":"14/03/2026T12:15"}}"#;

/// A whole answer to a creation of the HTML interface, to be spoilt.
const MADE: &str = r#"{"responseCode":0,"description":"OK","url":"https://portal.example/e-sitef/do.se?input['nit']=1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef","nsuesitef":"260314000000014","nit":"1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef","nita":"Z9a8b7c6d5e4f3g2h9a8b7c6d5e4f3g2h9a8b7c6d5e4f3g2h9a8b7c6d5e4f3g2h","nsua":"26031400000560A"}"#;

/// What may stand in the place of a member.
const SPOILT: [&str; 22] = [
    "null",
    "true",
    "0",
    "1",
    "-1",
    "1e300",
    "11900",
    "\"119.00\"",
    "\"\"",
    "\"0\"",
    "\"255\"",
    "\"CON\"",
    "\"con\"",
    "\"EST\"",
    "\"NEG\"",
    "\"XYZ\"",
    "[\"CON\"]",
    "{}",
    "[[[]]]",
    "\"\\u0000\"",
    "\"99/99/9999T99:99\"",
    "\"null\"",
];

/// Where a task may stand when an answer comes.
const MEMOS: [&str; 12] = [
    "",
    "{}",
    r#"{"stage":"init"}"#,
    r#"{"stage":"create"}"#,
    r#"{"stage":"charge","tries":1}"#,
    r#"{"stage":"charge","tries":4294967295}"#,
    r#"{"stage":"pay"}"#,
    r#"{"stage":"find","tries":2}"#,
    r#"{"stage":"query"}"#,
    r#"{"stage":"confirm"}"#,
    r#"{"stage":"begin_cancellation"}"#,
    r#"{"stage":"cancel","nit":"fedcba0987654321fedcba0987654321fedcba0987654321fedcba0987654321"}"#,
];

fn answer(status: u16, body: &[u8]) -> Input {
    Input::Answer(Answer {
        status,
        content_type: String::new(),
        body: body.to_vec(),
        received_at: now(),
        provider_date: None,
        handed_over: Some(NIT.into()),
    })
}

fn resumed(task: &Task, memo: &str, input: Input) -> Step {
    CaratEsitef.resume(task, &account(), &Memo(memo.into()), input, moment())
}

fn learned(step: Step) -> Vec<Observation> {
    match step {
        Step::Learned(learned) => learned.observations,
        Step::Refused(_) | Step::Unclear { .. } | Step::Call(_) => Vec::new(),
    }
}

fn looked_up(status: u16, body: &[u8]) -> Vec<Observation> {
    learned(resumed(&Task::LookUp(target()), r#"{"stage":"query"}"#, answer(status, body)))
}

fn noticed(route: &str, body: &[u8], is_known: bool) -> Reading {
    let notice = RawNotice {
        method: "POST".into(),
        route: route.into(),
        query: String::new(),
        headers: vec![],
        body: body.to_vec(),
    };
    let account = account();
    let _ = CaratEsitef.claimed_subject(&notice, &account);
    let attempt = ClaimedAttempt { key: None, target: target() };
    CaratEsitef.read_notice(&notice, Keys { account: &account, attempt: is_known.then_some(&attempt) }, now())
}

/// What was paid, by approved movements, and whether an end says so.
fn paid(observations: &[Observation]) -> (Vec<Money>, bool) {
    let kinds = || observations.iter().flat_map(|observation| &observation.facts).map(|fact| &fact.kind);
    let moved = kinds().filter_map(|kind| match kind {
        FactKind::Moved(movement)
            if movement.state == MovementState::Approved
                && matches!(movement.kind, MovementKind::Charge | MovementKind::Capture) =>
        {
            Some(movement.amount)
        }
        _ => None,
    });
    let is_ended = kinds()
        .any(|kind| matches!(kind, FactKind::Ended(ending) if ending.outcome >= Outcome::PartiallyExpired));
    (moved.collect(), is_ended)
}

/// A text with the value behind its nth colon replaced; objects and lists are replaced whole.
fn with_spoilt_value(whole: &str, nth: usize, spoilt: &str) -> Option<String> {
    let colon = whole.match_indices("\":").nth(nth)?.0 + 2;
    let mut stream = serde_json::Deserializer::from_str(&whole[colon..]).into_iter::<serde_json::Value>();
    stream.next()?.ok()?;
    Some(format!("{}{spoilt}{}", &whole[..colon], &whole[colon + stream.byte_offset()..]))
}

proptest! {
    #[test]
    fn any_bytes_are_survived_and_are_no_payment(
        status in 100u16..600,
        body in prop::collection::vec(any::<u8>(), 0..400),
        memo in prop::sample::select(MEMOS.to_vec()),
        route in prop::sample::select(vec!["status", "storage", "authenticity", "", "x"]),
    ) {
        for task in tasks() {
            let step = resumed(&task, memo, answer(status, &body));
            prop_assert_eq!(paid(&learned(step)), (vec![], false));
        }
        for is_known in [true, false] {
            let reading = noticed(route, &body, is_known);
            prop_assert!(reading.verdict != Verdict::Valid && reading.tokens.is_empty());
        }
    }

    #[test]
    fn any_memo_is_survived(memo in ".{0,80}", maybe_sent in any::<bool>()) {
        for task in tasks() {
            let _ = resumed(&task, &memo, answer(200, PAID.as_bytes()));
            let _ = resumed(&task, &memo, Input::Lost { maybe_sent });
        }
    }

    #[test]
    fn a_spoilt_member_of_an_answer_pays_the_right_sum_or_nothing(
        place in 0usize..14,
        spoilt in prop::sample::select(SPOILT.to_vec()),
    ) {
        let body = with_spoilt_value(PAID, place, spoilt).expect("a member");
        for task in tasks() {
            for memo in MEMOS {
                let (moved, is_ended) = paid(&learned(resumed(&task, memo, answer(200, body.as_bytes()))));
                prop_assert!(moved.iter().all(|amount| *amount == target().total), "{}", body);
                prop_assert_eq!(!moved.is_empty(), is_ended, "{}", body);
                if !body.contains("\"status\":\"CON\"") && !body.contains("\"status\":\"EST\"") {
                    prop_assert!(!is_ended, "{}", body);
                }
            }
        }
    }

    #[test]
    fn a_changed_byte_of_an_answer_never_pays_another_sum(place in 0..PAID.len(), byte in any::<u8>()) {
        let mut body = PAID.as_bytes().to_vec();
        body[place] = byte;
        let (moved, _) = paid(&looked_up(200, &body));
        prop_assert!(moved.iter().all(|amount| *amount == target().total));
    }

    #[test]
    fn a_truncated_answer_is_no_payment(length in 0..PAID.len()) {
        prop_assert!(looked_up(200, &PAID.as_bytes()[..length]).is_empty());
    }

    #[test]
    fn a_spoilt_member_of_a_creation_opens_its_own_page_or_none(
        place in 0usize..7,
        spoilt in prop::sample::select(SPOILT.to_vec()),
    ) {
        let body = with_spoilt_value(MADE, place, spoilt).expect("a member");
        let step = resumed(&authorize(), r#"{"stage":"init"}"#, answer(200, body.as_bytes()));
        for fact in learned(step).into_iter().flat_map(|seen| seen.facts) {
            if let FactKind::Opened(opening) = fact.kind {
                prop_assert_eq!(&*opening.provider_reference, NIT);
                let page = opening.pay_url.expect("a page");
                prop_assert!(page.as_str().starts_with("https://portal.example/") && page.as_str().contains(NIT));
            }
        }
    }

    #[test]
    fn a_changed_byte_of_a_storage_notice_keeps_no_other_card_unseen(place in 0usize..300, byte in any::<u8>()) {
        let mut body = storage("CON").into_bytes();
        let place = place % body.len();
        body[place] = byte;
        let reading = noticed("storage", &body, true);
        // Another identifier is another repetition: it cannot stand in the place of the genuine one.
        let genuine = noticed("storage", storage("CON").as_bytes(), true);
        let is_same_token = reading.tokens.first().map(|token| &token.digest)
            == genuine.tokens.first().map(|token| &token.digest);
        if !is_same_token && reading.verdict == Verdict::Valid {
            prop_assert_ne!(reading.repeat_key, genuine.repeat_key);
        }
    }

    #[test]
    fn a_customer_s_name_at_the_portal_is_short_and_always_the_same(merchant in "[a-z]{1,8}", customer in "[!-~]{1,64}") {
        let name = store_identification(&merchant, &customer);
        prop_assert_eq!(name.len(), 19);
        prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        prop_assert_eq!(&name, &store_identification(&merchant, &customer));
        prop_assert_ne!(&name, &store_identification(&format!("{merchant}x"), &customer));
        prop_assert_ne!(name, store_identification(&merchant, &format!("{customer}x")));
    }
}

#[test]
fn the_unspoilt_ones_are_what_they_say() {
    assert_eq!(paid(&looked_up(200, PAID.as_bytes())), (vec![target().total], true));
    assert_eq!(learned(resumed(&authorize(), r#"{"stage":"init"}"#, answer(200, MADE.as_bytes()))).len(), 1);
    let reading = noticed("storage", storage("CON").as_bytes(), true);
    let state = reading.observations.iter().flat_map(|seen| &seen.facts).find_map(|fact| match &fact.kind {
        FactKind::Instrument(telling) => Some(telling.state),
        _ => None,
    });
    assert_eq!((reading.verdict, state), (Verdict::Valid, Some(KeepingState::Kept)));
}

#[test]
fn a_notice_alone_never_pays_and_an_unknown_one_has_no_effect() {
    let _story = testing::story("a_notice_alone_never_pays_and_an_unknown_one_has_no_effect");
    for status in ["NOV", "AGU", "PEN", "PPC", "PPN", "CON", "NEG", "ERR", "EST", "XYZ"] {
        let body = format!("nit={NIT}&pedido=20260001&nsu=20260001&status={status}");
        let reading = noticed("status", body.as_bytes(), true);
        assert!(reading.observations.is_empty() && reading.ask, "{status}");
        assert_eq!(reading.verdict, Verdict::Unsigned, "{status}");
        for route in ["status", "storage", "authenticity"] {
            let body = format!("{body}&nita={NITA}&hash={HASH}&codigoLoja=outra");
            let reading = noticed(route, body.as_bytes(), false);
            assert!(reading.observations.is_empty() && reading.tokens.is_empty(), "{route} {status}");
            assert!(!reading.ask && reading.handover.is_none(), "{route} {status}");
            assert_ne!(CaratEsitef.reply_to(reading.verdict).status, 200, "{route} {status}");
        }
    }
}

#[test]
fn a_storage_notice_pays_nothing_and_a_card_is_kept_by_two_words_only() {
    let _story = testing::story("a_storage_notice_pays_nothing_and_a_card_is_kept_by_two_words_only");
    for status in ["CON", "DUP", "INV", "NEG", "CAN", "DEL", "BLQ", "XYZ", "con"] {
        let reading = noticed("storage", storage(status).as_bytes(), true);
        assert_eq!(paid(&reading.observations), (vec![], false), "{status}");
        assert_eq!(reading.tokens.len(), usize::from(["CON", "DUP"].contains(&status)), "{status}");
    }
    testing::covers!("CA-27");
}

#[test]
fn every_status_of_http_but_a_success_or_a_denial_tells_nothing() {
    for status in (100..600).filter(|status| !(200..300).contains(status)) {
        assert!(looked_up(status, PAID.as_bytes()).is_empty(), "{status}");
    }
}

#[test]
fn a_deep_or_huge_answer_is_no_payment() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(looked_up(200, deep.as_bytes()).is_empty());
    let deep = PAID.replace("\"Aprovada\"", &deep);
    assert!(looked_up(200, deep.as_bytes()).is_empty());
    let huge = PAID.replace("Aprovada", &"A".repeat(2_000_000));
    let longest = serde_json::to_string(&looked_up(200, huge.as_bytes())).expect("JSON").len();
    assert!(longest < 10_000, "{longest}");
    let refused = format!(r#"{{"code":"{}","message":"{}"}}"#, "9".repeat(100_000), "A".repeat(100_000));
    let step = resumed(&Task::LookUp(target()), r#"{"stage":"query"}"#, answer(400, refused.as_bytes()));
    assert!(format!("{step:?}").len() < 2_000);
}

#[test]
fn an_account_that_lacks_what_it_needs_sends_nothing() {
    let bare = Account { credentials: BTreeMap::new(), secrets: BTreeMap::new(), ..account() };
    for task in tasks() {
        let step = CaratEsitef.begin(&task, &bare, moment());
        assert!(matches!(step, Step::Refused(_)), "{task:?}");
    }
}

fn tasks() -> Vec<Task> {
    let typed = TypedCard {
        number: "4000000000000044".into(),
        expiry: "12/30".into(),
        security_code: "123".into(),
        holder: "PRUEBA".into(),
    };
    let card = Card::read(typed, now()).expect("a card");
    let stored = Order { is_shopper_away: true, instrument: stored().id.to_string().parse().ok(), ..order() };
    let act = |kind| {
        Task::Operate(Box::new(Act {
            kind,
            reference: "20260009".into(),
            movement: hold(),
            amount: target().total,
            is_whole: true,
            is_repeated: false,
            target: target(),
        }))
    };
    vec![
        authorize(),
        Task::ChargeStored(authorization(stored)),
        Task::Pay(Box::new(Supply { target: target(), order: order(), supplied: Supplied::Card(card) })),
        Task::LookUp(target()),
        act(OperationKind::Capture),
        act(OperationKind::Refund),
        Task::Withdraw(target()),
        Task::Invalidate(self::stored()),
    ]
}

fn authorize() -> Task {
    Task::Authorize(authorization(Order { keep_instrument: true, ..order() }))
}

fn authorization(order: Order) -> Box<Authorization> {
    Box::new(Authorization {
        reference: "20260001".into(),
        instrument: order.instrument.is_some().then(stored),
        order,
        expires_at: now() + jiff::SignedDuration::from_mins(30),
        return_url: "https://pagos.example/r/loja/att_1".parse().expect("an address"),
        card_url: "https://pagos.example/c/loja/att_1".parse().expect("an address"),
        notice_url: "https://pagos.example/notices/carat_esitef/loja".parse().expect("an address"),
    })
}

fn stored() -> StoredInstrument {
    StoredInstrument {
        id: format!("ins_{}", "0".repeat(32)).parse().expect("an id"),
        provider_reference: NITA.into(),
        token: TOKEN.to_owned().into(),
        brand: None,
    }
}

fn hold() -> Movement {
    Movement {
        kind: MovementKind::Hold,
        provider_reference: NIT.into(),
        parent: None,
        amount: target().total,
        state: MovementState::Approved,
        at: now(),
        reason: payment::fact::Reason::default(),
        receipt: Receipt { number: Some("260314000000014".into()), ..Receipt::default() },
    }
}

fn storage(status: &str) -> String {
    format!(
        "nita={NITA}&nsua=26031400000560A&nsu=20260001&status={status}&hash={HASH}&bin=400000&final=0044&autorizadora=1"
    )
}

fn now() -> Timestamp {
    "2026-03-14T15:15:31Z".parse().expect("a time")
}

fn moment() -> Moment {
    Moment { now: now(), entropy: Entropy::new([7; 32]) }
}

fn target() -> Target {
    Target {
        reference: "20260001".into(),
        provider_reference: NIT.into(),
        total: Money::new(11_900, Currency::Brl),
        movements: Vec::new(),
        awaited_instrument: None,
    }
}

fn order() -> Order {
    Order {
        reference: "PEDIDO 54321".into(),
        total: target().total,
        description: None,
        taxes: vec![],
        details: vec![],
        items: vec![],
        buyer: None,
        payer: None,
        shipping: None,
        expires_at: None,
        return_url: None,
        language: Language::Pt,
        methods: vec![],
        extra: vec![],
        customer: Some("cliente-7".into()),
        keep_instrument: false,
        instrument: None,
        is_shopper_away: false,
        instalments: None,
        allow_partial: false,
        dispersion: vec![],
        recurrence: None,
        rest_of: None,
        shopper: Shopper { ip: [203, 0, 113, 24].into(), user_agent: "Prueba/1.0".into() },
    }
}

fn account() -> Account {
    Account {
        id: "loja".into(),
        merchant: "loja".into(),
        provider: "carat_esitef".into(),
        environment: Environment::Test,
        base_url: "https://portal.example".parse().expect("an address"),
        credentials: [("merchant_id".to_owned(), "lojadeexemplo1".to_owned())].into(),
        secrets: [("merchant_key".to_owned(), vec!["0123456789ABCDEF".into()])].into(),
        settings: BTreeMap::new(),
    }
}
