//! The hand-written table of states, and the promise that no order or repetition of facts changes a summary.

use payment::attempt::Attempt;
use payment::fact::{Ending, Fact, FactKind, Opening, Outcome, Telling};
use payment::instrument::{InstrumentTelling, KeepingState};
use payment::movement::{Movement, MovementKind, MovementState, Receipt};
use payment::recurrence::Recurred;
use payment::{Currency, Money, Summary, Timestamp, summary};

const TABLE: &str = include_str!("state_table.csv");

struct Row {
    name: String,
    total: Money,
    facts: Vec<Fact>,
    expected: String,
}

fn rows() -> Vec<Row> {
    let mut lines = TABLE.lines();
    let header = lines.next().expect("a header");
    assert!(header.ends_with(",source"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), 11, "{line}");
            assert!(!cells[10].is_empty(), "every row has its source: {line}");
            let (currency, minor) = cells[1].split_once(' ').expect("a total");
            let currency: Currency = currency.parse().expect("a currency");
            let total = Money::new(minor.parse().expect("minor units"), currency);
            let facts = cells[2].split_whitespace().map(|text| fact(text, currency)).collect();
            Row { name: cells[0].to_owned(), total, facts, expected: cells[3..10].join(",") }
        })
        .collect()
}

fn fact(text: &str, currency: Currency) -> Fact {
    let (what, minute) = text.split_once('@').expect("an instant");
    let start: Timestamp = "2026-03-14T15:00:00Z".parse().expect("a timestamp");
    let at = start + jiff::SignedDuration::from_mins(minute.parse().expect("minutes"));
    let parts: Vec<&str> = what.split(':').collect();
    let kind = match parts[..] {
        ["opened"] => FactKind::Opened(Opening {
            provider_reference: "508817".into(),
            pay_url: "http://avalpay.localhost/spa/session/508817/x".parse().ok(),
            pay_code: None,
            expires_at: at,
        }),
        ["waiting"] => FactKind::Waiting(Telling::default()),
        ["in_progress"] => FactKind::InProgress(Telling::default()),
        ["partly_paid"] => FactKind::PartlyPaid(Telling::default()),
        ["unrecognized"] => FactKind::Unrecognized(Telling::default()),
        ["not_opened"] => FactKind::NotOpened(Telling::default()),
        ["unanswered"] => FactKind::Unanswered,
        ["asked_again"] => FactKind::AskedAgain,
        ["kept", digest] => FactKind::Instrument(InstrumentTelling {
            provider_reference: "Z1".into(),
            state: KeepingState::Kept,
            digest: digest.into(),
            brand: None,
            bin: None,
            last_four: None,
            valid_until: None,
            reason: Default::default(),
        }),
        ["recurred"] => FactKind::Recurred(Recurred {
            provider_reference: "1700004455".into(),
            state: MovementState::Approved,
            reason: Default::default(),
            tries: Some(1),
            has_more: Some(true),
        }),
        ["timed_out"] => FactKind::TimedOut,
        ["contradicted"] => FactKind::Contradicted { detail: "another reference".into() },
        ["told", word] => FactKind::Told { outcome: outcome(word) },
        ["ended", word] => FactKind::Ended(Ending { outcome: outcome(word), reason: Default::default() }),
        [kind, reference, state, minor] => movement(kind, reference, state, minor, currency, at),
        [kind, reference, state, minor, other] => {
            movement(kind, reference, state, minor, other.parse().expect("a currency"), at)
        }
        _ => panic!("not a fact: {text}"),
    };
    Fact::new(at, kind)
}

fn movement(
    kind: &str,
    reference: &str,
    state: &str,
    minor: &str,
    currency: Currency,
    at: Timestamp,
) -> FactKind {
    let word = |text: &str| serde_json::Value::String(text.to_owned());
    FactKind::Moved(Movement {
        kind: serde_json::from_value::<MovementKind>(word(kind)).expect("a movement"),
        provider_reference: reference.to_owned(),
        parent: None,
        amount: Money::new(minor.parse().expect("minor units"), currency),
        state: serde_json::from_value::<MovementState>(word(state)).expect("a state"),
        at,
        reason: Default::default(),
        receipt: Receipt::default(),
    })
}

fn outcome(word: &str) -> Outcome {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).expect("an outcome")
}

fn sum_up(total: Money, facts: Vec<Fact>) -> Summary {
    summary(total, &[Attempt { ordinal: 1, facts }])
}

fn told(summary: &Summary) -> String {
    let cases: Vec<&str> = summary.cases.iter().map(|case| case.word()).collect();
    format!(
        "{},{},{},{},{},{},{}",
        summary.status,
        summary.certainty.word(),
        summary.authorized.minor,
        summary.paid.minor,
        summary.refunded.minor,
        summary.overpaid.minor,
        cases.join(" ")
    )
}

#[test]
fn every_row_of_the_state_table_holds() {
    for row in rows() {
        assert_eq!(told(&sum_up(row.total, row.facts)), row.expected, "{}", row.name);
    }
}

#[test]
fn money_that_nobody_took_is_neither_given_back_nor_the_whole_of_a_payment() {
    let facts = |texts: &[&str]| texts.iter().map(|text| fact(text, Currency::Cop)).collect::<Vec<_>>();
    let total = Money::new(11_900_000, Currency::Cop);
    let given_back = sum_up(total, facts(&["opened@0", "refund:A1:approved:5000@1"]));
    assert_eq!(given_back.status.to_string(), "requires_action");
    let of_nothing = sum_up(Money::zero(Currency::Cop), facts(&["opened@0"]));
    assert_eq!(of_nothing.status.to_string(), "requires_action");
}

#[test]
fn what_the_shopper_was_told_last_is_kept() {
    let told = |texts: &[&str]| {
        let facts = texts.iter().map(|text| fact(text, Currency::Cop)).collect();
        sum_up(Money::new(11_900_000, Currency::Cop), facts).told
    };
    assert_eq!(told(&["opened@0"]), None);
    assert_eq!(told(&["opened@0", "told:rejected@5", "told:approved@3"]), Some(Outcome::Rejected));
    assert_eq!(told(&["opened@0", "told:rejected@3", "told:approved@5"]), Some(Outcome::Approved));
}

#[test]
fn no_order_and_no_repetition_of_facts_changes_a_summary() {
    let mut tried = 0;
    for row in rows() {
        let expected = sum_up(row.total, row.facts.clone());
        permute(&mut row.facts.clone(), 0, &mut |permuted| {
            tried += 1;
            let sum = sum_up(row.total, permuted.to_vec());
            assert_eq!(sum, expected, "{}: another order", row.name);
            for repeated in 0..permuted.len() {
                let mut doubled = permuted.to_vec();
                doubled.push(permuted[repeated].clone());
                assert_eq!(sum_up(row.total, doubled), expected, "{}: a repetition", row.name);
            }
        });
    }
    assert!(tried > 500, "the table is large enough to mean something: {tried}");
}

#[test]
fn the_same_facts_split_over_two_attempts_count_every_charge_once() {
    let currency = Currency::Cop;
    let first = vec![fact("opened@0", currency), fact("ended:expired@1", currency)];
    let second = vec![fact("charge:b:approved:100@3", currency), fact("ended:approved@3", currency)];
    let attempts = [Attempt { ordinal: 1, facts: first }, Attempt { ordinal: 2, facts: second }];
    let reversed = [attempts[1].clone(), attempts[0].clone()];
    let total = Money::new(100, currency);
    assert_eq!(told(&summary(total, &attempts)), "approved,confirmed,0,100,0,0,");
    assert_eq!(summary(total, &attempts), summary(total, &reversed));
}

fn permute(facts: &mut Vec<Fact>, from: usize, visit: &mut impl FnMut(&[Fact])) {
    if from == facts.len() {
        visit(facts);
        return;
    }
    for index in from..facts.len() {
        facts.swap(from, index);
        permute(facts, from + 1, visit);
        facts.swap(from, index);
    }
}
