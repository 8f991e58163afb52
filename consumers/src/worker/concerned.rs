//! Events that concern keys which are none of their own: each partition looks at all of them, and deals with
//! its own keys.

use std::sync::Arc;

use annals_core::{RecordedEvent, Slice};

use super::transactional::Transactional;
use super::{Rows, Worker, panicked};
use crate::caught::caught;
use crate::concerns::{Concerned, Concerns};
use crate::error::ConsumeError;
use crate::records::{ParkedItem, Record};

impl Worker {
    /// Those of the keys that an event concerns which are this partition's. When they cannot be said, the
    /// event's stream stands for them, and whoever has its slice deals with it.
    async fn own_keys(&self, concerns: &Arc<dyn Concerns>, event: &RecordedEvent) -> Vec<String> {
        let slices = self.partition.slices();
        let stream = whole(event);
        let owns_stream = slices.contains(&event.stream.slice().get());
        // What comes behind an event that concerns nobody knows whom waits as well.
        if owns_stream && self.parked.holds(&stream) {
            return vec![stream];
        }
        match caught(async { concerns.keys(event) }, panicked).await {
            Ok(mut keys) => {
                keys.retain(|key| slices.contains(&Slice::of(key).get()));
                keys
            }
            Err(_) if owns_stream => vec![stream],
            Err(_) => Vec::new(),
        }
    }
}

impl Transactional {
    /// Takes events in under those keys that are this partition's and not parked. Returns how many of the
    /// events concern it.
    pub(super) async fn take_concerned(
        &mut self,
        concerns: &Arc<dyn Concerns>,
        events: Vec<RecordedEvent>,
    ) -> Result<(), ConsumeError> {
        let mut given = Vec::new();
        for event in events {
            let mut keys = self.worker.own_keys(concerns, &event).await;
            keys.iter().for_each(|key| self.worker.parked.see(key));
            keys.retain(|key| {
                let parked = self.worker.parked.holds(key);
                if parked {
                    self.aside.push(self.worker.item(key, &event));
                }
                !parked
            });
            if !keys.is_empty() {
                self.counts.taken_in += 1;
                self.bytes += event.payload.as_str().len();
                given.push(Concerned { event, keys });
            }
        }
        match given.is_empty() {
            true => Ok(()),
            false => self.give_concerned(given).await,
        }
    }

    async fn give_concerned(&mut self, given: Vec<Concerned>) -> Result<(), ConsumeError> {
        self.span.takes(&self.worker, given.iter().map(|one| &one.event));
        let mut target = self.target.lock().await;
        let taken = caught(target.take_for(given), panicked).await;
        taken.inspect_err(|_| self.span.failed())
    }

    /// Deals with an event that has failed by itself under one key after the other, and parks those under
    /// which it fails.
    pub(super) async fn key_by_key(
        &mut self,
        concerns: &Arc<dyn Concerns>,
        event: &RecordedEvent,
    ) -> Result<(), ConsumeError> {
        self.forget().await;
        let mut waiting = Vec::new();
        for key in self.worker.own_keys(concerns, event).await {
            if self.worker.stop.is_set() {
                return Err(ConsumeError::Interrupted);
            }
            if self.worker.parked.holds(&key) {
                waiting.push(self.worker.item(&key, event).row());
                continue;
            }
            match self.take_key(event, &key).await {
                Ok(()) => {}
                Err(error) if error.blames_the_event() => {
                    self.failed(event, Some(&key), error).await?;
                }
                Err(error) => return Err(error),
            }
        }
        self.worker.write(event.position, Rows::Put(ParkedItem::table(), waiting)).await?;
        self.worker.moved(event.position);
        self.taken = self.worker.committed;
        Ok(())
    }

    /// Deals with an event under one key, and leaves the checkpoint where it is. Should that be told twice,
    /// because the program ends before the checkpoint moves, the target tells.
    pub(super) async fn take_key(
        &mut self,
        event: &RecordedEvent,
        key: &str,
    ) -> Result<(), ConsumeError> {
        self.forget().await;
        self.redo_concerned(event, key).await?;
        self.commit_once(self.worker.committed, Vec::new()).await
    }

    /// Takes an event in under a key, or when the key stands for its stream, under all that it concerns.
    pub(super) async fn redo_concerned(
        &mut self,
        event: &RecordedEvent,
        key: &str,
    ) -> Result<(), ConsumeError> {
        let mut keys = vec![key.strip_suffix(STRAY).unwrap_or(key).to_owned()];
        if let Some(concerns) = self.worker.consumer.concerns.clone()
            && key == whole(event)
            && let Ok(all) = caught(async { concerns.keys(event) }, panicked).await
        {
            keys = all;
        }
        self.give_concerned(vec![Concerned { event: event.clone(), keys }]).await
    }
}

impl Worker {
    /// The slice of a key under which an event is dealt with.
    pub(super) fn slice_of_concerned(event: &RecordedEvent, key: &str) -> u16 {
        match key == whole(event) {
            true => event.stream.slice().get(),
            false => Slice::of(key.strip_suffix(STRAY).unwrap_or(key)).get(),
        }
    }
}

/// What stands behind a key for those that nobody under it waits for.
const STRAY: &str = " (strays)";

/// The key under which an event waits that has failed under another. What nobody waits for must not hold up
/// what comes behind it.
pub(super) fn under_which(key: &str, error: &ConsumeError) -> String {
    match error {
        ConsumeError::Stray(_) => format!("{key}{STRAY}"),
        _ => key.to_owned(),
    }
}

/// Whether what waits under a key holds nothing up.
pub(super) fn is_stray(key: &str) -> bool {
    key.ends_with(STRAY)
}

/// The key under which an event waits of which it cannot be said whom it concerns.
fn whole(event: &RecordedEvent) -> String {
    format!("stream {}", event.stream)
}
