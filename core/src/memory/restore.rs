//! Taking in another store's events in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::envelope::RecordedEvent;
use crate::store::{Restore, Restored, Restoring, StoreError, StoredPlace};

#[async_trait]
impl Restore for MemoryStore {
    async fn restore(&self, events: Vec<RecordedEvent>) -> Result<Restored, StoreError> {
        let restoring = Restoring::check(events)?;
        let mut state = self.lock().await?;
        let ends = (state.head(), state.events.last().map(|last| last.recorded_at));
        let find = |id| {
            let event = state.ids.get(&id).map(|&position| state.event(position));
            Ok(event.map(|event| StoredPlace {
                position: event.position,
                stream: event.stream.clone(),
                version: event.version,
                recorded_at: event.recorded_at,
                event_type: event.event_type.clone(),
                payload: event.payload.clone(),
            }))
        };
        let (placed, restored) = restoring.place(ends, find, |stream| Ok(state.version(stream)))?;
        for place in placed {
            let event = &place.event;
            state.ids.insert(event.id, place.position);
            state.streams.entry(place.stream.clone()).or_default().push(place.position);
            let event =
                event.record(place.stream, place.version, place.position, place.recorded_at);
            state.events.push(event);
        }
        self.wakeups.wake(restored.head);
        Ok(restored)
    }
}
