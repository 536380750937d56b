//! `histories`: tells seeded histories until one fails or the time is over.
//!
//! Exit codes: 0 all held, 1 one failed (its seed and its shortest form are printed), 2 wrong usage.
#![expect(clippy::print_stdout, reason = "a command's report is its output")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use histories::{Operation, Violation, plan, shorten, tell};

/// Most histories told to shorten one that fails.
const MOST_TRIES: usize = 2000;

/// Tells seeded histories of the hub, and judges them after every step.
#[derive(Parser)]
#[command(name = "histories")]
struct Arguments {
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds; without it and without --minutes, one
    #[arg(long)]
    seeds: Option<u64>,
    /// Until so many minutes are over
    #[arg(long)]
    minutes: Option<u64>,
    /// Operations in each history
    #[arg(long, default_value_t = 120)]
    steps: usize,
    /// Only the operations at these places of one history, separated by commas
    #[arg(long, value_delimiter = ',')]
    only: Option<Vec<usize>>,
    /// Threads
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// What all threads have told together.
#[derive(Default)]
struct Total {
    seeds: AtomicU64,
    steps: AtomicUsize,
    deaths: AtomicUsize,
    payments: AtomicUsize,
    failure: Mutex<Option<(u64, Violation)>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(only) = &arguments.only {
        return retell(&arguments, only);
    }
    if !cfg!(feature = "deaths") {
        println!("The hub does not die in these histories: build with --features deaths.");
    }
    let began = Instant::now();
    let total = Total::default();
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| tell_many(&arguments, began, &total));
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let (seeds, steps) = (total.seeds.into_inner(), total.steps.into_inner());
    println!(
        "{seeds} histories, {steps} steps, {} payments, {} deaths in {seconds:.1} s: {:.0} steps a second",
        total.payments.into_inner(),
        total.deaths.into_inner(),
        steps as f64 / seconds
    );
    let failure = total.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    match failure {
        None => ExitCode::SUCCESS,
        Some((seed, violation)) => {
            report(seed, arguments.steps, violation);
            ExitCode::from(1)
        }
    }
}

fn tell_many(arguments: &Arguments, began: Instant, total: &Total) {
    loop {
        let number = total.seeds.fetch_add(1, Ordering::Relaxed);
        let is_over = match (arguments.seeds, arguments.minutes) {
            (None, None) => number >= 1,
            (seeds, minutes) => {
                seeds.is_some_and(|seeds| number >= seeds)
                    || minutes.is_some_and(|minutes| began.elapsed() > Duration::from_secs(minutes * 60))
            }
        };
        let mut failure = total.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if is_over || failure.is_some() {
            total.seeds.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        drop(failure);
        let seed = arguments.seed + number;
        match tell(seed, &plan::draw(seed, arguments.steps)) {
            Ok(told) => {
                total.steps.fetch_add(told.steps, Ordering::Relaxed);
                total.deaths.fetch_add(told.deaths, Ordering::Relaxed);
                total.payments.fetch_add(told.payments, Ordering::Relaxed);
            }
            Err(violation) => {
                failure = total.failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert((seed, violation));
            }
        }
        // What was measured meanwhile would stay in memory until somebody reads it.
        hub::metrics::render(&[]);
    }
}

fn report(seed: u64, steps: usize, violation: Violation) {
    println!("Seed {seed} fails after step {}: {}", violation.step, violation.what);
    let operations = plan::draw(seed, steps);
    let shortest = shorten(seed, &operations, violation, MOST_TRIES);
    println!("The prefix of {} operations, without what can be left out:", shortest.prefix);
    list(&shortest.kept, &operations);
    println!("{}", shortest.violation.what);
    let kept: Vec<String> = shortest.kept.iter().map(ToString::to_string).collect();
    println!("Again: histories --seed {seed} --steps {steps} --only {}", kept.join(","));
}

fn retell(arguments: &Arguments, only: &[usize]) -> ExitCode {
    let operations = plan::draw(arguments.seed, arguments.steps);
    let kept: Vec<usize> = only.iter().copied().filter(|index| *index < operations.len()).collect();
    list(&kept, &operations);
    let chosen: Vec<Operation> = kept.iter().map(|index| operations[*index].clone()).collect();
    match tell(arguments.seed, &chosen) {
        Ok(told) => {
            println!("It holds: {told:?}");
            ExitCode::SUCCESS
        }
        Err(violation) => {
            println!("It fails after step {}: {}", violation.step, violation.what);
            ExitCode::from(1)
        }
    }
}

fn list(kept: &[usize], operations: &[Operation]) {
    for index in kept {
        println!("  {index:>4} {:?}", operations[*index]);
    }
}
