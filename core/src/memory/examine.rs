//! There is not much to look at beneath a store in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::store::{Examination, Examine, Finding, StoreError};

#[async_trait]
impl Examine for MemoryStore {
    async fn examine(&self, _: &Examination) -> Result<Vec<Finding>, StoreError> {
        let state = self.lock().await?;
        let (events, streams) = (state.events.len(), state.streams.len());
        let size = Finding::ok("size", format!("{events} events in {streams} streams, in memory"));
        Ok(vec![size.fact("events", events).fact("streams", streams)])
    }
}
