use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::attempts::{Attempts, GiveUp};
use super::budget::Budget;
use super::{Retry, RetryBudget, RetryOptions};
use crate::{Fault, ResilienceError};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_storm_is_stopped_by_the_budget() {
    let budget = RetryBudget::new(0.2, 0.0, MINUTE);
    let options = RetryOptions { attempts: 5, ..RetryOptions::default() };
    let retry = Retry::new("stock", options).budget(budget).idempotent();
    let mut attempts = 0;
    for _ in 0..100 {
        let result = retry.run(|| {
            attempts += 1;
            async { Err::<(), _>("down") }
        });
        assert!(matches!(result.await, Err(ResilienceError::Failed("down"))));
    }
    assert_eq!(attempts, 120, "a fifth more, not four times as many");
}

#[test]
fn only_what_is_safe_is_tried_again() {
    let now = Instant::now();
    let next = |idempotent, fault, until, budget: bool| {
        let mut attempts = Attempts::new(&RetryOptions::default(), idempotent, until);
        attempts.next(fault, now, || budget).map(|_| ())
    };
    assert_eq!(next(false, Fault::NotDone, None, true), Ok(()));
    assert_eq!(next(false, Fault::Unknown, None, true), Err(GiveUp::Unsafe));
    assert_eq!(next(true, Fault::Unknown, None, true), Ok(()));
    assert_eq!(next(true, Fault::Answer, None, true), Err(GiveUp::Answered));
    assert_eq!(next(true, Fault::Unknown, None, false), Err(GiveUp::Budget));
    // The error of now is worth more than that of a deadline that would end the pause.
    let soon = Some(now + Duration::from_millis(20));
    assert_eq!(next(true, Fault::Unknown, soon, true), Err(GiveUp::Deadline));
}

proptest! {
    #[test]
    fn pauses_grow_within_their_bounds(
        attempts in 1u32..12,
        first_pause in (1u64..500).prop_map(Duration::from_millis),
        longest_pause in (1u64..5000).prop_map(Duration::from_millis),
    ) {
        let options = RetryOptions { attempts, first_pause, longest_pause };
        let (now, mut whole) = (Instant::now(), first_pause);
        let mut plan = Attempts::new(&options, true, None);
        for _ in 1..attempts {
            let pause = plan.next(Fault::Unknown, now, || true).expect("an attempt is left");
            // backon computes in f32.
            let bounds = whole.mul_f64(0.499)..=whole.mul_f64(1.001);
            prop_assert!(bounds.contains(&pause), "{:?} of {:?}", pause, whole);
            whole = (whole * 2).min(longest_pause.max(first_pause));
        }
        prop_assert_eq!(plan.next(Fault::Unknown, now, || true), Err(GiveUp::Attempts));
    }

    #[test]
    fn retries_stay_below_their_part_of_the_calls(
        steps in prop::collection::vec((any::<bool>(), 0u64..50), 1..400),
    ) {
        let (window, start) = (Duration::from_secs(1), Instant::now());
        let (mut now, mut budget) = (start, Budget::new(0.5, 3.0, window, start));
        let (mut calls, mut retries) = (Vec::new(), Vec::new());
        for (call, pass) in steps {
            now += Duration::from_millis(pass);
            if call {
                budget.call(now);
                calls.push(now);
            } else if budget.retry(now) {
                retries.push(now);
                // What the window surely covers, against what it covers at the most.
                let lately = |at: &&Instant, part: f64| now - **at < window.mul_f64(part);
                let counted = retries.iter().filter(|at| lately(at, 0.9)).count() as f64;
                let called = calls.iter().filter(|at| lately(at, 1.0)).count() as f64;
                prop_assert!(counted <= 0.5 * called + 3.0, "{} retries of {} calls", counted, called);
            }
        }
    }
}
