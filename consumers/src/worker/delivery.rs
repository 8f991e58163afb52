//! One delivery: some events of one key, with what is tried when they fail.

use annals_core::RecordedEvent;
use tokio::time::Instant;

use super::panicked;
use crate::caught::caught;
use crate::context::Context;
use crate::deliver::Deliver;
use crate::error::ConsumeError;
use crate::stop::Stop;

/// What came of a delivery.
pub(super) struct Delivered {
    /// How many of the events are done, from the first.
    pub(super) done: usize,
    /// What is wrong with the one behind them.
    pub(super) result: Result<(), ConsumeError>,
    /// How often that one was tried.
    pub(super) attempts: u32,
}

/// Delivers events, all at once; if they fail, one by one, up to the one at fault.
pub(super) async fn deliver(
    target: &dyn Deliver,
    events: &[RecordedEvent],
    context: &Context,
    stop: &Stop,
    stands_still: bool,
) -> Delivered {
    if events.len() > 1 {
        match caught(target.deliver(events), panicked).await {
            Ok(()) => return Delivered { done: events.len(), result: Ok(()), attempts: 1 },
            Err(error) if error.blames_the_event() => {}
            Err(error) => return Delivered { done: 0, result: Err(error), attempts: 0 },
        }
    }
    for (done, event) in events.iter().enumerate() {
        if done > 0 && stop.is_set() {
            return Delivered { done, result: Err(ConsumeError::Interrupted), attempts: 0 };
        }
        let (result, attempts) = deliver_one(target, event, context, stop, stands_still).await;
        if result.is_err() {
            return Delivered { done, result, attempts };
        }
    }
    Delivered { done: events.len(), result: Ok(()), attempts: 1 }
}

/// Delivers an event, and tries again for a moment. What is down is waited for without counting.
async fn deliver_one(
    target: &dyn Deliver,
    event: &RecordedEvent,
    context: &Context,
    stop: &Stop,
    stands_still: bool,
) -> (Result<(), ConsumeError>, u32) {
    let mut pauses = context.pauses();
    let deadline = Instant::now() + context.options.retry_in_place;
    let mut attempts = 0;
    loop {
        let delivered = target.deliver(std::slice::from_ref(event));
        let error = match caught(delivered, panicked).await {
            Ok(()) => return (Ok(()), attempts + 1),
            Err(error) => error,
        };
        match error {
            ConsumeError::Retry(_) if !stands_still && Instant::now() < deadline => attempts += 1,
            ConsumeError::Blocked { .. } => return (Err(error), attempts),
            _ => return (Err(error), attempts + 1),
        }
        if stop.within(pauses.next_pause()).await {
            return (Err(ConsumeError::Interrupted), attempts);
        }
    }
}
