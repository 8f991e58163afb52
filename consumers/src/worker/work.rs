//! What both kinds of work do alike: go on after whatever has stopped them, until there is nothing more
//! to do.

use std::time::Duration;

use annals_core::RecordedEvent;

use super::{Left, Worker, stands_still};
use crate::error::ConsumeError;
use crate::feed::Feed;
use crate::records::ParkedItem;

/// How long a broker is given to hear what is done, before a partition is given back.
const GOODBYE: Duration = Duration::from_secs(2);

/// One of the two kinds of work on a partition.
pub(super) trait Work: Send {
    fn worker(&mut self) -> &mut Worker;

    /// Works until something stops it. `again` when something has, and nothing is known any more but what
    /// the store says.
    fn go_on(&mut self, again: bool) -> impl Future<Output = Result<Left, ConsumeError>> + Send;

    /// Whether the partition is still this worker's, although its checkpoint was moved by others.
    fn keeps(&mut self) -> impl Future<Output = bool> + Send;

    /// Deals once more with an event that waited behind its key, and then lets go of its entry. Returns
    /// what went wrong if that is the event's own fault.
    fn redo(
        &mut self,
        event: &RecordedEvent,
        item: ParkedItem,
    ) -> impl Future<Output = Result<Option<ConsumeError>, ConsumeError>> + Send;
}

/// Works until it is told to stop, or there is nothing more to do.
pub(super) async fn run(mut work: impl Work) -> Left {
    let mut pauses = work.worker().context.pauses();
    let mut again = false;
    let left = loop {
        let before = work.worker().committed;
        let error = match work.go_on(again).await {
            Ok(left) => break left,
            Err(error) => error,
        };
        if work.worker().committed > before {
            pauses.reset();
        }
        if matches!(error, ConsumeError::Lost(_)) && work.keeps().await {
            continue;
        }
        let worker = work.worker();
        match error {
            ConsumeError::Lost(_) => break Left::Lost,
            ConsumeError::Interrupted if worker.stop.is_set() => break Left::Stopped,
            ConsumeError::Stop(_) => break Left::Refused(error),
            error => worker.doing(stands_still(&error)),
        }
        let counter = "annals_consumer_failures_total";
        metrics::counter!(counter, "consumer" => worker.id.consumer.clone()).increment(1);
        worker.live = false;
        if worker.stop.within(pauses.next_pause()).await {
            break Left::Stopped;
        }
        again = true;
    };
    if let Feed::Messages(feed) = &mut work.worker().feed {
        // No longer than a stop may take.
        let _ = tokio::time::timeout(GOODBYE, feed.close()).await;
    }
    work.worker().left(left)
}
