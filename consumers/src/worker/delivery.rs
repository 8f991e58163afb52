//! One delivery: some events of one key, with what is tried when they fail.

use std::sync::Arc;

use annals_core::RecordedEvent;
use tokio::time::Instant;
use tracing::Instrument;

use super::panicked;
use super::span::of_delivery;
use crate::caught::caught;
use crate::context::Context;
use crate::deliver::Deliver;
use crate::error::ConsumeError;
use crate::inflow::unreadable;
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

/// What it takes to deliver events.
pub(super) struct Delivery {
    pub(super) consumer: Arc<str>,
    pub(super) target: Arc<dyn Deliver>,
    pub(super) context: Arc<Context>,
    pub(super) stop: Stop,
    /// Whether the consumer stands still at an event that fails.
    pub(super) stands_still: bool,
}

impl Delivery {
    /// Delivers events, all at once; if they fail, one by one, up to the one at fault.
    pub(super) async fn of(self, events: &[RecordedEvent]) -> Delivered {
        if events.len() > 1 {
            match deliver(&*self.target, events, &self.consumer).await {
                Ok(()) => return Delivered { done: events.len(), result: Ok(()), attempts: 1 },
                Err(error) if error.blames_the_event() => {}
                Err(error) => return Delivered { done: 0, result: Err(error), attempts: 0 },
            }
        }
        for (done, event) in events.iter().enumerate() {
            if done > 0 && self.stop.is_set() {
                return Delivered { done, result: Err(ConsumeError::Interrupted), attempts: 0 };
            }
            let (result, attempts) = self.of_one(event).await;
            if result.is_err() {
                return Delivered { done, result, attempts };
            }
        }
        Delivered { done: events.len(), result: Ok(()), attempts: 1 }
    }

    /// Delivers an event, and tries again for a moment. What is down is waited for without counting.
    async fn of_one(&self, event: &RecordedEvent) -> (Result<(), ConsumeError>, u32) {
        // Made when it is needed: nearly every delivery is done at once.
        let mut pauses = None;
        let deadline = Instant::now() + self.context.options.retry_in_place;
        let mut attempts = 0;
        loop {
            let delivered = deliver(&*self.target, std::slice::from_ref(event), &self.consumer);
            let error = match delivered.await {
                Ok(()) => return (Ok(()), attempts + 1),
                Err(error) => error,
            };
            let again = !self.stands_still && Instant::now() < deadline;
            match error {
                ConsumeError::Retry(_) if again => attempts += 1,
                ConsumeError::Blocked { .. } => return (Err(error), attempts),
                _ => return (Err(error), attempts + 1),
            }
            let pause = pauses.get_or_insert_with(|| self.context.pauses()).next_pause();
            if self.stop.within(pause).await {
                return (Err(ConsumeError::Interrupted), attempts);
            }
            let counter = "annals_consumer_retries_total";
            metrics::counter!(counter, "consumer" => self.consumer.to_string()).increment(1);
        }
    }
}

/// Gives events of one key to a target, in a span of their own.
pub(super) async fn deliver(
    target: &dyn Deliver,
    events: &[RecordedEvent],
    consumer: &str,
) -> Result<(), ConsumeError> {
    if let Some(error) = events.iter().find_map(unreadable) {
        return Err(error);
    }
    let span = of_delivery(consumer, events);
    let result = caught(target.deliver(events), panicked).instrument(span.clone()).await;
    if result.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    result
}
