//! A batch that fails is taken apart: what stands before the event that fails is written, and the
//! event's key is parked, or the consumer stands still at it.

use annals_core::{Position, RecordedEvent};
use tokio::time::Instant;

use super::concerned::under_which;
use super::transactional::Transactional;
use crate::consume::OnFailure;
use crate::error::ConsumeError;

impl Transactional {
    /// Takes in the events up to `end`, which have failed together, in ever smaller portions: as far
    /// as they go, and at last one by one. `Ok` means that all of them are dealt with, or that it is
    /// time to stop.
    pub(super) async fn recover(
        &mut self,
        error: ConsumeError,
        end: Position,
    ) -> Result<(), ConsumeError> {
        if !error.blames_the_event() {
            return Err(error);
        }
        let mut portion = self.worker.context.options.page_events.div_ceil(2).max(1);
        while self.worker.committed < end && !self.worker.stop.is_set() {
            self.forget().await;
            let mut page = self.worker.feed.portion(self.worker.committed, end, portion).await?;
            page.check_after(self.worker.committed)?;
            // One that is delivered twice over is one, and can be taken apart no further.
            page.events.dedup_by_key(|event| event.position);
            let (events, first) = (page.events.len(), page.events.first().cloned());
            let result = self.take_portion(page).await;
            match (result, first) {
                (Ok(()), _) => {}
                (Err(error), Some(event)) if events == 1 && error.blames_the_event() => {
                    match self.worker.consumer.concerns.clone() {
                        Some(concerns) => self.key_by_key(&concerns, &event).await?,
                        None => self.failed(&event, None, error).await?,
                    }
                }
                (Err(error), Some(_)) if error.blames_the_event() => portion = events.div_ceil(2),
                (Err(error), _) => return Err(error),
            }
        }
        // What the feed has handed out beyond `end` is not there: it begins again behind this.
        self.forget().await;
        Ok(())
    }

    async fn take_portion(
        &mut self,
        page: annals_core::store::LogPage,
    ) -> Result<(), ConsumeError> {
        self.take(page).await?;
        self.commit().await
    }

    /// An event has failed by itself, or under one of the keys that it concerns: tries it again for a moment,
    /// then parks the key. The checkpoint moves past it, unless it is to be dealt with under other keys.
    pub(super) async fn failed(
        &mut self,
        event: &RecordedEvent,
        under: Option<&str>,
        mut error: ConsumeError,
    ) -> Result<(), ConsumeError> {
        let consumer = &self.worker.consumer;
        let stops = match consumer.on_failure {
            OnFailure::Stop => true,
            OnFailure::Park => {
                let key = under.unwrap_or(consumer.key.of(event));
                !consumer.handler.parks(&self.worker.id, key).await?
            }
            OnFailure::Skip => false,
        };
        if stops {
            self.forget().await;
            return Err(self.worker.explain(event, error));
        }
        let deadline = Instant::now() + self.worker.context.options.retry_in_place;
        let mut pauses = self.worker.context.pauses();
        let mut attempts = 1;
        while matches!(error, ConsumeError::Retry(_)) && Instant::now() < deadline {
            let pause = pauses.next_pause().min(deadline - Instant::now());
            if self.worker.stop.within(pause).await {
                return Err(ConsumeError::Interrupted);
            }
            self.forget().await;
            let again = match under {
                Some(key) => self.take_key(event, key).await,
                None => {
                    let before = self.worker.committed;
                    let page = self.worker.feed.portion(before, event.position, 1).await?;
                    self.take_portion(page).await
                }
            };
            match again {
                Ok(()) => return Ok(()),
                Err(again) if again.blames_the_event() => error = again,
                Err(other) => return Err(other),
            }
            attempts += 1;
            metrics::counter!("annals_consumer_retries_total", "consumer" => self.worker.id.consumer.clone())
                .increment(1);
        }
        self.forget().await;
        // It has had its effect as far as its sender goes: should it come once more, it must not wait twice.
        if let Some(inbox) = &mut self.worker.inbox {
            inbox.take(event);
        }
        let error = self.worker.explain(event, error);
        let (key, to) = match under {
            Some(key) => (under_which(key, &error), self.worker.committed),
            None => (self.worker.key(event).to_owned(), event.position),
        };
        self.worker.park((event, key), (&error, attempts), to).await?;
        self.taken = self.worker.committed;
        Ok(())
    }
}
