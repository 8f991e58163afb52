//! The whole engine on a paused clock and a store that fails, delays, forgets replies and restarts, as
//! a seed says; members freeze, die, lose contact and come back, and with every step the promises are
//! looked at. The same seed is the same run.
//!
//! A seed that fails is run again, with all its steps, by `ANNALS_SEED=7 cargo test -p annals-consumers --test simulation`;
//! `ANNALS_SEEDS=10000` says how many there are.

mod cover;
mod handlers;
mod line;
mod link;
mod random;
mod recorder;
mod signal;
mod story;
mod trace;
mod troubles;
mod truth;
mod weather;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use cover::Cover;
use story::Story;
use truth::Broken;
use world::World;

/// How many seeds are run unless `ANNALS_SEEDS` says otherwise.
const SEEDS: u64 = 1_000;

/// From how many seeds on everything must have happened.
const ENOUGH_FOR_ALL: u64 = 1_000;

/// How many of the last steps are shown of a seed that fails among many.
const LAST_STEPS: usize = 120;

/// What came of a seed.
struct Run {
    hash: u64,
    cover: Cover,
    /// The last steps.
    trace: String,
    /// The promise that was broken.
    broken: Option<Broken>,
}

fn run(seed: u64, kept_steps: usize) -> Run {
    silence_panics();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let world = World::new(seed, kept_steps);
        let broken = Story::new(world.clone()).run().await.err();
        let hash = world.trace().hash();
        let trace = if broken.is_some() || kept_steps == usize::MAX {
            world.trace().to_string()
        } else {
            String::new()
        };
        Run { hash, trace, cover: world.cover(), broken }
    })
}

/// Handlers panic on purpose.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !annals_consumers::message(panic.payload()).starts_with("simulated") {
                default(panic);
            }
        }));
    });
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

fn fail(seed: u64, trace: &str, Broken(promise): &Broken) -> ! {
    panic!(
        "seed {seed} breaks a promise\n{trace}\n{promise}\n\
         to see it again: ANNALS_SEED={seed} cargo test -p annals-consumers --test simulation"
    );
}

#[test]
fn every_promise_holds_in_every_world() {
    if let Some(seed) = number("ANNALS_SEED") {
        let run = run(seed, usize::MAX);
        print!("{}", run.cover);
        if let Some(broken) = &run.broken {
            fail(seed, &run.trace, broken);
        }
        return;
    }
    let seeds = number("ANNALS_SEEDS").unwrap_or(SEEDS);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, sum) = (AtomicU64::new(1), Mutex::new((Cover::default(), None)));
    std::thread::scope(|scope| {
        let work = || loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > seeds {
                return;
            }
            let run = run(seed, LAST_STEPS);
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            sum.0.add(&run.cover);
            if let Some(broken) = run.broken {
                next.store(seeds + 1, Ordering::Relaxed);
                sum.1.get_or_insert((seed, run.trace, broken));
            }
        };
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let (cover, broken) = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    print!("{cover}");
    if let Some((seed, trace, broken)) = broken {
        fail(seed, &trace, &broken);
    }
    if seeds >= ENOUGH_FOR_ALL {
        let missing = cover.missing();
        assert!(missing.is_empty(), "in {seeds} worlds this never happened: {missing:?}");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 1..=20 {
        let first = run(seed, usize::MAX);
        let again = std::thread::spawn(move || run(seed, usize::MAX)).join().expect("no panic");
        if first.hash != again.hash {
            let steps = first.trace.lines().zip(again.trace.lines());
            let differs = steps.enumerate().find(|(_, (first, again))| first != again);
            panic!("the runs of seed {seed} differ at step {differs:?}");
        }
    }
}
