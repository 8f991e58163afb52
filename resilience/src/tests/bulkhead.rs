//! No place is lost, whatever is dropped and when.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use crate::{Bulkhead, Place, Refused};

type Entering = Pin<Box<dyn Future<Output = Result<Place, Refused>>>>;

/// Where a call is. One that was never polled has asked for nothing.
enum Call {
    New(Entering),
    Queued(Entering),
    Inside { _place: Place },
}

proptest! {
    #[test]
    fn no_place_is_lost(
        running in 1usize..4,
        waiting in 0usize..4,
        steps in prop::collection::vec((0u8..3, any::<prop::sample::Index>()), 1..200),
    ) {
        let bulkhead = Bulkhead::new("reports", running, waiting);
        let mut calls: Vec<Call> = Vec::new();
        for (step, which) in steps {
            match step {
                0 => {
                    let bulkhead = bulkhead.clone();
                    calls.push(Call::New(Box::pin(async move { bulkhead.enter().await })));
                }
                _ if calls.is_empty() => {}
                1 => drop(calls.swap_remove(which.index(calls.len()))),
                _ => {
                    let call = calls.swap_remove(which.index(calls.len()));
                    let (mut entering, new) = match call {
                        Call::New(entering) => (entering, true),
                        Call::Queued(entering) => (entering, false),
                        inside @ Call::Inside { .. } => {
                            calls.push(inside);
                            continue;
                        }
                    };
                    let holding = calls.iter().filter(|call| !matches!(call, Call::New(_))).count();
                    match entering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                        Poll::Ready(Ok(place)) => calls.push(Call::Inside { _place: place }),
                        Poll::Pending => calls.push(Call::Queued(entering)),
                        Poll::Ready(Err(_)) => {
                            prop_assert!(new, "nobody is sent away who has waited");
                            prop_assert_eq!(holding, running + waiting, "only a full house refuses");
                        }
                    }
                }
            }
            let inside = calls.iter().filter(|call| matches!(call, Call::Inside { .. })).count();
            let queued = calls.iter().filter(|call| matches!(call, Call::Queued(_))).count();
            prop_assert!(inside <= running && inside + queued <= running + waiting);
            let (running, waiting) = bulkhead.occupied();
            prop_assert_eq!(running + waiting, inside + queued);
        }
        drop(calls);
        prop_assert_eq!(bulkhead.occupied(), (0, 0));
    }
}
