//! When a state is kept, and in which shape.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::payload::Payload;

/// Keeps the state every so many events. A kept state whose version differs is ignored and
/// replaced, so the shape of the state may change freely.
#[derive(Debug)]
pub struct SnapshotPolicy<A> {
    /// After how many events a new snapshot is due, at least 1.
    pub every: u64,
    /// The version of the state's own shape: raise it when the shape changes.
    pub version: u32,
    /// Writes a state.
    pub encode: fn(&A) -> Result<Payload, serde_json::Error>,
    /// Reads a state.
    pub decode: fn(&Payload) -> Result<A, serde_json::Error>,
}

impl<A: Serialize + DeserializeOwned> SnapshotPolicy<A> {
    /// A snapshot every `events` events.
    pub fn every(events: u64, version: u32) -> Self {
        Self {
            every: events.max(1),
            version,
            encode: |state| Payload::encode(state),
            decode: |payload| payload.decode(),
        }
    }
}
