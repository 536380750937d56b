//! What the hub must never know leaves no trace in it: two histories that differ in it alone leave the same. In a program of
//! its own, because it listens to all that is logged.

use histories::{Card, Operation, Part, Payer, Remains, plan, remains};

/// Steps of each history.
const STEPS: usize = 100;

/// Two numbers with the same first six and last four digits that no card has; the sandbox takes both for one test card.
const PAYERS: [Payer; 2] =
    [Payer { number: "4110761111110081", code: "407" }, Payer { number: "4110769292920081", code: "935" }];

#[test]
fn histories_that_differ_in_card_and_code_alone_leave_the_same() {
    for seed in [11, 12, 13] {
        let mut operations = plan::draw(seed, STEPS);
        // Whatever else is drawn, somebody pays.
        operations.splice(
            0..0,
            [
                Operation::Order { merchant: 0, part: Part::AvalPay, amount: 119_000, minutes: None },
                Operation::Pay(0, Card::Approved),
                Operation::Return(0),
            ],
        );
        let left = |payer: &Payer| remains(seed, &operations, payer.clone()).expect("nothing is broken");
        let [one, other] = [left(&PAYERS[0]), left(&PAYERS[1])];
        assert!(one.charges > 0, "somebody paid with that card");
        assert!(!one.sealed.is_empty() && !one.told.is_empty());
        assert!(one.log.contains("answered"), "{}", one.log);
        assert_same(&one, &other);
        for payer in &PAYERS {
            let everything = format!("{one:?} {other:?}");
            assert!(!everything.contains(payer.number), "the card itself is nowhere");
        }
    }
}

#[test]
fn a_difference_that_the_hub_may_know_is_seen() {
    let operations = [
        Operation::Order { merchant: 0, part: Part::AvalPay, amount: 119_000, minutes: None },
        Operation::Pay(0, Card::Approved),
        Operation::Return(0),
        Operation::Settle { is_silent: false },
    ];
    let other_end = Payer { number: "4110761111110097", code: PAYERS[0].code };
    let left = |payer: Payer| remains(1, &operations, payer).expect("nothing is broken");
    let [one, other] = [left(PAYERS[0].clone()), left(other_end)];
    assert!(one.records.contains("0081") && other.records.contains("0097"), "the last four digits are kept");
    assert_ne!(one.told, other.told);
}

/// Names the first line that differs.
fn assert_same(one: &Remains, other: &Remains) {
    let texts = |remains: &Remains| {
        let sealed = remains.sealed.iter().map(|(place, plain)| format!("{place}: {plain}")).collect();
        [remains.records.clone(), sealed, remains.told.join("\n"), remains.log.clone()]
    };
    let sealed = |remains: &Remains| remains.sealed.len();
    assert_eq!((one.charges, sealed(one)), (other.charges, sealed(other)));
    for (one, other) in texts(one).iter().zip(&texts(other)) {
        let pair = one.lines().zip(other.lines()).find(|(one, other)| one != other);
        assert_eq!(pair, None);
        assert_eq!(one.len(), other.len());
    }
}
