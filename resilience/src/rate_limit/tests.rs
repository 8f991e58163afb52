use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::RateLimit;
use super::bucket::Bucket;

proptest! {
    #[test]
    fn no_window_sees_more_calls_than_allowed(
        calls in 1usize..6,
        steps in prop::collection::vec((0u64..40, 0u64..300, 0usize..4), 1..120),
    ) {
        let period = Duration::from_millis(100);
        let (start, mut bucket) = (Instant::now(), Bucket::new(calls, period));
        let (mut now, mut granted) = (start, Vec::new());
        for (pass, patience, leave) in steps {
            now += Duration::from_millis(pass);
            match bucket.take(now, Duration::from_millis(patience)) {
                Ok(free) => granted.push(free),
                Err(free_in) => prop_assert!(free_in > Duration::from_millis(patience)),
            }
            // Every fourth time somebody who still waits goes.
            if leave == 0 && let Some(at) = granted.iter().position(|free| *free > now) {
                bucket.give_back(granted.remove(at));
            }
        }
        granted.sort();
        for window in granted.windows(calls + 1) {
            prop_assert!(window[calls] - window[0] >= period, "{:?}", granted);
        }
    }

    #[test]
    fn nobody_waits_while_a_token_is_there(calls in 1usize..6, after in 0u64..400) {
        let (start, mut bucket) = (Instant::now(), Bucket::new(calls, Duration::from_millis(100)));
        for _ in 0..calls {
            prop_assert_eq!(bucket.take(start, Duration::ZERO), Ok(start));
        }
        let later = start + Duration::from_millis(after);
        prop_assert_eq!(bucket.take(later, Duration::ZERO).is_ok(), after >= 100);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_leaves_its_turn_to_the_next() {
    let limit = RateLimit::new("geocoder", 1, Duration::from_secs(1));
    limit.take().await.unwrap();
    let gone = tokio::time::timeout(Duration::from_millis(10), limit.take()).await;
    assert!(gone.is_err(), "it would have waited");
    let start = Instant::now();
    limit.take().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}
