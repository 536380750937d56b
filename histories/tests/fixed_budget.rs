//! The budget of histories that every run of the tests tells.

use histories::{Card, Operation, Part, Told, Violation, plan, shorten, tell};

/// Histories, and steps of each.
const HISTORIES: u64 = 40;
const STEPS: usize = 100;
/// Threads that tell them.
const THREADS: u64 = 2;
/// Most histories told to shorten one that fails.
const MOST_TRIES: usize = 150;

#[test]
fn what_was_promised_holds_in_every_seeded_history() {
    let told = std::thread::scope(|scope| {
        let tellers: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || tell_share(thread))).collect();
        let told = tellers.into_iter().map(|teller| teller.join().expect("a thread without a panic"));
        told.collect::<Result<Vec<Vec<Told>>, _>>()
    });
    let told = told.unwrap_or_else(|(seed, violation)| panic!("{}", shortest(seed, violation))).concat();
    let deaths: usize = told.iter().map(|told| told.deaths).sum();
    let payments: usize = told.iter().map(|told| told.payments).sum();
    assert!(
        told.len() as u64 == HISTORIES && deaths > 50 && payments > 400,
        "{deaths} deaths, {payments} payments"
    );
}

/// Tells every history of one thread, up to the first that fails.
fn tell_share(thread: u64) -> Result<Vec<Told>, (u64, Violation)> {
    let seeds = (1..=HISTORIES).filter(|seed| seed % THREADS == thread);
    seeds.map(|seed| tell(seed, &plan::draw(seed, STEPS)).map_err(|violation| (seed, violation))).collect()
}

fn shortest(seed: u64, violation: Violation) -> String {
    let operations = plan::draw(seed, STEPS);
    let shortest = shorten(seed, &operations, violation, MOST_TRIES);
    let kept = shortest.kept.iter().map(|index| format!("  {index} {:?}\n", operations[*index]));
    let kept: String = kept.collect();
    let (prefix, what) = (shortest.prefix, shortest.violation.what);
    format!(
        "seed {seed} fails with a prefix of {prefix} operations, of which these are needed:\n{kept}{what}"
    )
}

#[test]
fn a_seed_replays_a_run() {
    for seed in [3, 4] {
        let operations = plan::draw(seed, STEPS);
        assert_eq!(tell(seed, &operations), tell(seed, &operations));
    }
    assert_ne!(tell(3, &plan::draw(3, STEPS)), tell(4, &plan::draw(4, STEPS)));
}

#[test]
fn a_notice_is_followed_after_the_hub_has_given_up_asking() {
    let operations = [
        Operation::Order { merchant: 0, part: Part::AvalPay, amount: 119_000, minutes: None },
        Operation::Pay(0, Card::Reviewed),
        Operation::Settle { is_silent: true },
        Operation::Decide { order: 0, is_approved: true },
        Operation::Settle { is_silent: false },
    ];
    assert_eq!(tell(1, &operations).map(|told| told.payments), Ok(1));
}
