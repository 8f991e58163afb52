use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::Barrier;
use tokio::time::{Instant, advance, timeout};

use super::machine::{Ended, Machine, Ticket};
use super::{BreakerOptions, BreakerState, CircuitBreaker, Permit};

const SECOND: Duration = Duration::from_secs(1);

fn half_open(options: BreakerOptions) -> CircuitBreaker {
    let breaker = CircuitBreaker::new("stock", options);
    breaker.down("for the test");
    breaker.up();
    breaker
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn half_open_lets_exactly_as_many_through_as_may_probe() {
    for _ in 0..20 {
        let breaker = half_open(BreakerOptions { probes: 7, ..BreakerOptions::default() });
        let start = Arc::new(Barrier::new(100));
        let callers: Vec<_> = (0..100)
            .map(|_| {
                let (breaker, start) = (breaker.clone(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    breaker.admit().ok()
                })
            })
            .collect();
        let mut through: Vec<Permit> = Vec::new();
        for caller in callers {
            through.extend(caller.await.unwrap());
        }
        assert_eq!(through.len(), 7);
        through.into_iter().for_each(Permit::succeeded);
        assert_eq!(breaker.state().state, BreakerState::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_cancelled_leaves_its_place_to_another() {
    let breaker = half_open(BreakerOptions { probes: 1, ..BreakerOptions::default() });
    let probe = breaker.run(pending::<Result<(), &str>>);
    assert!(timeout(SECOND, probe).await.is_err(), "its caller has no more time");
    assert_eq!(breaker.state().state, BreakerState::HalfOpen, "which says nothing");
    breaker.run(|| async { Ok::<_, &str>(()) }).await.unwrap();
    assert_eq!(breaker.state().state, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_leaves_its_place_to_another() {
    let breaker = half_open(BreakerOptions { probes: 1, ..BreakerOptions::default() });
    let hangs = breaker.admit().unwrap();
    advance(29 * SECOND).await;
    assert!(breaker.admit().is_err());
    advance(SECOND).await;
    let other = breaker.admit().unwrap();
    hangs.failed();
    assert_eq!(
        breaker.state().state,
        BreakerState::HalfOpen,
        "it was given up: its end says nothing"
    );
    other.succeeded();
    assert_eq!(breaker.state().state, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_from_before_it_opened_is_no_probe() {
    let breaker = CircuitBreaker::new("stock", BreakerOptions::default());
    let (old, older) = (breaker.admit().unwrap(), breaker.admit().unwrap());
    breaker.down("connection reset");
    breaker.up();
    old.failed();
    older.succeeded();
    assert_eq!(breaker.state().state, BreakerState::HalfOpen);
    for _ in 0..3 {
        breaker.admit().unwrap().succeeded();
    }
    assert_eq!(breaker.state().state, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn it_stays_open_longer_each_time_that_probes_fail() {
    let options = BreakerOptions { in_a_row: Some(1), ..BreakerOptions::default() };
    let breaker = CircuitBreaker::new("stock", options);
    for seconds in [5, 10, 20, 40, 60, 60] {
        breaker.admit().unwrap().failed();
        assert_eq!(breaker.state().until, Some(Instant::now() + seconds * SECOND));
        advance(seconds * SECOND - Duration::from_millis(1)).await;
        assert!(breaker.admit().is_err());
        advance(Duration::from_millis(1)).await;
    }
    for _ in 0..3 {
        breaker.admit().unwrap().succeeded();
    }
    breaker.admit().unwrap().failed();
    assert_eq!(breaker.state().until, Some(Instant::now() + 5 * SECOND), "from the start");
}

#[tokio::test(start_paused = true)]
async fn it_opens_by_rate_once_there_are_enough_calls_of_late() {
    let options = BreakerOptions { in_a_row: None, ..BreakerOptions::default() };
    let breaker = CircuitBreaker::new("stock", options);
    // These are forgotten when the window has passed.
    for _ in 0..15 {
        breaker.admit().unwrap().failed();
    }
    advance(10 * SECOND).await;
    for _ in 0..10 {
        breaker.admit().unwrap().succeeded();
    }
    for failed in 1..=10 {
        assert_eq!(breaker.state().state, BreakerState::Closed, "after {failed}");
        breaker.admit().unwrap().failed();
    }
    assert_eq!(&*breaker.state().reason, "10 of 20 calls failed within 10s");
    // Once it has closed, nothing of before counts any more.
    advance(5 * SECOND).await;
    for _ in 0..3 {
        breaker.admit().unwrap().succeeded();
    }
    breaker.admit().unwrap().failed();
    assert_eq!(breaker.state().state, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_operators_switch_stands_above_all_that_happens() {
    let breaker = CircuitBreaker::new("stock", BreakerOptions::default());
    breaker.force_closed("we know better");
    for _ in 0..100 {
        breaker.admit().unwrap().failed();
    }
    breaker.down("connection reset");
    assert_eq!(breaker.state().state, BreakerState::ForcedClosed);
    breaker.automatic();
    assert_eq!(&*breaker.state().reason, "connection reset", "what was said meanwhile holds");
    breaker.force_open("maintenance");
    breaker.up();
    advance(3600 * SECOND).await;
    assert!(breaker.admit().unwrap_err().to_string().contains("maintenance"));
    breaker.automatic();
    assert_eq!(breaker.state().state, BreakerState::HalfOpen);
}

proptest! {
    /// Whatever ends, hangs, is cancelled or said from outside: never more probes than allowed, and no place
    /// for one is lost.
    #[test]
    fn probes_are_never_too_many_and_never_lost(
        probes in 1u32..4,
        steps in prop::collection::vec((0u8..10, any::<prop::sample::Index>(), 0u64..4000), 1..300),
    ) {
        let limit = Duration::from_secs(3);
        let mut options = BreakerOptions { probes, in_a_row: Some(3), ..BreakerOptions::default() };
        options.probe_limit = limit;
        let mut now = Instant::now();
        let mut machine = Machine::new(options, now);
        // Calls under way; those of the present half-open time, and how many probes have succeeded in it.
        let mut calls: Vec<(Ticket, Instant)> = Vec::new();
        let (mut during, mut probing, mut succeeded) = (0, Vec::new(), 0);
        for (step, which, pass) in steps {
            match step {
                0..=3 => {
                    let ticket = machine.admit(now);
                    if machine.changes != during {
                        (during, probing, succeeded) = (machine.changes, Vec::new(), 0);
                    }
                    probing.retain(|(_, since)| now - *since < limit);
                    let wanted = match machine.state() {
                        BreakerState::Closed => true,
                        BreakerState::HalfOpen => probing.len() + succeeded < probes as usize,
                        _ => false,
                    };
                    prop_assert_eq!(ticket.is_some(), wanted, "{:?}", machine);
                    if let Some(ticket) = ticket {
                        calls.push((ticket, now));
                        probing.push((ticket, now));
                    }
                }
                4..=6 if !calls.is_empty() => {
                    let (ticket, since) = calls.swap_remove(which.index(calls.len()));
                    let all = [Ended::Succeeded, Ended::Failed, Ended::Cancelled];
                    let ended = all[usize::from(step - 4)];
                    let counts = probing.contains(&(ticket, since)) && now - since < limit;
                    probing.retain(|probe| *probe != (ticket, since));
                    machine.settle(ticket, ended, now);
                    succeeded += usize::from(counts && ended == Ended::Succeeded);
                }
                7 => now += Duration::from_millis(pass),
                8 => machine.down("said".into(), now),
                9 => machine.up(now),
                _ => {}
            }
            if machine.changes != during {
                (during, probing, succeeded) = (machine.changes, Vec::new(), 0);
            }
        }
    }
}
