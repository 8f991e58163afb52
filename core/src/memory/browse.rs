//! Looking through a store in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::envelope::{EventId, RecordedEvent};
use crate::store::{Browse, StoreError, StreamSummary, StreamsQuery};

#[async_trait]
impl Browse for MemoryStore {
    async fn streams(&self, query: &StreamsQuery) -> Result<Vec<StreamSummary>, StoreError> {
        let state = self.lock().await?;
        let (low, high) = query.bounds();
        let wanted = |name: &str| name > low.as_str() && name < high.as_str();
        let mut streams: Vec<_> =
            state.streams.iter().filter(|(stream, _)| wanted(stream.as_str())).collect();
        streams.sort_by_key(|(stream, _)| stream.as_str());
        let last = streams.iter().filter_map(|(_, positions)| positions.last());
        let summary = |event: &RecordedEvent| StreamSummary {
            stream: event.stream.clone(),
            version: event.version,
            position: event.position,
            recorded_at: event.recorded_at,
        };
        Ok(last.take(query.limit).map(|position| summary(state.event(*position))).collect())
    }

    async fn event(&self, id: EventId) -> Result<Option<RecordedEvent>, StoreError> {
        let state = self.lock().await?;
        Ok(state.ids.get(&id).map(|position| state.event(*position).clone()))
    }
}
