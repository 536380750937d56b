//! Reversals whose answers are lost, refused or of several charges: what is sent next, and what is learned in the end.

use payment::account::Environment;
use payment::fact::{Fact, FactKind, Reason};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::operation::{OperationKind, Portion};
use payment::provider::Moment;
use payment::step::{AfterLost, Answer, Call, Input, Memo, Step};
use payment::task::{Act, Target};
use payment::{Account, Currency, Entropy, Money, Provider, Task, Timestamp};
use placetopay_client::checkout::AvalPay;

const REFERENCE: &str = "PRUEBA1";

fn now() -> Timestamp {
    "2026-03-14T15:23:41Z".parse().expect("a time")
}

fn cop(minor: i64) -> Money {
    Money::new(minor, Currency::Cop)
}

fn account() -> Account {
    Account {
        id: "tienda".into(),
        merchant: "tienda".into(),
        provider: "avalpay".into(),
        environment: Environment::Test,
        base_url: "https://checkout.example".parse().expect("an address"),
        credentials: [("login".to_owned(), "sitio".to_owned())].into(),
        secrets: [("secret_key".to_owned(), vec!["Clave-Sandbox-00x".to_owned().into()])].into(),
        settings: [].into(),
    }
}

fn charge(reference: &str, minor: i64) -> Movement {
    Movement {
        kind: MovementKind::Charge,
        provider_reference: reference.into(),
        parent: None,
        amount: cop(minor),
        state: MovementState::Approved,
        at: "2026-03-14T15:22:06Z".parse().expect("a time"),
        reason: Reason::default(),
        receipt: Receipt::default(),
    }
}

/// Gives back so much of these charges.
fn task(movements: Vec<Movement>, minor: i64) -> Task {
    let total = cop(movements.iter().map(|movement| movement.amount.minor).sum());
    let movement = movements[0].clone();
    let target = Target {
        reference: REFERENCE.into(),
        provider_reference: "508817".into(),
        total,
        movements,
        awaited_instrument: None,
    };
    let (reference, amount) = ("PRUEBA2".to_owned(), cop(minor));
    Task::Operate(Box::new(Act {
        kind: OperationKind::Refund,
        reference,
        target,
        movement,
        amount,
        is_whole: amount == total,
        is_repeated: false,
    }))
}

fn moment() -> Moment {
    Moment { now: now(), entropy: Entropy::new([7; 32]) }
}

fn begin(task: &Task) -> Step {
    AvalPay.begin(task, &account(), moment())
}

fn next(task: &Task, memo: &Memo, input: Input) -> Step {
    AvalPay.resume(task, &account(), memo, input, moment())
}

fn answer(status: u16, body: String) -> Input {
    Input::Answer(Answer {
        status,
        content_type: "application/json".into(),
        body: body.into_bytes(),
        received_at: now(),
        provider_date: None,
        handed_over: None,
    })
}

fn reversal(word: &str, reason: &str) -> Input {
    let status = format!(r#"{{"status":"{word}","reason":"{reason}","date":"2026-03-14T10:23:40-05:00"}}"#);
    answer(
        200,
        format!(r#"{{"status":{status},"payment":{{"status":{status},"internalReference":990977}}}}"#),
    )
}

fn failed(reason: &str) -> Input {
    answer(400, format!(r#"{{"status":{{"status":"FAILED","reason":"{reason}","message":"No"}}}}"#))
}

/// The session, whose charges are marked as given back or not.
fn session(charges: &[(&str, i64, bool)]) -> Input {
    let transaction = |(reference, total, refunded): &(&str, i64, bool)| {
        format!(
            r#"{{"status":{{"status":"APPROVED","reason":"00","date":"2026-03-14T10:22:06-05:00"}},"internalReference":{reference},"reference":"{REFERENCE}","amount":{{"from":{{"currency":"COP","total":{total}}}}},"refunded":{refunded}}}"#
        )
    };
    let list: Vec<String> = charges.iter().map(transaction).collect();
    let total: i64 = charges.iter().map(|(_, total, _)| total).sum();
    answer(
        200,
        format!(
            r#"{{"requestId":508817,"status":{{"status":"APPROVED","reason":"00","date":"2026-03-14T10:23:40-05:00"}},"request":{{"payment":{{"reference":"{REFERENCE}","amount":{{"currency":"COP","total":{total}}}}}}},"payment":[{}]}}"#,
            list.join(",")
        ),
    )
}

fn called(step: Step) -> Call {
    let Step::Call(call) = step else { panic!("no call: {step:?}") };
    assert_eq!(
        call.on_lost,
        AfterLost::RepeatSame,
        "a charge is given back once, however often that is asked"
    );
    *call
}

fn reversals(step: Step) -> Vec<(String, MovementState, i64)> {
    let Step::Learned(learned) = step else { panic!("nothing learned: {step:?}") };
    let facts: Vec<Fact> = learned.observations.into_iter().flat_map(|told| told.facts).collect();
    facts
        .into_iter()
        .filter_map(|fact| match fact.kind {
            FactKind::Moved(moved) if moved.kind == MovementKind::Reversal => {
                Some((moved.provider_reference, moved.state, moved.amount.minor))
            }
            _ => None,
        })
        .collect()
}

const LOST: Input = Input::Lost { maybe_sent: true };
const UNSENT: Input = Input::Lost { maybe_sent: false };
const APPROVED: MovementState = MovementState::Approved;
const REJECTED: MovementState = MovementState::Rejected;

fn one(state: MovementState) -> Vec<(String, MovementState, i64)> {
    vec![("7-reversal".into(), state, 1000)]
}

#[test]
fn a_reversal_told_by_its_answer_and_by_a_later_look_is_one_movement() {
    let _story = testing::story("a_reversal_told_by_its_answer_and_by_a_later_look_is_one_movement");
    let task = task(vec![charge("7", 1000)], 1000);
    let call = called(begin(&task));
    let Task::Operate(act) = &task else { panic!("an operation") };
    let look_up = Task::LookUp(act.target.clone());
    let by_answer = next(&task, &call.memo, reversal("APPROVED", "00"));
    let by_look = next(&look_up, &Memo::default(), session(&[("7", 10, true)]));
    let facts: Vec<Fact> = [by_answer, by_look]
        .into_iter()
        .flat_map(|step| if let Step::Learned(learned) = step { learned.observations } else { vec![] })
        .flat_map(|told| told.facts)
        .collect();
    let attempt = payment::attempt::Attempt { ordinal: 1, facts };
    let summary = payment::summary(cop(1000), &[attempt]);
    assert_eq!((summary.refunded, summary.paid), (cop(1000), cop(1000)));
    assert_eq!(summary.movements.len(), 2);
}

#[test]
fn a_lost_answer_is_looked_for_and_sent_once_more_when_nothing_shows() {
    let task = task(vec![charge("7", 1000)], 1000);
    let sent = called(begin(&task));
    let found = called(next(&task, &sent.memo, LOST));
    assert_eq!(found.request.operation, "query_session");
    assert_eq!(reversals(next(&task, &found.memo, session(&[("7", 10, true)]))), one(APPROVED));
    let again = called(next(&task, &found.memo, session(&[("7", 10, false)])));
    assert_eq!(again.request.operation, "reverse");
    assert_eq!(reversals(next(&task, &again.memo, reversal("APPROVED", "00"))), one(APPROVED));
    // Nothing was left to give back: the first one had done it.
    assert_eq!(reversals(next(&task, &again.memo, failed("BR"))), one(APPROVED));
    assert_eq!(reversals(next(&task, &again.memo, reversal("REJECTED", "XR"))), one(REJECTED));
    // Whatever else comes now, what became of the first one is not known.
    for input in [LOST, UNSENT, failed("RM"), failed("401"), answer(500, String::new())] {
        assert_eq!(reversals(next(&task, &again.memo, input)), []);
    }
    for input in [LOST, UNSENT, failed("401"), answer(200, "{}".into())] {
        assert_eq!(reversals(next(&task, &found.memo, input)), [], "a look that fails proves nothing");
    }
}

#[test]
fn what_a_process_that_died_may_have_sent_is_asked_again_and_nothing_left_means_that_it_was() {
    let mut task = task(vec![charge("7", 1000), charge("8", 500)], 1500);
    let Task::Operate(act) = &mut task else { panic!("an operation") };
    act.is_repeated = true;
    let first = called(begin(&task));
    assert_eq!(first.request.operation, "reverse");
    // The first charge was given back before the death, the second is now.
    let second = called(next(&task, &first.memo, failed("BR")));
    let both = reversals(next(&task, &second.memo, reversal("APPROVED", "00")));
    assert_eq!(both, [("7-reversal".to_owned(), APPROVED, 1000), ("8-reversal".to_owned(), APPROVED, 500)]);
    for input in [LOST, failed("RM"), answer(500, String::new())] {
        assert_eq!(reversals(next(&task, &first.memo, input)), [], "it is still open");
    }
}

#[test]
fn what_was_never_sent_was_not_done() {
    let task = task(vec![charge("7", 1000)], 1000);
    let sent = called(begin(&task));
    assert!(matches!(next(&task, &sent.memo, UNSENT), Step::Unclear { .. }));
    assert!(matches!(next(&task, &sent.memo, failed("request_not_valid")), Step::Refused(_)));
    assert!(matches!(next(&task, &Memo("[]".into()), LOST), Step::Unclear { .. }));
}

#[test]
fn a_rejected_reversal_gives_nothing_back_and_leaves_a_case() {
    let _story = testing::story("a_rejected_reversal_gives_nothing_back_and_leaves_a_case");
    let task = task(vec![charge("7", 1000)], 1000);
    let sent = called(begin(&task));
    let Step::Learned(learned) = next(&task, &sent.memo, reversal("REJECTED", "XR")) else {
        panic!("nothing learned")
    };
    let told = learned.observations.into_iter().flat_map(|told| told.facts);
    let charged = Fact::new(now(), FactKind::Moved(charge("7", 1000)));
    let attempt = payment::attempt::Attempt { ordinal: 1, facts: told.chain([charged]).collect() };
    let summary = payment::summary(cop(1000), &[attempt]);
    assert_eq!((summary.refunded, summary.status), (cop(0), payment::Status::Approved));
    assert_eq!(summary.cases, [payment::case::CaseKind::ReversalRefused]);
}

#[test]
fn words_that_mean_given_back_before_are_believed_when_the_session_shows_it() {
    let task = task(vec![charge("7", 1000)], 1000);
    let sent = called(begin(&task));
    let found = called(next(&task, &sent.memo, failed("BR")));
    assert_eq!(reversals(next(&task, &found.memo, session(&[("7", 10, true)]))), one(APPROVED));
    assert_eq!(reversals(next(&task, &found.memo, session(&[("7", 10, false)]))), one(REJECTED));
}

#[test]
fn every_charge_of_a_payment_in_parts_is_given_back_by_a_call_of_its_own() {
    let task = task(vec![charge("7", 1000), charge("8", 500)], 1500);
    let first = called(begin(&task));
    let second = called(next(&task, &first.memo, reversal("APPROVED", "00")));
    let body = String::from_utf8(second.request.body.to_vec()).expect("a text");
    assert!(body.contains(r#""internalReference":8,"action":"reverse""#), "{body}");
    let both = |last| vec![("7-reversal".to_owned(), APPROVED, 1000), ("8-reversal".to_owned(), last, 500)];
    assert_eq!(reversals(next(&task, &second.memo, reversal("APPROVED", "00"))), both(APPROVED));
    assert_eq!(reversals(next(&task, &second.memo, reversal("REJECTED", "XR"))), both(REJECTED));
    assert_eq!(reversals(next(&task, &second.memo, failed("request_not_valid"))), both(REJECTED));
    // What is known of the first one stays known.
    assert_eq!(reversals(next(&task, &second.memo, UNSENT)), one(APPROVED));
    let found = called(next(&task, &second.memo, LOST));
    assert_eq!(reversals(next(&task, &found.memo, LOST)), one(APPROVED));
}

#[test]
fn a_part_of_a_charge_is_never_given_back() {
    assert_eq!(AvalPay.profile().operations.refund, Some(Portion::Whole));
    assert!(matches!(begin(&task(vec![charge("7", 1000)], 999)), Step::Refused(_)));
    // One charge of several may be.
    let one = called(begin(&task(vec![charge("7", 1000), charge("8", 500)], 1000)));
    assert!(one.request.operation == "reverse");
    let mut given_back = charge("7-reversal", 1000);
    (given_back.kind, given_back.parent) = (MovementKind::Reversal, Some("7".into()));
    assert!(matches!(begin(&task(vec![charge("7", 1000), given_back], 1000)), Step::Refused(_)));
}

#[test]
fn an_answer_about_another_transaction_gives_nothing_back() {
    let task = task(vec![charge("7", 1000)], 1000);
    let sent = called(begin(&task));
    for member in [
        r#""reference":"OTRA""#,
        r#""amount":{"from":{"currency":"COP","total":9.99}}"#,
        r#""amount":{"from":{"currency":"USD","total":10}}"#,
    ] {
        let status = r#"{"status":"APPROVED","reason":"00"}"#;
        let body = format!(r#"{{"status":{status},"payment":{{"status":{status},{member}}}}}"#);
        let Step::Learned(learned) = next(&task, &sent.memo, answer(200, body)) else { panic!("{member}") };
        let facts = &learned.observations[0].facts;
        assert!(matches!(facts[..], [Fact { kind: FactKind::Contradicted { .. }, .. }]), "{member}");
    }
}

#[test]
fn a_charge_can_be_given_back_until_the_next_20_00_in_colombia() {
    let until = |charged: &str| {
        let deadline = AvalPay.reversal_deadline(charged.parse().expect("a time")).expect("a deadline");
        deadline.to_string()
    };
    assert_eq!(until("2026-03-14T15:22:06Z"), "2026-03-15T01:00:00Z");
    assert_eq!(until("2026-03-15T00:59:59.999999Z"), "2026-03-15T01:00:00Z");
    // AV-U69: a charge after it belongs to the next day's.
    assert_eq!(until("2026-03-15T01:00:00Z"), "2026-03-16T01:00:00Z");
    assert_eq!(until("2026-12-31T23:00:00-05:00"), "2027-01-02T01:00:00Z");
}
