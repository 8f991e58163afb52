//! Sagas on a paused clock: random flows over aggregates that refuse at random, told to engines that are killed,
//! frozen and started at any point, on stores that fail, delay and lose replies, as a seed says; the clock jumps
//! over deadlines, people cancel, retry and resolve, and in every third world log and workspace are apart. A model
//! follows the log with rules of its own: in the end every flow that began has ended, every command has had one
//! reply and its effect once, and what was done was left or undone as a whole. The same seed is the same run.
//!
//! A seed that fails is run again, with all that was done to it, by
//! `ANNALS_SEED=7 cargo test -p annals-sagas --test simulation`; `ANNALS_SEEDS=10000` says how many there are.

mod clock;
mod cover;
mod domain;
mod flows;
mod member;
mod model;
mod people;
mod program;
mod random;
mod snapshot;
mod storm;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cover::Cover;
use world::World;

/// How many seeds are run unless `ANNALS_SEEDS` says otherwise.
const SEEDS: u64 = 60;

/// From how many seeds on everything must have happened.
const ENOUGH_FOR_ALL: u64 = 60;

/// How many of the last things done to a world are shown of a seed that fails among many.
const LAST_LINES: usize = 60;

/// How long a world may take by its own clock, before it counts as hanging.
const LIFE: Duration = Duration::from_secs(6 * 3600);

/// What came of a seed.
struct Run {
    hash: u64,
    cover: Cover,
    /// What was done to the world.
    lines: Vec<String>,
    /// What was expected, and is not so.
    broken: Option<String>,
}

fn run(seed: u64) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets can always be built");
    runtime.block_on(async {
        let mut world = World::new(seed).await;
        let ran = tokio::time::timeout(LIFE, world.run()).await;
        let broken = match ran {
            Ok(ran) => ran.err(),
            Err(_) => Some(format!("it hangs: {LIFE:?} by its own clock were not enough")),
        };
        Run { hash: world.model.hash(), cover: world.cover, lines: world.lines, broken }
    })
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

fn fail(seed: u64, run: &Run, most_lines: usize) {
    let Some(broken) = &run.broken else { return };
    let first = run.lines.len().saturating_sub(most_lines);
    panic!(
        "seed {seed} breaks a promise\n{}\n{broken}\n\
         to see it again: ANNALS_SEED={seed} cargo test -p annals-sagas --test simulation",
        run.lines[first..].join("\n")
    );
}

#[test]
fn every_flow_ends_whole_in_every_world() {
    if let Some(seed) = number("ANNALS_SEED") {
        let run = run(seed);
        print!("{}", run.cover);
        return fail(seed, &run, usize::MAX);
    }
    // A world takes twenty times as long as one of the engine's.
    let seeds = number("ANNALS_SEEDS").map_or(SEEDS, |seeds| seeds.div_ceil(20));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, sum) = (AtomicU64::new(1), Mutex::new((Cover::default(), None)));
    std::thread::scope(|scope| {
        let work = || loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > seeds {
                return;
            }
            let run = run(seed);
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            sum.0.add(&run.cover);
            if run.broken.is_some() {
                next.store(seeds + 1, Ordering::Relaxed);
                sum.1.get_or_insert((seed, run));
            }
        };
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let (cover, broken) = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    print!("{cover}");
    if let Some((seed, run)) = broken {
        fail(seed, &run, LAST_LINES);
    }
    if seeds >= ENOUGH_FOR_ALL {
        let missing = cover.missing();
        assert!(missing.is_empty(), "in {seeds} worlds this never happened: {missing:?}");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 1..=6 {
        let first = run(seed);
        let again = std::thread::spawn(move || run(seed)).join().expect("a run does not panic");
        let lines = first.lines.iter().zip(&again.lines).enumerate();
        let differs = lines.into_iter().find(|(_, (first, again))| first != again);
        assert_eq!(differs, None, "what is done in the runs of seed {seed} differs");
        assert_eq!(first.hash, again.hash, "the logs of the runs of seed {seed} differ");
    }
}
